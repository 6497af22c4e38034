//! The node's own intake behind real swarms: what hello and envelopes really say is decided on
//! (MESH.md D1, D4, D12).

use crate::outsider::Outsider;
use crate::world::{self, node_peer_id};
use crate::{NEVER_MS, in_time};
use did_resolver::codec::sha256;
use did_resolver::did::Did;
use libp2p::gossipsub;
use marque_flows::ports::mesh::{Intake, Knock, Mesh, Publication};
use marque_p2p::{Config, Metrics, Running, peer_id, spawn};
use marque_rules::issuance::MemberKind;
use marque_rules::lifecycle::Act;
use marque_rules::replica::{
    Envelope, Hello, HelloAnswer, Item, Lane, Refusal, Request, Response, Scid, Topic,
};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use vc_schemas::status::Purpose;

/// The secret key of the node of a domain, as `world` makes it.
pub(crate) fn secret(label: &str) -> [u8; 32] {
    sha256(format!("{label}/node").as_bytes())
}

pub(crate) struct Real {
    pub(crate) node: world::Node,
    pub(crate) running: Running,
    registry: Registry,
    _stop: oneshot::Sender<()>,
}

impl Real {
    pub(crate) async fn start(label: &str, node: world::Node, peers: &[&str]) -> Self {
        Self::every(NEVER_MS, label, node, peers).await
    }

    /// With this period of anti-entropy.
    pub(crate) async fn every(sync_period_ms: u64, label: &str, node: world::Node, peers: &[&str]) -> Self {
        let config = Config {
            secret: secret(label),
            listen: vec!["/ip4/127.0.0.1/tcp/0".to_owned()],
            external: Vec::new(),
            peers: peers.iter().map(|p| (*p).to_owned()).collect(),
            shared_networks: vec!["127.0.0.0/8".parse().unwrap()],
            relay: true,
            mdns: false,
            hints: true,
            sync_period_ms,
            seed: 1,
        };
        assert_eq!(peer_id(config.secret), node_peer_id(label));
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let (stop, stopped) = oneshot::channel();
        let (intake, clock) = (Arc::new(node.intake.clone()), node.hands.clone());
        let running =
            spawn(config, intake, clock, metrics, async move { drop(stopped.await) }).await.unwrap();
        node.domain.join_mesh(Arc::new(running.handle.clone()));
        Self { node, running, registry, _stop: stop }
    }

    pub(crate) fn address(&self) -> &str {
        &self.running.listening[0]
    }

