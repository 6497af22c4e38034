//! Who is connected, and who is admitted (MESH.md D1).

use super::effect::Effect;
use super::io::{About, ChannelId, Peer};
use super::metrics::Metric;
use super::pull::Waiting;
use super::recent::Recent;
use super::{MonoMillis, Now, State};
use crate::replica::bucket::Bucket;
use crate::replica::limits::{
    HELLO_BURST, HELLO_RENEW_MS, MAX_HELLOS, MAX_PEERS, MAX_STRANGERS, MAX_UNUSABLE_PER_PEER,
    PEER_GOSSIP_BURST, PEER_GOSSIP_PER_SECOND, PEER_SYNC_BURST, PEER_SYNC_PER_SECOND, STRANGER_LIFE_MS,
    STRANGER_SYNC_BURST, STRANGER_SYNC_PER_SECOND, UNUSABLE_LIFE_MS,
};
use crate::replica::{Hello, Kind, Refusal, Scid};
use did_resolver::time::UnixSeconds;
use std::collections::{BTreeSet, VecDeque};

/// By what a peer is admitted.
#[derive(Debug)]
pub(super) struct Admission {
    pub(super) domain: Scid,
    /// When its membership ends.
    until: UnixSeconds,
    /// The same, by the clock that never goes back.
    ends: MonoMillis,
}

/// One connected peer.
#[derive(Debug)]
pub(super) struct PeerState {
    outbound: bool,
    since: MonoMillis,
    pub(super) admission: Option<Admission>,
    pub(super) hello_pending: bool,
    /// When this side says hello again, if it is the one that dialled.
    hello_again: MonoMillis,
    hello: Bucket,
    pub(super) gossip: Bucket,
    pub(super) sync: Bucket,
    /// Domains to be pulled from it, in order.
    pub(super) todo: VecDeque<Waiting>,
    /// Item ids that it announced and could not give.
    pub(super) unusable: Recent,
    /// When those are forgotten.
    unusable_until: MonoMillis,
    /// Domains of which it had its turn, since all had.
    turns: BTreeSet<(Turn, Scid)>,
    /// Domains that it does not replicate, as it said.
    strange: BTreeSet<Scid>,
}

/// Whose turns are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    /// Every peer's.
    Any,
    /// Those of the domain's own nodes.
    Own,
}

impl PeerState {
    fn new(outbound: bool, now: MonoMillis) -> Self {
        Self {
            outbound,
            since: now,
            admission: None,
            hello_pending: false,
            hello_again: now.plus_ms(HELLO_RENEW_MS),
            hello: Bucket::slow(HELLO_BURST, now),
            gossip: Bucket::new(PEER_GOSSIP_BURST, PEER_GOSSIP_PER_SECOND, now),
            sync: Bucket::new(STRANGER_SYNC_BURST, STRANGER_SYNC_PER_SECOND, now),
            todo: VecDeque::new(),
            unusable: Recent::new(MAX_UNUSABLE_PER_PEER),
            unusable_until: now.plus_ms(UNUSABLE_LIFE_MS),
            turns: BTreeSet::new(),
            strange: BTreeSet::new(),
        }
    }

    /// Notes that `domain` is to be pulled from this peer, once.
    pub(super) fn wants(&mut self, domain: &Scid) {
        if !self.todo.iter().any(|turn| matches!(turn, Waiting::New(waiting) if waiting == domain)) {
            self.todo.push_back(Waiting::New(domain.clone()));
        }
    }

    /// Notes whether it replicates `domain`: by what it asks, or by what it answers.
    pub(super) fn replicates(&mut self, domain: &Scid, does: bool) {
        if does {
            self.strange.remove(domain);
        } else {
            self.strange.insert(domain.clone());
        }
    }

    /// Forgets what it was asked of a domain that is not replicated here any more.
    pub(super) fn wants_no_more(&mut self, domain: &Scid) {
        self.todo.retain(|waiting| waiting.domain() != domain);
        self.turns.retain(|(_, d)| d != domain);
        self.strange.remove(domain);
    }

    /// Lets a peer try again, from time to time, what it could not give.
    pub(super) fn forgive(&mut self, now: MonoMillis) {
        if self.unusable_until <= now {
            self.strange.clear();
            self.unusable = Recent::new(MAX_UNUSABLE_PER_PEER);
            self.unusable_until = now.plus_ms(UNUSABLE_LIFE_MS);
        }
    }

