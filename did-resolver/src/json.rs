//! A strict JSON reader: I-JSON (RFC 7493) with bounds on size and depth.
//!
//! Two readers that disagree about one text are an attack waiting to happen, so what readers treat
//! differently is refused here: doubled names, integers that a double cannot hold, deep nesting.

mod nodes;
mod tree;

pub use nodes::{Builder, Place};
pub use tree::{At, Items, Json, Members, Tree};

use nodes::Names;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// Deepest nesting of arrays and objects. A DID log entry has 6 levels, a presentation 8.
pub const MAX_DEPTH: usize = 32;

/// Largest integer that every JSON reader holds exactly, 2^53 - 1 (RFC 7493, section 2.2).
pub const MAX_INTEGER: u64 = 9_007_199_254_740_991;

/// Marks this module's own errors inside serde's, which carries text only.
const DUPLICATE: &str = "marque:duplicate";
const TOO_DEEP: &str = "marque:depth";
const INTEGER: &str = "marque:integer";
const TOO_LONG: &str = "marque:length";

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
    let mut tree = Builder::beside(text.len())?;
    let mut reader = serde_json::Deserializer::from_str(&text);
    let whole = Strict { text: &text, tree: &mut tree, depth: 0 };
    whole.deserialize(&mut reader).map_err(|e| JsonError::from_serde(&e))?;
    reader.end().map_err(|_| JsonError::Malformed)?;
    let (unescaped, nodes) = tree.into_parts();
    text.push_str(&unescaped);
    Ok(Tree::new(text, nodes))
}

/// Reads a value, `depth` levels below the root, of `text` into `tree`.
struct Strict<'a> {
    text: &'a str,
    tree: &'a mut Builder,
    depth: usize,
}

/// What serde carries for an error of this module.
fn carried<E: serde::de::Error>(error: JsonError) -> E {
    E::custom(match error {
        JsonError::Duplicate => DUPLICATE,
        JsonError::TooDeep => TOO_DEEP,
        JsonError::TooLong => TOO_LONG,
        JsonError::Integer | JsonError::NotUtf8 | JsonError::Malformed => INTEGER,
    })
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl Strict<'_> {
    fn below<E: serde::de::Error>(&mut self) -> Result<Strict<'_>, E> {
        if self.depth >= MAX_DEPTH {
            return Err(carried(JsonError::TooDeep));
        }
        Ok(Strict { text: self.text, tree: self.tree, depth: self.depth + 1 })
    }

    /// A part of the text.
    fn span(&mut self, part: &str) -> Result<(), JsonError> {
        let from = part.as_ptr().addr().checked_sub(self.text.as_ptr().addr());
        match from.filter(|from| self.text.get(*from..from.saturating_add(part.len())).is_some()) {
            Some(from) => self.tree.span(from, part.len()),
            None => self.tree.text(part),
        }
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, v: bool) -> Result<(), E> {
        self.tree.bool(v);
        Ok(())
    }

    fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<(), E> {
        self.tree.integer(v).map_err(carried)
    }

    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<(), E> {
        self.tree.unsigned(v).map_err(carried)
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<(), E> {
        // Integers beyond 64 bits arrive here as well.
        self.tree.float(v).map_err(carried)
    }

    fn visit_borrowed_str<E: serde::de::Error>(mut self, v: &'de str) -> Result<(), E> {
        self.span(v).map_err(carried)
    }

    fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<(), E> {
        self.tree.text(v).map_err(carried)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.tree.null();
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let place = self.tree.begin(self.depth).map_err(carried)?;
        let mut count = 0;
        while items.next_element_seed(self.below()?)?.is_some() {
            count += 1;
        }
        self.tree.end_array(place, count).map_err(carried)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let place = self.tree.begin(self.depth).map_err(carried)?;
        let (mut names, mut count) = (Names::of(&place), 0);
        while members.next_key_seed(Strict { text: self.text, tree: self.tree, depth: self.depth })?.is_some()
        {
            if self.tree.repeats(&mut names, count, self.text) {
                return Err(carried(JsonError::Duplicate));
            }
            members.next_value_seed(self.below()?)?;
            count += 1;
        }
        self.tree.end_object(place, count).map_err(carried)
    }
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

impl JsonError {
    fn from_serde(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let marks = [
            (DUPLICATE, Self::Duplicate),
            (TOO_DEEP, Self::TooDeep),
            (INTEGER, Self::Integer),
            (TOO_LONG, Self::TooLong),
        ];
        marks.into_iter().find(|(mark, _)| text.starts_with(mark)).map_or(Self::Malformed, |(_, kind)| kind)
    }
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
