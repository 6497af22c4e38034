//! Anti-entropy: what is held elsewhere and missing here is asked for (MESH.md D6).
//!
//! A pull is one domain from one peer: its digest, then ever smaller ranges where that differs, then the items of
//! what is left, then the objects that are missing. It takes turns: one request, then every other domain of the
//! same peer has its turn, so that one with very much to tell keeps none waiting. Of the places in the queue to
//! the judge each domain with something to fetch has an equal share; a pull without a place waits.

use super::effect::Effect;
use super::io::{Peer, RequestId, Ticket};
use super::metrics::Metric;
use super::peers::Turn;
use super::recent::Recent;
use super::{MonoMillis, Now, State};
use crate::replica::limits::{
    MAX_COMPARISONS, MAX_IDS_PER_REQUEST, MAX_ITEMS_PER_DOMAIN, MAX_PENDING_FROM_SYNC, MAX_PULLS_PER_PEER,
    MAX_SETTLED, MAX_WAITING_PULLS, REQUEST_TIMEOUT_MS, SETTLED_LIFE_MS,
};
use crate::replica::view::Narrowed;
use crate::replica::view::range::{MAX_PREFIXES, Prefix};
use crate::replica::{LogHead, Refusal, Request, Scid};
use did_resolver::codec::Sha256Digest;
use did_resolver::did::Did;
use std::collections::{BTreeSet, VecDeque};

/// One domain being pulled from one peer.
#[derive(Debug)]
pub(super) struct Pull {
    pub(super) domain: Scid,
    /// Ranges to be compared, and to be listed.
    pub(super) ranges: Narrowed,
    /// A page that goes on: its ranges, and the last id of it.
    pub(super) page: Option<(Vec<Prefix>, Sha256Digest)>,
    /// Ids to be fetched.
    pub(super) missing: VecDeque<Sha256Digest>,
    /// How many items were shown, and how often ranges were compared, so that a peer cannot go on for ever.
    pub(super) shown: usize,
    pub(super) compared: usize,
    /// Whether there was more to be fetched than one pull takes.
    pub(super) again: bool,
}

impl Pull {
    const fn new(domain: Scid) -> Self {
        let ranges = Narrowed { compare: Vec::new(), list: Vec::new() };
        let missing = VecDeque::new();
        Self { domain, ranges, page: None, missing, shown: 0, compared: 0, again: false }
    }
}

/// What waits for its turn at a peer.
#[derive(Debug)]
pub(super) enum Waiting {
    /// A domain that is to be pulled.
    New(Scid),
    /// A pull that goes on.
    On(Box<Pull>),
}

impl Waiting {
    pub(super) const fn domain(&self) -> &Scid {
        match self {
            Self::New(domain) => domain,
            Self::On(pull) => &pull.domain,
        }
    }
}

/// What a request is for.
#[derive(Debug)]
pub(super) enum Task {
    Digest(Box<Pull>),
    Ranges { pull: Box<Pull>, prefixes: Vec<Prefix> },
    Items { pull: Box<Pull>, prefixes: Vec<Prefix>, after: Option<Sha256Digest> },
    Objects { pull: Box<Pull>, ids: Vec<Sha256Digest> },
    Log { ticket: Ticket, head: LogHead, so_far: Vec<u8> },
    Resolve,
}

impl Task {
    const fn pull(&self) -> Option<&Pull> {
        match self {
            Self::Digest(pull) => Some(pull),
            Self::Ranges { pull, .. } | Self::Items { pull, .. } | Self::Objects { pull, .. } => Some(pull),
            Self::Log { .. } | Self::Resolve => None,
        }
    }
}

/// A request without an answer yet.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) peer: Peer,
    pub(super) deadline: MonoMillis,
    pub(super) task: Task,
}

impl State {
    /// Begins a round where it is time: each domain from one peer, and from one of the domain's own nodes, so
    /// that no group of peers can keep a domain's news away for long. All have their turns, in random order.
    pub(super) fn round(&mut self, now: Now) {
        if now.mono < self.next_round {
            return;
        }
        self.schedule_round(now.mono);
        self.peers.values_mut().for_each(|peer| peer.forgive(now.mono));
        if self.settled_until <= now.mono {
            self.settled = Recent::new(MAX_SETTLED);
            self.settled_until = now.mono.plus_ms(SETTLED_LIFE_MS);
        }
        self.review_all();
        let domains: Vec<_> = self.domains.keys().cloned().collect();
        for domain in domains {
            self.next_turn(&domain, Turn::Any);
            self.next_turn(&domain, Turn::Own);
        }
    }

    /// Requests to a peer in flight.
    pub(super) fn in_flight(&self, peer: &Peer) -> usize {
        self.asked.values().filter(|a| a.peer == *peer).count()
    }

