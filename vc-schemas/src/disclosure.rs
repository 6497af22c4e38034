//! Selective disclosure of claims (SD-JWT, RFC 9901, sections 4 and 7.1): a document in which digests
//! stand for claims, and the disclosures that they are digests of.
//!
//! Nothing is said here of signatures: an envelope puts the document under one. SHA-256 is the
//! only digest; what is presented may name it and may not choose another.

mod conceal;
mod reveal;

pub use conceal::{Concealed, conceal};
pub use reveal::{Revealed, reveal};

use did_resolver::codec;
use did_resolver::jcs;
use did_resolver::json::{self, JsonError};
use serde_json::{Value, json};
use std::fmt;
use std::str::FromStr;

/// Most disclosures beside one document. The largest of Marque's own has fewer than twenty claims.
pub const MAX_DISCLOSURES: usize = 256;

/// Longest disclosure, in base64url: a claim as large as a link may be.
pub const MAX_DISCLOSURE_BYTES: usize = 88 * 1024;

/// Longest text that may stand for a digest. SHA-256 has 43 characters; decoys of others may differ.
const MAX_DIGEST_BYTES: usize = 128;

/// The bytes of a salt, as the RFC recommends (section 9.3).
const SALT_BYTES: usize = 16;

/// The member that holds the digests of an object's hidden members.
const DIGESTS: &str = "_sd";

/// The member that holds the digest of an array's hidden element.
const ELEMENT: &str = "...";

/// The member that names the digest.
const ALGORITHM: &str = "_sd_alg";

/// The only digest, by its name.
const SHA_256: &str = "sha-256";

/// The way to a value of a document: a JSON Pointer (RFC 6901).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pointer(Vec<String>);

impl Pointer {
    /// The way by these steps: names of members, and places of elements in decimal digits.
    #[must_use]
    pub fn of<T: Into<String>>(steps: impl IntoIterator<Item = T>) -> Self {
        Self(steps.into_iter().map(Into::into).collect())
    }

    /// The steps; none for the whole document.
    #[must_use]
    pub fn steps(&self) -> &[String] {
        &self.0
    }

    /// Whether this is `other` or leads on from it.
    #[must_use]
    pub fn is_at_or_below(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }
}

impl FromStr for Pointer {
    type Err = DisclosureError;

    fn from_str(text: &str) -> Result<Self, DisclosureError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let steps = text.strip_prefix('/').ok_or(DisclosureError::Pointer)?;
        let unescape = |step: &str| {
            let rest = step.replace("~1", "").replace("~0", "");
            if rest.contains('~') { None } else { Some(step.replace("~1", "/").replace("~0", "~")) }
        };
        steps.split('/').map(unescape).collect::<Option<_>>().map(Self).ok_or(DisclosureError::Pointer)
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| write!(f, "/{}", step.replace('~', "~0").replace('/', "~1")))
    }
}

/// One disclosure: a salt, the claim's name unless it is an array's element, and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosure {
    encoded: String,
    digest: String,
    name: Option<String>,
    value: Value,
}

