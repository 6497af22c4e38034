//! What a connection speaks (MESH.md D1, D3, D5, D9, D10): gossipsub behind the gate, hello, sync,
//! identify and ping, and what only members speak, under connection limits.

use crate::gate::{Arrivals, Gate};
use crate::limits::{
    CIRCUIT, CIRCUIT_BURST, CIRCUIT_BYTES, CIRCUIT_PAUSE, HELLO_TIMEOUT, MAX_CIRCUITS, MAX_CIRCUITS_PER_PEER,
    MAX_CONNECTIONS, MAX_CONNECTIONS_IN, MAX_CONNECTIONS_OUT, MAX_CONNECTIONS_PER_PEER,
    MAX_HELLOS_PER_CONNECTION, MAX_PENDING_IN, MAX_PENDING_OUT, MAX_REQUESTS_PER_CONNECTION,
    MAX_RESERVATIONS, PING_INTERVAL, RESERVATION,
};
use crate::limits::{HINT_LIFE, MAX_HINT_BYTES, MAX_HINTS_OF_A_PEER, MAX_STORED_HINTS, TABLE_TIMEOUT};
use crate::members::MembersOnly;
use crate::memory;
use crate::score::gossip;
use crate::undialled::Undialled;
use crate::wire::{self, Bounded};
use libp2p::StreamProtocol;
use libp2p::allow_block_list::{self, BlockedPeers};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::identity::Keypair;
use libp2p::kad;
use libp2p::kad::store::{MemoryStore, MemoryStoreConfig};
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{
    Multiaddr, PeerId, autonat, dcutr, identify, mdns, memory_connection_limits, ping, relay,
    request_response,
};
use marque_rules::replica::limits::REQUEST_TIMEOUT_MS;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What identify says is spoken.
const PROTOCOL_VERSION: &str = "/marque/1";

/// The table of hints.
const TABLE: StreamProtocol = StreamProtocol::new("/marque/kad/1");

/// The behaviour of a node.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    /// Refuses connections over the limits; it stands first, so that nothing else sees them.
    pub(crate) limits: connection_limits::Behaviour,
    /// Refuses connections of peers that are banned.
    pub(crate) bans: allow_block_list::Behaviour<BlockedPeers>,
    /// Refuses connections while memory is short.
    pub(crate) memory: memory_connection_limits::Behaviour,
    /// Gossip, for admitted peers.
    pub(crate) gate: Gate,
    /// `/marque/hello/1`.
    pub(crate) hello: request_response::Behaviour<Bounded>,
    /// `/marque/sync/1`.
    pub(crate) sync: request_response::Behaviour<Bounded>,
    /// Tells peers which protocols are spoken and under which address they are seen.
    pub(crate) identify: identify::Behaviour,
    /// Answers pings and sends them: what a NAT or a firewall forgets is forgotten with a silent connection.
    pub(crate) ping: ping::Behaviour,
    /// Finds nodes on the same network, where the operator wants it.
    pub(crate) nearby: Toggle<mdns::tokio::Behaviour>,
    /// What only members speak.
    pub(crate) members: MembersOnly<Members>,
}

/// What only members speak (D9).
#[derive(NetworkBehaviour)]
pub(crate) struct Members {
    /// Connects members through this node.
    pub(crate) relay: relay::Behaviour,
    /// Connections through members.
    circuits: relay::client::Behaviour,
    /// Finds a direct path for a connection through a member.
    punch: dcutr::Behaviour,
    /// Has members test whether they can dial this node, where its operator does not say so.
    probe: Toggle<autonat::v2::client::Behaviour>,
    /// Tests it for members.
    tester: autonat::v2::server::Behaviour,
    /// Hints of who holds which log.
    pub(crate) hints: Toggle<Undialled<kad::Behaviour<MemoryStore>>>,
}

impl std::fmt::Debug for Members {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Members").finish_non_exhaustive()
    }
}

impl Members {
    /// Those of the node `own`; with `probes`, it has tested whether it can be dialled; with `hints`, it takes part in
    /// the table.
    pub(crate) fn new(own: PeerId, circuits: relay::client::Behaviour, probes: bool, hints: bool) -> Self {
        Self {
            relay: relay::Behaviour::new(own, relaying()),
            circuits,
            punch: dcutr::Behaviour::new(own),
            probe: Toggle::from(probes.then(autonat::v2::client::Behaviour::default)),
            tester: autonat::v2::server::Behaviour::default(),
            hints: Toggle::from(hints.then(|| Undialled::new(table(own)))),
        }
    }
}

