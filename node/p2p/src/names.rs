//! Addresses by name, `/dns/…`, `/dns4/…` and `/dns6/…`: the operating system looks the name up each time
//! that it is dialled. Who answers there proves its PeerId in any case, so a resolver that lies can keep a
//! node away from a peer, and no more.

use crate::limits::MAX_ADDRESSES_OF_A_NAME;
use futures::future::BoxFuture;
use libp2p::Multiaddr;
use libp2p::core::transport::{DialOpts, ListenerId, Transport, TransportError, TransportEvent};
use libp2p::multiaddr::Protocol;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

/// A transport that dials names too.
#[derive(Debug)]
pub(crate) struct Names<T>(Arc<Mutex<T>>);

impl<T> Names<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self(Arc::new(Mutex::new(inner)))
    }
}

/// The lock is held for one call of the transport; what it guards is whole in any case.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Which addresses of a name are wanted.
type Wanted = fn(&IpAddr) -> bool;

/// The name that an address begins with, and which addresses of it are wanted.
fn name(address: &Multiaddr) -> Option<(String, Wanted)> {
    match address.iter().next()? {
        Protocol::Dns(name) => Some((name.into_owned(), |_| true)),
        Protocol::Dns4(name) => Some((name.into_owned(), IpAddr::is_ipv4)),
        Protocol::Dns6(name) => Some((name.into_owned(), IpAddr::is_ipv6)),
        _ => None,
    }
}

/// The address with an IP address in the place of its name.
fn at(address: &Multiaddr, ip: IpAddr) -> Multiaddr {
    std::iter::once(Protocol::from(ip)).chain(address.iter().skip(1)).collect()
}

impl<T> Transport for Names<T>
where
    T: Transport<Error = io::Error> + Send + Unpin + 'static,
    T::Dial: Send + 'static,
{
    type Output = T::Output;
    type Error = io::Error;
    type ListenerUpgrade = T::ListenerUpgrade;
    type Dial = BoxFuture<'static, Result<T::Output, io::Error>>;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<io::Error>> {
        locked(&self.0).listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        locked(&self.0).remove_listener(id)
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        options: DialOpts,
    ) -> Result<Self::Dial, TransportError<io::Error>> {
        let Some((name, wanted)) = name(&address) else {
            return Ok(Box::pin(locked(&self.0).dial(address, options)?));
        };
        let inner = Arc::clone(&self.0);
        Ok(Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip());
            let found: Vec<IpAddr> = found.filter(wanted).take(MAX_ADDRESSES_OF_A_NAME).collect();
            let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no such address");
            for ip in found {
                let dialling = locked(&inner).dial(at(&address, ip), options);
                match dialling {
                    Ok(dialling) => match dialling.await {
                        Ok(connection) => return Ok(connection),
                        Err(error) => last = error,
                    },
                    Err(TransportError::Other(error)) => last = error,
                    Err(TransportError::MultiaddrNotSupported(_)) => {
                        last = io::Error::new(
                            io::ErrorKind::Unsupported,
                            "not an address of a transport that is spoken",
                        );
                    }
                }
            }
            Err(last)
        }))
    }

    fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        Pin::new(&mut *locked(&self.0)).poll(cx)
    }
}
