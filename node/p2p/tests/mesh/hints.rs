//! Hints of who holds a log (MESH.md D8): what a stranger has of them, and what a false one costs.

use crate::in_time;
use crate::outsider::{Raw, exchange, transport};
use crate::real::{Real, hello, secret};
use crate::world;
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::kad::store::{MemoryStore, RecordStore};
use libp2p::kad::{self, GetRecordOk, InboundRequest, QueryResult, Quorum, Record};
use libp2p::request_response::{self, Message};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm};
use marque_flows::ports::mesh::Mesh;
use marque_p2p::hint::{Hint, SLOTS, key, slot};
use marque_p2p::limits::HINT_LIFE;
use marque_rules::replica::{Hello, HelloAnswer, Refusal, Request, Response, Scid};
use std::cell::Cell;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(20);

#[derive(NetworkBehaviour)]
struct Behaviour {
    hello: request_response::Behaviour<Raw>,
    sync: request_response::Behaviour<Raw>,
    table: kad::Behaviour<MemoryStore>,
}

/// A peer with the key of the node of a domain that asks the table and says in it what it likes. Of what it is
/// asked by sync it has nothing.
struct Teller {
    swarm: Swarm<Behaviour>,
    key: Keypair,
    address: Multiaddr,
    /// Who is there, and where.
    target: PeerId,
    there: Multiaddr,
    welcome: Option<HelloAnswer>,
    /// What it was asked by sync.
    asked: Vec<Request>,
    /// What its table was asked.
    inbound: Vec<InboundRequest>,
    /// What its own questions to the table found, and how many are over.
    found: Vec<Record>,
    over: usize,
}

impl Teller {
    async fn connect(label: &str, address: &str) -> Self {
        let key = Keypair::ed25519_from_bytes(secret(label)).unwrap();
        let peer = key.public().to_peer_id();
        let transport = transport(&key);
        let config = kad::Config::new(StreamProtocol::new("/marque/kad/1"));
        let mut table = kad::Behaviour::with_config(peer, MemoryStore::new(peer), config);
        table.set_mode(Some(kad::Mode::Server));
        let behaviour =
            Behaviour { hello: exchange("/marque/hello/1"), sync: exchange("/marque/sync/1"), table };
        let config = libp2p::swarm::Config::with_tokio_executor()
            .with_idle_connection_timeout(Duration::from_secs(3_600));
        let mut swarm = Swarm::new(transport, behaviour, peer, config);
        swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
        let target: Multiaddr = address.parse().unwrap();
        swarm.dial(target.clone()).unwrap();
        let (mut own, mut there) = (None, None);
        in_time(async {
            while own.is_none() || there.is_none() {
                match swarm.select_next_some().await {
                    SwarmEvent::NewListenAddr { address, .. } => own = Some(address),
                    SwarmEvent::ConnectionEstablished { peer_id, .. } => there = Some(peer_id),
                    // A busy machine takes longer over a handshake than the node waits.
                    SwarmEvent::OutgoingConnectionError { .. } => swarm.dial(target.clone()).unwrap(),
                    _ => {}
                }
            }
        })
        .await;
        let (address, there) = (own.unwrap(), there.unwrap());
        swarm.behaviour_mut().table.add_address(&there, target.clone());
        let (asked, found) = (Vec::new(), Vec::new());
        Self {
            swarm,
            key,
            address,
            target: there,
            there: target,
            welcome: None,
            asked,
            inbound: Vec::new(),
            found,
            over: 0,
        }
    }

    fn peer(&self) -> PeerId {
        *self.swarm.local_peer_id()
    }

