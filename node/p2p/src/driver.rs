//! The loop around the replica's state machine: it turns what libp2p and the node say into inputs, and
//! effects into what libp2p and the node are asked to do (ARCHITECTURE.md, "Events in, effects out").
//!
//! One task owns the swarm, the state and the address book. Whatever takes time runs beside it and
//! comes back as a [`work::Done`]; the loop itself never waits for the node.

mod bans;
mod connections;
mod domains;
mod effects;
mod events;
mod exchange;
mod hints;
mod joins;
mod rating;
mod reach;
mod work;

use crate::bans::Bans;
use crate::behaviour::{Behaviour, BehaviourEvent};
use crate::command::{Command, Source};
use crate::credit::{Credit, Network};
use crate::limits::WATCH;
use crate::meter::Meters;
use crate::metrics::Metrics;
use crate::peers::{Book, Place};
use crate::reach::Reach;
use crate::skew::Skew;
use did_resolver::time::UnixSeconds;
use exchange::{Asker, Channel, Early, Welcome};
use futures::StreamExt;
use joins::Joins;
use libp2p::gossipsub::TopicHash;
use libp2p::identity::Keypair;
use libp2p::request_response::OutboundRequestId;
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm};
use marque_flows::ports::clock::Clock;
use marque_flows::ports::mesh::{Ban, Domains, Intake, MeshEvent, PeerInfo, Shown, Write};
use marque_rules::replica::state::{ChannelId, Peer, Ticket};
use marque_rules::replica::{Effect, Input, Item, ItemKind, MonoMillis, Now, Refusal, Scid, State, Topic};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, broadcast, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

/// One established connection.
#[derive(Debug)]
struct Link {
    peer: PeerId,
    address: Multiaddr,
    outbound: bool,
    /// Whether it leads through a relay.
    relayed: bool,
    /// Since when, in milliseconds since the driver began.
    since: u64,
}

/// The parts that a driver is made of.
pub(crate) struct Parts {
    pub(crate) swarm: Swarm<Behaviour>,
    pub(crate) state: State,
    pub(crate) intake: Arc<dyn Intake>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) changed: Arc<Notify>,
    pub(crate) computing: Arc<Semaphore>,
    pub(crate) lookups: Arc<Semaphore>,
    pub(crate) meters: Meters,
    /// Networks behind which many nodes are no attack.
    pub(crate) shared: Vec<Network>,
    /// For whoever watches.
    pub(crate) events: broadcast::Sender<Arc<MeshEvent>>,
    pub(crate) book: Book,
    /// Where the monotonic clock begins.
    pub(crate) began: Instant,
    /// What every hello gives as this node's addresses.
    pub(crate) addresses: Vec<String>,
    pub(crate) reach: Reach,
    /// Whether members may be reached through this node.
    pub(crate) relay: bool,
    /// The key of the node.
    pub(crate) key: Keypair,
}

/// The loop.
pub(crate) struct Driver {
    parts: Parts,
    /// What runs beside the loop.
    work: JoinSet<work::Done>,
    /// Dials under way that the address book asked for.
    dialling: HashMap<ConnectionId, Place>,
    links: HashMap<ConnectionId, Link>,
    /// Places where an answer is waited for.
    channels: HashMap<ChannelId, Channel>,
    next_channel: u64,
    /// Sync requests under way.
    asked: HashMap<OutboundRequestId, Asker>,
    /// Peers that are being greeted, and whether the hello shows a secret.
    greeting: HashMap<PeerId, bool>,
    /// Peers whose hello is being verified.
    verifying: HashSet<PeerId>,
    /// By what each admitted peer is.
    shown: HashMap<PeerId, Arc<Shown>>,
    /// Sync requests of peers that are about to be admitted here, since they have admitted this node.
    early: Vec<Early>,
    /// Answers to hellos of admitted peers that wait for the gate; three of a connection at most.
    welcomes: Vec<Welcome>,
    /// Peers that have admitted this node on the present connection.
    answered: HashSet<PeerId>,
    /// Why connected peers do not let this node in, as they last said.
    refused_by: HashMap<PeerId, Refusal>,
    /// How often in a row a peer did not answer, or its hello failed.
    timeouts: HashMap<PeerId, u32>,
    topics: HashMap<TopicHash, Topic>,
    /// Writes that the state machine has not decided on yet; empty between two inputs.
    writes: BTreeMap<Ticket, Write>,
    joins: Joins,
    /// P5 and P6 of the admitted peers, and which of them gossipsub knows as explicit.
    credits: BTreeMap<PeerId, Credit>,
    bans: Bans,
    ways: reach::Ways,
    hints: hints::Hints,
    skew: Skew,
    /// Admitted peers whose own score is below the graylist.
    graylisted: HashSet<PeerId>,
    /// When a connected peer last answered what it was asked of what it holds.
    synced: HashMap<PeerId, UnixSeconds>,
    /// When a connected peer last said what it holds of this node's own domain.
    compared: HashMap<PeerId, UnixSeconds>,
    /// When any peer answered what it was asked of what it holds; at first, when this began.
    last_sync: UnixSeconds,
    domains: Domains,
    loaded: BTreeSet<Scid>,
    changes: domains::Changes,
    /// When the state machine wants to be woken.
    wake: Option<MonoMillis>,
}

