//! Which domains there are: the node says that they changed, and is asked what they are now.

use super::Driver;
use super::work::Done;
use futures::FutureExt as _;
use libp2p::PeerId;
use marque_flows::ports::mesh::Domains;
use marque_rules::replica::{Input, Refusal, Scid};
use std::collections::{BTreeSet, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

/// What is known of a change of the domains, besides what they are.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Whether the node is being asked. Once at a time, or an answer could come after a newer one.
    is_asked: bool,
    /// Whether they changed since it was.
    is_due: bool,
    /// Domains that a hello made joined since it was: an answer from before does not have them.
    joined: BTreeSet<Scid>,
    /// The domains that peers who were refused as unknown say they are of.
    claims: HashMap<PeerId, Scid>,
}

impl Changes {
    /// The peer is gone, or admitted.
    pub(super) fn forget(&mut self, peer: &PeerId) {
        self.claims.remove(peer);
    }
}

impl Driver {
    /// Asks which domains there are now, or does so once what it was asked before is answered.
    pub(super) fn reload(&mut self) {
        self.changes.is_due = true;
        self.reload_due();
    }

    /// Asks which domains there are now, if they changed since that was asked or could not be told.
    pub(super) fn reload_due(&mut self) {
        if self.changes.is_asked || !self.changes.is_due {
            return;
        }
        (self.changes.is_asked, self.changes.is_due) = (true, false);
        self.changes.joined.clear();
        let intake = Arc::clone(&self.parts.intake);
        self.work.spawn(async move {
            // Without an outcome it would never be asked again.
            let domains = AssertUnwindSafe(intake.domains()).catch_unwind().await;
            Done::Domains(domains.unwrap_or(Err(Refusal::StoreFailed)))
        });
    }

    pub(super) fn told_domains(&mut self, outcome: Result<Domains, Refusal>) {
        self.changes.is_asked = false;
        match outcome {
            Ok(mut domains) => {
                domains.joined.append(&mut self.changes.joined);
                self.domains_now(domains);
                self.reload_due();
            }
            Err(reason) => {
                // With the next look at what time brings.
                self.changes.is_due = true;
                tracing::error!(%reason, "domains not to be had; they are asked for again");
            }
        }
    }

    /// A hello made `domain` joined.
    pub(super) fn is_joined(&mut self, domain: &Scid) {
        if self.domains.joined.insert(domain.clone()) {
            self.changes.joined.insert(domain.clone());
            self.step(Input::JoinedDomains { domains: self.domains.joined.clone() });
            self.greet_recognised();
        }
    }

    fn domains_now(&mut self, domains: Domains) {
        self.take_domains(domains);
        let now = self.mono();
        self.parts.book.hurry(now);
        self.greet_recognised();
        self.load_replicated();
    }

    /// Asks what is held of each domain that is replicated and of which that is not known, as after it could not be
    /// told.
    pub(super) fn load_replicated(&mut self) {
        let replicated: BTreeSet<_> = self.parts.state.domains().cloned().collect();
        self.loaded.retain(|domain| replicated.contains(domain));
        for domain in replicated {
            if !self.loaded.insert(domain.clone()) {
                continue;
            }
            let intake = Arc::clone(&self.parts.intake);
            self.work.spawn(async move {
                let outcome = intake.items(domain.clone()).await;
                Done::Loaded { domain, outcome }
            });
        }
    }

    /// Keeps in mind of which domain a peer is that was refused since it is not known, and says hello to it once it
    /// is: at once, where it has come to be known since `was_known` was found out.
    pub(super) fn claims(&mut self, peer: PeerId, domain: Scid, was_known: bool) {
        self.changes.claims.insert(peer, domain);
        if !was_known {
            self.greet_recognised();
        }
    }

    /// Says hello to those who were strangers when they did, and are none any more. To nobody else: whoever
    /// refused this node says hello itself once it knows it, and hellos are few.
    fn greet_recognised(&mut self) {
        let recognised = self.changes.claims.iter().filter(|(_, domain)| self.knows(domain));
        for peer in recognised.map(|(peer, _)| *peer).collect::<Vec<_>>() {
            self.changes.claims.remove(&peer);
            if !self.is_admitted(&peer) {
                self.greet(peer);
            }
        }
    }

    pub(super) fn knows(&self, domain: &Scid) -> bool {
        let Domains { own, trusted, joined, .. } = &self.domains;
        domain == own || trusted.contains(domain) || joined.contains(domain)
    }

    /// Makes `domains` what the state machine and the address book go by. A domain that goes from
    /// joined to trusted, or back, is known at every step between, so that its nodes stay.
    pub(super) fn take_domains(&mut self, domains: Domains) {
        let both = self.domains.trusted.iter().chain(&self.domains.joined).chain(&domains.joined);
        self.step(Input::JoinedDomains { domains: both.cloned().collect() });
        self.step(Input::TrustChanged { domains: domains.trusted.clone() });
        self.step(Input::JoinedDomains { domains: domains.joined.clone() });
        let now = self.mono();
        let addresses: Vec<_> = domains.addresses.iter().filter_map(|a| a.parse().ok()).collect();
        self.parts.book.give(&addresses, now);
        self.domains = domains;
    }
}
