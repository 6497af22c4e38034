//! Bans: an operator's, and those that a score leads to.

use super::Driver;
use crate::bans::Until;
use crate::limits::BAN_FOR_SCORE;
use crate::score::GRAYLIST_THRESHOLD;
use libp2p::PeerId;
use marque_flows::ports::mesh::{Ban, BannedBy, MeshEvent, What};
use marque_rules::replica::Refusal;
use std::sync::Arc;

impl Driver {
    /// Takes up the bans that were kept.
    pub(super) fn take_bans(&mut self, bans: &[Ban]) {
        for ban in bans {
            self.ban(ban);
        }
    }

    /// Bans a peer, and closes its connections.
    pub(super) fn ban(&mut self, ban: &Ban) {
        let Ok(peer) = ban.peer.parse::<PeerId>() else {
            tracing::warn!(peer = ban.peer, "a ban of what is no PeerId");
            return;
        };
        let until = Until { at: ban.until, by: ban.by };
        if let Some(unbanned) = self.bans.ban(peer, until) {
            self.parts.swarm.behaviour_mut().bans.unblock_peer(unbanned);
        }
        if !self.bans.holds(&peer) {
            tracing::warn!(%peer, "as many peers are banned as can be");
            return;
        }
        tracing::info!(%peer, until = %ban.until, by = ban.by.as_str(), "peer banned");
        self.tell(MeshEvent { peer: Some(ban.peer.clone()), ..self.event(What::Banned) });
        if self.parts.swarm.is_connected(&peer) {
            self.drop_peer(peer, Refusal::Banned);
        }
        self.parts.swarm.behaviour_mut().bans.block_peer(peer);
    }

    /// Lets a peer in again.
    pub(super) fn unban(&mut self, peer: PeerId) {
        if self.bans.lift(&peer) {
            self.parts.swarm.behaviour_mut().bans.unblock_peer(peer);
            self.tell(MeshEvent { peer: Some(peer.to_base58()), ..self.event(What::Unbanned) });
        }
    }

    /// What time brings: bans end, scores and ways are looked at.
    pub(super) fn watch(&mut self) {
        for peer in self.bans.over(self.parts.clock.now()) {
            self.parts.swarm.behaviour_mut().bans.unblock_peer(peer);
            self.tell(MeshEvent { peer: Some(peer.to_base58()), ..self.event(What::Unbanned) });
        }
        for peer in self.credits.keys().copied().collect::<Vec<_>>() {
            self.ban_for_score(peer);
        }
        self.reload_due();
        self.load_replicated();
        self.reach_out();
        self.tidy();
        self.say_hints();
        self.measure();
    }

    /// Bans a peer whose score fell below the graylist by its own doing. One that came back with such a
    /// score is not banned for it again: gossipsub keeps it, and hears nothing of that peer.
    pub(super) fn ban_for_score(&mut self, peer: PeerId) {
        if !self.is_graylisted(&peer) {
            self.graylisted.remove(&peer);
        } else if self.graylisted.insert(peer) {
            let until = self.parts.clock.now().plus(BAN_FOR_SCORE);
            let ban = Ban { peer: peer.to_base58(), until, by: BannedBy::Score };
            self.ban(&ban);
            let intake = Arc::clone(&self.parts.intake);
            self.work.spawn(async move {
                intake.banned(ban).await;
                super::work::Done::Told
            });
        }
    }

    /// Whether a peer's score without what this node gave or took is below the graylist.
    pub(super) fn is_graylisted(&mut self, peer: &PeerId) -> bool {
        let given = self.credits.get(peer).map_or(0.0, |credit| credit.score);
        let score = self.parts.swarm.behaviour_mut().gate.gossip().peer_score(peer);
        score.is_some_and(|score| score - given < GRAYLIST_THRESHOLD)
    }
}
