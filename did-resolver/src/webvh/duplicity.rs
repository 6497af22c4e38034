//! Two valid histories of one DID, in one document that proves itself: whoever holds the keys signed
//! both, whoever shows it.

use crate::did::Did;
use crate::json::{self, JsonError};
use crate::time::UnixSeconds;
use crate::webvh::{Log, LogError, MAX_LOG_BYTES, MAX_WITNESS_BYTES};
use serde_json::{Value, json};
use std::fmt;

/// What stands in `type`.
const TYPE: &str = "DuplicityProof";

/// Longest proof, in bytes: two logs and two witness files at their caps, as JSON texts, of which each
/// quotation mark takes two bytes. A log is JSON itself, so that a quarter of it may be such marks.
pub const MAX_DUPLICITY_BYTES: usize = 3 * (MAX_LOG_BYTES + MAX_WITNESS_BYTES);

/// Two histories of one DID that were verified. Nothing else makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DuplicityProof {
    did: Did,
    at: u32,
    branches: [Log; 2],
}

impl DuplicityProof {
    /// What two logs of `did` prove; `None` where one is a beginning of the other, or is of another DID.
    #[must_use]
    pub fn of(did: &Did, one: &Log, other: &Log) -> Option<Self> {
        if !one.names(did) || !other.names(did) {
            return None;
        }
        let differ =
            |(a, b): (&crate::webvh::Version, &crate::webvh::Version)| (a.id != b.id).then_some(a.number);
        let at = one.versions().zip(other.versions()).find_map(differ)?;
        Some(Self { did: did.clone(), at, branches: [one.clone(), other.clone()] })
    }

    /// Verifies a proof: both logs in full, that they are of the DID, and that they part.
    ///
    /// # Errors
    /// [`DuplicityError`] says what does not hold.
    pub fn verify(bytes: &[u8], now: UnixSeconds) -> Result<Self, DuplicityError> {
        let json = json::parse(bytes, MAX_DUPLICITY_BYTES).map_err(DuplicityError::Json)?;
        let members = json.as_object().filter(|members| members.len() == 3).ok_or(DuplicityError::Shape)?;
        if members.get("type").and_then(Value::as_str) != Some(TYPE) {
            return Err(DuplicityError::Shape);
        }
        let did = members.get("did").and_then(Value::as_str).and_then(|did| did.parse().ok());
        let did: Did = did.ok_or(DuplicityError::Shape)?;
        let Some([one, other]) = members.get("branches").and_then(Value::as_array).map(Vec::as_slice) else {
            return Err(DuplicityError::Shape);
        };
        let (one, other) = (branch(one, 0, now)?, branch(other, 1, now)?);
        Self::of(&did, &one, &other).ok_or(DuplicityError::NotTwo)
    }

    /// The proof as a document.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let branch = |log: &Log| {
            let mut json = json!({"log": String::from_utf8_lossy(log.bytes())});
            if let (Some(file), Some(members)) = (log.witness_file(), json.as_object_mut()) {
                members.insert("witness".to_owned(), json!(String::from_utf8_lossy(&file)));
            }
            json
        };
        json!({"type": TYPE, "did": self.did.as_str(), "branches": self.branches.each_ref().map(branch)})
    }

    /// Whose.
    #[must_use]
    pub const fn did(&self) -> &Did {
        &self.did
    }

    /// The first number at which the histories differ.
    #[must_use]
    pub const fn at(&self) -> u32 {
        self.at
    }

    /// The two histories.
    #[must_use]
    pub const fn branches(&self) -> &[Log; 2] {
        &self.branches
    }
}

fn branch(json: &Value, place: usize, now: UnixSeconds) -> Result<Log, DuplicityError> {
    let members = json.as_object().ok_or(DuplicityError::Shape)?;
    if members.keys().any(|name| name != "log" && name != "witness") {
        return Err(DuplicityError::Shape);
    }
    let log = members.get("log").and_then(Value::as_str).ok_or(DuplicityError::Shape)?;
    let witness = match members.get("witness") {
        None => None,
        Some(file) => Some(file.as_str().ok_or(DuplicityError::Shape)?.as_bytes()),
    };
    Log::verify_with(log.as_bytes(), witness, now).map_err(|why| DuplicityError::Branch { place, why })
}

/// Why something proves no duplicity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DuplicityError {
    /// Not acceptable JSON.
    Json(JsonError),
    /// Not an object of exactly `type`, `did` and two `branches`.
    Shape,
    /// A branch does not verify.
    Branch {
        /// Which, from 0.
        place: usize,
        /// Why not.
        why: LogError,
    },
    /// The logs are of different DIDs, or one is a beginning of the other.
    NotTwo,
}

impl fmt::Display for DuplicityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => error.fmt(f),
            Self::Shape => f.write_str("not a duplicity proof"),
            Self::Branch { place, why } => write!(f, "branch {place}: {why}"),
            Self::NotTwo => f.write_str("not two histories of the DID"),
        }
    }
}

impl std::error::Error for DuplicityError {}
