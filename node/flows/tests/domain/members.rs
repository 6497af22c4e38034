//! Owners and agents: registered with proof of possession, rotated, stopped.

use crate::fated::{Fate, Fated};
use crate::world::{Holder, Node};
use marque_flows::error::Error;
use marque_flows::members::NewMember;
use marque_flows::ports::records::{Records, Table};
use marque_flows::record;
use marque_rules::issuance::MemberKind;
use marque_rules::lifecycle::{Act, Standing};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use vc_schemas::claims::OwnerKind;
use vc_schemas::code::Code;
use vc_schemas::secure::Envelope;
use vc_schemas::status::Purpose;
use vc_schemas::status::token_list::{Form, Token};

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> Code {
    result.unwrap_err().refusal().code
}

// R-060 R-223
#[tokio::test]
async fn an_owner_and_an_agent_register_with_their_own_keys_and_get_identity_credentials() {
    let node = Node::new("alpha.test").await;
    node.owner("alice").await;
    node.agent("travel-bot", "alice", &["calendar:read"]).await;
    let agent = node.domain.member(MemberKind::Agent, "travel-bot").await.unwrap();
    assert_eq!(agent.owner.unwrap().0, "alice");
    let credential = node.identity(MemberKind::Agent, "travel-bot").await;
    assert_eq!(credential.payload()["credentialSubject"]["name"], "travel-bot");
    assert!(credential.payload()["credentialStatus"].is_array());
    assert_ne!(agent.index, 0, "an index is random; this seed does not give zero");
}

#[tokio::test]
async fn a_name_is_given_once_even_to_two_who_ask_at_once() {
    let node = Node::new("alpha.test").await;
    let one = node.new_member(MemberKind::Owner, "alice");
    let two = Holder::new("impostor", "alpha.test", &["owners", "alice"], node.domain.now());
    let (first, second) = (node.proof(&one), node.proof(&two));
    let register = |holder: &Holder, proof: Vec<u8>| {
        let (domain, log) = (node.domain.clone(), holder.log.bytes().to_vec());
        async move { domain.register("alice", NewMember::Owner(OwnerKind::Person), &log[..], &proof).await }
    };
    let (a, b) = tokio::join!(register(&one, first), register(&two, second));
    assert_eq!([a.is_ok(), b.is_ok()].iter().filter(|ok| **ok).count(), 1);
}

// R-060 R-221
#[tokio::test]
async fn registration_without_possession_is_refused_and_changes_nothing() {
    let node = Node::new("alpha.test").await;
    let before = node.records.scan(Table::Owners, &[], None, 10).await.unwrap();
    let alice = node.new_member(MemberKind::Owner, "alice");
    let mallory = Holder::new("mallory", "alpha.test", &["owners", "alice"], node.domain.now());
    let new = || NewMember::Owner(OwnerKind::Person);
    let stolen = node.proof(&mallory);
    assert_eq!(
        code(node.domain.register("alice", new(), alice.log.bytes(), &stolen).await),
        Code::PossessionUnproven
    );
    for garbage in [&b""[..], b"a.b.c", &[0xff; 300]] {
        let refused = node.domain.register("alice", new(), alice.log.bytes(), garbage).await;
        assert_eq!(code(refused), Code::PossessionUnproven);
    }
    let proof = node.proof(&alice);
    for log in [&b""[..], b"{}", &alice.log.bytes()[..200]] {
        assert_eq!(code(node.domain.register("alice", new(), log, &proof).await), Code::LogRefused);
    }
    assert_eq!(code(node.domain.register("bob", new(), alice.log.bytes(), &proof).await), Code::LogRefused);
    assert_eq!(
        code(node.domain.register("Al ice", new(), alice.log.bytes(), &proof).await),
        Code::NameMalformed
    );
    let agent = NewMember::Agent("nobody".into(), Default::default());
    let bot = node.new_member(MemberKind::Agent, "bot");
    assert_eq!(
        code(node.domain.register("bot", agent, bot.log.bytes(), &node.proof(&bot)).await),
        Code::OwnerUnknown
    );
    assert_eq!(node.records.scan(Table::Owners, &[], None, 10).await.unwrap(), before);
    // The proof was not used up by what failed before it was looked at.
    node.domain.register("alice", new(), alice.log.bytes(), &proof).await.unwrap();
    let other = node.new_member(MemberKind::Owner, "other");
    assert_eq!(
        code(node.domain.register("other", new(), other.log.bytes(), &proof).await),
        Code::PossessionUnproven
    );
}

