//! Two histories of a DID: contested, settled by an operator, or the work of a key that was dead.

use crate::world::{Holder, Node, received};
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::DuplicityProof;
use marque_flows::error::Error;
use marque_flows::import::Outcome;
use marque_flows::ports::records::{Records, Table};
use marque_flows::record;
use vc_schemas::code::Code;
use vc_schemas::facts::DidFact;

const DAY: u64 = 24 * 3_600;

async fn import(node: &Node, log: &Holder) -> Result<Outcome, Code> {
    match node.domain.import(&log.did(), received(log.log.bytes(), None)).await {
        Ok((outcome, _)) => Ok(outcome),
        Err(Error::Refused(refusal)) => Err(refusal.code),
        Err(other) => panic!("{other}"),
    }
}

async fn settle(node: &Node, did: &Did, version_id: &str) -> Result<(), Code> {
    match node.domain.settle(did, version_id).await {
        Ok(_) => Ok(()),
        Err(Error::Refused(refusal)) => Err(refusal.code),
        Err(other) => panic!("{other}"),
    }
}

async fn recorded(node: &Node, outcome: &str) -> usize {
    let entries = record::read(node.domain.records(), None, 1_000).await.unwrap();
    entries.iter().filter(|(_, entry)| entry["outcome"] == outcome).count()
}

async fn version(node: &Node, did: &Did) -> Option<u32> {
    match node.domain.held_log(did).await.unwrap().fact() {
        Some(DidFact::Active { version, .. }) => Some(version),
        Some(DidFact::Contested) => None,
        other => panic!("{other:?}"),
    }
}

/// A node, somebody's log, and two next versions of it, of which the second is later.
async fn forked() -> (Node, Holder, [Holder; 2]) {
    let node = Node::new("alpha.test").await;
    let now = node.domain.now().get();
    let root = Holder::new("bot", "mallory.test", &["bot"], UnixSeconds::new(now - 1_000));
    let branch = |seconds| root.rotated(UnixSeconds::new(now - 1_000 + seconds), None);
    let branches = [branch(10), branch(20)];
    (node, root, branches)
}

//
#[tokio::test]
async fn an_operator_settles_which_history_counts_and_all_are_kept() {
    let (node, root, [one, two]) = forked().await;
    let did = root.did();
    import(&node, &one).await.unwrap();
    assert!(node.domain.forks(None, 10).await.unwrap().is_empty());
    assert_eq!(settle(&node, &did, &one.log.head().id).await, Err(Code::StateConflict));
    assert_eq!(import(&node, &two).await, Err(Code::DidContested));
    assert_eq!(version(&node, &did).await, None);
    // What both have, and what neither has, tells nothing apart.
    for unfit in [root.log.head().id.as_str(), "2-Qm", ""] {
        assert_eq!(settle(&node, &did, unfit).await, Err(Code::StateConflict), "{unfit}");
    }
    settle(&node, &did, &two.log.head().id).await.unwrap();
    let fork = node.domain.forks(None, 10).await.unwrap().remove(0);
    assert_eq!((fork.did.clone(), fork.at, fork.held.branches.len()), (did.clone(), 2, 2));
    assert_eq!(fork.held.log().map(|log| log.head().id.clone()), Some(two.log.head().id.clone()));
    let proof = fork.proof().unwrap().to_json().to_string();
    assert_eq!(DuplicityProof::verify(proof.as_bytes(), node.domain.now()).unwrap().at(), 2);
    // It counts, it grows, and what does not count may grow beside it.
    node.pass(2_000);
    let longer = two.rotated(node.domain.now(), None);
    assert_eq!(import(&node, &longer).await, Ok(Outcome::Accepted));
    assert_eq!(import(&node, &one.rotated(node.domain.now(), None)).await, Err(Code::DidContested));
    assert_eq!(version(&node, &did).await, Some(3));
    assert_eq!(node.domain.held_log(&did).await.unwrap().branches.len(), 2);
    // It can be settled otherwise.
    settle(&node, &did, &one.log.head().id).await.unwrap();
    assert_eq!(recorded(&node, "settled").await, 2);
    // Another history of the one that counts makes it contested again.
    node.pass(5);
    assert_eq!(import(&node, &one.rotated(node.domain.now(), None)).await, Err(Code::DidContested));
    assert_eq!(version(&node, &did).await, None);
}

//
#[tokio::test]
async fn a_key_that_was_dead_for_a_day_contests_nothing_and_leaves_evidence_once() {
    let (node, root, [one, two]) = forked().await;
    import(&node, &one).await.unwrap();
    node.pass(DAY);
    for _ in 0..2 {
        assert_eq!(import(&node, &two).await, Err(Code::LogRefused));
    }
    assert_eq!(version(&node, &root.did()).await, Some(2));
    assert_eq!(recorded(&node, "dead-key-fork").await, 1);
    let evidence = node.records.scan(Table::Evidence, b"log\n", None, 10).await.unwrap();
    assert_eq!(evidence.iter().map(|row| row.stored.value.as_slice()).collect::<Vec<_>>(), [two.log.bytes()]);
}

#[tokio::test]
async fn a_day_counts_from_when_the_rotation_came_here() {
    let (node, root, [one, two]) = forked().await;
    import(&node, &root).await.unwrap();
    node.pass(3 * DAY);
    import(&node, &one).await.unwrap();
    node.pass(DAY - 1);
    assert_eq!(import(&node, &two).await, Err(Code::DidContested));
    assert_eq!(version(&node, &root.did()).await, None);
}
