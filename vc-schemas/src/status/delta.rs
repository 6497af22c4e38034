//! What changed between two signed states of a list: a few hundred bytes where the list has thousands.
//!
//! A delta names the state that it starts from and the one that it ends in, each by sequence number and
//! digest of the array, and is signed by the issuer as a COSE_Sign1 over deterministic CBOR. So whoever
//! holds the first has the second, exactly, and nobody can make it take a revocation back.

mod changes;
mod wire;

pub use changes::MAX_CHANGES;

use super::StatusError;
use super::array::Bits;
use super::entry::Purpose;
use super::list::StatusList;
use super::members::is_list_url;
use crate::secure::cose::{Sign1, Sign1Draft};
use changes::Changes;
use did_resolver::codec::{self, Sha256Digest};
use did_resolver::did::{Did, DidUrl};
use did_resolver::document::{Document, Relationship};
use did_resolver::json::MAX_INTEGER;
use did_resolver::keys::{KeyKind, PublicKey};
use did_resolver::time::UnixSeconds;
use std::time::Duration;

/// The media type of what is signed.
pub const CONTENT_TYPE: &str = "application/marque-status-delta+cbor";

/// Longest signed delta, in bytes: [`MAX_CHANGES`] that lie far apart have 12 KiB; the rest is the URL, a
/// key id and the digests.
pub const MAX_DELTA_BYTES: usize = 24 * 1024;

/// A signed state of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Its sequence number.
    pub sequence: u64,
    /// [`Bits::digest`] of its array.
    pub digest: Sha256Digest,
}

/// What changed. Only a [`VerifiedDelta`] is known to be the issuer's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// The URL of the list.
    pub list: String,
    /// The purpose of the list.
    pub purpose: Purpose,
    /// What it starts from.
    pub from: State,
    /// What it ends in.
    pub to: State,
    /// From when the list that it ends in is valid.
    pub issued: UnixSeconds,
    /// Until when.
    pub valid_until: UnixSeconds,
    /// How long that may be used before a newer one is asked for.
    pub ttl: Duration,
    changes: Changes,
}

/// The list that a delta ends in, but for its array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// Its sequence number, greater than that of the list before.
    pub sequence: u64,
    /// From when it is valid, not before the list before.
    pub issued: UnixSeconds,
    /// Until when it is valid, later than `issued`.
    pub valid_until: UnixSeconds,
    /// Its ttl: whole milliseconds, not zero.
    pub ttl: Duration,
}

impl Delta {
    /// What leads from `list` to the array `bits`. Where nothing changed it only makes the list younger.
    ///
    /// # Errors
    /// [`StatusError::Delta`] where `bits` is of another shape than the list, there are more than
    /// [`MAX_CHANGES`], or `next` does not come after the list; [`StatusError::Unrevokes`].
    pub fn between(list: &StatusList, bits: &Bits, next: Next) -> Result<Self, StatusError> {
        let delta = Self {
            list: list.url.clone(),
            purpose: list.purpose,
            from: State { sequence: list.sequence, digest: list.bits.digest() },
            to: State { sequence: next.sequence, digest: bits.digest() },
            issued: next.issued,
            valid_until: next.valid_until,
            ttl: next.ttl,
            changes: Changes::between(&list.bits, bits)?,
        };
        delta.apply(list)?;
        if wire::parse(&wire::write(&delta)).as_ref() == Ok(&delta) {
            Ok(delta)
        } else {
            Err(StatusError::Delta)
        }
    }

    /// The list that this one leads to from `list`. The signature is not looked at. `key_id` and
    /// `digest` of the list stay those of the list before: they say who signed that.
    ///
    /// # Errors
    /// [`StatusError::Delta`] where it does not start from exactly this list, changes nothing where it
    /// says that it does, or does not end where it says; [`StatusError::Unrevokes`] where it clears or
    /// changes what a list of revocations holds.
    pub fn apply(&self, list: &StatusList) -> Result<StatusList, StatusError> {
        let starts = self.list == list.url
            && self.purpose == list.purpose
            && self.from == State { sequence: list.sequence, digest: list.bits.digest() }
            && self.to.sequence > list.sequence
            && self.issued >= list.issued;
        if !starts {
            return Err(StatusError::Delta);
        }
        let bits = self.apply_to(&list.bits)?;
        Ok(StatusList {
            sequence: self.to.sequence,
            issued: self.issued,
            valid_until: self.valid_until,
            ttl: self.ttl,
            bits,
            ..list.clone()
        })
    }