    /// Requests to a peer in flight, and pulls from it that wait for their turn.
    #[must_use]
    pub fn pulls_of(&self, peer: &Peer) -> usize {
        let waiting = self.peers.get(peer).map_or(0, |p| p.todo.iter().filter(|t| is_on(t)).count());
        self.in_flight(peer) + waiting
    }

    /// Pulls that wait for their turn.
    pub(super) fn waiting_pulls(&self) -> usize {
        self.peers.values().flat_map(|p| &p.todo).filter(|turn| is_on(turn)).count()
    }

    /// Starts whatever has waited and now has room: peer after peer, the one that was served last comes last.
    pub(super) fn pull_next(&mut self, now: Now) {
        self.start_logs(now);
        let waiting = self.peers.iter().filter(|(_, p)| !p.todo.is_empty()).map(|(p, _)| p.clone());
        let (mut peers, before): (Vec<_>, Vec<_>) =
            waiting.partition(|peer| self.served.as_ref().is_none_or(|served| peer > served));
        peers.extend(before);
        for peer in peers {
            let turns = self.peers.get(&peer).map_or(0, |p| p.todo.len());
            for _ in 0..turns {
                if self.in_flight(&peer) >= MAX_PULLS_PER_PEER {
                    break;
                }
                let Some(turn) = self.peers.get_mut(&peer).and_then(|p| p.todo.pop_front()) else { break };
                let asked = self.next_request;
                self.take_turn(&peer, turn, now);
                if self.next_request != asked {
                    self.served = Some(peer.clone());
                }
            }
        }
    }

    fn take_turn(&mut self, peer: &Peer, turn: Waiting, now: Now) {
        match turn {
            Waiting::On(pull) => self.go_on(peer, pull, now),
            // One pull of a domain at a time; it may have been asked for again meanwhile.
            Waiting::New(domain) if self.is_pulling(peer, &domain) => {
                self.queue_turn(peer, Waiting::New(domain))
            }
            Waiting::New(domain) => {
                let Some(root) = self.root(&domain) else { return };
                self.out.push(Effect::Count { metric: Metric::SyncRounds, kind: None, reason: None });
                let request = Request::Digest { domain: domain.clone(), root: Some(root) };
                self.ask(peer.clone(), request, Task::Digest(Box::new(Pull::new(domain))), now);
            }
        }
    }

    fn is_pulling(&self, peer: &Peer, domain: &Scid) -> bool {
        let of_it = |pull: &Pull| pull.domain == *domain;
        let asked = self.asked.values().filter(|a| a.peer == *peer).filter_map(|a| a.task.pull()).any(of_it);
        let waits = |turn: &Waiting| matches!(turn, Waiting::On(pull) if of_it(pull));
        asked || self.peers.get(peer).is_some_and(|p| p.todo.iter().any(waits))
    }

    fn queue_turn(&mut self, peer: &Peer, turn: Waiting) {
        if let Some(from) = self.peers.get_mut(peer) {
            from.todo.push_back(turn);
        }
    }

    /// Ends the turn of a pull. Where too many wait, it begins anew in its turn: what it fetched is held.
    pub(super) fn yield_turn(&mut self, peer: &Peer, pull: Box<Pull>) {
        let turn = if self.waiting_pulls() < MAX_WAITING_PULLS {
            Waiting::On(pull)
        } else {
            Waiting::New(pull.domain)
        };
        self.queue_turn(peer, turn);
    }

    /// Takes the turn of a pull: one request, or its end.
    fn go_on(&mut self, peer: &Peer, mut pull: Box<Pull>, now: Now) {
        if !self.domains.contains_key(&pull.domain) {
            return;
        }
        let domain = pull.domain.clone();
        if let Some((prefixes, after)) = pull.page.take() {
            return self.ask_items(peer, pull, prefixes, Some(after), now);
        }
        if !pull.ranges.compare.is_empty() && pull.compared < MAX_COMPARISONS {
            let prefixes = first(&mut pull.ranges.compare);
            pull.compared += 1;
            let request = Request::Ranges { domain, prefixes: prefixes.clone() };
            return self.ask(peer.clone(), request, Task::Ranges { pull, prefixes }, now);
        }
        let full = pull.again || pull.shown > MAX_ITEMS_PER_DOMAIN;
        if !pull.ranges.list.is_empty() && !full {
            let prefixes = first(&mut pull.ranges.list);
            return self.ask_items(peer, pull, prefixes, None, now);
        }
        self.fetch(peer, pull, now);
    }

    pub(super) fn ask(&mut self, peer: Peer, request: Request, task: Task, now: Now) {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        let deadline = now.mono.plus_ms(REQUEST_TIMEOUT_MS);
        self.asked.insert(id, Asked { peer: peer.clone(), deadline, task });
        self.out.push(Effect::Request { peer, id, request });
    }

