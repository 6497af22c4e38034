//! The log as it was at one moment, read while another process may be writing to it.
//!
//! Nothing is locked, and the writer is not asked. Segments are only ever appended to, and a compaction puts a
//! finished one in the place of others by one renaming, so what a folder lists at one moment is a whole log. The
//! segments that it lists are opened, and it is listed again: where nothing was put in the place of another
//! meanwhile, what is open is that log, whatever becomes of the names. What was acknowledged before was written
//! before, so the first frame of the last segment that is not whole is one that nobody was told of.

use super::frame::{COMPACTED_HEADER, FRAME_HEADER, FrameHeader, HeaderError, SEGMENT_HEADER, SegmentHeader};
use super::scan::{later_group, next_frame};
use super::segments::Segments;
use crate::batch;
use crate::disk::{Disk, DiskFile, ReadOn};
use crate::error::OpenError;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How often a folder is listed that changes meanwhile. A compaction puts a segment in place every few seconds at
/// most.
const TRIES: usize = 64;

/// Bytes read at a time.
const READ_AHEAD: usize = 256 * 1024;

/// The segments of a log, open.
#[derive(Debug)]
pub(crate) struct Held {
    segments: Vec<Opened>,
}

/// One of them: what counts of it is its first `length` bytes.
#[derive(Debug)]
pub(crate) struct Opened {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    length: u64,
}

impl Held {
    /// Opens the log in `dir` as it is now.
    ///
    /// # Errors
    /// [`OpenError`]: also where more segments are there than files may be open.
    pub(crate) fn take(disk: &Arc<dyn Disk>, dir: &Path) -> Result<Self, OpenError> {
        let mut tried = Err(OpenError::damaged(dir, 0, "no segment"));
        for _ in 0..TRIES {
            tried = Self::try_take(disk, dir);
            if let Ok(Some(held)) = tried {
                return Ok(held);
            }
        }
        tried.and(Err(OpenError::io(dir, &io::Error::other("the log is compacted all the time: try again"))))
    }

    /// `None` where a compaction was faster.
    fn try_take(disk: &Arc<dyn Disk>, dir: &Path) -> Result<Option<Self>, OpenError> {
        let found = Segments::find(disk, dir)?;
        if let Some(wrong) = found.wrong.into_iter().next() {
            return Err(wrong);
        }
        let headers = found.segments.headers();
        let last = headers.last().ok_or_else(|| OpenError::damaged(dir, 0, "no segment"))?;
        let mut segments = Vec::with_capacity(headers.len());
        for header in headers {
            let path = found.segments.path(header);
            let io = |e: io::Error| OpenError::io(&path, &e);
            let file = disk.open(&path).map_err(io)?;
            let length = file.length().map_err(io)?;
            segments.push(Opened { file, length, path });
        }
        let again = Segments::find(disk, dir)?;
        if !again.segments.headers().starts_with(headers) {
            return Ok(None);
        }
        if let Some(segment) = segments.last_mut().filter(|_| last.compacted.is_none()) {
            segment.cut(last)?;
        }
        Ok(Some(Self { segments }))
    }

    /// How many, and their bytes.
    pub(crate) fn size(&self) -> (u64, u64) {
        (self.segments.len() as u64, self.segments.iter().map(|segment| segment.length).sum())
    }

    /// Each in order: its length, and its bytes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Path, u64, impl Read)> {
        self.segments.iter().map(|segment| {
            let reader = ReadOn::new(segment.file.as_ref(), 0).take(segment.length);
            (segment.path.as_path(), segment.length, BufReader::with_capacity(READ_AHEAD, reader))
        })
    }
}

impl Opened {
    /// Leaves out what stands behind the last whole frame.
    fn cut(&mut self, header: &SegmentHeader) -> Result<(), OpenError> {
        let io = |e: io::Error| OpenError::io(&self.path, &e);
        let reader = |at| BufReader::with_capacity(READ_AHEAD, ReadOn::new(self.file.as_ref(), at));
        let (mut at, mut next) = (header.bytes(), header.first);
        let (mut frames, mut bytes) = (reader(at), Vec::new());
        while at < self.length
            && is_whole(&mut frames, self.length - at, header.salt, &mut bytes).map_err(io)?
        {
            at += bytes.len() as u64;
            next = FrameHeader::decode(&bytes).map_or(next, |frame| frame.sequence.saturating_add(1));
        }
        if at < self.length {
            // Another process may be writing just here. Where it began a later group, this one is whole by now.
            let mut tail = Vec::new();
            ReadOn::new(self.file.as_ref(), at).read_to_end(&mut tail).map_err(io)?;
            let left = self.file.length().map_err(io)?.saturating_sub(at);
            if later_group(&tail, header.salt, next)
                && !is_whole(&mut reader(at), left, header.salt, &mut bytes).map_err(io)?
            {
                return Err(OpenError::damaged(&self.path, at, "a frame with later ones behind it"));
            }
        }
        self.length = at;
        Ok(())
    }
}

