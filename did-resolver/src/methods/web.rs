//! did:web: where a document is published, and whether what was fetched is it (W3C CCG, did:web Method
//! Specification, "Method-specific identifier" and "Read (Resolve)"). Nothing is fetched here.
//!
//! Narrower than it in one respect: a location has one spelling, so names are lower case and already in
//! their ASCII form, and the only percent-encoding is the `%3A` before a port.

use super::MethodError;
use crate::did::Did;
use crate::document::Document;
use crate::json;

/// Longest host name, in bytes (RFC 1035).
const MAX_HOST_BYTES: usize = 253;

/// Longest label of a host name, in bytes (RFC 1035).
const MAX_LABEL_BYTES: usize = 63;

/// Most path segments, as for did:webvh.
const MAX_PATH_SEGMENTS: usize = 16;

/// Longest document that is read, in bytes: 64 methods and 64 services, of 500 bytes each.
pub const MAX_DOCUMENT_BYTES: usize = 65_536;

/// A did:web: a host, a port if it is not the usual one, and a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WebId {
    did: Did,
    host: String,
    port: Option<u16>,
    path: Vec<String>,
}

impl WebId {
    /// Reads the parts of a DID. The host is a fully qualified domain name and never an address.
    ///
    /// # Errors
    /// [`MethodError::OtherMethod`]; [`MethodError::Host`], [`MethodError::Port`] or
    /// [`MethodError::Path`] for the part that is not right.
    pub fn parse(did: &Did) -> Result<Self, MethodError> {
        if did.method() != "web" {
            return Err(MethodError::OtherMethod);
        }
        let mut parts = did.method_specific_id().split(':');
        let domain = parts.next().ok_or(MethodError::Host)?;
        let (host, port) = match domain.split_once("%3A") {
            None => (domain, None),
            Some((host, port)) => (host, Some(read_port(port)?)),
        };
        if !is_host(host) {
            return Err(MethodError::Host);
        }
        let path: Vec<String> = parts.map(str::to_owned).collect();
        if path.len() > MAX_PATH_SEGMENTS || !path.iter().all(|segment| is_segment(segment)) {
            return Err(MethodError::Path);
        }
        Ok(Self { did: did.clone(), host: host.to_owned(), port, path })
    }

    /// The DID.
    #[must_use]
    pub const fn did(&self) -> &Did {
        &self.did
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

    /// Where the document is published, by https.
    #[must_use]
    pub fn document_url(&self) -> String {
        let port = self.port.map(|p| format!(":{p}")).unwrap_or_default();
        let path: String = match self.path.as_slice() {
            [] => "/.well-known".to_owned(),
            segments => segments.iter().map(|s| format!("/{s}")).collect(),
        };
        format!("https://{}{port}{path}/did.json", self.host)
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

/// Two labels or more. An address in any spelling ends in a number: `127.0.0.1`, `127.1`, `10.0x1`.
fn is_host(host: &str) -> bool {
    let labels: Vec<&str> = host.split('.').collect();
    let top = labels.last().copied().unwrap_or_default();
    let named = labels.len() >= 2 && host.len() <= MAX_HOST_BYTES && labels.iter().all(|l| is_label(l));
    named && top.starts_with(|c: char| c.is_ascii_lowercase()) && top != "localhost"
}

fn is_label(label: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let length = (1..=MAX_LABEL_BYTES).contains(&label.len());
    length && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
}

fn is_segment(segment: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(inner)
}

/// One to five digits without a leading zero, 1 to 65535.
fn read_port(text: &str) -> Result<u16, MethodError> {
    let digits = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(MethodError::Port)
}

#[cfg(test)]
mod tests;
