//! The clock and the randomness of the operating system.

use did_resolver::time::UnixSeconds;
use marque_flows::ports::clock::{Clock, Entropy, NoEntropy};
use std::time::{SystemTime, UNIX_EPOCH};

/// The operating system.
#[derive(Debug)]
pub(super) struct System;

impl Clock for System {
    fn now(&self) -> UnixSeconds {
        // A clock before 1970 is wrong; at 0 nothing is valid, so everything is refused.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixSeconds::new(since.as_secs())
    }
}

impl Entropy for System {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        getrandom::fill(bytes).map_err(|_| NoEntropy)
    }
}
