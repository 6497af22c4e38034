//! The gate before gossip (MESH.md D1): a connection speaks gossipsub only once its peer is admitted,
//! and not one message of a topic flows in either direction before.
//!
//! Every connection begins closed: it offers no gossipsub protocol and asks for none. [`Gate::admit`]
//! makes the connections of a peer *ready*: they accept the peer's gossip stream and open none of
//! their own. [`Gate::open`] makes them open theirs. The side whose hello was answered opens, since
//! the answer shows that the other side has admitted it; the other side opens when it sees that
//! stream. So neither asks for what the other refuses yet, and no connection has to be made anew.
//!
//! Connections are tasks of their own, and one hears of its being ready later than this behaviour does. A hello
//! is answered once [`Gate::is_accepting`] says that it has: the peer that is answered opens its stream at once, and
//! where that is refused it takes this node for one that has forgotten it, and goes.

mod handler;

use crate::limits::MAX_TOPICS;
use handler::{GateHandler, Instruction, Said};
use libp2p::core::transport::PortUse;
use libp2p::core::{ConnectedPoint, Endpoint};
use libp2p::gossipsub::{
    self, DataTransform, IdentityTransform, MaxCountSubscriptionFilter, TopicHash, TopicSubscriptionFilter,
};
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use marque_rules::replica::Lane;
use prometheus_client::metrics::counter::Counter;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::io;
use std::task::{Context, Poll};

/// Gossipsub as the gate wraps it.
pub type Gossip = gossipsub::Behaviour<Arrivals, MaxCountSubscriptionFilter<Topics>>;

/// Counts each message that arrives, and changes none. Gossipsub itself drops what came before, and
/// says so to nobody: what is counted here and not among the validated ones was dropped as a duplicate.
#[derive(Debug, Clone, Default)]
pub struct Arrivals(Counter);

impl Arrivals {
    /// Counts on `counter`.
    #[must_use]
    pub const fn on(counter: Counter) -> Self {
        Self(counter)
    }
}

impl DataTransform for Arrivals {
    fn inbound_transform(&self, raw: gossipsub::RawMessage) -> Result<gossipsub::Message, io::Error> {
        self.0.inc();
        IdentityTransform.inbound_transform(raw)
    }

    fn outbound_transform(&self, topic: &TopicHash, data: Vec<u8>) -> Result<Vec<u8>, io::Error> {
        IdentityTransform.outbound_transform(topic, data)
    }
}

/// What every topic of this protocol begins with.
const PREFIX: &str = "/marque/1/";

/// Characters of the domain's hash in a topic.
const HASH_CHARACTERS: usize = 16;

/// Which topics a peer may say that it subscribes to: those that have the form of this protocol, and
/// no more than the count around this filter allows. Whether this node takes part in one is not asked:
/// a peer says it once, and its domain may come to be trusted later.
#[derive(Debug, Clone, Copy, Default)]
pub struct Topics;

impl Topics {
    /// With the bound on how many.
    #[must_use]
    pub const fn bounded() -> MaxCountSubscriptionFilter<Self> {
        MaxCountSubscriptionFilter {
            filter: Self,
            max_subscribed_topics: MAX_TOPICS,
            max_subscriptions_per_request: MAX_TOPICS,
        }
    }
}

impl TopicSubscriptionFilter for Topics {
    fn can_subscribe(&mut self, topic: &gossipsub::TopicHash) -> bool {
        let parts = topic.as_str().strip_prefix(PREFIX).and_then(|rest| rest.split_once('/'));
        parts.is_some_and(|(hash, lane)| {
            hash.len() == HASH_CHARACTERS
                && hash.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
                && Lane::ALL.iter().any(|l| l.as_str() == lane)
        })
    }
}

/// One established connection.
#[derive(Debug)]
struct Connection {
    peer: PeerId,
    endpoint: ConnectedPoint,
    /// Whether gossipsub knows of it.
    ready: bool,
    /// Whether it accepts the peer's gossip stream, as it said itself.
    accepting: bool,
}

/// What the gate tells.
#[derive(Debug)]
pub enum GateEvent {
    /// Every connection to this peer accepts its gossip stream.
    Accepting(PeerId),
    /// What gossipsub tells.
    Gossip(gossipsub::Event),
}

/// The gate around gossipsub.
pub struct Gate {
    gossip: Gossip,
    admitted: BTreeSet<PeerId>,
    connections: HashMap<ConnectionId, Connection>,
    instructions: VecDeque<ToSwarm<GateEvent, Instruction>>,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("admitted", &self.admitted).finish_non_exhaustive()
    }
}

impl Gate {
    /// Nobody is admitted.
    #[must_use]
    pub fn new(gossip: Gossip) -> Self {
        Self { gossip, admitted: BTreeSet::new(), connections: HashMap::new(), instructions: VecDeque::new() }
    }

    /// Gossipsub itself.
    pub const fn gossip(&mut self) -> &mut Gossip {
        &mut self.gossip
    }

    /// Accepts gossip from `peer` on every connection that there is and will be.
    pub fn admit(&mut self, peer: PeerId) {
        self.admitted.insert(peer);
        for id in self.connections_of(peer) {
            self.make_ready(id);
        }
    }

