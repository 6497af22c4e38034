//! The index over the object log: key to place, in sled. It may be lost at any time: the log rebuilds it.
//!
//! One tree: `table u8 · key` to `segment u64 · offset u64 · length u32 · version u64`, big-endian; under
//! the single byte 0 the checkpoint, the place in the log up to which the tree is applied. A batch and
//! its checkpoint are one atomic write. Nothing is synchronised while running, so the index is trusted
//! only where it was closed properly or the machine has not restarted since (`index.mark` knows): what a
//! process wrote survives its death, but not a loss of power.

mod mark;

use crate::batch;
use crate::error::OpenError;
use crate::files;
use crate::log::{Checkpoint, Reader, Segments};
use std::fs::{self, File};
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Entries at either end of the tree that are read back from the log when the index is opened.
const SAMPLE: usize = 32;

/// Changes applied at once while rebuilding: enough to be quick, and a bound for the memory it takes.
const REBUILD_CHANGES: usize = 4_096;

/// How often sled hands its buffers to the kernel, so that little has to be replayed after a crash.
const FLUSH_EVERY_MS: u64 = 1_000;

/// Damaged indices that are kept for inspection; older ones go, as the log holds all that they held.
const MAX_SET_ASIDE: usize = 2;

/// Key of the checkpoint. No table has the number 0.
const CHECKPOINT: &[u8] = &[0];

/// Why the index was made anew from the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rebuilt {
    /// There was none.
    Missing,
    /// Of another format.
    Format,
    /// Not closed before the machine restarted, so it may lack what sled had not synchronised.
    Unclean,
    /// It does not open.
    Unreadable,
    /// The log lacks a batch that the index has seen: **acknowledged records were lost**, by a disk that
    /// lies or by an older copy of the log. The node must catch up from its peers before it signs.
    Ahead,
    /// An entry names a place where its record does not stand.
    Mismatch,
}

/// Where a record stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) length: u32,
    pub(crate) version: u64,
}

impl Entry {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(28);
        bytes.extend_from_slice(&self.segment.to_be_bytes());
        bytes.extend_from_slice(&self.offset.to_be_bytes());
        bytes.extend_from_slice(&self.length.to_be_bytes());
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (segment, rest) = bytes.split_first_chunk::<8>()?;
        let (offset, rest) = rest.split_first_chunk::<8>()?;
        let (length, version) = rest.split_first_chunk::<4>()?;
        Some(Self {
            segment: u64::from_be_bytes(*segment),
            offset: u64::from_be_bytes(*offset),
            length: u32::from_be_bytes(*length),
            version: u64::from_be_bytes(version.try_into().ok()?),
        })
    }
}

/// Changes of the tree that are to take effect together: the key with its table, and the new place.
pub(crate) type Changes = Vec<(Vec<u8>, Option<Entry>)>;

/// The key of a record in the tree.
pub(crate) fn tree_key(table: u8, key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(key.len() + 1);
    bytes.push(table);
    bytes.extend_from_slice(key);
    bytes
}

/// The index, open. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    db: sled::Db,
    dir: PathBuf,
}

/// An index that fits the log as far as its checkpoint.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) index: Index,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) rebuilt: Option<Rebuilt>,
}

impl Index {
    /// Opens the index of the data folder `dir`, or where it cannot be trusted, sets it aside and makes
    /// an empty one.
    pub(crate) fn open(
        dir: &Path,
        cache_bytes: u64,
        log: &Segments,
        reader: &Reader,
    ) -> Result<Opened, OpenError> {
        let path = dir.join("index");
        let io = |e: io::Error| OpenError::io(&path, &e);
        let distrust = mark::distrust(dir, path.exists());
        mark::write(dir, mark::State::Open).map_err(io)?;
        let opened = match distrust {
            Some(why) => Err(why),
            None => Self::open_sled(dir, cache_bytes).map_err(|_| Rebuilt::Unreadable).and_then(|index| {
                let checkpoint = index.trusted_checkpoint(log, reader)?;
                Ok((index, checkpoint))
            }),
        };
        match opened {
            Ok((index, checkpoint)) => Ok(Opened { index, checkpoint, rebuilt: None }),
            Err(why) => {
                set_aside(dir).map_err(io)?;
                let index = Self::open_sled(dir, cache_bytes).map_err(|e| io(io::Error::other(e)))?;
                Ok(Opened { index, checkpoint: Checkpoint::START, rebuilt: Some(why) })
            }
        }
    }

