//! A bounded set that forgets what is oldest.

use did_resolver::codec::Sha256Digest;
use std::collections::{BTreeSet, VecDeque};

/// Digests seen lately.
#[derive(Debug)]
pub(super) struct Recent {
    set: BTreeSet<Sha256Digest>,
    order: VecDeque<Sha256Digest>,
    most: usize,
}

impl Recent {
    pub(super) const fn new(most: usize) -> Self {
        Self { set: BTreeSet::new(), order: VecDeque::new(), most }
    }

    pub(super) fn contains(&self, digest: &Sha256Digest) -> bool {
        self.set.contains(digest)
    }

    pub(super) fn insert(&mut self, digest: Sha256Digest) {
        if !self.set.insert(digest) {
            return;
        }
        self.order.push_back(digest);
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.set.len()
    }
}
