//! Public keys: Multikey, JWK, and SubjectPublicKeyInfo in PEM (RFC 7468, section 13; RFC 8410; RFC 5480).

use super::{Found, Thing};
use crate::cli::history::kind_name;
use crate::failure::{Failure, Local};
use crate::output;
use data_encoding::BASE64;
use did_resolver::keys::{KeyError, KeyKind, PublicKey};
use did_resolver::methods::key_did;
use serde_json::{Value, json};

/// What PEM says around a public key.
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// What stands in DER before the bytes of a key. A point of a curve is written uncompressed.
const SPKI: [(KeyKind, &[u8]); 5] = [
    (KeyKind::Ed25519, b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"),
    (KeyKind::X25519, b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x6e\x03\x21\x00"),
    (
        KeyKind::P256,
        b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00",
    ),
    (
        KeyKind::P384,
        b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00",
    ),
    (
        KeyKind::Secp256k1,
        b"\x30\x56\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x0a\x03\x42\x00",
    ),
];

pub(super) fn of_pem(thing: &Thing) -> Option<Result<Found, Failure>> {
    let text = &thing.text;
    if !text.starts_with("-----BEGIN ") {
        return None;
    }
    if text.contains("PRIVATE KEY-----") {
        return Some(Err(secret()));
    }
    let body = text.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let body: String = body.split_ascii_whitespace().collect();
    let der = BASE64.decode(body.as_bytes()).map_err(|_| KeyError::NotAKey);
    Some(der.and_then(|der| of_spki(&der)).map_err(refused).map(|key| found(&key, "SPKI PEM")))
}

pub(super) fn of_jwk(thing: &Thing) -> Option<Result<Found, Failure>> {
    thing.member("kty")?;
    let jwk = thing.json.as_ref()?;
    if ["d", "k"].iter().any(|name| jwk.get(name).is_some()) {
        return Some(Err(secret()));
    }
    Some(PublicKey::from_jwk(jwk).map_err(refused).map(|key| found(&key, "JWK")))
}

pub(super) fn of_multikey(thing: &Thing) -> Option<Result<Found, Failure>> {
    let text = thing.word().filter(|text| text.starts_with('z'))?;
    match PublicKey::from_multikey(text) {
        Ok(key) => Some(Ok(found(&key, "Multikey"))),
        // Much else begins with a z.
        Err(KeyError::NotAKey) => None,
        Err(error) => Some(Err(refused(error))),
    }
}

fn of_spki(der: &[u8]) -> Result<PublicKey, KeyError> {
    let (kind, bytes) = SPKI
        .iter()
        .find_map(|(kind, prefix)| Some((kind, der.strip_prefix(*prefix)?)))
        .ok_or(KeyError::Unsupported)?;
    match kind {
        KeyKind::Ed25519 => PublicKey::ed25519(bytes),
        KeyKind::X25519 => PublicKey::x25519(bytes),
        KeyKind::P256 => PublicKey::p256(bytes),
        KeyKind::P384 => PublicKey::p384(bytes),
        KeyKind::Secp256k1 => PublicKey::secp256k1(bytes),
    }
}

fn found(key: &PublicKey, form: &str) -> Found {
    let says = facts(key);
    let text = |name| output::text(&says, name);
    let human = output::facts(&[
        ("kind", text("keyKind")),
        ("signs as", key.kind().jose_alg().unwrap_or("nothing: it agrees on keys").to_owned()),
        ("multikey", text("multikey")),
        ("did", text("did")),
        ("jwk", text("jwk")),
    ]);
    Found::read(format!("a public key, as {form}; whose it is, it does not say"), human, &says)
}

/// The key in each of its forms.
pub(super) fn facts(key: &PublicKey) -> Value {
    json!({
        "keyKind": kind_name(key.kind()),
        "algorithm": key.kind().jose_alg(),
        "multikey": key.to_multikey(),
        "did": key_did(key).ok().map(|did| did.to_string()),
        "jwk": key.to_jwk().ok(),
    })
}

fn refused(error: KeyError) -> Failure {
    Failure::local(Local::Usage, error.to_string(), "Give an Ed25519, X25519, P-256, P-384 or secp256k1 key.")
}

fn secret() -> Failure {
    let action = "Keep it to yourself; inspect the public half.";
    Failure::local(Local::Usage, "it is a secret key, and nothing of it is shown", action)
}
