//! What every handler has: the domain, what is known of the node, and the counters.

use crate::answers::Answers;
use crate::auth::AdminToken;
use crate::door::Door;
use crate::limits::MAX_WATCHERS;
use crate::metrics::Metrics;
use axum::http::HeaderValue;
use did_resolver::codec;
use marque_flows::domain::Domain;
use prometheus_client::registry::Registry;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::Semaphore;

/// Digits of the name of a run.
const RUN_DIGITS: usize = 12;

/// Digits of the largest number of a request.
const MAX_DIGITS: usize = 20;

/// What a node says of itself, beside what its domain knows.
#[derive(Debug, Clone)]
pub struct NodeInfo {
    /// The program's version.
    pub version: &'static str,
    /// Its libp2p PeerId, as text.
    pub peer_id: String,
    /// Its addresses as `{"public": ..., "admin": ..., "health": ..., "p2p": [...]}`.
    pub listeners: Value,
    /// The multiaddrs, each with the PeerId at its end, that stand in the tokens it gives out.
    pub addresses: Vec<String>,
}

/// What the three faces share.
#[derive(Debug)]
pub struct Faces {
    /// The domain.
    pub domain: Arc<Domain>,
    /// The node.
    pub info: NodeInfo,
    /// What the admin listener asks for.
    pub admin_token: AdminToken,
    /// How often each address may ask.
    pub door: Arc<Door>,
    /// What `/metrics` shows, complete.
    pub registry: Registry,
    /// The faces' own counters, a part of `registry`.
    pub metrics: Metrics,
    /// Names of requests.
    pub requests: RequestIds,
    /// Places for those who watch what happens.
    pub watchers: Watchers,
    /// Whether the node stops, and wants no more requests.
    pub stopping: Stopping,
    /// Answers about DIDs that are kept.
    pub answers: Answers,
}

/// Whether the node stops.
#[derive(Debug, Default)]
pub struct Stopping(AtomicBool);

impl Stopping {
    pub(crate) fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Names requests: a name of this run and a number.
#[derive(Debug)]
pub struct RequestIds {
    run: String,
    next: AtomicU64,
}

/// Places for those who watch what happens.
#[derive(Debug, Clone)]
pub struct Watchers(pub(crate) Arc<Semaphore>);

impl Default for Watchers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_WATCHERS)))
    }
}

impl RequestIds {
    /// `run` differs from run to run, so that two runs' logs can lie in one place. It is no secret.
    #[must_use]
    pub fn new(run: [u8; 6]) -> Self {
        Self { run: codec::to_hex(&run), next: AtomicU64::new(1) }
    }

    pub(crate) fn name(&self) -> RequestId<'_> {
        RequestId { run: &self.run, number: self.next.fetch_add(1, Ordering::Relaxed) }
    }
}

/// The name of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestId<'a> {
    run: &'a str,
    number: u64,
}

impl fmt::Display for RequestId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.run, self.number)
    }
}

impl RequestId<'_> {
    /// As `x-request-id` says it.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        // Hexadecimal digits, a dash, and decimal digits: from the end to the start.
        let mut text = [0; RUN_DIGITS + 1 + MAX_DIGITS];
        let mut free = text.iter_mut().rev();
        let mut number = self.number;
        loop {
            *free.next()? = u8::try_from(number % 10).ok()?.checked_add(b'0')?;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        *free.next()? = b'-';
        for digit in self.run.bytes().rev() {
            *free.next()? = digit;
        }
        let start = free.len();
        HeaderValue::from_bytes(text.get(start..)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_one_name_in_the_log_and_in_its_answer() {
        let requests = RequestIds::new([0, 1, 2, 3, 0xfe, 0xff]);
        for number in [1, 9, 10, 99, 100, 12_345, u64::MAX - 1, u64::MAX] {
            requests.next.store(number, Ordering::Relaxed);
            let name = requests.name();
            assert_eq!(name.header().unwrap(), name.to_string().as_str());
            assert_eq!(name.to_string(), format!("00010203feff-{number}"));
        }
    }
}
