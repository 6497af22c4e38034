//! DIDs with two valid histories (MESH.md D7): what is written when one is seen, who they are, and how an
//! operator says which history counts here. Every branch is kept and passed on whatever was settled.

use crate::domain::{Domain, put, put_bytes};
use crate::error::Error;
use crate::objects::{HeldLog, packed};
use crate::ports::records::{Expect, Table, Write};
use crate::record::{Decision, Kind};
use did_resolver::codec;
use did_resolver::did::Did;
use did_resolver::webvh::{DuplicityProof, Log};
use marque_rules::replica::floor::chosen;
use marque_rules::replica::limits::MAX_EVIDENCE;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use std::time::Duration;
use vc_schemas::code::Code;

/// Most forked DIDs that are listed at once.
pub const MAX_LISTED: usize = 1_000;

/// Most forks that are looked through for those that nobody was told of.
const MAX_FORKS: usize = 65_536;

/// How often it is looked again for forks that nobody was told of: what is seen is durable only a moment
/// later.
const LOOK_FOR_FORKS: Duration = Duration::from_secs(10);

fn told_key(did: &Did) -> String {
    format!("told\n{did}")
}

/// A DID with two valid histories.
#[derive(Debug, Clone)]
pub struct Fork {
    /// Whose.
    pub did: Did,
    /// The first number at which the histories were seen to differ.
    pub at: u32,
    /// When that was first seen, as RFC 3339.
    pub seen: String,
    /// What is held of the DID.
    pub held: HeldLog,
}

impl Domain {
    /// What is written when `did` is seen to have two valid histories, which part at number `at`, beside
    /// the branches themselves.
    pub(crate) async fn contested_writes(&self, did: &Did, at: u32) -> Result<Vec<Write>, Error> {
        let mut writes = Vec::new();
        self.untold_forks.store(0, Ordering::Relaxed);
        if self.json(Table::Forks, did.as_str().as_bytes()).await?.is_none() {
            let record = json!({"at": at, "seen": self.now().to_string()});
            writes.push(put(Table::Forks, did.as_str(), &record, Expect::Absent));
        }
        let decision = Decision::new(Kind::Misbehaviour, did.as_str(), "contested");
        writes.push(self.entry(decision.with(json!({"at": at})))?);
        Ok(writes)
    }

    /// Keeps a fork by a key that had been dead for long, as evidence: at most [`MAX_EVIDENCE`] of a DID,
    /// and each once.
    pub(crate) async fn keep_dead_key_fork(&self, did: &Did, at: u32, branch: &Log) -> Result<(), Error> {
        let of_did = format!("log\n{did}\n");
        let key = format!("{of_did}{}", codec::to_hex(&codec::sha256(branch.bytes())));
        let kept = self.records.scan(Table::Evidence, of_did.as_bytes(), None, MAX_EVIDENCE).await?;
        if kept.len() >= MAX_EVIDENCE || kept.iter().any(|row| row.key == key.as_bytes()) {
            return Ok(());
        }
        tracing::warn!(%did, at, "a key that was retired made another history of a DID");
        let decision = Decision::new(Kind::Misbehaviour, did.as_str(), "dead-key-fork");
        let batch = vec![
            put_bytes(Table::Evidence, key, packed(branch), Expect::Absent),
            self.entry(decision.with(json!({"at": at})))?,
        ];
        Ok(self.records.commit(batch).await?)
    }

    /// The forks that this domain has not told the others of: at most [`MAX_LISTED`] at a time, and no more
    /// often than every [`LOOK_FOR_FORKS`] but where one was just seen.
    pub(crate) async fn untold_forks(&self) -> Result<Vec<Fork>, Error> {
        let now = self.now();
        if now.get() < self.untold_forks.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        // Before the forks are read: one that is seen meanwhile is looked for again.
        self.untold_forks.store(now.plus(LOOK_FOR_FORKS).get(), Ordering::Relaxed);
        let mut untold = Vec::new();
        for (key, _) in self.all(Table::Forks, &[], MAX_FORKS).await? {
            let did = String::from_utf8(key).ok().and_then(|did| did.parse().ok());
            let did: Did = did.ok_or(Error::Record("a fork"))?;
            if self.records.get(Table::Node, told_key(&did).as_bytes()).await?.is_some() {
                continue;
            }
            untold.extend(self.fork(&did).await?);
            if untold.len() >= MAX_LISTED {
                break;
            }
        }
        Ok(untold)
    }