impl Driver {
    /// A driver that has carried out `first`, the first effects of its state, and knows what the node
    /// held of its domains.
    pub(crate) fn new(
        parts: Parts,
        first: Vec<Effect>,
        domains: Domains,
        items: Vec<(Scid, Vec<Item>)>,
        bans: &[Ban],
    ) -> Self {
        let last_sync = parts.clock.now();
        let hints = hints::Hints::new(parts.key.clone());
        let ways = reach::Ways::new(parts.reach.clone(), parts.relay);
        let mut driver = Self {
            parts,
            work: JoinSet::new(),
            dialling: HashMap::new(),
            links: HashMap::new(),
            channels: HashMap::new(),
            next_channel: 0,
            asked: HashMap::new(),
            greeting: HashMap::new(),
            verifying: HashSet::new(),
            shown: HashMap::new(),
            early: Vec::new(),
            welcomes: Vec::new(),
            answered: HashSet::new(),
            refused_by: HashMap::new(),
            timeouts: HashMap::new(),
            topics: HashMap::new(),
            writes: BTreeMap::new(),
            joins: Joins::default(),
            credits: BTreeMap::new(),
            bans: Bans::default(),
            ways,
            hints,
            skew: Skew::default(),
            graylisted: HashSet::new(),
            synced: HashMap::new(),
            compared: HashMap::new(),
            last_sync,
            domains: Domains { addresses: Vec::new(), ..domains.clone() },
            loaded: items.iter().map(|(domain, _)| domain.clone()).collect(),
            changes: domains::Changes::default(),
            wake: None,
        };
        driver.reach_out();
        driver.take_bans(bans);
        driver.carry_out(first);
        driver.take_domains(domains);
        for (domain, items) in items {
            driver.step(Input::Loaded { domain, items });
        }
        driver
    }

