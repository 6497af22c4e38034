//! How long a head may take, for one connection, the wait for it included. It begins with the connection, and again
//! once an answer is out; it ends with the call of the service. All of that is noted on the way, and one timer looks
//! at the notes: a request that comes in time sets none and ends none.

use hyper::rt::{Read, ReadBufCursor, Write};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// A head came, and its answer is being made or given.
const ANSWERING: u64 = u64::MAX;

/// The answer was given to the connection, and not all of it has left.
const ANSWERED: u64 = u64::MAX - 1;

/// What a connection waits for. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Heads(Arc<Notes>);

#[derive(Debug)]
struct Notes {
    began: Instant,
    /// Since when a head is waited for, in nanoseconds since it began; or [`ANSWERING`] or [`ANSWERED`].
    since: AtomicU64,
}

impl Heads {
    /// From now on the first head is waited for.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Notes { began: Instant::now(), since: AtomicU64::new(0) }))
    }

    /// A head came. Its answer is out once what is returned is no more, and all was written.
    pub(crate) fn came(&self) -> Answering {
        self.0.since.store(ANSWERING, Ordering::Relaxed);
        Answering(self.clone())
    }

    /// Returns once a head has been waited for for so long.
    pub(crate) async fn late(&self, timeout: Duration) {
        while let Some(left) = self.0.left(self.0.began.elapsed(), timeout) {
            tokio::time::sleep(left).await;
        }
    }
}

impl Notes {
    /// All that was to be written is.
    fn flushed(&self, now: impl FnOnce() -> Duration) {
        if self.since.load(Ordering::Relaxed) == ANSWERED {
            let since = u64::try_from(now().as_nanos()).unwrap_or(u64::MAX).min(ANSWERED - 1);
            self.since.store(since, Ordering::Relaxed);
        }
    }

    /// How long no head can be late; `None` where one is.
    fn left(&self, now: Duration, timeout: Duration) -> Option<Duration> {
        let waited = match self.since.load(Ordering::Relaxed) {
            // The next wait begins later than this moment.
            ANSWERING | ANSWERED => Duration::ZERO,
            since => now.saturating_sub(Duration::from_nanos(since)),
        };
        timeout.checked_sub(waited).filter(|left| !left.is_zero())
    }
}

/// An answer that is not out yet.
#[derive(Debug)]
pub(crate) struct Answering(Heads);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.since.store(ANSWERED, Ordering::Relaxed);
    }
}

/// A stream on which it is noted when all that was to be written is.
#[derive(Debug)]
pub(crate) struct Stream<S> {
    pub(crate) inner: S,
    pub(crate) heads: Heads,
}

impl<S: Read + Unpin> Read for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: Write + Unpin> Write for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    /// hyper asks for this once it has nothing more to write.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.heads.0.flushed(|| self.heads.0.began.elapsed());
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, buffers)
    }
}

#[cfg(test)]
mod tests;
