//! Where a did:web or a did:webvh is published: one rule for both, since both lead to a fetch.
//!
//! did:web Method Specification, "Method-specific identifier"; did:webvh, "The DID to HTTPS
//! Transformation". Narrower than them in one respect: a location has one spelling, so hosts are lower
//! case and already in their ASCII form (`xn--`), and percent-encoded are only the colon before a port and,
//! in a path, what is beyond ASCII.

use std::fmt;

/// Longest host name, in bytes (RFC 1035).
const MAX_HOST_BYTES: usize = 253;

/// Longest label of a host name, in bytes (RFC 1035).
const MAX_LABEL_BYTES: usize = 63;

/// Most path segments. Marque's own DIDs have two.
pub const MAX_PATH_SEGMENTS: usize = 16;

/// A place on the web: a host, a port if it is not the usual one, and a path.
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
    /// Reads `host[%3Aport][:segment]...`, the part of a did:web or did:webvh that says where.
    ///
    /// # Errors
    /// As [`Location::new`].
    pub fn parse(text: &str) -> Result<Self, LocationError> {
        let mut parts = text.split(':');
        let domain = parts.next().unwrap_or_default();
        let (host, port) = match domain.split_once("%3A") {
            None => (domain, None),
            Some((host, port)) => (host, Some(read_port(port)?)),
        };
        Self::checked(host, port, parts.map(str::to_owned).collect())
    }

    /// Checks host, port and path.
    ///
    /// # Errors
    /// [`LocationError`] names the part that is not right.
    pub fn new(host: &str, port: Option<u16>, path: &[String]) -> Result<Self, LocationError> {
        Self::checked(host, port, path.to_vec())
    }

    fn checked(host: &str, port: Option<u16>, path: Vec<String>) -> Result<Self, LocationError> {
        let (before, top) = host.rsplit_once('.').unwrap_or_default();
        let named = host.len() <= MAX_HOST_BYTES && !before.is_empty() && host.split('.').all(is_label);
        // An address in any spelling ends in a number: `127.0.0.1`, `127.1`, `10.0x1`.
        if !named || !top.starts_with(|c: char| c.is_ascii_lowercase()) || top == "localhost" {
            return Err(LocationError::Host);
        }
        if port == Some(0) {
            return Err(LocationError::Port);
        }
        if path.len() > MAX_PATH_SEGMENTS || !path.iter().all(|s| is_segment(s)) {
            return Err(LocationError::Path);
        }
        Ok(Self { host: host.to_owned(), port, path })
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

    /// The text that [`Location::parse`] reads.
    pub(crate) fn text(&self) -> String {
        let port = self.port.map(|p| format!("%3A{p}")).unwrap_or_default();
        let path: String = self.path.iter().map(|s| format!(":{s}")).collect();
        format!("{}{port}{path}", self.host)
    }

    /// `https://host[:port]/path/`: what the implicit services are relative to.
    #[must_use]
    pub fn base_url(&self) -> String {
        let port = self.port.map(|p| format!(":{p}")).unwrap_or_default();
        let path: String = self.path.iter().map(|s| format!("{s}/")).collect();
        format!("https://{}{port}/{path}", self.host)
    }

    /// Where the file of this name is published: below the path, or else below `.well-known`.
    pub(crate) fn file_url(&self, name: &str) -> String {
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

/// Plain characters, and others by the bytes of their UTF-8, in upper case. What is encoded can be no
/// delimiter, whoever decodes it, and nothing that people do not see.
fn is_segment(segment: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if segment.bytes().all(plain) {
        return !segment.is_empty() && segment != "." && segment != "..";
    }
    let mut bytes = segment.bytes();
    let mut decoded = Vec::with_capacity(segment.len());
    while let Some(b) = bytes.next() {
        let byte =
            if b == b'%' { escaped(bytes.next(), bytes.next()) } else { Some(b).filter(|b| plain(*b)) };
        let Some(byte) = byte else { return false };
        decoded.push(byte);
    }
    let seen = String::from_utf8(decoded).is_ok_and(|text| !text.chars().any(is_unseen));
    seen && !segment.is_empty() && segment != "." && segment != ".."
}

/// A byte beyond ASCII by its two digits.
fn escaped(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |b: Option<u8>| {
        let b = b.filter(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(b))?;
        char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
    };
    Some(digit(high)? << 4 | digit(low)?).filter(|byte| !byte.is_ascii())
}

/// Spaces, controls, and marks that join characters or turn their direction.
fn is_unseen(c: char) -> bool {
    let marks =
        ['\u{200b}'..='\u{200f}', '\u{202a}'..='\u{202e}', '\u{2060}'..='\u{206f}', '\u{feff}'..='\u{feff}'];
    c.is_control() || c.is_whitespace() || marks.iter().any(|range| range.contains(&c))
}

/// One to five digits without a leading zero, 1 to 65535.
fn read_port(text: &str) -> Result<u16, LocationError> {
    let digits = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    if !digits {
        return Err(LocationError::Port);
    }
    text.parse().map_err(|_| LocationError::Port)
}

/// Which part of a location is not right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocationError {
    /// The host is not a lower-case domain name of two labels or more, or is an address.
    Host,
    /// The port is not a number from 1 to 65535.
    Port,
    /// The path has an empty or dotted segment, a character of ASCII beyond letters, digits and `.-_`, one
    /// that is not encoded in its one way or that nobody sees, or too many segments.
    Path,
}

impl fmt::Display for LocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "no valid domain name",
            Self::Port => "an invalid port",
            Self::Path => "an invalid path",
        })
    }
}

impl std::error::Error for LocationError {}
