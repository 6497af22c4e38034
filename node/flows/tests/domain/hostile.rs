//! Strangers, forks and races: what must not get in, and what must not get lost.

use crate::fated::{Fate, Fated};
use crate::peer::{announced, hello, judge, knock, take};
use crate::world::{Holder, Node, node_peer_id, scope};
use did_resolver::time::UnixSeconds;
use marque_flows::peers::MAX_PEER_DOMAINS;
use marque_flows::ports::mesh::Intake;
use marque_flows::ports::records::{Expect, Records, Table, Write};
use marque_rules::issuance::MemberKind;
use marque_rules::lifecycle::{Act, Standing};
use marque_rules::replica::token::JoinSecret;
use marque_rules::replica::{Envelope, Hello, Refusal, Scid, Verdict};
use marque_rules::trust::TrustedDomain;
use marque_store::memory::Memory;
use std::sync::Arc;
use std::time::Duration;
use vc_schemas::code::Code;
use vc_schemas::facts::{ListKey, Request as Wanted};
use vc_schemas::secure::Envelope as Securing;
use vc_schemas::status::Purpose;
use vc_schemas::status::bitstring::{Bits, MIN_ENTRIES};

async fn take_all(node: &Node, from: &Node) {
    for envelope in announced(from).await {
        take(node, &envelope).await;
    }
}

async fn two() -> (Node, Node) {
    let (alpha, bravo) = (Node::new("alpha.test").await, Node::new("bravo.test").await);
    bravo.trusts(&alpha, &["calendar:read"]).await;
    bravo.intake.admit(knock("alpha.test", hello(&alpha).await)).await.unwrap();
    (alpha, bravo)
}

/// The holder of a domain's own keys, as [`Node::new`] makes it.
fn issuer(label: &str) -> Holder {
    Holder::new(label, label, &[], UnixSeconds::new(crate::world::NOW - 1_000))
}

async fn put(node: &Node, table: Table, key: &str, value: impl Into<Vec<u8>>) {
    let write = Write { table, key: key.into(), value: Some(value.into()), expect: Expect::Any };
    node.records.commit(vec![write]).await.unwrap();
}

async fn rows(node: &Node, table: Table) -> usize {
    node.records.scan(table, &[], None, 1_000).await.unwrap().len()
}

#[tokio::test]
async fn a_stranger_with_a_made_up_join_secret_leaves_nothing_in_the_store() {
    let (node, stranger) = (Node::new("alpha.test").await, Node::new("mallory.test").await);
    let tables = [Table::Logs, Table::Floors, Table::Peers, Table::Decisions];
    let mut before = Vec::new();
    for table in tables {
        before.push(rows(&node, table).await);
    }
    let secret = Some(JoinSecret::new([7; 32]));
    let hello = Hello { join_secret: secret, ..hello(&stranger).await };
    let refused = node.intake.admit(knock("mallory.test", hello)).await.unwrap_err();
    assert_eq!(refused, Refusal::BadToken);
    for (table, before) in tables.into_iter().zip(before) {
        assert_eq!(rows(&node, table).await, before, "{table:?}");
    }
}

#[tokio::test]
async fn what_is_kept_of_domains_that_nobody_recognises_is_bounded() {
    let (node, stranger) = (Node::new("alpha.test").await, Node::new("mallory.test").await);
    let envelopes = announced(&stranger).await;
    let own = envelopes.iter().find(|e| e.body().subject == stranger.domain.home.did.as_str()).unwrap();
    assert!(matches!(take(&node, own).await, Verdict::Accept { .. }), "anybody may be resolved");
    let kept = node.records.get(Table::Node, b"unrecognised").await.unwrap().unwrap();
    assert!(String::from_utf8(kept.value).unwrap().contains("bytes"));
    put(&node, Table::Node, "unrecognised", format!("{{\"bytes\":{}}}", 64 << 20)).await;
    let more = Node::new("oscar.test").await;
    let envelopes = announced(&more).await;
    let own = envelopes.iter().find(|e| e.body().subject == more.domain.home.did.as_str()).unwrap();
    assert!(matches!(take(&node, own).await, Verdict::Ignore(Refusal::Overloaded)));
    node.trusts(&more, &[]).await;
    assert!(matches!(take(&node, own).await, Verdict::Accept { .. }), "the recognised are not counted");
}

