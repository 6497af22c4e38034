//! An envelope on its way: to the judge, to the store, and what its sender is told in the end (MESH.md D4).

use super::effect::{Effect, Report};
use super::io::{About, Peer, Ticket, Verdict, Via};
use super::metrics::Metric;
use super::queue::{Entry, Source, subject};
use super::{MonoMillis, Now, State};
use crate::replica::limits::{MAX_JUDGING, TICKET_TIMEOUT_MS};
use crate::replica::penalty::{Penalty, penalty};
use crate::replica::view::{Item, ItemKind};
use crate::replica::{Envelope, Kind, LogHead, Refusal, Scid};

/// Where an envelope is on its way.
#[derive(Debug)]
pub(super) enum Phase {
    /// At the judge.
    Judging,
    /// Its log is being pulled, or waits for that.
    Pulling,
    /// Its log is here, and waits for room at the judge.
    Pulled(Vec<u8>),
    /// At the store; once durable, this is all that is held of the subject, and why the new does not count.
    Persisting(Vec<Item>, Option<Refusal>),
}

/// One envelope on its way.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) source: Source,
    pub(super) envelope: Box<Envelope>,
    pub(super) phase: Phase,
    pub(super) deadline: MonoMillis,
    /// Whether this node published something of its subject since it went to the judge.
    pub(super) is_overtaken: bool,
}

impl State {
    /// Whether this very envelope waits already or is on its way.
    pub(super) fn under_way(&self, id: &did_resolver::codec::Sha256Digest) -> bool {
        self.queue.holds(id) || self.jobs.values().any(|job| job.envelope.id() == *id)
    }

    pub(super) fn enqueue(&mut self, entry: Entry) {
        if let Some(displaced) = self.queue.push(entry) {
            self.dispose(displaced.source, &displaced.envelope, Err(Refusal::Overloaded));
        }
    }

    /// How many envelopes are at the judge or the store.
    pub(super) fn judging(&self) -> usize {
        self.jobs.values().filter(|j| !matches!(j.phase, Phase::Pulling | Phase::Pulled(_))).count()
    }

    /// Hands out what waits, as long as there is room; first what is on its way already.
    pub(super) fn judge_next(&mut self, now: Now) {
        while self.judging() < MAX_JUDGING {
            if let Some((ticket, log)) = self.next_pulled() {
                self.judge(ticket, Some(log));
                continue;
            }
            let jobs = &self.jobs;
            let busy = |s: &_| jobs.values().any(|job| subject(&job.envelope) == *s);
            let Some(Entry { source, envelope }) = self.queue.next(busy) else { return };
            // Something newer may have come while it waited.
            if source.via() == Via::Gossip
                && let Err(reason) = self.news(&envelope)
            {
                self.dispose(source, &envelope, Err(reason));
                continue;
            }
            let ticket = Ticket(self.next_ticket);
            self.next_ticket += 1;
            let deadline = now.mono.plus_ms(TICKET_TIMEOUT_MS);
            let phase = Phase::Judging;
            self.jobs.insert(ticket, Job { source, envelope, phase, deadline, is_overtaken: false });
            self.judge(ticket, None);
        }
    }

    fn next_pulled(&mut self) -> Option<(Ticket, Vec<u8>)> {
        self.jobs.iter_mut().find_map(|(ticket, job)| match &mut job.phase {
            Phase::Pulled(log) => Some((*ticket, std::mem::take(log))),
            _ => None,
        })
    }

    fn judge(&mut self, ticket: Ticket, log: Option<Vec<u8>>) {
        let Some(job) = self.jobs.get_mut(&ticket) else { return };
        job.phase = Phase::Judging;
        job.is_overtaken = false;
        let (peer, via) = (job.source.peer().clone(), job.source.via());
        self.out.push(Effect::Judge { ticket, peer, via, envelope: job.envelope.clone(), log });
    }

