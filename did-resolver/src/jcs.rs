//! The JSON Canonicalization Scheme (RFC 8785).

use serde_json::{Map, Value};
use std::fmt;

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
