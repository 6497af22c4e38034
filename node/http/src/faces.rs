//! What every handler has: the domain, what is known of the node, and the counters.

use crate::answers::Answers;
use crate::auth::AdminToken;
use crate::door::Door;
use crate::limits::MAX_WATCHERS;
use crate::metrics::Metrics;
use did_resolver::codec;
use marque_flows::domain::Domain;
use prometheus_client::registry::Registry;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::Semaphore;

/// What a node says of itself, beside what its domain knows.
#[derive(Debug, Clone)]
pub struct NodeInfo {
    /// The program's version.
    pub version: &'static str,
    /// Its libp2p PeerId, as text.
    pub peer_id: String,
    /// Its addresses as `{"public": ..., "admin": ..., "health": ..., "p2p": [...]}`.
    pub listeners: Value,
    /// The multiaddrs, each with the PeerId at its end, that stand in the tokens it gives out.
    pub addresses: Vec<String>,
}

/// What the three faces share.
#[derive(Debug)]
pub struct Faces {
    /// The domain.
    pub domain: Arc<Domain>,
    /// The node.
    pub info: NodeInfo,
    /// What the admin listener asks for.
    pub admin_token: AdminToken,
    /// How often each address may ask.
    pub door: Arc<Door>,
    /// What `/metrics` shows, complete.
    pub registry: Registry,
    /// The faces' own counters, a part of `registry`.
    pub metrics: Metrics,
    /// Names of requests.
    pub requests: RequestIds,
    /// Places for those who watch what happens.
    pub watchers: Watchers,
    /// Whether the node stops, and wants no more requests.
    pub stopping: Stopping,
    /// Answers about DIDs that are kept.
    pub answers: Answers,
}

/// Whether the node stops.
#[derive(Debug, Default)]
pub struct Stopping(AtomicBool);

impl Stopping {
    pub(crate) fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Names requests: a name of this run and a number.
#[derive(Debug)]
pub struct RequestIds {
    run: String,
    next: AtomicU64,
}

/// Places for those who watch what happens.
#[derive(Debug, Clone)]
pub struct Watchers(pub(crate) Arc<Semaphore>);

impl Default for Watchers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_WATCHERS)))
    }
}

impl RequestIds {
    /// `run` differs from run to run, so that two runs' logs can lie in one place. It is no secret.
    #[must_use]
    pub fn new(run: [u8; 6]) -> Self {
        Self { run: codec::to_hex(&run), next: AtomicU64::new(1) }
    }

    pub(crate) fn name(&self) -> String {
        format!("{}-{}", self.run, self.next.fetch_add(1, Ordering::Relaxed))
    }
}
