//! What comes from other domains: hellos are admitted or not, envelopes judged, kept and passed on.

use crate::peer::{announced, hello, judge, knock, take};
use crate::world::{Holder, Node, node_did, node_peer_id};
use did_resolver::codec;
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use marque_flows::ports::mesh::{Intake, Knock, Shown};
use marque_flows::ports::records::{Records, Table};
use marque_rules::issuance::MemberKind;
use marque_rules::lifecycle::Act;
use marque_rules::replica::limits::{MAX_EVIDENCE, MAX_LISTS};
use marque_rules::replica::token::JoinToken;
use marque_rules::replica::view::ItemKind;
use marque_rules::replica::{
    Body, Envelope, Hello, Item, Kind, MembershipEpoch, Refusal, Request, Response, Scid, Verdict,
};
use marque_store::memory::Memory;
use std::sync::Arc;
use std::time::Duration;
use vc_schemas::facts::ListKey;
use vc_schemas::status::Purpose;

fn scid(did: &Did) -> Scid {
    Scid::of(did).unwrap()
}

async fn two() -> (Node, Node) {
    let (alpha, bravo) = (Node::new("alpha.test").await, Node::new("bravo.test").await);
    bravo.trusts(&alpha, &["calendar:read"]).await;
    bravo.intake.admit(knock("alpha.test", hello(&alpha).await)).await.unwrap();
    (alpha, bravo)
}

// R-340 R-341
#[tokio::test]
async fn what_one_domain_announces_the_other_holds_after_judging_it() {
    let (alpha, bravo) = two().await;
    alpha.owner("alice").await;
    let bot = alpha.agent("bot", "alice", &["calendar:read"]).await;
    for envelope in announced(&alpha).await {
        assert!(matches!(take(&bravo, &envelope).await, Verdict::Accept { .. } | Verdict::Same { .. }));
        assert!(matches!(take(&bravo, &envelope).await, Verdict::Same { .. }), "a replay changes nothing");
    }
    let held = bravo.domain.held_log(&bot.did()).await.unwrap();
    assert_eq!(held.log().unwrap().bytes(), bot.log.bytes());
    let key = ListKey {
        issuer: alpha.domain.home.did.clone(),
        url: alpha.domain.home.list_url(Purpose::Revocation),
    };
    assert!(bravo.domain.held_list(&key).await.unwrap().is_some());
    assert_eq!(bravo.domain.find_name("bot", "alpha.test").await.unwrap(), bot.did());
    // It can be passed on: the same envelopes, byte for byte.
    let own = scid(&alpha.domain.home.did);
    let (mut here, mut there) =
        (alpha.intake.items(own.clone()).await.unwrap(), bravo.intake.items(own).await.unwrap());
    here.sort();
    there.sort();
    assert_eq!(here, there);
}

//
#[tokio::test]
async fn an_envelope_that_was_changed_or_is_signed_by_another_domain_is_refused() {
    let (alpha, bravo) = two().await;
    let charlie = Node::new("charlie.test").await;
    alpha.owner("alice").await;
    for envelope in announced(&alpha).await {
        let mut bytes = envelope.bytes().to_vec();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let forged = Envelope::decode(&bytes).unwrap();
        assert!(matches!(judge(&bravo, &forged).await.verdict, Verdict::Reject(Refusal::BadSignature)));
    }
    for envelope in announced(&charlie).await {
        let verdict = judge(&bravo, &envelope).await.verdict;
        let log = envelope.body().subject == charlie.domain.home.did.as_str();
        // A domain's own log speaks for itself; whether it is wanted, the state machine has decided.
        assert!(log || matches!(verdict, Verdict::NeedDomain { .. }), "{verdict:?}");
    }
}

