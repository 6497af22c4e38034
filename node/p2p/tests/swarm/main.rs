//! Swarms of whole nodes: real intakes over durable stores, real drivers, links that are slow, lossy and
//! cut (MESH.md D4, D6; PERFORMANCE.md G12). What takes how long is printed, and is no claim.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what a test helper cannot do ends the test"
)]

mod links;
mod nodes;
#[path = "../../../flows/tests/domain/world.rs"]
#[expect(dead_code, reason = "the tests of flows need more of it")]
mod world;

use links::Quality;
use nodes::{ISSUER, Swarm, percentile};
use std::io::Write;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Slow and lossy.
const POOR: Quality = Quality { delay: Duration::from_millis(20), one_lost_of: 50 };

/// Between two rounds of anti-entropy: what nobody said again since it was pulled goes a hop in each.
const PERIOD_MS: u64 = 1_000;

/// One swarm at a time: each is more than the machine of a developer does at ease.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Says it aloud: the macros of printing are the test harness's, which keeps what it gets to itself.
fn say(line: &str) {
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Revokes so often, one after the other, and says how long it took to be durable everywhere.
async fn revoke_everywhere(swarm: &mut Swarm, count: usize, times: u32, what: &str) {
    let others: Vec<usize> = (0..count).filter(|number| *number != ISSUER).collect();
    let mut took = Vec::new();
    for _ in 0..times {
        let name = swarm.register().await;
        swarm.settled().await;
        took.extend(swarm.revoke(&name, &others).await);
    }
    took.sort();
    let hops = swarm.hops().into_iter().max().unwrap();
    let (p50, p99) = (percentile(&took, 50), percentile(&took, 99));
    say(&format!(
        "{count} nodes, {what}: durable everywhere p50 {p50:.1?}, p99 {p99:.1?}; {hops} hops at most\n"
    ));
    for number in 0..count {
        assert_eq!(swarm.served(number).await, times, "node {number}");
    }
}

// R-341 R-342 R-343
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_poor_links_20_nodes_serve_what_is_revoked_and_a_fifth_that_was_cut_off_within_two_rounds() {
    let _alone = ALONE.lock().await;
    let mut swarm = Swarm::start(20, Some(POOR), PERIOD_MS).await;
    revoke_everywhere(&mut swarm, 20, 3, "20 ms one way, 2 % lost").await;

    // No two of them are neighbours: each is alone.
    let away = [3, 8, 13, 18];
    let here: Vec<usize> = (0..20).filter(|number| !away.contains(number)).collect();
    let name = swarm.register().await;
    swarm.settled().await;
    swarm.cut(&away);
    swarm.revoke(&name, &here[1..]).await;
    swarm.register().await;
    swarm.agree(here).await;
    for number in away {
        assert_eq!(swarm.served(number).await, 3, "who is cut off cannot know");
    }
    let before = away.map(|number| swarm.pulls(number));
    swarm.heal();
    let healed = Instant::now();
    let mut most = 0;
    for (number, before) in away.into_iter().zip(before) {
        swarm.agree([number]).await;
        let pulls = swarm.pulls(number) - before;
        assert!(pulls <= swarm.two_rounds(number), "{pulls} pulls at node {number}");
        assert_eq!(swarm.served(number).await, 4);
        most = pulls.max(most);
    }
    let (took, passed) = (healed.elapsed(), swarm.passed() >> 10);
    say(&format!("20 nodes, 4 cut off and healed: they agree after {took:.1?} and {most} pulls at most\n"));
    say(&format!("20 nodes: {passed} KiB over all links since they began\n"));
    swarm.stop().await;
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_revoked_is_verified_durable_and_served_on_each_of_50_nodes() {
    let _alone = ALONE.lock().await;
    let mut swarm = Swarm::start(50, None, PERIOD_MS).await;
    revoke_everywhere(&mut swarm, 50, 3, "loopback, a debug build").await;
    swarm.stop().await;
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_joins_late_has_everything_after_its_first_round() {
    let _alone = ALONE.lock().await;
    let mut swarm = Swarm::start(10, None, PERIOD_MS).await;
    revoke_everywhere(&mut swarm, 10, 3, "loopback, a debug build").await;
    let joined = Instant::now();
    let late = swarm.join(&[4, 9]).await;
    swarm.agree([late]).await;
    let (took, pulls) = (joined.elapsed(), swarm.pulls(late));
    say(&format!("10 nodes, and one that comes late: it agrees after {took:.1?} and {pulls} pulls\n"));
    assert!(pulls <= swarm.two_rounds(late) - 4, "{pulls} pulls");
    assert_eq!(swarm.served(late).await, 3);
    swarm.stop().await;
}
