//! Hints of who holds a log: said to members, kept for them, and followed where nobody who was asked knows.

use super::{Driver, work};
use crate::command::Source;
use crate::hint::{Hint, SLOTS, Shelf, in_turn, key, slot};
use crate::limits::{
    HINT_LIFE, HINT_PERIOD_MS, HINTS_AGAIN_MS, MAX_HINT_ADDRESSES, MAX_HINTS_AT_ONCE, MAX_HINTS_OF_A_PEER,
    MAX_QUESTS, MAX_QUEUED_HINTS, MAX_SOURCES,
};
use crate::undialled::Undialled;
use libp2p::identity::Keypair;
use libp2p::kad::{self, GetRecordOk, InboundRequest, QueryId, QueryResult, Quorum, Record};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId};
use marque_rules::replica::ItemKind;
use marque_rules::replica::state::Peer;
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Who is looked for.
#[derive(Debug)]
struct Quest {
    did: String,
    /// Who was asked already.
    asked: BTreeSet<PeerId>,
    reply: mpsc::Sender<Source>,
    /// What is being asked of the table.
    queries: HashSet<QueryId>,
    /// What was found, and who gave it; none is this node itself.
    hints: Vec<(Option<PeerId>, Hint)>,
    /// Those of whom it is not told yet whether they can be asked.
    waiting: BTreeSet<PeerId>,
    /// Whether the table has answered.
    dialled: bool,
}

/// What this node says and keeps.
#[derive(Debug)]
pub(super) struct Hints {
    key: Keypair,
    shelf: Shelf,
    quests: Vec<Quest>,
    /// When to look what is held that others might look for.
    due: Option<u64>,
    /// What is to be said: a log and its version, and to whom if not to those that Kademlia finds.
    queue: VecDeque<(String, u64, Option<PeerId>)>,
    /// What was said: up to which version, and when.
    said: BTreeMap<String, (u64, u64)>,
    saying: HashSet<QueryId>,
}

impl Hints {
    pub(super) fn new(key: Keypair) -> Self {
        Self {
            key,
            shelf: Shelf::default(),
            quests: Vec::new(),
            due: None,
            queue: VecDeque::new(),
            said: BTreeMap::new(),
            saying: HashSet::new(),
        }
    }
}

impl Driver {
    fn table(&mut self) -> Option<&mut kad::Behaviour<kad::store::MemoryStore>> {
        self.gated_table().map(Undialled::inner)
    }

    fn gated_table(&mut self) -> Option<&mut Undialled<kad::Behaviour<kad::store::MemoryStore>>> {
        self.parts.swarm.behaviour_mut().members.inner().hints.as_mut()
    }

    /// A member may be asked, and asked through.
    pub(super) fn enters_table(&mut self, peer: &PeerId, addresses: &[Multiaddr]) {
        let dialled = self.links.values().find(|link| link.peer == *peer && link.outbound && !link.relayed);
        let dialled = dialled.map(|link| crate::peers::split(&link.address).0);
        let addresses: Vec<_> =
            addresses.iter().map(|address| crate::peers::split(address).0).chain(dialled).collect();
        let now = self.mono();
        let Some(table) = self.gated_table() else { return };
        table.admit(*peer);
        let table = table.inner();
        for address in addresses.into_iter().take(MAX_HINT_ADDRESSES) {
            table.add_address(peer, address);
        }
        self.hints.due.get_or_insert(now);
    }

    /// It is no member any more.
    pub(super) fn leaves_table(&mut self, peer: &PeerId) {
        if let Some(table) = self.gated_table() {
            table.dismiss(peer);
            table.inner().remove_peer(peer);
        }
    }

    pub(super) fn on_hints(&mut self, event: kad::Event) {
        match event {
            kad::Event::InboundRequest {
                request: InboundRequest::PutRecord { source, record: Some(record), .. },
            } => {
                self.shelve(source, record);
            }
            kad::Event::OutboundQueryProgressed { id, result, step, .. } => {
                if let QueryResult::GetRecord(Ok(GetRecordOk::FoundRecord(found))) = &result {
                    self.hinted(id, found.peer, &found.record);
                }
                if step.last {
                    self.query_over(id);
                }
            }
            // What was said before it came.
            kad::Event::RoutingUpdated { peer, is_new_peer: true, .. } => {
                let room = MAX_QUEUED_HINTS.saturating_sub(self.hints.queue.len());
                let said =
                    self.hints.said.iter().map(|(did, (version, _))| (did.clone(), *version, Some(peer)));
                self.hints.queue.extend(said.take(room));
                self.say_next();
            }
            _ => {}
        }
    }

