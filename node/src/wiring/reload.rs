//! The configuration read again while the node runs: all of it is read and checked before any of it holds, and a bad one
//! changes nothing.

use super::high_water::HighWater;
use super::settings::{policy, proxies};
use crate::config::{Config, changed};
use crate::failure::{Failure, Local};
use crate::telemetry::{self, Logging};
use marque_flows::domain::Domain;
use marque_http::Door;
use marque_p2p::Handle;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;

/// How the configuration is read again.
pub struct Again {
    /// Reads all layers as they are now.
    pub read: Box<dyn Fn() -> Result<Config, Failure> + Send + Sync>,
    /// The log of this process.
    pub log: Logging,
}

impl fmt::Debug for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Again").finish_non_exhaustive()
    }
}

/// Whether the configuration of the files is the one in use, for who watches.
#[derive(Debug, Clone)]
pub(super) struct Current(Gauge);

impl Current {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let gauge = Gauge::default();
        gauge.set(1);
        let help = "1 where the configuration was taken when it was last read, 0 where it was refused";
        registry.register("config_current", help, gauge.clone());
        Self(gauge)
    }
}

/// What a reload reaches.
pub(super) struct Reload {
    pub(super) again: Option<Again>,
    /// What the node was started with: what is not taken by a reload is still so.
    pub(super) started: Config,
    /// What was taken last.
    pub(super) taken: Config,
    pub(super) domain: Arc<Domain>,
    pub(super) high_water: Arc<HighWater>,
    pub(super) mesh: Handle,
    pub(super) door: Arc<Door>,
    pub(super) current: Current,
}

impl Reload {
    /// Reads the configuration again, and goes by what of it can change.
    pub(super) async fn run(&mut self) {
        match self.take().await {
            Ok(()) => drop(self.current.0.set(1)),
            Err(Failure { reason, action, .. }) => {
                self.current.0.set(0);
                tracing::error!(reason, action, "the configuration was not taken: everything is as it was");
            }
        }
    }

    async fn take(&mut self) -> Result<(), Failure> {
        let Some(again) = &self.again else {
            return Err(Failure::local(Local::Configuration, "it was not read from files", ""));
        };
        let config = (again.read)()?;
        // Its next start would refuse it.
        config.check_startable()?;
        config.check_domain_is(&self.started.domain)?;
        let filter = telemetry::filter(&config.log)?;
        let policy = policy(&config)?;
        let proxies = proxies(&config)?;
        let peers = marque_p2p::peers::read(&config.mesh.peers).map_err(|address| {
            Failure::local(Local::Configuration, format!("mesh.peers: {address} is no multiaddr"), "")
        })?;
        // From here on nothing is refused.
        again.log.filter(filter);
        self.high_water.tolerate(policy.skew);
        self.domain.adopt(policy);
        self.door.set(config.limits.address_per_minute, proxies);
        if let Err(error) = self.mesh.configure(peers).await {
            tracing::warn!(%error, "the mesh has ended");
        }
        let fixed = changed(&self.started, &config).fixed;
        if !fixed.is_empty() {
            tracing::warn!(keys = fixed.join(", "), "a restart is wanted for what cannot change before");
        }
        let live = changed(&self.taken, &config).live;
        let keys = if live.is_empty() { "none has changed".to_owned() } else { live.join(", ") };
        tracing::info!(keys, "the configuration was read again");
        self.taken = config;
        Ok(())
    }
}
