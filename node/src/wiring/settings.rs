//! What each part is given of the configuration.

use crate::config::Config;
use crate::failure::Failure;
use crate::signing;
use marque_flows::domain::Policy;
use marque_http::door::Proxies;
use std::sync::Arc;
use std::time::Duration;

pub(super) fn policy(config: &Config) -> Result<Policy, Failure> {
    let deferrable = config.deferrable()?;
    let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds));
    Ok(Policy {
        skew: seconds(config.verify.skew_seconds),
        status_max_age: seconds(config.status.max_age_seconds),
        list_ttl: seconds(config.status.ttl_seconds),
        key_lead: seconds(config.keys.lead_seconds),
        resolve_deadline: seconds(config.resolve.deadline_seconds),
        deferrable,
        publish_recognitions: config.trust.publish,
        agent_per_minute: config.limits.agent_per_minute,
        owner_per_minute: config.limits.owner_per_minute,
    })
}

/// Which addresses are those of the operator's proxies.
pub(super) fn proxies(config: &Config) -> Result<Arc<Proxies>, Failure> {
    let networks = config.proxies()?;
    Ok(Arc::new(move |address| networks.iter().any(|network| network.contains(&address))))
}

pub(super) fn mesh_config(config: &Config, secret: [u8; 32]) -> Result<marque_p2p::Config, Failure> {
    Ok(marque_p2p::Config {
        secret,
        listen: std::iter::once(&config.listen.p2p).chain(&config.mesh.listen).cloned().collect(),
        external: config.mesh.external.clone(),
        peers: config.mesh.peers.clone(),
        shared_networks: config.shared_networks()?,
        relay: config.mesh.relay,
        mdns: config.mesh.mdns,
        hints: config.mesh.hints,
        sync_period_ms: u64::from(config.mesh.sync_seconds).saturating_mul(1_000),
        seed: u64::from_be_bytes(signing::random()?),
    })
}
