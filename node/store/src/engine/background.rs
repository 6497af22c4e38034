//! Compaction of a store that is in use: when there is enough to gain, and no faster than it may.

use super::Counters;
use super::compact::{Compaction, Compactor};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// A pass begins where at least one of this many bytes of closed segments is dead: it writes no more than it frees
/// then, and the log takes at most twice what is live in it, and what is not closed.
const DEAD_PART: u64 = 2;

/// Bytes after which a pass rests for as long as they may take.
const REST_AFTER: u64 = 1024 * 1024;

/// How a store is compacted while it is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Background {
    /// How often it is looked whether enough was written since.
    pub every: Duration,
    /// Most bytes read and written in a second.
    pub bytes_per_second: u64,
}

impl Default for Background {
    /// Each ten seconds, and a part of what any disk can do.
    fn default() -> Self {
        Self { every: Duration::from_secs(10), bytes_per_second: 32 * 1024 * 1024 }
    }
}

/// Compacts whenever it is worth it, until `wake` is gone.
pub(super) fn run(compactor: &Compactor, how: &Background, counters: &Arc<Counters>, wake: &Receiver<()>) {
    let mut due = 0;
    while wake.recv_timeout(how.every) == Err(RecvTimeoutError::Timeout) {
        let written = counters.bytes.load(Ordering::Relaxed);
        if written < due {
            continue;
        }
        let mut unpaid = 0;
        let begins = |found: &Compaction| found.dead > 0 && found.dead >= found.closed / DEAD_PART;
        let pass = compactor.pass(false, begins, &mut |bytes, _| {
            unpaid += bytes;
            if unpaid >= REST_AFTER {
                let nanos = u128::from(unpaid) * 1_000_000_000 / u128::from(how.bytes_per_second.max(1));
                thread::sleep(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)));
                unpaid = 0;
            }
        });
        due = written.saturating_add(match pass {
            Ok(done) => {
                if done.replaced > 0 {
                    let (replaced, by) = (done.replaced, done.written);
                    tracing::info!(replaced, by, "the log was compacted");
                }
                // Before as much is written, no more than that part can be dead.
                let (closed, dead) = match done.replaced {
                    0 => (done.closed, done.dead),
                    replaced => (done.closed - replaced + done.written, 0),
                };
                closed.saturating_sub(dead.saturating_mul(DEAD_PART)).max(compactor.segment_bytes)
            }
            Err(error) => {
                if !compactor.stop.load(Ordering::Relaxed) {
                    tracing::warn!(%error, "the log was not compacted");
                }
                compactor.segment_bytes
            }
        });
    }
}
