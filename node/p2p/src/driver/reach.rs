//! Reachability: places at relays for a node that nobody can dial, and ways through relays to such nodes.

use super::{Driver, Link};
use crate::behaviour::MembersEvent;
use crate::limits::{MAX_CANDIDATES, MAX_RELAYS, RELAY_PAUSE_MS, SPARE_CIRCUIT_MS, SPARE_MS};
use crate::metrics::Relaying;
use crate::peers::{Origin, is_local};
use crate::reach::{Reach, Standing, candidates, is_circuit};
use libp2p::core::transport::ListenerId;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::ConnectionId;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId, identify, mdns, relay};
use marque_rules::replica::limits::{MAX_ADDRESS_BYTES, MAX_ADDRESSES};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a connected peer says of itself and of this node.
#[derive(Debug)]
struct Told {
    /// From where it sees this node come.
    observed: Multiaddr,
    /// Whether it relays.
    relays: bool,
}

/// How this node is reached, and reaches others.
#[derive(Debug)]
pub(super) struct Ways {
    reach: Reach,
    /// Whether members may be reached through this node.
    serves: bool,
    told: HashMap<PeerId, Told>,
    /// Addresses that are tested, or were.
    candidates: BTreeSet<Multiaddr>,
    /// Places at relays, asked for or given.
    places: HashMap<ListenerId, PeerId>,
    /// When a relay that gave no place may be asked again.
    paused: BTreeMap<PeerId, u64>,
    /// The addresses of this node through relays.
    circuits: BTreeSet<Multiaddr>,
    /// Members that have a place at this node, and how many connections go through it.
    placed: BTreeSet<PeerId>,
    carried: usize,
}

impl Ways {
    pub(super) fn new(reach: Reach, serves: bool) -> Self {
        Self {
            reach,
            serves,
            told: HashMap::new(),
            candidates: BTreeSet::new(),
            places: HashMap::new(),
            paused: BTreeMap::new(),
            circuits: BTreeSet::new(),
            placed: BTreeSet::new(),
            carried: 0,
        }
    }

    /// The peer is gone.
    pub(super) fn lost(&mut self, peer: &PeerId) {
        self.told.remove(peer);
        self.placed.remove(peer);
    }
}

impl Driver {
    pub(super) fn on_identify(&mut self, event: identify::Event) {
        let identify::Event::Received { peer_id, info, .. } = event else { return };
        if !self.parts.swarm.is_connected(&peer_id) {
            return;
        }
        let told =
            Told { observed: info.observed_addr, relays: info.protocols.contains(&relay::HOP_PROTOCOL_NAME) };
        self.ways.told.insert(peer_id, told);
        self.consider(&peer_id);
    }

    /// Notes whom mDNS found, as somebody to dial: who that is, hello decides on as with anybody.
    pub(super) fn on_nearby(&mut self, event: mdns::Event) {
        let mdns::Event::Discovered(found) = event else { return };
        let now = self.mono();
        for (peer, address) in found {
            if is_local(&address) {
                let address = crate::peers::split(&address).0.with(Protocol::P2p(peer));
                self.parts.book.add(&address, Origin::Nearby, now);
            }
        }
    }

    /// Takes up what a member says of where this node comes from.
    pub(super) fn consider(&mut self, peer: &PeerId) {
        if !self.is_admitted(peer) {
            return;
        }
        let now = self.mono();
        self.ways.reach.met(now);
        let Some(told) = self.ways.told.get(peer) else { return };
        let listening: Vec<_> = self.parts.swarm.listeners().cloned().collect();
        for candidate in candidates(&told.observed, &listening) {
            if self.ways.candidates.len() < MAX_CANDIDATES && self.ways.candidates.insert(candidate.clone()) {
                self.parts.swarm.behaviour_mut().members.candidate(&candidate);
            }
        }
    }

