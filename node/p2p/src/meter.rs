//! What a peer sends and gets, in bytes, how fast it may send, and how much judgement it may cost for
//! nothing (MESH.md D10).
//!
//! Bytes are counted below the multiplexer, so that its own frames count too; of QUIC, which is both in one,
//! those of its streams. A peer that is over its budget is
//! not read from for as long as it takes: TCP tells it to wait. Nobody is punished for being quick.

use crate::budget::Budget;
use crate::limits::{
    MAX_METERS, MEMBER_BYTES_BURST, MEMBER_BYTES_PER_SECOND, STRANGER_BYTES_BURST, STRANGER_BYTES_PER_SECOND,
    VAIN_MS_BURST, VAIN_MS_PER_SECOND,
};
use futures::io::{AsyncRead, AsyncWrite};
use libp2p::PeerId;
use libp2p::core::UpgradeInfo;
use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent};
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade};
use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// One peer's meter, of all its connections together.
#[derive(Debug)]
pub struct Meter {
    began: Instant,
    budget: Mutex<Budget>,
    /// Milliseconds of judgement for nothing.
    vain: Mutex<Budget>,
    received: AtomicU64,
    sent: AtomicU64,
}

/// A lock is held for a few instructions that do not panic; what it guards is whole in any case.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Meter {
    fn new() -> Self {
        let budget = Budget::new(STRANGER_BYTES_BURST, STRANGER_BYTES_PER_SECOND);
        let (budget, vain) = (Mutex::new(budget), Mutex::new(Budget::new(VAIN_MS_BURST, VAIN_MS_PER_SECOND)));
        Self { began: Instant::now(), budget, vain, received: AtomicU64::new(0), sent: AtomicU64::new(0) }
    }

    fn mono(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// How long not to read, if at all.
    fn wait(&self) -> Option<Duration> {
        let wait = locked(&self.budget).wait_ms(self.mono());
        (wait > 0).then(|| Duration::from_millis(wait))
    }

    fn received(&self, bytes: usize) {
        let bytes = bytes as u64;
        self.received.fetch_add(bytes, Ordering::Relaxed);
        locked(&self.budget).spend(bytes, self.mono());
    }

    /// Bytes that came from it.
    #[must_use]
    pub fn bytes_received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Bytes that went to it.
    #[must_use]
    pub fn bytes_sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Makes the budget that of an admitted peer, or that of any other.
    pub fn admit(&self, admitted: bool) {
        let (burst, per_second) = if admitted {
            (MEMBER_BYTES_BURST, MEMBER_BYTES_PER_SECOND)
        } else {
            (STRANGER_BYTES_BURST, STRANGER_BYTES_PER_SECOND)
        };
        locked(&self.budget).change(burst, per_second, self.mono());
    }

    /// Notes that judging something of it took so long and came to nothing.
    pub fn judged_in_vain(&self, took: Duration) {
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
        locked(&self.vain).spend(ms, self.mono());
    }

    /// Whether nothing more of it is judged for the moment.
    #[must_use]
    pub fn is_overdrawn(&self) -> bool {
        locked(&self.vain).wait_ms(self.mono()) > 0
    }

    fn is_full(&self) -> bool {
        let now = self.mono();
        locked(&self.budget).is_full(now) && locked(&self.vain).is_full(now)
    }
}

/// The meters of all peers. One is kept after its peer went until its budget is full again: who comes
/// back at once has not got a new one.
#[derive(Debug, Clone, Default)]
pub struct Meters(Arc<Mutex<HashMap<PeerId, Arc<Meter>>>>);

