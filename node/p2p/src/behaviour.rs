//! What a connection speaks (MESH.md D1, D3, D5, D10): gossipsub behind the gate, hello, sync,
//! identify and ping, under connection limits.

use crate::gate::{Arrivals, Gate};
use crate::limits::{
    HELLO_TIMEOUT, MAX_CONNECTIONS, MAX_CONNECTIONS_IN, MAX_CONNECTIONS_OUT, MAX_CONNECTIONS_PER_PEER,
    MAX_HELLOS_PER_CONNECTION, MAX_PENDING_IN, MAX_PENDING_OUT, MAX_REQUESTS_PER_CONNECTION, PING_INTERVAL,
};
use crate::memory;
use crate::score::gossip;
use crate::wire::{self, Bounded};
use libp2p::allow_block_list::{self, BlockedPeers};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::identity::Keypair;
use libp2p::swarm::NetworkBehaviour;
use libp2p::{identify, memory_connection_limits, ping, request_response};
use marque_rules::replica::limits::REQUEST_TIMEOUT_MS;
use std::time::Duration;

/// What identify says is spoken.
const PROTOCOL_VERSION: &str = "/marque/1";

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
    /// Where gossipsub does not take its parameters, which no input can bring about.
    pub(crate) fn new(key: &Keypair, arrivals: Arrivals) -> Result<Self, String> {
        let exchange = |timeout, requests| {
            request_response::Config::default()
                .with_request_timeout(timeout)
                .with_max_concurrent_streams(requests)
        };
        let full = request_response::ProtocolSupport::Full;
        let sync_timeout = Duration::from_millis(REQUEST_TIMEOUT_MS);
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
