//! What is asked of whom: an https URL, taken apart strictly.
//!
//! Narrower than RFC 3986: the host is a lower-case domain name by the rule of did:web and did:webvh,
//! which no address in any spelling passes; no user, no fragment, and a port that a web server has.

use crate::limits::MAX_REQUEST_BYTES;
use did_resolver::webvh::Location;
use marque_flows::ports::fetch::FetchError;

/// Names below which nothing is on the public internet, so that nobody is asked for them: RFC 6761 and
/// 6762, RFC 7686 and 8375, RFC 9476, and `internal`, which ICANN keeps for private use.
const NOT_PUBLIC: [&str; 9] =
    ["alt", "arpa", "example", "internal", "invalid", "local", "localhost", "onion", "test"];

/// Ports below this one are of other services, except [`HTTPS`].
const FIRST_FREE_PORT: u16 = 1_024;

/// The port of https.
const HTTPS: u16 = 443;

/// A host, a port, and what is asked for there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// A domain name.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Path and query.
    pub(crate) path: String,
}

impl Target {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// [`FetchError::Url`].
    pub(crate) fn read(url: &str) -> Result<Self, FetchError> {
        read(url).ok_or(FetchError::Url)
    }

    /// Whether the name is one that is kept for other than the public internet.
    pub(crate) fn is_reserved(&self) -> bool {
        let top = self.host.rsplit('.').next().unwrap_or_default();
        NOT_PUBLIC.contains(&top)
    }

    /// `host`, or `host:port`.
    pub(crate) fn authority(&self) -> String {
        match self.port {
            HTTPS => self.host.clone(),
            port => format!("{}:{port}", self.host),
        }
    }
}

fn read(url: &str) -> Option<Target> {
    let rest = url.strip_prefix("https://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let path = if path.is_empty() { "/" } else { path };
    let (host, port) = match authority.split_once(':') {
        None => (authority, HTTPS),
        Some((host, digits)) => (host, read_port(digits)?),
    };
    Location::new(host, None, &[]).ok()?;
    let usable = path.starts_with('/') && path.len() <= MAX_REQUEST_BYTES && is_path(path);
    usable.then(|| Target { host: host.to_owned(), port, path: path.to_owned() })
}

fn read_port(digits: &str) -> Option<u16> {
    let plain = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    let port: u16 = digits.parse().ok().filter(|_| plain)?;
    (port == HTTPS || port >= FIRST_FREE_PORT).then_some(port)
}

/// Path and query in the characters of RFC 3986, with `%` only before two hexadecimal digits, and
/// without a step upwards.
fn is_path(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?@!$&'()*+,;=%".contains(&b);
    let escaped = |after: &str| after.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    let path = text.split('?').next().unwrap_or_default();
    let step = path.split('/').any(|segment| matches!(segment, "." | ".."));
    text.bytes().all(plain) && text.split('%').skip(1).all(escaped) && !step
}

#[cfg(test)]
mod tests;
