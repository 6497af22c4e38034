//! The replica as a state machine: inputs in, effects out, no clock and no socket of its own
//! (MESH.md D1 to D7).
//!
//! Three rules hold whatever comes in. Nothing is forwarded that has not been persisted. Nothing of a
//! peer that hello has not admitted is looked at, but its requests for public resolution. Everything
//! that grows has a bound in [`limits`](crate::replica::limits).

mod effect;
mod gossip;
mod jobs;
mod io;
mod long_log;
mod metrics;
mod peers;
mod pull;
mod pulled;
mod queue;
mod recent;
mod serve;

pub use effect::{Effect, Report};
pub use io::{About, ChannelId, Input, Peer, RequestId, Ticket, Verdict, Via};
pub use metrics::{Gauges, Metric, Root};

use crate::replica::bucket::Bucket;
use crate::replica::limits::{
    DEFAULT_PERIOD_MS, EQUIVOCATOR_GOSSIP_BURST, EQUIVOCATOR_GOSSIP_PER_SECOND, EQUIVOCATOR_MS, MAX_DOMAINS,
    MAX_SEEN, MAX_SETTLED, MIN_PERIOD_MS, ORIGIN_GOSSIP_BURST, ORIGIN_GOSSIP_PER_SECOND, SETTLED_LIFE_MS,
};
use crate::replica::now::{MonoMillis, Now};
use crate::replica::view::{Item, ItemKind, View};
use crate::replica::{Envelope, Kinds, Lane, Refusal, Scid, Topic};
use did_resolver::did::DidUrl;
use jobs::Job;
use long_log::WaitingLog;
use peers::PeerState;
use pull::Asked;
use queue::Queue;
use recent::Recent;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a replica is told once.
#[derive(Debug, Clone)]
pub struct Config {
    /// The domain of this node.
    pub own: Scid,
    /// Seeds jitter and the choice of peers; nothing secret depends on it.
    pub seed: u64,
    /// Anti-entropy period in milliseconds, at least [`MIN_PERIOD_MS`]; the jitter is half of it.
    pub period_ms: u64,
    /// What it takes. All that there is, but where a replica of an earlier release is wanted.
    pub kinds: Kinds,
}

impl Config {
    /// The default period, and every kind.
    #[must_use]
    pub fn new(own: Scid, seed: u64) -> Self {
        Self { own, seed, period_ms: DEFAULT_PERIOD_MS, kinds: Kinds::default() }
    }
}

/// One domain that is replicated.
#[derive(Debug)]
struct Domain {
    view: View,
    /// What its origin may still say by gossip.
    gossip: Bucket,
    /// Until when that is little, because its origin said two things under one number.
    slowed: Option<MonoMillis>,
    /// The highest numbers of the lists that this node publishes itself.
    lists: BTreeMap<String, u64>,
    /// The key and the number of the statement that it published last.
    stated: Option<(DidUrl, u64)>,
}

impl Domain {
    fn new(now: MonoMillis) -> Self {
        let (view, lists) = (View::default(), BTreeMap::new());
        Self { view, gossip: Self::usual(now), slowed: None, lists, stated: None }
    }

    fn usual(now: MonoMillis) -> Bucket {
        Bucket::new(ORIGIN_GOSSIP_BURST, ORIGIN_GOSSIP_PER_SECOND, now)
    }

    /// This, unless something later than what an envelope carries was published. By its number alone a list or a
    /// statement does not tell: who stole the key of its issuer may have said a higher one. By another key the
    /// numbers of statements begin anew, and they are published in the order in which they were made.
    fn is_news(&mut self, envelope: &Envelope, held: &[Item]) -> Result<&mut Self, Refusal> {
        let body = envelope.body();
        let newest = held.iter().map(|item| item.seq).max();
        let is_behind = match body.kind.item_kind() {
            ItemKind::StatusList => {
                let highest = self.lists.entry(body.subject.clone()).or_default();
                let is_behind = newest < Some(*highest);
                *highest = body.seq.max(*highest);
                is_behind
            }
            ItemKind::Recognitions => {
                let last = self.stated.as_ref().filter(|(key_id, _)| key_id == envelope.key_id());
                let is_behind = last.is_some_and(|(_, number)| newest < Some(*number));
                if !is_behind {
                    self.stated = Some((envelope.key_id().clone(), body.seq));
                }
                is_behind
            }
            _ => self.view.is_behind(held),
        };
        if is_behind { Err(Refusal::Older) } else { Ok(self) }
    }

    /// Slows what its origin says by gossip, for a while from now.
    fn slow(&mut self, now: MonoMillis) {
        if self.slowed.is_none() {
            self.gossip = Bucket::new(EQUIVOCATOR_GOSSIP_BURST, EQUIVOCATOR_GOSSIP_PER_SECOND, now);
        }
        self.slowed = Some(now.plus_ms(EQUIVOCATOR_MS));
    }

    /// Whether its origin may say one thing more.
    fn may_say(&mut self, now: MonoMillis) -> bool {
        if self.slowed.is_some_and(|until| until <= now) {
            self.slowed = None;
            self.gossip = Self::usual(now);
        }
        self.gossip.take(now)
    }
}

