//! Credentials that were seen before: read, and verified, so that links and identity credentials that come
//! again and again cost one look each.
//!
//! An entry says: these very bytes read so, and bear a signature that verified under this very key. That
//! stays true for ever; whether the key still counts, and whether the credential does, is asked anew each
//! time. So an entry answers for no signature once the signer's document lists another key, and for none
//! past the end of its credential. No status, no document, no verdict and no presentation is ever kept here.

use crate::chain::Link;
use crate::claims::Claims;
use crate::credential::{Credential, CredentialError};
use crate::secure::{Envelope, Secured};
use did_resolver::json::Json;
use did_resolver::keys::PublicKey;
use did_resolver::time::UnixSeconds;
use std::borrow::Borrow;
use std::collections::{HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Credentials that a verifier keeps by default.
pub const DEFAULT_CAPACITY: usize = 16_384;

/// Memory that they take at most, as [`weight`] reckons it: some 4,000 credentials of the usual 1.5 KiB.
pub const MAX_SEEN_BYTES: usize = 64 * 1024 * 1024;

/// A credential as it was read, which follows from its bytes alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Read {
    /// A link of a chain.
    Link(Arc<Link>),
    /// Any other.
    Other(Arc<Credential>),
}

impl Read {
    /// Reads what is secured.
    pub(crate) fn of(secured: &Secured) -> Result<Self, CredentialError> {
        let credential = Credential::read(secured.document())?;
        Ok(match &credential.claims {
            Claims::Delegation(delegation) => Self::Link(Arc::new(Link {
                delegation: delegation.clone(),
                digest: secured.digest(),
                size_bytes: secured.bytes().len(),
                credential,
            })),
            _ => Self::Other(Arc::new(credential)),
        })
    }

    pub(crate) fn valid_until(&self) -> UnixSeconds {
        match self {
            Self::Link(link) => link.credential.valid_until,
            Self::Other(credential) => credential.valid_until,
        }
    }
}

/// A credential whose signature was just verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    pub(crate) secured: Secured,
    pub(crate) read: Read,
    pub(crate) key: PublicKey,
}

/// What is known of a credential that was seen before: how it reads, and under which key its signature
/// verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) read: Read,
    pub(crate) key: PublicKey,
}

/// Something secured, by its bytes.
#[derive(Debug, Clone)]
struct Whole(Secured);

impl Borrow<[u8]> for Whole {
    fn borrow(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl PartialEq for Whole {
    fn eq(&self, other: &Self) -> bool {
        self.0.bytes() == other.0.bytes()
    }
}

impl Eq for Whole {}

impl Hash for Whole {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.bytes().hash(state);
    }
}

#[derive(Debug, Clone)]
struct Entry {
    read: Read,
    key: PublicKey,
    weight: usize,
}

/// Credentials that were seen before, the newest of them.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    capacity: usize,
    entries: HashMap<Whole, Entry>,
    order: VecDeque<Whole>,
    weight: usize,
}

impl Seen {
    /// Holds at most `capacity` credentials, and at most [`MAX_SEEN_BYTES`] of them.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity, ..Self::default() }
    }

    /// The credential with these bytes, and what is known of it.
    pub(crate) fn known(&self, envelope: Envelope, bytes: &[u8]) -> Option<(Secured, Known)> {
        let (secured, entry) = self.find(envelope, bytes)?;
        Some((secured.clone(), Known { read: entry.read.clone(), key: entry.key.clone() }))
    }

    /// Whether `secured` bears a signature that verified under `key`, and is not over.
    #[must_use]
    pub fn knows(&self, secured: &Secured, key: &PublicKey, now: UnixSeconds) -> bool {
        let found = self.find(secured.envelope(), secured.bytes());
        found.is_some_and(|(_, entry)| entry.key == *key && now < entry.read.valid_until())
    }

    fn find(&self, envelope: Envelope, bytes: &[u8]) -> Option<(&Secured, &Entry)> {
        let (Whole(secured), entry) = self.entries.get_key_value(bytes)?;
        (secured.envelope() == envelope).then_some((secured, entry))
    }

    /// Takes in what a check verified. The oldest go where there are too many.
    pub fn take(&mut self, sightings: Vec<Sighting>, now: UnixSeconds) {
        for Sighting { secured, read, key } in sightings {
            if read.valid_until() <= now {
                continue;
            }
            let weight = weight(&secured);
            self.weight += weight;
            match self.entries.insert(Whole(secured.clone()), Entry { read, key, weight }) {
                None => self.order.push_back(Whole(secured)),
                Some(before) => self.weight -= before.weight,
            }
        }
        while let Some(oldest) = self.order.front() {
            let over = self.entries.get(oldest).is_none_or(|entry| entry.read.valid_until() <= now);
            if self.entries.len() <= self.capacity && self.weight <= MAX_SEEN_BYTES && !over {
                break;
            }
            self.weight -= self.entries.remove(oldest).map_or(0, |entry| entry.weight);
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

/// The bytes of memory that an entry takes, rather too many: what came, what the signature covers and the
/// text of the document, and the document twice, as JSON and as it was read. An SD-JWT is also kept in its parts: what was signed,
/// whose digests take more room than their text, and each claim that it shows.
fn weight(secured: &Secured) -> usize {
    let (bytes, document) = (secured.bytes().len(), heap(secured.document()));
    let parts = if secured.sd_jwt().is_some() { 8 * bytes + 2 * document } else { 0 };
    4 * bytes + 2 * document + parts
}

/// A node of a tree of members has room for eleven.
const NODE_BYTES: usize = 640;

/// What a document takes in owned parts, which are made of it where somebody asks for them.
fn heap(json: Json<'_>) -> usize {
    if let Some(items) = json.items() {
        return 64 + items.map(heap).sum::<usize>();
    }
    if let Some(members) = json.members() {
        let members = members.map(|(name, value)| 64 + name.len() + heap(value));
        return NODE_BYTES + members.map(|bytes| bytes + NODE_BYTES / 8).sum::<usize>();
    }
    json.as_str().map_or(32, |text| 64 + text.len())
}

#[cfg(test)]
mod tests;