/// Whether a whole frame comes next; one that ends early, because the file was cut off meanwhile, is none.
fn is_whole(reader: &mut impl Read, left: u64, salt: u64, bytes: &mut Vec<u8>) -> io::Result<bool> {
    match next_frame(reader, left, salt, bytes) {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        outcome => outcome,
    }
}

/// Why what was read is no log, or not the one that it should be.
#[derive(Debug)]
pub(crate) enum Broken {
    /// It does not read back: what, and at which byte of its segment.
    At(u64, &'static str),
    /// A format of another program version.
    Format(u32),
    /// It could not be read, or not be passed on.
    Io(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Given each write: the number of its table, its key, and its value, or nothing where it deletes.
pub(crate) type Watch<'a> = dyn FnMut(u8, &[u8], Option<&[u8]>) + 'a;

/// A log that is checked segment by segment as its bytes go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chain {
    /// The number that the next segment stands from.
    number: u64,
    /// The sequence number of the next frame.
    next: u64,
    /// Batches so far.
    batches: u64,
}

impl Chain {
    /// Before the first segment.
    pub(crate) const START: Self = Self { number: 1, next: 1, batches: 0 };

    /// The sequence number behind the last frame, and how many batches went by.
    pub(crate) fn reached(&self) -> (u64, u64) {
        (self.next, self.batches)
    }

    /// Reads a segment of `length` bytes, checks that it goes on where the one before ended, and each frame and
    /// each write in it. Every byte goes to `out`, in order; nothing of a frame before it was found whole.
    pub(crate) fn segment(
        &mut self,
        reader: &mut dyn Read,
        length: u64,
        out: &mut dyn FnMut(&SegmentHeader, &[u8]) -> io::Result<()>,
        watch: &mut Watch<'_>,
    ) -> Result<(), Broken> {
        let header = read_header(reader, length)?;
        if header.from() != self.number || header.first != self.next {
            return Err(Broken::At(0, "the segment does not go on where the one before ends"));
        }
        if header.compacted.is_some_and(|compacted| compacted.length != length) {
            return Err(Broken::At(length, "the segment is not as long as it was made"));
        }
        out(&header, &header.encode())?;
        let (mut at, mut bytes) = (header.bytes(), Vec::new());
        while at < length {
            if !next_frame(reader, length - at, header.salt, &mut bytes)? {
                return Err(Broken::At(at, "a frame that is not whole"));
            }
            let frame = FrameHeader::decode(&bytes).ok_or(Broken::At(at, "a frame without a header"))?;
            let fits = match header.compacted {
                None => frame.sequence == self.next,
                Some(compacted) => (self.next..compacted.until).contains(&frame.sequence),
            };
            if !fits {
                return Err(Broken::At(at, "a frame out of sequence"));
            }
            let body = bytes.get(FRAME_HEADER..).unwrap_or_default();
            let writes = batch::decode(body, frame.sequence);
            for write in writes.ok_or(Broken::At(at, "a frame that is no batch"))? {
                watch(write.table, write.key, write.value);
            }
            out(&header, &bytes)?;
            (self.next, self.batches) = (frame.sequence.saturating_add(1), self.batches + 1);
            at += bytes.len() as u64;
        }
        if let Some(compacted) = header.compacted {
            self.next = compacted.until;
        }
        self.number = header.number.saturating_add(1);
        Ok(())
    }
}

fn read_header(reader: &mut dyn Read, length: u64) -> Result<SegmentHeader, Broken> {
    let broken = || Broken::At(0, "the header of the segment");
    let mut bytes = Vec::with_capacity(COMPACTED_HEADER);
    for whole in [SEGMENT_HEADER, COMPACTED_HEADER] {
        let more = whole - bytes.len();
        if length < whole as u64 || reader.take(more as u64).read_to_end(&mut bytes)? < more {
            return Err(broken());
        }
        match SegmentHeader::decode(&bytes) {
            Ok(header) => return Ok(header),
            Err(HeaderError::Format(format)) => return Err(Broken::Format(format)),
            // One that a compaction wrote has a longer header.
            Err(HeaderError::Broken) => {}
        }
    }
    Err(broken())
}

#[cfg(test)]
mod tests;
