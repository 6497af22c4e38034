//! The words of Marque's credentials, for readers that are not Marque: a JSON Schema for each type, and the
//! JSON-LD context. Both are part of the program; nobody who verifies here is told to fetch them.

use crate::body::{answer, typed};
use crate::error::Problem;
use axum::extract::Path;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::Response;
use serde_json::{Value, json};
use vc_schemas::code::Code;
use vc_schemas::context::MARQUE_V1_TEXT;
use vc_schemas::schema::{self, SCHEMAS};

/// They change with the program at most.
const CACHING: &str = "public, max-age=86400";

/// `GET /v1/schemas`: which types there are.
pub(crate) async fn schemas() -> Response {
    let types: Value = SCHEMAS.iter().map(|schema| schema.credential_type).collect();
    answer(StatusCode::OK, &json!({"types": types}))
}

/// `GET /v1/schemas/{type}`
pub(crate) async fn schema(Path(credential_type): Path<String>) -> Result<Response, Problem> {
    let schema = schema::of(&credential_type).ok_or(Problem::new(Code::NotFound, "no such type"))?;
    Ok(cached("application/schema+json", schema.text))
}

/// `GET /v1/context`
pub(crate) async fn context() -> Response {
    cached("application/ld+json", MARQUE_V1_TEXT)
}

fn cached(media_type: &'static str, text: &'static str) -> Response {
    let mut response = typed(media_type, text);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(CACHING));
    response
}
