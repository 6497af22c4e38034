//! Logs as they are held: one of each DID, or the branches of a contested one, and what a decision about
//! another log of the DID needs to know.

use crate::domain::{Domain, put, put_bytes};
use crate::error::Error;
use crate::ports::records::{Expect, Records, Table, Write};
use did_resolver::did::Did;
use did_resolver::document::Document;
use did_resolver::keys::PublicKey;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::Log;
use marque_rules::replica::floor::{
    HeldSince, Known, LogDecision, LogFloor, ReceivedLog, chosen, decide_log, era,
};
use marque_rules::replica::limits::MAX_BRANCHES;
use serde_json::{Value, json};
use std::sync::Arc;
use vc_schemas::facts::DidFact;

/// What is held of a DID.
#[derive(Debug, Clone, Default)]
pub struct HeldLog {
    /// No log, one, or the branches of a forked one.
    pub branches: Vec<Arc<Log>>,
    /// The version by which an operator said which branch counts here.
    pub settled: Option<String>,
    /// The record versions, for compare-and-swap.
    versions: Vec<u64>,
    /// The record of the first branch, and its stamp before any was read.
    stamp: Option<(Vec<u8>, u64)>,
}

impl HeldLog {
    /// What comes from several records, and so cannot be written back.
    pub(super) const fn shown(branches: Vec<Arc<Log>>) -> Self {
        Self { branches, settled: None, versions: Vec::new(), stamp: None }
    }

    /// The one record that all of this follows from, and its stamp: where there is one branch, of a DID that never
    /// could move. A second branch is never written without the first.
    pub(crate) fn rests_on(&self) -> Option<(Vec<u8>, u64)> {
        match self.branches.as_slice() {
            [log] if !may_have_moved(log) => self.stamp.clone(),
            _ => None,
        }
    }

    /// The log that counts: the only one, or the branch that was settled on.
    #[must_use]
    pub fn log(&self) -> Option<&Arc<Log>> {
        chosen(&self.branches, self.settled.as_deref())
    }

    /// Whether there are two valid histories, be it settled or not which one counts here.
    #[must_use]
    pub const fn is_forked(&self) -> bool {
        self.branches.len() > 1
    }

    /// Whether there are two valid histories, and none counts.
    #[must_use]
    pub fn is_contested(&self) -> bool {
        self.is_forked() && self.log().is_none()
    }

    /// What that is to a verifier; `None` where nothing is held, or nothing that authorises.
    #[must_use]
    pub fn fact(&self) -> Option<DidFact> {
        match self.log() {
            None if self.branches.is_empty() => None,
            None => Some(DidFact::Contested),
            Some(log) if log.is_deactivated() => Some(DidFact::Deactivated),
            Some(log) => authority(log).map(|document| DidFact::Active {
                document: Arc::new(document.clone()),
                version: log.head().number,
            }),
        }
    }
}

/// The document by which a log authorises: not that of a DID that is deactivated, nor of one that may
/// move. Logs are held by their DIDs, so under a name that was left behind an old key would count for
/// good wherever the move was not heard of.
pub(crate) fn authority(log: &Log) -> Option<&Document> {
    let fixed = log.versions().all(|version| !version.parameters().portable());
    log.document().filter(|_| fixed)
}

/// What is known of a DID before a log of it arrives.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownLog {
    pub(crate) held: HeldLog,
    /// The same, to be decided about.
    pub(crate) branches: Vec<Log>,
    floor: Option<LogFloor>,
    since: HeldSince,
}

impl KnownLog {
    /// What becomes of a log that arrives at `now`.
    pub(crate) fn decide(&self, did: &Did, received: ReceivedLog<'_>, now: UnixSeconds) -> LogDecision {
        let known = Known {
            held: &self.branches,
            floor: self.floor.as_ref(),
            since: Some(&self.since),
            settled: self.held.settled.as_deref(),
        };
        decide_log(did, known, received, now)
    }

    /// The same, once these are the branches.
    pub(crate) fn having(&self, branches: Vec<Log>) -> Self {
        Self { branches, ..self.clone() }
    }

    /// Of other branches, the one that counts.
    pub(crate) fn chosen<'a>(&self, branches: &'a [Log]) -> Option<&'a Log> {
        chosen(branches, self.held.settled.as_deref())
    }

    /// All branches, with `log` in the place of the one that counts.
    pub(crate) fn with(&self, log: Log) -> Vec<Log> {
        let counts = self.chosen(&self.branches);
        let others = self.branches.iter().filter(|branch| Some(*branch) != counts).cloned();
        std::iter::once(log).chain(others).collect()
    }
}

/// Whether a log ever let its DID move.
pub(super) fn may_have_moved(log: &Log) -> bool {
    log.versions().any(|version| version.parameters().portable())
}

/// The key of a DID's branch in the store.
fn log_key(did: &Did, branch: usize) -> Vec<u8> {
    format!("{did}#{branch}").into_bytes()
}

/// The key of a DID's floor in the store.
fn floor_key(did: &Did) -> String {
    format!("log\n{did}")
}

/// A log and its witness proofs as one record, so that neither is ever there without the other. A log
/// without proofs is itself.
pub(crate) fn packed(log: &Log) -> Vec<u8> {
    // An array, which no entry is, and a log ends its last line.
    [log.bytes(), &log.witness_file().unwrap_or_default()].concat()
}

