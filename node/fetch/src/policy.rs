//! Where names lead, and whom TLS trusts.

use crate::address::is_public;
use crate::limits::MAX_LISTED;
use marque_flows::ports::fetch::FetchError;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// What a client may reach. The usual one is the public internet, and nothing that is read from anywhere
/// widens it: only code that makes a policy does.
#[derive(Debug, Clone)]
pub struct FetchPolicy {
    pub(crate) roots: Arc<RootCertStore>,
    pub(crate) names: Names,
}

/// Where names lead.
#[derive(Debug, Clone)]
pub(crate) enum Names {
    /// Where the system's resolver says; every address must be public.
    Public,
    /// These names to these loopback addresses, whatever the port; no other name anywhere.
    Loopback(Arc<BTreeMap<String, SocketAddr>>),
}

impl Default for FetchPolicy {
    /// The public internet, with the certification authorities that Mozilla trusts.
    fn default() -> Self {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Self { roots: Arc::new(roots), names: Names::Public }
    }
}

impl FetchPolicy {
    /// For tests: reaches servers on loopback addresses by these names, with certificates of `root`, and
    /// nothing else. All other rules are the usual ones.
    ///
    /// # Errors
    /// [`NotLoopback`] for any other address, or a root that is no certificate.
    pub fn with_loopback(
        hosts: BTreeMap<String, SocketAddr>,
        root: CertificateDer<'static>,
    ) -> Result<Self, NotLoopback> {
        let mut roots = RootCertStore::empty();
        roots.add(root).map_err(|_| NotLoopback)?;
        if hosts.values().all(|address| address.ip().is_loopback()) {
            Ok(Self { roots: Arc::new(roots), names: Names::Loopback(Arc::new(hosts)) })
        } else {
            Err(NotLoopback)
        }
    }
}

/// The addresses that a name leads to, if each of them is public. A name that leads inside as well as
/// outside is how names are made to change under a client that looks twice.
pub(crate) fn checked(
    addresses: impl Iterator<Item = IpAddr>,
    port: u16,
) -> Result<Vec<SocketAddr>, FetchError> {
    let mut listed = Vec::new();
    for address in addresses {
        if !is_public(address) || listed.len() == MAX_LISTED {
            return Err(FetchError::NotPublic);
        }
        listed.push(SocketAddr::new(address, port));
    }
    if listed.is_empty() { Err(FetchError::NoSuchHost) } else { Ok(listed) }
}

/// A loopback allowance that names something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotLoopback;

impl fmt::Display for NotLoopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a loopback allowance takes loopback addresses and one root certificate")
    }
}

impl std::error::Error for NotLoopback {}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(addresses: &[&str]) -> Result<Vec<SocketAddr>, FetchError> {
        checked(addresses.iter().map(|text| text.parse().unwrap()), 443)
    }

    #[test]
    fn a_name_is_refused_for_one_address_that_is_not_public() {
        assert_eq!(of(&["8.8.8.8", "2606:4700::1"]).unwrap().len(), 2);
        for inside in ["127.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"] {
            assert_eq!(of(&[inside]), Err(FetchError::NotPublic), "{inside}");
            assert_eq!(of(&["8.8.8.8", inside]), Err(FetchError::NotPublic), "{inside}");
            assert_eq!(of(&[inside, "8.8.8.8"]), Err(FetchError::NotPublic), "{inside}");
        }
        assert_eq!(of(&[]), Err(FetchError::NoSuchHost));
        assert_eq!(of(&["8.8.8.8"; MAX_LISTED + 1]), Err(FetchError::NotPublic));
    }

    #[test]
    fn an_allowance_is_of_loopback_only() {
        let hosts = |address: &str| BTreeMap::from([("a.test".to_owned(), address.parse().unwrap())]);
        let key = rcgen::generate_simple_self_signed(vec!["a.test".to_owned()]).unwrap();
        let root = key.cert.der().clone();
        for address in ["10.0.0.1:443", "8.8.8.8:443", "[::ffff:127.0.0.1]:443", "0.0.0.0:443"] {
            assert_eq!(FetchPolicy::with_loopback(hosts(address), root.clone()).err(), Some(NotLoopback));
        }
        let none = CertificateDer::from(vec![1, 2, 3]);
        assert_eq!(FetchPolicy::with_loopback(hosts("127.0.0.1:1"), none).err(), Some(NotLoopback));
        for address in ["127.0.0.1:443", "[::1]:443"] {
            assert!(FetchPolicy::with_loopback(hosts(address), root.clone()).is_ok(), "{address}");
        }
    }
}
