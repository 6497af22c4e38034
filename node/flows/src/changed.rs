//! What of this domain that anybody may read has changed, for whoever keeps it somewhere.

use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Subjects of which is remembered that they changed. With more, all are looked at.
const MAX_CHANGED: usize = 65_536;

/// Longest reason that is kept, in bytes: one line of a log.
const MAX_REASON_BYTES: usize = 512;

/// What some files are about. The lists come first, since what they revoke is urgent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The status lists, and the list of them.
    Lists,
    /// The log of a DID of this domain, the proofs of its witnesses, and the did:web document that follows from it.
    Log(Did),
}

/// What has changed since it was last asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// Whether anything may have.
    pub all: bool,
    /// What has.
    pub subjects: BTreeSet<Subject>,
}

impl Changed {
    /// That anything may have.
    #[must_use]
    pub const fn all() -> Self {
        Self { all: true, subjects: BTreeSet::new() }
    }

    /// Whether nothing has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.all && self.subjects.is_empty()
    }

    /// Adds what else has changed. Of too many is only remembered that there are.
    pub fn add(&mut self, more: Self) {
        self.all |= more.all;
        self.subjects.extend(more.subjects);
        if self.subjects.len() > MAX_CHANGED {
            *self = Self::all();
        }
    }
}

/// How a place is kept up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its kind: one word.
    pub place: &'static str,
    /// For how long something is due there.
    pub behind: Duration,
    /// Why it is not there yet, where that failed.
    pub why: Option<String>,
}

#[derive(Debug, Default)]
struct State {
    /// What has changed and nobody has taken yet, and since when there is something.
    changed: Changed,
    noted: Option<UnixSeconds>,
    /// Since when something was taken and is not done.
    taken: Option<UnixSeconds>,
    why: Option<String>,
}

/// What is due in one place where it is kept.
#[derive(Debug)]
pub struct Publishing {
    place: &'static str,
    state: Mutex<State>,
    told: Notify,
}

impl Publishing {
    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What has changed since this was last called, if anything has. It is due until [`Self::done`].
    pub fn by_now(&self) -> Changed {
        self.with(|state| {
            let noted = state.noted.take();
            state.taken = state.taken.or(noted);
            std::mem::take(&mut state.changed)
        })
    }

    /// The same, once there is something.
    pub async fn next(&self) -> Changed {
        loop {
            let changed = self.by_now();
            if !changed.is_empty() {
                return changed;
            }
            // One that is told between the two is remembered.
            self.told.notified().await;
        }
    }

    /// All that was taken is there.
    pub fn done(&self) {
        self.with(|state| (state.taken, state.why) = (None, None));
    }

    /// Something that was taken is not there, for this reason.
    pub fn failed(&self, why: &str) {
        let end = (0..=MAX_REASON_BYTES.min(why.len())).rev().find(|end| why.is_char_boundary(*end));
        let why = why.get(..end.unwrap_or(0)).unwrap_or_default().to_owned();
        self.with(|state| state.why = Some(why));
    }

    fn kept(&self, now: UnixSeconds) -> Kept {
        self.with(|state| Kept {
            place: self.place,
            behind: state.taken.or(state.noted).map_or(Duration::ZERO, |since| now.since(since)),
            why: state.why.clone(),
        })
    }
}

/// What has changed and is not yet everywhere where it is kept.
#[derive(Debug, Default)]
pub(crate) struct Unpublished {
    /// One for each place that is configured.
    places: Mutex<Vec<Arc<Publishing>>>,
}

impl Unpublished {
    fn places(&self) -> Vec<Arc<Publishing>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on it is noted what changes, for one place. At first all may have.
    pub(crate) fn begin(&self, place: &'static str, now: UnixSeconds) -> Arc<Publishing> {
        let state = State { changed: Changed::all(), noted: Some(now), ..State::default() };
        let publishing = Arc::new(Publishing { place, state: Mutex::new(state), told: Notify::new() });
        self.places.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&publishing));
        publishing
    }

    /// How each place is kept up.
    pub(crate) fn kept(&self, now: UnixSeconds) -> Vec<Kept> {
        self.places().iter().map(|place| place.kept(now)).collect()
    }

    /// Notes what is durable.
    pub(crate) fn note(&self, subject: &Subject, now: UnixSeconds) {
        for place in self.places() {
            place.with(|state| {
                state.changed.add(Changed { all: false, subjects: BTreeSet::from([subject.clone()]) });
                state.noted = state.noted.or(Some(now));
            });
            place.told.notify_one();
        }
    }
}

#[cfg(test)]
mod tests;