/// What [`packed`] made one of.
fn unpacked(record: &[u8]) -> (&[u8], Option<&[u8]>) {
    let last = record.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end.saturating_add(1));
    match record.split_at_checked(last) {
        Some((log, witness)) if witness.first() == Some(&b'[') => (log, Some(witness)),
        _ => (record, None),
    }
}

/// Every history of a DID that a store has, before there is a domain: who starts a node has to know by which keys.
///
/// # Errors
/// [`Error::Store`]; [`Error::Record`] where a log that was accepted no longer verifies.
pub async fn histories_of(records: &dyn Records, did: &Did, now: UnixSeconds) -> Result<Vec<Log>, Error> {
    let mut found = Vec::new();
    for branch in 0..MAX_BRANCHES {
        let Some(stored) = records.get(Table::Logs, &log_key(did, branch)).await? else { break };
        let (log, witness) = unpacked(&stored.value);
        found.push(Log::verify_with(log, witness, now).map_err(|_| Error::Record("a DID log"))?);
    }
    Ok(found)
}

impl Domain {
    /// What is held of a DID.
    ///
    /// # Errors
    /// [`Error::Store`]; [`Error::Record`] where a log that was accepted no longer verifies.
    pub async fn held_log(&self, did: &Did) -> Result<HeldLog, Error> {
        let first = log_key(did, 0);
        let stamp = self.records.stamp(Table::Logs, &first).map(|stamp| (first, stamp));
        let mut held = HeldLog { stamp, ..HeldLog::default() };
        for branch in 0..MAX_BRANCHES {
            let key = log_key(did, branch);
            let Some(stored) = self.records.get(Table::Logs, &key).await? else { break };
            let log = match self.logs.find(&key, stored.version) {
                Some(log) => log,
                None => {
                    let (log, witness) = unpacked(&stored.value);
                    let log = Log::verify_with(log, witness, self.now());
                    let log = Arc::new(log.map_err(|_| Error::Record("a DID log"))?);
                    self.logs.insert(key, stored.version, Arc::clone(&log));
                    log
                }
            };
            held.branches.push(log);
            held.versions.push(stored.version);
        }
        if held.is_forked() {
            held.settled = self.settlement(did).await?;
        }
        Ok(held)
    }

    /// The document that counts for a DID that is held.
    pub(crate) async fn active_document(&self, did: &Did) -> Result<Option<(Document, u32)>, Error> {
        match self.held_log(did).await?.fact() {
            Some(DidFact::Active { document, version }) => Ok(Some((document.as_ref().clone(), version))),
            _ => Ok(None),
        }
    }

    /// Since which version of its log `did` has listed `key`: what the numbers of its lists belong to. Zero
    /// where it does not.
    pub(crate) async fn era(&self, did: &Did, key: &PublicKey) -> Result<u64, Error> {
        let held = self.held_log(did).await?;
        Ok(held.log().and_then(|log| era(log, key)).map_or(0, u64::from))
    }

    /// What a decision about another log of `did` needs to know.
    pub(crate) async fn known_log(&self, did: &Did) -> Result<KnownLog, Error> {
        let held = self.held_log(did).await?;
        let (floor, since) = self.log_floor(did).await?;
        let branches = held.branches.iter().map(|log| log.as_ref().clone()).collect();
        Ok(KnownLog { held, branches, floor, since })
    }

    /// Puts `branches` in the place of what is held.
    pub(crate) fn log_writes(&self, did: &Did, known: &KnownLog, branches: &[Log]) -> Vec<Write> {
        let mut writes = Vec::new();
        for (at, log) in branches.iter().enumerate().take(MAX_BRANCHES) {
            let expect = known.held.versions.get(at).map_or(Expect::Absent, |v| Expect::Version(*v));
            writes.push(put_bytes(Table::Logs, log_key(did, at), packed(log), expect));
        }
        for (at, version) in known.held.versions.iter().enumerate().skip(branches.len()) {
            let (key, expect) = (log_key(did, at), Expect::Version(*version));
            writes.push(Write { table: Table::Logs, key, value: None, expect });
        }
        if let [log] = branches {
            let floor = LogFloor::of(log);
            let since = known.since.noting(floor.number, self.now());
            let since: Vec<_> = since.pairs().iter().map(|(number, at)| json!([number, at.get()])).collect();
            let value = json!({"number": floor.number, "versionId": floor.version_id, "since": since});
            writes.push(put(Table::Floors, floor_key(did), &value, Expect::Any));
        }
        writes
    }

    /// The floor of a DID, and how long its versions have been held.
    async fn log_floor(&self, did: &Did) -> Result<(Option<LogFloor>, HeldSince), Error> {
        let Some((json, _)) = self.json(Table::Floors, floor_key(did).as_bytes()).await? else {
            return Ok((None, HeldSince::default()));
        };
        read_floor(&json).ok_or(Error::Record("a floor"))
    }
}

fn read_floor(json: &Value) -> Option<(Option<LogFloor>, HeldSince)> {
    let number = |value: &Value| value.as_u64().and_then(|n| u32::try_from(n).ok());
    let pair = |value: &Value| match value.as_array().map(Vec::as_slice) {
        Some([of, at]) => Some((number(of)?, UnixSeconds::new(at.as_u64()?))),
        _ => None,
    };
    let floor = LogFloor {
        number: json.get("number").and_then(number)?,
        version_id: json.get("versionId").and_then(Value::as_str)?.to_owned(),
    };
    // A store that was written before times were kept has seen nothing for long.
    let since = json.get("since").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let since = since.iter().map(pair).collect::<Option<Vec<_>>>()?;
    Some((Some(floor), HeldSince::new(since)))
}
