//! DID methods whose document follows from the DID alone: did:key.
//!
//! W3C CCG, The did:key Method v0.9, restricted to the kinds of key that [`crate::keys`] speaks.

use crate::did::{Did, DidError, DidUrl};
use crate::document::{Document, DocumentError};
use crate::keys::{KeyError, PublicKey};
use serde_json::json;
use std::fmt;

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

/// The document of a did:key: its key under `authentication` and `assertionMethod`.
///
/// # Errors
/// As [`key_of`].
pub fn resolve_key(did: &Did) -> Result<Document, MethodError> {
    let multikey = key_of(did)?.to_multikey();
    let id = did.with_fragment(&multikey)?.to_string();
    let json = json!({
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did.as_str(),
        "verificationMethod": [{
            "id": id, "type": "Multikey", "controller": did.as_str(), "publicKeyMultibase": multikey,
        }],
        "authentication": [id],
        "assertionMethod": [id],
    });
    Ok(Document::parse(json)?)
}

/// Why a DID has no document by its method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MethodError {
    /// The DID is of another method.
    OtherMethod,
    /// What should be a public key is not one that is spoken here.
    Key(KeyError),
    /// The key id is not `did:key:X#X`.
    KeyId,
    /// The DID is malformed.
    Did(DidError),
    /// The document is malformed.
    Document(DocumentError),
}

impl From<KeyError> for MethodError {
    fn from(e: KeyError) -> Self {
        Self::Key(e)
    }
}

impl From<DidError> for MethodError {
    fn from(e: DidError) -> Self {
        Self::Did(e)
    }
}

impl From<DocumentError> for MethodError {
    fn from(e: DocumentError) -> Self {
        Self::Document(e)
    }
}

impl fmt::Display for MethodError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherMethod => f.write_str("DID of another method"),
            Self::Key(e) => e.fmt(f),
            Self::KeyId => f.write_str("key id is not that of its did:key"),
            Self::Did(e) => e.fmt(f),
            Self::Document(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for MethodError {}

#[cfg(test)]
mod tests;
