//! A presentation before a verifier: three domains, real chains, and everything that stops one.

use crate::world::{Holder, Node};
use marque_flows::domain::Policy;
use marque_flows::error::Error;
use marque_flows::ports::records::{Records, Table};
use marque_flows::rates::Whose;
use marque_rules::issuance::MemberKind;
use marque_rules::lifecycle::Act;
use std::sync::atomic::Ordering;
use std::time::Duration;
use vc_schemas::check::Verdict;
use vc_schemas::code::Code;
use vc_schemas::facts::Request;
use vc_schemas::secure::{Envelope, Secured};

const CAPS: [&str; 2] = ["calendar:read", "calendar:write"];

/// One domain that is its own verifier: alice -> travel-bot -> calendar-bot.
pub(crate) struct Journey {
    pub(crate) node: Node,
    bots: [Holder; 2],
    pub(crate) chain: Vec<Secured>,
}

impl Journey {
    async fn new() -> Self {
        Self::on(Node::new("alpha.test").await).await
    }

    pub(crate) async fn on(node: Node) -> Self {
        let alice = node.owner("alice").await;
        let travel = node.agent("travel-bot", "alice", &CAPS).await;
        let calendar = node.agent("calendar-bot", "alice", &CAPS).await;
        let first = node.link(&alice, &travel, &[], &CAPS).await;
        let second = node.link(&travel, &calendar, std::slice::from_ref(&first), &["calendar:read"]).await;
        node.trusts(&node, &CAPS).await;
        Self { node, bots: [travel, calendar], chain: vec![first, second] }
    }

    async fn credentials(&self) -> Vec<Secured> {
        let mut all = self.chain.clone();
        all.push(self.node.identity(MemberKind::Owner, "alice").await);
        all.push(self.node.identity(MemberKind::Agent, "travel-bot").await);
        all.push(self.node.identity(MemberKind::Agent, "calendar-bot").await);
        all
    }

    async fn verify(&self, presented: &[u8]) -> Result<Verdict, Error> {
        self.node.domain.verify(presented, Envelope::Jwt, Request::default()).await
    }

    pub(crate) async fn present(&self) -> Vec<u8> {
        let nonce = self.node.domain.new_nonce().unwrap();
        self.bots[1].present(&self.node, &nonce, self.credentials().await)
    }
}

fn code(result: Result<Verdict, Error>) -> Code {
    result.unwrap_err().refusal().code
}

//
#[tokio::test]
async fn a_chain_verifies_from_what_the_store_holds() {
    let journey = Journey::new().await;
    let verdict = journey.verify(&journey.present().await).await.unwrap();
    assert_eq!(verdict.links.len(), 2);
    assert_eq!(verdict.holder, journey.bots[1].did());
}

#[tokio::test]
async fn a_nonce_verifies_once_also_for_two_at_the_same_time() {
    let journey = Journey::new().await;
    let presented = journey.present().await;
    let (a, b) = tokio::join!(journey.verify(&presented), journey.verify(&presented));
    let refused: Vec<_> = [a, b].into_iter().filter_map(Result::err).collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].refusal().code, Code::NonceReplayed);
    assert_eq!(code(journey.verify(&presented).await), Code::NonceReplayed);
}

#[tokio::test]
async fn a_nonce_that_nobody_gave_or_that_is_too_old_is_refused() {
    let journey = Journey::new().await;
    let credentials = journey.credentials().await;
    let made_up = journey.bots[1].present(&journey.node, "made-up", credentials);
    assert_eq!(code(journey.verify(&made_up).await), Code::NonceMismatch);
    let presented = journey.present().await;
    journey.node.pass(301);
    assert_eq!(code(journey.verify(&presented).await), Code::NonceMismatch);
}

// R-043 R-088 R-160
#[tokio::test]
async fn revoking_a_link_an_agent_or_the_principal_refuses_from_the_acknowledgement_on() {
    let journey = Journey::new().await;
    let domain = &journey.node.domain;
    journey.verify(&journey.present().await).await.unwrap();
    let id = journey.chain[0].payload()["id"].as_str().unwrap();
    let agent = |act| domain.act_on_member(MemberKind::Agent, "travel-bot", act);
    let credentials = journey.credentials().await;
    let present = || {
        let nonce = domain.new_nonce().unwrap();
        journey.bots[1].present(&journey.node, &nonce, credentials.clone())
    };
    agent(Act::Suspend).await.unwrap();
    assert_eq!(code(journey.verify(&present()).await), Code::AgentSuspended);
    agent(Act::Resume).await.unwrap();
    journey.verify(&present()).await.unwrap();
    domain.act_on_credential(id, Act::Revoke).await.unwrap();
    assert_eq!(code(journey.verify(&present()).await), Code::CredentialRevoked);
    let refused = domain.act_on_credential(id, Act::Resume).await.unwrap_err();
    assert_eq!(refused.refusal().code, Code::StateConflict);
}

