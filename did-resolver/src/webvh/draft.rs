//! New entries, signed in two steps.
//!
//! Specification, "Create (Register)", "Update (Rotate)" and "Deactivate (Revoke)". A draft has
//! passed every rule that a verifier checks, the proof excepted, and no relationship of its document
//! names a key that is not there.

use crate::codec::Sha256Digest;
use crate::did::Did;
use crate::document::DocumentError;
use crate::jcs;
use crate::json;
use crate::keys::PublicKey;
use crate::proof::{self, HashData, ProofError, Suite};
use crate::time::UnixSeconds;
use crate::webvh::entries::admit;
use crate::webvh::entry::{Entry, hash_of};
use crate::webvh::parameters::{write_first, write_keys, write_oversight};
use crate::webvh::proof::options_for;
use crate::webvh::{
    EntryError, Location, Log, LogError, MAX_ENTRIES, MAX_ENTRY_BYTES, SCID_PLACEHOLDER, Version, WebvhId,
    Witnesses,
};
use serde_json::{Map, Value, json};

/// What a new DID begins with.
#[derive(Debug, Clone)]
pub struct Genesis {
    /// The domain name.
    pub host: String,
    /// The port, if it is not the usual one.
    pub port: Option<u16>,
    /// The path segments.
    pub path: Vec<String>,
    /// The first document, with [`SCID_PLACEHOLDER`] wherever the SCID is to stand; `id` is added
    /// where it is missing.
    pub document: Value,
    /// Who may sign this entry and, without pre-rotation, the next. Ed25519.
    pub update_keys: Vec<PublicKey>,
    /// The [`super::key_hash`]es of who may sign the next one; empty for no pre-rotation.
    pub next_key_hashes: Vec<String>,
    /// When.
    pub time: UnixSeconds,
    /// Whether the DID may later move.
    pub portable: bool,
    /// How long resolvers may keep the document, in seconds, if not the default.
    pub ttl_seconds: Option<u32>,
}

/// What a new entry changes. Under pre-rotation both key lists must be given.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// The new document.
    pub document: Option<Value>,
    /// Who may sign the next entry, and under pre-rotation this one.
    pub update_keys: Option<Vec<PublicKey>>,
    /// The hashes of who may sign the next one; an empty list ends pre-rotation.
    pub next_key_hashes: Option<Vec<String>>,
    /// Ends the log.
    pub deactivate: bool,
}

/// Who oversees the log from this entry on. `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct Oversight {
    /// Who must approve entries: from the next one on, or from this one where there were none.
    pub witnesses: Option<Witnesses>,
    /// The URLs of who offers copies of the log.
    pub watchers: Option<Vec<String>>,
}

/// An entry that waits for the signature of one of its signers.
#[derive(Debug, Clone)]
pub struct EntryDraft {
    members: Map<String, Value>,
    /// SHA-256 of the canonical bytes.
    digest: Sha256Digest,
    signers: Vec<PublicKey>,
    approvers: Witnesses,
    version: Version,
}

/// As [`create_with`], for a log that nobody oversees.
///
/// # Errors
/// As there.
pub fn create(genesis: Genesis) -> Result<EntryDraft, LogError> {
    create_with(genesis, &Oversight::default())
}

/// Prepares the first entry of a new log.
///
/// # Errors
/// [`LogError`] names the rule that the entry would break.
pub fn create_with(genesis: Genesis, oversight: &Oversight) -> Result<EntryDraft, LogError> {
    let location = Location::new(&genesis.host, genesis.port, &genesis.path)?;
    let first = |why: EntryError| why.at(1);
    let did = WebvhId::text(SCID_PLACEHOLDER, &location);
    let mut state = genesis.document;
    let members = state.as_object_mut().ok_or(EntryError::Members).map_err(first)?;
    if *members.entry("id").or_insert_with(|| json!(did)) != json!(did) {
        return Err(first(EntryError::StateScid));
    }
    let parameters = write_first(
        &genesis.update_keys,
        &genesis.next_key_hashes,
        genesis.portable,
        genesis.ttl_seconds,
        oversight,
    );
    let preliminary = json!({
        "versionId": SCID_PLACEHOLDER,
        "versionTime": genesis.time.to_string(),
        "parameters": parameters,
        "state": state,
    });
    let scid = hash_of(&preliminary).map_err(first)?;
    let text = preliminary.to_string().replace(SCID_PLACEHOLDER, &scid);
    let placed = json::parse(text.as_bytes(), MAX_ENTRY_BYTES).map_err(|e| first(e.into()))?;
    draft(placed, None, genesis.time).map_err(first)
}

impl Log {
    /// As [`Self::append_with`], with the oversight as it is.
    ///
    /// # Errors
    /// As there.
    pub fn append(
        &self,
        change: Change,
        time: UnixSeconds,
        now: UnixSeconds,
    ) -> Result<EntryDraft, LogError> {
        self.append_with(change, &Oversight::default(), time, now)
    }

