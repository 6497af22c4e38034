//! A verified log: every rule of every entry was checked, or there is no [`Log`].
//!
//! Specification, "Read (Resolve)". The log says whose keys wrote it. That it is the newest one, and
//! the only one, is for whoever keeps it to know.

use crate::did::Did;
use crate::document::Document;
use crate::time::UnixSeconds;
use crate::webvh::entry::Entry;
use crate::webvh::proof::verify_by;
use crate::webvh::witness_proofs::Approvals;
use crate::webvh::{
    EntryError, LogError, MAX_AHEAD, MAX_ENTRIES, MAX_LOG_BYTES, Parameters, WebvhId, WitnessProofs,
};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// One version of a DID, verified together with all before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its number, from 1.
    pub number: u32,
    /// Its versionId, `number-hash`. It stands for the whole log up to here.
    pub id: String,
    /// When it was made, as the controller says.
    pub time: UnixSeconds,
    webvh: WebvhId,
    document: Document,
    parameters: Parameters,
}

impl Version {
    /// The document of this version, also where this version deactivated the DID.
    #[must_use]
    pub const fn document(&self) -> &Document {
        &self.document
    }

    /// The parameters in force after this version.
    #[must_use]
    pub const fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The DID at this version: the same SCID throughout, but a portable DID may have moved.
    #[must_use]
    pub const fn webvh(&self) -> &WebvhId {
        &self.webvh
    }
}

/// A did:webvh log that was verified in full. Cloning and extending share the versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// All but the last; so that there is always a head.
    earlier: Vec<Arc<Version>>,
    head: Arc<Version>,
    bytes: Vec<u8>,
    approvals: Approvals,
}

/// Which version of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionQuery {
    /// The one with this versionId.
    Id(String),
    /// The one with this number.
    Number(u32),
    /// The one that was in force at this time.
    Time(UnixSeconds),
}

/// A version, and the one after it if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolved<'a> {
    /// The version that was asked for.
    pub version: &'a Version,
    /// The next one.
    pub next: Option<&'a Version>,
}

impl Log {
    /// As [`Self::verify_with`], for a log that no witness needs to approve.
    ///
    /// # Errors
    /// As there; [`EntryError::WitnessMissing`] for a log with witnesses.
    pub fn verify(jsonl: &[u8], now: UnixSeconds) -> Result<Self, LogError> {
        Self::verify_with(jsonl, None, now)
    }

    /// Verifies a whole `did.jsonl`, and by its `did-witness.json` that the witnesses of each entry
    /// approve. A line end after the last entry may be missing. The second file is not read where
    /// the log has no witnesses.
    ///
    /// Which DID the caller wanted is not known here: see [`Self::names`].
    ///
    /// # Errors
    /// [`LogError`] names the first entry that breaks a rule, and the rule.
    pub fn verify_with(jsonl: &[u8], witness: Option<&[u8]>, now: UnixSeconds) -> Result<Self, LogError> {
        let lines = lines(jsonl)?;
        let mut versions: Vec<Arc<Version>> = Vec::new();
        follow(&mut versions, &lines, now)?;
        let approvals = Approvals::default().follow(&versions, 0, witness)?;
        Self::of(versions, &lines, approvals)
    }

    /// A log of versions that were verified, whose lines these are.
    pub(crate) fn of(
        mut versions: Vec<Arc<Version>>,
        lines: &[&[u8]],
        approvals: Approvals,
    ) -> Result<Self, LogError> {
        let head = versions.pop().ok_or(LogError::Empty)?;
        let mut bytes = lines.join(&b'\n');
        bytes.push(b'\n');
        if bytes.len() > MAX_LOG_BYTES {
            Err(LogError::TooLong)
        } else {
            Ok(Self { earlier: versions, head, bytes, approvals })
        }
    }

    /// The DID by its newest version.
    #[must_use]
    pub fn did(&self) -> &Did {
        self.head.webvh.did()
    }

    /// The DID by its newest version, in its parts.
    #[must_use]
    pub fn id(&self) -> &WebvhId {
        &self.head.webvh
    }

    /// The SCID: what names the log for good.
    #[must_use]
    pub fn scid(&self) -> &str {
        self.head.webvh.scid()
    }

    /// Whether `did` is the DID of any version. A log that does not name the DID that was asked for
    /// is not its answer.
    #[must_use]
    pub fn names(&self, did: &Did) -> bool {
        self.versions().any(|version| version.webvh.did() == did)
    }

    /// The newest version.
    #[must_use]
    pub fn head(&self) -> &Version {
        &self.head
    }

    /// All versions, oldest first.
    pub fn versions(&self) -> impl DoubleEndedIterator<Item = &Version> {
        self.earlier.iter().chain(std::iter::once(&self.head)).map(AsRef::as_ref)
    }

    /// The newest document, or `None` where the DID is deactivated.
    #[must_use]
    pub fn document(&self) -> Option<&Document> {
        if self.is_deactivated() { None } else { Some(&self.head.document) }
    }

    /// Whether the DID was deactivated.
    #[must_use]
    pub fn is_deactivated(&self) -> bool {
        self.head.parameters.deactivated()
    }

