//! Swarms of whole nodes: real intakes over durable stores, real drivers, links that are slow, lossy and
//! cut (MESH.md D4, D6; PERFORMANCE.md G12). What takes how long is printed, and is no claim.

pub(crate) mod links;
pub(crate) mod nodes;

use links::Quality;
use nodes::{ISSUER, Swarm, percentile};
use std::io::Write;
use std::time::Duration;
use tokio::time::Instant;

/// Slow and lossy.
const POOR: Quality = Quality { delay: Duration::from_millis(20), one_lost_of: 50 };

/// Between two rounds of anti-entropy: what nobody said again since it was pulled goes a hop in each.
const PERIOD_MS: u64 = 1_000;

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

// R-341 R-342
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_revoked_is_verified_durable_and_served_on_each_of_20_nodes_over_poor_links() {
    let mut swarm = Swarm::start(20, Some(POOR), PERIOD_MS).await;
    revoke_everywhere(&mut swarm, 20, 5, "20 ms one way, 2 % lost").await;
    swarm.stop().await;
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_revoked_is_verified_durable_and_served_on_each_of_50_nodes() {
    let mut swarm = Swarm::start(50, None, PERIOD_MS).await;
    revoke_everywhere(&mut swarm, 50, 5, "loopback, a debug build").await;
    swarm.stop().await;
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fifth_that_was_cut_off_converges_within_two_rounds_after_it_is_healed() {
    let mut swarm = Swarm::start(20, Some(POOR), PERIOD_MS).await;
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
        assert_eq!(swarm.served(number).await, 0, "who is cut off cannot know");
    }
    let before = away.map(|number| swarm.pulls(number));
    swarm.heal();
    let healed = Instant::now();
    let mut most = 0;
    for (number, before) in away.into_iter().zip(before) {
        swarm.agree([number]).await;
        let pulls = swarm.pulls(number) - before;
        assert!(pulls <= swarm.two_rounds(number), "{pulls} pulls at node {number}");
        assert_eq!(swarm.served(number).await, 1);
        most = pulls.max(most);
    }
    let took = healed.elapsed();
    say(&format!("20 nodes, 4 cut off and healed: they agree after {took:.1?} and {most} pulls at most\n"));
    swarm.stop().await;
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_joins_late_has_everything_after_its_first_round() {
    let mut swarm = Swarm::start(10, None, PERIOD_MS).await;
    revoke_everywhere(&mut swarm, 10, 5, "loopback, a debug build").await;
    let joined = Instant::now();
    let late = swarm.join(&[4, 9]).await;
    swarm.agree([late]).await;
    let (took, pulls) = (joined.elapsed(), swarm.pulls(late));
    say(&format!("10 nodes, and one that comes late: it agrees after {took:.1?} and {pulls} pulls\n"));
    assert!(pulls <= swarm.two_rounds(late) - 4, "{pulls} pulls");
    assert_eq!(swarm.served(late).await, 5);
    swarm.stop().await;
}
