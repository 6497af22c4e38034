//! Bodies: read within bounds, as strict JSON (RFC 7493) only, and answered as JSON.

use crate::error::Problem;
use crate::limits::{BODY_TIMEOUT, MAX_BODY_BYTES};
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use did_resolver::json::{self, JsonError};
use futures::StreamExt;
use serde_json::Value;
use vc_schemas::code::Code;

/// A strict JSON body of at most [`MAX_BODY_BYTES`], sent as `application/json`.
#[derive(Debug)]
pub(crate) struct Json(pub(crate) Value);

impl<S: Sync> FromRequest<S> for Json {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        if media_type(&head.headers).as_deref() != Some("application/json") {
            return Err(unsupported());
        }
        let bytes = read(&head.headers, body, MAX_BODY_BYTES).await?;
        parse(&bytes, MAX_BODY_BYTES).map(Self)
    }
}

/// The refusal of another media type.
pub(crate) fn unsupported() -> Problem {
    Problem::new(Code::MediaTypeUnsupported, "the Content-Type is missing or not one that this call takes")
}

/// The media type of a body in lower case, without parameters but `charset=utf-8`.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let text = value.to_str().ok()?.to_ascii_lowercase();
    let mut parts = text.split(';').map(str::trim);
    let media_type = parts.next()?.to_owned();
    let utf8 = |parameter: &str| matches!(parameter, "charset=utf-8" | "charset=\"utf-8\"");
    parts.all(utf8).then_some(media_type)
}

/// Reads strict JSON.
pub(crate) fn parse(bytes: &[u8], max_bytes: usize) -> Result<Value, Problem> {
    json::parse(bytes, max_bytes).map_err(|error| {
        let (code, detail) = match error {
            JsonError::TooLong => (Code::TooLarge, "the JSON is larger than this call takes"),
            JsonError::NotUtf8 => (Code::JsonRefused, "the JSON is not UTF-8"),
            JsonError::Malformed => (Code::JsonRefused, "the body is not JSON"),
            JsonError::Duplicate => (Code::JsonRefused, "a JSON object has one name twice"),
            JsonError::TooDeep => (Code::JsonRefused, "the JSON is nested too deeply"),
            JsonError::Integer => (Code::JsonRefused, "a JSON number is not exact in every reader"),
        };
        Problem::new(code, detail)
    })
}

/// Reads a body of at most `max_bytes`, holding no more than was sent.
pub(crate) async fn read(headers: &HeaderMap, body: Body, max_bytes: usize) -> Result<Vec<u8>, Problem> {
    let too_large = || Problem::new(Code::TooLarge, "the body is larger than this call takes");
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > max_bytes) {
        return Err(too_large());
    }
    let whole = async {
        let (mut chunks, mut bytes) = (body.into_data_stream(), Vec::new());
        while let Some(chunk) = chunks.next().await {
            let broken = |_| Problem::new(Code::RequestMalformed, "the body ended before its end");
            let chunk = chunk.map_err(broken)?;
            if chunk.len() > max_bytes.saturating_sub(bytes.len()) {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    };
    let late = |_| Problem::new(Code::RequestMalformed, "the body took too long to arrive");
    tokio::time::timeout(BODY_TIMEOUT, whole).await.map_err(late)?
}

/// A JSON answer. It says what is true now, so nobody keeps it.
pub(crate) fn answer(status: StatusCode, json: &Value) -> Response {
    let mut response = typed("application/json", json.to_string());
    *response.status_mut() = status;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A 200 with `bytes` as they are.
pub(crate) fn typed(media_type: &'static str, bytes: impl Into<Body>) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static(media_type))], bytes.into()).into_response()
}
