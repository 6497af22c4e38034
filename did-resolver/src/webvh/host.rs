//! did:webvh identifiers. Specification, "Method-Specific Identifier".

use crate::codec;
use crate::did::Did;
use crate::location::{Location, LocationError};
use std::fmt;
use std::str::FromStr;

/// A did:webvh DID: a SCID and a location.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WebvhId {
    did: Did,
    scid: String,
    location: Location,
}

impl WebvhId {
    /// The text of the DID with this SCID at `location`.
    pub(crate) fn text(scid: &str, location: &Location) -> String {
        format!("did:webvh:{scid}:{}", location.text())
    }

    /// Reads the parts of a DID.
    ///
    /// # Errors
    /// [`HostError`] names the part that is not right.
    pub fn parse(did: &Did) -> Result<Self, HostError> {
        if did.method() != "webvh" {
            return Err(HostError::OtherMethod);
        }
        let (scid, location) =
            did.method_specific_id().split_once(':').unwrap_or((did.method_specific_id(), ""));
        if !codec::is_multihash_base58btc(scid) {
            return Err(HostError::Scid);
        }
        Ok(Self { did: did.clone(), scid: scid.to_owned(), location: Location::parse(location)? })
    }

    /// The DID.
    #[must_use]
    pub const fn did(&self) -> &Did {
        &self.did
    }

    /// The self-certifying identifier: the hash of the first entry. It is the name of the log.
    #[must_use]
    pub fn scid(&self) -> &str {
        &self.scid
    }

    /// Where the log is published.
    #[must_use]
    pub const fn location(&self) -> &Location {
        &self.location
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

    /// Where `did.jsonl` is published.
    #[must_use]
    pub fn log_url(&self) -> String {
        self.location.file_url("did.jsonl")
    }

    /// Where the proofs of witnesses, `did-witness.json`, are published.
    #[must_use]
    pub fn witness_url(&self) -> String {
        self.location.file_url("did-witness.json")
    }
}

impl FromStr for WebvhId {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        Self::parse(&text.parse().map_err(|_| HostError::Malformed)?)
    }
}

/// Which part of an identifier is not right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostError {
    /// Not a DID.
    Malformed,
    /// A DID of another method.
    OtherMethod,
    /// The SCID is no SHA-256 multihash in base58btc.
    Scid,
    /// The location.
    Location(LocationError),
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("not a DID"),
            Self::OtherMethod => f.write_str("not a did:webvh"),
            Self::Scid => f.write_str("did:webvh without a valid SCID"),
            Self::Location(error) => write!(f, "did:webvh with {error}"),
        }
    }
}

impl From<LocationError> for HostError {
    fn from(error: LocationError) -> Self {
        Self::Location(error)
    }
}

impl std::error::Error for HostError {}

#[cfg(test)]
mod tests;
