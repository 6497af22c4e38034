//! What stands before the router of the public listener: a DID that was resolved before is answered with the bytes
//! that were made then, where they still are the answer. Everything else, and whatever is unusual about a request,
//! goes on to the router. Each request is counted here for the address that it comes from.

use crate::door::{Caller, TooOften};
use crate::faces::Faces;
use crate::limits::MAX_TARGET_BYTES;
use crate::metrics::Counted;
use crate::resolver::offered_for_dids;
use crate::target::{IDENTIFIERS, rest};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Method, Request};
use axum::response::Response;
use futures::future::{Either, Ready, ready};
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The front of one listener. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Front {
    router: TowerToHyperService<Router>,
    /// Whose requests they are, where they are counted.
    caller: Option<Caller>,
    /// `None` where everything goes to the router.
    faces: Option<Arc<Faces>>,
}

impl Front {
    /// Only the router.
    pub(crate) fn closed(router: Router) -> Self {
        Self { router: TowerToHyperService::new(router), caller: None, faces: None }
    }

    /// The router, and what was answered before.
    pub(crate) fn open(router: Router, faces: &Arc<Faces>) -> Self {
        Self { faces: Some(Arc::clone(faces)), ..Self::closed(router) }
    }
}

impl Front {
    /// For the requests of one connection.
    pub(crate) fn of(&self, caller: Caller) -> Self {
        Self { caller: Some(caller), ..self.clone() }
    }

    /// Counts a request where there is a limit.
    fn enter(&self, request: &Request<Incoming>) -> Result<(), TooOften> {
        match (&self.faces, self.caller) {
            (Some(faces), Some(caller)) => faces.door.enter(caller, request.headers()).map_err(TooOften),
            _ => Ok(()),
        }
    }
}

impl Service<Request<Incoming>> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<
        Ready<Result<Response, Infallible>>,
        <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future,
    >;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        if let Err(too_often) = self.enter(&request) {
            // The router refuses it, as it refuses everything.
            request.extensions_mut().insert(too_often);
            return Either::Right(self.router.call(request));
        }
        // After a panic here the router answers, or says that it cannot.
        let known = self
            .faces
            .as_ref()
            .and_then(|faces| catch_unwind(AssertUnwindSafe(|| known(faces, &request))).ok().flatten());
        match known {
            Some(response) => Either::Left(ready(Ok(response))),
            None => Either::Right(self.router.call(request)),
        }
    }
}

/// The answer to a request, where it is kept: with what every answer has.
pub(crate) fn known<B>(faces: &Faces, request: &Request<B>) -> Option<Response<Body>> {
    let uri = request.uri();
    if request.method() != Method::GET || uri.query().is_some() || uri.path().len() > MAX_TARGET_BYTES {
        return None;
    }
    let did = rest(uri, IDENTIFIERS);
    if did.is_empty() {
        return None;
    }
    let media_type = offered_for_dids(request.headers())?;
    let mut response = faces.answers.find(&faces.domain, did, media_type, request.headers())?;
    let (id, status) = (faces.requests.name(), response.status().as_u16());
    tracing::debug!(request_id = %id, face = "public", status, "answered from what is kept");
    faces.metrics.resolved(Counted::of(status));
    let headers = response.headers_mut();
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_maybe_shared(axum::body::Bytes::from(id)) {
        headers.insert("x-request-id", id);
    }
    Some(response)
}
