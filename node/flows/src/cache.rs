//! A bounded map of what can be computed again: verified logs and lists, by the version of their
//! record. Whoever reads from it has just read the record, so it never answers with an old version.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Keeps the newest entries, each with the record version that it was made from.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    capacity: usize,
    inner: Mutex<Inner<K, V>>,
}

#[derive(Debug)]
struct Inner<K, V> {
    entries: BTreeMap<K, (u64, Arc<V>)>,
    order: VecDeque<K>,
}

impl<K: Ord + Clone, V> Cache<K, V> {
    /// Holds `capacity` entries at most.
    pub(crate) const fn new(capacity: usize) -> Self {
        let inner = Inner { entries: BTreeMap::new(), order: VecDeque::new() };
        Self { capacity, inner: Mutex::new(inner) }
    }

    /// The entry that was made from this version.
    pub(crate) fn find(&self, key: &K, version: u64) -> Option<Arc<V>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.entries.get(key).filter(|(made, _)| *made == version).map(|(_, value)| Arc::clone(value))
    }

    /// Takes an entry in; the oldest goes where there are too many.
    pub(crate) fn insert(&self, key: K, version: u64, value: Arc<V>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.entries.insert(key.clone(), (version, value)).is_none() {
            inner.order.push_back(key);
        }
        while inner.entries.len() > self.capacity {
            let Some(oldest) = inner.order.pop_front() else { break };
            inner.entries.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_answers_for_its_version_only_and_the_oldest_goes_first() {
        let cache = Cache::new(2);
        for (key, version) in [("a", 1), ("b", 1), ("a", 2), ("c", 1)] {
            cache.insert(key, version, Arc::new(key.len()));
        }
        assert_eq!(cache.find(&"a", 2), None);
        assert!(cache.find(&"b", 1).is_some() && cache.find(&"c", 1).is_some());
        assert_eq!(cache.find(&"b", 2), None);
    }
}
