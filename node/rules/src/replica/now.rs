//! The two clocks that come in with every input: the wall clock, for what others wrote, and the
//! monotonic one, for timers.

use did_resolver::time::UnixSeconds;

/// Milliseconds on a clock that never goes back and begins anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MonoMillis(pub u64);

impl MonoMillis {
    /// This many milliseconds later.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

/// When something happens, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// The wall clock.
    pub unix: UnixSeconds,
    /// The monotonic clock.
    pub mono: MonoMillis,
}
