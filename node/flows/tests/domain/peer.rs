//! What the mesh does with the intake of a node: hellos, announcements, judgements.

use crate::world::{Node, node_peer_id};
use marque_flows::ports::mesh::{Intake, Judgement, Knock, Submission};
use marque_rules::replica::state::Via;
use marque_rules::replica::{Envelope, Hello, Request, Response, Scid, Verdict};

pub(crate) async fn hello(node: &Node) -> Hello {
    let standing = node.intake.standing().await.unwrap();
    Hello {
        membership: standing.membership,
        domain: standing.domain,
        domain_log: standing.domain_log,
        domain_witness: standing.domain_witness,
        join_secret: None,
        addresses: vec!["/ip4/127.0.0.1/tcp/4001".into()],
    }
}

pub(crate) fn knock(label: &str, hello: Hello) -> Knock {
    Knock { peer: node_peer_id(label), hello, joining: None }
}

/// Every envelope that a node announces of its own domain.
pub(crate) async fn announced(node: &Node) -> Vec<Envelope> {
    announced_of(node, node).await
}

/// Every envelope that a node holds of the domain of another.
pub(crate) async fn announced_of(node: &Node, other: &Node) -> Vec<Envelope> {
    let own = Scid::of(&other.domain.home.did).unwrap();
    let items = node.intake.items(own.clone()).await.unwrap();
    let ids = items.iter().map(marque_rules::replica::Item::id).collect();
    match node.intake.lookup(Request::Objects { domain: own, ids }).await {
        Response::Objects(objects) => {
            objects.iter().map(|(_, bytes)| Envelope::decode(bytes).unwrap()).collect()
        }
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn judge(node: &Node, envelope: &Envelope) -> Judgement {
    node.intake.judge(Submission { via: Via::Sync, envelope: envelope.clone(), log: None }).await
}

/// Judges and persists, as the mesh does.
pub(crate) async fn take(node: &Node, envelope: &Envelope) -> Verdict {
    let judgement = judge(node, envelope).await;
    if let Some(write) = judgement.write {
        write.await.unwrap();
    }
    judgement.verdict
}
