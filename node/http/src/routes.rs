//! Which path of which listener leads where, and what is said of it.

mod recognition;
mod admin;
mod open;

use crate::error::Problem;
use crate::faces::Faces;
use crate::guard::{Face, Guard, watch};
use crate::limits::REQUEST_TIMEOUT;
use crate::openapi;
use crate::operation::{JSON, Operation};
use crate::status;
use crate::table::Table;
use crate::vocabulary::Document;
use crate::work::Work;
use axum::middleware::from_fn_with_state;
use axum::{Extension, Router};
use std::sync::Arc;
use std::time::Duration;
use vc_schemas::code::Code;

/// The media type of OpenMetrics text, as it is described: an answer has parameters.
const METRICS: &[&str] = &["application/openmetrics-text"];

/// The routers of the three listeners.
#[derive(Debug, Clone)]
pub struct Routers {
    /// For anybody.
    pub public: Router,
    /// For who has the admin token.
    pub admin: Router,
    /// For who watches the node.
    pub health: Router,
    /// What is being done for those who asked at any of the three.
    pub(crate) works: [Work; 3],
}

impl Routers {
    /// Over `faces`.
    #[must_use]
    pub fn new(faces: &Arc<Faces>) -> Self {
        Self::answering_within(REQUEST_TIMEOUT, faces)
    }

    /// Over `faces`, where no answer takes longer than this.
    #[must_use]
    pub fn answering_within(patience: Duration, faces: &Arc<Faces>) -> Self {
        let document = Document::default();
        let (open, admin, health) = (open::all(), admin::all(), health());
        document.is(&openapi::document(open.listed(), admin.listed(), health.listed()));
        let works: [Work; 3] = Default::default();
        let [of_admin, of_public, of_health] = works.clone();
        let guard = |face, work| Guard::new(Arc::clone(faces), face, work, patience);
        Self {
            admin: guarded(open::all().merge(admin), &document, guard(Face::Admin, of_admin)),
            public: guarded(open, &document, guard(Face::Public, of_public)),
            health: guarded(health, &document, guard(Face::Health, of_health)),
            works,
        }
    }
}

/// Only what is described is served.
fn guarded(table: Table, document: &Document, guard: Guard) -> Router {
    let faces = Arc::clone(guard.faces());
    table
        .into_router()
        .method_not_allowed_fallback(async || {
            Problem::new(Code::MethodNotAllowed, "the path is there, and takes other methods")
        })
        .fallback(async || Problem::new(Code::NotFound, "no such path on this listener"))
        .layer(Extension(document.clone()))
        .layer(from_fn_with_state(guard, watch))
        .with_state(faces)
}

fn health() -> Table {
    let live = Operation::new("live", "Whether the process answers.").answers("Health");
    let ready = Operation::new("ready", "Whether the store takes writes and the domain's lists are fresh.");
    let ready = ready.answers("Health").gives(503, JSON, "Health");
    let metrics = Operation::new("metrics", "What is counted, as OpenMetrics text.").gives(200, METRICS, "");
    Table::of("Health")
        .get("/health/live", status::live, live)
        .get("/health/ready", status::ready, ready)
        .get("/metrics", status::metrics, metrics)
}
