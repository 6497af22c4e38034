//! Decentralized identifiers and DID URLs, parsed by the grammar of DID Core 1.1, section 3.

use std::fmt;
use std::str::FromStr;

/// Longest DID, in bytes. A did:peer whose document is in the DID has 1,500; the others have 300.
pub const MAX_DID_BYTES: usize = 2_048;

/// Longest DID URL, in bytes: the longest DID, and as much again for path, query and fragment.
pub const MAX_DID_URL_BYTES: usize = 4_096;

/// A DID: `did:method:method-specific-id`, byte for byte as it was written. Comparison is exact.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Did {
    text: String,
    /// Where the method-specific id begins.
    id_at: usize,
}

impl Did {
    /// The whole DID.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The method name, such as `webvh`.
    #[must_use]
    pub fn method(&self) -> &str {
        self.text.get(4..self.id_at.saturating_sub(1)).unwrap_or_default()
    }

    /// What follows the method name.
    #[must_use]
    pub fn method_specific_id(&self) -> &str {
        self.text.get(self.id_at..).unwrap_or_default()
    }

    /// The DID URL of this DID with a fragment, such as a key's.
    ///
    /// # Errors
    /// [`DidError`] where `fragment` has a character that no fragment has.
    pub fn with_fragment(&self, fragment: &str) -> Result<DidUrl, DidError> {
        format!("{self}#{fragment}").parse()
    }
}

impl FromStr for Did {
    type Err = DidError;

    fn from_str(text: &str) -> Result<Self, DidError> {
        if text.len() > MAX_DID_BYTES {
            return Err(DidError::TooLong);
        }
        let rest = text.strip_prefix("did:").ok_or(DidError::Malformed)?;
        let (method, id) = rest.split_once(':').ok_or(DidError::Malformed)?;
        let method_ok =
            !method.is_empty() && method.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if !method_ok || id.is_empty() || id.ends_with(':') || !is_id(id) {
            return Err(DidError::Malformed);
        }
        Ok(Self { text: text.to_owned(), id_at: 4 + method.len() + 1 })
    }
}

/// `idchar`s, colons and percent-encoded bytes.
fn is_id(text: &str) -> bool {
    only(text, |b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':'))
}

/// Whether every byte is one that `plain` allows or part of a percent-encoded byte.
fn only(text: &str, plain: impl Fn(u8) -> bool) -> bool {
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        let encoded = b == b'%'
            && bytes.next().is_some_and(|h| h.is_ascii_hexdigit())
            && bytes.next().is_some_and(|h| h.is_ascii_hexdigit());
        if !encoded && (b == b'%' || !plain(b)) {
            return false;
        }
    }
    true
}

/// A DID URL: a DID with an optional path, query and fragment.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DidUrl {
    text: String,
    did: Did,
    path: String,
    query: Option<String>,
    fragment: Option<String>,
}

impl DidUrl {
    /// The whole DID URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The DID that it starts with.
    #[must_use]
    pub const fn did(&self) -> &Did {
        &self.did
    }

    /// The path, empty or beginning with `/`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query without its `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The fragment without its `#`.
    #[must_use]
    pub fn fragment(&self) -> Option<&str> {
        self.fragment.as_deref()
    }

    /// The values of one query parameter as they were written, in order.
    pub fn parameters<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let pairs = self.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter_map(move |(n, value)| (n == name).then_some(value))
    }

    /// All query parameters in order, names and values percent-decoded. A parameter without `=` has
    /// an empty value; `+` stands for itself.
    ///
    /// # Errors
    /// [`DidError::Malformed`] where what was encoded is not UTF-8.
    pub fn decoded_parameters(&self) -> Result<Vec<(String, String)>, DidError> {
        let pairs = self.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let decoded = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((percent_decoded(name)?, percent_decoded(value)?))
        });
        decoded.collect()
    }

    /// Whether it names a key: a DID with a fragment and nothing between.
    #[must_use]
    pub fn is_key_id(&self) -> bool {
        self.path.is_empty()
            && self.query.is_none()
            && self.fragment.as_deref().is_some_and(|f| !f.is_empty())
    }
}

/// `text` without its percent-encoding, once (RFC 3986, section 2.1).
fn percent_decoded(text: &str) -> Result<String, DidError> {
    let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).ok_or(DidError::Malformed);
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(b) = bytes.next() {
        decoded.push(match b {
            b'%' => {
                let value = digit(bytes.next())? * 16 + digit(bytes.next())?;
                u8::try_from(value).map_err(|_| DidError::Malformed)?
            }
            b => b,
        });
    }
    String::from_utf8(decoded).map_err(|_| DidError::Malformed)
}

impl FromStr for DidUrl {
    type Err = DidError;

    fn from_str(text: &str) -> Result<Self, DidError> {
        if text.len() > MAX_DID_URL_BYTES {
            return Err(DidError::TooLong);
        }
        let (rest, fragment) = match text.split_once('#') {
            Some((rest, fragment)) => (rest, Some(fragment)),
            None => (text, None),
        };
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let (did, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let pchar = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&b);
        let well_formed = only(path, pchar)
            && [query, fragment].into_iter().flatten().all(|part| only(part, |b| pchar(b) || b == b'?'));
        if !well_formed {
            return Err(DidError::Malformed);
        }
        Ok(Self {
            text: text.to_owned(),
            did: did.parse()?,
            path: path.to_owned(),
            query: query.map(str::to_owned),
            fragment: fragment.map(str::to_owned),
        })
    }
}

impl From<Did> for DidUrl {
    fn from(did: Did) -> Self {
        Self { text: did.text.clone(), did, path: String::new(), query: None, fragment: None }
    }
}

macro_rules! shown_as_written {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text)
            }
        }
    )*};
}

shown_as_written!(Did, DidUrl);

/// Why a text is not a DID or DID URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DidError {
    /// Not by the grammar.
    Malformed,
    /// Over [`MAX_DID_BYTES`] or [`MAX_DID_URL_BYTES`].
    TooLong,
}

impl fmt::Display for DidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not a DID",
            Self::TooLong => "DID is too long",
        })
    }
}

impl std::error::Error for DidError {}

#[cfg(test)]
mod tests;