//
#[tokio::test]
async fn a_revocation_travels_and_an_older_list_does_not_undo_it() {
    let (alpha, bravo) = two().await;
    alpha.owner("alice").await;
    let bot = alpha.agent("bot", "alice", &["calendar:read"]).await;
    let before = announced(&alpha).await;
    for envelope in &before {
        take(&bravo, envelope).await;
    }
    alpha.domain.act_on_member(MemberKind::Agent, "bot", Act::Revoke).await.unwrap();
    for envelope in announced(&alpha).await {
        take(&bravo, &envelope).await;
    }
    let index = alpha.domain.member(MemberKind::Agent, "bot").await.unwrap().index;
    let key = ListKey {
        issuer: alpha.domain.home.did.clone(),
        url: alpha.domain.home.list_url(Purpose::Revocation),
    };
    let revoked = || async { bravo.domain.held_list(&key).await.unwrap().unwrap().list.bits.get(index) };
    assert_eq!(revoked().await, Some(true));
    for envelope in before.iter().filter(|e| e.body().kind.item_kind() == ItemKind::StatusList) {
        let older = take(&bravo, envelope).await;
        assert!(matches!(older, Verdict::Older { .. } | Verdict::Same { .. }), "{older:?}");
    }
    assert_eq!(revoked().await, Some(true));
    assert_eq!(bot.did().method(), "webvh");
}

// MESH.md D7
#[tokio::test]
async fn a_list_that_clears_a_revocation_is_refused_kept_as_evidence_and_the_revocation_stands() {
    let (alpha, bravo) = two().await;
    alpha.owner("alice").await;
    alpha.agent("bot", "alice", &["calendar:read"]).await;
    alpha.domain.act_on_member(MemberKind::Agent, "bot", Act::Revoke).await.unwrap();
    let index = alpha.domain.member(MemberKind::Agent, "bot").await.unwrap().index;
    for envelope in announced(&alpha).await {
        take(&bravo, &envelope).await;
    }
    // The same domain with an empty store: as if it had lost its memory, with a higher number.
    let amnesiac = Node::over("alpha.test", Arc::new(Memory::default())).await;
    for _ in 0..5 {
        amnesiac.pass(200);
        amnesiac.domain.refresh_lists().await.unwrap();
    }
    bravo.pass(1_000);
    let url = alpha.domain.home.list_url(Purpose::Revocation);
    let lists = announced(&amnesiac).await.into_iter().filter(|e| e.body().subject == url);
    for envelope in lists {
        assert!(matches!(take(&bravo, &envelope).await, Verdict::Ignore(Refusal::Unrevokes)));
    }
    let key = ListKey { issuer: alpha.domain.home.did.clone(), url };
    let fact = bravo.domain.held_list(&key).await.unwrap().unwrap();
    assert_eq!(fact.list.bits.get(index), Some(true));
    assert_eq!(bravo.records.scan(Table::Evidence, &[], None, 10).await.unwrap().len(), 1);
}

//
#[tokio::test]
async fn two_histories_of_a_did_make_it_contested_and_both_are_kept() {
    let (alpha, bravo) = two().await;
    alpha.owner("alice").await;
    let bot = alpha.agent("bot", "alice", &["calendar:read"]).await;
    alpha.pass(10);
    bravo.pass(20);
    let twin = Node::over("alpha.test", Arc::new(copy(&alpha).await)).await;
    let one = bot.rotated(alpha.domain.now(), None);
    alpha.domain.update_log(MemberKind::Agent, "bot", one.log.bytes()).await.unwrap();
    twin.pass(15);
    let two = bot.rotated(twin.domain.now(), None);
    twin.domain.update_log(MemberKind::Agent, "bot", two.log.bytes()).await.unwrap();
    for envelope in announced(&alpha).await.iter().chain(&announced(&twin).await) {
        take(&bravo, envelope).await;
    }
    let held = bravo.domain.held_log(&bot.did()).await.unwrap();
    assert!(held.is_contested());
    assert!(matches!(held.fact(), Some(vc_schemas::facts::DidFact::Contested)));
    // One branch alone would look like the whole to whoever asks.
    let asked = bravo.intake.lookup(Request::Resolve { did: bot.did().to_string() }).await;
    assert!(matches!(asked, Response::Refused(Refusal::Contested)), "{asked:?}");
}

