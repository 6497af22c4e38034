//! Starting the mesh: the transport, the listeners, and the driver's task.

use crate::behaviour::{Behaviour, Members};
use crate::command::Line;
use crate::credit::Network;
use crate::driver::{Driver, Parts};
use crate::gate::Arrivals;
use crate::handle::Handle;
use crate::limits::{IDLE, MAX_COMMANDS, MAX_COMPUTING, MAX_EVENTS, MAX_LOOKUPS, MAX_SEARCHES};
use crate::meter::Meters;
use crate::metrics::Metrics;
use crate::peers::Book;
use crate::reach::Reach;
use crate::search::Search;
use crate::transport::{is_quic, transport};
use futures::StreamExt;
use libp2p::core::transport::TransportError;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, Swarm};
use marque_flows::ports::clock::Clock;
use marque_flows::ports::mesh::Intake;
use marque_rules::replica::limits::{MAX_ADDRESS_BYTES, MAX_ADDRESSES};
use marque_rules::replica::{MonoMillis, Now, Refusal, State, state};
use std::fmt;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use tokio::sync::{Notify, Semaphore, broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// What the mesh is told once.
#[derive(Clone)]
pub struct Config {
    /// The secret Ed25519 key of the node, from which its PeerId follows. No domain or issuer key.
    pub secret: [u8; 32],
    /// Multiaddrs to listen on, such as `/ip4/0.0.0.0/tcp/4100`; with port 0 the system chooses. QUIC is spoken
    /// where one of the addresses here, of `external` or of `peers` is one of it.
    pub listen: Vec<String>,
    /// Multiaddrs under which peers may dial this node; empty: those that are listened on.
    pub external: Vec<String>,
    /// Multiaddrs of peers to dial, with or without a PeerId at the end.
    pub peers: Vec<String>,
    /// Networks behind which many nodes are no attack: loopback, a cluster, one's own NAT.
    pub shared_networks: Vec<Network>,
    /// Whether members that nobody can dial may be reached through this node, while it can be dialled.
    pub relay: bool,
    /// Whether nodes on the same network are looked for by mDNS, and this one is found.
    pub mdns: bool,
    /// Whether members are told whose logs this node keeps up with, and asked who has a log that no peer has.
    pub hints: bool,
    /// Period of anti-entropy, in milliseconds.
    pub sync_period_ms: u64,
    /// Seeds jitter and the choice of peers; nothing secret depends on it.
    pub seed: u64,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            secret: _,
            listen,
            external,
            peers,
            shared_networks,
            relay,
            mdns,
            hints,
            sync_period_ms,
            seed,
        } = self;
        f.debug_struct("Config")
            .field("listen", listen)
            .field("external", external)
            .field("peers", peers)
            .field("shared_networks", shared_networks)
            .field("relay", relay)
            .field("mdns", mdns)
            .field("hints", hints)
            .field("sync_period_ms", sync_period_ms)
            .field("seed", seed)
            .finish_non_exhaustive()
    }
}

/// The PeerId of a node with this secret key, as text: what its membership credential names.
#[must_use]
pub fn peer_id(secret: [u8; 32]) -> String {
    keypair(secret).map(|key| key.public().to_peer_id().to_base58()).unwrap_or_default()
}

/// A mesh that runs.
#[derive(Debug)]
pub struct Running {
    /// Speaks to it.
    pub handle: Handle,
    /// The addresses it listens on, each with the PeerId.
    pub listening: Vec<String>,
    /// Ends after `shutdown` has resolved; connections are closed then.
    pub task: JoinHandle<()>,
}

