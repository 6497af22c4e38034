//! What stands around every request: its name, its bounds, and an answer whatever happens inside.

use crate::door::TooOften;
use crate::error::{Problem, finish};
use crate::faces::Faces;
use crate::limits::MAX_TARGET_BYTES;
use crate::metrics::By;
use crate::work::Work;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::Instrument as _;
use vc_schemas::code::Code;

/// Which listener a request came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    Public,
    Admin,
    Health,
}

impl Face {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Admin => "admin",
            Self::Health => "health",
        }
    }
}

/// The guard of one listener.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    faces: Arc<Faces>,
    face: Face,
    work: Work,
    patience: Duration,
}

impl Guard {
    pub(crate) const fn new(faces: Arc<Faces>, face: Face, work: Work, patience: Duration) -> Self {
        Self { faces, face, work, patience }
    }

    pub(crate) const fn faces(&self) -> &Arc<Faces> {
        &self.faces
    }
}

/// Names the request, answers for it in time and also where a handler panics, and counts the answer.
pub(crate) async fn watch(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let (id, began) = (guard.faces.requests.name().to_string(), Instant::now());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let (face, path) = (guard.face.as_str(), route.as_deref().unwrap_or("none"));
    // What is logged on the way to the answer is found by the name of the request.
    let span = tracing::info_span!("request", request_id = %id, face, method = %method, route = path);
    let answered = within_bounds(&guard, request, next).instrument(span.clone());
    let answered = AssertUnwindSafe(answered).catch_unwind();
    let response = match tokio::time::timeout(guard.patience, answered).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => {
            let cause = panic.downcast_ref::<String>().map(String::as_str);
            let cause = cause.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
            Problem::new(Code::Internal, "the request met a defect").because(cause).into_response()
        }
        Err(_) if reads(&method) => {
            Problem::new(Code::Unavailable, "the answer took too long").into_response()
        }
        Err(_) => {
            let detail =
                "the answer took too long; what was asked for may still be done, so look before asking again";
            Problem::new(Code::Unavailable, detail).into_response()
        }
    };
    let mut response = span.in_scope(|| {
        let (status, ms) = (response.status().as_u16(), began.elapsed().as_millis());
        // Who has the token and does not only read, changes something.
        match (guard.face, &method) {
            (Face::Admin, &Method::POST) => tracing::info!(status, ms, "answered"),
            _ => tracing::debug!(status, ms, "answered"),
        }
        // By its code: the status alone is also that of some DID URLs that ask in vain.
        if response.extensions().get::<Problem>().is_some_and(|problem| problem.code() == Code::Internal) {
            guard.faces.metrics.internal();
        }
        finish(response, &id)
    });
    let headers = response.headers_mut();
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("x-request-id", id);
    }
    let route = route.unwrap_or_else(|| "none".to_owned());
    guard.faces.metrics.request(face, &method, route, response.status().as_u16());
    response
}

/// Whether a request of this method changes nothing.
const fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

async fn within_bounds(guard: &Guard, request: Request, next: Next) -> Response {
    if let Some(TooOften(wait)) = request.extensions().get() {
        guard.faces.metrics.limited(By::Address);
        return Problem::new(Code::RateLimited, "as often as one address may ask")
            .after(*wait)
            .into_response();
    }
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > MAX_TARGET_BYTES {
        return Problem::new(Code::TooLarge, "path and query are too long").into_response();
    }
    if guard.face == Face::Admin
        && let Err(problem) = guard.faces.admin_token.check(request.headers())
    {
        return problem.into_response();
    }
    if reads(request.method()) {
        return next.run(request).await;
    }
    // Taken until there is an answer, so that no more bodies than there are places are in memory.
    let Some(place) = guard.work.place() else {
        let detail = "as many requests as can be are being worked on";
        return Problem::new(Code::RateLimited, detail).into_response();
    };
    let answer = place.carry_through(next.run(request)).await;
    answer.unwrap_or_else(|| Problem::new(Code::Unavailable, "the node has stopped").into_response())
}
