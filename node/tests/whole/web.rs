//! A node and the web: real TLS, from the resolver's socket to a web server's and back.
//!
//! The servers are on loopback and their certificates of an authority of the test. The node reaches them
//! because this code says so; a node as it is run reaches none of them, whatever it is asked.

use crate::authority::Authority;
use crate::offline::vector;
use crate::process::{Answer, Domain, PATIENCE};
use crate::resolver::{Reply, ask};
use marque::config::{Config, Layers, Origin};
use marque::data::Data;
use marque::passphrase;
use marque::wiring::{Options, up_reaching};
use marque_fetch::FetchPolicy;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A web server of files, and what it was asked for.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    /// Where else files are, as they lie there.
    folder: Option<PathBuf>,
    /// Where else they are, as what is asked there for a path answers.
    origin: Option<(SocketAddr, String)>,
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Site {
    async fn start(acceptor: TlsAcceptor) -> Self {
        Self::start_of(acceptor, None).await
    }

    /// Of the files in a folder.
    pub(crate) async fn start_of(acceptor: TlsAcceptor, folder: Option<PathBuf>) -> Self {
        Self::run(acceptor, folder, None).await
    }

    /// Before another server, which has the files below this path: as a CDN is.
    #[cfg(feature = "s3")]
    pub(crate) async fn start_before(acceptor: TlsAcceptor, origin: (SocketAddr, String)) -> Self {
        Self::run(acceptor, None, Some(origin)).await
    }

    async fn run(
        acceptor: TlsAcceptor,
        folder: Option<PathBuf>,
        origin: Option<(SocketAddr, String)>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (files, asked) = Default::default();
        let site = Self { address: listener.local_addr().unwrap(), folder, origin, files, asked };
        let running = site.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (one, acceptor) = (running.clone(), acceptor.clone());
                tokio::spawn(async move {
                    // A client that does not trust the certificate ends here.
                    if let Ok(stream) = acceptor.accept(stream).await {
                        one.serve(stream).await;
                    }
                });
            }
        });
        site
    }

    async fn serve(&self, mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else { return };
            head.push(byte);
        }
        let head = String::from_utf8(head).unwrap();
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let lies = |folder: &PathBuf| std::fs::read(folder.join(path.trim_start_matches('/'))).ok();
        let found = self.files.lock().unwrap().get(&path).cloned();
        let mut found = found.or_else(|| self.folder.as_ref().and_then(lies));
        if let Some((address, below)) = self.origin.clone() {
            let line = format!("GET {below}{path}");
            let reply = tokio::task::spawn_blocking(move || ask(address, &line, &[], "")).await.unwrap();
            found = Some(reply.body.into_bytes()).filter(|_| reply.status == 200);
        }
        self.asked.lock().unwrap().push(path);
        let (status, body) = found.map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
        // The client may have gone.
        let _sent = stream.write_all(&[head.as_bytes(), &body].concat()).await;
        let _ended = stream.shutdown().await;
    }

    fn put(&self, path: &str, body: impl Into<Vec<u8>>) {
        self.files.lock().unwrap().insert(path.to_owned(), body.into());
    }

    /// What it was asked for since this was called last.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// The configuration of a data folder, with ports that the system chooses, the web allowed, and what a test needs.
pub(crate) fn config(data: &Data, own: &[(&str, toml::Value)]) -> Config {
    let none = Path::new("/nonexistent");
    let mut layers = Layers::read(none, None, None, &data.config(), []).unwrap();
    let mut set = |key: &str, value: toml::Value| layers.set(key, value, Origin::Default).unwrap();
    for door in ["public", "admin", "health"] {
        set(&format!("listen.{door}"), "127.0.0.1:0".into());
    }
    set("listen.p2p", "/ip4/127.0.0.1/tcp/0".into());
    set("resolve.web", true.into());
    own.iter().for_each(|(key, value)| set(key, value.clone()));
    layers.build().unwrap()
}

/// The public door of the node of this folder, once it is up.
pub(crate) async fn door(data: &Data) -> SocketAddr {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Ok(bytes) = std::fs::read(data.node())
            && let Ok(about) = serde_json::from_slice::<Value>(&bytes)
        {
            return about["public"].as_str().unwrap().parse().unwrap();
        }
        assert!(Instant::now() < deadline, "the node did not come up");
        tokio::task::yield_now().await;
    }
}

async fn resolved(door: SocketAddr, did: &str) -> Reply {
    let line = format!("GET /1.0/identifiers/{}?trace=true", did.replace('%', "%25"));
    tokio::task::spawn_blocking(move || ask(door, &line, &[], "")).await.unwrap()
}

/// Where was looked, and what came of it.
fn steps(reply: &Reply) -> Vec<(String, String)> {
    let json = reply.json();
    let trace = json.pointer("/didResolutionMetadata/trace").or_else(|| json.get("trace"));
    let text = |step: &Value, member: &str| step[member].as_str().unwrap().to_owned();
    let steps = trace.and_then(Value::as_array).unwrap_or_else(|| panic!("{json}"));
    steps.iter().map(|step| (text(step, "source"), text(step, "outcome"))).collect()
}

