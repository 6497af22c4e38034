//! Several replicas, virtual time, and what happens in it, in order.

use crate::disk::{Disk, Key, Subject, key_of};
use crate::hostile::Malice;
use crate::invariants::Oracle;
use crate::library::{DOMAINS, LIBRARY};
use crate::links::Packet;
use crate::random::Random;
use crate::tally::Tally;
use did_resolver::codec::Sha256Digest;
use did_resolver::time::UnixSeconds;
use marque_rules::replica::state::{ChannelId, RequestId, Ticket};
use marque_rules::replica::{Config, Envelope, Input, Item, MonoMillis, Now, Scid, State, Topic};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::rc::Rc;

/// The wall clock of a node without skew at the beginning.
pub(crate) const START: u64 = 1_800_000_000;

/// What a world is like.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) nodes: usize,
    pub(crate) domains: usize,
    /// Whether there are faults and hostile peers.
    pub(crate) is_rough: bool,
    /// One way, least and most.
    pub(crate) latency_ms: (u64, u64),
    pub(crate) period_ms: u64,
    /// Faults happen until here.
    pub(crate) calm_ms: u64,
    /// By then everything has converged.
    pub(crate) end_ms: u64,
}

pub(crate) enum Event {
    // Of one boot of a node: void once it has crashed.
    Input(Box<Input>),
    Wake,
    /// The store has done what this ticket stands for.
    Written(Ticket),
    Arrive {
        from: usize,
        packet: Packet,
    },
    Link {
        other: usize,
        is_up: bool,
    },
    // Of the world.
    Publish,
    Resign,
    Malice,
    Fault(crate::faults::Fault),
    Restart,
    Trust,
    Dial(usize),
    Look,
}

impl Event {
    const fn is_of_one_boot(&self) -> bool {
        matches!(
            self,
            Self::Input(_) | Self::Wake | Self::Written(_) | Self::Arrive { .. } | Self::Link { .. }
        )
    }
}

struct Scheduled {
    when: u64,
    order: u64,
    node: usize,
    boot: Option<u64>,
    event: Event,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.when, self.order).cmp(&(other.when, other.order))
    }
}

/// What the judge accepted and the store has not written.
pub(crate) struct Write {
    pub(crate) envelope: Envelope,
    pub(crate) subject: Subject,
    /// The items that it was judged against.
    pub(crate) seen: Vec<Item>,
}

/// A message on its way through a node's gossip.
pub(crate) struct Message {
    pub(crate) topic: Topic,
    pub(crate) bytes: Rc<[u8]>,
    /// When it came, by the node's own clock.
    pub(crate) came: UnixSeconds,
}

#[derive(Default)]
pub(crate) struct Node {
    pub(crate) state: Option<State>,
    pub(crate) disk: Disk,
    pub(crate) domain: usize,
    pub(crate) trusted: BTreeSet<usize>,
    /// Empty for an honest node.
    pub(crate) malice: BTreeSet<Malice>,
    pub(crate) links: BTreeSet<usize>,
    /// Whom it dials.
    pub(crate) neighbours: BTreeSet<usize>,
    pub(crate) topics: BTreeSet<Topic>,
    pub(crate) wake_at: Option<u64>,
    pub(crate) judged: BTreeSet<Sha256Digest>,
    pub(crate) writes: BTreeMap<Ticket, Write>,
    /// What each ticket is about.
    pub(crate) tickets: BTreeMap<Ticket, Key>,
    pub(crate) messages: BTreeMap<Sha256Digest, Message>,
    /// Gossipsub's cache of duplicates: ids, and when they are forgotten.
    pub(crate) duplicates: BTreeMap<Sha256Digest, u64>,
    /// Envelopes of which the store has said that they are there.
    pub(crate) durable: BTreeSet<Sha256Digest>,
    pub(crate) channels: BTreeMap<ChannelId, (usize, RequestId)>,
    pub(crate) next_channel: u64,
    /// Which boot: events of an earlier one are void.
    pub(crate) boot: u64,
    pub(crate) is_slow: bool,
    /// Seconds that its clock is ahead.
    pub(crate) skew: i64,
    /// The earliest time of its first boot.
    pub(crate) joins_ms: u64,
    /// What it once said to others, if it is hostile.
    pub(crate) archive: Vec<(Topic, Rc<[u8]>)>,
}

impl Node {
    pub(crate) fn is_honest(&self) -> bool {
        self.malice.is_empty()
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state.is_some()
    }

    /// The numbers of the domains that it replicates.
    pub(crate) fn replicates(&self) -> impl Iterator<Item = usize> {
        let own = std::iter::once(self.domain).filter(|own| !self.trusted.contains(own));
        own.chain(self.trusted.iter().copied())
    }
}

pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) random: Random,
    pub(crate) now_ms: u64,
    events: BinaryHeap<Reverse<Scheduled>>,
    next_event: u64,
    pub(crate) nodes: Vec<Node>,
    /// Directions in which nothing comes through, though the link seems to be up.
    pub(crate) silent: BTreeSet<(usize, usize)>,
    /// Pairs that cannot connect.
    pub(crate) cut: BTreeSet<(usize, usize)>,
    /// What has passed on every clock beside the time of the world.
    pub(crate) passed_seconds: u64,
    pub(crate) oracle: Oracle,
    /// When each node came to hold each number of a subject, in a world without faults.
    pub(crate) arrived: BTreeMap<(usize, Key, u64), u64>,
    pub(crate) tally: Tally,
}

pub(crate) fn scid(domain: usize) -> &'static Scid {
    &LIBRARY.domains[domain % DOMAINS].scid
}

impl World {
    pub(crate) fn new(seed: u64, plan: Plan) -> Self {
        let mut random = Random::new(seed);
        let nodes = (0..plan.nodes).map(|at| Node { domain: at % plan.domains, ..Node::default() }).collect();
        let mut world = Self {
            now_ms: 0,
            events: BinaryHeap::new(),
            next_event: 0,
            nodes,
            silent: BTreeSet::new(),
            cut: BTreeSet::new(),
            passed_seconds: 0,
            oracle: Oracle::default(),
            arrived: BTreeMap::new(),
            tally: Tally::default(),
            random: Random::new(random.number()),
            plan,
        };
        world.choose_characters();
        world.choose_links();
        world.provision();
        world.schedule();
        world
    }

    /// Whether something bad happens that happens one time in `n` while there are faults.
    pub(crate) fn fault(&mut self, n: u64) -> bool {
        self.plan.is_rough && self.now_ms < self.plan.calm_ms && self.random.one_in(n)
    }

    pub(crate) fn at(&mut self, when: u64, node: usize, event: Event) {
        let boot = event.is_of_one_boot().then(|| self.nodes[node].boot);
        let order = self.next_event;
        self.next_event += 1;
        self.events.push(Reverse(Scheduled { when, order, node, boot, event }));
    }

    /// In at most `most_ms`; ten times that on a slow node.
    pub(crate) fn soon(&mut self, most_ms: u64, node: usize, event: Event) {
        let most_ms = if self.nodes[node].is_slow { most_ms * 10 } else { most_ms };
        let delay = 1 + self.random.below(most_ms);
        self.at(self.now_ms + delay, node, event);
    }

    pub(crate) fn unix(&self, node: usize) -> UnixSeconds {
        let unix = START + self.passed_seconds + self.now_ms / 1_000;
        UnixSeconds::new(unix.saturating_add_signed(self.nodes[node].skew))
    }

    pub(crate) fn clock(&self, node: usize) -> Now {
        Now { unix: self.unix(node), mono: MonoMillis(self.now_ms) }
    }

    /// Runs until the end, or until all that should be equal is.
    pub(crate) fn run(&mut self) {
        while let Some(event) = self.next(self.plan.end_ms) {
            if matches!(event, (_, Event::Look)) {
                if self.look() {
                    break;
                }
            } else {
                self.happen(event.0, event.1);
            }
        }
        self.check_end();
    }

    /// Runs until then.
    pub(crate) fn run_until(&mut self, until_ms: u64) {
        while let Some((node, event)) = self.next(until_ms) {
            self.happen(node, event);
        }
        self.now_ms = until_ms;
    }

    /// What happens next and is not void, if that is not later than `until_ms`.
    fn next(&mut self, until_ms: u64) -> Option<(usize, Event)> {
        while self.events.peek().is_some_and(|Reverse(next)| next.when <= until_ms) {
            let Some(Reverse(Scheduled { when, node, boot, event, .. })) = self.events.pop() else { break };
            self.now_ms = when;
            let n = &self.nodes[node];
            if boot.is_none_or(|boot| boot == n.boot && n.is_up()) {
                return Some((node, event));
            }
        }
        None
    }

    fn happen(&mut self, node: usize, event: Event) {
        match event {
            Event::Input(input) => self.handle(node, *input),
            Event::Wake => {
                if self.nodes[node].wake_at.is_some_and(|at| at <= self.now_ms) {
                    self.nodes[node].wake_at = None;
                    self.handle(node, Input::Tick);
                }
            }
            Event::Written(ticket) => {
                let is_written = self.write(node, ticket);
                let input =
                    if is_written { Input::Persisted { ticket } } else { Input::PersistFailed { ticket } };
                self.handle(node, input);
            }
            Event::Arrive { from, packet } => self.arrive(node, from, packet),
            Event::Link { other, is_up } => self.link(node, other, is_up),
            Event::Publish => self.publish(node),
            Event::Resign => self.resign(node),
            Event::Malice => self.harm(node),
            Event::Fault(fault) => self.strike(node, fault),
            Event::Restart => self.boot(node),
            Event::Trust => self.trust_another(node),
            Event::Dial(other) => self.dial(node, other),
            Event::Look => {}
        }
    }

