//! Signatures that were verified before, so that links and identity credentials that come again and again
//! cost one hash each.
//!
//! An entry says: these very bytes bear a signature that verified under this very key. That stays true
//! for ever; whether the key still counts, and whether the credential does, is asked anew each time. So
//! an entry answers for nothing once the signer's document lists another key, and nothing past the end of
//! its credential. No status, no document, no verdict and no presentation is ever kept here.

use crate::secure::Secured;
use did_resolver::codec::{self, Sha256Digest};
use did_resolver::keys::PublicKey;
use did_resolver::time::UnixSeconds;
use std::collections::{BTreeMap, VecDeque};

/// What a verifier keeps by default: some 250 bytes an entry, so 4 MiB.
pub const DEFAULT_CAPACITY: usize = 16_384;

/// SHA-256 of something secured, whole: its media type, what is signed, and the signature.
pub(crate) fn name_of(secured: &Secured) -> Sha256Digest {
    codec::sha256_of(&[secured.media_type().as_bytes(), &[0], secured.bytes()])
}

/// A signature that was just verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    pub(crate) name: Sha256Digest,
    pub(crate) key: PublicKey,
    pub(crate) until: UnixSeconds,
}

/// Signatures that were verified before, the newest of them.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    capacity: usize,
    entries: BTreeMap<Sha256Digest, (PublicKey, UnixSeconds)>,
    order: VecDeque<Sha256Digest>,
}

impl Seen {
    /// Holds at most `capacity` entries.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        Self { capacity, entries: BTreeMap::new(), order: VecDeque::new() }
    }

    /// Whether what is called `name` bears a signature that verified under `key`, and was not over.
    #[must_use]
    pub fn knows(&self, name: &Sha256Digest, key: &PublicKey, now: UnixSeconds) -> bool {
        self.entries.get(name).is_some_and(|(known, until)| known == key && now < *until)
    }

    /// Takes in what a check verified. The oldest go where there are too many.
    pub fn take(&mut self, sightings: Vec<Sighting>, now: UnixSeconds) {
        for Sighting { name, key, until } in sightings.into_iter().filter(|sighting| now < sighting.until) {
            if self.entries.insert(name, (key, until)).is_none() {
                self.order.push_back(name);
            }
        }
        while let Some(oldest) = self.order.front() {
            let over = self.entries.get(oldest).is_none_or(|(_, until)| *until <= now);
            if self.entries.len() <= self.capacity && !over {
                break;
            }
            self.entries.remove(oldest);
            self.order.pop_front();
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::SigningKey;

    fn key(seed: u8) -> PublicKey {
        PublicKey::ed25519(SigningKey::from_bytes(&[seed; 32]).verifying_key().as_bytes()).unwrap()
    }

    const fn at(seconds: u64) -> UnixSeconds {
        UnixSeconds::new(seconds)
    }

    fn sighting(name: u8, key: PublicKey, until: u64) -> Sighting {
        Sighting { name: [name; 32], key, until: at(until) }
    }

    #[test]
    fn an_entry_answers_for_its_bytes_and_its_key_until_its_end() {
        let mut seen = Seen::new(8);
        seen.take(vec![sighting(1, key(1), 100), sighting(2, key(1), 5)], at(10));
        assert_eq!(seen.len(), 1, "what is over is not taken in");
        assert!(seen.knows(&[1; 32], &key(1), at(99)));
        assert!(!seen.knows(&[1; 32], &key(1), at(100)));
        assert!(!seen.knows(&[1; 32], &key(2), at(10)));
        assert!(!seen.knows(&[2; 32], &key(1), at(10)));
        seen.take(vec![sighting(1, key(2), 100)], at(10));
        assert!(seen.knows(&[1; 32], &key(2), at(10)) && !seen.knows(&[1; 32], &key(1), at(10)));
        seen.take(Vec::new(), at(100));
        assert!(seen.is_empty() && seen.order.is_empty(), "what is over goes");
    }

    #[test]
    fn the_oldest_and_what_is_over_go_first_and_the_bound_holds() {
        let mut seen = Seen::new(3);
        seen.take((0..3).map(|name| sighting(name, key(1), 100)).collect(), at(0));
        seen.take(vec![sighting(3, key(1), 200)], at(0));
        let known = |seen: &Seen, now| {
            (0..5).filter(|n| seen.knows(&[*n; 32], &key(1), at(now))).collect::<Vec<u8>>()
        };
        assert_eq!(known(&seen, 0), [1, 2, 3]);
        seen.take(vec![sighting(4, key(1), 200)], at(150));
        assert_eq!((known(&seen, 150), seen.len()), (vec![3, 4], 2));
        for round in 0..200_u8 {
            seen.take(vec![sighting(round, key(1), 300)], at(150));
            assert!(seen.len() <= 3 && seen.order.len() == seen.len());
        }
    }
}
