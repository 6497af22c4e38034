//! What this node itself gives and takes in a peer's score (MESH.md D5): P5, for peers that are known
//! anyway, and P6, for too many behind one address. And which peers form a full mesh. Pure.
//!
//! P6 is reckoned here and handed to gossipsub as part of P5, for three reasons: nodes of one cluster
//! or one NAT are exempt by network and not by single address; of IPv6 a /64 is one address, since
//! whoever has one has all of it; and the part of the score that is a peer's own doing stays known, so
//! that nobody is banned for the company behind its address.

use crate::score::{KNOWN, MESH_HIGH};
use libp2p::PeerId;
use marque_rules::replica::Scid;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// Peers behind one address that are nothing to worry about.
const COLOCATED: usize = 5;

/// P6, for the square of those beyond.
const P6_WEIGHT: f64 = -100.0;

/// Bits of an IPv6 address that are one customer.
const V6_PREFIX: u8 = 64;

/// Largest number of peers that all forward to each other, instead of forming a mesh: the most that a
/// mesh would have.
pub const MAX_FULL_MESH: usize = MESH_HIGH;

/// A network behind which many nodes are no attack: an address, or a prefix such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// Not an address or prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadNetwork;

impl fmt::Display for BadNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an IP address or a prefix such as 10.0.0.0/8")
    }
}

impl std::error::Error for BadNetwork {}

impl FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| BadNetwork)?;
        let most = width(&address);
        let bits = bits.map_or(Ok(most), |bits| bits.parse::<u8>().map_err(|_| BadNetwork))?;
        if bits > most {
            return Err(BadNetwork);
        }
        Ok(Self { address, bits })
    }
}

impl Network {
    /// Whether an address lies in it.
    #[must_use]
    pub fn contains(&self, address: &IpAddr) -> bool {
        masked(&self.address, self.bits) == masked(&canonical(*address), self.bits)
    }
}

const fn width(address: &IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The first bits of an address, and which kind it is.
fn masked(address: &IpAddr, bits: u8) -> (bool, u128) {
    let (v4, value) = match address {
        IpAddr::V4(ip) => (true, u128::from(u32::from(*ip)) << 96),
        IpAddr::V6(ip) => (false, u128::from(*ip)),
    };
    let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
    (v4, value & mask)
}

/// An IPv4 address that is written as IPv6 is the IPv4 address.
fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// What counts as one address.
fn place(address: IpAddr) -> IpAddr {
    match canonical(address) {
        IpAddr::V6(ip) => {
            let (_, prefix) = masked(&IpAddr::V6(ip), V6_PREFIX);
            IpAddr::V6(Ipv6Addr::from(prefix))
        }
        v4 => v4,
    }
}

/// An admitted peer, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its domain.
    pub domain: Scid,
    /// From where it is connected, where that is an address of its own and not a relay's.
    pub address: Option<IpAddr>,
    /// Whether the configuration names it.
    pub anchor: bool,
}

/// What a peer gets.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Credit {
    /// Whether it belongs to the full mesh.
    pub explicit: bool,
    /// P5 and P6 together.
    pub score: f64,
}

/// The credit of every admitted peer of a node of the domain `own`. All of them are a full mesh while
/// there are few; after that those of the own domain are, while they are few.
#[must_use]
pub fn credits(peers: &BTreeMap<PeerId, Known>, own: &Scid, exempt: &[Network]) -> BTreeMap<PeerId, Credit> {
    let of_own = peers.values().filter(|known| known.domain == *own).count();
    let explicit =
        |known: &Known| peers.len() <= MAX_FULL_MESH || (known.domain == *own && of_own <= MAX_FULL_MESH);
    let counted = |known: &Known| {
        known.address.filter(|address| !exempt.iter().any(|network| network.contains(address))).map(place)
    };
    let mut behind: BTreeMap<IpAddr, BTreeSet<PeerId>> = BTreeMap::new();
    for (peer, known) in peers {
        if let Some(place) = counted(known) {
            behind.entry(place).or_default().insert(*peer);
        }
    }
    let credit = |known: &Known| {
        let explicit = explicit(known);
        let together = counted(known).and_then(|place| behind.get(&place)).map_or(0, BTreeSet::len);
        let surplus = u32::try_from(together.saturating_sub(COLOCATED)).map_or(f64::MAX, f64::from);
        let known = if explicit || known.anchor { KNOWN } else { 0.0 };
        Credit { explicit, score: known + surplus * surplus * P6_WEIGHT }
    };
    peers.iter().map(|(peer, known)| (*peer, credit(known))).collect()
}

#[cfg(test)]
mod tests;
