//! What a replica counts, and how much it holds (MESH.md D12).

use did_resolver::codec::Sha256Digest;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Gossip that was accepted and forwarded.
    GossipAccepted,
    /// Gossip that was not forwarded.
    GossipIgnored,
    /// Gossip that was not forwarded and charged.
    GossipRejected,
    /// A pulled object that was accepted.
    SyncAccepted,
    /// A pulled object that was not taken.
    SyncIgnored,
    /// A pull that began.
    SyncRounds,
    /// A pull that did not end well.
    SyncFailed,
    /// A request of a peer that was not answered.
    SyncRefused,
    /// A hello that was not admitted.
    HelloRefused,
    /// Something published here that could not be.
    LocalRefused,
}

impl Metric {
    /// Its name in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GossipAccepted => "gossip_accepted",
            Self::GossipIgnored => "gossip_ignored",
            Self::GossipRejected => "gossip_rejected",
            Self::SyncAccepted => "sync_accepted",
            Self::SyncIgnored => "sync_ignored",
            Self::SyncRounds => "sync_rounds",
            Self::SyncFailed => "sync_failed",
            Self::SyncRefused => "sync_refused",
            Self::HelloRefused => "hello_refused",
            Self::LocalRefused => "local_refused",
        }
    }
}

/// How much there is of everything that has a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gauges {
    /// Connected peers.
    pub peers: usize,
    /// Admitted peers.
    pub admitted: usize,
    /// Hellos that wait for their verification.
    pub hellos: usize,
    /// Envelopes that wait to be judged.
    pub pending: usize,
    /// Those of them that were pulled.
    pub pending_pulled: usize,
    /// Envelopes at the judge or the store.
    pub judging: usize,
    /// Requests without an answer yet.
    pub requests: usize,
    /// Most requests to any one peer.
    pub most_pulls_of_a_peer: usize,
    /// Pulls that wait for their turn.
    pub waiting_pulls: usize,
    /// Long logs being pulled.
    pub log_pulls: usize,
    /// Items held.
    pub items: usize,
    /// Envelope ids remembered.
    pub seen: usize,
    /// Item ids remembered as settled.
    pub settled: usize,
}

/// The root of a domain's items, for metrics and tests.
pub type Root = Sha256Digest;
