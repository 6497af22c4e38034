//! Hellos that others overtake, and a store that fails them.

use crate::peer::{hello, knock};
use crate::world::{Node, node_peer_id};
use futures::future::BoxFuture;
use marque_flows::ports::mesh::Intake;
use marque_flows::ports::records::{Records, Row, StoreError, Stored, Table, Write};
use marque_rules::replica::token::JoinToken;
use marque_rules::replica::{Hello, Refusal};
use marque_store::memory::Memory;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What befalls a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Befalls {
    /// Somebody else committed the same to these tables just before.
    Overtaken(&'static [Table]),
    Full,
}

/// A store whose next commits fare so.
#[derive(Debug, Default)]
struct Fated {
    records: Arc<Memory>,
    next: Mutex<Vec<Befalls>>,
}

impl Records for Fated {
    fn get<'a>(&'a self, table: Table, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        self.records.get(table, key)
    }

    fn scan<'a>(
        &'a self,
        table: Table,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        self.records.scan(table, prefix, after, limit)
    }

    fn commit(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<(), StoreError>> {
        let befalls = self.next.lock().unwrap().pop();
        Box::pin(async move {
            match befalls {
                None => {}
                Some(Befalls::Full) => return Err(StoreError::Unavailable("full".to_owned())),
                Some(Befalls::Overtaken(tables)) => {
                    let same = batch.iter().filter(|write| tables.contains(&write.table)).cloned();
                    self.records.commit(same.collect()).await?;
                }
            }
            self.records.commit(batch).await
        })
    }
}

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
    *store.next.lock().unwrap() = vec![Befalls::Overtaken(LOG)];
    alpha.intake.admit(knock("bravo.test", hello(&bravo).await)).await.unwrap();
    assert!(store.next.lock().unwrap().is_empty());
}

//
#[tokio::test]
async fn a_token_is_as_good_as_before_where_the_log_of_its_bearer_came_by_another_way_meanwhile() {
    let ((alpha, store), bravo) = (node().await, Node::new("bravo.test").await);
    let with_secret = with_secret(&alpha, &bravo).await;
    *store.next.lock().unwrap() = vec![Befalls::Overtaken(LOG)];
    let admission = alpha.intake.admit(knock("bravo.test", with_secret)).await.unwrap();
    assert!(admission.joined);
}

#[tokio::test]
async fn a_secret_that_somebody_else_used_meanwhile_lets_nobody_in() {
    let ((alpha, store), bravo) = (node().await, Node::new("bravo.test").await);
    let with_secret = with_secret(&alpha, &bravo).await;
    *store.next.lock().unwrap() = vec![Befalls::Overtaken(&[Table::Invites])];
    let refused = alpha.intake.admit(knock("bravo.test", with_secret)).await.unwrap_err();
    assert_eq!(refused, Refusal::BadToken);
}

#[tokio::test]
async fn a_store_that_takes_nothing_makes_no_token_bad_and_the_token_is_good_afterwards() {
    let ((alpha, store), bravo) = (node().await, Node::new("bravo.test").await);
    let with_secret = with_secret(&alpha, &bravo).await;
    *store.next.lock().unwrap() = vec![Befalls::Full];
    let refused = alpha.intake.admit(knock("bravo.test", with_secret.clone())).await.unwrap_err();
    assert_eq!(refused, Refusal::StoreFailed);
    assert!(alpha.intake.admit(knock("bravo.test", with_secret)).await.unwrap().joined);
}

#[tokio::test]
async fn a_hello_that_is_always_overtaken_is_told_to_come_back() {
    /// Another one is faster each time, and what it kept is gone again.
    #[derive(Debug)]
    struct Busy(Arc<Memory>);
    impl Records for Busy {
        fn get<'a>(
            &'a self,
            table: Table,
            key: &'a [u8],
        ) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
            self.0.get(table, key)
        }

        fn scan<'a>(
            &'a self,
            table: Table,
            prefix: &'a [u8],
            after: Option<&'a [u8]>,
            limit: usize,
        ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
            self.0.scan(table, prefix, after, limit)
        }

        fn commit(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<(), StoreError>> {
            let of_bravo = |write: &Write| String::from_utf8_lossy(&write.key).contains("bravo");
            if batch.iter().any(of_bravo) && batch.iter().all(|write| LOG.contains(&write.table)) {
                return Box::pin(std::future::ready(Err(StoreError::Conflict(0))));
            }
            self.0.commit(batch)
        }
    }
    let (records, bravo) = (Arc::new(Memory::default()), Node::new("bravo.test").await);
    let store = Arc::new(Busy(records.clone()));
    let alpha = Node::with("alpha.test", "alpha.test", records, store).await;
    alpha.trusts(&bravo, &[]).await;
    let refused = alpha.intake.admit(knock("bravo.test", hello(&bravo).await)).await.unwrap_err();
    assert_eq!(refused, Refusal::Overloaded);
}
