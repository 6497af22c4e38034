//! Work for requests that may change something. It is carried through, though whoever asked is gone by then or was
//! told that it takes too long: what is committed is to be told to the others as well.

use crate::limits::MAX_BODIES;
use std::panic::resume_unwind;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument as _;

/// Places for the work of one listener. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Work(Arc<Semaphore>);

/// One of them.
#[derive(Debug)]
pub(crate) struct Place(OwnedSemaphorePermit);

impl Default for Work {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_BODIES as usize)))
    }
}

impl Work {
    /// A place, where there is one.
    pub(crate) fn place(&self) -> Option<Place> {
        Arc::clone(&self.0).try_acquire_owned().ok().map(Place)
    }

    /// Waits until no place is taken.
    pub(crate) async fn is_done(&self) {
        // The semaphore is never closed.
        drop(self.0.acquire_many(MAX_BODIES).await);
    }
}

impl Place {
    /// Does `work` here, to its end even if this is dropped; `None` where the runtime itself ends. A panic of it goes
    /// on here.
    pub(crate) async fn carry_through<T: Send + 'static>(
        self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let Self(permit) = self;
        let whole = async move {
            let done = work.await;
            drop(permit);
            done
        };
        match tokio::spawn(whole.in_current_span()).await {
            Ok(done) => Some(done),
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            Err(_) => None,
        }
    }
}
