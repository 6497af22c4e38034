//! A node of a release that is yet to come: it speaks what nodes speak today, and more. It offers later versions of
//! the protocols first, knows kinds, items, fields and reasons that have no row here, and is otherwise a
//! member like any other. What it holds is what the intake of its domain holds, and what is given to it here.

use crate::in_time;
use crate::outsider::{Raw, exchange_by, transport};
use crate::real::{hello, secret};
use crate::world;
use did_resolver::codec::{Sha256Digest, sha256, sha256_of};
use did_resolver::keys::{KeyKind, PublicKey};
use ed25519_dalek::{Signer, SigningKey};
use futures::StreamExt;
use libp2p::gossipsub::{self, IdentTopic, MessageAuthenticity};
use libp2p::identity::Keypair;
use libp2p::request_response::{self, Message};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm};
use marque_flows::ports::mesh::Intake;
use marque_p2p::gate::{Arrivals, Gate, GateEvent, Gossip, Topics};
use marque_rules::replica::envelope::CONTENT_TYPE;
use marque_rules::replica::view::range::{Part, around};
use marque_rules::replica::view::{DomainDigest, Item};
use marque_rules::replica::{Body, HelloAnswer, Lane, Request, Response, Scid, Topic};
use minicbor::Encoder;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use vc_schemas::secure::cose::Sign1Draft;

/// A hello of a version that is not spoken here; what follows its number has any shape.
const LATER_HELLO: [u8; 8] = [0x83, 0x03, 0xa1, 0x01, 0x02, 0x63, b'n', b'e'];

/// `[5, "no-such-moon"]`: a refusal for a reason that is not known here.
const LATER_REASON: &[u8] = b"\x82\x05\x6cno-such-moon";

/// What an envelope of that release has beside what is known here.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Beyond {
    /// Its kind, where it is not that of the body.
    pub(crate) kind: Option<u64>,
    /// Field 13, which need not be understood, with this value.
    pub(crate) field: Option<u64>,
    /// Field 14, which must be, with this value.
    pub(crate) critical: Option<u64>,
}

/// What has come of it.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The answers to its hellos, in order.
    pub(crate) hellos: Vec<HelloAnswer>,
    /// The data of gossip that it heard.
    pub(crate) heard: Vec<Vec<u8>>,
    /// What it was asked.
    pub(crate) asked: Vec<Request>,
    /// Whether a connection of it was closed.
    pub(crate) is_closed: bool,
}

#[derive(NetworkBehaviour)]
struct Behaviour {
    gate: Gate,
    hello: request_response::Behaviour<Raw>,
    sync: request_response::Behaviour<Raw>,
}

enum Command {
    Publish(Topic, Vec<u8>),
    Ask(Request, oneshot::Sender<Response>),
}

