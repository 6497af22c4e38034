//! Reading and committing: the port, as the embedded store keeps it.

use super::writer::{Message, Pending};
use super::{Open, Store};
use crate::batch;
use crate::index::{Entry, tree_key};
use futures::future::BoxFuture;
use marque_flows::ports::records::{MAX_SCAN, Records, Row, StoreError, Stored, Table, Write};
use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError};
use tokio::sync::oneshot;

/// How often a record is looked for that moves while it is read: a pass moves it once, and takes seconds.
const READS: usize = 4;

impl Store {
    fn with_open<T>(&self, read: impl FnOnce(&Open) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let open = self.inner.open.read().unwrap_or_else(PoisonError::into_inner);
        read(open.as_ref().ok_or_else(closed)?)
    }
}

impl Records for Store {
    fn stamp(&self, table: Table, key: &[u8]) -> Option<u64> {
        Some(self.inner.counters.stamps.of(tree_key(table as u8, key)))
    }

    fn get<'a>(&'a self, table: Table, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        Box::pin(async move {
            self.with_open(|open| {
                let entry = open.index.entry(&tree_key(table as u8, key)).map_err(unavailable)?;
                entry.map_or(Ok(None), |entry| open.read(table, key, entry))
            })
        })
    }

    fn scan<'a>(
        &'a self,
        table: Table,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(async move {
            self.with_open(|open| {
                let rows = open.index.rows(table as u8, prefix, after, limit.min(MAX_SCAN));
                let rows = rows.map_err(unavailable)?.into_iter();
                rows.filter_map(|(key, entry)| {
                    let stored = open.read(table, &key, entry).transpose()?;
                    Some(stored.map(|stored| Row { key, stored }))
                })
                .collect()
            })
        })
    }

    fn commit(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            batch::check(&batch)?;
            let bytes = u32::try_from(batch::encoded_len(&batch)).unwrap_or(u32::MAX);
            let room = Arc::clone(&self.inner.room).acquire_many_owned(bytes).await.map_err(unavailable)?;
            let (answer, answered) = oneshot::channel();
            let queue = self.inner.queue.as_ref().ok_or_else(closed)?;
            let pending = Pending { batch, answer, _room: room };
            queue.send(Message::Commit(pending)).await.map_err(|_| closed())?;
            answered.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the writer is gone".to_owned())))
        })
    }
}

impl Open {
    /// The record of an entry that was read a moment ago. Where it does not stand there any more, a compaction may
    /// have moved it since: then the index says where it is now, or that it is gone.
    fn read(&self, table: Table, key: &[u8], mut entry: Entry) -> Result<Option<Stored>, StoreError> {
        for _ in 0..READS {
            let error = match self.stored(table, key, entry) {
                Ok(stored) => return Ok(Some(stored)),
                Err(error) => error,
            };
            match self.index.entry(&tree_key(table as u8, key)).map_err(unavailable)? {
                None => return Ok(None),
                Some(now) if now == entry => return Err(error),
                Some(now) => entry = now,
            }
        }
        self.stored(table, key, entry).map(Some)
    }

    /// The record of an entry, proved by its own checksum to be that record in that version.
    fn stored(&self, table: Table, key: &[u8], entry: Entry) -> Result<Stored, StoreError> {
        let damaged = |what: &str| {
            let file = self.reader.path(entry.segment);
            StoreError::Damaged(format!("{} at byte {}: {what}", file.display(), entry.offset))
        };
        let length = usize::try_from(entry.length).ok().filter(|l| *l <= batch::MAX_WRITE_BYTES);
        let length = length.ok_or_else(|| damaged("an entry of the index is too long"))?;
        let bytes = self.reader.read(entry.segment, entry.offset, length).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound => damaged("the record is not there"),
            _ => StoreError::Unavailable(format!("{}: {e}", self.reader.path(entry.segment).display())),
        })?;
        let written =
            batch::decode_one(&bytes, entry.version).filter(|w| w.table == table as u8 && w.key == key);
        let value = written.and_then(|w| w.value).ok_or_else(|| damaged("the record does not read back"))?;
        Ok(Stored { value: value.to_vec(), version: entry.version })
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

fn unavailable(cause: impl fmt::Display) -> StoreError {
    StoreError::Unavailable(cause.to_string())
}
