//! What is asked, against the end of the chain, which is the narrowest; and what is left to the caller.
//!
//! A member that the request names is decided here. One that it does not name, and that the mandate
//! constrains, becomes an [`Obligation`]: the caller sees to it before it grants anything. Limited
//! arguments are the exception: where a capability is asked for, they must be stated.

use super::approval;
use super::held::Held;
use crate::chain::Link;
use crate::code::Code;
use crate::delegation::budget::Amount;
use crate::delegation::constraints::Workflow;
use crate::delegation::limits::ArgumentLimits;
use crate::delegation::scope::Scope;
use crate::facts::{Expect, Request};
use crate::refusal::{Path, Refusal};
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What the caller must see to: the mandate constrains it, and no chain alone can decide it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obligation {
    /// The resource must be one of these.
    Resource(BTreeSet<String>),
    /// The purpose must be this.
    Purpose(String),
    /// The use must belong to this workflow and step.
    Workflow(Workflow),
    /// A use of these capabilities must keep these limits.
    Arguments(ArgumentLimits),
    /// A use of these capabilities needs an approval.
    Approval(Scope),
    /// This approval counts once: the caller claims it, atomically, and grants nothing where it was
    /// claimed before.
    Once {
        /// The approver.
        approver: Did,
        /// The credential id of the approval.
        approval: String,
        /// Until when it can be presented: so long the claim is kept.
        until: UnixSeconds,
    },
    /// The accountant must say that every account has room for the amount, and count it.
    Budget {
        /// Who keeps count.
        accountant: Did,
        /// How much is to be spent, where the request says.
        amount: Option<Amount>,
        /// What it counts against: every link that has a budget.
        accounts: Vec<Account>,
    },
}

/// One budget that a spend counts against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The credential id of the link.
    pub link: String,
    /// How much may be spent under that link in all.
    pub limit: Amount,
}

impl Obligation {
    /// The obligation as one JSON object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Resource(allowed) => json!({"kind": "resource", "oneOf": allowed}),
            Self::Purpose(purpose) => json!({"kind": "purpose", "purpose": purpose}),
            Self::Workflow(workflow) => json!({"kind": "workflow", "workflow": workflow.to_json()}),
            Self::Arguments(limits) => json!({"kind": "arguments", "limits": limits.to_json()}),
            Self::Approval(scope) => json!({"kind": "approval", "capabilities": scope.to_json()}),
            Self::Once { approver, approval, until } => json!({
                "kind": "once", "approver": approver.as_str(), "approval": approval, "until": until.to_string(),
            }),
            Self::Budget { accountant, amount, accounts } => {
                let account =
                    |account: &Account| json!({"link": account.link, "limit": account.limit.to_json()});
                json!({
                    "kind": "budget",
                    "accountant": accountant.as_str(),
                    "amount": amount.as_ref().map(Amount::to_json),
                    "accounts": accounts.iter().map(account).collect::<Value>(),
                })
            }
        }
    }
}

/// Decides what the request names.
pub(super) fn check(held: &Held, expect: &Expect) -> Result<(), Refusal> {
    let Some((at, last)) = held.links().iter().enumerate().next_back() else { return Ok(()) };
    let (link, path) = (&last.delegation, Path::link(at));
    if link.constraints.audience.as_ref().is_some_and(|a| !a.contains(&expect.audience)) {
        let path = path.then("audience");
        return Err(Refusal::new(Code::AudienceMismatch, path, "the mandate is meant for other verifiers"));
    }
    let asked = expect.request.capability.as_ref();
    if asked.is_some_and(|capability| !link.capabilities.allows(capability)) {
        let path = path.then("capabilities");
        return Err(Refusal::new(Code::CapabilityNotGranted, path, "the mandate does not hold it"));
    }
    match unmet(last, &expect.request) {
        Some((member, detail)) => Err(Refusal::new(Code::ConstraintUnmet, path.then(member), detail)),
        None => Ok(()),
    }
}

/// The first constraint that what is named does not meet.
fn unmet(link: &Link, request: &Request) -> Option<(&'static str, &'static str)> {
    let bounds = &link.delegation.constraints;
    let both = |held: bool, member, detail| (!held).then_some((member, detail));
    let resource = bounds.resource.as_ref().zip(request.resource.as_ref());
    let purpose = bounds.purpose.as_ref().zip(request.purpose.as_ref());
    let workflow = bounds.workflow.as_ref().zip(request.workflow.as_ref());
    let amount = bounds.budget.as_ref().zip(request.amount.as_ref());
    let arguments = request.capability.as_ref().is_none_or(|c| bounds.arguments.admit(c, &request.arguments));
    // A step that is not named is an obligation; one that is named must be the right one.
    let step = |held: &Workflow, asked: &Workflow| {
        held.id == asked.id && (held.step.is_none() || asked.step.is_none() || held.step == asked.step)
    };
    both(resource.is_none_or(|(allowed, asked)| allowed.contains(asked)), "resource", "outside its resources")
        .or(both(purpose.is_none_or(|(allowed, asked)| allowed == asked), "purpose", "outside its purpose"))
        .or(both(workflow.is_none_or(|(held, asked)| step(held, asked)), "workflow", "outside its workflow"))
        .or(both(arguments, "arguments", "a limited argument is not stated, or is outside its limit"))
        .or(both(
            amount.is_none_or(|(budget, asked)| budget.limit.covers(asked)),
            "budget",
            "more than the budget, or of another unit",
        ))
}

/// What the request did not name and the mandate constrains, and what only an accountant knows.
pub(super) fn obligations(held: &Held, expect: &Expect) -> Vec<Obligation> {
    let Some(last) = held.links().last() else { return Vec::new() };
    let (bounds, request) = (&last.delegation.constraints, &expect.request);
    let capabilities = &last.delegation.capabilities;
    let open = |named: bool| request.capability.is_none() && named;
    let step = |workflow: &&Workflow| request.workflow.as_ref().is_none_or(|asked| !workflow.covers(asked));
    let limits = bounds.arguments.within(capabilities);
    let approvals = bounds.needs_approval.intersection(capabilities);
    let resource = bounds.resource.clone().filter(|_| request.resource.is_none()).map(Obligation::Resource);
    let purpose = bounds.purpose.clone().filter(|_| request.purpose.is_none()).map(Obligation::Purpose);
    let workflow = bounds.workflow.as_ref().filter(step).cloned().map(Obligation::Workflow);
    let arguments = open(!limits.is_empty()).then_some(Obligation::Arguments(limits));
    let approval = open(!approvals.is_empty()).then_some(Obligation::Approval(approvals));
    let once = approval::once(held, expect);
    [resource, purpose, workflow, arguments, approval, once, budget(held, last, request)]
        .into_iter()
        .flatten()
        .collect()
}

fn budget(held: &Held, last: &Link, request: &Request) -> Option<Obligation> {
    let accountant = last.delegation.constraints.budget.as_ref()?.accountant.clone();
    let account = |link: &Arc<Link>| {
        let budget = link.delegation.constraints.budget.as_ref()?;
        Some(Account { link: link.credential.id.clone(), limit: budget.limit.clone() })
    };
    let accounts = held.links().iter().filter_map(account).collect();
    Some(Obligation::Budget { accountant, amount: request.amount.clone(), accounts })
}
