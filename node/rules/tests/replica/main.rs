//! Twenty replicas under loss, duplication, reordering, delay, partition, crash, late join, clock skew and
//! hostile members, in virtual time. A failure prints its seed; `MARQUE_SEED=<seed>` runs that one alone,
//! and `MARQUE_SEEDS` says how many are tried:
//!
//! ```text
//! MARQUE_SEEDS=20000 cargo test --release -p marque-rules --test replica -- --nocapture
//! ```
//!
//! What it catches was tried by breaking `node/rules`, one at a time:
//!
//! | broken | caught by |
//! |---|---|
//! | a list below its floor is taken | I2: the floor of a list fell |
//! | what was ever revoked is forgotten when a new list comes | I1: an index is not revoked |
//! | a message is forwarded when it was judged, before it is durable | I5: not durable |
//! | what was judged is shown to peers before it is durable | I6: shows what is not durable |
//! | gossip past its time is accepted | I5: forwarded out of time |
//! | of two histories the first counts | I8: a contested log counts |
//! | every fork by a retired key is dead at once | too few DIDs contested |
//! | no anti-entropy on connect | I3: too few worlds converge soon; seen once |
//! | no rounds of anti-entropy | I3: no equal digests |
//! | of the peers one is drawn anew for each round | I3: no equal digests, one world in two hundred |
//! | what an older list revokes is passed over | I3: revoked for one honest node and not for another |
//! | of two lists of one number one is held | the same, one world in four |
//! | what was held at a judgement hides what was published since | I6, one world in five hundred |
//! | no bound on what is at the judge | I7 |
//! | what is not known is charged as what is bad | an honest node was charged |
//!
//! Not caught here, but by a test of `floor`: the place of a list told by the newest version of its issuer.
//!
//! What is equal may cease to be where a hostile node shows late what it kept back: then it is waited for again.
#![cfg(test)]

mod disk;
mod faults;
mod hostile;
mod invariants;
mod library;
mod links;
mod memo;
mod node;
mod publish;
mod random;
mod spread;
mod tally;
mod world;

use marque_rules::replica::limits::DEFAULT_PERIOD_MS;
use std::thread;
use tally::Tally;
use world::{Plan, World};

/// How many seeds a run tries that is not told.
const SEEDS: u64 = 100;

/// How many run at once; each is a world of its own.
const LANES: usize = 2;

/// Periods in which there are faults.
const CALM_PERIODS: u64 = 5;

/// A world in which much goes wrong.
const ROUGH: Plan = Plan {
    nodes: 20,
    domains: library::DOMAINS,
    is_rough: true,
    latency_ms: (10, 150),
    period_ms: DEFAULT_PERIOD_MS,
    calm_ms: CALM_PERIODS * DEFAULT_PERIOD_MS,
    end_ms: (CALM_PERIODS + tally::MOST_PERIODS) * DEFAULT_PERIOD_MS,
};

#[expect(clippy::disallowed_methods, reason = "a test is told its seeds from outside")]
fn told(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

// R-340 R-341 R-342 R-343 R-347
#[test]
fn replicas_converge_and_forward_only_what_is_durable() {
    if let Some(seed) = told("MARQUE_SEED") {
        let mut world = World::new(seed, ROUGH);
        world.run();
        return world.tally.print();
    }
    let seeds = told("MARQUE_SEEDS").unwrap_or(SEEDS);
    let lane =
        |first: usize| (first as u64..seeds).step_by(LANES).map(run).fold(Outcome::default(), Outcome::plus);
    let outcome = thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|first| scope.spawn(move || lane(first))).collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).fold(Outcome::default(), Outcome::plus)
    });
    outcome.tally.print();
    outcome.tally.check(seeds);
    assert!(outcome.failed.is_empty(), "failed with MARQUE_SEED= one of {:?}", outcome.failed);
}

#[derive(Default)]
struct Outcome {
    tally: Tally,
    failed: Vec<u64>,
}

impl Outcome {
    fn plus(mut self, mut other: Self) -> Self {
        self.failed.append(&mut other.failed);
        Self { tally: self.tally.plus(other.tally), failed: self.failed }
    }
}

fn run(seed: u64) -> Outcome {
    let world = std::panic::catch_unwind(|| {
        let mut world = World::new(seed, ROUGH);
        world.run();
        world.tally
    });
    match world {
        Ok(tally) => Outcome { tally, failed: Vec::new() },
        Err(_) => {
            println!("failed: MARQUE_SEED={seed}");
            Outcome { tally: Tally::default(), failed: vec![seed] }
        }
    }
}
