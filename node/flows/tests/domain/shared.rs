//! Two nodes of one domain over one store: each hears of what the other did, and nothing is done twice.

use crate::deltas::Published;
use crate::peer::announced;
use crate::world::Node;
use did_resolver::did::Did;
use futures::future::{BoxFuture, join_all};
use marque_flows::members::NewMember;
use marque_flows::ports::mesh::{Asked, Joined, Mesh, MeshError, PeerInfo, Publication};
use marque_flows::ports::records::{Changes, MAX_SCAN, Records, Row, StoreError, Stored, Table, Write};
use marque_flows::shared::{Heard, LEASE_LIFE};
use marque_rules::issuance::MemberKind;
use marque_rules::lifecycle::Act;
use marque_rules::replica::token::JoinToken;
use marque_rules::replica::{Item, Kind, Scid};
use marque_store::memory::Memory;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use vc_schemas::claims::OwnerKind;
use vc_schemas::code::Code;
use vc_schemas::credential::Credential;
use vc_schemas::status::Purpose;

/// A store that two nodes have, and that lets one go on in the midst of what the other does.
#[derive(Debug)]
pub(crate) struct Both(pub(crate) Arc<Memory>);

impl Records for Both {
    fn is_shared(&self) -> bool {
        true
    }

    fn changes<'a>(
        &'a self,
        table: Table,
        prefix: &'a [u8],
        since: Option<u64>,
    ) -> BoxFuture<'a, Result<Changes, StoreError>> {
        Box::pin(async move {
            let (mut rows, mut after) = (Vec::new(), None);
            loop {
                let next = self.0.scan(table, prefix, after.as_deref(), MAX_SCAN).await?;
                let Some(last) = next.last() else { break };
                after = Some(last.key.clone());
                rows.extend(next);
            }
            let mark = rows.iter().map(|row| row.stored.version).max().unwrap_or(0);
            let is_new = |row: &Row| since.is_some_and(|since| row.stored.version > since);
            Ok(Changes { keys: rows.into_iter().filter(is_new).map(|row| row.key).collect(), mark })
        })
    }

    fn get<'a>(&'a self, table: Table, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.0.get(table, key).await
        })
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
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.0.commit(batch).await
        })
    }
}

async fn both() -> [Node; 2] {
    let records = Arc::new(Memory::default());
    let node = async || {
        Node::with("alpha.test", "alpha.test", records.clone(), Arc::new(Both(records.clone()))).await
    };
    let (a, b) = (node().await, node().await);
    b.hands.shuffle();
    [a, b]
}

/// A mesh that keeps what it is told another node put into the store.
#[derive(Debug, Default)]
struct Told {
    held: Mutex<BTreeMap<String, Vec<Item>>>,
    domains: Mutex<usize>,
}

impl Mesh for Told {
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
        Box::pin(async { Err(MeshError::Unreachable) })
    }

    fn domains_changed(&self) {
        *self.domains.lock().unwrap() += 1;
    }

    fn held(&self, _: Scid, items: Vec<Item>) -> BoxFuture<'_, Result<(), MeshError>> {
        self.held.lock().unwrap().insert(items[0].subject.clone(), items);
        Box::pin(async { Ok(()) })
    }

    fn peers(&self) -> BoxFuture<'_, Result<Vec<PeerInfo>, MeshError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

//
#[tokio::test]
async fn a_nonce_that_one_node_gave_counts_at_the_other_and_once_at_all_of_them() {
    let [a, b] = both().await;
    let new = || NewMember::Owner(OwnerKind::Person);
    let nonce = a.domain.new_nonce().unwrap();
    let holder = b.new_member(MemberKind::Owner, "alice");
    let proof = holder.present(&b, &nonce, Vec::new());
    b.domain.register("alice", new(), holder.log.bytes(), &proof).await.unwrap();
    for node in [&a, &b] {
        let other = node.new_member(MemberKind::Owner, "dora");
        let proof = other.present(node, &nonce, Vec::new());
        let again = node.domain.register("dora", new(), other.log.bytes(), &proof).await.unwrap_err();
        assert_eq!(again.refusal().code, Code::NonceReplayed);
    }
    // Of two at once one gets it.
    let other = b.new_member(MemberKind::Owner, "carol");
    let proof = b.proof(&other);
    let both = tokio::join!(
        a.domain.register("carol", new(), other.log.bytes(), &proof),
        b.domain.register("carol", new(), other.log.bytes(), &proof)
    );
    assert_eq!([both.0.is_ok(), both.1.is_ok()].into_iter().filter(|ok| *ok).count(), 1, "{both:?}");
}

// R-346 R-347
#[tokio::test]
async fn whichever_node_revokes_every_revocation_counts_and_no_number_is_signed_twice() {
    let [a, b] = both().await;
    let names: Vec<String> = (0..12).map(|n| format!("owner{n}")).collect();
    for (n, name) in names.iter().enumerate() {
        [&a, &b][n % 2].owner(name).await;
    }
    let mut credentials = Vec::new();
    for name in &names {
        let secured = a.identity(MemberKind::Owner, name).await;
        credentials.push(Credential::read(secured.payload()).unwrap());
    }
    let meshes = [Published::of(&a), Published::of(&b)];
    // Each at the node at which it was not registered; some by their name, some by their credential.
    let revoked = names.iter().zip(&credentials).enumerate().map(|(n, (name, credential))| {
        let node = [&a, &b][(n + 1) % 2];
        async move {
            match n % 3 {
                0 => node.domain.act_on_member(MemberKind::Owner, name, Act::Revoke).await.map(drop),
                _ => node.domain.act_on_credential(credential.id.as_str(), Act::Revoke).await.map(drop),
            }
        }
    });
    for outcome in join_all(revoked).await {
        outcome.unwrap();
    }
    let list = a.domain.held_own_list(Purpose::Revocation).await.unwrap().unwrap().list;
    for (n, (name, credential)) in names.iter().zip(&credentials).enumerate() {
        let index = match n % 3 {
            0 => b.domain.member(MemberKind::Owner, name).await.unwrap().index,
            _ => credential.status.revocation.index,
        };
        assert_eq!(list.bits.get(index), Some(true), "{name}");
    }
    let published: Vec<_> = meshes.iter().map(|mesh| mesh.take()).collect();
    assert!(published.iter().all(|of_one| !of_one.is_empty()), "both signed");
    let url = a.domain.home.list_url(Purpose::Revocation);
    let of_list = published.iter().flatten().filter(|(_, _, envelope)| envelope.body().subject == url);
    let mut numbers: Vec<u64> = of_list.map(|(_, _, envelope)| envelope.body().seq).collect();
    let all = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!((numbers.len(), all), (12, 12), "each number once");
}

