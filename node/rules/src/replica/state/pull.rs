//! Anti-entropy: what is held elsewhere and missing here is asked for (MESH.md D6).
//!
//! A pull is one domain from one peer: its digest, then the items of the buckets that differ, then
//! the objects that are missing. It has one request in flight, and waits without one where the queue
//! to the judge is full.

use super::effect::Effect;
use super::io::{Peer, RequestId, Ticket};
use super::metrics::Metric;
use super::peers::Turn;
use super::queue::{Entry, Source};
use super::{MonoMillis, Now, State};
use crate::replica::limits::{
    MAX_IDS_PER_REQUEST, MAX_ITEMS_PER_DOMAIN, MAX_MISSING, MAX_PENDING_FROM_SYNC, MAX_PULLS_PER_PEER,
    REQUEST_TIMEOUT_MS,
};
use crate::replica::view::{Buckets, Item};
use crate::replica::{LogHead, Refusal, Request, Response, Scid};
use did_resolver::codec::Sha256Digest;
use did_resolver::did::Did;
use std::collections::VecDeque;

/// One domain being pulled from one peer.
#[derive(Debug)]
pub(super) struct Pull {
    pub(super) domain: Scid,
    /// Ids to be fetched.
    missing: VecDeque<Sha256Digest>,
    /// How many items were shown, so that a peer cannot go on for ever.
    shown: usize,
    /// Whether there was more to be fetched than one pull takes.
    again: bool,
}

/// A pull that waits for room in the queue to the judge.
#[derive(Debug)]
pub(super) struct Parked {
    peer: Peer,
    pub(super) pull: Pull,
}

impl Parked {
    pub(super) const fn peer(&self) -> &Peer {
        &self.peer
    }
}

