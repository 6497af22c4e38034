//! An index in memory, for tests that open a store some thousand times.

use super::tree::{Change, Pair, Tree};
use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::sync::Mutex;

#[derive(Debug, Default)]
pub struct Memory(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Memory {
    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }

    pub(super) fn clear(&self) {
        self.0.lock().unwrap().clear();
    }
}

impl Tree for Memory {
    fn get(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    fn rows(&self, from: Bound<&[u8]>, prefix: &[u8], limit: usize) -> io::Result<Vec<Pair>> {
        let map = self.0.lock().unwrap();
        let rows = map.range::<[u8], _>((from, Bound::Unbounded));
        Ok(rows
            .take_while(|(key, _)| key.starts_with(prefix))
            .take(limit)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }

    fn last(&self, limit: usize) -> io::Result<Vec<Pair>> {
        let map = self.0.lock().unwrap();
        Ok(map.iter().rev().take(limit).map(|(k, v)| (k.clone(), v.clone())).collect())
    }

    fn apply(&self, changes: &[Change<'_>]) -> io::Result<()> {
        let mut map = self.0.lock().unwrap();
        for (key, value) in changes {
            match value {
                Some(value) => drop(map.insert(key.to_vec(), value.clone())),
                None => drop(map.remove(*key)),
            }
        }
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}
