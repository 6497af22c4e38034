//! What a verifier learns from a presentation that holds.

use super::held::Held;
use super::request::{self, Obligation};
use super::status::{Deferred, Standing};
use crate::chain::MAX_LINKS;
use crate::claims::Claims;
use crate::delegation::constraints::Constraints;
use crate::delegation::scope::{Capability, Scope};
use crate::facts::Expect;
use did_resolver::codec::{self, Sha256Digest};
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use serde_json::{Value, json};
use std::time::Duration;

/// A presentation that verified: who acts, for whom, and what it may do.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// On whose behalf.
    pub principal: Did,
    /// Who acts.
    pub holder: Did,
    /// What it may do: what every link of the path and every ceiling on it allows.
    pub capabilities: Scope,
    /// Within which bounds: those of the last link, which restates every one above it.
    pub constraints: Constraints,
    /// The approval that was presented. Where the request names no capability, which use it approves is
    /// for the caller to compare.
    pub approval: Option<ApprovalLine>,
    /// What is left to the caller, who grants nothing without having seen to it.
    pub obligations: Vec<Obligation>,
    /// Until when: the earliest end on the path.
    pub valid_until: UnixSeconds,
    /// Each hop.
    pub links: Vec<LinkLine>,
    /// How old the oldest status list was that this relies on.
    pub status_age: Duration,
    /// What only lists say that are too old to be relied on, where the use is of low assurance: the caller
    /// notes it and looks again.
    pub deferred: Vec<Deferred>,
    /// What was checked, in the order of the rules.
    pub checks: Vec<CheckLine>,
}

/// One hop of the chain.
#[derive(Debug, Clone)]
pub struct LinkLine {
    /// The link's credential id.
    pub id: String,
    /// Who delegated.
    pub issuer: Did,
    /// To whom.
    pub subject: Did,
    /// The name of the subject and the label of its domain, where it is an agent with a credential.
    pub subject_name: Option<(String, String)>,
    /// Which domain vouches for the subject.
    pub vouched_by: Option<Did>,
    /// What.
    pub capabilities: Scope,
    /// Within which bounds: also those of every link above, which this one restates.
    pub constraints: Constraints,
    /// How many links might have followed.
    pub depth_left: usize,
    /// Until when.
    pub valid_until: UnixSeconds,
}

/// An approval of the principal.
#[derive(Debug, Clone)]
pub struct ApprovalLine {
    /// Its credential id.
    pub id: String,
    /// Who approved.
    pub approver: Did,
    /// What, for people to read.
    pub capability: Capability,
    /// SHA-256 of the exact use.
    pub action: Sha256Digest,
    /// Until when.
    pub valid_until: UnixSeconds,
}

/// One check that held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckLine {
    /// The rule of MODEL.md, 1 to 9.
    pub rule: u8,
    /// What held.
    pub text: &'static str,
}

/// What holds of everything that verified.
const CHECKS: [CheckLine; 9] = [
    CheckLine { rule: 1, text: "one to eight links, none twice, no cycle" },
    CheckLine {
        rule: 2,
        text: "every credential is of its type, in its time, and signed by a key that counts",
    },
    CheckLine { rule: 3, text: "every link continues the one before it, for one principal" },
    CheckLine {
        rule: 4,
        text: "no link widens, loosens or outlives what it was given, and none passes a ceiling",
    },
    CheckLine { rule: 5, text: "everybody on the path is vouched for by a recognised domain" },
    CheckLine { rule: 6, text: "an anchor lets the principal's domain root this authority here" },
    CheckLine {
        rule: 7,
        text: "nothing on the path is revoked or suspended, by fresh lists of the right domains",
    },
    CheckLine { rule: 8, text: "the holder signed this verifier's nonce and audience" },
    CheckLine { rule: 9, text: "nothing presented chose its own root, keys, lists, contexts or algorithm" },
];

