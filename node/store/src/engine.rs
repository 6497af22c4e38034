//! The embedded store: the object log as truth, sled as index, one thread that writes.
//!
//! Commits go through a bounded queue to that thread, which tests their expectations one after the
//! other, writes all that wait as one group, synchronises once, makes the group visible and answers.
//! Reads go to index and log directly and never wait for a synchronisation.

mod survey;
mod writer;

use crate::batch::{self, MAX_BATCH_BYTES};
use crate::disk::{Disk, Machine};
use crate::error::OpenError;
use crate::index::{self, Entry, Index};
use crate::lock::Lock;
use crate::log::{Checkpoint, Reader, SEGMENT_BYTES, Segments};
use futures::future::BoxFuture;
use marque_flows::ports::records::{MAX_SCAN, Records, Row, StoreError, Stored, Table, Write};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use tokio::sync::{Semaphore, mpsc, oneshot};
use writer::{Message, Pending, Writer};

pub use crate::index::Rebuilt;
pub use crate::index::engine::IndexEngine;
pub use crate::log::Torn;
pub use survey::{Kind, Oldest, Progress, Survey};

/// Most batches that wait for the writer; a further one waits in its caller.
const QUEUE: usize = 1_024;

/// Most bytes of batches that wait for the writer: four of the longest.
const QUEUE_BYTES: usize = 4 * MAX_BATCH_BYTES;

/// Memory for pages of the index, where nothing else is configured: some million entries.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;

/// What synchronisations are sorted by: from a fifth of a millisecond, as a disk with a battery takes, on by
/// doubling to three seconds, as one takes that is about to fail.
const SYNC_BUCKETS: (f64, f64, u16) = (0.000_2, 2.0, 15);

/// How to open a store.
#[derive(Debug, Clone)]
pub struct Options {
    /// Memory for pages of the index, in bytes.
    pub cache_bytes: u64,
    /// Length at which a segment of the log is closed, in bytes.
    pub segment_bytes: u64,
    /// Which ordered map holds the index.
    pub index: IndexEngine,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: CACHE_BYTES, segment_bytes: SEGMENT_BYTES, index: IndexEngine::default() }
    }
}

/// What opening found. Anything but the default is worth a line in the log of the node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Why the index was rebuilt, where it was.
    pub rebuilt: Option<Rebuilt>,
    /// Batches applied to the index from the log.
    pub replayed: u64,
    /// What was cut off the end of the log.
    pub torn: Option<Torn>,
}

/// Counters since opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Batches that were committed.
    pub commits: u64,
    /// Synchronisations that made them durable.
    pub syncs: u64,
    /// Bytes written to the log.
    pub bytes: u64,
}

#[derive(Debug)]
struct Counters {
    commits: AtomicU64,
    syncs: AtomicU64,
    bytes: AtomicU64,
    /// Seconds of each synchronisation.
    sync_seconds: Histogram,
}

impl Default for Counters {
    fn default() -> Self {
        let (commits, syncs, bytes) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let (first, factor, buckets) = SYNC_BUCKETS;
        let sync_seconds = Histogram::new(exponential_buckets(first, factor, buckets));
        Self { commits, syncs, bytes, sync_seconds }
    }
}

/// An open store. Clones share it; the last one closes it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    epoch: u64,
    recovery: Recovery,
    counters: Arc<Counters>,
    room: Arc<Semaphore>,
    queue: Option<mpsc::Sender<Message>>,
    writer: Option<thread::JoinHandle<()>>,
    open: RwLock<Option<Open>>,
}

/// What is open; dropped in this order, so the lock goes last.
struct Open {
    index: Index,
    reader: Arc<Reader>,
    _lock: Lock,
}

impl Store {
    /// Opens the data folder `dir`, made where it is missing. Reads what the log holds behind the index:
    /// blocks, usually for milliseconds, for a rebuild as long as reading the whole log takes.
    ///
    /// # Errors
    /// [`OpenError`]; nothing runs then, and nothing that was acknowledged has been changed.
    pub fn open(dir: &Path, options: Options) -> Result<Self, OpenError> {
        Self::open_on(Arc::new(Machine), dir, options, false)
    }

