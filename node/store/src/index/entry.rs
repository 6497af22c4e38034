//! The rows of the index as they stand in the tree.

use crate::log::Checkpoint;

/// Key of the checkpoint, and what the keys of notes begin with. No table has the number 0.
pub(super) const CHECKPOINT: &[u8] = &[0];

/// Where a record stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) length: u32,
    pub(crate) version: u64,
}

impl Entry {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(28);
        bytes.extend_from_slice(&self.segment.to_be_bytes());
        bytes.extend_from_slice(&self.offset.to_be_bytes());
        bytes.extend_from_slice(&self.length.to_be_bytes());
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
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

/// Entries whose record stands at another place now: the key with its table, and that place.
pub(crate) type Moves = Vec<(Vec<u8>, Entry)>;

/// What the entries of one segment add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Share {
    /// How many there are.
    pub(crate) entries: u64,
    /// Bytes of their writes.
    pub(crate) bytes: u64,
}

/// The key of a record in the tree.
pub(crate) fn tree_key(table: u8, key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(key.len() + 1);
    bytes.push(table);
    bytes.extend_from_slice(key);
    bytes
}

/// The key under which a segment that a compaction wrote is noted.
pub(super) fn note_key(id: u64) -> Vec<u8> {
    [CHECKPOINT, &id.to_be_bytes()].concat()
}

pub(super) fn encode_checkpoint(at: &Checkpoint) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(44);
    for number in [at.segment, at.end, at.next, at.frame, at.group] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(&at.crc.to_be_bytes());
    bytes
}

pub(super) fn decode_checkpoint(bytes: &[u8]) -> Option<Checkpoint> {
    let (segment, rest) = bytes.split_first_chunk::<8>()?;
    let (end, rest) = rest.split_first_chunk::<8>()?;
    let (next, rest) = rest.split_first_chunk::<8>()?;
    let (frame, rest) = rest.split_first_chunk::<8>()?;
    let (group, crc) = rest.split_first_chunk::<8>()?;
    Some(Checkpoint {
        segment: u64::from_be_bytes(*segment),
        end: u64::from_be_bytes(*end),
        next: u64::from_be_bytes(*next),
        frame: u64::from_be_bytes(*frame),
        group: u64::from_be_bytes(*group),
        crc: u32::from_be_bytes(crc.try_into().ok()?),
    })
}
