//! A chain of links: rules 1, 3 and 4 of delegation, over credentials that are read and not verified.
//!
//! 1. one to eight links, each of bounded size, no DID delegating twice, no cycle;
//! 3. joints: each link continues the one before it, for one principal;
//! 4. attenuation: every link allows a subset, for no longer and no deeper.

use crate::claims::Delegation;
use crate::code::Code;
use crate::credential::Credential;
use crate::delegation::scope::Scope;
use crate::refusal::{Path, Refusal};
use did_resolver::codec::Sha256Digest;
use did_resolver::did::Did;
use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::time::Duration;

/// Most links of a chain.
pub const MAX_LINKS: usize = 8;

/// Largest link, as it is secured, in bytes.
pub const MAX_LINK_BYTES: usize = 65_536;

/// Longest life of a link to a did:key, whose holder has no status of its own.
pub const MAX_KEY_AGENT_LIFE: Duration = Duration::from_secs(3_600);

/// One link, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The credential around the claims.
    pub credential: Credential,
    /// The claims.
    pub delegation: Delegation,
    /// SHA-256 over what its signature covers.
    pub digest: Sha256Digest,
    /// Its size as it is secured.
    pub size_bytes: usize,
}

/// Checks rules 1, 3 and 4, without the ceilings, which identity credentials hold.
///
/// # Errors
/// [`Refusal`] names the first rule that fails, and the link.
pub fn check<L: Borrow<Link>>(links: &[L]) -> Result<(), Refusal> {
    let links: Vec<&Link> = links.iter().map(Borrow::borrow).collect();
    let (first, last) = match *links.as_slice() {
        [] => return Err(Refusal::new(Code::ChainEmpty, Path::root().then("chain"), "there is no link")),
        [first, .., last] => (first, last),
        [only] => (only, only),
    };
    check_size(&links, first)?;
    check_key_agents(&links, last)?;
    if first.delegation.principal != first.credential.issuer {
        let path = Path::link(0).then("principal");
        return Err(Refusal::new(
            Code::PrincipalMismatch,
            path,
            "the principal did not issue the first link",
        ));
    }
    if first.delegation.parent.is_some() {
        let path = Path::link(0).then("parent");
        return Err(Refusal::new(
            Code::ParentMismatch,
            path,
            "the first link continues one that is not presented",
        ));
    }
    for (at, pair) in links.windows(2).enumerate() {
        if let [held, next] = pair {
            check_joint(held, next, at + 1)?;
            may_follow(held, next).map_err(|w| w.at(at + 1))?;
        }
    }
    check_depth(&links)
}

fn check_size(links: &[&Link], first: &Link) -> Result<(), Refusal> {
    if links.len() > MAX_LINKS {
        return Err(Refusal::new(Code::ChainTooLong, Path::link(MAX_LINKS), "more than eight links"));
    }
    let mut seen: BTreeSet<&Did> = BTreeSet::from([&first.credential.issuer]);
    for (at, link) in links.iter().enumerate() {
        if link.size_bytes > MAX_LINK_BYTES {
            return Err(Refusal::new(Code::LinkTooLarge, Path::link(at), "the link is larger than 64 KiB"));
        }
        if !seen.insert(&link.delegation.id) {
            let path = Path::link(at).then("id");
            return Err(Refusal::new(Code::ChainRepeats, path, "the subject stands in the chain before"));
        }
    }
    Ok(())
}

/// A did:key agent ends a chain, passes nothing on, and lives an hour.
fn check_key_agents(links: &[&Link], last: &Link) -> Result<(), Refusal> {
    let refuse = |at, detail| Err(Refusal::new(Code::DelegationWidened, Path::link(at).then("id"), detail));
    let before_last = links.len().saturating_sub(1);
    if let Some(at) = links.iter().take(before_last).position(|l| l.delegation.id.method() == "key") {
        return refuse(at, "a did:key agent may only be the last of a chain");
    }
    if last.delegation.id.method() == "key" {
        if last.delegation.constraints.max_depth != Some(0) {
            return refuse(before_last, "a link to a did:key agent must have maxDepth 0");
        }
        if last.credential.valid_until.since(last.credential.valid_from) > MAX_KEY_AGENT_LIFE {
            return refuse(before_last, "a link to a did:key agent may live one hour at most");
        }
    }
    Ok(())
}

/// Rule 3, between one link and the next, which is at this place.
pub(crate) fn check_joint(held: &Link, next: &Link, at: usize) -> Result<(), Refusal> {
    if next.credential.issuer != held.delegation.id {
        let path = Path::link(at).then("issuer");
        return Err(Refusal::new(Code::ChainBroken, path, "not issued by the subject of the link before"));
    }
    let parent = next.delegation.parent.as_ref();
    if parent.is_none_or(|p| p.id != held.credential.id || p.digest != held.digest) {
        let path = Path::link(at).then("parent");
        return Err(Refusal::new(Code::ParentMismatch, path, "does not continue the link before"));
    }
    if next.delegation.principal != held.delegation.principal {
        let path = Path::link(at).then("principal");
        return Err(Refusal::new(Code::PrincipalMismatch, path, "names another principal"));
    }
    Ok(())
}

/// Whether `next` only narrows `held`. Issuers ask before they sign, verifiers before they accept.
///
/// # Errors
/// [`Widened`] says by what.
pub fn may_follow(held: &Link, next: &Link) -> Result<(), Widened> {
    let (above, below) = (&held.delegation, &next.delegation);
    if above.capabilities.narrow(below.capabilities.clone()).is_err() {
        return Err(Widened { member: "capabilities", detail: "adds a capability" });
    }
    above
        .constraints
        .tighten(&below.constraints, &below.capabilities)
        .map_err(|loosened| Widened { member: loosened.constraint, detail: "loosens a constraint" })?;
    if next.credential.valid_until > held.credential.valid_until {
        return Err(Widened { member: "validUntil", detail: "outlives the link before" });
    }
    Ok(())
}

fn check_depth(links: &[&Link]) -> Result<(), Refusal> {
    for (at, link) in links.iter().enumerate() {
        let after = links.len() - 1 - at;
        if link.delegation.constraints.max_depth.is_some_and(|depth| after > usize::from(depth)) {
            let path = Path::link(at).then("maxDepth");
            return Err(Refusal::new(Code::DelegationWidened, path, "more links follow than it allows"));
        }
    }
    Ok(())
}

/// Checks that a link stays within the ceiling of its subject.
///
/// # Errors
/// [`Widened`].
pub fn within_ceiling(link: &Link, ceiling: &Scope) -> Result<(), Widened> {
    if link.delegation.capabilities.is_within(ceiling) {
        Ok(())
    } else {
        Err(Widened { member: "capabilities", detail: "is above the ceiling of its subject" })
    }
}

/// How a link widens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Widened {
    /// Which member.
    pub member: &'static str,
    /// In words.
    pub detail: &'static str,
}

impl Widened {
    /// The refusal of the link at this place.
    #[must_use]
    pub fn at(self, at: usize) -> Refusal {
        Refusal::new(Code::DelegationWidened, Path::link(at).then(self.member), self.detail)
    }
}