    /// Runs until it is so.
    async fn until(&mut self, so: impl Fn(&Self) -> bool) {
        while !so(self) {
            let SwarmEvent::Behaviour(event) = self.swarm.select_next_some().await else { continue };
            match event {
                BehaviourEvent::Hello(request_response::Event::Message {
                    message: Message::Response { response, .. },
                    ..
                }) => self.welcome = Some(HelloAnswer::decode(&response).unwrap()),
                BehaviourEvent::Sync(request_response::Event::Message {
                    message: Message::Request { request, channel, .. },
                    ..
                }) => {
                    self.asked.extend(Request::decode(&request));
                    let nothing = Response::Refused(Refusal::NotFound).encode();
                    // Who asked may have stopped waiting.
                    let _ = self.swarm.behaviour_mut().sync.send_response(channel, nothing);
                }
                BehaviourEvent::Table(kad::Event::InboundRequest { request }) => self.inbound.push(request),
                BehaviourEvent::Table(kad::Event::OutboundQueryProgressed { result, step, .. }) => {
                    // And not those that look for peers, which it makes by itself.
                    let of_hints = matches!(result, QueryResult::GetRecord(_) | QueryResult::PutRecord(_));
                    self.over += usize::from(of_hints && step.last);
                    if let QueryResult::GetRecord(Ok(GetRecordOk::FoundRecord(found))) = result {
                        self.found.push(found.record);
                    }
                }
                _ => {}
            }
        }
    }

    /// Runs for ever.
    async fn serve(&mut self) {
        self.until(|_| false).await;
    }

    /// Says hello as the node that it is, and answers with whether it is let in.
    async fn greet(&mut self, node: &world::Node) -> bool {
        let mut hello = Hello::decode(&hello(node).await).unwrap();
        hello.addresses = vec![format!("{}/p2p/{}", self.address, self.peer())];
        self.welcome = None;
        let target = self.target;
        self.swarm.behaviour_mut().hello.send_request(&target, hello.encode());
        in_time(self.until(|it| it.welcome.is_some())).await;
        matches!(self.welcome, Some(HelloAnswer::Admitted(_)))
    }

    /// Asks the table for everything under a DID, and answers with how much there is.
    async fn looks_up(&mut self, did: &Did) -> usize {
        (self.found, self.over) = (Vec::new(), 0);
        // Its own table forgets whoever did not answer it.
        self.swarm.behaviour_mut().table.add_address(&self.target, self.there.clone());
        for slot in 0..SLOTS {
            self.swarm.behaviour_mut().table.get_record(key(did.as_str(), slot).to_vec().into());
        }
        in_time(self.until(|it| it.over == usize::from(SLOTS))).await;
        self.found.len()
    }

    /// Gives a hint to be kept.
    async fn tells(&mut self, hint: &Hint) {
        self.over = 0;
        let record = Record::new(hint.key().to_vec(), hint.sign(&self.key).unwrap());
        let target = std::iter::once(self.target);
        self.swarm.behaviour_mut().table.put_record_to(record, target, Quorum::One);
        in_time(self.until(|it| it.over == 1)).await;
    }
}

fn hint(peer: PeerId, did: &Did) -> Hint {
    Hint {
        did: did.as_str().to_owned(),
        peer,
        version: u64::MAX,
        expires: UnixSeconds::new(world::NOW).plus(HINT_LIFE),
        // Nobody is there.
        addresses: vec!["/ip4/127.0.0.1/tcp/1".parse().unwrap()],
    }
}

