//! What stands before the router of the public listener: a DID that was resolved before is answered with the bytes
//! that were made then, where they still are the answer. Everything else, and whatever is unusual about a request,
//! goes on to the router. Each request is counted here for the address that it comes from.

use crate::door::{Caller, TooOften};
use crate::faces::Faces;
use crate::given::{Given, Piece};
use crate::heads::{Answering, Heads};
use crate::limits::{MAX_HEADERS, MAX_TARGET_BYTES};
use crate::metrics::Counted;
use crate::resolver::offered_for_dids;
use crate::target::{IDENTIFIERS, rest};
use axum::Router;
use axum::http::header::{CONNECTION, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::response::Response;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Either, Ready, ready};
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
    /// `None` where everything goes to the router.
    faces: Option<Arc<Faces>>,
}

/// The front for the requests of one connection.
#[derive(Debug)]
pub(crate) struct Entrance {
    front: Front,
    /// Whose requests they are, where they are counted.
    caller: Caller,
    heads: Heads,
}

impl Front {
    /// Only the router.
    pub(crate) fn closed(router: Router) -> Self {
        Self { router: TowerToHyperService::new(router), faces: None }
    }

    /// The router, and what was answered before.
    pub(crate) fn open(router: Router, faces: &Arc<Faces>) -> Self {
        Self { faces: Some(Arc::clone(faces)), ..Self::closed(router) }
    }

    /// For a connection.
    pub(crate) fn of(self, caller: Caller, heads: Heads) -> Entrance {
        Entrance { front: self, caller, heads }
    }
}

/// What is there is answered at once. In a box is where there is something to wait for: hyper moves this about.
type Answered = Either<
    Ready<Result<Response<Given>, Infallible>>,
    BoxFuture<'static, Result<Response<Given>, Infallible>>,
>;

impl Entrance {
    /// Counts a request where there is a limit.
    fn enter(&self, request: &Request<Incoming>) -> Result<(), TooOften> {
        let faces = self.front.faces.as_ref();
        faces.map_or(Ok(()), |faces| faces.door.enter(self.caller, request.headers()).map_err(TooOften))
    }

    fn known(&self, request: &mut Request<Incoming>) -> Option<Response<Option<Piece>>> {
        let faces = self.front.faces.as_ref()?;
        // After a panic here the router answers, or says that it cannot.
        catch_unwind(AssertUnwindSafe(|| known(faces, request))).ok().flatten()
    }

    fn route(&self, request: Request<Incoming>, answering: Answering) -> Answered {
        let answered = self.front.router.call(request);
        let given = |response: Response| response.map(|body| Given::made(body, answering));
        Either::Right(answered.map(|answered| answered.map(given)).boxed())
    }
}

impl Service<Request<Incoming>> for Entrance {
    type Response = Response<Given>;
    type Error = Infallible;
    type Future = Answered;

    fn call(&self, mut request: Request<Incoming>) -> Answered {
        let answering = self.heads.came();
        if request.headers().len() > MAX_HEADERS {
            return Either::Left(ready(Ok(too_many_headers().map(|()| Given::kept(None, answering)))));
        }
        if let Err(too_often) = self.enter(&request) {
            // The router refuses it, as it refuses everything.
            request.extensions_mut().insert(too_often);
            return self.route(request, answering);
        }
        match self.known(&mut request) {
            Some(response) => Either::Left(ready(Ok(response.map(|piece| Given::kept(piece, answering))))),
            None => self.route(request, answering),
        }
    }
}

/// As hyper says it of a head that is too large: by its own bound on headers it makes room for all that there could
/// be before it reads any.
fn too_many_headers() -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    response.headers_mut().insert(CONNECTION, const { HeaderValue::from_static("close") });
    response
}

/// The answer to a request, where it is kept: with what every answer has.
fn known(faces: &Faces, request: &mut Request<Incoming>) -> Option<Response<Option<Piece>>> {
    let uri = request.uri();
    if request.method() != Method::GET || uri.query().is_some() || uri.path().len() > MAX_TARGET_BYTES {
        return None;
    }
    let did = rest(uri, IDENTIFIERS);
    if did.is_empty() {
        return None;
    }
    let media_type = offered_for_dids(request.headers())?;
    let said = faces.answers.find(&faces.domain, did, media_type, request.headers())?;
    let (id, status) = (faces.requests.name(), said.status());
    tracing::debug!(request_id = %id, face = "public", status, "answered from what is kept");
    faces.metrics.resolved(Counted::of(status));
    // The request is done with. hyper takes the room of its headers for those of the answer, and of the next one.
    let mut room = std::mem::take(request.headers_mut());
    room.clear();
    let mut response = said.response(room);
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, const { HeaderValue::from_static("nosniff") });
    if let Some(id) = id.header() {
        headers.insert(const { HeaderName::from_static("x-request-id") }, id);
    }
    Some(response)
}