    /// The array that it leads to from `bits`, whatever number and dates the list has.
    ///
    /// # Errors
    /// As [`Delta::apply`].
    pub fn apply_to(&self, bits: &Bits) -> Result<Bits, StatusError> {
        if bits.digest() != self.from.digest {
            return Err(StatusError::Delta);
        }
        let bits = self.changes.apply(bits, self.purpose == Purpose::Revocation)?;
        if bits.digest() == self.to.digest { Ok(bits) } else { Err(StatusError::Delta) }
    }

    /// What of it is signed, where it stands inside of something else that its issuer signs.
    #[must_use]
    pub fn to_cbor(&self) -> Vec<u8> {
        wire::write(self)
    }

    /// Reads what [`Delta::to_cbor`] wrote. Whose it is, is for the caller to know.
    ///
    /// # Errors
    /// [`StatusError::Malformed`] for all but its one spelling, of at most [`MAX_DELTA_BYTES`].
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, StatusError> {
        if bytes.len() > MAX_DELTA_BYTES { Err(StatusError::Malformed) } else { wire::parse(bytes) }
    }

    /// How many entries change.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.changes.len()
    }

    /// Whether every field keeps the rule that stands beside it.
    fn is_sound(&self) -> bool {
        let ttl = u64::try_from(self.ttl.as_millis()).is_ok_and(|ms| (1..=MAX_INTEGER).contains(&ms));
        is_list_url(&self.list)
            && self.from.sequence < self.to.sequence
            && self.to.sequence <= MAX_INTEGER
            && self.issued < self.valid_until
            && ttl
            && self.ttl.subsec_nanos().is_multiple_of(1_000_000)
    }

    /// Begins to sign it by the issuer's key `key_id`, of `kind`.
    ///
    /// # Errors
    /// [`StatusError::Secured`] where such a key cannot sign it.
    pub fn draft(&self, key_id: &DidUrl, kind: KeyKind) -> Result<Sign1Draft, StatusError> {
        Sign1Draft::new(kind, key_id.as_str().as_bytes(), CONTENT_TYPE, wire::write(self))
            .map_err(StatusError::Secured)
    }
}

/// A delta that the issuer of the list signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedDelta {
    delta: Delta,
    issuer: Did,
    key: PublicKey,
    bytes: Vec<u8>,
}

impl VerifiedDelta {
    /// Reads a signed delta, and verifies that `issuer`, by its newest accepted document, signed it.
    ///
    /// # Errors
    /// [`StatusError::Secured`] for the COSE_Sign1; [`StatusError::Malformed`] for what is signed, which
    /// has one spelling; else as [`StatusList::verified`].
    pub fn read(bytes: &[u8], issuer: &Document, now: UnixSeconds) -> Result<Self, StatusError> {
        let sign1 = Sign1::parse(bytes, MAX_DELTA_BYTES).map_err(StatusError::Secured)?;
        if sign1.content_type() != CONTENT_TYPE || sign1.typ().is_some() {
            return Err(StatusError::Malformed);
        }
        let key_id = std::str::from_utf8(sign1.key_id()).ok().and_then(|id| id.parse::<DidUrl>().ok());
        let key_id = key_id.filter(|id| id.did() == issuer.id()).ok_or(StatusError::Issuer)?;
        let delta = wire::parse(sign1.payload())?;
        let authorised =
            issuer.authorised(Relationship::AssertionMethod, &key_id, now).map_err(StatusError::Key)?;
        sign1.verify(authorised.key).map_err(|_| StatusError::Signature)?;
        let (issuer, key) = (issuer.id().clone(), authorised.key.clone());
        Ok(Self { delta, issuer, key, bytes: bytes.to_vec() })
    }

    /// The list that it leads to from `list`, which must be its issuer's.
    ///
    /// # Errors
    /// [`StatusError::Issuer`], else as [`Delta::apply`].
    pub fn apply(&self, list: &StatusList) -> Result<StatusList, StatusError> {
        if list.issuer == self.issuer { self.delta.apply(list) } else { Err(StatusError::Issuer) }
    }

    /// What changed.
    #[must_use]
    pub const fn delta(&self) -> &Delta {
        &self.delta
    }

    /// The key that it was verified by. A newer document may have another one under the same id.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// As it was signed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the whole, by which gossip names it.
    #[must_use]
    pub fn digest(&self) -> Sha256Digest {
        codec::sha256(&self.bytes)
    }
}

#[cfg(test)]
mod tests;