/// What a request is for.
#[derive(Debug)]
pub(super) enum Task {
    Digest(Pull),
    Items { pull: Pull, buckets: Buckets, after: Option<Sha256Digest> },
    Objects { pull: Pull, ids: Vec<Sha256Digest> },
    Log { ticket: Ticket, head: LogHead, so_far: Vec<u8> },
    Resolve,
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
        self.review_all();
        let domains: Vec<_> = self.domains.keys().cloned().collect();
        for domain in domains {
            self.next_turn(&domain, Turn::Any);
            self.next_turn(&domain, Turn::Own);
        }
    }

    /// Requests in flight and parked pulls of a peer.
    #[must_use]
    pub fn pulls_of(&self, peer: &Peer) -> usize {
        let asked = self.asked.values().filter(|a| a.peer == *peer).count();
        asked + self.parked.iter().filter(|p| p.peer == *peer).count()
    }

    /// Starts whatever has waited and now has room.
    pub(super) fn pull_next(&mut self, now: Now) {
        for _ in 0..self.parked.len() {
            if self.room() == 0 {
                break;
            }
            let Some(Parked { peer, pull }) = self.parked.pop_front() else { break };
            self.fetch(peer, pull, now);
        }
        self.start_logs(now);
        let peers: Vec<_> =
            self.peers.iter().filter(|(_, p)| !p.todo.is_empty()).map(|(p, _)| p.clone()).collect();
        for peer in peers {
            while self.pulls_of(&peer) < MAX_PULLS_PER_PEER {
                let Some(domain) = self.peers.get_mut(&peer).and_then(|p| p.todo.pop_front()) else { break };
                let pull = Pull { domain: domain.clone(), missing: VecDeque::new(), shown: 0, again: false };
                self.out.push(Effect::Count { metric: Metric::SyncRounds, kind: None, reason: None });
                self.ask(peer.clone(), Request::Digest { domain }, Task::Digest(pull), now);
            }
        }
    }

    pub(super) fn ask(&mut self, peer: Peer, request: Request, task: Task, now: Now) {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        let deadline = now.mono.plus_ms(REQUEST_TIMEOUT_MS);
        self.asked.insert(id, Asked { peer: peer.clone(), deadline, task });
        self.out.push(Effect::Request { peer, id, request });
    }

    /// How many more objects may be asked for, so that all that is in flight finds room.
    fn room(&self) -> usize {
        let in_flight = |asked: &Asked| match &asked.task {
            Task::Objects { ids, .. } => ids.len(),
            Task::Digest(_) | Task::Items { .. } | Task::Log { .. } | Task::Resolve => 0,
        };
        let taken = self.queue.pulled() + self.asked.values().map(in_flight).sum::<usize>();
        MAX_PENDING_FROM_SYNC.saturating_sub(taken)
    }

    /// Asks for the next objects of a pull, or ends it.
    fn fetch(&mut self, peer: Peer, mut pull: Pull, now: Now) {
        let Some(domain) = self.domains.get(&pull.domain) else { return };
        pull.missing.retain(|id| !domain.view.holds(id) && !self.settled.contains(id));
        if pull.missing.is_empty() {
            if pull.again
                && let Some(from) = self.peers.get_mut(&peer)
            {
                from.wants(&pull.domain);
            }
            return;
        }
        let room = self.room();
        if room == 0 {
            self.parked.push_back(Parked { peer, pull });
            return;
        }
        let count = pull.missing.len().min(room).min(MAX_IDS_PER_REQUEST);
        let ids: Vec<_> = pull.missing.iter().take(count).copied().collect();
        let request = Request::Objects { domain: pull.domain.clone(), ids: ids.clone() };
        self.ask(peer, request, Task::Objects { pull, ids }, now);
    }

    pub(super) fn answered(&mut self, peer: &Peer, id: RequestId, response: Response, now: Now) {
        if self.asked.get(&id).is_none_or(|asked| asked.peer != *peer) {
            return;
        }
        let Some(Asked { peer, task, .. }) = self.asked.remove(&id) else { return };
        let outcome = match (task, response) {
            // It has nothing of this domain, which says nothing against it; another has its turn.
            (Task::Digest(pull), Response::Refused(Refusal::NotSubscribed)) => {
                if let Some(from) = self.peers.get_mut(&peer) {
                    from.replicates(&pull.domain, false);
                }
                self.next_turn(&pull.domain, Turn::Any);
                Err(Refusal::NotSubscribed)
            }
            (task, Response::Refused(reason)) => {
                self.give_up(task, reason);
                Err(reason)
            }
            (Task::Digest(pull), Response::Digest(theirs)) => {
                let differing = self.domains.get_mut(&pull.domain).and_then(|d| d.view.differing(&theirs));
                if let Some(buckets) = differing {
                    self.ask_items(peer, pull, buckets, None, now);
                }
                Ok(())
            }
            (Task::Items { pull, buckets, after }, Response::Items { items, more }) => {
                self.shown(peer, pull, buckets, after, &items, more, now)
            }
            (Task::Objects { pull, ids }, Response::Objects(found)) => {
                self.fetched(peer, pull, &ids, found, now)
            }
            (Task::Log { ticket, head, so_far }, Response::Log { bytes, .. }) => {
                self.log_page(peer, ticket, head, so_far, &bytes, now)
            }
            (Task::Resolve, Response::Envelope(bytes)) => self.take_pulled(&peer, None, None, &bytes),
            (task, _) => {
                self.give_up(task, Refusal::UnexpectedAnswer);
                Err(Refusal::UnexpectedAnswer)
            }
        };
        if let Err(reason) = outcome {
            self.out.push(Effect::Count { metric: Metric::SyncFailed, kind: None, reason: Some(reason) });
        }
    }

    fn ask_items(&mut self, peer: Peer, pull: Pull, buckets: Buckets, after: Option<Sha256Digest>, now: Now) {
        let request = Request::Items { domain: pull.domain.clone(), buckets, after };
        self.ask(peer, request, Task::Items { pull, buckets, after }, now);
    }

    /// Takes a page of items: those that are neither held nor settled are missing.
    #[expect(clippy::too_many_arguments, reason = "the parts of one task and of its answer")]
    fn shown(
        &mut self,
        peer: Peer,
        mut pull: Pull,
        buckets: Buckets,
        mut after: Option<Sha256Digest>,
        items: &[Item],
        more: bool,
        now: Now,
    ) -> Result<(), Refusal> {
        let (Some(domain), Some(from)) = (self.domains.get(&pull.domain), self.peers.get(&peer)) else {
            return Ok(());
        };
        for item in items {
            let id = item.id();
            let [bucket, ..] = id;
            if after.is_some_and(|after| id <= after) || !buckets.contains(bucket) {
                return Err(Refusal::UnexpectedAnswer);
            }
            after = Some(id);
            let known = domain.view.holds(&id) || self.settled.contains(&id) || from.unusable.contains(&id);
            if known || !self.config.kinds.want(item.kind) {
                continue;
            }
            if pull.missing.len() >= MAX_MISSING {
                pull.again = true;
                break;
            }
            pull.missing.push_back(id);
        }
        pull.shown += items.len();
        let full = pull.again || pull.shown > MAX_ITEMS_PER_DOMAIN;
        if more && items.is_empty() {
            return Err(Refusal::UnexpectedAnswer);
        }
        if more && !full {
            self.ask_items(peer, pull, buckets, after, now);
        } else {
            self.fetch(peer, pull, now);
        }
        Ok(())
    }

    /// Takes the objects that came; what was asked for and is not among them is asked again as long
    /// as anything comes.
    fn fetched(
        &mut self,
        peer: Peer,
        mut pull: Pull,
        ids: &[Sha256Digest],
        found: Vec<(Sha256Digest, Vec<u8>)>,
        now: Now,
    ) -> Result<(), Refusal> {
        let mut outcome = Ok(());
        let nothing = found.is_empty();
        for (id, bytes) in found.iter().take(ids.len()) {
            if !ids.contains(id) {
                return Err(Refusal::UnexpectedAnswer);
            }
            pull.missing.retain(|missing| missing != id);
            if let Err(reason) = self.take_pulled(&peer, Some(*id), Some(&pull.domain), bytes) {
                self.mark_unusable(&peer, *id);
                outcome = Err(reason);
            }
        }
        if nothing {
            for id in ids {
                self.mark_unusable(&peer, *id);
            }
            pull.missing.retain(|id| !ids.contains(id));
        }
        self.fetch(peer, pull, now);
        outcome
    }

    fn mark_unusable(&mut self, peer: &Peer, id: Sha256Digest) {
        if let Some(from) = self.peers.get_mut(peer) {
            from.unusable.insert(id);
        }
    }

    /// Puts a pulled envelope into the queue, whatever its expiry says.
    fn take_pulled(
        &mut self,
        peer: &Peer,
        id: Option<Sha256Digest>,
        domain: Option<&Scid>,
        bytes: &[u8],
    ) -> Result<(), Refusal> {
        let envelope = self.taken(bytes)?;
        if domain.is_some_and(|domain| *domain != envelope.body().domain) {
            return Err(Refusal::NotAsAnnounced);
        }
        if !self.domains.contains_key(&envelope.body().domain) {
            return Err(Refusal::NotSubscribed);
        }
        if !self.under_way(&envelope.id()) {
            let source = Source::Sync { peer: peer.clone(), id };
            self.enqueue(Entry { source, envelope: Box::new(envelope) });
        }
        Ok(())
    }

    /// Asks a peer for the log of a domain whose document here may be too old.
    pub(super) fn resolve(&mut self, peer: &Peer, did: &Did, now: Now) {
        if self.peers.contains_key(peer) && self.pulls_of(peer) < MAX_PULLS_PER_PEER {
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
    fn give_up(&mut self, task: Task, reason: Refusal) {
        match task {
            Task::Log { ticket, .. } => self.finish(ticket, Err(reason)),
            Task::Digest(_) | Task::Items { .. } | Task::Objects { .. } | Task::Resolve => {}
        }
    }

    /// Ends everything that depended on a peer that is gone.
    pub(super) fn abandon(&mut self, peer: &Peer) {
        let ids: Vec<_> = self.asked.iter().filter(|(_, a)| a.peer == *peer).map(|(id, _)| *id).collect();
        ids.into_iter().for_each(|id| self.fail(id));
        self.parked.retain(|p| p.peer != *peer);
        self.abandon_logs(peer);
    }
}
