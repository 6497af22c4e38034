//! Why a flow did not do what it was asked: a refusal that the caller may see, or a cause for the log.

use crate::ports::clock::NoEntropy;
use crate::ports::keys::KeysError;
use crate::ports::records::StoreError;
use crate::rates::Whose;
use did_resolver::webvh::{LogError, WitnessProofsError};
use marque_rules::issuance::IssuanceError;
use std::fmt;
use std::time::Duration;
use vc_schemas::code::Code;
use vc_schemas::refusal::{Path, Refusal};

/// Why a flow ended without its effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The answer is no.
    Refused(Refusal),
    /// Nothing else is against it, but it is asked too often.
    TooOften {
        /// Whose rate it is.
        whose: Whose,
        /// How long to wait.
        wait: Duration,
    },
    /// The store failed.
    Store(StoreError),
    /// A key could not be used.
    Keys(KeysError),
    /// No random bytes.
    Entropy,
    /// A record of this node does not read back; the text is for the log.
    Record(&'static str),
}

impl Error {
    /// A refusal of the request itself.
    #[must_use]
    pub const fn refused(code: Code, detail: &'static str) -> Self {
        Self::Refused(Refusal::new(code, Path::root(), detail))
    }

    /// A refusal that names a member of the request.
    #[must_use]
    pub fn member(code: Code, member: &'static str, detail: &'static str) -> Self {
        Self::Refused(Refusal::new(code, Path::root().then(member), detail))
    }

    /// A refusal of a log that stands in the members `log` and `witness` of the request: it names the
    /// first entry that breaks a rule by its place, which is its number less one.
    #[must_use]
    pub fn log(error: &LogError) -> Self {
        let refuse = |code, path: Path, detail| Self::Refused(Refusal::new(code, path, detail));
        let (log, witness) = (Path::root().then("log"), Path::root().then("witness"));
        match error {
            LogError::TooLong => refuse(Code::TooLarge, log, "more than 1 MiB"),
            LogError::TooManyEntries => refuse(Code::TooLarge, log, "more than 2,000 entries"),
            LogError::Empty => refuse(Code::LogRefused, log, "has no entry"),
            LogError::OtherScid => refuse(Code::LogRefused, log, "is of another DID"),
            LogError::Location(_) => refuse(Code::LogRefused, log, "is published at no place that there is"),
            LogError::WitnessProofs(WitnessProofsError::TooLong) => {
                refuse(Code::TooLarge, witness, "witness proofs are longer than a node takes")
            }
            LogError::WitnessProofs(_) => {
                refuse(Code::LogRefused, witness, "not a list of versionIds with their proofs")
            }
            LogError::Entry { number, why } => {
                let place = usize::try_from(*number).unwrap_or(usize::MAX).saturating_sub(1);
                refuse(Code::LogRefused, log.at(place), why.rule())
            }
        }
    }

    /// What the caller may see. The cause goes to the log.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let (code, detail) = match self {
            Self::Refused(refusal) => return refusal.clone(),
            Self::TooOften { whose: Whose::Agent, .. } => {
                (Code::RateLimited, "as often as one agent may ask")
            }
            Self::TooOften { whose: Whose::Owner, .. } => {
                (Code::RateLimited, "as often as the agents of one owner may ask")
            }
            Self::Store(StoreError::Conflict(_)) => {
                (Code::StateConflict, "somebody else changed it meanwhile")
            }
            Self::Store(StoreError::TooLarge(_)) => (Code::TooLarge, "too large to be stored"),
            Self::Store(StoreError::Unavailable(_)) => (Code::Unavailable, "the store does not answer"),
            Self::Store(StoreError::Damaged(_)) | Self::Record(_) => (Code::Internal, "a record is damaged"),
            Self::Keys(_) => (Code::Unavailable, "a key cannot be used"),
            Self::Entropy => (Code::Unavailable, "no random bytes to be had"),
        };
        Refusal::new(code, Path::root(), detail)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<KeysError> for Error {
    fn from(error: KeysError) -> Self {
        Self::Keys(error)
    }
}

impl From<NoEntropy> for Error {
    fn from(_: NoEntropy) -> Self {
        Self::Entropy
    }
}

impl From<IssuanceError> for Error {
    fn from(error: IssuanceError) -> Self {
        match error {
            IssuanceError::Name => Self::member(Code::NameMalformed, "name", "not a name"),
            IssuanceError::Place => Self::member(
                Code::LogRefused,
                "log",
                "the DID does not stand at its name's place in this domain",
            ),
            IssuanceError::Log => Self::member(
                Code::LogRefused,
                "log",
                "must have pre-rotation, and be neither portable nor over",
            ),
            IssuanceError::Keys => Self::member(
                Code::LogRefused,
                "log",
                "must list a lasting key for each use, old ones for 72 h at most",
            ),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(_) | Self::TooOften { .. } => self.refusal().fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Keys(error) => error.fmt(f),
            Self::Entropy => f.write_str("no random bytes to be had"),
            Self::Record(what) => write!(f, "record does not read back: {what}"),
        }
    }
}

impl std::error::Error for Error {}
