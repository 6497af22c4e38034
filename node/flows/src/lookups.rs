//! What is remembered of lookups of DIDs and lists that leave this node, and how many may: an answer from outside is good
//! for its ttl, a missing one for a moment, and nobody makes the node ask for more than it allows.

use crate::stamps::{Place, Stamps};
use did_resolver::did::Did;
use did_resolver::resolution::Resolution;
use did_resolver::time::UnixSeconds;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{OwnedMutexGuard, Semaphore, SemaphorePermit};
use vc_schemas::facts::ListKey;

/// DIDs that are looked up at once; each may hold a log of 1 MiB for the length of the deadline.
pub const MAX_AT_ONCE: usize = 64;

/// Lookups that leave this node in a [`WINDOW`]: ten a second are more than a node of people and agents
/// that know each other needs, and fewer than would make it a burden to anybody.
pub const MAX_PER_WINDOW: u32 = 600;

/// See [`MAX_PER_WINDOW`].
pub const WINDOW: Duration = Duration::from_secs(60);

/// DIDs of which is known when somebody outside confirmed what is held; of others it is asked again.
const MAX_CONFIRMED: usize = 65_536;

/// Counters of confirmations, 8 bytes each: of what is kept, one part in so many is looked at again for nothing
/// where a DID is confirmed.
const CONFIRMATIONS: usize = 4_096;

/// DIDs, and lists, of which is remembered that nobody gave anything.
const MAX_VAIN: usize = 4_096;

/// did:web documents that are kept. One takes some 300 KiB in memory at its cap, so 80 MiB at the worst.
const MAX_WEB_DOCUMENTS: usize = 256;

/// How long nobody is asked again for a DID that is not to be had: short, for it may be published now.
pub(crate) const VAIN_FOR: Duration = Duration::from_secs(5);

/// How long nobody is asked again to confirm what is held: each time, whoever wants to know waits.
pub(crate) const UNCONFIRMED_FOR: Duration = Duration::from_secs(60);

/// Least time for which an answer is good, whatever its ttl: else a ttl of nothing would make every
/// question a lookup.
pub(crate) const LEAST_TTL: Duration = Duration::from_secs(10);

/// Longest time for which an answer is good, whatever its ttl.
pub(crate) const LONGEST_TTL: Duration = Duration::from_secs(24 * 3_600);

/// Where an answer came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// What this node keeps durably.
    Store,
    /// Other nodes.
    Peers,
    /// The host that the DID names.
    Web,
    /// What this node keeps in memory.
    Cache,
}

impl Source {
    /// The word for it in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Peers => "peers",
            Self::Web => "web",
            Self::Cache => "cache",
        }
    }
}

/// That somebody outside showed what is held, or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Confirmed {
    pub(crate) at: UnixSeconds,
    pub(crate) source: Source,
    /// How many did so in one lookup.
    pub(crate) sources: usize,
}

/// A did:web document that is kept for a while.
#[derive(Debug, Clone)]
pub(crate) struct KeptDocument {
    pub(crate) resolution: Arc<Resolution>,
    /// When its host gave it.
    pub(crate) at: UnixSeconds,
    /// Until when that is good.
    pub(crate) until: UnixSeconds,
}

/// Why a lookup gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vain {
    /// Who would have it says that there is none, or nobody has it.
    Missing,
    /// What was given breaks the rules of its method.
    Invalid,
    /// Somebody who might have it did not answer.
    Away,
    /// As many lookups as may be are under way or were made lately.
    Busy,
}

/// The memory of lookups, and their bounds.
#[derive(Debug)]
pub(crate) struct Lookups {
    confirmed: Mutex<Recent<Confirmed>>,
    confirmations: Stamps,
    vain: Mutex<Recent<(UnixSeconds, Vain)>>,
    /// `None` where the host took the document back.
    documents: Mutex<Recent<Option<KeptDocument>>>,
    lanes: Mutex<Lanes<Did>>,
    /// Lists that nobody had, and when.
    vain_lists: Mutex<Recent<UnixSeconds, ListKey>>,
    list_lanes: Mutex<Lanes<ListKey>>,
    places: Semaphore,
    /// Lookups in the window that began then.
    window: Mutex<(UnixSeconds, u32)>,
}

impl Default for Lookups {
    fn default() -> Self {
        Self {
            confirmed: Mutex::new(Recent::new(MAX_CONFIRMED)),
            confirmations: Stamps::new(CONFIRMATIONS),
            vain: Mutex::new(Recent::new(MAX_VAIN)),
            documents: Mutex::new(Recent::new(MAX_WEB_DOCUMENTS)),
            lanes: Mutex::default(),
            vain_lists: Mutex::new(Recent::new(MAX_VAIN)),
            list_lanes: Mutex::default(),
            places: Semaphore::new(MAX_AT_ONCE),
            window: Mutex::default(),
        }
    }
}

