//! The next link of a chain, planned and checked before anything is signed (MODEL.md, "Delegation",
//! rules 1, 3 and 4): a delegator never signs what widens.

use crate::failure::{Failure, Local};
use crate::mandate::Mandate;
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use std::collections::BTreeSet;
use std::time::Duration;
use vc_schemas::chain::{self, Link};
use vc_schemas::claims::{Claims, Delegation, Parent, StatusPair};
use vc_schemas::code::Code;
use vc_schemas::credential::{Credential, DELEGATION_LIFE};
use vc_schemas::delegation::budget::Budget;
use vc_schemas::delegation::constraints::{Constraints, Workflow};
use vc_schemas::delegation::limits::{ArgumentLimits, Limit};
use vc_schemas::delegation::scope::{Capability, Scope};
use vc_schemas::refusal::{Path, Refusal};
use vc_schemas::status::{Purpose, StatusEntry};

/// What is to be passed on. What is not said is as the link before has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// What.
    pub capabilities: Scope,
    /// For how long; `None`: [`DELEGATION_LIFE`], and not longer than the link before.
    pub life: Option<Duration>,
    /// How many links may follow; `None`: one fewer than the link before has, or any number.
    pub max_depth: Option<u8>,
    /// At which verifiers.
    pub audience: Option<BTreeSet<String>>,
    /// For which resources.
    pub resource: Option<BTreeSet<String>>,
    /// For which purpose.
    pub purpose: Option<String>,
    /// Within which workflow.
    pub workflow: Option<Workflow>,
    /// Limits of arguments, beside those that the link before has.
    pub arguments: Vec<(Capability, String, Limit)>,
    /// How much may be spent.
    pub budget: Option<Budget>,
    /// What the subject may not pass on.
    pub not_delegatable: Scope,
    /// What counts only with an approval, beside what does already.
    pub needs_approval: Scope,
}

/// A link that may be signed, once its status index is reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    delegation: Delegation,
    valid_from: UnixSeconds,
    valid_until: UnixSeconds,
}

/// Plans the link from `from` to `to`: a root link, or the one after the chain of `above`.
///
/// `ceiling` is what the subject may be given at most, where that is known here.
///
/// # Errors
/// The refusal of the chain that would come out; [`Code::DelegationWidened`] (AID-009) above all.
pub fn plan(
    (from, to): (&Did, &Did),
    above: Option<&Mandate>,
    terms: &Terms,
    ceiling: Option<&Scope>,
    now: UnixSeconds,
) -> Result<Planned, Failure> {
    let held = above.map(Mandate::links).unwrap_or_default();
    let parent = held.last();
    let planned = Planned {
        delegation: Delegation {
            id: to.clone(),
            principal: parent.map_or(from, |link| &link.delegation.principal).clone(),
            capabilities: terms.capabilities.clone(),
            constraints: constraints(parent, to, terms)?,
            parent: parent.map(|link| Parent { id: link.credential.id.clone(), digest: link.digest }),
        },
        valid_from: now,
        valid_until: valid_until(parent, terms, now),
    };
    let link = planned.link(from);
    let mut links = held.to_vec();
    links.push(link.clone());
    let at = held.len();
    if planned.valid_until <= now {
        let path = Path::link(at.saturating_sub(1)).then("validUntil");
        return Err(Refusal::new(Code::CredentialExpired, path, "the link before is past its end").into());
    }
    chain::check(&links)?;
    if let Some(ceiling) = ceiling {
        chain::within_ceiling(&link, ceiling).map_err(|widened| widened.at(at))?;
    }
    Ok(planned)
}

impl Planned {
    /// The credential to sign.
    #[must_use]
    pub fn credential(self, id: String, issuer: Did, status: StatusPair) -> Credential {
        Credential {
            id,
            issuer,
            valid_from: self.valid_from,
            valid_until: self.valid_until,
            status,
            claims: Claims::Delegation(self.delegation),
        }
    }

    /// Until when it would count.
    #[must_use]
    pub const fn valid_until(&self) -> UnixSeconds {
        self.valid_until
    }

    /// The link as the rules see it. Id, status and digest do not matter to the last of a chain.
    fn link(&self, issuer: &Did) -> Link {
        let entry = |purpose| StatusEntry { purpose, index: 0, list: String::new() };
        let status =
            StatusPair { revocation: entry(Purpose::Revocation), suspension: entry(Purpose::Suspension) };
        Link {
            credential: self.clone().credential(String::new(), issuer.clone(), status),
            delegation: self.delegation.clone(),
            digest: [0; 32],
            size_bytes: 0,
        }
    }
}

fn valid_until(parent: Option<&Link>, terms: &Terms, now: UnixSeconds) -> UnixSeconds {
    match (terms.life, parent) {
        (Some(life), _) => now.plus(life),
        (None, None) => now.plus(DELEGATION_LIFE),
        (None, Some(parent)) => now.plus(DELEGATION_LIFE).min(parent.credential.valid_until),
    }
}

/// Everything that the link before has, restated and tightened by the terms.
fn constraints(parent: Option<&Link>, to: &Did, terms: &Terms) -> Result<Constraints, Failure> {
    let above = parent.map(|link| link.delegation.constraints.clone()).unwrap_or_default();
    let fewer = above.max_depth.map(|depth| depth.saturating_sub(1));
    // A did:key lives for one task and passes nothing on.
    let usual = if to.method() == "key" { Some(0) } else { fewer };
    let restated = above.needs_approval.intersection(&terms.capabilities);
    Ok(Constraints {
        audience: terms.audience.clone().or(above.audience),
        resource: terms.resource.clone().or(above.resource),
        purpose: terms.purpose.clone().or(above.purpose),
        workflow: terms.workflow.clone().or(above.workflow),
        arguments: arguments(above.arguments.within(&terms.capabilities), terms)?,
        budget: terms.budget.clone().or(above.budget),
        max_depth: terms.max_depth.or(usual),
        not_delegatable: union(&above.not_delegatable, &terms.not_delegatable)?,
        needs_approval: union(&restated, &terms.needs_approval)?,
    })
}

fn union(one: &Scope, other: &Scope) -> Result<Scope, Failure> {
    let all = Scope::new(one.iter().chain(other.iter()).cloned());
    all.map_err(|error| Failure::local(Local::Usage, error.to_string(), ""))
}

fn arguments(mut limits: ArgumentLimits, terms: &Terms) -> Result<ArgumentLimits, Failure> {
    for (capability, argument, limit) in &terms.arguments {
        let inserted = limits.insert(capability.clone(), argument.clone(), limit.clone());
        inserted.map_err(|_| Failure::local(Local::Usage, "a limit of an argument cannot be used", ""))?;
    }
    Ok(limits)
}

#[cfg(test)]
mod tests;
