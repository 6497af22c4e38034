//! The array of a status list: 1, 2, 4 or 8 bits an entry. There is one array, and two encodings of it:
//! [`super::bitstring`] and [`super::token_list`].
//!
//! It is kept as a Bitstring Status List has it: entry 0 in the most significant bits of the first byte.

use did_resolver::codec::{self, Sha256Digest};
use std::fmt;
use std::sync::Arc;

/// Fewest entries of a list that is made here, so that one entry hides among others (Bitstring Status
/// List, section 2.2): 16 KiB of one bit each.
pub const MIN_ENTRIES: u32 = 131_072;

/// Most entries of a list of one bit each: 2 MiB, sixteen million credentials.
pub const MAX_ENTRIES: u32 = 1 << 24;

/// Most bytes of an array, whatever an entry has: [`MAX_ENTRIES`] bits.
pub const MAX_ARRAY_BYTES: usize = 1 << 21;

/// How many bits an entry has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Width {
    /// Two values.
    One,
    /// Four values.
    Two,
    /// Sixteen values.
    Four,
    /// 256 values.
    Eight,
}

impl Width {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::One, Self::Two, Self::Four, Self::Eight];

    /// The width of `bits`, if it is one of 1, 2, 4 and 8.
    #[must_use]
    pub fn of(bits: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|width| u64::from(width.bits()) == bits)
    }

    /// How many bits that are.
    #[must_use]
    pub const fn bits(self) -> u8 {
        1 << self.log()
    }

    /// The greatest value of an entry.
    #[must_use]
    pub const fn greatest(self) -> u8 {
        0xff >> (8 - self.bits())
    }

    const fn log(self) -> u8 {
        match self {
            Self::One => 0,
            Self::Two => 1,
            Self::Four => 2,
            Self::Eight => 3,
        }
    }

    const fn entries_a_byte(self) -> usize {
        8 >> self.log()
    }
}

/// The entries of a list: a whole number of bytes, one to [`MAX_ARRAY_BYTES`]. A clone shares them.
#[derive(Clone, PartialEq, Eq)]
pub struct Bits {
    width: Width,
    bytes: Arc<Vec<u8>>,
}

impl Bits {
    /// An array of one bit an entry, none set.
    ///
    /// # Errors
    /// [`BitsError::Length`] where `entries` is not a multiple of 8, below [`MIN_ENTRIES`] or above
    /// [`MAX_ENTRIES`].
    pub fn new(entries: u32) -> Result<Self, BitsError> {
        if entries < MIN_ENTRIES { Err(BitsError::Length) } else { Self::wide(entries, Width::One) }
    }

    /// An array of `width` an entry, all zero, of any length.
    ///
    /// # Errors
    /// [`BitsError::Length`] where the entries are none, too many, or do not fill the last byte.
    pub fn wide(entries: u32, width: Width) -> Result<Self, BitsError> {
        let entries = usize::try_from(entries).map_err(|_| BitsError::Length)?;
        let each = width.entries_a_byte();
        if !entries.is_multiple_of(each) || entries / each > MAX_ARRAY_BYTES {
            return Err(BitsError::Length);
        }
        Self::from_bytes(vec![0; entries / each], width)
    }

    /// Bytes in which entry 0 is the most significant.
    pub(super) fn from_bytes(bytes: Vec<u8>, width: Width) -> Result<Self, BitsError> {
        if bytes.is_empty() || bytes.len() > MAX_ARRAY_BYTES {
            return Err(BitsError::Length);
        }
        Ok(Self { width, bytes: Arc::new(bytes) })
    }

    /// Bytes in which entry 0 is the least significant.
    pub(super) fn from_least_first(mut bytes: Vec<u8>, width: Width) -> Result<Self, BitsError> {
        turn(&mut bytes, width);
        Self::from_bytes(bytes, width)
    }

    /// The bytes with entry 0 the least significant.
    pub(super) fn least_first(&self) -> Vec<u8> {
        let mut bytes = self.bytes.as_ref().clone();
        turn(&mut bytes, self.width);
        bytes
    }

    /// The same bytes read as entries of another width: a bitstring does not say which it has, what
    /// points into it does.
    #[must_use]
    pub fn read_as(&self, width: Width) -> Self {
        Self { width, bytes: Arc::clone(&self.bytes) }
    }

    /// How many bits an entry has.
    #[must_use]
    pub const fn width(&self) -> Width {
        self.width
    }

    /// How many entries there are.
    #[must_use]
    pub fn entries(&self) -> u32 {
        u32::try_from(self.bytes.len() * self.width.entries_a_byte()).unwrap_or(u32::MAX)
    }

    /// The value at `index`; `None` where the list has no such entry, which is not the same as zero.
    #[must_use]
    #[inline]
    pub fn value(&self, index: u32) -> Option<u8> {
        let (at, shift) = self.place(index)?;
        self.bytes.get(at).map(|byte| byte >> shift & self.width.greatest())
    }

    /// Whether the value at `index` is other than zero; `None` as [`Self::value`].
    #[must_use]
    #[inline]
    pub fn get(&self, index: u32) -> Option<bool> {
        self.value(index).map(|value| value != 0)
    }

