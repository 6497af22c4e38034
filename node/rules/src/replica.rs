//! Replication of logs and status lists between nodes: what goes over the wire, what a node keeps,
//! and what it does next (MESH.md D1 to D7, D10).
//!
//! [`state::State`] is the whole protocol as `handle(Input, now) -> Vec<Effect>`. It opens no socket,
//! verifies no signature and stores nothing: it asks for these by effects and is told the outcome by
//! inputs.

mod bucket;
mod cbor;
pub mod envelope;
pub mod floor;
pub mod kind;
pub mod limits;
pub mod log_head;
pub mod membership;
pub mod message;
pub mod now;
pub mod penalty;
pub mod recognitions;
pub mod refusal;
pub mod state;
pub mod token;
pub mod topic;
pub mod view;

pub use envelope::{Body, Envelope, EnvelopeDraft};
pub use kind::{Kind, Kinds};
pub use log_head::LogHead;
pub use membership::MembershipEpoch;
pub use message::{Hello, HelloAnswer, Request, Response};
pub use now::{MonoMillis, Now};
pub use recognitions::Recognitions;
pub use refusal::Refusal;
pub use state::{Config, Effect, Input, State, Verdict};
pub use topic::{Lane, Scid, Topic};
pub use view::{Item, ItemKind};