    /// When something is to be done about it.
    pub(super) fn deadline(&self) -> MonoMillis {
        let end = match &self.admission {
            Some(admission) => admission.ends,
            None => self.since.plus_ms(STRANGER_LIFE_MS),
        };
        if self.outbound { end.min(self.hello_again) } else { end }
    }
}

impl State {
    /// Lets one more peer have its turn with `domain`: at random among those that have not had it since all
    /// had, so that each has it within as many rounds as there are. Those that said that they do not
    /// replicate it are left out.
    pub(super) fn next_turn(&mut self, domain: &Scid, turn: Turn) {
        let at_hand = |p: &PeerState| match &p.admission {
            Some(of) => (turn == Turn::Any || of.domain == *domain) && !p.strange.contains(domain),
            None => false,
        };
        let this = (turn, domain.clone());
        let waiting = |p: &PeerState| at_hand(p) && !p.turns.contains(&this);
        if !self.peers.values().any(waiting) {
            self.peers.values_mut().for_each(|p| {
                p.turns.remove(&this);
            });
        }
        let among: Vec<Peer> =
            self.peers.iter().filter(|(_, p)| waiting(p)).map(|(peer, _)| peer.clone()).collect();
        let at = usize::try_from(self.random_below(among.len() as u64)).unwrap_or(0);
        if let Some(peer) = among.get(at).and_then(|peer| self.peers.get_mut(peer)) {
            peer.turns.insert(this);
            peer.wants(domain);
        }
    }

    pub(super) fn connected(&mut self, peer: Peer, outbound: bool, now: Now) {
        if self.peers.contains_key(&peer) {
            return;
        }
        let strangers = self.peers.values().filter(|p| p.admission.is_none()).count();
        if self.peers.len() >= MAX_PEERS {
            self.out.push(Effect::Disconnect { peer, reason: Refusal::TooManyPeers });
            return;
        }
        if !outbound && strangers >= MAX_STRANGERS {
            // Or whoever fills the places would keep out those who are about to say hello.
            match self.longest_stranger() {
                Some(longest) => self.dismiss(longest, Refusal::TooManyPeers),
                None => {
                    self.out.push(Effect::Disconnect { peer, reason: Refusal::TooManyPeers });
                    return;
                }
            }
        }
        self.peers.insert(peer.clone(), PeerState::new(outbound, now.mono));
        if outbound {
            self.out.push(Effect::SendHello { peer });
        }
    }

    /// Of those who came by themselves, are not admitted and have no hello under way, who came first.
    fn longest_stranger(&self) -> Option<Peer> {
        let idle = |p: &PeerState| p.admission.is_none() && !p.outbound && !p.hello_pending;
        let strangers = self.peers.iter().filter(|(_, p)| idle(p));
        strangers.min_by_key(|(_, p)| p.since).map(|(peer, _)| peer.clone())
    }

    pub(super) fn hello_received(
        &mut self,
        peer: Peer,
        channel: Option<ChannelId>,
        hello: Box<Hello>,
        now: Now,
    ) {
        let pending = self.peers.values().filter(|p| p.hello_pending).count();
        let Some(state) = self.peers.get_mut(&peer) else {
            self.answer_hello(&peer, channel, Some(Refusal::NotAdmitted));
            return;
        };
        if state.hello_pending || pending >= MAX_HELLOS || !state.hello.take(now.mono) {
            self.answer_hello(&peer, channel, Some(Refusal::RateLimited));
            return;
        }
        state.hello_pending = true;
        self.out.push(Effect::VerifyHello { peer, channel, hello });
    }

    pub(super) fn hello_verified(
        &mut self,
        peer: Peer,
        channel: Option<ChannelId>,
        domain: Scid,
        until: UnixSeconds,
        now: Now,
    ) {
        if !self.knows(&domain) {
            return self.hello_refused(peer, channel, Refusal::UnknownDomain);
        }
        if until <= now.unix {
            return self.hello_refused(peer, channel, Refusal::MembershipExpired);
        }
        let wanted: VecDeque<_> = self.domains.keys().cloned().map(Waiting::New).collect();
        let Some(state) = self.peers.get_mut(&peer) else { return };
        state.hello_pending = false;
        let life_ms = u64::try_from(until.since(now.unix).as_millis()).unwrap_or(u64::MAX);
        let ends = now.mono.plus_ms(life_ms);
        let renewed = state.admission.as_ref().is_some_and(|a| a.domain == domain);
        state.admission = Some(Admission { domain: domain.clone(), until, ends });
        if !renewed {
            state.sync = Bucket::new(PEER_SYNC_BURST, PEER_SYNC_PER_SECOND, now.mono);
            state.todo = wanted;
        }
        self.answer_hello(&peer, channel, None);
        if !renewed {
            self.out.push(Effect::Admit { peer, domain });
        }
    }

