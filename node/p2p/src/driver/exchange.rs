//! Gossip, hello and sync as they come from peers: what cannot be read ends the connection, what can
//! is an input.

use super::Driver;
use crate::gate::GateEvent;
use crate::limits::{MAX_EARLY, MAX_TIMEOUTS};
use libp2p::PeerId;
use libp2p::gossipsub::{self, MessageAcceptance};
use libp2p::request_response::{Event, InboundRequestId, Message, OutboundFailure, ResponseChannel};
use marque_flows::ports::mesh::What;
use marque_rules::replica::state::{ChannelId, Metric, Peer, RequestId};
use marque_rules::replica::{Envelope, Hello, HelloAnswer, Input, Refusal, Request, Response};
use std::io::ErrorKind;
use tokio::sync::oneshot;

/// Which protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// `/marque/hello/1`.
    Hello,
    /// `/marque/sync/1`.
    Sync,
}

/// A place where a peer waits for an answer.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) protocol: Protocol,
    request: InboundRequestId,
    pub(super) answer: ResponseChannel<Vec<u8>>,
}

/// Who waits for the answer to a sync request.
#[derive(Debug)]
pub(super) enum Asker {
    /// The state machine; with whether it asks for all that is held of this node's own domain.
    State { id: RequestId, of_own: bool },
    /// A search.
    Search(oneshot::Sender<Option<Response>>),
}

/// A sync request that waits for a hello. The side that answers a hello admits first, and asks at once.
#[derive(Debug)]
pub(super) struct Early {
    peer: PeerId,
    channel: ChannelId,
    request: Request,
}

/// The answer to a hello that waits until every connection to its peer accepts gossip.
#[derive(Debug)]
pub(super) struct Welcome {
    pub(super) peer: PeerId,
    channel: ChannelId,
    bytes: Vec<u8>,
}

impl Driver {
    pub(super) fn on_gate(&mut self, event: GateEvent) {
        match event {
            GateEvent::Accepting(peer) => {
                for welcome in self.welcomes.extract_if(.., |w| w.peer == peer).collect::<Vec<_>>() {
                    self.reply(welcome.channel, welcome.bytes);
                }
            }
            GateEvent::Gossip(event) => self.on_gossip(event),
        }
    }

    /// Tells a peer that it is admitted, as soon as it may open its gossip stream. One that is not admitted any
    /// more is being disconnected.
    pub(super) fn welcome(&mut self, peer: PeerId, channel: ChannelId, bytes: Vec<u8>) {
        if self.parts.swarm.behaviour_mut().gate.is_accepting(&peer) {
            self.reply(channel, bytes);
        } else if self.is_admitted(&peer) {
            self.welcomes.push(Welcome { peer, channel, bytes });
        }
    }

    fn on_gossip(&mut self, event: gossipsub::Event) {
        match event {
            gossipsub::Event::Message { propagation_source, message_id, message } => {
                let Some(topic) = self.topics.get(&message.topic).cloned() else {
                    // Left a moment ago.
                    let gossip = self.parts.swarm.behaviour_mut().gate.gossip();
                    gossip.report_message_validation_result(
                        &message_id,
                        &propagation_source,
                        MessageAcceptance::Ignore,
                    );
                    return;
                };
                self.compare_clocks(message.source.as_ref(), &message.data);
                let peer = Peer(propagation_source.to_bytes());
                self.step(Input::Gossip { peer, topic, message_id: message_id.0, bytes: message.data });
            }
            // Admitted here, and does not speak gossip: it has forgotten us, or never knew.
            gossipsub::Event::GossipsubNotSupported { peer_id } => {
                self.drop_peer(peer_id, Refusal::NotAdmitted);
            }
            _ => {}
        }
    }

    /// Measures the clock of an admitted peer by what it published itself, which gossipsub has seen it sign.
    fn compare_clocks(&mut self, source: Option<&PeerId>, bytes: &[u8]) {
        let Some(name) = source.map(|source| Peer(source.to_bytes())) else { return };
        let of_source = self.parts.state.admitted().find(|(peer, _)| **peer == name);
        let Some(domain) = of_source.map(|(_, domain)| domain.clone()) else { return };
        let mono = self.mono();
        if !self.skew.is_due(&domain, mono) {
            return;
        }
        if let Ok(envelope) = Envelope::decode(bytes)
            && envelope.body().domain == domain
        {
            let now = self.parts.clock.now();
            self.skew.heard(&domain, envelope.body().issued_at, now, mono);
        }
    }

