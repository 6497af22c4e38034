//! Whom to dial, and when (MESH.md D8): addresses, and pauses between attempts. Pure: time comes in
//! as milliseconds of a clock that never goes back.
//!
//! An address is dialled unless its peer is connected. After a failure the pause doubles up to its
//! longest, with jitter, so that nodes that lost each other at once do not meet at once for ever.

use crate::limits::{
    FIRST_PAUSE_MS, LONGEST_PAUSE_MS, MAX_GIVEN_ADDRESSES, MAX_LEARNED_ADDRESSES, MAX_NEARBY_ADDRESSES,
    MAX_PENDING_OUT,
};
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use std::collections::BTreeMap;

/// Who gave an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Configuration. It stays as long as it stands there.
    Configured,
    /// The node, with its domains. It goes with them.
    Given,
    /// An admitted peer, of itself. It is a hint, and makes room for others.
    Learned,
    /// Whoever is on the same network, as mDNS tells it. It is a hint of a stranger, and makes room for others.
    Nearby,
}

impl Origin {
    /// Whether entries of the two share the same room.
    const fn is_like(self, other: Self) -> bool {
        match self {
            Self::Configured | Self::Given => matches!(other, Self::Configured | Self::Given),
            Self::Learned => matches!(other, Self::Learned),
            Self::Nearby => matches!(other, Self::Nearby),
        }
    }

    const fn room(self) -> usize {
        match self {
            Self::Configured | Self::Given => MAX_GIVEN_ADDRESSES,
            Self::Learned => MAX_LEARNED_ADDRESSES,
            Self::Nearby => MAX_NEARBY_ADDRESSES,
        }
    }
}

/// Names an address of the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(u64);

#[derive(Debug)]
struct Entry {
    address: Multiaddr,
    origin: Origin,
    /// Who answers there, where the address says it or a connection has shown it.
    peer: Option<PeerId>,
    /// Attempts in a row that ended without an admission.
    failures: u32,
    /// When to dial; `None` while it is dialled or its peer is connected.
    due: Option<u64>,
}

/// One attempt to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// To be handed back with the outcome.
    pub place: Place,
    /// Who is expected, if anyone in particular.
    pub peer: Option<PeerId>,
    /// Where, without the PeerId.
    pub address: Multiaddr,
    /// Whether the last one failed. Then from a port of its own: that of the listener, by which others find their way
    /// back through a NAT, may be one that the system does not let this node dial from for a minute.
    pub is_retry: bool,
}

/// The address book.
#[derive(Debug)]
pub struct Book {
    own: PeerId,
    entries: BTreeMap<Place, Entry>,
    next: u64,
    random: u64,
}

/// Reads addresses as they are written.
///
/// # Errors
/// The first that is none.
pub fn read(texts: &[String]) -> Result<Vec<Multiaddr>, String> {
    texts.iter().map(|text| text.parse().map_err(|_| text.clone())).collect()
}

/// Splits the PeerId from the end of an address.
#[must_use]
pub fn split(address: &Multiaddr) -> (Multiaddr, Option<PeerId>) {
    let mut bare = address.clone();
    match address.iter().last() {
        Some(Protocol::P2p(peer)) => {
            bare.pop();
            (bare, Some(peer))
        }
        _ => (bare, None),
    }
}

/// Whether an address is one of a local network: what strangers there name is dialled only there.
#[must_use]
pub fn is_local(address: &Multiaddr) -> bool {
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) => ip.is_private() || ip.is_link_local() || ip.is_loopback(),
        Some(Protocol::Ip6(ip)) => ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback(),
        _ => false,
    }
}

impl Book {
    /// An empty book of the node `own`, which is never dialled. Nothing secret depends on `seed`.
    #[must_use]
    pub const fn new(own: PeerId, seed: u64) -> Self {
        Self { own, entries: BTreeMap::new(), next: 0, random: seed }
    }

    /// Adds an address, to be dialled at once. Answers whether it is new and found room.
    pub fn add(&mut self, address: &Multiaddr, origin: Origin, now: u64) -> bool {
        let (address, peer) = split(address);
        // Nor is anybody dialled through this node itself.
        if peer == Some(self.own)
            || address.is_empty()
            || address.iter().any(|part| part == Protocol::P2p(self.own))
        {
            return false;
        }
        if self.entries.values().any(|e| e.address == address && (e.peer == peer || peer.is_none())) {
            return false;
        }
        let alike = self.entries.values().filter(|e| e.origin.is_like(origin)).count();
        if alike >= origin.room() && !self.forget_worst(origin) {
            return false;
        }
        let place = Place(self.next);
        self.next += 1;
        self.entries.insert(place, Entry { address, origin, peer, failures: 0, due: Some(now) });
        true
    }