// R-153 R-164
#[tokio::test]
async fn what_is_short_lived_is_revoked_before_its_end_and_resuming_gives_no_longer_life() {
    let journey = Journey::new().await;
    let domain = &journey.node.domain;
    let [first, second] = [0, 1].map(|at| journey.chain[at].payload()["id"].as_str().unwrap().to_owned());
    // A link of 50 minutes.
    journey.node.pass(300);
    domain.act_on_credential(&second, Act::Suspend).await.unwrap();
    assert_eq!(code(journey.verify(&journey.present().await).await), Code::CredentialSuspended);
    domain.act_on_credential(&second, Act::Resume).await.unwrap();
    journey.verify(&journey.present().await).await.unwrap();
    domain.act_on_credential(&first, Act::Revoke).await.unwrap();
    journey.node.pass(60);
    assert_eq!(code(journey.verify(&journey.present().await).await), Code::CredentialRevoked);

    let journey = Journey::new().await;
    let domain = &journey.node.domain;
    let id = journey.chain[1].payload()["id"].as_str().unwrap().to_owned();
    domain.act_on_credential(&id, Act::Suspend).await.unwrap();
    journey.node.pass(3_100);
    domain.act_on_credential(&id, Act::Resume).await.unwrap();
    assert_eq!(code(journey.verify(&journey.present().await).await), Code::CredentialExpired);
}

