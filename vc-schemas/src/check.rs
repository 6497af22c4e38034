//! Verification of a presentation: facts in, verdict or wants out (MODEL.md, "Delegation", rules 1-9).
//!
//! [`check`] fetches nothing and knows no clock. What costs nothing is tested first; the root is tested
//! before anything is wanted, so that a stranger cannot make a verifier look things up; then the
//! domains that vouch are wanted, then those they vouch for, then their status lists: three rounds.
//!
//! Not checked here: that the nonce was not used before, and an approval neither. The caller claims them,
//! once and atomically, after `Verified`.

mod approval;
mod held;
mod bindings;
mod identities;
mod request;
mod signatures;
mod status;
mod verdict;
mod explain;
mod alone;

pub use alone::check_credential;
pub use explain::{Explained, Finding, explain};
pub use held::{Approved, Held, Identity};
pub use request::{Account, Obligation};
pub use status::{Deferred, status_of};
pub use verdict::{ApprovalLine, CheckLine, LinkLine, Verdict};

use crate::chain;
use crate::code::Code;
use crate::credential::Credential;
use crate::facts::{Expect, Facts, ListKey};
use crate::refusal::{Path, Refusal};
use crate::seen::{Seen, Sighting};
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use std::collections::BTreeSet;

/// Rounds of fetching after which what is still wanted counts as not to be had.
pub const MAX_ROUNDS: usize = 3;

/// What verification ends with.
#[derive(Debug, Clone)]
pub enum Outcome<V = Verdict> {
    /// Every rule holds.
    Verified(Box<V>),
    /// The first rule that does not.
    Refused(Refusal),
    /// What must be known before more can be said.
    Wants(Wants),
}

/// What must be known, each with the first part of the presentation that needs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wants {
    /// DIDs to resolve.
    pub dids: BTreeSet<Did>,
    /// Status lists to get.
    pub status_lists: BTreeSet<ListKey>,
    /// Where the first of them is needed.
    pub path: Path,
}

impl Wants {
    fn is_empty(&self) -> bool {
        self.dids.is_empty() && self.status_lists.is_empty()
    }

    fn did(&mut self, did: &Did, path: &Path) {
        self.note(path);
        self.dids.insert(did.clone());
    }

    fn list(&mut self, key: ListKey, path: &Path) {
        self.note(path);
        self.status_lists.insert(key);
    }

    fn note(&mut self, path: &Path) {
        if self.is_empty() {
            self.path = path.clone();
        }
    }

    /// The refusal once it is clear that this is not to be had: neither good nor bad.
    #[must_use]
    pub fn not_to_be_had(&self) -> Refusal {
        if self.dids.is_empty() {
            Refusal::new(Code::StatusUnknown, self.path.clone(), "its status list could not be had")
        } else {
            Refusal::new(Code::DidUnresolvable, self.path.clone(), "its DID could not be resolved")
        }
    }
}

/// Why a step does not go on.
enum Stop {
    Refused(Refusal),
    Wants(Wants),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Verifies what is held.
#[must_use]
pub fn check(held: &Held, facts: &Facts, expect: &Expect, now: UnixSeconds) -> Outcome {
    outcome(run(held, facts, expect, now, &mut Memory { seen: None, sightings: Vec::new() }))
}

/// Verifies what is held, with the same outcome, and does not verify again what is in `seen`: signatures
/// of links and identity credentials. Those that it verified are for the caller to [`Seen::take`] in.
#[must_use]
pub fn check_with(
    held: &Held,
    facts: &Facts,
    expect: &Expect,
    now: UnixSeconds,
    seen: &Seen,
) -> (Outcome, Vec<Sighting>) {
    let mut memory = Memory { seen: Some(seen), sightings: Vec::new() };
    let result = run(held, facts, expect, now, &mut memory);
    (outcome(result), memory.sightings)
}

/// What was verified before, and what was verified now.
struct Memory<'a> {
    seen: Option<&'a Seen>,
    sightings: Vec<Sighting>,
}

fn outcome<V>(result: Result<V, Stop>) -> Outcome<V> {
    match result {
        Ok(verdict) => Outcome::Verified(Box::new(verdict)),
        Err(Stop::Refused(refusal)) => Outcome::Refused(refusal),
        Err(Stop::Wants(wants)) => Outcome::Wants(wants),
    }
}

