//! Attacks, each with its figures: what of honest news comes through, how soon who attacks is kept off,
//! and what it costs in memory (THREATS.md rows 52, 54-59). The figures are printed and not asserted: how
//! fast a machine is that does something else besides, no test knows.

use crate::attacker::{Attacker, Rpc, Way};
use crate::fake::{Fake, Still, list, scid};
use crate::{Node, PATIENCE, URL, eventually, in_time};
use marque_flows::ports::mesh::{BannedBy, What};
use marque_p2p::{Config, Metrics, peer_id, spawn};
use marque_rules::replica::{Lane, Refusal, Topic};
use prometheus_client::registry::Registry;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// What a verifier may wait for news (THREATS.md B).
const GOAL: Duration = Duration::from_secs(6);

/// A period of anti-entropy that a test lives to see several times.
const PERIOD_MS: u64 = 2_000;

/// Where attackers come from, and nobody else.
const ELSEWHERE: &str = "127.0.0.2";

/// A node for which loopback is no reason to worry, or where only 127.0.0.1 is none.
async fn start(seed: u8, domain: &'static str, trusted: &[&str], peers: &[&str], shared: &str) -> Node {
    let fake = Arc::new(Fake::new(peer_id([seed; 32]), domain, trusted));
    let config = Config {
        secret: [seed; 32],
        listen: vec!["/ip4/127.0.0.1/tcp/0".to_owned()],
        external: Vec::new(),
        peers: peers.iter().map(|p| (*p).to_owned()).collect(),
        shared_networks: vec![shared.parse().unwrap()],
        relay: true,
        mdns: false,
        hints: true,
        sync_period_ms: PERIOD_MS,
        seed: seed.into(),
    };
    let (stop, stopped) = oneshot::channel();
    let shutdown = async move { drop(stopped.await) };
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let running = spawn(config, Arc::clone(&fake) as _, Arc::new(Still), metrics, shutdown).await.unwrap();
    Node { fake, running, stop, registry }
}

/// Resident memory of this process, in KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// How long each of some messages took.
struct Delivery(Vec<Duration>);

impl Delivery {
    /// Publishes `count` lists at `from`, one every 20 ms, and waits until all are at `to`.
    async fn of(count: usize, from: &Node, to: &[&Node], about: &str) -> Self {
        let url = |n: usize| format!("https://acme.example/{about}/{n}");
        let mut pace = tokio::time::interval(Duration::from_millis(20));
        let (mut open, mut took) = (Vec::new(), Vec::new());
        let end = Instant::now() + PATIENCE;
        let mut said = 0;
        while said < count || !open.is_empty() {
            pace.tick().await;
            if said < count {
                from.publish(&url(said), 1).await;
                open.extend(to.iter().map(|node| (*node, url(said), Instant::now())));
                said += 1;
            }
            open.retain(|(node, url, since)| {
                let there = node.fake.seq(url).is_some();
                took.extend(there.then(|| since.elapsed()));
                !there
            });
            assert!(Instant::now() < end, "{} of {count} never came", open.len());
        }
        took.sort_unstable();
        Self(took)
    }

    fn shown(&self) -> String {
        let Self(took) = self;
        let within = took.iter().filter(|took| **took <= GOAL).count();
        let at = |part: usize| took[(took.len() - 1) * part / 100];
        format!(
            "honest delivery {:.1} % within 6 s (p50 {:?}, p99 {:?})",
            within as f64 * 100.0 / took.len() as f64,
            at(50),
            at(99),
        )
    }
}

fn status_topic(domain: &str) -> Topic {
    Topic::new(&scid(domain), Lane::Status)
}

