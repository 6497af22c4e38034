//! Text forms of bytes: base64url, base58btc, multibase and multihash, each with one spelling.
//!
//! Multibase and Multihash as the W3C Controlled Identifiers recommendation restates them, section 2.4.

mod base58;
mod base64;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use sha2::{Digest, Sha256, Sha384};
use std::fmt;

/// Longest base58btc text that is decoded, in bytes. Decoding costs the square of the length; keys,
/// signatures and hashes have at most 135.
pub const MAX_BASE58_BYTES: usize = 256;

/// Multihash prefix of a SHA-256 digest: code 0x12, length 32.
const SHA2_256: [u8; 2] = [0x12, 0x20];

/// A SHA-256 digest.
pub type Sha256Digest = [u8; 32];

/// SHA-256 of `bytes`.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Sha256Digest {
    Sha256::digest(bytes).into()
}

/// SHA-256 of all `parts`, one after the other.
#[must_use]
pub fn sha256_of(parts: &[&[u8]]) -> Sha256Digest {
    parts.iter().fold(Sha256Parts::default(), |hashed, part| hashed.and(part)).finish()
}

/// SHA-384 of all `parts`, one after the other.
#[must_use]
pub fn sha384_of(parts: &[&[u8]]) -> [u8; 48] {
    let mut hasher = Sha384::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// SHA-256 of what comes piece by piece. A clone goes on from the same beginning.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sha256Parts(Sha256);

impl Sha256Parts {
    /// With `part` after what there is.
    pub(crate) fn and(mut self, part: &[u8]) -> Self {
        self.0.update(part);
        self
    }

    pub(crate) fn finish(self) -> Sha256Digest {
        self.0.finalize().into()
    }
}

/// Writes base64url without padding.
#[must_use]
pub fn to_base64url(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

/// Reads base64url without padding. Spare bits must be zero, so that one value has one text.
///
/// # Errors
/// [`CodecError::Malformed`].
pub fn from_base64url(text: &str) -> Result<Vec<u8>, CodecError> {
    base64::decode(base64::URL_SAFE, text.as_bytes()).ok_or(CodecError::Malformed)
}

/// Writes base64 with padding, as `data:` URLs have it.
#[must_use]
pub fn to_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Reads base64 with padding at its end alone. Spare bits must be zero, so that one value has one text.
///
/// # Errors
/// [`CodecError::Malformed`].
pub fn from_base64(text: &str) -> Result<Vec<u8>, CodecError> {
    let unpadded = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    let bytes = base64::decode(base64::STANDARD, unpadded.as_bytes());
    bytes.filter(|_| text.len().is_multiple_of(4)).ok_or(CodecError::Malformed)
}

/// Writes base58btc without a multibase prefix.
#[must_use]
pub fn to_base58btc(bytes: &[u8]) -> String {
    base58::encode(bytes)
}

/// Reads base58btc without a multibase prefix.
///
/// # Errors
/// [`CodecError::TooLong`] above [`MAX_BASE58_BYTES`], else [`CodecError::Malformed`].
pub fn from_base58btc(text: &str) -> Result<Vec<u8>, CodecError> {
    if text.len() > MAX_BASE58_BYTES {
        return Err(CodecError::TooLong);
    }
    base58::decode(text).ok_or(CodecError::Malformed)
}

/// As [`from_base58btc`], for a text whose length the caller has bounded to something longer.
///
/// # Errors
/// [`CodecError::Malformed`].
pub(crate) fn from_long_base58btc(text: &str) -> Result<Vec<u8>, CodecError> {
    base58::decode(text).ok_or(CodecError::Malformed)
}

/// Reads multibase in base58btc (`z`), the only base that Multikey and `proofValue` may use.
///
/// # Errors
/// As [`from_base58btc`]; [`CodecError::Malformed`] for any other base.
pub fn from_multibase_z(text: &str) -> Result<Vec<u8>, CodecError> {
    from_base58btc(text.strip_prefix('z').ok_or(CodecError::Malformed)?)
}

/// Writes multibase in base58btc (`z`).
#[must_use]
pub fn to_multibase_z(bytes: &[u8]) -> String {
    format!("z{}", to_base58btc(bytes))
}

/// The base58btc text of the SHA-256 multihash of `bytes`, as did:webvh writes SCIDs, entry hashes
/// and key hashes: `Qm...`, 46 characters.
#[must_use]
pub fn multihash_base58btc(bytes: &[u8]) -> String {
    multihash_of_digest_base58btc(&sha256(bytes))
}

/// As [`multihash_base58btc`], of what has this SHA-256 digest.
pub(crate) fn multihash_of_digest_base58btc(digest: &Sha256Digest) -> String {
    to_base58btc(&[&SHA2_256[..], digest].concat())
}

/// Whether `text` is a SHA-256 multihash in base58btc.
#[must_use]
pub fn is_multihash_base58btc(text: &str) -> bool {
    from_base58btc(text).is_ok_and(|bytes| bytes.len() == 34 && bytes.starts_with(&SHA2_256))
}

/// A digest as `digestMultibase`: `u`, then base64url of the SHA-256 multihash.
#[must_use]
pub fn digest_multibase(digest: &Sha256Digest) -> String {
    format!("u{}", to_base64url(&[&SHA2_256[..], digest].concat()))
}

/// Reads what [`digest_multibase`] writes, and only that.
///
/// # Errors
/// [`CodecError::Malformed`].
pub fn from_digest_multibase(text: &str) -> Result<Sha256Digest, CodecError> {
    let bytes = from_base64url(text.strip_prefix('u').ok_or(CodecError::Malformed)?)?;
    let digest = bytes.strip_prefix(&SHA2_256).ok_or(CodecError::Malformed)?;
    digest.try_into().map_err(|_| CodecError::Malformed)
}

/// Lower-case hexadecimal.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// Why text did not decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodecError {
    /// A character or a length that the encoding does not have, or another spelling of a value.
    Malformed,
    /// Longer than the bound of the encoding.
    TooLong,
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "text is not in the expected encoding",
            Self::TooLong => "encoded text is too long",
        })
    }
}

impl std::error::Error for CodecError {}

#[cfg(test)]
mod tests;