#[tokio::test]
async fn a_domain_that_joined_and_is_suspended_is_not_admitted() {
    let (alpha, bravo) = (Node::new("alpha.test").await, Node::new("bravo.test").await);
    let addresses = vec![format!("/ip4/127.0.0.1/tcp/4001/p2p/{}", node_peer_id("alpha.test"))];
    let invite = alpha.domain.invite(Duration::from_secs(600), addresses).await.unwrap();
    let token = marque_rules::replica::token::JoinToken::parse(&invite.token, alpha.domain.now()).unwrap();
    let with_secret = Hello { join_secret: Some(token.secret), ..hello(&bravo).await };
    alpha.intake.admit(knock("bravo.test", with_secret)).await.unwrap();
    alpha.trusts(&bravo, &[]).await;
    alpha.domain.act_on_trust(&bravo.domain.home.did, Act::Suspend).await.unwrap();
    let refused = alpha.intake.admit(knock("bravo.test", hello(&bravo).await)).await.unwrap_err();
    assert_eq!(refused, Refusal::UnknownDomain);
    let domains = alpha.intake.domains().await.unwrap();
    assert!(domains.joined.is_empty() && domains.trusted.is_empty());
}

//
#[tokio::test]
async fn every_domain_that_joined_counts_and_one_beyond_the_bound_is_not_let_in() {
    let (alpha, bravo) = (Node::new("alpha.test").await, Node::new("bravo.test").await);
    let addresses = vec![format!("/ip4/127.0.0.1/tcp/4001/p2p/{}", node_peer_id("alpha.test"))];
    let invite = alpha.domain.invite(Duration::from_secs(600), addresses).await.unwrap();
    let token = marque_rules::replica::token::JoinToken::parse(&invite.token, alpha.domain.now()).unwrap();
    let with_secret = Hello { join_secret: Some(token.secret), ..hello(&bravo).await };
    let row = |n: usize| {
        let did = Holder::new(&format!("n{n}"), "many.test", &[], alpha.domain.now()).did();
        let record = serde_json::json!({"did": did.as_str(), "joined": true, "addresses": []});
        (Scid::of(&did).unwrap(), record.to_string().into_bytes())
    };
    for n in 0..MAX_PEER_DOMAINS {
        let (scid, record) = row(n);
        put(&alpha, Table::Peers, scid.as_str(), record).await;
    }
    assert_eq!(alpha.intake.domains().await.unwrap().joined.len(), MAX_PEER_DOMAINS);
    let refused = alpha.intake.admit(knock("bravo.test", with_secret.clone())).await.unwrap_err();
    assert_eq!(refused, Refusal::TooManyPeers);
    let (gone, _) = row(0);
    let key = gone.as_str().as_bytes().to_vec();
    let away = Write { table: Table::Peers, key, value: None, expect: Expect::Any };
    alpha.records.commit(vec![away]).await.unwrap();
    let admission = alpha.intake.admit(knock("bravo.test", with_secret)).await.unwrap();
    assert!(admission.joined, "the refusal did not use the token up");
    assert_eq!(alpha.intake.domains().await.unwrap().joined.len(), MAX_PEER_DOMAINS);
}

//
#[tokio::test]
async fn a_fork_that_a_hello_shows_makes_the_domain_contested() {
    let (alpha, bravo) = two().await;
    bravo.pass(30);
    let overlap = Some(Duration::from_secs(3_600));
    let branch = |at: u64| issuer("alpha.test").rotated(UnixSeconds::new(crate::world::NOW + at), overlap);
    let shows = |log: &Holder, hello: Hello| Hello { domain_log: log.log.bytes().to_vec(), ..hello };
    let one = knock("alpha.test", shows(&branch(1), hello(&alpha).await));
    bravo.intake.admit(one).await.unwrap();
    let two = knock("alpha.test", shows(&branch(2), hello(&alpha).await));
    assert_eq!(bravo.intake.admit(two).await.unwrap_err(), Refusal::Contested);
    assert!(bravo.domain.held_log(&alpha.domain.home.did).await.unwrap().is_contested());
}