/// Two honest nodes that have admitted each other, and trust what they are told to.
async fn honest(trusted: &[&str], shared: &str) -> (Node, Node) {
    let target = start(1, "acme", trusted, &[], shared).await;
    let origin = start(2, "acme", trusted, &[target.address()], shared).await;
    eventually!(target.admitted(&origin).await && origin.admitted(&target).await);
    (target, origin)
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eighty_strangers_around_a_node_keep_nobody_of_its_domain_out() {
    let (target, origin) = honest(&[], "127.0.0.0/8").await;
    let before = resident_kib();
    let mut sybils = Vec::new();
    for seed in 0..40 {
        sybils.push(Attacker::start(100 + seed, target.address(), Way::Silent).await);
        sybils.push(Attacker::start(140 + seed, target.address(), Way::Hello("evil")).await);
    }
    let strangers = async || {
        let peers = target.mesh().peers().await.unwrap();
        peers.iter().filter(|peer| peer.domain.is_none()).count()
    };
    let delivery = Delivery::of(50, &origin, &[&target], "strangers").await;
    let connected = strangers().await;
    // Those that are being closed count too.
    assert!(connected <= usize::try_from(marque_p2p::limits::MAX_CONNECTIONS_IN).unwrap(), "{connected}");

    // One that comes while they keep coming is let in.
    let began = Instant::now();
    let late = start(3, "acme", &[], &[target.address()], "127.0.0.0/8").await;
    eventually!(target.admitted(&late).await && late.admitted(&target).await);
    println!(
        "80 strangers, {connected} connected at once: {}; a node of the domain let in after {:?}; \
         memory {} KiB more",
        delivery.shown(),
        began.elapsed(),
        resident_kib().saturating_sub(before),
    );
    assert!(sybils.iter().all(|sybil| sybil.heard() == 0));
}

// by the load of other tests. The answer overtook the instruction to the connection that its peer is admitted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_told_that_it_is_admitted_may_gossip_at_once() {
    let (target, _origin) = honest(&["evil"], "127.0.0.0/8").await;
    let topic = status_topic("acme");
    for seed in 0..100 {
        let attacker = Attacker::start(100 + seed, target.address(), Way::Hello("evil")).await;
        assert!(attacker.say(&Rpc::default().subscribe(topic.as_str())).await);
        // It hears the target's subscriptions, once the target has seen its stream.
        eventually!(attacker.heard() > 0 || attacker.is_closed() || !attacker.is_open());
        assert!(attacker.heard() > 0, "its stream was refused");
    }
}

/// Forwards connections to `address`, whose peer sees them come from [`ELSEWHERE`]. Ends with its runtime.
async fn from_elsewhere(address: &str) -> String {
    let (socket, peer) = address.rsplit_once("/p2p/").unwrap();
    let target: SocketAddr = format!("127.0.0.1:{}", socket.rsplit('/').next().unwrap()).parse().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut inner, _)) = listener.accept().await {
            tokio::spawn(async move {
                let outer = TcpSocket::new_v4().unwrap();
                outer.bind(SocketAddr::new(ELSEWHERE.parse().unwrap(), 0)).unwrap();
                let mut outer = outer.connect(target).await.unwrap();
                // Either side may hang up.
                let _ = copy_bidirectional(&mut inner, &mut outer).await;
            });
        }
    });
    format!("/ip4/127.0.0.1/tcp/{port}/p2p/{peer}")
}

