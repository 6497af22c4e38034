//! The mesh as the rest of the node sees it. It may be cloned; all clones speak to one driver.

use crate::command::{Command, Line};
use crate::search::Search;
use did_resolver::did::Did;
use futures::future::BoxFuture;
use libp2p::Multiaddr;
use marque_flows::ports::mesh::{
    Asked, Ban, Events, Joined, Mesh, MeshError, MeshEvent, PeerInfo, Publication,
};
use marque_rules::replica::token::JoinToken;
use marque_rules::replica::{Item, Request, Scid};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, broadcast};
use tokio::time::timeout;

/// Speaks to the driver.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(crate) line: Line,
    pub(crate) search: Search,
    pub(crate) changed: Arc<Notify>,
    /// The driver has the other end, so that streams of events end with it.
    pub(crate) events: broadcast::WeakSender<Arc<MeshEvent>>,
}

impl Handle {
    /// Makes `addresses` all that the configuration names: dialled from now on, and the others no more.
    ///
    /// # Errors
    /// [`MeshError::Closed`].
    pub async fn configure(&self, addresses: Vec<Multiaddr>) -> Result<(), MeshError> {
        self.line.tell(Command::Configured { addresses }).await
    }
}

impl Mesh for Handle {
    fn publish(&self, publication: Publication) -> BoxFuture<'_, Result<(), MeshError>> {
        let publication = Box::new(publication);
        Box::pin(self.line.ask(|done| Command::Publish { publication, done }))
    }

    fn resolve(&self, did: Did, within: Duration) -> BoxFuture<'_, Result<Asked, MeshError>> {
        Box::pin(async move {
            let first = Scid::of(&did);
            let request = Request::Resolve { did: did.as_str().to_owned() };
            self.search.run(&request, first, within).await
        })
    }

    fn list(
        &self,
        issuer: Option<Scid>,
        url: String,
        within: Duration,
    ) -> BoxFuture<'_, Result<Asked, MeshError>> {
        Box::pin(async move { self.search.run(&Request::List { url }, issuer, within).await })
    }

    fn join(&self, token: JoinToken, within: Duration) -> BoxFuture<'_, Result<Joined, MeshError>> {
        let token = Box::new(token);
        let joined = self.line.ask(|reply| Command::Join { token, reply });
        Box::pin(async move { timeout(within, joined).await.map_err(|_| MeshError::Unreachable)?? })
    }

    fn domains_changed(&self) {
        self.changed.notify_one();
    }

    fn held(&self, domain: Scid, items: Vec<Item>) -> BoxFuture<'_, Result<(), MeshError>> {
        Box::pin(self.line.tell(Command::Held { domain, items }))
    }

    fn peers(&self) -> BoxFuture<'_, Result<Vec<PeerInfo>, MeshError>> {
        Box::pin(self.line.ask(|reply| Command::Peers { reply }))
    }

    fn ban(&self, ban: Ban) -> BoxFuture<'_, Result<(), MeshError>> {
        Box::pin(self.line.ask(|done| Command::Ban { ban, done }))
    }

    fn unban(&self, peer: String) -> BoxFuture<'_, Result<(), MeshError>> {
        Box::pin(self.line.ask(|done| Command::Unban { peer, done }))
    }

    fn events(&self) -> Option<Events> {
        self.events.upgrade().map(|events| events.subscribe())
    }
}