fn run(
    held: &Held,
    facts: &Facts,
    expect: &Expect,
    now: UnixSeconds,
    memory: &mut Memory<'_>,
) -> Result<Verdict, Stop> {
    check_holder(held, expect, now)?;
    chain::check(held.links())?;
    identities::check(held, expect)?;
    check_root(held, expect)?;
    check_validity(held, expect, now)?;
    request::check(held, expect)?;
    approval::check(held, expect)?;
    let known = (facts, now, expect.skew);
    signatures::identities(held, known, memory)?;
    signatures::links_and_holder(held, known, memory)?;
    bindings::check(held, known)?;
    // A use that somebody had to approve is not of low assurance.
    let lenient = expect.may_defer() && held.approval().is_none();
    let standing = status::check(status::lookups(held), (facts, expect, now), lenient)?;
    Ok(verdict::of(held, expect, standing))
}

/// Rule 8, as far as no key is needed.
fn check_holder(held: &Held, expect: &Expect, now: UnixSeconds) -> Result<(), Refusal> {
    let (presentation, root) = (held.presentation(), Path::root());
    if presentation.audience != expect.audience {
        return Err(Refusal::new(Code::AudienceMismatch, root.then("aud"), "meant for another verifier"));
    }
    if presentation.nonce != expect.nonce {
        return Err(Refusal::new(Code::NonceMismatch, root.then("nonce"), "not the nonce that was given"));
    }
    if presentation.issued > now.plus(expect.skew) || presentation.expires <= now.minus(expect.skew) {
        return Err(Refusal::new(Code::PresentationExpired, root.then("exp"), "outside its life"));
    }
    let subject = held.links().last().map(|link| &link.delegation.id);
    if subject.is_some_and(|subject| *subject != presentation.holder) {
        let path = root.then("holder");
        return Err(Refusal::new(
            Code::HolderMismatch,
            path,
            "the holder is not the last subject of the chain",
        ));
    }
    Ok(())
}

/// Rule 6: what the first link passes on was the verifier's to accept from that root.
fn check_root(held: &Held, expect: &Expect) -> Result<(), Refusal> {
    let Some(first) = held.links().first() else {
        return Err(Refusal::new(Code::ChainEmpty, Path::root().then("chain"), "there is no link"));
    };
    let by_name = expect.principals.get(&first.credential.issuer);
    let by_domain = held
        .identity(&first.credential.issuer)
        .and_then(Identity::domain_scid)
        .and_then(|scid| expect.domains.get(scid))
        .map(|recognition| &recognition.anchor);
    let anchors: Vec<_> = [by_name, by_domain].into_iter().flatten().collect();
    let path = Path::link(0);
    if anchors.iter().all(|anchor| anchor.capabilities.is_empty()) {
        return Err(Refusal::new(Code::RootNotAnchored, path.then("issuer"), "no anchor for its principal"));
    }
    let link = &first.delegation;
    let allowed = |anchor: &&crate::facts::Anchor| {
        let resource = match (&anchor.resources, &link.constraints.resource) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(anchored), Some(asked)) => asked.is_subset(anchored),
        };
        resource && link.capabilities.is_within(&anchor.capabilities)
    };
    if anchors.iter().any(allowed) {
        Ok(())
    } else {
        let path = path.then("capabilities");
        Err(Refusal::new(Code::RootExceedsAnchor, path, "more than the anchor lets its domain root"))
    }
}

/// Rule 2, the dates.
fn check_validity(held: &Held, expect: &Expect, now: UnixSeconds) -> Result<(), Refusal> {
    held.credentials().try_for_each(|(path, credential)| check_dates(path, credential, expect, now))
}

fn check_dates(
    path: Path,
    credential: &Credential,
    expect: &Expect,
    now: UnixSeconds,
) -> Result<(), Refusal> {
    if credential.valid_from > now.plus(expect.skew) {
        let path = path.then("validFrom");
        return Err(Refusal::new(Code::CredentialNotYetValid, path, "not valid yet"));
    }
    if credential.valid_until <= now.minus(expect.skew) {
        return Err(Refusal::new(Code::CredentialExpired, path.then("validUntil"), "no longer valid"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
