//! What an answer rests on, so that whoever keeps the answer can tell whether it still is the answer.

use crate::domain::Domain;
use crate::objects::HeldLog;
use crate::ports::records::Table;
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;

/// One record of the store as it was read, what was known of its confirmation, and until when that is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    did: Did,
    key: Vec<u8>,
    record: u64,
    confirmed: u64,
    /// `None` where it does not grow old.
    until: Option<UnixSeconds>,
    is_own: bool,
}

/// What is read before the record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Before {
    confirmed: u64,
}

impl Basis {
    /// Whose DID.
    #[must_use]
    pub const fn did(&self) -> &Did {
        &self.did
    }

    /// Whether the answer confirms itself whenever it is given: it is about a DID of this domain.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        self.is_own
    }

    /// `None` for what rests on more than one record, or on what an engine keeps no stamps of.
    pub(super) fn of(
        (did, held): (&Did, &HeldLog),
        before: Before,
        is_own: bool,
        until: Option<UnixSeconds>,
    ) -> Option<Self> {
        let (key, record) = held.rests_on()?;
        Some(Self { did: did.clone(), key, record, confirmed: before.confirmed, until, is_own })
    }
}

impl Domain {
    pub(super) fn before(&self, did: &Did) -> Before {
        Before { confirmed: self.lookups.confirmations(did) }
    }

    /// Whether an answer that was given on this basis is the answer at `now`. Reads no record and waits for nothing.
    #[must_use]
    pub fn stands(&self, basis: &Basis, now: UnixSeconds) -> bool {
        basis.until.is_none_or(|until| now < until)
            && self.records.stamp(Table::Logs, &basis.key) == Some(basis.record)
            && self.lookups.confirmations(&basis.did) == basis.confirmed
    }
}
