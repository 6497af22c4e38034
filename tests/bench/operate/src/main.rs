//! What a running node costs: its store (G13), its start (G14), resolving over HTTP (G9), and what a compaction costs
//! those who commit meanwhile. Run in the folder above, which builds the `marque` program before.
//!
//! ```text
//! cargo run -- operate       all of it: half an hour, 10 GB of disk below this folder, 6 GB of memory
//! cargo run -- store         durable intake beside a bare log, sled and redb
//! cargo run -- start         until a node with a million DIDs is ready
//! cargo run -- resolve       beside bare hyper and axum; needs wrk and taskset
//! cargo run -- node          the two before, of one fleet
//! cargo run -- compaction    commits while the log is written anew, and while it is not
//! cargo run -- store 100000  the same with so many records, or DIDs
//! ```
#![allow(missing_docs, reason = "a program")]

mod compaction;
mod fleet;
mod goals;
mod intake;
mod machine;
mod resolve;
mod start;
mod worker;

use fleet::Fleet;
use goals::Goals;

const MANY: u64 = 1_000_000;
const FEW: u64 = 1_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (what, many) = match arguments.as_slice() {
        ["intake-worker", name, dir] => return intake::worker(name, dir),
        ["serve-worker", kind, file] => return resolve::worker(kind, file),
        ["rewrite-worker", store, paths, agents] => return fleet::rewrite_worker(store, paths, agents),
        ["reopen-worker", index] => return fleet::reopen_worker(index),
        [] => ("operate", MANY),
        [what] => (*what, MANY),
        [what, many] => (*what, many.parse().expect("a number")),
        _ => ("", 0),
    };
    let known = ["operate", "store", "start", "resolve", "node", "compaction"];
    if !known.contains(&what) {
        eprintln!("one of {}, and how many records or DIDs", known.join(", "));
        std::process::exit(2);
    }
    let of_node = |name: &str| what == "node" && ["start", "resolve"].contains(&name);
    let wanted = |name: &str| what == "operate" || what == name || of_node(name);
    let mut goals = Goals::default();
    if wanted("compaction") {
        compaction::run();
    }
    if wanted("store") {
        intake::run(many, &mut goals);
    }
    if wanted("start") || wanted("resolve") {
        let (few, many) = (Fleet::new(FEW), Fleet::new(many));
        if wanted("start") {
            start::run(&few, &many, &mut goals);
        }
        if wanted("resolve") {
            resolve::run(&few, &many, &mut goals);
        }
    }
    goals.print();
}