    /// Keeps a hint for others, if it is one.
    fn shelve(&mut self, from: PeerId, record: Record) {
        let now = self.parts.clock.now();
        let Ok(hint) = Hint::open(&record.value, record.key.as_ref(), now) else {
            tracing::debug!(peer = %from, "not a hint");
            return;
        };
        if self.is_admitted(&from)
            && self.hints.shelf.keep(&hint, &from)
            && let Some(table) = self.table()
            && let Err(error) = kad::store::RecordStore::put(table.store_mut(), record)
        {
            tracing::debug!(%error, "a hint is not kept");
        }
    }

    /// Looks what is held, once in a while, and says it in small portions. And forgets what is over.
    pub(super) fn say_hints(&mut self) {
        let (mono, now) = (self.mono(), self.parts.clock.now());
        let over = self.hints.shelf.expire(now);
        if let Some(table) = self.table() {
            for key in over {
                kad::store::RecordStore::remove(table.store_mut(), &key.to_vec().into());
            }
        }
        self.hints.quests.retain(|quest| !quest.reply.is_closed());
        if self.hints.due.is_some_and(|due| due <= mono) {
            self.hints.due = Some(mono.saturating_add(HINT_PERIOD_MS));
            let domains: Vec<_> =
                std::iter::once(&self.domains.own).chain(&self.domains.trusted).cloned().collect();
            let intake = Arc::clone(&self.parts.intake);
            self.work.spawn(async move {
                let mut logs = Vec::new();
                for domain in domains {
                    let items = intake.items(domain).await.unwrap_or_default();
                    let of_logs = items.into_iter().filter(|item| item.kind == ItemKind::Log);
                    let room = MAX_HINTS_OF_A_PEER.saturating_sub(logs.len());
                    logs.extend(of_logs.map(|item| (item.subject, item.seq)).take(room));
                }
                work::Done::Listed(logs)
            });
        }
        self.say_next();
    }

    /// A log is held up to a version, which is news to whoever looks for it.
    pub(super) fn has_log(&mut self, did: &str, version: u64) {
        let room =
            self.hints.queue.len() < MAX_HINTS_OF_A_PEER && self.hints.said.len() < MAX_HINTS_OF_A_PEER;
        if room || self.hints.said.contains_key(did) {
            self.hints.queue.retain(|(other, ..)| other != did);
            self.hints.queue.push_back((did.to_owned(), version, None));
            self.say_next();
        }
    }

    /// What is held, the own domain's first.
    pub(super) fn listed(&mut self, logs: Vec<(String, u64)>) {
        let now = self.mono();
        let gone = self.hints.said.extract_if(.., |did, _| !logs.iter().any(|(held, _)| held == did));
        let gone: Vec<_> = gone.map(|(did, _)| did).collect();
        let own = slot(self.parts.swarm.local_peer_id());
        if let Some(table) = self.table() {
            for did in gone {
                table.remove_record(&key(&did, own).to_vec().into());
            }
        }
        let said = &self.hints.said;
        let news = logs.into_iter().filter(|(did, version)| {
            said.get(did)
                .is_none_or(|(before, at)| before < version || now.saturating_sub(*at) >= HINTS_AGAIN_MS)
        });
        self.hints.queue = news.map(|(did, version)| (did, version, None)).collect();
        self.say_next();
    }

