//! Status of credentials: the entry that a credential carries, and the signed list that it points
//! into (W3C Bitstring Status List, sections 2.1 and 2.2).
//!
//! A list carries its sequence number inside what is signed. Which of two lists counts, and how old
//! one may be, is for the caller.

pub mod bitstring;

use crate::context;
use crate::secure::{Content, Secured};
use bitstring::{Bits, BitsError, MAX_ENTRIES};
use did_resolver::codec::Sha256Digest;
use did_resolver::did::{Did, DidUrl};
use did_resolver::document::{Document, KeyRefusal, Relationship};
use did_resolver::json::MAX_INTEGER;
use did_resolver::keys::PublicKey;
use did_resolver::time::UnixSeconds;
use serde_json::{Map, Value, json};
use std::fmt;
use std::time::Duration;

/// Longest URL of a list, in bytes.
pub const MAX_URL_BYTES: usize = 2_048;

/// Most bytes of a secured list: 2^24 entries that do not compress, in base64url twice.
pub const MAX_LIST_BYTES: usize = crate::secure::MAX_BYTES;

/// The types of a list and of its subject, and of an entry.
const LIST_TYPES: [&str; 2] = ["VerifiableCredential", "BitstringStatusListCredential"];
const SUBJECT_TYPE: &str = "BitstringStatusList";
const ENTRY_TYPE: &str = "BitstringStatusListEntry";

/// What a set bit means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Over for good.
    Revocation,
    /// Over until the bit is cleared.
    Suspension,
}

impl Purpose {
    /// The `statusPurpose`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revocation => "revocation",
            Self::Suspension => "suspension",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Revocation, Self::Suspension].into_iter().find(|purpose| purpose.as_str() == text)
    }
}

/// Where the status of a credential stands: one `credentialStatus`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusEntry {
    /// What the bit means.
    pub purpose: Purpose,
    /// Which bit, below [`MAX_ENTRIES`].
    pub index: u32,
    /// The URL of the list.
    pub list: String,
}

impl StatusEntry {
    /// Reads a BitstringStatusListEntry: `statusPurpose`, `statusListIndex` as a decimal string without
    /// leading zeros, `statusListCredential`; an `id` may stand there and is dropped.
    ///
    /// # Errors
    /// [`StatusError::Malformed`] for another shape, purpose or member.
    pub fn parse(json: &Value) -> Result<Self, StatusError> {
        let required = ["type", "statusPurpose", "statusListIndex", "statusListCredential"];
        let members = Members::of(json, &required, &["id"])?;
        if json.get("id").is_some_and(|id| !id.as_str().is_some_and(is_url)) {
            return Err(StatusError::Malformed);
        }
        let digits = members.text("statusListIndex")?;
        let index =
            digits.parse().ok().filter(|index: &u32| *index < MAX_ENTRIES && index.to_string() == digits);
        let list = members.list_url("statusListCredential")?;
        match (members.text("type")?, index) {
            (ENTRY_TYPE, Some(index)) => Ok(Self { purpose: members.purpose()?, index, list }),
            _ => Err(StatusError::Malformed),
        }
    }

    /// Writes the entry, without an `id`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "type": ENTRY_TYPE,
            "statusPurpose": self.purpose.as_str(),
            "statusListIndex": self.index.to_string(),
            "statusListCredential": self.list,
        })
    }
}

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
        let list = Members::of(payload, &names, &[])?;
        let subject = payload.get("credentialSubject").ok_or(StatusError::Malformed)?;
        let names = ["id", "type", "statusPurpose", "encodedList", "ttl", "sequence"];
        let subject = Members::of(subject, &names, &[])?;
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
        secured.verify(authorised.key).map_err(|_| StatusError::Signature)?;
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

/// An absolute URL as far as it matters here: a scheme, printable ASCII, bounded.
fn is_url(text: &str) -> bool {
    let scheme = |s: &str| s.starts_with(|c: char| c.is_ascii_lowercase()) && s.len() < text.len() - 1;
    text.len() <= MAX_URL_BYTES
        && text.bytes().all(|b| b.is_ascii_graphic())
        && text
            .split_once(':')
            .is_some_and(|(s, _)| scheme(s) && s.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// The URL of a list has no fragment: the fragment names the subject inside it.
fn is_list_url(text: &str) -> bool {
    is_url(text) && !text.contains('#')
}

/// An object whose members are all known.
struct Members<'a>(&'a Map<String, Value>);

impl<'a> Members<'a> {
    /// The object `json`, which has all that are `required` and none but those and `optional`.
    fn of(json: &'a Value, required: &[&str], optional: &[&str]) -> Result<Self, StatusError> {
        let object = json.as_object().ok_or(StatusError::Malformed)?;
        let all = required.iter().all(|name| object.contains_key(*name));
        let no_other =
            object.keys().all(|n| required.contains(&n.as_str()) || optional.contains(&n.as_str()));
        if all && no_other { Ok(Self(object)) } else { Err(StatusError::Malformed) }
    }

    fn text(&self, name: &str) -> Result<&'a str, StatusError> {
        self.0.get(name).and_then(Value::as_str).ok_or(StatusError::Malformed)
    }

    fn number(&self, name: &str) -> Result<u64, StatusError> {
        let number = self.0.get(name).and_then(Value::as_u64);
        number.filter(|n| *n <= MAX_INTEGER).ok_or(StatusError::Malformed)
    }

    fn instant(&self, name: &str) -> Result<UnixSeconds, StatusError> {
        UnixSeconds::parse(self.text(name)?).map_err(|_| StatusError::Malformed)
    }

    fn list_url(&self, name: &str) -> Result<String, StatusError> {
        let url = self.text(name)?;
        if is_list_url(url) { Ok(url.to_owned()) } else { Err(StatusError::Malformed) }
    }

    fn purpose(&self) -> Result<Purpose, StatusError> {
        Purpose::parse(self.text("statusPurpose")?).ok_or(StatusError::Malformed)
    }
}

/// Why a status entry or a status list was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusError {
    /// Not of the exact shape.
    Malformed,
    /// The array of entries.
    Bits(BitsError),
    /// Key, issuer and document are not of one DID.
    Issuer,
    /// The issuer's document does not authorise the key.
    Key(KeyRefusal),
    /// The signature does not verify.
    Signature,
}

impl fmt::Display for StatusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "status entry or status list is malformed",
            Self::Bits(error) => return error.fmt(f),
            Self::Issuer => "status list is not signed by a key of its issuer",
            Self::Key(refusal) => return refusal.fmt(f),
            Self::Signature => "signature of the status list does not verify",
        })
    }
}

impl std::error::Error for StatusError {}

#[cfg(test)]
mod tests;
