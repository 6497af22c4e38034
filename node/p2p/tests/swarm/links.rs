//! Links between nodes over loopback TCP: what is dialled is a relay that delays what it passes on, loses
//! some of it as TCP shows loss, by a retransmission, and can be cut.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

/// What a lost packet costs: the least time after which Linux sends it again.
const RETRANSMISSION: Duration = Duration::from_millis(200);

/// Pieces under way in one direction: more than a window of 256 KiB ever holds.
const MAX_PIECES: usize = 256;

/// How a link is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quality {
    /// One way.
    pub(crate) delay: Duration,
    /// Of so many pieces one is lost; 0, none.
    pub(crate) one_lost_of: u64,
}

/// A link from one node to another.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// What `from` dials.
    pub(crate) address: SocketAddr,
    passed: Arc<AtomicU64>,
    cut: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Link {
    pub(crate) async fn open(from: usize, to: usize, target: SocketAddr, quality: Quality) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (cut, is_cut) = watch::channel(false);
        let passed = Arc::new(AtomicU64::new(0));
        let way = Arc::new(Way { quality, chance: Chance::of(from, to), passed: Arc::clone(&passed) });
        let task = tokio::spawn(async move {
            let mut passing = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                // Whoever dials across a cut is hung up on, and tries again.
                if !*is_cut.borrow() {
                    passing.spawn(pass(near, target, Arc::clone(&way), is_cut.clone()));
                }
                while passing.try_join_next().is_some() {}
            }
        });
        Self { from, to, address, passed, cut, task }
    }

    /// Bytes that went over it, both ways.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// Hangs up on both sides, until it is healed.
    pub(crate) fn cut(&self) {
        self.cut.send_replace(true);
    }

    pub(crate) fn heal(&self) {
        self.cut.send_replace(false);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a link does to what it passes on.
struct Way {
    quality: Quality,
    chance: Chance,
    passed: Arc<AtomicU64>,
}

async fn pass(near: TcpStream, target: SocketAddr, way: Arc<Way>, mut cut: watch::Receiver<bool>) {
    let Ok(far) = TcpStream::connect(target).await else { return };
    let _set = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
    tokio::select! {
        _ = cut.wait_for(|cut| *cut) => {}
        // Each ends when its reading side does.
        _ = futures::future::join(
            one_way(near_read, far_write, &way),
            one_way(far_read, near_write, &way),
        ) => {}
    }
}

async fn one_way(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, way: &Way) {
    let (pieces, mut arriving) = mpsc::channel::<(Instant, Vec<u8>)>(MAX_PIECES);
    let read = async move {
        let mut last = Instant::now();
        loop {
            let mut piece = Vec::with_capacity(16 * 1_024);
            let read = from.read_buf(&mut piece).await.unwrap_or(0);
            if read == 0 {
                return;
            }
            way.passed.fetch_add(read as u64, Ordering::Relaxed);
            let lost = way.chance.is_lost(way.quality.one_lost_of);
            let lost = if lost { RETRANSMISSION } else { Duration::ZERO };
            // TCP keeps the order: what comes after a lost piece waits for it.
            last = last.max(Instant::now() + way.quality.delay + lost);
            if pieces.send((last, piece)).await.is_err() {
                return;
            }
        }
    };
    let write = async move {
        while let Some((at, piece)) = arriving.recv().await {
            sleep_until(at).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
    };
    futures::future::join(read, write).await;
}

/// Chance that repeats: SplitMix64.
#[derive(Debug)]
struct Chance(AtomicU64);

impl Chance {
    fn of(from: usize, to: usize) -> Self {
        Self(AtomicU64::new((from as u64) << 32 | to as u64))
    }

    fn is_lost(&self, one_of: u64) -> bool {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        one_of != 0 && (z ^ (z >> 31)).is_multiple_of(one_of)
    }
}
