//! Status lists: what was revoked stays revoked, and a sequence number has one array.

use crate::replica::limits::{MAX_LISTS, MAX_SEQUENCE_JUMP};
use did_resolver::codec::Sha256Digest;
use std::cmp::Reverse;
use vc_schemas::status::Purpose;
use vc_schemas::status::bitstring::Bits;

/// The floor of a list. Compared in the order of the fields, so that an issuer that rotated its keys
/// can begin its sequence numbers anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListFloor {
    /// Since which version of the issuer's DID log the key has been listed that signed the list: its
    /// [`era`](super::era()). Not the version by which it was read: an old list would be new again with each.
    pub issuer_version: u64,
    /// The sequence number inside what is signed.
    pub sequence: u64,
}

/// A list whose signature, issuer and URL have been verified.
#[derive(Debug, Clone, Copy)]
pub struct ReceivedList<'a> {
    /// Where it stands.
    pub at: ListFloor,
    /// What a set bit means.
    pub purpose: Purpose,
    /// The decoded array.
    pub bits: &'a Bits,
}

/// What becomes of a list. `overlay` is all that was ever seen revoked, to be persisted with the
/// decision; `None` for a list of suspensions, which may be lifted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListDecision {
    /// It becomes the list, and its place the floor.
    Accept {
        /// See [`ListDecision`].
        overlay: Option<Bits>,
    },
    /// The array and the number that are held.
    Same,
    /// Behind the floor. It does not become the list; what it revokes counts all the same.
    Older {
        /// See [`ListDecision`].
        overlay: Option<Bits>,
    },
    /// It clears what was revoked. It does not become the list; what it revokes counts all the same.
    Unrevokes {
        /// See [`ListDecision`].
        overlay: Option<Bits>,
    },
    /// One number, two arrays: both are kept as evidence, and what either revokes counts.
    Equivocation {
        /// See [`ListDecision`].
        overlay: Option<Bits>,
    },
    /// Further ahead of the floor than [`MAX_SEQUENCE_JUMP`]. It does not become the list; what it revokes
    /// counts all the same.
    TooFarAhead {
        /// See [`ListDecision`].
        overlay: Option<Bits>,
    },
}

/// An array that changes led to, beyond the newest whole list. It is never served, and makes no list
/// younger: what it revokes or suspends counts until a whole list gets as far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ahead {
    /// Where it stands.
    pub at: ListFloor,
    /// The array.
    pub bits: Bits,
}

/// What is known of a list before something of it arrives.
#[derive(Debug, Clone, Copy, Default)]
pub struct KnownList<'a> {
    /// Its floor.
    pub floor: Option<ListFloor>,
    /// The array that is held at the floor.
    pub stored: Option<&'a Bits>,
    /// What changes led to since; behind the floor it says nothing any more.
    pub ahead: Option<&'a Ahead>,
    /// Every index ever seen revoked.
    pub revoked_ever: Option<&'a Bits>,
}

/// Decides about a list.
///
/// With a floor and no stored array, as after a restore, the list at the floor is taken again.
#[must_use]
pub fn decide_list(known: KnownList<'_>, received: ReceivedList<'_>) -> ListDecision {
    let KnownList { floor, stored, ahead, revoked_ever } = known;
    let equivocation = || ListDecision::Equivocation { overlay: overlay(revoked_ever, received) };
    if let Some(floor) = floor {
        if received.at < floor {
            return ListDecision::Older { overlay: overlay(revoked_ever, received) };
        }
        if is_too_far(floor, received.at) {
            return ListDecision::TooFarAhead { overlay: overlay(revoked_ever, received) };
        }
        if received.at == floor
            && let Some(stored) = stored
        {
            return if stored == received.bits { ListDecision::Same } else { equivocation() };
        }
    }
    if ahead.is_some_and(|ahead| ahead.at == received.at && ahead.bits != *received.bits) {
        return equivocation();
    }
    // A whole list that changes have overtaken knows nothing of what they revoke, and clears nothing by
    // that: it has to cover what was held whole.
    let overtaken = ahead.is_some_and(|ahead| ahead.at > received.at);
    let revoked = if overtaken { stored } else { revoked_ever };
    let clears = received.purpose == Purpose::Revocation
        && revoked.is_some_and(|revoked| !received.bits.covers(revoked));
    let overlay = overlay(revoked_ever, received);
    if clears { ListDecision::Unrevokes { overlay } } else { ListDecision::Accept { overlay } }
}

/// One list of several that were signed for one URL.
#[derive(Debug, Clone, Copy)]
pub struct SignedList<'a> {
    /// Where it stands.
    pub at: ListFloor,
    /// The digest of what is signed.
    pub digest: Sha256Digest,
    /// Its array.
    pub bits: &'a Bits,
}

/// Which of `others` are held and passed on beside `list`, the one that counts: those that revoke what it does not,
/// nor all together that stand later, in that order. `None` where that would be more than [`MAX_LISTS`]: then what
/// came last is refused, and nothing that it revokes counts.
///
/// So what is revoked here can always be shown to others, also where an issuer says two things under one number
/// or clears what it revoked, and each replica heard another first. Which are held does not depend on the order in
/// which they came, but for the list that counts. A list of an honest issuer covers all before it, and is held
/// alone.
#[must_use]
pub fn beside<'a>(list: Option<SignedList<'a>>, others: Vec<SignedList<'a>>) -> Option<Vec<SignedList<'a>>> {
    let counting = list.map(|list| list.bits);
    let mut all: Vec<SignedList<'a>> = list.into_iter().chain(others).collect();
    all.sort_by_key(|list| (Reverse(list.at), list.digest));
    let mut covered: Option<Bits> = None;
    let mut kept = Vec::new();
    for list in all {
        if covered.as_ref().is_some_and(|bits| bits.covers(list.bits)) {
            continue;
        }
        covered = Some(covered.map_or_else(|| list.bits.clone(), |bits| bits.union(list.bits)));
        if !counting.is_some_and(|bits| bits.covers(list.bits)) {
            kept.push(list);
        }
    }
    (kept.len() + usize::from(counting.is_some()) <= MAX_LISTS).then_some(kept)
}

/// Whether, with `held` lists of one URL, some may have been refused. Then nothing on it is known to be good: what
/// one replica holds to be revoked no other takes for good.
#[must_use]
pub const fn is_past_knowing(held: usize) -> bool {
    held >= MAX_LISTS
}

/// Whether `at` runs further ahead of what was reached than one step may.
pub(super) fn is_too_far(reached: ListFloor, at: ListFloor) -> bool {
    let jump = at.sequence.saturating_sub(reached.sequence);
    at.issuer_version == reached.issuer_version && jump > MAX_SEQUENCE_JUMP
}

/// Everything revoked so far, and by this list. Suspensions neither enter it nor take from it.
pub(super) fn overlay(revoked_ever: Option<&Bits>, received: ReceivedList<'_>) -> Option<Bits> {
    match (received.purpose, revoked_ever) {
        (Purpose::Revocation, Some(revoked)) => Some(revoked.union(received.bits)),
        (Purpose::Revocation, None) => Some(received.bits.clone()),
        (Purpose::Suspension | Purpose::Refresh | Purpose::Message, revoked) => revoked.cloned(),
    }
}

/// Whether `index` is revoked, or suspended, as `list` and the overlay say. `None` where neither has
/// such an entry, which is not the same as clear.
#[must_use]
pub fn is_revoked(list: &Bits, revoked_ever: Option<&Bits>, index: u32) -> Option<bool> {
    match (list.get(index), revoked_ever.and_then(|revoked| revoked.get(index))) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (listed, _) => listed,
    }
}
