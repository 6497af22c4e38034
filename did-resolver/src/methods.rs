//! DID methods other than did:webvh: did:key, did:jwk and did:peer, whose documents follow from the
//! DID alone, and did:web, whose documents are fetched by others and checked here.

pub mod jwk;
mod key;
pub mod peer;
pub mod web;

use crate::did::{Did, DidError};
use crate::document::{Document, DocumentError};
use crate::json::JsonError;
use crate::keys::KeyError;
use crate::location::LocationError;
use std::fmt;

pub use key::{key_did, key_id, key_of, key_of_id, resolve_key};

/// The document of a DID that is its own: did:key, did:jwk, did:peer 2 and did:peer 4 in its long form.
///
/// # Errors
/// [`MethodError::OtherMethod`] for any other method; else what its module names.
pub fn resolve(did: &Did) -> Result<Document, MethodError> {
    match did.method() {
        "key" => key::resolve_key(did),
        "jwk" => jwk::resolve(did),
        "peer" => peer::resolve(did),
        _ => Err(MethodError::OtherMethod),
    }
}

/// Why a DID has no document by its method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MethodError {
    /// The DID is of another method.
    OtherMethod,
    /// A did:peer of another kind than 2 and 4.
    OtherKind,
    /// A did:peer 4 in its short form: nobody can know the document who does not know the long form.
    ShortForm,
    /// What should be a public key is not one that is spoken here.
    Key(KeyError),
    /// The key id is not `did:key:X#X`.
    KeyId,
    /// A key stands for a purpose that keys of its kind do not have.
    Purpose,
    /// What follows the method name is not as the method writes it.
    Encoding,
    /// JSON within the DID, or fetched for it, is not acceptable.
    Json(JsonError),
    /// The document within the DID has an id of its own, an absolute id or a list of the wrong shape.
    Input,
    /// The hash is not that of the document.
    Hash,
    /// The place that the DID names is not one.
    Location(LocationError),
    /// The document that was fetched is about another DID.
    OtherSubject,
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

impl From<JsonError> for MethodError {
    fn from(e: JsonError) -> Self {
        Self::Json(e)
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

impl From<LocationError> for MethodError {
    fn from(e: LocationError) -> Self {
        Self::Location(e)
    }
}

impl fmt::Display for MethodError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key(e) => return e.fmt(f),
            Self::Json(e) => return e.fmt(f),
            Self::Did(e) => return e.fmt(f),
            Self::Document(e) => return e.fmt(f),
            Self::OtherMethod => "DID of another method",
            Self::OtherKind => "did:peer of another kind than 2 and 4",
            Self::ShortForm => "short form of a did:peer whose long form is not known",
            Self::KeyId => "key id is not that of its did:key",
            Self::Purpose => "key cannot do what the DID lists it for",
            Self::Encoding => "DID is not encoded as its method asks",
            Self::Input => "document within the DID is not one of its method",
            Self::Hash => "DID has the hash of another document",
            Self::Location(e) => return write!(f, "DID with {e}"),
            Self::OtherSubject => "document is about another DID",
        })
    }
}

impl std::error::Error for MethodError {}

#[cfg(test)]
mod tests;
