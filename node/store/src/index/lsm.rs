//! A log-structured merge tree under the index: what is applied lies in memory first, and goes to the disk in
//! sorted runs, by the ten thousand. So a record costs the same in a store of a million as in a small one, where a
//! tree of pages looks for another page for each. The tree has no journal of its own: the object log is it, and
//! what a process that dies had in memory only is replayed from there.
//!
//! A run is synchronised before anything names it, and the file that names all runs is replaced whole, so that the
//! tree is always as some batch left it.

use super::tree::{Change, Pair, Tree};
use crate::prefix::end_of;
use lsm_tree::compaction::Leveled;
use lsm_tree::{AbstractTree as _, AnyTree, Cache, Config, SequenceNumberCounter};
use std::fmt;
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};

/// Bytes in memory at which they go to the disk: some forty thousand entries, which a start after a crash replays
/// in a fraction of a second. Three times that is in memory at most.
const MEMTABLE_BYTES: u64 = 8 * 1024 * 1024;

/// Changes in memory at which they go to the disk, however short they are.
const MEMTABLE_CHANGES: usize = 65_536;

/// Parts of the memory that wait to be written, beside the one that is filled; whoever fills a further one writes.
const MAX_SEALED: usize = 2;

/// Runs that overlap each other at which they are merged: a look-up of what is nowhere asks the filter of each.
const MERGED_AT: u8 = 8;

/// Such runs at which whoever applies further changes waits for a merge.
const MAX_RUNS: usize = 3 * MERGED_AT as usize;

/// Length of a file: what a merge takes at least, and so how long closing may wait for one.
const FILE_BYTES: u64 = 16 * 1024 * 1024;

/// The tree of a folder.
pub(crate) struct Lsm {
    shared: Arc<Shared>,
    /// What writes and what merges: woken by a message, and ended by the end of their senders.
    workers: Vec<Worker>,
}

struct Worker {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    tree: lsm_tree::Tree,
    /// The number of the next batch, and the one up to which readers see.
    next: SequenceNumberCounter,
    visible: SequenceNumberCounter,
    /// Changes in the part of the memory that is filled. Held by who applies, or seals that part.
    filling: Mutex<usize>,
    /// Held by who merges: one at a time.
    merging: Mutex<()>,
    /// Why what is applied no longer reaches the disk.
    broken: OnceLock<String>,
}

impl Lsm {
    pub(crate) fn open(dir: &Path, cache_bytes: u64) -> io::Result<Self> {
        crate::files::make_dir(dir)?;
        let (next, visible) = (SequenceNumberCounter::default(), SequenceNumberCounter::default());
        let config = Config::new(dir, next.clone(), visible.clone())
            .use_cache(Arc::new(Cache::with_capacity_bytes(cache_bytes)));
        // What is damaged is an error, as far as its authors thought of it.
        let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
        let opened = opened.map_err(|_| io::Error::other("the tree panicked"))?;
        let AnyTree::Standard(tree) = opened.map_err(failed)? else {
            return Err(io::Error::other("a tree of another kind"));
        };
        let seen = tree.get_highest_seqno().map_or(0, |seen| seen.saturating_add(1));
        next.fetch_max(seen);
        visible.fetch_max(seen);
        let (filling, merging) = (Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { tree, next, visible, filling, merging, broken: OnceLock::new() });
        let merge = Worker::start("store-index-merge", &shared, Shared::merge)?;
        let wake_merge = merge.wake.clone();
        let write = Worker::start("store-index-write", &shared, move |shared| {
            shared.write()?;
            wake(wake_merge.as_ref());
            Ok(())
        })?;
        // In the order in which they end: the one that wakes the other first.
        Ok(Self { shared, workers: vec![write, merge] })
    }
}

impl Worker {
    fn start(
        name: &str,
        shared: &Arc<Shared>,
        work: impl Fn(&Shared) -> io::Result<()> + Send + 'static,
    ) -> io::Result<Self> {
        let (wake, woken): (SyncSender<()>, Receiver<()>) = sync_channel(1);
        let shared = Arc::clone(shared);
        let run = move || {
            while woken.recv().is_ok() {
                let done = catch_unwind(AssertUnwindSafe(|| work(&shared)));
                let done = done.unwrap_or_else(|_| Err(io::Error::other("it panicked")));
                if let Err(error) = done {
                    tracing::error!(%error, "the index no longer reaches the disk");
                    // The first reason is the one that counts.
                    drop(shared.broken.set(error.to_string()));
                }
            }
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { wake: Some(wake), thread: Some(thread) })
    }
}

