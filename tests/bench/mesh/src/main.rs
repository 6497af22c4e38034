//! What the mesh costs, printed beside the goals of G11 and G12: bytes on the wire, an idle node with 50 peers,
//! and how long a revocation takes to be everywhere.
//!
//! ```text
//! cargo run                      everything but what takes minutes
//! cargo run -- bytes             G11: one revocation, a delta of 50, a list of a million
//! cargo run -- idle              a node with 50 peers, for a minute
//! cargo run -- revocations 200   G12, with so many nodes, by loopback and over links of 60 ms
//! cargo run -- partition         G12: a fifth of 50 nodes cut off and healed, with the usual period
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a measurement that cannot go on ends"
)]

mod bytes;
mod idle;
mod revocations;
#[path = "../../../../node/p2p/tests/swarm/links.rs"]
mod links;
#[allow(dead_code, reason = "the tests need more of it")]
#[path = "../../../../node/p2p/tests/swarm/nodes.rs"]
mod nodes;
#[path = "../../../../node/flows/tests/domain/world.rs"]
#[allow(dead_code, reason = "the tests of flows need more of it")]
mod world;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => {
            bytes::run().await;
            for count in [10, 50] {
                revocations::run(count).await;
            }
            idle::run().await;
        }
        ["bytes"] => bytes::run().await,
        ["idle"] => idle::run().await,
        ["idle-node"] => idle::node().await,
        ["revocations", count] => revocations::run(count.parse().unwrap()).await,
        ["partition"] => revocations::partition().await,
        other => {
            eprintln!("no such measurement: {other:?}");
            std::process::exit(2);
        }
    }
}