async fn copy(node: &Node) -> Memory {
    use marque_flows::ports::records::{Expect, Write};
    let copy = Memory::default();
    for table in [Table::Node, Table::Logs, Table::Floors, Table::Owners, Table::Agents, Table::Envelopes] {
        for row in node.records.scan(table, &[], None, 1_000).await.unwrap() {
            let write = Write { table, key: row.key, value: Some(row.stored.value), expect: Expect::Any };
            copy.commit(vec![write]).await.unwrap();
        }
    }
    copy
}

#[tokio::test]
async fn a_membership_of_another_peer_or_domain_admits_nobody() {
    let (alpha, bravo) = (Node::new("alpha.test").await, Node::new("bravo.test").await);
    let stranger = bravo.intake.admit(knock("alpha.test", hello(&alpha).await)).await;
    assert_eq!(stranger.unwrap_err(), Refusal::UnknownDomain);
    bravo.trusts(&alpha, &[]).await;
    let other_peer = bravo.intake.admit(knock("mallory", hello(&alpha).await)).await;
    assert_eq!(other_peer.unwrap_err(), Refusal::BadMembership);
    let charlie = Node::new("charlie.test").await;
    let mut borrowed = hello(&alpha).await;
    borrowed.membership = hello(&charlie).await.membership;
    let refused = bravo.intake.admit(knock("charlie.test", borrowed)).await;
    assert_eq!(refused.unwrap_err(), Refusal::BadMembership);
    let mut broken = hello(&alpha).await;
    broken.domain_log.truncate(100);
    assert_eq!(bravo.intake.admit(knock("alpha.test", broken)).await.unwrap_err(), Refusal::BadDomainLog);
    let impostor = Node::new("alpha.test").await;
    assert_eq!(impostor.domain.home.did, alpha.domain.home.did, "the same seeds are the same domain");
    alpha.pass(25 * 3_600);
    let late = knock("alpha.test", hello(&alpha).await);
    assert_eq!(
        bravo.intake.admit(late).await.unwrap_err(),
        Refusal::BadMembership,
        "valid in the future only"
    );
}

#[tokio::test]
async fn a_join_token_admits_one_domain_once() {
    let (alpha, bravo) = (Node::new("alpha.test").await, Node::new("bravo.test").await);
    let addresses = vec![format!("/ip4/127.0.0.1/tcp/4001/p2p/{}", node_peer_id("alpha.test"))];
    let invite = alpha.domain.invite(Duration::from_secs(600), addresses).await.unwrap();
    let token = JoinToken::parse(&invite.token, alpha.domain.now()).unwrap();
    let with_secret = |mut hello: Hello| {
        hello.join_secret = Some(token.secret.clone());
        hello
    };
    let admission = alpha.intake.admit(knock("bravo.test", with_secret(hello(&bravo).await))).await.unwrap();
    assert!(admission.joined);
    let charlie = Node::new("charlie.test").await;
    let again = alpha.intake.admit(knock("charlie.test", with_secret(hello(&charlie).await))).await;
    assert_eq!(again.unwrap_err(), Refusal::BadToken);
    let later = alpha.intake.admit(knock("bravo.test", hello(&bravo).await)).await.unwrap();
    assert!(!later.joined, "joined before");
    // The joining side admits the domain of the token, and no other.
    let joining = Knock { joining: Some(token.clone()), ..knock("alpha.test", hello(&alpha).await) };
    assert!(bravo.intake.admit(joining).await.unwrap().joined);
    let wrong = Knock { joining: Some(token), ..knock("charlie.test", hello(&charlie).await) };
    assert_eq!(bravo.intake.admit(wrong).await.unwrap_err(), Refusal::UnknownDomain);
    let domains = bravo.intake.domains().await.unwrap();
    assert!(domains.trusted.is_empty(), "a join makes no credential count");
}

#[tokio::test]
async fn what_is_not_held_is_answered_with_not_found() {
    let node = Node::new("alpha.test").await;
    let nobody = Holder::new("nobody", "alpha.test", &["agents", "nobody"], node.domain.now());
    for request in [
        Request::Resolve { did: nobody.did().to_string() },
        Request::Resolve { did: "garbage".into() },
        Request::List { url: "https://nowhere.test/status/x".into() },
        Request::Log { did: nobody.did().to_string(), digest: [0; 32], offset: 0 },
    ] {
        assert!(matches!(node.intake.lookup(request).await, Response::Refused(Refusal::NotFound)));
    }
    let own = Request::Resolve { did: node.domain.home.did.to_string() };
    assert!(matches!(node.intake.lookup(own).await, Response::Envelope(_)));
    assert_eq!(node_did("alpha.test").method(), "key");
}

