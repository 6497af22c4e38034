//! What each link of a chain passes on, told link by link: what holds of it, which ceiling it met, where it
//! fails. It reads what is presented and fetches nothing, so it says nothing of signatures and status: the
//! verdict does, and only the verdict counts.

use super::held::Held;
use crate::chain::{self, MAX_KEY_AGENT_LIFE};
use crate::claims::Claims;
use crate::code::Code;
use crate::delegation::scope::Scope;
use crate::refusal::{Path, Refusal};
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use serde_json::{Value, json};
use std::time::Duration;

/// One link, explained.
#[derive(Debug, Clone)]
pub struct Explained {
    /// Its credential id.
    pub id: String,
    /// Who delegated.
    pub issuer: Did,
    /// To whom.
    pub subject: Did,
    /// What it names.
    pub capabilities: Scope,
    /// What its subject may have at most, where its identity credential is presented and says.
    pub ceiling: Option<Scope>,
    /// What is left after it: what every link up to it and every ceiling on the way allow.
    pub left: Scope,
    /// What holds of it, and what does not.
    pub findings: Vec<Finding>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What should hold.
    pub rule: &'static str,
    /// Why it does not, where it does not.
    pub refusal: Option<Refusal>,
}

/// Explains each link of what is held, as of `now`, give or take `skew`.
#[must_use]
pub fn explain(held: &Held, now: UnixSeconds, skew: Duration) -> Vec<Explained> {
    let mut left: Option<Scope> = None;
    let links = held.links().iter().enumerate().map(|(at, link)| {
        let subject = held.identity(&link.delegation.id).map(|identity| &identity.credential().claims);
        let ceiling = match subject {
            Some(Claims::Agent(agent)) => Some(agent.capabilities.clone()),
            _ => None,
        };
        let named = &link.delegation.capabilities;
        let passed = left.take().map_or_else(|| named.clone(), |before| before.intersection(named));
        let after = ceiling.as_ref().map_or_else(|| passed.clone(), |ceiling| passed.intersection(ceiling));
        left = Some(after.clone());
        Explained {
            id: link.credential.id.clone(),
            issuer: link.credential.issuer.clone(),
            subject: link.delegation.id.clone(),
            capabilities: named.clone(),
            ceiling: ceiling.clone(),
            left: after,
            findings: findings(held, at, ceiling.as_ref(), (now, skew)),
        }
    });
    links.collect()
}

fn findings(
    held: &Held,
    at: usize,
    ceiling: Option<&Scope>,
    (now, skew): (UnixSeconds, Duration),
) -> Vec<Finding> {
    let Some(link) = held.links().get(at) else { return Vec::new() };
    let before = at.checked_sub(1).and_then(|before| held.links().get(before));
    let path = Path::link(at);
    let credential = &link.credential;
    let refuse = |holds: bool, code, member, detail| {
        (!holds).then(|| Refusal::new(code, path.clone().then(member), detail))
    };
    let is_key_agent = at > 0 && at + 1 == held.links().len() && link.delegation.id.method() == "key";
    let life = credential.valid_until.since(credential.valid_from);
    let within = ceiling.and_then(|ceiling| chain::within_ceiling(link, ceiling).err());
    let after = held.links().len().saturating_sub(at + 1);
    let joint = match before {
        Some(before) => chain::check_joint(before, link, at).err(),
        None => refuse(
            link.delegation.principal == credential.issuer && link.delegation.parent.is_none(),
            Code::PrincipalMismatch,
            "principal",
            "the principal did not issue the first link, or it continues one that is not presented",
        ),
    };
    let widened = before.and_then(|before| chain::may_follow(before, link).err());
    vec![
        Finding { rule: "it continues the link before, for one principal", refusal: joint },
        Finding { rule: "it only narrows what it was given", refusal: widened.map(|widened| widened.at(at)) },
        Finding {
            rule: "no more links follow than it allows",
            refusal: refuse(
                link.delegation.constraints.max_depth.is_none_or(|depth| after <= usize::from(depth)),
                Code::DelegationWidened,
                "maxDepth",
                "more links follow than it allows",
            ),
        },
        Finding {
            rule: "its subject's identity is presented, unless it is a did:key that ends the chain",
            refusal: refuse(
                is_key_agent && life <= MAX_KEY_AGENT_LIFE || held.identity(&link.delegation.id).is_some(),
                Code::IdentityMissing,
                "id",
                "its identity credential is not presented",
            ),
        },
        Finding {
            rule: "it is within the ceiling of its subject",
            refusal: within.map(|widened| widened.at(at)),
        },
        Finding {
            rule: "it has begun",
            refusal: refuse(
                credential.valid_from <= now.plus(skew),
                Code::CredentialNotYetValid,
                "validFrom",
                "not valid yet",
            ),
        },
        Finding {
            rule: "it has not ended",
            refusal: refuse(
                credential.valid_until > now.minus(skew),
                Code::CredentialExpired,
                "validUntil",
                "no longer valid",
            ),
        },
    ]
}

impl Finding {
    /// The finding as one JSON object; what does not hold says what would mend it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut json = json!({"rule": self.rule, "holds": self.refusal.is_none()});
        if let (Some(refusal), Some(members)) = (&self.refusal, json.as_object_mut()) {
            members.insert("code".to_owned(), json!(refusal.code.as_str()));
            members.insert("path".to_owned(), refusal.path.to_json());
            members.insert("detail".to_owned(), json!(refusal.detail));
            members.insert("mend".to_owned(), json!(refusal.code.action()));
        }
        json
    }
}

impl Explained {
    /// The link as one JSON object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "issuer": self.issuer.as_str(),
            "subject": self.subject.as_str(),
            "capabilities": self.capabilities.to_json(),
            "ceiling": self.ceiling.as_ref().map(Scope::to_json),
            "left": self.left.to_json(),
            "findings": self.findings.iter().map(Finding::to_json).collect::<Value>(),
        })
    }
}
