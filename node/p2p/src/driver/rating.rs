//! What this node gives and takes in the score of its peers, told to gossipsub.

use super::Driver;
use crate::credit::{Known, credits};
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use std::collections::BTreeMap;
use std::net::IpAddr;

impl Driver {
    /// Reckons the credit of all admitted peers anew, since one came or went, and tells gossipsub what
    /// is different.
    pub(super) fn rate(&mut self) {
        let peers = self.peers_by_domain().into_iter().filter_map(|(peer, (domain, link))| {
            let address = own_address(&link.address);
            let known = Known { domain: domain?, address, anchor: self.parts.book.is_anchor(&peer) };
            Some((peer, known))
        });
        let peers: BTreeMap<PeerId, Known> = peers.collect();
        let now = credits(&peers, &self.domains.own, &self.parts.shared);
        let gossip = self.parts.swarm.behaviour_mut().gate.gossip();
        for (peer, credit) in &now {
            let before = self.credits.get(peer).copied();
            if before == Some(*credit) {
                continue;
            }
            match (before.is_some_and(|before| before.explicit), credit.explicit) {
                (false, true) => gossip.add_explicit_peer(peer),
                (true, false) => gossip.remove_explicit_peer(peer),
                (true, true) | (false, false) => {}
            }
            gossip.set_application_score(peer, credit.score);
        }
        self.credits = now;
    }
}

/// The IP address of a connection, where it is the peer's own and not a relay's.
fn own_address(address: &Multiaddr) -> Option<IpAddr> {
    if address.iter().any(|part| part == Protocol::P2pCircuit) {
        return None;
    }
    address.iter().find_map(|part| match part {
        Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
        Protocol::Ip6(ip) => Some(IpAddr::V6(ip)),
        _ => None,
    })
}
