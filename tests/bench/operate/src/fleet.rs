//! A domain with very many agents: real logs, each signed by a key of its own, put into the store of a node by the
//! store's own interface, and the `marque` program that serves them.

use crate::worker::on;
use did_resolver::codec::sha256;
use did_resolver::keys::PublicKey;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{Genesis, create};
use ed25519_dalek::{Signer, SigningKey};
use marque_flows::ports::records::{Expect, Records as _, Table, Write};
use marque_store::{IndexEngine, Options, Store};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

const DOMAIN: &str = "bench.example";

/// Agents whose records are one commit: two of each.
const TOGETHER: u64 = 500;

/// A domain whose node runs or not.
pub struct Fleet {
    dir: tempfile::TempDir,
    pub agents: u64,
    /// The paths at which the agents resolve, a line each.
    pub paths: PathBuf,
    /// A DID of the middle.
    pub one: String,
}

/// A running node.
pub struct Node {
    child: Child,
    pub public: String,
    health: String,
    began: Instant,
}

/// The program as it is released.
fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/release/marque")
}

/// The DID of an agent, its log, and the id of its version.
fn agent(n: u64, time: UnixSeconds) -> (String, Vec<u8>, String) {
    let secret = SigningKey::from_bytes(&sha256(&n.to_be_bytes()));
    let key = PublicKey::ed25519(secret.verifying_key().as_bytes()).unwrap();
    let name = format!("bot-{n}");
    let did = format!("did:webvh:{{SCID}}:{DOMAIN}:agents:{name}");
    let id = format!("{did}#key-1");
    let document = json!({
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did,
        "verificationMethod": [{
            "id": id, "type": "Multikey", "controller": did, "publicKeyMultibase": key.to_multikey(),
        }],
        "assertionMethod": [id], "authentication": [id],
    });
    let draft = create(Genesis {
        host: DOMAIN.to_owned(),
        port: None,
        path: vec!["agents".to_owned(), name],
        document,
        update_keys: vec![key.clone()],
        next_key_hashes: vec![],
        time,
        portable: false,
        ttl_seconds: None,
    });
    let draft = draft.unwrap();
    let did = draft.did().to_string();
    let signature = secret.sign(draft.signing_input(&key).unwrap().as_ref()).to_bytes();
    let log = draft.attach(&key, &signature).unwrap();
    let entry: Value = serde_json::from_slice(&log).unwrap();
    (did, log, entry["versionId"].as_str().unwrap().to_owned())
}

impl Fleet {
    /// Makes a domain and so many agents.
    pub fn new(agents: u64) -> Self {
        let dir = tempfile::tempdir_in(".").unwrap();
        std::fs::write(dir.path().join("passphrase"), "a passphrase for measurements").unwrap();
        let mut fleet = Self { paths: dir.path().join("paths"), dir, agents, one: String::new() };
        let made = fleet
            .command(None)
            .args(["init", "--domain", DOMAIN])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(made.unwrap().success());
        let began = Instant::now();
        fleet.fill();
        println!("({agents} agents made and stored in {:.0} s)", began.elapsed().as_secs_f64());
        fleet
    }