// R-022 R-222
#[tokio::test]
async fn a_rotation_extends_the_log_and_a_fork_or_a_stranger_does_not() {
    let node = Node::new("alpha.test").await;
    node.owner("alice").await;
    let bot = node.agent("bot", "alice", &["calendar:read"]).await;
    node.pass(10);
    let rotated = bot.rotated(node.domain.now(), Some(Duration::from_secs(3_600)));
    let log = node.domain.update_log(MemberKind::Agent, "bot", rotated.log.bytes()).await.unwrap();
    assert_eq!((log.head().number, log.did()), (2, &bot.did()));
    let again = node.domain.update_log(MemberKind::Agent, "bot", rotated.log.bytes()).await;
    assert_eq!(code(again), Code::LogRefused);
    node.pass(10);
    let forked = bot.rotated(node.domain.now(), None);
    assert_eq!(
        code(node.domain.update_log(MemberKind::Agent, "bot", forked.log.bytes()).await),
        Code::LogRefused
    );
    let too_long = rotated.rotated(node.domain.now(), Some(Duration::from_secs(73 * 3_600)));
    assert_eq!(
        code(node.domain.update_log(MemberKind::Agent, "bot", too_long.log.bytes()).await),
        Code::LogRefused
    );
}

// R-043 R-154 R-155
#[tokio::test]
async fn what_is_suspended_gets_no_credential_until_it_is_resumed_and_what_is_revoked_never() {
    let node = Node::new("alpha.test").await;
    node.owner("alice").await;
    node.agent("bot", "alice", &["calendar:read"]).await;
    let act = |act| node.domain.act_on_member(MemberKind::Agent, "bot", act);
    let credential = || node.domain.identity_credential(MemberKind::Agent, "bot", Envelope::Jwt);
    assert_eq!(act(Act::Suspend).await.unwrap().standing, Standing::Suspended);
    assert_eq!(code(credential().await), Code::AgentSuspended);
    assert_eq!(act(Act::Resume).await.unwrap().standing, Standing::Active);
    credential().await.unwrap();
    assert_eq!(act(Act::Revoke).await.unwrap().standing, Standing::Revoked);
    assert_eq!(act(Act::Revoke).await.unwrap().standing, Standing::Revoked);
    assert_eq!(code(act(Act::Resume).await), Code::StateConflict);
    assert_eq!(code(credential().await), Code::AgentRevoked);
    let index = node.domain.member(MemberKind::Agent, "bot").await.unwrap().index;
    let list = node.domain.held_own_list(Purpose::Revocation).await.unwrap().unwrap().list;
    assert_eq!(list.bits.get(index), Some(true));
}

//
#[tokio::test]
async fn a_status_stands_at_a_random_place_of_a_list_that_is_only_given_whole() {
    let node = Node::new("alpha.test").await;
    let alice = node.owner("alice").await;
    node.domain.refresh_lists().await.unwrap();
    let list = node.domain.held_own_list(Purpose::Revocation).await.unwrap().unwrap().list;
    assert!(list.bits.entries() >= 131_072, "{}", list.bits.entries());
    let mut places = Vec::new();
    for _ in 0..64 {
        places.push(node.domain.reserve_index(&alice.did()).await.unwrap());
    }
    let quarters: std::collections::BTreeSet<_> =
        places.iter().map(|place| place / (list.bits.entries() / 4)).collect();
    assert_eq!(quarters.len(), 4, "{places:?}");
    assert!(places.windows(2).any(|two| two[0] > two[1]), "not in the order of issuing");
}

