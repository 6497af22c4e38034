//! A verified log: every rule of every entry was checked, or there is no [`Log`].
//!
//! Specification, "Read (Resolve)". The log says whose keys wrote it. That it is the newest one, and
//! the only one, is for whoever keeps it to know.

use crate::did::Did;
use crate::document::Document;
use crate::time::UnixSeconds;
use crate::webvh::entries::follow;
use crate::webvh::history::History;
use crate::webvh::witness_proofs::Approvals;
use crate::webvh::{LogError, MAX_ENTRIES, MAX_LOG_BYTES, Parameters, WebvhId, WitnessProofs};
use std::sync::Arc;

/// One version of a DID, verified together with all before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its number, from 1.
    pub number: u32,
    /// Its versionId, `number-hash`. It stands for the whole log up to here.
    pub id: String,
    /// When it was made, as the controller says.
    pub time: UnixSeconds,
    pub(crate) webvh: Arc<WebvhId>,
    pub(crate) document: Document,
    pub(crate) parameters: Arc<Parameters>,
}

impl Version {
    /// The document of this version, also where this version deactivated the DID.
    #[must_use]
    pub const fn document(&self) -> &Document {
        &self.document
    }

    /// The parameters in force after this version.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The DID at this version: the same SCID throughout, but a portable DID may have moved.
    #[must_use]
    pub fn webvh(&self) -> &WebvhId {
        &self.webvh
    }
}

/// A did:webvh log that was verified in full. Cloning and extending share versions and bytes.
#[derive(Debug, Clone)]
pub struct Log {
    history: History,
    approvals: Approvals,
}

impl PartialEq for Log {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
            && self.approvals == other.approvals
            && self.versions().eq(other.versions())
    }
}

impl Eq for Log {}

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
        Self::of(None, follow(None, &lines, now)?, &lines, |versions| {
            Approvals::default().follow(&versions, 0, witness)
        })
    }

    /// A log of versions that were verified, which these lines add to `before`. What its witnesses
    /// approve is only asked for where there may be some.
    pub(crate) fn of(
        before: Option<&Self>,
        versions: Vec<Version>,
        lines: &[&[u8]],
        approvals: impl FnOnce(Vec<&Version>) -> Result<Approvals, LogError>,
    ) -> Result<Self, LogError> {
        let needless = before.is_none_or(|before| before.approvals.are_none())
            && Approvals::needless(before.map(Self::head), &versions);
        let approvals = if needless {
            Approvals::default()
        } else {
            let earlier = before.into_iter().flat_map(Self::versions);
            approvals(earlier.chain(&versions).collect())?
        };
        let mut bytes = lines.join(&b'\n');
        bytes.push(b'\n');
        let before = before.map(|before| &before.history);
        if before.map_or(0, History::byte_count) + bytes.len() > MAX_LOG_BYTES {
            return Err(LogError::TooLong);
        }
        let history = History::new(before, versions, bytes).ok_or(LogError::Empty)?;
        Ok(Self { history, approvals })
    }

    /// The DID by its newest version.
    #[must_use]
    pub fn did(&self) -> &Did {
        self.head().webvh.did()
    }

    /// The DID by its newest version, in its parts.
    #[must_use]
    pub fn id(&self) -> &WebvhId {
        &self.head().webvh
    }

    /// The SCID: what names the log for good.
    #[must_use]
    pub fn scid(&self) -> &str {
        self.head().webvh.scid()
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
        self.history.head()
    }

    /// All versions, oldest first.
    pub fn versions(&self) -> impl DoubleEndedIterator<Item = &Version> {
        self.history.versions()
    }

    /// The newest document, or `None` where the DID is deactivated.
    #[must_use]
    pub fn document(&self) -> Option<&Document> {
        if self.is_deactivated() { None } else { Some(self.head().document()) }
    }

    /// Whether the DID was deactivated.
    #[must_use]
    pub fn is_deactivated(&self) -> bool {
        self.head().parameters.deactivated()
    }

    /// The parameters in force.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.head().parameters
    }

    /// The log as it was accepted, byte for byte, each entry ended by a line end.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.history.bytes()
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

    pub(crate) fn approved_by(&self, approvals: Approvals) -> Self {
        Self { approvals, ..self.clone() }
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

    pub(crate) const fn history(&self) -> &History {
        &self.history
    }
}

/// The lines of a log, each without its line end.
pub(crate) fn lines(jsonl: &[u8]) -> Result<Vec<&[u8]>, LogError> {
    if jsonl.len() > MAX_LOG_BYTES {
        return Err(LogError::TooLong);
    }
    if matches!(jsonl, b"" | b"\n") {
        return Err(LogError::Empty);
    }
    let lines: Vec<&[u8]> = split(jsonl).take(MAX_ENTRIES + 1).collect();
    if lines.len() > MAX_ENTRIES { Err(LogError::TooManyEntries) } else { Ok(lines) }
}

/// At the line ends, of which the last may be missing.
pub(crate) fn split(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines.strip_suffix(b"\n").unwrap_or(lines).split(|b| *b == b'\n')
}