/// The node, which runs by itself until it is dropped.
pub(crate) struct Later {
    pub(crate) node: Arc<world::Node>,
    label: &'static str,
    commands: mpsc::Sender<Command>,
    pub(crate) seen: Arc<Mutex<Seen>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Later {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Later {
    /// Connects to `address` as a node of the domain `label`, and holds `beyond` too.
    pub(crate) fn start(
        label: &'static str,
        node: world::Node,
        address: &str,
        topics: &[Topic],
        beyond: Vec<(Item, Vec<u8>)>,
    ) -> Self {
        let key = Keypair::ed25519_from_bytes(secret(label)).unwrap();
        let transport = transport(&key);
        let mut gossip = Gossip::new_with_subscription_filter_and_transform(
            MessageAuthenticity::Signed(key.clone()),
            gossipsub::Config::default(),
            Topics::bounded(),
            Arrivals::default(),
        )
        .unwrap();
        for topic in topics {
            gossip.subscribe(&IdentTopic::new(topic.as_str())).unwrap();
        }
        let behaviour = Behaviour {
            gate: Gate::new(gossip),
            hello: exchange_by(&["/marque/hello/2", "/marque/hello/1"]),
            sync: exchange_by(&["/marque/sync/2", "/marque/sync/1"]),
        };
        let config = libp2p::swarm::Config::with_tokio_executor()
            .with_idle_connection_timeout(Duration::from_secs(3_600));
        let mut swarm = Swarm::new(transport, behaviour, key.public().to_peer_id(), config);
        swarm.dial(address.parse::<Multiaddr>().unwrap()).unwrap();
        let (commands, asked) = mpsc::channel(64);
        let (node, seen) = (Arc::new(node), Arc::new(Mutex::default()));
        let running = Running {
            swarm,
            node: Arc::clone(&node),
            beyond,
            seen: Arc::clone(&seen),
            waiting: BTreeMap::new(),
            peer: None,
        };
        Self { node, label, commands, seen, task: tokio::spawn(running.run(asked)) }
    }

    /// Signs an envelope as its domain.
    pub(crate) fn sealed(&self, body: &Body, beyond: Beyond) -> Vec<u8> {
        seal(self.label, &self.node, body, beyond)
    }

    pub(crate) async fn publish(&self, lane: Lane, data: Vec<u8>) {
        let topic = Topic::new(&Scid::of(&self.node.domain.home.did).unwrap(), lane);
        assert!(self.commands.send(Command::Publish(topic, data)).await.is_ok());
    }

    /// Asks the node that it is connected to.
    pub(crate) async fn ask(&self, request: Request) -> Response {
        let (reply, answer) = oneshot::channel();
        assert!(self.commands.send(Command::Ask(request, reply)).await.is_ok());
        in_time(answer).await.unwrap()
    }
}

/// An envelope of the domain of `node`, with what is beyond this release.
pub(crate) fn seal(label: &str, node: &world::Node, body: &Body, beyond: Beyond) -> Vec<u8> {
    let more = [beyond.field, beyond.critical].iter().flatten().count();
    let mut e = Encoder::new(Vec::new());
    e.map(10 + more as u64).unwrap();
    e.u64(1).unwrap().u64(1).unwrap();
    e.u64(2).unwrap().u64(beyond.kind.unwrap_or(body.kind.rule().number)).unwrap();
    e.u64(3).unwrap().str(body.domain.as_str()).unwrap();
    e.u64(4).unwrap().str(&body.subject).unwrap();
    e.u64(5).unwrap().u64(body.seq).unwrap();
    e.u64(7).unwrap().u64(body.issued_at.get()).unwrap();
    e.u64(8).unwrap().u64(body.expires_at.get()).unwrap();
    e.u64(9).unwrap().bytes(&body.payload).unwrap();
    e.u64(10).unwrap().bytes(&sha256(&body.payload)).unwrap();
    e.u64(11).unwrap().array(beyond.critical.iter().count() as u64).unwrap();
    if beyond.critical.is_some() {
        e.u64(14).unwrap();
    }
    for (field, value) in [(13, beyond.field), (14, beyond.critical)] {
        if let Some(value) = value {
            e.u64(field).unwrap().array(1).unwrap().u64(value).unwrap();
        }
    }
    let key = SigningKey::from_bytes(&sha256(format!("{label}/assertion/1").as_bytes()));
    let key_id = node.domain.home.did.with_fragment("key-1").unwrap();
    let key_id = key_id.as_str().as_bytes();
    let draft = Sign1Draft::new(KeyKind::Ed25519, key_id, CONTENT_TYPE, e.into_writer()).unwrap();
    let signature = key.sign(draft.signing_input()).to_bytes();
    let public = PublicKey::ed25519(key.verifying_key().as_bytes()).unwrap();
    draft.attach(&public, &signature).unwrap().into_bytes()
}

struct Running {
    swarm: Swarm<Behaviour>,
    node: Arc<world::Node>,
    beyond: Vec<(Item, Vec<u8>)>,
    seen: Arc<Mutex<Seen>>,
    waiting: BTreeMap<request_response::OutboundRequestId, oneshot::Sender<Response>>,
    peer: Option<PeerId>,
}

impl Running {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event).await,
                Some(command) = commands.recv() => match command {
                    Command::Publish(topic, data) => {
                        // Nobody may be there yet; whoever says it again does until it is heard.
                        let gossip = self.swarm.behaviour_mut().gate.gossip();
                        let _ = gossip.publish(IdentTopic::new(topic.as_str()), data);
                    }
                    Command::Ask(request, reply) => {
                        let sync = &mut self.swarm.behaviour_mut().sync;
                        let id = sync.send_request(&self.peer.unwrap(), request.encode());
                        self.waiting.insert(id, reply);
                    }
                },
            }
        }
    }

    async fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished { peer_id, .. } => {
                self.peer = Some(peer_id);
                self.swarm.behaviour_mut().hello.send_request(&peer_id, LATER_HELLO.to_vec());
            }
            SwarmEvent::ConnectionClosed { .. } => self.seen.lock().unwrap().is_closed = true,
            SwarmEvent::Behaviour(BehaviourEvent::Gate(GateEvent::Gossip(gossipsub::Event::Message {
                message,
                ..
            }))) => self.seen.lock().unwrap().heard.push(message.data),
            SwarmEvent::Behaviour(BehaviourEvent::Hello(request_response::Event::Message {
                peer,
                message: Message::Response { response, .. },
                ..
            })) => {
                let answer = HelloAnswer::decode(&response).unwrap();
                if let HelloAnswer::Admitted(_) = answer {
                    let gate = &mut self.swarm.behaviour_mut().gate;
                    gate.admit(peer);
                    gate.open(peer);
                } else {
                    let hello = hello(&self.node).await;
                    self.swarm.behaviour_mut().hello.send_request(&peer, hello);
                }
                self.seen.lock().unwrap().hellos.push(answer);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Sync(request_response::Event::Message {
                message, ..
            })) => match message {
                Message::Request { request, channel, .. } => {
                    let request = Request::decode(&request).unwrap();
                    self.seen.lock().unwrap().asked.push(request.clone());
                    let answer = answer(&self.node, &self.beyond, request).await;
                    let _ = self.swarm.behaviour_mut().sync.send_response(channel, answer);
                }
                Message::Response { request_id, response } => {
                    let reply = self.waiting.remove(&request_id).unwrap();
                    let _ = reply.send(Response::decode(&response).unwrap());
                }
            },
            _ => {}
        }
    }
}