/// A list of the same domain by somebody who has its key and nothing of its memory: the number is that
/// of the first revocation, the index depends on `n`.
async fn twin_that_revokes(n: usize) -> (Envelope, u32) {
    let twin = Node::over("alpha.test", Arc::new(Memory::default())).await;
    for owner in 0..=n {
        twin.owner(&format!("owner-{owner}")).await;
    }
    twin.domain.act_on_member(MemberKind::Owner, &format!("owner-{n}"), Act::Revoke).await.unwrap();
    let index = twin.domain.member(MemberKind::Owner, &format!("owner-{n}")).await.unwrap().index;
    (revocations(&twin).await, index)
}

async fn revocations(node: &Node) -> Envelope {
    let url = node.domain.home.list_url(Purpose::Revocation);
    announced(node).await.into_iter().find(|e| e.body().subject == url).unwrap()
}

// MESH.md D7
#[tokio::test]
async fn of_two_judgements_at_once_neither_loses_what_the_other_revoked() {
    let (alpha, bravo) = two().await;
    for name in ["alice", "anna"] {
        alpha.owner(name).await;
    }
    let revoke = async |name| {
        alpha.domain.act_on_member(MemberKind::Owner, name, Act::Revoke).await.unwrap();
        alpha.domain.member(MemberKind::Owner, name).await.unwrap().index
    };
    let alice = revoke("alice").await;
    assert!(matches!(take(&bravo, &revocations(&alpha).await).await, Verdict::Accept { .. }));
    let anna = revoke("anna").await;
    let prepared = judge(&bravo, &revocations(&alpha).await).await;
    let (equivocal, other) = twin_that_revokes(4).await;
    let verdict = take(&bravo, &equivocal).await;
    assert!(
        matches!(&verdict, Verdict::Beside(held, Refusal::Equivocation) if held.len() == 2),
        "{verdict:?}"
    );
    assert_eq!(prepared.write.unwrap().await, Err(Refusal::StoreFailed), "it is judged again");
    take(&bravo, &revocations(&alpha).await).await;
    let url = alpha.domain.home.list_url(Purpose::Revocation);
    let key = ListKey { issuer: alpha.domain.home.did.clone(), url };
    let ever = bravo.domain.held_list(&key).await.unwrap().unwrap().revoked_ever.unwrap();
    assert_eq!([alice, anna, other].map(|index| ever.get(index)), [Some(true); 3]);
}

#[tokio::test]
async fn an_issuer_that_equivocates_again_and_again_fills_no_store_and_has_its_list_believed_no_more() {
    let (alpha, bravo) = two().await;
    alpha.owner("alice").await;
    alpha.domain.act_on_member(MemberKind::Owner, "alice", Act::Revoke).await.unwrap();
    take(&bravo, &revocations(&alpha).await).await;
    let url = alpha.domain.home.list_url(Purpose::Revocation);
    let key = ListKey { issuer: alpha.domain.home.did.clone(), url: url.clone() };
    for n in 1..MAX_LISTS + 3 {
        let (list, index) = twin_that_revokes(n).await;
        let once = take(&bravo, &list).await;
        let is_room = n < MAX_LISTS;
        assert!(
            matches!(
                once,
                Verdict::Beside(_, Refusal::Equivocation) if is_room
            ) || matches!(once, Verdict::Ignore(Refusal::TooManyLists) if !is_room),
            "{once:?}"
        );
        let again = take(&bravo, &list).await;
        assert!(matches!(again, Verdict::Same { .. } | Verdict::Ignore(Refusal::TooManyLists)), "{again:?}");
        let items = bravo.intake.items(list.body().domain.clone()).await.unwrap();
        let held = items.iter().filter(|item| item.subject == url).count();
        assert_eq!(held, MAX_LISTS.min(n + 1));
        let ever = bravo.domain.held_list(&key).await.unwrap().unwrap().revoked_ever.unwrap();
        assert_eq!(ever.get(index), Some(is_room), "what is not passed on does not count");
        // What is good on it is not known once some of it may have been refused.
        let good = bravo.domain.known_good_list(&key).await.unwrap();
        assert_eq!(good.is_some(), held < MAX_LISTS);
    }
    assert_eq!(bravo.records.scan(Table::Evidence, &[], None, 100).await.unwrap().len(), MAX_EVIDENCE);
}

