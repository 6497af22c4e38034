//! Logs that are handed in.

use crate::body::{answer, media_type, parse, read, unsupported};
use crate::error::Problem;
use crate::faces::Faces;
use crate::limits::MAX_IMPORT_BYTES;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use did_resolver::did::Did;
use did_resolver::jcs;
use did_resolver::webvh::LogError;
use marque_flows::error::Error;
use marque_rules::replica::floor::ReceivedLog;
use serde_json::json;
use std::sync::Arc;
use vc_schemas::code::Code;
use vc_schemas::object::Object;
use vc_schemas::refusal::{Path, Refusal};

/// `POST /v1/webvh/import`
pub(crate) async fn import(State(faces): State<Arc<Faces>>, request: Request) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    if media_type(&head.headers).as_deref() != Some("application/json") {
        return Err(unsupported());
    }
    let bytes = read(&head.headers, body, MAX_IMPORT_BYTES).await?;
    let json = parse(&bytes, MAX_IMPORT_BYTES)?;
    let mut object = Object::new(&json, "body")?;
    let did = object.required("did")?.as_str().and_then(|text| text.parse::<Did>().ok());
    let did = did.ok_or(Problem::member(Code::DidMalformed, "did", "not a DID"))?;
    let log = lines(object.required("log")?)?;
    let witness = witness(&mut object)?;
    object.end("body")?;
    let received = ReceivedLog { log: &log, witness: witness.as_deref() };
    let (outcome, held) = faces.domain.import(&did, received).await?;
    let head = held.log().map(|log| log.head());
    let json = json!({
        "did": did.as_str(),
        "outcome": outcome.as_str(),
        "versionNumber": head.map(|head| head.number),
        "versionId": head.map(|head| head.id.as_str()),
    });
    Ok(answer(StatusCode::OK, &json))
}

/// The `did.jsonl` of these entries, each in its canonical form: what is hashed and signed is that.
fn lines(log: did_resolver::json::Json<'_>) -> Result<Vec<u8>, Problem> {
    let entries = log.items().ok_or(Problem::member(Code::RequestMalformed, "log", "not a list"))?;
    if entries.len() > did_resolver::webvh::MAX_ENTRIES {
        return Err(Error::log(&LogError::TooManyEntries).into());
    }
    let mut lines = Vec::new();
    for (place, entry) in entries.enumerate() {
        let line = if entry.is_object() { jcs::canonical_of(entry).ok() } else { None };
        let path = || Path::root().then("log").at(place);
        let detail = "not an entry: a JSON object without inexact numbers";
        let line = line.ok_or_else(|| Problem::of(Refusal::new(Code::LogRefused, path(), detail)))?;
        lines.extend_from_slice(&line);
        lines.push(b'\n');
    }
    Ok(lines)
}

/// The `did-witness.json` that stands in a body as the member `witness`, where it does.
pub(crate) fn witness(object: &mut Object<'_>) -> Result<Option<Vec<u8>>, Problem> {
    match object.optional("witness") {
        None => Ok(None),
        Some(records) if records.items().is_some() => Ok(Some(records.to_value().to_string().into_bytes())),
        Some(_) => Err(Problem::member(Code::RequestMalformed, "witness", "not a list")),
    }
}
