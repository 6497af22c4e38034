//! What the rest of the node tells the driver, over one bounded channel.

use libp2p::{Multiaddr, PeerId};
use marque_flows::ports::mesh::{Ban, Joined, MeshError, PeerInfo, Publication};
use marque_rules::replica::token::JoinToken;
use marque_rules::replica::{Item, Request, Response, Scid};
use std::collections::BTreeSet;
use tokio::sync::{mpsc, oneshot};

/// A peer that may be asked.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) peer: PeerId,
    /// Its domain, where it is admitted.
    pub(crate) domain: Option<Scid>,
}

/// One command. Where a reply is dropped instead of sent, the driver is gone.
#[derive(Debug)]
pub(crate) enum Command {
    /// Publish what is durable.
    Publish { publication: Box<Publication>, done: oneshot::Sender<()> },
    /// Whom to ask: nodes of one domain first, then of as many domains as there are.
    Sources { first: Option<Scid>, reply: oneshot::Sender<Vec<Source>> },
    /// Members that say that they hold the log of a DID, but those that were asked: each once it is admitted.
    Holders { did: String, asked: BTreeSet<PeerId>, reply: mpsc::Sender<Source> },
    /// Ask a peer; `None` where it gives no answer.
    Ask { peer: PeerId, request: Request, reply: oneshot::Sender<Option<Response>> },
    /// Whether there is room for this in what is replicated of a domain.
    Room { domain: Scid, items: Vec<Item>, reply: oneshot::Sender<bool> },
    /// This is now all that is held of a subject.
    Held { domain: Scid, items: Vec<Item> },
    /// Join a domain.
    Join { token: Box<JoinToken>, reply: oneshot::Sender<Result<Joined, MeshError>> },
    /// These are the configured addresses from now on.
    Configured { addresses: Vec<Multiaddr> },
    /// Who is connected.
    Peers { reply: oneshot::Sender<Vec<PeerInfo>> },
    /// Let a peer in no more until a time.
    Ban { ban: Ban, done: oneshot::Sender<()> },
    /// Let a peer in again.
    Unban { peer: String, done: oneshot::Sender<()> },
}

/// The sending end.
#[derive(Debug, Clone)]
pub(crate) struct Line(pub(crate) mpsc::Sender<Command>);

impl Line {
    /// Sends a command, waiting for room.
    ///
    /// # Errors
    /// [`MeshError::Closed`].
    pub(crate) async fn tell(&self, command: Command) -> Result<(), MeshError> {
        self.0.send(command).await.map_err(|_| MeshError::Closed)
    }

    /// Sends a command and waits for its reply.
    ///
    /// # Errors
    /// [`MeshError::Closed`].
    pub(crate) async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, MeshError> {
        let (reply, answer) = oneshot::channel();
        self.tell(command(reply)).await?;
        answer.await.map_err(|_| MeshError::Closed)
    }
}
