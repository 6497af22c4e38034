//! The bytes of the object log: a header per segment, a frame per batch. All numbers little-endian.
//!
//! Segment: `magic 8 · format u32 · number u64 · first sequence u64 · salt u64 · crc u32`, then frames.
//! Frame: `body length u32 · crc u32 · kind u8 · place in group u16 · sequence u64 · body`. The CRC32C
//! covers the salt of the segment and all of the frame but itself. The salt is random, so nobody can
//! have a value stored that reads as a frame. The place in the group says which frames one
//! synchronisation made durable together: the first of them has sequence minus place.

use crate::batch::MAX_BATCH_BYTES;

/// What each segment begins with.
const MAGIC: [u8; 8] = *b"marqlog\n";

/// The format that this program writes, and the only one that it reads.
pub(crate) const FORMAT: u32 = 1;

/// Bytes of a segment before its first frame.
pub(crate) const SEGMENT_HEADER: usize = 40;

/// Bytes of a frame before its body.
pub(crate) const FRAME_HEADER: usize = 19;

/// A frame whose body is one batch.
const BATCH: u8 = 1;

/// What a segment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// Its place in the log, from 1.
    pub(crate) number: u64,
    /// The sequence number of its first frame.
    pub(crate) first: u64,
    /// Random; keys the checksums of its frames.
    pub(crate) salt: u64,
}

/// Why the first bytes of a segment are no header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HeaderError {
    /// Short, or the checksum does not fit.
    Broken,
    /// A format of another program version.
    Format(u32),
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SEGMENT_HEADER);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.first.to_le_bytes());
        bytes.extend_from_slice(&self.salt.to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        let fields = || {
            let (covered, crc) = bytes.get(..SEGMENT_HEADER)?.split_last_chunk::<4>()?;
            let rest = covered.strip_prefix(&MAGIC)?;
            let (format, rest) = rest.split_first_chunk::<4>()?;
            let (number, rest) = rest.split_first_chunk::<8>()?;
            let (first, salt) = rest.split_first_chunk::<8>()?;
            let header = Self {
                number: u64::from_le_bytes(*number),
                first: u64::from_le_bytes(*first),
                salt: u64::from_le_bytes(salt.try_into().ok()?),
            };
            (crc32c::crc32c(covered) == u32::from_le_bytes(*crc))
                .then_some((u32::from_le_bytes(*format), header))
        };
        match fields() {
            Some((FORMAT, header)) => Ok(header),
            Some((other, _)) => Err(HeaderError::Format(other)),
            None => Err(HeaderError::Broken),
        }
    }
}

/// What stands before the body of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    /// Bytes of the body.
    pub(crate) length: usize,
    /// The checksum.
    pub(crate) crc: u32,
    /// The sequence number, one more than that of the frame before.
    pub(crate) sequence: u64,
    /// How many frames stand before it in its group.
    pub(crate) place: u16,
}

impl FrameHeader {
    /// `None` where this program writes no such header. The checksum is not looked at.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (crc, rest) = rest.split_first_chunk::<4>()?;
        let (kind, rest) = rest.split_first()?;
        let (place, rest) = rest.split_first_chunk::<2>()?;
        let (sequence, _) = rest.split_first_chunk::<8>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        (*kind == BATCH && length <= MAX_BATCH_BYTES).then_some(Self {
            length,
            crc: u32::from_le_bytes(*crc),
            sequence: u64::from_le_bytes(*sequence),
            place: u16::from_le_bytes(*place),
        })
    }

    /// The first sequence number of the group that the frame was made durable with.
    pub(crate) fn group(&self) -> u64 {
        self.sequence.saturating_sub(u64::from(self.place))
    }
}

/// Whether the bytes of a whole frame carry the checksum that they should.
pub(crate) fn is_whole(salt: u64, frame: &[u8]) -> bool {
    checksum(salt, frame).is_some_and(|(found, wanted)| found == wanted)
}

/// Appends one frame with what `body` appends; answers its checksum.
pub(crate) fn encode<T>(
    out: &mut Vec<u8>,
    salt: u64,
    sequence: u64,
    place: u16,
    body: impl FnOnce(&mut Vec<u8>) -> T,
) -> (u32, T) {
    let start = out.len();
    out.extend_from_slice(&[0; 8]);
    out.push(BATCH);
    out.extend_from_slice(&place.to_le_bytes());
    out.extend_from_slice(&sequence.to_le_bytes());
    let made = body(out);
    let length = u32::try_from(out.len() - start - FRAME_HEADER).unwrap_or(u32::MAX);
    let mut crc = 0;
    if let Some(frame) = out.get_mut(start..) {
        if let Some(field) = frame.first_chunk_mut::<4>() {
            *field = length.to_le_bytes();
        }
        crc = checksum(salt, frame).map_or(0, |(_, wanted)| wanted);
        if let Some(field) = frame.get_mut(4..8) {
            field.copy_from_slice(&crc.to_le_bytes());
        }
    }
    (crc, made)
}

/// The checksum that stands in the frame, and that which should.
fn checksum(salt: u64, frame: &[u8]) -> Option<(u32, u32)> {
    let (length, rest) = frame.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let wanted =
        crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(&salt.to_le_bytes()), length), rest);
    Some((u32::from_le_bytes(*crc), wanted))
}
