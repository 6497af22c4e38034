//! The curves by AWS-LC.
//!
//! Its Ed25519 decodes A, refuses S of the group order or above, and compares the bytes of R with the
//! canonical form of SB - kA. Under a key that was admitted, that is `verify_strict` but for an R of
//! small order, which is refused here: R that passes is canonical, so eight byte strings are all.

use super::Curve;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256K1_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519,
    EcdsaVerificationAlgorithm, ParsedPublicKey, UnparsedPublicKey,
};

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

const fn algorithm(curve: Curve) -> &'static EcdsaVerificationAlgorithm {
    match curve {
        Curve::P256 => &ECDSA_P256_SHA256_FIXED,
        Curve::P384 => &ECDSA_P384_SHA384_FIXED,
        Curve::Secp256k1 => &ECDSA_P256K1_SHA256_FIXED,
    }
}

pub(super) fn expand(curve: Curve, sec1: &[u8]) -> Option<Vec<u8>> {
    let key = ParsedPublicKey::new(algorithm(curve), sec1).ok()?;
    let der = key.as_der().ok()?;
    let der = der.as_ref();
    // SubjectPublicKeyInfo ends with the point, which is uncompressed.
    let at = der.len().checked_sub(1 + 2 * curve.coordinate_bytes())?;
    der.get(at..).map(<[u8]>::to_vec)
}

pub(super) fn verify(curve: Curve, key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    UnparsedPublicKey::new(algorithm(curve), key).verify(message, signature).ok()
}

pub(super) fn verify_ed25519(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    if has_small_order(signature.first_chunk()?) {
        return None;
    }
    UnparsedPublicKey::new(&ED25519, key).verify(message, signature).ok()
}

/// Whether the canonical encoding `point` is one of the eight of small order. The sign of x is not
/// looked at: where x is zero the other sign is no encoding.
fn has_small_order(point: &[u8; 32]) -> bool {
    let mut y = *point;
    let [.., last] = &mut y;
    *last &= 0x7f;
    let small = |first: u8, rest: u8, last: u8| match &y {
        [a, between @ .., z] => *a == first && between.iter().all(|b| *b == rest) && *z == last,
    };
    ORDER_EIGHT_Y.contains(&y) || small(1, 0, 0) || small(0, 0, 0) || small(0xec, 0xff, 0x7f)
}
