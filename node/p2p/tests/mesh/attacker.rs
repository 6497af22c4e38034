//! A peer that writes gossipsub's protobuf by hand (pubsub RPC of the libp2p specifications), over a
//! stream of `/meshsub/1.1.0` that stays open. It is admitted, or is not, and then says what it likes.

use crate::fake::did;
use crate::in_time;
use crate::outsider::{Raw, transport};
use futures::StreamExt;
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::identity::Keypair;
use libp2p::request_response::{self, Message, ProtocolSupport};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm};
use marque_rules::replica::{Hello, HelloAnswer, Refusal, Response};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Frames for one stream, written as they come.
#[derive(Debug)]
pub(crate) struct Frames(mpsc::Receiver<Vec<u8>>);

/// Writes frames until there are no more; reads to the end, and counts.
#[derive(Debug, Clone, Default)]
struct Gossip {
    heard: Arc<AtomicU64>,
}

impl request_response::Codec for Gossip {
    type Protocol = StreamProtocol;
    type Request = Frames;
    type Response = ();

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Frames>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut buffer = vec![0; 4_096];
        loop {
            match io.read(&mut buffer).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self.heard.fetch_add(read as u64, Ordering::Relaxed),
            };
        }
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, _: &mut T) -> io::Result<()>
    where
        T: AsyncRead + Unpin + Send,
    {
        std::future::pending().await
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, frames: Frames) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        let Frames(mut frames) = frames;
        while let Some(frame) = frames.recv().await {
            io.write_all(&frame).await?;
            io.flush().await?;
        }
        Ok(())
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, _: &mut T, (): ()) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        Ok(())
    }
}

#[derive(NetworkBehaviour)]
struct Behaviour {
    gossip: request_response::Behaviour<Gossip>,
    hello: request_response::Behaviour<Raw>,
    sync: request_response::Behaviour<Raw>,
}

/// The peer, which runs by itself until it is dropped.
pub(crate) struct Attacker {
    key: Keypair,
    pub(crate) peer: PeerId,
    frames: mpsc::Sender<Vec<u8>>,
    /// When the last connection was closed on it, if it is.
    closed: watch::Receiver<Option<Instant>>,
    heard: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Attacker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What an attacker does once it is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Says hello as a node of a domain, and takes the gossip stream where it is admitted. Who asks what it holds is
    /// told that it has nothing: who never answers is dropped after twice twenty seconds.
    Hello(&'static str),
    /// The same, and never answers.
    Withholding(&'static str),
    /// Says nothing, and comes again whenever it is disconnected.
    Silent,
}

impl Attacker {
    /// Connects to `address`.
    pub(crate) async fn start(seed: u8, address: &str, way: Way) -> Self {
        let key = Keypair::ed25519_from_bytes([seed; 32]).unwrap();
        let peer = key.public().to_peer_id();
        let transport = transport(&key);
        let patient = || request_response::Config::default().with_request_timeout(Duration::from_secs(3_600));
        let exchange = |name| {
            let protocols = [(StreamProtocol::new(name), ProtocolSupport::Full)];
            request_response::Behaviour::with_codec(Raw, protocols, patient())
        };
        let gossip = Gossip::default();
        let heard = Arc::clone(&gossip.heard);
        let protocols = [(StreamProtocol::new("/meshsub/1.1.0"), ProtocolSupport::Full)];
        let behaviour = Behaviour {
            gossip: request_response::Behaviour::with_codec(gossip, protocols, patient()),
            hello: exchange("/marque/hello/1"),
            sync: exchange("/marque/sync/1"),
        };
        let config = libp2p::swarm::Config::with_tokio_executor()
            .with_idle_connection_timeout(Duration::from_secs(3_600));
        let mut swarm = Swarm::new(transport, behaviour, peer, config);
        let (frames, receiver) = mpsc::channel(4_096);
        let (tell, closed) = watch::channel(None);
        let address: Multiaddr = address.parse().unwrap();
        swarm.dial(address.clone()).unwrap();
        let (ready, begun) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(run(swarm, way, address, Frames(receiver), tell, ready));
        // Whoever is turned away at once has begun too.
        let _ = in_time(begun).await;
        Self { key, peer, frames, closed, heard, task }
    }

    /// Says a frame. Answers whether anybody may still hear it.
    pub(crate) async fn say(&self, rpc: &Rpc) -> bool {
        !self.is_closed() && self.frames.send(rpc.framed()).await.is_ok()
    }

    /// Whether its gossip stream is there, or may still come to be.
    pub(crate) fn is_open(&self) -> bool {
        !self.frames.is_closed()
    }

    /// Whether its connection was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.borrow().is_some()
    }

    /// Waits until its connection is closed.
    pub(crate) async fn closed(&self) -> Instant {
        let mut closed = self.closed.clone();
        in_time(async { closed.wait_for(Option::is_some).await.unwrap().unwrap() }).await
    }

    /// Bytes of gossip that came.
    pub(crate) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    /// A message of this peer, signed as gossipsub wants it, or not.
    pub(crate) fn message(&self, topic: &str, seqno: u64, data: &[u8], signed: bool) -> Vec<u8> {
        let mut message = Vec::new();
        bytes(1, &self.peer.to_bytes(), &mut message);
        bytes(2, data, &mut message);
        bytes(3, &seqno.to_be_bytes(), &mut message);
        bytes(4, topic.as_bytes(), &mut message);
        let signature = if signed {
            self.key.sign(&[b"libp2p-pubsub:", message.as_slice()].concat()).unwrap()
        } else {
            vec![7; 64]
        };
        bytes(5, &signature, &mut message);
        message
    }
}

async fn run(
    mut swarm: Swarm<Behaviour>,
    way: Way,
    address: Multiaddr,
    frames: Frames,
    closed: watch::Sender<Option<Instant>>,
    ready: tokio::sync::oneshot::Sender<()>,
) {
    let (mut frames, mut ready) = (Some(frames), Some(ready));
    // Whoever asks it something waits for ever.
    let mut unanswered = Vec::new();
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::ConnectionEstablished { peer_id, .. } => match way {
                Way::Hello(domain) | Way::Withholding(domain) => {
                    let hello = hello(swarm.local_peer_id(), domain);
                    swarm.behaviour_mut().hello.send_request(&peer_id, hello);
                }
                Way::Silent => {
                    let _ = ready.take().map(|ready| ready.send(()));
                }
            },
            SwarmEvent::Behaviour(BehaviourEvent::Hello(request_response::Event::Message {
                peer,
                message: Message::Response { response, .. },
                ..
            })) => {
                if let Ok(HelloAnswer::Admitted(_)) = HelloAnswer::decode(&response)
                    && let Some(frames) = frames.take()
                {
                    swarm.behaviour_mut().gossip.send_request(&peer, frames);
                }
                if frames.is_some() {
                    println!("{}: {:?}", swarm.local_peer_id(), HelloAnswer::decode(&response));
                }
                let _ = ready.take().map(|ready| ready.send(()));
            }
            event @ (SwarmEvent::ConnectionClosed { num_established: 0, .. }
            | SwarmEvent::OutgoingConnectionError { .. }) => {
                // Shown where a test fails that did not want it.
                println!("{}: {event:?}", swarm.local_peer_id());
                drop(ready.take());
                match way {
                    Way::Hello(_) | Way::Withholding(_) => drop(closed.send_replace(Some(Instant::now()))),
                    Way::Silent => {
                        // Each is back within a second.
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        swarm.dial(address.clone()).unwrap();
                    }
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Sync(request_response::Event::Message {
                message: Message::Request { channel, .. },
                ..
            })) => match way {
                Way::Hello(_) => {
                    let nothing = Response::Refused(Refusal::NotSubscribed).encode();
                    let _ = swarm.behaviour_mut().sync.send_response(channel, nothing);
                }
                Way::Withholding(_) | Way::Silent => unanswered.push(channel),
            },
            _ => {}
        }
    }
}

