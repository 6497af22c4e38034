//! What anybody may read, in a bucket: `tests/object-store/run` says what starts a store. It has what it has in memory, so
//! that one that is killed and started again is empty.

use crate::authority::Authority;
use crate::process::{Domain, PATIENCE};
use crate::published::{TTL, is_seen_without_a_node, until};
use crate::resolver::{Reply, ask};
use crate::web::Site;
use data_encoding::BASE64;
use did_resolver::codec;
use did_resolver::webvh::Log;
use marque::signing;
use marque_bucket::{Bucket, Credentials, Deleted, Keys, Options, Place, Put, Tag};
use rcgen::CertificateParams;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const BUCKET: &str = "acme-public";

/// What names in it begin with.
const PREFIX: &str = "a/b";

/// The key that counts there, as tests/object-store/server.py has it.
const SECRET: &str = "a secret/of+the=store";

/// A store with an empty bucket.
pub(crate) struct Store {
    address: SocketAddr,
    tls: Vec<PathBuf>,
    child: Option<Child>,
}

impl Store {
    /// `None` where nobody said what starts one.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(Vec::new(), &[])
    }

    /// Writes overtake each other.
    #[cfg(feature = "postgres")]
    pub(crate) fn slow() -> Option<Self> {
        Self::start_with(Vec::new(), &[("SLOW", "1")])
    }

    /// With a certificate and its key, and variables.
    fn start_with(tls: Vec<PathBuf>, variables: &[(&str, &str)]) -> Option<Self> {
        if std::env::var_os("MARQUE_OBJECT_STORE").is_none() {
            assert!(
                std::env::var_os("CI").is_none(),
                "MARQUE_OBJECT_STORE is not set: tests/object-store/run sets it"
            );
            println!(
                "SKIPPED: MARQUE_OBJECT_STORE is not set; `tests/object-store/run cargo test ...` sets it"
            );
            return None;
        }
        let address = SocketAddr::from(([127, 0, 0, 1], crate::process::port()));
        let mut store = Self { address, tls, child: None };
        store.begin(variables);
        Some(store)
    }

    fn begin(&mut self, variables: &[(&str, &str)]) {
        let command = std::env::var("MARQUE_OBJECT_STORE").unwrap();
        let mut words = command.split(' ');
        let mut child = Command::new(words.next().unwrap())
            .args(words)
            .args([&self.address.port().to_string(), BUCKET])
            .args(&self.tls)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "ready\n");
        self.child = Some(child);
    }

    fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn url(&self) -> String {
        let scheme = if self.tls.is_empty() { "http" } else { "https" };
        format!("{scheme}://{}/{BUCKET}/{PREFIX}", self.address)
    }

    fn get(&self, name: &str) -> Reply {
        ask(self.address, &format!("GET /{BUCKET}/{PREFIX}/{name}"), &[], "")
    }

    /// How many versions the log of this name has there.
    fn entries(&self, name: &str) -> usize {
        let reply = self.get(name);
        if reply.status != 200 {
            return 0;
        }
        Log::verify(reply.body.as_bytes(), signing::now()).unwrap().versions().count()
    }

    fn has(&self, agent: &str) -> bool {
        self.entries(&format!("agents/{agent}/did.jsonl")) > 0
    }

    /// The number of the list that is there.
    pub(crate) fn list(&self) -> Option<u64> {
        let reply = self.get("status/revocation");
        sequence(&reply.body).filter(|_| reply.status == 200)
    }

    /// What a node of the domain in `folder` is told: the keys in a file.
    pub(crate) fn variables(&self, folder: &Path) -> Vec<(&'static str, String)> {
        let path = folder.join("bucket");
        let mut file = std::fs::File::options();
        let mut file = file.write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
        let keys = format!("[default]\naws_access_key_id = marque-test\naws_secret_access_key = {SECRET}\n");
        std::io::Write::write_all(&mut file, keys.as_bytes()).unwrap();
        vec![
            ("MARQUE_PUBLISH__BUCKET", self.url()),
            ("MARQUE_PUBLISH__BUCKET_REGION", "eu-central-1".to_owned()),
            ("MARQUE_PUBLISH__BUCKET_CREDENTIALS", path.to_str().unwrap().to_owned()),
            ("MARQUE_STATUS__TTL_SECONDS", TTL.to_owned()),
        ]
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ended = child.kill();
            let _reaped = child.wait();
        }
    }
}

/// The number of a signed list.
fn sequence(body: &str) -> Option<u64> {
    let payload = codec::from_base64url(body.split('.').nth(1)?).ok()?;
    let json: Value = serde_json::from_slice(&payload).ok()?;
    [&json, &json["credentialSubject"]].iter().find_map(|json| json.get("sequence")?.as_u64())
}

