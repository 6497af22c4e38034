//! What a node does as its replica says.

use crate::disk::{Key, key_of};
use crate::links::{Packet, index};
use crate::world::{Event, World, Write};
use did_resolver::codec::sha256;
use marque_rules::replica::state::Via;
use marque_rules::replica::{Effect, Envelope, Input, Refusal, Scid, Verdict};
use std::time::Duration;

/// How long verifying a hello, judging and writing take at most.
const HELLO_MS: u64 = 5;
pub(crate) const JUDGE_MS: u64 = 20;
pub(crate) const WRITE_MS: u64 = 60;

/// When a peer that was let go is dialled again.
const REDIAL_MS: u64 = 5_000;

impl World {
    /// Which subject an input may change.
    pub(crate) fn subject_of(&mut self, node: usize, input: &Input) -> Option<Key> {
        match input {
            Input::Judged { ticket, .. } | Input::Persisted { ticket } => {
                self.nodes[node].tickets.get(ticket).cloned()
            }
            Input::Local { envelope, .. } => Some(key_of(envelope)),
            _ => None,
        }
    }

    pub(crate) fn obey(&mut self, node: usize, effects: Vec<Effect>) {
        for effect in effects {
            self.obey_one(node, effect);
        }
    }

    fn obey_one(&mut self, node: usize, effect: Effect) {
        match effect {
            Effect::SendHello { peer } => self.send(node, index(&peer), Packet::Hello),
            Effect::VerifyHello { peer, channel, hello } => {
                let domain = Scid::of(&hello.domain).unwrap();
                let until = self.unix(node).plus(Duration::from_secs(86_400));
                let input = Input::HelloVerified { peer, channel, domain, until };
                self.soon(HELLO_MS, node, Event::Input(Box::new(input)));
            }
            Effect::AnswerHello { peer, refusal, .. } => {
                let is_admitted = refusal.is_none();
                self.send(node, index(&peer), Packet::HelloBack { is_admitted });
            }
            Effect::Judge { ticket, envelope, log, via, .. } => {
                self.tally.count(if via == Via::Sync { "judged of sync" } else { "judged of gossip" });
                let verdict = self.judge(node, &envelope, log.as_deref());
                let key = key_of(&envelope);
                if let (Verdict::Accept { .. } | Verdict::Beside(..), Some(subject)) = &verdict {
                    let (seen, subject) = (self.nodes[node].disk.items(&key), subject.clone());
                    self.nodes[node].judged.insert(envelope.id());
                    self.nodes[node].writes.insert(ticket, Write { envelope: *envelope, subject, seen });
                }
                self.nodes[node].tickets.insert(ticket, key);
                let input = Input::Judged { ticket, verdict: verdict.0 };
                self.soon(JUDGE_MS, node, Event::Input(Box::new(input)));
            }
            Effect::Persist { ticket } => self.soon(WRITE_MS, node, Event::Written(ticket)),
            Effect::Report { message_id, report, peer } => {
                self.report(node, index(&peer), &message_id, report);
            }
            Effect::Publish { topic, bytes } => {
                self.check_publish(node, &bytes);
                self.flood(node, None, &topic, &bytes.into());
            }
            Effect::Request { peer, id, request } => {
                self.tally.count("asked");
                self.send(node, index(&peer), Packet::Ask { id, request: Box::new(request) });
            }
            Effect::Answer { peer, channel, response } => self.answer(node, index(&peer), channel, response),
            Effect::Lookup { peer, channel, request } => {
                let response = self.nodes[node].disk.look_up(&request);
                self.answer(node, index(&peer), channel, response);
            }
            Effect::WakeAt(at) => {
                self.nodes[node].wake_at = Some(at.0);
                self.at(at.0.max(self.now_ms), node, Event::Wake);
            }
            Effect::Disconnect { peer, .. } => {
                let other = index(&peer);
                self.tally.count("let go");
                self.unlink(node, other);
                self.at(self.now_ms + REDIAL_MS, node, Event::Dial(other));
            }
            Effect::Subscribe { topic } => {
                self.nodes[node].topics.insert(topic);
            }
            Effect::Unsubscribe { topic } => {
                self.nodes[node].topics.remove(&topic);
            }
            // Here every membership is good for a day.
            Effect::Review { .. } => {}
            Effect::Admit { .. } | Effect::Settled { .. } | Effect::Count { .. } => {}
        }
    }

    /// Judges by what is on the disk now. What is kept as evidence alone is written at once.
    fn judge(&mut self, node: usize, envelope: &Envelope, log: Option<&[u8]>) -> crate::disk::Found {
        if let Some(log) = log {
            let head = marque_rules::replica::LogHead::of(envelope.body()).unwrap();
            assert_eq!(sha256(log), head.digest, "another log than was announced");
        }
        let now = self.unix(node);
        let (verdict, write) = self.nodes[node].disk.judge(envelope, log, now);
        self.check_verdict(node, envelope, &verdict);
        match &verdict {
            Verdict::Accept { .. } => return (verdict, write),
            Verdict::Ignore(refusal) | Verdict::Beside(_, refusal) => {
                let what = match refusal {
                    Refusal::BadLog => "refused logs",
                    Refusal::Unrevokes => "refused un-revocations",
                    Refusal::Equivocation => "equivocations",
                    Refusal::TooFarAhead => "refused jumps",
                    Refusal::DeadKey => "dead-key forks",
                    Refusal::Contested => "refused of the contested",
                    _ => "refused otherwise",
                };
                self.tally.count(what);
            }
            Verdict::NeedDomain { .. } => self.tally.count("needed a domain"),
            Verdict::NeedLog => self.tally.count("pulled logs"),
            Verdict::Same { .. } | Verdict::Older { .. } | Verdict::Reject(_) => {}
        }
        if let Verdict::Beside(..) = verdict {
            self.tally.count("lists held beside");
            return (verdict, write);
        }
        if let Some(subject) = write {
            self.commit(node, None, key_of(envelope), subject);
        }
        (verdict, None)
    }

    /// An operator's node dials a neighbour that was let go.
    pub(crate) fn dial(&mut self, node: usize, other: usize) {
        if !self.nodes[node].links.contains(&other) {
            self.join(node, other);
        }
    }
}