    pub(super) fn judged(&mut self, ticket: Ticket, verdict: Verdict, now: Now) {
        let Some(job) = self.jobs.get(&ticket).filter(|j| matches!(j.phase, Phase::Judging)) else { return };
        let peer = job.source.peer().clone();
        let domain = job.envelope.body().domain.clone();
        match verdict {
            Verdict::Accept { held } => self.persist(ticket, held, None),
            Verdict::Beside(held, reason) => {
                self.slow_equivocator(&domain, reason, now.mono);
                self.persist(ticket, held, Some(reason));
            }
            Verdict::Same { held } => {
                self.hold_unless_overtaken(ticket, held);
                self.finish(ticket, Err(Refusal::Known));
            }
            Verdict::Older { item, held } => {
                self.hold_unless_overtaken(ticket, held);
                self.settled.insert(item.id());
                self.finish(ticket, Err(Refusal::Older));
            }
            Verdict::Ignore(reason) => {
                self.slow_equivocator(&domain, reason, now.mono);
                if matches!(reason, Refusal::UnknownParent | Refusal::UnknownKey)
                    && job_is_gossip(&self.jobs, ticket)
                {
                    self.want(&domain, &peer);
                }
                self.finish_as(ticket, Err(reason), Report::Ignore);
            }
            Verdict::Reject(reason) => self.finish(ticket, Err(reason)),
            Verdict::NeedLog => match self.jobs.get(&ticket).map(|job| LogHead::of(job.envelope.body())) {
                Some(Ok(head)) => self.pull_log(ticket, peer, head),
                Some(Err(reason)) => self.finish(ticket, Err(reason)),
                None => {}
            },
            Verdict::NeedDomain { did } => {
                self.resolve(&peer, &did, now);
                self.finish_as(ticket, Err(Refusal::UnknownKey), Report::Ignore);
            }
        }
    }

    fn persist(&mut self, ticket: Ticket, held: Vec<Item>, beside: Option<Refusal>) {
        match (self.acceptable(ticket, &held), self.jobs.get_mut(&ticket)) {
            (Ok(()), Some(job)) => {
                job.phase = Phase::Persisting(held, beside);
                self.out.push(Effect::Persist { ticket });
            }
            (Err(reason), _) => self.finish(ticket, Err(reason)),
            (Ok(()), None) => {}
        }
    }

    fn slow_equivocator(&mut self, domain: &Scid, reason: Refusal, now: MonoMillis) {
        if reason == Refusal::Equivocation
            && let Some(domain) = self.domains.get_mut(domain)
        {
            domain.slow(now);
        }
    }

    /// Has what is missing of a domain pulled, from the peer that knew of something newer and, since that
    /// one may have passed on what it does not hold either, from a node of the domain itself.
    fn want(&mut self, domain: &Scid, from: &Peer) {
        let of_domain = |peer: &&Peer| *peer != from;
        let own = self.admitted().filter(|(_, of)| *of == domain).map(|(peer, _)| peer).filter(of_domain);
        let own: Vec<_> = own.cloned().collect();
        let at = usize::try_from(self.random_below(own.len() as u64)).unwrap_or(0);
        for peer in [Some(from), own.get(at)].into_iter().flatten() {
            if let Some(peer) = self.peers.get_mut(peer) {
                peer.wants(domain);
            }
        }
    }

    /// Whether `held` may become what is held of the envelope's subject. A log never loses a number; what
    /// is never held changes nothing here.
    fn acceptable(&self, ticket: Ticket, held: &[Item]) -> Result<(), Refusal> {
        let body = self.jobs.get(&ticket).map(|job| job.envelope.body()).ok_or(Refusal::Withdrawn)?;
        let view = &self.domains.get(&body.domain).ok_or(Refusal::Withdrawn)?.view;
        if !body.kind.is_held() {
            return if held.is_empty() { Ok(()) } else { Err(Refusal::Inconsistent) };
        }
        let kind = body.kind.item_kind();
        let of_subject = |item: &Item| item.kind == kind && item.subject == body.subject;
        if held.is_empty() || !held.iter().all(of_subject) {
            return Err(Refusal::Inconsistent);
        }
        if !view.has_room(held) {
            return Err(Refusal::Overloaded);
        }
        if kind == ItemKind::Log && view.is_behind(held) {
            return Err(Refusal::Inconsistent);
        }
        Ok(())
    }

    /// Notes what was durable of the subject of a job when it was judged. Nothing was written for it, so that
    /// what this node published since is newer.
    fn hold_unless_overtaken(&mut self, ticket: Ticket, held: Vec<Item>) {
        if self.jobs.get(&ticket).is_some_and(|job| !job.is_overtaken) {
            self.hold(ticket, held);
        }
    }

    /// Notes that this node published something of a subject.
    pub(super) fn overtake(&mut self, published: &Envelope) {
        let of_it = subject(published);
        let jobs = self.jobs.values_mut().filter(|job| subject(&job.envelope) == of_it);
        jobs.for_each(|job| job.is_overtaken = true);
    }

    /// Notes what is durable of the subject of a job; the items that it replaces are settled.
    fn hold(&mut self, ticket: Ticket, held: Vec<Item>) {
        if held.is_empty() || self.acceptable(ticket, &held).is_err() {
            return;
        }
        let Some(job) = self.jobs.get(&ticket) else { return };
        let Some(domain) = self.domains.get_mut(&job.envelope.body().domain) else { return };
        for id in domain.view.replace(held).unwrap_or_default() {
            self.settled.insert(id);
        }
    }

