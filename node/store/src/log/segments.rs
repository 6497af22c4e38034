//! The segments of a folder: which there are, what they hold, and where the log ends.

use super::frame::{
    self, COMPACTED_HEADER, FRAME_HEADER, FrameHeader, HeaderError, SEGMENT_HEADER, SegmentHeader, of_id,
};
use super::scan::{self, Checkpoint, Visit};
use super::{Log, create, id_of, path_of};
use crate::disk::{self, Disk, ReadOn};
use crate::error::OpenError;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The segments of a folder, as found when it is opened.
#[derive(Debug)]
pub(crate) struct Segments {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    headers: Vec<SegmentHeader>,
    /// Files that a compaction left: of segments that another stands for, and what it did not finish.
    leftovers: Vec<PathBuf>,
    /// The greatest generation of all files.
    generation: u32,
}

/// How a place in the log, as the index noted it, stands to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The frame before it is there, whole.
    Holds,
    /// It lies in what was compacted since: whether the frame was there cannot be told.
    Compacted,
    /// The frame before it is not there.
    Lacks,
}

/// What is there of a log, and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Found {
    /// The segments whose header can be read.
    pub(crate) segments: Segments,
    /// What is wrong, in order.
    pub(crate) wrong: Vec<OpenError>,
    /// A last segment that a crash left before anything could be written to it.
    pub(crate) unfinished: Option<PathBuf>,
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
    /// Reads the headers of all segments in `dir` and changes nothing. Beside what can be read it answers what
    /// is wrong, in order.
    pub(crate) fn find(disk: &Arc<dyn Disk>, dir: &Path) -> Result<Found, OpenError> {
        let io = |e: io::Error| OpenError::io(dir, &e);
        let names = disk.names(dir).map_err(io)?;
        let mut ids: Vec<u64> = names.iter().filter_map(|name| id_of(name)).collect();
        // Compacted ones first, the newest before all: they say which others count.
        ids.sort_unstable_by_key(|id| (std::cmp::Reverse(of_id(*id).1), of_id(*id).0));
        let last = ids.iter().map(|id| of_id(*id)).filter(|(_, generation)| *generation == 0).max();
        let generation = ids.first().and_then(|id| u32::try_from(of_id(*id).1).ok()).unwrap_or_default();
        let unfinished =
            names.iter().filter(|name| name.strip_suffix(".new").is_some_and(|n| id_of(n).is_some()));
        let leftovers = unfinished.map(|name| dir.join(name)).collect();
        let headers = Vec::with_capacity(ids.len());
        let segments = Self { disk: Arc::clone(disk), dir: dir.to_owned(), headers, leftovers, generation };
        let mut found = Found { segments, wrong: Vec::new(), unfinished: None };
        let mut parts = Vec::with_capacity(ids.len());
        for id in ids {
            let path = path_of(dir, id);
            let number = of_id(id).0;
            if found.segments.headers.iter().any(|h| (h.from()..=h.number).contains(&number) && h.id() > id) {
                found.segments.leftovers.push(path);
                continue;
            }
            // One that cannot be read is there nevertheless.
            let mut from = number;
            match read_header(disk.as_ref(), &path, id, last == Some(of_id(id))) {
                Ok(Some(header)) => {
                    from = header.from();
                    found.segments.headers.push(header);
                }
                Ok(None) => found.unfinished = Some(path),
                Err(wrong) => found.wrong.push(wrong),
            }
            parts.push((number, from, id));
        }
        found.segments.headers.sort_unstable_by_key(|header| header.number);
        parts.sort_unstable();
        let mut wanted = 1;
        for (number, from, id) in parts {
            if from > wanted {
                let path = path_of(dir, wanted);
                found.wrong.push(OpenError::damaged(&path, 0, "a segment is missing"));
            }
            if from < wanted {
                let what = "two segments stand for the same part of the log";
                found.wrong.push(OpenError::damaged(&path_of(dir, id), 0, what));
            }
            wanted = number.saturating_add(1);
        }
        Ok(found)
    }

    /// The same, of a log that is to be written to: what was never finished is set aside, and the first segment
    /// made where there is none.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub(crate) fn open(disk: &Arc<dyn Disk>, dir: &Path) -> Result<Self, OpenError> {
        let io = |e: io::Error| OpenError::io(dir, &e);
        disk.make_dir(dir).map_err(io)?;
        let Found { mut segments, wrong, unfinished } = Self::find(disk, dir)?;
        if let Some(wrong) = wrong.into_iter().next() {
            return Err(wrong);
        }
        if let Some(path) = unfinished {
            let number = segments.headers.last().map_or(1, |header| header.number + 1);
            let aside = disk::free_name(disk.as_ref(), dir, &format!("torn-segment-{number}"));
            disk.rename(&path, &aside)
                .and_then(|()| disk.sync_dir(dir))
                .map_err(|e| OpenError::io(&path, &e))?;
        }
        if segments.headers.is_empty() {
            let header = create(disk.as_ref(), dir, 1, 1).map_err(io)?.1;
            segments.headers.push(header);
        }
        Ok(segments)
    }

    /// What the segments say of themselves, in order.
    pub(crate) fn headers(&self) -> &[SegmentHeader] {
        &self.headers
    }

    /// The file of a segment.
    pub(crate) fn path(&self, header: &SegmentHeader) -> PathBuf {
        path_of(&self.dir, header.id())
    }

    /// The greatest generation of all files.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// Files that a compaction left behind. They may go once the index names none of them.
    pub(crate) fn leftovers(&self) -> &[PathBuf] {
        &self.leftovers
    }

    /// Bytes of a segment.
    pub(crate) fn length(&self, header: &SegmentHeader) -> Result<u64, OpenError> {
        let path = self.path(header);
        let length = self.disk.open(&path).and_then(|file| file.length());
        length.map_err(|e| OpenError::io(&path, &e))
    }

    /// Reads one segment from its first frame on. Answers the place behind the last whole one.
    ///
    /// # Errors
    /// [`OpenError::Damaged`], and what `visit` answers.
    pub(crate) fn scan_one(
        &self,
        header: &SegmentHeader,
        visit: &mut Visit<'_>,
    ) -> Result<Checkpoint, OpenError> {
        let at = Checkpoint { next: header.first, ..Checkpoint::START }.into_segment(header);
        let last = self.headers.last() == Some(header);
        scan::segment(self.disk.as_ref(), &self.path(header), header, at, u64::MAX, last, visit)
    }

    /// Whether the frame that `at` names stands there, whole.
    pub(crate) fn standing(&self, at: &Checkpoint) -> Standing {
        let number = of_id(at.segment).0;
        let is_gone = |h: &SegmentHeader| (h.from()..=h.number).contains(&number) && h.id() > at.segment;
        match self.headers.iter().find(|header| header.id() == at.segment) {
            _ if at.next == 1 && *at == Checkpoint::START => Standing::Holds,
            Some(header) if self.holds(header, at) => Standing::Holds,
            None if self.headers.iter().any(is_gone) => Standing::Compacted,
            _ => Standing::Lacks,
        }
    }

    fn holds(&self, header: &SegmentHeader, at: &Checkpoint) -> bool {
        let Some(length) = at.end.checked_sub(at.frame) else { return false };
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
        for header in self.headers.iter().filter(|h| h.number >= of_id(from.segment).0) {
            let path = self.path(header);
            if header.id() != at.segment {
                at = at.into_segment(header);
            }
            if at.end == header.bytes() && header.first != at.next {
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
    /// group is written once more where it stands, and the length set once more: the process before may have
    /// died, or met an error, between writing and synchronising it, and then the kernel may hold it as written
    /// while the disk does not, which a synchronisation alone would not mend.
    pub(crate) fn into_log(
        self,
        end: Checkpoint,
        segment_bytes: u64,
    ) -> Result<(Log, Option<Torn>), OpenError> {
        let header = self.headers.last().ok_or_else(|| OpenError::damaged(&self.dir, 0, "no segment"))?;
        let (header, path) = (*header, self.path(header));
        let io = |e: io::Error| OpenError::io(&path, &e);
        if header.compacted.is_some() {
            // Nothing is written behind what a compaction wrote.
            let made = create(self.disk.as_ref(), &self.dir, header.number + 1, end.next).map_err(io)?;
            let (file, header, length) = (made.0, made.1, SEGMENT_HEADER as u64);
            return Ok((Log { disk: self.disk, dir: self.dir, file, header, length, segment_bytes }, None));
        }
        let file = self.disk.open_writable(&path).map_err(io)?;
        let length = file.length().map_err(io)?;
        let mut torn = None;
        if length > end.end {
            let mut bytes = Vec::new();
            ReadOn::new(file.as_ref(), end.end).read_to_end(&mut bytes).map_err(io)?;
            let aside = disk::free_name(self.disk.as_ref(), &self.dir, &format!("torn-{}", end.next));
            disk::replace(self.disk.as_ref(), &aside, &bytes).map_err(io)?;
            torn = Some(Torn { file: aside, bytes: length - end.end });
        }
        file.set_length(end.end).map_err(io)?;
        let group = if end.end == SEGMENT_HEADER as u64 { 0 } else { end.group };
        let mut bytes = vec![0; usize::try_from(end.end.saturating_sub(group)).unwrap_or_default()];
        file.read_exact_at(&mut bytes, group).map_err(io)?;
        file.write_all_at(&bytes, group).and_then(|()| file.sync_all()).map_err(io)?;
        self.disk.sync_dir(&self.dir).map_err(io)?;
        let log = Log { disk: self.disk, dir: self.dir, file, header, length: end.end, segment_bytes };
        Ok((log, torn))
    }
}

/// The header of a segment; `None` where the last one was never finished.
fn read_header(
    disk: &dyn Disk,
    path: &Path,
    id: u64,
    last: bool,
) -> Result<Option<SegmentHeader>, OpenError> {
    let io = |e: io::Error| OpenError::io(path, &e);
    let mut bytes = Vec::with_capacity(COMPACTED_HEADER);
    let file = disk.open(path).map_err(io)?;
    let length = file.length().map_err(io)?;
    ReadOn::new(file.as_ref(), 0).take(COMPACTED_HEADER as u64).read_to_end(&mut bytes).map_err(io)?;
    match SegmentHeader::decode(&bytes) {
        Ok(header) if header.id() == id && header.from() <= header.number => Ok(Some(header)),
        Ok(_) => Err(OpenError::damaged(path, 0, "the header of another segment")),
        Err(HeaderError::Format(version)) => Err(OpenError::Format { file: path.to_owned(), version }),
        // Frames are written only behind a header that is durable.
        Err(HeaderError::Broken) if last && length <= SEGMENT_HEADER as u64 => Ok(None),
        Err(HeaderError::Broken) => Err(OpenError::damaged(path, 0, "the header of the segment")),
    }
}
