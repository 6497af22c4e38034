//! The same contract in memory, for tests and examples. Nothing survives the process.

use crate::batch;
use futures::future::BoxFuture;
use marque_flows::ports::records::{Expect, MAX_SCAN, Records, Row, StoreError, Stored, Table, Write};
use marque_flows::stamps::Stamps;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Counters of changes: a store of a test has few records.
const STAMPS: usize = 1_024;

/// A store that lives as long as its value.
#[derive(Debug)]
pub struct Memory {
    state: Mutex<State>,
    stamps: Stamps,
}

impl Default for Memory {
    fn default() -> Self {
        Self { state: Mutex::default(), stamps: Stamps::new(STAMPS) }
    }
}

#[derive(Debug, Default)]
struct State {
    records: BTreeMap<(Table, Vec<u8>), Stored>,
    sequence: u64,
}

impl Memory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn commit(&mut self, batch: Vec<Write>) -> Result<(), StoreError> {
        batch::check(&batch)?;
        let places: Vec<_> = batch.into_iter().map(|w| ((w.table, w.key), w.value, w.expect)).collect();
        for (at, (place, _, expect)) in places.iter().enumerate() {
            let version = self.records.get(place).map(|stored| stored.version);
            let holds = match expect {
                Expect::Any => true,
                Expect::Absent => version.is_none(),
                Expect::Version(wanted) => version == Some(*wanted),
            };
            if !holds {
                return Err(StoreError::Conflict(at));
            }
        }
        self.sequence += 1;
        for (place, value, _) in places {
            match value {
                Some(value) => self.records.insert(place, Stored { value, version: self.sequence }),
                None => self.records.remove(&place),
            };
        }
        Ok(())
    }
}

impl Records for Memory {
    fn stamp(&self, table: Table, key: &[u8]) -> Option<u64> {
        Some(self.stamps.of((table, key)))
    }

    fn get<'a>(&'a self, table: Table, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        Box::pin(async move { Ok(self.state().records.get(&(table, key.to_vec())).cloned()) })
    }

    fn scan<'a>(
        &'a self,
        table: Table,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(async move {
            let start = match after {
                Some(after) if after >= prefix => Bound::Excluded((table, after.to_vec())),
                _ => Bound::Included((table, prefix.to_vec())),
            };
            let state = self.state();
            let rows = state.records.range((start, Bound::Unbounded));
            let rows = rows.take_while(|((t, key), _)| *t == table && key.starts_with(prefix));
            let rows = rows.take(limit.min(MAX_SCAN));
            Ok(rows.map(|((_, key), stored)| Row { key: key.clone(), stored: stored.clone() }).collect())
        })
    }

    fn commit(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let touched: Vec<_> = batch.iter().map(|write| (write.table, write.key.clone())).collect();
            let committed = self.state().commit(batch);
            touched.iter().for_each(|(table, key)| self.stamps.change((*table, key.as_slice())));
            committed
        })
    }
}

#[cfg(test)]
mod tests;