// Rule 2: a key counts only if the newest version lists it, under whichever name
#[tokio::test]
async fn a_did_that_may_move_authorises_nothing() {
    let bravo = Node::new("bravo.test").await;
    let mover = Holder::that_may_move("mover", "mover.test", &[], bravo.domain.now(), true);
    put(&bravo, Table::Logs, &format!("{}#0", mover.did()), mover.log.bytes()).await;
    let held = bravo.domain.held_log(&mover.did()).await.unwrap();
    assert!(held.log().is_some(), "it resolves");
    assert!(held.fact().is_none());
    let trusted = TrustedDomain {
        did: mover.did(),
        suspended: false,
        capabilities: scope(&["calendar:read"]),
        resources: None,
    };
    bravo.domain.trust(trusted).await.unwrap();
    let hello = Hello {
        domain: mover.did(),
        domain_log: mover.log.bytes().to_vec(),
        ..hello(&Node::new("alpha.test").await).await
    };
    let refused = bravo.intake.admit(knock("alpha.test", hello)).await.unwrap_err();
    assert_eq!(refused, Refusal::BadDomainLog);
}

// MESH.md D7
#[tokio::test]
async fn an_old_list_is_not_new_again_because_its_issuer_has_a_new_version() {
    let (alpha, bravo) = two().await;
    alpha.owner("alice").await;
    alpha.agent("bot", "alice", &["calendar:read"]).await;
    let before = announced(&alpha).await;
    take_all(&bravo, &alpha).await;
    alpha.pass(5);
    bravo.pass(5);
    alpha.domain.act_on_member(MemberKind::Agent, "bot", Act::Suspend).await.unwrap();
    take_all(&bravo, &alpha).await;
    let rotated = issuer("alpha.test").rotated(bravo.domain.now(), Some(Duration::from_secs(3_600)));
    let newer = Hello { domain_log: rotated.log.bytes().to_vec(), ..hello(&alpha).await };
    bravo.intake.admit(knock("alpha.test", newer)).await.unwrap();
    let url = alpha.domain.home.list_url(Purpose::Suspension);
    let old = before.iter().find(|e| e.body().subject == url).unwrap();
    assert!(matches!(take(&bravo, old).await, Verdict::Older { .. }));
    let key = ListKey { issuer: alpha.domain.home.did.clone(), url };
    let index = alpha.domain.member(MemberKind::Agent, "bot").await.unwrap().index;
    let held = bravo.domain.held_list(&key).await.unwrap().unwrap();
    assert_eq!(held.list.bits.get(index), Some(true), "it stays suspended");
}

// THREATS.md, row 81
#[tokio::test]
async fn with_an_owner_its_agents_are_revoked_and_nobody_elses() {
    let node = Node::new("alpha.test").await;
    for owner in ["alice", "bob"] {
        node.owner(owner).await;
    }
    for (agent, owner) in [("one", "alice"), ("two", "alice"), ("three", "bob")] {
        node.agent(agent, owner, &["calendar:read"]).await;
    }
    node.domain.act_on_member(MemberKind::Owner, "alice", Act::Revoke).await.unwrap();
    for (agent, revoked) in [("one", true), ("two", true), ("three", false)] {
        let member = node.domain.member(MemberKind::Agent, agent).await.unwrap();
        assert_eq!(member.standing == Standing::Revoked, revoked, "{agent}");
        let list = node.domain.held_own_list(Purpose::Revocation).await.unwrap().unwrap().list;
        assert_eq!(list.bits.get(member.index), Some(revoked), "{agent}");
    }
}

