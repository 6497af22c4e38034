//! The state of things: the domain's signed status lists as web resources (Bitstring Status List 1.0,
//! section 2.2; draft-ietf-oauth-status-list, section 8), whether the node is well, and its metrics.

use crate::body::{answer, typed};
use crate::error::Problem;
use crate::faces::Faces;
use crate::media::choose;
use crate::metrics::By;
use crate::readiness::{READY, readiness, stale};
use crate::target::query;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;
use marque_flows::published::AGGREGATION_KEEP;
use prometheus_client::encoding::text::encode;
use serde_json::json;
use std::sync::Arc;
use vc_schemas::code::Code;
use vc_schemas::status::aggregation::Aggregation;
use vc_schemas::status::token_list::Form;

/// The media type of OpenMetrics text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The media type of a Bitstring Status List, and what is answered where another is not liked better.
const BITSTRING: &str = "application/vc+jwt";

/// `GET /status/revocation`, `GET /status/suspension`, and from the second list on with its number: the list as a Bitstring Status List, or as a Status
/// List Token where that is asked for.
pub(crate) async fn list(
    State(faces): State<Arc<Faces>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if query(&uri)?.iter().any(|(name, _)| name == "time") {
        let detail = "only the newest list is given out, whatever time is asked for";
        return Err(Problem::new(Code::StatusHistoryUnsupported, detail));
    }
    let lists = faces.domain.own_lists().await?.into_iter();
    let list = lists.into_iter().find(|list| uri.path().strip_prefix("/status/") == Some(&list.name()));
    let list = list.ok_or(Problem::new(Code::NotFound, "no such status list"))?;
    let unsigned = Problem::new(Code::Unavailable, "the list is not signed yet");
    let fact = faces.domain.held_own_list(list).await?.ok_or(unsigned)?;
    // Who likes none of them gets the first: RFC 9110, section 12.4.1.
    let offered = [BITSTRING, Form::Jwt.media_type(), Form::Cwt.media_type()];
    let chosen = choose(&headers, &offered).unwrap_or(BITSTRING);
    let mut response = match Form::ALL.into_iter().find(|form| form.media_type() == chosen) {
        None => typed(fact.list.secured().media_type(), fact.list.secured().bytes().to_vec()),
        Some(form) => {
            let token = faces.domain.own_token(list, form).await?;
            let unsigned = Problem::new(Code::Unavailable, "the list is not signed yet");
            typed(form.media_type(), token.ok_or(unsigned)?)
        }
    };
    let left = fact.list.ttl.saturating_sub(faces.domain.now().since(fact.list.issued));
    let caching = HeaderValue::from_str(&format!("max-age={}", left.as_secs()));
    response.headers_mut().insert(CACHE_CONTROL, caching.unwrap_or(HeaderValue::from_static("no-cache")));
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// `GET /status/aggregation`: which lists there are (draft-ietf-oauth-status-list, section 9).
pub(crate) async fn aggregation(State(faces): State<Arc<Faces>>) -> Result<Response, Problem> {
    let lists = faces.domain.own_lists().await?.into_iter();
    let lists = lists.map(|list| faces.domain.home.list_url(list)).collect();
    let mut response = typed("application/json", Aggregation { lists }.to_json().to_string());
    let caching = HeaderValue::from_str(&format!("max-age={}", AGGREGATION_KEEP.as_secs()));
    response.headers_mut().insert(CACHE_CONTROL, caching.unwrap_or(HeaderValue::from_static("no-cache")));
    Ok(response)
}

/// `GET /health/live`: the process answers.
pub(crate) async fn live() -> Response {
    answer(StatusCode::OK, &json!({"status": "ok"}))
}

/// `GET /health/ready`: [`readiness`] is `ok`.
pub(crate) async fn ready(State(faces): State<Arc<Faces>>) -> Response {
    let (status, reason) = readiness(&faces).await;
    if status == READY {
        return answer(StatusCode::OK, &json!({"status": status}));
    }
    if let Some(reason) = reason {
        tracing::warn!(status, reason, "not ready");
    }
    answer(StatusCode::SERVICE_UNAVAILABLE, &json!({"status": status}))
}

/// `GET /metrics`
pub(crate) async fn metrics(State(faces): State<Arc<Faces>>) -> Result<Response, Problem> {
    let _stale = stale(&faces).await?;
    let (now, (lists, _)) = (faces.domain.now(), faces.domain.freshness().await?);
    let ages = lists.into_iter().filter_map(|list| Some((list.key.url, now.since(list.issued?.0))));
    faces.metrics.held(ages, faces.domain.contested().await?, faces.domain.deferred().await?);
    faces.metrics.published(&faces.domain.published());
    let (agents, owners) = faces.domain.told_apart();
    let addresses = faces.door.told_apart();
    faces.metrics.told_apart([(By::Address, addresses), (By::Agent, agents), (By::Owner, owners)]);
    let mut text = String::new();
    let defect = |_| Problem::new(Code::Internal, "metrics cannot be written");
    encode(&mut text, &faces.registry).map_err(defect)?;
    Ok(typed(OPEN_METRICS, text))
}
