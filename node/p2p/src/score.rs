//! Gossipsub's parameters and scores (MESH.md D5). What gossipsub charges by itself is P1, P2, P4 and
//! P7; what this node knows of a peer, P5 and P6, is reckoned elsewhere.
//!
//! The figures are those of Lotus where nothing else is said. A score is a sum, so what one term may
//! give is weighed against what another takes: all that a peer can earn, [`TOPIC_SCORE_CAP`] and
//! [`KNOWN`], is less than one bad message on `ctl` costs.

use crate::gate::{Arrivals, Gossip, Topics};
use libp2p::gossipsub::{
    ConfigBuilder, IdentTopic, MessageAuthenticity, MessageId, PeerScoreParams, PeerScoreThresholds,
    TopicScoreParams, ValidationMode, score_parameter_decay,
};
use libp2p::identity::Keypair;
use marque_rules::replica::Lane;
use marque_rules::replica::limits::MAX_GOSSIP_BYTES;
use std::time::Duration;

/// Peers that a topic's mesh aims at.
const MESH: usize = 8;

/// Fewer than these, and others are grafted.
const MESH_LOW: usize = 6;

/// More than these, and some are pruned.
pub(crate) const MESH_HIGH: usize = 12;

/// Of these, peers that this node dialled: whoever dials us chose us, whom we dial we chose.
const MESH_OUTBOUND: usize = 3;

/// Peers outside the mesh that hear in every heartbeat what there is.
const LAZY: usize = 12;

/// Or this part of all of them, where that is more.
const LAZY_PART: f64 = 0.25;

/// Heartbeat of gossipsub (D5: 700 ms to 1 s).
const HEARTBEAT: Duration = Duration::from_millis(700);

/// Heartbeats for which a message can be asked for.
const HISTORY: usize = 10;

/// Heartbeats in which it is announced.
const HISTORY_ANNOUNCED: usize = 5;

/// How long an id is remembered, so that what comes again is dropped: the expiry of an envelope in
/// gossip is minutes, and the state machine remembers what it handled besides.
const DUPLICATES: Duration = Duration::from_secs(120);

/// How long a peer that was pruned is not grafted again.
const PRUNE_BACKOFF: Duration = Duration::from_secs(60);

/// How fast P2, P4 and P7 are forgotten: to a hundredth within an hour, in which somebody has looked.
const DECAY: Duration = Duration::from_secs(3_600);

/// Below it, no gossip is exchanged with a peer.
pub(crate) const GOSSIP_THRESHOLD: f64 = -500.0;

/// Below it, nothing of our own is published to it.
pub(crate) const PUBLISH_THRESHOLD: f64 = -1_000.0;

/// Below it, nothing of it is looked at. Three bad messages on any topic come to −4,500 or −9,000.
pub(crate) const GRAYLIST_THRESHOLD: f64 = -2_500.0;

/// Peer exchange is off, and no peer comes to this.
const PX_THRESHOLD: f64 = 1_000.0;

/// A mesh whose median is below it is improved.
const GRAFT_THRESHOLD: f64 = 3.5;

/// All that topics can give together: good deeds on one never hide bad ones on another, which was the
/// fault of CVE-2022-47547.
pub(crate) const TOPIC_SCORE_CAP: f64 = 100.0;

/// What `ctl` counts, which carries emergencies.
const CTL_WEIGHT: f64 = 1.0;

/// What the other topics count.
const TOPIC_WEIGHT: f64 = 0.5;

/// P1, a second in the mesh, up to its cap: a tie-break, no more.
const P1_WEIGHT: f64 = 0.000_27;
const P1_CAP: f64 = 1.0;

/// P2, a message that this peer was the first to bring.
const P2_WEIGHT: f64 = 5.0;
const P2_CAP: f64 = 25.0;

/// P3 and P3b, messages that were expected and did not come, are off: traffic is low, domains are small
/// and links are not alike, so an honest peer may bring nothing for hours.
const P3_WEIGHT: f64 = 0.0;

/// P4, for the square of the messages that no honest peer forwards.
const P4_WEIGHT: f64 = -1_000.0;

/// P5, for a peer in the full mesh, and for one that the configuration names.
pub(crate) const KNOWN: f64 = 100.0;