    /// The same, with the index set aside and made anew from the log.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn rebuild(dir: &Path, options: Options) -> Result<Self, OpenError> {
        Self::open_on(Arc::new(Machine), dir, options, true)
    }

    /// The same on any file system. The lock and the index are on that of the machine.
    pub(crate) fn open_on(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: Options,
        anew: bool,
    ) -> Result<Self, OpenError> {
        disk.make_dir(dir).map_err(|e| OpenError::io(dir, &e))?;
        let log_dir = dir.join("log");
        let lock = Lock::take(dir, disk.as_ref(), || disk.exists(&log_dir))?;
        let segments = Segments::open(&disk, &log_dir)?;
        let reader = Arc::new(Reader::new(&disk, &log_dir));
        let engine = (&options.index, options.cache_bytes, anew);
        let opened = Index::open(&disk, dir, engine, &segments, &reader)?;
        let (end, replayed) = opened.index.replay(&segments, opened.checkpoint)?;
        let (log, torn) = segments.into_log(end, options.segment_bytes.min(SEGMENT_BYTES))?;
        let rebuilt = opened.rebuilt.filter(|why| *why != Rebuilt::Missing || end.next > 1);
        let recovery = Recovery { rebuilt, replayed, torn };
        if rebuilt.is_some_and(|why| why != Rebuilt::Asked) || recovery.torn.is_some() {
            tracing::warn!(dir = %dir.display(), ?recovery, "the store was not closed properly");
        }
        let counters = Arc::new(Counters::default());
        let (queue, waiting) = mpsc::channel(QUEUE);
        let writer = Writer::new(log, opened.index.clone(), end.next, Arc::clone(&counters), waiting);
        let writer = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|e| OpenError::io(dir, &e))?;
        Ok(Self {
            inner: Arc::new(Inner {
                disk,
                dir: dir.to_owned(),
                epoch: lock.epoch(),
                recovery,
                counters,
                room: Arc::new(Semaphore::new(QUEUE_BYTES)),
                queue: Some(queue),
                writer: Some(writer),
                open: RwLock::new(Some(Open { index: opened.index, reader, _lock: lock })),
            }),
        })
    }

    /// Counters since opening.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.inner.counters;
        Stats { commits: read(&counters.commits), syncs: read(&counters.syncs), bytes: read(&counters.bytes) }
    }

    /// Makes what is measured known to `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Seconds that one synchronisation of the object log took";
        registry.register("journal_fsync_seconds", help, self.inner.counters.sync_seconds.clone());
    }

    /// The fencing epoch: greater than that of every earlier opening of this folder.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.inner.epoch
    }

    /// What opening found.
    #[must_use]
    pub fn recovery(&self) -> &Recovery {
        &self.inner.recovery
    }

    /// Reads all of the log that is durable now and checks each frame and each write in it. Blocks as
    /// long as that takes. Answers how many batches there are.
    ///
    /// # Errors
    /// [`OpenError::Damaged`] names the first place that is broken.
    pub fn verify(&self) -> Result<u64, OpenError> {
        let (segments, until) = self.as_of_now()?;
        let dir = self.inner.dir.join("log");
        let mut batches = 0;
        let end = segments.scan(Checkpoint::START, until, &mut |frame| {
            batches += 1;
            match batch::decode(frame.body, frame.sequence) {
                Some(_) => Ok(()),
                None => Err(OpenError::damaged(&dir, frame.checkpoint.frame, "a frame that is no batch")),
            }
        })?;
        if end.next < until {
            return Err(OpenError::damaged(&dir, end.end, "the log ends before the index does"));
        }
        Ok(batches)
    }

    /// The segments, and the sequence number behind the last frame that is durable.
    fn as_of_now(&self) -> Result<(Segments, u64), OpenError> {
        let dir = self.inner.dir.join("log");
        let until = {
            let open = self.inner.open.read().unwrap_or_else(PoisonError::into_inner);
            let closed = || OpenError::io(&dir, &io::Error::other("the store is closed"));
            let index = &open.as_ref().ok_or_else(closed)?.index;
            index.checkpoint().map_err(|e| OpenError::io(&dir, &e))?.next
        };
        let found = Segments::find(&self.inner.disk, &dir)?;
        found.wrong.into_iter().next().map_or(Ok((found.segments, until)), Err)
    }

    /// Waits until all that is queued is committed and answered, then closes files and frees the lock.
    /// Afterwards every call of every clone answers [`StoreError::Unavailable`].
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if let Some(queue) = &self.inner.queue
            && queue.send(Message::Close(done)).await.is_ok()
        {
            drop(closed.await);
        }
        drop(self.inner.open.write().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn with_open<T>(&self, read: impl FnOnce(&Open) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let open = self.inner.open.read().unwrap_or_else(PoisonError::into_inner);
        read(open.as_ref().ok_or_else(closed)?)
    }
}

impl Records for Store {
    fn get<'a>(&'a self, table: Table, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        Box::pin(async move {
            self.with_open(|open| {
                let entry = open.index.entry(&index::tree_key(table as u8, key)).map_err(unavailable)?;
                entry.map(|entry| open.stored(table, key, entry)).transpose()
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
                rows.map(|(key, entry)| {
                    let stored = open.stored(table, &key, entry)?;
                    Ok(Row { key, stored })
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

impl Drop for Inner {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(writer) = self.writer.take() {
            drop(writer.join());
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("dir", &self.inner.dir).field("epoch", &self.inner.epoch).finish()
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

fn unavailable(cause: impl fmt::Display) -> StoreError {
    StoreError::Unavailable(cause.to_string())
}

#[cfg(test)]
mod tests;
