//! did:web: where a document is published, and whether what was fetched is it (W3C CCG, did:web Method
//! Specification, "Method-specific identifier" and "Read (Resolve)"). Nothing is fetched here.

use super::MethodError;
use crate::did::Did;
use crate::document::Document;
use crate::json;
use crate::location::Location;

/// Longest document that is read, in bytes: 64 methods and 64 services, of 500 bytes each.
pub const MAX_DOCUMENT_BYTES: usize = 65_536;

/// A did:web: a host, a port if it is not the usual one, and a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WebId {
    did: Did,
    location: Location,
}

impl WebId {
    /// Reads the parts of a DID. The host is a fully qualified domain name and never an address.
    ///
    /// # Errors
    /// [`MethodError::OtherMethod`]; [`MethodError::Location`] for the part that is not right.
    pub fn parse(did: &Did) -> Result<Self, MethodError> {
        if did.method() != "web" {
            return Err(MethodError::OtherMethod);
        }
        Ok(Self { did: did.clone(), location: Location::parse(did.method_specific_id())? })
    }

    /// The DID.
    #[must_use]
    pub const fn did(&self) -> &Did {
        &self.did
    }

    /// The domain name.
    #[must_use]
    pub fn host(&self) -> &str {
        self.location.host()
    }

    /// The port, where the DID names one.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.location.port()
    }

    /// The path segments.
    #[must_use]
    pub fn path(&self) -> &[String] {
        self.location.path()
    }

    /// Where the document is published, by https.
    #[must_use]
    pub fn document_url(&self) -> String {
        self.location.file_url("did.json")
    }

    /// The document, from what was fetched from [`Self::document_url`]: strict JSON of at most
    /// [`MAX_DOCUMENT_BYTES`], about this DID.
    ///
    /// # Errors
    /// [`MethodError::Json`], [`MethodError::Document`]; [`MethodError::OtherSubject`] where it is
    /// about another DID.
    pub fn document(&self, fetched: &[u8]) -> Result<Document, MethodError> {
        let document = Document::parse(json::parse(fetched, MAX_DOCUMENT_BYTES)?)?;
        if *document.id() == self.did { Ok(document) } else { Err(MethodError::OtherSubject) }
    }
}

#[cfg(test)]
mod tests;