fn up(domain: &mut Domain, variables: &[(&'static str, String)]) {
    domain.up_with(&variables.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>());
}

/// What the node itself says of the bucket: for how many seconds something is due, and why.
fn kept(domain: &Domain) -> (u64, String) {
    let token = std::fs::read_to_string(domain.data().join("admin.token")).unwrap();
    let authorization = format!("Bearer {}", token.trim());
    let admin = domain.about()["admin"].as_str().unwrap().parse().unwrap();
    let node = ask(admin, "GET /v1/node", &[("Authorization", &authorization)], "").json();
    let place = node["published"][0].clone();
    assert_eq!(place["place"], "bucket", "{node}");
    (place["behindSeconds"].as_u64().unwrap(), place["reason"].as_str().unwrap_or_default().to_owned())
}

fn behind(domain: &Domain) -> u64 {
    let health = domain.about()["health"].as_str().unwrap().parse().unwrap();
    let metrics = ask(health, "GET /metrics", &[], "").body;
    let mut lines = metrics.lines();
    let line = lines.find_map(|line| line.strip_prefix("marque_published_behind_seconds{place=\"bucket\"} "));
    line.unwrap().parse().unwrap()
}

/// What the doctor thinks of it.
fn told(domain: &Domain) -> String {
    let answer = domain.run(&["doctor"]);
    let found = answer.json["findings"].as_array().unwrap().clone();
    let one =
        found.iter().find(|one| one["about"] == "published").unwrap_or_else(|| panic!("{}", answer.json));
    one["level"].as_str().unwrap().to_owned()
}

fn with_agents(domain: &Domain, agents: &[&str]) {
    domain.done(&["owner", "create", "alice"]);
    with_agents_of_alice(domain, agents);
}

fn with_agents_of_alice(domain: &Domain, agents: &[&str]) {
    for agent in agents {
        domain.done(&["agent", "create", agent, "--owner", "alice", "--cap", "calendar:read"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verifier_that_has_only_the_bucket_sees_who_an_agent_is_and_that_it_is_revoked() {
    let Some(store) = Store::start() else { return };
    let mut bravo = Domain::init("bravo.test");
    let variables = store.variables(bravo.folder.path());
    up(&mut bravo, &variables);
    let authority = Authority::new();
    // The CDN.
    let origin = (store.address, format!("/{BUCKET}/{PREFIX}"));
    let site = Site::start_before(authority.acceptor(&["bravo.test"], false), origin).await;
    let store = std::sync::Arc::new(store);
    let there = store.clone();
    is_seen_without_a_node(bravo, variables, authority, site, move |agent| there.has(agent)).await;
    for (name, media_type, caching) in [
        (".well-known/did.jsonl", "text/jsonl", "no-cache"),
        ("agents/bot/did.jsonl", "text/jsonl", "no-cache"),
        ("agents/bot/did.json", "application/did+json", "no-cache"),
        ("status/revocation", "application/vc+jwt", "max-age=1"),
        ("status/aggregation", "application/json", "max-age=3600"),
    ] {
        let reply = store.get(name);
        let header = |name: &str| reply.headers.get(name).map_or("", String::as_str);
        assert_eq!(
            (reply.status, header("content-type"), header("cache-control")),
            (200, media_type, caching),
            "{name}"
        );
    }
}

#[test]
fn what_a_store_missed_and_what_it_lost_is_there_once_it_is_up_again() {
    let Some(mut store) = Store::start() else { return };
    let mut bravo = Domain::init("bravo.test");
    let variables = store.variables(bravo.folder.path());
    up(&mut bravo, &[&variables[..], &[("MARQUE_LOG", "debug".to_owned())]].concat());
    with_agents(&bravo, &["one", "two"]);
    until("both agents", || store.has("one") && store.has("two"));
    until("nothing is due", || kept(&bravo) == (0, String::new()) && behind(&bravo) == 0);
    assert_eq!(told(&bravo), "good");

    store.kill();
    let began = Instant::now();
    bravo.done(&["agent", "revoke", "one"]);
    bravo.done(&["agent", "create", "three", "--owner", "alice", "--cap", "calendar:read"]);
    assert!(began.elapsed() < PATIENCE / 2, "what is acknowledged waits for no store");
    until("something is due", || behind(&bravo) > 0 && !kept(&bravo).1.is_empty());
    assert_ne!(told(&bravo), "good");

    store.begin(&[]);
    until("all agents", || ["one", "two", "three"].iter().all(|agent| store.has(agent)));
    until("the domain's log", || store.entries(".well-known/did.jsonl") > 0);
    until("the newest list", || {
        let public = bravo.about()["public"].as_str().unwrap().parse().unwrap();
        let at_the_node = sequence(&ask(public, "GET /status/revocation", &[], "").body);
        at_the_node.is_some() && store.list() >= at_the_node
    });
    until("nothing is due", || kept(&bravo) == (0, String::new()) && behind(&bravo) == 0);

    // A node that is killed with something due finds it at its next start.
    store.kill();
    bravo.done(&["agent", "create", "four", "--owner", "alice", "--cap", "calendar:read"]);
    let log = std::fs::read_to_string(bravo.folder.path().join("log")).unwrap();
    assert!(log.contains("DEBUG") && !log.contains(SECRET), "the secret is logged");
    bravo.kill();
    store.begin(&[]);
    up(&mut bravo, &variables);
    until("the fourth agent", || store.has("four"));
    // And one that stops does not leave before what is due is there.
    bravo.done(&["agent", "rotate", "four"]);
    bravo.stop();
    assert_eq!(store.entries("agents/four/did.jsonl"), 2);
}

#[test]
fn an_object_that_is_newer_than_the_store_stays() {
    let Some(store) = Store::start() else { return };
    let mut bravo = Domain::init("bravo.test");
    let variables = store.variables(bravo.folder.path());
    up(&mut bravo, &variables);
    // So many that a copy of before does not come to their number by signing its list again.
    const AGENTS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    with_agents(&bravo, &["bot"]);
    with_agents_of_alice(&bravo, &AGENTS);
    until("its log", || store.has("bot"));
    bravo.stop();
    let copy = bravo.folder.path().join("copy");
    let copied = Command::new("cp").arg("-a").arg(bravo.data()).arg(&copy).status();
    assert!(copied.unwrap().success());
    up(&mut bravo, &variables);
    bravo.done(&["agent", "rotate", "bot"]);
    for agent in AGENTS {
        bravo.done(&["agent", "revoke", agent]);
    }
    until("its rotation", || store.entries("agents/bot/did.jsonl") == 2);
    bravo.stop();
    let number = store.list().unwrap();
    std::fs::remove_dir_all(bravo.data()).unwrap();
    std::fs::rename(&copy, bravo.data()).unwrap();
    up(&mut bravo, &variables);
    bravo.done(&["agent", "create", "later", "--owner", "alice", "--cap", "calendar:read"]);
    until("what it can add", || store.has("later"));
    let stays = "what is in the bucket is newer than what the store has, and stays";
    until("both are told of", || {
        let told = bravo.logged(stays);
        let names: Vec<_> = told.iter().filter_map(|record| record["name"].as_str()).collect();
        ["agents/bot/did.jsonl", "status/revocation"].iter().all(|name| names.contains(name))
    });
    assert_eq!(store.entries("agents/bot/did.jsonl"), 2);
    assert!(store.list().unwrap() >= number);
    bravo.stop();
}

#[test]
fn a_bucket_of_another_a_wrong_key_and_a_store_that_keeps_no_conditions_are_left_alone() {
    let Some(store) = Store::start() else { return };
    let [mut alpha, mut bravo] = ["alpha.test", "bravo.test"].map(Domain::init);
    let variables = store.variables(alpha.folder.path());
    up(&mut alpha, &variables);
    until("alpha's log", || store.entries(".well-known/did.jsonl") > 0);
    let of_bravo = store.variables(bravo.folder.path());
    up(&mut bravo, &of_bravo);
    until("what bravo is told", || kept(&bravo).1.contains("another domain's"));
    assert_eq!(store.get(".marque").body, alpha.did);
    assert!(store.get(".well-known/did.jsonl").body.contains("alpha.test"));
    bravo.stop();

    // The file is read for each request: a key that is wrong is one until it is mended.
    let keys = bravo.folder.path().join("bucket");
    let careless = Store::start_with(Vec::new(), &[("CARELESS", "1")]).unwrap();
    let of_careless = careless.variables(bravo.folder.path());
    let right = std::fs::read_to_string(&keys).unwrap();
    std::fs::write(&keys, right.replace(SECRET, "another")).unwrap();
    up(&mut bravo, &of_careless);
    until("a wrong key", || kept(&bravo).1.contains("SignatureDoesNotMatch"));
    std::fs::write(&keys, right).unwrap();
    until("what bravo is told", || kept(&bravo).1.contains("conditions"));
    assert_eq!(careless.get(".well-known/did.jsonl").status, 404);
    bravo.stop();

    let refused =
        bravo.command(&["up", "--while-stdin"]).env("MARQUE_PUBLISH__BUCKET", store.url()).output().unwrap();
    assert!(!refused.status.success(), "there are no keys");
}

#[test]
fn a_store_is_spoken_to_by_tls_if_it_is_who_it_says() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, kind: &str, der: &[u8]| {
        let path = folder.path().join(name);
        let text = format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", BASE64.encode(der));
        std::fs::write(&path, text).unwrap();
        path
    };
    let (certificate, key) = authority.signed(CertificateParams::new(["127.0.0.1".to_owned()]).unwrap());
    let tls = vec![put("certificate", "CERTIFICATE", &certificate), put("key", "PRIVATE KEY", &key)];
    let roots = put("roots", "CERTIFICATE", &authority.root);
    let Some(store) = Store::start_with(tls, &[]) else { return };
    let mut bravo = Domain::init("bravo.test");
    let variables = store.variables(bravo.folder.path());
    up(&mut bravo, &variables);
    until("a stranger's certificate", || kept(&bravo).1.contains("certificate"));
    bravo.stop();
    let roots = ("MARQUE_PUBLISH__BUCKET_ROOTS", roots.to_str().unwrap().to_owned());
    up(&mut bravo, &[&variables[..], &[roots]].concat());
    with_agents(&bravo, &["bot"]);
    until("nothing is due", || kept(&bravo) == (0, String::new()));
    bravo.stop();
}

/// The bucket of a store that is reached there.
fn bucket_at(address: SocketAddr) -> Bucket {
    let keys = Keys { id: "marque-test".to_owned(), secret: SECRET.to_owned(), token: None };
    let options = Options {
        place: Place::read(&format!("http://{address}/{BUCKET}/{PREFIX}")).unwrap(),
        region: "eu-central-1".to_owned(),
        credentials: Credentials::Given(keys),
        roots: None,
    };
    Bucket::new(&options).unwrap()
}

const TEXT: (&str, Duration) = ("text/plain", Duration::ZERO);

/// Passes on what a store is asked, and right before a deletion writes `name` anew.
async fn meddling(store: SocketAddr, name: &'static str, seen: Tag) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let seen = seen.clone();
            tokio::spawn(async move {
                let mut server = tokio::net::TcpStream::connect(store).await.unwrap();
                let mut bytes = vec![0; 65_536];
                loop {
                    tokio::select! {
                        count = client.read(&mut bytes) => {
                            let count = count.unwrap_or(0);
                            if bytes[..count].starts_with(b"DELETE ") {
                                let put = bucket_at(store).put(name, "new".into(), TEXT, Some(&seen)).await;
                                assert_eq!(put, Ok(Put::Done));
                            }
                            if count == 0 || server.write_all(&bytes[..count]).await.is_err() {
                                return;
                            }
                        }
                        answer = server.readable() => {
                            answer.unwrap();
                            let mut answer = vec![0; 65_536];
                            match server.try_read(&mut answer) {
                                Ok(0) => return,
                                Ok(count) => client.write_all(&answer[..count]).await.unwrap(),
                                Err(_) => {}
                            }
                        }
                    }
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn an_object_that_was_written_anew_is_not_deleted_for_what_it_was_before() {
    let Some(store) = Store::start() else { return };
    let bucket = bucket_at(store.address);
    assert_eq!(bucket.put("one", "old".into(), TEXT, None).await, Ok(Put::Done));
    let seen = bucket.get("one").await.unwrap().unwrap().tag;
    // Another writes between the last look and the deletion.
    let between = bucket_at(meddling(store.address, "one", seen.clone()).await);
    assert_eq!(between.delete("one", &seen).await, Ok(Deleted::Changed));
    let there = bucket.get("one").await.unwrap().unwrap();
    assert_eq!(there.bytes, "new".as_bytes());
    assert_eq!(bucket.delete("one", &seen).await, Ok(Deleted::Changed));
    assert_eq!(bucket.delete("one", &there.tag).await, Ok(Deleted::Done));
    assert_eq!(bucket.get("one").await, Ok(None));
    assert_eq!(bucket.delete("one", &there.tag).await, Ok(Deleted::Done), "none is as good");

    // A store that passes conditions over is looked at before.
    let careless = Store::start_with(Vec::new(), &[("CARELESS", "1")]).unwrap();
    let bucket = bucket_at(careless.address);
    assert_eq!(bucket.put("one", "old".into(), TEXT, None).await, Ok(Put::Done));
    let old = bucket.get("one").await.unwrap().unwrap().tag;
    assert_eq!(bucket.put("one", "new".into(), TEXT, None).await, Ok(Put::Done));
    assert_eq!(bucket.delete("one", &old).await, Ok(Deleted::Changed));
    assert_eq!(bucket.get("one").await.unwrap().unwrap().bytes, "new".as_bytes());
}