// R-341, MESH.md D7: found by the simulator
#[tokio::test]
async fn two_lists_of_one_number_are_both_passed_on_until_the_issuer_covers_both() {
    let (alpha, bravo) = two().await;
    alpha.owner("alice").await;
    alpha.domain.act_on_member(MemberKind::Owner, "alice", Act::Revoke).await.unwrap();
    let (own, (other, index)) = (revocations(&alpha).await, twin_that_revokes(4).await);
    take(&bravo, &own).await;
    let verdict = take(&bravo, &other).await;
    let Verdict::Beside(held, Refusal::Equivocation) = verdict else { panic!("{verdict:?}") };
    let request =
        Request::Objects { domain: own.body().domain.clone(), ids: held.iter().map(Item::id).collect() };
    let Response::Objects(found) = bravo.intake.lookup(request).await else { panic!("no objects") };
    let bytes: Vec<_> = found.iter().map(|(_, bytes)| bytes.as_slice()).collect();
    assert!(found.len() == 2 && bytes.contains(&own.bytes()) && bytes.contains(&other.bytes()));
    // Whoever asks for the list gets the one that counts.
    let url = own.body().subject.clone();
    let answer = bravo.intake.lookup(Request::List { url: url.clone() }).await;
    assert!(matches!(answer, Response::Envelope(bytes) if bytes == own.bytes()));
    // What the issuer signs before it has heard of the other would clear what that one revokes.
    bravo.pass(1_000);
    alpha.pass(1_000);
    alpha.domain.refresh_lists().await.unwrap();
    assert!(matches!(take(&bravo, &revocations(&alpha).await).await, Verdict::Ignore(Refusal::Unrevokes)));
    // It hears of it by the same way, and its next list is held alone.
    take(&alpha, &other).await;
    alpha.pass(1_000);
    bravo.pass(1_000);
    alpha.domain.refresh_lists().await.unwrap();
    let covering = revocations(&alpha).await;
    assert!(matches!(take(&bravo, &covering).await, Verdict::Accept { held } if held.len() == 1));
    let key = ListKey { issuer: alpha.domain.home.did.clone(), url };
    assert_eq!(bravo.domain.held_list(&key).await.unwrap().unwrap().list.bits.get(index), Some(true));
}

//
#[tokio::test]
async fn a_log_that_a_hello_brought_is_passed_on_once_its_envelope_comes() {
    let (alpha, bravo) = two().await;
    for envelope in announced(&alpha).await {
        take(&bravo, &envelope).await;
    }
    let now = alpha.domain.now();
    let first = UnixSeconds::new(crate::world::NOW - 1_000);
    let holder = Holder::new("alpha.test", "alpha.test", &[], first);
    let newer = holder.rotated(now, Some(Duration::from_secs(3_600)));
    let records = Arc::new(Memory::default());
    let renewed = Node::held_by(&newer, records.clone(), records).await;
    bravo.pass(1);
    bravo.intake.admit(knock("alpha.test", hello(&renewed).await)).await.unwrap();
    let did = alpha.domain.home.did.to_string();
    let envelopes = announced(&renewed).await;
    let log = envelopes.iter().find(|e| e.body().subject == did).unwrap();
    assert!(matches!(take(&bravo, log).await, Verdict::Accept { .. }));
    assert!(matches!(take(&bravo, log).await, Verdict::Same { .. }));
    match bravo.intake.lookup(Request::Resolve { did }).await {
        Response::Envelope(bytes) => assert_eq!(bytes, log.bytes()),
        other => panic!("{other:?}"),
    }
}

