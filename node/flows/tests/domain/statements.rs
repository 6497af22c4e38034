//! Whom a domain tells the others that it recognises.

use crate::peer::{announced, hello, knock, take};
use crate::world::{Holder, NOW, Node};
use did_resolver::codec;
use did_resolver::time::UnixSeconds;
use marque_flows::ports::mesh::Intake;
use marque_flows::ports::records::{Records, Table};
use marque_rules::lifecycle::Act;
use marque_rules::replica::limits::MAX_NUMBER;
use marque_rules::replica::{Body, Envelope, Kind, Recognitions, Refusal, Scid, Verdict};
use marque_rules::trust::TrustedDomain;
use marque_store::memory::Memory;
use std::sync::Arc;

/// Alpha, which tells whom it recognises, and bravo, which follows alpha.
async fn two() -> (Node, Node) {
    let (alpha, bravo) = (Node::telling("alpha.test", Arc::default()).await, Node::new("bravo.test").await);
    bravo.trusts(&alpha, &[]).await;
    bravo.intake.admit(knock("alpha.test", hello(&alpha).await)).await.unwrap();
    (alpha, bravo)
}

async fn stated(node: &Node) -> Option<Envelope> {
    announced(node).await.into_iter().find(|envelope| envelope.body().kind == Kind::Recognitions)
}

async fn scid_of(node: &Node) -> String {
    Scid::of(&node.domain.home.did).unwrap().as_str().to_owned()
}

/// What bravo sees of alpha's recognition: whether it is suspended, and for what it is.
async fn seen(bravo: &Node) -> Option<(bool, serde_json::Value)> {
    let all = bravo.domain.recognised_by().await.unwrap();
    assert!(all.len() <= 1);
    all.first().map(|by| (by.stated.suspended, by.stated.capabilities.to_json()))
}

//
#[tokio::test]
async fn a_domain_sees_how_another_recognises_it_and_that_grants_nothing() {
    let (alpha, bravo) = two().await;
    let did = bravo.domain.home.did.clone();
    alpha.trusts(&bravo, &["calendar:read"]).await;
    let first = stated(&alpha).await.unwrap();
    assert!(matches!(take(&bravo, &first).await, Verdict::Accept { held } if held.len() == 1));
    assert!(matches!(take(&bravo, &first).await, Verdict::Same { .. }));
    assert_eq!(seen(&bravo).await, Some((false, serde_json::json!(["calendar:read"]))));
    for (act, what) in [(Act::Suspend, Some(true)), (Act::Resume, Some(false)), (Act::Revoke, None)] {
        alpha.domain.act_on_trust(&did, act).await.unwrap();
        let next = stated(&alpha).await.unwrap();
        assert!(matches!(take(&bravo, &next).await, Verdict::Accept { .. }));
        assert!(matches!(take(&bravo, &first).await, Verdict::Older { .. }));
        assert_eq!(seen(&bravo).await.map(|(suspended, _)| suspended), what);
    }
    let alphas = bravo.domain.recognitions_of(&scid_of(&alpha).await).await.unwrap().unwrap();
    assert!(alphas.recognitions.is_whole && alphas.recognitions.domains().is_empty());
    assert_eq!(alphas.domain, alpha.domain.home.did);
    assert!(bravo.domain.recognitions_of(&scid_of(&bravo).await).await.unwrap().is_none());
    // Whoever follows alpha and recognises nobody goes on recognising nobody.
    let charlie = Node::new("charlie.test").await;
    alpha.trusts(&charlie, &["calendar:read"]).await;
    for envelope in announced(&alpha).await {
        take(&charlie, &envelope).await;
    }
    assert_eq!(charlie.domain.recognised_by().await.unwrap().len(), 1);
    assert!(charlie.domain.trusted().await.unwrap().is_empty());
}

//
#[tokio::test]
async fn nothing_is_told_unless_the_operator_says_so_and_what_was_told_is_taken_back() {
    let (bravo, records) = (Node::new("bravo.test").await, Arc::new(Memory::default()));
    let silent = Node::over("alpha.test", records.clone()).await;
    silent.trusts(&bravo, &["calendar:read"]).await;
    silent.domain.state_recognitions().await.unwrap();
    assert!(stated(&silent).await.is_none(), "whom a domain recognises is its own business");
    let telling = Node::telling("alpha.test", records.clone()).await;
    telling.pass(1);
    telling.domain.state_recognitions().await.unwrap();
    let first = stated(&telling).await.unwrap();
    assert_eq!(Recognitions::of(first.body()).unwrap().domains().len(), 1);
    telling.domain.state_recognitions().await.unwrap();
    assert_eq!(stated(&telling).await.unwrap().bytes(), first.bytes(), "told once");
    // Off again: an empty statement, once, that does not say that nobody is recognised.
    let silent = Node::over("alpha.test", records).await;
    silent.pass(2);
    silent.domain.state_recognitions().await.unwrap();
    let last = stated(&silent).await.unwrap();
    let said = Recognitions::of(last.body()).unwrap();
    assert!(said.domains().is_empty() && !said.is_whole && said.number > first.body().seq);
    silent.trusts(&bravo, &[]).await;
    silent.domain.state_recognitions().await.unwrap();
    assert_eq!(stated(&silent).await.unwrap().bytes(), last.bytes());
}