    pub(super) fn on_members(&mut self, event: MembersEvent) {
        match event {
            MembersEvent::Probe(tested) => {
                tracing::debug!(address = %tested.tested_addr, result = ?tested.result, "reachability tested");
                self.ways.reach.tested(tested.result.is_ok());
                self.reach_out();
            }
            MembersEvent::Punch(punched) => match punched.result {
                Ok(_) => tracing::info!(peer = %punched.remote_peer_id, "a direct path was found"),
                Err(error) => {
                    tracing::debug!(peer = %punched.remote_peer_id, %error, "no direct path was found");
                }
            },
            MembersEvent::Hints(event) => self.on_hints(event),
            MembersEvent::Relay(event) => self.on_relay(&event),
            event => tracing::debug!(?event, "relay"),
        }
    }

    /// What a member asked of this node as a relay, or what is over of that.
    fn on_relay(&mut self, event: &relay::Event) {
        let (metrics, ways) = (&self.parts.metrics, &mut self.ways);
        match event {
            relay::Event::ReservationReqAccepted { src_peer_id, .. } => {
                ways.placed.insert(*src_peer_id);
                metrics.asked_to_relay(Relaying::Reservation, true);
            }
            relay::Event::ReservationReqDenied { .. } => metrics.asked_to_relay(Relaying::Reservation, false),
            relay::Event::ReservationClosed { src_peer_id }
            | relay::Event::ReservationTimedOut { src_peer_id } => {
                ways.placed.remove(src_peer_id);
            }
            relay::Event::CircuitReqAccepted { .. } => {
                ways.carried = ways.carried.saturating_add(1);
                metrics.asked_to_relay(Relaying::Circuit, true);
            }
            relay::Event::CircuitReqDenied { .. } => metrics.asked_to_relay(Relaying::Circuit, false),
            relay::Event::CircuitClosed { .. } => ways.carried = ways.carried.saturating_sub(1),
            event => tracing::debug!(?event, "relay"),
        }
        self.count_relayed();
    }

    /// Shows who is reached through this node, and how many places it has itself.
    pub(super) fn count_relayed(&self) {
        let ways = &self.ways;
        self.parts.metrics.relays(ways.placed.len(), ways.carried, ways.places.len());
    }

    /// An address of this node is good: one that a member dialled, or one through a relay.
    pub(super) fn on_external(&mut self, address: Multiaddr) {
        if !is_circuit(&address) {
            self.ways.reach.tested(true);
            self.reach_out();
        } else if address.to_vec().len() <= MAX_ADDRESS_BYTES {
            tracing::info!(%address, "reachable through a relay");
            self.ways.circuits.insert(address);
        }
    }

    pub(super) fn on_external_expired(&mut self, address: &Multiaddr) {
        self.ways.circuits.remove(address);
    }

    /// Whether a listener that ended was a place at a relay.
    pub(super) fn place_lost(&mut self, id: ListenerId) -> bool {
        let Some(relay) = self.ways.places.remove(&id) else { return false };
        tracing::debug!(%relay, "no place at a relay any more");
        let until = self.mono().saturating_add(RELAY_PAUSE_MS);
        self.ways.paused.insert(relay, until);
        true
    }

    /// What hellos give as this node's addresses: those through relays too.
    pub(super) fn addresses(&self) -> Vec<String> {
        let circuits = self.ways.circuits.iter().map(Multiaddr::to_string);
        let circuits: Vec<_> =
            circuits.filter(|text| text.len() <= MAX_ADDRESS_BYTES).take(MAX_RELAYS).collect();
        let room = MAX_ADDRESSES.saturating_sub(circuits.len());
        self.parts.addresses.iter().take(room).cloned().chain(circuits).collect()
    }

