//! The same rules by another reader, serde_json's. What both say must be the same.

use crate::json::{JsonError, MAX_DEPTH, MAX_INTEGER};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};
use std::fmt;

/// Marks these errors inside serde's, which carries text only.
const DUPLICATE: &str = "marque:duplicate";
const TOO_DEEP: &str = "marque:depth";
const INTEGER: &str = "marque:integer";

pub(super) fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Direct { depth: 0 }.deserialize(&mut reader).map_err(|e| of_serde(&e))?;
    reader.end().map_err(|_| JsonError::Malformed)?;
    Ok(value)
}

fn of_serde(error: &serde_json::Error) -> JsonError {
    let text = error.to_string();
    [(DUPLICATE, JsonError::Duplicate), (TOO_DEEP, JsonError::TooDeep), (INTEGER, JsonError::Integer)]
        .into_iter()
        .find(|(mark, _)| text.starts_with(mark))
        .map_or(JsonError::Malformed, |(_, kind)| kind)
}

/// Builds a [`Value`] without a tree in between.
struct Direct {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Direct {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl Direct {
    fn below<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH { Err(E::custom(TOO_DEEP)) } else { Ok(Self { depth: self.depth + 1 }) }
    }
}

impl<'de> Visitor<'de> for Direct {
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
