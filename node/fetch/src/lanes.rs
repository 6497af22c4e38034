//! So many at once for each of many keys: a host, an address.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A lane for each key that somebody is in or waits for; others do not exist.
#[derive(Debug)]
pub(crate) struct Lanes<K> {
    each: usize,
    open: Mutex<BTreeMap<K, Weak<Semaphore>>>,
}

impl<K: Ord> Lanes<K> {
    /// With room for `each` in every lane.
    pub(crate) const fn new(each: usize) -> Self {
        Self { each, open: Mutex::new(BTreeMap::new()) }
    }

    /// Waits for a place in the lane of `key`. It is free again when what this returns is dropped.
    pub(crate) async fn enter(&self, key: K) -> Option<OwnedSemaphorePermit> {
        let lane = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            match open.get(&key).and_then(Weak::upgrade) {
                Some(lane) => lane,
                None => {
                    open.retain(|_, lane| lane.strong_count() > 0);
                    let lane = Arc::new(Semaphore::new(self.each));
                    open.insert(key, Arc::downgrade(&lane));
                    lane
                }
            }
        };
        // Nobody closes a lane, so there always is a place in the end.
        lane.acquire_owned().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn a_lane_takes_so_many_others_go_on_and_what_is_left_is_forgotten() {
        let lanes = Lanes::new(2);
        let first = lanes.enter("a").now_or_never().unwrap();
        let second = lanes.enter("a").now_or_never().unwrap();
        assert!(lanes.enter("a").now_or_never().is_none(), "the lane is full");
        assert!(lanes.enter("b").now_or_never().is_some(), "another lane is not");
        drop(first);
        assert!(lanes.enter("a").now_or_never().is_some());
        drop(second);
        assert!(lanes.enter("c").now_or_never().is_some());
        assert_eq!(lanes.open.lock().unwrap().len(), 1, "only the last one is remembered");
    }
}