    /// The same domain and agents once more, for a second node.
    pub fn copied(&self) -> Self {
        let dir = tempfile::tempdir_in(".").unwrap();
        let copied = Command::new("cp").arg("-a").arg(self.dir.path().join(".")).arg(dir.path()).status();
        assert!(copied.unwrap().success());
        Self { paths: dir.path().join("paths"), dir, agents: self.agents, one: self.one.clone() }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn store(&self) -> PathBuf {
        self.data().join("store")
    }

    /// Has sled hold the index, made anew from the log. Answers its folder.
    pub fn index_in_sled(&self) -> PathBuf {
        let options = Options { index: IndexEngine::Sled, ..Options::default() };
        let store = Store::open(&self.store(), options).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(store.close());
        self.store().join("index")
    }

    fn fill(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
        let store = Store::open(&self.store(), Options::default()).unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let time = UnixSeconds::new(now - 3_600);
        let mut paths = std::io::BufWriter::new(std::fs::File::create(&self.paths).unwrap());
        let make = |first: u64, last: u64| (first..last).map(|n| agent(n, time)).collect::<Vec<_>>();
        let firsts: Vec<u64> = (0..self.agents).step_by(TOGETHER as usize).collect();
        for some in firsts.chunks(8) {
            let made: Vec<_> = std::thread::scope(|scope| {
                let threads = some.chunks(some.len().div_ceil(2)).map(|firsts| {
                    let last = |first: u64| (first + TOGETHER).min(self.agents);
                    scope.spawn(move || {
                        firsts.iter().map(|first| make(*first, last(*first))).collect::<Vec<_>>()
                    })
                });
                let threads: Vec<_> = threads.collect();
                threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
            });
            for agents in made {
                let mut writes = Vec::new();
                for (did, log, version) in agents {
                    writeln!(paths, "/1.0/identifiers/{did}").unwrap();
                    let floor = json!({"number": 1, "versionId": version, "since": [[1, now]]});
                    let put = |table, key: String, value| Write {
                        table,
                        key: key.into_bytes(),
                        value: Some(value),
                        expect: Expect::Absent,
                    };
                    writes.push(put(Table::Logs, format!("{did}#0"), log));
                    writes.push(put(Table::Floors, format!("log\n{did}"), floor.to_string().into_bytes()));
                    self.one = did;
                }
                runtime.block_on(store.commit(writes)).unwrap();
            }
        }
        runtime.block_on(store.close());
    }

    fn command(&self, core: Option<u32>) -> Command {
        let mut command = on(core, program().to_str().unwrap());
        command.env("MARQUE_DATA", self.data()).env("MARQUE_KEYS__KDF_KIB", "64").env("MARQUE_LOG", "error");
        command.env("MARQUE_LIMITS__ADDRESS_PER_MINUTE", "0");
        command.env("MARQUE_PASSPHRASE_FILE", self.dir.path().join("passphrase"));
        command
    }

    /// Starts the node, and waits until it resolves.
    pub fn up(&self, core: Option<u32>, variables: &[(&str, &str)]) -> (Node, Duration) {
        let mut command = self.command(core);
        command.args(["up", "--while-stdin", "--json", "--p2p", "/ip4/127.0.0.1/tcp/0"]);
        command.args(["--public", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--health", "127.0.0.1:0"]);
        command.envs(variables.iter().copied());
        let began = Instant::now();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let about: Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| about[name].as_str().unwrap().to_owned();
        let node = Node { child, public: text("public"), health: text("health"), began };
        let answer = get(&node.public, &format!("/1.0/identifiers/{}", self.one));
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        while !get(&node.health, "/health/ready").starts_with("HTTP/1.1 200") {
            std::thread::yield_now();
        }
        let took = node.began.elapsed();
        (node, took)
    }
}

impl Node {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops in good order.
    pub fn stop(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// One request, and all that is answered.
pub fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// A process that writes records of so many agents again and then waits to be killed: they are in the log, and of the
/// index in memory only.
pub fn rewrite_worker(store: &str, paths: &str, agents: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = Store::open(Path::new(store), Options::default()).unwrap();
    let lines = BufReader::new(std::fs::File::open(paths).unwrap()).lines();
    let dids = lines.map(|line| line.unwrap().rsplit_once('/').unwrap().1.to_owned());
    let dids: Vec<String> = dids.take(agents.parse().unwrap()).collect();
    runtime.block_on(async {
        for dids in dids.chunks(TOGETHER as usize) {
            let mut writes = Vec::new();
            for did in dids {
                let key = format!("{did}#0").into_bytes();
                let stored = store.get(Table::Logs, &key).await.unwrap().unwrap();
                let expect = Expect::Version(stored.version);
                writes.push(Write { table: Table::Logs, key, value: Some(stored.value), expect });
            }
            store.commit(writes).await.unwrap();
        }
    });
    println!("written");
    let _told = std::io::stdin().read(&mut [0]);
    std::process::abort();
}

/// A process that opens the index as sled does, and says how long that took and what it then takes.
pub fn reopen_worker(index: &str) {
    let began = Instant::now();
    let db = sled::Config::new().path(Path::new(index)).cache_capacity(64 << 20).open().unwrap();
    assert!(db.get([0]).unwrap().is_some());
    let took = began.elapsed().as_secs_f64();
    println!("{took} {}", crate::machine::anonymous(std::process::id()));
}
