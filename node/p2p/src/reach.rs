//! Whether others can dial this node, and what follows from it (MESH.md D9). Pure: time comes in as
//! milliseconds of a clock that never goes back.

use crate::limits::UNPROVEN_MS;
use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

/// What is thought of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Tests are under way.
    Unknown,
    /// The operator says so, or a member has dialled an address of it.
    Reachable,
    /// It listens nowhere, or no member could dial it.
    Unreachable,
}

/// What speaks for it and against it.
#[derive(Debug, Clone)]
pub struct Reach {
    declared: bool,
    listens: bool,
    confirmed: bool,
    refuted: bool,
    /// When the first peer was admitted.
    met: Option<u64>,
}

impl Reach {
    /// Of a node that listens or not, and whose operator gave addresses under which others reach it or not.
    #[must_use]
    pub const fn new(listens: bool, declared: bool) -> Self {
        Self { declared, listens, confirmed: false, refuted: false, met: None }
    }

    /// A peer was admitted, which may test.
    pub fn met(&mut self, now: u64) {
        self.met.get_or_insert(now);
    }

    /// A member dialled an address of this node, and reached it or not. One that was reached outweighs any
    /// number that were not: a node has addresses that lead nowhere for others.
    pub fn tested(&mut self, reached: bool) {
        self.confirmed |= reached;
        self.refuted |= !reached;
    }

    /// What to think of it.
    #[must_use]
    pub fn standing(&self, now: u64) -> Standing {
        let unproven = self.met.is_some_and(|met| now.saturating_sub(met) >= UNPROVEN_MS);
        if self.declared || self.confirmed {
            Standing::Reachable
        } else if !self.listens || self.refuted || unproven {
            Standing::Unreachable
        } else {
            Standing::Unknown
        }
    }
}

/// Whether an address leads through a relay.
#[must_use]
pub fn is_circuit(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::P2pCircuit)
}

/// Under which addresses a node that listens on `listening` may be reached by whoever sees it come from
/// `observed`: a NAT that lets anybody in does so at the port of the listener.
#[must_use]
pub fn candidates(observed: &Multiaddr, listening: &[Multiaddr]) -> Vec<Multiaddr> {
    let Some(seen) = observed.iter().next() else { return Vec::new() };
    let kinds = |address: &Multiaddr| address.iter().map(|part| part.tag()).collect::<Vec<_>>();
    let is_ip = matches!(seen, Protocol::Ip4(_) | Protocol::Ip6(_));
    let seen_kinds = kinds(observed);
    let at = |address: &Multiaddr| -> Multiaddr {
        std::iter::once(seen.clone()).chain(address.iter().skip(1)).collect()
    };
    if !is_ip || is_circuit(observed) {
        return Vec::new();
    }
    listening.iter().filter(|address| kinds(address) == seen_kinds).map(at).collect()
}

#[cfg(test)]
mod tests;
