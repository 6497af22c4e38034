//! The curves by AWS-LC.
//!
//! Its Ed25519 decodes A, refuses S of the group order or above, and compares the bytes of R with the
//! canonical form of SB - kA. Under a key that was admitted, that is `verify_strict` but for an R of
//! small order, which is refused here: R that passes is canonical, so eight byte strings are all.

use super::{Curve, has_small_order};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256K1_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519,
    EcdsaVerificationAlgorithm, ParsedPublicKey, UnparsedPublicKey,
};

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
