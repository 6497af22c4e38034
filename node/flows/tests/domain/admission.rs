//! Hellos that others overtake, and a store that fails them.

use crate::fated::{Fate, Fated};
use crate::peer::{hello, knock};
use crate::world::{Node, node_peer_id};
use marque_flows::ports::mesh::Intake;
use marque_flows::ports::records::Table;
use marque_rules::replica::token::JoinToken;
use marque_rules::replica::{Hello, Refusal};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The log of a domain and what is known of it.
const LOG: &[Table] = &[Table::Logs, Table::Floors];

async fn node() -> (Node, Arc<Fated>) {
    let store = Arc::new(Fated::default());
    let node = Node::with("alpha.test", "alpha.test", store.records.clone(), store.clone()).await;
    (node, store)
}

async fn with_secret(alpha: &Node, bravo: &Node) -> Hello {
    let addresses = vec![format!("/ip4/127.0.0.1/tcp/4001/p2p/{}", node_peer_id("alpha.test"))];
    let invite = alpha.domain.invite(Duration::from_secs(600), addresses).await.unwrap();
    let token = JoinToken::parse(&invite.token, alpha.domain.now()).unwrap();
    Hello { join_secret: Some(token.secret), ..hello(bravo).await }
}

//
#[tokio::test]
async fn nodes_of_one_domain_that_come_at_once_are_all_let_in() {
    let ((alpha, store), bravo) = (node().await, Node::new("bravo.test").await);
    alpha.trusts(&bravo, &[]).await;
    store.once(Fate::Same(LOG));
    alpha.intake.admit(knock("bravo.test", hello(&bravo).await)).await.unwrap();
    assert_eq!(store.met.load(Ordering::SeqCst), 1);
}

//
#[tokio::test]
async fn a_token_is_as_good_as_before_where_the_log_of_its_bearer_came_by_another_way_meanwhile() {
    let ((alpha, store), bravo) = (node().await, Node::new("bravo.test").await);
    let with_secret = with_secret(&alpha, &bravo).await;
    store.once(Fate::Same(LOG));
    let admission = alpha.intake.admit(knock("bravo.test", with_secret)).await.unwrap();
    assert!(admission.joined);
}

#[tokio::test]
async fn a_secret_that_somebody_else_used_meanwhile_lets_nobody_in() {
    let ((alpha, store), bravo) = (node().await, Node::new("bravo.test").await);
    let with_secret = with_secret(&alpha, &bravo).await;
    store.once(Fate::Same(&[Table::Invites]));
    let refused = alpha.intake.admit(knock("bravo.test", with_secret)).await.unwrap_err();
    assert_eq!(refused, Refusal::BadToken);
}

#[tokio::test]
async fn a_store_that_takes_nothing_makes_no_token_bad_and_the_token_is_good_afterwards() {
    let ((alpha, store), bravo) = (node().await, Node::new("bravo.test").await);
    let with_secret = with_secret(&alpha, &bravo).await;
    store.once(Fate::Full);
    let refused = alpha.intake.admit(knock("bravo.test", with_secret.clone())).await.unwrap_err();
    assert_eq!(refused, Refusal::StoreFailed);
    assert!(alpha.intake.admit(knock("bravo.test", with_secret)).await.unwrap().joined);
}

#[tokio::test]
async fn a_hello_that_is_always_overtaken_is_told_to_come_back() {
    let ((alpha, store), bravo) = (node().await, Node::new("bravo.test").await);
    alpha.trusts(&bravo, &[]).await;
    store.fares(|batch| match batch.iter().all(|write| LOG.contains(&write.table)) {
        true => Fate::Conflict,
        false => Fate::Good,
    });
    let refused = alpha.intake.admit(knock("bravo.test", hello(&bravo).await)).await.unwrap_err();
    assert_eq!(refused, Refusal::Overloaded);
}
