//! Token buckets over monotonic milliseconds.

use crate::replica::now::MonoMillis;

/// A budget that refills at a steady rate up to its burst. Counted in thousandths.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    burst: u64,
    per_second: u64,
    thousandths: u64,
    at: MonoMillis,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(burst: u32, per_second: u32, now: MonoMillis) -> Self {
        let burst = u64::from(burst) * 1_000;
        Self { burst, per_second: u64::from(per_second), thousandths: burst, at: now }
    }

    /// A full bucket that gets one token back every minute.
    pub(super) fn slow(burst: u32, now: MonoMillis) -> Self {
        // A sixtieth of a token per second is below one thousandth per millisecond: see `take`.
        Self { per_second: 0, ..Self::new(burst, 0, now) }
    }

    /// Takes one token, if there is one.
    pub(super) fn take(&mut self, now: MonoMillis) -> bool {
        let passed = now.0.saturating_sub(self.at.0);
        let gained = if self.per_second == 0 { passed / 60 } else { passed.saturating_mul(self.per_second) };
        if gained > 0 {
            self.thousandths = self.thousandths.saturating_add(gained).min(self.burst);
            self.at = now;
        }
        let enough = self.thousandths >= 1_000;
        if enough {
            self.thousandths -= 1_000;
        }
        enough
    }
}
