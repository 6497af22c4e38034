//! Who is connected to whom, what comes through, and gossip from node to node.

use crate::library::LIBRARY;
use crate::world::{Event, Message, World};
use did_resolver::codec::{Sha256Digest, sha256};
use marque_rules::replica::state::{ChannelId, Peer, Report, RequestId};
use marque_rules::replica::{Hello, Input, Refusal, Request, Response, Topic};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Links that a node has at least, as in a mesh of gossipsub.
const DEGREE: usize = 6;

/// How long a message that came once is dropped when it comes again, before anybody looks at it.
const DUPLICATE_MS: u64 = 10_000;

/// One in so many answers and questions goes through its encoding.
const ENCODED: u64 = 16;

pub(crate) enum Packet {
    Gossip { topic: Topic, id: Sha256Digest, bytes: Rc<[u8]> },
    Hello,
    HelloBack { is_admitted: bool },
    Ask { id: RequestId, request: Box<Request> },
    Answer { id: RequestId, response: Box<Response> },
}

pub(crate) fn peer(node: usize) -> Peer {
    Peer(vec![u8::try_from(node).unwrap()])
}

pub(crate) fn index(peer: &Peer) -> usize {
    usize::from(peer.0[0])
}

/// Where a hello of this peer is to be answered.
fn hello_channel(from: usize) -> ChannelId {
    ChannelId(u64::MAX - from as u64)
}

impl World {
    /// Each node dials one node of each domain that it replicates, and others at random; the honest
    /// nodes that replicate a domain reach each other without the others.
    pub(crate) fn choose_links(&mut self) {
        let all: Vec<usize> = (0..self.plan.nodes).collect();
        for node in all.clone() {
            let domains: Vec<_> = self.nodes[node].replicates().collect();
            for domain in domains {
                let anchors: Vec<_> = all
                    .iter()
                    .copied()
                    .filter(|at| *at != node && self.nodes[*at].domain == domain)
                    .collect();
                if let Some(anchor) = self.random.among(&anchors) {
                    self.connectable(node, anchor);
                }
            }
            while self.nodes[node].neighbours.len() < DEGREE.min(self.plan.nodes - 1) {
                let other = self.random.index(self.plan.nodes);
                if other != node {
                    self.connectable(node, other);
                }
            }
        }
        self.choose_eclipse();
        for domain in 0..self.plan.domains {
            let of_domain = |at: &usize| self.nodes[*at].replicates().any(|d| d == domain);
            let honest: Vec<_> =
                all.iter().copied().filter(|at| self.nodes[*at].is_honest()).filter(of_domain).collect();
            for pair in honest.windows(2) {
                if !self.reaches(pair[0], &honest).contains(&pair[1]) {
                    self.connectable(pair[0], pair[1]);
                }
            }
        }
    }

    pub(crate) fn connectable(&mut self, a: usize, b: usize) {
        self.nodes[a].neighbours.insert(b);
        self.nodes[b].neighbours.insert(a);
    }

    /// In some worlds one honest node has hostile neighbours, and beside them one honest node of each
    /// domain that it replicates.
    fn choose_eclipse(&mut self) {
        let hostile: Vec<_> = (0..self.plan.nodes).filter(|at| !self.nodes[*at].is_honest()).collect();
        let honest: Vec<_> = (0..self.plan.nodes).filter(|at| self.nodes[*at].is_honest()).collect();
        if hostile.len() < 2 || !self.random.one_in(3) {
            return;
        }
        let Some(target) = self.random.among(&honest) else { return };
        for other in std::mem::take(&mut self.nodes[target].neighbours) {
            self.nodes[other].neighbours.remove(&target);
        }
        hostile.into_iter().for_each(|other| self.connectable(target, other));
        let domains: Vec<_> = self.nodes[target].replicates().collect();
        for domain in domains {
            let anchors: Vec<_> = honest
                .iter()
                .copied()
                .filter(|at| *at != target && self.nodes[*at].domain == domain)
                .collect();
            if let Some(anchor) = self.random.among(&anchors) {
                self.connectable(target, anchor);
            }
        }
        self.tally.count("eclipses");
    }

