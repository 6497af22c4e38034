//! What a replica holds, domain by domain, as items with a digest that two nodes can compare
//! (MESH.md D6).
//!
//! An item's id is `sha256(kind ‖ length of subject ‖ subject ‖ seq ‖ digest)`. The ids of a domain
//! fall into 256 buckets by their first byte; a bucket's digest is SHA-256 over its ids in order, the
//! domain's root is SHA-256 over the bucket digests. Nodes compare roots, then buckets, then ever smaller
//! ranges by the next nibble, until few ids are left.

mod compare;
pub mod range;

pub use compare::Narrowed;

use crate::replica::Refusal;
use crate::replica::limits::{MAX_BRANCHES, MAX_ITEMS_PER_DOMAIN, MAX_LISTS, MAX_SUBJECT_BYTES};
use did_resolver::codec::{Sha256Digest, sha256, sha256_of};
use std::collections::{BTreeMap, BTreeSet};

/// How many buckets a domain's ids fall into.
pub const BUCKETS: usize = 256;

/// Bytes of a bucket's digest on the wire. A collision hides nothing: the root still differs, and
/// then every bucket is asked for.
pub const BUCKET_DIGEST_BYTES: usize = 4;

/// What encoding adds to an item's subject, in bytes: heads, kind, sequence number and digest.
const ITEM_OVERHEAD_BYTES: usize = 64;

/// Which kind of object an item stands for. A log is one item however it is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemKind {
    /// A DID log: the subject is the DID, `seq` its version number, `digest` as [`log_digest`].
    Log,
    /// A signed status list: the subject is its URL, `seq` its sequence number, `digest` is SHA-256
    /// of the signed bytes.
    StatusList,
    /// A proof of two histories: the subject is the DID, `seq` the first number at which they differ,
    /// `digest` is SHA-256 of the document.
    DuplicityProof,
    /// The membership epoch of a domain: the subject is its DID, `seq` the number, `digest` is SHA-256 of
    /// what is signed.
    Membership,
    /// Whom a domain states that it recognises: the subject is its DID, `seq` the number, `digest` is SHA-256 of what
    /// is signed.
    Recognitions,
    /// One that only later releases know, by its number. A peer of one may hold such items; here they are
    /// neither held nor asked for.
    Later(u8),
}

impl ItemKind {
    /// Those that are held here.
    pub const KNOWN: [Self; 5] =
        [Self::Log, Self::StatusList, Self::DuplicityProof, Self::Membership, Self::Recognitions];

    /// Most items of this kind that are held of one subject.
    #[must_use]
    pub const fn most_of_a_subject(self) -> usize {
        match self {
            Self::StatusList => MAX_LISTS,
            Self::Log | Self::DuplicityProof | Self::Membership | Self::Recognitions | Self::Later(_) => {
                MAX_BRANCHES
            }
        }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Log => 1,
            Self::StatusList => 2,
            Self::DuplicityProof => 3,
            Self::Membership => 4,
            Self::Recognitions => 5,
            Self::Later(number) => number,
        }
    }

    /// The kind of this number, which is one byte and not zero.
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        let number = u8::try_from(number).ok().filter(|number| *number > 0)?;
        let known = Self::KNOWN.into_iter().find(|kind| kind.number() == number);
        Some(known.unwrap_or(Self::Later(number)))
    }
}

/// One thing held: one branch of one log, one status list, or one proof.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item {
    /// Its kind.
    pub kind: ItemKind,
    /// DID or list URL, at most [`MAX_SUBJECT_BYTES`].
    pub subject: String,
    /// Version number or sequence number.
    pub seq: u64,
    /// See [`ItemKind`].
    pub digest: Sha256Digest,
}

impl Item {
    /// The id by which it is compared and asked for.
    #[must_use]
    pub fn id(&self) -> Sha256Digest {
        let length = (self.subject.len() as u64).to_be_bytes();
        let subject = self.subject.as_bytes();
        sha256_of(&[&[self.kind.number()], &length, subject, &self.seq.to_be_bytes(), &self.digest])
    }
}

/// The digest of a log: SHA-256 over its versionIds, each followed by a newline. Proofs are not in
/// it, since they lie outside the entry hash.
#[must_use]
pub fn log_digest<'a>(version_ids: impl IntoIterator<Item = &'a str>) -> Sha256Digest {
    let mut text = String::new();
    for version_id in version_ids {
        text.push_str(version_id);
        text.push('\n');
    }
    sha256(text.as_bytes())
}

/// What two nodes compare first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainDigest {
    /// Over all items.
    pub root: Sha256Digest,
    /// The beginnings of the bucket digests, in order; none where the root is said to be that of who asks.
    pub buckets: Vec<[u8; BUCKET_DIGEST_BYTES]>,
}