fn pairs(steps: &[(&str, &str)]) -> Vec<(String, String)> {
    steps.iter().map(|(source, outcome)| ((*source).to_owned(), (*outcome).to_owned())).collect()
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(vector(name)).unwrap()
}

fn did_of(log: &[u8]) -> String {
    let last: Value =
        serde_json::from_slice(log.trim_ascii().rsplit(|b| *b == b'\n').next().unwrap()).unwrap();
    last["state"]["id"].as_str().unwrap().to_owned()
}

const LOG: &str = "/.well-known/did.jsonl";
const PROOFS: &str = "/.well-known/did-witness.json";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_resolves_from_web_servers_over_tls_and_from_nobody_it_does_not_trust() {
    let domain = Domain::init("alpha.test");
    let data = Data::at(domain.data());
    let passphrase =
        passphrase::from_file(passphrase::OF_KEYS, &domain.folder.path().join("passphrase")).unwrap();
    let authority = Authority::new();
    let site = Site::start(authority.acceptor(&["example.com"], false)).await;
    let impostor = Site::start(authority.acceptor(&["other.example"], false)).await;
    let stranger = Site::start(Authority::new().acceptor(&["stranger.example"], false)).await;
    let hosts = [
        ("example.com", site.address),
        ("impostor.example", impostor.address),
        ("stranger.example", stranger.address),
    ];
    let hosts = hosts.map(|(name, address)| (name.to_owned(), address)).into_iter().collect();
    let reach = FetchPolicy::with_loopback(hosts, authority.root.clone()).unwrap();
    let options = Options {
        while_stdin: false,
        public: true,
        json: true,
        after_loss: false,
        without_peers: false,
        clock_is_right: false,
    };
    let node = up_reaching(reach, config(&data, &[]), Data::at(domain.data()), passphrase, options);
    let story = async {
        let door = door(&data).await;
        let searched = [("store", "missing"), ("peers", "missing")];
        let after_search = |last| pairs(&[searched[0], searched[1], last]);

        // A log, which is kept.
        let log = file("multi-update.rust.jsonl");
        let did = did_of(&log);
        site.put(LOG, log.clone());
        let first = resolved(door, &did).await;
        assert_eq!(first.status, 200, "{}", first.body);
        let json = first.json();
        assert_eq!(json["didDocument"]["id"], did.as_str());
        assert_eq!(json["didResolutionMetadata"]["source"], "web");
        assert_eq!(json["didResolutionMetadata"]["stale"], false);
        assert_eq!(steps(&first), after_search(("web", "found")));
        assert_eq!(site.asked(), [LOG]);
        let again = resolved(door, &did).await;
        assert_eq!(again.json()["didDocument"], json["didDocument"]);
        assert_eq!(steps(&again), pairs(&[("store", "found")]));
        assert!(site.asked().is_empty(), "within its ttl nobody is asked");

        // A log with witnesses, with its proofs from beside it.
        let (log, proofs) = (file("witness-update.ts.jsonl"), file("witness-update.ts.witness.json"));
        site.put(LOG, log.clone());
        site.put(PROOFS, proofs);
        let witnessed = resolved(door, &did_of(&log)).await;
        assert_eq!(witnessed.status, 200, "{}", witnessed.body);
        assert_eq!(site.asked(), [LOG, PROOFS]);

        // A log that was tampered with.
        let log = file("basic-update.ts.jsonl");
        let text = String::from_utf8(log.clone()).unwrap();
        let end = text.rfind("\"proofValue\":\"z").unwrap() + 16;
        let forged = [&text[..end], "111", &text[end + 3..]].concat();
        site.put(LOG, forged);
        let refused = resolved(door, &did_of(&log)).await;
        assert_eq!((refused.status, refused.error().as_str()), (400, "INVALID_DID"), "{}", refused.body);
        assert_eq!(steps(&refused), after_search(("web", "refused")));

        // A did:web, which is kept in memory.
        let shop = "did:web:example.com:shop";
        site.put("/shop/did.json", json!({"id": shop}).to_string());
        site.asked();
        let document = resolved(door, shop).await;
        assert_eq!((document.status, &document.json()["didDocument"]), (200, &json!({"id": shop})));
        assert_eq!(steps(&document), pairs(&[("web", "found")]));
        assert_eq!(steps(&resolved(door, shop).await), pairs(&[("cache", "found")]));
        assert_eq!(site.asked(), ["/shop/did.json"]);
        let nothing = resolved(door, "did:web:example.com:nothing").await;
        assert_eq!((nothing.status, nothing.error().as_str()), (404, "NOT_FOUND"));

        // Whom TLS does not trust, and whom this node may not reach.
        for host in ["impostor.example", "stranger.example", "elsewhere.example"] {
            let away = resolved(door, &format!("did:web:{host}")).await;
            assert_eq!((away.status, &away.json()["code"]), (503, &json!("did-unresolvable")), "{host}");
            assert_eq!(steps(&away), pairs(&[("web", "away")]), "{host}");
        }
        assert!(impostor.asked().is_empty() && stranger.asked().is_empty());
    };
    tokio::select! {
        ended = node => panic!("the node ended: {ended:?}"),
        () = story => {}
    }
}

