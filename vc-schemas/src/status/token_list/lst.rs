//! The Status List structure in JSON and CBOR (draft-ietf-oauth-status-list, sections 4.2 and 4.3).

use crate::cbor::{Key, MAP, Reader, Writer};
use crate::status::StatusError;
use crate::status::array::{Bits, BitsError, MAX_ARRAY_BYTES, Width};
use crate::status::inflate;
use crate::status::members::MAX_URL_BYTES;
use did_resolver::codec;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde_json::{Map, Value, json};
use std::io::Write as _;

/// Longest compressed array: what does not compress grows by five bytes in 16 KiB, and the zlib frame.
pub const MAX_LST_BYTES: usize = MAX_ARRAY_BYTES + 1_024;

/// The array and where the issuer's lists are listed.
pub(super) type Structure = (Bits, Option<String>);

fn deflate(bits: &Bits) -> Result<Vec<u8>, StatusError> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    let zipped = zlib.write_all(&bits.least_first()).and_then(|()| zlib.finish());
    zipped.map_err(|_| StatusError::Bits(BitsError::Malformed))
}

fn inflate(zipped: &[u8], width: Width) -> Result<Bits, StatusError> {
    let bytes = inflate::zlib(zipped, MAX_ARRAY_BYTES).map_err(StatusError::Bits)?;
    Bits::from_least_first(bytes, width).map_err(StatusError::Bits)
}

pub(super) fn to_json(bits: &Bits, aggregation: Option<&str>) -> Result<Value, StatusError> {
    let mut list = Map::new();
    list.insert("bits".into(), json!(bits.width().bits()));
    list.insert("lst".into(), json!(codec::to_base64url(&deflate(bits)?)));
    list.extend(aggregation.map(|uri| ("aggregation_uri".into(), json!(uri))));
    Ok(Value::Object(list))
}

pub(super) fn from_json(json: &Value) -> Result<Structure, StatusError> {
    let list = json.as_object().ok_or(StatusError::Malformed)?;
    if list.keys().any(|name| !["bits", "lst", "aggregation_uri"].contains(&name.as_str())) {
        return Err(StatusError::Malformed);
    }
    let width = list.get("bits").and_then(Value::as_u64).and_then(Width::of).ok_or(StatusError::Malformed)?;
    let text = list.get("lst").and_then(Value::as_str).ok_or(StatusError::Malformed)?;
    if text.len() > MAX_LST_BYTES / 3 * 4 + 4 {
        return Err(StatusError::Bits(BitsError::TooLong));
    }
    let zipped = codec::from_base64url(text).map_err(|_| StatusError::Bits(BitsError::Malformed))?;
    let aggregation = match list.get("aggregation_uri") {
        None => None,
        Some(uri) => Some(uri.as_str().ok_or(StatusError::Malformed)?.to_owned()),
    };
    Ok((inflate(&zipped, width)?, aggregation))
}

pub(super) fn to_cbor(bits: &Bits, aggregation: Option<&str>, writer: Writer) -> Result<Writer, StatusError> {
    let zipped = deflate(bits)?;
    // Deterministic order: the shorter name first.
    let writer = writer.head(MAP, 2 + u64::from(aggregation.is_some())).text("lst").bytes(&zipped);
    let writer = writer.text("bits").unsigned(bits.width().bits().into());
    Ok(match aggregation {
        Some(uri) => writer.text("aggregation_uri").text(uri),
        None => writer,
    })
}

/// Reads the structure, straight from where it lies.
pub(super) fn from_cbor(reader: &mut Reader<'_>) -> Result<Structure, StatusError> {
    let (mut width, mut zipped, mut aggregation) = (None, None, None);
    reader.map::<StatusError>(false, |name, value| {
        match name {
            Key::Text("bits") => width = Width::of(value.unsigned()?),
            Key::Text("lst") => zipped = Some(value.bytes(MAX_LST_BYTES)?),
            Key::Text("aggregation_uri") => aggregation = Some(value.text(MAX_URL_BYTES)?.to_owned()),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    match (width, zipped) {
        (Some(width), Some(zipped)) => Ok((inflate(zipped, width)?, aggregation)),
        _ => Err(StatusError::Malformed),
    }
}
