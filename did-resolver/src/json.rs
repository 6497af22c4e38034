//! A strict JSON reader: I-JSON (RFC 7493) with bounds on size and depth.
//!
//! Two readers that disagree about one text are an attack waiting to happen, so what readers treat
//! differently is refused here: doubled names, integers that a double cannot hold, deep nesting.

mod nodes;
mod reader;
mod tree;

pub use nodes::{Builder, Place};
pub(crate) use reader::ordinary;
pub use tree::{At, Items, Json, Members, Tree};

use serde_json::Value;
use std::fmt;

/// Deepest nesting of arrays and objects. A DID log entry has 6 levels, a presentation 8.
pub const MAX_DEPTH: usize = 32;

/// Largest integer that every JSON reader holds exactly, 2^53 - 1 (RFC 7493, section 2.2).
pub const MAX_INTEGER: u64 = 9_007_199_254_740_991;

/// Reads one JSON value of at most `max_bytes`, and nothing after it.
///
/// # Errors
/// [`JsonError`], which says what was wrong and never quotes the input.
pub fn parse(bytes: &[u8], max_bytes: usize) -> Result<Value, JsonError> {
    if bytes.len() > max_bytes {
        return Err(JsonError::TooLong);
    }
    read(bytes.to_vec(), max_bytes).map(|tree| tree.root().to_value())
}

/// As [`parse`], and keeps the value in its text.
///
/// # Errors
/// As [`parse`].
pub fn read(bytes: Vec<u8>, max_bytes: usize) -> Result<Tree, JsonError> {
    if bytes.len() > max_bytes {
        return Err(JsonError::TooLong);
    }
    let mut text = String::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?;
    let (unescaped, nodes) = reader::read(&text)?.into_parts();
    text.push_str(&unescaped);
    Ok(Tree::new(text, nodes))
}

/// Why a text is not acceptable JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonError {
    /// More bytes than the place where it stands allows.
    TooLong,
    /// Not UTF-8.
    NotUtf8,
    /// Not JSON, or something after the value.
    Malformed,
    /// An object with one name twice.
    Duplicate,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// An integer beyond ±[`MAX_INTEGER`], or a number that is not finite.
    Integer,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "JSON is too long",
            Self::NotUtf8 => "JSON is not UTF-8",
            Self::Malformed => "not JSON",
            Self::Duplicate => "JSON object with one name twice",
            Self::TooDeep => "JSON is nested too deeply",
            Self::Integer => "JSON number is not exact in every reader",
        })
    }
}

impl std::error::Error for JsonError {}

#[cfg(test)]
mod tests;
