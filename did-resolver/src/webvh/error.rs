//! Why a log or an entry was refused.

use crate::document::DocumentError;
use crate::json::JsonError;
use crate::location::LocationError;
use crate::proof::ProofError;
use crate::webvh::{HostError, MAX_AHEAD, MAX_ENTRIES, MAX_ENTRY_BYTES, MAX_LOG_BYTES, WitnessProofsError};
use std::fmt;

/// Why a log was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogError {
    /// Over [`MAX_LOG_BYTES`].
    TooLong,
    /// Over [`MAX_ENTRIES`].
    TooManyEntries,
    /// No entry.
    Empty,
    /// A valid beginning, but of another log.
    OtherScid,
    /// The place where a new DID is to be published is not one.
    Location(LocationError),
    /// The proofs of its witnesses cannot be read.
    WitnessProofs(WitnessProofsError),
    /// An entry breaks a rule; those before it do not.
    Entry {
        /// Its number by position, from 1.
        number: u32,
        /// The rule.
        why: EntryError,
    },
}

/// The rule that an entry breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryError {
    /// Over [`MAX_ENTRY_BYTES`].
    TooLong,
    /// Not acceptable JSON; also an entry that was cut.
    Json(JsonError),
    /// Not an object of exactly `versionId`, `versionTime`, `parameters`, `state` and `proof`.
    Members,
    /// `versionId` is not a number, one dash and a SHA-256 multihash.
    VersionId,
    /// The number is not one more than that of the entry before.
    OutOfSequence,
    /// The hash is not that of the entry, or the entry does not follow the one before.
    Hash,
    /// `versionTime` is not a timestamp in UTC.
    Time,
    /// Not at least one second after the entry before.
    NotLater,
    /// More than [`MAX_AHEAD`] in the future.
    InFuture,
    /// A version of the method that is not spoken here, or none.
    Method,
    /// A parameter that the method does not have, or one that may not stand in this entry.
    UnknownParameter,
    /// A parameter of the wrong shape, out of bounds, or set where it may not be.
    Parameter,
    /// An update key that is not an Ed25519 Multikey, or stands there twice.
    UpdateKey,
    /// Under pre-rotation `updateKeys` or `nextKeyHashes` was left out.
    PreRotationOmitted,
    /// Under pre-rotation an update key that the entry before did not commit to.
    NotCommitted,
    /// No key may update the log any more.
    NoUpdateKeys,
    /// The log ended with the entry before.
    Deactivated,
    /// `witness` is neither empty nor a threshold from 1 to the number of distinct Ed25519 did:keys.
    Witness,
    /// Fewer witnesses than the threshold were verified to approve the entry or one after it.
    WitnessMissing,
    /// The key is not one of the witnesses that must approve the entry.
    NotAWitness,
    /// The SCID is not the hash of the first entry, or the placeholder stands in it.
    Scid,
    /// `state` is not a DID document.
    Document(DocumentError),
    /// `state.id` is not a did:webvh DID.
    StateId(HostError),
    /// `state.id` has another SCID.
    StateScid,
    /// `state.id` moved though the DID is not portable.
    NotPortable,
    /// `state.id` moved and `alsoKnownAs` does not name the old one.
    MoveUnannounced,
    /// There is not exactly one proof, or it does not verify.
    Proof(ProofError),
    /// The cryptosuite is not `eddsa-jcs-2022`.
    Cryptosuite,
    /// The proof's purpose is not `assertionMethod`.
    ProofPurpose,
    /// The proof's key is not an active update key, written `did:key:X#X`.
    NotAnUpdateKey,
}

impl EntryError {
    /// The rule that was broken, in a sentence that quotes nothing of the entry.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::TooLong => "entry is too long",
            Self::Json(_) => "entry is not acceptable JSON",
            Self::InFuture => "versionTime is in the future",
            Self::Document(_) => "state is not a DID document",
            Self::StateId(_) => "id of the state is not a did:webvh DID",
            Self::Proof(_) => "there is not exactly one proof, or it does not verify",
            Self::Members => "members are not those of a log entry",
            Self::VersionId => "versionId is malformed",
            Self::OutOfSequence => "number does not follow",
            Self::Hash => "hash does not fit the entry and the one before",
            Self::Time => "versionTime is not a timestamp in UTC",
            Self::NotLater => "versionTime is not after that of the entry before",
            Self::Method => "method version is not supported",
            Self::UnknownParameter => "parameter is not known, or not allowed here",
            Self::Parameter => "parameter is malformed",
            Self::UpdateKey => "update key is not an Ed25519 Multikey, or doubled",
            Self::PreRotationOmitted => "updateKeys and nextKeyHashes must be given under pre-rotation",
            Self::NotCommitted => "update key was not committed to by the entry before",
            Self::NoUpdateKeys => "no key may update the log any more",
            Self::Deactivated => "the DID was deactivated",
            Self::Witness => "witnesses or their threshold are not valid",
            Self::WitnessMissing => "too few witnesses approve the entry",
            Self::NotAWitness => "not a witness of the entry",
            Self::Scid => "SCID is not the hash of the first entry",
            Self::StateScid => "document of another SCID",
            Self::NotPortable => "the DID is not portable",
            Self::MoveUnannounced => "the DID moved without naming its old self",
            Self::Cryptosuite => "cryptosuite is not eddsa-jcs-2022",
            Self::ProofPurpose => "proof purpose is not assertionMethod",
            Self::NotAnUpdateKey => "proof is not by an active update key",
        }
    }

    /// As the error of a log, in which the entry has this number.
    pub(crate) const fn at(self, number: u32) -> LogError {
        LogError::Entry { number, why: self }
    }
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "log has more than {MAX_LOG_BYTES} bytes"),
            Self::TooManyEntries => write!(f, "log has more than {MAX_ENTRIES} entries"),
            Self::Empty => f.write_str("log is empty"),
            Self::OtherScid => f.write_str("log of another DID"),
            Self::Location(e) => e.fmt(f),
            Self::WitnessProofs(e) => e.fmt(f),
            Self::Entry { number, why } => write!(f, "entry {number}: {why}"),
        }
    }
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "more than {MAX_ENTRY_BYTES} bytes"),
            Self::InFuture => write!(f, "more than {} s in the future", MAX_AHEAD.as_secs()),
            Self::Json(e) => e.fmt(f),
            Self::Document(e) => e.fmt(f),
            Self::StateId(e) => e.fmt(f),
            Self::Proof(e) => e.fmt(f),
            _ => f.write_str(self.rule()),
        }
    }
}

impl std::error::Error for LogError {}
impl std::error::Error for EntryError {}

impl From<LocationError> for LogError {
    fn from(e: LocationError) -> Self {
        Self::Location(e)
    }
}

impl From<JsonError> for EntryError {
    fn from(e: JsonError) -> Self {
        Self::Json(e)
    }
}

impl From<DocumentError> for EntryError {
    fn from(e: DocumentError) -> Self {
        Self::Document(e)
    }
}

impl From<ProofError> for EntryError {
    fn from(e: ProofError) -> Self {
        Self::Proof(e)
    }
}