pub(super) fn of(held: &Held, expect: &Expect, standing: Standing) -> Verdict {
    let links: Vec<LinkLine> = held
        .links()
        .iter()
        .enumerate()
        .map(|(at, link)| {
            let room = MAX_LINKS.saturating_sub(at + 1);
            let depth = link.delegation.constraints.max_depth;
            let identity = held.identity(&link.delegation.id);
            let name = identity.and_then(|identity| match &identity.credential.claims {
                Claims::Agent(agent) => Some((agent.name.clone(), agent.domain.clone())),
                _ => None,
            });
            LinkLine {
                id: link.credential.id.clone(),
                issuer: link.credential.issuer.clone(),
                subject: link.delegation.id.clone(),
                subject_name: name,
                vouched_by: identity.map(|identity| identity.credential.issuer.clone()),
                capabilities: link.delegation.capabilities.clone(),
                constraints: link.delegation.constraints.clone(),
                depth_left: depth.map_or(room, |depth| room.min(usize::from(depth))),
                valid_until: link.credential.valid_until,
            }
        })
        .collect();
    let last = links.last();
    Verdict {
        principal: links.first().map_or_else(|| held.presentation().holder.clone(), |l| l.issuer.clone()),
        holder: held.presentation().holder.clone(),
        capabilities: effective(held),
        constraints: last.map(|l| l.constraints.clone()).unwrap_or_default(),
        approval: held.approval().map(|approved| ApprovalLine {
            id: approved.credential.id.clone(),
            approver: approved.credential.issuer.clone(),
            capability: approved.approval.capability.clone(),
            action: approved.approval.action,
            valid_until: approved.credential.valid_until,
        }),
        obligations: request::obligations(held, expect),
        valid_until: held.credentials().map(|(_, c)| c.valid_until).min().unwrap_or_default(),
        links,
        status_age: standing.age,
        checks: checks(standing.deferred.is_empty()),
        deferred: standing.deferred,
    }
}

/// What held. That nothing is revoked by lists that are fresh does not where one is old.
fn checks(is_fresh: bool) -> Vec<CheckLine> {
    let mut checks = CHECKS.to_vec();
    if let Some(status) = checks.iter_mut().find(|check| check.rule == 7 && !is_fresh) {
        status.text = "nothing on the path is known to be revoked or suspended; some lists of it are old";
    }
    checks
}

/// What every link and every ceiling on the path allows. The rules make it the scope of the last link;
/// here it is computed, so that a verdict never says more than the path does.
fn effective(held: &Held) -> Scope {
    let ceilings = held.identities().iter().filter_map(|identity| match &identity.credential.claims {
        Claims::Agent(agent) => Some(&agent.capabilities),
        _ => None,
    });
    let scopes = held.links().iter().map(|link| &link.delegation.capabilities).chain(ceilings);
    scopes.cloned().reduce(|all, scope| all.intersection(&scope)).unwrap_or_default()
}

impl Verdict {
    /// The verdict as one JSON object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let links = self.links.iter().map(|link| {
            json!({
                "id": link.id,
                "issuer": link.issuer.as_str(),
                "subject": link.subject.as_str(),
                "subjectName": link.subject_name.as_ref().map(|(name, domain)| format!("{name}@{domain}")),
                "vouchedBy": link.vouched_by.as_ref().map(Did::as_str),
                "capabilities": link.capabilities.to_json(),
                "constraints": link.constraints.to_json(),
                "depthLeft": link.depth_left,
                "validUntil": link.valid_until.to_string(),
            })
        });
        let checks = self.checks.iter().map(|check| json!({"rule": check.rule, "holds": check.text}));
        let obligations = self.obligations.iter().map(Obligation::to_json);
        let approval = self.approval.as_ref().map(|approval| {
            json!({
                "id": approval.id,
                "approver": approval.approver.as_str(),
                "capability": approval.capability.as_str(),
                "action": codec::digest_multibase(&approval.action),
                "validUntil": approval.valid_until.to_string(),
            })
        });
        let mut verdict = json!({
            "verified": true,
            "principal": self.principal.as_str(),
            "holder": self.holder.as_str(),
            "capabilities": self.capabilities.to_json(),
            "constraints": self.constraints.to_json(),
            "approval": approval,
            "obligations": obligations.collect::<Value>(),
            "validUntil": self.valid_until.to_string(),
            "chain": links.collect::<Value>(),
            "statusAgeSeconds": self.status_age.as_secs(),
            "checks": checks.collect::<Value>(),
        });
        if let (false, Some(members)) = (self.deferred.is_empty(), verdict.as_object_mut()) {
            members.insert("deferred".to_owned(), self.deferred.iter().map(Deferred::to_json).collect());
        }
        verdict
    }
}
