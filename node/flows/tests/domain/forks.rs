//! Two histories of a DID: contested, settled by an operator, or the work of a key that was dead.

use crate::deltas::Published;
use crate::peer::{announced, hello, knock, take};
use crate::world::{Holder, Node, received};
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::DuplicityProof;
use marque_flows::error::Error;
use marque_flows::import::Outcome;
use marque_flows::ports::mesh::Intake;
use marque_flows::ports::records::{Records, Row, Table};
use marque_flows::record;
use marque_rules::replica::view::ItemKind;
use marque_rules::replica::{Body, Envelope, Kind, Lane, Refusal, Scid, Verdict};
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

// R-344
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

// R-344
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

/// The proof that a node has told the others of since the last time, if any.
async fn told(node: &Node, published: &Published) -> Option<Envelope> {
    node.domain.tell_forks().await.unwrap();
    let mut taken = published.take();
    assert!(
        taken.len() < 2
            && taken.iter().all(|(kind, lane, _)| { (*kind, *lane) == (Kind::DuplicityProof, Lane::Ctl) })
    );
    taken.pop().map(|(_, _, envelope)| envelope)
}

async fn forks(node: &Node) -> Vec<Row> {
    node.records.scan(Table::Forks, &[], None, 9).await.unwrap()
}

/// Another node, which has met the first.
async fn neighbour(label: &str, of: &Node) -> Node {
    let node = Node::new(label).await;
    node.trusts(of, &[]).await;
    node.intake.admit(knock("alpha.test", hello(of).await)).await.unwrap();
    node
}

// R-344
#[tokio::test]
async fn who_was_shown_one_history_only_believes_neither_once_another_tells_of_both() {
    let (alpha, root, [one, two]) = forked().await;
    let (published, did) = (Published::of(&alpha), root.did());
    let (bravo, charlie) = (neighbour("bravo.test", &alpha).await, neighbour("charlie.test", &alpha).await);
    import(&bravo, &one).await.unwrap();
    import(&alpha, &one).await.unwrap();
    assert_eq!(told(&alpha, &published).await, None);
    assert_eq!(import(&alpha, &two).await, Err(Code::DidContested));
    let proof = told(&alpha, &published).await.unwrap();
    assert_eq!((proof.body().subject.as_str(), proof.body().seq), (did.as_str(), 2));
    alpha.pass(60);
    assert_eq!(told(&alpha, &published).await, None, "once");
    // That they were told takes nothing from under an operator who is about to settle it.
    assert!(!String::from_utf8_lossy(&forks(&alpha).await.remove(0).stored.value).contains("told"));
    // One has one of the histories, the other has heard of the DID for the first time.
    let tells = Published::of(&bravo);
    for node in [&bravo, &charlie] {
        assert!(matches!(take(node, &proof).await, Verdict::Accept { held } if held.len() == 1));
        assert!(matches!(take(node, &proof).await, Verdict::Same { .. }));
        assert_eq!(version(node, &did).await, None);
        assert_eq!(recorded(node, "contested").await, 1);
        let fork = node.domain.forks(None, 10).await.unwrap().remove(0);
        assert_eq!((fork.at, fork.held.branches.len()), (2, 2));
        assert_eq!(import(node, &two).await, Err(Code::DidContested));
        // It is an item, to be pulled by who comes late: the same here and there.
        let items = async |of: &Node| {
            let items = of.intake.items(Scid::of(&alpha.domain.home.did).unwrap()).await.unwrap();
            items.into_iter().filter(|item| item.kind == ItemKind::DuplicityProof).collect::<Vec<_>>()
        };
        assert_eq!((items(node).await.len(), items(node).await), (1, items(&alpha).await));
    }
    // It tells its own friends in turn.
    let own = told(&bravo, &tells).await.unwrap();
    assert_eq!(own.body().domain, Scid::of(&bravo.domain.home.did).unwrap());
    let friend = Node::new("delta.test").await;
    friend.trusts(&bravo, &[]).await;
    friend.intake.admit(knock("bravo.test", hello(&bravo).await)).await.unwrap();
    let late: Vec<_> = announced(&bravo).await;
    let late = late.iter().find(|e| e.body().kind == Kind::DuplicityProof).unwrap();
    assert!(matches!(take(&friend, late).await, Verdict::Accept { .. }));
    assert_eq!(version(&friend, &did).await, None);
    // What an operator settled stays settled, whoever tells of it again.
    settle(&bravo, &did, &two.log.head().id).await.unwrap();
    assert_eq!(version(&bravo, &did).await, Some(2));
    let again = Node::over("bravo.test", bravo.records.clone()).await;
    assert!(matches!(take(&again, &proof).await, Verdict::Same { .. }));
    assert_eq!(version(&again, &did).await, Some(2));
}