    /// Applies what the log holds behind `from`. Answers the end of the log and the frames applied.
    pub(crate) fn replay(&self, log: &Segments, from: Checkpoint) -> Result<(Checkpoint, u64), OpenError> {
        let io = |e: sled::Error| OpenError::io(&self.dir, &io::Error::other(e));
        let mut changes = Changes::new();
        let mut reached = from;
        let end = log.scan(from, u64::MAX, &mut |frame| {
            let at = frame.checkpoint;
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
                self.apply(&std::mem::take(&mut changes), &at).map_err(io)?;
            }
            Ok(())
        })?;
        self.apply(&changes, &reached).map_err(io)?;
        Ok((end, end.next - from.next))
    }

    /// Where a record stands.
    pub(crate) fn entry(&self, tree_key: &[u8]) -> Result<Option<Entry>, sled::Error> {
        Ok(self.db.get(tree_key)?.and_then(|bytes| Entry::decode(&bytes)))
    }

    /// The records of a table whose key begins with `prefix` and is greater than `after`, in order.
    pub(crate) fn range(
        &self,
        table: u8,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> impl Iterator<Item = Result<(Vec<u8>, Entry), sled::Error>> + use<> {
        let prefix = tree_key(table, prefix);
        let start = match after.map(|key| tree_key(table, key)) {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix.clone()),
        };
        self.db
            .range((start, Bound::Unbounded))
            .take_while(move |row| row.as_ref().map_or(true, |(key, _)| key.starts_with(&prefix)))
            .filter_map(|row| match row {
                Ok((key, entry)) => Some(Ok((key.get(1..)?.to_vec(), Entry::decode(&entry)?))),
                Err(error) => Some(Err(error)),
            })
    }

    /// Makes `changes` visible; the tree then holds the log up to `checkpoint`.
    pub(crate) fn apply(&self, changes: &Changes, checkpoint: &Checkpoint) -> Result<(), sled::Error> {
        let mut batch = sled::Batch::default();
        for (key, entry) in changes {
            match entry {
                Some(entry) => batch.insert(key.as_slice(), entry.encode()),
                None => batch.remove(key.as_slice()),
            }
        }
        batch.insert(CHECKPOINT, encode_checkpoint(checkpoint));
        self.db.apply_batch(batch)
    }

    /// The place in the log up to which the tree is applied.
    pub(crate) fn checkpoint(&self) -> Result<Checkpoint, sled::Error> {
        let broken = || sled::Error::Unsupported("the checkpoint does not read back".to_owned());
        match self.db.get(CHECKPOINT)? {
            Some(bytes) => decode_checkpoint(&bytes).ok_or_else(broken),
            None if self.db.is_empty() => Ok(Checkpoint::START),
            None => Err(broken()),
        }
    }

    /// Makes the index durable and notes that it was closed, so that the next opening trusts it.
    pub(crate) fn close(&self) -> io::Result<()> {
        self.db.flush().map_err(io::Error::other)?;
        // sled's own flush stops at the page cache.
        for entry in fs::read_dir(self.dir.join("index"))? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                File::open(entry.path())?.sync_all()?;
            }
        }
        files::sync_dir(&self.dir.join("index"))?;
        mark::write(&self.dir, mark::State::Closed)
    }

    /// sled answers some damage of its files with a panic.
    fn open_sled(dir: &Path, cache_bytes: u64) -> Result<Self, String> {
        let config = sled::Config::new()
            .path(dir.join("index"))
            .cache_capacity(cache_bytes)
            .flush_every_ms(Some(FLUSH_EVERY_MS));
        match catch_unwind(AssertUnwindSafe(|| config.open())) {
            Ok(Ok(db)) => Ok(Self { db, dir: dir.to_owned() }),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("sled panicked".to_owned()),
        }
    }

    fn trusted_checkpoint(&self, log: &Segments, reader: &Reader) -> Result<Checkpoint, Rebuilt> {
        let read = catch_unwind(AssertUnwindSafe(|| {
            let checkpoint = self.checkpoint().map_err(|_| Rebuilt::Unreadable)?;
            if !log.holds(&checkpoint) {
                return Err(Rebuilt::Ahead);
            }
            for row in self.db.iter().take(SAMPLE).chain(self.db.iter().rev().take(SAMPLE)) {
                let (key, entry) = row.map_err(|_| Rebuilt::Unreadable)?;
                if key != CHECKPOINT && !stands(reader, &key, &entry, &checkpoint) {
                    return Err(Rebuilt::Mismatch);
                }
            }
            Ok(checkpoint)
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

fn encode_checkpoint(at: &Checkpoint) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(36);
    for number in [at.segment, at.end, at.next, at.frame] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(&at.crc.to_be_bytes());
    bytes
}

fn decode_checkpoint(bytes: &[u8]) -> Option<Checkpoint> {
    let (segment, rest) = bytes.split_first_chunk::<8>()?;
    let (end, rest) = rest.split_first_chunk::<8>()?;
    let (next, rest) = rest.split_first_chunk::<8>()?;
    let (frame, crc) = rest.split_first_chunk::<8>()?;
    Some(Checkpoint {
        segment: u64::from_be_bytes(*segment),
        end: u64::from_be_bytes(*end),
        next: u64::from_be_bytes(*next),
        frame: u64::from_be_bytes(*frame),
        crc: u32::from_be_bytes(crc.try_into().ok()?),
    })
}
