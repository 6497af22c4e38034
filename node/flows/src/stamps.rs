//! Numbers that change when something does, so that who keeps what follows from it need not look at it again.

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// A fixed number of counters, each for all the things that fall to it: it may change without cause, and never
/// fails to change with it.
pub struct Stamps {
    hasher: RandomState,
    slots: Box<[AtomicU64]>,
}

impl Stamps {
    /// With so many counters of 8 bytes each, and one at least.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        let slots = (0..slots.max(1)).map(|_| AtomicU64::new(0)).collect();
        Self { hasher: RandomState::new(), slots }
    }

    /// The stamp of a thing as it is now. Who reads this first and the thing then may keep what it read for as
    /// long as the stamp is the same.
    pub fn of(&self, thing: impl Hash) -> u64 {
        self.slot(thing).map_or(0, |slot| slot.load(Ordering::Acquire))
    }

    /// Notes that a thing has changed: after the change can be seen, and before anybody is told of it.
    pub fn change(&self, thing: impl Hash) {
        if let Some(slot) = self.slot(thing) {
            slot.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn slot(&self, thing: impl Hash) -> Option<&AtomicU64> {
        let place = self.hasher.hash_one(thing) % u64::try_from(self.slots.len()).ok()?;
        self.slots.get(usize::try_from(place).ok()?)
    }
}

impl fmt::Debug for Stamps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stamps").field("slots", &self.slots.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stamp_of_what_changes_is_another_and_that_of_the_rest_mostly_the_same() {
        let stamps = Stamps::new(1_024);
        let before: Vec<u64> = (0..100).map(|thing| stamps.of(thing)).collect();
        stamps.change(7);
        let after: Vec<u64> = (0..100).map(|thing| stamps.of(thing)).collect();
        assert_ne!(before[7], after[7]);
        let same = before.iter().zip(&after).filter(|(before, after)| before == after).count();
        assert!(same > 80, "{same}");
        let one = Stamps::new(0);
        let before = one.of("a");
        one.change("b");
        assert_ne!(one.of("a"), before, "of one counter all things are");
    }
}
