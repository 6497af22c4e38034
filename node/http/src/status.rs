//! The state of things: the domain's signed status lists as web resources (Bitstring Status List 1.0,
//! section 2.2), whether the node is well, and its metrics.

use crate::body::{answer, typed};
use crate::error::Problem;
use crate::faces::Faces;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::Response;
use prometheus_client::encoding::text::encode;
use serde_json::json;
use std::sync::Arc;
use vc_schemas::code::Code;
use vc_schemas::status::Purpose;

const PURPOSES: [Purpose; 2] = [Purpose::Revocation, Purpose::Suspension];

/// The media type of OpenMetrics text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /status/revocation`, `GET /status/suspension`
pub(crate) async fn list(State(faces): State<Arc<Faces>>, uri: Uri) -> Result<Response, Problem> {
    let purpose = PURPOSES.into_iter().find(|purpose| uri.path().ends_with(purpose.as_str()));
    let not_found = Problem::new(Code::NotFound, "no such status list");
    let fact = faces.domain.held_own_list(purpose.ok_or(not_found)?).await?;
    let fact = fact.ok_or(Problem::new(Code::Unavailable, "the list is not signed yet"))?;
    let secured = fact.list.secured();
    let mut response = typed(secured.media_type(), secured.bytes().to_vec());
    // A list is signed anew at half its ttl, and at once where something is revoked.
    response.headers_mut().insert("cache-control", HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// `GET /health/live`: the process answers.
pub(crate) async fn live() -> Response {
    answer(StatusCode::OK, &json!({"status": "ok"}))
}

/// `GET /health/ready`: the store answers and takes writes, and the lists are fresh, so the keys can be
/// used.
pub(crate) async fn ready(State(faces): State<Arc<Faces>>) -> Response {
    // Nothing is written: a store that has given up, as on a full disk, refuses this too.
    if let Err(error) = faces.domain.records().commit(Vec::new()).await {
        tracing::warn!(%error, "not ready");
        return answer(StatusCode::SERVICE_UNAVAILABLE, &json!({"status": Code::Unavailable.as_str()}));
    }
    match stale(&faces).await {
        Ok(false) => answer(StatusCode::OK, &json!({"status": "ok"})),
        Ok(true) => answer(StatusCode::SERVICE_UNAVAILABLE, &json!({"status": "lists-stale"})),
        Err(problem) => {
            let code = problem.code();
            tracing::warn!(%code, "not ready");
            answer(StatusCode::SERVICE_UNAVAILABLE, &json!({"status": code.as_str()}))
        }
    }
}

/// Whether a list is missing or past its ttl. Notes the ages.
async fn stale(faces: &Faces) -> Result<bool, Problem> {
    let mut stale = false;
    for purpose in PURPOSES {
        match faces.domain.held_own_list(purpose).await? {
            Some(fact) => {
                let age = faces.domain.now().since(fact.list.issued);
                faces.metrics.list(purpose, age, fact.list.sequence);
                stale |= age > fact.list.ttl;
            }
            None => stale = true,
        }
    }
    Ok(stale)
}

/// `GET /metrics`
pub(crate) async fn metrics(State(faces): State<Arc<Faces>>) -> Result<Response, Problem> {
    let _stale = stale(&faces).await?;
    let mut text = String::new();
    let defect = |_| Problem::new(Code::Internal, "metrics cannot be written");
    encode(&mut text, &faces.registry).map_err(defect)?;
    Ok(typed(OPEN_METRICS, text))
}
