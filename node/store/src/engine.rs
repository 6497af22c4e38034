//! The embedded store: the object log as truth, an index over it, one thread that writes.
//!
//! Commits go through a bounded queue to that thread, which tests their expectations one after the
//! other, writes all that wait as one group, synchronises once, makes the group visible and answers.
//! Reads go to index and log directly and do not wait for that synchronisation. An index that writes what it has in
//! memory, once for ten thousands of records, may hold them up for its own.

mod writer;
mod records;
mod compact;
mod background;
mod survey;

use crate::batch::{self, MAX_BATCH_BYTES};
use crate::disk::{Disk, Machine};
use crate::error::OpenError;
use crate::index::Index;
use crate::lock::Lock;
use crate::log::{Checkpoint, Reader, SEGMENT_BYTES, Segments};
use compact::Compactor;
use marque_flows::stamps::Stamps;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc as blocking;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use tokio::sync::{Semaphore, mpsc, oneshot};
use writer::{Message, Writer};

pub use crate::index::Rebuilt;
pub use crate::index::engine::IndexEngine;
pub use crate::log::Torn;
pub use background::Background;
pub use compact::Compaction;
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
    /// How the log is compacted while the store is in use; `None`, only where it is asked for.
    pub background: Option<Background>,
}

impl Default for Options {
    fn default() -> Self {
        let index = IndexEngine::default();
        Self { cache_bytes: CACHE_BYTES, segment_bytes: SEGMENT_BYTES, index, background: None }
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

/// Counters of changes, 8 bytes each. What is kept of a million records is looked at again for nothing fifteen
/// times as often as it changes.
const STAMPS: usize = 65_536;

#[derive(Debug)]
struct Counters {
    commits: AtomicU64,
    syncs: AtomicU64,
    bytes: AtomicU64,
    /// Seconds of each synchronisation.
    sync_seconds: Histogram,
    /// What changed, by key of the index.
    stamps: Stamps,
}

impl Default for Counters {
    fn default() -> Self {
        let (commits, syncs, bytes) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let (first, factor, buckets) = SYNC_BUCKETS;
        let sync_seconds = Histogram::new(exponential_buckets(first, factor, buckets));
        Self { commits, syncs, bytes, sync_seconds, stamps: Stamps::new(STAMPS) }
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
    compactor: Arc<Compactor>,
    /// What compacts in the background, which ends when the sender is gone.
    background: Option<(blocking::SyncSender<()>, thread::JoinHandle<()>)>,
    open: Arc<RwLock<Option<Open>>>,
}

/// What is open; dropped in this order, so the lock goes last.
#[derive(Debug)]
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
        let leftovers = segments.leftovers().to_vec();
        let segment_bytes = options.segment_bytes.min(SEGMENT_BYTES);
        let (log, torn) = segments.into_log(end, segment_bytes)?;
        // The names of what stands for them are durable, and the index has none of theirs any more.
        for path in &leftovers {
            disk.remove(path).map_err(|e| OpenError::io(path, &e))?;
        }
        let rebuilt = opened.rebuilt.filter(|why| *why != Rebuilt::Missing || end.next > 1);
        let recovery = Recovery { rebuilt, replayed, torn };
        let is_usual = |why| matches!(why, Rebuilt::Asked | Rebuilt::Format);
        if rebuilt.is_some_and(|why| !is_usual(why)) || recovery.torn.is_some() {
            tracing::warn!(dir = %dir.display(), ?recovery, "the store was not closed properly");
        }
        let counters = Arc::new(Counters::default());
        let (queue, waiting) = mpsc::channel(QUEUE);
        let open = Open { index: opened.index.clone(), reader, _lock: lock };
        let epoch = open._lock.epoch();
        let open = Arc::new(RwLock::new(Some(open)));
        let compactor = Arc::new(Compactor {
            disk: Arc::clone(&disk),
            dir: log_dir,
            segment_bytes,
            open: Arc::clone(&open),
            queue: queue.downgrade(),
            stop: AtomicBool::new(false),
            given_up: Mutex::new(false),
        });
        let writer = Writer::new(log, opened.index, end.next, Arc::clone(&counters), waiting);
        let thread = |name: &str, run: Box<dyn FnOnce() + Send>| {
            let started = thread::Builder::new().name(name.to_owned()).spawn(run);
            started.map_err(|e| OpenError::io(dir, &e))
        };
        let writer = thread("store-writer", Box::new(move || writer.run()))?;
        let background = options.background.map(|how| {
            let (awake, wake) = blocking::sync_channel(1);
            let (compactor, counters) = (Arc::clone(&compactor), Arc::clone(&counters));
            let run = Box::new(move || background::run(&compactor, &how, &counters, &wake));
            Ok((awake, thread("store-compactor", run)?))
        });
        Ok(Self {
            inner: Arc::new(Inner {
                disk,
                dir: dir.to_owned(),
                epoch,
                recovery,
                counters,
                room: Arc::new(Semaphore::new(QUEUE_BYTES)),
                queue: Some(queue),
                writer: Some(writer),
                compactor,
                background: background.transpose()?,
                open,
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
        let _quiet = self.inner.compactor.quiet();
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

    /// Writes the log anew without what is dead in it. Reads and commits go on meanwhile. Blocks as long as it
    /// takes.
    ///
    /// # Errors
    /// [`OpenError`]: what is in the store is there as before, and commits go on.
    pub fn compact(&self, progress: &mut Progress<'_>) -> Result<Compaction, OpenError> {
        let mut done = 0;
        self.inner.compactor.pass(true, |_| true, &mut |bytes, all| {
            // Each byte is read once, and once more or written where it is live.
            done += bytes;
            progress(done.min(all), all);
        })
    }

    /// Waits until all that is queued is committed and answered, then closes files and frees the lock.
    /// Afterwards every call of every clone answers [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.inner.compactor.stop.store(true, Ordering::Relaxed);
        let (done, closed) = oneshot::channel();
        if let Some(queue) = &self.inner.queue
            && queue.send(Message::Close(done)).await.is_ok()
        {
            drop(closed.await);
        }
        let _quiet = self.inner.compactor.quiet();
        drop(self.inner.open.write().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.compactor.stop.store(true, Ordering::Relaxed);
        if let Some((awake, background)) = self.background.take() {
            drop(awake);
            drop(background.join());
        }
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

#[cfg(test)]
pub(crate) mod tests;
