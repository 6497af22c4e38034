//! Floors: what a replica has once accepted never falls back (MESH.md D7).
//!
//! Pure decisions about objects that are verified in themselves: signatures of status lists are for
//! the caller, logs are verified by [`did_resolver::webvh`].

mod era;
mod held_since;
mod list;
mod log;
mod delta;

pub use delta::{DeltaDecision, decide_delta};
pub use era::era;
pub use held_since::{HeldSince, RETIREMENT_WAIT};
pub use list::{
    Ahead, KnownList, ListDecision, ListFloor, ReceivedList, SignedList, beside, decide_list,
    is_past_knowing, is_revoked,
};
pub use log::{Known, LogDecision, LogFloor, ReceivedLog, check_proofs, chosen, decide_log, log_item};

#[cfg(test)]
mod tests;
