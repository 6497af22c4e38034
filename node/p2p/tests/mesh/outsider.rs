//! A peer that is no node of ours: gossipsub, hello and sync without the gate, and without bounds on
//! what it sends.

use futures::StreamExt;
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::Boxed;
use libp2p::core::upgrade::Version;
use libp2p::gossipsub::{self, IdentTopic, MessageAuthenticity};
use libp2p::identity::Keypair;
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, Transport, noise, tcp, yamux};
use std::io;

/// TCP, Noise and yamux, as nodes have it.
pub(crate) fn transport(key: &Keypair) -> Boxed<(PeerId, StreamMuxerBox)> {
    tcp::tokio::Transport::new(tcp::Config::default())
        .upgrade(Version::V1)
        .authenticate(noise::Config::new(key).unwrap())
        .multiplex(yamux::Config::default())
        .map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection)))
        .boxed()
}

/// One of the protocols of question and answer.
pub(crate) fn exchange(name: &'static str) -> request_response::Behaviour<Raw> {
    exchange_by(&[name])
}

/// The same under several names, of which the first that the other side speaks is taken.
pub(crate) fn exchange_by(names: &[&'static str]) -> request_response::Behaviour<Raw> {
    let protocols = names.iter().map(|name| (StreamProtocol::new(name), ProtocolSupport::Full));
    request_response::Behaviour::with_codec(Raw, protocols, request_response::Config::default())
}

/// Any bytes, of any number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Raw;

async fn read<T: AsyncRead + Unpin + Send>(io: &mut T) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io.read_to_end(&mut bytes).await?;
    Ok(bytes)
}

impl request_response::Codec for Raw {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(io).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(io).await
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, bytes: Vec<u8>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&bytes).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, bytes: Vec<u8>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&bytes).await
    }
}

#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    pub(crate) gossip: gossipsub::Behaviour,
    pub(crate) hello: request_response::Behaviour<Raw>,
    pub(crate) sync: request_response::Behaviour<Raw>,
}

pub(crate) type Event = SwarmEvent<BehaviourEvent>;

/// The peer.
pub(crate) struct Outsider {
    pub(crate) swarm: Swarm<Behaviour>,
    /// What it has seen of gossip from others.
    pub(crate) heard: Vec<gossipsub::Event>,
}

impl Outsider {
    pub(crate) fn new(seed: u8) -> Self {
        let key = Keypair::ed25519_from_bytes([seed; 32]).unwrap();
        let transport = transport(&key);
        let signed = MessageAuthenticity::Signed(key.clone());
        let behaviour = Behaviour {
            gossip: gossipsub::Behaviour::new(signed, gossipsub::Config::default()).unwrap(),
            hello: exchange("/marque/hello/1"),
            sync: exchange("/marque/sync/1"),
        };
        // It never hangs up itself.
        let config = libp2p::swarm::Config::with_tokio_executor()
            .with_idle_connection_timeout(std::time::Duration::from_secs(3_600));
        let swarm = Swarm::new(transport, behaviour, key.public().to_peer_id(), config);
        Self { swarm, heard: Vec::new() }
    }

    /// Connects, and answers with the PeerId of who is there.
    pub(crate) async fn connect(&mut self, address: &str) -> PeerId {
        self.swarm.dial(address.parse::<Multiaddr>().unwrap()).unwrap();
        self.next(|event| match event {
            SwarmEvent::ConnectionEstablished { peer_id, .. } => Some(*peer_id),
            _ => None,
        })
        .await
    }

    pub(crate) fn subscribe(&mut self, topic: &str) {
        self.swarm.behaviour_mut().gossip.subscribe(&IdentTopic::new(topic)).unwrap();
    }

    /// Runs until an event is the one.
    pub(crate) async fn next<T>(&mut self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        loop {
            let event = self.swarm.select_next_some().await;
            let found = wanted(&event);
            if let SwarmEvent::Behaviour(BehaviourEvent::Gossip(event)) = event {
                self.heard.push(event);
            }
            if let Some(found) = found {
                return found;
            }
        }
    }

    /// Asks by sync and waits for the answer.
    pub(crate) async fn ask(&mut self, peer: PeerId, bytes: Vec<u8>) -> Vec<u8> {
        self.swarm.behaviour_mut().sync.send_request(&peer, bytes);
        self.answer().await
    }

    /// Waits for the answer to a sync request.
    pub(crate) async fn answer(&mut self) -> Vec<u8> {
        self.next(|event| match event {
            SwarmEvent::Behaviour(BehaviourEvent::Sync(request_response::Event::Message {
                message: request_response::Message::Response { response, .. },
                ..
            })) => Some(response.clone()),
            _ => None,
        })
        .await
    }

    /// Says hello and waits for the answer.
    pub(crate) async fn greet(&mut self, peer: PeerId, bytes: Vec<u8>) -> Vec<u8> {
        self.swarm.behaviour_mut().hello.send_request(&peer, bytes);
        self.next(|event| match event {
            SwarmEvent::Behaviour(BehaviourEvent::Hello(request_response::Event::Message {
                message: request_response::Message::Response { response, .. },
                ..
            })) => Some(response.clone()),
            _ => None,
        })
        .await
    }

    /// Listens, and answers with the address.
    pub(crate) async fn listen(&mut self) -> String {
        self.swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
        self.next(|event| match event {
            SwarmEvent::NewListenAddr { address, .. } => Some(address.to_string()),
            _ => None,
        })
        .await
    }

    /// Waits for a hello, and answers with who says it and where the answer is waited for.
    pub(crate) async fn greeted(&mut self) -> (PeerId, request_response::ResponseChannel<Vec<u8>>) {
        loop {
            let event = self.swarm.select_next_some().await;
            if let SwarmEvent::Behaviour(BehaviourEvent::Hello(request_response::Event::Message {
                peer,
                message: request_response::Message::Request { channel, .. },
                ..
            })) = event
            {
                return (peer, channel);
            }
        }
    }

    /// Waits for a sync request.
    pub(crate) async fn asked(&mut self) {
        self.next(|event| match event {
            SwarmEvent::Behaviour(BehaviourEvent::Sync(request_response::Event::Message {
                message: request_response::Message::Request { .. },
                ..
            })) => Some(()),
            _ => None,
        })
        .await;
    }

    /// Waits until the connection to `peer` is gone.
    pub(crate) async fn dropped(&mut self, peer: PeerId) {
        self.next(|event| match event {
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } if *peer_id == peer => Some(()),
            _ => None,
        })
        .await;
    }
}
