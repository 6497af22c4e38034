//! What a connection speaks (MESH.md D1, D3, D5, D10): gossipsub behind the gate, hello, sync,
//! identify and ping, under connection limits.

use crate::gate::{Arrivals, Gate, Gossip, Topics};
use crate::limits::{
    HEARTBEAT, HELLO_TIMEOUT, MAX_CONNECTIONS, MAX_CONNECTIONS_IN, MAX_CONNECTIONS_OUT,
    MAX_CONNECTIONS_PER_PEER, MAX_HELLOS_PER_CONNECTION, MAX_PENDING_IN, MAX_PENDING_OUT,
    MAX_REQUESTS_PER_CONNECTION, PING_INTERVAL,
};
use crate::wire::{self, Bounded};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::gossipsub::{
    ConfigBuilder, IdentTopic, MessageAuthenticity, MessageId, PeerScoreParams, PeerScoreThresholds,
    TopicScoreParams, ValidationMode, score_parameter_decay,
};
use libp2p::identity::Keypair;
use libp2p::swarm::NetworkBehaviour;
use libp2p::{identify, ping, request_response};
use marque_rules::replica::Lane;
use marque_rules::replica::limits::{MAX_GOSSIP_BYTES, REQUEST_TIMEOUT_MS};
use std::time::Duration;

/// What identify says is spoken.
const PROTOCOL_VERSION: &str = "/marque/1";

/// How fast P2, P4 and P7 are forgotten (D5).
const DECAY: Duration = Duration::from_secs(3_600);

/// P5 of an admitted peer whose domain is small enough for a full mesh (D5).
pub(crate) const EXPLICIT_SCORE: f64 = 100.0;

/// The behaviour of a node.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    /// Refuses connections over the limits; it stands first, so that nothing else sees them.
    pub(crate) limits: connection_limits::Behaviour,
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

/// Gossipsub with the start values of D5. The message id is the digest of the whole data: an id over
/// a part of it would let one message hide another.
fn gossip(key: &Keypair, arrivals: Arrivals) -> Result<Gossip, String> {
    let config = ConfigBuilder::default()
        .validation_mode(ValidationMode::Strict)
        .validate_messages()
        .message_id_fn(|message| MessageId::from(did_resolver::codec::sha256(&message.data).to_vec()))
        .max_transmit_size(MAX_GOSSIP_BYTES)
        .mesh_n(8)
        .mesh_n_low(6)
        .mesh_n_high(12)
        .mesh_outbound_min(3)
        .gossip_lazy(12)
        .gossip_factor(0.25)
        .heartbeat_interval(HEARTBEAT)
        .history_length(10)
        .history_gossip(5)
        .flood_publish(true)
        .duplicate_cache_time(Duration::from_secs(120))
        .prune_backoff(Duration::from_secs(60))
        .build()
        .map_err(|e| e.to_string())?;
    let signed = MessageAuthenticity::Signed(key.clone());
    let mut gossip =
        Gossip::new_with_subscription_filter_and_transform(signed, config, Topics::bounded(), arrivals)?;
    gossip.with_peer_score(score(), thresholds())?;
    Ok(gossip)
}

/// P6 is off: nodes of one cluster, or behind one address, are no attack, and rust-libp2p can exempt
/// single addresses only. Admission is what a second identity costs.
fn score() -> PeerScoreParams {
    PeerScoreParams {
        topic_score_cap: 100.0,
        app_specific_weight: 1.0,
        ip_colocation_factor_weight: 0.0,
        behaviour_penalty_weight: -10.0,
        behaviour_penalty_threshold: 6.0,
        behaviour_penalty_decay: score_parameter_decay(DECAY),
        decay_to_zero: 0.01,
        retain_score: Duration::from_secs(6 * 3_600),
        ..PeerScoreParams::default()
    }
}

const fn thresholds() -> PeerScoreThresholds {
    PeerScoreThresholds {
        gossip_threshold: -500.0,
        publish_threshold: -1_000.0,
        graylist_threshold: -2_500.0,
        accept_px_threshold: 1_000.0,
        opportunistic_graft_threshold: 3.5,
    }
}

/// P3 and P3b are off: traffic is too low to expect any. Three messages that P4 charges are enough
/// for the graylist.
fn topic_score(lane: Lane) -> TopicScoreParams {
    TopicScoreParams {
        topic_weight: if lane == Lane::Ctl { 1.0 } else { 0.5 },
        time_in_mesh_weight: 0.000_27,
        time_in_mesh_quantum: Duration::from_secs(1),
        time_in_mesh_cap: 1.0,
        first_message_deliveries_weight: 5.0,
        first_message_deliveries_decay: score_parameter_decay(DECAY),
        first_message_deliveries_cap: 25.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: -1_000.0,
        invalid_message_deliveries_decay: score_parameter_decay(DECAY),
        ..TopicScoreParams::default()
    }
}

/// The parameters of a topic, by how its name ends.
#[must_use]
pub(crate) fn topic_params(topic: &IdentTopic) -> TopicScoreParams {
    let name = topic.hash().into_string();
    let lane = Lane::ALL.into_iter().find(|lane| name.rsplit('/').next() == Some(lane.as_str()));
    topic_score(lane.unwrap_or(Lane::Did))
}
