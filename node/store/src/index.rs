//! The index over the object log: key to place, in an ordered map. It may be lost at any time: the log
//! rebuilds it.
//!
//! One tree: `table u8 · key` to `segment u64 · offset u64 · length u32 · version u64`, big-endian; under
//! the single byte 0 the checkpoint, the place in the log up to which the tree is applied; under `0 · id` of a
//! segment that a compaction wrote its salt, once every entry of what it replaced names the new place. A batch and
//! its checkpoint are one atomic write. Nothing is synchronised while running, so the index is trusted
//! only where it was closed properly or the machine has not restarted since (`index.mark` knows): what a
//! process wrote survives its death, but not a loss of power.

mod entry;
mod mark;
pub(crate) mod tree;
mod redb;
mod lsm;
#[cfg(test)]
pub(crate) mod memory;
pub(crate) mod engine;
mod upkeep;

use crate::batch;
use crate::disk::Disk;
use crate::error::OpenError;
use crate::files;
use crate::log::{Checkpoint, Reader, Segments, Standing};
use engine::IndexEngine;
use entry::{CHECKPOINT, decode_checkpoint, encode_checkpoint};
use std::fs;
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tree::Tree;

pub(crate) use entry::{Changes, Entry, Moves, Share, tree_key};
pub(crate) use upkeep::moves_of;

/// Entries at either end of the tree that are read back from the log when the index is opened.
const SAMPLE: usize = 32;

/// Changes applied at once while rebuilding: enough to be quick, and a bound for the memory it takes.
const REBUILD_CHANGES: usize = 4_096;

/// Batches whose replay is not left to the next start as well, should this process die too: it took so long that
/// writing them takes no longer.
pub(crate) const REPLAYED_ONCE: u64 = 1_024;

/// Damaged indices that are kept for inspection; older ones go, as the log holds all that they held.
const MAX_SET_ASIDE: usize = 2;

/// Why the index was made anew from the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rebuilt {
    /// There was none.
    Missing,
    /// Of another format.
    Format,
    /// Not closed before the machine restarted, so it may lack what had not been synchronised.
    Unclean,
    /// It does not open.
    Unreadable,
    /// The log lacks a batch that the index has seen: **acknowledged records were lost**, by a disk that
    /// lies or by an older copy of the log. The node must catch up from its peers before it signs.
    Ahead,
    /// An entry names a place where its record does not stand.
    Mismatch,
    /// The operator asked for it.
    Asked,
}

/// The index, open. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    tree: Arc<dyn Tree>,
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    engine: IndexEngine,
}

/// An index that fits the log as far as its checkpoint.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) index: Index,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) rebuilt: Option<Rebuilt>,
}

impl Index {
    /// Opens the index of the data folder `dir`, or where it cannot be trusted or another is asked for (`anew`),
    /// sets it aside and makes an empty one.
    pub(crate) fn open(
        disk: &Arc<dyn Disk>,
        dir: &Path,
        (engine, cache_bytes, anew): (&IndexEngine, u64, bool),
        log: &Segments,
        reader: &Reader,
    ) -> Result<Opened, OpenError> {
        let path = dir.join("index");
        let io = |e: io::Error| OpenError::io(&path, &e);
        let distrust = mark::distrust(disk.as_ref(), dir, engine);
        mark::write(disk.as_ref(), dir, engine, mark::State::Open).map_err(io)?;
        let open_tree = || {
            let tree = engine.open(&path, cache_bytes)?;
            let (disk, dir, engine) = (Arc::clone(disk), dir.to_owned(), engine.clone());
            Ok::<_, io::Error>(Self { tree, disk, dir, engine })
        };
        let opened = match distrust {
            Some(why) => Err(why),
            None => open_tree().map_err(|_| Rebuilt::Unreadable).and_then(|index| {
                let checkpoint = index.standing_checkpoint(log)?;
                Ok((index, checkpoint))
            }),
        };
        let opened = match opened {
            Ok((index, checkpoint)) => {
                let settled = catch_unwind(AssertUnwindSafe(|| index.settle(log)));
                settled.unwrap_or_else(|_| Err(OpenError::io(&path, &io::Error::other("it panicked"))))?;
                index.sample(reader, &checkpoint).map(|()| (index, checkpoint))
            }
            Err(why) => Err(why),
        };
        // What it says of the log is heard before it goes.
        let opened = if anew { opened.and(Err(Rebuilt::Asked)) } else { opened };
        match opened {
            Ok((index, checkpoint)) => Ok(Opened { index, checkpoint, rebuilt: None }),
            Err(why) => {
                // A new store has none, and one that takes no time.
                if why != Rebuilt::Missing || log.headers().len() > 1 {
                    tracing::info!(?why, "the index is made anew, by reading all of the log");
                }
                // Nothing is wrong with one of another kind: it has nothing that the log has not.
                let gone = if why == Rebuilt::Format { forget(dir) } else { set_aside(dir) };
                gone.map_err(io)?;
                #[cfg(test)]
                if let IndexEngine::Memory(map) = engine {
                    map.clear();
                }
                let index = open_tree().map_err(io)?;
                Ok(Opened { index, checkpoint: Checkpoint::START, rebuilt: Some(why) })
            }
        }
    }

