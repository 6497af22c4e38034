//! G12: from durable at the issuer to durable at every node.

use crate::links::Quality;
use crate::nodes::{ISSUER, Swarm, percentile};
use std::time::Duration;
use tokio::time::Instant;

/// How often.
const TIMES: usize = 20;

/// A link that is not on this machine.
const FAR: Quality = Quality { delay: Duration::from_millis(60), one_lost_of: 0 };

/// Between two rounds of anti-entropy while a swarm is set up.
const SHORT_PERIOD_MS: u64 = 2_000;

/// What a node has unless it is told otherwise.
const USUAL_PERIOD_MS: u64 = 30_000;

pub(crate) async fn run(count: usize) {
    println!("-- revocations on {count} nodes (G12)");
    measure(count, None, "loopback", "goal for 50: p99 100 ms").await;
    measure(
        count,
        Some(FAR),
        "60 ms one way",
        "goal for 50: p99 365 ms, 2.5 times the simulator's bound of 146 ms",
    )
    .await;
}

async fn measure(count: usize, quality: Option<Quality>, name: &str, goal: &str) {
    let mut swarm = Swarm::start(count, quality, SHORT_PERIOD_MS).await;
    let others: Vec<usize> = (0..count).filter(|number| *number != ISSUER).collect();
    let mut took = Vec::new();
    for _ in 0..TIMES {
        let owner = swarm.register().await;
        swarm.settled().await;
        took.extend(swarm.revoke(&owner, &others).await);
    }
    took.sort();
    let mut hops = swarm.hops();
    hops.sort_unstable();
    let (p50, p99) = (percentile(&took, 50), percentile(&took, 99));
    println!("{count} nodes, {name}: p50 {p50:.1?}, p99 {p99:.1?} ({goal})");
    if let Some(Quality { delay, .. }) = quality {
        let far = hops[(hops.len() * 99).div_ceil(100) - 1];
        let bound = delay * u32::try_from(far).unwrap();
        let ratio = p99.as_secs_f64() / bound.as_secs_f64();
        println!("  its links alone take p99 {bound:?}, {far} hops: {ratio:.2} times that");
    }
    swarm.stop().await;
}

/// A fifth of 50 nodes is cut off while something is revoked, and healed.
pub(crate) async fn partition() {
    let count = 50;
    println!("-- a fifth of {count} nodes cut off and healed (G12)");
    let mut swarm = Swarm::start(count, Some(Quality::PERFECT), USUAL_PERIOD_MS).await;
    let away: Vec<usize> = (1..count).filter(|number| number % 5 == 0).chain([49]).collect();
    let here: Vec<usize> = (1..count).filter(|number| !away.contains(number)).collect();
    let owner = swarm.register().await;
    swarm.settled().await;
    swarm.cut(&away);
    swarm.revoke(&owner, &here).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    swarm.heal();
    let healed = Instant::now();
    swarm.agree(away.iter().copied()).await;
    let took = healed.elapsed();
    println!(
        "{} of {count} nodes, away for 10 s: they agree {took:.1?} after they are healed (goal: 60 s)",
        away.len()
    );
    swarm.stop().await;
}
