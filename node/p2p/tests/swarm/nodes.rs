//! Many whole nodes in one process, each of a domain of its own with its own durable store, in a mesh
//! around one that issues.

use crate::links::{Link, Quality};
use crate::world::{self, node_peer_id};
use did_resolver::codec::sha256;
use did_resolver::did::Did;
use futures::future::BoxFuture;
use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use marque_flows::ports::mesh::{Intake, Mesh};
use marque_flows::ports::records::{Expect, Records, Row, StoreError, Stored, Table, Write};
use marque_p2p::{Config, Metrics, Running, peer_id, spawn};
use marque_rules::issuance::MemberKind;
use marque_rules::lifecycle::Act;
use marque_rules::replica::{Item, Scid};
use marque_store::{Options, Store};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;
use vc_schemas::facts::ListKey;
use vc_schemas::status::Purpose;

/// For what is going to happen, on a machine that is busy with something else. No claim about speed.
const PATIENCE: Duration = Duration::from_secs(120);

/// Who issues.
pub(crate) const ISSUER: usize = 0;

/// A store that notes when what is revoked on a list has become durable: by the list, or by what changed
/// on it.
#[derive(Debug)]
struct Noted {
    store: Store,
    lists: Mutex<Vec<(Vec<u8>, Instant)>>,
}

impl Records for Noted {
    fn get<'a>(&'a self, table: Table, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        self.store.get(table, key)
    }

    fn scan<'a>(
        &'a self,
        table: Table,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        self.store.scan(table, prefix, after, limit)
    }

    fn commit(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<(), StoreError>> {
        let lists = batch.iter().filter(|write| matches!(write.table, Table::Lists | Table::RevokedEver));
        let lists: Vec<_> = lists.map(|write| write.key.clone()).collect();
        Box::pin(async move {
            self.store.commit(batch).await?;
            let now = Instant::now();
            self.lists.lock().unwrap().extend(lists.into_iter().map(|key| (key, now)));
            Ok(())
        })
    }
}

/// One node.
pub(crate) struct Member {
    label: String,
    pub(crate) node: world::Node,
    noted: Arc<Noted>,
    running: Option<(Running, oneshot::Sender<()>)>,
    registry: Registry,
    _folder: tempfile::TempDir,
}

impl Member {
    pub(crate) async fn new(number: usize) -> Self {
        let label = format!("n{number}.test");
        let folder = tempfile::tempdir().unwrap();
        let store =
            Store::open(folder.path(), Options { cache_bytes: 4 << 20, ..Options::default() }).unwrap();
        let noted = Arc::new(Noted { store, lists: Mutex::default() });
        let node = world::Node::with(&label, &label, Arc::default(), Arc::clone(&noted) as _).await;
        Self { label, node, noted, running: None, registry: Registry::default(), _folder: folder }
    }

    fn scid(&self) -> Scid {
        Scid::of(&self.node.domain.home.did).unwrap()
    }

    /// Its DID.
    pub(crate) fn did(&self) -> Did {
        self.node.domain.home.did.clone()
    }

    /// Lets the nodes of these domains into the mesh, as joining by token would have left it.
    pub(crate) async fn knows(&self, others: impl IntoIterator<Item = &Did>) {
        let row = |did: &Did| {
            let key = Scid::of(did).unwrap().as_str().as_bytes().to_vec();
            let record = serde_json::json!({"did": did.as_str(), "joined": true, "addresses": []});
            let value = Some(record.to_string().into_bytes());
            Write { table: Table::Peers, key, value, expect: Expect::Any }
        };
        self.noted.commit(others.into_iter().map(row).collect()).await.unwrap();
    }

    /// Starts it.
    pub(crate) async fn up(&mut self, peers: Vec<String>, sync_period_ms: u64) {
        let secret = sha256(format!("{}/node", self.label).as_bytes());
        let config = Config {
            secret,
            listen: vec!["/ip4/127.0.0.1/tcp/0".to_owned()],
            // Nowhere: who was met over a link is not to be dialled beside it.
            external: vec!["/ip4/127.0.0.1/tcp/1".to_owned()],
            peers,
            shared_networks: vec!["127.0.0.0/8".parse().unwrap()],
            relay: true,
            mdns: false,
            hints: true,
            sync_period_ms,
            seed: u64::from_le_bytes(secret[..8].try_into().unwrap()),
        };
        assert_eq!(peer_id(secret), node_peer_id(&self.label));
        let (stop, stopped) = oneshot::channel();
        let (intake, clock) = (Arc::new(self.node.intake.clone()), self.node.hands.clone());
        let shutdown = async move { drop(stopped.await) };
        let metrics = Metrics::register(&mut self.registry);
        let running = spawn(config, intake, clock, metrics, shutdown).await.unwrap();
        self.node.domain.join_mesh(Arc::new(running.handle.clone()));
        self.running = Some((running, stop));
    }

