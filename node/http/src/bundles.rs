//! Offline bundles over HTTP: `POST /v1/bundles`.

use crate::body::answer;
use crate::error::Problem;
use crate::faces::Faces;
use crate::verifier;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use did_resolver::codec;
use serde_json::json;
use std::sync::Arc;

/// `POST /v1/bundles`: the body is that of `POST /v1/verify`; what is asked of the mandate is for whoever
/// opens the bundle to say.
pub(crate) async fn export(State(faces): State<Arc<Faces>>, request: Request) -> Result<Response, Problem> {
    let question = verifier::question(request).await?;
    let exported = faces.domain.export_bundle(&question.presented, question.envelope).await?;
    let bundle = &exported.bundle;
    let body = json!({
        "bundle": codec::to_base64url(&exported.bytes),
        "by": bundle.by.as_str(),
        "made": bundle.made.to_string(),
        "logs": bundle.logs.len(),
        "lists": bundle.lists.len(),
        "bytes": exported.bytes.len(),
    });
    Ok(answer(StatusCode::CREATED, &body))
}
