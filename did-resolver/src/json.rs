//! A strict JSON reader: I-JSON (RFC 7493) with bounds on size and depth.
//!
//! Two readers that disagree about one text are an attack waiting to happen, so what readers treat
//! differently is refused here: doubled names, integers that a double cannot hold, deep nesting.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};
use std::fmt;

/// Deepest nesting of arrays and objects. A DID log entry has 6 levels, a presentation 8.
pub const MAX_DEPTH: usize = 32;

/// Largest integer that every JSON reader holds exactly, 2^53 - 1 (RFC 7493, section 2.2).
pub const MAX_INTEGER: u64 = 9_007_199_254_740_991;

/// Marks this module's own errors inside serde's, which carries text only.
const DUPLICATE: &str = "marque:duplicate";
const TOO_DEEP: &str = "marque:depth";
const INTEGER: &str = "marque:integer";

/// Reads one JSON value of at most `max_bytes`, and nothing after it.
///
/// # Errors
/// [`JsonError`], which says what was wrong and never quotes the input.
pub fn parse(bytes: &[u8], max_bytes: usize) -> Result<Value, JsonError> {
    if bytes.len() > max_bytes {
        return Err(JsonError::TooLong);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict { depth: 0 }.deserialize(&mut reader).map_err(|e| JsonError::from_serde(&e))?;
    reader.end().map_err(|_| JsonError::Malformed)?;
    Ok(value)
}

/// Builds a [`Value`], `depth` levels below the root.
struct Strict {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl Strict {
    fn below<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH { Err(E::custom(TOO_DEEP)) } else { Ok(Self { depth: self.depth + 1 }) }
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<Value, E> {
        if v.unsigned_abs() > MAX_INTEGER { Err(E::custom(INTEGER)) } else { Ok(Value::Number(v.into())) }
    }

    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<Value, E> {
        if v > MAX_INTEGER { Err(E::custom(INTEGER)) } else { Ok(Value::Number(v.into())) }
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<Value, E> {
        // Integers beyond 64 bits arrive here as well.
        #[expect(clippy::cast_precision_loss, reason = "2^53 - 1 is exact as a double")]
        let integer_too_large = v.fract() == 0.0 && v.abs() > MAX_INTEGER as f64;
        match Number::from_f64(v) {
            Some(number) if !integer_too_large => Ok(Value::Number(number)),
            _ => Err(E::custom(INTEGER)),
        }
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(v.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.below()?)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let Entry::Vacant(place) = object.entry(name) else {
                return Err(A::Error::custom(DUPLICATE));
            };
            place.insert(members.next_value_seed(self.below()?)?);
        }
        Ok(Value::Object(object))
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
        [(DUPLICATE, Self::Duplicate), (TOO_DEEP, Self::TooDeep), (INTEGER, Self::Integer)]
            .into_iter()
            .find(|(mark, _)| text.starts_with(mark))
            .map_or(Self::Malformed, |(_, kind)| kind)
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
