//! The words of Marque's credentials, for readers that are not Marque: a JSON Schema for each type, and the
//! JSON-LD context. Both are part of the program; nobody who verifies here is told to fetch them. And those of
//! this interface: its OpenAPI document, and a page that shows it and fetches nothing else.

use crate::body::{answer, typed};
use crate::error::Problem;
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};
use vc_schemas::code::Code;
use vc_schemas::context::MARQUE_V1_TEXT;
use vc_schemas::schema::{self, SCHEMAS};

/// They change with the program at most.
const CACHING: &str = "public, max-age=86400";

/// What the page may do: load its own script and style, and read the document, from this listener only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The OpenAPI document, which is made once all routes are known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Document(Arc<OnceLock<Bytes>>);

impl Document {
    /// Says what it is, once.
    pub(crate) fn is(&self, json: &Value) {
        self.0.get_or_init(|| Bytes::from(json.to_string()));
    }
}

/// `GET /openapi.json`
pub(crate) async fn openapi(Extension(document): Extension<Document>) -> Response {
    newest("application/json", document.0.get().cloned().unwrap_or_default())
}

/// `GET /docs`
pub(crate) async fn page() -> Response {
    let mut response = newest("text/html; charset=utf-8", include_str!("../viewer/index.html"));
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// `GET /docs/viewer.js`
pub(crate) async fn script() -> Response {
    newest("text/javascript; charset=utf-8", include_str!("../viewer/viewer.js"))
}

/// `GET /docs/viewer.css`
pub(crate) async fn style() -> Response {
    newest("text/css; charset=utf-8", include_str!("../viewer/viewer.css"))
}

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

/// What another program may say otherwise at once.
fn newest(media_type: &'static str, text: impl Into<Body>) -> Response {
    let mut response = typed(media_type, text);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
