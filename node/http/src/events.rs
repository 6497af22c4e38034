//! What the mesh does and refuses, as it happens: server-sent events (HTML Living Standard, section 9.2).
//!
//! Nothing waits for who reads slowly: a watcher that is too far behind is told how much it missed, and
//! its stream ends. It may come again.

use crate::error::Problem;
use crate::faces::Faces;
use crate::limits::{EVENTS_ALIVE, EVENTS_LIFE};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;
use marque_flows::ports::mesh::{Events, MeshEvent};
use serde_json::{Map, Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout};
use vc_schemas::code::Code;

/// `GET /v1/events`
pub(crate) async fn events(State(faces): State<Arc<Faces>>) -> Result<Response, Problem> {
    let closed = Problem::new(Code::Unavailable, "the mesh is not up");
    let events = faces.domain.events().ok_or(closed)?;
    let Ok(place) = Arc::clone(&faces.watchers.0).try_acquire_owned() else {
        let detail = "as many watch as can";
        return Err(Problem::new(Code::RateLimited, detail));
    };
    // The connection ends soon after.
    let end = Instant::now() + EVENTS_LIFE;
    let stream = futures::stream::unfold(Some((events, place)), move |watching| async move {
        let (mut events, place) = watching?;
        match next(&mut events, end).await {
            Next::More(bytes) => Some((Ok::<_, Infallible>(bytes), Some((events, place)))),
            Next::Last(bytes) => Some((Ok(bytes), None)),
        }
    });
    let mut response = Response::new(Body::from_stream(stream));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// What a watcher gets next.
enum Next {
    More(Bytes),
    /// And nothing after it.
    Last(Bytes),
}

async fn next(events: &mut Events, end: Instant) -> Next {
    if end <= Instant::now() {
        return Next::Last(named("end", &json!({})));
    }
    match timeout(EVENTS_ALIVE, events.recv()).await {
        Ok(Ok(event)) => Next::More(named(event.what.as_str(), &shown(&event))),
        Ok(Err(RecvError::Lagged(missed))) => Next::Last(named("missed", &json!({"events": missed}))),
        Ok(Err(RecvError::Closed)) => Next::Last(named("end", &json!({}))),
        // A comment: the watcher is still there, or the connection finds out that it is not.
        Err(_) => Next::More(Bytes::from_static(b":\n\n")),
    }
}

fn named(event: &str, data: &Value) -> Bytes {
    Bytes::from(format!("event: {event}\ndata: {data}\n\n"))
}

/// An event as watchers see it.
fn shown(event: &MeshEvent) -> Value {
    let MeshEvent { at, what, peer, domain, via, about, reason } = event;
    let mut json = Map::new();
    json.insert("time".to_owned(), json!(at.to_string()));
    json.insert("event".to_owned(), json!(what.as_str()));
    let about = about.as_ref();
    let members = [
        ("peerId", peer.as_ref().map(|peer| json!(peer))),
        ("scid", domain.as_ref().map(|scid| json!(scid.as_str()))),
        ("via", via.map(|via| json!(via.as_str()))),
        ("kind", about.map(|about| json!(about.kind.as_str()))),
        ("subject", about.map(|about| json!(about.subject))),
        ("sequence", about.map(|about| json!(about.seq.to_string()))),
        ("reason", reason.map(|reason| json!(reason.as_str()))),
    ];
    for (name, value) in members {
        if let Some(value) = value {
            json.insert(name.to_owned(), value);
        }
    }
    Value::Object(json)
}
