//! What only members speak (MESH.md D9): relay, hole punching and tests of reachability stand behind the gate
//! as gossip does. A connection offers none of these protocols and asks for none until hello has admitted its
//! peer, so that a stranger gets no place at a relay, has nothing dialled, and cannot even ask.

mod handler;

use handler::{Instruction, MembersHandler};
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::behaviour::NewExternalAddrCandidate;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::task::{Context, Poll};

/// A behaviour for members.
pub(crate) struct MembersOnly<B> {
    inner: B,
    admitted: BTreeSet<PeerId>,
    connections: HashMap<ConnectionId, PeerId>,
    /// Connections that are to open.
    opening: VecDeque<(PeerId, ConnectionId)>,
}

impl<B> fmt::Debug for MembersOnly<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MembersOnly").field("admitted", &self.admitted).finish_non_exhaustive()
    }
}

impl<B: NetworkBehaviour> MembersOnly<B> {
    /// Nobody is admitted.
    pub(crate) fn new(inner: B) -> Self {
        Self { inner, admitted: BTreeSet::new(), connections: HashMap::new(), opening: VecDeque::new() }
    }

    /// The behaviour itself.
    pub(crate) const fn inner(&mut self) -> &mut B {
        &mut self.inner
    }

    /// Opens every connection to `peer` that there is and will be.
    pub(crate) fn admit(&mut self, peer: PeerId) {
        if self.admitted.insert(peer) {
            let of_peer = self.connections.iter().filter(|(_, of)| **of == peer).map(|(id, _)| (peer, *id));
            self.opening.extend(of_peer);
        }
    }

    /// Keeps every connection to `peer` closed that is yet to come. Those that are there are for the caller
    /// to close.
    pub(crate) fn dismiss(&mut self, peer: &PeerId) {
        self.admitted.remove(peer);
    }

    /// This node may be reachable at `address`: a member says so.
    pub(crate) fn candidate(&mut self, address: &Multiaddr) {
        let candidate = NewExternalAddrCandidate { addr: address };
        self.inner.on_swarm_event(FromSwarm::NewExternalAddrCandidate(candidate));
    }
}

impl<B: NetworkBehaviour> NetworkBehaviour for MembersOnly<B> {
    type ConnectionHandler = MembersHandler<THandler<B>>;
    type ToSwarm = B::ToSwarm;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.inner.handle_pending_inbound_connection(id, local, remote)
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<Self::ConnectionHandler, ConnectionDenied> {
        let handler = self.inner.handle_established_inbound_connection(id, peer, local, remote)?;
        Ok(MembersHandler::new(handler, self.admitted.contains(&peer)))
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.inner.handle_pending_outbound_connection(id, peer, addresses, role)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port_use: PortUse,
    ) -> Result<Self::ConnectionHandler, ConnectionDenied> {
        let handler = self.inner.handle_established_outbound_connection(id, peer, address, role, port_use)?;
        Ok(MembersHandler::new(handler, self.admitted.contains(&peer)))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match &event {
            FromSwarm::ConnectionEstablished(established) => {
                self.connections.insert(established.connection_id, established.peer_id);
                // Admitted between the two.
                if self.admitted.contains(&established.peer_id) {
                    self.opening.push_back((established.peer_id, established.connection_id));
                }
            }
            FromSwarm::ConnectionClosed(closed) => {
                self.connections.remove(&closed.connection_id);
                self.opening.retain(|(_, id)| *id != closed.connection_id);
            }
            // As anybody says that sees this node, strangers too: what members say comes by `candidate`.
            FromSwarm::NewExternalAddrCandidate(_) => return,
            _ => {}
        }
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        self.inner.on_connection_handler_event(peer, id, event);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if let Some((peer_id, id)) = self.opening.pop_front() {
            let handler = NotifyHandler::One(id);
            return Poll::Ready(ToSwarm::NotifyHandler { peer_id, handler, event: Instruction::Open });
        }
        self.inner.poll(cx).map(|event| event.map_in(Instruction::Inner))
    }
}
