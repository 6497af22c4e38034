//! Logs that witnesses approve: held, passed on and announced with their proofs, or refused.

use crate::peer::{hello, take};
use crate::world::{Holder, NOW, Node, approvals, node_peer_id, received, watch};
use did_resolver::codec;
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use marque_flows::members::NewMember;
use marque_flows::ports::mesh::{Intake, Judgement, Knock, Submission};
use marque_flows::ports::records::Records;
use marque_rules::issuance::MemberKind;
use marque_rules::replica::limits::MAX_PAYLOAD_BYTES;
use marque_rules::replica::state::Via;
use marque_rules::replica::{
    Body, Envelope, Hello, Kind, LogHead, Refusal, Request, Response, Scid, Verdict,
};
use marque_store::memory::Memory;
use std::sync::Arc;
use std::time::Duration;
use vc_schemas::claims::OwnerKind;
use vc_schemas::code::Code;

const WITNESSES: [&str; 3] = ["wanda", "wilma", "willy"];
const TWO: [&str; 2] = ["wanda", "wilma"];
const AT: UnixSeconds = UnixSeconds::new(NOW - 500);

/// The keys of the domain `alpha.test`, as its node has them.
fn alpha() -> Holder {
    Holder::new("alpha.test", "alpha.test", &[], UnixSeconds::new(NOW - 1_000))
}

fn bot(approving: &[&str]) -> Holder {
    Holder::watched("bot", ("alpha.test", &["agents", "bot"]), AT, &WITNESSES, approving)
}

/// What alpha says of a log, with these proofs.
fn says(holder: &Holder, log: &[u8], witness: Option<Vec<u8>>) -> Envelope {
    let number = log.iter().filter(|byte| **byte == b'\n').count() as u64;
    let body = Body {
        kind: Kind::Log,
        domain: Scid::of(&alpha().did()).unwrap(),
        subject: holder.did().to_string(),
        seq: number,
        prev: None,
        issued_at: AT,
        expires_at: AT.plus(Duration::from_secs(3_600)),
        payload: log.to_vec(),
        witness,
    };
    alpha().seal(body)
}

async fn judge(node: &Node, envelope: &Envelope, log: Option<Vec<u8>>) -> Judgement {
    node.intake.judge(Submission { via: Via::Sync, envelope: envelope.clone(), log }).await
}

async fn admit(node: &Node, hello: Hello) -> Result<(), Refusal> {
    let knock = Knock { peer: node_peer_id("alpha.test"), hello, joining: None };
    node.intake.admit(knock).await.map(drop)
}

/// A node of another domain that recognises alpha and holds its log.
async fn bravo() -> Node {
    let (alpha, bravo) = (Node::new("alpha.test").await, Node::new("bravo.test").await);
    bravo.trusts(&alpha, &[]).await;
    admit(&bravo, hello(&alpha).await).await.unwrap();
    bravo
}

async fn file_of(node: &Node, did: &Did) -> Option<Vec<u8>> {
    node.domain.held_log(did).await.unwrap().log().and_then(|log| log.witness_file())
}

async fn envelope_of(node: &Node, did: &Did) -> Envelope {
    match node.intake.lookup(Request::Resolve { did: did.to_string() }).await {
        Response::Envelope(bytes) => Envelope::decode(&bytes).unwrap(),
        other => panic!("{other:?}"),
    }
}

//
#[tokio::test]
async fn a_witnessed_log_travels_from_node_to_node_with_its_proofs_and_survives_a_restart() {
    let (node, bravo, charlie) = (Node::new("alpha.test").await, bravo().await, bravo().await);
    node.owner("alice").await;
    let bot = bot(&TWO);
    let (proof, file) = (node.proof(&bot), bot.log.witness_file());
    let agent = || NewMember::Agent("alice".to_owned(), Default::default());
    let without = node.domain.register("bot", agent(), bot.log.bytes(), &proof).await.unwrap_err();
    assert_eq!(without.refusal().path.to_json(), serde_json::json!(["log", 0]));
    let log = received(bot.log.bytes(), file.as_deref());
    node.domain.register("bot", agent(), log, &proof).await.unwrap();
    assert_eq!(file_of(&node, &bot.did()).await, file);
    let mut envelope = envelope_of(&node, &bot.did()).await;
    for next in [&bravo, &charlie] {
        assert!(matches!(take(next, &envelope).await, Verdict::Accept { .. }));
        assert!(matches!(take(next, &envelope).await, Verdict::Same { .. }));
        assert_eq!(file_of(next, &bot.did()).await, file);
        envelope = envelope_of(next, &bot.did()).await;
    }
    let again = Node::over("bravo.test", Arc::clone(&bravo.records)).await;
    let held = again.domain.held_log(&bot.did()).await.unwrap();
    assert_eq!(held.log().map(|log| log.as_ref()), Some(&bot.log));
}