    pub(super) fn hello_refused(&mut self, peer: Peer, channel: Option<ChannelId>, reason: Refusal) {
        let reason_given = Some(reason);
        self.out.push(Effect::Count { metric: Metric::HelloRefused, kind: None, reason: reason_given });
        if let Some(state) = self.peers.get_mut(&peer) {
            state.hello_pending = false;
        }
        self.answer_hello(&peer, channel, reason_given);
    }

    fn answer_hello(&mut self, peer: &Peer, channel: Option<ChannelId>, refusal: Option<Refusal>) {
        if let Some(channel) = channel {
            self.out.push(Effect::AnswerHello { peer: peer.clone(), channel, refusal });
        }
    }

    /// When the membership of an admitted peer ends.
    #[must_use]
    pub fn admitted_until(&self, peer: &Peer) -> Option<UnixSeconds> {
        self.peers.get(peer)?.admission.as_ref().map(|admission| admission.until)
    }

    /// Forgets a peer and all that was under way with it alone.
    pub(super) fn forget(&mut self, peer: &Peer) {
        if self.peers.remove(peer).is_some() {
            self.abandon(peer);
        }
    }

    pub(super) fn dismiss(&mut self, peer: Peer, reason: Refusal) {
        self.forget(&peer);
        self.out.push(Effect::Disconnect { peer, reason });
    }

    /// What is held now may end memberships of the domain that said it. An epoch ends all: by what they showed
    /// its nodes may not stay, and by what they have now they come in again. A list, or the log by whose keys
    /// memberships are signed, ends some, and which is to be found out.
    pub(super) fn review_by(&mut self, about: &About) {
        let is_own_log =
            || about.subject.parse().ok().and_then(|did| Scid::of(&did)).as_ref() == Some(&about.domain);
        let of_it = self.admitted().filter(|(_, of)| **of == about.domain).map(|(peer, _)| peer.clone());
        let of_it: Vec<_> = of_it.collect();
        match about.kind {
            Kind::Membership => of_it.into_iter().for_each(|p| self.dismiss(p, Refusal::MembershipExpired)),
            Kind::Log | Kind::LogHead if !is_own_log() => {}
            Kind::Log | Kind::LogHead | Kind::StatusList | Kind::StatusDelta => {
                self.out.extend(of_it.into_iter().map(|peer| Effect::Review { peer }));
            }
            Kind::DuplicityProof | Kind::Recognitions => {}
        }
    }

    /// Has every membership looked at again: what ends one may have come by another door than the mesh.
    pub(super) fn review_all(&mut self) {
        let admitted: Vec<_> = self.admitted().map(|(peer, _)| peer.clone()).collect();
        self.out.extend(admitted.into_iter().map(|peer| Effect::Review { peer }));
    }

    /// Lets go of peers whose domain is not known any more.
    pub(super) fn dismiss_unknown(&mut self) {
        let unknown: Vec<_> =
            self.admitted().filter(|(_, domain)| !self.knows(domain)).map(|(peer, _)| peer.clone()).collect();
        for peer in unknown {
            self.dismiss(peer, Refusal::Withdrawn);
        }
    }

    pub(super) fn expire_peers(&mut self, now: Now) {
        let due: Vec<_> = self
            .peers
            .iter()
            .filter(|(_, p)| p.deadline() <= now.mono)
            .map(|(peer, _)| peer.clone())
            .collect();
        for peer in due {
            let Some(state) = self.peers.get_mut(&peer) else { continue };
            if state.outbound && state.hello_again <= now.mono {
                state.hello_again = now.mono.plus_ms(HELLO_RENEW_MS);
                self.out.push(Effect::SendHello { peer: peer.clone() });
            }
            let over = match &state.admission {
                Some(admission) => (admission.ends <= now.mono).then_some(Refusal::MembershipExpired),
                None => (state.since.plus_ms(STRANGER_LIFE_MS) <= now.mono).then_some(Refusal::NotAdmitted),
            };
            if let Some(reason) = over {
                self.dismiss(peer, reason);
            }
        }
    }
}