    /// The nodes of `among` that `from` reaches by neighbours of `among`.
    fn reaches(&self, from: usize, among: &[usize]) -> BTreeSet<usize> {
        let mut reached = BTreeSet::from([from]);
        let mut next = vec![from];
        while let Some(at) = next.pop() {
            for other in self.nodes[at].neighbours.iter().filter(|other| among.contains(other)) {
                if reached.insert(*other) {
                    next.push(*other);
                }
            }
        }
        reached
    }

    /// Connects two nodes, if both are up and nothing is between them.
    pub(crate) fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (a.min(b), a.max(b));
        if !self.nodes[a].is_up() || !self.nodes[b].is_up() || self.cut.contains(&(a, b)) {
            return;
        }
        if self.nodes[a].links.insert(b) && self.nodes[b].links.insert(a) {
            self.at(self.now_ms, b, Event::Link { other: a, is_up: true });
            self.at(self.now_ms, a, Event::Link { other: b, is_up: true });
        }
    }

    pub(crate) fn unlink(&mut self, a: usize, b: usize) {
        if self.nodes[a].links.remove(&b) && self.nodes[b].links.remove(&a) {
            self.at(self.now_ms, a, Event::Link { other: b, is_up: false });
            self.at(self.now_ms, b, Event::Link { other: a, is_up: false });
        }
    }

    pub(crate) fn link(&mut self, node: usize, other: usize, is_up: bool) {
        if is_up && self.nodes[node].links.contains(&other) {
            self.handle(node, Input::PeerConnected { peer: peer(other), outbound: node < other });
        } else if !is_up {
            self.handle(node, Input::PeerDisconnected { peer: peer(other) });
        }
    }

    /// Sends a packet over a link; it may be lost, late, or come twice.
    pub(crate) fn send(&mut self, from: usize, to: usize, packet: Packet) {
        if !self.nodes[from].links.contains(&to) || self.silent.contains(&(from, to)) {
            return;
        }
        let is_lost = match &packet {
            Packet::Gossip { .. } => self.fault(4),
            Packet::Ask { .. } | Packet::Answer { .. } => self.fault(12),
            Packet::Hello | Packet::HelloBack { .. } => false,
        };
        if is_lost {
            return self.tally.count("lost");
        }
        if let Packet::Gossip { topic, id, bytes } = &packet
            && self.fault(8)
        {
            let again = Packet::Gossip { topic: topic.clone(), id: *id, bytes: Rc::clone(bytes) };
            self.deliver(from, to, again);
        }
        self.deliver(from, to, packet);
    }

    fn deliver(&mut self, from: usize, to: usize, packet: Packet) {
        let (least, most) = self.plan.latency_ms;
        let mut delay = least + self.random.below(most - least + 1);
        if self.nodes[from].is_slow || self.nodes[to].is_slow {
            delay *= 10;
        }
        if self.fault(40) {
            delay += self.random.below(10_000);
            self.tally.count("late");
        }
        self.at(self.now_ms + delay, to, Event::Arrive { from, packet });
    }

    pub(crate) fn arrive(&mut self, node: usize, from: usize, packet: Packet) {
        if !self.nodes[node].links.contains(&from) {
            return;
        }
        match packet {
            Packet::Gossip { topic, id, bytes } => self.hear(node, from, topic, id, bytes),
            Packet::Hello => {
                let (channel, hello) = (Some(hello_channel(from)), self.hello(from));
                self.handle(node, Input::HelloReceived { peer: peer(from), channel, hello });
            }
            Packet::HelloBack { is_admitted } => {
                let (peer, channel) = (peer(from), None);
                let input = if is_admitted {
                    Input::HelloReceived { peer, channel, hello: self.hello(from) }
                } else {
                    Input::HelloRefused { peer, channel, reason: Refusal::NotAdmitted }
                };
                self.handle(node, input);
            }
            Packet::Ask { id, request } => {
                let n = &mut self.nodes[node];
                let channel = ChannelId(n.next_channel);
                n.next_channel += 1;
                n.channels.insert(channel, (from, id));
                let request = if self.random.one_in(ENCODED) {
                    Request::decode(&request.encode()).unwrap()
                } else {
                    *request
                };
                self.handle(node, Input::SyncRequest { peer: peer(from), channel, request });
            }
            Packet::Answer { id, response } => {
                self.handle(node, Input::SyncResponse { peer: peer(from), id, response: *response });
            }
        }
    }

    fn hello(&self, node: usize) -> Box<Hello> {
        Box::new(Hello {
            membership: vec![1],
            domain: LIBRARY.domains[self.nodes[node].domain].did.clone(),
            domain_log: vec![2],
            domain_witness: None,
            join_secret: None,
            addresses: Vec::new(),
        })
    }

    pub(crate) fn answer(&mut self, node: usize, to: usize, channel: ChannelId, response: Response) {
        let Some((asker, id)) = self.nodes[node].channels.remove(&channel) else { return };
        assert_eq!(asker, to, "an answer for another");
        let is_honest = self.nodes[node].is_honest();
        let Some(response) = (if is_honest { Some(response) } else { self.tamper(node, response) }) else {
            return;
        };
        let response = if !is_honest || self.random.one_in(ENCODED) {
            // What no decoder takes never gets as far as the replica.
            let Ok(decoded) = Response::decode(&response.encode()) else { return };
            assert!(!is_honest || decoded == response);
            decoded
        } else {
            response
        };
        self.send(node, to, Packet::Answer { id, response: Box::new(response) });
    }

    /// A message comes out of gossipsub, unless it came before.
    fn hear(&mut self, node: usize, from: usize, topic: Topic, id: Sha256Digest, bytes: Rc<[u8]>) {
        let (now_ms, came) = (self.now_ms, self.unix(node));
        let n = &mut self.nodes[node];
        if !n.topics.contains(&topic) || n.duplicates.get(&id).is_some_and(|until| *until > now_ms) {
            return;
        }
        n.duplicates.insert(id, now_ms + DUPLICATE_MS);
        let data = bytes.to_vec();
        n.messages.insert(id, Message { topic: topic.clone(), bytes, came });
        let input = Input::Gossip { peer: peer(from), topic, message_id: id.to_vec(), bytes: data };
        self.handle(node, input);
    }

    /// What gossipsub does once it knows: forwards, or not.
    pub(crate) fn report(&mut self, node: usize, from: usize, message_id: &[u8], report: Report) {
        let Some(message) = self.nodes[node].messages.remove(message_id) else { return };
        match report {
            Report::Accept => {
                self.tally.count("forwarded");
                self.check_forward(node, &message);
                self.flood(node, Some(from), &message.topic, &message.bytes);
            }
            Report::Ignore => self.tally.count("ignored"),
            Report::Reject => {
                self.tally.count("rejected");
                assert!(!self.nodes[from].is_honest(), "honest node {from} was charged by {node}");
            }
        }
    }

    /// Sends a message to every neighbour that wants it.
    pub(crate) fn flood(&mut self, node: usize, except: Option<usize>, topic: &Topic, bytes: &Rc<[u8]>) {
        if !self.nodes[node].is_honest() && self.keeps_back(node, topic, bytes) {
            return;
        }
        let id = sha256(bytes);
        self.nodes[node].duplicates.insert(id, self.now_ms + DUPLICATE_MS);
        let others: Vec<_> = self.nodes[node].links.iter().copied().filter(|o| Some(*o) != except).collect();
        for other in others {
            let n = &self.nodes[node];
            let is_admitted = n.state.as_ref().is_some_and(|state| state.is_admitted(&peer(other)));
            if !is_admitted || !self.nodes[other].topics.contains(topic) {
                continue;
            }
            let (id, bytes) = self.corrupted(node, id, bytes);
            self.send(node, other, Packet::Gossip { topic: topic.clone(), id, bytes });
        }
    }
}
