//! Two histories of one DID, each shown to a part of the swarm (MESH.md D7).

use crate::real::Real;
use crate::world::{Node, received};
use did_resolver::did::Did;
use marque_rules::issuance::MemberKind;
use std::time::Duration;
use vc_schemas::facts::DidFact;

/// A period of anti-entropy that the test lives to see.
const PERIOD_MS: u64 = 500;

/// The version of a DID that counts at a node, where it is not contested there.
async fn version(real: &Real, did: &Did) -> Option<u32> {
    match real.node.domain.held_log(did).await.unwrap().fact() {
        Some(DidFact::Active { version, .. }) => Some(version),
        _ => None,
    }
}

async fn is_contested(real: &Real, did: &Did) -> bool {
    real.node.domain.held_log(did).await.unwrap().is_contested()
}

async fn recognise_each_other(nodes: &[(&Node, &Node)]) {
    for (one, other) in nodes {
        one.trusts(other, &[]).await;
        other.trusts(one, &[]).await;
    }
}

// R-344 R-342
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_shown_one_history_of_a_did_only_ends_with_it_contested_as_everybody_does() {
    let node = Node::new;
    let (alpha, bravo) = (node("alpha.test").await, node("bravo.test").await);
    let (charlie, delta) = (node("charlie.test").await, node("delta.test").await);
    // Mallory's two nodes have the same keys, and tell two histories of its bot.
    let (left, right) = (node("mallory.test").await, node("mallory.test").await);
    recognise_each_other(&[(&alpha, &left), (&delta, &right), (&alpha, &delta)]).await;
    // Neither of these recognises mallory: nothing that it announces comes to them.
    recognise_each_other(&[(&alpha, &bravo), (&bravo, &charlie)]).await;
    let bot = left.owner("bot").await;
    let did = bot.did();
    assert_eq!(right.owner("bot").await.did(), did);
    let mut histories = Vec::new();
    for (node, seconds) in [(&left, 10), (&right, 20)] {
        node.pass(seconds);
        let history = bot.rotated(node.domain.now(), None);
        node.domain.update_log(MemberKind::Owner, "bot", history.log.bytes()).await.unwrap();
        histories.push(history);
    }
    for node in [&alpha, &bravo, &charlie, &delta] {
        node.pass(30);
    }
    for (node, history) in [(&bravo, &histories[0]), (&charlie, &histories[1])] {
        node.domain.import(&did, received(history.log.bytes(), None)).await.unwrap();
    }

    let start = async |label, node, peers: &[&str]| Real::every(PERIOD_MS, label, node, peers).await;
    let left = start("mallory.test", left, &[]).await;
    let alpha = start("alpha.test", alpha, &[left.address()]).await;
    let bravo = start("bravo.test", bravo, &[alpha.address()]).await;
    let charlie = start("charlie.test", charlie, &[bravo.address()]).await;
    crate::eventually!(version(&alpha, &did).await == Some(2));
    crate::eventually!(bravo.admitted().await && charlie.admitted().await);
    for real in [&alpha, &bravo, &charlie] {
        real.node.domain.tell_forks().await.unwrap();
        assert_eq!(version(real, &did).await, Some(2), "one history, and no reason to doubt it");
    }

    // Whoever sees both tells the others.
    let right = start("mallory.test", right, &[]).await;
    let delta = start("delta.test", delta, &[right.address(), alpha.address()]).await;
    let mut pause = tokio::time::interval(Duration::from_millis(50));
    for real in [&alpha, &delta, &bravo, &charlie] {
        crate::eventually!({
            pause.tick().await;
            for node in [&alpha, &delta, &bravo, &charlie] {
                // As the duties of a node do, every few seconds of its clock.
                node.node.pass(10);
                node.node.domain.tell_forks().await.unwrap();
            }
            is_contested(real, &did).await
        });
        assert_eq!(real.node.domain.held_log(&did).await.unwrap().branches.len(), 2);
    }
    // By the proof alone, where mallory is nobody, and one proof led to the next.
    for real in [&bravo, &charlie] {
        let of_kind = |kind| {
            let kind = format!("kind=\"{kind}\"");
            let gossip = real.counted("gossip_validate_total", &[&kind, "result=\"accept\""]);
            gossip + real.counted("sync_events_total", &[&kind, "event=\"accepted\""])
        };
        // What is held counts before it is counted.
        crate::eventually!(of_kind("duplicity-proof") >= 1);
        let held = &real.node.domain.held_log(&did).await.unwrap();
        assert!(histories.iter().all(|of| held.branches.iter().any(|log| log.bytes() == of.log.bytes())));
    }
    // Nobody who passed it on is charged for it.
    for real in [&alpha, &bravo, &charlie] {
        assert!(real.node.domain.bans().await.unwrap().is_empty());
    }
}
