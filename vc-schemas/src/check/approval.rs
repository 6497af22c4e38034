//! An approval in a presentation: whether it is there where it must be, and fits what is asked.
//!
//! The principal of the chain approves, and nobody else: an agent that could would approve itself. What
//! it approves is one use, exactly, by the last agent of the chain, under that agent's own link.

use super::held::{Approved, Held};
use super::request::Obligation;
use crate::chain::Link;
use crate::code::Code;
use crate::facts::Expect;
use crate::refusal::{Path, Refusal};

/// Whether what is asked for counts only with an approval.
fn is_needed(last: &Link, expect: &Expect) -> bool {
    let bounds = &last.delegation.constraints;
    expect.request.capability.as_ref().is_some_and(|capability| bounds.asks_approval(capability))
}

/// Checks an approval, without its signature and status. One that does not fit refuses also where none is
/// needed.
pub(super) fn check(held: &Held, expect: &Expect) -> Result<(), Refusal> {
    let Some((at, last)) = held.links().iter().enumerate().next_back() else { return Ok(()) };
    match held.approval() {
        Some(approved) => fits(approved, last, expect),
        None if is_needed(last, expect) => {
            let path = Path::link(at).then("needsApproval");
            Err(Refusal::new(Code::ApprovalRequired, path, "needs an approval of this use"))
        }
        None => Ok(()),
    }
}

fn fits(approved: &Approved, last: &Link, expect: &Expect) -> Result<(), Refusal> {
    let refuse =
        |member, detail| Err(Refusal::new(Code::ApprovalMismatch, Path::approval().then(member), detail));
    let approval = &approved.approval;
    if approved.credential.issuer != last.delegation.principal {
        return refuse("issuer", "not given by the principal");
    }
    if approval.id != last.delegation.id {
        return refuse("id", "given to another agent");
    }
    if approval.mandate.id != last.credential.id || approval.mandate.digest != last.digest {
        return refuse("mandate", "given for another mandate");
    }
    let Some(action) = expect.request.action(&expect.audience) else { return Ok(()) };
    if action.digest() != Some(approval.action) {
        return refuse("action", "given for another use than the one that is asked for");
    }
    if approval.capability != action.capability {
        return refuse("capability", "names another capability than the use that it is given for");
    }
    Ok(())
}

/// The obligation to use the approval once, where the request needs it.
pub(super) fn once(held: &Held, expect: &Expect) -> Option<Obligation> {
    let (last, approved) = (held.links().last()?, held.approval()?);
    is_needed(last, expect).then(|| Obligation::Once {
        approver: approved.credential.issuer.clone(),
        approval: approved.credential.id.clone(),
        until: approved.credential.valid_until,
    })
}