impl Meters {
    /// The meter of a peer.
    #[must_use]
    pub fn of(&self, peer: PeerId) -> Arc<Meter> {
        let mut meters = locked(&self.0);
        if !meters.contains_key(&peer) && meters.len() >= MAX_METERS {
            meters.retain(|_, meter| Arc::strong_count(meter) > 1 || !meter.is_full());
            // Connections are fewer: what is left beyond them is of peers that are gone.
            if meters.len() >= MAX_METERS {
                meters.retain(|_, meter| Arc::strong_count(meter) > 1);
            }
        }
        Arc::clone(meters.entry(peer).or_insert_with(|| Arc::new(Meter::new())))
    }
}

/// A multiplexer over connections that are metered.
#[derive(Debug, Clone)]
pub struct Metered<U> {
    inner: U,
    meter: Arc<Meter>,
}

impl<U> Metered<U> {
    /// `inner`, over a connection of the meter's peer.
    pub const fn new(inner: U, meter: Arc<Meter>) -> Self {
        Self { inner, meter }
    }
}

impl<U: UpgradeInfo> UpgradeInfo for Metered<U> {
    type Info = U::Info;
    type InfoIter = U::InfoIter;

    fn protocol_info(&self) -> Self::InfoIter {
        self.inner.protocol_info()
    }
}

impl<C, U: InboundConnectionUpgrade<Counted<C>>> InboundConnectionUpgrade<C> for Metered<U> {
    type Output = U::Output;
    type Error = U::Error;
    type Future = U::Future;

    fn upgrade_inbound(self, socket: C, info: Self::Info) -> Self::Future {
        self.inner.upgrade_inbound(Counted::new(socket, self.meter), info)
    }
}

impl<C, U: OutboundConnectionUpgrade<Counted<C>>> OutboundConnectionUpgrade<C> for Metered<U> {
    type Output = U::Output;
    type Error = U::Error;
    type Future = U::Future;

    fn upgrade_outbound(self, socket: C, info: Self::Info) -> Self::Future {
        self.inner.upgrade_outbound(Counted::new(socket, self.meter), info)
    }
}

/// The streams of a connection that brings its own multiplexer, metered.
#[derive(Debug)]
pub struct MeteredStreams<M> {
    inner: M,
    meter: Arc<Meter>,
}

impl<M> MeteredStreams<M> {
    /// `inner`, a connection of the meter's peer.
    pub const fn new(inner: M, meter: Arc<Meter>) -> Self {
        Self { inner, meter }
    }
}

impl<M> StreamMuxer for MeteredStreams<M>
where
    M: StreamMuxer + Unpin,
    M::Substream: Unpin,
{
    type Substream = Counted<M::Substream>;
    type Error = M::Error;

    fn poll_inbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Counted<M::Substream>, M::Error>> {
        let stream = ready!(Pin::new(&mut self.inner).poll_inbound(cx))?;
        Poll::Ready(Ok(Counted::new(stream, Arc::clone(&self.meter))))
    }

    fn poll_outbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Counted<M::Substream>, M::Error>> {
        let stream = ready!(Pin::new(&mut self.inner).poll_outbound(cx))?;
        Poll::Ready(Ok(Counted::new(stream, Arc::clone(&self.meter))))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), M::Error>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<StreamMuxerEvent, M::Error>> {
        Pin::new(&mut self.inner).poll(cx)
    }
}

/// A connection, or a stream of one, that is counted, and not read from while its peer is over its budget.
#[derive(Debug)]
pub struct Counted<C> {
    inner: C,
    meter: Arc<Meter>,
    /// Until when nothing is read.
    pause: Option<Pin<Box<Sleep>>>,
}

impl<C> Counted<C> {
    const fn new(inner: C, meter: Arc<Meter>) -> Self {
        Self { inner, meter, pause: None }
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Counted<C> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            match self.meter.wait() {
                Some(wait) => self.pause = Some(Box::pin(tokio::time::sleep(wait))),
                None => break,
            }
        }
        let read = ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        self.meter.received(read);
        Poll::Ready(Ok(read))
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Counted<C> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes))?;
        self.meter.sent.fetch_add(written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}

#[cfg(test)]
mod tests;
