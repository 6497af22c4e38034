//! One line of a log: its members and its hashes.
//!
//! Specification, "The DID Log File", "SCID Generation and Verification" and "Entry Hash Generation
//! and Verification".

use crate::codec;
use crate::jcs;
use crate::json;
use crate::proof::ProofError;
use crate::time::UnixSeconds;
use crate::webvh::{EntryError, MAX_ENTRY_BYTES, SCID_PLACEHOLDER};
use serde_json::{Map, Value};

/// An entry that was read; none of its claims is checked yet.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) version_id: String,
    pub(crate) number: u32,
    pub(crate) time: UnixSeconds,
    pub(crate) parameters: Map<String, Value>,
    pub(crate) state: Value,
    /// The canonical bytes of the entry without its proof: what the proof covers.
    pub(crate) canonical: Vec<u8>,
    time_text: String,
}

impl Entry {
    /// Reads a line, and its one proof.
    pub(crate) fn parse(line: &[u8]) -> Result<(Self, Value), EntryError> {
        if line.len() > MAX_ENTRY_BYTES {
            return Err(EntryError::TooLong);
        }
        let Value::Object(mut members) = json::parse(line, MAX_ENTRY_BYTES)? else {
            return Err(EntryError::Members);
        };
        let proof = match members.remove("proof").ok_or(EntryError::Members)? {
            Value::Array(proofs) => <[Value; 1]>::try_from(proofs).map_err(|_| ProofError::Shape)?,
            _ => return Err(ProofError::Shape.into()),
        };
        let [proof] = proof;
        Ok((Self::read(members)?, proof))
    }

    /// Reads the members of an entry without its proof.
    pub(crate) fn read(mut members: Map<String, Value>) -> Result<Self, EntryError> {
        let canonical = jcs::canonical_object(&members).map_err(|_| ProofError::NotCanonical)?;
        let taken = ["versionId", "versionTime", "parameters", "state"].map(|name| members.remove(name));
        let [Some(Value::String(version_id)), Some(Value::String(time_text)), Some(parameters), Some(state)] =
            taken
        else {
            return Err(EntryError::Members);
        };
        let Value::Object(parameters) = parameters else { return Err(EntryError::Members) };
        if !members.is_empty() || !state.is_object() {
            return Err(EntryError::Members);
        }
        let number = read_number(&version_id).ok_or(EntryError::VersionId)?;
        let time = read_time(&time_text)?;
        Ok(Self { version_id, number, time, parameters, state, canonical, time_text })
    }

    /// The hash that stands in `versionId`.
    fn claimed_hash(&self) -> &str {
        self.version_id.split_once('-').map_or("", |(_, hash)| hash)
    }

    /// Whether the hash is that of the entry after `previous`, the versionId before or the SCID.
    pub(crate) fn check_hash(&self, previous: &str) -> Result<(), EntryError> {
        let bytes = self.with_version_id(previous)?;
        if codec::multihash_base58btc(&bytes) == self.claimed_hash() { Ok(()) } else { Err(EntryError::Hash) }
    }

    /// Whether `scid` is the hash of this first entry.
    pub(crate) fn check_scid(&self, scid: &str) -> Result<(), EntryError> {
        let text = std::str::from_utf8(&self.canonical).map_err(|_| EntryError::Scid)?;
        // Otherwise two entries would have one SCID.
        if text.contains(SCID_PLACEHOLDER) || !codec::is_multihash_base58btc(scid) {
            return Err(EntryError::Scid);
        }
        let preliminary = String::from_utf8(self.with_version_id(SCID_PLACEHOLDER)?)
            .map_err(|_| EntryError::Scid)?
            .replace(scid, SCID_PLACEHOLDER);
        // A member name may have changed its place in the canonical order.
        let preliminary = json::parse(preliminary.as_bytes(), MAX_ENTRY_BYTES)?;
        if hash_of(&preliminary)? == scid { Ok(()) } else { Err(EntryError::Scid) }
    }

    /// The canonical bytes with another versionId. Sorted, it is the last member but one, and
    /// neither it nor the timestamp after it has a character that JSON would escape.
    fn with_version_id(&self, version_id: &str) -> Result<Vec<u8>, EntryError> {
        let tail = |id: &str| format!(r#""versionId":"{id}","versionTime":"{}"}}"#, self.time_text);
        let head =
            self.canonical.strip_suffix(tail(&self.version_id).as_bytes()).ok_or(EntryError::VersionId)?;
        Ok([head, tail(version_id).as_bytes()].concat())
    }
}

/// The hash that names a preliminary entry: base58btc of the multihash of its canonical bytes.
pub(crate) fn hash_of(preliminary: &Value) -> Result<String, EntryError> {
    let canonical = jcs::canonical(preliminary).map_err(|_| ProofError::NotCanonical)?;
    Ok(codec::multihash_base58btc(&canonical))
}

/// The number of a versionId `n-hash`.
fn read_number(version_id: &str) -> Option<u32> {
    let (number, hash) = version_id.split_once('-')?;
    let plain = !number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit());
    if plain && codec::is_multihash_base58btc(hash) { number.parse().ok() } else { None }
}

/// UTC may be written `Z` or `+00:00`.
fn read_time(text: &str) -> Result<UnixSeconds, EntryError> {
    let read = if text.ends_with("+00:00") { UnixSeconds::parse } else { UnixSeconds::parse_utc };
    read(text).map_err(|_| EntryError::Time)
}