async fn holds(of: &Real, did: &Did) -> bool {
    !of.node.domain.held_log(did).await.unwrap().branches.is_empty()
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_learns_no_hint_gives_none_and_is_asked_for_none() {
    let (alpha, bravo) = (world::Node::new("alpha.test").await, world::Node::new("bravo.test").await);
    let charlie = world::Node::new("charlie.test").await;
    alpha.trusts(&bravo, &[]).await;
    bravo.trusts(&alpha, &[]).await;
    charlie.trusts(&alpha, &[]).await;
    let held = bravo.owner("wanda").await.log.did().clone();
    let nobodys = charlie.owner("oscar").await.log.did().clone();
    let alpha = Real::start("alpha.test", alpha, &[]).await;
    let bravo = Real::start("bravo.test", bravo, &[alpha.address()]).await;
    crate::eventually!(alpha.admitted().await && bravo.admitted().await);
    crate::eventually!(holds(&alpha, &held).await);

    let mut stranger = Teller::connect("charlie.test", alpha.address()).await;
    assert_eq!(in_time(stranger.looks_up(&held)).await, 0);
    let own = hint(stranger.peer(), &nobodys);
    stranger.tells(&own).await;
    assert!(!stranger.greet(&charlie).await);
    assert_eq!(in_time(stranger.looks_up(&held)).await, 0);
    let resolving = alpha.running.handle.resolve(nobodys.clone(), WITHIN);
    let asked = tokio::select! {
        asked = resolving => asked.unwrap(),
        () = stranger.serve() => unreachable!(),
    };
    assert_eq!(asked.answers, 0);
    assert!(stranger.inbound.is_empty() && stranger.asked.is_empty());

    // All of it is a member's, on a connection on which nothing was refused: its Kademlia takes a no for good.
    alpha.node.trusts(&charlie, &[]).await;
    drop(stranger);
    let mut stranger = Teller::connect("charlie.test", alpha.address()).await;
    in_time(is_let_in(&mut stranger, &charlie)).await;
    crate::eventually!(stranger.looks_up(&held).await > 0);
    assert_eq!(in_time(stranger.looks_up(&nobodys)).await, 0, "what it said as a stranger nobody keeps");
    stranger.tells(&own).await;
    // It is answered before it is kept.
    crate::eventually!(stranger.looks_up(&nobodys).await == 1);
}

/// Says hello until it is admitted: hellos are few, and trust takes a moment.
async fn is_let_in(stranger: &mut Teller, node: &world::Node) {
    while !stranger.greet(node).await {
        // It may be greeted meanwhile, and goes on.
        let _ = tokio::time::timeout(Duration::from_millis(200), stranger.serve()).await;
    }
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn false_hints_cost_one_question_each_and_keep_nobody_from_the_true_one() {
    let node = world::Node::new;
    let (alpha, bravo) = (node("alpha.test").await, node("bravo.test").await);
    let (charlie, delta) = (node("charlie.test").await, node("delta.test").await);
    let mallory = node("mallory.test").await;
    for (one, other) in
        [(&alpha, &bravo), (&alpha, &charlie), (&bravo, &charlie), (&charlie, &delta), (&alpha, &mallory)]
    {
        one.trusts(other, &[]).await;
        other.trusts(one, &[]).await;
    }
    let wanted = delta.owner("wanda").await.log.did().clone();
    let delta = Real::start("delta.test", delta, &[]).await;
    let charlie = Real::start("charlie.test", charlie, &[delta.address()]).await;
    crate::eventually!(holds(&charlie, &wanted).await);
    let bravo = Real::start("bravo.test", bravo, &[charlie.address()]).await;
    let alpha = Real::start("alpha.test", alpha, &[bravo.address()]).await;
    crate::eventually!(alpha.admitted().await);

    // Of each slot one: its own, and of keys that it made up.
    let mut liar = Teller::connect("mallory.test", alpha.address()).await;
    assert!(liar.greet(&mallory).await);
    let own = hint(liar.peer(), &wanted);
    liar.tells(&own).await;
    let keys = (1..).map(|n| Keypair::ed25519_from_bytes([n; 32]).unwrap());
    let mut of_slot = vec![false; usize::from(SLOTS)];
    for key in keys {
        let made_up = hint(key.public().to_peer_id(), &wanted);
        if std::mem::replace(&mut of_slot[usize::from(slot(&made_up.peer))], true) {
            continue;
        }
        let record = Record::new(made_up.key().to_vec(), made_up.sign(&key).unwrap());
        liar.swarm.behaviour_mut().table.store_mut().put(record).unwrap();
        if of_slot.iter().all(|there| *there) {
            break;
        }
    }

    let searches = Cell::new(0);
    let search = async {
        // Until bravo has charlie's hint.
        crate::eventually!({
            searches.set(searches.get() + 1);
            alpha.running.handle.resolve(wanted.clone(), WITHIN).await.unwrap().stored
        });
    };
    tokio::select! {
        () = search => {}
        () = liar.serve() => unreachable!(),
    }
    assert!(holds(&alpha, &wanted).await);
    assert!(!holds(&bravo, &wanted).await);
    assert!(liar.inbound.iter().any(|request| matches!(request, InboundRequest::GetRecord { .. })));
    let questions = liar.asked.iter().filter(|asked| matches!(asked, Request::Resolve { .. })).count();
    assert_eq!(questions, searches.get(), "one for each search");

    let peers = alpha.running.handle.peers().await.unwrap();
    let of = |node: &world::Node| Scid::of(&node.domain.home.did);
    assert!(peers.iter().any(|peer| peer.domain == of(&charlie.node) && peer.outbound));
    let judged = peers.iter().find(|peer| peer.domain == of(&mallory)).unwrap();
    assert!(judged.score >= Some(0), "{judged:?}");
}
