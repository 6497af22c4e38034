//! What a running node takes of a configuration that is read again, and what only its next start takes.

use super::Config;
use super::layers::values;

/// The keys that a reload takes, in order. The example says so of each of them, and of no other.
pub const LIVE: [&str; 13] = [
    "keys.lead_seconds",
    "limits.address_per_minute",
    "limits.agent_per_minute",
    "limits.owner_per_minute",
    "limits.proxies",
    "log.filter",
    "mesh.peers",
    "resolve.deadline_seconds",
    "status.max_age_seconds",
    "status.ttl_seconds",
    "trust.publish",
    "verify.deferrable",
    "verify.skew_seconds",
];

/// The keys in which one configuration differs from another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// Those that a reload takes.
    pub live: Vec<String>,
    /// Those that want a restart.
    pub fixed: Vec<String>,
}

/// Compares a configuration with one before it.
#[must_use]
pub fn changed(before: &Config, after: &Config) -> Changed {
    let (before, after) = (values(before), values(after));
    let differ = after.into_iter().filter(|(key, value)| before.get(key) != Some(value)).map(|(key, _)| key);
    let (live, fixed) = differ.partition(|key| LIVE.contains(&key.as_str()));
    Changed { live, fixed }
}