#[tokio::test]
async fn an_agent_whose_owner_is_stopped_gets_no_new_credential() {
    let node = Node::new("alpha.test").await;
    node.owner("alice").await;
    node.agent("bot", "alice", &["calendar:read"]).await;
    node.domain.act_on_member(MemberKind::Owner, "alice", Act::Suspend).await.unwrap();
    let refused = node.domain.identity_credential(MemberKind::Agent, "bot", Envelope::Jwt).await;
    assert_eq!(code(refused), Code::OwnerSuspended);
}

#[tokio::test]
async fn an_identity_credential_is_renewed_once_half_of_its_life_is_over() {
    let node = Node::new("alpha.test").await;
    node.owner("alice").await;
    node.agent("bot", "alice", &["calendar:read"]).await;
    let id = |c: vc_schemas::secure::Secured| c.payload()["id"].clone();
    let first = id(node.identity(MemberKind::Agent, "bot").await);
    node.pass(11 * 3_600);
    assert_eq!(id(node.identity(MemberKind::Agent, "bot").await), first);
    node.pass(3_601);
    assert_ne!(id(node.identity(MemberKind::Agent, "bot").await), first);
    let cose = node.domain.identity_credential(MemberKind::Agent, "bot", Envelope::Cose).await.unwrap();
    assert_eq!(cose.secured.envelope(), Envelope::Cose);
}

//
#[tokio::test]
async fn every_signing_of_a_list_has_the_next_number_and_lists_are_renewed_at_half_their_ttl() {
    let node = Node::new("alpha.test").await;
    let sequence =
        || async { node.domain.held_own_list(Purpose::Revocation).await.unwrap().unwrap().list.sequence };
    assert_eq!(sequence().await, 3, "after the tokens of both forms");
    node.domain.refresh_lists().await.unwrap();
    assert_eq!(sequence().await, 3, "not due yet");
    node.pass(120);
    node.domain.refresh_lists().await.unwrap();
    assert_eq!(sequence().await, 6);
    let acts = (0..8).map(|n| {
        let node = &node;
        async move {
            let name = format!("owner-{n}");
            node.owner(&name).await;
            node.domain.act_on_member(MemberKind::Owner, &name, Act::Revoke).await.unwrap();
        }
    });
    futures::future::join_all(acts).await;
    assert_eq!(sequence().await, 30);
}

//
#[tokio::test]
async fn each_list_is_signed_as_tokens_too_and_no_two_signings_have_one_number() {
    let node = Node::new("alpha.test").await;
    node.owner("alice").await;
    let mut numbers = BTreeSet::new();
    for act in [Act::Suspend, Act::Revoke] {
        node.domain.act_on_member(MemberKind::Owner, "alice", act).await.unwrap();
        let document = node.domain.find_log(&node.domain.home.did).await.unwrap();
        let document = document.branches[0].document().unwrap().clone();
        for (purpose, set) in [(Purpose::Revocation, 1), (Purpose::Suspension, 2)] {
            let list = node.domain.held_own_list(purpose).await.unwrap().unwrap().list;
            let mut of_list = vec![list.sequence];
            for form in Form::ALL {
                let bytes = node.domain.own_token(purpose, form).await.unwrap().unwrap();
                let token = Token::parse(form, &bytes).unwrap();
                let token = token.verified(&document, node.domain.now()).unwrap();
                let said = token.token().list();
                assert_eq!((&said.url, said.issued, said.ttl), (&list.url, list.issued, Some(list.ttl)));
                let expected: Vec<_> = list.bits.indices_set().map(|index| (index, set)).collect();
                assert_eq!(said.bits.values_set().collect::<Vec<_>>(), expected);
                assert_eq!(said.bits.entries(), list.bits.entries());
                of_list.push(said.sequence.unwrap());
            }
            numbers.extend(of_list.into_iter().map(|number| (purpose, number)));
        }
    }
    // Suspended, then revoked: three signings at first and three for each list that changed.
    assert_eq!(numbers.len(), 9);
}

