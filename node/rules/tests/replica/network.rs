//! Several replicas, the links between them, and virtual time.

use crate::judge::{
    Disk, Key, Object, Origin, Subject, THRESHOLD, WITNESSES, approvals, approved_by, bits, is_witnessed,
    key_of, log_head, log_item,
};
use did_resolver::codec::{Sha256Digest, sha256};
use did_resolver::time::UnixSeconds;
use marque_rules::replica::limits::*;
use marque_rules::replica::state::{ChannelId, Peer, Report, RequestId, Ticket, Via};
use marque_rules::replica::{
    Config, Effect, Envelope, Hello, Input, Item, ItemKind, Kind, Lane, MonoMillis, Now, Refusal, Request,
    Response, State, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};

const NODES: usize = 5;
const PERIOD_MS: u64 = 2_000;
/// Faults happen until here.
const CALM_MS: u64 = 20_000;
/// Requests that were lost have timed out, and several periods have passed.
const END_MS: u64 = CALM_MS + REQUEST_TIMEOUT_MS + 5 * PERIOD_MS;
const START: u64 = 1_800_000_000;
/// Identifies the node that joins late.
const LATE: usize = NODES - 1;
/// The version that nobody may ever hold: too few witnesses approve it.
const UNAPPROVED: u8 = 99;

enum Event {
    Input(Input),
    Wake,
    /// The store has done what this ticket stands for.
    Written(Ticket),
    Publish,
    Link(usize, bool),
    Partition,
    Heal,
    Crash,
    Restart,
    /// From a peer, over a link that must be up then.
    From(usize, Input),
    Hello {
        from: usize,
    },
    HelloBack {
        from: usize,
        ok: bool,
    },
    Asked {
        from: usize,
        id: RequestId,
        request: Request,
    },
}

struct Node {
    state: Option<State>,
    disk: Disk,
    /// What the judge accepted and the store has not written, and the items that it was judged against.
    writes: BTreeMap<Ticket, (Envelope, Subject, Vec<Item>)>,
    links: BTreeSet<usize>,
    wake_at: Option<u64>,
    judged: BTreeMap<Ticket, Envelope>,
    /// Messages on their way through this node's gossip, by the id it gave them.
    messages: BTreeMap<Vec<u8>, (marque_rules::replica::Topic, Vec<u8>)>,
    durable: BTreeSet<Sha256Digest>,
    /// The highest number of each log that this node has passed on.
    passed_on: BTreeMap<Key, u64>,
    channels: BTreeMap<ChannelId, (usize, RequestId)>,
    next_channel: u64,
    /// Which boot: events of an earlier one are void.
    boot: u64,
}

#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) judged: usize,
    pub(crate) forwarded: usize,
    pub(crate) contested: usize,
    pub(crate) rejected: usize,
    pub(crate) pulled: usize,
    /// Witnessed logs that are held at the end.
    pub(crate) witnessed: usize,
    /// Approvals that came after the log, and were stored.
    pub(crate) approved_later: usize,
    /// Versions that were refused for want of approvals.
    pub(crate) unapproved: usize,
}

impl Tally {
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            judged: self.judged + other.judged,
            forwarded: self.forwarded + other.forwarded,
            contested: self.contested + other.contested,
            rejected: self.rejected + other.rejected,
            pulled: self.pulled + other.pulled,
            witnessed: self.witnessed + other.witnessed,
            approved_later: self.approved_later + other.approved_later,
            unapproved: self.unapproved + other.unapproved,
        }
    }
}

pub(crate) struct Network {
    random: u64,
    now_ms: u64,
    events: BTreeMap<(u64, u64), (usize, u64, Event)>,
    next_event: u64,
    nodes: Vec<Node>,
    origins: Vec<Origin>,
    tally: Tally,
}

fn peer(node: usize) -> Peer {
    Peer(vec![u8::try_from(node).unwrap()])
}

fn index(peer: &Peer) -> usize {
    usize::from(peer.0[0])
}

