//! The bytes of the object log: a header per segment, a frame per batch. All numbers little-endian.
//!
//! Segment: `magic 8 · format u32 · number u64 · first sequence u64 · salt u64 · crc u32`, then frames. What a
//! compaction wrote has format 2: before the checksum stand `generation u32 · from u64 · until u64 · length u64 ·
//! writes u64`. It stands for all segments from number `from` to its own of an earlier generation, for the sequence
//! numbers up to `until`, and of those holds what was live: frames with gaps between their numbers. Its generation
//! is greater than that of any segment that was there before, so its name was never that of another.
//!
//! Frame: `body length u32 · crc u32 · kind u8 · place in group u16 · sequence u64 · body`. The CRC32C
//! covers the salt of the segment and all of the frame but itself. The salt is random, so nobody can
//! have a value stored that reads as a frame. The place in the group says which frames one
//! synchronisation made durable together: the first of them has sequence minus place.

use crate::batch::MAX_BATCH_BYTES;

/// What each segment begins with.
const MAGIC: [u8; 8] = *b"marqlog\n";

/// The format of a segment as it is written to.
const FORMAT: u32 = 1;

/// The format of a segment that a compaction wrote.
const FORMAT_COMPACTED: u32 = 2;

/// Bytes of a segment before its first frame.
pub(crate) const SEGMENT_HEADER: usize = 40;

/// The same of one that a compaction wrote; the longest of all headers.
pub(crate) const COMPACTED_HEADER: usize = SEGMENT_HEADER + 4 + 4 * 8;

/// Bits of an id that are the number of the segment: at 64 MiB each, more than there are disks for.
const NUMBER_BITS: u32 = 40;

/// Bytes of a frame before its body.
pub(crate) const FRAME_HEADER: usize = 19;

/// A frame whose body is one batch.
const BATCH: u8 = 1;

/// What a segment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// Its place in the log, from 1.
    pub(crate) number: u64,
    /// The sequence number of its first frame; of a compacted one, that of the first frame it stands for.
    pub(crate) first: u64,
    /// Random; keys the checksums of its frames.
    pub(crate) salt: u64,
    /// What a compaction made it for.
    pub(crate) compacted: Option<Compacted>,
}

/// What a segment says of itself that a compaction wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Compacted {
    /// Which compaction, from 1.
    pub(crate) generation: u32,
    /// The number of the first segment that it stands for.
    pub(crate) from: u64,
    /// The sequence number of the first frame of the segment behind it.
    pub(crate) until: u64,
    /// Its bytes, header and all.
    pub(crate) length: u64,
    /// Writes in it.
    pub(crate) writes: u64,
}

/// The file that a place is in: no two that ever were have one id.
pub(crate) const fn id(number: u64, generation: u32) -> u64 {
    (generation as u64) << NUMBER_BITS | number
}

/// The number and the generation of an id.
pub(crate) const fn of_id(id: u64) -> (u64, u64) {
    (id & ((1 << NUMBER_BITS) - 1), id >> NUMBER_BITS)
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
    /// The id of its file.
    pub(crate) fn id(&self) -> u64 {
        id(self.number, self.generation())
    }

    /// 0 for one that was written to.
    pub(crate) fn generation(&self) -> u32 {
        self.compacted.map_or(0, |compacted| compacted.generation)
    }

    /// The number of the first segment that it stands for.
    pub(crate) fn from(&self) -> u64 {
        self.compacted.map_or(self.number, |compacted| compacted.from)
    }

    /// Where its first frame begins.
    pub(crate) fn bytes(&self) -> u64 {
        (if self.compacted.is_some() { COMPACTED_HEADER } else { SEGMENT_HEADER }) as u64
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(COMPACTED_HEADER);
        bytes.extend_from_slice(&MAGIC);
        let format = if self.compacted.is_some() { FORMAT_COMPACTED } else { FORMAT };
        bytes.extend_from_slice(&format.to_le_bytes());
        for number in [self.number, self.first, self.salt] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        if let Some(Compacted { generation, from, until, length, writes }) = self.compacted {
            bytes.extend_from_slice(&generation.to_le_bytes());
            for number in [from, until, length, writes] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    /// Reads the header at the beginning of `bytes`.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        let format = bytes.strip_prefix(&MAGIC).and_then(|rest| rest.first_chunk::<4>());
        let format = u32::from_le_bytes(*format.ok_or(HeaderError::Broken)?);
        let length = if format == FORMAT_COMPACTED { COMPACTED_HEADER } else { SEGMENT_HEADER };
        let (covered, crc) =
            bytes.get(..length).and_then(|b| b.split_last_chunk::<4>()).ok_or(HeaderError::Broken)?;
        if crc32c::crc32c(covered) != u32::from_le_bytes(*crc) {
            return Err(HeaderError::Broken);
        }
        let mut rest = covered.get(MAGIC.len() + 4..).unwrap_or_default();
        let header = Self {
            number: take(&mut rest)?,
            first: take(&mut rest)?,
            salt: take(&mut rest)?,
            compacted: match rest.split_first_chunk::<4>() {
                None => None,
                Some((generation, mut rest)) => Some(Compacted {
                    generation: u32::from_le_bytes(*generation),
                    from: take(&mut rest)?,
                    until: take(&mut rest)?,
                    length: take(&mut rest)?,
                    writes: take(&mut rest)?,
                }),
            },
        };
        if matches!(format, FORMAT | FORMAT_COMPACTED) {
            Ok(header)
        } else {
            Err(HeaderError::Format(format))
        }
    }
}

fn take(rest: &mut &[u8]) -> Result<u64, HeaderError> {
    let (number, behind) = rest.split_first_chunk::<8>().ok_or(HeaderError::Broken)?;
    *rest = behind;
    Ok(u64::from_le_bytes(*number))
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
