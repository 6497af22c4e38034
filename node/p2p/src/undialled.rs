//! A behaviour that dials nobody and asks members only: whom to dial, the address book decides, and whom somebody
//! looks for. What peers say of others makes it ask no stranger that happens to be connected.

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::behaviour::DialFailure;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, DialError, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use std::collections::BTreeSet;
use std::task::{Context, Poll};

/// It is told at once that a dial failed, or a question to a stranger, and does with the members that are connected.
#[derive(Debug)]
pub(crate) struct Undialled<B> {
    inner: B,
    members: BTreeSet<PeerId>,
}

impl<B> Undialled<B> {
    /// There are no members.
    pub(crate) const fn new(inner: B) -> Self {
        Self { inner, members: BTreeSet::new() }
    }

    /// The behaviour itself.
    pub(crate) const fn inner(&mut self) -> &mut B {
        &mut self.inner
    }

    /// `peer` may be asked.
    pub(crate) fn admit(&mut self, peer: PeerId) {
        self.members.insert(peer);
    }

    /// `peer` may be asked no more.
    pub(crate) fn dismiss(&mut self, peer: &PeerId) {
        self.members.remove(peer);
    }
}

impl<B: NetworkBehaviour> NetworkBehaviour for Undialled<B> {
    type ConnectionHandler = THandler<B>;
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
    ) -> Result<THandler<B>, ConnectionDenied> {
        self.inner.handle_established_inbound_connection(id, peer, local, remote)
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
    ) -> Result<THandler<B>, ConnectionDenied> {
        self.inner.handle_established_outbound_connection(id, peer, address, role, port_use)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        self.inner.on_connection_handler_event(peer, id, event);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        loop {
            let (peer_id, connection_id) = match self.inner.poll(cx) {
                Poll::Ready(ToSwarm::Dial { opts }) => (opts.get_peer_id(), opts.connection_id()),
                Poll::Ready(ToSwarm::NotifyHandler { peer_id, .. }) if !self.members.contains(&peer_id) => {
                    // Of no dial: that is all there is to say that a peer cannot be asked.
                    (Some(peer_id), ConnectionId::new_unchecked(usize::MAX))
                }
                event => return event,
            };
            let error = &DialError::Aborted;
            let failed = DialFailure { peer_id, error, connection_id };
            self.inner.on_swarm_event(FromSwarm::DialFailure(failed));
        }
    }
}