/// A hello as the faked intake wants it.
fn hello(peer: &PeerId, domain: &str) -> Vec<u8> {
    let hello = Hello {
        membership: peer.to_base58().into_bytes(),
        domain: did(domain),
        domain_log: b"log".to_vec(),
        domain_witness: None,
        join_secret: None,
        addresses: Vec::new(),
    };
    hello.encode()
}

/// One RPC of gossipsub.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rpc {
    body: Vec<u8>,
    control: Vec<u8>,
}

impl Rpc {
    pub(crate) fn subscribe(mut self, topic: &str) -> Self {
        let mut subscription = vec![0x08, 1];
        bytes(2, topic.as_bytes(), &mut subscription);
        bytes(1, &subscription, &mut self.body);
        self
    }

    pub(crate) fn message(mut self, message: &[u8]) -> Self {
        bytes(2, message, &mut self.body);
        self
    }

    pub(crate) fn ihave(mut self, topic: &str, ids: impl Iterator<Item = [u8; 32]>) -> Self {
        let mut ihave = Vec::new();
        bytes(1, topic.as_bytes(), &mut ihave);
        ids.for_each(|id| bytes(2, &id, &mut ihave));
        bytes(1, &ihave, &mut self.control);
        self
    }

    pub(crate) fn iwant(mut self, ids: impl Iterator<Item = [u8; 32]>) -> Self {
        let mut iwant = Vec::new();
        ids.for_each(|id| bytes(1, &id, &mut iwant));
        bytes(2, &iwant, &mut self.control);
        self
    }

    pub(crate) fn graft(mut self, topic: &str) -> Self {
        let mut graft = Vec::new();
        bytes(1, topic.as_bytes(), &mut graft);
        bytes(3, &graft, &mut self.control);
        self
    }

    pub(crate) fn prune(mut self, topic: &str, backoff: u64) -> Self {
        let mut prune = Vec::new();
        bytes(1, topic.as_bytes(), &mut prune);
        prune.push(3 << 3);
        varint(backoff, &mut prune);
        bytes(4, &prune, &mut self.control);
        self
    }

    pub(crate) fn framed(&self) -> Vec<u8> {
        let mut rpc = self.body.clone();
        if !self.control.is_empty() {
            bytes(3, &self.control, &mut rpc);
        }
        let mut framed = Vec::new();
        varint(rpc.len() as u64, &mut framed);
        framed.extend(rpc);
        framed
    }
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A field of length-delimited bytes.
fn bytes(field: u8, value: &[u8], out: &mut Vec<u8>) {
    out.push(field << 3 | 2);
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}