// R-226 R-341
#[tokio::test]
async fn of_two_statements_of_one_number_all_hold_the_same_and_both_are_evidence() {
    let (alpha, bravo) = two().await;
    let (twin, charlie) =
        (Node::telling("alpha.test", Arc::default()).await, Node::new("charlie.test").await);
    alpha.trusts(&bravo, &["calendar:read"]).await;
    twin.trusts(&bravo, &["calendar:write"]).await;
    let (one, two) = (stated(&alpha).await.unwrap(), stated(&twin).await.unwrap());
    assert_eq!(one.body().seq, two.body().seq);
    for envelope in announced(&alpha).await.iter().filter(|e| e.body().kind == Kind::Log) {
        take(&charlie, envelope).await;
    }
    let digest = |envelope: &Envelope| codec::sha256(&envelope.body().payload);
    let counts = if digest(&one) < digest(&two) { digest(&one) } else { digest(&two) };
    for (node, first, second) in [(&bravo, &one, &two), (&charlie, &two, &one)] {
        assert!(matches!(take(node, first).await, Verdict::Accept { .. }));
        let verdict = take(node, second).await;
        match verdict {
            Verdict::Beside(_, Refusal::Equivocation) => assert_eq!(digest(second), counts),
            Verdict::Ignore(Refusal::Equivocation) => assert_eq!(digest(first), counts),
            other => panic!("{other:?}"),
        }
        let held = stated_by(node, &one).await;
        assert_eq!(held, [counts]);
        assert_eq!(node.records.scan(Table::Evidence, &[], None, 9).await.unwrap().len(), 2);
    }
}

/// Digests of what a node holds of this kind and origin.
async fn stated_by(node: &Node, of: &Envelope) -> Vec<codec::Sha256Digest> {
    let items = node.intake.items(of.body().domain.clone()).await.unwrap();
    let of_kind = items.iter().filter(|item| item.kind == Kind::Recognitions.item_kind());
    of_kind.map(|item| item.digest).collect()
}

//
#[tokio::test]
async fn whoever_stole_a_key_and_ran_the_number_to_its_end_is_overtaken_by_the_next_key() {
    let (alpha, bravo) = two().await;
    alpha.trusts(&bravo, &["calendar:read"]).await;
    let said = stated(&alpha).await.unwrap();
    let thief = Holder::new("alpha.test", "alpha.test", &[], UnixSeconds::new(NOW - 1_000));
    let state = |number: u64, recognised: Vec<TrustedDomain>| {
        let payload = Recognitions::new(number, &said.body().domain, recognised).encode();
        Body { seq: number, payload, ..said.body().clone() }
    };
    let last = thief.seal(state(MAX_NUMBER, Vec::new()));
    assert!(matches!(take(&bravo, &last).await, Verdict::Accept { .. }));
    assert_eq!(seen(&bravo).await, None);
    assert!(matches!(take(&bravo, &said).await, Verdict::Older { .. }));
    // The thief's statement came to alpha as well: what it recognises can be changed nevertheless.
    assert!(matches!(take(&alpha, &last).await, Verdict::Accept { .. }));
    alpha.trusts(&bravo, &[]).await;
    assert_eq!(stated(&alpha).await.unwrap().body().seq, MAX_NUMBER);
    for node in [&alpha, &bravo] {
        node.pass(1);
    }
    let newer = thief.rotated(alpha.domain.now(), None);
    let log = announced(&alpha).await.into_iter().find(|e| e.body().kind == Kind::Log).unwrap();
    let body = Body { seq: 2, payload: newer.log.bytes().to_vec(), ..log.body().clone() };
    assert!(matches!(take(&bravo, &newer.seal(body)).await, Verdict::Accept { .. }));
    let of_bravo = alpha.domain.trusted().await.unwrap();
    let next = newer.seal(state(1, of_bravo));
    assert!(matches!(take(&bravo, &next).await, Verdict::Accept { .. }));
    assert_eq!(seen(&bravo).await, Some((false, serde_json::json!([]))));
}

#[tokio::test]
async fn a_statement_about_another_domain_or_of_itself_is_refused() {
    let (alpha, bravo) = two().await;
    alpha.trusts(&bravo, &["calendar:read"]).await;
    let said = stated(&alpha).await.unwrap();
    let holder = Holder::new("alpha.test", "alpha.test", &[], UnixSeconds::new(NOW - 1_000));
    let other = Body { subject: bravo.domain.home.did.to_string(), ..said.body().clone() };
    let own = TrustedDomain {
        did: alpha.domain.home.did.clone(),
        suspended: false,
        capabilities: crate::world::scope(&[]),
        resources: None,
    };
    let of_bravo = Scid::of(&bravo.domain.home.did).unwrap();
    let itself = Recognitions::new(7, &of_bravo, [own]).encode();
    let itself = Body { seq: 7, payload: itself, ..said.body().clone() };
    for body in [other, itself] {
        let verdict = take(&bravo, &holder.seal(body)).await;
        assert!(matches!(verdict, Verdict::Ignore(Refusal::Inconsistent)), "{verdict:?}");
    }
    assert_eq!(seen(&bravo).await, None);
}
