//! The client: places, a name, an address, TLS, and one exchange, all under one deadline.

use crate::exchange;
use crate::lanes::Lanes;
use crate::limits::{
    CONNECT_TIMEOUT, MAX_ADDRESSES, MAX_BYTES, MAX_LOOKUPS, MAX_OPEN, MAX_PER_ADDRESS, MAX_PER_HOST,
    MAX_TIME, MAX_UNDER_WAY,
};
use crate::policy::{FetchPolicy, Names, checked};
use crate::target::Target;
use futures::future::BoxFuture;
use marque_flows::ports::fetch::{Fetch, FetchError, Fetched, Wanted};
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Fetches by a policy.
pub struct Client {
    names: Names,
    tls: TlsConnector,
    /// Places for all that wait or work.
    under_way: Semaphore,
    hosts: Lanes<String>,
    addresses: Lanes<IpAddr>,
    /// Places for connections.
    open: Semaphore,
    /// Places for names that are looked up.
    lookups: Arc<Semaphore>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Client {
    /// With this policy.
    ///
    /// # Errors
    /// [`NoTls`].
    pub fn new(policy: FetchPolicy) -> Result<Self, NoTls> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().map_err(|_| NoTls)?;
        let mut config = config.with_root_certificates(policy.roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A ticket would let a host know this node again.
        config.resumption = Resumption::disabled();
        Ok(Self {
            names: policy.names,
            tls: TlsConnector::from(Arc::new(config)),
            under_way: Semaphore::new(MAX_UNDER_WAY),
            hosts: Lanes::new(MAX_PER_HOST),
            addresses: Lanes::new(MAX_PER_ADDRESS),
            open: Semaphore::new(MAX_OPEN),
            lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)),
        })
    }

    async fn bounded(&self, wanted: Wanted) -> Result<Fetched, FetchError> {
        let target = Target::read(&wanted.url)?;
        let _place = self.under_way.try_acquire().map_err(|_| FetchError::Busy)?;
        let fetched =
            timeout(wanted.within.min(MAX_TIME), self.get(&target, wanted.max_bytes.min(MAX_BYTES)));
        fetched.await.unwrap_or(Err(FetchError::Late))
    }

    /// Waits for places in an order in which nobody who waits for a host holds what others need.
    async fn get(&self, target: &Target, max_bytes: usize) -> Result<Fetched, FetchError> {
        let _host = self.hosts.enter(target.host.clone()).await;
        let mut last = FetchError::NoSuchHost;
        for address in self.addresses_of(target).await?.into_iter().take(MAX_ADDRESSES) {
            let _address = self.addresses.enter(address.ip()).await;
            let _open = self.open.acquire().await;
            // This very address, and no other look at the name.
            match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return self.over(stream, target, max_bytes).await,
                Ok(Err(error)) => tracing::debug!(%address, %error, "not connected"),
                Err(_) => tracing::debug!(%address, "not connected in time"),
            }
            last = FetchError::Unreachable;
        }
        Err(last)
    }

    async fn over(
        &self,
        stream: TcpStream,
        target: &Target,
        max_bytes: usize,
    ) -> Result<Fetched, FetchError> {
        let name = ServerName::try_from(target.host.clone()).map_err(|_| FetchError::Url)?;
        let stream = self.tls.connect(name, stream).await.map_err(|error| {
            tracing::debug!(host = target.host, %error, "no TLS");
            // What TLS itself finds wrong comes as this kind.
            match error.kind() {
                std::io::ErrorKind::InvalidData => FetchError::Untrusted,
                _ => FetchError::Broken,
            }
        })?;
        exchange::get(stream, target, max_bytes).await
    }

    async fn addresses_of(&self, target: &Target) -> Result<Vec<SocketAddr>, FetchError> {
        match &self.names {
            Names::Loopback(hosts) => hosts.get(&target.host).map(|a| vec![*a]).ok_or(FetchError::NoSuchHost),
            Names::Public if target.is_reserved() => Err(FetchError::NotPublic),
            Names::Public => self.look_up(target).await,
        }
    }

    async fn look_up(&self, target: &Target) -> Result<Vec<SocketAddr>, FetchError> {
        // The dot at its end keeps the system from trying the name below its own domains.
        let (name, port) = (format!("{}.", target.host), target.port);
        let place = Arc::clone(&self.lookups).acquire_owned().await.map_err(|_| FetchError::Busy)?;
        let looking = tokio::task::spawn_blocking(move || {
            let found = (name.as_str(), port).to_socket_addrs();
            // Only now: the thread goes on when nobody waits for it any more.
            drop(place);
            found
        });
        match looking.await {
            Ok(Ok(found)) => checked(found.map(|address| address.ip()), port),
            Ok(Err(error)) => {
                tracing::debug!(host = target.host, %error, "the name was not found");
                Err(FetchError::NoSuchHost)
            }
            Err(_) => Err(FetchError::NoSuchHost),
        }
    }
}

impl Fetch for Client {
    fn fetch(&self, wanted: Wanted) -> BoxFuture<'_, Result<Fetched, FetchError>> {
        Box::pin(self.bounded(wanted))
    }
}

/// The cryptography of this build has no safe version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoTls;

impl fmt::Display for NoTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no safe version of TLS to be had")
    }
}

impl std::error::Error for NoTls {}
