//! The append-only object log, the truth of the store: segments of checksummed frames.
//!
//! A frame is one committed batch. Frames are written in groups, each group with one `fdatasync`. What
//! is broken in the last group of the log is a torn tail: it may be unacknowledged, so it is cut off and
//! set aside. What is broken anywhere else was acknowledged, and the log does not open.

mod frame;
mod scan;
mod segments;
mod rewrite;
mod held;

use crate::disk::{Disk, DiskFile};
use frame::{SEGMENT_HEADER, id, of_id};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(crate) use frame::{Compacted, FRAME_HEADER, SegmentHeader, encode as encode_frame};
pub(crate) use held::{Broken, Chain, Held};
pub(crate) use rewrite::{Rewrite, put_in_place};
pub(crate) use scan::{Checkpoint, Frame};
pub use segments::Torn;
pub(crate) use segments::{Segments, Standing};

/// Length at which a segment is closed: short enough to copy or inspect one, and to read its torn
/// tail into memory; long enough that ten million records need a few hundred files.
pub(crate) const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// Most segment files kept open for reading: a quarter of the usual limit of 1,024 descriptors.
const MAX_OPEN: usize = 256;

/// The log, open for writing. One owner.
#[derive(Debug)]
pub(crate) struct Log {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    file: Box<dyn DiskFile>,
    header: SegmentHeader,
    length: u64,
    segment_bytes: u64,
}

impl Log {
    /// Makes room for a group of at most `bytes` bytes whose first frame has sequence number `next`:
    /// a segment that would grow over its length is closed and another begun.
    pub(crate) fn room_for(&mut self, bytes: u64, next: u64) -> io::Result<()> {
        if self.length == SEGMENT_HEADER as u64 || self.length + bytes <= self.segment_bytes {
            return Ok(());
        }
        self.close_segment(next)
    }

    /// Closes the segment, and begins another whose first frame will have sequence number `next`.
    pub(crate) fn close_segment(&mut self, next: u64) -> io::Result<()> {
        let (file, header) = create(self.disk.as_ref(), &self.dir, self.header.number + 1, next)?;
        (self.file, self.header, self.length) = (file, header, SEGMENT_HEADER as u64);
        Ok(())
    }

    /// Number of the segment, key of its checksums, and where the next group begins.
    pub(crate) fn place(&self) -> (u64, u64, u64) {
        (self.header.number, self.header.salt, self.length)
    }

    /// Writes one group and makes it durable. Answers how long the latter took.
    ///
    /// # Errors
    /// After an error it is not known what of the group stands in the file, and the log must be opened
    /// again: a second `fdatasync` may answer success for pages that the first one gave up.
    pub(crate) fn append(&mut self, group: &[u8]) -> io::Result<Duration> {
        self.file.write_all_at(group, self.length)?;
        let began = Instant::now();
        self.file.sync_data()?;
        self.length += group.len() as u64;
        Ok(began.elapsed())
    }
}

/// Reads from segments by place, from many tasks at once.
#[derive(Debug)]
pub(crate) struct Reader {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    open: Mutex<BTreeMap<u64, Arc<dyn DiskFile>>>,
}

impl Reader {
    pub(crate) fn new(disk: &Arc<dyn Disk>, dir: &Path) -> Self {
        Self { disk: Arc::clone(disk), dir: dir.to_owned(), open: Mutex::default() }
    }

    /// The file of a segment, for messages.
    pub(crate) fn path(&self, segment: u64) -> PathBuf {
        path_of(&self.dir, segment)
    }

    /// `length` bytes of a segment from `offset` on.
    pub(crate) fn read(&self, segment: u64, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file(segment)?.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// Forgets a segment whose file is gone, so that its room on the disk is free.
    pub(crate) fn forget(&self, segment: u64) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&segment);
    }

    fn file(&self, segment: u64) -> io::Result<Arc<dyn DiskFile>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&segment) {
            return Ok(Arc::clone(file));
        }
        let file: Arc<dyn DiskFile> = self.disk.open(&path_of(&self.dir, segment))?.into();
        if open.len() >= MAX_OPEN {
            open.pop_first();
        }
        open.insert(segment, Arc::clone(&file));
        Ok(file)
    }
}

/// Makes a segment, durably, before anything is written behind its header.
fn create(
    disk: &dyn Disk,
    dir: &Path,
    number: u64,
    first: u64,
) -> io::Result<(Box<dyn DiskFile>, SegmentHeader)> {
    let header = SegmentHeader { number, first, salt: salt()?, compacted: None };
    let file = disk.create_new(&path_of(dir, number))?;
    file.write_all_at(&header.encode(), 0)?;
    file.sync_all()?;
    disk.sync_dir(dir)?;
    Ok((file, header))
}

/// A key for the checksums of a segment.
fn salt() -> io::Result<u64> {
    let mut salt = [0; 8];
    getrandom::fill(&mut salt).map_err(io::Error::other)?;
    Ok(u64::from_le_bytes(salt))
}

/// The number of the segment with this id.
pub(crate) fn number_of(id: u64) -> u64 {
    of_id(id).0
}

/// The file of the segment with this id.
pub(crate) fn path_of(dir: &Path, id: u64) -> PathBuf {
    let (number, generation) = of_id(id);
    dir.join(match generation {
        0 => format!("{number:020}.seg"),
        generation => format!("{number:020}-{generation:010}.seg"),
    })
}

/// The id of the segment whose file has this name.
fn id_of(name: &str) -> Option<u64> {
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let name = name.strip_suffix(".seg")?;
    let (number, generation) = match name.split_once('-') {
        None => (name, 0),
        Some((number, generation)) => {
            (number, generation.parse().ok().filter(|g| *g > 0 && digits(generation, 10))?)
        }
    };
    let found = id(number.parse().ok().filter(|_| digits(number, 20))?, generation);
    (of_id(found) == (number.parse().ok()?, u64::from(generation))).then_some(found)
}

#[cfg(test)]
mod tests;
