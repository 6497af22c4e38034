//! The curves by RustCrypto and dalek, without C.

use super::Curve;
use ed25519_dalek::VerifyingKey;
use p256::ecdsa::signature::Verifier;

pub(super) fn expand(curve: Curve, sec1: &[u8]) -> Option<Vec<u8>> {
    macro_rules! expand {
        ($curve:ident) => {
            $curve::ecdsa::VerifyingKey::from_sec1_bytes(sec1).ok()?.to_sec1_point(false).as_bytes().to_vec()
        };
    }
    Some(match curve {
        Curve::P256 => expand!(p256),
        Curve::P384 => expand!(p384),
        Curve::Secp256k1 => expand!(k256),
    })
}

pub(super) fn verify(curve: Curve, key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    macro_rules! verify {
        ($curve:ident) => {{
            let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
            // Of S and its negative k256 verifies one only.
            let signature = $curve::ecdsa::Signature::from_slice(signature).ok()?.normalize_s();
            key.verify(message, &signature).ok()
        }};
    }
    match curve {
        Curve::P256 => verify!(p256),
        Curve::P384 => verify!(p384),
        Curve::Secp256k1 => verify!(k256),
    }
}

pub(super) fn verify_ed25519(key: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let key = VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
    key.verify_strict(message, &ed25519_dalek::Signature::from_slice(signature).ok()?).ok()
}
