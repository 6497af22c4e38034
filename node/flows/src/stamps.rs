//! Numbers that change when something does, so that who keeps what follows from it need not look at it again.

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// How often anything has changed, of all the counters of this process, and one.
static CHANGES: AtomicU64 = AtomicU64::new(1);

/// A number that is another one once anything has changed, and never 0. Who reads this first and then finds a stamp
/// to be the one that it knows, need not look at that stamp again for as long as this is the same.
pub(crate) fn changes() -> u64 {
    CHANGES.load(Ordering::Acquire)
}

/// A fixed number of counters, each for all the things that fall to it: it may change without cause, and never
/// fails to change with it.
pub struct Stamps {
    hasher: RandomState,
    slots: Box<[AtomicU64]>,
}

/// Where the counter of a thing is, in the [`Stamps`] that said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(usize);

impl Stamps {
    /// With so many counters of 8 bytes each, and one at least.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        let slots = (0..slots.max(1)).map(|_| AtomicU64::new(0)).collect();
        Self { hasher: RandomState::new(), slots }
    }

    /// Where the counter of a thing is, so that it need not be looked for again.
    #[must_use]
    pub fn place(&self, thing: impl Hash) -> Place {
        let slots = u64::try_from(self.slots.len()).unwrap_or(u64::MAX).max(1);
        Place(usize::try_from(self.hasher.hash_one(thing) % slots).unwrap_or_default())
    }

    /// The stamp of whatever has its counter there, as [`Self::of`].
    #[must_use]
    pub fn at(&self, place: Place) -> u64 {
        self.slots.get(place.0).map_or(0, |slot| slot.load(Ordering::Acquire))
    }

    /// The stamp of a thing as it is now. Who reads this first and the thing then may keep what it read for as
    /// long as the stamp is the same.
    pub fn of(&self, thing: impl Hash) -> u64 {
        self.at(self.place(thing))
    }

    /// Notes that a thing has changed: after the change can be seen, and before anybody is told of it.
    pub fn change(&self, thing: impl Hash) {
        if let Some(slot) = self.slots.get(self.place(thing).0) {
            slot.fetch_add(1, Ordering::AcqRel);
        }
        // After the counter: who reads this one first is not to find the counter as it was before.
        CHANGES.fetch_add(1, Ordering::AcqRel);
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
        let places: Vec<u64> = (0..100).map(|thing| stamps.at(stamps.place(thing))).collect();
        assert_eq!(places, after);
        let number = changes();
        stamps.change(7);
        assert_ne!(changes(), number);
        let same = before.iter().zip(&after).filter(|(before, after)| before == after).count();
        assert!(same > 80, "{same}");
        let one = Stamps::new(0);
        let before = one.of("a");
        one.change("b");
        assert_ne!(one.of("a"), before, "of one counter all things are");
    }
}
