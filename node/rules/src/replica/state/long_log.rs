//! Logs too long to be pushed: pulled page by page, as their head announced them (MESH.md D3).

use super::io::{Peer, Ticket};
use super::jobs::Phase;
use super::pull::Task;
use super::{Now, State};
use crate::replica::limits::{MAX_LOG_PULLS, MAX_LOG_PULLS_WAITING, MAX_PULLS_PER_PEER};
use crate::replica::{LogHead, Refusal, Request};
use did_resolver::codec::sha256;

/// A long log that waits for its turn.
#[derive(Debug)]
pub(super) struct WaitingLog {
    ticket: Ticket,
    peer: Peer,
    head: LogHead,
}

impl State {
    pub(super) fn log_pulls(&self) -> usize {
        let asked = self.asked.values().filter(|a| matches!(a.task, Task::Log { .. })).count();
        asked + self.jobs.values().filter(|job| matches!(job.phase, Phase::Pulled(_))).count()
    }

    /// Starts the pulls that have waited and now have room.
    pub(super) fn start_logs(&mut self, now: Now) {
        for _ in 0..self.waiting_logs.len() {
            let Some(waiting) = self.waiting_logs.pop_front() else { break };
            if self.log_pulls() >= MAX_LOG_PULLS || self.in_flight(&waiting.peer) >= MAX_PULLS_PER_PEER {
                self.waiting_logs.push_back(waiting);
                continue;
            }
            let WaitingLog { ticket, peer, head } = waiting;
            self.ask_log(peer, ticket, head, Vec::new(), now);
        }
    }

    /// Lines up the pull of a long log.
    pub(super) fn pull_log(&mut self, ticket: Ticket, peer: Peer, head: LogHead) {
        if self.waiting_logs.len() >= MAX_LOG_PULLS_WAITING {
            return self.finish(ticket, Err(Refusal::Overloaded));
        }
        if let Some(job) = self.jobs.get_mut(&ticket) {
            job.phase = Phase::Pulling;
            self.waiting_logs.push_back(WaitingLog { ticket, peer, head });
        }
    }

    fn ask_log(&mut self, peer: Peer, ticket: Ticket, head: LogHead, so_far: Vec<u8>, now: Now) {
        let (did, digest, offset) = (head.did.clone(), head.digest, so_far.len() as u64);
        self.ask(peer, Request::Log { did, digest, offset }, Task::Log { ticket, head, so_far }, now);
    }

    /// Takes a page of a log. The source may hold a longer log by now, of which ours is the beginning.
    pub(super) fn log_page(
        &mut self,
        peer: Peer,
        ticket: Ticket,
        head: LogHead,
        mut so_far: Vec<u8>,
        page: &[u8],
        now: Now,
    ) -> Result<(), Refusal> {
        if !self.jobs.contains_key(&ticket) {
            return Ok(());
        }
        let length = usize::try_from(head.length).unwrap_or(usize::MAX);
        let wanted = length.saturating_sub(so_far.len());
        so_far.extend(page.iter().take(wanted));
        if so_far.len() == length && sha256(&so_far) == head.digest {
            if let Some(job) = self.jobs.get_mut(&ticket) {
                job.phase = Phase::Pulled(so_far);
            }
            return Ok(());
        }
        if page.is_empty() || so_far.len() == length {
            self.finish(ticket, Err(Refusal::NotAsAnnounced));
            return Err(Refusal::NotAsAnnounced);
        }
        self.ask_log(peer, ticket, head, so_far, now);
        Ok(())
    }

    /// Forgets the pull of a log whose job is over.
    pub(super) fn cancel_log(&mut self, ticket: Ticket) {
        self.waiting_logs.retain(|w| w.ticket != ticket);
        self.asked.retain(|_, a| !matches!(a.task, Task::Log { ticket: t, .. } if t == ticket));
    }

    /// Ends the pulls that waited for a peer that is gone.
    pub(super) fn abandon_logs(&mut self, peer: &Peer) {
        let of_peer = self.waiting_logs.iter().filter(|w| w.peer == *peer);
        let gone: Vec<_> = of_peer.map(|w| w.ticket).collect();
        gone.into_iter().for_each(|ticket| self.finish(ticket, Err(Refusal::TimedOut)));
    }
}
