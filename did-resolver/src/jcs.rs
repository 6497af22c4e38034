//! The JSON Canonicalization Scheme (RFC 8785).
//!
//! Two roads to one result: [`canonical`] writes a value anew; [`recognise`] sees in one pass that a
//! text is canonical already, and lets its spans be hashed as they are.

mod recognise;

pub use recognise::{Canonical, recognise};

use crate::codec::{self, Sha256Digest};
use crate::json::{self, JsonError};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;

/// The canonical bytes of a JSON text of at most `max_bytes`: the text itself where it is canonical.
///
/// # Errors
/// As [`json::parse`].
pub fn canonical_text(bytes: &[u8], max_bytes: usize) -> Result<Cow<'_, [u8]>, JsonError> {
    if bytes.len() <= max_bytes && recognise(bytes).is_some() {
        return Ok(Cow::Borrowed(bytes));
    }
    let value = json::parse(bytes, max_bytes)?;
    canonical(&value).map(Cow::Owned).map_err(|_| JsonError::Malformed)
}

/// What a canonical string says that has no escape in it; `None` for anything else.
#[must_use]
pub fn plain_text(canonical: &[u8]) -> Option<&str> {
    let inside = canonical.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if inside.contains(&b'\\') { None } else { std::str::from_utf8(inside).ok() }
}

/// SHA-256 of the canonical form of an object without its member `name`.
///
/// # Errors
/// As [`json::parse`].
pub fn sha256_without(bytes: &[u8], max_bytes: usize, name: &str) -> Result<Sha256Digest, JsonError> {
    if bytes.len() > max_bytes {
        return Err(JsonError::TooLong);
    }
    if let Some(text) = recognise(bytes) {
        return Ok(text.sha256_without(name));
    }
    let mut value = json::parse(bytes, max_bytes)?;
    if let Some(members) = value.as_object_mut() {
        members.remove(name);
    }
    canonical(&value).map(|text| codec::sha256(&text)).map_err(|_| JsonError::Malformed)
}

/// The canonical bytes of `value`.
///
/// # Errors
/// [`NotCanonical`] for a number without a canonical form; no value that
/// [`crate::json::parse`] accepted has one.
pub fn canonical(value: &Value) -> Result<Vec<u8>, NotCanonical> {
    serde_json_canonicalizer::to_vec(value).map_err(|_| NotCanonical)
}

/// The canonical bytes of an object that is given by its members.
///
/// # Errors
/// As [`canonical`].
pub fn canonical_object(members: &Map<String, Value>) -> Result<Vec<u8>, NotCanonical> {
    serde_json_canonicalizer::to_vec(members).map_err(|_| NotCanonical)
}

/// The value has no canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotCanonical;

impl fmt::Display for NotCanonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without a canonical form")
    }
}

impl std::error::Error for NotCanonical {}

#[cfg(test)]
mod tests;
