//! Members that went bad. A hostile node runs the same replica, so that it is connected and knows what
//! there is; what it sends is its own.

use crate::disk::{Key, no_bits};
use crate::library::LIBRARY;
use crate::links::Packet;
use crate::publish::{LIFE, Said, list_url};
use crate::world::{World, scid};
use did_resolver::codec::{Sha256Digest, sha256};
use did_resolver::time::UnixSeconds;
use marque_rules::replica::limits::{MAX_NUMBER, MAX_SEQUENCE_JUMP};
use marque_rules::replica::view::range::Part;
use marque_rules::replica::{Envelope, Item, ItemKind, Lane, Refusal, Response, Topic};
use std::rc::Rc;

/// Messages in one flood, to each neighbour.
const FLOOD: usize = 150;

/// Old messages in one replay.
const REPLAY: usize = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Malice {
    /// Says another history of a DID of its domain: by the current key, or a stolen one that is rotated
    /// at once.
    Fork,
    /// Sends again what was said long ago.
    Replay,
    /// Passes nothing on, and answers digests but not for objects.
    Withhold,
    /// Changes what it passes on and answers.
    Corrupt,
    /// Sends much: garbage, and again what is good.
    Flood,
    /// Runs the numbers of a list to their end.
    FastForward,
    /// Signs a list that clears what was revoked.
    Unrevoke,
    /// Signs two lists of one number.
    Equivocate,
    /// Signs two statements of one number, or one that runs the numbers to their end.
    Misstate,
    /// Signs what is past its time, or before it.
    Untimely,
}

impl Malice {
    pub(crate) const ALL: [Self; 10] = [
        Self::Fork,
        Self::Replay,
        Self::Withhold,
        Self::Corrupt,
        Self::Flood,
        Self::FastForward,
        Self::Unrevoke,
        Self::Equivocate,
        Self::Misstate,
        Self::Untimely,
    ];
}

impl World {
    fn is(&self, node: usize, malice: Malice) -> bool {
        self.nodes[node].malice.contains(&malice)
    }

    /// A hostile node does one of the things that it does.
    pub(crate) fn harm(&mut self, node: usize) {
        if !self.nodes[node].is_up() {
            return;
        }
        let kinds: Vec<_> = self.nodes[node].malice.iter().copied().collect();
        match self.random.among(&kinds) {
            Some(Malice::Fork) => self.fork(node),
            Some(Malice::Replay) => self.replay(node),
            Some(Malice::Flood) => self.pour(node),
            Some(Malice::Misstate) => self.misstate(node),
            Some(
                malice @ (Malice::FastForward | Malice::Unrevoke | Malice::Equivocate | Malice::Untimely),
            ) => {
                self.forge_list(node, malice);
            }
            Some(Malice::Withhold | Malice::Corrupt) | None => {}
        }
    }

    /// Tells a part of the neighbours one history, and the others another.
    fn fork(&mut self, node: usize) {
        // By its newest key, which the fork may not list, or by the first, which all do.
        let newest = self.own_version(node).filter(|_| self.random.one_in(2));
        let number = newest.unwrap_or(1);
        let domain = self.nodes[node].domain;
        let story = self.random.index(LIBRARY.domains[domain].stories.len());
        let story = &LIBRARY.domains[domain].stories[story];
        let mut said = Vec::new();
        for _ in 0..2 {
            let fork = &story.forks[self.random.index(story.forks.len())];
            let telling = &fork.tellings[self.random.index(fork.tellings.len())];
            let is_approved = !self.random.one_in(4);
            let witness = if is_approved { telling.approvals.first() } else { telling.too_few.as_ref() };
            let is_head = false;
            let witness = witness.map(Vec::as_slice);
            said.push(self.say_log(node, number, &Said { story, telling, witness, is_head }));
        }
        self.tally.count("forks said");
        let topic = Topic::new(scid(domain), Lane::Did);
        self.tell_apart(node, &topic, &said);
    }

    /// Sends each neighbour one of these, at random.
    fn tell_apart(&mut self, node: usize, topic: &Topic, said: &[Envelope]) {
        for envelope in said {
            self.nodes[node].archive.push((topic.clone(), envelope.bytes().into()));
        }
        for other in self.nodes[node].links.clone() {
            if let Some(envelope) = self.random.among(said) {
                self.whisper(node, other, topic, envelope.bytes().into());
            }
        }
    }

    fn whisper(&mut self, node: usize, other: usize, topic: &Topic, bytes: Rc<[u8]>) {
        let id = sha256(&bytes);
        self.send(node, other, Packet::Gossip { topic: topic.clone(), id, bytes });
    }