    /// Whether every connection to an admitted peer accepts its gossip stream. Where one does not yet,
    /// [`GateEvent::Accepting`] comes.
    #[must_use]
    pub fn is_accepting(&self, peer: &PeerId) -> bool {
        self.admitted.contains(peer)
            && self.connections.values().filter(|c| c.peer == *peer).all(|c| c.accepting)
    }

    /// Begins to gossip with an admitted peer that has admitted this node.
    pub fn open(&mut self, peer: PeerId) {
        if !self.admitted.contains(&peer) {
            return;
        }
        for id in self.connections_of(peer) {
            self.instruct(peer, id, Instruction::Open);
        }
    }

    /// Keeps gossip off every connection to `peer` that is yet to come. Those that are there are for
    /// the caller to close.
    pub fn dismiss(&mut self, peer: &PeerId) {
        self.admitted.remove(peer);
        self.gossip.remove_explicit_peer(peer);
    }

    fn connections_of(&self, peer: PeerId) -> Vec<ConnectionId> {
        self.connections.iter().filter(|(_, c)| c.peer == peer).map(|(id, _)| *id).collect()
    }

    /// How many connections to `peer` gossipsub knows of.
    fn ready_connections(&self, peer: PeerId) -> usize {
        self.connections.values().filter(|c| c.peer == peer && c.ready).count()
    }

    /// Makes a connection known to gossipsub, as the swarm would have at its beginning.
    fn make_ready(&mut self, id: ConnectionId) {
        let Some((peer, endpoint)) =
            self.connections.get(&id).filter(|c| !c.ready).map(|c| (c.peer, c.endpoint.clone()))
        else {
            return;
        };
        let handler = match &endpoint {
            ConnectedPoint::Dialer { address, role_override, port_use } => self
                .gossip
                .handle_established_outbound_connection(id, peer, address, *role_override, *port_use),
            ConnectedPoint::Listener { local_addr, send_back_addr } => {
                self.gossip.handle_established_inbound_connection(id, peer, local_addr, send_back_addr)
            }
        };
        // Gossipsub denies no connection; if it ever does, the connection stays closed to gossip.
        let Ok(handler) = handler else { return };
        let other_established = self.ready_connections(peer);
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.ready = true;
        }
        self.gossip.on_swarm_event(FromSwarm::ConnectionEstablished(ConnectionEstablished {
            peer_id: peer,
            connection_id: id,
            endpoint: &endpoint,
            failed_addresses: &[],
            other_established,
        }));
        self.instruct(peer, id, Instruction::Ready(Box::new(handler)));
    }

    fn instruct(&mut self, peer_id: PeerId, id: ConnectionId, event: Instruction) {
        let handler = NotifyHandler::One(id);
        self.instructions.push_back(ToSwarm::NotifyHandler { peer_id, handler, event });
    }

    fn tell_accepting(&mut self, peer: PeerId) {
        if self.is_accepting(&peer) {
            self.instructions.push_back(ToSwarm::GenerateEvent(GateEvent::Accepting(peer)));
        }
    }

    fn closed(&mut self, closed: ConnectionClosed<'_>) {
        let known = self.connections.remove(&closed.connection_id);
        // It may have been the last that did not.
        self.tell_accepting(closed.peer_id);
        if known.is_some_and(|c| c.ready) {
            let remaining_established = self.ready_connections(closed.peer_id);
            self.gossip.on_swarm_event(FromSwarm::ConnectionClosed(ConnectionClosed {
                remaining_established,
                ..closed
            }));
        }
    }
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = GateHandler;
    type ToSwarm = GateEvent;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<GateHandler, ConnectionDenied> {
        Ok(GateHandler::closed())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<GateHandler, ConnectionDenied> {
        Ok(GateHandler::closed())
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(established) => {
                let (peer, endpoint) = (established.peer_id, established.endpoint.clone());
                let connection = Connection { peer, endpoint, ready: false, accepting: false };
                self.connections.insert(established.connection_id, connection);
                if self.admitted.contains(&peer) {
                    self.make_ready(established.connection_id);
                }
            }
            FromSwarm::ConnectionClosed(closed) => self.closed(closed),
            FromSwarm::AddressChange(change) => {
                if self.connections.get(&change.connection_id).is_some_and(|c| c.ready) {
                    self.gossip.on_swarm_event(event);
                }
            }
            _ => self.gossip.on_swarm_event(event),
        }
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {
            Said::Accepting => {
                if let Some(connection) = self.connections.get_mut(&id) {
                    connection.accepting = true;
                }
                self.tell_accepting(peer);
            }
            Said::Gossip(event) if self.admitted.contains(&peer) => {
                self.gossip.on_connection_handler_event(peer, id, *event);
            }
            Said::Gossip(_) => {}
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<GateEvent, Instruction>> {
        loop {
            if let Some(instruction) = self.instructions.pop_front() {
                return Poll::Ready(instruction);
            }
            let Poll::Ready(event) = self.gossip.poll(cx) else { return Poll::Pending };
            match event {
                // Whom to dial, the address book decides.
                ToSwarm::Dial { .. } => {}
                ToSwarm::NotifyHandler { handler: NotifyHandler::One(id), .. }
                    if !self.connections.get(&id).is_some_and(|c| c.ready) => {}
                event => return Poll::Ready(event.map_in(Instruction::Gossip).map_out(GateEvent::Gossip)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
