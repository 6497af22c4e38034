//! Routes with what is said of each. A route can be made only with its operation, so that none is served that is
//! not described, and none described that is not served.

use crate::faces::Faces;
use crate::operation::Operation;
use axum::Router;
use axum::handler::Handler;
use axum::routing::{get, post};
use std::sync::Arc;

/// One endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    /// `get` or `post`.
    pub(crate) method: &'static str,
    /// As the router writes it.
    pub(crate) path: String,
    /// What it belongs to.
    pub(crate) group: &'static str,
    pub(crate) operation: Operation,
}

/// The endpoints of one group, or of several.
#[derive(Debug)]
pub(crate) struct Table {
    router: Router<Arc<Faces>>,
    listed: Vec<Listed>,
    group: &'static str,
}

impl Table {
    /// None yet.
    pub(crate) fn of(group: &'static str) -> Self {
        Self { router: Router::new(), listed: Vec::new(), group }
    }

    /// With one that is read.
    pub(crate) fn get<H, T>(mut self, path: &str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, Arc<Faces>>,
        T: 'static,
    {
        self.router = self.router.route(path, get(handler));
        self.list("get", path, operation)
    }

    /// With one that is posted to.
    pub(crate) fn post<H, T>(mut self, path: &str, handler: H, operation: Operation) -> Self
    where
        H: Handler<T, Arc<Faces>>,
        T: 'static,
    {
        self.router = self.router.route(path, post(handler));
        self.list("post", path, operation)
    }

    fn list(mut self, method: &'static str, path: &str, operation: Operation) -> Self {
        self.listed.push(Listed { method, path: path.to_owned(), group: self.group, operation });
        self
    }

    /// With those of another.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.listed.extend(other.listed);
        self
    }

    /// What is described.
    pub(crate) fn listed(&self) -> &[Listed] {
        &self.listed
    }

    /// What is served.
    pub(crate) fn into_router(self) -> Router<Arc<Faces>> {
        self.router
    }
}
