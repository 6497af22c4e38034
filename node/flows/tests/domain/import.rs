//! Logs that are handed in, by the rules of those that the mesh brings.

use crate::world::{Holder, NOW, Node, approvals, received};
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use marque_flows::error::Error;
use marque_flows::import::Outcome;
use marque_flows::ports::records::{Expect, Records, Table, Write};
use marque_flows::record;
use serde_json::{Value, json};
use vc_schemas::code::Code;
use vc_schemas::refusal::Refusal;

const AT: UnixSeconds = UnixSeconds::new(NOW - 500);

fn stranger() -> Holder {
    Holder::new("stranger", "mallory.test", &["agents", "stranger"], AT)
}

async fn import(node: &Node, did: &Did, log: &[u8]) -> Result<Outcome, Refusal> {
    give(node, did, log, None).await
}

async fn give(node: &Node, did: &Did, log: &[u8], witness: Option<&[u8]>) -> Result<Outcome, Refusal> {
    match node.domain.import(did, received(log, witness)).await {
        Ok((outcome, held)) => {
            assert!(held.log().is_some());
            Ok(outcome)
        }
        Err(Error::Refused(refusal)) => Err(refusal),
        Err(other) => panic!("{other}"),
    }
}

/// The last decision: its outcome, code and facts.
async fn decided(node: &Node) -> [Value; 3] {
    let entries = record::read(node.domain.records(), None, 1_000).await.unwrap();
    // Entries of one second are in no order.
    let mut about = entries.into_iter().map(|(_, entry)| entry).filter(|e| e["subject"].as_str().is_some());
    let last = about.rfind(|e| e["subject"].as_str().unwrap().contains("mallory.test")).unwrap();
    [last["outcome"].clone(), last["code"].clone(), last["facts"].clone()]
}

async fn put(node: &Node, table: Table, key: &str, value: Option<String>) {
    let value = value.map(String::into_bytes);
    let write = Write { table, key: key.as_bytes().to_vec(), value, expect: Expect::Any };
    node.records.commit(vec![write]).await.unwrap();
}

#[tokio::test]
async fn a_log_is_taken_in_once_extended_and_never_shortened() {
    let node = Node::new("alpha.test").await;
    let one = stranger();
    let two = one.rotated(UnixSeconds::new(NOW - 100), None);
    let did = one.did();
    assert_eq!(import(&node, &did, one.log.bytes()).await, Ok(Outcome::Accepted));
    assert_eq!(
        decided(&node).await,
        [json!("imported"), Value::Null, json!({"versionId": one.log.head().id})]
    );
    assert_eq!(import(&node, &did, one.log.bytes()).await, Ok(Outcome::Same));
    node.pass(1);
    assert_eq!(import(&node, &did, two.log.bytes()).await, Ok(Outcome::Accepted));
    assert_eq!(import(&node, &did, one.log.bytes()).await, Ok(Outcome::Older));
    let held = node.domain.held_log(&did).await.unwrap();
    assert_eq!(held.log().unwrap().bytes(), two.log.bytes());
    // The floor stands also where the log was lost.
    put(&node, Table::Logs, &format!("{did}#0"), None).await;
    let outcome = node.domain.import(&did, received(one.log.bytes(), None)).await.map(|(o, _)| o);
    assert_eq!(outcome, Ok(Outcome::Older));
    assert!(node.domain.held_log(&did).await.unwrap().log().is_none());
}

#[tokio::test]
async fn a_refused_log_names_the_entry_and_changes_nothing_but_the_record_of_decisions() {
    let node = Node::new("alpha.test").await;
    let two = stranger().rotated(UnixSeconds::new(NOW - 100), None);
    let did = two.did();
    let text = String::from_utf8(two.log.bytes().to_vec()).unwrap();
    let (first, second) = text.split_once('\n').unwrap();
    let forged = format!("{first}\n{}", second.replace("key-2", "key-9"));
    let refused = import(&node, &did, forged.as_bytes()).await.unwrap_err();
    assert_eq!((refused.code, refused.path.to_json()), (Code::LogRefused, json!(["log", 1])));
    assert_eq!(refused.detail, "hash does not fit the entry and the one before");
    assert_eq!(decided(&node).await, [json!("import"), json!("log-refused"), json!({"path": ["log", 1]})]);
    let other = Holder::new("other", "mallory.test", &["agents", "other"], AT);
    let of_other = import(&node, &did, other.log.bytes()).await.unwrap_err();
    assert_eq!((of_other.code, of_other.path.to_json()), (Code::LogRefused, json!(["log"])));
    let long = import(&node, &did, &vec![b' '; (1 << 20) + 1]).await.unwrap_err();
    assert_eq!((long.code, long.path.to_json()), (Code::TooLarge, json!(["log"])));
    let many = import(&node, &did, &b"{}\n".repeat(2_001)).await.unwrap_err();
    assert_eq!(many.code, Code::TooLarge);
    assert!(import(&node, &did, b"").await.is_err());
    let key = "did:key:z6Mko9hTggMwjSTEaJaPUfE6tqcy2xvU6BnNq3e3o8qVBiyH".parse().unwrap();
    assert_eq!(import(&node, &key, two.log.bytes()).await.unwrap_err().code, Code::DidMalformed);
    assert!(node.domain.held_log(&did).await.unwrap().branches.is_empty());
}

