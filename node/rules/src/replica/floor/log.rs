//! DID logs: a longer log that contains the floor extends, any other valid one is a fork.
//!
//! Every fork is treated as contested here. To tell a fork by a retired key, which only raises an
//! alarm, one must know how long its rotation had been held; nothing here says that.

use crate::replica::limits::{MAX_BRANCHES, MAX_PROOFS_BYTES};
use crate::replica::view::{Item, ItemKind, log_digest};
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{Extension, Log, LogError, WitnessProofsError};

/// The floor of a DID's log: a version that every accepted log has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFloor {
    /// Its number.
    pub number: u32,
    /// Its versionId.
    pub version_id: String,
}

impl LogFloor {
    /// The floor once `log` is accepted.
    #[must_use]
    pub fn of(log: &Log) -> Self {
        let head = log.head();
        Self { number: head.number, version_id: head.id.clone() }
    }

    fn is_in(&self, log: &Log) -> bool {
        log.versions().any(|version| version.number == self.number && version.id == self.version_id)
    }
}

/// A log as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceivedLog<'a> {
    /// Its `did.jsonl`.
    pub log: &'a [u8],
    /// Its `did-witness.json`, where that came with it.
    pub witness: Option<&'a [u8]>,
}

impl<'a> From<&'a [u8]> for ReceivedLog<'a> {
    /// A log without witnesses.
    fn from(log: &'a [u8]) -> Self {
        Self { log, witness: None }
    }
}

/// What becomes of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogDecision {
    /// It becomes the log, and its head the floor.
    Accept(Log),
    /// The versions that are held.
    Same,
    /// The versions that are held, with approvals that are not: here is all that is held now.
    Approved(Vec<Log>),
    /// A beginning of what is held, or too short to show the floor.
    Older,
    /// Two valid histories: no branch authorises anything. The floor stays.
    Contested {
        /// The first number at which they differ.
        at: u32,
        /// Every branch, to be kept and passed on: at most [`MAX_BRANCHES`], those with the lowest
        /// item ids, so that every replica keeps the same.
        branches: Vec<Log>,
    },
    /// It does not verify, or is not of this DID.
    Refused(LogError),
}

/// Checks that the witness proofs of a log keep to [`MAX_PROOFS_BYTES`], so that they can be passed on.
///
/// # Errors
/// [`WitnessProofsError::TooLong`], in a [`LogError`].
pub fn check_proofs(log: &Log) -> Result<(), LogError> {
    match log.witness_file() {
        Some(file) if file.len() > MAX_PROOFS_BYTES => {
            Err(LogError::WitnessProofs(WitnessProofsError::TooLong))
        }
        _ => Ok(()),
    }
}

/// Decides about a log of `did`. `held` is the log that is held, or every branch of a contested one.
///
/// A log whose entries lack the approval of their witnesses is refused, be it longer than what is held
/// or a fork of it: thresholds are those of what stands before the entry.
#[must_use]
pub fn decide_log(
    did: &Did,
    held: &[Log],
    floor: Option<&LogFloor>,
    received: ReceivedLog<'_>,
    now: UnixSeconds,
) -> LogDecision {
    decide(did, held, floor, received, now).unwrap_or_else(LogDecision::Refused)
}

fn decide(
    did: &Did,
    held: &[Log],
    floor: Option<&LogFloor>,
    received: ReceivedLog<'_>,
    now: UnixSeconds,
) -> Result<LogDecision, LogError> {
    let ReceivedLog { log: bytes, witness } = received;
    let mut branches = held.to_vec();
    let mut fork_at = None;
    for (place, branch) in held.iter().enumerate() {
        match branch.extend_with(bytes, witness, now)? {
            Extension::Same => {
                let approved = witness.map(|file| branch.with_approvals(file)).transpose()?.flatten();
                let Some(approved) = approved else { return Ok(LogDecision::Same) };
                check_proofs(&approved)?;
                branches.splice(place..=place, [approved]);
                return Ok(LogDecision::Approved(branches));
            }
            Extension::Older => return Ok(LogDecision::Older),
            Extension::Longer(log) => {
                check_proofs(&log)?;
                if held.len() == 1 {
                    return Ok(within_floor(did, log, floor, held));
                }
                branches.remove(place);
                let at = first_difference(&branches, &log);
                branches.push(log);
                return Ok(contested(did, at, branches));
            }
            Extension::Fork { at } => fork_at = fork_at.max(Some(at)),
        }
    }
    let log = Log::verify_with(bytes, witness, now)?;
    check_proofs(&log)?;
    Ok(match fork_at {
        Some(at) => {
            branches.push(log);
            contested(did, at, branches)
        }
        None => within_floor(did, log, floor, held),
    })
}

/// Holds a log that departs from nothing that is held against the floor.
fn within_floor(did: &Did, log: Log, floor: Option<&LogFloor>, held: &[Log]) -> LogDecision {
    if !log.names(did) {
        return LogDecision::Refused(LogError::OtherScid);
    }
    match floor {
        None => LogDecision::Accept(log),
        Some(floor) if floor.is_in(&log) => LogDecision::Accept(log),
        Some(floor) if log.head().number < floor.number => LogDecision::Older,
        Some(floor) => {
            let at = floor.number;
            contested(did, at, held.iter().cloned().chain([log]).collect())
        }
    }
}

fn contested(did: &Did, at: u32, mut branches: Vec<Log>) -> LogDecision {
    branches.sort_by_key(|branch| log_item(did, branch).id());
    branches.truncate(MAX_BRANCHES);
    LogDecision::Contested { at, branches }
}

/// The first number at which `log` has a version that one of `branches` has not, or lacks one.
fn first_difference(branches: &[Log], log: &Log) -> u32 {
    let common = |branch: &Log| {
        branch.versions().zip(log.versions()).take_while(|(a, b)| a.id == b.id).map(|(a, _)| a.number).last()
    };
    branches.iter().filter_map(common).max().unwrap_or(0).saturating_add(1)
}

/// The item that a log of `did` is. A portable DID may have another name in the newest version; the
/// item goes by the one that it is held under.
#[must_use]
pub fn log_item(did: &Did, log: &Log) -> Item {
    Item {
        kind: ItemKind::Log,
        subject: did.as_str().to_owned(),
        seq: u64::from(log.head().number),
        digest: log_digest(log.versions().map(|version| version.id.as_str())),
    }
}
