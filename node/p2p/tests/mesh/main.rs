//! Real swarms over loopback TCP, around a node that is faked (MESH.md D1, D4, D6, D10).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what a test helper cannot do ends the test"
)]

mod attacker;
mod attacks;
mod bans;
mod duplicity;
mod fake;
mod hints;
mod later;
mod outsider;
mod reach;
mod real;
mod recognised;
mod releases;
#[path = "../../../flows/tests/domain/world.rs"]
#[expect(dead_code, reason = "the tests of flows need more of it")]
mod world;

use fake::{Fake, Still, did, list, scid};
use libp2p::gossipsub;
use marque_flows::ports::mesh::{Mesh, MeshError};
use marque_p2p::{Config, Metrics, Running, peer_id, spawn};
use marque_rules::replica::token::{JoinSecret, JoinToken};
use marque_rules::replica::{Hello, HelloAnswer, Lane, Refusal, Request, Response, Topic};
use outsider::Outsider;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

/// For what is going to happen, on a machine that is busy with something else. No claim about speed: what
/// one round of anti-entropy missed comes with the next, 45 s later at most.
const PATIENCE: Duration = Duration::from_secs(120);

const URL: &str = "https://acme.example/status/1";

/// A period of anti-entropy that no test lives to see: what arrives, arrived by gossip or on connect.
const NEVER_MS: u64 = 3_600_000;

struct Node {
    fake: Arc<Fake>,
    running: Running,
    stop: oneshot::Sender<()>,
    registry: Registry,
}

impl Node {
    async fn start(seed: u8, domain: &'static str, trusted: &[&str], peers: &[&str]) -> Self {
        let fake = Arc::new(Fake::new(peer_id([seed; 32]), domain, trusted));
        Self::start_on(seed, fake, "/ip4/127.0.0.1/tcp/0", peers).await
    }

    async fn start_on(seed: u8, fake: Arc<Fake>, listen: &str, peers: &[&str]) -> Self {
        Self::listening(seed, fake, vec![listen.to_owned()], peers).await
    }

    async fn listening(seed: u8, fake: Arc<Fake>, listen: Vec<String>, peers: &[&str]) -> Self {
        Self::configured(seed, fake, |config| {
            config.listen = listen;
            config.peers = peers.iter().map(|p| (*p).to_owned()).collect();
        })
        .await
    }

    async fn configured(seed: u8, fake: Arc<Fake>, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            secret: [seed; 32],
            listen: vec!["/ip4/127.0.0.1/tcp/0".to_owned()],
            external: Vec::new(),
            peers: Vec::new(),
            shared_networks: vec!["127.0.0.0/8".parse().unwrap()],
            relay: true,
            mdns: false,
            hints: true,
            sync_period_ms: NEVER_MS,
            seed: seed.into(),
        };
        change(&mut config);
        let (stop, stopped) = oneshot::channel();
        let shutdown = async move { drop(stopped.await) };
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let running =
            spawn(config, Arc::clone(&fake) as _, Arc::new(Still), metrics, shutdown).await.unwrap();
        Self { fake, running, stop, registry }
    }

    fn address(&self) -> &str {
        &self.running.listening[0]
    }

    /// What one of its metrics says.
    fn metric(&self, line: &str) -> Option<u64> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        let value = text.lines().find_map(|of| of.strip_prefix(line)?.strip_prefix(' '))?;
        Some(value.parse().unwrap())
    }

    fn mesh(&self) -> &dyn Mesh {
        &self.running.handle
    }

    /// Whether `other` is admitted here.
    async fn admitted(&self, other: &Self) -> bool {
        let peers = self.mesh().peers().await.unwrap();
        peers.iter().any(|p| p.peer == other.fake_peer() && p.domain.is_some())
    }

    fn fake_peer(&self) -> String {
        self.fake.peer().to_owned()
    }

    async fn publish(&self, url: &str, seq: u64) {
        self.mesh().publish(self.fake.put(url, seq)).await.unwrap();
    }

    async fn stop(self) -> Arc<Fake> {
        self.stop.send(()).unwrap();
        self.running.task.await.unwrap();
        self.fake
    }
}

/// Asks again and again until it is so.
#[macro_export]
macro_rules! eventually {
    ($what:expr) => {{
        let end = tokio::time::Instant::now() + $crate::PATIENCE;
        let mut pause = tokio::time::interval(Duration::from_millis(10));
        while !$what {
            assert!(tokio::time::Instant::now() < end, "never came true: {}", stringify!($what));
            pause.tick().await;
        }
    }};
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("in time")
}

