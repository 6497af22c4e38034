//! The array of a Bitstring Status List (W3C recommendation, sections 2.2, 3.3 and 3.4): one bit an
//! entry, index 0 the most significant bit of the first byte.

use did_resolver::codec;
use flate2::bufread::GzDecoder;
use flate2::{Compression, GzBuilder};
use std::fmt;
use std::io::{Read, Write};

/// Fewest entries of a list, so that one entry hides among others (section 2.2): 16 KiB.
pub const MIN_ENTRIES: u32 = 131_072;

/// Most entries of a list that is read here: 2 MiB, sixteen million credentials.
pub const MAX_ENTRIES: u32 = 1 << 24;

/// Longest encoded list that is looked at, in characters: [`MAX_ENTRIES`] that do not compress need
/// 2,797,000, with the gzip frame.
pub const MAX_ENCODED_BYTES: usize = 2_900_000;

/// The `OS` byte of a gzip header for "unknown" (RFC 1952), so that one array has one encoding.
const UNKNOWN_OS: u8 = 255;

/// One bit an entry. The number of entries is a multiple of 8 from [`MIN_ENTRIES`] to [`MAX_ENTRIES`].
#[derive(Clone, PartialEq, Eq)]
pub struct Bits(Vec<u8>);

impl Bits {
    /// An array with no bit set.
    ///
    /// # Errors
    /// [`BitsError::Length`] where `entries` is not a multiple of 8, or out of bounds.
    pub fn new(entries: u32) -> Result<Self, BitsError> {
        let bytes = usize::try_from(entries / 8).map_err(|_| BitsError::Length)?;
        if entries.is_multiple_of(8) { Self::from_bytes(vec![0; bytes]) } else { Err(BitsError::Length) }
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self, BitsError> {
        let entries = u32::try_from(bytes.len()).ok().and_then(|n| n.checked_mul(8));
        match entries {
            Some(MIN_ENTRIES..=MAX_ENTRIES) => Ok(Self(bytes)),
            _ => Err(BitsError::Length),
        }
    }

    /// How many entries there are.
    #[must_use]
    pub fn entries(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX).saturating_mul(8)
    }

    /// The bit at `index`; `None` where the list has no such entry, which is not the same as clear.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<bool> {
        let (at, mask) = place(index)?;
        self.0.get(at).map(|byte| byte & mask != 0)
    }

    /// Sets the bit at `index`.
    ///
    /// # Errors
    /// [`BitsError::Index`] where the list has no such entry.
    pub fn set(&mut self, index: u32) -> Result<(), BitsError> {
        let (byte, mask) = self.byte(index)?;
        *byte |= mask;
        Ok(())
    }

    /// Clears the bit at `index`.
    ///
    /// # Errors
    /// [`BitsError::Index`] where the list has no such entry.
    pub fn clear(&mut self, index: u32) -> Result<(), BitsError> {
        let (byte, mask) = self.byte(index)?;
        *byte &= !mask;
        Ok(())
    }

    fn byte(&mut self, index: u32) -> Result<(&mut u8, u8), BitsError> {
        let (at, mask) = place(index).ok_or(BitsError::Index)?;
        self.0.get_mut(at).map(|byte| (byte, mask)).ok_or(BitsError::Index)
    }

    /// How many bits are set.
    #[must_use]
    pub fn count_set(&self) -> u32 {
        self.0.iter().map(|byte| byte.count_ones()).sum()
    }

    /// The indices whose bits are set, in order.
    pub fn indices_set(&self) -> impl Iterator<Item = u32> {
        (0..self.entries()).filter(|index| self.get(*index) == Some(true))
    }

    /// The array, eight entries a byte.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether every entry of `older` is here, and every bit set there is set here: what a list of
    /// revocations must be to its predecessor.
    #[must_use]
    pub fn covers(&self, older: &Self) -> bool {
        self.0.len() >= older.0.len() && self.0.iter().zip(&older.0).all(|(new, old)| old & !new == 0)
    }

    /// What is set in either; as long as the longer.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let (long, short) = if self.0.len() >= other.0.len() { (self, other) } else { (other, self) };
        let mut bytes = long.0.clone();
        for (byte, more) in bytes.iter_mut().zip(&short.0) {
            *byte |= more;
        }
        Self(bytes)
    }

    /// The `encodedList`: `u`, then base64url of the array in gzip. One array has one encoding.
    ///
    /// # Errors
    /// None that can happen: gzip is written to memory, and the type of that says it may fail.
    pub fn encode(&self) -> Result<String, BitsError> {
        let writer = GzBuilder::new().mtime(0).operating_system(UNKNOWN_OS);
        let mut gzip = writer.write(Vec::new(), Compression::default());
        let zipped =
            gzip.write_all(&self.0).and_then(|()| gzip.finish()).map_err(|_| BitsError::Malformed)?;
        Ok(format!("u{}", codec::to_base64url(&zipped)))
    }

    /// Reads an `encodedList` of at most `max_entries`. Inflation stops one byte past the bound.
    ///
    /// # Errors
    /// [`BitsError::TooLong`] above `max_entries` (or [`MAX_ENTRIES`], [`MAX_ENCODED_BYTES`]);
    /// [`BitsError::Malformed`] where it is not the base64url of one whole gzip member and nothing
    /// else; [`BitsError::Length`] below [`MIN_ENTRIES`].
    pub fn decode(text: &str, max_entries: u32) -> Result<Self, BitsError> {
        if text.len() > MAX_ENCODED_BYTES {
            return Err(BitsError::TooLong);
        }
        let text = text.strip_prefix('u').ok_or(BitsError::Malformed)?;
        let zipped = codec::from_base64url(text).map_err(|_| BitsError::Malformed)?;
        let cap = u64::from(max_entries.min(MAX_ENTRIES) / 8);
        let mut inflated = Vec::new();
        let mut reader = GzDecoder::new(zipped.as_slice()).take(cap + 1);
        reader.read_to_end(&mut inflated).map_err(|_| BitsError::Malformed)?;
        if inflated.len() as u64 > cap {
            return Err(BitsError::TooLong);
        }
        if !reader.into_inner().into_inner().is_empty() {
            return Err(BitsError::Malformed);
        }
        Self::from_bytes(inflated)
    }
}

/// Which byte, and which bit of it.
fn place(index: u32) -> Option<(usize, u8)> {
    Some((usize::try_from(index / 8).ok()?, 0x80 >> (index % 8)))
}

impl fmt::Debug for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bits({} of {})", self.count_set(), self.entries())
    }
}

/// Why an array of status bits was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitsError {
    /// Not the base64url of one whole gzip member.
    Malformed,
    /// More entries than the bound.
    TooLong,
    /// Fewer than [`MIN_ENTRIES`], or no whole number of bytes.
    Length,
    /// The list has no such entry.
    Index,
}

impl fmt::Display for BitsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "status list is not encoded as it must be",
            Self::TooLong => "status list has too many entries",
            Self::Length => "status list has too few entries",
            Self::Index => "status list has no such entry",
        })
    }
}

impl std::error::Error for BitsError {}

#[cfg(test)]
mod tests;
