//! What joining by token answers where the mesh lets nobody in.

use crate::world::{Node, node_peer_id};
use did_resolver::did::Did;
use futures::future::BoxFuture;
use marque_flows::ports::mesh::{Asked, Joined, Mesh, MeshError, PeerInfo, Publication};
use marque_rules::replica::token::JoinToken;
use marque_rules::replica::{Refusal, Scid};
use std::sync::Arc;
use std::time::Duration;
use vc_schemas::code::Code;

/// A mesh whose joins all end so.
#[derive(Debug)]
struct Ends(MeshError);

impl Mesh for Ends {
    fn publish(&self, _: Publication) -> BoxFuture<'_, Result<(), MeshError>> {
        Box::pin(async { Ok(()) })
    }

    fn resolve(&self, _: Did, _: Duration) -> BoxFuture<'_, Result<Asked, MeshError>> {
        Box::pin(async { Ok(Asked::default()) })
    }

    fn list(&self, _: Option<Scid>, _: String, _: Duration) -> BoxFuture<'_, Result<Asked, MeshError>> {
        Box::pin(async { Ok(Asked::default()) })
    }

    fn join(&self, _: JoinToken, _: Duration) -> BoxFuture<'_, Result<Joined, MeshError>> {
        Box::pin(async { Err(self.0) })
    }

    fn domains_changed(&self) {}

    fn peers(&self) -> BoxFuture<'_, Result<Vec<PeerInfo>, MeshError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

#[tokio::test]
async fn a_join_that_is_refused_says_for_what_and_one_too_many_that_it_may_pass() {
    let alpha = Node::new("alpha.test").await;
    let addresses = vec![format!("/ip4/127.0.0.1/tcp/4001/p2p/{}", node_peer_id("alpha.test"))];
    let invite = alpha.domain.invite(Duration::from_secs(600), addresses).await.unwrap();
    for (refusal, code, detail) in [
        (Refusal::RateLimited, Code::RateLimited, "as often as a node may ask to be let in"),
        (Refusal::TokenExpired, Code::TokenExpired, "past its expiry"),
        (Refusal::UnknownDomain, Code::PeerNotAdmitted, "not admitted: unknown-domain"),
        (Refusal::TooManyPeers, Code::PeerNotAdmitted, "not admitted: too-many-peers"),
    ] {
        let bravo = Node::new("bravo.test").await;
        bravo.domain.join_mesh(Arc::new(Ends(MeshError::Refused(refusal))));
        let ended = bravo.domain.join(&invite.token, Duration::from_secs(1)).await;
        let said = ended.unwrap_err().refusal();
        assert_eq!((said.code, said.detail), (code, detail), "{refusal}");
    }
}