// R-162 R-172
#[tokio::test]
async fn suspending_resuming_and_how_old_the_status_of_a_verdict_was_are_on_record() {
    let journey = Journey::new().await;
    let domain = &journey.node.domain;
    let id = journey.chain[1].payload()["id"].as_str().unwrap().to_owned();
    for act in [Act::Suspend, Act::Resume] {
        journey.node.pass(1);
        domain.act_on_credential(&id, act).await.unwrap();
    }
    journey.node.pass(40);
    journey.verify(&journey.present().await).await.unwrap();
    let rows = journey.node.records.scan(Table::Decisions, &[], None, 1_000).await.unwrap();
    let entries: Vec<serde_json::Value> =
        rows.iter().map(|row| serde_json::from_slice(&row.stored.value).unwrap()).collect();
    let of_status = entries.iter().filter(|entry| entry["subject"] == id.as_str());
    let outcomes: Vec<_> = of_status.map(|entry| entry["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["registered", "suspended", "active"]);
    let verified = entries.iter().find(|entry| entry["outcome"] == "verified").unwrap();
    assert_eq!(verified["facts"]["statusAgeSeconds"], 42, "{verified}");
}

//
#[tokio::test]
async fn a_planned_rotation_keeps_the_chain_and_a_rotation_for_compromise_ends_it() {
    let mut journey = Journey::new().await;
    journey.node.pass(5);
    let overlap = Some(std::time::Duration::from_secs(3_600));
    let planned = journey.bots[0].rotated(journey.node.domain.now(), overlap);
    journey.node.domain.update_log(MemberKind::Agent, "travel-bot", planned.log.bytes()).await.unwrap();
    journey.verify(&journey.present().await).await.unwrap();
    journey.node.pass(5);
    let compromised = planned.rotated(journey.node.domain.now(), None);
    journey.node.domain.update_log(MemberKind::Agent, "travel-bot", compromised.log.bytes()).await.unwrap();
    assert_eq!(code(journey.verify(&journey.present().await).await), Code::KeyNotAuthorised);
    journey.bots[0] = compromised;
}

//
#[tokio::test]
async fn a_list_that_nobody_renews_becomes_could_not_know() {
    let journey = Journey::new().await;
    journey.node.pass(200);
    journey.verify(&journey.present().await).await.unwrap();
    journey.node.pass(200);
    assert_eq!(code(journey.verify(&journey.present().await).await), Code::StatusStale);
    journey.node.domain.refresh_lists().await.unwrap();
    journey.verify(&journey.present().await).await.unwrap();
}

//
#[tokio::test]
async fn a_link_that_widens_is_not_registered() {
    let journey = Journey::new().await;
    let [travel, calendar] = &journey.bots;
    let first = &journey.chain[..1];
    let wider =
        journey.node.unregistered_link(travel, calendar, first, &["calendar:read", "mail:send"]).await;
    let refused = journey.node.domain.register_link(&[first[0].clone(), wider]).await.unwrap_err().refusal();
    assert_eq!(
        (refused.code.as_str(), refused.path.to_string().as_str()),
        ("AID-009", "chain[1].capabilities")
    );
}

#[tokio::test]
async fn a_link_of_a_stranger_or_with_an_index_of_another_is_not_registered() {
    let journey = Journey::new().await;
    let [travel, calendar] = &journey.bots;
    let stranger = Holder::new("mallory", "alpha.test", &["agents", "mallory"], journey.node.domain.now());
    let refused = journey.node.domain.reserve_index(&stranger.did()).await.unwrap_err();
    assert_eq!(refused.refusal().code, Code::AgentUnknown);
    let twice = journey.chain.clone();
    assert!(journey.node.domain.register_link(&twice).await.is_err(), "an index serves one link");
    let other = journey.node.unregistered_link(calendar, travel, &[], &["calendar:read"]).await;
    let stolen = other.payload().clone();
    let mut payload = stolen.clone();
    payload["issuer"] = travel.did().as_str().into();
    payload["credentialSubject"]["principal"] = travel.did().as_str().into();
    payload["credentialSubject"]["id"] = calendar.did().as_str().into();
    let secured = travel.sign(vc_schemas::secure::Content::Credential, Envelope::Jwt, payload);
    let refused = journey.node.domain.register_link(&[secured]).await.unwrap_err();
    assert_eq!(refused.refusal().code, Code::StatusAuthority);
}

#[tokio::test]
async fn every_verification_leaves_a_decision_entry() {
    let journey = Journey::new().await;
    let entries =
        || async { journey.node.records.scan(Table::Decisions, &[], None, 1_000).await.unwrap().len() };
    let before = entries().await;
    journey.verify(&journey.present().await).await.unwrap();
    let _refused = journey.verify(&journey.present().await[..100]).await;
    assert_eq!(entries().await, before + 1, "what cannot be read at all leaves none");
    let nonce = journey.node.domain.new_nonce().unwrap();
    let headless = journey.bots[1].present(&journey.node, &nonce, journey.credentials().await[1..].to_vec());
    assert!(journey.verify(&headless).await.is_err());
    assert_eq!(entries().await, before + 2);
    assert!(journey.node.hands.now.load(Ordering::SeqCst) > 0);
}

fn rates(journey: &Journey, agent_per_minute: u32, owner_per_minute: u32) {
    let policy = Policy::clone(&journey.node.domain.policy());
    journey.node.domain.adopt(Policy { agent_per_minute, owner_per_minute, ..policy });
}

// R-216 R-285
#[tokio::test]
async fn an_agent_that_asks_too_often_is_told_how_long_to_wait_and_no_other_agent_is() {
    let journey = Journey::new().await;
    rates(&journey, 2, 0);
    journey.verify(&journey.present().await).await.unwrap();
    journey.verify(&journey.present().await).await.unwrap();
    let presented = journey.present().await;
    let Err(Error::TooOften { whose: Whose::Agent, wait }) = journey.verify(&presented).await else {
        panic!("let in")
    };
    assert!(wait > Duration::ZERO && wait <= Duration::from_secs(30), "{wait:?}");
    // travel-bot, which delegated to it, is another.
    let travel = async || {
        let nonce = journey.node.domain.new_nonce().unwrap();
        let credentials =
            [journey.credentials().await[..1].to_vec(), journey.credentials().await[2..4].to_vec()];
        journey.bots[0].present(&journey.node, &nonce, credentials.concat())
    };
    journey.verify(&travel().await).await.unwrap();
    // It was on record, and its nonce is good for when it is let in.
    let records = journey.node.records.scan(Table::Decisions, &[], None, 1_000).await.unwrap();
    let said = |code: &str| {
        records.iter().filter(|row| String::from_utf8_lossy(&row.stored.value).contains(code)).count()
    };
    assert_eq!(said("AID-007"), 1);
    rates(&journey, 0, 0);
    journey.verify(&presented).await.unwrap();
}

#[tokio::test]
async fn all_agents_of_an_owner_count_for_the_owner() {
    let journey = Journey::new().await;
    rates(&journey, 0, 1);
    journey.verify(&journey.present().await).await.unwrap();
    let nonce = journey.node.domain.new_nonce().unwrap();
    let credentials = [journey.credentials().await[..1].to_vec(), journey.credentials().await[2..4].to_vec()];
    let travel = journey.bots[0].present(&journey.node, &nonce, credentials.concat());
    let Err(Error::TooOften { whose: Whose::Owner, .. }) = journey.verify(&travel).await else {
        panic!("let in")
    };
}

//
#[tokio::test]
async fn how_often_is_looked_at_last_and_what_does_not_verify_counts_for_nobody() {
    let journey = Journey::new().await;
    rates(&journey, 1, 1);
    // Mallory presents what is calendar-bot's, signed by nobody who may.
    for _ in 0..10 {
        let nonce = journey.node.domain.new_nonce().unwrap();
        let forged = journey.bots[0].present(&journey.node, &nonce, journey.credentials().await);
        assert_ne!(code(journey.verify(&forged).await), Code::RateLimited);
    }
    journey.verify(&journey.present().await).await.unwrap();
    assert_eq!(code(journey.verify(&journey.present().await).await), Code::RateLimited);
    // What is wrong besides is told first: a signature, an end, a status, a right.
    let mut broken = journey.present().await;
    let last = broken.len() - 5;
    broken[last] = if broken[last] == b'A' { b'B' } else { b'A' };
    assert_eq!(code(journey.verify(&broken).await), Code::SignatureInvalid);
    let presented = journey.present().await;
    let wanted = Request { capability: Some("calendar:write".parse().unwrap()), ..Request::default() };
    let refused = journey.node.domain.verify(&presented, Envelope::Jwt, wanted).await;
    assert_ne!(code(refused), Code::RateLimited);
    let presented = journey.present().await;
    journey.node.domain.act_on_member(MemberKind::Agent, "calendar-bot", Act::Suspend).await.unwrap();
    assert_eq!(code(journey.verify(&presented).await), Code::AgentSuspended);
}
