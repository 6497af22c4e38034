//! The flows of a domain over an in-memory store, with real keys, logs and signatures.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod admission;
mod approvals;
mod bans;
mod deferral;
mod deltas;
mod members;
mod resolution;
mod export;
mod fated;
mod forks;
mod hostile;
mod import;
mod joins;
mod linked_data;
mod lists;
mod own_logs;
mod shared;
mod peer;
mod recognition;
mod rotation;
mod mesh;
mod statements;
mod verification;
mod witnessed;
mod world;