/// P7, for the square of what breaks the protocol (grafts within the backoff, announcements without a
/// message) beyond its threshold. Some of it happens to honest peers whose messages cross.
const P7_WEIGHT: f64 = -10.0;
const P7_THRESHOLD: f64 = 6.0;

/// A counter below it is none.
const DECAY_TO_ZERO: f64 = 0.01;

/// How long the score of a peer that went is kept, so that going away makes nobody good.
const RETAIN: Duration = Duration::from_secs(6 * 3_600);

/// Gossipsub for the node with this key. The message id is the digest of the whole data: an id over a
/// part of it would let one message hide another. Peer exchange stays off, which is the default.
///
/// # Errors
/// Where gossipsub does not take its parameters, which no input can bring about.
pub(crate) fn gossip(key: &Keypair, arrivals: Arrivals) -> Result<Gossip, String> {
    let config = ConfigBuilder::default()
        .validation_mode(ValidationMode::Strict)
        .validate_messages()
        .message_id_fn(|message| MessageId::from(did_resolver::codec::sha256(&message.data).to_vec()))
        .max_transmit_size(MAX_GOSSIP_BYTES)
        .mesh_n(MESH)
        .mesh_n_low(MESH_LOW)
        .mesh_n_high(MESH_HIGH)
        .mesh_outbound_min(MESH_OUTBOUND)
        .gossip_lazy(LAZY)
        .gossip_factor(LAZY_PART)
        .heartbeat_interval(HEARTBEAT)
        .history_length(HISTORY)
        .history_gossip(HISTORY_ANNOUNCED)
        .flood_publish(true)
        .duplicate_cache_time(DUPLICATES)
        .prune_backoff(PRUNE_BACKOFF)
        .build()
        .map_err(|e| e.to_string())?;
    let signed = MessageAuthenticity::Signed(key.clone());
    let mut gossip =
        Gossip::new_with_subscription_filter_and_transform(signed, config, Topics::bounded(), arrivals)?;
    gossip.with_peer_score(score(), THRESHOLDS)?;
    Ok(gossip)
}

/// P6 has no weight here: gossipsub knows single addresses only, and counts who is gone.
fn score() -> PeerScoreParams {
    PeerScoreParams {
        topic_score_cap: TOPIC_SCORE_CAP,
        app_specific_weight: 1.0,
        ip_colocation_factor_weight: 0.0,
        behaviour_penalty_weight: P7_WEIGHT,
        behaviour_penalty_threshold: P7_THRESHOLD,
        behaviour_penalty_decay: score_parameter_decay(DECAY),
        decay_to_zero: DECAY_TO_ZERO,
        retain_score: RETAIN,
        ..PeerScoreParams::default()
    }
}

const THRESHOLDS: PeerScoreThresholds = PeerScoreThresholds {
    gossip_threshold: GOSSIP_THRESHOLD,
    publish_threshold: PUBLISH_THRESHOLD,
    graylist_threshold: GRAYLIST_THRESHOLD,
    accept_px_threshold: PX_THRESHOLD,
    opportunistic_graft_threshold: GRAFT_THRESHOLD,
};

/// The parameters of a topic, by how its name ends.
#[must_use]
pub(crate) fn topic_params(topic: &IdentTopic) -> TopicScoreParams {
    let name = topic.hash().into_string();
    let ctl = name.rsplit('/').next() == Some(Lane::Ctl.as_str());
    TopicScoreParams {
        topic_weight: if ctl { CTL_WEIGHT } else { TOPIC_WEIGHT },
        time_in_mesh_weight: P1_WEIGHT,
        time_in_mesh_quantum: Duration::from_secs(1),
        time_in_mesh_cap: P1_CAP,
        first_message_deliveries_weight: P2_WEIGHT,
        first_message_deliveries_decay: score_parameter_decay(DECAY),
        first_message_deliveries_cap: P2_CAP,
        mesh_message_deliveries_weight: P3_WEIGHT,
        mesh_failure_penalty_weight: P3_WEIGHT,
        invalid_message_deliveries_weight: P4_WEIGHT,
        invalid_message_deliveries_decay: score_parameter_decay(DECAY),
        ..TopicScoreParams::default()
    }
}

#[cfg(test)]
mod tests;
