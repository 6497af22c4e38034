//! A budget that fills again at a steady rate (MESH.md D10). Pure: time comes in as milliseconds of a
//! clock that never goes back.
//!
//! What is spent is known only afterwards, so a budget may be overdrawn once, and then nothing is to be
//! spent until it is paid back.

/// What may be spent of something, such as bytes or milliseconds.
#[derive(Debug, Clone)]
pub struct Budget {
    /// The most that it holds, in thousandths.
    most: i128,
    /// What comes back in a second, which in a millisecond is as many thousandths.
    per_second: i128,
    /// What is left, in thousandths; below zero it is overdrawn.
    left: i128,
    at: u64,
}

impl Budget {
    /// A full one.
    #[must_use]
    pub fn new(most: u64, per_second: u64) -> Self {
        let most = i128::from(most) * 1_000;
        Self { most, per_second: per_second.max(1).into(), left: most, at: 0 }
    }

    fn fill(&mut self, now: u64) {
        let passed = now.saturating_sub(self.at);
        self.left = (self.left + i128::from(passed) * self.per_second).min(self.most);
        self.at = self.at.max(now);
    }

    /// Spends, whatever is left.
    pub fn spend(&mut self, amount: u64, now: u64) {
        self.fill(now);
        self.left -= i128::from(amount) * 1_000;
    }

    /// How many milliseconds until something may be spent again; 0 is now.
    pub fn wait_ms(&mut self, now: u64) -> u64 {
        self.fill(now);
        if self.left > 0 {
            return 0;
        }
        // Rounded up, and one more: then there is something.
        u64::try_from(-self.left / self.per_second + 1).unwrap_or(u64::MAX)
    }

    /// Whether nothing is missing.
    pub fn is_full(&mut self, now: u64) -> bool {
        self.fill(now);
        self.left >= self.most
    }

    /// Changes its size. What was spent stays spent.
    pub fn change(&mut self, most: u64, per_second: u64, now: u64) {
        self.fill(now);
        let most = i128::from(most) * 1_000;
        self.left += most - self.most;
        self.most = most;
        self.per_second = per_second.max(1).into();
    }
}

#[cfg(test)]
mod tests;