    pub(super) fn on_hello(&mut self, event: Event<Vec<u8>, Vec<u8>>) {
        match event {
            Event::Message { peer, message, .. } => match message {
                Message::Request { request_id, request, channel } => {
                    let channel = self.keep(Protocol::Hello, request_id, channel);
                    match Hello::decode(&request) {
                        Ok(hello) => {
                            let (peer, channel) = (Peer(peer.to_bytes()), Some(channel));
                            self.step(Input::HelloReceived { peer, channel, hello: Box::new(hello) });
                        }
                        // A later release that says it again in a version that is spoken here is heard.
                        Err(reason @ Refusal::UnknownVersion) => {
                            self.parts.metrics.count(Metric::HelloRefused, None, Some(reason));
                            self.tell_peer(What::NotAdmitted, &peer, None, Some(reason));
                            self.reply(channel, HelloAnswer::Refused(reason).encode());
                        }
                        Err(reason) => {
                            self.channels.remove(&channel);
                            self.drop_peer(peer, reason);
                        }
                    }
                }
                Message::Response { response, .. } => {
                    self.on_hello_answer(peer, &response);
                }
            },
            Event::OutboundFailure { peer, error, .. } => {
                let showed_secret = self.greeting.remove(&peer).unwrap_or(false);
                tracing::debug!(%peer, %error, "hello failed");
                self.release(peer);
                if !self.parts.swarm.is_connected(&peer) {
                    return;
                }
                if malformed(&error) || matches!(error, OutboundFailure::UnsupportedProtocols) {
                    self.drop_peer(peer, Refusal::Malformed);
                    return;
                }
                if showed_secret || !self.is_admitted(&peer) {
                    self.no_answer(peer, MAX_TIMEOUTS);
                    self.greet(peer);
                }
            }
            Event::InboundFailure { request_id, .. } => {
                self.inbound_failure(Protocol::Hello, request_id);
            }
            Event::ResponseSent { .. } => {}
        }
    }

    fn on_hello_answer(&mut self, peer: PeerId, bytes: &[u8]) {
        let showed_secret = self.greeting.remove(&peer).unwrap_or(false);
        self.timeouts.remove(&peer);
        match HelloAnswer::decode(bytes) {
            Ok(HelloAnswer::Admitted(hello)) => {
                self.answered.insert(peer);
                self.refused_by.remove(&peer);
                if self.is_admitted(&peer) {
                    self.parts.swarm.behaviour_mut().gate.open(peer);
                }
                let peer = Peer(peer.to_bytes());
                self.step(Input::HelloReceived { peer, channel: None, hello });
            }
            Ok(HelloAnswer::Refused(reason)) => {
                self.note_refusal(peer, reason);
                self.step(Input::HelloRefused { peer: Peer(peer.to_bytes()), channel: None, reason });
                self.not_admitted(peer, showed_secret, reason);
                self.release(peer);
            }
            Err(reason) => self.drop_peer(peer, reason),
        }
    }

    /// Notes that `peer` does not let this node in. One that is gone meanwhile is not kept in mind.
    fn note_refusal(&mut self, peer: PeerId, reason: Refusal) {
        tracing::info!(%peer, %reason, "not admitted by peer");
        self.tell_peer(What::RefusedByPeer, &peer, None, Some(reason));
        if self.parts.swarm.is_connected(&peer) {
            self.refused_by.insert(peer, reason);
        }
    }

