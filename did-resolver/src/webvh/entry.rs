//! One line of a log: its members and its hashes.
//!
//! Specification, "The DID Log File", "SCID Generation and Verification" and "Entry Hash Generation
//! and Verification". A line that is canonical, as Marque writes it, is hashed where it stands.

use crate::codec::{self, Sha256Digest, Sha256Parts};
use crate::jcs;
use crate::json;
use crate::proof::ProofError;
use crate::time::UnixSeconds;
use crate::webvh::proof::EntryProof;
use crate::webvh::{EntryError, MAX_ENTRY_BYTES, SCID_PLACEHOLDER};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// An entry that was read; none of its claims is checked yet.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) version_id: String,
    pub(crate) number: u32,
    pub(crate) time: UnixSeconds,
    pub(crate) parameters: Map<String, Value>,
    pub(crate) state: Value,
    time_text: String,
    /// The canonical bytes without the proof, up to `versionId`, in two pieces.
    head: [Cow<'a, [u8]>; 2],
    /// The hash over them, which goes on with one versionId or another.
    hashed: Sha256Parts,
}

impl<'a> Entry<'a> {
    /// Reads a line, and its one proof.
    pub(crate) fn parse(line: &'a [u8]) -> Result<(Self, EntryProof<'a>), EntryError> {
        if line.len() > MAX_ENTRY_BYTES {
            return Err(EntryError::TooLong);
        }
        if let Some(read) = Self::recognise(line) {
            return Ok(read);
        }
        let Value::Object(mut members) = json::parse(line, MAX_ENTRY_BYTES)? else {
            return Err(EntryError::Members);
        };
        let proof = match members.remove("proof").ok_or(EntryError::Members)? {
            Value::Array(proofs) => <[Value; 1]>::try_from(proofs).map_err(|_| ProofError::Shape)?,
            _ => return Err(ProofError::Shape.into()),
        };
        let [proof] = proof;
        Ok((Self::read(members)?, EntryProof::Read(proof)))
    }

    /// Reads a canonical line. `None` for any other, and for one that [`Self::parse`] refuses.
    fn recognise(line: &'a [u8]) -> Option<(Self, EntryProof<'a>)> {
        let text = jcs::recognise(line)?;
        let members = text.members(["parameters", "proof", "state", "versionId", "versionTime"])?;
        let [parameters, proof, state, version_id, time_text] = members;
        let proof = jcs::recognise(proof.strip_prefix(b"[")?.strip_suffix(b"]")?)?;
        let Value::Object(parameters) = json::parse(parameters, MAX_ENTRY_BYTES).ok()? else { return None };
        let state = json::parse(state, MAX_ENTRY_BYTES).ok().filter(Value::is_object)?;
        let (before, after) = text.without("proof");
        let (version_id, time_text) = (jcs::plain_text(version_id)?, jcs::plain_text(time_text)?);
        let after = after.strip_suffix(tail(version_id, time_text).as_bytes())?;
        let head = [Cow::Borrowed(before), Cow::Borrowed(after)];
        let entry =
            Self::of(version_id.to_owned(), time_text.to_owned(), parameters, state, Some(head)).ok()?;
        Some((entry, EntryProof::Canonical(proof)))
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
        let head = canonical.strip_suffix(tail(&version_id, &time_text).as_bytes());
        let head = head.map(|head| [Cow::Owned(head.to_vec()), Cow::Borrowed(&b""[..])]);
        Self::of(version_id, time_text, parameters, state, head)
    }

    fn of(
        version_id: String,
        time_text: String,
        parameters: Map<String, Value>,
        state: Value,
        head: Option<[Cow<'a, [u8]>; 2]>,
    ) -> Result<Self, EntryError> {
        let number = read_number(&version_id).ok_or(EntryError::VersionId)?;
        let time = read_time(&time_text)?;
        // There is one where neither of the two needs an escape, so always.
        let head = head.ok_or(EntryError::VersionId)?;
        let hashed = head.iter().fold(Sha256Parts::default(), |hashed, piece| hashed.and(piece));
        Ok(Self { version_id, number, time, parameters, state, time_text, head, hashed })
    }

    /// The hash that stands in `versionId`.
    fn claimed_hash(&self) -> &str {
        self.version_id.split_once('-').map_or("", |(_, hash)| hash)
    }

    /// SHA-256 of the canonical bytes of the entry without its proof: what the proof covers.
    pub(crate) fn digest(&self) -> Sha256Digest {
        self.digest_with(&self.version_id)
    }

    /// The same with another versionId.
    fn digest_with(&self, version_id: &str) -> Sha256Digest {
        self.hashed.clone().and(tail(version_id, &self.time_text).as_bytes()).finish()
    }

    /// Whether the hash is that of the entry after `previous`, the versionId before or the SCID.
    pub(crate) fn check_hash(&self, previous: &str) -> Result<(), EntryError> {
        let hash = codec::multihash_of_digest_base58btc(&self.digest_with(previous));
        if hash == self.claimed_hash() { Ok(()) } else { Err(EntryError::Hash) }
    }

    /// Whether `scid` is the hash of this first entry.
    pub(crate) fn check_scid(&self, scid: &str) -> Result<(), EntryError> {
        let text = |version_id: &str| {
            let [before, after] = &self.head;
            let bytes = [before, after, tail(version_id, &self.time_text).as_bytes()].concat();
            String::from_utf8(bytes).map_err(|_| EntryError::Scid)
        };
        // Otherwise two entries would have one SCID.
        if text(&self.version_id)?.contains(SCID_PLACEHOLDER) || !codec::is_multihash_base58btc(scid) {
            return Err(EntryError::Scid);
        }
        let preliminary = text(SCID_PLACEHOLDER)?.replace(scid, SCID_PLACEHOLDER);
        // A member name may have changed its place in the canonical order.
        let hash = match jcs::recognise(preliminary.as_bytes()) {
            Some(text) => codec::multihash_base58btc(text.as_bytes()),
            None => hash_of(&json::parse(preliminary.as_bytes(), MAX_ENTRY_BYTES)?)?,
        };
        if hash == scid { Ok(()) } else { Err(EntryError::Scid) }
    }
}

/// The end of the canonical bytes: sorted, these two are the last members. Neither a versionId nor a
/// timestamp has a character that JSON would escape.
fn tail(version_id: &str, time_text: &str) -> String {
    ["\"versionId\":\"", version_id, "\",\"versionTime\":\"", time_text, "\"}"].concat()
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