    fn replay(&mut self, node: usize) {
        self.tally.count("replays");
        for other in self.nodes[node].links.clone() {
            for _ in 0..REPLAY {
                let at = self.random.index(self.nodes[node].archive.len());
                if let Some((topic, bytes)) = self.nodes[node].archive.get(at).cloned() {
                    self.whisper(node, other, &topic, bytes);
                }
            }
        }
    }

    fn pour(&mut self, node: usize) {
        let links: Vec<_> = self.nodes[node].links.iter().copied().collect();
        let Some(victim) = self.random.among(&links) else { return };
        self.tally.add("messages of floods", FLOOD as u64);
        let domain = self.random.index(self.plan.domains);
        let topic = Topic::new(scid(domain), Lane::Status);
        for n in 0..FLOOD {
            let at = self.random.index(self.nodes[node].archive.len());
            match self.nodes[node].archive.get(at).cloned() {
                Some((topic, bytes)) if n % 4 == 0 => self.whisper(node, victim, &topic, bytes),
                // Good bytes on the wrong topic, or with a bit changed.
                Some((_, bytes)) if n % 4 == 1 => self.whisper(node, victim, &topic, bytes),
                Some((topic, bytes)) if n % 4 == 2 => {
                    let (_, bytes) = self.flip(&bytes);
                    self.whisper(node, victim, &topic, bytes);
                }
                _ => {
                    let garbage: Vec<u8> = (0..40).map(|_| self.random.number() as u8).collect();
                    self.whisper(node, victim, &topic, garbage.into());
                }
            }
        }
    }

    /// Signs what an honest node of its domain would not, in that node's name.
    fn forge_list(&mut self, node: usize, malice: Malice) {
        let number = self.own_version(node).unwrap_or(1);
        let domain = self.nodes[node].domain;
        let writer = self.random.among(&self.members(domain)).unwrap();
        let url = list_url(domain, writer);
        let key: Key = (scid(domain).clone(), ItemKind::StatusList, url.clone());
        let held = self.nodes[node].disk.get(&key).cloned().unwrap_or_default();
        let bits = held.list().cloned().unwrap_or_else(no_bits);
        let seq = held.highest();
        let with = |index: u64| {
            let mut more = bits.clone();
            more.set((index % 256) as u32).unwrap();
            more
        };
        let (one, two) = (with(self.random.number()), with(self.random.number()));
        let lists = match malice {
            Malice::FastForward => {
                let at = match self.random.below(3) {
                    0 => u64::MAX,
                    1 => seq.saturating_add(MAX_SEQUENCE_JUMP).saturating_add(1),
                    _ => seq.saturating_add(MAX_SEQUENCE_JUMP),
                };
                vec![(at, one)]
            }
            Malice::Unrevoke => {
                let mut fewer = bits.clone();
                if let Some(index) = bits.indices_set().next() {
                    fewer.clear(index).unwrap();
                }
                vec![(seq.saturating_add(1), fewer)]
            }
            Malice::Equivocate => vec![(seq.saturating_add(1), one), (seq.saturating_add(1), two)],
            _ => vec![(seq.saturating_add(1), one)],
        };
        let issued = self.issued(node);
        let times = match malice {
            Malice::Untimely if self.random.one_in(2) => {
                let expired = UnixSeconds::new(issued.get() - 8_000);
                (expired, expired.plus(LIFE))
            }
            Malice::Untimely => (issued.plus(LIFE), issued.plus(LIFE)),
            _ => (issued, issued.plus(LIFE)),
        };
        self.tally.count(match malice {
            Malice::FastForward => "lists run ahead",
            Malice::Unrevoke => "lists that clear",
            Malice::Equivocate => "lists of one number",
            _ => "lists out of their time",
        });
        let said: Vec<_> =
            lists.iter().map(|(seq, bits)| self.say_list(node, number, &url, (*seq, bits), times)).collect();
        let topic = Topic::new(scid(domain), Lane::Status);
        self.tell_apart(node, &topic, &said);
    }

    /// States what its domain does not, in its name.
    fn misstate(&mut self, node: usize) {
        let number = self.own_version(node).unwrap_or(1);
        let held = self.nodes[node].disk.get(&self.statement_key(node)).and_then(|held| held.statement_floor);
        let held = held.map_or(0, |at| at.number);
        let seq = match self.random.below(6) {
            0 => MAX_NUMBER,
            1 | 2 => held,
            _ => held.saturating_add(1).min(MAX_NUMBER),
        };
        self.tally.count(if seq == MAX_NUMBER { "statements run ahead" } else { "statements of one number" });
        let mut said = Vec::new();
        for _ in 0..2 {
            let which = self.random.number();
            said.push(self.say_recognitions(node, number, (seq, which)));
        }
        let topic = Topic::new(scid(self.nodes[node].domain), Lane::Did);
        self.tell_apart(node, &topic, &said);
    }

