//! How often each of many may ask: GCRA by governor, with a bound on how many are told apart.
//!
//! While that bound is reached, whoever is known keeps what is theirs, and whoever is new shares one of
//! [`SHARED`] cells with others that are: a flood of new names takes nothing from those that were there, and no memory.

use governor::clock::{Clock, MonotonicClock, Reference as _};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;
use governor::{Quota, RateLimiter};
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher as _, Hash};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

/// How many one limit tells apart at once: each takes some 24 bytes, so 2 MiB, and those who have not asked for a
/// minute make room.
pub const MAX_TOLD_APART: usize = 65_536;

/// Cells that newcomers share while as many are told apart as can be.
pub const SHARED: usize = 1_024;

/// How often it is looked who makes room, at most: it takes a walk over all of them.
const FORGET: Duration = Duration::from_secs(1);

/// Whose rate it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Whoever acts.
    Agent,
    /// Whoever it acts for.
    Owner,
}

/// A limit on how often each may ask: so often in a minute, all of it at once or one after the other.
pub struct Rates<C: Clock = MonotonicClock> {
    clock: C,
    /// What names are known by, so that nobody chooses with whom to share a cell.
    names: RandomState,
    most: usize,
    limit: RwLock<Option<Arc<Limit<C>>>>,
}

struct Limit<C: Clock> {
    per_minute: u32,
    began: C::Instant,
    /// When it was last looked who makes room, in nanoseconds since `began`.
    looked: AtomicU64,
    limiter: RateLimiter<u64, Cells, C, NoOpMiddleware<C::Instant>>,
}

/// The cells of those who have one of their own, and those that are shared.
type Both = (HashMap<u64, Nanos>, Vec<Option<Nanos>>);

/// When each may ask again at the latest.
#[derive(Debug)]
struct Cells {
    most: usize,
    cells: Mutex<Both>,
}

impl<C: Clock> fmt::Debug for Rates<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_minute = self.limit().map(|limit| limit.per_minute);
        f.debug_struct("Rates").field("per_minute", &per_minute).finish_non_exhaustive()
    }
}

impl Rates {
    /// So many a minute; 0 is no limit.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        Self::on(MonotonicClock, MAX_TOLD_APART, per_minute)
    }
}

impl<C: Clock + Clone> Rates<C> {
    /// By another clock, telling at most `most` apart.
    #[must_use]
    pub fn on(clock: C, most: usize, per_minute: u32) -> Self {
        let rates = Self { clock, names: RandomState::new(), most, limit: RwLock::default() };
        rates.set(per_minute);
        rates
    }

    /// So many a minute from now on; 0 is no limit. Where that changes, everybody begins anew.
    pub fn set(&self, per_minute: u32) {
        if self.per_minute() == per_minute {
            return;
        }
        let limit = NonZeroU32::new(per_minute).map(|quota| {
            let cells = Mutex::new((HashMap::new(), vec![None; SHARED]));
            let cells = Cells { most: self.most, cells };
            let (began, looked) = (self.clock.now(), AtomicU64::new(0));
            let limiter = RateLimiter::new(Quota::per_minute(quota), cells, self.clock.clone());
            Arc::new(Limit { per_minute, began, looked, limiter })
        });
        *self.limit.write().unwrap_or_else(PoisonError::into_inner) = limit;
    }

    /// How many a minute; 0 is no limit.
    #[must_use]
    pub fn per_minute(&self) -> u32 {
        self.limit().map_or(0, |limit| limit.per_minute)
    }

    /// How many are told apart at present.
    #[must_use]
    pub fn told_apart(&self) -> usize {
        self.limit().map_or(0, |limit| limit.limiter.len())
    }

    /// Takes one of what `name` may ask.
    ///
    /// # Errors
    /// How long to wait until it may ask again, where it may not now. Nothing is taken then.
    pub fn take(&self, name: impl Hash) -> Result<(), Duration> {
        let Some(limit) = self.limit() else { return Ok(()) };
        let now = self.clock.now();
        if limit.limiter.len() >= self.most {
            limit.make_room(now);
        }
        let taken = limit.limiter.check_key(&self.names.hash_one(name));
        taken.map_err(|not_until| not_until.wait_time_from(now))
    }
}

impl<C: Clock> Rates<C> {
    fn limit(&self) -> Option<Arc<Limit<C>>> {
        self.limit.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<C: Clock> Limit<C> {
    /// Forgets those who may ask as often as if they had never asked.
    fn make_room(&self, now: C::Instant) {
        let now = now.duration_since(self.began).as_u64();
        let looked = self.looked.load(Ordering::Relaxed);
        let due = u128::from(now.saturating_sub(looked)) >= FORGET.as_nanos();
        let turn = self.looked.compare_exchange(looked, now, Ordering::Relaxed, Ordering::Relaxed);
        if due && turn.is_ok() {
            self.limiter.retain_recent();
        }
    }
}

impl Cells {
    fn lock(&self) -> MutexGuard<'_, Both> {
        // A panic while it is held leaves every cell as it was.
        self.cells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateStore for Cells {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, name: &u64, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut guard = self.lock();
        let (own, shared) = &mut *guard;
        let known = own.get(name).copied();
        let place = usize::try_from(*name % SHARED as u64).unwrap_or_default();
        match shared.get_mut(place).filter(|_| known.is_none() && own.len() >= self.most) {
            Some(cell) => {
                let (answer, next) = f(*cell)?;
                *cell = Some(next);
                Ok(answer)
            }
            None => {
                let (answer, next) = f(known)?;
                own.insert(*name, next);
                Ok(answer)
            }
        }
    }
}

impl ShrinkableKeyedStateStore<u64> for Cells {
    fn retain_recent(&self, drop_below: Nanos) {
        self.lock().0.retain(|_, next| *next >= drop_below);
    }

    fn len(&self) -> usize {
        self.lock().0.len()
    }

    fn is_empty(&self) -> bool {
        self.lock().0.is_empty()
    }
}

#[cfg(test)]
mod tests;
