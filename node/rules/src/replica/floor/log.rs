//! DID logs: a longer log that contains the floor extends; any other valid one is a fork, which makes
//! the DID contested, unless the key that made it had been dead for long.

use super::held_since::HeldSince;
use crate::replica::limits::{MAX_PROOFS_BYTES, RANKED_BRANCHES};
use crate::replica::view::{Item, ItemKind, log_digest};
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{Extension, Log, LogError, WitnessProofsError};
use std::borrow::Borrow;
use std::cmp::Reverse;

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

/// What is known of a DID before a log of it arrives.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// The log that is held, or every branch of a contested one.
    pub held: &'a [Log],
    /// Its floor.
    pub floor: Option<&'a LogFloor>,
    /// How long its versions have been held.
    pub since: Option<&'a HeldSince>,
    /// The version by which an operator said which branch counts here.
    pub settled: Option<&'a str>,
}

/// The branch that counts: the only one, or the only one that has the version by which it was `settled`.
#[must_use]
pub fn chosen<'a, L: Borrow<Log>>(branches: &'a [L], settled: Option<&str>) -> Option<&'a L> {
    let has = |log: &&L| settled.is_some_and(|id| (*log).borrow().versions().any(|version| version.id == id));
    match branches {
        [log] => Some(log),
        _ => {
            let mut having = branches.iter().filter(has);
            having.next().filter(|_| having.next().is_none())
        }
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
        /// Every branch, to be kept and passed on: at most [`RANKED_BRANCHES`], the one that counts here
        /// and those whose versionIds come first, compared from the first version on, and the longest. A branch
        /// that grows keeps its place, and which is longest no shorter one changes, so that every replica keeps
        /// the same, in whatever order it hears of them.
        branches: Vec<Log>,
    },
    /// A valid fork by a key that had been dead for long: something to raise an alarm about and to keep
    /// as evidence. What is held goes on to count.
    DeadKey {
        /// The first number at which it differs.
        at: u32,
        /// The fork.
        branch: Log,
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

/// Decides about a log of `did`.
///
/// A log whose entries lack the approval of their witnesses is refused, be it longer than what is held
/// or a fork of it: thresholds are those of what stands before the entry.
#[must_use]
pub fn decide_log(did: &Did, known: Known<'_>, received: ReceivedLog<'_>, now: UnixSeconds) -> LogDecision {
    decide(did, known, received, now).unwrap_or_else(LogDecision::Refused)
}

fn decide(
    did: &Did,
    known: Known<'_>,
    received: ReceivedLog<'_>,
    now: UnixSeconds,
) -> Result<LogDecision, LogError> {
    let ReceivedLog { log: bytes, witness } = received;
    let mut branches = known.held.to_vec();
    let mut fork_at = None;
    for (place, branch) in known.held.iter().enumerate() {
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
                if known.held.len() == 1 {
                    return Ok(within_floor(did, log, known));
                }
                branches.remove(place);
                let at = first_difference(&branches, &log);
                branches.push(log);
                return Ok(contested(at, branches, known.settled));
            }
            Extension::Fork { at } => fork_at = fork_at.max(Some(at)),
        }
    }
    let log = Log::verify_with(bytes, witness, now)?;
    check_proofs(&log)?;
    let Some(at) = fork_at else { return Ok(within_floor(did, log, known)) };
    if let ([held], Some(since)) = (known.held, known.since)
        && since.is_dead_key_fork(held, &log, at, now)
    {
        return Ok(LogDecision::DeadKey { at, branch: log });
    }
    branches.push(log);
    Ok(contested(at, branches, known.settled))
}

/// Holds a log that departs from nothing that is held against the floor.
fn within_floor(did: &Did, log: Log, known: Known<'_>) -> LogDecision {
    if !log.names(did) {
        return LogDecision::Refused(LogError::OtherScid);
    }
    match known.floor {
        None => LogDecision::Accept(log),
        Some(floor) if floor.is_in(&log) => LogDecision::Accept(log),
        Some(floor) if log.head().number < floor.number => LogDecision::Older,
        Some(floor) => {
            let branches = known.held.iter().cloned().chain([log]).collect();
            contested(floor.number, branches, known.settled)
        }
    }
}

fn contested(at: u32, mut branches: Vec<Log>, settled: Option<&str>) -> LogDecision {
    let head = chosen(&branches, settled).map(|log| log.head().id.clone());
    let counts = |branch: &Log| head.as_ref() == Some(&branch.head().id);
    branches.sort_by_cached_key(|branch| branch.versions().map(|v| v.id.clone()).collect::<Vec<_>>());
    // The first of those of one length, whichever counts here.
    let length = |(at, branch): &(usize, &Log)| (branch.head().number, Reverse(*at));
    let longest = branches.iter().enumerate().max_by_key(length).map(|(_, branch)| branch.head().id.clone());
    branches.sort_by_key(|branch| !counts(branch));
    let ranked = branches.len().min(RANKED_BRANCHES);
    let beyond = branches.split_off(ranked);
    branches.extend(beyond.into_iter().find(|branch| longest.as_ref() == Some(&branch.head().id)));
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
