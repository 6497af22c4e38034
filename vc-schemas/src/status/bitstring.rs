//! The encoding of a Bitstring Status List (W3C recommendation, sections 2.2, 3.3 and 3.4): gzip, in
//! base64url with the multibase prefix `u`; entry 0 in the most significant bits of the first byte.

pub use super::array::{Bits, BitsError, MAX_ENTRIES, MIN_ENTRIES};

use super::array::{MAX_ARRAY_BYTES, Width};
use super::inflate;
use did_resolver::codec;
use flate2::{Compression, GzBuilder};
use std::io::Write;

/// Longest encoded list that is looked at, in characters: [`MAX_ARRAY_BYTES`] that do not compress need
/// 2,797,000, with the gzip frame.
pub const MAX_ENCODED_BYTES: usize = 2_900_000;

/// The `OS` byte of a gzip header for "unknown" (RFC 1952), so that one array has one encoding.
const UNKNOWN_OS: u8 = 255;

impl Bits {
    /// The `encodedList`: `u`, then base64url of the array in gzip. One array has one encoding.
    ///
    /// # Errors
    /// [`BitsError::Length`] below [`MIN_ENTRIES`].
    pub fn encode(&self) -> Result<String, BitsError> {
        if self.entries() < MIN_ENTRIES {
            return Err(BitsError::Length);
        }
        let writer = GzBuilder::new().mtime(0).operating_system(UNKNOWN_OS);
        let mut gzip = writer.write(Vec::new(), Compression::default());
        let zipped = gzip.write_all(self.as_bytes()).and_then(|()| gzip.finish());
        Ok(format!("u{}", codec::to_base64url(&zipped.map_err(|_| BitsError::Malformed)?)))
    }

    /// Reads an `encodedList` of one bit an entry and at most `max_entries`.
    ///
    /// # Errors
    /// [`BitsError::TooLong`] above `max_entries` (or [`MAX_ENTRIES`], [`MAX_ENCODED_BYTES`]);
    /// [`BitsError::Malformed`] where it is not the base64url of one whole gzip member and nothing
    /// else; [`BitsError::Length`] below [`MIN_ENTRIES`].
    pub fn decode(text: &str, max_entries: u32) -> Result<Self, BitsError> {
        let cap = usize::try_from(max_entries.min(MAX_ENTRIES) / 8).map_err(|_| BitsError::TooLong)?;
        decode(text, Width::One, cap)
    }

    /// Reads an `encodedList` whose entries have `width`, which the `statusSize` of what points into it
    /// says.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn decode_wide(text: &str, width: Width) -> Result<Self, BitsError> {
        decode(text, width, MAX_ARRAY_BYTES)
    }
}

fn decode(text: &str, width: Width, cap: usize) -> Result<Bits, BitsError> {
    if text.len() > MAX_ENCODED_BYTES {
        return Err(BitsError::TooLong);
    }
    let text = text.strip_prefix('u').ok_or(BitsError::Malformed)?;
    let zipped = codec::from_base64url(text).map_err(|_| BitsError::Malformed)?;
    let bits = Bits::from_bytes(inflate::gzip(&zipped, cap)?, width)?;
    if bits.entries() < MIN_ENTRIES { Err(BitsError::Length) } else { Ok(bits) }
}

#[cfg(test)]
mod tests;
