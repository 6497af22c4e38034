//! What an answer rests on, so that whoever keeps the answer can tell whether it still is the answer.

use crate::domain::Domain;
use crate::objects::HeldLog;
use crate::ports::records::Table;
use crate::stamps::{self, Place};
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use std::sync::atomic::{AtomicU64, Ordering};

/// One record of the store as it was read, what was known of its confirmation, and until when that is good.
#[derive(Debug)]
pub struct Basis {
    /// What was the number of changes when it was last seen to stand: before there are more, it does. 0 where it was
    /// not looked at yet.
    stood_at: AtomicU64,
    key: Box<[u8]>,
    record: u64,
    /// `None` where the answer confirms itself.
    confirmed: Option<Before>,
    /// `None` where it does not grow old.
    until: Option<UnixSeconds>,
}

/// What is read before the record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Before {
    place: Place,
    confirmed: u64,
}

impl Basis {
    /// Whether the answer confirms itself whenever it is given: it is about a DID of this domain.
    #[must_use]
    pub const fn is_own(&self) -> bool {
        self.confirmed.is_none()
    }

    /// `None` for what rests on more than one record, or on what an engine keeps no stamps of.
    pub(super) fn of(
        held: &HeldLog,
        before: Before,
        is_own: bool,
        until: Option<UnixSeconds>,
    ) -> Option<Self> {
        let (key, record) = held.rests_on()?;
        let (key, confirmed) = (key.into(), (!is_own).then_some(before));
        Some(Self { stood_at: AtomicU64::new(0), key, record, confirmed, until })
    }
}

impl Domain {
    pub(super) fn before(&self, did: &Did) -> Before {
        let place = self.lookups.confirmations(did);
        Before { place, confirmed: self.lookups.confirmations_at(place) }
    }

    /// Whether an answer that was given on this basis is the answer at `now`. Reads no record and waits for nothing.
    #[must_use]
    pub fn stands(&self, basis: &Basis, now: UnixSeconds) -> bool {
        if basis.until.is_some_and(|until| now >= until) {
            return false;
        }
        let changes = stamps::changes();
        if basis.stood_at.load(Ordering::Relaxed) == changes {
            return true;
        }
        let is_confirmed = |before: Before| self.lookups.confirmations_at(before.place) == before.confirmed;
        let stands = basis.confirmed.is_none_or(is_confirmed)
            && self.records.stamp(Table::Logs, &basis.key) == Some(basis.record);
        if stands {
            basis.stood_at.store(changes, Ordering::Relaxed);
        }
        stands
    }
}