    /// Whether a hostile node passes a message on to nobody. It remembers it.
    pub(crate) fn keeps_back(&mut self, node: usize, topic: &Topic, bytes: &Rc<[u8]>) -> bool {
        self.nodes[node].archive.push((topic.clone(), Rc::clone(bytes)));
        self.is(node, Malice::Withhold)
    }

    /// A message as this node passes it on.
    pub(crate) fn corrupted(
        &mut self,
        node: usize,
        id: Sha256Digest,
        bytes: &Rc<[u8]>,
    ) -> (Sha256Digest, Rc<[u8]>) {
        if self.is(node, Malice::Corrupt) && self.random.one_in(2) {
            self.tally.count("messages changed");
            self.flip(bytes)
        } else {
            (id, Rc::clone(bytes))
        }
    }

    fn flip(&mut self, bytes: &[u8]) -> (Sha256Digest, Rc<[u8]>) {
        let mut bytes = bytes.to_vec();
        let at = self.random.index(bytes.len());
        bytes[at] ^= 1 << self.random.below(8);
        (sha256(&bytes), bytes.into())
    }

    /// An answer as a hostile node gives it, if it gives one.
    pub(crate) fn tamper(&mut self, node: usize, response: Response) -> Option<Response> {
        if self.is(node, Malice::Withhold) {
            match response {
                Response::Objects(_) | Response::Log { .. } | Response::Envelope(_) => {
                    self.tally.count("answers withheld");
                    return match self.random.below(3) {
                        0 => None,
                        1 => Some(Response::Objects(Vec::new())),
                        _ => Some(Response::Refused(Refusal::NotFound)),
                    };
                }
                other => return Some(other),
            }
        }
        if self.is(node, Malice::Replay)
            && let Response::Objects(mut found) = response
        {
            for (_, bytes) in &mut found {
                let at = self.random.index(self.nodes[node].archive.len());
                if let Some((_, old)) = self.nodes[node].archive.get(at) {
                    *bytes = old.to_vec();
                }
            }
            self.tally.count("answers replayed");
            return Some(Response::Objects(found));
        }
        if self.is(node, Malice::Corrupt) && self.random.one_in(2) {
            self.tally.count("answers changed");
            return Some(self.change(response));
        }
        Some(response)
    }

    fn change(&mut self, response: Response) -> Response {
        match response {
            Response::Digest(mut digest) => {
                digest.root = sha256(&self.random.number().to_be_bytes());
                if !digest.buckets.is_empty() {
                    let at = self.random.index(digest.buckets.len());
                    digest.buckets[at] = (self.random.number() as u32).to_be_bytes();
                }
                Response::Digest(digest)
            }
            // Ranges of which nothing is so, and one part too few.
            Response::Ranges(mut parts) => {
                for part in &mut parts {
                    *part = match self.random.below(3) {
                        0 => Part::Ids(vec![7, 7_000]),
                        1 => Part::Digests([[self.random.below(250) as u8; 4]; 16]),
                        _ => continue,
                    };
                }
                if self.random.one_in(4) {
                    parts.pop();
                }
                Response::Ranges(parts)
            }
            // Items that nobody has, and no end of them; or a page out of order.
            Response::Items { mut items, more } => {
                if self.random.one_in(2) {
                    items.reverse();
                    return Response::Items { items, more };
                }
                for n in 0..20 {
                    let subject = format!("did:example:{}", self.random.below(1_000));
                    let digest = sha256(subject.as_bytes());
                    items.push(Item { kind: ItemKind::Log, subject, seq: n, digest });
                }
                items.sort_by_key(Item::id);
                Response::Items { items, more: true }
            }
            Response::Objects(mut found) => {
                for (id, bytes) in &mut found {
                    match self.random.below(3) {
                        0 => *bytes = self.flip(bytes).1.to_vec(),
                        1 => *id = sha256(&self.random.number().to_be_bytes()),
                        _ => {}
                    }
                }
                found.reverse();
                Response::Objects(found)
            }
            Response::Log { total, bytes } if !bytes.is_empty() => {
                Response::Log { total, bytes: self.flip(&bytes).1.to_vec() }
            }
            Response::Envelope(bytes) => Response::Envelope(self.flip(&bytes).1.to_vec()),
            other => other,
        }
    }
}
