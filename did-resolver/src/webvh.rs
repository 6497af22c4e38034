//! did:webvh 1.0: a DID whose document history is a signed log that verifies itself, wherever it
//! came from.
//!
//! A [`Log`] is a log of which every rule was checked, its witnesses' approval among them; nothing
//! else makes one. [`create`] and [`Log::append`] prepare entries in two steps, and [`WitnessDraft`]
//! an approval, so that no secret key comes here.
//! <https://identity.foundation/didwebvh/v1.0/>

mod approved;
mod draft;
mod duplicity;
mod entries;
mod entry;
mod error;
mod extension;
mod history;
mod host;
mod listed;
mod log;
mod many;
mod parameters;
mod proof;
mod retirement;
mod scid;
mod witness_draft;
mod witness_proofs;
mod witnesses;

pub use crate::location::{Location, LocationError, MAX_PATH_SEGMENTS};
pub use draft::{Change, EntryDraft, Genesis, Oversight, create, create_with};
pub use duplicity::{DuplicityError, DuplicityProof, MAX_DUPLICITY_BYTES};
pub use error::{EntryError, LogError};
pub use extension::Extension;
pub use host::{HostError, WebvhId};
pub use listed::Listed;
pub use log::{Log, Resolved, Version, VersionQuery};
pub use many::{LogBytes, verify_many};
pub use parameters::{DEFAULT_TTL_SECONDS, MAX_KEYS, Parameters, key_hash};
pub(crate) use scid::SOURCE;
pub use scid::ScidId;
pub use witness_draft::WitnessDraft;
pub use witness_proofs::{MAX_WITNESS_BYTES, WitnessProofs, WitnessProofsError};
pub use witnesses::{MAX_WITNESSES, Witnesses};

use std::time::Duration;

/// Longest log, in bytes, at every door. The specification suggests 5 MiB; an agent that rotates
/// daily for two years stays below 1 MiB.
pub const MAX_LOG_BYTES: usize = 1 << 20;

/// Longest entry, in bytes, without its line end: the limit of a gossiped envelope.
pub const MAX_ENTRY_BYTES: usize = 64 << 10;

/// Most entries of one log. Each costs a signature to verify.
pub const MAX_ENTRIES: usize = 2_000;

/// How far `versionTime` may lie ahead of the verifier's clock (specification, "Read", step 4).
pub const MAX_AHEAD: Duration = Duration::from_secs(300);

/// What stands for the SCID while it is being computed.
pub const SCID_PLACEHOLDER: &str = "{SCID}";

#[cfg(test)]
mod tests;
