//! The curves: Ed25519 by ed25519-dalek (its `verify_strict` is the rule), P-256 by AWS-LC.

use super::KeyError;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey, UnparsedPublicKey};
use ed25519_dalek::{Signature, VerifyingKey};

fn ed25519(bytes: &[u8]) -> Result<VerifyingKey, KeyError> {
    let bytes: &[u8; 32] = bytes.try_into().map_err(|_| KeyError::NotAKey)?;
    VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAKey)
}

/// Refuses what is no point, of small order, or a second spelling of a point.
pub(super) fn admit_ed25519(bytes: &[u8]) -> Result<(), KeyError> {
    let key = ed25519(bytes)?;
    let canonical = key.to_edwards().compress().to_bytes() == bytes;
    if key.is_weak() || !canonical { Err(KeyError::NotAKey) } else { Ok(()) }
}

pub(super) fn verify_ed25519(key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
    let signature = Signature::from_slice(signature).map_err(|_| KeyError::BadSignature)?;
    ed25519(key)?.verify_strict(message, &signature).map_err(|_| KeyError::BadSignature)
}

/// The uncompressed point, 65 bytes, of a SEC 1 point that lies on the curve.
pub(super) fn expand_p256(sec1: &[u8]) -> Result<Vec<u8>, KeyError> {
    let shaped = matches!((sec1.len(), sec1.first()), (33, Some(2 | 3)) | (65, Some(4)));
    if !shaped {
        return Err(KeyError::NotAKey);
    }
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, sec1).map_err(|_| KeyError::NotAKey)?;
    let der = key.as_der().map_err(|_| KeyError::NotAKey)?;
    let der = der.as_ref();
    // SubjectPublicKeyInfo ends with the point, which is uncompressed.
    let point = der.len().checked_sub(65).and_then(|at| der.get(at..)).ok_or(KeyError::NotAKey)?;
    if point.first() == Some(&4) { Ok(point.to_vec()) } else { Err(KeyError::NotAKey) }
}

/// The compressed form of an uncompressed point.
pub(super) fn compress_p256(point: &[u8]) -> Result<Vec<u8>, KeyError> {
    let (x, last) = (point.get(1..33), point.get(64));
    let (Some(x), Some(last)) = (x, last) else { return Err(KeyError::NotAKey) };
    Ok([&[2 + (last & 1)], x].concat())
}

pub(super) fn verify_p256(key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key)
        .verify(message, signature)
        .map_err(|_| KeyError::BadSignature)
}