/// What a domain's public listener has of its lists, put where their URLs say.
fn put_lists(site: &Site, issuer: &Domain) {
    let door: SocketAddr = issuer.about()["public"].as_str().unwrap().parse().unwrap();
    let all = ask(door, "GET /status/aggregation", &[], "").json();
    for url in all["status_lists"].as_array().unwrap() {
        let path = url.as_str().unwrap().strip_prefix("https://bravo.test").unwrap();
        site.put(path, ask(door, &format!("GET {path}"), &[], "").body);
    }
}

/// Presents a mandate of another agent of bravo's to alpha until the answer is as wanted.
fn presented(alpha: &Domain, bravo: &Domain, site: &Site, wanted: impl Fn(&Answer) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        put_lists(site, bravo);
        let answer = alpha.verifies(bravo, "other");
        if wanted(&answer) {
            return;
        }
        assert!(Instant::now() < deadline, "still {}: {}", answer.exit, answer.json);
    }
}

// MESH.md D9: the last resort. Nobody who has the list is a peer any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_no_peer_has_is_fetched_at_its_own_url_and_what_it_revokes_is_refused() {
    let (alpha, mut bravo) = (Domain::init("alpha.test"), Domain::init("bravo.test"));
    let data = Data::at(alpha.data());
    let passphrase =
        passphrase::from_file(passphrase::OF_KEYS, &alpha.folder.path().join("passphrase")).unwrap();
    let authority = Authority::new();
    let site = Site::start(authority.acceptor(&["bravo.test"], false)).await;
    let hosts = [("bravo.test".to_owned(), site.address)].into_iter().collect();
    let reach = FetchPolicy::with_loopback(hosts, authority.root.clone()).unwrap();
    let options = Options {
        while_stdin: false,
        public: true,
        json: true,
        after_loss: false,
        without_peers: false,
        clock_is_right: false,
    };
    let own = [("status.max_age_seconds", 4.into()), ("verify.skew_seconds", 0.into())];
    let node = up_reaching(reach, config(&data, &own), Data::at(alpha.data()), passphrase, options);
    let story = async {
        door(&data).await;
        let told = tokio::task::spawn_blocking(move || {
            bravo.up_with(&[("MARQUE_STATUS__TTL_SECONDS", "2")]);
            bravo.done(&["owner", "create", "alice"]);
            for agent in ["bot", "other"] {
                bravo.done(&["agent", "create", agent, "--owner", "alice", "--cap", "calendar:read"]);
            }
            alpha.meets(&bravo, "calendar:read");
            presented(&alpha, &bravo, &site, |answer| answer.exit == 0);
            let peer = bravo.about()["peerId"].as_str().unwrap().to_owned();
            alpha.done(&["peer", "ban", &peer]);
            // What is held grows too old; what bravo's host has does not.
            presented(&alpha, &bravo, &site, |answer| answer.exit == 0 && !site.asked().is_empty());
            // Who is revoked is given nothing to present any more.
            let nonce = alpha.done(&["verify", "--new-nonce"]);
            let (nonce, audience) = (nonce.text("nonce"), nonce.text("audience"));
            let before = bravo.done(&["present", "--agent", "bot", "--nonce", &nonce, "--aud", &audience]);
            bravo.done(&["agent", "revoke", "bot"]);
            site.asked();
            presented(&alpha, &bravo, &site, |answer| answer.exit == 0 && !site.asked().is_empty());
            let refused = alpha.pipe(&["verify", "-"], before.text("presentation").as_bytes());
            assert_eq!((refused.exit, refused.text("code").as_str()), (4, "AID-003"), "{}", refused.json);
        });
        told.await.unwrap();
    };
    tokio::select! {
        ended = node => panic!("the node ended: {ended:?}"),
        () = story => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_as_it_is_run_reaches_no_server_on_this_machine_whatever_it_is_asked() {
    let authority = Authority::new();
    let site = Site::start(authority.acceptor(&["example.com"], false)).await;
    let port = site.address.port();
    let mut domain = Domain::init("alpha.test");
    tokio::task::block_in_place(|| domain.up_with(&[("MARQUE_RESOLVE__WEB", "true")]));
    let door = domain.about()["public"].as_str().unwrap().parse().unwrap();
    for (host, status) in [
        ("127.0.0.1", 400),
        ("localhost", 400),
        ("127.1", 400),
        ("site.test", 404),
        ("site.localhost", 400),
        ("site.internal", 404),
        ("site.example", 404),
    ] {
        let reply = resolved(door, &format!("did:web:{host}%3A{port}")).await;
        assert_eq!(reply.status, status, "{host}: {}", reply.body);
    }
    assert!(site.asked().is_empty());
    for (key, value) in [("RESOLVE__ROOT", "x"), ("RESOLVE__HOSTS", "x"), ("FETCH__LOOPBACK", "true")] {
        let mut command = domain.command(&["config", "show"]);
        let refused = command.env(format!("MARQUE_{key}"), value).output().unwrap();
        assert!(!refused.status.success(), "{key}");
    }
}