#[tokio::test]
async fn proofs_count_at_this_door_as_at_the_others() {
    let node = Node::new("alpha.test").await;
    let watched = Holder::watched("bot", ("mallory.test", &["bot"]), AT, &["a", "b", "c"], &["a", "b"]);
    let (did, log) = (watched.did(), watched.log.bytes());
    let one = approvals(None, log, &["c"], AT);
    for short in [None, Some(one.as_slice())] {
        let refused = give(&node, &did, log, short).await.unwrap_err();
        assert_eq!((refused.code, refused.path.to_json()), (Code::LogRefused, json!(["log", 0])));
        assert_eq!(refused.detail, "too few witnesses approve the entry");
    }
    let malformed = give(&node, &did, log, Some(b"[1]")).await.unwrap_err();
    assert_eq!((malformed.code, malformed.path.to_json()), (Code::LogRefused, json!(["witness"])));
    let file = watched.log.witness_file();
    assert_eq!(give(&node, &did, log, file.as_deref()).await, Ok(Outcome::Accepted));
    assert_eq!(give(&node, &did, log, Some(&one)).await, Ok(Outcome::Approved));
    assert_eq!(give(&node, &did, log, Some(&one)).await, Ok(Outcome::Same));
}

//
#[tokio::test]
async fn a_fork_makes_the_did_contested_and_both_branches_are_kept() {
    let node = Node::new("alpha.test").await;
    let root = stranger();
    let (did, at) = (root.did(), |seconds: u64| UnixSeconds::new(NOW - 100 + seconds));
    let (one, two) = (root.rotated(at(0), None), root.rotated(at(1), None));
    import(&node, &did, one.log.bytes()).await.unwrap();
    node.pass(1);
    for _ in 0..2 {
        let refused = import(&node, &did, two.log.bytes()).await.unwrap_err();
        assert_eq!(refused.code, Code::DidContested);
    }
    assert_eq!(node.domain.held_log(&did).await.unwrap().branches.len(), 2);
    let entries = record::read(node.domain.records(), None, 1_000).await.unwrap();
    let of = |outcome: &str| entries.iter().filter(|(_, e)| e["outcome"] == outcome).count();
    assert_eq!((of("contested"), of("import")), (1, 2));
    assert_eq!(import(&node, &did, root.log.bytes()).await.unwrap_err().code, Code::DidContested);
}

// MESH.md D7
#[tokio::test]
async fn of_many_histories_the_longest_is_held_until_one_that_comes_before_it_is_longer() {
    let node = Node::new("alpha.test").await;
    let root = stranger();
    let (did, at) = (root.did(), |seconds: u64| UnixSeconds::new(NOW - 100 + seconds));
    let mut all: Vec<_> = (0..6).map(|seconds| root.rotated(at(seconds), None)).collect();
    all.sort_by_key(|holder| holder.log.head().id.clone());
    let longest = all.pop().unwrap().rotated(at(10), None);
    let grown = all[1].rotated(at(10), None).rotated(at(11), None);
    for holder in all.iter().chain([&longest]) {
        let _ = import(&node, &did, holder.log.bytes()).await;
    }
    let heads = async || {
        let held = node.domain.held_log(&did).await.unwrap();
        held.branches.iter().map(|log| log.head().id.clone()).collect::<Vec<_>>()
    };
    let ranked = |from: &[Holder]| from.iter().take(4).map(|h| h.log.head().id.clone()).collect::<Vec<_>>();
    assert_eq!(heads().await, [ranked(&all), vec![longest.log.head().id.clone()]].concat());
    let _ = import(&node, &did, grown.log.bytes()).await;
    all[1] = grown;
    assert_eq!(heads().await, ranked(&all));
}

#[tokio::test]
async fn what_stands_in_this_domain_does_not_come_in_by_import() {
    let node = Node::new("alpha.test").await;
    node.owner("alice").await;
    let mut holders = vec![Holder::new("forged", "alpha.test", &["agents", "forged"], AT)];
    holders.push(Holder::new("alpha.test", "alpha.test", &[], UnixSeconds::new(NOW - 1_000)));
    for holder in holders {
        let refused = import(&node, &holder.did(), holder.log.bytes()).await.unwrap_err();
        assert_eq!((refused.code, refused.path.to_json()), (Code::LogRefused, json!(["did"])));
    }
}

#[tokio::test]
async fn what_is_imported_of_strangers_counts_against_their_bound() {
    let (node, bravo) = (Node::new("alpha.test").await, Node::new("bravo.test").await);
    let stranger = stranger();
    import(&node, &stranger.did(), stranger.log.bytes()).await.unwrap();
    let kept = node.records.get(Table::Node, b"unrecognised").await.unwrap().unwrap();
    let kept: Value = serde_json::from_slice(&kept.value).unwrap();
    assert!(kept["bytes"].as_u64().unwrap() > stranger.log.bytes().len() as u64);
    put(&node, Table::Node, "unrecognised", Some(format!("{{\"bytes\":{}}}", 64 << 20))).await;
    let more = Holder::new("more", "mallory.test", &["more"], AT);
    let refused = import(&node, &more.did(), more.log.bytes()).await.unwrap_err();
    assert_eq!((refused.code, refused.path.to_json()), (Code::StateConflict, json!(["did"])));
    // A host proves nothing: only the recognised domain itself is not a stranger.
    node.trusts(&bravo, &[]).await;
    let under = Holder::new("under", "bravo.test", &["agents", "under"], AT);
    assert!(import(&node, &under.did(), under.log.bytes()).await.is_err());
    let log = bravo.domain.own_log().await.unwrap();
    assert_eq!(import(&node, log.did(), log.bytes()).await, Ok(Outcome::Accepted));
}
