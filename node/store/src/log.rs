//! The append-only object log, the truth of the store: segments of checksummed frames.
//!
//! A frame is one committed batch. Frames are written in groups, each group with one `fdatasync`. What
//! is broken in the last group of the log is a torn tail: it may be unacknowledged, so it is cut off and
//! set aside. What is broken anywhere else was acknowledged, and the log does not open.

mod frame;
mod scan;

use crate::disk::{self, Disk, DiskFile, ReadOn};
use crate::error::OpenError;
use frame::{HeaderError, SEGMENT_HEADER, SegmentHeader};
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(crate) use frame::{FRAME_HEADER, FrameHeader, encode as encode_frame};
pub(crate) use scan::{Checkpoint, Visit};

/// Length at which a segment is closed: short enough to copy or inspect one, and to read its torn
/// tail into memory; long enough that ten million records need a few hundred files.
pub(crate) const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// Most segment files kept open for reading: a quarter of the usual limit of 1,024 descriptors.
const MAX_OPEN: usize = 256;

/// The segments of a folder, as found when it is opened.
#[derive(Debug)]
pub(crate) struct Segments {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    headers: Vec<SegmentHeader>,
}

/// What was cut off the end of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// Where it is kept.
    pub file: PathBuf,
    /// How much it was.
    pub bytes: u64,
}

impl Segments {
    /// Reads the headers of all segments in `dir`; makes the first one where there is none.
    pub(crate) fn open(disk: &Arc<dyn Disk>, dir: &Path) -> Result<Self, OpenError> {
        let io = |e: io::Error| OpenError::io(dir, &e);
        disk.make_dir(dir).map_err(io)?;
        let mut numbers: Vec<u64> =
            disk.names(dir).map_err(io)?.iter().filter_map(|n| number_of(n)).collect();
        numbers.sort_unstable();
        let mut segments =
            Self { disk: Arc::clone(disk), dir: dir.to_owned(), headers: Vec::with_capacity(numbers.len()) };
        for (wanted, number) in (1..).zip(&numbers) {
            let path = path_of(dir, *number);
            if *number != wanted {
                return Err(OpenError::damaged(&path_of(dir, wanted), 0, "a segment is missing"));
            }
            if let Some(header) = read_header(disk.as_ref(), &path, *number, *number == numbers.len() as u64)?
            {
                segments.headers.push(header);
            }
        }
        if segments.headers.is_empty() {
            let header = create(disk.as_ref(), dir, 1, 1).map_err(io)?.1;
            segments.headers.push(header);
        }
        Ok(segments)
    }

    /// Whether the frame that `at` names stands there, whole.
    pub(crate) fn holds(&self, at: &Checkpoint) -> bool {
        if at.next == 1 {
            return *at == Checkpoint::START;
        }
        let header = self.headers.iter().find(|h| h.number == at.segment);
        let (Some(header), Some(length)) = (header, at.end.checked_sub(at.frame)) else { return false };
        let read = || {
            let length = usize::try_from(length)
                .ok()
                .filter(|l| *l <= FRAME_HEADER + crate::batch::MAX_BATCH_BYTES)?;
            let mut bytes = vec![0; length];
            self.disk.open(&path_of(&self.dir, at.segment)).ok()?.read_exact_at(&mut bytes, at.frame).ok()?;
            let found = FrameHeader::decode(&bytes)?;
            let same = found.sequence.checked_add(1) == Some(at.next) && found.crc == at.crc;
            Some(same && found.length + FRAME_HEADER == length && frame::is_whole(header.salt, &bytes))
        };
        read().unwrap_or(false)
    }

    /// Reads all frames from `from` to that with sequence number `until`, which is left out. Answers the
    /// place behind the last whole one.
    ///
    /// # Errors
    /// [`OpenError::Damaged`], and what `visit` answers.
    pub(crate) fn scan(
        &self,
        from: Checkpoint,
        until: u64,
        visit: &mut Visit<'_>,
    ) -> Result<Checkpoint, OpenError> {
        let mut at = from;
        for header in self.headers.iter().filter(|h| h.number >= from.segment) {
            let path = path_of(&self.dir, header.number);
            if header.number > at.segment {
                at = at.into_segment(header.number);
            }
            if at.end == SEGMENT_HEADER as u64 && header.first != at.next {
                return Err(OpenError::damaged(
                    &path,
                    0,
                    "the segment does not go on where the one before ends",
                ));
            }
            let last = self.headers.last() == Some(header);
            at = scan::segment(self.disk.as_ref(), &path, header, at, until, last, visit)?;
            if at.next >= until {
                break;
            }
        }
        Ok(at)
    }

