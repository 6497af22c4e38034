//! A log-structured merge tree under the index: what is applied lies in memory first, and goes to the disk in
//! sorted runs, by the ten thousand. So a record costs the same in a store of a million as in a small one, where a
//! tree of pages looks for another page for each. The tree has no journal of its own: the object log is it, and
//! what a process that dies had in memory only is replayed from there.
//!
//! The memory is ours and not that of the crate. That one keeps all versions of a key, for readers of the past,
//! of whom we have none: a scan would step over each. Ours keeps the last.
//!
//! A run is synchronised before anything names it, and the file that names all runs is replaced whole, so that the
//! tree is always as some batch left it.

use super::tree::{Change, Pair, Tree};
use crate::prefix::end_of;
use lsm_tree::compaction::Leveled;
use lsm_tree::{
    AbstractTree as _, AnyTree, Cache, Config, InternalValue, SeqNo, SequenceNumberCounter, ValueType,
};
use parts::{Look, Part, Parts, Range, Source};
use std::fmt;
use std::fs;
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::{self, JoinHandle};

/// Bytes in memory at which they go to the disk: some forty thousand entries, which a start after a crash replays
/// in a fraction of a second. Three times that is in memory at most.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// Changes at which they go to the disk, however short they are and however few keys they are of: they are
/// replayed too.
const PART_CHANGES: usize = 65_536;

/// Parts of the memory that wait to be written, beside the one that is filled; whoever fills a further one writes.
const MAX_SEALED: usize = 2;

/// Runs that overlap each other at which they are merged: a look-up of what is nowhere asks the filter of each.
const MERGED_AT: u8 = 8;

/// Such runs above which whoever applies further changes waits for merges.
const MAX_RUNS: usize = 3 * MERGED_AT as usize;

/// Length of a file. A merge takes all runs and each file of the next level that has keys between theirs, which is
/// eight of them or some more: a second or two, for which closing may wait.
const FILE_BYTES: u64 = 16 * 1024 * 1024;

/// How the crate's temporary files begin: what a process that died was about to name.
const TEMPORARY: &[u8] = b".tmp";

/// All readers see the last of what was written, so that nothing older is kept for them.
const LAST: SeqNo = SeqNo::MAX;

/// The tree of a folder.
pub(crate) struct Lsm {
    shared: Arc<Shared>,
    /// Ends before the one that it wakes.
    write: Worker,
    merge: Worker,
}

/// Woken by a message, and ended by the end of their senders.
struct Worker {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    parts: RwLock<Parts>,
    /// What is on the disk.
    tree: lsm_tree::Tree,
    /// The number of the next part that is written.
    next: SequenceNumberCounter,
    /// Held by who writes, and by who merges: one at a time of each.
    writing: Mutex<()>,
    merging: Mutex<()>,
    /// Why what is applied no longer reaches the disk. Nothing is tried again before the tree is opened again.
    broken: OnceLock<String>,
}

impl Lsm {
    pub(crate) fn open(dir: &Path, cache_bytes: u64) -> io::Result<Self> {
        crate::files::make_dir(dir)?;
        clean(dir)?;
        let (next, visible) = (SequenceNumberCounter::default(), SequenceNumberCounter::default());
        let config = Config::new(dir, next.clone(), visible)
            .use_cache(Arc::new(Cache::with_capacity_bytes(cache_bytes)));
        // What is damaged is an error, as far as its authors thought of it.
        let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
        let opened = opened.map_err(|_| io::Error::other("the tree panicked"))?;
        let AnyTree::Standard(tree) = opened.map_err(failed)? else {
            return Err(io::Error::other("a tree of another kind"));
        };
        let seen = tree.get_highest_seqno().map_or(0, |seen| seen.saturating_add(1));
        next.fetch_max(seen);
        let (parts, writing, merging) = (RwLock::default(), Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { parts, tree, next, writing, merging, broken: OnceLock::new() });
        let merge = Worker::start("store-index-merge", &shared, Shared::merge)?;
        let wake_merge = merge.wake.clone();
        let write = Worker::start("store-index-write", &shared, move |shared| {
            shared.write()?;
            wake(wake_merge.as_ref());
            Ok(())
        })?;
        Ok(Self { shared, write, merge })
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
                if let Err(error) = shared.noted(done) {
                    tracing::error!(%error, "the index no longer reaches the disk");
                }
            }
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { wake: Some(wake), thread: Some(thread) })
    }

    fn wake(&self) {
        wake(self.wake.as_ref());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.wake.take());
        // A worker that panicked has said so.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// Wakes a worker that is not about to look anyway.
fn wake(worker: Option<&SyncSender<()>>) {
    if let Some(Err(TrySendError::Disconnected(()))) = worker.map(|worker| worker.try_send(())) {
        tracing::error!("a worker of the index is gone");
    }
}

/// Takes away what a process that died left, and refuses what lost the file that names all others.
fn clean(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(TEMPORARY) {
            fs::remove_file(entry.path())?;
        }
    }
    let has_tables = fs::read_dir(dir.join("tables")).is_ok_and(|mut tables| tables.next().is_some());
    if has_tables && !dir.join("current").exists() {
        return Err(io::Error::other("the file that names its tables is gone"));
    }
    Ok(())
}

fn failed(error: lsm_tree::Error) -> io::Error {
    match error {
        lsm_tree::Error::Io(error) => error,
        error => io::Error::other(error),
    }
}

