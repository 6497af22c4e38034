//! Looking up DIDs and lists.

use serde::{Deserialize, Serialize};

/// Resolution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// How long it may take, everybody who is asked together, in seconds; 1 to 8, for a verification may
    /// resolve three times within the 30 seconds of a request.
    pub deadline_seconds: u32,
    /// Whether the host that a DID names is asked where neither this node nor its peers know, and that of a
    /// status list where they have none that is new enough. Whoever asks this node chooses that host, and the
    /// host learns who looks it up.
    pub web: bool,
    /// Room for answers that are kept, in MiB; 0 to 65,536. A usual one takes 2 KiB.
    pub cache_mib: u32,
}

impl Default for Resolve {
    fn default() -> Self {
        Self { deadline_seconds: 5, web: false, cache_mib: 64 }
    }
}
