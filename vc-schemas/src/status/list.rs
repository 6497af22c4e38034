//! A Bitstring Status List as it is signed (W3C recommendation, section 2.2).
//!
//! A list carries its sequence number inside what is signed. Which of two lists counts, and how old
//! one may be, is for the caller.

use super::StatusError;
use super::bitstring::{Bits, MAX_ENTRIES};
use super::entry::Purpose;
use super::members::{Members, is_list_url};
use crate::context;
use crate::secure::{Content, Secured};
use did_resolver::codec::Sha256Digest;
use did_resolver::did::{Did, DidUrl};
use did_resolver::document::{Document, Relationship};
use did_resolver::json::MAX_INTEGER;
use did_resolver::keys::PublicKey;
use did_resolver::time::UnixSeconds;
use serde_json::{Value, json};
use std::time::Duration;

/// How far the clock of a list's issuer may be ahead, where its proof says when it was made.
const SKEW: Duration = Duration::from_secs(60);

/// The types of a list and of its subject.
const LIST_TYPES: [&str; 2] = ["VerifiableCredential", "BitstringStatusListCredential"];
const SUBJECT_TYPE: &str = "BitstringStatusList";

/// A list before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListDraft {
    /// The URL under which the list is found, and its id.
    pub url: String,
    /// Who signs it.
    pub issuer: Did,
    /// What a set bit means.
    pub purpose: Purpose,
    /// Its sequence number, at most 2^53 - 1.
    pub sequence: u64,
    /// From when it is valid.
    pub issued: UnixSeconds,
    /// Until when it is valid, later than `issued`.
    pub valid_until: UnixSeconds,
    /// How long it may be used before a newer one is asked for: whole milliseconds, not zero.
    pub ttl: Duration,
    /// The entries.
    pub bits: Bits,
}

impl ListDraft {
    /// The BitstringStatusListCredential to secure.
    ///
    /// # Errors
    /// [`StatusError::Malformed`] where a field breaks the rule that stands beside it.
    pub fn payload(&self) -> Result<Value, StatusError> {
        let ttl = u64::try_from(self.ttl.as_millis()).ok();
        let ttl = ttl.filter(|ms| (1..=MAX_INTEGER).contains(ms)).ok_or(StatusError::Malformed)?;
        let good = is_list_url(&self.url) && self.issued < self.valid_until && self.sequence <= MAX_INTEGER;
        if !good {
            return Err(StatusError::Malformed);
        }
        Ok(json!({
            "@context": context::own(),
            "id": self.url,
            "type": LIST_TYPES,
            "issuer": self.issuer.as_str(),
            "validFrom": self.issued.to_string(),
            "validUntil": self.valid_until.to_string(),
            "credentialSubject": {
                "id": subject_id(&self.url),
                "type": SUBJECT_TYPE,
                "statusPurpose": self.purpose.as_str(),
                "encodedList": self.bits.encode().map_err(StatusError::Bits)?,
                "ttl": ttl,
                "sequence": self.sequence,
            },
        }))
    }
}

/// A list as it says of itself. Only a [`VerifiedList`] is known to be its issuer's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusList {
    /// The URL under which the list is found.
    pub url: String,
    /// Who is said to have signed it.
    pub issuer: Did,
    /// What a set bit means.
    pub purpose: Purpose,
    /// Its sequence number, at most 2^53 - 1.
    pub sequence: u64,
    /// From when it is valid.
    pub issued: UnixSeconds,
    /// Until when it is valid.
    pub valid_until: UnixSeconds,
    /// How long it may be used before a newer one is asked for.
    pub ttl: Duration,
    /// The entries.
    pub bits: Bits,
    /// The key that is said to have signed it.
    pub key_id: DidUrl,
    /// SHA-256 of what its signature covers.
    pub digest: Sha256Digest,
}

impl StatusList {
    /// Reads exactly what [`ListDraft::payload`] writes. The signature is not looked at.
    ///
    /// # Errors
    /// [`StatusError::Malformed`] for another shape, [`StatusError::Bits`] for the entries.
    pub fn read(secured: &Secured) -> Result<Self, StatusError> {
        let payload = secured.payload();
        let names = ["@context", "id", "type", "issuer", "validFrom", "validUntil", "credentialSubject"];
        let list = Members::of(payload, &names, &[], &[])?;
        let subject = payload.get("credentialSubject").ok_or(StatusError::Malformed)?;
        let names = ["id", "type", "statusPurpose", "encodedList", "ttl", "sequence"];
        let subject = Members::of(subject, &names, &[], &[])?;
        let url = list.list_url("id")?;
        let (issued, valid_until) = (list.instant("validFrom")?, list.instant("validUntil")?);
        let ttl = subject.number("ttl")?;
        let shaped = secured.content() == Content::Credential
            && context::check(payload).is_ok()
            && payload.get("type") == Some(&json!(LIST_TYPES))
            && subject.text("type")? == SUBJECT_TYPE
            && subject.text("id")? == subject_id(&url)
            && issued < valid_until
            && ttl > 0;
        if !shaped {
            return Err(StatusError::Malformed);
        }
        Ok(Self {
            url,
            issuer: list.text("issuer")?.parse().map_err(|_| StatusError::Malformed)?,
            purpose: subject.purpose()?,
            sequence: subject.number("sequence")?,
            issued,
            valid_until,
            ttl: Duration::from_millis(ttl),
            bits: Bits::decode(subject.text("encodedList")?, MAX_ENTRIES).map_err(StatusError::Bits)?,
            key_id: secured.key_id().clone(),
            digest: secured.digest(),
        })
    }

    /// Reads a list and verifies that its issuer signed it, by `issuer_document`: the newest accepted
    /// document of the issuer, which is for the caller to know. Whether the list is current at `now` is
    /// not asked: an old list still says what was revoked.
    ///
    /// # Errors
    /// [`StatusError::Issuer`] where key, issuer and document are not of one DID;
    /// [`StatusError::Key`] where the document does not let the key state anything at `now`;
    /// [`StatusError::Signature`]; else as [`Self::read`].
    pub fn verified(
        secured: Secured,
        issuer_document: &Document,
        now: UnixSeconds,
    ) -> Result<VerifiedList, StatusError> {
        let list = Self::read(&secured)?;
        if list.key_id.did() != &list.issuer || issuer_document.id() != &list.issuer {
            return Err(StatusError::Issuer);
        }
        let authorised = issuer_document
            .authorised(Relationship::AssertionMethod, &list.key_id, now)
            .map_err(StatusError::Key)?;
        secured.verify(authorised.key, now, SKEW).map_err(|_| StatusError::Signature)?;
        Ok(VerifiedList { list, secured, key: authorised.key.clone() })
    }
}

/// A list that its issuer signed, with the bytes that were signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedList {
    list: StatusList,
    secured: Secured,
    key: PublicKey,
}

impl VerifiedList {
    /// The list.
    #[must_use]
    pub const fn list(&self) -> &StatusList {
        &self.list
    }

    /// The key that it was verified by. A newer document may have another one under the same id.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The list as it was signed.
    #[must_use]
    pub const fn secured(&self) -> &Secured {
        &self.secured
    }
}

impl std::ops::Deref for VerifiedList {
    type Target = StatusList;

    fn deref(&self) -> &StatusList {
        &self.list
    }
}

fn subject_id(url: &str) -> String {
    format!("{url}#list")
}

#[cfg(test)]
mod tests;
