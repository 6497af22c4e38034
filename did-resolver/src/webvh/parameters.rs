//! The parameters of a log: who may update it, and how.
//!
//! Specification, "did:webvh DID Method Parameters", "Authorized Keys" and "Pre-Rotation Key Hash
//! Generation and Verification". `null` means the default, as the specification asks of resolvers.

use crate::codec;
use crate::keys::{KeyKind, PublicKey};
use crate::webvh::{EntryError, Oversight, Witnesses};
use serde_json::{Map, Value, json};

/// The one version of the method that is spoken here.
const METHOD: &str = "did:webvh:1.0";

/// Most update keys, key hashes and watchers of one entry. A domain under rotation has four.
pub const MAX_KEYS: usize = 64;

/// Longest key hash or watcher, in bytes. A hash has 46; the specification allows any text.
const MAX_TEXT_BYTES: usize = 1_024;

/// How long a resolver may keep a document where the log does not say, in seconds.
pub const DEFAULT_TTL_SECONDS: u32 = 3_600;

/// Longest time to live, in seconds.
const MAX_TTL_SECONDS: u32 = 1 << 31;

/// The hash by which a log commits to a key that it will use next.
#[must_use]
pub fn key_hash(key: &PublicKey) -> String {
    codec::multihash_base58btc(key.to_multikey().as_bytes())
}

/// What is in force after an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    update_keys: Vec<PublicKey>,
    next_key_hashes: Vec<String>,
    witnesses: Witnesses,
    watchers: Vec<String>,
    portable: bool,
    deactivated: bool,
    ttl_seconds: u32,
}

impl Parameters {
    /// The keys that may sign the next entry, unless [`Self::pre_rotation`].
    #[must_use]
    pub fn update_keys(&self) -> &[PublicKey] {
        &self.update_keys
    }

    /// The hashes of the keys of which the next entry must choose its update keys.
    #[must_use]
    pub fn next_key_hashes(&self) -> &[String] {
        &self.next_key_hashes
    }

    /// Whether the next entry's update keys are committed to.
    #[must_use]
    pub fn pre_rotation(&self) -> bool {
        !self.next_key_hashes.is_empty()
    }

    /// Whether an entry by `key` may come next: whether it is an update key, or one that is committed to.
    /// After a deactivation none may.
    #[must_use]
    pub fn may_sign_next(&self, key: &PublicKey) -> bool {
        if self.deactivated {
            false
        } else if self.pre_rotation() {
            self.next_key_hashes.contains(&key_hash(key))
        } else {
            self.update_keys.contains(key)
        }
    }

    /// Who must approve the next entry, or nobody.
    #[must_use]
    pub const fn witnesses(&self) -> &Witnesses {
        &self.witnesses
    }

    /// Who offers copies of the log, as the controller says.
    #[must_use]
    pub fn watchers(&self) -> &[String] {
        &self.watchers
    }

    /// Whether the DID may move to another location.
    #[must_use]
    pub const fn portable(&self) -> bool {
        self.portable
    }

    /// Whether the log ended.
    #[must_use]
    pub const fn deactivated(&self) -> bool {
        self.deactivated
    }

    /// How long a resolver may keep the document, in seconds.
    #[must_use]
    pub const fn ttl_seconds(&self) -> u32 {
        self.ttl_seconds
    }

    /// What a first entry puts in force, and its SCID.
    pub(crate) fn first(json: &Map<String, Value>) -> Result<(String, Self), EntryError> {
        let changes = Changes::read(json)?;
        if !changes.method {
            return Err(EntryError::Method);
        }
        let scid = changes.scid.ok_or(EntryError::Scid)?;
        let parameters = Self {
            update_keys: changes.update_keys.ok_or(EntryError::Parameter)?,
            next_key_hashes: changes.next_key_hashes.unwrap_or_default(),
            witnesses: changes.witnesses.unwrap_or_default(),
            watchers: changes.watchers.unwrap_or_default(),
            portable: changes.portable.unwrap_or_default(),
            deactivated: changes.deactivated.unwrap_or_default(),
            ttl_seconds: changes.ttl.unwrap_or(DEFAULT_TTL_SECONDS),
        };
        if parameters.update_keys.is_empty() { Err(EntryError::NoUpdateKeys) } else { Ok((scid, parameters)) }
    }

    /// What is in force after a later entry.
    pub(crate) fn next(&self, json: &Map<String, Value>) -> Result<Self, EntryError> {
        if self.deactivated {
            return Err(EntryError::Deactivated);
        }
        let changes = Changes::read(json)?;
        if changes.scid.is_some() {
            return Err(EntryError::UnknownParameter);
        }
        if changes.portable == Some(true) {
            return Err(EntryError::Parameter);
        }
        if self.pre_rotation() {
            let (Some(keys), Some(_)) = (&changes.update_keys, &changes.next_key_hashes) else {
                return Err(EntryError::PreRotationOmitted);
            };
            if !keys.iter().all(|key| self.next_key_hashes.contains(&key_hash(key))) {
                return Err(EntryError::NotCommitted);
            }
        }
        Ok(Self {
            update_keys: changes.update_keys.unwrap_or_else(|| self.update_keys.clone()),
            next_key_hashes: changes.next_key_hashes.unwrap_or_else(|| self.next_key_hashes.clone()),
            witnesses: changes.witnesses.unwrap_or_else(|| self.witnesses.clone()),
            watchers: changes.watchers.unwrap_or_else(|| self.watchers.clone()),
            portable: changes.portable.unwrap_or(self.portable),
            deactivated: changes.deactivated.unwrap_or_default(),
            ttl_seconds: changes.ttl.unwrap_or(self.ttl_seconds),
        })
    }

