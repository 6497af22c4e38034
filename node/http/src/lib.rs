//! Every HTTP face of a node: handlers parse at the edge, call one flow, and map its answer.

pub mod limits;
pub mod error;
mod target;
mod body;
pub mod auth;
mod media;
pub mod metrics;
pub mod faces;
mod resolver;
mod logs;
mod verifier;
mod bundles;
mod vcapi;
mod import;
mod contested;
mod registry;
mod issuer;
mod nodes;
mod events;
mod peers;
mod trust;
mod admin;
mod status;
mod vocabulary;
mod guard;
mod operation;
mod table;
mod openapi;
pub mod routes;
pub mod serve;

pub use auth::AdminToken;
pub use faces::{Faces, NodeInfo, RequestIds, Watchers};
pub use metrics::Metrics;
pub use serve::{Listeners, serve};