    fn mesh(&self) -> &dyn Mesh {
        &self.running.as_ref().unwrap().0.handle
    }

    pub(crate) fn listening(&self) -> SocketAddr {
        let address: Multiaddr = self.running.as_ref().unwrap().0.listening[0].parse().unwrap();
        let mut parts = address.iter();
        let (Some(Protocol::Ip4(ip)), Some(Protocol::Tcp(port))) = (parts.next(), parts.next()) else {
            panic!("{address}")
        };
        SocketAddr::from((ip, port))
    }

    /// How many peers are admitted.
    pub(crate) async fn admitted(&self) -> usize {
        self.mesh().peers().await.unwrap().iter().filter(|peer| peer.domain.is_some()).count()
    }

    /// When a list first became durable here again, from an instant on.
    fn held(&self, list: &str, from: Instant) -> Option<Instant> {
        let lists = self.noted.lists.lock().unwrap();
        lists.iter().find(|(key, at)| key.ends_with(list.as_bytes()) && *at >= from).map(|(_, at)| *at)
    }
}

/// The nodes, and the links between them.
pub(crate) struct Swarm {
    members: Vec<Member>,
    pub(crate) links: Vec<Link>,
    quality: Option<Quality>,
    period_ms: u64,
    revoked: u32,
}

impl Swarm {
    /// So many nodes that are all connected, over links of this quality or else by loopback alone. Each
    /// recognises the issuer and lets every other one in.
    pub(crate) async fn start(count: usize, quality: Option<Quality>, period_ms: u64) -> Self {
        let mut swarm = Self { members: Vec::new(), links: Vec::new(), quality, period_ms, revoked: 0 };
        for number in 0..count {
            swarm.members.push(Member::new(number).await);
        }
        swarm.introduce().await;
        for number in 0..count {
            let dialled = Self::dialled_by(number).collect::<Vec<_>>();
            swarm.connect(number, &dialled).await;
        }
        for number in 0..count {
            let expected = swarm.neighbours(number).len();
            until(async || swarm.members[number].admitted().await >= expected).await;
        }
        swarm.settled().await;
        swarm
    }

    async fn introduce(&self) {
        let dids: Vec<Did> = self.members.iter().map(Member::did).collect();
        for (number, member) in self.members.iter().enumerate() {
            let others = dids.iter().enumerate().filter(|(other, _)| *other != number);
            member.knows(others.map(|(_, did)| did)).await;
            if number != ISSUER {
                member.node.trusts(&self.members[ISSUER].node, &[]).await;
            }
        }
    }

    /// Those before it at distances that double: few links each, and few hops between any two.
    fn dialled_by(number: usize) -> impl Iterator<Item = usize> {
        (0..usize::BITS).map_while(move |power| number.checked_sub(1 << power))
    }

    async fn connect(&mut self, number: usize, dialled: &[usize]) {
        let mut peers = Vec::new();
        for other in dialled {
            let mut address = self.members[*other].listening();
            // Without a quality a link only says who is connected.
            let link = Link::open(number, *other, address, self.quality.unwrap_or(Quality::PERFECT)).await;
            if self.quality.is_some() {
                address = link.address;
            }
            self.links.push(link);
            peers.push(format!("/ip4/{}/tcp/{}", address.ip(), address.port()));
        }
        self.members[number].up(peers, self.period_ms).await;
    }

    fn neighbours(&self, number: usize) -> BTreeSet<usize> {
        let ends = self.links.iter().map(|link| (link.from, link.to));
        ends.filter_map(|(from, to)| match number {
            n if n == from => Some(to),
            n if n == to => Some(from),
            _ => None,
        })
        .collect()
    }

    /// How many links there are from the issuer to each other node at least.
    pub(crate) fn hops(&self) -> Vec<usize> {
        let mut hops = vec![usize::MAX; self.members.len()];
        hops[ISSUER] = 0;
        let mut next = VecDeque::from([ISSUER]);
        while let Some(number) = next.pop_front() {
            for other in self.neighbours(number) {
                if hops[other] == usize::MAX {
                    hops[other] = hops[number] + 1;
                    next.push_back(other);
                }
            }
        }
        hops.remove(ISSUER);
        hops
    }

