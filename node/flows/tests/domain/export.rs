//! Offline bundles: the verdict is the one that the node reaches, and says no more than it knew.

use crate::world::Node;
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use marque_flows::export::Exported;
use marque_rules::issuance::MemberKind;
use marque_rules::lifecycle::Act;
use std::time::Duration;
use vc_schemas::bundle::{BundleError, Sealed};
use vc_schemas::check::{Held, Outcome, check};
use vc_schemas::code::Code;
use vc_schemas::facts::Request;
use vc_schemas::secure::{Content, Envelope, MAX_PRESENTATION_BYTES, Secured};

const CAPS: [&str; 1] = ["calendar:read"];

/// A domain that verifies its own agent's presentation, and what that is.
async fn journey() -> (Node, Vec<u8>) {
    let node = Node::new("alpha.test").await;
    let alice = node.owner("alice").await;
    let bot = node.agent("bot", "alice", &CAPS).await;
    let link = node.link(&alice, &bot, &[], &CAPS).await;
    node.trusts(&node, &CAPS).await;
    let identities =
        [node.identity(MemberKind::Owner, "alice").await, node.identity(MemberKind::Agent, "bot").await];
    let nonce = node.domain.new_nonce().unwrap();
    let presented = bot.present(&node, &nonce, [vec![link], identities.to_vec()].concat());
    (node, presented)
}

async fn export(node: &Node, presented: &[u8]) -> Exported {
    node.domain.export_bundle(presented, Envelope::Jwt).await.unwrap()
}

/// What the bundle alone says of the presentation, as of `at`.
fn judge(exported: &Exported, by: &Did, presented: &[u8], at: UnixSeconds) -> Outcome {
    let (bundle, facts) = Sealed::parse(&exported.bytes).unwrap().open(by, at).unwrap();
    let secured = Secured::parse(Content::Presentation, Envelope::Jwt, presented, MAX_PRESENTATION_BYTES);
    check(&Held::read(secured.unwrap()).unwrap(), &facts, &bundle.expect(Request::default()), at)
}

fn refused(outcome: Outcome) -> Code {
    match outcome {
        Outcome::Refused(refusal) => refusal.code,
        Outcome::Wants(wants) => wants.not_to_be_had().code,
        Outcome::Verified(_) => panic!("verified"),
    }
}

//
#[tokio::test]
async fn a_bundle_gives_the_verdict_of_the_node_that_made_it() {
    let (node, presented) = journey().await;
    let (by, now) = (node.domain.home.did.clone(), node.domain.now());
    let exported = export(&node, &presented).await;
    assert_eq!(exported.bundle.presentation, Some((Envelope::Jwt, presented.clone())));
    let Outcome::Verified(offline) = judge(&exported, &by, &presented, now) else { panic!("not verified") };
    // Making it used nothing up.
    let online = node.domain.verify(&presented, Envelope::Jwt, Request::default()).await.unwrap();
    assert_eq!(offline.to_json(), online.to_json());
}

#[tokio::test]
async fn what_is_revoked_before_is_refused_offline_and_what_is_revoked_after_is_not_known() {
    let (node, presented) = journey().await;
    let (by, now) = (node.domain.home.did.clone(), node.domain.now());
    let before = export(&node, &presented).await;
    node.domain.act_on_member(MemberKind::Agent, "bot", Act::Revoke).await.unwrap();
    let after = export(&node, &presented).await;
    assert_eq!(refused(judge(&after, &by, &presented, now)), Code::AgentRevoked);
    assert!(matches!(judge(&before, &by, &presented, now), Outcome::Verified(_)));
    // Once the lists are older than the policy lets them be, that is not good either.
    let late = now.plus(node.domain.policy().status_max_age).plus(Duration::from_secs(1));
    assert!(!matches!(judge(&before, &by, &presented, late), Outcome::Verified(_)));
}

#[tokio::test]
async fn a_bundle_counts_for_who_names_its_maker_only() {
    let (node, presented) = journey().await;
    let other = Node::of("another seed", "alpha.test", Default::default()).await;
    let exported = export(&node, &presented).await;
    let opened = Sealed::parse(&exported.bytes).unwrap().open(&other.domain.home.did, node.domain.now());
    assert_eq!(opened.unwrap_err(), BundleError::Maker);
    // Whom its maker does not recognise is not recognised offline either.
    let stranger = Node::new("bravo.test").await;
    let foreign = stranger.domain.export_bundle(&presented, Envelope::Jwt).await.unwrap();
    let at = stranger.domain.now();
    assert!(!matches!(judge(&foreign, &stranger.domain.home.did, &presented, at), Outcome::Verified(_)));
    assert!(node.domain.export_bundle(b"junk", Envelope::Jwt).await.is_err());
}