/// Eighty nodes of a domain that is trusted subscribe, graft themselves, and pass nothing on.
async fn eighty_admitted(shared: &str) -> (Node, Vec<Attacker>, String) {
    let (target, origin) = honest(&["evil"], shared).await;
    let door = from_elsewhere(target.address()).await;
    let before = resident_kib();
    let topic = status_topic("acme");
    let mut sybils = Vec::new();
    for seed in 0..80 {
        let sybil = Attacker::start(100 + seed, &door, Way::Hello("evil")).await;
        sybil.say(&Rpc::default().subscribe(topic.as_str()).graft(topic.as_str())).await;
        sybils.push(sybil);
    }
    let to_target = Delivery::of(50, &origin, &[&target], "to-target").await;
    let from_target = Delivery::of(50, &target, &[&origin], "from-target").await;
    let figures = format!(
        "to the target: {}; from it: {}; memory {} KiB more",
        to_target.shown(),
        from_target.shown(),
        resident_kib().saturating_sub(before),
    );
    let peers = target.mesh().peers().await.unwrap();
    assert!(peers.iter().any(|peer| peer.peer == origin.fake_peer() && peer.score >= Some(0)));
    (target, sybils, figures)
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eighty_nodes_of_a_hostile_domain_that_is_trusted_keep_no_news_away() {
    let (target, sybils, figures) = eighty_admitted("127.0.0.0/8").await;
    let peers = target.mesh().peers().await.unwrap();
    let admitted = peers.iter().filter(|peer| peer.domain == Some(scid("evil"))).count();
    println!("80 admitted sybils, {admitted} connected: {figures}");
    assert_eq!((admitted, sybils.iter().filter(|sybil| sybil.is_closed()).count()), (80, 0));
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_peers_behind_one_address_are_graylisted_and_none_is_banned_for_its_company() {
    let (target, sybils, figures) = eighty_admitted("127.0.0.1/32").await;
    let peers = target.mesh().peers().await.unwrap();
    let of_sybils: Vec<_> = peers.iter().filter(|peer| peer.domain == Some(scid("evil"))).collect();
    println!("80 admitted sybils behind one address, {} connected: {figures}", of_sybils.len());
    assert_eq!(of_sybils.len(), 80);
    for sybil in &of_sybils {
        assert!(sybil.address.contains(ELSEWHERE), "{}", sybil.address);
        assert!(sybil.score < Some(-2_500), "{sybil:?}");
    }
    assert!(target.fake.banned.lock().unwrap().is_empty());
    drop(sybils);
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_floods_with_what_is_malformed_is_banned_and_honest_news_goes_on() {
    for (signed, what) in [(true, "envelopes that cannot be read"), (false, "messages with a bad signature")]
    {
        let (target, origin) = honest(&["evil"], "127.0.0.0/8").await;
        let spammer = Attacker::start(100, target.address(), Way::Hello("evil")).await;
        let before = resident_kib();
        let topic = status_topic("acme");
        let mut watching = target.mesh().events().unwrap();
        assert!(spammer.say(&Rpc::default().subscribe(topic.as_str())).await);
        let began = Instant::now();
        let flood = async {
            // A thousand a second, ten at a time.
            let mut pace = tokio::time::interval(Duration::from_millis(10));
            let mut said = 0_u64;
            loop {
                pace.tick().await;
                let mut rpc = Rpc::default();
                for _ in 0..10 {
                    said += 1;
                    rpc = rpc.message(&spammer.message(topic.as_str(), said, &said.to_be_bytes(), signed));
                }
                if !spammer.say(&rpc).await {
                    return said;
                }
            }
        };
        let to = [&target];
        let (said, delivery) = tokio::join!(in_time(flood), Delivery::of(50, &origin, &to, "beside-a-flood"));
        let banned = spammer.closed().await.duration_since(began);
        println!(
            "a flood of {what} at 1,000/s: banned after {banned:?} and {said} messages; {}; memory {} KiB more",
            delivery.shown(),
            resident_kib().saturating_sub(before),
        );

        // For an hour, kept, and told to whoever watches.
        crate::eventually!(!target.fake.banned.lock().unwrap().is_empty());
        let kept = target.fake.banned.lock().unwrap().clone();
        let [ban] = &kept[..] else { panic!("{kept:?}") };
        assert_eq!((ban.peer.clone(), ban.by), (spammer.peer.to_base58(), BannedBy::Score));
        assert_eq!(ban.until, crate::fake::NOW.plus(Duration::from_secs(3_600)));
        loop {
            let event = in_time(watching.recv()).await.unwrap();
            if event.what == What::Banned {
                assert_eq!(event.peer, Some(spammer.peer.to_base58()));
                break;
            }
        }
        let again = Attacker::start(100, target.address(), Way::Hello("evil")).await;
        again.closed().await;
        assert!(!target.mesh().peers().await.unwrap().iter().any(|peer| peer.peer == ban.peer));
        // And what an honest node passes on is not its doing.
        assert!(target.admitted(&origin).await);
    }
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_list_that_several_peers_replay_changes_nothing_and_charges_nobody() {
    let (target, origin) = honest(&["evil"], "127.0.0.0/8").await;
    origin.publish(URL, 5).await;
    eventually!(target.fake.seq(URL) == Some(5));
    let topic = status_topic("acme");
    let mut watching = target.mesh().events().unwrap();
    let old: Vec<_> = (1..5).map(|seq| list("acme", URL, seq)).collect();
    let mut peers = Vec::new();
    for seed in 0..5 {
        let peer = Attacker::start(100 + seed, target.address(), Way::Hello("evil")).await;
        assert!(peer.say(&Rpc::default().subscribe(topic.as_str())).await);
        for (n, list) in old.iter().enumerate() {
            let message = peer.message(topic.as_str(), n as u64, list.bytes(), true);
            assert!(peer.say(&Rpc::default().message(&message)).await);
        }
        peers.push(peer);
    }
    let mut refused = 0;
    while refused < old.len() {
        let event = in_time(watching.recv()).await.unwrap();
        if event.what == What::Refused {
            assert_eq!(event.reason, Some(Refusal::Older));
            assert_eq!(event.about.as_ref().map(|about| about.subject.as_str()), Some(URL));
            refused += 1;
        }
        assert_eq!(target.fake.seq(URL), Some(5));
    }
    let delivery = Delivery::of(50, &origin, &[&target], "beside-replays").await;
    println!("an old list replayed by 5 peers: {}", delivery.shown());
    assert_eq!(target.fake.seq(URL), Some(5));
    let scores = target.mesh().peers().await.unwrap();
    assert!(scores.iter().all(|peer| peer.score >= Some(0)), "{scores:?}");
    assert!(peers.iter().all(|peer| !peer.is_closed()));
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_that_one_peer_withholds_comes_by_another_without_being_said_again() {
    let (target, relay) = honest(&["evil"], "127.0.0.0/8").await;
    // It is asked like any other, and never answers.
    let silent = Attacker::start(100, target.address(), Way::Withholding("evil")).await;
    assert!(silent.say(&Rpc::default().subscribe(status_topic("acme").as_str())).await);
    // What is said while nobody listens is gone; whoever comes later pulls it, and says nothing of it.
    let origin = start(3, "acme", &["evil"], &[], "127.0.0.0/8").await;
    origin.publish(URL, 1).await;
    let began = Instant::now();
    let joining = start(4, "acme", &["evil"], &[origin.address(), relay.address()], "127.0.0.0/8").await;
    eventually!(joining.fake.seq(URL) == Some(1));
    eventually!(target.fake.seq(URL) == Some(1));
    println!(
        "withheld news over two hops: healed after {:?}, a round being {PERIOD_MS} ms and half as much jitter",
        began.elapsed(),
    );
    assert!(!target.admitted(&joining).await && !target.admitted(&origin).await);
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn control_messages_that_nobody_sends_harm_nobody() {
    let (target, origin) = honest(&["evil"], "127.0.0.0/8").await;
    let (own, unknown) = (status_topic("acme"), status_topic("nobody"));
    let id = |n: u64| did_resolver::codec::sha256(&n.to_be_bytes());
    let subscribed = || Rpc::default().subscribe(own.as_str());
    let grafts = |from: u32| {
        (from..from + 500).fold(Rpc::default(), |rpc, n| rpc.graft(&format!("/marque/1/{n:016}/did")))
    };
    let attacks: Vec<(&str, Vec<Rpc>)> = vec![
        (
            "PRUNE with the longest backoff",
            vec![
                subscribed().graft(own.as_str()),
                Rpc::default().prune(own.as_str(), u64::MAX),
                Rpc::default().prune(unknown.as_str(), u64::MAX),
                Rpc::default().prune(own.as_str(), u64::MAX - 1),
            ],
        ),
        ("10,000 GRAFTs of topics that are none", (0..20).map(|n| grafts(n * 500)).collect()),
        ("GRAFT again and again", {
            let graft = Rpc::default().graft(own.as_str());
            let prune = Rpc::default().prune(own.as_str(), 0);
            std::iter::once(subscribed()).chain([graft, prune].into_iter().cycle().take(2_000)).collect()
        }),
        ("IHAVE of 40,000 messages that are none", {
            let ihave = |n: u64| Rpc::default().ihave(own.as_str(), (n * 1_000..(n + 1) * 1_000).map(id));
            std::iter::once(subscribed()).chain((0..40).map(ihave)).collect()
        }),
        ("IWANT of 40,000 messages that are none", {
            let iwant = |n: u64| Rpc::default().iwant((n * 1_000..(n + 1) * 1_000).map(id));
            std::iter::once(subscribed()).chain((0..40).map(iwant)).collect()
        }),
        ("10,000 subscriptions to topics that are none", {
            let some = |n: u32| (0..500).fold(Rpc::default(), |rpc, m| rpc.subscribe(&format!("/x/{n}/{m}")));
            (0..20).map(some).collect()
        }),
    ];
    for (seed, (what, rpcs)) in (100..).zip(attacks) {
        let attacker = Attacker::start(seed, target.address(), Way::Hello("evil")).await;
        assert!(!attacker.is_closed(), "{what}: not admitted");
        let before = resident_kib();
        for rpc in &rpcs {
            attacker.say(rpc).await;
        }
        let delivery = Delivery::of(10, &origin, &[&target], &format!("attack-{seed}")).await;
        let peers = target.mesh().peers().await.unwrap();
        let score = peers.iter().find(|peer| peer.peer == attacker.peer.to_base58()).and_then(|p| p.score);
        println!(
            "{what}: score {score:?}, {}; {}; memory {} KiB more",
            if attacker.is_closed() { "closed" } else { "open" },
            delivery.shown(),
            resident_kib().saturating_sub(before),
        );
        assert!(target.admitted(&origin).await && origin.admitted(&target).await);
    }
}