    /// Notes that the others were told of a fork, or why they cannot be.
    /// Beside the record of the fork, which is the operator's to change.
    pub(crate) fn told_write(did: &Did, how: &str) -> Write {
        put(Table::Node, told_key(did), &json!({"told": how}), Expect::Any)
    }

    /// The version by which an operator said which branch of a forked DID counts here.
    pub(crate) async fn settlement(&self, did: &Did) -> Result<Option<String>, Error> {
        let record = self.json(Table::Forks, did.as_str().as_bytes()).await?;
        let settled = record.as_ref().and_then(|(json, _)| json.get("settled")).and_then(Value::as_str);
        Ok(settled.map(str::to_owned))
    }

    /// The DIDs that have two valid histories, in the order of their names: up to `limit`, at most
    /// [`MAX_LISTED`], after `after`.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn forks(&self, after: Option<&Did>, limit: usize) -> Result<Vec<Fork>, Error> {
        let after = after.map(|did| did.as_str().as_bytes());
        let rows = self.records.scan(Table::Forks, &[], after, limit.min(MAX_LISTED)).await?;
        let mut forks = Vec::new();
        for row in rows {
            let did = String::from_utf8(row.key).ok().and_then(|did| did.parse().ok());
            forks.extend(self.fork(&did.ok_or(Error::Record("a fork"))?).await?);
        }
        Ok(forks)
    }

    /// A DID that has two valid histories; `None` for one that has not.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn fork(&self, did: &Did) -> Result<Option<Fork>, Error> {
        let Some((json, _)) = self.json(Table::Forks, did.as_str().as_bytes()).await? else {
            return Ok(None);
        };
        let at = json.get("at").and_then(Value::as_u64).and_then(|at| u32::try_from(at).ok());
        let seen = json.get("seen").and_then(Value::as_str).map(str::to_owned);
        let (Some(at), Some(seen)) = (at, seen) else { return Err(Error::Record("a fork")) };
        Ok(Some(Fork { did: did.clone(), at, seen, held: self.held_log(did).await? }))
    }

    /// What [`Domain::settle`] does; its refusal is not on record yet.
    pub(crate) async fn try_settle(&self, did: &Did, version_id: &str) -> Result<Fork, Error> {
        let unknown = Error::member(Code::StateConflict, "did", "has no two histories here");
        let Some((mut record, version)) = self.json(Table::Forks, did.as_str().as_bytes()).await? else {
            return Err(unknown);
        };
        let held = self.held_log(did).await?;
        if !held.is_forked() {
            return Err(unknown);
        }
        if chosen(&held.branches, Some(version_id)).is_none() {
            let detail = "not a version that exactly one of the histories has";
            return Err(Error::member(Code::StateConflict, "versionId", detail));
        }
        if let Some(members) = record.as_object_mut() {
            members.insert("settled".to_owned(), json!(version_id));
        }
        let facts = json!({"versionId": version_id, "before": held.settled});
        let batch = vec![
            put(Table::Forks, did.as_str(), &record, Expect::Version(version)),
            self.entry(Decision::new(Kind::Trust, did.as_str(), "settled").with(facts))?,
        ];
        self.records.commit(batch).await?;
        self.fork(did).await?.ok_or(Error::Record("a fork"))
    }
}

impl Fork {
    /// What proves the fork to anybody: of the branches, two that part the earliest.
    #[must_use]
    pub fn proof(&self) -> Option<DuplicityProof> {
        let pairs = self.held.branches.iter().enumerate().flat_map(|(place, one)| {
            self.held.branches.iter().skip(place + 1).map(move |other| (one, other))
        });
        pairs
            .filter_map(|(one, other)| DuplicityProof::of(&self.did, one, other))
            .min_by_key(DuplicityProof::at)
    }
}