    /// How many more objects of `domain` may be asked for, so that all that is in flight finds room and every
    /// other domain with something to fetch has as much.
    fn room(&self, domain: &Scid) -> usize {
        let (mut taken, mut own) = (self.queue.pulled(), self.queue.pulled_of(domain));
        let mut active = BTreeSet::from([domain]);
        for pull in self.asked.values().filter_map(|asked| asked.task.pull()) {
            active.insert(&pull.domain);
        }
        for asked in self.asked.values() {
            if let Task::Objects { pull, ids } = &asked.task {
                taken += ids.len();
                own += if pull.domain == *domain { ids.len() } else { 0 };
            }
        }
        active.extend(self.peers.values().flat_map(|p| &p.todo).filter(|t| is_on(t)).map(Waiting::domain));
        let share = (MAX_PENDING_FROM_SYNC / active.len()).max(1);
        MAX_PENDING_FROM_SYNC.saturating_sub(taken).min(share.saturating_sub(own))
    }

    /// Asks for the next objects of a pull, or ends it.
    fn fetch(&mut self, peer: &Peer, mut pull: Box<Pull>, now: Now) {
        let Some(domain) = self.domains.get(&pull.domain) else { return };
        pull.missing.retain(|id| !domain.view.holds(id) && !self.settled.contains(id));
        if pull.missing.is_empty() {
            if pull.again
                && let Some(from) = self.peers.get_mut(peer)
            {
                from.wants(&pull.domain);
            }
            return;
        }
        let room = self.room(&pull.domain);
        if room == 0 {
            return self.yield_turn(peer, pull);
        }
        // What another peer was asked for comes last: it is asked for twice only where nothing else is left.
        let mut asked: BTreeSet<Sha256Digest> = BTreeSet::new();
        for task in self.asked.values().map(|asked| &asked.task) {
            if let Task::Objects { ids, .. } = task {
                asked.extend(ids);
            }
        }
        let (mut ids, elsewhere): (Vec<_>, Vec<_>) =
            pull.missing.iter().copied().partition(|id| !asked.contains(id));
        ids.extend(elsewhere);
        ids.truncate(room.min(MAX_IDS_PER_REQUEST));
        let request = Request::Objects { domain: pull.domain.clone(), ids: ids.clone() };
        self.ask(peer.clone(), request, Task::Objects { pull, ids }, now);
    }

    fn ask_items(
        &mut self,
        peer: &Peer,
        pull: Box<Pull>,
        prefixes: Vec<Prefix>,
        after: Option<Sha256Digest>,
        now: Now,
    ) {
        let request = Request::Items { domain: pull.domain.clone(), prefixes: prefixes.clone(), after };
        self.ask(peer.clone(), request, Task::Items { pull, prefixes, after }, now);
    }

    /// Asks a peer for the log of a domain whose document here may be too old.
    pub(super) fn resolve(&mut self, peer: &Peer, did: &Did, now: Now) {
        if self.peers.contains_key(peer) && self.in_flight(peer) < MAX_PULLS_PER_PEER {
            let request = Request::Resolve { did: did.as_str().to_owned() };
            self.ask(peer.clone(), request, Task::Resolve, now);
        }
    }

    pub(super) fn unanswered(&mut self, peer: &Peer, id: RequestId) {
        if self.asked.get(&id).is_some_and(|asked| asked.peer == *peer) {
            self.fail(id);
        }
    }

    pub(super) fn expire_requests(&mut self, now: MonoMillis) {
        let late: Vec<_> = self.asked.iter().filter(|(_, a)| a.deadline <= now).map(|(id, _)| *id).collect();
        late.into_iter().for_each(|id| self.fail(id));
    }

    fn fail(&mut self, id: RequestId) {
        let Some(Asked { task, .. }) = self.asked.remove(&id) else { return };
        self.give_up(task, Refusal::TimedOut);
        let reason = Some(Refusal::TimedOut);
        self.out.push(Effect::Count { metric: Metric::SyncFailed, kind: None, reason });
    }

    /// Ends what a request was for.
    pub(super) fn give_up(&mut self, task: Task, reason: Refusal) {
        match task {
            Task::Log { ticket, .. } => self.finish(ticket, Err(reason)),
            Task::Digest(_)
            | Task::Ranges { .. }
            | Task::Items { .. }
            | Task::Objects { .. }
            | Task::Resolve => {}
        }
    }

    /// Ends everything that depended on a peer that is gone.
    pub(super) fn abandon(&mut self, peer: &Peer) {
        let ids: Vec<_> = self.asked.iter().filter(|(_, a)| a.peer == *peer).map(|(id, _)| *id).collect();
        ids.into_iter().for_each(|id| self.fail(id));
        self.abandon_logs(peer);
    }
}

fn is_on(turn: &Waiting) -> bool {
    matches!(turn, Waiting::On(_))
}

/// Takes the first [`MAX_PREFIXES`] out of `ranges`.
fn first(ranges: &mut Vec<Prefix>) -> Vec<Prefix> {
    let rest = ranges.split_off(ranges.len().min(MAX_PREFIXES));
    std::mem::replace(ranges, rest)
}
