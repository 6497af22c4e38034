//! Documents of DIDs that are their own (did:key, did:jwk, did:peer), kept so that they are made once.

use did_resolver::did::Did;
use did_resolver::resolution::{Resolution, ResolutionError};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

/// Parts with a lock each, so that the cores of a node rarely wait for each other.
const SHARDS: usize = 16;

/// Documents that a node keeps. One has 1 KiB usually and 8 KiB at most, so 64 MiB at the worst.
pub const MAX_DOCUMENTS: usize = 8_192;

/// A bounded cache. What it answers follows from the DID alone, so nothing in it grows old; finding and
/// taking in take the same time however much it holds.
#[derive(Debug)]
pub struct Documents {
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
    /// Entries of a generation of one shard.
    generation: usize,
}

/// Two generations: what is asked for moves to the newer one, and the older goes as a whole.
#[derive(Debug, Default)]
struct Shard {
    newer: HashMap<Did, Arc<Resolution>>,
    older: HashMap<Did, Arc<Resolution>>,
}

impl Documents {
    /// Holds `capacity` documents at most, and one at least in each of its parts.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let generation = (capacity / SHARDS / 2).max(1);
        Self { hasher: RandomState::new(), shards: Default::default(), generation }
    }

    /// The resolution of a DID that is its own, and whether it was held already.
    ///
    /// # Errors
    /// As [`Resolution::of_did`]. Refusals are not kept: they cost nobody much.
    pub fn resolve(&self, did: &Did) -> Result<(Arc<Resolution>, bool), ResolutionError> {
        if let Some(held) = self.with(did, |shard| shard.find(did, self.generation)).flatten() {
            return Ok((held, true));
        }
        let made = Arc::new(Resolution::of_did(did, None)?);
        self.with(did, |shard| shard.insert(did.clone(), Arc::clone(&made), self.generation));
        Ok((made, false))
    }

    fn with<T>(&self, did: &Did, f: impl FnOnce(&mut Shard) -> T) -> Option<T> {
        let place = usize::try_from(self.hasher.hash_one(did) % SHARDS as u64).ok()?;
        let shard = self.shards.get(place)?;
        Some(f(&mut shard.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        let held = |shard: &Mutex<Shard>| shard.lock().map(|s| s.newer.len() + s.older.len()).unwrap_or(0);
        self.shards.iter().map(held).sum()
    }
}

impl Default for Documents {
    fn default() -> Self {
        Self::new(MAX_DOCUMENTS)
    }
}

impl Shard {
    fn find(&mut self, did: &Did, generation: usize) -> Option<Arc<Resolution>> {
        if let Some(held) = self.newer.get(did) {
            return Some(Arc::clone(held));
        }
        let (did, held) = self.older.remove_entry(did)?;
        self.insert(did, Arc::clone(&held), generation);
        Some(held)
    }

    fn insert(&mut self, did: Did, resolution: Arc<Resolution>, generation: usize) {
        if self.newer.len() >= generation {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(did, resolution);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use did_resolver::codec;
    use did_resolver::keys::PublicKey;
    use proptest::prelude::*;

    fn did(n: u64) -> Did {
        let seed = codec::sha256(&n.to_be_bytes());
        let key = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
        format!("did:key:{}", PublicKey::ed25519(key.as_bytes()).unwrap().to_multikey()).parse().unwrap()
    }

    #[test]
    fn a_document_is_made_once_and_given_out_as_it_is() {
        let documents = Documents::default();
        let (made, held) = documents.resolve(&did(1)).unwrap();
        assert!(!held);
        assert_eq!(*made, Resolution::of_did(&did(1), None).unwrap());
        let (again, held) = documents.resolve(&did(1)).unwrap();
        assert!(held && Arc::ptr_eq(&made, &again));
    }

    #[test]
    fn what_is_refused_is_refused_again_and_takes_no_room() {
        let documents = Documents::default();
        let wrong: Did = "did:key:zNoKey".parse().unwrap();
        for _ in 0..2 {
            assert_eq!(documents.resolve(&wrong).err(), Some(ResolutionError::InvalidDid));
        }
        let other: Did = "did:web:a.test".parse().unwrap();
        assert_eq!(documents.resolve(&other).err(), Some(ResolutionError::MethodNotSupported));
        assert_eq!(documents.len(), 0);
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_makes_room() {
        let documents = Documents::new(64);
        let (kept, _) = documents.resolve(&did(0)).unwrap();
        for n in 1..500 {
            documents.resolve(&did(n)).unwrap();
            let (again, _) = documents.resolve(&did(0)).unwrap();
            assert!(Arc::ptr_eq(&kept, &again), "{n}");
        }
        assert!(documents.len() <= 64, "{}", documents.len());
        assert!(!documents.resolve(&did(1)).unwrap().1, "nobody asked for it again");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn a_cache_answers_as_the_method_does_and_keeps_to_its_bound(
            capacity in 1_usize..100,
            asked in proptest::collection::vec(0_u64..60, 1..200),
        ) {
            let documents = Documents::new(capacity);
            for n in asked {
                let (found, _) = documents.resolve(&did(n)).unwrap();
                let document = found.document.as_ref().unwrap();
                prop_assert!(document["id"] == did(n).as_str());
            }
            prop_assert!(documents.len() <= capacity.max(2 * SHARDS));
        }
    }
}