    /// Applies what the log holds behind `from`. Answers the end of the log and the frames applied.
    pub(crate) fn replay(&self, log: &Segments, from: Checkpoint) -> Result<(Checkpoint, u64), OpenError> {
        let io = |e: io::Error| OpenError::io(&self.dir, &e);
        let mut changes = Changes::new();
        let (mut reached, mut frames) = (from, 0);
        let end = log.scan(from, u64::MAX, &mut |frame| {
            let at = frame.checkpoint;
            frames += 1;
            let written = batch::decode(frame.body, frame.sequence).ok_or_else(|| {
                OpenError::damaged(&self.dir, at.frame, "a frame of the log that is no batch")
            })?;
            for write in written {
                let (offset, length) = write.place;
                let entry = write.value.is_some().then(|| Entry {
                    segment: at.segment,
                    offset: frame.body_offset + offset as u64,
                    length: u32::try_from(length).unwrap_or(u32::MAX),
                    version: frame.sequence,
                });
                changes.push((tree_key(write.table, write.key), entry));
            }
            reached = at;
            if changes.len() >= REBUILD_CHANGES {
                self.apply(&changes, &at).map_err(io)?;
                changes.clear();
            }
            Ok(())
        })?;
        self.apply(&changes, &reached).map_err(io)?;
        if from == Checkpoint::START {
            // Every entry was made from the segments as they are now.
            let mut compacted = log.headers().iter().filter(|header| header.compacted.is_some());
            compacted.try_for_each(|header| self.note(header, &[])).map_err(io)?;
        }
        if frames >= REPLAYED_ONCE {
            self.flush().map_err(io)?;
        }
        Ok((end, frames))
    }

    /// Where a record stands.
    pub(crate) fn entry(&self, tree_key: &[u8]) -> io::Result<Option<Entry>> {
        Ok(self.tree.get(tree_key)?.and_then(|bytes| Entry::decode(&bytes)))
    }

    /// Up to `limit` records of a table whose key begins with `prefix` and is greater than `after`, in
    /// order.
    pub(crate) fn rows(
        &self,
        table: u8,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> io::Result<Vec<(Vec<u8>, Entry)>> {
        let prefix = tree_key(table, prefix);
        let start = match after.map(|key| tree_key(table, key)) {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix.clone()),
        };
        let rows = self.tree.rows(start.as_ref().map(Vec::as_slice), &prefix, limit)?;
        let decoded =
            rows.into_iter().map(|(key, entry)| Some((key.get(1..)?.to_vec(), Entry::decode(&entry)?)));
        decoded.collect::<Option<_>>().ok_or_else(|| io::Error::other("an entry does not read back"))
    }

