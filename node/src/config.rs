//! Configuration in layers: defaults, system file, user file, the node's file, environment, flags.
//!
//! A later layer overrides single keys of an earlier one. A key that is not known is an error that names
//! the nearest one: a misspelt limit must not be a limit that does not hold.

mod keys;
mod layers;
mod limits;
mod live;
mod log;
mod nearest;
mod publish;
mod resolve;
pub(crate) mod startable;
mod store;
mod template;

pub use keys::{Keys, KeysBackend};
pub use layers::{Layers, Origin};
pub use limits::Limits;
pub use live::{Changed, LIVE, changed};
pub use log::{Log, LogFormat};
pub use publish::Publish;
pub use resolve::Resolve;
pub use store::{Engine, Index, Store};
pub use template::{EXAMPLE, template};

use crate::failure::{Failure, Local};
use did_resolver::keys::KeyKind;
use did_resolver::webvh::Location;
use marque_p2p::credit::Network;
use marque_rules::replica::limits::MAX_ADDRESSES;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use vc_schemas::data_model::is_url;
use vc_schemas::delegation::scope::{MAX_CAPABILITIES, Scope};
use vc_schemas::facts;

/// Longest configuration file.
pub const MAX_FILE_BYTES: usize = 64 * 1024;

/// Most addresses of peers: those of the mesh's first contact, not of the mesh.
pub const MAX_PEERS: usize = 64;

/// Most networks that are exempt: an operator's own, not a registry of them.
const MAX_NETWORKS: usize = 64;

/// Longest address, in bytes: a multiaddr with a DNS name, a port and a PeerId.
const MAX_ADDRESS_BYTES: usize = 512;

/// Where whoever is there shares the machine with this node.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// Kinds of key that a did:key issuer can have, by their names here.
const ISSUERS: [(&str, KeyKind); 3] =
    [("ed25519", KeyKind::Ed25519), ("p256", KeyKind::P256), ("p384", KeyKind::P384)];

/// The first of the four ports in a row of a node that nobody told otherwise.
const FIRST_PORT: u16 = 8640;

/// The last port with which such a row can begin.
pub const MAX_FIRST_PORT: u16 = u16::MAX - 3;

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The trust domain's name: an FQDN with a dot. Empty until `init` wrote it.
    pub domain: String,
    /// Where the node listens.
    pub listen: Listen,
    /// The mesh.
    pub mesh: Mesh,
    /// The domain's own status lists, and how old those of others may be.
    pub status: Status,
    /// Verification.
    pub verify: Verify,
    /// What others are told of whom the domain recognises.
    pub trust: Trust,
    /// What the domain publishes and issues.
    pub issue: Issue,
    /// Resolution.
    pub resolve: Resolve,
    /// What anybody may read, beside the node.
    pub publish: Publish,
    /// What is not spoken here, and may be judged by another program.
    pub interop: Interop,
    /// How often strangers, agents and owners may ask.
    pub limits: Limits,
    /// Where records are kept.
    pub store: Store,
    /// Where the domain's keys are, and key files that are made from now on.
    pub keys: Keys,
    /// The node's log.
    pub log: Log,
}

/// Where the node listens; port 0 takes a free one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// Resolution, lists, verification.
    pub public: SocketAddr,
    /// The admin API.
    pub admin: SocketAddr,
    /// Health and metrics.
    pub health: SocketAddr,
    /// The mesh: a multiaddr.
    pub p2p: String,
}

/// The mesh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mesh {
    /// Seconds between two rounds of anti-entropy, before jitter; 1 to 3,600.
    pub sync_seconds: u32,
    /// Multiaddrs of peers to dial from the start; at most [`MAX_PEERS`].
    pub peers: Vec<String>,
    /// Multiaddrs under which others reach this node, where that is not where it listens; at most
    /// [`MAX_ADDRESSES`].
    pub external: Vec<String>,
    /// More multiaddrs to listen on; with `listen.p2p`, at most [`MAX_ADDRESSES`].
    pub listen: Vec<String>,
    /// Whether members that nobody can dial may be reached through this node.
    pub relay: bool,
    /// Whether nodes on the same network are looked for by mDNS.
    pub mdns: bool,
    /// Whether members are told whose logs this node keeps up with, and asked who has a log that no peer has.
    pub hints: bool,
    /// Networks in which many nodes behind one address are no attack: a cluster's, one's own NAT's. At most
    /// [`MAX_NETWORKS`].
    pub shared_networks: Vec<String>,
}

/// Status lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// The `ttl` of the domain's own lists, in seconds; they are signed anew at half of it. 2 to 86,400.
    pub ttl_seconds: u32,
    /// How old a list may be that a verification relies on, in seconds; 1 to 86,400.
    pub max_age_seconds: u32,
}

/// Verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// How far clocks may differ, in seconds; at most 300.
    pub skew_seconds: u32,
    /// Capabilities of low assurance. A request to use one goes on where the newest status list to be had is too
    /// old, up to a day, and is confirmed by the first newer one; any other is refused. None by default.
    pub deferrable: Vec<String>,
}

/// Recognition of other domains.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// Whether other domains are told whom this one recognises, and for what. It grants nothing, and is off by
    /// default: whom a domain trusts is its own business.
    pub publish: bool,
}

/// What the domain publishes and issues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issue {
    /// Where others reach the public listener: what every URL that this node writes begins with. Empty: `https://`
    /// and the domain. What was issued before names the old one.
    pub public_url: String,
    /// The did:key issuers that the node has beside its domain, by their kinds of key: `ed25519`, `p256`,
    /// `p384`. Their keys are made at the next start. What they issue grants nothing in Marque.
    pub did_keys: Vec<String>,
}

/// Proofs over RDF canonicalisation, which another program canonicalises.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interop {
    /// The program, such as `marque-interop`, by its absolute path; empty, such proofs are refused. It
    /// gets what strangers send, and runs bounded.
    pub program: String,
    /// A file that gives the contexts which credentials may name: a JSON object from URLs to contexts.
    pub contexts: String,
}

impl Listen {
    /// Four ports in a row on loopback: public, admin, health, the mesh. At most [`MAX_FIRST_PORT`].
    #[must_use]
    pub fn on_loopback(first: u16) -> Self {
        let port = |after: u16| first.saturating_add(after);
        let local = |after| SocketAddr::from((Ipv4Addr::LOCALHOST, port(after)));
        Self {
            public: local(0),
            admin: local(1),
            health: local(2),
            p2p: format!("/ip4/127.0.0.1/tcp/{}", port(3)),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let seconds = |duration: Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
        Self {
            domain: String::new(),
            listen: Listen::on_loopback(FIRST_PORT),
            mesh: Mesh {
                sync_seconds: 30,
                peers: Vec::new(),
                external: Vec::new(),
                listen: Vec::new(),
                relay: true,
                mdns: false,
                hints: true,
                shared_networks: LOOPBACK.map(str::to_owned).to_vec(),
            },
            status: Status { ttl_seconds: 300, max_age_seconds: seconds(facts::DEFAULT_STATUS_MAX_AGE) },
            verify: Verify { skew_seconds: seconds(facts::DEFAULT_SKEW), deferrable: Vec::new() },
            trust: Trust::default(),
            issue: Issue { public_url: String::new(), did_keys: Vec::new() },
            resolve: Resolve::default(),
            publish: Publish::default(),
            interop: Interop::default(),
            limits: Limits::default(),
            store: Store::default(),
            keys: Keys::default(),
            log: Log::default(),
        }
    }
}

impl Config {
    /// Checks what types do not.
    ///
    /// # Errors
    /// [`Local::Configuration`] names the key and its bounds.
    pub fn check(&self) -> Result<(), Failure> {
        if !self.domain.is_empty() {
            check_domain(&self.domain)?;
        }
        let bounded = [
            ("mesh.sync_seconds", self.mesh.sync_seconds, 1, 3_600),
            ("status.ttl_seconds", self.status.ttl_seconds, 2, 86_400),
            ("status.max_age_seconds", self.status.max_age_seconds, 1, 86_400),
            ("verify.skew_seconds", self.verify.skew_seconds, 0, 300),
            ("limits.address_per_minute", self.limits.address_per_minute, 0, limits::MOST),
            ("limits.agent_per_minute", self.limits.agent_per_minute, 0, limits::MOST),
            ("limits.owner_per_minute", self.limits.owner_per_minute, 0, limits::MOST),
            ("resolve.deadline_seconds", self.resolve.deadline_seconds, 1, 8),
            ("resolve.cache_mib", self.resolve.cache_mib, 0, 65_536),
            ("store.postgres_connections", self.store.postgres_connections, 1, 64),
            ("keys.lead_seconds", self.keys.lead_seconds, 0, 86_400),
            ("keys.kdf_kib", self.keys.kdf_kib, 8, marque_store::keyfile::Kdf::MAX_M_KIB),
        ];
        for (key, value, least, most) in bounded {
            if !(least..=most).contains(&value) {
                return Err(refused(format!("{key} is {value}, and must be {least} to {most}")));
            }
        }
        let address = |text: &String| text.starts_with('/') && text.len() <= MAX_ADDRESS_BYTES;
        if !address(&self.listen.p2p) {
            return Err(refused("listen.p2p is not a multiaddr such as /ip4/127.0.0.1/tcp/8643"));
        }
        if self.mesh.peers.len() > MAX_PEERS || !self.mesh.peers.iter().all(address) {
            return Err(refused(format!(
                "mesh.peers is not a list of at most {MAX_PEERS} multiaddrs such as /dns4/peer.example/tcp/8643"
            )));
        }
        if self.mesh.external.len() > MAX_ADDRESSES || !self.mesh.external.iter().all(address) {
            return Err(refused(format!(
                "mesh.external is not a list of at most {MAX_ADDRESSES} multiaddrs such as \
                 /dns4/marque.acme.example/tcp/8643"
            )));
        }
        if self.mesh.listen.len() >= MAX_ADDRESSES || !self.mesh.listen.iter().all(address) {
            return Err(refused(format!(
                "mesh.listen is not a list of fewer than {MAX_ADDRESSES} multiaddrs such as /ip6/::/tcp/8643"
            )));
        }
        self.shared_networks()?;
        for (key, path) in [
            ("interop.program", &self.interop.program),
            ("interop.contexts", &self.interop.contexts),
            ("publish.folder", &self.publish.folder),
            ("publish.bucket_credentials", &self.publish.bucket_credentials),
            ("publish.bucket_roots", &self.publish.bucket_roots),
        ] {
            // No search path: what runs here is what the operator wrote.
            if !(path.is_empty() || path.starts_with('/')) {
                return Err(refused(format!("{key} is not an absolute path")));
            }
        }
        if self.interop.program.is_empty() && !self.interop.contexts.is_empty() {
            return Err(refused("interop.contexts is of no use without interop.program"));
        }
        let url = &self.issue.public_url;
        let is_base = url.starts_with("https://") || url.starts_with("http://");
        if !(url.is_empty() || is_base && is_url(url) && !url.contains(['?', '#'])) {
            return Err(refused(
                "issue.public_url is not the base of a URL, such as https://marque.acme.example",
            ));
        }
        self.proxies()?;
        self.publish.check()?;
        self.store.check()?;
        self.keys.check()?;
        self.log.filter()?;
        self.deferrable()?;
        self.issuers().map(drop)
    }

