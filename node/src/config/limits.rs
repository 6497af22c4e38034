//! How often somebody may ask.

use super::LOOPBACK;
use serde::{Deserialize, Serialize};

/// Most requests a minute that a limit can let in: above it no limit is as good.
pub(super) const MOST: u32 = 1_000_000;

/// How often strangers, agents and owners may ask; each may use a minute's worth at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Requests a minute at the public listener of one address, which is an IPv4 address or 64 bits of an IPv6
    /// address; 0 is no limit.
    pub address_per_minute: u32,
    /// Presentations a minute of one agent that verify; 0 is no limit.
    pub agent_per_minute: u32,
    /// The same of one owner, whichever agents act; 0 is no limit.
    pub owner_per_minute: u32,
    /// Networks of the operator's own proxies, whose `X-Forwarded-For` says who asks.
    pub proxies: Vec<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            address_per_minute: 1_200,
            agent_per_minute: 600,
            owner_per_minute: 3_000,
            proxies: LOOPBACK.map(str::to_owned).to_vec(),
        }
    }
}