    pub(super) fn persisted(&mut self, ticket: Ticket) {
        let (held, beside) = match self.jobs.get_mut(&ticket).map(|job| &mut job.phase) {
            Some(Phase::Persisting(held, beside)) => (std::mem::take(held), *beside),
            _ => return,
        };
        let about = self.jobs.get(&ticket).map(|job| About::of(&job.envelope));
        self.hold(ticket, held);
        // What is held beside is passed on as well; whoever watches is told why it does not count.
        self.finish_as(ticket, beside.map_or(Ok(()), Err), Report::Accept);
        if let Some(about) = about {
            self.review_by(&about);
        }
    }

    /// Ends a job, charging what its reason is charged.
    pub(super) fn finish(&mut self, ticket: Ticket, outcome: Result<(), Refusal>) {
        self.finish_as(ticket, outcome, report_for(outcome));
    }

    fn finish_as(&mut self, ticket: Ticket, outcome: Result<(), Refusal>, report: Report) {
        let Some(job) = self.jobs.remove(&ticket) else { return };
        self.cancel_log(ticket);
        if matches!(outcome, Ok(()) | Err(Refusal::Known | Refusal::Older | Refusal::DeadKey))
            || report != Report::Ignore
        {
            self.seen.insert(job.envelope.id());
        }
        self.dispose_as(job.source, &job.envelope, outcome, report);
    }

    /// Says what became of an envelope to whoever waits for it.
    pub(super) fn dispose(&mut self, source: Source, envelope: &Envelope, outcome: Result<(), Refusal>) {
        self.dispose_as(source, envelope, outcome, report_for(outcome));
    }

    fn dispose_as(
        &mut self,
        source: Source,
        envelope: &Envelope,
        outcome: Result<(), Refusal>,
        report: Report,
    ) {
        let kind = Some(envelope.body().kind);
        let (peer, via, about) = (source.peer().clone(), source.via(), Some(Box::new(About::of(envelope))));
        self.out.push(Effect::Settled { peer, via, about, outcome });
        match source {
            Source::Gossip { peer, message_id } => self.report_as(peer, message_id, kind, outcome, report),
            Source::Sync { peer, id } => {
                let metric = if outcome.is_ok() { Metric::SyncAccepted } else { Metric::SyncIgnored };
                self.out.push(Effect::Count { metric, kind, reason: outcome.err() });
                let held = |id| self.domains.get(&envelope.body().domain).is_some_and(|d| d.view.holds(id));
                // What was announced under this id and turned out to be something else, or bad, is
                // not asked of this peer again; from another peer it may be good.
                if let Some(id) = id
                    && (outcome.is_ok() || report == Report::Reject || penalty_free(outcome))
                    && !held(&id)
                    && let Some(from) = self.peers.get_mut(&peer)
                {
                    from.unusable.insert(id);
                }
            }
        }
    }

    pub(super) fn report(
        &mut self,
        peer: Peer,
        message_id: Vec<u8>,
        kind: Option<Kind>,
        outcome: Result<(), Refusal>,
    ) {
        self.out.push(Effect::Settled { peer: peer.clone(), via: Via::Gossip, about: None, outcome });
        self.report_as(peer, message_id, kind, outcome, report_for(outcome));
    }

    fn report_as(
        &mut self,
        peer: Peer,
        message_id: Vec<u8>,
        kind: Option<Kind>,
        outcome: Result<(), Refusal>,
        report: Report,
    ) {
        let metric = match report {
            Report::Accept => Metric::GossipAccepted,
            Report::Ignore => Metric::GossipIgnored,
            Report::Reject => Metric::GossipRejected,
        };
        self.out.push(Effect::Report { peer, message_id, report });
        self.out.push(Effect::Count { metric, kind, reason: outcome.err() });
    }

    pub(super) fn expire_jobs(&mut self, now: MonoMillis) {
        let late: Vec<_> = self.jobs.iter().filter(|(_, j)| j.deadline <= now).map(|(t, _)| *t).collect();
        for ticket in late {
            self.finish(ticket, Err(Refusal::TimedOut));
        }
    }
}

fn job_is_gossip(jobs: &std::collections::BTreeMap<Ticket, Job>, ticket: Ticket) -> bool {
    jobs.get(&ticket).is_some_and(|job| job.source.via() == Via::Gossip)
}

fn penalty_free(outcome: Result<(), Refusal>) -> bool {
    outcome.is_err_and(|reason| penalty(reason) == Penalty::None)
}

fn report_for(outcome: Result<(), Refusal>) -> Report {
    match outcome.map_err(penalty) {
        Ok(()) => Report::Accept,
        Err(Penalty::Reject) => Report::Reject,
        Err(Penalty::Ignore | Penalty::None) => Report::Ignore,
    }
}
