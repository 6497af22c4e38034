//! The mesh over libp2p (MESH.md): the loop around `marque_rules::replica`, and what it needs to
//! speak to peers. What a peer says is decided on elsewhere: by the state machine, and through
//! `marque_flows::ports::mesh::Intake`.

pub mod limits;
pub mod budget;
pub mod meter;
pub mod wire;
pub mod gate;
mod members;
mod undialled;
pub mod hint;
pub mod skew;
mod score;
pub mod credit;
pub mod metrics;
mod memory;
mod names;
mod transport;
mod behaviour;
pub mod peers;
pub mod reach;
pub mod bans;
mod command;
mod search;
pub mod handle;
mod driver;
pub mod start;

pub use handle::Handle;
pub use metrics::Metrics;
pub use start::{Config, Error, Running, peer_id, spawn};