// MESH.md D7
#[tokio::test]
async fn a_log_below_its_threshold_is_refused_and_leaves_nothing() {
    let bravo = bravo().await;
    let before = bravo.records.scan(marque_flows::ports::records::Table::Logs, &[], None, 100).await.unwrap();
    let bot = bot(&TWO);
    let line = bot.log.bytes();
    let other = Holder::watched("other", ("alpha.test", &["agents", "other"]), AT, &WITNESSES, &TWO);
    let two_of_one = approvals(None, line, &["wanda", "wanda"], AT);
    let strangers = serde_json::to_vec(&serde_json::json!([])).unwrap();
    for witness in [
        None,
        Some(approvals(None, line, &["willy"], AT)),
        Some(two_of_one),
        Some(strangers),
        // The proofs of the same witnesses, for another DID.
        other.log.witness_file(),
        Some(b"not a file".to_vec()),
    ] {
        let verdict = take(&bravo, &says(&bot, line, witness)).await;
        assert!(matches!(verdict, Verdict::Ignore(Refusal::BadLog)), "{verdict:?}");
    }
    let after = bravo.records.scan(marque_flows::ports::records::Table::Logs, &[], None, 100).await.unwrap();
    assert_eq!(before, after);
    let good = says(&bot, line, bot.log.witness_file());
    assert!(matches!(take(&bravo, &good).await, Verdict::Accept { .. }));
}

// MESH.md D7
#[tokio::test]
async fn an_entry_that_lacks_approval_neither_extends_nor_forks_what_is_held() {
    let bravo = bravo().await;
    let bot = bot(&TWO);
    take(&bravo, &says(&bot, bot.log.bytes(), bot.log.witness_file())).await;
    let one = bot.rotated_before(UnixSeconds::new(NOW - 100), &TWO);
    let two = bot.rotated_before(UnixSeconds::new(NOW - 90), &TWO);
    let line = two.log.bytes().strip_prefix(bot.log.bytes()).unwrap();
    let short = || Some(approvals(Some(&bot.log), line, &["willy"], UnixSeconds::new(NOW - 90)));
    let extends = take(&bravo, &says(&bot, two.log.bytes(), short())).await;
    assert!(matches!(extends, Verdict::Ignore(Refusal::BadLog)), "{extends:?}");
    let held = bravo.domain.held_log(&bot.did()).await.unwrap();
    assert_eq!(held.log().map(|log| log.as_ref()), Some(&bot.log), "the prefix is as good as it was");
    take(&bravo, &says(&bot, one.log.bytes(), one.log.witness_file())).await;
    let forks = take(&bravo, &says(&bot, two.log.bytes(), short())).await;
    assert!(matches!(forks, Verdict::Ignore(Refusal::BadLog)), "{forks:?}");
    assert!(!bravo.domain.held_log(&bot.did()).await.unwrap().is_contested());
    let approved = take(&bravo, &says(&bot, two.log.bytes(), two.log.witness_file())).await;
    assert!(matches!(approved, Verdict::Accept { .. }), "{approved:?}");
    let held = bravo.domain.held_log(&bot.did()).await.unwrap();
    assert!(held.is_contested() && held.branches.iter().all(|log| log.witness_file().is_some()));
}

#[tokio::test]
async fn proofs_that_come_later_are_merged_and_passed_on() {
    let (node, bravo) = (Node::new("alpha.test").await, bravo().await);
    let alice = Holder::watched("alice", ("alpha.test", &["owners", "alice"]), AT, &WITNESSES, &TWO);
    let file = alice.log.witness_file();
    let new = NewMember::Owner(OwnerKind::Person);
    let log = received(alice.log.bytes(), file.as_deref());
    node.domain.register("alice", new, log, &node.proof(&alice)).await.unwrap();
    let first = envelope_of(&node, &alice.did()).await;
    take(&bravo, &first).await;

    let third = approvals(None, alice.log.bytes(), &["willy"], AT);
    let update = |file| node.domain.update_log(MemberKind::Owner, "alice", file);
    let log = update(received(alice.log.bytes(), Some(&third))).await.unwrap();
    let again = update(received(alice.log.bytes(), Some(&third))).await.unwrap_err();
    assert_eq!(again.refusal().code, Code::LogRefused, "nothing is new");
    let whole = log.witness_file();
    assert_ne!(whole, file);
    let second = envelope_of(&node, &alice.did()).await;
    assert_eq!(second.body().witness, whole);

    assert!(matches!(take(&bravo, &second).await, Verdict::Accept { .. }));
    for known in [&second, &first] {
        assert!(matches!(take(&bravo, known).await, Verdict::Same { .. }));
    }
    assert_eq!(file_of(&bravo, &alice.did()).await, whole);
    assert_eq!(envelope_of(&bravo, &alice.did()).await, second, "who comes late hears it all");
}