impl Shared {
    fn parts(&self) -> RwLockReadGuard<'_, Parts> {
        self.parts.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn parts_mut(&self) -> RwLockWriteGuard<'_, Parts> {
        self.parts.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is sealed, the oldest first.
    fn write(&self) -> io::Result<()> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_whole()?;
        loop {
            let Some(part) = self.parts().oldest() else { return Ok(()) };
            self.noted(self.write_part(&part))?;
            // What it held goes when nobody waits for it.
            let part = (part, self.parts_mut().written());
            drop(part);
        }
    }

    fn write_part(&self, part: &Part) -> io::Result<()> {
        let written = self.tree.flush_to_tables(numbered(part, self.next.next())).map_err(failed)?;
        let (tables, _) = written.ok_or_else(|| io::Error::other("the tree wrote nothing"))?;
        self.tree.register_tables(&tables, None, None, &[], LAST).map_err(failed)
    }

    /// Merges what needs it most, which may be on a further level, where there is enough of it.
    fn merge(&self) -> io::Result<()> {
        let _alone = self.merging.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_whole()?;
        let how = Leveled::default().with_l0_threshold(MERGED_AT).with_table_target_size(FILE_BYTES);
        self.noted(self.tree.compact(Arc::new(how), LAST).map_err(failed))
    }

    /// Merges until there are no more runs than readers should look through.
    fn bound_runs(&self) -> io::Result<()> {
        while self.tree.l0_run_count() > MAX_RUNS {
            let before = self.tree.current_version().id();
            self.merge()?;
            if self.tree.current_version().id() == before {
                return self.noted(Err(io::Error::other("its runs are not merged")));
            }
        }
        Ok(())
    }

    /// The first reason is the one that counts.
    fn noted(&self, done: io::Result<()>) -> io::Result<()> {
        done.inspect_err(|error| drop(self.broken.set(error.to_string())))
    }

    fn is_whole(&self) -> io::Result<()> {
        self.broken.get().map_or(Ok(()), |why| Err(io::Error::other(why.clone())))
    }
}

/// What a part holds, as the crate writes it.
fn numbered(part: &Part, number: SeqNo) -> impl Iterator<Item = lsm_tree::Result<InternalValue>> {
    part.iter().map(move |(key, value)| {
        let key = key.as_slice();
        Ok(match value {
            Some(value) => InternalValue::from_components(key, value.as_slice(), number, ValueType::Value),
            None => InternalValue::new_tombstone(key, number),
        })
    })
}

fn said(row: impl lsm_tree::Guard) -> io::Result<parts::Said> {
    let (key, value) = row.into_inner().map_err(failed)?;
    Ok((key.to_vec(), Some(value.to_vec())))
}

impl Shared {
    /// Up to `limit` rows of a range as they stood at one moment.
    fn range(&self, range: Range<'_>, limit: usize, is_backwards: bool) -> io::Result<Vec<Pair>> {
        let (look, on_disk) = self.look(range, limit, is_backwards);
        look.over(on_disk, range, is_backwards).take(limit).collect()
    }

    /// The rows of the version that there is now.
    fn on_disk(&self, range: Range<'_>, is_backwards: bool) -> Source<'static> {
        let rows = self.tree.range::<&[u8], _>(range, LAST, None);
        if is_backwards { Box::new(rows.rev().map(said)) } else { Box::new(rows.map(said)) }
    }

    /// What parts and disk hold of a range at one moment, though it is read later.
    fn look<'a>(&self, range: Range<'a>, limit: usize, is_backwards: bool) -> (Look, Source<'a>) {
        // As long as these are held none is sealed, so that nothing on the disk is newer than what is seen of them.
        let parts = self.parts();
        (parts.look(range, limit, is_backwards), self.on_disk(range, is_backwards))
    }
}

impl Tree for Lsm {
    fn get(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        if let Some(value) = self.shared.parts().get(key) {
            return Ok(value.clone());
        }
        let value = self.shared.tree.get(key, LAST).map_err(failed)?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn rows(&self, from: Bound<&[u8]>, prefix: &[u8], limit: usize) -> io::Result<Vec<Pair>> {
        let end = end_of(prefix);
        let to = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        if let (Bound::Included(from) | Bound::Excluded(from), Bound::Excluded(to)) = (from, to)
            && from >= to
        {
            return Ok(Vec::new());
        }
        let mut rows = self.shared.range((from, to), limit, false)?;
        // From may stand before them.
        let others = rows.iter().position(|(key, _)| !key.starts_with(prefix));
        rows.truncate(others.unwrap_or(rows.len()));
        Ok(rows)
    }

    fn last(&self, limit: usize) -> io::Result<Vec<Pair>> {
        self.shared.range((Bound::Unbounded, Bound::Unbounded), limit, true)
    }

    fn apply(&self, changes: &[Change<'_>]) -> io::Result<()> {
        self.shared.is_whole()?;
        let mut parts = self.shared.parts_mut();
        parts.apply(changes);
        if !parts.is_full(PART_BYTES, PART_CHANGES) {
            return Ok(());
        }
        // Between two batches, so that what is written ends with a whole one.
        parts.seal();
        let waiting = parts.waiting();
        drop(parts);
        self.write.wake();
        if waiting > MAX_SEALED {
            self.shared.write()?;
        }
        self.shared.bound_runs()
    }

    fn flush(&self) -> io::Result<()> {
        self.shared.is_whole()?;
        self.shared.parts_mut().seal();
        self.shared.write()?;
        // However little each holds.
        self.merge.wake();
        self.shared.bound_runs()
    }
}

impl fmt::Debug for Lsm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lsm").field("tables", &self.shared.tree.table_count()).finish_non_exhaustive()
    }
}

mod parts;
#[cfg(test)]
mod tests;