    /// Makes `addresses` all that the node gives.
    pub fn give(&mut self, addresses: &[Multiaddr], now: u64) {
        let bare: Vec<_> = addresses.iter().map(split).collect();
        self.entries.retain(|_, e| {
            e.origin != Origin::Given || bare.iter().any(|(address, _)| *address == e.address)
        });
        for address in addresses {
            self.add(address, Origin::Given, now);
        }
    }

    /// Makes `addresses` all that are configured. Who is connected by one that is not any more stays so.
    pub fn configure(&mut self, addresses: &[Multiaddr], now: u64) {
        let wanted: Vec<_> = addresses.iter().map(|address| split(address).0).collect();
        self.entries.retain(|_, e| e.origin != Origin::Configured || wanted.contains(&e.address));
        for address in addresses {
            self.add(address, Origin::Configured, now);
        }
    }

    /// Takes out the hint of this origin that failed most often, if any failed at all.
    fn forget_worst(&mut self, origin: Origin) -> bool {
        let is_hint = matches!(origin, Origin::Learned | Origin::Nearby);
        let failed = self.entries.iter().filter(|(_, e)| is_hint && e.origin == origin && e.failures > 0);
        let worst = failed.max_by_key(|(_, e)| e.failures).map(|(place, _)| *place);
        worst.is_some_and(|place| self.entries.remove(&place).is_some())
    }

    /// The attempts to be made now: one per peer at a time, none to a peer that is connected.
    pub fn due(&mut self, now: u64, connected: impl Fn(&PeerId) -> bool) -> Vec<Attempt> {
        let mut attempts: Vec<Attempt> = Vec::new();
        for (place, entry) in &mut self.entries {
            if attempts.len() >= MAX_PENDING_OUT as usize {
                break;
            }
            if entry.due.is_none_or(|due| due > now) {
                continue;
            }
            if entry.peer.as_ref().is_some_and(&connected) {
                entry.due = None;
                continue;
            }
            if entry.peer.is_some() && attempts.iter().any(|a| a.peer == entry.peer) {
                entry.due = Some(now.saturating_add(FIRST_PAUSE_MS));
                continue;
            }
            entry.due = None;
            let (peer, address) = (entry.peer, entry.address.clone());
            attempts.push(Attempt { place: *place, peer, address, is_retry: entry.failures > 0 });
        }
        attempts
    }

    /// When [`Book::due`] next has something.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        self.entries.values().filter_map(|e| e.due).min()
    }

    /// An attempt reached `peer`.
    pub fn reached(&mut self, place: Place, peer: PeerId) {
        if let Some(entry) = self.entries.get_mut(&place) {
            entry.peer = Some(peer);
            // It still counts as one that failed, until the peer is admitted.
            entry.failures = entry.failures.saturating_add(1);
        }
    }

    /// An attempt reached nobody.
    pub fn failed(&mut self, place: Place, now: u64) {
        if let Some(entry) = self.entries.get_mut(&place) {
            entry.failures = entry.failures.saturating_add(1);
        }
        self.pause(place, now);
    }

    /// An attempt ended at this node itself, which is never to be dialled again.
    pub fn is_self(&mut self, place: Place) {
        self.entries.remove(&place);
    }

    /// Whether the configuration names an address at which this peer answers.
    #[must_use]
    pub fn is_anchor(&self, peer: &PeerId) -> bool {
        self.entries.values().any(|e| e.origin == Origin::Configured && e.peer.as_ref() == Some(peer))
    }

    /// `peer` was admitted: its addresses are good.
    pub fn admitted(&mut self, peer: &PeerId) {
        for entry in self.entries.values_mut().filter(|e| e.peer.as_ref() == Some(peer)) {
            entry.failures = 0;
        }
    }

    /// The last connection to `peer` is gone.
    pub fn lost(&mut self, peer: &PeerId, now: u64) {
        let places: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, e)| e.peer.as_ref() == Some(peer) && e.due.is_none())
            .map(|(place, _)| *place)
            .collect();
        for place in places {
            self.pause(place, now);
        }
    }

    /// Everything may have changed: whatever waits is due at once.
    pub fn hurry(&mut self, now: u64) {
        for entry in self.entries.values_mut() {
            entry.failures = 0;
            entry.due = entry.due.map(|due| due.min(now));
        }
    }

    /// Lets an address wait: the pause, less half of it to more half of it.
    fn pause(&mut self, place: Place, now: u64) {
        let Some(failures) = self.entries.get(&place).map(|e| e.failures) else { return };
        let doubled = FIRST_PAUSE_MS.saturating_mul(1 << failures.min(16));
        let pause = doubled.min(LONGEST_PAUSE_MS);
        let wait = pause / 2 + self.random_below(pause);
        if let Some(entry) = self.entries.get_mut(&place) {
            entry.due = Some(now.saturating_add(wait));
        }
    }

    /// A number below `below` (SplitMix64).
    fn random_below(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).checked_rem(below).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