/// The membership epoch that a node announces.
async fn epoch(node: &Node) -> Envelope {
    announced(node).await.into_iter().find(|e| e.body().kind == Kind::Membership).unwrap()
}

//
#[tokio::test]
async fn memberships_from_before_an_epoch_admit_nobody_and_new_ones_do() {
    let (alpha, bravo) = two().await;
    let stolen = hello(&alpha).await;
    for node in [&alpha, &bravo] {
        node.pass(10);
    }
    bravo.intake.admit(knock("alpha.test", stolen.clone())).await.unwrap();
    alpha.domain.revoke_memberships().await.unwrap();
    let first = epoch(&alpha).await;
    assert_eq!((first.body().seq, first.body().subject.as_str()), (1, alpha.domain.home.did.as_str()));
    assert!(matches!(take(&bravo, &first).await, Verdict::Accept { held } if held.len() == 1));
    assert!(matches!(take(&bravo, &first).await, Verdict::Same { .. }));
    for node in [&bravo, &alpha, &Node::over("bravo.test", bravo.records.clone()).await] {
        let refused = node.intake.admit(knock("alpha.test", stolen.clone())).await.unwrap_err();
        assert_eq!(refused, Refusal::MembershipExpired);
    }
    bravo.intake.admit(knock("alpha.test", hello(&alpha).await)).await.unwrap();
    // The next one; and the first again, to which nothing goes back.
    let between = hello(&alpha).await;
    for node in [&alpha, &bravo] {
        node.pass(10);
    }
    alpha.domain.revoke_memberships().await.unwrap();
    let second = epoch(&alpha).await;
    assert!(matches!(take(&bravo, &second).await, Verdict::Accept { .. }));
    assert!(matches!(take(&bravo, &first).await, Verdict::Older { .. }));
    let refused = bravo.intake.admit(knock("alpha.test", between)).await.unwrap_err();
    assert_eq!(refused, Refusal::MembershipExpired);
    bravo.intake.admit(knock("alpha.test", hello(&alpha).await)).await.unwrap();
    assert_eq!(bravo.records.scan(Table::Evidence, &[], None, 9).await.unwrap().len(), 0);
}

/// What `node` shows now, as whoever admitted it keeps it.
async fn shown(node: &Node, label: &str) -> Arc<Shown> {
    let hello = hello(node).await;
    let (peer, domain) = (node_peer_id(label), node.domain.home.did.clone());
    Arc::new(Shown { peer, domain, membership: hello.membership })
}

