//! The JSON Canonicalization Scheme (RFC 8785).
//!
//! Two roads to one result: [`canonical`] writes a value anew; [`recognise`] sees in one pass that a
//! text is canonical already, and lets its spans be hashed as they are.

mod recognise;

pub use recognise::{Canonical, recognise};

use crate::json::{self, Json, MAX_INTEGER};
use serde_json::{Map, Value};
use std::fmt;

/// What a canonical string says that has no escape in it; `None` for anything else.
#[must_use]
pub fn plain_text(canonical: &[u8]) -> Option<&str> {
    let inside = canonical.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if inside.contains(&b'\\') { None } else { std::str::from_utf8(inside).ok() }
}

/// The canonical bytes of `value`.
///
/// # Errors
/// [`NotCanonical`] for a number without a canonical form; no value that
/// [`crate::json::parse`] accepted has one.
pub fn canonical(value: &Value) -> Result<Vec<u8>, NotCanonical> {
    serde_json_canonicalizer::to_vec(value).map_err(|_| NotCanonical)
}

/// As [`canonical`], of a value wherever it is held.
///
/// # Errors
/// As [`canonical`].
pub fn canonical_of(json: Json<'_>) -> Result<Vec<u8>, NotCanonical> {
    let mut text = Vec::new();
    if write(json, 0, &mut text).is_some() { Ok(text) } else { canonical(&json.to_value()) }
}

/// Writes what is canonical as it stands: names of ASCII in their order, texts without escapes, whole
/// numbers. `None` sends the caller to the full road.
fn write(json: Json<'_>, depth: usize, text: &mut Vec<u8>) -> Option<()> {
    if depth > json::MAX_DEPTH {
        return None;
    }
    if let Some(value) = json.as_str() {
        return write_text(value, text);
    }
    if let Some(members) = json.members() {
        text.push(b'{');
        let mut last = None;
        for (name, value) in members {
            if !name.is_ascii() || last.is_some_and(|last| last >= name) {
                return None;
            }
            if last.is_some() {
                text.push(b',');
            }
            last = Some(name);
            write_text(name, text)?;
            text.push(b':');
            write(value, depth + 1, text)?;
        }
        text.push(b'}');
        return Some(());
    }
    if let Some(items) = json.items() {
        text.push(b'[');
        for (place, item) in items.enumerate() {
            if place > 0 {
                text.push(b',');
            }
            write(item, depth + 1, text)?;
        }
        text.push(b']');
        return Some(());
    }
    let whole = json.as_i64().filter(|number| number.unsigned_abs() <= MAX_INTEGER)?;
    text.extend_from_slice(whole.to_string().as_bytes());
    Some(())
}

fn write_text(value: &str, text: &mut Vec<u8>) -> Option<()> {
    if json::ordinary(value.as_bytes()) != value.len() {
        return None;
    }
    text.push(b'"');
    text.extend_from_slice(value.as_bytes());
    text.push(b'"');
    Some(())
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
