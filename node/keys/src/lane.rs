//! A thread of its own for calls that may block for as long as they like: a bounded queue before it, and a deadline for
//! whoever asks. A call that never returns holds up this thread and nobody else, and the end of the program for a moment.

use crate::error::Error;
use crate::limits::{ENDS_WITHIN, MAX_WAITING};
use std::convert::Infallible;
use std::fmt;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// The thread that has `S`, and nobody else.
pub(crate) struct Lane<S> {
    /// None only when it ends.
    queue: Option<SyncSender<Job<S>>>,
    /// Tells that the thread has let go of `S`, by being closed. The mutex is never locked: it makes this `Sync`.
    ended: Mutex<Receiver<Infallible>>,
    thread: Option<JoinHandle<()>>,
    /// How long that is waited for.
    ends_within: Duration,
}

impl<S> fmt::Debug for Lane<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").finish_non_exhaustive()
    }
}

impl<S: Send + 'static> Lane<S> {
    /// Starts it. It ends when nobody can ask it any more; who is the last waits for that for [`ENDS_WITHIN`] at most,
    /// since a module that is unloaded while the program ends brings it down.
    pub(crate) fn start(name: &str, state: S) -> Result<Self, Error> {
        Self::ending_within(ENDS_WITHIN, name, state)
    }

    fn ending_within(ends_within: Duration, name: &str, mut state: S) -> Result<Self, Error> {
        let (queue, jobs) = sync_channel::<Job<S>>(MAX_WAITING);
        let (ending, ended) = sync_channel(0);
        let run = move || {
            for job in jobs {
                job(&mut state);
            }
            drop(state);
            drop(ending);
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        let thread = thread.map_err(|error| Error::Other(error.to_string()))?;
        Ok(Self { queue: Some(queue), ended: Mutex::new(ended), thread: Some(thread), ends_within })
    }

    /// What `call` comes to. Nobody who runs a runtime waits so.
    pub(crate) fn wait<R: Send + 'static>(
        &self,
        limit: Duration,
        call: impl FnOnce(&mut S) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let (tell, told) = sync_channel(1);
        self.put(Box::new(move |state| {
            // Whoever asked may have given up.
            let _gone = tell.send(call(state));
        }))?;
        told.recv_timeout(limit).unwrap_or_else(|error| {
            Err(match error {
                RecvTimeoutError::Timeout => Error::Late,
                RecvTimeoutError::Disconnected => gone(),
            })
        })
    }

    /// The same without a thread that waits. Whose asker has given up is not done any more.
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        limit: Duration,
        call: impl FnOnce(&mut S) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let (tell, told) = oneshot::channel();
        self.put(Box::new(move |state| {
            if !tell.is_closed() {
                let _gone = tell.send(call(state));
            }
        }))?;
        match tokio::time::timeout(limit, told).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(gone()),
            Err(_) => Err(Error::Late),
        }
    }

    fn put(&self, job: Job<S>) -> Result<(), Error> {
        self.queue.as_ref().ok_or_else(gone)?.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Error::Busy,
            TrySendError::Disconnected(_) => gone(),
        })
    }
}

impl<S> Drop for Lane<S> {
    fn drop(&mut self) {
        self.queue = None;
        let within = self.ends_within;
        let ended = self.ended.get_mut().map(|ended| ended.recv_timeout(within));
        if matches!(ended, Ok(Err(RecvTimeoutError::Disconnected))) {
            // Why a call panicked was told when it did.
            let _panicked = self.thread.take().map(JoinHandle::join);
        }
    }
}

/// The thread has ended, which only a defect makes it.
fn gone() -> Error {
    Error::Other("the thread of the token has ended".to_owned())
}

#[cfg(test)]
mod tests;
