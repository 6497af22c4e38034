//! Nodes that cannot be dialled, and the ways to them (MESH.md D9).

use crate::fake::{Fake, scid};
use crate::{Node, URL, eventually, gossips, in_time};
use futures::StreamExt;
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, Swarm, Transport, noise, relay, tcp, yamux};
use marque_flows::ports::mesh::PeerInfo;
use marque_p2p::peer_id;
use std::sync::Arc;
use std::time::Duration;

/// Nobody answers there.
const NOWHERE: &str = "/ip4/127.0.0.1/tcp/1";

/// The node of a domain whose nodes it relies on, and of others that only joined.
fn node_of(seed: u8, domain: &'static str, trusted: &[&str], joined: &[&str]) -> Arc<Fake> {
    let fake = Fake::new(peer_id([seed; 32]), domain, trusted);
    fake.joined.lock().unwrap().extend(joined.iter().map(|name| scid(name)));
    Arc::new(fake)
}

async fn info(of: &Node, peer: &Node) -> Option<PeerInfo> {
    of.mesh().peers().await.unwrap().into_iter().find(|p| p.peer == peer.fake.peer() && p.domain.is_some())
}

async fn is_through_a_relay(of: &Node, peer: &Node) -> bool {
    info(of, peer).await.is_some_and(|p| p.address.contains("/p2p-circuit"))
}

/// A node that nobody can dial: it listens nowhere, and dials these.
async fn hidden(seed: u8, fake: Arc<Fake>, peers: &[&str]) -> Node {
    Node::listening(seed, fake, Vec::new(), peers).await
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_nobody_can_dial_meet_through_a_member_that_members_can_dial() {
    // Nobody says that the relay can be dialled: another member tests it.
    let tester = Node::start_on(4, node_of(4, "relay", &[], &[]), "/ip4/127.0.0.1/tcp/0", &[]).await;
    let relay = node_of(3, "relay", &[], &["acme", "bravo"]);
    let relay = Node::start_on(3, relay, "/ip4/127.0.0.1/tcp/0", &[tester.address()]).await;
    let a = hidden(1, node_of(1, "acme", &["bravo"], &["relay"]), &[relay.address()]).await;
    let way = format!("{NOWHERE}/p2p/{}", a.fake.peer());
    let b = hidden(2, node_of(2, "bravo", &["acme"], &["relay"]), &[relay.address(), &way]).await;
    eventually!(is_through_a_relay(&a, &b).await && is_through_a_relay(&b, &a).await);
    gossips(&a, &b, URL).await;
    // Between them it passed nothing that it could read, and what it passed counts for whoever sent it.
    assert_eq!(relay.fake.seq(URL), None);
    assert!(relay.fake.judged.lock().unwrap().is_empty());
    // Its operator sees whom it helps, and theirs that they are helped.
    eventually!(relay.metric("relay_reservations") >= Some(1) && relay.metric("relay_circuits") >= Some(1));
    let granted =
        |kind| relay.metric(&format!("relay_requests_total{{kind=\"{kind}\",outcome=\"granted\"}}"));
    assert!(granted("reservation") >= Some(1) && granted("circuit") >= Some(1));
    eventually!(a.metric("relay_places") >= Some(1));
    let (passed, got) = (info(&relay, &a).await.unwrap().received, info(&b, &a).await.unwrap().received);
    assert!(passed > got && got > 0, "{passed} {got}");
}

/// A libp2p node that is nobody's member, and knows how to use relays.
fn stranger(seed: u8) -> Swarm<relay::client::Behaviour> {
    let key = Keypair::ed25519_from_bytes([seed; 32]).unwrap();
    let (circuits, behaviour) = relay::client::new(key.public().to_peer_id());
    let transport = circuits
        .or_transport(tcp::tokio::Transport::new(tcp::Config::default()))
        .upgrade(Version::V1)
        .authenticate(noise::Config::new(&key).unwrap())
        .multiplex(yamux::Config::default())
        .map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection)))
        .boxed();
    let config =
        libp2p::swarm::Config::with_tokio_executor().with_idle_connection_timeout(Duration::from_secs(3_600));
    Swarm::new(transport, behaviour, key.public().to_peer_id(), config)
}

// R-342 R-347
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_gets_no_place_at_a_relay_and_no_way_through_it() {
    let address = format!("/ip4/127.0.0.1/tcp/{}", crate::port());
    let relay = Node::configured(3, node_of(3, "relay", &[], &["acme"]), |config| {
        config.listen = vec![address.clone()];
        config.external = vec![address.clone()];
    })
    .await;
    let a = hidden(1, node_of(1, "acme", &[], &["relay"]), &[relay.address()]).await;
    let through = format!("{}/p2p-circuit", relay.address());
    // There is a place at it, which a member has and others of its domain find.
    let way = format!("{through}/p2p/{}", a.fake.peer());
    let b = hidden(2, node_of(2, "acme", &[], &["relay"]), &[relay.address(), &way]).await;
    eventually!(is_through_a_relay(&b, &a).await);

    let mut stranger = stranger(9);
    let place = stranger.listen_on(through.parse().unwrap()).unwrap();
    let refused = async {
        loop {
            match stranger.select_next_some().await {
                SwarmEvent::ListenerClosed { listener_id, reason, .. } if listener_id == place => {
                    return reason;
                }
                SwarmEvent::NewListenAddr { address, .. } => panic!("{address}"),
                _ => {}
            }
        }
    };
    assert!(in_time(refused).await.is_err());
    stranger.dial(way.parse::<Multiaddr>().unwrap()).unwrap();
    let refused = async {
        loop {
            match stranger.select_next_some().await {
                SwarmEvent::OutgoingConnectionError { error, .. } => return error,
                SwarmEvent::ConnectionEstablished { endpoint, .. } => assert!(!endpoint.is_relayed()),
                _ => {}
            }
        }
    };
    let error = in_time(refused).await;
    assert!(stranger.connected_peers().any(|p| p.to_base58() == relay.fake.peer()), "{error}");
    assert!(!a.fake.knocks.lock().unwrap().contains(&stranger.local_peer_id().to_base58()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_meet_over_tcp_and_quic_and_over_both_versions_of_ip() {
    for listen in ["/ip6/::1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1", "/ip6/::1/udp/0/quic-v1"] {
        let a = Node::start_on(1, node_of(1, "acme", &[], &[]), listen, &[]).await;
        let b = hidden(2, node_of(2, "acme", &[], &[]), &[a.address()]).await;
        eventually!(a.admitted(&b).await && b.admitted(&a).await);
        gossips(&a, &b, URL).await;
        let peer = info(&b, &a).await.unwrap();
        assert!(a.address().starts_with(&peer.address), "{} {}", a.address(), peer.address);
        assert!(peer.received > 0 && peer.sent > 0, "it is metered");
    }
}