impl Network {
    pub(crate) fn new(seed: u64) -> Self {
        let node = || Node {
            state: None,
            disk: Disk::default(),
            writes: BTreeMap::new(),
            links: BTreeSet::new(),
            wake_at: None,
            judged: BTreeMap::new(),
            messages: BTreeMap::new(),
            durable: BTreeSet::new(),
            passed_on: BTreeMap::new(),
            channels: BTreeMap::new(),
            next_channel: 0,
            boot: 0,
        };
        let origins = vec![Origin::new(0), Origin::new(1)];
        let nodes = (0..NODES).map(|_| node()).collect();
        let mut network = Self {
            random: seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x5eed,
            now_ms: 0,
            events: BTreeMap::new(),
            next_event: 0,
            nodes,
            origins,
            tally: Tally::default(),
        };
        for at in 0..NODES {
            let boots_at = if at == LATE { 16_000 } else { 0 };
            network.at(boots_at, at, Event::Restart);
        }
        for _ in 0..30 {
            let (when, at) = (network.below(CALM_MS), network.below(NODES as u64) as usize);
            network.at(when, at, Event::Publish);
        }
        for _ in 0..2 {
            let (when, length) = (network.below(14_000), 1_000 + network.below(8_000));
            network.at(when, 0, Event::Partition);
            network.at((when + length).min(CALM_MS), 0, Event::Heal);
            let (when, at) = (network.below(14_000), network.below(LATE as u64) as usize);
            network.at(when, at, Event::Crash);
        }
        network.at(CALM_MS, 0, Event::Heal);
        network
    }

    fn below(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below.max(1)
    }

    /// One in `n` while there are faults.
    fn fault(&mut self, n: u64) -> bool {
        self.below(n) == 0 && self.now_ms < CALM_MS
    }

    fn at(&mut self, when: u64, node: usize, event: Event) {
        let boot = match event {
            Event::Restart | Event::Crash | Event::Publish | Event::Partition | Event::Heal => u64::MAX,
            _ => self.nodes[node].boot,
        };
        self.next_event += 1;
        self.events.insert((when, self.next_event), (node, boot, event));
    }

    fn after(&mut self, most_ms: u64, node: usize, event: Event) {
        let delay = 1 + self.below(most_ms);
        self.at(self.now_ms + delay, node, event);
    }