/// Wakes a worker that is not about to look anyway.
fn wake(worker: Option<&SyncSender<()>>) {
    if let Some(Err(TrySendError::Disconnected(()))) = worker.map(|worker| worker.try_send(())) {
        tracing::error!("a worker of the index is gone");
    }
}

fn failed(error: lsm_tree::Error) -> io::Error {
    match error {
        lsm_tree::Error::Io(error) => error,
        error => io::Error::other(error),
    }
}

impl Shared {
    fn filling(&self) -> MutexGuard<'_, usize> {
        self.filling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is sealed.
    fn write(&self) -> io::Result<()> {
        let alone = self.tree.get_flush_lock();
        self.tree.flush(&alone, self.visible.get()).map_err(failed)?;
        Ok(())
    }

    /// Merges runs, where there are enough of them.
    fn merge(&self) -> io::Result<()> {
        let _alone = self.merging.lock().unwrap_or_else(PoisonError::into_inner);
        let how = Leveled::default().with_l0_threshold(MERGED_AT).with_table_target_size(FILE_BYTES);
        self.tree.compact(Arc::new(how), self.visible.get()).map_err(failed)
    }

    fn is_whole(&self) -> io::Result<()> {
        self.broken.get().map_or(Ok(()), |why| Err(io::Error::other(why.clone())))
    }
}

fn pair(row: impl lsm_tree::Guard) -> io::Result<Pair> {
    let (key, value) = row.into_inner().map_err(failed)?;
    Ok((key.to_vec(), value.to_vec()))
}

impl Tree for Lsm {
    fn get(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let value = self.shared.tree.get(key, self.shared.visible.get()).map_err(failed)?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn rows(&self, from: Bound<&[u8]>, prefix: &[u8], limit: usize) -> io::Result<Vec<Pair>> {
        let range = (from.map(<[u8]>::to_vec), end_of(prefix).map_or(Bound::Unbounded, Bound::Excluded));
        let rows = self.shared.tree.range(range, self.shared.visible.get(), None);
        let rows = rows.take(limit).map(pair);
        // From may stand before them.
        rows.take_while(|row| row.as_ref().map_or(true, |(key, _)| key.starts_with(prefix))).collect()
    }

    fn last(&self, limit: usize) -> io::Result<Vec<Pair>> {
        self.shared.tree.iter(self.shared.visible.get(), None).rev().take(limit).map(pair).collect()
    }

    fn apply(&self, changes: &[Change<'_>]) -> io::Result<()> {
        let Shared { tree, next, visible, .. } = self.shared.as_ref();
        self.shared.is_whole()?;
        let mut filling = self.shared.filling();
        let (number, mut bytes) = (next.next(), 0);
        for (key, value) in changes {
            (_, bytes) = match value {
                Some(value) => tree.insert(*key, value.as_slice(), number),
                None => tree.remove(*key, number),
            };
        }
        visible.fetch_max(number.saturating_add(1));
        *filling = filling.saturating_add(changes.len());
        if bytes < MEMTABLE_BYTES && *filling < MEMTABLE_CHANGES {
            return Ok(());
        }
        // Between two batches, so that what is written ends with a whole one.
        tree.rotate_memtable();
        *filling = 0;
        drop(filling);
        wake(self.workers.first().and_then(|worker| worker.wake.as_ref()));
        if tree.sealed_memtable_count() > MAX_SEALED {
            self.shared.write()?;
        }
        if tree.l0_run_count() > MAX_RUNS {
            self.shared.merge()?;
        }
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        self.shared.is_whole()?;
        let mut filling = self.shared.filling();
        self.shared.tree.rotate_memtable();
        *filling = 0;
        drop(filling);
        self.shared.write()
    }
}

impl Drop for Lsm {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            drop(worker.wake.take());
            // A worker that panicked has said so.
            drop(worker.thread.take().map(JoinHandle::join));
        }
    }
}

impl fmt::Debug for Lsm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lsm").field("tables", &self.shared.tree.table_count()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
