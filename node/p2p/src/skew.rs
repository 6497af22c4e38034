//! How far the clocks of other domains are from this node's, by what their nodes publish (MESH.md D12). Pure.
//!
//! A message is never older than its envelope says and comes later than it was said: the least late of a while
//! shows the clocks best. It tells an operator of a wrong clock, and decides nothing.

use did_resolver::time::UnixSeconds;
use marque_rules::replica::Scid;
use std::collections::BTreeMap;

/// How long a measurement counts before a later one takes its place, whatever it says, in milliseconds.
const COUNTS_MS: u64 = 600_000;

/// Least time between two looks at a domain, in milliseconds: a look reads a whole envelope.
const PAUSE_MS: u64 = 1_000;

#[derive(Debug)]
struct Measured {
    /// In seconds; behind is negative.
    ahead: i64,
    /// When that was seen, and when it was looked last.
    at: u64,
    looked: u64,
}

/// What was measured, by domain.
#[derive(Debug, Default)]
pub struct Skew(BTreeMap<Scid, Measured>);

impl Skew {
    /// Whether it is worth to look at what a node of a domain said.
    #[must_use]
    pub fn is_due(&self, domain: &Scid, mono: u64) -> bool {
        self.0.get(domain).is_none_or(|measured| mono.saturating_sub(measured.looked) >= PAUSE_MS)
    }

    /// A node of a domain says of what comes `now` that it was issued at `issued`.
    pub fn heard(&mut self, domain: &Scid, issued: UnixSeconds, now: UnixSeconds, mono: u64) {
        let between = i64::try_from(issued.get().abs_diff(now.get())).unwrap_or(i64::MAX);
        let ahead = if issued >= now { between } else { -between };
        match self.0.get_mut(domain) {
            Some(before) if ahead < before.ahead && mono.saturating_sub(before.at) < COUNTS_MS => {
                before.looked = mono;
            }
            _ => drop(self.0.insert(domain.clone(), Measured { ahead, at: mono, looked: mono })),
        }
    }

    /// Forgets the domains of which nobody is there.
    pub fn keep(&mut self, there: impl Fn(&Scid) -> bool) {
        self.0.retain(|domain, _| there(domain));
    }

    /// How far each is ahead, in seconds.
    pub fn ahead(&self) -> impl Iterator<Item = (&Scid, i64)> {
        self.0.iter().map(|(domain, measured)| (domain, measured.ahead))
    }
}

#[cfg(test)]
mod tests;
