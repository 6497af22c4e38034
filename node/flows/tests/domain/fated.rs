//! A store in memory whose commits meet with what a test says.

use futures::future::BoxFuture;
use marque_flows::ports::records::{Expect, Records, Row, StoreError, Stored, Table, Write};
use marque_store::memory::Memory;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What a commit meets with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    Good,
    /// The store takes nothing.
    Full,
    /// Somebody else is faster, and what they wrote is gone again.
    Conflict,
    /// Somebody else has just committed the same to these tables.
    Same(&'static [Table]),
    /// Somebody else has just written the first of these records again, as it was.
    Touched,
}

type Fates = Box<dyn FnMut(&[Write]) -> Fate + Send>;

/// The store.
pub(crate) struct Fated {
    pub(crate) records: Arc<Memory>,
    fates: Mutex<Fates>,
    /// How many commits met with something.
    pub(crate) met: AtomicUsize,
}

impl fmt::Debug for Fated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fated").finish_non_exhaustive()
    }
}

impl Default for Fated {
    fn default() -> Self {
        Self {
            records: Arc::default(),
            fates: Mutex::new(Box::new(|_| Fate::Good)),
            met: AtomicUsize::new(0),
        }
    }
}

impl Fated {
    /// From now on `fates` says what becomes of each commit.
    pub(crate) fn fares(&self, fates: impl FnMut(&[Write]) -> Fate + Send + 'static) {
        *self.fates.lock().unwrap() = Box::new(fates);
    }

    /// The next commit meets with this, and those after it with nothing.
    pub(crate) fn once(&self, fate: Fate) {
        let mut next = Some(fate);
        self.fares(move |_| next.take().unwrap_or(Fate::Good));
    }
}

impl Records for Fated {
    fn get<'a>(&'a self, table: Table, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        self.records.get(table, key)
    }

    fn scan<'a>(
        &'a self,
        table: Table,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        self.records.scan(table, prefix, after, limit)
    }

    fn commit(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<(), StoreError>> {
        let fate = self.fates.lock().unwrap()(&batch);
        self.met.fetch_add(usize::from(!matches!(fate, Fate::Good)), Ordering::SeqCst);
        Box::pin(async move {
            match fate {
                Fate::Good => {}
                Fate::Full => return Err(StoreError::Unavailable("full".to_owned())),
                Fate::Conflict => return Err(StoreError::Conflict(0)),
                Fate::Same(tables) => {
                    let same = batch.iter().filter(|write| tables.contains(&write.table)).cloned();
                    self.records.commit(same.collect()).await?;
                }
                Fate::Touched => {
                    let first = Write { expect: Expect::Any, ..batch[0].clone() };
                    let held = self.records.get(first.table, &first.key).await?.unwrap();
                    self.records.commit(vec![Write { value: Some(held.value), ..first }]).await?;
                }
            }
            self.records.commit(batch).await
        })
    }
}
