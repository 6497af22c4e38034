//! Connections: which come and go, which are dialled, and which are closed.

use super::{Driver, Link};
use crate::behaviour::BehaviourEvent;
use libp2p::PeerId;
use libp2p::core::ConnectedPoint;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError, SwarmEvent};
use marque_flows::ports::mesh::{MeshError, What};
use marque_rules::replica::state::Peer;
use marque_rules::replica::{Input, Refusal};

impl Driver {
    /// Dials what is due.
    pub(super) fn dial_due(&mut self) {
        let now = self.mono();
        let swarm = &self.parts.swarm;
        let attempts = self.parts.book.due(now, |peer| swarm.is_connected(peer));
        for attempt in attempts {
            let dial = match attempt.peer {
                Some(peer) => {
                    let dial = DialOpts::peer_id(peer)
                        .condition(PeerCondition::DisconnectedAndNotDialing)
                        .addresses(vec![attempt.address]);
                    if attempt.is_retry { dial.allocate_new_port() } else { dial }.build()
                }
                None => {
                    let dial = DialOpts::unknown_peer_id().address(attempt.address);
                    if attempt.is_retry { dial.allocate_new_port() } else { dial }.build()
                }
            };
            let id = dial.connection_id();
            match self.parts.swarm.dial(dial) {
                Ok(()) => {
                    self.dialling.insert(id, attempt.place);
                }
                Err(error) => {
                    tracing::debug!(%error, "not dialled");
                    self.parts.book.failed(attempt.place, now);
                }
            }
        }
    }

    pub(super) fn on_connection(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished {
                peer_id, connection_id, endpoint, num_established, ..
            } => {
                let (outbound, relayed) = (endpoint.is_dialer(), endpoint.is_relayed());
                let address = match &endpoint {
                    // Who comes through a relay has no other address than the relay's.
                    ConnectedPoint::Listener { local_addr, .. } if relayed => {
                        local_addr.clone().with(Protocol::P2p(peer_id))
                    }
                    endpoint => endpoint.get_remote_address().clone(),
                };
                // A direct one beside others through relays is not, nor is a test for the peer.
                let needless = if relayed {
                    num_established.get() > 1
                } else {
                    self.dialling.contains_key(&connection_id) && Self::is_direct(&self.links, &peer_id)
                };
                let link = Link { peer: peer_id, address, outbound, relayed, since: self.mono() };
                self.links.insert(connection_id, link);
                if let Some(place) = self.dialling.remove(&connection_id) {
                    self.parts.book.reached(place, peer_id);
                    self.parts.metrics.dialled(true);
                }
                if num_established.get() == 1 {
                    self.step(Input::PeerConnected { peer: Peer(peer_id.to_bytes()), outbound });
                } else if outbound {
                    self.on_second(peer_id, connection_id, needless);
                }
                if outbound && self.joins.token(&peer_id).is_some() {
                    self.greet(peer_id);
                }
                self.measure();
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, num_established, cause, .. } => {
                tracing::debug!(peer = %peer_id, ?cause, "connection closed");
                let link = self.links.remove(&connection_id);
                if num_established == 0 {
                    self.on_lost(peer_id);
                    if link.is_some_and(|link| link.relayed && link.outbound) {
                        // At its end, most likely.
                        self.dial_through(peer_id);
                    }
                } else if self.answered.contains(&peer_id) {
                    // Gossip may have flowed on the connection that is gone.
                    self.parts.swarm.behaviour_mut().gate.open(peer_id);
                }
                self.measure();
            }
            SwarmEvent::OutgoingConnectionError { connection_id, peer_id, error } => {
                tracing::debug!(peer = ?peer_id, %error, "dial failed");
                self.parts.metrics.dialled(false);
                let now = self.mono();
                if let Some(place) = self.dialling.remove(&connection_id) {
                    match error {
                        DialError::LocalPeerId { .. } => self.parts.book.is_self(place),
                        _ => self.parts.book.failed(place, now),
                    }
                    if let Some(peer) = peer_id {
                        self.dial_through(peer);
                    }
                }
                if let Some(peer) = peer_id.filter(|p| !self.parts.swarm.is_connected(p)) {
                    self.not_there(&peer);
                    self.joins.failed(&peer, MeshError::Unreachable);
                }
            }
            SwarmEvent::ListenerClosed { listener_id, reason, .. } => {
                if let (false, Err(error)) = (self.place_lost(listener_id), reason) {
                    tracing::error!(%error, "listener failed");
                }
            }
            SwarmEvent::ListenerError { error, .. } => tracing::error!(%error, "listener failed"),
            SwarmEvent::NewListenAddr { address, .. } => tracing::info!(%address, "mesh listens"),
            SwarmEvent::ExternalAddrConfirmed { address } => self.on_external(address),
            SwarmEvent::ExternalAddrExpired { address } => self.on_external_expired(&address),
            _ => {}
        }
    }

    /// A second connection to a peer, which this node dialled: both dialled at once, or the peer has
    /// another address. Of two nodes only the one with the higher PeerId closes its own, so that they
    /// never close both; the other says hello on it, in case neither saw its own connection first. One that is
    /// not `needless` is kept for the time being.
    fn on_second(&mut self, peer: PeerId, id: ConnectionId, needless: bool) {
        if needless && *self.parts.swarm.local_peer_id() > peer {
            self.parts.swarm.close_connection(id);
        } else if !self.is_admitted(&peer) {
            self.greet(peer);
        }
    }

    fn on_lost(&mut self, peer: PeerId) {
        self.dismiss(&peer);
        self.ways.lost(&peer);
        self.not_there(&peer);
        self.greeting.remove(&peer);
        self.answered.remove(&peer);
        self.refused_by.remove(&peer);
        self.verifying.remove(&peer);
        self.changes.forget(&peer);
        self.shown.remove(&peer);
        self.release(peer);
        self.welcomes.retain(|welcome| welcome.peer != peer);
        self.timeouts.remove(&peer);
        self.joins.failed(&peer, MeshError::Unreachable);
        let now = self.mono();
        self.parts.book.lost(&peer, now);
        self.step(Input::PeerDisconnected { peer: Peer(peer.to_bytes()) });
        self.parts.meters.of(peer).admit(false);
        self.synced.remove(&peer);
        self.compared.remove(&peer);
        self.graylisted.remove(&peer);
        self.rate();
    }

    /// Keeps what is for members off every connection to `peer` that is yet to come.
    fn dismiss(&mut self, peer: &PeerId) {
        let behaviour = self.parts.swarm.behaviour_mut();
        behaviour.gate.dismiss(peer);
        behaviour.members.dismiss(peer);
        self.leaves_table(peer);
    }

    /// Closes every connection to a peer.
    pub(super) fn drop_peer(&mut self, peer: PeerId, reason: Refusal) {
        tracing::info!(%peer, %reason, "peer dropped");
        self.parts.metrics.dropped(reason);
        self.tell_peer(What::Dropped, &peer, None, Some(reason));
        self.dismiss(&peer);
        // A peer that is gone already is dropped too.
        let _ = self.parts.swarm.disconnect_peer_id(peer);
    }

    /// Notes that a peer did not answer. One that does so again and again is as good as gone.
    pub(super) fn no_answer(&mut self, peer: PeerId, most: u32) {
        let timeouts = self.timeouts.entry(peer).or_default();
        *timeouts += 1;
        if *timeouts >= most {
            self.timeouts.remove(&peer);
            self.drop_peer(peer, Refusal::TimedOut);
        }
    }
}
