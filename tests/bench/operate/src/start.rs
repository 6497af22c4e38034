//! G14: how long a node takes to be ready whose store has very many DIDs, and the memory that they take.

use crate::fleet::Fleet;
use crate::goals::{Bound, Goals};
use crate::machine::{anonymous, median, resident};
use crate::worker::Worker;

const ROUNDS: usize = 5;

/// Agents whose log is written again before the process is killed: somewhat less than what Marque's index has in
/// memory before it writes.
const REWRITTEN: u64 = 40_000;

/// G14, beside a node that has a thousand.
pub fn run(few: &Fleet, many: &Fleet, goals: &mut Goals) {
    let (mut sled, mut clean, mut killed, mut small) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut memory, mut least) = (Vec::new(), Vec::new());
    let mut behind = Vec::new();
    let twin = many.copied();
    let index = twin.index_in_sled();
    let rewritten = REWRITTEN.min(many.agents).to_string();
    for _ in 0..ROUNDS {
        let mut worker = Worker::start(None, &["reopen-worker", index.to_str().unwrap()]);
        sled.push(worker.hear().split_once(' ').unwrap().0.parse::<f64>().unwrap());
        drop(worker);
        let (node, took) = few.up(None, &[]);
        small.push(took.as_secs_f64());
        least.push((anonymous(node.pid()), resident(node.pid())));
        node.stop();
        let (node, took) = many.up(None, &[]);
        clean.push(took.as_secs_f64());
        memory.push((anonymous(node.pid()), resident(node.pid())));
        node.kill();
        let (node, took) = many.up(None, &[]);
        killed.push(took.as_secs_f64());
        node.stop();
        let (store, paths) = (many.store(), many.paths.to_str().unwrap());
        let mut worker = Worker::start(None, &["rewrite-worker", store.to_str().unwrap(), paths, &rewritten]);
        worker.hear();
        drop(worker);
        let (node, took) = many.up(None, &[]);
        behind.push(took.as_secs_f64());
        node.stop();
    }
    let of = |values: &[(f64, f64)]| median(values.iter().map(|(anonymous, _)| *anonymous).collect());
    let all = |values: &[(f64, f64)]| median(values.iter().map(|(_, resident)| *resident).collect());
    println!("\nG14: the `marque` program until it resolves and says that it is ready (median of {ROUNDS})");
    println!(
        "  {} DIDs {:>37.3} s  memory {:>5.0} MB ({:.0} MB with pages of files)",
        few.agents,
        median(small.clone()),
        of(&least) / 1e6,
        all(&least) / 1e6
    );
    println!(
        "  {} DIDs {:>34.3} s  memory {:>5.0} MB ({:.0} MB with pages of files)",
        many.agents,
        median(clean.clone()),
        of(&memory) / 1e6,
        all(&memory) / 1e6
    );
    println!("  {} DIDs, after kill -9 {:>19.3} s", many.agents, median(killed.clone()));
    println!("  the same, {rewritten} logs to replay {:>14.3} s", median(behind.clone()));
    println!("  sled alone opens that index {:>22.3} s", median(sled.clone()));
    goals.note(
        "G14",
        format!("seconds until ready with {} DIDs", many.agents),
        median(clean.clone()),
        Bound::Most(3.0),
    );
    goals.note("G14", "the same after kill -9", median(killed), Bound::Most(3.0));
    goals.note("G14", format!("the same, {rewritten} logs to replay"), median(behind), Bound::Most(3.0));
    goals.note(
        "G14",
        "until ready / sled alone opens an index of the same",
        median(clean) / median(sled),
        Bound::Most(5.0),
    );
    let each = (of(&memory) - of(&least)) / (many.agents - few.agents) as f64;
    goals.note("G14", "bytes of memory for each DID more", each, Bound::Most(350.0));
}