impl Disclosure {
    /// Reads a disclosure: base64url of a strict JSON array of a text and one or two more.
    ///
    /// # Errors
    /// [`DisclosureError::TooLong`], [`DisclosureError::Malformed`], [`DisclosureError::Json`];
    /// [`DisclosureError::Reserved`] for a name that means something else.
    pub fn parse(encoded: &str) -> Result<Self, DisclosureError> {
        if encoded.len() > MAX_DISCLOSURE_BYTES {
            return Err(DisclosureError::TooLong);
        }
        let bytes = codec::from_base64url(encoded).map_err(|_| DisclosureError::Malformed)?;
        let Value::Array(parts) = json::parse(&bytes, MAX_DISCLOSURE_BYTES).map_err(DisclosureError::Json)?
        else {
            return Err(DisclosureError::Malformed);
        };
        let mut parts = parts.into_iter();
        let (name, value) = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Value::String(_)), Some(value), None, None) => (None, value),
            (Some(Value::String(_)), Some(Value::String(name)), Some(value), None) => (Some(name), value),
            _ => return Err(DisclosureError::Malformed),
        };
        if name.as_deref().is_some_and(is_reserved) {
            return Err(DisclosureError::Reserved);
        }
        Ok(Self { digest: digest(encoded), encoded: encoded.to_owned(), name, value })
    }

    fn new(salt: &[u8], name: Option<&str>, value: &Value) -> Result<Self, DisclosureError> {
        let salt = codec::to_base64url(salt);
        let array = match name {
            Some(name) => json!([salt, name, value]),
            None => json!([salt, value]),
        };
        let text = jcs::canonical(&array).map_err(|_| DisclosureError::Json(JsonError::Integer))?;
        Self::parse(&codec::to_base64url(&text))
    }

    /// As it was read, which is what its digest is over.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.encoded
    }

    /// The name of the claim; `None` for an array's element.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The value, in which digests may stand for what other disclosures hold.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// SHA-256 of [`Self::as_str`], in base64url.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// SHA-256 in base64url, as digests of disclosures and `sd_hash` are written.
#[must_use]
pub(crate) fn digest(text: &str) -> String {
    codec::to_base64url(&codec::sha256(text.as_bytes()))
}

/// Of `held`, all the disclosures of `document`, those that are needed to see what `wanted` leads to: the
/// claims themselves and what they stand in, and nothing below them. What is not hidden needs none.
///
/// # Errors
/// [`DisclosureError::Pointer`] where `wanted` leads nowhere; else as [`reveal`].
pub fn choose<'a>(
    document: &Value,
    held: &'a [Disclosure],
    wanted: &[Pointer],
) -> Result<Vec<&'a Disclosure>, DisclosureError> {
    let revealed = reveal(document, held)?;
    let there = |pointer: &Pointer| revealed.document.pointer(&pointer.to_string()).is_some();
    if !wanted.iter().all(there) {
        return Err(DisclosureError::Pointer);
    }
    let needed = |place: &Pointer| wanted.iter().any(|pointer| pointer.is_at_or_below(place));
    let chosen = revealed.disclosed.iter().filter(|(place, _)| needed(place)).map(|(_, which)| *which);
    let mut chosen: Vec<usize> = chosen.collect();
    chosen.sort_unstable();
    Ok(chosen.into_iter().filter_map(|which| held.get(which)).collect())
}

fn is_reserved(name: &str) -> bool {
    name == DIGESTS || name == ELEMENT || name == ALGORITHM
}

/// Why disclosures were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisclosureError {
    /// More than [`MAX_DISCLOSURES`].
    TooMany,
    /// Longer than [`MAX_DISCLOSURE_BYTES`].
    TooLong,
    /// Not of the form.
    Malformed,
    /// Not strict JSON.
    Json(JsonError),
    /// Another digest than SHA-256.
    Algorithm,
    /// One digest stands in two places, or one disclosure was given twice.
    Doubled,
    /// A disclosure that no digest stands for.
    Unreferenced,
    /// A claim of that name stands there already.
    NameTaken,
    /// A name, or a place, that means something else.
    Reserved,
    /// Deeper than JSON may be, once revealed.
    TooDeep,
    /// Leads to nothing that can be hidden, or to the same twice.
    Pointer,
}

impl fmt::Display for DisclosureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooMany => "too many disclosures",
            Self::TooLong => "disclosure is too long",
            Self::Malformed => "disclosure, or what stands for one, is malformed",
            Self::Json(error) => return error.fmt(f),
            Self::Algorithm => "digests are not by SHA-256",
            Self::Doubled => "digest or disclosure stands there twice",
            Self::Unreferenced => "disclosure belongs to no digest",
            Self::NameTaken => "disclosed claim stands there already",
            Self::Reserved => "name is reserved",
            Self::TooDeep => "document is too deep once revealed",
            Self::Pointer => "pointer leads to nothing that can be disclosed",
        })
    }
}

impl std::error::Error for DisclosureError {}

#[cfg(test)]
mod tests;
