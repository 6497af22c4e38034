//! Answers that are kept: to a DID as it is written, in each form in which it was asked for. What is kept is given
//! only while the domain says that it is what it would answer ([`Domain::stands`]).

use crate::ready::{Ready, Said};
use axum::http::HeaderMap;
use marque_flows::domain::Domain;
use marque_flows::resolve::Basis;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::{Mutex, PoisonError};

/// Parts with a lock each, so that the cores of a node rarely wait for each other.
const SHARDS: usize = 64;

/// What an answer is counted with beside its body: its keys, its basis and its place.
const ENTRY_BYTES: usize = 512;

/// Longest answer that is kept: many times the usual one, and not so long that a few would take all the room.
const MAX_ANSWER_BYTES: usize = 64 * 1_024;

/// Room for answers where nothing else is configured: some 30,000 of the usual length, at most 131,072.
pub const DEFAULT_BYTES: usize = 64 * 1_024 * 1_024;

/// A bounded cache.
#[derive(Debug)]
pub struct Answers {
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
    /// Bytes of a generation of one shard.
    generation: usize,
}

/// Two generations: what is asked for moves to the newer one, and the older goes as a whole.
#[derive(Debug, Default)]
struct Shard {
    newer: Map,
    older: Map,
    /// Bytes of the newer one.
    bytes: usize,
}

/// By keys that are hashes, and nobody's choice.
type Map = HashMap<u64, Kept, BuildHasherDefault<AsItIs>>;

/// A hash of a hash: itself.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[derive(Debug)]
struct Kept {
    basis: Basis,
    /// As which it was asked for. An answer may be of another type: without a document only the result says why.
    asked: &'static str,
    ready: Ready,
}

impl Kept {
    fn bytes(&self) -> usize {
        self.ready.len().saturating_add(ENTRY_BYTES)
    }
}

impl Answers {
    /// Takes `bytes` at most; with none nothing is kept.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { hasher: RandomState::new(), shards, generation: bytes / SHARDS / 2 }
    }

    /// Keeps an answer for as long as its basis stands, or there is room.
    pub(crate) fn keep(&self, basis: Basis, asked: &'static str, ready: Ready) {
        let kept = Kept { basis, asked, ready };
        if kept.ready.len() <= MAX_ANSWER_BYTES && kept.bytes() <= self.generation {
            let key = self.key(kept.ready.did(), asked);
            self.with(key, |shard| shard.insert(key, kept, self.generation));
        }
    }

    /// What is answered about `did` to a request with these headers, where that is known without looking.
    pub(crate) fn find(
        &self,
        domain: &Domain,
        did: &str,
        media_type: &'static str,
        headers: &HeaderMap,
    ) -> Option<Said> {
        let key = self.key(did.as_bytes(), media_type);
        let now = domain.now();
        let say = |shard: &mut Shard| {
            let kept = shard.find(key, self.generation)?;
            // What no longer stands is replaced by what is answered in its place.
            let is_this = kept.asked == media_type && kept.ready.did() == did.as_bytes();
            (is_this && domain.stands(&kept.basis, now)).then(|| kept.ready.say(headers, now))
        };
        self.with(key, say).flatten()
    }

    fn key(&self, did: &[u8], media_type: &str) -> u64 {
        // No two types that are offered have one length; those that had would take each other's place.
        self.hasher.hash_one((did, media_type.len()))
    }

    fn with<T>(&self, key: u64, f: impl FnOnce(&mut Shard) -> T) -> Option<T> {
        // By bits that the map of a shard does not go by.
        let shard = self.shards.get(usize::try_from((key >> 32) % SHARDS as u64).ok()?)?;
        Some(f(&mut shard.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Default for Answers {
    fn default() -> Self {
        Self::new(DEFAULT_BYTES)
    }
}

impl Shard {
    fn find(&mut self, key: u64, generation: usize) -> Option<&mut Kept> {
        if !self.newer.contains_key(&key) {
            let kept = self.older.remove(&key)?;
            self.insert(key, kept, generation);
        }
        self.newer.get_mut(&key)
    }

    fn insert(&mut self, key: u64, kept: Kept, generation: usize) {
        let bytes = kept.bytes();
        if self.bytes.saturating_add(bytes) > generation {
            self.older = std::mem::take(&mut self.newer);
            self.bytes = 0;
        }
        // Of the older one of the same key nobody hears any more.
        self.older.remove(&key);
        let before = self.newer.insert(key, kept).map_or(0, |before| before.bytes());
        self.bytes = self.bytes.saturating_add(bytes).saturating_sub(before);
    }
}