    /// Asks relays for a place, as long as nobody can dial this node; gives them up once somebody can. And says
    /// whether this node relays, which it does while it can be dialled.
    pub(super) fn reach_out(&mut self) {
        let now = self.mono();
        let standing = self.ways.reach.standing(now);
        let serves = self.ways.serves && standing == Standing::Reachable;
        let status = if serves { relay::Status::Enable } else { relay::Status::Disable };
        self.parts.swarm.behaviour_mut().members.inner().relay.set_status(Some(status));
        if standing != Standing::Unreachable {
            if standing == Standing::Reachable {
                for id in self.ways.places.keys().copied().collect::<Vec<_>>() {
                    self.parts.swarm.remove_listener(id);
                }
            }
            return;
        }
        self.ways.paused.retain(|_, until| *until > now);
        for (relay, address) in self.relays(true) {
            let taken = self.ways.places.values().any(|of| *of == relay);
            if self.ways.places.len() >= MAX_RELAYS {
                break;
            }
            if taken || self.ways.paused.contains_key(&relay) {
                continue;
            }
            match self.parts.swarm.listen_on(address) {
                Ok(id) => drop(self.ways.places.insert(id, relay)),
                Err(error) => {
                    tracing::debug!(%relay, %error, "not asked for a place");
                    self.ways.paused.insert(relay, now.saturating_add(RELAY_PAUSE_MS));
                }
            }
        }
    }

    /// The relays among the directly connected members, those that the configuration names first, and how an
    /// address through each begins. `dialled`: only those that this node dialled, whose address others can
    /// dial too.
    fn relays(&self, dialled: bool) -> Vec<(PeerId, Multiaddr)> {
        let usable = |link: &&Link| {
            !link.relayed
                && (link.outbound || !dialled)
                && self.ways.told.get(&link.peer).is_some_and(|told| told.relays)
                && self.is_admitted(&link.peer)
        };
        let through = |link: &Link| {
            let address = crate::peers::split(&link.address).0;
            (link.peer, address.with(Protocol::P2p(link.peer)).with(Protocol::P2pCircuit))
        };
        let by_peer: BTreeMap<_, _> = self.links.values().filter(usable).map(through).collect();
        let mut relays: Vec<_> = by_peer.into_iter().collect();
        relays.sort_by_key(|(relay, _)| !self.parts.book.is_anchor(relay));
        relays
    }

    /// Dials a peer through the relays that there are, since it did not answer itself.
    pub(super) fn dial_through(&mut self, peer: PeerId) {
        if self.parts.swarm.is_connected(&peer) {
            return;
        }
        let relays = self.relays(false).into_iter().filter(|(relay, _)| *relay != peer);
        let addresses: Vec<_> = relays.take(MAX_RELAYS).map(|(_, address)| address).collect();
        if addresses.is_empty() {
            return;
        }
        let condition = PeerCondition::DisconnectedAndNotDialing;
        let dial = DialOpts::peer_id(peer).addresses(addresses).condition(condition).build();
        if let Err(error) = self.parts.swarm.dial(dial) {
            tracing::debug!(%peer, %error, "not dialled through a relay");
        }
    }

    /// Whether there is a connection to `peer` that leads through no relay.
    pub(super) fn is_direct(links: &HashMap<ConnectionId, Link>, peer: &PeerId) -> bool {
        links.values().any(|link| link.peer == *peer && !link.relayed)
    }

    /// Closes connections that are one too many: through a relay beside a direct one, and a second one of a kind,
    /// such as a test of reachability leaves. Of the two nodes one closes the latter, the same one each time.
    pub(super) fn tidy(&mut self) {
        let (now, own) = (self.mono(), *self.parts.swarm.local_peer_id());
        let age = |since: u64| now.saturating_sub(since);
        let mut of_a_kind: BTreeMap<(PeerId, bool), Vec<(u64, ConnectionId)>> = BTreeMap::new();
        for (id, link) in &self.links {
            of_a_kind.entry((link.peer, link.relayed)).or_default().push((link.since, *id));
        }
        let mut spare = Vec::new();
        for ((peer, relayed), connections) in &mut of_a_kind {
            connections.sort_unstable();
            let first = connections.first().map_or(0, |(since, _)| age(*since));
            if !relayed && first >= SPARE_CIRCUIT_MS {
                let relayed = self.links.iter().filter(|(_, link)| link.peer == *peer && link.relayed);
                spare.extend(relayed.map(|(id, _)| *id));
            }
            if own > *peer {
                let old = connections.iter().skip(1).filter(|(since, _)| age(*since) >= SPARE_MS);
                spare.extend(old.map(|(_, id)| *id));
            }
        }
        for id in spare {
            self.parts.swarm.close_connection(id);
        }
    }
}