    /// The keys of which one must sign an entry that puts `self` in force after `previous`.
    pub(crate) fn signers<'a>(&'a self, previous: Option<&'a Self>) -> Result<&'a [PublicKey], EntryError> {
        let active = match previous {
            Some(previous) if !previous.pre_rotation() => previous.update_keys(),
            _ => self.update_keys(),
        };
        if active.is_empty() { Err(EntryError::NoUpdateKeys) } else { Ok(active) }
    }

    /// The witnesses that must approve an entry that puts `self` in force after `previous`: those
    /// before it, so that no entry lowers its own bar, and where there were none its own.
    pub(crate) fn approvers<'a>(&'a self, previous: Option<&'a Self>) -> &'a Witnesses {
        match previous {
            Some(previous) if !previous.witnesses.is_none() => &previous.witnesses,
            _ => &self.witnesses,
        }
    }
}

/// What one entry says.
#[derive(Debug, Default)]
struct Changes {
    method: bool,
    scid: Option<String>,
    update_keys: Option<Vec<PublicKey>>,
    next_key_hashes: Option<Vec<String>>,
    witnesses: Option<Witnesses>,
    watchers: Option<Vec<String>>,
    portable: Option<bool>,
    deactivated: Option<bool>,
    ttl: Option<u32>,
}

impl Changes {
    fn read(json: &Map<String, Value>) -> Result<Self, EntryError> {
        let mut changes = Self::default();
        for (name, value) in json {
            match name.as_str() {
                "method" if value == METHOD => changes.method = true,
                "method" => return Err(EntryError::Method),
                "scid" => changes.scid = Some(value.as_str().ok_or(EntryError::Scid)?.to_owned()),
                "updateKeys" => changes.update_keys = Some(read_keys(value)?),
                "nextKeyHashes" => changes.next_key_hashes = Some(read_texts(value)?),
                "watchers" => changes.watchers = Some(read_texts(value)?),
                "portable" => changes.portable = Some(value.as_bool().ok_or(EntryError::Parameter)?),
                "deactivated" => changes.deactivated = Some(value.as_bool().ok_or(EntryError::Parameter)?),
                "ttl" => changes.ttl = Some(read_ttl(value)?),
                "witness" => changes.witnesses = Some(Witnesses::read(value)?),
                _ => return Err(EntryError::UnknownParameter),
            }
        }
        Ok(changes)
    }
}

fn read_texts(json: &Value) -> Result<Vec<String>, EntryError> {
    let items = match json {
        Value::Null => return Ok(Vec::new()),
        Value::Array(items) if items.len() <= MAX_KEYS => items,
        _ => return Err(EntryError::Parameter),
    };
    let mut texts: Vec<String> = Vec::with_capacity(items.len());
    for item in items {
        let text = item.as_str().filter(|t| t.len() <= MAX_TEXT_BYTES).ok_or(EntryError::Parameter)?;
        if texts.iter().any(|t| t == text) {
            return Err(EntryError::Parameter);
        }
        texts.push(text.to_owned());
    }
    Ok(texts)
}

fn read_keys(json: &Value) -> Result<Vec<PublicKey>, EntryError> {
    let texts = read_texts(json).map_err(|_| EntryError::UpdateKey)?;
    let read = |text: &String| {
        let key = PublicKey::from_multikey(text).map_err(|_| EntryError::UpdateKey)?;
        let signs = key.kind() == KeyKind::Ed25519 && key.to_multikey() == *text;
        if signs { Ok(key) } else { Err(EntryError::UpdateKey) }
    };
    texts.iter().map(read).collect()
}

fn read_ttl(json: &Value) -> Result<u32, EntryError> {
    if json.is_null() {
        return Ok(DEFAULT_TTL_SECONDS);
    }
    let seconds = json.as_u64().and_then(|s| u32::try_from(s).ok()).filter(|s| *s <= MAX_TTL_SECONDS);
    seconds.ok_or(EntryError::Parameter)
}

/// The parameters of a first entry.
pub(crate) fn write_first(
    update_keys: &[PublicKey],
    next_key_hashes: &[String],
    portable: bool,
    ttl_seconds: Option<u32>,
    oversight: &Oversight,
) -> Value {
    let mut json = json!({
        "method": METHOD,
        "scid": crate::webvh::SCID_PLACEHOLDER,
        "updateKeys": write_keys(update_keys),
        "portable": portable,
    });
    if let Some(members) = json.as_object_mut() {
        if !next_key_hashes.is_empty() {
            members.insert("nextKeyHashes".to_owned(), json!(next_key_hashes));
        }
        if let Some(ttl) = ttl_seconds {
            members.insert("ttl".to_owned(), json!(ttl));
        }
        write_oversight(members, oversight);
    }
    json
}

/// Adds `witness` and `watchers`, where they are set.
pub(crate) fn write_oversight(parameters: &mut Map<String, Value>, oversight: &Oversight) {
    if let Some(witnesses) = &oversight.witnesses {
        parameters.insert("witness".to_owned(), witnesses.to_json());
    }
    if let Some(watchers) = &oversight.watchers {
        parameters.insert("watchers".to_owned(), json!(watchers));
    }
}

/// `updateKeys`.
pub(crate) fn write_keys(keys: &[PublicKey]) -> Value {
    keys.iter().map(|key| Value::String(key.to_multikey())).collect()
}