    pub(super) fn on_sync(&mut self, event: Event<Vec<u8>, Vec<u8>>) {
        match event {
            Event::Message { peer, message, .. } => match message {
                Message::Request { request_id, request, channel } => match Request::decode(&request) {
                    Ok(request) => {
                        let channel = self.keep(Protocol::Sync, request_id, channel);
                        self.early.push(Early { peer, channel, request });
                        if !self.is_being_admitted(&peer) || self.early.len() > MAX_EARLY {
                            self.release(peer);
                        }
                    }
                    Err(reason) => self.drop_peer(peer, reason),
                },
                Message::Response { request_id, response } => {
                    self.timeouts.remove(&peer);
                    let Some(asker) = self.asked.remove(&request_id) else { return };
                    let response = Response::decode(&response);
                    let bad = response.as_ref().err().copied();
                    self.answer(peer, asker, response.ok());
                    if let Some(reason) = bad {
                        self.drop_peer(peer, reason);
                    }
                }
            },
            Event::OutboundFailure { peer, request_id, error, .. } => {
                if let Some(asker) = self.asked.remove(&request_id) {
                    self.answer(peer, asker, None);
                }
                if malformed(&error) {
                    self.drop_peer(peer, Refusal::Malformed);
                } else if matches!(error, OutboundFailure::Timeout) {
                    self.no_answer(peer, MAX_TIMEOUTS);
                }
            }
            Event::InboundFailure { request_id, .. } => {
                self.inbound_failure(Protocol::Sync, request_id);
            }
            Event::ResponseSent { .. } => {}
        }
    }

    /// Whether a hello with a peer that is not admitted is under way.
    fn is_being_admitted(&self, peer: &PeerId) -> bool {
        let under_way = self.greeting.contains_key(peer) || self.verifying.contains(peer);
        under_way && !self.is_admitted(peer)
    }

    /// Takes the sync requests of a peer that have waited for a hello, now that it is over.
    pub(super) fn release(&mut self, peer: PeerId) {
        for early in self.early.extract_if(.., |e| e.peer == peer).collect::<Vec<_>>() {
            let Early { peer, channel, request } = early;
            self.step(Input::SyncRequest { peer: Peer(peer.to_bytes()), channel, request });
        }
    }

    /// Sends a sync request.
    pub(super) fn ask(&mut self, peer: PeerId, request: &Request, asker: Asker) {
        if !self.parts.swarm.is_connected(&peer) {
            self.answer(peer, asker, None);
            return;
        }
        let id = self.parts.swarm.behaviour_mut().sync.send_request(&peer, request.encode());
        self.asked.insert(id, asker);
    }

    fn answer(&mut self, peer: PeerId, asker: Asker, response: Option<Response>) {
        if let (Asker::State { of_own, .. }, Some(response)) = (&asker, &response) {
            self.heard(peer, *of_own, response);
        }
        let peer = Peer(peer.to_bytes());
        match (asker, response) {
            (Asker::State { id, .. }, Some(response)) => {
                self.step(Input::SyncResponse { peer, id, response })
            }
            (Asker::State { id, .. }, None) => self.step(Input::SyncFailed { peer, id }),
            // The search may have run out of time.
            (Asker::Search(reply), response) => drop(reply.send(response)),
        }
    }

    /// Notes what an answer to the state machine says of `peer`, whatever else is in it. A refusal says nothing of
    /// what it holds.
    fn heard(&mut self, peer: PeerId, of_own: bool, response: &Response) {
        match response {
            // Of a peer that greeted, and then refused what answered it, this is the only word.
            Response::Refused(Refusal::NotAdmitted) if !self.refused_by.contains_key(&peer) => {
                self.note_refusal(peer, Refusal::NotAdmitted);
            }
            // The last is given to strangers as well.
            Response::Refused(_) | Response::Envelope(_) => {}
            Response::Digest(_)
            | Response::Ranges(_)
            | Response::Items { .. }
            | Response::Objects(_)
            | Response::Log { .. } => {
                self.refused_by.remove(&peer);
                self.last_sync = self.parts.clock.now();
                self.synced.insert(peer, self.last_sync);
                if of_own {
                    self.compared.insert(peer, self.last_sync);
                }
            }
        }
    }

    fn keep(
        &mut self,
        protocol: Protocol,
        request: InboundRequestId,
        answer: ResponseChannel<Vec<u8>>,
    ) -> ChannelId {
        let id = ChannelId(self.next_channel);
        self.next_channel += 1;
        self.channels.insert(id, Channel { protocol, request, answer });
        id
    }

    /// Nobody waits at a channel any more.
    fn inbound_failure(&mut self, protocol: Protocol, request: InboundRequestId) {
        self.channels.retain(|_, c| c.protocol != protocol || c.request != request);
    }
}

fn malformed(error: &OutboundFailure) -> bool {
    matches!(error, OutboundFailure::Io(error) if error.kind() == ErrorKind::InvalidData)
}
