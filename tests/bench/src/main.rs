//! Ratios of verifying: what Marque adds to the bare cryptography, and what others add (design goals
//! G1 to G8 and G10).
//!
//! Every number is a ratio within one run. Comparators run in processes of their own (`comparators`
//! says why), in the same rounds.

mod batches;
mod chains;
mod comparators;
mod goals;
mod keys;
mod logs;
mod proofs;
mod rounds;
mod statuses;
mod world;

use goals::Goals;

/// A group of measurements, by the name that selects it.
type Group = (&'static str, fn(&mut Goals));

const GROUPS: [Group; 6] = [
    ("proofs", proofs::run),
    ("batches", batches::run),
    ("keys", keys::run),
    ("logs", logs::run),
    ("chains", chains::run),
    ("statuses", statuses::run),
];

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    if let Some(odd) = asked.iter().find(|name| GROUPS.iter().all(|(known, _)| known != name)) {
        let known: Vec<_> = GROUPS.iter().map(|(name, _)| *name).collect();
        eprintln!("no group {odd}; there are: {}", known.join(", "));
        std::process::exit(2);
    }
    let mut goals = Goals::default();
    for (name, run) in GROUPS {
        if asked.is_empty() || asked.iter().any(|asked| asked == name) {
            run(&mut goals);
        }
    }
    goals.print();
}