impl Lookups {
    /// When what is held of a DID was confirmed last.
    pub(crate) fn confirmed(&self, did: &Did) -> Option<Confirmed> {
        locked(&self.confirmed).find(did).copied()
    }

    /// Remembers a confirmation.
    pub(crate) fn confirm(&self, did: &Did, at: UnixSeconds, source: Source, sources: usize) {
        locked(&self.confirmed).insert(did, Confirmed { at, source, sources });
        self.confirmations.change(did);
    }

    /// Where it is noted that what [`Self::confirmed`] says has changed by a confirmation.
    pub(crate) fn confirmations(&self, did: &Did) -> Place {
        self.confirmations.place(did)
    }

    /// A number that is another one once it was noted there.
    pub(crate) fn confirmations_at(&self, place: Place) -> u64 {
        self.confirmations.at(place)
    }

    /// Whether it is too early to ask again, and what came of it before.
    pub(crate) fn vain(&self, did: &Did, now: UnixSeconds, is_held: bool) -> Option<Vain> {
        let (at, vain) = locked(&self.vain).find(did).copied()?;
        if self.confirmed(did).is_some_and(|confirmed| confirmed.at >= at) {
            return None;
        }
        let lasts = if is_held { UNCONFIRMED_FOR } else { VAIN_FOR };
        // A clock that went back makes nothing last longer.
        (now >= at && now.since(at) < lasts).then_some(vain)
    }

    /// Remembers that nothing came.
    pub(crate) fn was_vain(&self, did: &Did, at: UnixSeconds, vain: Vain) {
        locked(&self.vain).insert(did, (at, vain));
    }

    /// The did:web document that was kept last.
    pub(crate) fn document(&self, did: &Did) -> Option<KeptDocument> {
        locked(&self.documents).find(did)?.clone()
    }

    /// Keeps a did:web document, or forgets the one that was.
    pub(crate) fn keep_document(&self, did: &Did, kept: Option<KeptDocument>) {
        locked(&self.documents).insert(did, kept);
    }

    /// Waits until nobody else looks this DID up.
    pub(crate) async fn alone(&self, did: &Did) -> OwnedMutexGuard<()> {
        let lane = lane(&mut locked(&self.lanes), did);
        lane.lock_owned().await
    }

    /// Waits until nobody else looks for this list.
    pub(crate) async fn alone_with(&self, list: &ListKey) -> OwnedMutexGuard<()> {
        let lane = lane(&mut locked(&self.list_lanes), list);
        lane.lock_owned().await
    }

    /// Whether nobody had this list a moment ago.
    pub(crate) fn list_was_vain(&self, list: &ListKey, now: UnixSeconds) -> bool {
        let at = locked(&self.vain_lists).find(list).copied();
        // A clock that went back makes nothing last longer.
        at.is_some_and(|at| now >= at && now.since(at) < VAIN_FOR)
    }

    /// Remembers that nobody has this list.
    pub(crate) fn nobody_has(&self, list: &ListKey, at: UnixSeconds) {
        locked(&self.vain_lists).insert(list, at);
    }

    /// A place for one lookup that leaves the node, or `None` where there are as many as may be.
    pub(crate) fn leave(&self, now: UnixSeconds) -> Option<SemaphorePermit<'_>> {
        let place = self.places.try_acquire().ok()?;
        let mut window = locked(&self.window);
        if now.since(window.0) >= WINDOW || now < window.0 {
            *window = (now, 0);
        }
        if window.1 >= MAX_PER_WINDOW {
            return None;
        }
        window.1 = window.1.saturating_add(1);
        Some(place)
    }
}

/// Who waits for whom: one lane for each thing that is looked up.
type Lanes<K> = BTreeMap<K, Weak<tokio::sync::Mutex<()>>>;

fn lane<K: Clone + Ord>(lanes: &mut Lanes<K>, key: &K) -> Arc<tokio::sync::Mutex<()>> {
    if let Some(lane) = lanes.get(key).and_then(Weak::upgrade) {
        return lane;
    }
    lanes.retain(|_, lane| lane.strong_count() > 0);
    let lane = Arc::new(tokio::sync::Mutex::new(()));
    lanes.insert(key.clone(), Arc::downgrade(&lane));
    lane
}

fn locked<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The newest entries by their keys.
#[derive(Debug)]
pub(crate) struct Recent<V, K = Did> {
    capacity: usize,
    entries: BTreeMap<K, V>,
    order: VecDeque<K>,
}

impl<V, K: Clone + Ord> Recent<V, K> {
    pub(crate) const fn new(capacity: usize) -> Self {
        Self { capacity, entries: BTreeMap::new(), order: VecDeque::new() }
    }

    pub(crate) fn find(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    pub(crate) fn insert(&mut self, key: &K, value: V) {
        if self.entries.insert(key.clone(), value).is_none() {
            self.order.push_back(key.clone());
        }
        while self.order.len() > self.capacity {
            let Some(oldest) = self.order.pop_front() else { break };
            self.entries.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests;
