//! Ratios of verifying: what Marque adds to the bare cryptography (design goals G4, G6 and G8).
//!
//! Every number is a ratio within one run. Comparators: `ssi` and `didwebvh-rs` have their places in
//! `proofs` and `logs`, and are not linked yet.

mod batches;
mod logs;
mod proofs;
mod rounds;

fn main() {
    proofs::run();
    batches::run();
    logs::run();
}