    /// Makes the log end at `end`, where a scan ended, and sets aside what stands behind it. The last
    /// group is written once more where it stands: the process before may have died, or met an error,
    /// between writing and synchronising it, and then the kernel may hold it as written while the disk
    /// does not, which a synchronisation alone would not mend.
    pub(crate) fn into_log(
        self,
        end: Checkpoint,
        segment_bytes: u64,
    ) -> Result<(Log, Option<Torn>), OpenError> {
        let number = self.headers.len() as u64;
        let path = path_of(&self.dir, number);
        let io = |e: io::Error| OpenError::io(&path, &e);
        let header = *self.headers.last().ok_or_else(|| OpenError::damaged(&path, 0, "no segment"))?;
        let file = self.disk.open_writable(&path).map_err(io)?;
        let length = file.length().map_err(io)?;
        let mut torn = None;
        if length > end.end {
            let mut bytes = Vec::new();
            ReadOn::new(file.as_ref(), end.end).read_to_end(&mut bytes).map_err(io)?;
            let aside = disk::free_name(self.disk.as_ref(), &self.dir, &format!("torn-{}", end.next));
            disk::replace(self.disk.as_ref(), &aside, &bytes).map_err(io)?;
            file.set_length(end.end).map_err(io)?;
            torn = Some(Torn { file: aside, bytes: length - end.end });
        }
        let group = if end.end == SEGMENT_HEADER as u64 { 0 } else { end.group };
        let mut bytes = vec![0; usize::try_from(end.end.saturating_sub(group)).unwrap_or_default()];
        file.read_exact_at(&mut bytes, group).map_err(io)?;
        file.write_all_at(&bytes, group).and_then(|()| file.sync_all()).map_err(io)?;
        self.disk.sync_dir(&self.dir).map_err(io)?;
        let log = Log { disk: self.disk, dir: self.dir, file, header, length: end.end, segment_bytes };
        Ok((log, torn))
    }
}

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

/// The header of a segment; `None` where the last one was never finished, which is then set aside.
fn read_header(
    disk: &dyn Disk,
    path: &Path,
    number: u64,
    last: bool,
) -> Result<Option<SegmentHeader>, OpenError> {
    let io = |e: io::Error| OpenError::io(path, &e);
    let mut bytes = Vec::with_capacity(SEGMENT_HEADER);
    let file = disk.open(path).map_err(io)?;
    let length = file.length().map_err(io)?;
    ReadOn::new(file.as_ref(), 0).take(SEGMENT_HEADER as u64).read_to_end(&mut bytes).map_err(io)?;
    match SegmentHeader::decode(&bytes) {
        Ok(header) if header.number == number => Ok(Some(header)),
        Ok(_) => Err(OpenError::damaged(path, 0, "the header of another segment")),
        Err(HeaderError::Format(version)) => Err(OpenError::Format { file: path.to_owned(), version }),
        // Frames are written only behind a header that is durable.
        Err(HeaderError::Broken) if last && length <= SEGMENT_HEADER as u64 => {
            let dir = disk::parent(path);
            let aside = disk::free_name(disk, dir, &format!("torn-segment-{number}"));
            disk.rename(path, &aside).and_then(|()| disk.sync_dir(dir)).map_err(io)?;
            Ok(None)
        }
        Err(HeaderError::Broken) => Err(OpenError::damaged(path, 0, "the header of the segment")),
    }
}

/// Makes a segment, durably, before anything is written behind its header.
fn create(
    disk: &dyn Disk,
    dir: &Path,
    number: u64,
    first: u64,
) -> io::Result<(Box<dyn DiskFile>, SegmentHeader)> {
    let mut salt = [0; 8];
    getrandom::fill(&mut salt).map_err(io::Error::other)?;
    let header = SegmentHeader { number, first, salt: u64::from_le_bytes(salt) };
    let file = disk.create_new(&path_of(dir, number))?;
    file.write_all_at(&header.encode(), 0)?;
    file.sync_all()?;
    disk.sync_dir(dir)?;
    Ok((file, header))
}

fn path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:020}.seg"))
}

fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    (digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests;