    /// Puts `value` at `index`.
    ///
    /// # Errors
    /// [`BitsError::Index`] where the list has no such entry, [`BitsError::Value`] where the width has no
    /// such value.
    pub fn put(&mut self, index: u32, value: u8) -> Result<(), BitsError> {
        let greatest = self.width.greatest();
        if value > greatest {
            return Err(BitsError::Value);
        }
        let (at, shift) = self.place(index).ok_or(BitsError::Index)?;
        if at >= self.bytes.len() {
            return Err(BitsError::Index);
        }
        let byte = Arc::make_mut(&mut self.bytes).get_mut(at).ok_or(BitsError::Index)?;
        *byte = *byte & !(greatest << shift) | value << shift;
        Ok(())
    }

    /// Puts 1 at `index`.
    ///
    /// # Errors
    /// [`BitsError::Index`] where the list has no such entry.
    pub fn set(&mut self, index: u32) -> Result<(), BitsError> {
        self.put(index, 1)
    }

    /// Puts 0 at `index`.
    ///
    /// # Errors
    /// [`BitsError::Index`] where the list has no such entry.
    pub fn clear(&mut self, index: u32) -> Result<(), BitsError> {
        self.put(index, 0)
    }

    /// How many entries are other than zero.
    #[must_use]
    pub fn count_set(&self) -> u32 {
        match self.width {
            Width::One => self.bytes.iter().map(|byte| byte.count_ones()).sum(),
            _ => u32::try_from(self.values_set().count()).unwrap_or(u32::MAX),
        }
    }

    /// The indices whose values are other than zero, in order.
    pub fn indices_set(&self) -> impl Iterator<Item = u32> {
        self.values_set().map(|(index, _)| index)
    }

    /// The entries that are other than zero, in order, each with its value.
    pub fn values_set(&self) -> impl Iterator<Item = (u32, u8)> {
        let each = self.width.entries_a_byte();
        let first = move |at: usize| u32::try_from(at * each).unwrap_or(u32::MAX);
        let some = self.bytes.iter().enumerate().filter(|(_, byte)| **byte != 0);
        let each = u32::try_from(each).unwrap_or_default();
        some.flat_map(move |(at, _)| (0..each).map(move |nth| first(at).saturating_add(nth)))
            .filter_map(|index| self.value(index).filter(|value| *value != 0).map(|value| (index, value)))
    }

    /// The array, entry 0 first.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// SHA-256 of the width and the array, by which a [`super::delta::Delta`] names it.
    #[must_use]
    pub fn digest(&self) -> Sha256Digest {
        codec::sha256_of(&[&[self.width.bits()], &self.bytes])
    }

    /// Whether every entry of `older` is here, and every bit set there is set here: what a list of
    /// revocations must be to its predecessor.
    #[must_use]
    pub fn covers(&self, older: &Self) -> bool {
        self.width == older.width
            && self.bytes.len() >= older.bytes.len()
            && self.bytes.iter().zip(older.bytes.iter()).all(|(new, old)| old & !new == 0)
    }

    /// Every bit that is set in either; as long as the longer. Meant for lists of one bit an entry.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let (long, short) = if self.bytes.len() >= other.bytes.len() { (self, other) } else { (other, self) };
        let mut bytes = long.bytes.as_ref().clone();
        for (byte, more) in bytes.iter_mut().zip(short.bytes.iter()) {
            *byte |= more;
        }
        Self { width: self.width, bytes: Arc::new(bytes) }
    }

    /// Which byte, and how far up in it.
    #[inline]
    fn place(&self, index: u32) -> Option<(usize, u8)> {
        let bit = usize::try_from(index).ok()?.checked_mul(usize::from(self.width.bits()))?;
        let within = u8::try_from(bit % 8).ok()?;
        Some((bit / 8, 8 - self.width.bits() - within))
    }
}

/// Turns the order of the entries within each byte around, and leaves each as it is.
fn turn(bytes: &mut [u8], width: Width) {
    match width {
        Width::One => bytes.iter_mut().for_each(|byte| *byte = byte.reverse_bits()),
        Width::Two => bytes.iter_mut().for_each(|byte| {
            let turned = byte.reverse_bits();
            *byte = (turned & 0x55) << 1 | turned >> 1 & 0x55;
        }),
        Width::Four => bytes.iter_mut().for_each(|byte| *byte = byte.rotate_left(4)),
        Width::Eight => {}
    }
}

impl fmt::Debug for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bits({} of {}, {} bits each)", self.count_set(), self.entries(), self.width.bits())
    }
}

/// Why an array of statuses was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitsError {
    /// Not one whole compressed array and nothing else, in the encoding that was asked for.
    Malformed,
    /// More entries than the bound.
    TooLong,
    /// Fewer than [`MIN_ENTRIES`], or no whole number of bytes.
    Length,
    /// The list has no such entry.
    Index,
    /// An entry of this width has no such value.
    Value,
}

impl fmt::Display for BitsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "status list is not encoded as it must be",
            Self::TooLong => "status list has too many entries",
            Self::Length => "status list has too few entries",
            Self::Index => "status list has no such entry",
            Self::Value => "an entry of the status list has no such value",
        })
    }
}

impl std::error::Error for BitsError {}

#[cfg(test)]
mod tests;