    /// Prepares the next entry. `time` must lie at least a second after the head's, and not more
    /// than [`super::MAX_AHEAD`] after `now`. A portable DID moves by a document with a new `id`
    /// that names the old one in `alsoKnownAs`.
    ///
    /// # Errors
    /// [`LogError`] names the rule that the entry would break.
    pub fn append_with(
        &self,
        change: Change,
        oversight: &Oversight,
        time: UnixSeconds,
        now: UnixSeconds,
    ) -> Result<EntryDraft, LogError> {
        let head = self.head();
        if head.number as usize >= MAX_ENTRIES {
            return Err(LogError::TooManyEntries);
        }
        let mut parameters = Map::new();
        if let Some(keys) = &change.update_keys {
            parameters.insert("updateKeys".to_owned(), write_keys(keys));
        }
        if let Some(hashes) = change.next_key_hashes {
            parameters.insert("nextKeyHashes".to_owned(), json!(hashes));
        }
        if change.deactivate {
            parameters.insert("deactivated".to_owned(), Value::Bool(true));
        }
        write_oversight(&mut parameters, oversight);
        let preliminary = json!({
            "versionId": head.id,
            "versionTime": time.to_string(),
            "parameters": parameters,
            "state": change.document.unwrap_or_else(|| head.document().json().clone()),
        });
        draft(preliminary, Some(head), now).map_err(|why| why.at(head.number.saturating_add(1)))
    }
}

/// Gives the preliminary entry its versionId, and checks it.
fn draft(preliminary: Value, previous: Option<&Version>, now: UnixSeconds) -> Result<EntryDraft, EntryError> {
    let number = previous.map_or(1, |p| p.number.saturating_add(1));
    let id = format!("{number}-{}", hash_of(&preliminary)?);
    let Value::Object(mut members) = preliminary else { return Err(EntryError::Members) };
    members.insert("versionId".to_owned(), Value::String(id));
    let entry = Entry::read(members.clone())?;
    let (version, digest) = admit(entry, previous, now)?;
    if version.document().dangling().next().is_some() {
        return Err(DocumentError::Relationship.into());
    }
    let signers = version.parameters().signers(previous.map(Version::parameters))?.to_vec();
    let approvers = version.parameters().approvers(previous.map(Version::parameters)).clone();
    Ok(EntryDraft { members, digest, signers, approvers, version })
}

impl EntryDraft {
    /// The DID, as it will be.
    #[must_use]
    pub fn did(&self) -> &Did {
        self.version.webvh().did()
    }

    /// The version, as it will be.
    #[must_use]
    pub const fn version(&self) -> &Version {
        &self.version
    }

    /// The keys of which one must sign.
    #[must_use]
    pub fn signers(&self) -> &[PublicKey] {
        &self.signers
    }

    /// Who must approve the finished line before it is published: see [`super::WitnessDraft`].
    #[must_use]
    pub const fn approvers(&self) -> &Witnesses {
        &self.approvers
    }

    /// The bytes that `key` must sign.
    ///
    /// # Errors
    /// [`EntryError::NotAnUpdateKey`], in a [`LogError`], where `key` is not among the signers.
    pub fn signing_input(&self, key: &PublicKey) -> Result<HashData, LogError> {
        self.prepare(key).map(|(_, input)| input).map_err(|why| why.at(self.version.number))
    }

    /// The finished line, with its line end, to stand after what the log has.
    ///
    /// # Errors
    /// As [`Self::signing_input`]; [`ProofError::BadSignature`] where the signature does not verify;
    /// [`EntryError::TooLong`].
    pub fn attach(self, key: &PublicKey, signature: &[u8]) -> Result<Vec<u8>, LogError> {
        let number = self.version.number;
        self.finish(key, signature).map_err(|why| why.at(number))
    }

    fn prepare(&self, key: &PublicKey) -> Result<(Map<String, Value>, HashData), EntryError> {
        if !self.signers.contains(key) {
            return Err(EntryError::NotAnUpdateKey);
        }
        let options = options_for(key, self.version.time).ok_or(EntryError::NotAnUpdateKey)?;
        let input = Suite::EddsaJcs2022.hash_with(&options, &self.digest)?;
        Ok((options, input))
    }

    fn finish(mut self, key: &PublicKey, signature: &[u8]) -> Result<Vec<u8>, EntryError> {
        let (options, input) = self.prepare(key)?;
        let proof = proof::finish(options, Suite::EddsaJcs2022, &input, key, signature)?;
        self.members.insert("proof".to_owned(), Value::Array(vec![proof]));
        // Canonical, so that who verifies it need not make it so.
        let mut line = jcs::canonical_object(&self.members).map_err(|_| ProofError::NotCanonical)?;
        if line.len() > MAX_ENTRY_BYTES {
            return Err(EntryError::TooLong);
        }
        line.push(b'\n');
        Ok(line)
    }
}