//
#[tokio::test]
async fn a_log_against_the_floor_alone_does_not_move_the_floor() {
    let (alpha, bravo) = two().await;
    bravo.pass(30);
    let overlap = Some(Duration::from_secs(3_600));
    let branch = |at: u64| issuer("alpha.test").rotated(UnixSeconds::new(crate::world::NOW + at), overlap);
    let did = &alpha.domain.home.did;
    let other = branch(1);
    let floor = format!("{{\"number\":2,\"versionId\":\"{}\"}}", other.log.head().id);
    put(&bravo, Table::Floors, &format!("log\n{did}"), floor.clone()).await;
    let lost =
        Write { table: Table::Logs, key: format!("{did}#0").into_bytes(), value: None, expect: Expect::Any };
    bravo.records.commit(vec![lost]).await.unwrap();
    let forked = Hello { domain_log: branch(2).log.bytes().to_vec(), ..hello(&alpha).await };
    let refused = bravo.intake.admit(knock("alpha.test", forked)).await.unwrap_err();
    assert_eq!(refused, Refusal::Contested);
    let held = bravo.records.get(Table::Floors, format!("log\n{did}").as_bytes()).await.unwrap();
    assert_eq!(held.unwrap().value, floor.into_bytes());
}

//
#[tokio::test]
async fn a_revocation_that_a_renewal_overtakes_revokes_all_the_same() {
    let store = Arc::new(Fated::default());
    let node = Node::with("alpha.test", "alpha.test", store.records.clone(), store.clone()).await;
    node.owner("alice").await;
    store.once(Fate::Touched);
    node.domain.act_on_member(MemberKind::Owner, "alice", Act::Revoke).await.unwrap();
    let index = node.domain.member(MemberKind::Owner, "alice").await.unwrap().index;
    let fact = node.domain.held_own_list(Purpose::Revocation).await.unwrap().unwrap();
    assert_eq!(fact.list.bits.get(index), Some(true));
}

// MESH.md D7
#[tokio::test]
async fn what_two_lists_revoke_at_once_is_lost_by_neither() {
    let (alpha, bravo) = two().await;
    let twin = Node::new("alpha.test").await;
    for node in [&alpha, &twin, &bravo] {
        node.pass(200);
    }
    alpha.domain.refresh_lists().await.unwrap();
    take_all(&bravo, &alpha).await;
    twin.owner("alice").await;
    twin.domain.act_on_member(MemberKind::Owner, "alice", Act::Revoke).await.unwrap();
    let index = twin.domain.member(MemberKind::Owner, "alice").await.unwrap().index;
    alpha.pass(200);
    bravo.pass(200);
    alpha.domain.refresh_lists().await.unwrap();
    let url = alpha.domain.home.list_url(Purpose::Revocation);
    let of = |all: Vec<Envelope>| all.into_iter().find(|e| e.body().subject == url).unwrap();
    let prepared = judge(&bravo, &of(announced(&alpha).await)).await;
    let other = take(&bravo, &of(announced(&twin).await)).await;
    assert!(matches!(other, Verdict::Beside(_, Refusal::Equivocation)), "{other:?}");
    assert_eq!(prepared.write.unwrap().await.unwrap_err(), Refusal::StoreFailed);
    let key = ListKey { issuer: alpha.domain.home.did.clone(), url };
    let fact = bravo.domain.held_list(&key).await.unwrap().unwrap();
    assert_eq!(fact.revoked_ever.unwrap().get(index), Some(true));
}

#[tokio::test]
async fn a_membership_that_was_ever_seen_revoked_admits_nobody_without_its_list() {
    let (alpha, bravo) = two().await;
    let url = alpha.domain.home.list_url(Purpose::Revocation);
    let mut all = Bits::new(MIN_ENTRIES).unwrap();
    (0..MIN_ENTRIES).for_each(|index| all.set(index).unwrap());
    let key = format!("{}\n{url}", alpha.domain.home.did);
    put(&bravo, Table::RevokedEver, &key, all.encode().unwrap()).await;
    let refused = bravo.intake.admit(knock("alpha.test", hello(&alpha).await)).await.unwrap_err();
    assert_eq!(refused, Refusal::BadMembership);
}

