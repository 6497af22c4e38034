//! Decision entries: what was issued, refused, revoked or verified, durable before its effect shows.
//!
//! An entry is a write of the same batch as the effect, so there is no moment at which one is there
//! without the other. Where a decision has no other write, the entry is committed alone, before the
//! answer goes out.

use crate::error::Error;
use crate::ports::clock::{Clock, Entropy, random};
use crate::ports::records::{Expect, Records, Row, Table, Write};
use serde_json::{Value, json};
use vc_schemas::code::Code;

/// What was decided about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A credential was issued or renewed.
    Issued,
    /// A link that somebody signed was registered, or its index reserved.
    Registered,
    /// Something was suspended, resumed or revoked.
    Status,
    /// A log was accepted.
    Log,
    /// A presentation was verified or refused.
    Verified,
    /// Trust or the mesh was changed.
    Trust,
    /// A request of any kind was refused.
    Refused,
    /// Misbehaviour was seen: a fork, an equivocation, an un-revocation.
    Misbehaviour,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Registered => "registered",
            Self::Status => "status",
            Self::Log => "log",
            Self::Verified => "verified",
            Self::Trust => "trust",
            Self::Refused => "refused",
            Self::Misbehaviour => "misbehaviour",
        }
    }
}

/// A decision, before it has its number.
#[derive(Debug, Clone)]
pub struct Decision {
    /// What was decided about.
    pub kind: Kind,
    /// Of whom or what: a DID, a credential id, a list.
    pub subject: String,
    /// What was decided, in a word.
    pub outcome: &'static str,
    /// The reason for a no.
    pub code: Option<Code>,
    /// What else is needed to explain it. Nothing secret, nothing personal.
    pub facts: Value,
}

impl Decision {
    /// A decision without further facts.
    #[must_use]
    pub fn new(kind: Kind, subject: impl Into<String>, outcome: &'static str) -> Self {
        Self { kind, subject: subject.into(), outcome, code: None, facts: Value::Null }
    }

    /// With the reason for a no.
    #[must_use]
    pub const fn because(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    /// With further facts.
    #[must_use]
    pub fn with(mut self, facts: Value) -> Self {
        self.facts = facts;
        self
    }

    /// The entry as a write. Its key is the time and sixteen random bytes, so that entries are in order
    /// of time and nobody has to count.
    ///
    /// # Errors
    /// [`Error::Entropy`].
    pub fn write(self, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<Write, Error> {
        let now = clock.now();
        let key = [&now.get().to_be_bytes()[..], &random::<16>(entropy)?].concat();
        let entry = json!({
            "time": now.to_string(),
            "kind": self.kind.as_str(),
            "subject": self.subject,
            "outcome": self.outcome,
            "code": self.code.map(Code::as_str),
            "facts": self.facts,
        });
        let value = Some(entry.to_string().into_bytes());
        Ok(Write { table: Table::Decisions, key, value, expect: Expect::Absent })
    }
}

/// Up to `limit` entries after `after`, oldest first, each with its key.
///
/// # Errors
/// [`Error::Store`], [`Error::Record`].
pub async fn read(
    records: &dyn Records,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<(Vec<u8>, Value)>, Error> {
    let rows = records.scan(Table::Decisions, &[], after, limit).await?;
    let entry = |row: Row| match serde_json::from_slice(&row.stored.value) {
        Ok(entry) => Ok((row.key, entry)),
        Err(_) => Err(Error::Record("a decision entry")),
    };
    rows.into_iter().map(entry).collect()
}
