//! Effects of the state machine, carried out in order.

use super::exchange::{Asker, Protocol};
use super::{Driver, work};
use crate::score::topic_params;
use libp2p::PeerId;
use libp2p::gossipsub::{IdentTopic, MessageAcceptance, MessageId, PublishError};
use marque_flows::ports::mesh::What;
use marque_rules::replica::state::{ChannelId, Peer, Report};
use marque_rules::replica::{Effect, HelloAnswer, Input, ItemKind, Refusal, Request, Response, Scid, Topic};

impl Driver {
    pub(super) fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.carry_out_one(effect);
        }
    }

    fn carry_out_one(&mut self, effect: Effect) {
        match effect {
            Effect::SendHello { peer } => self.with(&peer, Self::greet),
            Effect::VerifyHello { peer, channel, hello } => {
                self.with(&peer, |driver, peer| driver.verify(peer, channel, *hello));
            }
            Effect::AnswerHello { peer, channel, refusal: None } => {
                self.with(&peer, |driver, peer| driver.admit_in_turn(peer, channel));
            }
            Effect::AnswerHello { channel, refusal: Some(reason), .. } => {
                self.reply(channel, HelloAnswer::Refused(reason).encode());
            }
            Effect::Admit { peer, domain } => self.with(&peer, |driver, peer| driver.admit(peer, &domain)),
            Effect::Review { peer } => self.with(&peer, Self::review),
            Effect::Disconnect { peer, reason } => {
                self.with(&peer, |driver, peer| driver.drop_peer(peer, reason));
            }
            Effect::Subscribe { topic } => self.subscribe(topic),
            Effect::Unsubscribe { topic } => {
                let topic = IdentTopic::new(topic.as_str());
                self.topics.remove(&topic.hash());
                self.parts.swarm.behaviour_mut().gate.gossip().unsubscribe(&topic);
            }
            Effect::Judge { ticket, peer, via, envelope, log } => {
                self.with(&peer, |driver, peer| driver.judge(ticket, peer, via, *envelope, log));
            }
            Effect::Persist { ticket } => match self.writes.remove(&ticket) {
                Some(write) => {
                    self.work.spawn(async move { work::Done::Written { ticket, outcome: write.await } });
                }
                None => self.step(Input::PersistFailed { ticket }),
            },
            Effect::Report { peer, message_id, report } => {
                self.with(&peer, |driver, peer| driver.report(&peer, message_id, report));
            }
            Effect::Publish { topic, bytes } => self.publish(&topic, bytes),
            Effect::Request { peer, id, request } => {
                let of_own =
                    matches!(&request, Request::Digest { domain, .. } if *domain == self.domains.own);
                self.with(&peer, |driver, peer| driver.ask(peer, &request, Asker::State { id, of_own }));
            }
            Effect::Answer { channel, response, .. } => self.reply(channel, response.encode()),
            Effect::Lookup { channel, request, .. } => {
                if !self.look_up(channel, request) {
                    self.reply(channel, Response::Refused(Refusal::Overloaded).encode());
                }
            }
            Effect::Settled { peer, via, about, outcome } => {
                if let (Some(about), Ok(())) = (&about, &outcome) {
                    match about.kind.item_kind() {
                        ItemKind::Log => self.has_log(&about.subject, about.seq),
                        ItemKind::StatusList => {
                            let age = self.now().unix.since(about.issued_at);
                            self.parts.metrics.propagated(age);
                        }
                        _ => {}
                    }
                }
                self.tell_settled(&peer, via, about.map(|about| *about), outcome);
            }
            Effect::Count { metric, kind, reason } => self.parts.metrics.count(metric, kind, reason),
            Effect::WakeAt(at) => self.wake = Some(at),
        }
    }

    /// The state machine was given every peer by this driver, so its bytes are a PeerId.
    fn with(&mut self, peer: &Peer, act: impl FnOnce(&mut Self, PeerId)) {
        if let Ok(peer) = PeerId::from_bytes(&peer.0) {
            act(self, peer);
        }
    }

    /// Answers a peer, if it still waits.
    pub(super) fn reply(&mut self, channel: ChannelId, bytes: Vec<u8>) {
        let Some(channel) = self.channels.remove(&channel) else { return };
        let behaviour = self.parts.swarm.behaviour_mut();
        let exchange = match channel.protocol {
            Protocol::Hello => &mut behaviour.hello,
            Protocol::Sync => &mut behaviour.sync,
        };
        if exchange.send_response(channel.answer, bytes).is_err() {
            tracing::debug!("an answer came too late");
        }
    }

    fn admit(&mut self, peer: PeerId, domain: &Scid) {
        tracing::info!(%peer, %domain, "peer admitted");
        self.parts.meters.of(peer).admit(true);
        let behaviour = self.parts.swarm.behaviour_mut();
        behaviour.gate.admit(peer);
        behaviour.members.admit(peer);
        self.consider(&peer);
        self.enters_table(&peer, &[]);
        self.follow_hints();
        self.rate();
        if self.answered.contains(&peer) {
            self.parts.swarm.behaviour_mut().gate.open(peer);
        }
        self.parts.book.admitted(&peer);
        // What it did before, it was banned for.
        if self.is_graylisted(&peer) {
            self.graylisted.insert(peer);
        }
        self.tell_peer(What::Admitted, &peer, Some(domain), None);
        self.measure();
    }

    fn subscribe(&mut self, topic: Topic) {
        let name = IdentTopic::new(topic.as_str());
        self.topics.insert(name.hash(), topic);
        let gossip = self.parts.swarm.behaviour_mut().gate.gossip();
        if let Err(error) = gossip.set_topic_params(name.clone(), topic_params(&name)) {
            tracing::error!(error, "topic without a score");
        }
        if let Err(error) = gossip.subscribe(&name) {
            tracing::error!(%error, topic = %name, "not subscribed");
        }
    }

    fn report(&mut self, peer: &PeerId, message_id: Vec<u8>, report: Report) {
        let acceptance = match report {
            Report::Accept => MessageAcceptance::Accept,
            Report::Ignore => MessageAcceptance::Ignore,
            Report::Reject => MessageAcceptance::Reject,
        };
        let gossip = self.parts.swarm.behaviour_mut().gate.gossip();
        gossip.report_message_validation_result(&MessageId(message_id), peer, acceptance);
        if report == Report::Reject {
            self.ban_for_score(*peer);
        }
    }

    fn publish(&mut self, topic: &Topic, bytes: Vec<u8>) {
        self.tell(self.event(What::Published));
        let topic = IdentTopic::new(topic.as_str());
        match self.parts.swarm.behaviour_mut().gate.gossip().publish(topic, bytes) {
            // Whoever is not there, or has it, needs nothing; whoever comes later pulls it.
            Ok(_) | Err(PublishError::NoPeersSubscribedToTopic | PublishError::Duplicate) => {}
            Err(error) => tracing::warn!(%error, "not published; peers will pull it"),
        }
    }
}
