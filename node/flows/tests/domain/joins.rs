//! What joining by token answers where the mesh lets nobody in.

use crate::deltas::Published;
use crate::world::{Node, node_peer_id};
use marque_flows::ports::mesh::MeshError;
use marque_rules::replica::Refusal;
use std::time::Duration;
use vc_schemas::code::Code;

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
        Published::whose_joins_end(&bravo, MeshError::Refused(refusal));
        let ended = bravo.domain.join(&invite.token, Duration::from_secs(1)).await;
        let said = ended.unwrap_err().refusal();
        assert_eq!((said.code, said.detail), (code, detail), "{refusal}");
    }
}