//
#[tokio::test]
async fn a_restart_over_the_same_store_loses_nothing_that_was_acknowledged() {
    let node = Node::new("alpha.test").await;
    node.owner("alice").await;
    node.agent("bot", "alice", &["calendar:read"]).await;
    let revoked = node.domain.act_on_member(MemberKind::Agent, "bot", Act::Revoke).await.unwrap();
    let again = Node::over("alpha.test", node.records.clone()).await;
    let bot = again.domain.member(MemberKind::Agent, "bot").await.unwrap();
    assert_eq!((bot.standing, bot.index), (Standing::Revoked, revoked.index));
    let list = again.domain.held_own_list(Purpose::Revocation).await.unwrap().unwrap().list;
    assert_eq!(list.bits.get(bot.index), Some(true));
    assert!(again.domain.held_log(&bot.did).await.unwrap().log().is_some());
}

/// The decisions that something was refused: act, subject and code.
async fn refusals(node: &Node) -> Vec<(String, String, String)> {
    let entries = record::read(node.domain.records(), None, 1_000).await.unwrap();
    let text = |json: &serde_json::Value| json.as_str().unwrap_or_default().to_owned();
    let refused = entries.iter().filter(|(_, entry)| entry["kind"] == "refused");
    refused.map(|(_, e)| (text(&e["facts"]["act"]), text(&e["subject"]), text(&e["code"]))).collect()
}

#[tokio::test]
async fn a_refused_act_is_on_record_and_one_that_is_done_is_there_as_done_only() {
    let node = Node::new("alpha.test").await;
    node.owner("alice").await;
    assert_eq!(refusals(&node).await, []);
    let bob = node.new_member(MemberKind::Owner, "bob");
    let new = || NewMember::Owner(OwnerKind::Person);
    code(node.domain.register("bob", new(), bob.log.bytes(), b"no proof").await);
    node.pass(1);
    code(node.domain.act_on_member(MemberKind::Agent, "nobody", Act::Revoke).await);
    node.pass(1);
    code(node.domain.update_log(MemberKind::Owner, "alice", &b"{}"[..]).await);
    node.pass(1);
    code(node.domain.identity_credential(MemberKind::Owner, "carol", Envelope::Jwt).await);
    node.pass(1);
    code(node.domain.join("mqj1.a-secret-token", Duration::from_secs(1)).await);
    let told: Vec<_> = refusals(&node).await;
    let told: Vec<_> =
        told.iter().map(|(act, who, code)| (act.as_str(), who.as_str(), code.as_str())).collect();
    let expected = [
        ("register", "bob", Code::PossessionUnproven),
        ("revoke", "nobody", Code::AgentUnknown),
        ("update-log", "alice", Code::LogRefused),
        ("issue", "carol", Code::OwnerUnknown),
        // The token is a secret.
        ("join", "", Code::TokenMalformed),
    ];
    assert_eq!(told, expected.map(|(act, who, code)| (act, who, code.as_str())));
}

#[tokio::test]
async fn a_refusal_that_cannot_be_recorded_is_not_told() {
    let store = Arc::new(Fated::default());
    let node = Node::with("alpha.test", "alpha.test", store.records.clone(), store.clone()).await;
    let revoke = || node.domain.act_on_member(MemberKind::Agent, "nobody", Act::Revoke);
    assert!(matches!(revoke().await, Err(Error::Refused(_))));
    store.fares(|_| Fate::Full);
    assert!(matches!(revoke().await, Err(Error::Store(_))));
}
