//! did:jwk: the DID is a JSON Web Key (did:jwk Method Specification, "Create" and "Read").
//!
//! One key has many DIDs, since its JSON may be written in many ways: a DID counts as it was written.

use super::MethodError;
use crate::codec;
use crate::did::Did;
use crate::document::{Document, Relationship};
use crate::jcs;
use crate::json;
use crate::keys::{KeyKind, PublicKey};
use serde_json::{Value, json};

/// Longest JWK, in bytes. That of a P-384 key has 180; the rest is for members of others.
const MAX_JWK_BYTES: usize = 1_024;

/// What a JWK says that its key is for (RFC 7517, section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Signatures,
    Encryption,
    Both,
}

/// The did:jwk of a public key: the canonical JSON (RFC 8785) of its required members, with `use`
/// where the kind has one use only.
///
/// # Errors
/// None for a key that was admitted; the type says so because a DID is parsed on the way.
pub fn did_of(key: &PublicKey) -> Result<Did, MethodError> {
    let mut jwk = key.to_jwk()?;
    let only = match key.kind() {
        KeyKind::Ed25519 => Some("sig"),
        KeyKind::X25519 => Some("enc"),
        KeyKind::P256 | KeyKind::P384 | KeyKind::Secp256k1 => None,
    };
    if let (Some(members), Some(only)) = (jwk.as_object_mut(), only) {
        members.insert("use".to_owned(), json!(only));
    }
    let canonical = jcs::canonical(&jwk).map_err(|_| MethodError::Encoding)?;
    Ok(format!("did:jwk:{}", codec::to_base64url(&canonical)).parse::<Did>()?)
}

/// The public key that a did:jwk is.
///
/// # Errors
/// As [`resolve`].
pub fn key_of(did: &Did) -> Result<PublicKey, MethodError> {
    read(did).map(|(key, _, _)| key)
}

/// The document of a did:jwk. Its one key is `#0`, for what `use` allows.
///
/// # Errors
/// [`MethodError::OtherMethod`] for another method, [`MethodError::Encoding`] and
/// [`MethodError::Json`] for what is no base64url of JSON, [`MethodError::Key`] for what is no public
/// key, [`MethodError::Purpose`] for a `use` that is unknown or that the kind of key does not have.
pub fn resolve(did: &Did) -> Result<Document, MethodError> {
    let (_, jwk, usage) = read(did)?;
    let id = format!("{did}#0");
    let mut document = json!({
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/jws-2020/v1"],
        "id": did.as_str(),
        "verificationMethod": [{
            "id": id, "type": "JsonWebKey2020", "controller": did.as_str(), "publicKeyJwk": jwk,
        }],
    });
    let listed = |relationship: &Relationship| match usage {
        Use::Signatures => *relationship != Relationship::KeyAgreement,
        Use::Encryption => *relationship == Relationship::KeyAgreement,
        Use::Both => true,
    };
    if let Some(members) = document.as_object_mut() {
        let listed = Relationship::ALL.into_iter().filter(listed);
        members.extend(listed.map(|relationship| (relationship.as_str().to_owned(), json!([id]))));
    }
    Ok(Document::parse(document)?)
}

fn read(did: &Did) -> Result<(PublicKey, Value, Use), MethodError> {
    if did.method() != "jwk" {
        return Err(MethodError::OtherMethod);
    }
    let bytes = codec::from_base64url(did.method_specific_id()).map_err(|_| MethodError::Encoding)?;
    let jwk = json::parse(&bytes, MAX_JWK_BYTES)?;
    let key = PublicKey::from_jwk_of_any_use(&jwk)?;
    let usage = match jwk.get("use").map(Value::as_str) {
        None => Use::Both,
        Some(Some("sig")) if key.kind().jose_alg().is_some() => Use::Signatures,
        Some(Some("enc")) if key.kind().agrees() => Use::Encryption,
        Some(_) => return Err(MethodError::Purpose),
    };
    Ok((key, jwk, usage))
}

#[cfg(test)]
mod tests;
