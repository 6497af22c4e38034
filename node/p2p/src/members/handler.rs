//! The connection's side of it: the handler is there from the beginning and learns what the peer speaks, but
//! it is offered no stream until its peer is admitted, and opens none until the peer has admitted this node too:
//! it lists gossip then, which it shows to nobody else, or opens a stream of its own.

use libp2p::core::upgrade::DeniedUpgrade;
use libp2p::swarm::derive_prelude::Either;
use libp2p::swarm::handler::{
    ConnectionEvent, FullyNegotiatedInbound, ListenUpgradeError, ProtocolsChange, SendWrapper,
};
use libp2p::swarm::{ConnectionHandler, ConnectionHandlerEvent, SubstreamProtocol};
use std::task::{Context, Poll};

/// What the names of gossip begin with.
const GOSSIP: &str = "/meshsub/";

/// What the behaviour tells a connection.
#[derive(Debug)]
pub(crate) enum Instruction<I> {
    /// The peer is admitted.
    Open,
    /// What the inner behaviour says to its handler.
    Inner(I),
}

/// The handler of one connection.
#[derive(Debug)]
pub(crate) struct MembersHandler<H> {
    inner: H,
    /// Whether the peer is admitted.
    open: bool,
    /// Whether the peer has admitted this node.
    welcome: bool,
}

impl<H> MembersHandler<H> {
    pub(super) const fn new(inner: H, open: bool) -> Self {
        Self { inner, open, welcome: false }
    }
}

type Inbound<H> = Either<SendWrapper<<H as ConnectionHandler>::InboundProtocol>, SendWrapper<DeniedUpgrade>>;
type InboundInfo<H> = Either<<H as ConnectionHandler>::InboundOpenInfo, ()>;

impl<H: ConnectionHandler> ConnectionHandler for MembersHandler<H> {
    type FromBehaviour = Instruction<H::FromBehaviour>;
    type ToBehaviour = H::ToBehaviour;
    type InboundProtocol = Inbound<H>;
    type OutboundProtocol = H::OutboundProtocol;
    type InboundOpenInfo = InboundInfo<H>;
    type OutboundOpenInfo = H::OutboundOpenInfo;

    fn listen_protocol(&self) -> SubstreamProtocol<Inbound<H>, InboundInfo<H>> {
        if self.open {
            let inner = self.inner.listen_protocol();
            inner.map_upgrade(|upgrade| Either::Left(SendWrapper(upgrade))).map_info(Either::Left)
        } else {
            SubstreamProtocol::new(Either::Right(SendWrapper(DeniedUpgrade)), Either::Right(()))
        }
    }

    fn connection_keep_alive(&self) -> bool {
        self.open && self.inner.connection_keep_alive()
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<H::OutboundProtocol, H::OutboundOpenInfo, H::ToBehaviour>> {
        if self.open && self.welcome { self.inner.poll(cx) } else { Poll::Pending }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Option<H::ToBehaviour>> {
        if self.open && self.welcome { self.inner.poll_close(cx) } else { Poll::Ready(None) }
    }

    fn on_behaviour_event(&mut self, instruction: Self::FromBehaviour) {
        match instruction {
            Instruction::Open => self.open = true,
            Instruction::Inner(event) => self.inner.on_behaviour_event(event),
        }
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Inbound<H>, H::OutboundProtocol, InboundInfo<H>, H::OutboundOpenInfo>,
    ) {
        let event = match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: futures::future::Either::Left(protocol),
                info: Either::Left(info),
            }) => {
                self.welcome = true;
                ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol, info })
            }
            ConnectionEvent::ListenUpgradeError(ListenUpgradeError {
                info: Either::Left(info),
                error: Either::Left(error),
            }) => ConnectionEvent::ListenUpgradeError(ListenUpgradeError { info, error }),
            ConnectionEvent::FullyNegotiatedOutbound(event) => {
                ConnectionEvent::FullyNegotiatedOutbound(event)
            }
            ConnectionEvent::DialUpgradeError(event) => ConnectionEvent::DialUpgradeError(event),
            ConnectionEvent::AddressChange(event) => ConnectionEvent::AddressChange(event),
            ConnectionEvent::LocalProtocolsChange(event) => ConnectionEvent::LocalProtocolsChange(event),
            ConnectionEvent::RemoteProtocolsChange(event) => {
                if let ProtocolsChange::Added(added) = event.clone() {
                    self.welcome |= added.into_iter().any(|name| name.as_ref().starts_with(GOSSIP));
                }
                ConnectionEvent::RemoteProtocolsChange(event)
            }
            // Streams that a closed connection denied.
            _ => return,
        };
        self.inner.on_connection_event(event);
    }
}