//
#[tokio::test]
async fn the_lease_is_with_one_node_and_moves_once_that_does_not_renew_it() {
    let [a, b] = both().await;
    let (mut of_a, mut of_b) = (a.domain.duties().unwrap(), b.domain.duties().unwrap());
    let pass = |seconds| [&a, &b].map(|node| node.pass(seconds));
    assert!(a.domain.on_duty(&mut of_a).await.unwrap());
    for _ in 0..20 {
        assert!(!b.domain.on_duty(&mut of_b).await.unwrap());
        assert!(a.domain.on_duty(&mut of_a).await.unwrap());
        pass(1);
    }
    assert_eq!(of_a.fence(), Some(1), "renewed, not taken again");
    // It renews it a last time, and stops. Just before its time is over the other has it not yet.
    pass(2);
    assert!(a.domain.on_duty(&mut of_a).await.unwrap());
    assert!(!b.domain.on_duty(&mut of_b).await.unwrap());
    pass(LEASE_LIFE.as_secs() - 1);
    assert!(!b.domain.on_duty(&mut of_b).await.unwrap());
    pass(1);
    assert!(b.domain.on_duty(&mut of_b).await.unwrap());
    assert_eq!(of_b.fence(), Some(2));
    // Back again, the first knows at its first look.
    assert!(!a.domain.on_duty(&mut of_a).await.unwrap());
    assert_eq!(of_a.fence(), None);
    // Given back, nobody waits for it.
    b.domain.off_duty(&mut of_b).await.unwrap();
    assert!(a.domain.on_duty(&mut of_a).await.unwrap());
    assert_eq!(of_a.fence(), Some(3));
}

#[tokio::test]
async fn a_lease_that_two_nodes_take_at_once_one_of_them_gets() {
    let [a, b] = both().await;
    for _ in 0..5 {
        let (mut of_a, mut of_b) = (a.domain.duties().unwrap(), b.domain.duties().unwrap());
        let taken = tokio::join!(a.domain.on_duty(&mut of_a), b.domain.on_duty(&mut of_b));
        assert_ne!(taken.0.unwrap(), taken.1.unwrap());
        a.domain.off_duty(&mut of_a).await.unwrap();
        b.domain.off_duty(&mut of_b).await.unwrap();
    }
}

#[tokio::test]
async fn a_node_alone_on_its_store_is_always_on_duty() {
    let node = Node::new("alpha.test").await;
    let mut duties = node.domain.duties().unwrap();
    assert!(node.domain.on_duty(&mut duties).await.unwrap());
    assert_eq!(node.records.scan(Table::Node, b"lease/", None, 1).await.unwrap(), Vec::new());
}

//
#[tokio::test]
async fn what_one_node_committed_and_did_not_publish_the_other_tells_the_mesh() {
    let [a, b] = both().await;
    let told = Arc::new(Told::default());
    b.domain.join_mesh(told.clone());
    let mut heard = Heard::default();
    b.domain.hear(&mut heard).await.unwrap();
    assert!(told.held.lock().unwrap().is_empty(), "what was there before, it read at its start");
    // The first node has no mesh: it commits, and is gone.
    let owner = a.owner("alice").await;
    a.domain.act_on_member(MemberKind::Owner, "alice", Act::Revoke).await.unwrap();
    b.domain.hear(&mut heard).await.unwrap();
    let items = announced(&a).await;
    let held = told.held.lock().unwrap().clone();
    for subject in [owner.did().as_str(), &a.domain.home.list_url(Purpose::Revocation)] {
        let envelope = items.iter().find(|envelope| envelope.body().subject == subject).unwrap();
        assert_eq!(held[subject].iter().map(|item| item.seq).max(), Some(envelope.body().seq), "{subject}");
    }
    assert!(items.iter().any(|envelope| envelope.body().kind == Kind::StatusList));
    // Once is enough.
    told.held.lock().unwrap().clear();
    b.domain.hear(&mut heard).await.unwrap();
    assert!(told.held.lock().unwrap().is_empty());
    // Whom the other recognises, or no more, is a matter for this node's mesh as well.
    let bravo = Node::new("bravo.test").await;
    a.trusts(&bravo, &["calendar:read"]).await;
    b.domain.hear(&mut heard).await.unwrap();
    assert_eq!(*told.domains.lock().unwrap(), 1);
    b.domain.hear(&mut heard).await.unwrap();
    assert_eq!(*told.domains.lock().unwrap(), 1);
    a.domain.act_on_trust(&bravo.domain.home.did, Act::Revoke).await.unwrap();
    b.domain.hear(&mut heard).await.unwrap();
    assert_eq!(*told.domains.lock().unwrap(), 2);
}
