//! How long the versions of a log have been held, which tells a fork by a key that was retired long ago
//! from one that may be the controller's (MESH.md D7).

use did_resolver::time::UnixSeconds;
use did_resolver::webvh::Log;
use std::time::Duration;

/// How long a rotation must have been held before the key that it retired is believed to be dead. A
/// thief of the current key who rotates at once would else make the honest branch look dead wherever
/// his came first; a day is what an operator needs to notice, and what a cut-off node catches up in.
pub const RETIREMENT_WAIT: Duration = Duration::from_secs(24 * 3_600);

/// When the versions of one log came to be held: numbers, each with the time at which it and those
/// before it were there. Only what [`RETIREMENT_WAIT`] may still ask for is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeldSince(Vec<(u32, UnixSeconds)>);

impl HeldSince {
    /// From what was stored. Order does not matter.
    #[must_use]
    pub fn new(mut pairs: Vec<(u32, UnixSeconds)>) -> Self {
        pairs.sort_unstable();
        Self(pairs)
    }

    /// What is to be stored: at most one pair for each version, one of them older than
    /// [`RETIREMENT_WAIT`].
    #[must_use]
    pub fn pairs(&self) -> &[(u32, UnixSeconds)] {
        &self.0
    }

    /// This, once all up to version `number` are held at `now`.
    #[must_use]
    pub fn noting(&self, number: u32, now: UnixSeconds) -> Self {
        let mut pairs = self.0.clone();
        if pairs.last().is_none_or(|(highest, _)| *highest < number) {
            pairs.push((number, now));
        }
        let long = self.for_long(now).unwrap_or(0);
        pairs.retain(|(number, _)| *number >= long);
        Self(pairs)
    }

    /// The highest number that has been held for [`RETIREMENT_WAIT`]. By a clock that went back
    /// nothing has.
    fn for_long(&self, now: UnixSeconds) -> Option<u32> {
        let long = |(_, since): &&(u32, UnixSeconds)| now.since(*since) >= RETIREMENT_WAIT;
        self.0.iter().filter(long).map(|(number, _)| *number).max()
    }

    /// Whether `branch`, which departs from `held` at number `at`, does so by a key that was dead: a
    /// rotation or a deactivation that retired it had been held for [`RETIREMENT_WAIT`], and it has not
    /// been listed since.
    pub(super) fn is_dead_key_fork(&self, held: &Log, branch: &Log, at: u32, now: UnixSeconds) -> bool {
        let retired = branch.signer(at).and_then(|key| held.retired_at(&key, at));
        retired.zip(self.for_long(now)).is_some_and(|(retired, long)| retired <= long)
    }
}
