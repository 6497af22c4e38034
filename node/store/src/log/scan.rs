//! Reading the log from a place to its end: every frame checked, a torn tail told from damage.

use crate::disk::{Disk, ReadOn};
use crate::error::OpenError;
use crate::log::frame::{self, FRAME_HEADER, FrameHeader, SEGMENT_HEADER, SegmentHeader};
use std::io::{self, BufReader, Read as _};
use std::path::Path;

/// Bytes read at a time.
const READ_AHEAD: usize = 1024 * 1024;

/// A place in the log, just behind a frame, and what that frame was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// The id of the segment.
    pub(crate) segment: u64,
    /// Where the next frame of the segment begins.
    pub(crate) end: u64,
    /// The sequence number of the next frame.
    pub(crate) next: u64,
    /// Where the frame before begins; meaningless where `next` is 1.
    pub(crate) frame: u64,
    /// The checksum of the frame before; meaningless where `next` is 1.
    pub(crate) crc: u32,
    /// Where the group of the frame before begins: what the last synchronisation was to make durable.
    pub(crate) group: u64,
}

impl Checkpoint {
    /// Before the first frame.
    pub(crate) const START: Self = Self {
        segment: 1,
        end: SEGMENT_HEADER as u64,
        next: 1,
        frame: 0,
        crc: 0,
        group: SEGMENT_HEADER as u64,
    };

    /// Where a segment begins that holds the frame after this one.
    pub(super) fn into_segment(self, header: &SegmentHeader) -> Self {
        Self { segment: header.id(), end: header.bytes(), group: header.bytes(), ..self }
    }
}

/// A frame as it stands in the log.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    /// The place behind it.
    pub(crate) checkpoint: Checkpoint,
    /// Its sequence number.
    pub(crate) sequence: u64,
    /// Where its body begins in the segment.
    pub(crate) body_offset: u64,
    /// Its body.
    pub(crate) body: &'a [u8],
}

/// Called with each frame; an answer of `Err` says what is wrong with it and ends the scan.
pub(crate) type Visit<'a> = dyn FnMut(Frame<'_>) -> Result<(), OpenError> + 'a;

/// Reads the frames of one segment from `at` on, up to that with sequence number `until`. Answers the
/// place behind the last whole one; what follows it in the file is a torn tail.
///
/// # Errors
/// [`OpenError::Damaged`] where a frame is broken that is not in the last group of the log: in an
/// earlier segment (`last` is false) or one that a compaction wrote, or with a later group behind it.
pub(super) fn segment(
    disk: &dyn Disk,
    path: &Path,
    header: &SegmentHeader,
    mut at: Checkpoint,
    until: u64,
    last: bool,
    visit: &mut Visit<'_>,
) -> Result<Checkpoint, OpenError> {
    let io = |e: io::Error| OpenError::io(path, &e);
    let file = disk.open(path).map_err(io)?;
    let length = file.length().map_err(io)?;
    if let Some(compacted) = header.compacted.filter(|compacted| compacted.length != length) {
        let at = length.min(compacted.length);
        return Err(OpenError::damaged(path, at, "the segment is not as long as it was made"));
    }
    let behind = header.compacted.map(|compacted| compacted.until);
    let mut reader = BufReader::with_capacity(READ_AHEAD, ReadOn::new(file.as_ref(), at.end));
    let mut bytes = Vec::new();
    while at.end < length && at.next < until {
        if !next_frame(&mut reader, length - at.end, header.salt, &mut bytes).map_err(io)? {
            if !last || behind.is_some() {
                return Err(OpenError::damaged(path, at.end, "a frame of an earlier segment"));
            }
            bytes.clear();
            ReadOn::new(file.as_ref(), at.end).read_to_end(&mut bytes).map_err(io)?;
            if later_group(&bytes, header.salt, at.next) {
                return Err(OpenError::damaged(path, at.end, "a frame with later ones behind it"));
            }
            return Ok(at);
        }
        let Some(found) = FrameHeader::decode(&bytes) else {
            return Err(OpenError::damaged(path, at.end, "a frame without a header"));
        };
        let fits = match behind {
            None => found.sequence == at.next,
            Some(behind) => (at.next..behind).contains(&found.sequence),
        };
        if !fits {
            return Err(OpenError::damaged(path, at.end, "a frame out of sequence"));
        }
        let checkpoint = Checkpoint {
            segment: header.id(),
            end: at.end + bytes.len() as u64,
            next: found.sequence.saturating_add(1),
            frame: at.end,
            crc: found.crc,
            group: if found.place == 0 { at.end } else { at.group },
        };
        let body_offset = at.end + FRAME_HEADER as u64;
        let body = bytes.get(FRAME_HEADER..).unwrap_or_default();
        visit(Frame { checkpoint, sequence: found.sequence, body_offset, body })?;
        at = checkpoint;
    }
    if let Some(behind) = behind.filter(|_| at.end >= length) {
        at.next = behind;
    }
    Ok(at)
}

/// Reads one frame into `bytes`; false where there is no whole one in the `left` bytes of the file.
pub(super) fn next_frame(
    reader: &mut (impl io::Read + ?Sized),
    left: u64,
    salt: u64,
    bytes: &mut Vec<u8>,
) -> io::Result<bool> {
    let mut head = [0; FRAME_HEADER];
    if left < FRAME_HEADER as u64 {
        return Ok(false);
    }
    reader.read_exact(&mut head)?;
    let Some(header) = FrameHeader::decode(&head) else { return Ok(false) };
    if left < (FRAME_HEADER + header.length) as u64 {
        return Ok(false);
    }
    bytes.clear();
    bytes.extend_from_slice(&head);
    bytes.resize(FRAME_HEADER + header.length, 0);
    reader.read_exact(bytes.get_mut(FRAME_HEADER..).unwrap_or_default())?;
    Ok(frame::is_whole(salt, bytes))
}

/// Whether a whole frame stands in `bytes` whose group began after sequence number `broken`: then the
/// broken frame was synchronised before that group was written, so it is not a torn tail.
pub(super) fn later_group(bytes: &[u8], salt: u64, broken: u64) -> bool {
    let most = broken.saturating_add((bytes.len() / FRAME_HEADER) as u64);
    (0..bytes.len()).any(|start| {
        let rest = bytes.get(start..).unwrap_or_default();
        let Some(header) = FrameHeader::decode(rest) else { return false };
        (broken..=most).contains(&header.sequence)
            && header.group() > broken
            && rest.get(..FRAME_HEADER + header.length).is_some_and(|frame| frame::is_whole(salt, frame))
    })
}
