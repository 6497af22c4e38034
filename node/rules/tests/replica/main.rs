//! Replicas under loss, duplication, reordering, delay, corruption, partition, crash and late join,
//! in virtual time. A failure prints its seed; `MARQUE_SEED=<seed>` runs that one alone.
#![cfg(test)]

mod judge;
mod network;

use network::{Network, Tally};
use std::thread;

/// How many seeds one run tries.
const SEEDS: u64 = 100;

/// How many run at once; each is a world of its own.
const LANES: usize = 2;

// R-340 R-341 R-342 R-343 R-347
#[test]
#[expect(clippy::disallowed_methods, reason = "a test is told its seed from outside")]
fn replicas_converge_and_forward_only_what_is_durable() {
    if let Ok(seed) = std::env::var("MARQUE_SEED") {
        Network::new(seed.parse().unwrap()).run();
        return;
    }
    let lane =
        |first: usize| (first as u64..SEEDS).step_by(LANES).map(run).fold(Tally::default(), Tally::plus);
    let tally = thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|first| scope.spawn(move || lane(first))).collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).fold(Tally::default(), Tally::plus)
    });
    println!("{tally:?}");
    // The simulation shows nothing if nothing of interest happens in it.
    assert!(tally.forwarded > 1_000 && tally.contested > 0 && tally.rejected > 0 && tally.pulled > 1_000);
    assert!(tally.witnessed > 500 && tally.approved_later > 100 && tally.unapproved > 100);
}

fn run(seed: u64) -> Tally {
    let outcome = std::panic::catch_unwind(|| {
        let mut network = Network::new(seed);
        network.run();
        network.tally()
    });
    outcome.unwrap_or_else(|_| panic!("failed with MARQUE_SEED={seed}"))
}
