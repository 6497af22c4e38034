//! Envelopes that wait to be judged: bounded, revocations first.

use super::io::{Peer, Via};
use crate::replica::limits::{MAX_PENDING, MAX_PENDING_FROM_SYNC};
use crate::replica::view::ItemKind;
use crate::replica::{Envelope, Scid};
use did_resolver::codec::Sha256Digest;
use std::collections::VecDeque;

/// How an envelope came, and what is owed for it.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// By gossip: gossipsub waits for a report.
    Gossip { peer: Peer, message_id: Vec<u8> },
    /// By a pull, as the item of this id, if it was asked for by id.
    Sync { peer: Peer, id: Option<Sha256Digest> },
}

impl Source {
    pub(super) const fn peer(&self) -> &Peer {
        match self {
            Self::Gossip { peer, .. } | Self::Sync { peer, .. } => peer,
        }
    }

    pub(super) const fn via(&self) -> Via {
        match self {
            Self::Gossip { .. } => Via::Gossip,
            Self::Sync { .. } => Via::Sync,
        }
    }
}

/// One envelope that waits.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) source: Source,
    pub(super) envelope: Box<Envelope>,
}

impl Entry {
    fn urgent(&self) -> bool {
        self.envelope.body().kind.rule().urgent
    }

    fn pulled(&self) -> bool {
        self.source.via() == Via::Sync
    }
}

/// What is about to be judged, so that one subject is judged once at a time.
pub(super) type Subject = (Scid, ItemKind, String);

/// The subject of an envelope.
pub(super) fn subject(envelope: &Envelope) -> Subject {
    let body = envelope.body();
    (body.domain.clone(), body.kind.item_kind(), body.subject.clone())
}

/// The queue: what is urgent, since it may revoke, before what is not; within each in order of arrival.
#[derive(Debug, Default)]
pub(super) struct Queue {
    urgent: VecDeque<Entry>,
    rest: VecDeque<Entry>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.urgent.len() + self.rest.len()
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.urgent.iter().chain(&self.rest)
    }

    pub(super) fn pulled(&self) -> usize {
        self.entries().filter(|e| e.pulled()).count()
    }

    pub(super) fn pulled_of(&self, domain: &Scid) -> usize {
        self.entries().filter(|e| e.pulled() && e.envelope.body().domain == *domain).count()
    }

    pub(super) fn holds(&self, id: &Sha256Digest) -> bool {
        self.entries().any(|e| e.envelope.id() == *id)
    }

    /// Adds an entry. Answers with the one that had no room: it, or where it is urgent, the one
    /// that is not and came last.
    pub(super) fn push(&mut self, entry: Entry) -> Option<Entry> {
        if entry.pulled() && self.pulled() >= MAX_PENDING_FROM_SYNC {
            return Some(entry);
        }
        let full = self.len() >= MAX_PENDING;
        if !entry.urgent() {
            if full {
                return Some(entry);
            }
            self.rest.push_back(entry);
            return None;
        }
        let displaced = if full { self.rest.pop_back() } else { None };
        if full && displaced.is_none() {
            return Some(entry);
        }
        self.urgent.push_back(entry);
        displaced
    }

    /// Takes the first entry whose subject is not `busy`.
    pub(super) fn next(&mut self, busy: impl Fn(&Subject) -> bool) -> Option<Entry> {
        for queue in [&mut self.urgent, &mut self.rest] {
            let at = queue.iter().position(|e| !busy(&subject(&e.envelope)));
            if let Some(entry) = at.and_then(|at| queue.remove(at)) {
                return Some(entry);
            }
        }
        None
    }

    /// Takes every entry of a domain.
    pub(super) fn remove_domain(&mut self, domain: &Scid) -> Vec<Entry> {
        let mut gone = Vec::new();
        for queue in [&mut self.urgent, &mut self.rest] {
            let (of_it, rest) = queue.drain(..).partition(|e| e.envelope.body().domain == *domain);
            *queue = rest;
            let of_it: VecDeque<Entry> = of_it;
            gone.extend(of_it);
        }
        gone
    }
}
