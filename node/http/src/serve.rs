//! HTTP/1.1 (RFC 9112) on three listeners that were bound before, with bounds on connections, heads
//! and time, until it is told to stop.

use crate::door::Caller;
use crate::faces::Faces;
use crate::front::Front;
use crate::heads::{Heads, Stream};
use crate::limits::{CONNECTION_LIFE, DRAIN, HEAD_TIMEOUT, MAX_CONNECTIONS, MAX_HEAD_BYTES};
use crate::routes::Routers;
use crate::unless::unless;
use crate::work::Work;
use futures::FutureExt as _;
use futures::future::join_all;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long nothing is accepted after accepting failed: the usual cause is too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long what was sent before is waited for, where a connection is to end: from one end of the world to the other.
const LAST_WORD: Duration = Duration::from_millis(200);

/// The sockets, bound and listening.
#[derive(Debug)]
pub struct Listeners {
    /// For anybody; a node may do without.
    pub public: Option<TcpListener>,
    /// For who has the admin token.
    pub admin: TcpListener,
    /// For who watches the node.
    pub health: TcpListener,
}

/// Serves until `shutdown` resolves. Then it is told that the node is not ready any more, nothing more is accepted but
/// what waits already, and requests may end for [`DRAIN`], also those whose connection is gone; who watches is served
/// until they have, and this returns.
pub async fn serve(faces: Arc<Faces>, listeners: Listeners, shutdown: impl Future<Output = ()>) {
    let routers = Routers::new(&faces);
    let (stop, stopped) = watch::channel(false);
    let (stop_watching, no_watching) = watch::channel(false);
    let (mut working, mut watching) = (JoinSet::new(), JoinSet::new());
    if let Some(public) = listeners.public {
        working.spawn(accept(public, Front::open(routers.public, &faces), stopped.clone()));
    }
    working.spawn(accept(listeners.admin, Front::closed(routers.admin), stopped));
    watching.spawn(accept(listeners.health, Front::closed(routers.health), no_watching));
    tokio::select! {
        () = shutdown => {}
        _ = working.join_next() => tracing::error!("a listener ended by itself"),
        _ = watching.join_next() => tracing::error!("a listener ended by itself"),
    }
    faces.stopping.begin();
    stop.send_replace(true);
    let until = Instant::now() + DRAIN;
    while working.join_next().await.is_some() {}
    let done = join_all(routers.works.iter().map(Work::is_done));
    if tokio::time::timeout_at(until, done).await.is_err() {
        tracing::warn!("requests were cut off at shutdown");
    }
    stop_watching.send_replace(true);
    while watching.join_next().await.is_some() {}
}

async fn accept(listener: TcpListener, front: Front, mut stopped: watch::Receiver<bool>) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => break,
            Some(_) = connections.join_next() => continue,
            accepted = next(&listener, &slots) => accepted,
        };
        match accepted {
            Some((stream, caller, slot)) => {
                connections.spawn(connection(stream, (front.clone(), caller), stopped.clone(), USUAL, slot));
            }
            None => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
    // Who is connected by now has asked already, or is about to.
    while let Some(Some((stream, caller, slot))) = next(&listener, &slots).now_or_never() {
        connections.spawn(connection(stream, (front.clone(), caller), stopped.clone(), USUAL, slot));
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        tracing::warn!("connections were cut off at shutdown");
    }
}

/// The next connection, once there is a slot for it.
async fn next(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, Caller, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, from)) => Some((stream, Caller(from), slot)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            None
        }
    }
}

/// How long things may take on a connection.
#[derive(Clone, Copy)]
struct Times {
    head: Duration,
    life: Duration,
}

const USUAL: Times = Times { head: HEAD_TIMEOUT, life: CONNECTION_LIFE };

/// How a connection ends, where the other end does not end it.
enum End {
    /// What was asked is answered first.
    InOrder,
    Now,
}

/// One connection, for its life at most.
async fn connection(
    stream: TcpStream,
    (front, caller): (Front, Caller),
    mut stopped: watch::Receiver<bool>,
    times: Times,
    _slot: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "small answers may be late");
    }
    let heads = Heads::new();
    let front = front.of(caller, heads.clone());
    let stream = Stream { inner: TokioIo::new(stream), heads: heads.clone() };
    let serving = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(stream, front);
    tokio::pin!(serving);
    let end = async {
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => End::InOrder,
            () = tokio::time::sleep(times.life) => End::InOrder,
            () = heads.late(times.head) => End::Now,
        }
    };
    let ended = match unless(serving.as_mut(), end).await {
        Ok(ended) => ended,
        Err(End::Now) => return tracing::debug!("a connection ended early: no whole head came in time"),
        Err(End::InOrder) => {
            // What was sent by now is heard first: without that a connection that asked nothing yet is closed.
            let heard = tokio::time::timeout(LAST_WORD, serving.as_mut()).await;
            if let Ok(ended) = heard {
                return ended.unwrap_or_else(|error| tracing::debug!(%error, "a connection ended early"));
            }
            serving.as_mut().graceful_shutdown();
            tokio::time::timeout(DRAIN, serving).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

#[cfg(test)]
mod tests;