/// Two nodes that have admitted each other.
async fn pair() -> (Node, Node) {
    let a = Node::start(1, "acme", &[], &[]).await;
    let b = Node::start(2, "acme", &[], &[a.address()]).await;
    eventually!(a.admitted(&b).await && b.admitted(&a).await);
    (a, b)
}

/// Publishes newer and newer lists at `from` until `to` holds one: gossip is a hint, and those said
/// before its streams are up are left to anti-entropy, which does not run here.
async fn gossips(from: &Node, to: &Node, url: &str) {
    let end = Instant::now() + PATIENCE;
    let mut pause = tokio::time::interval(Duration::from_millis(50));
    let mut seq = from.fake.seq(url).unwrap_or(0);
    let held = to.fake.seq(url);
    while to.fake.seq(url) == held {
        assert!(Instant::now() < end, "{url} never came");
        seq += 1;
        from.publish(url, seq).await;
        pause.tick().await;
    }
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_publishes_an_admitted_one_stores_in_either_direction() {
    let (a, b) = pair().await;
    for _ in 0..3 {
        gossips(&a, &b, URL).await;
        gossips(&b, &a, "https://acme.example/status/2").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn domains_that_are_trusted_one_by_one_are_greeted_once_each_and_admitted() {
    let a = Node::start(1, "acme", &[], &[]).await;
    let names = ["bravo", "charlie", "delta", "echo", "foxtrot", "golf"];
    let mut others = Vec::new();
    for (seed, name) in (2..).zip(names) {
        let other = Node::start(seed, name, &["acme"], &[a.address()]).await;
        // It is refused, and has said who it is.
        eventually!(a.fake.knocks.lock().unwrap().contains(&other.fake_peer()));
        others.push(other);
    }
    for (name, other) in names.iter().zip(&others) {
        a.fake.trusted.lock().unwrap().insert(scid(name));
        a.mesh().domains_changed();
        eventually!(a.admitted(other).await && other.admitted(&a).await);
    }
    for other in &others {
        assert_eq!(other.fake.knocks.lock().unwrap().len(), 1);
    }
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_goes_on_to_a_node_that_its_origin_does_not_know() {
    let (a, b) = pair().await;
    let c = Node::start(3, "acme", &[], &[b.address()]).await;
    eventually!(b.admitted(&c).await && c.admitted(&b).await);
    gossips(&a, &c, URL).await;
    assert!(!a.admitted(&c).await);
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_is_not_admitted_hears_nothing_of_a_topic_and_is_not_heard() {
    let (a, b) = pair().await;
    let topic = Topic::new(&scid("acme"), Lane::Status);
    let mut outsider = Outsider::new(9);
    outsider.subscribe(topic.as_str());
    let peer = in_time(outsider.connect(a.address())).await;

    // It says that it belongs to a domain that is not known here.
    let hello = Hello {
        membership: peer_id([9; 32]).into_bytes(),
        domain: did("evil"),
        domain_log: b"log".to_vec(),
        domain_witness: None,
        join_secret: None,
        addresses: Vec::new(),
    };
    let answer = in_time(outsider.greet(peer, hello.encode())).await;
    assert_eq!(HelloAnswer::decode(&answer), Ok(HelloAnswer::Refused(Refusal::UnknownDomain)));

    // What it says itself, well signed by the origin, reaches nobody: its stream is refused.
    let forged = list("acme", "https://acme.example/status/evil", 1);
    let _ = outsider
        .swarm
        .behaviour_mut()
        .gossip
        .publish(gossipsub::IdentTopic::new(topic.as_str()), forged.bytes().to_vec());

    // Gossip flows between the others all the while.
    for _ in 0..3 {
        tokio::select! {
            () = gossips(&a, &b, URL) => {}
            () = outsider.next(|_| None::<()>) => {}
        }
    }
    let seq = a.fake.seq(URL).unwrap();

    // And the connection is as good as ever: it may ask for what is public, and nothing else.
    let digest = Request::Digest { domain: scid("acme"), root: None };
    let answer = in_time(outsider.ask(peer, digest.encode())).await;
    assert_eq!(Response::decode(&answer), Ok(Response::Refused(Refusal::NotAdmitted)));
    let answer = in_time(outsider.ask(peer, Request::List { url: URL.to_owned() }.encode())).await;
    assert_eq!(Response::decode(&answer), Ok(Response::Envelope(list("acme", URL, seq).bytes().to_vec())));

    let heard = |event: &gossipsub::Event| !matches!(event, gossipsub::Event::GossipsubNotSupported { .. });
    assert!(!outsider.heard.iter().any(heard), "{:?}", outsider.heard);
    for node in [&a, &b] {
        assert!(!node.fake.judged.lock().unwrap().iter().any(|subject| subject.ends_with("evil")));
    }
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_comes_late_pulls_what_was_said_before() {
    let a = Node::start(1, "acme", &[], &[]).await;
    for n in 0..40 {
        a.publish(&format!("https://acme.example/status/{n}"), n + 1).await;
    }
    let b = Node::start(2, "acme", &[], &[a.address()]).await;
    eventually!((0..40).all(|n| b.fake.seq(&format!("https://acme.example/status/{n}")) == Some(n + 1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_asked_before_the_hello_is_over_is_answered_after_it() {
    // The side that answers a hello has admitted first, and asks at once what it is missing.
    let mut outsider = Outsider::new(9);
    let address = in_time(outsider.listen()).await;
    let a = Node::start(1, "acme", &[], &[&address]).await;
    let (peer, channel) = in_time(outsider.greeted()).await;
    assert_eq!(peer.to_base58(), a.fake_peer());

    let digest = Request::Digest { domain: scid("acme"), root: None }.encode();
    // Long enough that an answer would have come, had the node given one.
    let early = timeout(Duration::from_millis(300), outsider.ask(peer, digest)).await;
    assert!(early.is_err(), "{:?}", early.map(|bytes| Response::decode(&bytes)));

    let hello = Hello {
        membership: peer_id([9; 32]).into_bytes(),
        domain: did("acme"),
        domain_log: b"log".to_vec(),
        domain_witness: None,
        join_secret: None,
        addresses: Vec::new(),
    };
    let answer = HelloAnswer::Admitted(Box::new(hello)).encode();
    outsider.swarm.behaviour_mut().hello.send_response(channel, answer).unwrap();
    let answer = in_time(outsider.answer()).await;
    assert!(matches!(Response::decode(&answer), Ok(Response::Digest(_))), "{:?}", Response::decode(&answer));
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_sends_what_cannot_be_read_is_dropped_and_the_node_goes_on() {
    let a = Node::start(1, "acme", &[], &[]).await;

    let mut malformed = Outsider::new(11);
    let peer = in_time(malformed.connect(a.address())).await;
    malformed.swarm.behaviour_mut().hello.send_request(&peer, b"not CBOR".to_vec());
    in_time(malformed.dropped(peer)).await;

    let mut oversized = Outsider::new(12);
    let peer = in_time(oversized.connect(a.address())).await;
    oversized.swarm.behaviour_mut().hello.send_request(&peer, vec![0x58; 4 << 20]);
    in_time(oversized.dropped(peer)).await;

    let mut sync = Outsider::new(13);
    let peer = in_time(sync.connect(a.address())).await;
    sync.swarm.behaviour_mut().sync.send_request(&peer, vec![0; 80_000]);
    in_time(sync.dropped(peer)).await;

    // Not even Noise.
    let port = a.address().split('/').nth(4).unwrap().parse::<u16>().unwrap();
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(&[0xff; 4_096]).await.unwrap();
    drop(stream);

    let b = Node::start(2, "acme", &[], &[a.address()]).await;
    eventually!(a.admitted(&b).await && b.admitted(&a).await);
    assert_eq!(a.mesh().peers().await.unwrap().len(), 1);
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_restarts_is_dialled_again_and_catches_up() {
    let a = Node::start(1, "acme", &[], &[]).await;
    let listen = a.address().rsplit_once("/p2p/").unwrap().0.to_owned();
    // Without a PeerId: whoever answers there.
    let b = Node::start(2, "acme", &[], &[&listen]).await;
    eventually!(a.admitted(&b).await && b.admitted(&a).await);

    let fake = a.stop().await;
    eventually!(b.mesh().peers().await.unwrap().is_empty());
    b.publish(URL, 5).await;

    let a = Node::start_on(1, fake, &listen, &[]).await;
    eventually!(a.fake.seq(URL) == Some(5));
    gossips(&a, &b, URL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_dial_each_other_at_once_admit_each_other() {
    let [at_a, at_b] = [(); 2].map(|()| format!("/ip4/127.0.0.1/tcp/{}", port()));
    let fakes = [1_u8, 2].map(|seed| Arc::new(Fake::new(peer_id([seed; 32]), "acme", &[])));
    let [fake_a, fake_b] = fakes;
    let (to_a, to_b) = ([at_a.as_str()], [at_b.as_str()]);
    let (a, b) =
        tokio::join!(Node::start_on(1, fake_a, &at_a, &to_b), Node::start_on(2, fake_b, &at_b, &to_a),);
    eventually!(a.admitted(&b).await && b.admitted(&a).await);
    gossips(&a, &b, URL).await;
    gossips(&b, &a, URL).await;
}

/// A port that nobody else gets before a node listens on it: below those that the system gives, and each once.
fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(11_000);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn token(inviting: &Node, secret: u8) -> JoinToken {
    JoinToken {
        domain: did("acme"),
        version_id: "1-x".to_owned(),
        addresses: vec![inviting.address().to_owned()],
        secret: JoinSecret::new([secret; 32]),
        expires_at: fake::NOW.plus(Duration::from_secs(60)),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_admits_its_bearer_once_and_what_is_trusted_then_is_replicated() {
    let a = Node::start(1, "acme", &[], &[]).await;
    let b = Node::start(2, "beta", &[], &[]).await;
    a.publish(URL, 1).await;
    assert_eq!(b.mesh().join(token(&a, 7), PATIENCE).await, Err(MeshError::Refused(Refusal::UnknownDomain)));
    a.fake.invites.lock().unwrap().push(JoinSecret::new([7; 32]));
    let joined = b.mesh().join(token(&a, 7), PATIENCE).await.unwrap();
    assert_eq!((joined.domain, joined.peer), (scid("acme"), a.fake_peer()));
    eventually!(a.admitted(&b).await && b.admitted(&a).await);
    assert!(a.fake.invites.lock().unwrap().is_empty());

    // Joined is not trusted: a list comes only where it is asked for.
    assert_eq!(b.fake.seq(URL), None);
    let asked = b.mesh().list(None, URL.to_owned(), PATIENCE).await.unwrap();
    assert_eq!((asked.answers, asked.domains, asked.stored), (1, 1, true));
    assert_eq!(b.fake.seq(URL), Some(1));
    let asked = b.mesh().list(None, "https://acme.example/none".to_owned(), PATIENCE).await.unwrap();
    assert_eq!(asked.answers, 0);

    b.fake.trusted.lock().unwrap().insert(scid("acme"));
    b.mesh().domains_changed();
    gossips(&a, &b, URL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_not_shown_at_an_address_without_a_peer_id() {
    let a = Node::start(1, "acme", &[], &[]).await;
    let b = Node::start(2, "beta", &[], &[]).await;
    let mut token = token(&a, 7);
    token.addresses = vec![a.address().rsplit_once("/p2p/").unwrap().0.to_owned()];
    assert_eq!(b.mesh().join(token, PATIENCE).await, Err(MeshError::Unreachable));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_that_is_trusted_no_more_is_let_go() {
    let a = Node::start(1, "acme", &["beta"], &[]).await;
    let b = Node::start(2, "beta", &["acme"], &[a.address()]).await;
    eventually!(a.admitted(&b).await && b.admitted(&a).await);
    a.fake.trusted.lock().unwrap().clear();
    a.mesh().domains_changed();
    eventually!(!a.admitted(&b).await);
    let own = scid("beta");
    eventually!(a.mesh().peers().await.unwrap().iter().all(|p| p.domain.as_ref() != Some(&own)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_shutdown_a_handle_says_so() {
    let a = Node::start(1, "acme", &[], &[]).await;
    let handle = a.running.handle.clone();
    a.stop().await;
    assert_eq!(handle.peers().await, Err(MeshError::Closed));
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_nobody_can_dial_hear_each_other_through_one_anchor() {
    let anchor = Node::start(1, "acme", &["beta"], &[]).await;
    let outbound = async |seed: u8, domain, trusted: &str| {
        let fake = Arc::new(Fake::new(peer_id([seed; 32]), domain, &[trusted]));
        Node::listening(seed, fake, Vec::new(), &[anchor.address()]).await
    };
    let (inner, outer) = (outbound(2, "acme", "beta").await, outbound(3, "beta", "acme").await);
    let domains =
        async |node: &Node| node.mesh().peers().await.unwrap().iter().filter(|p| p.domain.is_some()).count();
    eventually!(domains(&inner).await == 1 && domains(&outer).await == 1);
    assert!(inner.running.listening.is_empty() && outer.running.listening.is_empty());
    gossips(&inner, &outer, URL).await;
    gossips(&outer, &inner, "https://beta.example/status/1").await;
    assert_eq!((domains(&inner).await, domains(&outer).await), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_is_dialled_by_name_and_one_whose_name_is_none_is_no_peer() {
    let a = Node::start(1, "acme", &[], &[]).await;
    let by_name = a.address().replace("/ip4/127.0.0.1/", "/dns4/localhost/");
    let nowhere = by_name.replace("localhost", "nobody.invalid");
    let b = Node::start(2, "acme", &[], &[&nowhere, &by_name]).await;
    eventually!(a.admitted(&b).await && b.admitted(&a).await);
    let peers = b.mesh().peers().await.unwrap();
    assert!(peers.iter().all(|peer| peer.address.starts_with("/dns4/localhost/")), "{peers:?}");
}