    /// Waits until every node holds what the issuer does.
    pub(crate) async fn settled(&self) {
        self.agree(0..self.members.len()).await;
    }

    /// Waits until these nodes hold what the issuer does.
    pub(crate) async fn agree(&self, numbers: impl IntoIterator<Item = usize>) {
        for number in numbers {
            until(async || self.items(number).await == self.items(ISSUER).await).await;
        }
    }

    /// What a node holds of the issuer's domain.
    pub(crate) async fn items(&self, number: usize) -> BTreeSet<Item> {
        let issuer = self.members[ISSUER].scid();
        self.members[number].node.intake.items(issuer).await.unwrap().into_iter().collect()
    }

    /// How many pulls a node has begun: in a round of two peers, two for each, since it replicates two domains.
    pub(crate) fn pulls(&self, number: usize) -> usize {
        let mut text = String::new();
        encode(&mut text, &self.members[number].registry).unwrap();
        let of = |line: &&str| line.starts_with("sync_rounds_total");
        text.lines().filter(of).map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()).sum()
    }

    /// Of how many pulls the exchanges on connecting and two rounds of anti-entropy consist.
    pub(crate) fn two_rounds(&self, number: usize) -> usize {
        2 * self.neighbours(number).len() + 2 * 4
    }

    /// The issuer registers somebody.
    pub(crate) async fn register(&mut self) -> String {
        let name = format!("owner-{}", self.revoked);
        self.revoked += 1;
        self.members[ISSUER].node.owner(&name).await;
        name
    }

    /// Revokes somebody, and answers with how long it took from being durable at the issuer to being
    /// durable at each of these nodes.
    pub(crate) async fn revoke(&self, name: &str, at: &[usize]) -> Vec<Duration> {
        let (issuer, url) = (&self.members[ISSUER], self.revocations());
        let before = Instant::now();
        issuer.node.domain.act_on_member(MemberKind::Owner, name, Act::Revoke).await.unwrap();
        let acknowledged = issuer.held(&url.url, before).unwrap();
        let mut took = Vec::new();
        for number in at {
            let member = &self.members[*number];
            until(async || member.held(&url.url, before).is_some()).await;
            let held = member.held(&url.url, before).unwrap();
            took.push(held.saturating_duration_since(acknowledged));
        }
        took
    }

    fn revocations(&self) -> ListKey {
        let home = &self.members[ISSUER].node.domain.home;
        ListKey { issuer: home.did.clone(), url: home.list_url(Purpose::Revocation) }
    }

    /// How many indices are revoked, as a verification at a node has it.
    pub(crate) async fn served(&self, number: usize) -> u32 {
        let fact = self.members[number].node.domain.held_list(&self.revocations()).await.unwrap();
        fact.and_then(|fact| fact.revoked_ever).map_or(0, |ever| ever.count_set())
    }

    /// One more node, which comes late and dials these.
    pub(crate) async fn join(&mut self, dialled: &[usize]) -> usize {
        let number = self.members.len();
        self.members.push(Member::new(number).await);
        self.introduce().await;
        for member in &self.members[..number] {
            member.mesh().domains_changed();
        }
        self.connect(number, dialled).await;
        number
    }

    /// Bytes that went over all links.
    pub(crate) fn passed(&self) -> u64 {
        self.links.iter().map(Link::passed).sum()
    }

    /// Cuts every link between these nodes and the others.
    pub(crate) fn cut(&self, numbers: &[usize]) {
        let apart = |link: &&Link| numbers.contains(&link.from) != numbers.contains(&link.to);
        self.links.iter().filter(apart).for_each(Link::cut);
    }

    pub(crate) fn heal(&self) {
        self.links.iter().for_each(Link::heal);
    }

    /// Stops every node.
    pub(crate) async fn stop(mut self) {
        for (running, stop) in self.members.iter_mut().filter_map(|member| member.running.take()) {
            let _ = stop.send(());
            running.task.await.unwrap();
        }
    }
}

impl Quality {
    pub(crate) const PERFECT: Self = Self { delay: Duration::ZERO, one_lost_of: 0 };
}

/// Asks again and again until it is so.
pub(crate) async fn until(mut so: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    let mut pause = tokio::time::interval(Duration::from_millis(2));
    while !so().await {
        assert!(Instant::now() < end, "it never came true");
        pause.tick().await;
    }
}

/// The value below which so much of all lies, in percent.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent).div_ceil(100).saturating_sub(1)]
}
