//! What a node does that nobody asked for: it signs lists again, tells of forks, looks again at what was deferred.

use super::catch_up::CatchUp;
use super::own_log;
use crate::data::Data;
use marque_flows::domain::Domain;
use marque_flows::error::Error;
use marque_flows::ports::records::StoreError;
use marque_flows::shared::Heard;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// How often it is looked whether a list is due, or a fork to be told of: well below half of the shortest ttl.
const REFRESH: Duration = Duration::from_millis(500);

/// How often it is looked whether a verdict that rested on an old list can be confirmed: peers may be asked for
/// the list each time.
const CONFIRM: Duration = Duration::from_secs(10);

/// How often it is looked whether what this domain states of others is what its operator wants: each change of that
/// states it anew by itself.
const STATE: Duration = Duration::from_secs(10);

/// Whether this node does those, as far as it knows.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    held: Arc<AtomicBool>,
    fence: Gauge<i64, AtomicI64>,
}

impl Lease {
    pub(super) fn register(domain: &Domain, registry: &mut Registry) -> Self {
        let lease = Self { held: Arc::new(AtomicBool::new(!domain.is_shared())), fence: Gauge::default() };
        if domain.is_shared() {
            let help =
                "Number of the lease by which this node signs lists again; 0 where another node has it";
            registry.register("store_lease_fence", help, lease.fence.clone());
        }
        lease
    }

    fn is(&self, held: bool, fence: Option<u64>) {
        self.held.store(held, Ordering::Relaxed);
        self.fence.set(fence.and_then(|fence| i64::try_from(fence).ok()).unwrap_or(0));
    }

    fn is_held(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }
}

/// Signs by the newest version of the domain's log, signs the domain's lists again before they grow old, and tells of
/// forks that were seen and whom the domain recognises, until the node stops; of several nodes that share a store the
/// one with the lease. Each hears of what the others did.
pub(super) async fn refresh(
    domain: Arc<Domain>,
    data: Data,
    (lease, catch_up): (Lease, Arc<CatchUp>),
    stopped: impl Future<Output = ()>,
) {
    tokio::pin!(stopped);
    let mut duties = match domain.duties() {
        Ok(duties) => duties,
        Err(error) => return tracing::error!(%error, "lists will not be signed again"),
    };
    let (mut heard, mut kept) = (Heard::default(), String::new());
    let mut stated = Instant::now();
    loop {
        tokio::select! {
            () = &mut stopped => break,
            () = tokio::time::sleep(REFRESH) => {}
        }
        let is_on_duty = domain.on_duty(&mut duties).await.unwrap_or_else(|error| {
            tracing::error!(%error, "it is not known which node signs lists again");
            false
        });
        lease.is(is_on_duty, duties.fence());
        own_log::follow(&domain, &data, &mut kept).await;
        let is_on_duty = is_on_duty && catch_up.is_done();
        if is_on_duty && let Err(error) = domain.refresh_lists().await {
            tracing::error!(%error, "a status list could not be signed again");
        }
        if is_on_duty && let Err(error) = domain.tell_forks().await {
            tracing::error!(%error, "the others could not be told of a fork");
        }
        if is_on_duty && let Err(error) = domain.seal_again().await {
            tracing::error!(%error, "what an older key of the domain sealed could not be sealed anew");
        }
        if is_on_duty && stated.elapsed() >= STATE {
            stated = Instant::now();
            match domain.state_recognitions().await {
                // Another node of this domain was faster.
                Ok(()) | Err(Error::Store(StoreError::Conflict(_))) => {}
                Err(error) => {
                    tracing::error!(%error, "the others could not be told whom this domain recognises");
                }
            }
        }
        if let Err(error) = domain.hear(&mut heard).await {
            tracing::error!(%error, "what other nodes of this domain did is not known");
        }
    }
    lease.is(false, None);
    if let Err(error) = domain.off_duty(&mut duties).await {
        tracing::warn!(%error, "another node has to wait for the lease");
    }
}

/// Looks again at what was deferred, until the node stops. It waits for others, and nothing waits for it.
pub(super) async fn confirm(domain: Arc<Domain>, lease: Lease, stopped: impl Future<Output = ()>) {
    tokio::pin!(stopped);
    let mut after = None;
    loop {
        let turn = async {
            tokio::time::sleep(CONFIRM).await;
            if !lease.is_held() {
                return Ok(None);
            }
            domain.confirm_deferred(after.take()).await
        };
        after = tokio::select! {
            () = &mut stopped => return,
            next = turn => next.unwrap_or_else(|error| {
                tracing::error!(%error, "verdicts that rested on old lists could not be looked at again");
                None
            }),
        };
    }
}
