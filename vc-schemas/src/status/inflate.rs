//! Bounded inflation: what is longer than the bound is refused, never cut off, and nothing may follow.

use super::array::BitsError;
use flate2::bufread::{GzDecoder, ZlibDecoder};
use std::io::Read;

/// Inflates exactly one gzip member (RFC 1952) of at most `cap` bytes.
///
/// # Errors
/// [`BitsError::TooLong`] where there is one byte more; [`BitsError::Malformed`] where it is cut off,
/// its checksum is wrong, or something follows, be it another member.
pub(super) fn gzip(zipped: &[u8], cap: usize) -> Result<Vec<u8>, BitsError> {
    let mut reader = GzDecoder::new(zipped);
    let inflated = read(&mut reader, zipped.len(), cap)?;
    end(reader.into_inner(), inflated)
}

/// Inflates exactly one zlib stream (RFC 1950) of at most `cap` bytes.
///
/// # Errors
/// As [`gzip`].
pub(super) fn zlib(zipped: &[u8], cap: usize) -> Result<Vec<u8>, BitsError> {
    let mut reader = ZlibDecoder::new(zipped);
    let inflated = read(&mut reader, zipped.len(), cap)?;
    end(reader.into_inner(), inflated)
}

fn read(reader: &mut impl Read, zipped_bytes: usize, cap: usize) -> Result<Vec<u8>, BitsError> {
    // A list of revocations is some five times as long as its encoding; an empty one a thousand times.
    let mut inflated = Vec::with_capacity(zipped_bytes.saturating_mul(6).min(cap.saturating_add(1)));
    let bound = u64::try_from(cap).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(bound).read_to_end(&mut inflated).map_err(|_| BitsError::Malformed)?;
    if inflated.len() > cap { Err(BitsError::TooLong) } else { Ok(inflated) }
}

fn end(rest: &[u8], inflated: Vec<u8>) -> Result<Vec<u8>, BitsError> {
    if rest.is_empty() { Ok(inflated) } else { Err(BitsError::Malformed) }
}