    fn clock(&self) -> Now {
        Now { unix: UnixSeconds::new(START + self.now_ms / 1_000), mono: MonoMillis(self.now_ms) }
    }

    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }

    pub(crate) fn run(&mut self) {
        while let Some(((when, _), (node, boot, event))) = self.events.pop_first() {
            if when > END_MS {
                break;
            }
            self.now_ms = when;
            if boot == u64::MAX || (boot == self.nodes[node].boot && self.nodes[node].state.is_some()) {
                self.happen(node, event);
            }
        }
        self.check_converged();
    }

    fn happen(&mut self, node: usize, event: Event) {
        match event {
            Event::Input(input) => self.handle(node, input),
            Event::Wake => {
                if self.nodes[node].wake_at.is_some_and(|at| at <= self.now_ms) {
                    self.nodes[node].wake_at = None;
                    self.handle(node, Input::Tick);
                }
            }
            Event::Written(ticket) => {
                let input = if self.write(node, ticket) {
                    Input::Persisted { ticket }
                } else {
                    Input::PersistFailed { ticket }
                };
                self.handle(node, input);
            }
            Event::Publish => self.publish(node),
            Event::Link(other, up) => self.link(node, other, up),
            Event::Partition => {
                let side: Vec<bool> = (0..NODES).map(|_| self.below(2) == 0).collect();
                for (a, b) in pairs() {
                    if side[a] != side[b] {
                        self.cut(a, b);
                    }
                }
            }
            Event::Heal => {
                for (a, b) in pairs() {
                    self.join(a, b);
                }
            }
            Event::Crash => self.crash(node),
            Event::Restart => self.restart(node),
            Event::From(from, input) => {
                if self.nodes[node].links.contains(&from) {
                    self.handle(node, input);
                }
            }
            Event::Hello { from } => {
                if self.nodes[node].links.contains(&from) {
                    let channel = Some(ChannelId(u64::MAX - from as u64));
                    let hello = self.hello(from);
                    self.handle(node, Input::HelloReceived { peer: peer(from), channel, hello });
                }
            }
            Event::HelloBack { from, ok } => {
                if self.nodes[node].links.contains(&from) {
                    let (peer, channel) = (peer(from), None);
                    let input = if ok {
                        Input::HelloReceived { peer, channel, hello: self.hello(from) }
                    } else {
                        Input::HelloRefused { peer, channel, reason: Refusal::NotAdmitted }
                    };
                    self.handle(node, input);
                }
            }
            Event::Asked { from, id, request } => {
                if self.nodes[node].links.contains(&from) {
                    let n = &mut self.nodes[node];
                    let channel = ChannelId(n.next_channel);
                    n.next_channel += 1;
                    n.channels.insert(channel, (from, id));
                    // What goes over the wire is what its encoding says.
                    let request = Request::decode(&request.encode()).unwrap();
                    self.handle(node, Input::SyncRequest { peer: peer(from), channel, request });
                }
            }
        }
    }

    fn hello(&self, node: usize) -> Box<Hello> {
        let domain = self.origins[node % 2].document.id().clone();
        Box::new(Hello {
            membership: vec![1],
            domain,
            domain_log: vec![2],
            domain_witness: None,
            join_secret: None,
            addresses: Vec::new(),
        })
    }

    fn link(&mut self, node: usize, other: usize, up: bool) {
        if up && self.nodes[node].links.contains(&other) {
            self.handle(node, Input::PeerConnected { peer: peer(other), outbound: node < other });
        } else if !up {
            self.handle(node, Input::PeerDisconnected { peer: peer(other) });
        }
    }

    fn join(&mut self, a: usize, b: usize) {
        if self.nodes[a].state.is_none() || self.nodes[b].state.is_none() {
            return;
        }
        if self.nodes[a].links.insert(b) && self.nodes[b].links.insert(a) {
            self.at(self.now_ms, b, Event::Link(a, true));
            self.at(self.now_ms, a, Event::Link(b, true));
        }
    }

    fn cut(&mut self, a: usize, b: usize) {
        if self.nodes[a].links.remove(&b) && self.nodes[b].links.remove(&a) {
            self.at(self.now_ms, a, Event::Link(b, false));
            self.at(self.now_ms, b, Event::Link(a, false));
        }
    }

    fn crash(&mut self, node: usize) {
        if self.nodes[node].state.is_none() {
            return;
        }
        for other in 0..NODES {
            self.cut(node, other);
        }
        // What was handed to the store and not acknowledged may be there afterwards, or not.
        let tickets: Vec<_> = self.nodes[node].writes.keys().copied().collect();
        for ticket in tickets {
            if self.below(2) == 0 {
                self.write(node, ticket);
            }
        }
        let n = &mut self.nodes[node];
        n.state = None;
        n.writes.clear();
        n.judged.clear();
        n.messages.clear();
        n.channels.clear();
        n.wake_at = None;
        n.boot += 1;
        let back = self.now_ms + 500 + self.below(4_000);
        self.at(back, node, Event::Restart);
    }

    fn restart(&mut self, node: usize) {
        if self.nodes[node].state.is_some() {
            return;
        }
        let own = self.origins[node % 2].scid.clone();
        let config = Config { period_ms: PERIOD_MS, ..Config::new(own, self.below(u64::MAX)) };
        let (state, effects) = State::new(config, self.clock());
        self.nodes[node].state = Some(state);
        self.obey(node, effects);
        let domains: BTreeSet<_> = self.origins.iter().map(|o| o.scid.clone()).collect();
        self.handle(node, Input::TrustChanged { domains });
        let held: Vec<_> = self.nodes[node].disk.0.iter().map(|(k, s)| (k.0.clone(), s.items())).collect();
        for (domain, items) in held {
            self.handle(node, Input::Loaded { domain, items });
        }
        for other in (0..NODES).filter(|other| *other != node) {
            self.join(node.min(other), node.max(other));
        }
    }

    fn write(&mut self, node: usize, ticket: Ticket) -> bool {
        let Some((envelope, subject, seen)) = self.nodes[node].writes.remove(&ticket) else { return false };
        let held = self.nodes[node].disk.0.get(&key_of(&envelope)).map(Subject::items).unwrap_or_default();
        let unchanged = held == seen;
        if unchanged {
            self.tally.approved_later += usize::from(subject.items() == seen);
            self.commit(node, &envelope, subject);
        }
        unchanged
    }

    /// Writes a subject, and checks that nothing in it falls.
    fn commit(&mut self, node: usize, envelope: &Envelope, subject: Subject) {
        let n = &mut self.nodes[node];
        n.durable.insert(envelope.id());
        let before = n.disk.0.insert(key_of(envelope), subject.clone()).unwrap_or_default();
        assert!(subject.highest() >= before.highest(), "a number fell");
        if let Some(revoked) = before.revoked_ever {
            assert!(subject.revoked_ever.is_some_and(|now| now.covers(&revoked)), "a revocation was lost");
        }
    }

    /// A node publishes: a longer log, a fork of another node's log, or a list with more revoked.
    fn publish(&mut self, node: usize) {
        if self.nodes[node].state.is_none() || self.now_ms > CALM_MS {
            return;
        }
        let unix = self.clock().unix;
        let origin = &self.origins[node % 2];
        let scid = origin.scid.clone();
        let choice = self.below(10);
        let origin = &self.origins[node % 2];
        let (envelope, subject, lane) = if choice < 7 {
            // The log of this node, or a fork of that of the other node of its domain.
            let fork = choice == 0;
            let whose = if fork { (node + 2) % NODES } else { node };
            if whose % 2 != node % 2 {
                return;
            }
            let name = format!("did:example:{whose}");
            let key = (scid, ItemKind::Log, name.clone());
            let mut subject = self.nodes[node].disk.0.get(&key).cloned().unwrap_or_default();
            let longest = subject.objects.iter().max_by_key(|o| o.item.seq).cloned();
            let mut content = longest.map(|o| o.content).unwrap_or_default();
            if fork && (subject.objects.len() != 1 || content.len() < 2) {
                return;
            }
            let witnessed = is_witnessed(&name);
            let absent = self.below(WITNESSES.len() as u64) as usize;
            let mut witnesses = WITNESSES.to_vec();
            witnesses.remove(absent);
            if witnessed && choice == 5 && !content.is_empty() {
                return self.publish_unapproved(node, &name, content);
            }
            // The witness that was away approves the versions that are there.
            let later = witnessed && choice == 6 && subject.objects.len() == 1;
            let origin = &self.origins[node % 2];
            if later {
                witnesses = WITNESSES.to_vec();
                subject.objects.clear();
            } else if fork {
                content.pop();
                content.push(200 + node as u8);
            } else {
                content.push(node as u8);
                subject.objects.retain(|o| !content.starts_with(&o.content));
            }
            let item = log_item(&name, &content);
            let witness = if witnessed { approvals(&content, witnesses) } else { Vec::new() };
            let file = witnessed.then(|| witness.clone());
            let envelope = if choice < 3 {
                let head = log_head(&name, &content).encode();
                origin.sign(Kind::LogHead, &name, item.seq, head, file, unix)
            } else {
                origin.sign(Kind::Log, &name, item.seq, content.clone(), file, unix)
            };
            subject.objects.push(Object { item, envelope: envelope.bytes().to_vec(), content, witness });
            (envelope, subject, Lane::Did)
        } else {
            let name = format!("https://d.example/list/{node}");
            let key = (scid, ItemKind::StatusList, name.clone());
            let held = self.nodes[node].disk.0.get(&key).cloned().unwrap_or_default();
            let mut content = held.objects.first().map(|o| o.content.clone()).unwrap_or_default();
            content.push(content.len() as u8 * 3);
            let envelope = origin.sign(Kind::StatusList, &name, held.highest() + 1, content, None, unix);
            let (_, subject) = self.nodes[node].disk.judge(&self.origins, &envelope, None, unix);
            (envelope, subject.unwrap(), Lane::Status)
        };
        let held: Vec<Item> = subject.items();
        self.commit(node, &envelope, subject);
        self.handle(node, Input::Local { envelope: Box::new(envelope), held, lane });
    }

    /// Says a version that one witness too few approves, or none, by the domain's own key.
    fn publish_unapproved(&mut self, node: usize, name: &str, mut content: Vec<u8>) {
        content.push(UNAPPROVED);
        let witnesses = WITNESSES.into_iter().take(self.below(THRESHOLD as u64) as usize);
        let file = Some(approvals(&content, witnesses)).filter(|file| !file.is_empty());
        let (origin, unix) = (&self.origins[node % 2], self.clock().unix);
        let envelope = origin.sign(Kind::Log, name, content.len() as u64, content, file, unix);
        let topic = marque_rules::replica::Topic::new(&origin.scid, Lane::Did);
        self.flood(node, None, &topic, envelope.bytes());
    }

    fn handle(&mut self, node: usize, input: Input) {
        let now = self.clock();
        let Some(state) = self.nodes[node].state.as_mut() else { return };
        let effects = state.handle(input, now);
        let gauges = state.gauges();
        assert!(gauges.peers <= MAX_PEERS && gauges.hellos <= MAX_HELLOS);
        assert!(gauges.pending <= MAX_PENDING && gauges.pending_pulled <= MAX_PENDING_FROM_SYNC);
        assert!(gauges.judging <= MAX_JUDGING && gauges.log_pulls <= MAX_LOG_PULLS);
        assert!(gauges.most_pulls_of_a_peer <= MAX_PULLS_PER_PEER, "too many pulls");
        assert!(gauges.seen <= MAX_SEEN && gauges.settled <= MAX_SETTLED);
        self.obey(node, effects);
    }

    fn obey(&mut self, node: usize, effects: Vec<Effect>) {
        for effect in effects {
            self.obey_one(node, effect);
        }
    }

    fn obey_one(&mut self, node: usize, effect: Effect) {
        match effect {
            Effect::SendHello { peer } => self.after(100, index(&peer), Event::Hello { from: node }),
            Effect::VerifyHello { peer, channel, hello } => {
                let domain = marque_rules::replica::Scid::of(&hello.domain).unwrap();
                let until = self.clock().unix.plus(std::time::Duration::from_secs(86_400));
                self.after(5, node, Event::Input(Input::HelloVerified { peer, channel, domain, until }));
            }
            Effect::AnswerHello { peer, refusal, .. } => {
                self.after(100, index(&peer), Event::HelloBack { from: node, ok: refusal.is_none() });
            }
            Effect::Judge { ticket, envelope, log, via, .. } => {
                self.tally.judged += 1;
                self.tally.pulled += usize::from(via == Via::Sync);
                let now = self.clock().unix;
                let (verdict, write) =
                    self.nodes[node].disk.judge(&self.origins, &envelope, log.as_deref(), now);

                let unapproved = matches!(verdict, Verdict::Ignore(Refusal::BadLog));
                self.tally.unapproved += usize::from(unapproved);
                if let Some(subject) = write {
                    let held = self.nodes[node].disk.0.get(&key_of(&envelope)).map(Subject::items);
                    let write = (*envelope.clone(), subject, held.unwrap_or_default());
                    self.nodes[node].writes.insert(ticket, write);
                }
                self.nodes[node].judged.insert(ticket, *envelope);
                self.after(20, node, Event::Input(Input::Judged { ticket, verdict }));
            }
            Effect::Persist { ticket } => self.after(60, node, Event::Written(ticket)),
            Effect::Report { message_id, report, peer } => {
                self.report(node, index(&peer), &message_id, report)
            }
            Effect::Publish { topic, bytes } => {
                assert!(
                    self.nodes[node].durable.contains(&sha256(&bytes)),
                    "published before it was durable"
                );
                self.flood(node, None, &topic, &bytes);
            }
            Effect::Request { peer, id, request } => {
                if self.fault(10) {
                    return;
                }
                self.after(200, index(&peer), Event::Asked { from: node, id, request });
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
            Effect::Disconnect { peer, reason } => panic!("{peer:?} disconnected: {reason}"),
            Effect::Admit { .. }
            | Effect::Subscribe { .. }
            | Effect::Unsubscribe { .. }
            | Effect::Count { .. } => {}
        }
    }

    fn answer(&mut self, node: usize, to: usize, channel: ChannelId, response: Response) {
        let Some((asker, id)) = self.nodes[node].channels.remove(&channel) else { return };
        assert_eq!(asker, to);
        if self.fault(10) {
            return;
        }
        let response = Response::decode(&response.encode()).unwrap();
        let input = Input::SyncResponse { peer: peer(node), id, response };
        self.after(200, to, Event::From(node, input));
    }

    /// What gossipsub does once it knows: forwards, or not. Nothing is forwarded before it is durable.
    fn report(&mut self, node: usize, from: usize, message_id: &[u8], report: Report) {
        let Some((topic, bytes)) = self.nodes[node].messages.remove(message_id) else { return };
        match report {
            Report::Accept => {
                self.tally.forwarded += 1;
                let envelope = Envelope::decode(&bytes).unwrap();
                assert!(self.nodes[node].durable.contains(&envelope.id()), "forwarded before it was durable");
                let (key, seq) = (key_of(&envelope), envelope.body().seq);
                if key.1 == ItemKind::Log {
                    let passed = self.nodes[node].passed_on.entry(key).or_default();
                    *passed = (*passed).max(seq);
                }
                self.flood(node, Some(from), &topic, &bytes);
            }
            Report::Ignore => {}
            Report::Reject => self.tally.rejected += 1,
        }
    }

    fn flood(
        &mut self,
        node: usize,
        except: Option<usize>,
        topic: &marque_rules::replica::Topic,
        bytes: &[u8],
    ) {
        let others: Vec<_> = self.nodes[node].links.iter().copied().filter(|o| Some(*o) != except).collect();
        for other in others {
            let admitted = self.nodes[node].state.as_ref().is_some_and(|s| s.is_admitted(&peer(other)));
            if !admitted || self.fault(4) {
                continue;
            }
            let copies = if self.fault(5) { 2 } else { 1 };
            for _ in 0..copies {
                let mut bytes = bytes.to_vec();
                if self.fault(20) {
                    let at = self.below(bytes.len() as u64) as usize;
                    bytes[at] ^= 1 << self.below(8);
                }
                self.next_event += 1;
                let message_id = self.next_event.to_be_bytes().to_vec();
                self.nodes[other].messages.insert(message_id.clone(), (topic.clone(), bytes.clone()));
                let input = Input::Gossip { peer: peer(node), topic: topic.clone(), message_id, bytes };
                self.after(400, other, Event::From(node, input));
            }
        }
    }

    fn check_converged(&mut self) {
        let expected: Vec<_> = {
            let state = self.nodes[0].state.as_mut().unwrap();
            self.origins.iter().map(|o| state.root(&o.scid)).collect()
        };
        for (at, node) in self.nodes.iter_mut().enumerate() {
            let state = node.state.as_mut().unwrap();
            assert_eq!(state.admitted().count(), NODES - 1, "node {at} lacks peers");
            let roots: Vec<_> = self.origins.iter().map(|o| state.root(&o.scid)).collect();
            assert_eq!(roots, expected, "node {at} differs from node 0");
            // The view is what the disk holds.
            for ((domain, kind, subject), held) in &node.disk.0 {
                let of = |i: &&Item| i.kind == *kind && i.subject == *subject;
                let mut shown: Vec<_> = state.items(domain).filter(of).cloned().collect();
                let mut items = held.items();
                shown.sort();
                items.sort();
                assert_eq!(shown, items, "node {at}: the view is not what is durable");
                let witnessed = *kind == ItemKind::Log && is_witnessed(subject);
                for object in held.objects.iter().filter(|_| witnessed) {
                    let approved = approved_by(&object.content, &object.witness);
                    assert!(approved >= THRESHOLD, "node {at} holds what too few approve");
                    assert!(!object.content.contains(&UNAPPROVED));
                    self.tally.witnessed += 1;
                }
                self.tally.contested += usize::from(*kind == ItemKind::Log && items.len() > 1);
                // What was passed on before a crash is still there.
                let passed = node.passed_on.get(&(domain.clone(), *kind, subject.clone()));
                assert!(passed.is_none_or(|passed| *passed <= held.highest()), "a number fell");
                if *kind == ItemKind::StatusList {
                    let listed = bits(&held.objects[0].content);
                    assert!(held.revoked_ever.as_ref().is_some_and(|ever| ever.covers(&listed)));
                }
            }
        }
    }
}

fn pairs() -> impl Iterator<Item = (usize, usize)> {
    (0..NODES).flat_map(|a| (a + 1..NODES).map(move |b| (a, b)))
}
