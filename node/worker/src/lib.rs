//! The worker that judges proofs over RDF canonicalisation (`marque-interop`, or whatever the operator
//! names), run as a process of its own behind a pipe.
//!
//! It is not trusted: before it is asked anything, this side bounds its processor time, its memory and what
//! it can open, which is nothing at all, so that it reaches neither files nor network. Each question has a
//! deadline, each answer a length. A worker that breaks any of it is ended, and another started.

mod limits;
mod wire;
mod contexts;
mod process;
mod worker;

pub use contexts::{Contexts, ContextsError};
pub use limits::{
    CPU_TIME, DEADLINE, MAX_CONTEXTS_BYTES, MAX_MEMORY_BYTES, MAX_WAITING, PATIENCE, START_WITHIN,
};
pub use worker::{Worker, spawn};