#[tokio::test]
async fn an_envelope_brings_every_proof_that_its_log_needs() {
    let bravo = bravo().await;
    let first = bot(&TWO);
    let at = |seconds: u64| UnixSeconds::new(NOW - 400 + seconds);
    let line = first.next_line(at(0), None, &watch(&["xenia", "xaver"]));
    let second = first.with(&line, &approvals(Some(&first.log), &line, &TWO, at(0)), at(0));
    let third = second.rotated_before(at(1), &["xenia", "xaver"]);
    take(&bravo, &says(&first, second.log.bytes(), second.log.witness_file())).await;
    let line = third.log.bytes().strip_prefix(second.log.bytes()).unwrap();
    let part = approvals(Some(&second.log), line, &["xenia", "xaver"], at(1));
    // Enough for who knows the rest; who comes late could not verify it.
    let verdict = take(&bravo, &says(&first, third.log.bytes(), Some(part))).await;
    assert!(matches!(verdict, Verdict::Ignore(Refusal::BadLog)), "{verdict:?}");
    let verdict = take(&bravo, &says(&first, third.log.bytes(), third.log.witness_file())).await;
    assert!(matches!(verdict, Verdict::Accept { .. }), "{verdict:?}");
}

#[tokio::test]
async fn a_long_log_is_announced_by_its_head_and_the_proofs_stand_beside_it() {
    let (bravo, charlie) = (bravo().await, bravo().await);
    let mut long = bot(&TWO);
    for second in 0.. {
        if long.log.bytes().len() > MAX_PAYLOAD_BYTES {
            break;
        }
        long = long.rotated_before(UnixSeconds::new(NOW - 400 + second), &TWO);
    }
    let log = long.log.bytes().to_vec();
    let head = LogHead {
        did: long.did().to_string(),
        version_number: u64::from(long.log.head().number),
        version_id: long.log.head().id.clone(),
        length: log.len() as u64,
        digest: codec::sha256(&log),
    };
    let plain = says(&long, b"", None).body().clone();
    let announcement = |witness| {
        let (kind, seq, payload) = (Kind::LogHead, head.version_number, head.encode());
        alpha().seal(Body { kind, seq, payload, witness, ..plain.clone() })
    };
    let without = announcement(None);
    assert!(matches!(take(&bravo, &without).await, Verdict::NeedLog));
    let verdict = judge(&bravo, &without, Some(log.clone())).await.verdict;
    assert!(matches!(verdict, Verdict::Ignore(Refusal::BadLog)), "{verdict:?}");
    let with = announcement(long.log.witness_file());
    assert!(matches!(take(&bravo, &with).await, Verdict::NeedLog));
    let judgement = judge(&bravo, &with, Some(log.clone())).await;
    assert!(matches!(judgement.verdict, Verdict::Accept { .. }));
    judgement.write.unwrap().await.unwrap();
    // And on: the page of the log by its digest, the proofs from the envelope.
    let envelope = envelope_of(&bravo, &long.did()).await;
    let page = Request::Log { did: long.did().to_string(), digest: head.digest, offset: 0 };
    let Response::Log { bytes, .. } = bravo.intake.lookup(page).await else { panic!("no page") };
    let judgement = judge(&charlie, &envelope, Some(bytes)).await;
    assert!(matches!(judgement.verdict, Verdict::Accept { .. }));
}

#[tokio::test]
async fn a_domain_with_witnesses_is_admitted_by_a_hello_that_shows_their_proofs() {
    let domain = Holder::watched("alpha.test", ("alpha.test", &[]), AT, &WITNESSES, &TWO);
    let records = Arc::new(Memory::default());
    let store: Arc<dyn Records> = records.clone();
    let node = Node::held_by(&domain, records, store).await;
    let bravo = Node::new("bravo.test").await;
    bravo.trusts(&node, &[]).await;
    let shows = hello(&node).await;
    assert_eq!(shows.domain_witness, domain.log.witness_file());
    let proofs = |witness| Hello { domain_witness: witness, ..shows.clone() };
    let one = approvals(None, domain.log.bytes(), &["willy"], AT);
    for short in [None, Some(one.clone())] {
        assert_eq!(admit(&bravo, proofs(short)).await, Err(Refusal::BadDomainLog));
    }
    admit(&bravo, shows.clone()).await.unwrap();
    assert_eq!(file_of(&bravo, &domain.did()).await, domain.log.witness_file());
    // What is held needs no proof again, and one more is kept.
    admit(&bravo, proofs(None)).await.unwrap();
    admit(&bravo, proofs(Some(one))).await.unwrap();
    let all = approvals(None, domain.log.bytes(), &WITNESSES, AT);
    let all = domain.log.with_approvals(&all).unwrap().unwrap();
    assert_eq!(file_of(&bravo, &domain.did()).await, all.witness_file());
}
