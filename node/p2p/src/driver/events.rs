//! What happens, told to whoever watches.

use super::Driver;
use libp2p::PeerId;
use marque_flows::ports::mesh::{MeshEvent, What};
use marque_rules::replica::state::{About, Peer, Via};
use marque_rules::replica::{Refusal, Scid};
use std::sync::Arc;

impl Driver {
    /// An event of now.
    pub(super) fn event(&self, what: What) -> MeshEvent {
        let at = self.parts.clock.now();
        MeshEvent { at, what, peer: None, domain: None, via: None, about: None, reason: None }
    }

    /// Tells an event. Without anybody who watches it is lost, and nothing waits for who reads slowly.
    pub(super) fn tell(&self, event: MeshEvent) {
        let _ = self.parts.events.send(Arc::new(event));
    }

    /// What became of something that a peer brought.
    pub(super) fn tell_settled(
        &self,
        peer: &Peer,
        via: Via,
        about: Option<About>,
        outcome: Result<(), Refusal>,
    ) {
        if self.parts.events.receiver_count() == 0 {
            return;
        }
        let peer = PeerId::from_bytes(&peer.0).ok().map(|peer| peer.to_base58());
        let what = if outcome.is_ok() { What::Stored } else { What::Refused };
        let domain = about.as_ref().map(|about| about.domain.clone());
        let reason = outcome.err();
        self.tell(MeshEvent { peer, domain, via: Some(via), about, reason, ..self.event(what) });
    }

    /// Something about one peer.
    pub(super) fn tell_peer(
        &self,
        what: What,
        peer: &PeerId,
        domain: Option<&Scid>,
        reason: Option<Refusal>,
    ) {
        let (peer, domain) = (Some(peer.to_base58()), domain.cloned());
        self.tell(MeshEvent { peer, domain, reason, ..self.event(what) });
    }
}