    /// The parameters in force.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.head.parameters
    }

    /// The log as it was accepted, byte for byte, each entry ended by a line end.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The proofs by which the witnesses approved: of each witness the latest that was verified. It is
    /// what travels with [`Self::bytes`], and empty where nobody needed to approve.
    #[must_use]
    pub fn witness_proofs(&self) -> WitnessProofs {
        self.approvals.to_proofs()
    }

    pub(crate) const fn approvals(&self) -> &Approvals {
        &self.approvals
    }

    /// The version that `query` asks for.
    #[must_use]
    pub fn at(&self, query: &VersionQuery) -> Option<Resolved<'_>> {
        let found = |version: &&Version| match query {
            VersionQuery::Id(id) => version.id == *id,
            VersionQuery::Number(number) => version.number == *number,
            VersionQuery::Time(time) => version.time <= *time,
        };
        let version = self.versions().rev().find(found)?;
        let next = self.versions().find(|later| later.number == version.number.saturating_add(1));
        Some(Resolved { version, next })
    }

    pub(crate) fn shared_versions(&self) -> Vec<Arc<Version>> {
        self.earlier.iter().chain(std::iter::once(&self.head)).cloned().collect()
    }
}

/// The lines of a log, each without its line end.
pub(crate) fn lines(jsonl: &[u8]) -> Result<Vec<&[u8]>, LogError> {
    if jsonl.len() > MAX_LOG_BYTES {
        return Err(LogError::TooLong);
    }
    let jsonl = jsonl.strip_suffix(b"\n").unwrap_or(jsonl);
    if jsonl.is_empty() {
        return Err(LogError::Empty);
    }
    let lines: Vec<&[u8]> = jsonl.split(|b| *b == b'\n').take(MAX_ENTRIES + 1).collect();
    if lines.len() > MAX_ENTRIES { Err(LogError::TooManyEntries) } else { Ok(lines) }
}

/// Verifies `lines` as what follows `versions`, and adds them.
pub(crate) fn follow(
    versions: &mut Vec<Arc<Version>>,
    lines: &[&[u8]],
    now: UnixSeconds,
) -> Result<(), LogError> {
    let mut number = u32::try_from(versions.len()).unwrap_or(u32::MAX);
    for line in lines {
        number = number.saturating_add(1);
        let previous = versions.last().map(AsRef::as_ref);
        let version = verify_line(line, previous, now).map_err(|why| why.at(number))?;
        versions.push(Arc::new(version));
    }
    Ok(())
}

/// Verifies one entry, the approval of its witnesses excepted.
pub(crate) fn verify_line(
    line: &[u8],
    previous: Option<&Version>,
    now: UnixSeconds,
) -> Result<Version, EntryError> {
    let (entry, proof) = Entry::parse(line)?;
    let version = admit(&entry, previous, now)?;
    let signers = version.parameters.signers(previous.map(|p| &p.parameters))?;
    verify_by(&entry.canonical, proof, signers)?;
    Ok(version)
}

/// Every rule but that of the proof. What costs more comes later.
pub(crate) fn admit(
    entry: &Entry,
    previous: Option<&Version>,
    now: UnixSeconds,
) -> Result<Version, EntryError> {
    if entry.number != previous.map_or(1, |p| p.number.saturating_add(1)) {
        return Err(EntryError::OutOfSequence);
    }
    if previous.is_some_and(|p| entry.time.since(p.time) < Duration::from_secs(1)) {
        return Err(EntryError::NotLater);
    }
    if entry.time > now.plus(MAX_AHEAD) {
        return Err(EntryError::InFuture);
    }
    let (scid, parameters) = match previous {
        None => Parameters::first(&entry.parameters)?,
        Some(p) => (p.webvh.scid().to_owned(), p.parameters.next(&entry.parameters)?),
    };
    parameters.signers(previous.map(|p| &p.parameters))?;
    let id = entry.state.get("id").and_then(Value::as_str).unwrap_or_default();
    let webvh: WebvhId = id.parse().map_err(EntryError::StateId)?;
    if webvh.scid() != scid {
        return Err(EntryError::StateScid);
    }
    match previous {
        None => entry.check_scid(&scid)?,
        Some(p) => check_move(&p.webvh, &webvh, &entry.state, &parameters)?,
    }
    entry.check_hash(previous.map_or(scid.as_str(), |p| p.id.as_str()))?;
    let document = Document::parse(entry.state.clone())?;
    Ok(Version {
        number: entry.number,
        id: entry.version_id.clone(),
        time: entry.time,
        webvh,
        document,
        parameters,
    })
}

/// Specification, "DID Portability".
fn check_move(
    from: &WebvhId,
    to: &WebvhId,
    state: &Value,
    parameters: &Parameters,
) -> Result<(), EntryError> {
    if from.did() == to.did() {
        return Ok(());
    }
    if !parameters.portable() {
        return Err(EntryError::NotPortable);
    }
    let names = state.get("alsoKnownAs").and_then(Value::as_array);
    let announced = names.is_some_and(|names| names.iter().any(|name| name == from.did().as_str()));
    if announced { Ok(()) } else { Err(EntryError::MoveUnannounced) }
}
