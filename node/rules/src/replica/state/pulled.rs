//! What comes of what was asked for (MESH.md D6).

use super::effect::Effect;
use super::io::{Peer, RequestId};
use super::metrics::Metric;
use super::peers::Turn;
use super::pull::{Asked, Pull, Task};
use super::queue::{Entry, Source};
use super::{Now, State};
use crate::replica::limits::{MAX_ITEMS_PER_DOMAIN, MAX_MISSING, MAX_PAGE_BYTES, MAX_RANGES};
use crate::replica::view::range::{Part, Prefix, around};
use crate::replica::view::{Item, Narrowed};
use crate::replica::{Refusal, Response, Scid};
use did_resolver::codec::Sha256Digest;

impl State {
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
            (Task::Digest(mut pull), Response::Digest(theirs)) => {
                let differing = self.domains.get_mut(&pull.domain).map(|d| d.view.differing(&theirs));
                differing.unwrap_or(Ok(None)).map(|differing| {
                    if let Some(ranges) = differing {
                        pull.ranges = ranges;
                        self.yield_turn(&peer, pull);
                    }
                })
            }
            (Task::Ranges { pull, prefixes }, Response::Ranges(parts)) => {
                self.compared(&peer, pull, &prefixes, &parts)
            }
            (Task::Items { pull, prefixes, after }, Response::Items { items, more }) => {
                self.shown(&peer, pull, prefixes, after, &items, more)
            }
            (Task::Objects { pull, ids }, Response::Objects(found)) => self.fetched(&peer, pull, &ids, found),
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

    /// Takes what is said of ranges: where to look further.
    fn compared(
        &mut self,
        peer: &Peer,
        mut pull: Box<Pull>,
        prefixes: &[Prefix],
        parts: &[Part],
    ) -> Result<(), Refusal> {
        if prefixes.len() != parts.len() {
            return Err(Refusal::UnexpectedAnswer);
        }
        let Some(domain) = self.domains.get(&pull.domain) else { return Ok(()) };
        for (prefix, part) in prefixes.iter().zip(parts) {
            let Narrowed { compare, list } = domain.view.narrow(prefix, part);
            pull.ranges.compare.extend(compare);
            pull.ranges.list.extend(list);
        }
        // What is over it shows in the next round.
        for ranges in [&mut pull.ranges.compare, &mut pull.ranges.list] {
            ranges.sort_unstable();
            ranges.truncate(MAX_RANGES);
        }
        self.yield_turn(peer, pull);
        Ok(())
    }

    /// Takes a page of items: those that are neither held nor settled are missing.
    fn shown(
        &mut self,
        peer: &Peer,
        mut pull: Box<Pull>,
        prefixes: Vec<Prefix>,
        mut after: Option<Sha256Digest>,
        items: &[Item],
        more: bool,
    ) -> Result<(), Refusal> {
        let (Some(domain), Some(from)) = (self.domains.get(&pull.domain), self.peers.get(peer)) else {
            return Ok(());
        };
        for item in items {
            let id = item.id();
            if after.is_some_and(|after| id <= after) || around(&prefixes, &id).is_none() {
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
        pull.page = after.filter(|_| more && !full).map(|after| (prefixes, after));
        self.yield_turn(peer, pull);
        Ok(())
    }

    /// Takes the objects that came, within the bounds of a page; what was asked for and is not among them is
    /// asked again as long as anything comes.
    fn fetched(
        &mut self,
        peer: &Peer,
        mut pull: Box<Pull>,
        ids: &[Sha256Digest],
        found: Vec<(Sha256Digest, Vec<u8>)>,
    ) -> Result<(), Refusal> {
        let mut outcome = Ok(());
        let bytes: usize = found.iter().map(|(_, envelope)| envelope.len()).sum();
        if bytes > MAX_PAGE_BYTES && found.len() > 1 {
            return Err(Refusal::UnexpectedAnswer);
        }
        let nothing = found.is_empty();
        for (id, bytes) in found.iter().take(ids.len()) {
            if !ids.contains(id) {
                return Err(Refusal::UnexpectedAnswer);
            }
            pull.missing.retain(|missing| missing != id);
            if let Err(reason) = self.take_pulled(peer, Some(*id), Some(&pull.domain), bytes) {
                self.mark_unusable(peer, *id);
                outcome = Err(reason);
            }
        }
        if nothing {
            for id in ids {
                self.mark_unusable(peer, *id);
            }
            pull.missing.retain(|id| !ids.contains(id));
        }
        self.yield_turn(peer, pull);
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
}
