//! Peers that are not let in, each until a time (MESH.md D10). Pure: time comes in as seconds since 1970,
//! since a ban outlives the process.
//!
//! Who banned matters: what an operator decided stays until it ends; what a score led to makes room for
//! newer bans, the one that ends first before the others.

use did_resolver::time::UnixSeconds;
use libp2p::PeerId;
use marque_flows::bans::MAX_BANS;
use marque_flows::ports::mesh::BannedBy;
use std::collections::BTreeMap;

/// One ban.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Until {
    /// When it ends.
    pub at: UnixSeconds,
    /// Who banned.
    pub by: BannedBy,
}

/// All of them, at most [`MAX_BANS`].
#[derive(Debug, Default)]
pub struct Bans(BTreeMap<PeerId, Until>);

impl Bans {
    /// Bans a peer, or changes until when; a score never shortens or takes over what an operator decided.
    /// Answers with the peer that made room, if one had to.
    pub fn ban(&mut self, peer: PeerId, until: Until) -> Option<PeerId> {
        if let Some(before) = self.0.get(&peer).copied() {
            let kept = before.by == BannedBy::Operator && until.by == BannedBy::Score;
            if !kept {
                self.0.insert(peer, until);
            }
            return None;
        }
        let mut made_room = None;
        if self.0.len() >= MAX_BANS {
            let of_score = self.0.iter().filter(|(_, until)| until.by == BannedBy::Score);
            let Some(first) = of_score.min_by_key(|(_, until)| until.at).map(|(peer, _)| *peer) else {
                // All are an operator's: there is no room, and this peer is the one without a place.
                return Some(peer);
            };
            self.0.remove(&first);
            made_room = Some(first);
        }
        self.0.insert(peer, until);
        made_room
    }

    /// Lets a peer in again. Answers whether it was banned.
    pub fn lift(&mut self, peer: &PeerId) -> bool {
        self.0.remove(peer).is_some()
    }

    /// Whether a peer is banned.
    #[must_use]
    pub fn holds(&self, peer: &PeerId) -> bool {
        self.0.contains_key(peer)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes out those that are over.
    pub fn over(&mut self, now: UnixSeconds) -> Vec<PeerId> {
        self.0.extract_if(.., |_, until| until.at <= now).map(|(peer, _)| peer).collect()
    }
}

#[cfg(test)]
mod tests;