/// Answers from what is held of its own domain; of others it says that it has nothing, in its own words.
async fn answer(node: &world::Node, beyond: &[(Item, Vec<u8>)], request: Request) -> Vec<u8> {
    let own = Scid::of(&node.domain.home.did).unwrap();
    let items = node.intake.items(own.clone()).await.unwrap();
    let all = items.iter().chain(beyond.iter().map(|(item, _)| item));
    let all: BTreeMap<Sha256Digest, &Item> = all.map(|item| (item.id(), item)).collect();
    let answer = match request {
        Request::Digest { domain, root } if domain == own => {
            let of = |bucket: u8| {
                let ids = all.keys().filter(|id| id[0] == bucket).map(|id| id.as_slice());
                sha256_of(&ids.collect::<Vec<_>>())
            };
            let digests: Vec<Sha256Digest> = (0..=u8::MAX).map(of).collect();
            let now = sha256(&digests.concat());
            let shown = if root == Some(now) { &[][..] } else { &digests };
            let buckets = shown.iter().map(|digest| digest[..4].try_into().unwrap()).collect();
            Response::Digest(DomainDigest { root: now, buckets })
        }
        Request::Ranges { domain, prefixes } if domain == own => {
            let part = |prefix: &marque_rules::replica::view::range::Prefix| {
                let under = all.keys().filter(|id| prefix.contains(id));
                Part::Ids(under.map(|id| prefix.tail(id)).collect())
            };
            Response::Ranges(prefixes.iter().map(part).collect())
        }
        Request::Items { domain, prefixes, after } if domain == own => {
            let within = |id: &Sha256Digest| around(&prefixes, id).is_some() && Some(*id) > after;
            let items = all.iter().filter(|(id, _)| within(id)).map(|(_, item)| (*item).clone());
            Response::Items { items: items.collect(), more: false }
        }
        request @ (Request::Objects { .. } | Request::Log { .. }) => node.intake.lookup(request).await,
        _ => return LATER_REASON.to_vec(),
    };
    answer.encode()
}