/// The state machine.
#[derive(Debug)]
pub struct State {
    config: Config,
    random: u64,
    trusted: BTreeSet<Scid>,
    joined: BTreeSet<Scid>,
    domains: BTreeMap<Scid, Domain>,
    peers: BTreeMap<Peer, PeerState>,
    queue: Queue,
    jobs: BTreeMap<Ticket, Job>,
    next_ticket: u64,
    asked: BTreeMap<RequestId, Asked>,
    next_request: u64,
    /// The peer that was asked last.
    served: Option<Peer>,
    waiting_logs: VecDeque<WaitingLog>,
    seen: Recent,
    settled: Recent,
    /// When those are forgotten.
    settled_until: MonoMillis,
    next_round: MonoMillis,
    wake_at: Option<MonoMillis>,
    out: Vec<Effect>,
}

impl State {
    /// A replica that holds nothing yet, and its first effects: the subscriptions of its own domain.
    #[must_use]
    pub fn new(config: Config, now: Now) -> (Self, Vec<Effect>) {
        let mut state = Self {
            random: config.seed,
            trusted: BTreeSet::new(),
            joined: BTreeSet::new(),
            domains: BTreeMap::new(),
            peers: BTreeMap::new(),
            queue: Queue::default(),
            jobs: BTreeMap::new(),
            next_ticket: 0,
            asked: BTreeMap::new(),
            next_request: 0,
            served: None,
            waiting_logs: VecDeque::new(),
            seen: Recent::new(MAX_SEEN),
            settled: Recent::new(MAX_SETTLED),
            settled_until: now.mono.plus_ms(SETTLED_LIFE_MS),
            next_round: now.mono,
            wake_at: None,
            out: Vec::new(),
            config,
        };
        state.schedule_round(now.mono);
        state.replicate(now);
        state.set_wake();
        let first = std::mem::take(&mut state.out);
        (state, first)
    }

    /// Takes one input and says what to do.
    pub fn handle(&mut self, input: Input, now: Now) -> Vec<Effect> {
        match input {
            Input::Loaded { domain, items } => self.loaded(&domain, items),
            Input::TrustChanged { domains } => {
                self.trusted = domains;
                self.replicate(now);
                self.dismiss_unknown();
            }
            Input::JoinedDomains { domains } => {
                self.joined = domains;
                self.dismiss_unknown();
            }
            Input::PeerConnected { peer, outbound } => self.connected(peer, outbound, now),
            Input::PeerDisconnected { peer } => self.forget(&peer),
            Input::HelloReceived { peer, channel, hello } => self.hello_received(peer, channel, hello, now),
            Input::HelloVerified { peer, channel, domain, until } => {
                self.hello_verified(peer, channel, domain, until, now);
            }
            Input::HelloRefused { peer, channel, reason } => self.hello_refused(peer, channel, reason),
            Input::MembershipEnded { peer, reason } if self.is_admitted(&peer) => self.dismiss(peer, reason),
            Input::MembershipEnded { .. } => {}
            Input::Gossip { peer, topic, message_id, bytes } => {
                self.gossip(peer, &topic, message_id, &bytes, now);
            }
            Input::Judged { ticket, verdict } => self.judged(ticket, verdict, now),
            Input::Persisted { ticket } => self.persisted(ticket),
            Input::PersistFailed { ticket } => self.finish(ticket, Err(Refusal::StoreFailed)),
            Input::Local { envelope, held, lane } => self.local(&envelope, held, lane),
            Input::SyncRequest { peer, channel, request } => self.serve(peer, channel, request, now),
            Input::SyncResponse { peer, id, response } => self.answered(&peer, id, response, now),
            Input::SyncFailed { peer, id } => self.unanswered(&peer, id),
            Input::Tick => {}
        }
        self.expire(now);
        self.round(now);
        self.judge_next(now);
        self.pull_next(now);
        self.set_wake();
        std::mem::take(&mut self.out)
    }

    /// Whether gossip flows with `peer`.
    #[must_use]
    pub fn is_admitted(&self, peer: &Peer) -> bool {
        self.peers.get(peer).is_some_and(|p| p.admission.is_some())
    }

    /// The admitted peers and their domains.
    pub fn admitted(&self) -> impl Iterator<Item = (&Peer, &Scid)> {
        self.peers.iter().filter_map(|(peer, p)| p.admission.as_ref().map(|a| (peer, &a.domain)))
    }

    /// The domains that are replicated.
    pub fn domains(&self) -> impl Iterator<Item = &Scid> {
        self.domains.keys()
    }

    /// What is held of a domain, in the order of the ids.
    pub fn items(&self, domain: &Scid) -> impl Iterator<Item = &Item> {
        self.domains.get(domain).into_iter().flat_map(|d| d.view.items())
    }

