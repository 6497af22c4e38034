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
use std::process::Command;

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

/// What a running node costs, in a workspace of its own: `operate` is all of it.
const OPERATE: [&str; 6] = ["operate", "store", "start", "resolve", "node", "compaction"];

/// Builds the program as it is released, and runs the measurements.
fn operate(arguments: &[String]) -> ! {
    let cargo = |folder: &str, step: &[&str], arguments: &[String]| {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .args(step)
            .args(arguments)
            .current_dir(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
        command.status().expect("cargo").success()
    };
    let (root, here) = ("../..", "operate");
    let built = cargo(root, &["build", "--release", "--locked", "--package", "marque"], &[]);
    let done = built && cargo(here, &["run", "--locked", "--quiet", "--"], arguments);
    std::process::exit(i32::from(!done));
}

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    if asked.first().is_some_and(|first| OPERATE.contains(&first.as_str())) {
        operate(&asked);
    }
    if let Some(odd) = asked.iter().find(|name| GROUPS.iter().all(|(known, _)| known != name)) {
        let known: Vec<_> = GROUPS.iter().map(|(name, _)| *name).collect();
        eprintln!("no group {odd}; there are: {}, {}", known.join(", "), OPERATE.join(", "));
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
