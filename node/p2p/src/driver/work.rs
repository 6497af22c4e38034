//! What the node is asked, beside the loop: each question is a task, each outcome a [`Done`].

use super::Driver;
use crate::peers::{Origin, split};
use libp2p::{Multiaddr, PeerId};
use marque_flows::ports::mesh::{
    Admission, Domains, Judgement, Knock, MeshError, Shown, Standing, Submission, What,
};
use marque_rules::replica::limits::MAX_ADDRESSES;
use marque_rules::replica::state::{ChannelId, Peer, Ticket, Via};
use marque_rules::replica::{
    Envelope, Hello, HelloAnswer, Input, Item, Refusal, Request, Response, Scid, Verdict,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// For whom this node says who it is.
#[derive(Debug)]
pub(super) enum Whom {
    /// A peer, as the first word.
    Greeted(PeerId),
    /// The peer that waits at this channel.
    Answered(PeerId, ChannelId),
}

/// An outcome.
#[derive(Debug)]
pub(super) enum Done {
    Standing {
        whom: Whom,
        outcome: Result<Standing, Refusal>,
    },
    Knocked(Box<Knocked>),
    Reviewed {
        peer: PeerId,
        shown: Arc<Shown>,
        outcome: Result<(), Refusal>,
    },
    Judged {
        ticket: Ticket,
        peer: PeerId,
        judgement: Judgement,
        took: Duration,
    },
    Written {
        ticket: Ticket,
        outcome: Result<(), Refusal>,
    },
    Looked {
        channel: ChannelId,
        response: Response,
    },
    Domains(Result<Domains, Refusal>),
    Loaded {
        domain: Scid,
        outcome: Result<Vec<Item>, Refusal>,
    },
    Told,
    /// Logs that are held, with their versions.
    Listed(Vec<(String, u64)>),
}

/// The outcome of an admission.
#[derive(Debug)]
pub(super) struct Knocked {
    peer: PeerId,
    channel: Option<ChannelId>,
    /// Where the peer says that it may be dialled.
    addresses: Vec<String>,
    shown: Shown,
    /// The domain that it says it is of, and whether that was known when it did.
    claim: Option<Scid>,
    was_known: bool,
    outcome: Result<Admission, Refusal>,
    took: Duration,
}

impl Driver {
    /// Says hello to a peer, unless that is under way.
    pub(super) fn greet(&mut self, peer: PeerId) {
        if self.greeting.contains_key(&peer) {
            return;
        }
        self.greeting.insert(peer, false);
        self.introduce(Whom::Greeted(peer));
    }

    /// Answers a hello with this node's own.
    pub(super) fn admit_in_turn(&mut self, peer: PeerId, channel: ChannelId) {
        self.introduce(Whom::Answered(peer, channel));
    }

    fn introduce(&mut self, whom: Whom) {
        let intake = Arc::clone(&self.parts.intake);
        self.work.spawn(async move { Done::Standing { whom, outcome: intake.standing().await } });
    }

    /// Has a hello decided on.
    pub(super) fn verify(&mut self, peer: PeerId, channel: Option<ChannelId>, hello: Hello) {
        let intake = Arc::clone(&self.parts.intake);
        let computing = Arc::clone(&self.parts.computing);
        let joining =
            self.joins.token(&peer).filter(|t| channel.is_none() && t.domain == hello.domain).cloned();
        let addresses = hello.addresses.clone();
        if self.parts.meters.of(peer).is_overdrawn() {
            let peer = Peer(peer.to_bytes());
            self.step(Input::HelloRefused { peer, channel, reason: Refusal::RateLimited });
            return;
        }
        let claim = Scid::of(&hello.domain);
        let was_known = claim.as_ref().is_some_and(|domain| self.knows(domain));
        self.verifying.insert(peer);
        let (domain, membership) = (hello.domain.clone(), hello.membership.clone());
        let shown = Shown { peer: peer.to_base58(), domain, membership };
        let knock = Knock { peer: peer.to_base58(), hello, joining };
        self.work.spawn(async move {
            let place = computing.acquire().await;
            let began = Instant::now();
            let outcome = match place {
                Ok(_place) => intake.admit(knock).await,
                Err(_) => Err(Refusal::Overloaded),
            };
            let took = began.elapsed();
            let knocked = Knocked { peer, channel, addresses, shown, claim, was_known, outcome, took };
            Done::Knocked(Box::new(knocked))
        });
    }

    /// Has what an admitted peer showed looked at again.
    pub(super) fn review(&mut self, peer: PeerId) {
        let Some(shown) = self.shown.get(&peer).map(Arc::clone) else { return };
        let (intake, computing) = (Arc::clone(&self.parts.intake), Arc::clone(&self.parts.computing));
        self.work.spawn(async move {
            let _place = computing.acquire().await;
            let outcome = intake.review(Arc::clone(&shown)).await;
            Done::Reviewed { peer, shown, outcome }
        });
    }

    /// Has an envelope judged, as long as its peer has not cost too much for nothing.
    pub(super) fn judge(
        &mut self,
        ticket: Ticket,
        peer: PeerId,
        via: Via,
        envelope: Envelope,
        log: Option<Vec<u8>>,
    ) {
        let intake = Arc::clone(&self.parts.intake);
        let computing = Arc::clone(&self.parts.computing);
        let overdrawn = self.parts.meters.of(peer).is_overdrawn();
        self.work.spawn(async move {
            let ignored = |reason| Judgement { verdict: Verdict::Ignore(reason), write: None };
            if overdrawn {
                let (judgement, took) = (ignored(Refusal::RateLimited), Duration::ZERO);
                return Done::Judged { ticket, peer, judgement, took };
            }
            let place = computing.acquire().await;
            let began = Instant::now();
            let judgement = match place {
                Ok(_place) => intake.judge(Submission { via, envelope, log }).await,
                Err(_) => ignored(Refusal::Overloaded),
            };
            Done::Judged { ticket, peer, judgement, took: began.elapsed() }
        });
    }

    /// Charges a peer for what was judged for nothing; what this node itself could not do is not.
    fn charge(&self, peer: PeerId, reason: Refusal, took: Duration) {
        let own = matches!(reason, Refusal::StoreFailed | Refusal::Overloaded | Refusal::Withdrawn);
        if !own && !took.is_zero() {
            self.parts.meters.of(peer).judged_in_vain(took);
        }
    }

    /// Has a request answered from the store. Answers whether there was room.
    pub(super) fn look_up(&mut self, channel: ChannelId, request: Request) -> bool {
        let Ok(place) = Arc::clone(&self.parts.lookups).try_acquire_owned() else { return false };
        let intake = Arc::clone(&self.parts.intake);
        self.work.spawn(async move {
            let response = intake.lookup(request).await;
            drop(place);
            Done::Looked { channel, response }
        });
        true
    }

    pub(super) fn on_done(&mut self, done: Done) {
        match done {
            Done::Standing { whom, outcome } => self.introduced(whom, outcome),
            Done::Knocked(knocked) => {
                let peer = knocked.peer;
                self.verifying.remove(&peer);
                self.knocked(*knocked);
                self.release(peer);
            }
            Done::Reviewed { peer, shown, outcome } => {
                // It may have shown another meanwhile.
                let same = self.shown.get(&peer).is_some_and(|now| Arc::ptr_eq(now, &shown));
                if let Err(reason) = outcome
                    && same
                {
                    self.step(Input::MembershipEnded { peer: Peer(peer.to_bytes()), reason });
                }
            }
            Done::Judged { ticket, peer, judgement, took } => {
                if let Verdict::Ignore(reason) | Verdict::Reject(reason) | Verdict::Beside(_, reason) =
                    judgement.verdict
                {
                    self.charge(peer, reason, took);
                }
                if let Some(write) = judgement.write {
                    self.writes.insert(ticket, write);
                }
                self.step(Input::Judged { ticket, verdict: judgement.verdict });
                // What the state machine did not ask for now it never will.
                self.writes.remove(&ticket);
            }
            Done::Written { ticket, outcome: Ok(()) } => self.step(Input::Persisted { ticket }),
            Done::Written { ticket, outcome: Err(reason) } => {
                tracing::warn!(%reason, "what was judged good is not stored");
                self.step(Input::PersistFailed { ticket });
            }
            Done::Looked { channel, response } => self.reply(channel, response.encode()),
            Done::Domains(outcome) => self.told_domains(outcome),
            Done::Loaded { domain, outcome: Ok(items) } => self.step(Input::Loaded { domain, items }),
            Done::Loaded { domain, outcome: Err(reason) } => {
                tracing::error!(%domain, %reason, "items not to be had");
                self.loaded.remove(&domain);
            }
            Done::Told => {}
            Done::Listed(logs) => self.listed(logs),
        }
    }

    fn introduced(&mut self, whom: Whom, outcome: Result<Standing, Refusal>) {
        let standing = match outcome {
            Ok(standing) => standing,
            Err(reason) => {
                tracing::warn!(%reason, "no standing to show");
                match whom {
                    Whom::Greeted(peer) => drop(self.greeting.remove(&peer)),
                    Whom::Answered(_, channel) => self.reply(channel, HelloAnswer::Refused(reason).encode()),
                }
                return;
            }
        };
        let hello = Hello {
            membership: standing.membership,
            domain: standing.domain,
            domain_log: standing.domain_log,
            domain_witness: standing.domain_witness,
            join_secret: None,
            addresses: self.addresses(),
        };
        match whom {
            Whom::Greeted(peer) => {
                if !self.parts.swarm.is_connected(&peer) {
                    self.greeting.remove(&peer);
                    return;
                }
                let join_secret = self.joins.token(&peer).map(|token| token.secret.clone());
                self.greeting.insert(peer, join_secret.is_some());
                let bytes = Hello { join_secret, ..hello }.encode();
                self.parts.swarm.behaviour_mut().hello.send_request(&peer, bytes);
            }
            Whom::Answered(peer, channel) => {
                self.welcome(peer, channel, HelloAnswer::Admitted(Box::new(hello)).encode());
            }
        }
    }

    fn knocked(&mut self, knocked: Knocked) {
        let Knocked { peer, channel, addresses, shown, claim, was_known, outcome, took } = knocked;
        let name = Peer(peer.to_bytes());
        let admission = match outcome {
            Ok(admission) => admission,
            Err(reason) => {
                tracing::info!(%peer, %reason, "peer not admitted");
                self.charge(peer, reason, took);
                self.tell_peer(What::NotAdmitted, &peer, None, Some(reason));
                self.step(Input::HelloRefused { peer: name, channel, reason });
                if channel.is_none() {
                    self.joins.failed(&peer, MeshError::Refused(reason));
                }
                self.not_there(&peer);
                if let Some(claim) = claim.filter(|_| reason == Refusal::UnknownDomain) {
                    self.claims(peer, claim, was_known);
                }
                return;
            }
        };
        let Admission { domain, until, joined } = admission;
        self.changes.forget(&peer);
        if joined {
            self.is_joined(&domain);
        }
        self.step(Input::HelloVerified { peer: name, channel, domain: domain.clone(), until });
        if !self.is_admitted(&peer) {
            // The node knows its domain already, and has not told of it here yet.
            self.claims(peer, domain, was_known);
            return;
        }
        self.shown.insert(peer, Arc::new(shown));
        if self.answered.contains(&peer) {
            self.parts.swarm.behaviour_mut().gate.open(peer);
        }
        if channel.is_none() {
            self.joins.succeeded(&peer, &domain);
        }
        self.learn(peer, domain, &addresses);
    }

    /// Notes where an admitted peer says that it may be dialled: what ends in its PeerId.
    fn learn(&mut self, peer: PeerId, domain: Scid, addresses: &[String]) {
        let now = self.mono();
        let own = addresses.iter().take(MAX_ADDRESSES).filter_map(|a| a.parse::<Multiaddr>().ok());
        let own: Vec<_> = own.filter(|a| split(a).1 == Some(peer)).collect();
        for address in &own {
            self.parts.book.add(address, Origin::Learned, now);
        }
        self.parts.book.admitted(&peer);
        self.enters_table(&peer, &own);
        if !own.is_empty() {
            let intake = Arc::clone(&self.parts.intake);
            let own = own.iter().map(Multiaddr::to_string).collect();
            self.work.spawn(async move {
                intake.met(domain, peer.to_base58(), own).await;
                Done::Told
            });
        }
    }
}
