//! The durable store of one node: an append-only object log, an index over it, and secret keys at rest.
//!
//! Implements `marque_flows::ports::records::Records`.

pub mod error;
mod files;
pub mod lock;
mod batch;
mod log;

pub use batch::MAX_BATCH_BYTES;
pub use error::OpenError;
