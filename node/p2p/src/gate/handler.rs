//! The connection's side of the gate: nothing, until it is handed gossipsub's own handler.

use crate::gate::Gossip;
use libp2p::core::upgrade::DeniedUpgrade;
use libp2p::swarm::derive_prelude::Either;
use libp2p::swarm::handler::ConnectionEvent;
use libp2p::swarm::{ConnectionHandler, ConnectionHandlerEvent, NetworkBehaviour, SubstreamProtocol};
use std::fmt;
use std::task::{Context, Poll};

/// Gossipsub's handler.
type Inner = <Gossip as NetworkBehaviour>::ConnectionHandler;

/// What the gate tells a connection.
pub enum Instruction {
    /// Accept the peer's gossip stream.
    Ready(Box<Inner>),
    /// Open a gossip stream too.
    Open,
    /// What gossipsub says to its handler.
    Gossip(<Inner as ConnectionHandler>::FromBehaviour),
}

impl fmt::Debug for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(_) => f.write_str("Ready"),
            Self::Open => f.write_str("Open"),
            Self::Gossip(event) => f.debug_tuple("Gossip").field(event).finish(),
        }
    }
}

/// What a connection tells the gate.
pub enum Said {
    /// From now on the peer's gossip stream is accepted.
    Accepting,
    /// What gossipsub's handler says.
    Gossip(Box<<Inner as ConnectionHandler>::ToBehaviour>),
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepting => f.write_str("Accepting"),
            Self::Gossip(event) => f.debug_tuple("Gossip").field(event).finish(),
        }
    }
}

fn gossip(event: <Inner as ConnectionHandler>::ToBehaviour) -> Said {
    Said::Gossip(Box::new(event))
}

/// The handler of one connection.
pub struct GateHandler {
    /// `None` while closed.
    inner: Option<Box<Inner>>,
    /// Whether `inner` runs: by instruction, or because the peer opened its stream.
    open: bool,
    /// Whether it has yet to say that it is ready.
    unsaid: bool,
}

impl GateHandler {
    /// Without gossip.
    pub(super) const fn closed() -> Self {
        Self { inner: None, open: false, unsaid: false }
    }
}

impl fmt::Debug for GateHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateHandler").field("open", &self.open).finish_non_exhaustive()
    }
}

impl ConnectionHandler for GateHandler {
    type FromBehaviour = Instruction;
    type ToBehaviour = Said;
    type InboundProtocol = <Inner as ConnectionHandler>::InboundProtocol;
    type OutboundProtocol = <Inner as ConnectionHandler>::OutboundProtocol;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        match &self.inner {
            Some(inner) => inner.listen_protocol(),
            None => SubstreamProtocol::new(Either::Right(DeniedUpgrade), ()),
        }
    }

    fn connection_keep_alive(&self) -> bool {
        self.inner.is_some()
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, (), Self::ToBehaviour>> {
        if std::mem::take(&mut self.unsaid) {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(Said::Accepting));
        }
        match &mut self.inner {
            Some(inner) if self.open => inner.poll(cx).map(|event| event.map_custom(gossip)),
            _ => Poll::Pending,
        }
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Option<Self::ToBehaviour>> {
        match &mut self.inner {
            Some(inner) if self.open => inner.poll_close(cx).map(|event| event.map(gossip)),
            _ => Poll::Ready(None),
        }
    }

    fn on_behaviour_event(&mut self, instruction: Instruction) {
        match instruction {
            Instruction::Ready(inner) => {
                self.inner = Some(inner);
                self.unsaid = true;
            }
            Instruction::Open => self.open = true,
            Instruction::Gossip(event) => {
                if let Some(inner) = &mut self.inner {
                    inner.on_behaviour_event(event);
                }
            }
        }
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Self::InboundProtocol, Self::OutboundProtocol>,
    ) {
        if let Some(inner) = &mut self.inner {
            self.open |= matches!(event, ConnectionEvent::FullyNegotiatedInbound(_));
            inner.on_connection_event(event);
        }
    }
}