/// Starts the mesh on the present tokio runtime. When this resolves it listens, and knows what the
/// node holds; it dials from then on until `shutdown` resolves.
///
/// # Errors
/// [`Error`]; nothing runs then.
pub async fn spawn(
    config: Config,
    intake: Arc<dyn Intake>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<Running, Error> {
    let key = keypair(config.secret)?;
    let own = key.public().to_peer_id();
    let meters = Meters::default();
    let mut swarm = swarm(&key, &config, metrics.arrivals(), &meters)?;
    let listening = listen(&mut swarm, &config.listen, own).await?;

    let began = Instant::now();
    let mut book = Book::new(own, config.seed);
    book.configure(&crate::peers::read(&config.peers).map_err(Error::Address)?, 0);
    let domains = intake.domains().await.map_err(Error::Intake)?;
    let mut items = Vec::new();
    for domain in domains.trusted.iter().chain([&domains.own]) {
        items.push((domain.clone(), intake.items(domain.clone()).await.map_err(Error::Intake)?));
    }
    let bans = intake.bans().await.map_err(Error::Intake)?;
    let replica = state::Config {
        period_ms: config.sync_period_ms,
        ..state::Config::new(domains.own.clone(), config.seed)
    };
    let (state, first) = State::new(replica, Now { unix: clock.now(), mono: MonoMillis(0) });

    let (sender, commands) = mpsc::channel(MAX_COMMANDS);
    let line = Line(sender);
    let changed = Arc::new(Notify::new());
    let computing = Arc::new(Semaphore::new(MAX_COMPUTING));
    let search = Search {
        line: line.clone(),
        intake: Arc::clone(&intake),
        computing: Arc::clone(&computing),
        places: Arc::new(Semaphore::new(MAX_SEARCHES)),
    };
    let (events, _) = broadcast::channel(MAX_EVENTS);
    let handle = Handle { line, search, changed: Arc::clone(&changed), events: events.downgrade() };
    let lookups = Arc::new(Semaphore::new(MAX_LOOKUPS));
    let addresses = announced(&config, &listening, own)?;
    // A relay tells under which addresses it is dialled.
    for text in &config.external {
        swarm.add_external_address(crate::peers::split(&parse(text)?).0);
    }
    let reach = Reach::new(!config.listen.is_empty(), !config.external.is_empty());
    let parts = Parts {
        swarm,
        state,
        intake,
        clock,
        metrics,
        commands,
        changed,
        computing,
        lookups,
        meters,
        shared: config.shared_networks,
        events,
        book,
        began,
        addresses,
        reach,
        relay: config.relay,
        key,
    };
    let driver = Driver::new(parts, first, domains, items, &bans);
    let task = tokio::spawn(driver.run(shutdown));
    Ok(Running { handle, listening, task })
}

fn keypair(mut secret: [u8; 32]) -> Result<Keypair, Error> {
    // The bytes are wiped as they are read.
    Keypair::ed25519_from_bytes(&mut secret).map_err(|e| Error::Transport(e.to_string()))
}

fn swarm(
    key: &Keypair,
    config: &Config,
    arrivals: Arrivals,
    meters: &Meters,
) -> Result<Swarm<Behaviour>, Error> {
    let own = key.public().to_peer_id();
    let Config { listen, external, peers, .. } = config;
    let mut with_quic = false;
    for text in listen.iter().chain(external).chain(peers) {
        with_quic |= is_quic(&parse(text)?);
    }
    let (transport, circuits) = transport(key, meters, with_quic).map_err(Error::Transport)?;
    let members = Members::new(own, circuits, external.is_empty() && !listen.is_empty(), config.hints);
    let behaviour = Behaviour::new(key, arrivals, members, config.mdns).map_err(Error::Transport)?;
    let swarm = libp2p::swarm::Config::with_tokio_executor().with_idle_connection_timeout(IDLE);
    Ok(Swarm::new(transport, behaviour, own, swarm))
}

/// Where an address listens by TCP.
#[must_use]
pub fn tcp(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    match parts.next()? {
        Protocol::Tcp(port) => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}

/// Why nobody else can listen there. Port 0 is free by its nature.
#[must_use]
pub fn taken(address: SocketAddr) -> Option<String> {
    TcpListener::bind(address).err().map(|error| error.to_string())
}

/// Listens, and waits until every listener has its address.
async fn listen(swarm: &mut Swarm<Behaviour>, on: &[String], own: PeerId) -> Result<Vec<String>, Error> {
    let mut waiting = Vec::new();
    for text in on {
        // The error has the reason as its source, and says nothing itself.
        let failed = |error: TransportError<std::io::Error>| match error {
            TransportError::MultiaddrNotSupported(_) => {
                Error::Listen(format!("{text}: not an address of TCP or QUIC over IP"))
            }
            TransportError::Other(cause) => Error::Listen(format!("{text}: {}", innermost(&cause))),
        };
        let address = parse(text)?;
        // The system lets two processes that share a port listen on it, as the transport does, and gives either some of
        // those who dial.
        if let Some(why) = tcp(&address).and_then(taken) {
            return Err(Error::Listen(format!("{text}: {why}")));
        }
        waiting.push(swarm.listen_on(address).map_err(failed)?);
    }
    let mut listening = Vec::new();
    while !waiting.is_empty() {
        match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { listener_id, address } => {
                waiting.retain(|id| *id != listener_id);
                listening.push(with_peer(address, own));
            }
            SwarmEvent::ListenerClosed { reason: Err(error), .. }
            | SwarmEvent::ListenerError { error, .. } => {
                return Err(Error::Listen(error.to_string()));
            }
            // Whoever connects this early is closed on, and comes again.
            SwarmEvent::ConnectionEstablished { connection_id, .. } => {
                swarm.close_connection(connection_id);
            }
            _ => {}
        }
    }
    Ok(listening)
}

/// The error at the bottom of those that wrap it: the one that says something.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// What hellos give as addresses: the configured ones, or those that are listened on and that lead
/// anywhere.
fn announced(config: &Config, listening: &[String], own: PeerId) -> Result<Vec<String>, Error> {
    let from = if config.external.is_empty() { listening } else { &config.external };
    let mut addresses = Vec::new();
    for text in from {
        let address = parse(text)?;
        let nowhere = address.iter().any(|part| match part {
            Protocol::Ip4(ip) => ip.is_unspecified(),
            Protocol::Ip6(ip) => ip.is_unspecified(),
            _ => false,
        });
        if !nowhere && text.len() <= MAX_ADDRESS_BYTES && addresses.len() < MAX_ADDRESSES {
            addresses.push(with_peer(crate::peers::split(&address).0, own));
        }
    }
    Ok(addresses)
}

fn with_peer(address: Multiaddr, own: PeerId) -> String {
    address.with(Protocol::P2p(own)).to_string()
}

fn parse(text: &str) -> Result<Multiaddr, Error> {
    text.parse().map_err(|_| Error::Address(text.to_owned()))
}

/// Why the mesh did not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// Not a multiaddr.
    Address(String),
    /// An address cannot be listened on.
    Listen(String),
    /// The parts of libp2p do not fit together, or the key is none.
    Transport(String),
    /// The node did not say what it holds.
    Intake(Refusal),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(text) => write!(f, "not a multiaddr: {text}"),
            Self::Listen(why) => write!(f, "cannot listen: {why}"),
            Self::Transport(why) => write!(f, "libp2p: {why}"),
            Self::Intake(reason) => write!(f, "the node did not say what it holds: {reason}"),
        }
    }
}

impl std::error::Error for Error {}
