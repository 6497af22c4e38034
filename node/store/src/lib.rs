//! The durable store of one node: an append-only object log, an index over it, and secret keys at rest.
//!
//! Implements `marque_flows::ports::records::Records`.

pub mod error;
mod files;
mod prefix;
mod disk;
mod lock;
mod batch;
mod log;
mod index;
pub mod engine;
pub mod audit;
pub mod memory;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod secret;
pub mod keyfile;
pub mod backup;
pub mod transfer;
#[cfg(any(test, feature = "contract"))]
pub mod contract;

pub use batch::MAX_BATCH_BYTES;
pub use engine::{Background, IndexEngine, Options, Progress, Rebuilt, Recovery, Stats, Store};
pub use error::OpenError;
pub use lock::Held;
#[cfg(feature = "postgres")]
pub use postgres::Postgres;
