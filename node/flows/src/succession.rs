//! How far a node has followed its domain's own log: by which version it signs, and up to where what other keys
//! had sealed is sealed anew.

use did_resolver::did::DidUrl;
use did_resolver::time::UnixSeconds;
use std::sync::{Mutex, PoisonError};

/// What one node knows of that.
#[derive(Debug)]
pub(crate) struct Succession(Mutex<State>);

#[derive(Debug)]
struct State {
    /// The version by which it signs, the key of it that does, and since when.
    followed: Option<(String, Option<String>)>,
    since: UnixSeconds,
    /// The key by which everything is sealed, as far as it is known.
    sealed: Option<DidUrl>,
    pass: Option<Pass>,
}

/// A walk over everything that is announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pass {
    /// By which key it is to be sealed.
    pub(crate) key: DidUrl,
    /// When it began, or is to begin.
    pub(crate) began: UnixSeconds,
    /// The record up to which it came.
    pub(crate) after: Option<Vec<u8>>,
}

impl Default for Succession {
    fn default() -> Self {
        let nothing = State { followed: None, since: UnixSeconds::new(0), sealed: None, pass: None };
        Self(Mutex::new(nothing))
    }
}

impl Succession {
    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        // A panic elsewhere leaves at worst a step that is done twice.
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether this is not what it signs by. From `now` on it is.
    pub(crate) fn is_news(&self, version_id: &str, key_id: Option<String>, now: UnixSeconds) -> bool {
        self.with(|state| {
            let next = Some((version_id.to_owned(), key_id));
            let is_news = state.followed != next;
            if is_news {
                (state.followed, state.since) = (next, now);
            }
            is_news
        })
    }

    /// Since when it signs by what it does.
    pub(crate) fn since(&self) -> UnixSeconds {
        self.with(|state| state.since)
    }

    /// Whether everything is known to be sealed by this key.
    pub(crate) fn is_sealed_by(&self, key: &DidUrl) -> bool {
        self.with(|state| state.sealed.as_ref() == Some(key))
    }

    /// Notes that it is.
    pub(crate) fn sealed_by(&self, key: DidUrl) {
        self.with(|state| (state.sealed, state.pass) = (Some(key), None));
    }

    /// The walk that is under way, or one that begins now. `None` where it is to begin later.
    pub(crate) fn pass(&self, key: &DidUrl, now: UnixSeconds) -> Option<Pass> {
        self.with(|state| {
            let begin = Pass { key: key.clone(), began: now, after: None };
            let pass = state.pass.take().filter(|pass| pass.key == *key).unwrap_or(begin);
            state.pass = Some(pass.clone());
            (pass.began <= now).then_some(pass)
        })
    }

    /// Goes on there at the next step.
    pub(crate) fn go_on(&self, pass: Pass) {
        self.with(|state| state.pass = Some(pass));
    }
}
