//! Joins under way: tokens that are shown to the peers at their addresses.

use super::Driver;
use crate::limits::MAX_JOINS;
use crate::peers::split;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId};
use marque_flows::ports::mesh::{Joined, MeshError};
use marque_rules::replica::limits::MAX_ADDRESSES;
use marque_rules::replica::token::JoinToken;
use marque_rules::replica::{Refusal, Scid};
use std::collections::BTreeMap;
use tokio::sync::oneshot;

type Reply = oneshot::Sender<Result<Joined, MeshError>>;

#[derive(Debug)]
struct Join {
    token: JoinToken,
    reply: Reply,
    /// The peers that may still admit.
    peers: Vec<PeerId>,
}

/// All of them; at most [`MAX_JOINS`].
#[derive(Debug, Default)]
pub(super) struct Joins(Vec<Join>);

impl Joins {
    /// The token that is to be shown to `peer`.
    pub(super) fn token(&self, peer: &PeerId) -> Option<&JoinToken> {
        self.0.iter().find(|j| j.peers.contains(peer) && !j.reply.is_closed()).map(|j| &j.token)
    }

    /// `peer` will not admit; where it was the last, that is the outcome.
    pub(super) fn failed(&mut self, peer: &PeerId, error: MeshError) {
        for join in &mut self.0 {
            join.peers.retain(|p| p != peer);
        }
        for join in self.0.extract_if(.., |j| j.peers.is_empty()) {
            // Whoever asked may have gone.
            let _ = join.reply.send(Err(error));
        }
    }

    /// `peer` of `domain` and this node have admitted each other.
    pub(super) fn succeeded(&mut self, peer: &PeerId, domain: &Scid) {
        let done =
            |j: &mut Join| j.peers.contains(peer) && Scid::of(&j.token.domain).as_ref() == Some(domain);
        for join in self.0.extract_if(.., done) {
            let joined = Joined { domain: domain.clone(), peer: peer.to_base58() };
            let _ = join.reply.send(Ok(joined));
        }
    }
}

impl Driver {
    /// Dials the addresses of a token, or greets who is connected already.
    pub(super) fn join(&mut self, token: JoinToken, reply: Reply) {
        self.joins.0.retain(|j| !j.reply.is_closed());
        let mut by_peer: BTreeMap<PeerId, Vec<Multiaddr>> = BTreeMap::new();
        for address in token.addresses.iter().take(MAX_ADDRESSES) {
            if let Ok((address, Some(peer))) = address.parse::<Multiaddr>().map(|a| split(&a)) {
                by_peer.entry(peer).or_default().push(address);
            }
        }
        by_peer.remove(self.parts.swarm.local_peer_id());
        let refusal = if self.joins.0.len() >= MAX_JOINS {
            Some(MeshError::Busy)
        } else if by_peer.is_empty() {
            Some(MeshError::Unreachable)
        } else {
            None
        };
        if let Some(error) = refusal {
            let _ = reply.send(Err(error));
            return;
        }
        self.joins.0.push(Join { token, reply, peers: by_peer.keys().copied().collect() });
        for (peer, addresses) in by_peer {
            if self.parts.swarm.is_connected(&peer) {
                self.greet(peer);
                continue;
            }
            let condition = PeerCondition::Always;
            let dial = DialOpts::peer_id(peer).addresses(addresses).condition(condition).build();
            if self.parts.swarm.dial(dial).is_err() {
                self.joins.failed(&peer, MeshError::Unreachable);
            }
        }
    }

    /// `peer` did not admit this node, for `reason`.
    pub(super) fn not_admitted(&mut self, peer: PeerId, showed_secret: bool, reason: Refusal) {
        if showed_secret {
            self.joins.failed(&peer, MeshError::Refused(reason));
        } else if self.joins.token(&peer).is_some() {
            // That hello was on its way before the join began.
            self.greet(peer);
        }
    }
}
