//! The domain's own keys, replaced by its operator.

use crate::body::{Json, answer};
use crate::error::Problem;
use crate::faces::Faces;
use crate::import::witness;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use marque_rules::replica::floor::ReceivedLog;
use serde_json::json;
use std::sync::Arc;
use vc_schemas::code::Code;
use vc_schemas::object::Object;

/// Whether the caller says that no other node of the domain runs.
fn alone(object: &mut Object<'_>) -> Result<bool, Problem> {
    let malformed = Problem::member(Code::RequestMalformed, "alone", "neither true nor false");
    object.optional("alone").map_or(Ok(false), |said| said.as_bool().ok_or(malformed))
}

/// `POST /v1/domain/keys`
pub(crate) async fn make(State(faces): State<Arc<Faces>>, Json(json): Json) -> Result<Response, Problem> {
    let mut object = Object::new(&json, "body")?;
    let is_alone = alone(&mut object)?;
    object.end("body")?;
    let (keys, log) = faces.domain.next_keys(is_alone).await?;
    let json = json!({
        "did": log.did().as_str(),
        "assertion": keys.assertion.to_multikey(),
        "tokens": keys.tokens.to_multikey(),
        "log": String::from_utf8_lossy(log.bytes()),
    });
    Ok(answer(StatusCode::CREATED, &json))
}

/// `POST /v1/domain/log`
pub(crate) async fn rotate(State(faces): State<Arc<Faces>>, Json(json): Json) -> Result<Response, Problem> {
    let mut object = Object::new(&json, "body")?;
    let is_alone = alone(&mut object)?;
    let log = object.required("log")?.as_str();
    let log = log.ok_or(Problem::member(Code::RequestMalformed, "log", "not a text"))?;
    let witness = witness(&mut object)?;
    object.end("body")?;
    let received = ReceivedLog { log: log.as_bytes(), witness: witness.as_deref() };
    let log = faces.domain.rotate_keys(received, is_alone).await?;
    let json = json!({
        "did": log.did().as_str(),
        "versionNumber": log.head().number,
        "versionId": log.head().id,
        "signsFrom": faces.domain.takes_over(&log).to_string(),
    });
    Ok(answer(StatusCode::OK, &json))
}
