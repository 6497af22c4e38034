//! did:webvh identifiers and where their logs are published.
//!
//! Specification, "Method-Specific Identifier" and "The DID to HTTPS Transformation". Narrower than
//! it in one respect: a location has one spelling, so names are lower case and already in their
//! ASCII form, and the only percent-encoding is the `%3A` before a port.

use crate::codec;
use crate::did::Did;
use std::fmt;
use std::str::FromStr;

/// Longest host name, in bytes (RFC 1035).
const MAX_HOST_BYTES: usize = 253;

/// Longest label of a host name, in bytes (RFC 1035).
const MAX_LABEL_BYTES: usize = 63;

/// Most path segments. Marque's own DIDs have two.
pub const MAX_PATH_SEGMENTS: usize = 16;

/// Where a log is published: a host, a port if it is not the usual one, and a path.
///
/// The host is a fully qualified domain name and never an address. It is a label: whoever publishes
/// there need not be whom the name suggests.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Location {
    host: String,
    port: Option<u16>,
    path: Vec<String>,
}

impl Location {
    /// Checks host, port and path.
    ///
    /// # Errors
    /// [`HostError`] names the part that is not right.
    pub fn new(host: &str, port: Option<u16>, path: &[String]) -> Result<Self, HostError> {
        let labels: Vec<&str> = host.split('.').collect();
        let named = labels.len() >= 2 && host.len() <= MAX_HOST_BYTES && labels.iter().all(|l| is_label(l));
        // An address in any spelling ends in a number: `127.0.0.1`, `127.1`, `10.0x1`.
        let top = labels.last().copied().unwrap_or_default();
        if !named || !top.starts_with(|c: char| c.is_ascii_lowercase()) || top == "localhost" {
            return Err(HostError::Host);
        }
        if port == Some(0) {
            return Err(HostError::Port);
        }
        if path.len() > MAX_PATH_SEGMENTS || !path.iter().all(|s| is_segment(s)) {
            return Err(HostError::Path);
        }
        Ok(Self { host: host.to_owned(), port, path: path.to_vec() })
    }

    /// The domain name.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, where the DID names one.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The path segments.
    #[must_use]
    pub fn path(&self) -> &[String] {
        &self.path
    }

    /// The text of the DID with this SCID at this location.
    pub(crate) fn did_text(&self, scid: &str) -> String {
        let port = self.port.map(|p| format!("%3A{p}")).unwrap_or_default();
        let path: String = self.path.iter().map(|s| format!(":{s}")).collect();
        format!("did:webvh:{scid}:{}{port}{path}", self.host)
    }

    /// `https://host[:port]/path/`: what the implicit services are relative to.
    #[must_use]
    pub fn base_url(&self) -> String {
        let port = self.port.map(|p| format!(":{p}")).unwrap_or_default();
        let path: String = self.path.iter().map(|s| format!("{s}/")).collect();
        format!("https://{}{port}/{path}", self.host)
    }

    /// Where `did.jsonl` is published.
    #[must_use]
    pub fn log_url(&self) -> String {
        self.file_url("did.jsonl")
    }

    /// Where the proofs of witnesses, `did-witness.json`, are published.
    #[must_use]
    pub fn witness_url(&self) -> String {
        self.file_url("did-witness.json")
    }

    fn file_url(&self, name: &str) -> String {
        let well_known = if self.path.is_empty() { ".well-known/" } else { "" };
        format!("{}{well_known}{name}", self.base_url())
    }
}

fn is_label(label: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !label.is_empty()
        && label.len() <= MAX_LABEL_BYTES
        && label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_segment(segment: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(inner)
}

/// A did:webvh DID: a SCID and a location.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WebvhId {
    did: Did,
    scid: String,
    location: Location,
}

impl WebvhId {
    /// Reads the parts of a DID.
    ///
    /// # Errors
    /// [`HostError`] names the part that is not right.
    pub fn parse(did: &Did) -> Result<Self, HostError> {
        if did.method() != "webvh" {
            return Err(HostError::OtherMethod);
        }
        let mut parts = did.method_specific_id().split(':');
        let scid = parts.next().filter(|s| codec::is_multihash_base58btc(s)).ok_or(HostError::Scid)?;
        let domain = parts.next().ok_or(HostError::Host)?;
        let (host, port) = match domain.split_once("%3A") {
            None => (domain, None),
            Some((host, port)) => (host, Some(read_port(port)?)),
        };
        let path: Vec<String> = parts.map(str::to_owned).collect();
        Ok(Self { did: did.clone(), scid: scid.to_owned(), location: Location::new(host, port, &path)? })
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
        self.location.log_url()
    }
}

impl FromStr for WebvhId {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        Self::parse(&text.parse().map_err(|_| HostError::Malformed)?)
    }
}

/// One to five digits without a leading zero, 1 to 65535.
fn read_port(text: &str) -> Result<u16, HostError> {
    let digits = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    if !digits {
        return Err(HostError::Port);
    }
    text.parse().map_err(|_| HostError::Port)
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
    /// The host is not a lower-case domain name of two labels or more, or is an address.
    Host,
    /// The port is not a number from 1 to 65535.
    Port,
    /// The path has an empty or dotted segment, a character beyond letters, digits and `.-_`, or
    /// too many segments.
    Path,
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not a DID",
            Self::OtherMethod => "not a did:webvh",
            Self::Scid => "did:webvh without a valid SCID",
            Self::Host => "did:webvh without a valid domain name",
            Self::Port => "did:webvh with an invalid port",
            Self::Path => "did:webvh with an invalid path",
        })
    }
}

impl std::error::Error for HostError {}

#[cfg(test)]
mod tests;