// R-344
#[tokio::test]
async fn a_proof_of_a_fork_by_a_dead_key_is_evidence_and_is_passed_on() {
    let (alpha, root, [one, two]) = forked().await;
    let published = Published::of(&alpha);
    let bravo = neighbour("bravo.test", &alpha).await;
    import(&bravo, &one).await.unwrap();
    for node in [&alpha, &bravo] {
        node.pass(DAY);
    }
    // It was never here, so that both look alike.
    import(&alpha, &one).await.unwrap();
    assert_eq!(import(&alpha, &two).await, Err(Code::DidContested));
    let proof = told(&alpha, &published).await.unwrap();
    bravo.intake.admit(knock("alpha.test", hello(&alpha).await)).await.unwrap();
    assert!(matches!(take(&bravo, &proof).await, Verdict::Accept { .. }));
    assert_eq!(version(&bravo, &root.did()).await, Some(2));
    assert_eq!((recorded(&bravo, "dead-key-fork").await, recorded(&bravo, "contested").await), (1, 0));
}

// R-342
#[tokio::test]
async fn what_proves_nothing_contests_nothing() {
    let (alpha, root, [one, two]) = forked().await;
    let (published, did) = (Published::of(&alpha), root.did());
    let bravo = neighbour("bravo.test", &alpha).await;
    import(&bravo, &one).await.unwrap();
    import(&alpha, &one).await.unwrap();
    assert_eq!(import(&alpha, &two).await, Err(Code::DidContested));
    let good = told(&alpha, &published).await.unwrap().body().clone();
    let origin = Holder::new("alpha.test", "alpha.test", &[], UnixSeconds::new(crate::world::NOW - 1_000));
    let text = String::from_utf8(good.payload.clone()).unwrap();
    // A proof value of the second branch with another character at its end.
    let forged = text.replacen("\"type\\\":\\\"DataIntegrityProof", "\"type\\\":\\\"DataIntegrityproof", 3);
    assert_ne!(forged, text);
    let mut twice: serde_json::Value = serde_json::from_str(&text).unwrap();
    twice["branches"][1] = twice["branches"][0].clone();
    let mut longer = twice.clone();
    longer["branches"][1] = serde_json::json!({"log": String::from_utf8_lossy(root.log.bytes())});
    for (wrong, refusal) in [
        (Body { payload: forged.into_bytes(), ..good.clone() }, Refusal::BadProof),
        (Body { payload: twice.to_string().into_bytes(), ..good.clone() }, Refusal::BadProof),
        (Body { payload: longer.to_string().into_bytes(), ..good.clone() }, Refusal::BadProof),
        (Body { payload: Vec::new(), ..good.clone() }, Refusal::BadProof),
        (Body { seq: 3, ..good.clone() }, Refusal::Inconsistent),
        (Body { subject: alpha.domain.home.did.to_string(), ..good.clone() }, Refusal::Inconsistent),
    ] {
        let verdict = take(&bravo, &origin.seal(wrong)).await;
        assert!(matches!(verdict, Verdict::Ignore(why) if why == refusal), "{verdict:?}");
    }
    assert_eq!(version(&bravo, &did).await, Some(2));
    assert!(matches!(take(&bravo, &origin.seal(good)).await, Verdict::Accept { .. }));
    assert_eq!(version(&bravo, &did).await, None);
}

#[tokio::test]
async fn a_proof_that_does_not_fit_into_an_envelope_is_not_passed_on_and_not_tried_again() {
    let alpha = Node::new("alpha.test").await;
    let (published, now) = (Published::of(&alpha), alpha.domain.now().get());
    let mut long = Holder::new("bot", "mallory.test", &["bot"], UnixSeconds::new(now - 1_000));
    for n in 1..20 {
        long = long.rotated(UnixSeconds::new(now - 1_000 + n), None);
    }
    let [one, two] = [30, 40].map(|n| long.rotated(UnixSeconds::new(now - 1_000 + n), None));
    import(&alpha, &one).await.unwrap();
    assert_eq!(import(&alpha, &two).await, Err(Code::DidContested));
    assert_eq!(told(&alpha, &published).await, None);
    let noted = alpha.records.scan(Table::Node, b"told\n", None, 9).await.unwrap().remove(0);
    assert_eq!(noted.stored.value, br#"{"told":"too-long"}"#);
}
