//! Status lists: what was revoked stays revoked, and a sequence number has one array.

use crate::replica::limits::MAX_SEQUENCE_JUMP;
use vc_schemas::status::Purpose;
use vc_schemas::status::bitstring::Bits;

/// The floor of a list. Compared in the order of the fields, so that an issuer that rotated its keys
/// can begin its sequence numbers anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListFloor {
    /// Version number of the issuer's DID log by which the list was verified.
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
    /// Behind the floor.
    Older,
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
    /// Further ahead of the floor than [`MAX_SEQUENCE_JUMP`].
    TooFarAhead,
}

/// Decides about a list. `stored` is the array that is held at `floor`, `revoked_ever` the overlay.
///
/// With a floor and no stored array, as after a restore, the list at the floor is taken again.
#[must_use]
pub fn decide_list(
    floor: Option<ListFloor>,
    stored: Option<&Bits>,
    revoked_ever: Option<&Bits>,
    received: ReceivedList<'_>,
) -> ListDecision {
    if let Some(floor) = floor {
        if received.at < floor {
            return ListDecision::Older;
        }
        let jump = received.at.sequence.saturating_sub(floor.sequence);
        if received.at.issuer_version == floor.issuer_version && jump > MAX_SEQUENCE_JUMP {
            return ListDecision::TooFarAhead;
        }
        if received.at == floor
            && let Some(stored) = stored
        {
            if stored == received.bits {
                return ListDecision::Same;
            }
            return ListDecision::Equivocation { overlay: overlay(revoked_ever, received) };
        }
    }
    let clears = received.purpose == Purpose::Revocation
        && revoked_ever.is_some_and(|revoked| !received.bits.covers(revoked));
    let overlay = overlay(revoked_ever, received);
    if clears { ListDecision::Unrevokes { overlay } } else { ListDecision::Accept { overlay } }
}

/// Everything revoked so far, and by this list. Suspensions neither enter it nor take from it.
fn overlay(revoked_ever: Option<&Bits>, received: ReceivedList<'_>) -> Option<Bits> {
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
