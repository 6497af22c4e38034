//! Work that something else may end, at no cost to the work while nothing does.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Whether what may end the work is to be asked, and whose work it is.
#[derive(Debug)]
struct Bell {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Bell {
    fn is_for(&self, task: &Waker) {
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.clone());
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

/// What `work` comes to, or as an error what `end` does where that comes first. `end` is asked once, and then only when it asks for that:
/// not each time that the work goes on.
pub(crate) async fn unless<W: Future, E: Future>(
    mut work: Pin<&mut W>,
    end: E,
) -> Result<W::Output, E::Output> {
    let bell = Arc::new(Bell { rung: AtomicBool::new(true), task: Mutex::default() });
    let waker = Waker::from(Arc::clone(&bell));
    let mut known: Option<Waker> = None;
    tokio::pin!(end);
    poll_fn(move |context| {
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(Ok(done));
        }
        let task = context.waker();
        if known.as_ref().is_none_or(|known| !known.will_wake(task)) {
            // Before it is looked at: a bell that rings after that wakes this task.
            bell.is_for(task);
            known = Some(task.clone());
        }
        if bell.rung.load(Ordering::Acquire)
            && bell.rung.swap(false, Ordering::AcqRel)
            && let Poll::Ready(ended) = end.as_mut().poll(&mut Context::from_waker(&waker))
        {
            return Poll::Ready(Err(ended));
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests;