    /// Runs until `shutdown` resolves.
    pub(crate) async fn run(mut self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = pin!(shutdown);
        let changed = Arc::clone(&self.parts.changed);
        let mut commands_open = true;
        let mut watch = tokio::time::interval(WATCH);
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.dial_due();
            let wake = self.next_wake();
            tokio::select! {
                () = &mut shutdown => return,
                event = self.parts.swarm.select_next_some() => self.on_swarm(event),
                Some(done) = self.work.join_next(), if !self.work.is_empty() => match done {
                    Ok(done) => self.on_done(done),
                    Err(error) => tracing::error!(%error, "work of the mesh ended without an outcome"),
                },
                command = self.parts.commands.recv(), if commands_open => match command {
                    Some(command) => self.on_command(command),
                    None => commands_open = false,
                },
                () = changed.notified() => self.reload(),
                _ = watch.tick() => self.watch(),
                () = tokio::time::sleep_until(wake) => self.step(Input::Tick),
            }
        }
    }

    fn now(&self) -> Now {
        Now { unix: self.parts.clock.now(), mono: MonoMillis(self.mono()) }
    }

    /// Milliseconds since the driver began.
    fn mono(&self) -> u64 {
        u64::try_from(self.parts.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// When something is to be done though nothing happens.
    fn next_wake(&self) -> Instant {
        let state = self.wake.map(|MonoMillis(at)| at);
        let next = state.into_iter().chain(self.parts.book.next_due()).min();
        // Without anything to do, a minute is as good as any other time.
        let at = next.unwrap_or_else(|| self.mono().saturating_add(60_000));
        self.parts.began.checked_add(Duration::from_millis(at)).unwrap_or_else(Instant::now)
    }

    /// Hands an input to the state machine and does what it says.
    fn step(&mut self, input: Input) {
        let now = self.now();
        let effects = self.parts.state.handle(input, now);
        self.carry_out(effects);
    }

    fn is_admitted(&self, peer: &PeerId) -> bool {
        self.parts.state.is_admitted(&Peer(peer.to_bytes()))
    }

    fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Gate(event)) => self.on_gate(event),
            SwarmEvent::Behaviour(BehaviourEvent::Hello(event)) => self.on_hello(event),
            SwarmEvent::Behaviour(BehaviourEvent::Sync(event)) => self.on_sync(event),
            SwarmEvent::Behaviour(BehaviourEvent::Identify(event)) => self.on_identify(event),
            SwarmEvent::Behaviour(BehaviourEvent::Nearby(event)) => self.on_nearby(event),
            SwarmEvent::Behaviour(BehaviourEvent::Members(event)) => self.on_members(event),
            event => self.on_connection(event),
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Publish { publication, done } => {
                let publication = *publication;
                for item in publication.held.iter().filter(|item| item.kind == ItemKind::Log) {
                    self.has_log(&item.subject, item.seq);
                }
                let envelope = Box::new(publication.envelope);
                self.step(Input::Local { envelope, held: publication.held, lane: publication.lane });
                // Whoever asked may have gone.
                let _ = done.send(());
            }
            Command::Sources { first, reply } => {
                let _ = reply.send(self.sources(first.as_ref()));
            }
            Command::Ask { peer, request, reply } => self.ask(peer, &request, Asker::Search(reply)),
            Command::Holders { did, asked, reply } => self.look_for(did, asked, reply),
            Command::Room { domain, items, reply } => {
                let _ = reply.send(self.parts.state.has_room(&domain, &items));
            }
            Command::Held { domain, items } => self.step(Input::Loaded { domain, items }),
            Command::Join { token, reply } => self.join(*token, reply),
            Command::Configured { addresses } => {
                let now = self.mono();
                self.parts.book.configure(&addresses, now);
            }
            Command::Peers { reply } => {
                let _ = reply.send(self.peers());
            }
            Command::Ban { ban, done } => {
                self.ban(&ban);
                let _ = done.send(());
            }
            Command::Unban { peer, done } => {
                if let Ok(peer) = peer.parse() {
                    self.unban(peer);
                }
                let _ = done.send(());
            }
        }
    }

    /// One link per connected peer, a direct one where there is one, with the peer's domain where it is admitted.
    fn peers_by_domain(&self) -> BTreeMap<PeerId, (Option<Scid>, &Link)> {
        let admitted: HashMap<&Peer, &Scid> = self.parts.state.admitted().collect();
        let domain = |peer: &PeerId| admitted.get(&Peer(peer.to_bytes())).map(|d| (*d).clone());
        let mut links: Vec<_> = self.links.values().collect();
        links.sort_by_key(|link| (!link.relayed, link.since));
        links.into_iter().map(|link| (link.peer, (domain(&link.peer), link))).collect()
    }

    /// Whom to ask, in order: nodes of `first`, one node of each other domain, the other admitted
    /// ones, and those that are not admitted but were dialled from here. A stranger that came by itself
    /// is not asked: what it says would be looked at and kept.
    fn sources(&self, first: Option<&Scid>) -> Vec<Source> {
        let peers = self.peers_by_domain();
        let mut seen = BTreeSet::new();
        let mut ranked: Vec<(u8, Source)> = peers
            .into_iter()
            .filter_map(|(peer, (domain, link))| {
                let rank = match &domain {
                    Some(d) if seen.insert(d.clone()) => u8::from(Some(d) != first),
                    Some(_) => 2,
                    None if link.outbound => 3,
                    None => return None,
                };
                Some((rank, Source { peer, domain }))
            })
            .collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked.into_iter().map(|(_, source)| source).collect()
    }

    fn peers(&mut self) -> Vec<PeerInfo> {
        let scores = self.scores();
        let info = |(peer, (domain, link)): (PeerId, (Option<Scid>, &Link))| {
            let (name, meter) = (Peer(peer.to_bytes()), self.parts.meters.of(peer));
            PeerInfo {
                peer: peer.to_base58(),
                domain,
                address: link.address.to_string(),
                outbound: link.outbound,
                refuses: self.refused_by.get(&peer).copied(),
                admitted_until: self.parts.state.admitted_until(&name),
                score: scores.get(&peer).map(|score| *score as i64),
                pulls: self.parts.state.pulls_of(&name),
                received: meter.bytes_received(),
                sent: meter.bytes_sent(),
                synced: self.synced.get(&peer).copied(),
                compared: self.compared.get(&peer).copied(),
            }
        };
        self.peers_by_domain().into_iter().map(info).collect()
    }

    /// The scores of the admitted peers.
    fn scores(&mut self) -> BTreeMap<PeerId, f64> {
        let gossip = self.parts.swarm.behaviour_mut().gate.gossip();
        self.credits.keys().filter_map(|peer| Some((*peer, gossip.peer_score(peer)?))).collect()
    }

    fn measure(&mut self) {
        let scores = self.scores();
        let peers = self.peers_by_domain();
        let peers = peers.values().map(|(domain, link)| (domain.as_ref(), link.outbound));
        self.parts.metrics.measure(&self.parts.state.gauges(), peers);
        self.parts.metrics.rate(scores.into_values());
        let lag = self.parts.clock.now().since(self.last_sync);
        self.parts.metrics.watch(self.bans.len(), lag);
        let there: BTreeSet<_> = self.parts.state.admitted().map(|(_, domain)| domain.clone()).collect();
        self.skew.keep(|domain| there.contains(domain));
        self.parts.metrics.skew(self.skew.ahead());
        self.count_relayed();
    }
}
