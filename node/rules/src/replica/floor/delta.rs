//! Changes of a status list: what they revoke counts at once, where the array that they start from is
//! held; the whole list follows (MESH.md D7).

use super::list::{Ahead, KnownList, ListFloor, ReceivedList, is_too_far, overlay};
use vc_schemas::status::bitstring::Bits;
use vc_schemas::status::delta::Delta;
use vc_schemas::status::{Purpose, StatusError};

/// What becomes of a change that the issuer of the list signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeltaDecision {
    /// What it leads to is durable before the change is passed on. The list that is held stays what it
    /// is, and gets no younger.
    Apply {
        /// The array that it leads to.
        ahead: Ahead,
        /// Everything revoked so far; `None` for a list of suspensions, which may be lifted.
        overlay: Option<Bits>,
    },
    /// It leads to what is held already.
    Same,
    /// Behind what is held.
    Older,
    /// The array that it starts from is not held: the whole list is to be pulled.
    NoBase,
    /// It does not do what it says: not applied, and kept as evidence.
    Inconsistent,
    /// It clears what was revoked. Not applied; what it revokes counts all the same.
    Unrevokes {
        /// See [`DeltaDecision::Apply`]; `None` also where its array is not known.
        overlay: Option<Bits>,
    },
    /// One number, two arrays: kept as evidence, and what either revokes counts.
    Equivocation {
        /// See [`DeltaDecision::Apply`]; `None` also where its array is not known.
        overlay: Option<Bits>,
    },
    /// Further ahead than one step may be.
    TooFarAhead,
}

/// Decides about a change of a list whose issuer, URL and purpose are those of what is known, signed under
/// version `issuer_version` of its issuer.
#[must_use]
pub fn decide_delta(known: KnownList<'_>, issuer_version: u64, delta: &Delta) -> DeltaDecision {
    let KnownList { floor, stored, ahead, revoked_ever } = known;
    let at = ListFloor { issuer_version, sequence: delta.to.sequence };
    let ahead = ahead.filter(|ahead| floor.is_none_or(|floor| ahead.at > floor));
    let held = floor.zip(stored).into_iter().chain(ahead.map(|ahead| (ahead.at, &ahead.bits)));
    let held: Vec<(ListFloor, &Bits)> = held.collect();
    let led_to = |bits: &Bits| delta.apply_to(bits);
    let with = |bits: &Bits| overlay(revoked_ever, ReceivedList { at, purpose: delta.purpose, bits });
    // What the change leads to, from whichever array it starts from.
    let result = held.iter().find_map(|(_, bits)| led_to(bits).ok());
    if let Some((_, bits)) = held.iter().find(|(place, _)| *place == at) {
        return if bits.digest() == delta.to.digest {
            DeltaDecision::Same
        } else {
            DeltaDecision::Equivocation { overlay: result.as_ref().and_then(with) }
        };
    }
    let Some(reached) = floor.max(ahead.map(|ahead| ahead.at)) else { return DeltaDecision::NoBase };
    if at < reached {
        return DeltaDecision::Older;
    }
    if is_too_far(reached, at) {
        return DeltaDecision::TooFarAhead;
    }
    let Some((_, base)) = held.iter().find(|(place, _)| place.sequence == delta.from.sequence) else {
        return DeltaDecision::NoBase;
    };
    // The issuer says that this number had another array.
    if base.digest() != delta.from.digest {
        return DeltaDecision::Equivocation { overlay: None };
    }
    let bits = match led_to(base) {
        Ok(bits) => bits,
        Err(StatusError::Unrevokes) => return DeltaDecision::Unrevokes { overlay: None },
        Err(_) => return DeltaDecision::Inconsistent,
    };
    let overlay = with(&bits);
    let clears =
        delta.purpose == Purpose::Revocation && revoked_ever.is_some_and(|revoked| !bits.covers(revoked));
    if clears {
        return DeltaDecision::Unrevokes { overlay };
    }
    DeltaDecision::Apply { ahead: Ahead { at, bits }, overlay }
}
