//! One batch: its limits, and its bytes in the object log.
//!
//! `count u16`, then for each write `crc u32 · table u8 · key length u16 · value length u32 · key ·
//! value`, little-endian; a value length of `u32::MAX` deletes. The CRC32C covers the sequence number
//! of the batch and all that follows it in the write, so one write proves on its own which record it
//! is and which version: an index that points at another place cannot yield a wrong value.

use marque_flows::ports::records::{MAX_BATCH, MAX_KEY_BYTES, MAX_VALUE_BYTES, StoreError, Write};
use std::collections::HashSet;

/// Longest batch as it stands in the log: a dozen of the longest values. It bounds what one frame
/// makes the reader allocate.
pub const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of the checksum before a write.
const CRC_BYTES: usize = 4;

/// Bytes of a write before its key.
const WRITE_HEADER: usize = CRC_BYTES + 1 + 2 + 4;

/// Bytes of a batch before its writes.
pub(crate) const COUNT_BYTES: usize = 2;

/// The value length that says: deleted.
const DELETED: u32 = u32::MAX;

/// Longest write, so the most that one read allocates.
pub(crate) const MAX_WRITE_BYTES: usize = WRITE_HEADER + MAX_KEY_BYTES + MAX_VALUE_BYTES;

/// How many bytes `batch` takes in the log.
pub(crate) fn encoded_len(batch: &[Write]) -> usize {
    let one = |w: &Write| WRITE_HEADER + w.key.len() + w.value.as_ref().map_or(0, Vec::len);
    COUNT_BYTES + batch.iter().map(one).sum::<usize>()
}

/// Whether `batch` keeps the limits; nothing else of it is looked at before.
///
/// # Errors
/// [`StoreError::TooLarge`] names the limit.
pub(crate) fn check(batch: &[Write]) -> Result<(), StoreError> {
    if batch.len() > MAX_BATCH {
        return Err(StoreError::TooLarge("writes in a batch"));
    }
    let mut named = HashSet::with_capacity(batch.len());
    for write in batch {
        if write.key.is_empty() {
            return Err(StoreError::TooLarge("an empty key"));
        }
        if write.key.len() > MAX_KEY_BYTES {
            return Err(StoreError::TooLarge("bytes of a key"));
        }
        if write.value.as_ref().is_some_and(|v| v.len() > MAX_VALUE_BYTES) {
            return Err(StoreError::TooLarge("bytes of a value"));
        }
        if !named.insert((write.table, write.key.as_slice())) {
            return Err(StoreError::TooLarge("a record named twice in a batch"));
        }
    }
    if encoded_len(batch) > MAX_BATCH_BYTES {
        return Err(StoreError::TooLarge("bytes of a batch"));
    }
    Ok(())
}

/// Appends the bytes of a batch that passed [`check`] and answers where each write stands in `out`
/// (offset, length).
pub(crate) fn encode(batch: &[Write], sequence: u64, out: &mut Vec<u8>) -> Vec<(usize, usize)> {
    out.extend_from_slice(&u16::try_from(batch.len()).unwrap_or(u16::MAX).to_le_bytes());
    let mut places = Vec::with_capacity(batch.len());
    for write in batch {
        let start = out.len();
        out.extend_from_slice(&[0; CRC_BYTES]);
        out.push(write.table as u8);
        out.extend_from_slice(&u16::try_from(write.key.len()).unwrap_or(u16::MAX).to_le_bytes());
        let length = write.value.as_ref().map_or(DELETED, |v| u32::try_from(v.len()).unwrap_or(DELETED));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&write.key);
        out.extend_from_slice(write.value.as_deref().unwrap_or_default());
        let (before, covered) = out.split_at_mut(start + CRC_BYTES);
        let sum = checksum(sequence, covered);
        if let Some(crc) = before.last_chunk_mut() {
            *crc = sum.to_le_bytes();
        }
        places.push((start, CRC_BYTES + covered.len()));
    }
    places
}

/// Appends a batch of writes that are there as they stood in one with the same sequence number.
pub(crate) fn encode_again(writes: &[&[u8]], out: &mut Vec<u8>) {
    out.extend_from_slice(&u16::try_from(writes.len()).unwrap_or(u16::MAX).to_le_bytes());
    for write in writes {
        out.extend_from_slice(write);
    }
}

/// One write, read back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Written<'a> {
    /// The number of the table.
    pub(crate) table: u8,
    /// The key.
    pub(crate) key: &'a [u8],
    /// The value, or `None` where the write deletes.
    pub(crate) value: Option<&'a [u8]>,
    /// Where the write stands in what was given, and how long it is.
    pub(crate) place: (usize, usize),
}

/// The writes of one batch. `None` where the bytes are not what [`encode`] makes.
pub(crate) fn decode(body: &[u8], sequence: u64) -> Option<Vec<Written<'_>>> {
    let (count, mut rest) = body.split_first_chunk::<COUNT_BYTES>()?;
    let count = usize::from(u16::from_le_bytes(*count));
    if count > MAX_BATCH {
        return None;
    }
    let mut writes = Vec::with_capacity(count);
    for _ in 0..count {
        let offset = body.len() - rest.len();
        let (mut write, after) = split_write(rest, sequence)?;
        write.place.0 = offset;
        writes.push(write);
        rest = after;
    }
    rest.is_empty().then_some(writes)
}

/// One write that stands alone. `None` where the bytes are not that write of that batch.
pub(crate) fn decode_one(bytes: &[u8], sequence: u64) -> Option<Written<'_>> {
    let (write, rest) = split_write(bytes, sequence)?;
    rest.is_empty().then_some(write)
}

fn split_write(bytes: &[u8], sequence: u64) -> Option<(Written<'_>, &[u8])> {
    let (crc, covered) = bytes.split_first_chunk::<CRC_BYTES>()?;
    let (table, rest) = covered.split_first()?;
    let (key_len, rest) = rest.split_first_chunk::<2>()?;
    let (value_len, rest) = rest.split_first_chunk::<4>()?;
    let (key, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*key_len)))?;
    let (value, rest) = match u32::from_le_bytes(*value_len) {
        DELETED => (None, rest),
        length => {
            let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            (Some(value), rest)
        }
    };
    let covered = covered.get(..covered.len() - rest.len())?;
    let place = (0, covered.len() + CRC_BYTES);
    (checksum(sequence, covered) == u32::from_le_bytes(*crc))
        .then_some((Written { table: *table, key, value, place }, rest))
}

fn checksum(sequence: u64, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&sequence.to_le_bytes()), bytes)
}

#[cfg(test)]
mod tests;
