//! did:key (W3C CCG, The did:key Method v0.9), restricted to the kinds of key that [`crate::keys`]
//! speaks. No key for agreement is derived from an Ed25519 key: that is optional there.

use super::MethodError;
use crate::did::{Did, DidUrl};
use crate::document::Document;
use crate::keys::{KeyError, KeyKind, PublicKey};
use serde_json::json;

/// The did:key of a public key.
///
/// # Errors
/// None for a key that was admitted; the type says so because a DID is parsed on the way.
pub fn key_did(key: &PublicKey) -> Result<Did, MethodError> {
    Ok(format!("did:key:{}", key.to_multikey()).parse::<Did>()?)
}

/// The id of the one key of its did:key: `did:key:X#X`.
///
/// # Errors
/// As [`key_did`].
pub fn key_id(key: &PublicKey) -> Result<DidUrl, MethodError> {
    Ok(key_did(key)?.with_fragment(&key.to_multikey())?)
}

/// The public key that a did:key is.
///
/// # Errors
/// [`MethodError::OtherMethod`] for another method, [`MethodError::Key`] where what follows is not
/// exactly one public key in its one spelling.
pub fn key_of(did: &Did) -> Result<PublicKey, MethodError> {
    if did.method() != "key" {
        return Err(MethodError::OtherMethod);
    }
    let key = PublicKey::from_multikey(did.method_specific_id())?;
    if key.to_multikey() == did.method_specific_id() { Ok(key) } else { Err(KeyError::NotAKey.into()) }
}

/// The public key that a did:key's key id names, which must be `did:key:X#X` with the same X.
///
/// # Errors
/// [`MethodError::KeyId`] where fragment and body differ or something stands between; else as
/// [`key_of`].
pub fn key_of_id(id: &DidUrl) -> Result<PublicKey, MethodError> {
    let key = key_of(id.did())?;
    let same = id.is_key_id() && id.fragment() == Some(id.did().method_specific_id());
    if same { Ok(key) } else { Err(MethodError::KeyId) }
}

/// The document of a did:key: its key under `authentication` and `assertionMethod`, or under
/// `keyAgreement` where it does not sign.
///
/// # Errors
/// As [`key_of`].
pub fn resolve_key(did: &Did) -> Result<Document, MethodError> {
    let key = key_of(did)?;
    let multikey = key.to_multikey();
    let id = did.with_fragment(&multikey)?.to_string();
    let mut json = json!({
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did.as_str(),
        "verificationMethod": [{
            "id": id, "type": "Multikey", "controller": did.as_str(), "publicKeyMultibase": multikey,
        }],
    });
    let signs: &[&str] = &["authentication", "assertionMethod"];
    let listed = if key.kind() == KeyKind::X25519 { &["keyAgreement"] } else { signs };
    if let Some(members) = json.as_object_mut() {
        members.extend(listed.iter().map(|name| ((*name).to_owned(), json!([id]))));
    }
    Ok(Document::parse(json)?)
}