/// The items of one domain.
#[derive(Debug, Default)]
pub struct View {
    by_id: BTreeMap<Sha256Digest, Item>,
    by_subject: BTreeMap<(ItemKind, String), BTreeSet<Sha256Digest>>,
    /// Bucket digests that are known to be right; the others are computed when asked for.
    buckets: BTreeMap<u8, Sha256Digest>,
    /// The digest of it all, where nothing has changed since it was computed.
    digest: Option<DomainDigest>,
}

impl View {
    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Whether this very item is held.
    #[must_use]
    pub fn holds(&self, id: &Sha256Digest) -> bool {
        self.by_id.contains_key(id)
    }

    /// The highest sequence number held of a subject.
    #[must_use]
    pub fn highest(&self, kind: ItemKind, subject: &str) -> Option<u64> {
        self.of(kind, subject).map(|item| item.seq).max()
    }

    /// Every branch held of a subject.
    pub fn of(&self, kind: ItemKind, subject: &str) -> impl Iterator<Item = &Item> {
        let ids = self.by_subject.get(&(kind, subject.to_owned()));
        ids.into_iter().flatten().filter_map(|id| self.by_id.get(id))
    }

    /// All items, in the order of their ids.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.by_id.values()
    }

    /// Whether `held` finds room: a subject that is held does, a new one while there are fewer than
    /// [`MAX_ITEMS_PER_DOMAIN`] items.
    #[must_use]
    pub fn has_room(&self, held: &[Item]) -> bool {
        let known = held.iter().any(|item| self.of(item.kind, &item.subject).next().is_some());
        known || self.len() + held.len() <= MAX_ITEMS_PER_DOMAIN
    }

    /// Whether `held` lies behind what is held of its subject.
    #[must_use]
    pub fn is_behind(&self, held: &[Item]) -> bool {
        let highest = |item: &Item| self.highest(item.kind, &item.subject);
        held.first().and_then(highest) > held.iter().map(|item| item.seq).max()
    }

    /// Makes `held` all that is held of one subject, and answers with the ids that it replaces.
    /// Above [`ItemKind::most_of_a_subject`] those with the lowest ids stay, so that every replica keeps the same.
    ///
    /// # Errors
    /// [`Refusal::Inconsistent`] where `held` is empty, not of one subject, or of a kind that is not known
    /// here, [`Refusal::TooLarge`]
    /// for a subject over its bound, [`Refusal::Overloaded`] where the domain has
    /// [`MAX_ITEMS_PER_DOMAIN`]. Nothing is changed then.
    pub fn replace(&mut self, held: Vec<Item>) -> Result<Vec<Sha256Digest>, Refusal> {
        let first = held.first().ok_or(Refusal::Inconsistent)?;
        let key = (first.kind, first.subject.clone());
        let known = ItemKind::KNOWN.contains(&key.0);
        if !known || held.iter().any(|item| item.kind != key.0 || item.subject != key.1) {
            return Err(Refusal::Inconsistent);
        }
        if key.1.len() > MAX_SUBJECT_BYTES {
            return Err(Refusal::TooLarge);
        }
        let mut new: BTreeMap<_, _> = held.into_iter().map(|item| (item.id(), item)).collect();
        while new.len() > key.0.most_of_a_subject() {
            new.pop_last();
        }
        let old = self.by_subject.get(&key).cloned().unwrap_or_default();
        if self.by_id.len() - old.len() + new.len() > MAX_ITEMS_PER_DOMAIN {
            return Err(Refusal::Overloaded);
        }
        for id in old.iter().chain(new.keys()) {
            let [bucket, ..] = id;
            self.buckets.remove(bucket);
        }
        self.digest = None;
        let gone: Vec<_> = old.into_iter().filter(|id| !new.contains_key(id)).collect();
        for id in &gone {
            self.by_id.remove(id);
        }
        self.by_subject.insert(key, new.keys().copied().collect());
        // One by one: `append` would build the whole map anew for each subject.
        self.by_id.extend(new);
        Ok(gone)
    }

    /// The digests of this view.
    pub fn digest(&mut self) -> DomainDigest {
        if let Some(digest) = &self.digest {
            return digest.clone();
        }
        let mut all = Vec::with_capacity(BUCKETS * 32);
        let mut buckets = Vec::with_capacity(BUCKETS);
        for bucket in 0..=u8::MAX {
            let digest = self.bucket(bucket);
            all.extend_from_slice(&digest);
            let [a, b, c, d, ..] = digest;
            buckets.push([a, b, c, d]);
        }
        let digest = DomainDigest { root: sha256(&all), buckets };
        self.digest = Some(digest.clone());
        digest
    }

    fn bucket(&mut self, bucket: u8) -> Sha256Digest {
        if let Some(digest) = self.buckets.get(&bucket) {
            return *digest;
        }
        let (mut first, mut last) = ([0_u8; 32], [0xff_u8; 32]);
        first[0] = bucket;
        last[0] = bucket;
        let ids: Vec<&[u8]> = self.by_id.range(first..=last).map(|(id, _)| id.as_slice()).collect();
        let digest = sha256_of(&ids);
        self.buckets.insert(bucket, digest);
        digest
    }
}

#[cfg(test)]
mod tests;
