//! What comes in, and the checks that need no signature and no store; what this node says itself (MESH.md D4).

use super::State;
use super::effect::Effect;
use super::io::{About, Peer};
use super::metrics::Metric;
use super::queue::{Entry, Source};
use crate::replica::now::Now;
use crate::replica::view::{Item, ItemKind};
use crate::replica::{Envelope, Kind, Lane, Refusal, Topic};
use did_resolver::codec::sha256;

impl State {
    pub(super) fn gossip(&mut self, peer: Peer, topic: &Topic, message_id: Vec<u8>, bytes: &[u8], now: Now) {
        match self.admit_gossip(&peer, topic, bytes, now) {
            Ok(envelope) => {
                let source = Source::Gossip { peer, message_id };
                self.enqueue(Entry { source, envelope: Box::new(envelope) });
            }
            Err(reason) => self.report(peer, message_id, None, Err(reason)),
        }
    }

    /// The checks that need no signature and no store.
    fn admit_gossip(
        &mut self,
        peer: &Peer,
        topic: &Topic,
        bytes: &[u8],
        now: Now,
    ) -> Result<Envelope, Refusal> {
        let from = self.peers.get_mut(peer).filter(|p| p.admission.is_some()).ok_or(Refusal::NotAdmitted)?;
        if !from.gossip.take(now.mono) {
            return Err(Refusal::RateLimited);
        }
        if bytes.len() > crate::replica::limits::MAX_ENVELOPE_BYTES {
            return Err(Refusal::TooLarge);
        }
        let id = sha256(bytes);
        if self.seen.contains(&id) || self.under_way(&id) {
            return Err(Refusal::Known);
        }
        let envelope = self.taken(bytes)?;
        if !envelope.belongs_on(topic) {
            return Err(Refusal::WrongTopic);
        }
        envelope.current(now.unix)?;
        self.news(&envelope)?;
        let domain = self.domains.get_mut(&envelope.body().domain).ok_or(Refusal::NotSubscribed)?;
        if domain.may_say(now.mono) { Ok(envelope) } else { Err(Refusal::RateLimited) }
    }

    /// Reads an envelope, of a kind that is taken.
    pub(super) fn taken(&self, bytes: &[u8]) -> Result<Envelope, Refusal> {
        let envelope = Envelope::decode(bytes)?;
        if self.config.kinds.take(envelope.body().kind) { Ok(envelope) } else { Err(Refusal::UnknownKind) }
    }

    /// Whether an envelope can say anything that is not held, as far as its outside tells. A log of a
    /// lower number may still be a fork: that is for anti-entropy, which names it by its digest. A
    /// list of a lower number may be the first of an issuer that began anew with other keys.
    pub(super) fn news(&self, envelope: &Envelope) -> Result<(), Refusal> {
        let body = envelope.body();
        let domain = self.domains.get(&body.domain).ok_or(Refusal::NotSubscribed)?;
        match body.kind {
            Kind::Log | Kind::LogHead => {
                let highest = domain.view.highest(ItemKind::Log, &body.subject);
                if highest.is_some_and(|highest| body.seq < highest) {
                    return Err(Refusal::Older);
                }
            }
            Kind::StatusList | Kind::DuplicityProof | Kind::Membership | Kind::Recognitions => {
                let id = payload_item(envelope).id();
                if domain.view.holds(&id) {
                    return Err(Refusal::Known);
                }
                if self.settled.contains(&id) {
                    return Err(Refusal::Older);
                }
            }
            Kind::StatusDelta => {
                let highest = domain.view.highest(ItemKind::StatusList, &body.subject);
                if highest.is_some_and(|highest| body.seq <= highest) {
                    return Err(Refusal::Older);
                }
            }
        }
        Ok(())
    }

    /// What this node publishes itself. Of two that were made at once the older may come last: nobody needs it.
    pub(super) fn local(&mut self, envelope: &Envelope, held: Vec<Item>, lane: Lane) {
        let body = envelope.body();
        let domain = self.domains.get_mut(&body.domain).ok_or(Refusal::NotSubscribed);
        let domain = match domain.and_then(|domain| domain.is_news(envelope, &held)) {
            Ok(domain) => domain,
            Err(reason) => {
                let (metric, kind) = (Metric::LocalRefused, Some(body.kind));
                self.out.push(Effect::Count { metric, kind, reason: Some(reason) });
                return;
            }
        };
        let gone = domain.view.replace(held).unwrap_or_default();
        gone.into_iter().for_each(|id| self.settled.insert(id));
        self.overtake(envelope);
        self.seen.insert(envelope.id());
        let lanes = body.kind.lanes();
        let lane = lanes.iter().copied().find(|l| *l == lane).or(lanes.first().copied()).unwrap_or(Lane::Did);
        let topic = Topic::new(&body.domain, lane);
        self.out.push(Effect::Publish { topic, bytes: envelope.bytes().to_vec() });
        self.review_by(&About::of(envelope));
    }
}

/// The item that a payload is which is digested as it stands; the envelope tells all of it.
fn payload_item(envelope: &Envelope) -> Item {
    let body = envelope.body();
    let (kind, subject, digest) = (body.kind.item_kind(), body.subject.clone(), sha256(&body.payload));
    Item { kind, subject, seq: body.seq, digest }
}