#[tokio::test]
async fn another_domain_of_the_same_label_announces_nothing_of_this_one() {
    let alpha = Node::new("alpha.test").await;
    alpha.owner("alice").await;
    let bot = alpha.agent("bot", "alice", &["calendar:read"]).await;
    let squatter = Node::of("mallory", "alpha.test", Arc::new(Memory::default())).await;
    // As if it had been recognised before a second domain of one name was refused.
    let squatting = TrustedDomain {
        did: squatter.domain.home.did.clone(),
        suspended: false,
        capabilities: scope(&[]),
        resources: None,
    };
    put(&alpha, Table::Trust, &squatter.domain.home.scid, squatting.to_json().to_string()).await;
    squatter.owner("alice").await;
    // It has the agent's log by a rotation that was never registered here.
    alpha.pass(10);
    squatter.pass(10);
    let rotated = bot.rotated(alpha.domain.now(), Some(Duration::from_secs(1_000_000)));
    let proof = rotated.present(&squatter, &squatter.domain.new_nonce().unwrap(), Vec::new());
    let new = marque_flows::members::NewMember::Agent("alice".into(), scope(&["calendar:read"]));
    let registered = squatter.domain.register("bot", new, rotated.log.bytes(), &proof).await;
    assert!(registered.is_err(), "an honest domain refuses such an overlap");
    let rotated = bot.rotated(alpha.domain.now(), None);
    let proof = rotated.present(&squatter, &squatter.domain.new_nonce().unwrap(), Vec::new());
    let new = marque_flows::members::NewMember::Agent("alice".into(), scope(&["calendar:read"]));
    squatter.domain.register("bot", new, rotated.log.bytes(), &proof).await.unwrap();
    for envelope in announced(&squatter).await {
        let verdict = take(&alpha, &envelope).await;
        let own = envelope.body().subject == squatter.domain.home.did.as_str();
        let list = envelope.body().subject.starts_with("https:");
        let needs = matches!(verdict, Verdict::NeedDomain { .. });
        assert!(
            own || list || needs || matches!(verdict, Verdict::Ignore(Refusal::Inconsistent)),
            "{verdict:?}"
        );
    }
    let held = alpha.domain.held_log(&bot.did()).await.unwrap();
    assert_eq!(held.log().unwrap().head().number, 1);
}

#[tokio::test]
async fn refusals_that_anybody_can_cause_are_recorded_up_to_a_bound() {
    let node = Node::new("alpha.test").await;
    let nobody = Holder::new("nobody", "nobody.test", &[], node.domain.now());
    let presented = nobody.present(&node, &node.domain.new_nonce().unwrap(), Vec::new());
    let before = rows(&node, Table::Decisions).await;
    let code = || async {
        let outcome = node.domain.verify(&presented, Securing::Jwt, Wanted::default()).await;
        outcome.unwrap_err().refusal().code
    };
    for _ in 0..600 {
        assert_eq!(code().await, Code::ChainEmpty);
    }
    assert_eq!(code().await, Code::RateLimited);
    assert_eq!(rows(&node, Table::Decisions).await, before + 600);
    node.pass(60);
    assert_eq!(code().await, Code::ChainEmpty);
}

#[tokio::test]
async fn a_second_domain_of_one_name_is_not_recognised() {
    let (alpha, bravo) = (Node::new("alpha.test").await, Node::new("bravo.test").await);
    let namesake = |seed: &str, host: &str| TrustedDomain {
        did: Holder::new(seed, host, &[], alpha.domain.now()).did(),
        suspended: false,
        capabilities: scope(&[]),
        resources: None,
    };
    bravo.trusts(&alpha, &[]).await;
    bravo.trusts(&alpha, &["calendar:read"]).await;
    for (seed, host) in [("mallory", "alpha.test"), ("mallory", "bravo.test")] {
        let refused = bravo.domain.trust(namesake(seed, host)).await.unwrap_err().refusal();
        assert_eq!(refused.code, Code::StateConflict, "{host}");
    }
    bravo.domain.trust(namesake("charlie", "charlie.test")).await.unwrap();
}