//
#[tokio::test]
async fn one_membership_is_revoked_and_suspended_and_whoever_holds_the_list_finds_it_out() {
    let (alpha, bravo) = two().await;
    let first = shown(&alpha, "alpha.test").await;
    assert_eq!(bravo.intake.review(Arc::clone(&first)).await, Ok(()));
    let memberships = async || {
        let all = alpha.domain.credentials().await.unwrap();
        let of_nodes = all.into_iter().filter(|record| record["type"] == "NodeMembershipCredential");
        of_nodes.map(|record| record["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let ids = memberships().await;
    let [id] = &ids[..] else { panic!("{ids:?}") };
    let pass_on = async || {
        for envelope in announced(&alpha).await {
            take(&bravo, &envelope).await;
        }
    };
    alpha.domain.act_on_credential(id, Act::Suspend).await.unwrap();
    pass_on().await;
    assert_eq!(bravo.intake.review(Arc::clone(&first)).await, Err(Refusal::BadMembership));
    alpha.domain.act_on_credential(id, Act::Resume).await.unwrap();
    pass_on().await;
    assert_eq!(bravo.intake.review(Arc::clone(&first)).await, Ok(()));
    alpha.domain.act_on_credential(id, Act::Revoke).await.unwrap();
    pass_on().await;
    assert_eq!(bravo.intake.review(Arc::clone(&first)).await, Err(Refusal::BadMembership));
    // The domain's own node shows another from here on, and that one stands.
    let second = shown(&alpha, "alpha.test").await;
    assert_ne!(second.membership, first.membership);
    assert_eq!(bravo.intake.review(Arc::clone(&second)).await, Ok(()));
    let of_another = Shown { peer: node_peer_id("bravo.test"), ..second.as_ref().clone() };
    assert_eq!(bravo.intake.review(Arc::new(of_another)).await, Err(Refusal::BadMembership));
    assert_eq!(memberships().await.len(), 2);
}

//
#[tokio::test]
async fn a_membership_falls_with_the_key_that_signed_it() {
    let (alpha, bravo) = two().await;
    let before = shown(&alpha, "alpha.test").await;
    let now = alpha.domain.now();
    let holder = Holder::new("alpha.test", "alpha.test", &[], UnixSeconds::new(crate::world::NOW - 1_000));
    for node in [&alpha, &bravo] {
        node.pass(1);
    }
    let newer = holder.rotated(now, None);
    let log = announced(&alpha).await.into_iter().find(|e| e.body().kind == Kind::Log).unwrap();
    let body = Body { seq: 2, payload: newer.log.bytes().to_vec(), ..log.body().clone() };
    assert_eq!(bravo.intake.review(Arc::clone(&before)).await, Ok(()));
    assert!(matches!(take(&bravo, &newer.seal(body)).await, Verdict::Accept { .. }));
    assert_eq!(bravo.intake.review(before).await, Err(Refusal::BadMembership));
}

//
#[tokio::test]
async fn an_epoch_that_contradicts_another_or_lets_somebody_in_again_is_kept_as_evidence() {
    let (alpha, bravo) = two().await;
    let twin = Node::new("alpha.test").await;
    let early = hello(&alpha).await;
    for (node, seconds) in [(&alpha, 10), (&twin, 20), (&bravo, 30)] {
        node.pass(seconds);
    }
    alpha.domain.revoke_memberships().await.unwrap();
    let first = epoch(&alpha).await;
    let between = hello(&alpha).await;
    take(&bravo, &first).await;
    twin.domain.revoke_memberships().await.unwrap();
    let later = epoch(&twin).await;
    // The later time counts, and is what is passed on from here.
    let verdict = take(&bravo, &later).await;
    assert!(matches!(verdict, Verdict::Beside(_, Refusal::Equivocation)), "{verdict:?}");
    let items = bravo.intake.items(first.body().domain.clone()).await.unwrap();
    let held: Vec<_> =
        items.iter().filter(|item| item.kind == ItemKind::Membership).map(|item| item.digest).collect();
    assert_eq!(held, [codec::sha256(&later.body().payload)]);
    assert!(matches!(take(&bravo, &first).await, Verdict::Ignore(Refusal::Equivocation)));
    assert_eq!(bravo.records.scan(Table::Evidence, &[], None, 9).await.unwrap().len(), 2);
    // Both keep out.
    for shown in [early, between] {
        let refused = bravo.intake.admit(knock("alpha.test", shown)).await.unwrap_err();
        assert_eq!(refused, Refusal::MembershipExpired);
    }
    let holder = Holder::new("alpha.test", "alpha.test", &[], UnixSeconds::new(crate::world::NOW - 1_000));
    let said = |epoch: u64, not_before: u64| {
        let not_before = UnixSeconds::new(not_before);
        let payload = MembershipEpoch { epoch, not_before }.encode();
        Body { seq: epoch, payload, ..first.body().clone() }
    };
    let now = crate::world::NOW;
    let lets_in = take(&bravo, &holder.seal(said(2, now))).await;
    assert!(matches!(lets_in, Verdict::Ignore(Refusal::Unrevokes)), "{lets_in:?}");
    assert_eq!(bravo.records.scan(Table::Evidence, &[], None, 9).await.unwrap().len(), 3);
    let future = take(&bravo, &holder.seal(said(2, now + 1_000))).await;
    assert!(matches!(future, Verdict::Ignore(Refusal::FromFuture)), "{future:?}");
    let of_another = Body { subject: bravo.domain.home.did.to_string(), ..said(2, now + 30) };
    let of_another = take(&bravo, &holder.seal(of_another)).await;
    assert!(matches!(of_another, Verdict::Ignore(Refusal::Inconsistent)), "{of_another:?}");
    assert!(matches!(take(&bravo, &holder.seal(said(2, now + 30))).await, Verdict::Accept { .. }));
}
