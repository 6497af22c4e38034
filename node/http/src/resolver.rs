//! Resolution over HTTP (DID Resolution 1.0, section 11, "HTTP(S) Binding"), and names for people.

use crate::body::{answer, typed};
use crate::error::Problem;
use crate::faces::Faces;
use crate::media::choose;
use crate::target::{identifier, query, rest, segment};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use did_resolver::did::{Did, DidUrl};
use did_resolver::resolution::{Resolution, ResolutionError};
use did_resolver::webvh::VersionQuery;
use serde_json::{Value, json};
use std::sync::Arc;
use vc_schemas::claims::{MAX_DOMAIN_BYTES, is_name};
use vc_schemas::code::Code;

/// The path before the DID.
pub(crate) const IDENTIFIERS: &str = "/1.0/identifiers/";

const RESOLUTION: &str = "application/did-resolution";
const DOCUMENT: &str = "application/did";

/// `GET /1.0/identifiers/{did}`
pub(crate) async fn resolve(
    State(faces): State<Arc<Faces>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(media_type) = choose(&headers, &[RESOLUTION, DOCUMENT, "application/json"]) else {
        return Ok(refused(ResolutionError::RepresentationNotSupported));
    };
    let resolved = match question(&uri) {
        Ok((did, query)) => faces.domain.resolve(&DidUrl::from(did), query.as_ref()).await?,
        Err(error) => Err(error),
    };
    Ok(resolved.map_or_else(refused, |resolution| granted(&resolution, media_type)))
}

fn question(uri: &Uri) -> Result<(Did, Option<VersionQuery>), ResolutionError> {
    let did = identifier(rest(uri, IDENTIFIERS)).and_then(|text| text.parse().ok());
    let did = did.ok_or(ResolutionError::InvalidDid)?;
    let options = query(uri).map_err(|_| ResolutionError::InvalidOptions)?;
    let options = options.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Ok((did, VersionQuery::from_parameters(options)?))
}

fn with_status(status: u16, mut response: Response) -> Response {
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
}

fn granted(resolution: &Resolution, media_type: &'static str) -> Response {
    let response = match &resolution.document {
        Some(document) if media_type == DOCUMENT => typed(DOCUMENT, document.to_string()),
        // Without a document only the result says why.
        None if media_type == DOCUMENT => typed(RESOLUTION, resolution.to_json().to_string()),
        _ => typed(media_type, resolution.to_json().to_string()),
    };
    with_status(resolution.status(), response)
}

fn refused(error: ResolutionError) -> Response {
    with_status(error.status(), typed(RESOLUTION, error.to_json().to_string()))
}

/// `GET /v1/names/{name@domain}`
pub(crate) async fn name(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    let text = segment(&uri, 2)?;
    let parts = text.split_once('@');
    let parts = parts.filter(|(name, label)| is_name(name) && (1..=MAX_DOMAIN_BYTES).contains(&label.len()));
    let (name, label) = parts.ok_or(Problem::new(Code::NameMalformed, "not written as name@domain"))?;
    let did = faces.domain.find_name(name, label).await?;
    let body: Value = json!({"did": did.as_str()});
    Ok(answer(StatusCode::OK, &body))
}
