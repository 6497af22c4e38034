//! The membership epoch of a domain: memberships that are valid from before it admit nobody, so that a
//! domain whose node key was stolen need not wait for what was issued to run out (MESH.md D1, D7).

use crate::replica::Refusal;
use crate::replica::cbor::{Reader, Writer, decode_exactly};
use crate::replica::envelope::Body;
use crate::replica::kind::Kind;
use crate::replica::limits::{MAX_EPOCH_BYTES, MAX_NUMBER};
use did_resolver::time::UnixSeconds;
use std::cmp::Ordering;

/// What a domain says of its memberships. It is the floor of what it may say later, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MembershipEpoch {
    /// Its number, which is the `seq` of its envelope.
    pub epoch: u64,
    /// From when on a membership must be valid to admit anybody.
    pub not_before: UnixSeconds,
}

/// What becomes of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EpochDecision {
    /// It becomes the floor.
    Accept,
    /// A later time under a number that is not higher: it becomes the floor, and both are kept as evidence.
    Contradicts,
    /// The one that is held.
    Same,
    /// Behind the floor.
    Older,
    /// It would let in again whom the one before keeps out: not taken, and kept as evidence.
    LetsIn,
    /// The number of the floor and an earlier time: both are kept as evidence.
    Equivocation,
}

impl MembershipEpoch {
    /// The payload of an envelope.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Writer::default().array(2).uint(self.epoch).uint(self.not_before.get()).finish()
    }

    /// Reads the payload of an envelope of [`Kind::Membership`]. That its subject is its origin is for the
    /// caller to check.
    ///
    /// # Errors
    /// [`Refusal::Malformed`]; [`Refusal::TooLarge`]; [`Refusal::TooFarAhead`]; [`Refusal::Inconsistent`].
    pub fn of(body: &Body) -> Result<Self, Refusal> {
        let epoch = decode_exactly(&body.payload, MAX_EPOCH_BYTES, Self::read, Self::encode)?;
        if body.kind == Kind::Membership && epoch.epoch == body.seq {
            Ok(epoch)
        } else {
            Err(Refusal::Inconsistent)
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Refusal> {
        r.exactly(2)?;
        let epoch = r.uint()?;
        if epoch > MAX_NUMBER {
            return Err(Refusal::TooFarAhead);
        }
        Ok(Self { epoch, not_before: UnixSeconds::new(r.uint()?) })
    }

    /// Whether a membership that is valid from `valid_from` on may admit its node.
    #[must_use]
    pub fn admits(&self, valid_from: UnixSeconds) -> bool {
        valid_from >= self.not_before
    }

    /// Decides about an epoch that arrives, where this is what is held.
    ///
    /// Of two the later time counts, and of one time the higher number: every replica ends with the same one, in
    /// whatever order it heard of them, and it alone has to be passed on. A number that runs ahead shuts nobody out.
    #[must_use]
    pub fn decide(&self, received: Self) -> EpochDecision {
        let place = |epoch: &Self| (epoch.not_before, epoch.epoch);
        let number = received.epoch.cmp(&self.epoch);
        match (place(&received).cmp(&place(self)), number) {
            (Ordering::Equal, _) => EpochDecision::Same,
            (Ordering::Greater, Ordering::Greater) => EpochDecision::Accept,
            (Ordering::Greater, _) => EpochDecision::Contradicts,
            (Ordering::Less, Ordering::Less) => EpochDecision::Older,
            (Ordering::Less, Ordering::Equal) => EpochDecision::Equivocation,
            (Ordering::Less, Ordering::Greater) => EpochDecision::LetsIn,
        }
    }
}

#[cfg(test)]
mod tests;