    /// The capabilities of low assurance.
    ///
    /// # Errors
    /// [`Local::Configuration`].
    pub fn deferrable(&self) -> Result<Scope, Failure> {
        let read = self.verify.deferrable.iter().map(|text| text.parse().ok()).collect::<Option<Vec<_>>>();
        read.and_then(|all| Scope::new(all).ok()).ok_or_else(|| {
            refused(format!(
                "verify.deferrable is not a list of at most {MAX_CAPABILITIES} capabilities such as calendar:read"
            ))
        })
    }

    /// The kinds of the did:key issuers.
    ///
    /// # Errors
    /// [`Local::Configuration`].
    pub fn issuers(&self) -> Result<Vec<KeyKind>, Failure> {
        let kind = |name: &String| ISSUERS.into_iter().find(|(known, _)| known == name).map(|(_, kind)| kind);
        let kinds = self.issue.did_keys.iter().map(kind).collect::<Option<Vec<_>>>();
        let once =
            |kinds: &Vec<KeyKind>| kinds.iter().all(|kind| kinds.iter().filter(|k| *k == kind).count() == 1);
        kinds.filter(once).ok_or_else(|| {
            refused("issue.did_keys is not a list of ed25519, p256 and p384, each once at most")
        })
    }

    /// The networks in which many nodes behind one address are no attack.
    ///
    /// # Errors
    /// [`Local::Configuration`].
    pub fn shared_networks(&self) -> Result<Vec<Network>, Failure> {
        networks("mesh.shared_networks", &self.mesh.shared_networks)
    }

    /// The networks of the operator's own proxies.
    ///
    /// # Errors
    /// [`Local::Configuration`].
    pub fn proxies(&self) -> Result<Vec<Network>, Failure> {
        networks("limits.proxies", &self.limits.proxies)
    }

    /// The cost of key files that are made.
    #[must_use]
    pub fn kdf(&self) -> marque_store::keyfile::Kdf {
        self.keys.kdf()
    }
}

/// Checks that `name` can be a trust domain's: what a did:webvh may have as its host.
///
/// # Errors
/// [`Local::Configuration`].
pub fn check_domain(name: &str) -> Result<(), Failure> {
    Location::new(name, None, &[]).map(drop).map_err(|_| {
        Failure::local(
            Local::Configuration,
            "the domain is not a lower-case DNS name with a dot, such as acme.example",
            "Addresses and localhost cannot name a domain; for a trial take a name under .test.",
        )
    })
}

fn networks(key: &str, texts: &[String]) -> Result<Vec<Network>, Failure> {
    let networks = texts.iter().map(|text| text.parse()).collect::<Result<Vec<_>, _>>();
    networks.ok().filter(|all| all.len() <= MAX_NETWORKS).ok_or_else(|| {
        refused(format!("{key} is not a list of at most {MAX_NETWORKS} networks such as 10.0.0.0/8"))
    })
}

fn refused(reason: impl Into<String>) -> Failure {
    Failure::local(Local::Configuration, reason, "marque config show --origin says where it comes from.")
}

#[cfg(test)]
mod tests;