    /// What `/metrics` would show of a counter with these labels, in any order.
    pub(crate) fn counted(&self, name: &str, labels: &[&str]) -> u64 {
        let mut text = String::new();
        encode(&mut text, &self.registry).unwrap();
        let of_it =
            text.lines().filter(|l| l.starts_with(name) && labels.iter().all(|label| l.contains(label)));
        of_it.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// Publishes an envelope, whatever it is, and waits until it has come to be `so`.
    async fn says(&self, envelope: &Envelope, so: impl Fn() -> bool) {
        let held = vec![Item {
            kind: envelope.body().kind.item_kind(),
            subject: envelope.body().subject.clone(),
            seq: u64::MAX,
            digest: [0; 32],
        }];
        let publication = Publication { envelope: envelope.clone(), held, lane: Lane::Status };
        self.running.handle.publish(publication).await.unwrap();
        crate::eventually!(so());
    }

    /// Says something until `other` hears it. Streams are up then: what is said before that is lost.
    async fn is_heard_by(&self, other: &Self) {
        let mut pause = tokio::time::interval(Duration::from_millis(50));
        for n in 0.. {
            if other.counted("gossip_received_total", &[]) > 0 {
                break;
            }
            assert!(n < 600, "nothing was heard");
            self.node.owner(&format!("owner-{n}")).await;
            pause.tick().await;
        }
    }

    /// Why it does not admit whoever shows again what the node of "bravo.test" showed.
    async fn refuses(&self, hello: &[u8]) -> Refusal {
        let (peer, hello) = (node_peer_id("bravo.test"), Hello::decode(hello).unwrap());
        self.node.intake.admit(Knock { peer, hello, joining: None }).await.unwrap_err()
    }

    pub(crate) async fn admitted(&self) -> bool {
        self.running.handle.peers().await.unwrap().iter().any(|p| p.domain.is_some())
    }
}

pub(crate) async fn hello(node: &world::Node) -> Vec<u8> {
    let standing = node.intake.standing().await.unwrap();
    let hello = Hello {
        membership: standing.membership,
        domain: standing.domain,
        domain_log: standing.domain_log,
        domain_witness: standing.domain_witness,
        join_secret: None,
        addresses: Vec::new(),
    };
    hello.encode()
}

/// The revocation list of a node's domain, in its envelope.
async fn revocations(node: &world::Node) -> Envelope {
    let own = Scid::of(&node.domain.home.did).unwrap();
    let url = node.domain.home.list_url(Purpose::Revocation);
    let items = node.intake.items(own.clone()).await.unwrap();
    let ids = items.iter().filter(|item| item.subject == url).map(Item::id).collect();
    match node.intake.lookup(Request::Objects { domain: own, ids }).await {
        Response::Objects(objects) => Envelope::decode(&objects[0].1).unwrap(),
        other => panic!("{other:?}"),
    }
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_shows_the_membership_of_another_peer_id_gets_no_topic_traffic() {
    let (alpha, bravo) = (world::Node::new("alpha.test").await, world::Node::new("bravo.test").await);
    alpha.trusts(&bravo, &[]).await;
    bravo.trusts(&alpha, &[]).await;
    let stolen = hello(&bravo).await;
    let topic = Topic::new(&Scid::of(&alpha.domain.home.did).unwrap(), Lane::Did);
    let alpha = Real::start("alpha.test", alpha, &[]).await;

    let mut thief = Outsider::new(9);
    thief.subscribe(topic.as_str());
    let peer = in_time(thief.connect(alpha.address())).await;
    let answer = in_time(thief.greet(peer, stolen)).await;
    assert_eq!(HelloAnswer::decode(&answer), Ok(HelloAnswer::Refused(Refusal::BadMembership)));
    assert_eq!(alpha.counted("hello_refused_total", &["reason=\"bad-membership\""]), 1);

    // Bravo itself is admitted, and hears what alpha says meanwhile.
    let bravo = Real::start("bravo.test", bravo, &[alpha.address()]).await;
    crate::eventually!(alpha.admitted().await && bravo.admitted().await);
    for n in 0.. {
        alpha.node.owner(&format!("owner-{n}")).await;
        let _ = tokio::time::timeout(Duration::from_millis(50), thief.next(|_| None::<()>)).await;
        if bravo.counted("gossip_validate_total", &["result=\"accept\""]) > 2 {
            break;
        }
        assert!(n < 600, "bravo heard nothing");
    }
    let heard = |event: &gossipsub::Event| !matches!(event, gossipsub::Event::GossipsubNotSupported { .. });
    assert!(!thief.heard.iter().any(heard), "{:?}", thief.heard);
    let digest = Request::Digest { domain: Scid::of(&alpha.node.domain.home.did).unwrap(), root: None };
    let answer = in_time(thief.ask(peer, digest.encode())).await;
    assert_eq!(Response::decode(&answer), Ok(Response::Refused(Refusal::NotAdmitted)));
}

// R-342 R-225
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_a_replayed_and_a_reordered_envelope_are_dropped_and_counted() {
    let (alpha, bravo) = (world::Node::new("alpha.test").await, world::Node::new("bravo.test").await);
    alpha.trusts(&bravo, &[]).await;
    bravo.trusts(&alpha, &[]).await;
    let first = revocations(&bravo).await;
    bravo.owner("alice").await;
    bravo.domain.act_on_member(MemberKind::Owner, "alice", Act::Revoke).await.unwrap();
    let second = revocations(&bravo).await;
    let (url, issuer) = (second.body().subject.clone(), bravo.domain.home.did.clone());
    // What nobody has yet, and with a signature that fails.
    let later = world::Node::new("bravo.test").await;
    for name in ["anna", "arno"] {
        later.owner(name).await;
        later.domain.act_on_member(MemberKind::Owner, name, Act::Revoke).await.unwrap();
    }
    let mut forged = revocations(&later).await.bytes().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let forged = Envelope::decode(&forged).unwrap();

    let alpha = Real::start("alpha.test", alpha, &[]).await;
    let bravo = Real::start("bravo.test", bravo, &[alpha.address()]).await;
    crate::eventually!(alpha.admitted().await && bravo.admitted().await);
    let validated = |labels: &[&str]| alpha.counted("gossip_validate_total", labels);
    bravo.is_heard_by(&alpha).await;
    // On connect, alpha pulls the newest. Only then: what `says` claims to hold nobody could pull.
    let key = vc_schemas::facts::ListKey { issuer, url };
    crate::eventually!(alpha.node.domain.held_list(&key).await.unwrap().is_some());
    bravo.says(&forged, || validated(&["result=\"reject\"", "reason=\"bad-signature\""]) > 0).await;
    // The same again is a replay, and the one before is late.
    bravo.says(&second, || validated(&["result=\"ignore\"", "reason=\"known\""]) > 0).await;
    bravo.says(&first, || validated(&["result=\"ignore\"", "reason=\"older\""]) > 0).await;
    assert_eq!(validated(&["kind=\"status-list\"", "result=\"accept\""]), 0);
    assert!(alpha.counted("gossip_received_total", &[]) >= 3);
    let held = alpha.node.domain.held_list(&key).await.unwrap().unwrap();
    assert_eq!(held.list.sequence, second.body().seq);
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_that_came_by_itself_is_not_asked_for_anything() {
    let alpha = Real::start("alpha.test", world::Node::new("alpha.test").await, &[]).await;
    let stranger = world::Node::new("charlie.test").await;
    let mut outsider = Outsider::new(9);
    in_time(outsider.connect(alpha.address())).await;
    crate::eventually!(alpha.running.handle.peers().await.unwrap().len() == 1);
    let resolving = alpha.running.handle.resolve(stranger.domain.home.did.clone(), Duration::from_secs(20));
    tokio::select! {
        asked = resolving => assert_eq!(asked.unwrap().answers, 0),
        () = outsider.asked() => panic!("the stranger was asked"),
    }
}

// R-150 R-170
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_reaches_another_node_as_a_change_and_a_late_one_as_the_whole_list() {
    let (alpha, bravo) = (world::Node::new("alpha.test").await, world::Node::new("bravo.test").await);
    let charlie = world::Node::new("charlie.test").await;
    for (one, other) in [(&alpha, &bravo), (&bravo, &alpha), (&charlie, &bravo), (&bravo, &charlie)] {
        one.trusts(other, &[]).await;
    }
    bravo.owner("alice").await;
    let url = bravo.domain.home.list_url(Purpose::Revocation);
    let key = vc_schemas::facts::ListKey { issuer: bravo.domain.home.did.clone(), url };
    let alpha = Real::start("alpha.test", alpha, &[]).await;
    let bravo = Real::start("bravo.test", bravo, &[alpha.address()]).await;
    crate::eventually!(alpha.admitted().await && bravo.admitted().await);
    bravo.is_heard_by(&alpha).await;
    let held = async |at: &Real| at.node.domain.held_list(&key).await.unwrap();
    crate::eventually!(held(&alpha).await.is_some());
    let before = held(&alpha).await.unwrap().list.sequence;

    bravo.node.domain.act_on_member(MemberKind::Owner, "alice", Act::Revoke).await.unwrap();
    let index = bravo.node.domain.member(MemberKind::Owner, "alice").await.unwrap().index;
    let ever = async || held(&alpha).await.and_then(|fact| fact.revoked_ever);
    crate::eventually!(ever().await.is_some_and(|bits| bits.get(index) == Some(true)));
    let accepted = ["kind=\"status-delta\"", "result=\"accept\""];
    crate::eventually!(alpha.counted("gossip_validate_total", &accepted) == 1);
    // It is the change that made it so: nobody pulls here, and the list is as old as it was.
    assert_eq!(held(&alpha).await.unwrap().list.sequence, before);

    let charlie = Real::start("charlie.test", charlie, &[bravo.address()]).await;
    crate::eventually!(held(&charlie).await.is_some_and(|fact| fact.list.bits.get(index) == Some(true)));
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_says_two_things_is_on_record_and_neither_banned_nor_charged() {
    let (alpha, bravo) = (world::Node::new("alpha.test").await, world::Node::new("bravo.test").await);
    alpha.trusts(&bravo, &[]).await;
    bravo.trusts(&alpha, &[]).await;
    bravo.owner("alice").await;
    bravo.domain.act_on_member(MemberKind::Owner, "alice", Act::Revoke).await.unwrap();
    let one = revocations(&bravo).await;
    // The same keys, and another index revoked under the same number.
    let other = world::Node::new("bravo.test").await;
    for name in ["anna", "arno"] {
        other.owner(name).await;
    }
    other.domain.act_on_member(MemberKind::Owner, "arno", Act::Revoke).await.unwrap();
    let two = revocations(&other).await;
    assert_eq!((one.body().seq, &one.body().subject), (two.body().seq, &two.body().subject));
    assert_ne!(one.body().payload, two.body().payload);

    let alpha = Real::start("alpha.test", alpha, &[]).await;
    let bravo = Real::start("bravo.test", bravo, &[alpha.address()]).await;
    crate::eventually!(alpha.admitted().await && bravo.admitted().await);
    let (issuer, url) = (bravo.node.domain.home.did.clone(), one.body().subject.clone());
    let key = vc_schemas::facts::ListKey { issuer, url };
    crate::eventually!(alpha.node.domain.held_list(&key).await.unwrap().is_some());
    let validated = |labels: &[&str]| alpha.counted("gossip_validate_total", labels);
    let began = std::time::Instant::now();
    // What is said before the streams are up is lost.
    for n in 0.. {
        // It is passed on, so that others know of both, and counted as what it is.
        let equivocates = || validated(&["result=\"accept\"", "reason=\"equivocation\""]) > 0;
        if tokio::time::timeout(Duration::from_millis(200), bravo.says(&two, equivocates)).await.is_ok() {
            break;
        }
        assert!(n < 600, "alpha heard nothing");
    }
    let noticed = began.elapsed();
    // It goes on to be heard, a little.
    let logs = || validated(&["kind=\"log\"", "result=\"accept\""]);
    let before = logs();
    bravo.node.owner("bert").await;
    crate::eventually!(logs() > before);
    let peers = alpha.running.handle.peers().await.unwrap();
    let [peer] = &peers[..] else { panic!("{peers:?}") };
    println!("an issuer that equivocates: on record after {noticed:?}, score {:?}, admitted", peer.score);
    assert!(peer.domain.is_some() && peer.score >= Some(0), "{peer:?}");
    assert!(alpha.node.domain.bans().await.unwrap().is_empty());
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_domain_ends_its_memberships_its_nodes_come_in_again_by_new_ones() {
    let (alpha, bravo) = (world::Node::new("alpha.test").await, world::Node::new("bravo.test").await);
    alpha.trusts(&bravo, &[]).await;
    bravo.trusts(&alpha, &[]).await;
    let stolen = hello(&bravo).await;
    for node in [&alpha, &bravo] {
        node.pass(5);
    }
    let alpha = Real::start("alpha.test", alpha, &[]).await;
    let bravo = Real::start("bravo.test", bravo, &[alpha.address()]).await;
    crate::eventually!(alpha.admitted().await && bravo.admitted().await);
    bravo.is_heard_by(&alpha).await;
    bravo.node.domain.revoke_memberships().await.unwrap();
    let accepted = ["kind=\"membership\"", "result=\"accept\""];
    crate::eventually!(alpha.counted("gossip_validate_total", &accepted) == 1);
    crate::eventually!(alpha.counted("peers_dropped_total", &["membership-expired"]) >= 1);
    crate::eventually!(alpha.admitted().await && bravo.admitted().await);
    // What was shown before admits nobody, whoever has it.
    assert_eq!(alpha.refuses(&stolen).await, Refusal::MembershipExpired);
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_whose_membership_is_revoked_is_put_out_and_comes_in_again_by_a_new_one_only() {
    let (alpha, bravo) = (world::Node::new("alpha.test").await, world::Node::new("bravo.test").await);
    alpha.trusts(&bravo, &[]).await;
    bravo.trusts(&alpha, &[]).await;
    let stolen = hello(&bravo).await;
    let alpha = Real::start("alpha.test", alpha, &[]).await;
    let bravo = Real::start("bravo.test", bravo, &[alpha.address()]).await;
    crate::eventually!(alpha.admitted().await && bravo.admitted().await);
    bravo.is_heard_by(&alpha).await;
    let url = bravo.node.domain.home.list_url(Purpose::Revocation);
    let key = vc_schemas::facts::ListKey { issuer: bravo.node.domain.home.did.clone(), url };
    crate::eventually!(alpha.node.domain.held_list(&key).await.unwrap().is_some());
    let all = bravo.node.domain.credentials().await.unwrap();
    let of_nodes = all.iter().filter(|record| record["type"] == "NodeMembershipCredential");
    for record in of_nodes {
        let id = record["id"].as_str().unwrap();
        bravo.node.domain.act_on_credential(id, Act::Revoke).await.unwrap();
    }
    crate::eventually!(alpha.counted("peers_dropped_total", &["bad-membership"]) >= 1);
    crate::eventually!(alpha.admitted().await && bravo.admitted().await);
    assert_eq!(alpha.refuses(&stolen).await, Refusal::BadMembership);
}

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_did_of_a_domain_that_is_not_followed_is_resolved_through_a_member_that_a_hint_names() {
    let node = world::Node::new;
    let (alpha, bravo) = (node("alpha.test").await, node("bravo.test").await);
    let (charlie, delta) = (node("charlie.test").await, node("delta.test").await);
    for (one, other) in [(&alpha, &bravo), (&alpha, &charlie), (&bravo, &charlie), (&charlie, &delta)] {
        one.trusts(other, &[]).await;
        other.trusts(one, &[]).await;
    }
    let wanted = delta.owner("wanda").await.log.did().clone();
    let other = delta.owner("oscar").await.log.did().clone();
    let delta = Real::start("delta.test", delta, &[]).await;
    let charlie = Real::start("charlie.test", charlie, &[delta.address()]).await;
    let holds = async |of: &Real, did: &Did| !of.node.domain.held_log(did).await.unwrap().branches.is_empty();
    crate::eventually!(holds(&charlie, &wanted).await);
    // Bravo follows charlie and not delta, alpha follows both and is connected to bravo alone.
    let bravo = Real::start("bravo.test", bravo, &[charlie.address()]).await;
    let alpha = Real::start("alpha.test", alpha, &[bravo.address()]).await;
    crate::eventually!(alpha.admitted().await);
    let within = Duration::from_secs(20);
    crate::eventually!({
        let asked = alpha.running.handle.resolve(wanted.clone(), within).await.unwrap();
        asked.stored && asked.domains == 1
    });
    assert!(holds(&alpha, &wanted).await);
    assert!(!holds(&bravo, &wanted).await, "who gave the hint holds no log");
    assert!(!holds(&alpha, &other).await, "nothing but what was looked for");
    let peers = alpha.running.handle.peers().await.unwrap();
    let of_charlie = Scid::of(&charlie.node.domain.home.did);
    assert!(peers.iter().any(|peer| peer.domain == of_charlie && peer.outbound));
}

/// Often enough that what a peer says next is heard soon.
const SOON_MS: u64 = 200;

//
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_knows_who_does_not_let_it_in_and_why_until_it_is_let_in() {
    let node = world::Node::new;
    let (alpha, bravo, charlie) =
        (node("alpha.test").await, node("bravo.test").await, node("charlie.test").await);
    alpha.trusts(&bravo, &[]).await;
    let alpha = Real::every(SOON_MS, "alpha.test", alpha, &[]).await;
    let bravo = Real::every(SOON_MS, "bravo.test", bravo, &[alpha.address()]).await;
    let charlie = Real::every(SOON_MS, "charlie.test", charlie, &[alpha.address()]).await;
    let refusals = async |real: &Real| {
        let peers = real.running.handle.peers().await.unwrap();
        peers.into_iter().filter_map(|info| Some((info.peer, info.refuses?))).collect::<Vec<_>>()
    };
    // Charlie greeted, and was refused. Bravo greeted, was let in, and refused what answered it: of that alpha hears
    // when it asks bravo.
    let by = |label, reason| vec![(node_peer_id(label), reason)];
    crate::eventually!(refusals(&charlie).await == by("alpha.test", Refusal::UnknownDomain));
    crate::eventually!(refusals(&alpha).await == by("bravo.test", Refusal::NotAdmitted));
    assert_eq!(refusals(&bravo).await, []);
    // A refusal says nothing of what a peer holds, however often.
    let said = async || {
        let peers = alpha.running.handle.peers().await.unwrap().into_iter();
        let bravo = node_peer_id("bravo.test");
        peers.filter(|info| info.peer == bravo).map(|info| (info.synced, info.compared)).collect::<Vec<_>>()
    };
    assert_eq!(said().await, [(None, None)]);

    bravo.node.trusts(&alpha.node, &[]).await;
    crate::eventually!(refusals(&alpha).await.is_empty() && bravo.admitted().await);
    crate::eventually!(matches!(said().await[..], [(Some(_), Some(_))]));
    assert_eq!(refusals(&charlie).await, by("alpha.test", Refusal::UnknownDomain));
}