    /// Starts a node from its disk.
    pub(crate) fn boot(&mut self, node: usize) {
        if self.nodes[node].is_up() || self.now_ms < self.nodes[node].joins_ms {
            return;
        }
        let own = scid(self.nodes[node].domain).clone();
        let config = Config { period_ms: self.plan.period_ms, ..Config::new(own, self.random.number()) };
        let (state, effects) = State::new(config, self.clock(node));
        self.nodes[node].state = Some(state);
        self.obey(node, effects);
        let domains = (0..self.plan.domains).map(|domain| scid(domain).clone()).collect();
        self.handle(node, Input::JoinedDomains { domains });
        self.tell_trust(node);
        let domains: Vec<_> = self.nodes[node].replicates().collect();
        for domain in domains {
            self.load(node, domain);
        }
        self.check_boot(node);
        let others: Vec<_> = (0..self.plan.nodes).collect();
        for other in others {
            if self.nodes[node].neighbours.contains(&other) || self.nodes[other].neighbours.contains(&node) {
                self.join(node, other);
            }
        }
    }

    fn tell_trust(&mut self, node: usize) {
        let domains = self.nodes[node].trusted.iter().map(|domain| scid(*domain).clone()).collect();
        self.handle(node, Input::TrustChanged { domains });
    }

    fn load(&mut self, node: usize, domain: usize) {
        let disk = &self.nodes[node].disk;
        let of_domain = disk.0.iter().filter(|((of, ..), _)| of == scid(domain));
        let held: Vec<_> = of_domain.map(|(_, subject)| subject.items()).collect();
        for items in held {
            self.handle(node, Input::Loaded { domain: scid(domain).clone(), items });
        }
    }

    /// An operator recognises another domain, and has a node dialled that replicates it.
    fn trust_another(&mut self, node: usize) {
        let domain = self.random.index(self.plan.domains);
        if self.nodes[node].is_up() && self.nodes[node].trusted.insert(domain) {
            self.tally.count("trusted later");
            self.tell_trust(node);
            self.load(node, domain);
            let others: Vec<_> = self.followers(domain).into_iter().filter(|other| *other != node).collect();
            if let Some(other) = self.random.among(&others) {
                self.connectable(node, other);
                self.join(node, other);
            }
        }
    }

    pub(crate) fn crash(&mut self, node: usize) {
        if !self.nodes[node].is_up() {
            return;
        }
        self.tally.count("crashes");
        for other in 0..self.plan.nodes {
            self.unlink(node, other);
        }
        // What was handed to the store and not acknowledged may be there afterwards, or not.
        let tickets: Vec<_> = self.nodes[node].writes.keys().copied().collect();
        for ticket in tickets {
            if self.random.one_in(2) {
                self.write(node, ticket);
            } else {
                self.tally.count("writes lost");
            }
        }
        let n = &mut self.nodes[node];
        n.state = None;
        n.writes.clear();
        n.judged.clear();
        n.tickets.clear();
        n.messages.clear();
        n.duplicates.clear();
        n.channels.clear();
        n.topics.clear();
        n.wake_at = None;
        n.boot += 1;
        let back = self.now_ms + 500 + self.random.below(2 * self.plan.period_ms);
        self.at(back.min(self.plan.calm_ms), node, Event::Restart);
    }

    /// Does a write, unless what it was judged against has changed.
    fn write(&mut self, node: usize, ticket: Ticket) -> bool {
        let Some(Write { envelope, subject, seen }) = self.nodes[node].writes.remove(&ticket) else {
            return false;
        };
        let key = key_of(&envelope);
        if self.nodes[node].disk.items(&key) != seen {
            self.tally.count("writes failed");
            return false;
        }
        self.commit(node, Some(&envelope), key, subject);
        true
    }

    /// Makes a subject durable.
    pub(crate) fn commit(&mut self, node: usize, envelope: Option<&Envelope>, key: Key, subject: Subject) {
        if !self.plan.is_rough {
            self.arrived.insert((node, key.clone(), subject.highest()), self.now_ms);
        }
        self.check_commit(node, &key, &subject);
        let n = &mut self.nodes[node];
        n.durable.extend(envelope.map(Envelope::id));
        n.disk.0.insert(key, Rc::new(subject));
    }

    pub(crate) fn handle(&mut self, node: usize, input: Input) {
        let now = self.clock(node);
        let subject = self.subject_of(node, &input);
        let Some(state) = self.nodes[node].state.as_mut() else { return };
        let effects = state.handle(input, now);
        self.check_bounds(node);
        self.obey(node, effects);
        if let Some(key) = subject {
            self.check_view(node, &key);
        }
    }
}
