//! DID logs: a longer log that contains the floor extends, any other valid one is a fork.
//!
//! Every fork is treated as contested here. To tell a fork by a retired key, which only raises an
//! alarm, one must know how long its rotation had been held; nothing here says that.

use crate::replica::limits::MAX_BRANCHES;
use crate::replica::view::{Item, ItemKind, log_digest};
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{Extension, Log, LogError};

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

/// What becomes of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogDecision {
    /// It becomes the log, and its head the floor.
    Accept(Log),
    /// The versions that are held.
    Same,
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

/// Decides about a log of `did`. `held` is the log that is held, or every branch of a contested one.
#[must_use]
pub fn decide_log(
    did: &Did,
    held: &[Log],
    floor: Option<&LogFloor>,
    received: &[u8],
    now: UnixSeconds,
) -> LogDecision {
    let mut branches = held.to_vec();
    let mut fork_at = None;
    for (place, branch) in held.iter().enumerate() {
        match branch.extend(received, now) {
            Ok(Extension::Same) => return LogDecision::Same,
            Ok(Extension::Older) => return LogDecision::Older,
            Ok(Extension::Longer(log)) if held.len() == 1 => return within_floor(did, log, floor, held),
            Ok(Extension::Longer(log)) => {
                branches.remove(place);
                let at = first_difference(&branches, &log);
                branches.push(log);
                return contested(did, at, branches);
            }
            Ok(Extension::Fork { at }) => fork_at = fork_at.max(Some(at)),
            Err(error) => return LogDecision::Refused(error),
        }
    }
    match (Log::verify(received, now), fork_at) {
        (Ok(log), Some(at)) => {
            branches.push(log);
            contested(did, at, branches)
        }
        (Ok(log), None) => within_floor(did, log, floor, held),
        (Err(error), _) => LogDecision::Refused(error),
    }
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
