//! The curves, by one of two libraries: AWS-LC (feature `aws-lc`) or RustCrypto (feature `rustcrypto`).
//!
//! What is a key, and which signatures verify, is the same with both. For Ed25519 the rule is
//! `verify_strict` of ed25519-dalek: canonical S, R and A of full or mixed order, and R byte for byte
//! what the equation without the cofactor gives (RFC 8032, section 5.1.7, without its multiplication
//! by 8).

#[cfg(feature = "aws-lc")]
mod aws_lc;
#[cfg(all(feature = "rustcrypto", any(test, not(feature = "aws-lc"))))]
mod rustcrypto;

use super::KeyError;
#[cfg(feature = "aws-lc")]
use aws_lc as library;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
#[cfg(not(feature = "aws-lc"))]
use rustcrypto as library;

#[cfg(not(any(feature = "aws-lc", feature = "rustcrypto")))]
compile_error!("did-resolver needs one of the features `aws-lc` and `rustcrypto`");

/// The coordinates that X25519 takes to zero, little-endian, below 2^255 - 19 (RFC 7748, section 6.1;
/// Curve25519 paper, "Are there any public keys that cannot be used?").
const SMALL_ORDER_U: [[u8; 32]; 5] = [
    [0; 32],
    [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda,
        0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04,
        0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
    ],
];

/// A point of order eight. With its negative and the two that differ from those in the sign of y, it
/// is half of the torsion; the rest have y of 1, -1 and 0.
const ORDER_EIGHT_Y: [[u8; 32]; 2] = [
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
];

/// The field's prime, 2^255 - 19, little-endian.
const FIELD: [u8; 32] = {
    let mut prime = [0xff; 32];
    prime[0] = 0xed;
    prime[31] = 0x7f;
    prime
};

/// The curves of ECDSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// SEC 2 secp256k1.
    Secp256k1,
}

impl Curve {
    /// Bytes of one coordinate.
    pub(super) const fn coordinate_bytes(self) -> usize {
        match self {
            Self::P256 | Self::Secp256k1 => 32,
            Self::P384 => 48,
        }
    }

    /// The uncompressed form of a SEC 1 point that lies on the curve.
    pub(super) fn expand(self, sec1: &[u8]) -> Result<Vec<u8>, KeyError> {
        let length = self.coordinate_bytes();
        let compressed = sec1.len() == 1 + length && matches!(sec1.first(), Some(2 | 3));
        let uncompressed = sec1.len() == 1 + 2 * length && sec1.first() == Some(&4);
        if !compressed && !uncompressed {
            return Err(KeyError::NotAKey);
        }
        let point = library::expand(self, sec1).ok_or(KeyError::NotAKey)?;
        let shaped = point.len() == 1 + 2 * length && point.first() == Some(&4);
        if shaped { Ok(point) } else { Err(KeyError::NotAKey) }
    }

    /// The compressed form of an uncompressed point.
    pub(super) fn compress(self, point: &[u8]) -> Result<Vec<u8>, KeyError> {
        let (x, last) = (point.get(1..=self.coordinate_bytes()), point.last());
        let (Some(x), Some(last)) = (x, last) else { return Err(KeyError::NotAKey) };
        Ok([&[2 + (last & 1)], x].concat())
    }

    /// Verifies R and S of fixed length over the hash that goes with the curve.
    pub(super) fn verify(self, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        library::verify(self, key, message, signature).ok_or(KeyError::BadSignature)
    }
}

/// The point. Refuses what is none, of small order, or a second spelling of a point.
pub(super) fn admit_ed25519(bytes: &[u8]) -> Result<EdwardsPoint, KeyError> {
    let bytes: &[u8; 32] = bytes.try_into().map_err(|_| KeyError::NotAKey)?;
    let point = CompressedEdwardsY(*bytes).decompress().ok_or(KeyError::NotAKey)?;
    if point.is_small_order() || !is_reduced(bytes) { Err(KeyError::NotAKey) } else { Ok(point) }
}

/// Whether the y of a compressed Edwards point is below the prime. A point that is not of small order
/// has no other spelling: those with a sign but no x have y of 1 or -1.
pub(super) fn is_reduced(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    *low < 0xed || high & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff)
}

/// Whether the canonical encoding `point` is one of the eight of small order. The sign of x is not
/// looked at: where x is zero the other sign is no encoding.
pub(super) fn has_small_order(point: &[u8; 32]) -> bool {
    let mut y = *point;
    let [.., last] = &mut y;
    *last &= 0x7f;
    let small = |first: u8, rest: u8, last: u8| match &y {
        [a, between @ .., z] => *a == first && between.iter().all(|b| *b == rest) && *z == last,
    };
    ORDER_EIGHT_Y.contains(&y) || small(1, 0, 0) || small(0, 0, 0) || small(0xec, 0xff, 0x7f)
}

/// Verifies by the strict rule under a key that [`admit_ed25519`] admitted.
pub(super) fn verify_ed25519(key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
    library::verify_ed25519(key, message, signature).ok_or(KeyError::BadSignature)
}

/// Refuses what is no coordinate below the prime, or one of a point of small order.
pub(super) fn admit_x25519(bytes: &[u8]) -> Result<(), KeyError> {
    let bytes: &[u8; 32] = bytes.try_into().map_err(|_| KeyError::NotAKey)?;
    let canonical = bytes.iter().rev().lt(FIELD.iter().rev());
    if !canonical || SMALL_ORDER_U.contains(bytes) { Err(KeyError::NotAKey) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
