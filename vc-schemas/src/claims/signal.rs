//! What somebody did, as a domain observed it: TrustSignalCredential.
//!
//! A signal grants nothing and forbids nothing. It says what was observed, how often and when; how much
//! that weighs, and how fast it fades, is for the policy of whoever reads it.

use super::ClaimsError;
use super::link::read_digest;
use crate::object::Object;
use did_resolver::codec::{self, Sha256Digest};
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use serde_json::{Map, Value, json};

/// Most observations that one signal counts. More say no more.
pub const MAX_COUNT: u32 = 1_000_000;

/// What was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// A task that ended as it was agreed.
    TaskCompleted,
    /// A task that was given up, or ended otherwise.
    TaskFailed,
    /// A request that a policy or a mandate did not allow.
    PolicyViolation,
    /// A use of credentials or keys by somebody, or for something, that they are not for.
    CredentialMisuse,
    /// Behaviour that differs from what is usual for the subject.
    Anomaly,
    /// A complaint of somebody who was affected.
    AbuseReport,
    /// A person who stopped the subject or undid what it did.
    HumanOverride,
}

impl Signal {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::TaskCompleted,
        Self::TaskFailed,
        Self::PolicyViolation,
        Self::CredentialMisuse,
        Self::Anomaly,
        Self::AbuseReport,
        Self::HumanOverride,
    ];

    /// The value of `signal`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TaskCompleted => "task-completed",
            Self::TaskFailed => "task-failed",
            Self::PolicyViolation => "policy-violation",
            Self::CredentialMisuse => "credential-misuse",
            Self::Anomaly => "anomaly",
            Self::AbuseReport => "abuse-report",
            Self::HumanOverride => "human-override",
        }
    }

    fn read(text: &str) -> Result<Self, ClaimsError> {
        Self::ALL.into_iter().find(|signal| signal.as_str() == text).ok_or(ClaimsError::Malformed("signal"))
    }
}

/// An observation of one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustSignal {
    /// Of whom: an agent, an owner, a node or a domain.
    pub id: Did,
    /// What.
    pub signal: Signal,
    /// How often; 1 to [`MAX_COUNT`].
    pub count: u32,
    /// When first.
    pub from: UnixSeconds,
    /// When last; not before `from`.
    pub until: UnixSeconds,
    /// SHA-256 of the issuer's record of it, which it can be asked for.
    pub record: Option<Sha256Digest>,
}

impl TrustSignal {
    pub(super) fn read(object: &mut Object<'_>) -> Result<Self, ClaimsError> {
        let count = object.required("count")?.as_u64().and_then(|count| u32::try_from(count).ok());
        let count = count.filter(|count| (1..=MAX_COUNT).contains(count));
        let record = object.optional("record").map(|json| {
            let mut record = Object::new(json, "record")?;
            let digest = read_digest(&mut record)?;
            record.end("record")?;
            Ok::<_, ClaimsError>(digest)
        });
        let signal = Self {
            id: object.did("id")?,
            signal: Signal::read(object.text("signal")?)?,
            count: count.ok_or(ClaimsError::Malformed("count"))?,
            from: object.time("observedFrom")?,
            until: object.time("observedUntil")?,
            record: record.transpose()?,
        };
        if signal.until < signal.from { Err(ClaimsError::Malformed("observedUntil")) } else { Ok(signal) }
    }

    pub(super) fn to_json(&self) -> Value {
        let mut members = Map::new();
        members.insert("id".into(), json!(self.id.as_str()));
        members.insert("signal".into(), json!(self.signal.as_str()));
        members.insert("count".into(), json!(self.count));
        members.insert("observedFrom".into(), json!(self.from.to_string()));
        members.insert("observedUntil".into(), json!(self.until.to_string()));
        if let Some(record) = &self.record {
            members.insert("record".into(), json!({"digestMultibase": codec::digest_multibase(record)}));
        }
        Value::Object(members)
    }
}
