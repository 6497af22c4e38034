//! What the mesh did or refused, as it happens, for whoever watches.

use did_resolver::time::UnixSeconds;
use marque_rules::replica::state::{About, Via};
use marque_rules::replica::{Refusal, Scid};
use std::sync::Arc;
use tokio::sync::broadcast;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Something that a peer brought is held now.
    Stored,
    /// Something that a peer brought was not taken.
    Refused,
    /// Something of this node was published.
    Published,
    /// A peer was admitted.
    Admitted,
    /// A peer was not admitted.
    NotAdmitted,
    /// A peer did not admit this node.
    RefusedByPeer,
    /// The connections of a peer were closed here.
    Dropped,
    /// A peer was banned.
    Banned,
    /// A ban ended.
    Unbanned,
}

impl What {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Refused => "refused",
            Self::Published => "published",
            Self::Admitted => "admitted",
            Self::NotAdmitted => "not-admitted",
            Self::RefusedByPeer => "refused-by-peer",
            Self::Dropped => "dropped",
            Self::Banned => "banned",
            Self::Unbanned => "unbanned",
        }
    }
}

/// Something that the mesh did or refused, for whoever watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeshEvent {
    /// When.
    pub at: UnixSeconds,
    /// What.
    pub what: What,
    /// With which peer, by its PeerId as text.
    pub peer: Option<String>,
    /// Of which domain.
    pub domain: Option<Scid>,
    /// How it came.
    pub via: Option<Via>,
    /// About what it was, where that was readable.
    pub about: Option<About>,
    /// Why not.
    pub reason: Option<Refusal>,
}

/// Events from now on. Whoever reads too slowly misses some, and is told how many.
pub type Events = broadcast::Receiver<Arc<MeshEvent>>;