    fn say_next(&mut self) {
        let (mono, now) = (self.mono(), self.parts.clock.now());
        let peer = *self.parts.swarm.local_peer_id();
        let addresses: Vec<Multiaddr> = self.addresses().iter().filter_map(|a| a.parse().ok()).collect();
        let addresses: Vec<_> =
            addresses.iter().rev().take(MAX_HINT_ADDRESSES).map(|a| crate::peers::split(a).0).collect();
        // Until a member is there nobody would hear it.
        while self.hints.due.is_some() && self.hints.saying.len() < MAX_HINTS_AT_ONCE {
            let Some((did, version, to)) = self.hints.queue.pop_front() else { return };
            let hint =
                Hint { did, peer, version, expires: now.plus(HINT_LIFE), addresses: addresses.clone() };
            let Some(value) = hint.sign(&self.hints.key) else { continue };
            let record = Record::new(hint.key().to_vec(), value);
            let Some(table) = self.table() else { return };
            if let Some(newcomer) = to {
                let id = table.put_record_to(record, std::iter::once(newcomer), Quorum::One);
                self.hints.saying.insert(id);
                continue;
            }
            match table.put_record(record, Quorum::One) {
                Ok(id) => {
                    self.hints.saying.insert(id);
                    self.hints.said.insert(hint.did, (version, mono));
                }
                Err(error) => tracing::debug!(%error, "a hint is not said"),
            }
        }
    }

    /// Looks for members that hold the log of a DID.
    pub(super) fn look_for(&mut self, did: String, asked: BTreeSet<PeerId>, reply: mpsc::Sender<Source>) {
        self.hints.quests.retain(|quest| !quest.reply.is_closed());
        if self.hints.quests.len() >= MAX_QUESTS {
            return;
        }
        let Some(table) = self.table() else { return };
        let queries = (0..SLOTS).map(|slot| table.get_record(key(&did, slot).to_vec().into())).collect();
        let (hints, waiting) = (Vec::new(), BTreeSet::new());
        self.hints.quests.push(Quest { did, asked, reply, queries, hints, waiting, dialled: false });
    }

    fn hinted(&mut self, id: QueryId, from: Option<PeerId>, record: &Record) {
        let now = self.parts.clock.now();
        let Ok(hint) = Hint::open(&record.value, record.key.as_ref(), now) else { return };
        let own = hint.peer == *self.parts.swarm.local_peer_id();
        let Some(quest) = self.hints.quests.iter_mut().find(|quest| quest.queries.contains(&id)) else {
            return;
        };
        if own || quest.did != hint.did || quest.asked.contains(&hint.peer) {
            return;
        }
        quest.hints.retain(|(_, other)| other.peer != hint.peer || other.version > hint.version);
        if !quest.hints.iter().any(|(_, other)| other.peer == hint.peer) {
            quest.hints.push((from, hint));
        }
    }

    fn query_over(&mut self, id: QueryId) {
        if self.hints.saying.remove(&id) {
            self.say_next();
        }
        for quest in &mut self.hints.quests {
            quest.queries.remove(&id);
        }
        self.follow_hints();
    }

    /// Dials whom the hints of a quest name, once all are there; tells who of them can be asked; and ends the
    /// quests that wait for nobody.
    pub(super) fn follow_hints(&mut self) {
        let mut quests = std::mem::take(&mut self.hints.quests);
        for quest in quests.iter_mut().filter(|quest| quest.queries.is_empty() && !quest.dialled) {
            quest.dialled = true;
            in_turn(&mut quest.hints);
            for (_, hint) in quest.hints.drain(..).take(MAX_SOURCES) {
                if self.bans.holds(&hint.peer) {
                    continue;
                }
                quest.waiting.insert(hint.peer);
                let dial = DialOpts::peer_id(hint.peer)
                    .addresses(hint.addresses)
                    .condition(PeerCondition::DisconnectedAndNotDialing)
                    .build();
                // One that is refused is connected or dialled already.
                let _ = self.parts.swarm.dial(dial);
            }
        }
        let domains: BTreeMap<_, _> =
            self.parts.state.admitted().map(|(peer, domain)| (peer.clone(), domain.clone())).collect();
        for quest in &mut quests {
            for peer in quest.waiting.clone() {
                if let Some(domain) = domains.get(&Peer(peer.to_bytes())).cloned() {
                    quest.waiting.remove(&peer);
                    // There is room for as many as are dialled; whoever asked may have gone.
                    let _ = quest.reply.try_send(Source { peer, domain: Some(domain) });
                }
            }
        }
        quests.retain(|quest| !quest.dialled || !quest.waiting.is_empty());
        self.hints.quests = quests;
    }

    /// A peer that was dialled is not there, or does not let this node in.
    pub(super) fn not_there(&mut self, peer: &PeerId) {
        let mut waited = false;
        for quest in &mut self.hints.quests {
            waited |= quest.waiting.remove(peer);
        }
        if waited {
            self.follow_hints();
        }
    }
}
