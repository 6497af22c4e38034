//! Replicas under loss, duplication, reordering, delay, corruption, partition, crash and late join,
//! in virtual time. A failure prints its seed; `MARQUE_SEED=<seed>` runs that one alone.

mod judge;
mod network;

use network::Network;

/// How many seeds one run tries.
const SEEDS: u64 = 100;

// R-340 R-341 R-342 R-343 R-347
#[test]
fn replicas_converge_and_forward_only_what_is_durable() {
    let seeds = match std::env::var("MARQUE_SEED") {
        Ok(seed) => seed.parse().unwrap()..seed.parse::<u64>().unwrap() + 1,
        Err(_) => 0..SEEDS,
    };
    let (mut judged, mut forwarded, mut contested, mut rejected) = (0, 0, 0, 0);
    for seed in seeds.clone() {
        let outcome = std::panic::catch_unwind(|| {
            let mut network = Network::new(seed);
            network.run();
            network.tally()
        });
        match outcome {
            Ok(tally) => {
                judged += tally.judged;
                forwarded += tally.forwarded;
                contested += tally.contested;
                rejected += tally.rejected;
            }
            Err(_) => panic!("failed with MARQUE_SEED={seed}"),
        }
    }
    println!("judged {judged}, forwarded {forwarded}, contested {contested}, rejected {rejected}");
    // The simulation shows nothing if nothing of interest happens in it.
    assert!(seeds.end - seeds.start == 1 || (contested > 0 && rejected > 0 && forwarded > 1_000));
}
