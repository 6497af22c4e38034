//! Which path of which listener leads where.

use crate::error::Problem;
use crate::faces::Faces;
use crate::guard::{Face, Guard, watch};
use crate::resolver::IDENTIFIERS;
use crate::{
    admin, bundles, contested, events, import, issuer, logs, nodes, peers, registry, resolver, status, trust,
    vcapi, verifier, vocabulary,
};
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use std::sync::Arc;
use vc_schemas::code::Code;

type Routes = Router<Arc<Faces>>;

/// The routers of the three listeners.
#[derive(Debug, Clone)]
pub struct Routers {
    /// For anybody.
    pub public: Router,
    /// For who has the admin token.
    pub admin: Router,
    /// For who watches the node.
    pub health: Router,
}

impl Routers {
    /// Over `faces`.
    #[must_use]
    pub fn new(faces: &Arc<Faces>) -> Self {
        Self {
            public: guarded(open(), faces, Face::Public),
            admin: guarded(
                open().merge(members()).merge(credentials()).merge(vc_api()).merge(node()),
                faces,
                Face::Admin,
            ),
            health: guarded(health(), faces, Face::Health),
        }
    }
}

fn guarded(routes: Routes, faces: &Arc<Faces>, face: Face) -> Router {
    let guard = Guard::new(Arc::clone(faces), face);
    routes
        .method_not_allowed_fallback(async || {
            Problem::new(Code::MethodNotAllowed, "the path is there, and takes other methods")
        })
        .fallback(async || Problem::new(Code::NotFound, "no such path on this listener"))
        .layer(from_fn_with_state(guard, watch))
        .with_state(Arc::clone(faces))
}

fn open() -> Routes {
    Router::new()
        .route(&format!("{IDENTIFIERS}{{*did}}"), get(resolver::resolve).post(resolver::resolve_with))
        .route("/.well-known/did.jsonl", get(logs::domain_log))
        .route("/owners/{name}/did.jsonl", get(logs::owner_log))
        .route("/agents/{name}/did.jsonl", get(logs::agent_log))
        .route("/.well-known/did.json", get(logs::domain_document))
        .route("/owners/{name}/did.json", get(logs::owner_document))
        .route("/agents/{name}/did.json", get(logs::agent_document))
        .route("/.well-known/did-witness.json", get(logs::domain_witness))
        .route("/owners/{name}/did-witness.json", get(logs::owner_witness))
        .route("/agents/{name}/did-witness.json", get(logs::agent_witness))
        .route("/status/revocation", get(status::list))
        .route("/status/suspension", get(status::list))
        .route("/status/revocation/{number}", get(status::list))
        .route("/status/suspension/{number}", get(status::list))
        .route("/status/aggregation", get(status::aggregation))
        .route("/v1/nonces", post(verifier::nonce))
        .route("/v1/verify", post(verifier::verify))
        .route("/v1/schemas", get(vocabulary::schemas))
        .route("/v1/schemas/{type}", get(vocabulary::schema))
        .route("/v1/context", get(vocabulary::context))
}

fn members() -> Routes {
    let mut routes = Router::new();
    for base in ["/v1/owners", "/v1/agents"] {
        routes = routes
            .route(base, get(registry::list).post(registry::register))
            .route(&format!("{base}/{{name}}"), get(registry::show))
            .route(&format!("{base}/{{name}}/credential"), get(registry::credential))
            .route(&format!("{base}/{{name}}/log"), post(registry::update_log))
            .route(&format!("{base}/{{name}}/suspend"), post(registry::change))
            .route(&format!("{base}/{{name}}/resume"), post(registry::change))
            .route(&format!("{base}/{{name}}/revoke"), post(registry::change));
    }
    routes
}

fn credentials() -> Routes {
    Router::new()
        .route("/v1/indices", post(issuer::reserve))
        .route("/v1/links", post(issuer::register))
        .route("/v1/approvals", post(issuer::register_approval))
        .route("/v1/credentials", get(issuer::list))
        .route("/v1/credentials/{id}", get(issuer::show))
        .route("/v1/credentials/{id}/suspend", post(issuer::change))
        .route("/v1/credentials/{id}/resume", post(issuer::change))
        .route("/v1/credentials/{id}/revoke", post(issuer::change))
}

/// By the names that the VC-API gives them.
fn vc_api() -> Routes {
    Router::new()
        .route("/credentials/issue", post(vcapi::issue))
        .route("/credentials/status", post(vcapi::set_status))
        .route("/credentials/derive", post(vcapi::derive))
        .route("/credentials/verify", post(vcapi::verify_credential))
        .route("/presentations/verify", post(vcapi::verify_presentation))
}

fn node() -> Routes {
    Router::new()
        .route("/v1/node", get(admin::node))
        .route("/v1/decisions", get(admin::decisions))
        .route("/v1/names/{name}", get(resolver::name))
        .route("/v1/bundles", post(bundles::export))
        .route("/v1/contested", get(contested::list))
        .route("/v1/contested/{did}", get(contested::show))
        .route("/v1/contested/{did}/settle", post(contested::settle))
        .route("/v1/invites", post(peers::invite))
        .route("/v1/memberships/revoke", post(peers::revoke_memberships))
        .route("/v1/peers", get(peers::list).post(peers::join))
        .route("/v1/peers/{peer}", get(nodes::show))
        .route("/v1/peers/{peer}/ban", post(nodes::ban))
        .route("/v1/peers/{peer}/unban", post(nodes::unban))
        .route("/v1/events", get(events::events))
        .route("/v1/webvh/import", post(import::import))
        .route("/v1/trust", get(trust::list).post(trust::add))
        .route("/v1/trust/{did}", get(trust::show))
        .route("/v1/trust/{did}/credential", get(trust::credential))
        .route("/v1/trust/{did}/suspend", post(trust::act))
        .route("/v1/trust/{did}/resume", post(trust::act))
        .route("/v1/trust/{did}/remove", post(trust::act))
}

fn health() -> Routes {
    Router::new()
        .route("/health/live", get(status::live))
        .route("/health/ready", get(status::ready))
        .route("/metrics", get(status::metrics))
}
