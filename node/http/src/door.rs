//! Who asks at the public listener, by address, and how often each may.
//!
//! The address is that of the connection. Only where that is one of the operator's proxies is `X-Forwarded-For` read,
//! from its end, past further proxies of the operator: what a caller wrote there itself comes before that, and
//! chooses nothing.

use axum::http::{HeaderMap, HeaderName};
use marque_flows::rates::Rates;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Most proxies in a row that are passed over.
const MAX_FORWARDS: usize = 16;

/// What of an IPv6 address one subscriber is given: RFC 6177.
const SUBSCRIBER: u128 = !(u64::MAX as u128);

/// Whether an address is that of a proxy of the operator.
pub type Proxies = dyn Fn(IpAddr) -> bool + Send + Sync;

/// From where a request came: the other end of its connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller(pub(crate) SocketAddr);

/// A request is one too many of its address, which is to wait so long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TooOften(pub(crate) Duration);

/// The limit on addresses.
pub struct Door {
    /// Whether there is a limit at all, for whoever would not look further.
    is_open: AtomicBool,
    rates: Rates,
    proxies: RwLock<Arc<Proxies>>,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("rates", &self.rates).finish_non_exhaustive()
    }
}

impl Door {
    /// So many requests a minute of one address; 0 is no limit.
    #[must_use]
    pub fn new(per_minute: u32, proxies: Arc<Proxies>) -> Self {
        let (is_open, rates) = (AtomicBool::new(per_minute == 0), Rates::new(per_minute));
        Self { is_open, rates, proxies: RwLock::new(proxies) }
    }

    /// From now on.
    pub fn set(&self, per_minute: u32, proxies: Arc<Proxies>) {
        self.rates.set(per_minute);
        self.is_open.store(per_minute == 0, Ordering::Relaxed);
        *self.proxies.write().unwrap_or_else(PoisonError::into_inner) = proxies;
    }

    /// How many addresses are told apart at present.
    pub(crate) fn told_apart(&self) -> usize {
        self.rates.told_apart()
    }

    /// Counts a request.
    ///
    /// # Errors
    /// How long its address is to wait.
    pub(crate) fn enter(&self, caller: Caller, headers: &HeaderMap) -> Result<(), Duration> {
        if self.is_open.load(Ordering::Relaxed) {
            return Ok(());
        }
        let proxies = self.proxies.read().unwrap_or_else(PoisonError::into_inner);
        let client = client(caller.0.ip().to_canonical(), headers, &**proxies);
        drop(proxies);
        match client {
            Some(address) => self.rates.take(subscriber(address)),
            None => Ok(()),
        }
    }
}

/// Who asks; `None` is a program on this machine that forwards for nobody.
fn client(from: IpAddr, headers: &HeaderMap, proxies: &Proxies) -> Option<IpAddr> {
    if !proxies(from) {
        return Some(from);
    }
    let mut named =
        headers.get_all(const { HeaderName::from_static("x-forwarded-for") }).iter().rev().peekable();
    if named.peek().is_none() && from.is_loopback() {
        return None;
    }
    let texts = named.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b','));
    for text in texts.take(MAX_FORWARDS) {
        match address(text) {
            Some(address) if proxies(address) => {}
            Some(address) => return Some(address),
            // A proxy that writes what is none speaks for itself.
            None => break,
        }
    }
    Some(from)
}

/// An address as proxies write it, with a port or without.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

/// What one subscriber has: an IPv4 address, or 64 bits of an IPv6 address.
fn subscriber(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & SUBSCRIBER)),
    }
}

#[cfg(test)]
mod tests;
