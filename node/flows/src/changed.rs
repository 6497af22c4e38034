//! What of this domain that anybody may read has changed, for whoever keeps it as files.

use did_resolver::did::Did;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

/// Subjects of which is remembered that they changed. With more, all are looked at.
const MAX_CHANGED: usize = 65_536;

/// What some files are about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The log of a DID of this domain, the proofs of its witnesses, and the did:web document that follows from it.
    Log(Did),
    /// The status lists, and the list of them.
    Lists,
}

/// What has changed since it was last asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// Whether anything may have.
    pub all: bool,
    /// What has.
    pub subjects: BTreeSet<Subject>,
}

/// What has changed and nobody has asked for yet.
#[derive(Debug, Default)]
pub(crate) struct Unpublished {
    /// `None` as long as nobody wants to know.
    changed: Mutex<Option<Changed>>,
    told: Notify,
}

impl Unpublished {
    fn with<T>(&self, f: impl FnOnce(&mut Option<Changed>) -> T) -> T {
        f(&mut self.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on it is noted what changes. At first all may have.
    pub(crate) fn begin(&self) {
        self.with(|changed| *changed = Some(Changed { all: true, subjects: BTreeSet::new() }));
    }

    /// What was noted since, if anything was.
    pub(crate) fn take(&self) -> Changed {
        self.with(|changed| changed.as_mut().map(std::mem::take).unwrap_or_default())
    }

    /// The same, once there is something.
    pub(crate) async fn wait(&self) -> Changed {
        loop {
            let changed = self.take();
            if changed.all || !changed.subjects.is_empty() {
                return changed;
            }
            // One that is told between the two is remembered.
            self.told.notified().await;
        }
    }

    /// Notes what is durable.
    pub(crate) fn note(&self, subjects: impl Iterator<Item = Subject>) {
        self.with(|changed| {
            let Some(changed) = changed.as_mut() else { return };
            changed.subjects.extend(subjects);
            if changed.subjects.len() > MAX_CHANGED {
                *changed = Changed { all: true, subjects: BTreeSet::new() };
            }
        });
        self.told.notify_one();
    }
}