/// The table of hints, D8: nothing enters it by itself, neither peers nor records.
fn table(own: PeerId) -> kad::Behaviour<MemoryStore> {
    let mut config = kad::Config::new(TABLE);
    config
        .set_query_timeout(TABLE_TIMEOUT)
        .disjoint_query_paths(true)
        .set_record_ttl(Some(HINT_LIFE))
        .set_record_filtering(kad::StoreInserts::FilterBoth)
        .set_replication_interval(None)
        .set_publication_interval(None)
        .set_provider_publication_interval(None)
        .set_kbucket_inserts(kad::BucketInserts::Manual)
        .set_caching(kad::Caching::Disabled)
        .set_periodic_bootstrap_interval(None);
    let bounds = MemoryStoreConfig {
        // The node's own beside those that it keeps for others, which are counted elsewhere.
        max_records: MAX_STORED_HINTS + MAX_HINTS_OF_A_PEER,
        max_value_bytes: MAX_HINT_BYTES,
        max_providers_per_key: 0,
        max_provided_keys: 0,
    };
    let mut table = kad::Behaviour::with_config(own, MemoryStore::with_config(own, bounds), config);
    table.set_mode(Some(kad::Mode::Server));
    table
}

/// Bounds of what is relayed. That whoever asks is a member has been seen to.
fn relaying() -> relay::Config {
    let mut config = relay::Config {
        // Counted by `places`: libp2p would refuse to renew a place while all are taken.
        max_reservations: MAX_CONNECTIONS as usize,
        max_reservations_per_peer: MAX_CONNECTIONS_PER_PEER as usize,
        reservation_duration: RESERVATION,
        reservation_rate_limiters: Vec::new(),
        max_circuits: MAX_CIRCUITS,
        // One more is let through than this says.
        max_circuits_per_peer: MAX_CIRCUITS_PER_PEER - 1,
        max_circuit_duration: CIRCUIT,
        max_circuit_bytes: CIRCUIT_BYTES,
        circuit_src_rate_limiters: Vec::new(),
    };
    config.reservation_rate_limiters.push(Box::new(places()));
    config.circuit_src_per_peer(CIRCUIT_BURST, CIRCUIT_PAUSE)
}

/// The places at this node: who has one keeps it as long as it is renewed, others get one while there is one.
fn places() -> impl FnMut(PeerId, &Multiaddr, Instant) -> bool {
    let mut held: BTreeMap<PeerId, Instant> = BTreeMap::new();
    move |peer, _, now| {
        held.retain(|_, since| now.saturating_duration_since(*since) < RESERVATION);
        let has_place = held.contains_key(&peer) || held.len() < MAX_RESERVATIONS;
        if has_place {
            held.insert(peer, now);
        }
        has_place
    }
}

impl std::fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Behaviour").field("gate", &self.gate).finish_non_exhaustive()
    }
}

impl Behaviour {
    /// The behaviour of the node with this key, whose gossip is counted on `arrivals`.
    ///
    /// # Errors
    /// Where mDNS is wanted and cannot be had, or gossipsub does not take its parameters.
    pub(crate) fn new(
        key: &Keypair,
        arrivals: Arrivals,
        members: Members,
        mdns: bool,
    ) -> Result<Self, String> {
        let exchange = |timeout, requests| {
            request_response::Config::default()
                .with_request_timeout(timeout)
                .with_max_concurrent_streams(requests)
        };
        let full = request_response::ProtocolSupport::Full;
        let sync_timeout = Duration::from_millis(REQUEST_TIMEOUT_MS);
        let found =
            mdns.then(|| mdns::tokio::Behaviour::new(mdns::Config::default(), key.public().to_peer_id()));
        let nearby = found.transpose().map_err(|e| format!("mDNS: {e}"))?;
        let identify = identify::Config::new(PROTOCOL_VERSION.to_owned(), key.public());
        Ok(Self {
            limits: connection_limits::Behaviour::new(connection_limits()),
            bans: allow_block_list::Behaviour::default(),
            memory: memory::limit(),
            gate: Gate::new(gossip(key, arrivals)?),
            hello: request_response::Behaviour::with_codec(
                Bounded::HELLO,
                [(wire::HELLO, full.clone())],
                exchange(HELLO_TIMEOUT, MAX_HELLOS_PER_CONNECTION),
            ),
            sync: request_response::Behaviour::with_codec(
                Bounded::SYNC,
                [(wire::SYNC, full)],
                exchange(sync_timeout, MAX_REQUESTS_PER_CONNECTION),
            ),
            identify: identify::Behaviour::new(identify),
            ping: ping::Behaviour::new(ping::Config::new().with_interval(PING_INTERVAL)),
            nearby: Toggle::from(nearby),
            members: MembersOnly::new(members),
        })
    }
}

fn connection_limits() -> ConnectionLimits {
    ConnectionLimits::default()
        .with_max_established(Some(MAX_CONNECTIONS))
        .with_max_established_incoming(Some(MAX_CONNECTIONS_IN))
        .with_max_established_outgoing(Some(MAX_CONNECTIONS_OUT))
        .with_max_established_per_peer(Some(MAX_CONNECTIONS_PER_PEER))
        .with_max_pending_incoming(Some(MAX_PENDING_IN))
        .with_max_pending_outgoing(Some(MAX_PENDING_OUT))
}

#[cfg(test)]
mod tests;
