//! Where the status of a token stands, by its `status` claim (draft-ietf-oauth-status-list, section 6).

use super::StatusError;
use super::array::MAX_ENTRIES;
use super::members::{MAX_URL_BYTES, is_list_url};
use crate::cbor::{Key, MAP, Reader, Writer};
use did_resolver::json::MAX_INTEGER;
use serde_json::{Value, json};

/// The claim of a JWT that holds a reference.
pub const CLAIM: &str = "status";

/// The claim of a CWT that holds a reference.
pub const CWT_CLAIM: u64 = 65_535;

/// The one mechanism that is known here.
const MECHANISM: &str = "status_list";

/// An entry of a Status List Token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Which entry, below [`MAX_ENTRIES`].
    pub index: u32,
    /// The URI of the list, which is its `sub`.
    pub uri: String,
}

impl Reference {
    /// Reads the value of the claim [`CLAIM`]. More members of `status_list` may stand there and are
    /// dropped.
    ///
    /// # Errors
    /// [`StatusError::Malformed`] for another shape, or another mechanism beside: what it would say
    /// cannot be known here.
    pub fn parse(json: &Value) -> Result<Self, StatusError> {
        let status = json.as_object().filter(|members| members.len() == 1);
        let list = status.and_then(|members| members.get(MECHANISM)).and_then(Value::as_object);
        let list = list.ok_or(StatusError::Malformed)?;
        let index = list.get("idx").and_then(Value::as_u64).filter(|index| *index <= MAX_INTEGER);
        let uri = list.get("uri").and_then(Value::as_str).ok_or(StatusError::Malformed)?;
        Self::of(index.ok_or(StatusError::Malformed)?, uri)
    }

    /// Writes the value of the claim [`CLAIM`].
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({MECHANISM: {"idx": self.index, "uri": self.uri}})
    }

    /// Reads the value of the claim [`CWT_CLAIM`], and nothing after it.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, StatusError> {
        let (mut index, mut uri, mut reader) = (None, None, Reader::new(bytes));
        reader.map::<StatusError>(false, |name, value| {
            if name != Key::Text(MECHANISM) {
                return Ok(false);
            }
            value.map::<StatusError>(true, |name, value| {
                match name {
                    Key::Text("idx") => index = Some(value.unsigned()?),
                    Key::Text("uri") => uri = Some(value.text(MAX_URL_BYTES)?),
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            Ok(true)
        })?;
        reader.end()?;
        Self::of(index.ok_or(StatusError::Malformed)?, uri.ok_or(StatusError::Malformed)?)
    }

    /// Writes the value of the claim [`CWT_CLAIM`].
    #[must_use]
    pub fn to_cbor(&self) -> Vec<u8> {
        let writer = Writer::default().head(MAP, 1).text(MECHANISM).head(MAP, 2);
        writer.text("idx").unsigned(self.index.into()).text("uri").text(&self.uri).into_bytes()
    }

    fn of(index: u64, uri: &str) -> Result<Self, StatusError> {
        let index = u32::try_from(index).ok().filter(|index| *index < MAX_ENTRIES);
        match index {
            Some(index) if is_list_url(uri) => Ok(Self { index, uri: uri.to_owned() }),
            _ => Err(StatusError::Malformed),
        }
    }
}

#[cfg(test)]
mod tests;