    /// Makes `changes` visible; the tree then holds the log up to `checkpoint`.
    pub(crate) fn apply(
        &self,
        changes: &[(Vec<u8>, Option<Entry>)],
        checkpoint: &Checkpoint,
    ) -> io::Result<()> {
        let mut rows: Vec<_> =
            changes.iter().map(|(key, entry)| (key.as_slice(), entry.map(|e| e.encode()))).collect();
        rows.push((CHECKPOINT, Some(encode_checkpoint(checkpoint))));
        self.tree.apply(&rows)
    }

    /// The place in the log up to which the tree is applied.
    pub(crate) fn checkpoint(&self) -> io::Result<Checkpoint> {
        let broken = || io::Error::other("the checkpoint does not read back");
        match self.tree.get(CHECKPOINT)? {
            Some(bytes) => decode_checkpoint(&bytes).ok_or_else(broken),
            None if self.tree.rows(Bound::Unbounded, b"", 1)?.is_empty() => Ok(Checkpoint::START),
            None => Err(broken()),
        }
    }

    /// Makes the index durable and notes that it was closed, so that the next opening trusts it.
    pub(crate) fn close(&self) -> io::Result<()> {
        self.tree.flush()?;
        mark::write(self.disk.as_ref(), &self.dir, &self.engine, mark::State::Closed)
    }

    fn standing_checkpoint(&self, log: &Segments) -> Result<Checkpoint, Rebuilt> {
        let read = catch_unwind(AssertUnwindSafe(|| {
            let checkpoint = self.checkpoint().map_err(|_| Rebuilt::Unreadable)?;
            match log.standing(&checkpoint) {
                Standing::Holds => Ok(checkpoint),
                Standing::Compacted => Err(Rebuilt::Mismatch),
                Standing::Lacks => Err(Rebuilt::Ahead),
            }
        }));
        read.unwrap_or(Err(Rebuilt::Unreadable))
    }

    fn sample(&self, reader: &Reader, checkpoint: &Checkpoint) -> Result<(), Rebuilt> {
        let read = catch_unwind(AssertUnwindSafe(|| {
            let first = self.tree.rows(Bound::Unbounded, b"", SAMPLE);
            let last = self.tree.last(SAMPLE);
            let (Ok(first), Ok(last)) = (first, last) else { return Err(Rebuilt::Unreadable) };
            for (key, entry) in first.into_iter().chain(last) {
                if !key.starts_with(CHECKPOINT) && !stands(reader, &key, &entry, checkpoint) {
                    return Err(Rebuilt::Mismatch);
                }
            }
            Ok(())
        }));
        read.unwrap_or(Err(Rebuilt::Unreadable))
    }
}

/// Whether the record of an entry stands where the entry says.
fn stands(reader: &Reader, key: &[u8], entry: &[u8], checkpoint: &Checkpoint) -> bool {
    let read = || {
        let entry = Entry::decode(entry)?;
        let length = usize::try_from(entry.length).ok().filter(|l| *l <= batch::MAX_WRITE_BYTES)?;
        let bytes = reader.read(entry.segment, entry.offset, length).ok()?;
        let written = batch::decode_one(&bytes, entry.version)?;
        Some(tree_key(written.table, written.key) == key && entry.version < checkpoint.next)
    };
    read().unwrap_or(false)
}

/// Takes the index away.
fn forget(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir.join("index")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // What stands in its place is not an index.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => set_aside(dir),
        outcome => outcome,
    }
}

/// Moves the index to `index.damaged-<n>` and forgets the oldest of those.
fn set_aside(dir: &Path) -> io::Result<()> {
    let path = dir.join("index");
    if !path.exists() {
        return Ok(());
    }
    let mut kept = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        kept.extend(name.to_str().and_then(|n| n.strip_prefix("index.damaged-")?.parse::<u64>().ok()));
    }
    kept.sort_unstable();
    let next = kept.last().map_or(1, |n| n.saturating_add(1));
    let damaged = |n: u64| dir.join(format!("index.damaged-{n}"));
    fs::rename(&path, damaged(next))?;
    files::sync_dir(dir)?;
    for old in kept.iter().rev().skip(MAX_SET_ASIDE - 1) {
        fs::remove_dir_all(damaged(*old))?;
    }
    Ok(())
}