    /// Whether there is room for `held`, found by a search. Domains that are not replicated are not
    /// bounded here.
    #[must_use]
    pub fn has_room(&self, domain: &Scid, held: &[Item]) -> bool {
        self.domains.get(domain).is_none_or(|domain| domain.view.has_room(held))
    }

    /// The root of what is held of a domain: equal on two nodes that hold the same.
    pub fn root(&mut self, domain: &Scid) -> Option<Root> {
        self.domains.get_mut(domain).map(|d| d.view.digest().root)
    }

    /// How much there is of everything that has a bound.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        let mut pulls: BTreeMap<&Peer, usize> = BTreeMap::new();
        for peer in self.asked.values().map(|asked| &asked.peer) {
            *pulls.entry(peer).or_default() += 1;
        }
        Gauges {
            peers: self.peers.len(),
            admitted: self.admitted().count(),
            hellos: self.peers.values().filter(|p| p.hello_pending).count(),
            pending: self.queue.len(),
            pending_pulled: self.queue.pulled(),
            judging: self.judging(),
            requests: self.asked.len(),
            most_pulls_of_a_peer: pulls.into_values().max().unwrap_or(0),
            waiting_pulls: self.waiting_pulls(),
            log_pulls: self.log_pulls(),
            items: self.domains.values().map(|d| d.view.len()).sum(),
            seen: self.seen.len(),
            settled: self.settled.len(),
        }
    }

    fn loaded(&mut self, domain: &Scid, items: Vec<Item>) {
        let Some(domain) = self.domains.get_mut(domain) else { return };
        let mut subjects: BTreeMap<_, Vec<Item>> = BTreeMap::new();
        for item in items {
            subjects.entry((item.kind, item.subject.clone())).or_default().push(item);
        }
        for held in subjects.into_values() {
            // What came in while the store was read, or a search wrote, is newer.
            if domain.view.is_behind(&held) {
                continue;
            }
            // Over its bounds a domain is not replicated further; the gauges show it.
            let _ = domain.view.replace(held);
        }
    }

    /// Makes the domains that are replicated those that are the own or trusted.
    fn replicate(&mut self, now: Now) {
        let mut wanted = BTreeSet::from([self.config.own.clone()]);
        let room = MAX_DOMAINS - wanted.len();
        wanted.extend(self.trusted.iter().filter(|d| **d != self.config.own).take(room).cloned());
        let gone: Vec<_> = self.domains.keys().filter(|d| !wanted.contains(*d)).cloned().collect();
        for domain in gone {
            self.domains.remove(&domain);
            self.withdraw(&domain);
            self.out.extend(Lane::ALL.map(|lane| Effect::Unsubscribe { topic: Topic::new(&domain, lane) }));
        }
        for domain in wanted {
            if self.domains.contains_key(&domain) {
                continue;
            }
            self.out.extend(Lane::ALL.map(|lane| Effect::Subscribe { topic: Topic::new(&domain, lane) }));
            self.domains.insert(domain.clone(), Domain::new(now.mono));
            for peer in self.peers.values_mut().filter(|p| p.admission.is_some()) {
                peer.wants(&domain);
            }
        }
    }

    /// Gives up everything that is under way for a domain that is no longer replicated.
    fn withdraw(&mut self, domain: &Scid) {
        for peer in self.peers.values_mut() {
            peer.wants_no_more(domain);
        }
        let of_domain =
            |job: &&Ticket| self.jobs.get(job).is_some_and(|j| j.envelope.body().domain == *domain);
        let tickets: Vec<_> = self.jobs.keys().filter(of_domain).copied().collect();
        for ticket in tickets {
            self.finish(ticket, Err(Refusal::Withdrawn));
        }
        for entry in self.queue.remove_domain(domain) {
            self.dispose(entry.source, &entry.envelope, Err(Refusal::Withdrawn));
        }
    }

    /// Whether nodes of `domain` are admitted.
    fn knows(&self, domain: &Scid) -> bool {
        *domain == self.config.own || self.trusted.contains(domain) || self.joined.contains(domain)
    }

    /// A number below `below`, or zero (SplitMix64).
    fn random_below(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).checked_rem(below).unwrap_or(0)
    }

    /// Half a period to one and a half from now.
    fn schedule_round(&mut self, now: MonoMillis) {
        let period = self.config.period_ms.max(MIN_PERIOD_MS);
        let jitter = self.random_below(period);
        self.next_round = now.plus_ms(period / 2 + jitter);
    }

    /// Ends what has waited too long.
    fn expire(&mut self, now: Now) {
        self.expire_peers(now);
        self.expire_requests(now.mono);
        self.expire_jobs(now.mono);
    }

    fn set_wake(&mut self) {
        let deadlines = self.asked.values().map(|a| a.deadline);
        let deadlines = deadlines.chain(self.jobs.values().map(|j| j.deadline));
        let deadlines = deadlines.chain(self.peers.values().map(PeerState::deadline));
        let next = deadlines.chain([self.next_round]).min();
        if next != self.wake_at {
            self.wake_at = next;
            self.out.extend(next.map(Effect::WakeAt));
        }
    }
}

#[cfg(test)]
mod tests;
