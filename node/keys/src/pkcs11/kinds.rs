//! Kinds of key as PKCS#11 writes them (PKCS#11 3.1, section 6.3; RFC 8410; SEC 2).

use aws_lc_rs::digest;
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::KeyType;
use did_resolver::keys::{KeyKind, PublicKey};

/// 1.3.101.112, which is what tokens take that are older than PKCS#11 3.0, and most newer ones.
const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];

/// The same curve by its name, "edwards25519", as 3.0 had it at first.
const ED25519_BY_NAME: &[u8] = b"\x13\x0cedwards25519";

/// 1.2.840.10045.3.1.7.
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// 1.3.132.0.34.
const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];

/// The tag of an OCTET STRING.
const OCTETS: u8 = 0x04;

/// How a pair is made: the mechanism, the type of its keys, and the ways to name the curve, the likeliest first.
pub(super) fn making(kind: KeyKind) -> Option<(Mechanism<'static>, KeyType, &'static [&'static [u8]])> {
    match kind {
        KeyKind::Ed25519 => {
            Some((Mechanism::EccEdwardsKeyPairGen, KeyType::EC_EDWARDS, &[ED25519, ED25519_BY_NAME]))
        }
        KeyKind::P256 => Some((Mechanism::EccKeyPairGen, KeyType::EC, &[P256])),
        KeyKind::P384 => Some((Mechanism::EccKeyPairGen, KeyType::EC, &[P384])),
        KeyKind::Secp256k1 | KeyKind::X25519 => None,
    }
}

/// The key of these attributes.
pub(super) fn public(key_type: KeyType, curve: &[u8], point: &[u8]) -> Option<PublicKey> {
    match (key_type, curve) {
        (KeyType::EC_EDWARDS, ED25519 | ED25519_BY_NAME) => PublicKey::ed25519(bare(point, 32)?).ok(),
        (KeyType::EC, P256) => PublicKey::p256(bare(point, 65)?).ok(),
        (KeyType::EC, P384) => PublicKey::p384(bare(point, 97)?).ok(),
        _ => None,
    }
}

/// A point of that length, which is inside of an OCTET STRING or bare, as tokens please.
fn bare(point: &[u8], bytes: u8) -> Option<&[u8]> {
    match point {
        [tag, length, inside @ ..]
            if *tag == OCTETS && *length == bytes && inside.len() == usize::from(bytes) =>
        {
            Some(inside)
        }
        _ => (point.len() == usize::from(bytes)).then_some(point),
    }
}

/// By what `message` is signed, and what the token is given of it: it hashes for Ed25519 only.
pub(super) fn signing(kind: KeyKind, message: &[u8]) -> Option<(Mechanism<'static>, Vec<u8>)> {
    let hash = |algorithm| digest::digest(algorithm, message).as_ref().to_vec();
    match kind {
        KeyKind::Ed25519 => {
            let pure = EddsaParams::new(EddsaSignatureScheme::Pure);
            Some((Mechanism::Eddsa(pure), message.to_vec()))
        }
        KeyKind::P256 => Some((Mechanism::Ecdsa, hash(&digest::SHA256))),
        KeyKind::P384 => Some((Mechanism::Ecdsa, hash(&digest::SHA384))),
        KeyKind::Secp256k1 | KeyKind::X25519 => None,
    }
}
