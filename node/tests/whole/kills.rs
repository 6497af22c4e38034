//! `kill -9` of a node under load, over and over: whatever was acknowledged is there, no status index was given
//! twice, no list has two contents under one number, and no presentation counts twice.
//!
//! `MARQUE_KILLS=200 cargo test -p marque --test whole kills -- --nocapture` kills it two hundred times.

use crate::process::{Domain, PATIENCE};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use vc_schemas::secure::{Content, Envelope, MAX_CREDENTIAL_BYTES, Secured};
use vc_schemas::status::StatusList;

/// How often the node is killed where nobody says.
const KILLS: usize = 10;

/// Tasks of each kind that call the node at once.
const CALLERS: usize = 2;

/// Acknowledgements of one life after which it ends, at most.
const MOST_ACKNOWLEDGED: u64 = 60;

/// After this many kills the log is compacted, and after as many the node is killed while it starts.
const NOW_AND_THEN: usize = 5;

/// Where a running node is, and what opens it.
pub(crate) struct Place {
    admin: String,
    public: String,
    token: String,
}

impl Place {
    pub(crate) fn of(domain: &Domain) -> Self {
        let about = domain.about();
        let text = |name: &str| about[name].as_str().unwrap().to_owned();
        let token = std::fs::read_to_string(domain.data().join("admin.token")).unwrap();
        Self { admin: text("admin"), public: text("public"), token: token.trim().to_owned() }
    }

    /// The status and the body of an answer; nothing where the node is gone before it gave a whole one.
    fn call(&self, to: &str, request: &str, body: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(to).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let (token, length) = (&self.token, body.len());
        let head = format!(
            "{request} HTTP/1.1\r\nHost: alpha.test\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(head.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        let status = head.split(' ').nth(1)?.parse().ok()?;
        length.is_none_or(|length| length == body.len()).then(|| (status, body.to_owned()))
    }

    /// What the node created or did; nothing where it is gone.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Option<Value> {
        let (status, answer) = self.call(&self.admin, &format!("POST {path}"), &body.to_string())?;
        assert!(matches!(status, 200 | 201), "{path}: {status} {answer}");
        serde_json::from_str(&answer).ok()
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, answer) = self.call(&self.admin, &format!("GET {path}"), "").unwrap();
        assert_eq!(status, 200, "{path}: {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    /// Why the node refuses that.
    pub(crate) fn refused(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.call(&self.admin, &format!("POST {path}"), &body.to_string()).unwrap();
        assert!(status >= 400, "{path}: {status} {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    /// The newest list as it is given out.
    pub(crate) fn list(&self, purpose: &str) -> Option<StatusList> {
        Some(StatusList::read(&self.secured_list(purpose)?).unwrap())
    }

    /// The same as it is signed.
    pub(crate) fn secured_list(&self, purpose: &str) -> Option<Secured> {
        let (status, text) = self.call(&self.public, &format!("GET /status/{purpose}"), "")?;
        assert_eq!(status, 200, "{text}");
        let envelope = Envelope::of_format(Content::Credential, "vc+jwt").unwrap();
        Some(Secured::from_text(Content::Credential, envelope, &text, MAX_CREDENTIAL_BYTES).unwrap())
    }
}

/// What callers were told, over all lives.
#[derive(Default)]
struct Told {
    /// Who was given each index of each list.
    indices: BTreeMap<(String, u64), String>,
    /// The index of each credential that was issued.
    issued: BTreeMap<String, u64>,
    revoked: BTreeSet<String>,
    /// What each list said under each number.
    heads: BTreeMap<(String, u64), [u8; 32]>,
    /// Acknowledgements of this life.
    life: u64,
    reserved: u64,
    read: u64,
}

impl Told {
    fn given(&mut self, list: &str, index: u64, to: &str) {
        let before = self.indices.insert((list.to_owned(), index), to.to_owned());
        assert_eq!(before, None, "index {index} of {list} was given twice, now to {to}");
        self.life += 1;
    }

    fn seen(&mut self, list: &StatusList) {
        let digest = list.digest;
        let before = self.heads.insert((list.url.clone(), list.sequence), digest);
        assert!(before.is_none_or(|before| before == digest), "two lists {} of {}", list.sequence, list.url);
    }

    /// The greatest number of a list that anybody saw.
    fn newest(&self, url: &str) -> u64 {
        self.heads.keys().filter(|(of, _)| of == url).map(|(_, sequence)| *sequence).max().unwrap_or_default()
    }
}

/// What everybody does until the node is gone.
struct Load<'a> {
    place: &'a Place,
    did: &'a str,
    agent: &'a str,
    life: usize,
    told: &'a Mutex<Told>,
    killed: &'a AtomicBool,
}

impl Load<'_> {
    fn reserve(&self, _caller: usize) -> Option<()> {
        let answer = self.place.post("/v1/indices", &json!({"issuer": self.agent}))?;
        let mut told = self.told.lock().unwrap();
        told.reserved += 1;
        told.given(answer["revocation"].as_str()?, answer["index"].as_u64()?, "who reserved it");
        Some(())
    }

    fn issue_and_revoke(&self, caller: usize, n: usize) -> Option<()> {
        let id = format!("urn:uuid:{:08x}-0000-4000-8000-{:012x}", self.life, n * CALLERS + caller);
        let credential = json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"], "type": ["VerifiableCredential"], "id": id,
            "issuer": self.did, "credentialSubject": {"id": "did:example:pat"},
        });
        let body = json!({"credential": credential, "options": {"statusPurposes": ["revocation"]}});
        let issued = self.place.post("/credentials/issue", &body)?;
        let status = &issued["verifiableCredential"]["credentialStatus"][0];
        let index = status["statusListIndex"].as_str()?.parse().ok()?;
        let mut told = self.told.lock().unwrap();
        told.given(status["statusListCredential"].as_str()?, index, &id);
        told.issued.insert(id.clone(), index);
        drop(told);
        if n.is_multiple_of(2) {
            self.place.post(&format!("/v1/credentials/{id}/revoke"), &json!({}))?;
            let mut told = self.told.lock().unwrap();
            told.revoked.insert(id);
            told.life += 1;
        }
        Some(())
    }

    fn read(&self) -> Option<()> {
        for purpose in ["revocation", "suspension"] {
            let list = self.place.list(purpose)?;
            let mut told = self.told.lock().unwrap();
            told.seen(&list);
            told.read += 1;
        }
        Some(())
    }

    /// Does `act` until the node is gone, which it is only when it was killed.
    fn go_on(&self, mut act: impl FnMut(usize) -> Option<()>) {
        let mut n = 0;
        while act(n).is_some() {
            n += 1;
        }
        let deadline = Instant::now() + PATIENCE;
        while !self.killed.load(Ordering::Relaxed) {
            assert!(Instant::now() < deadline, "the node did not answer, and nobody had killed it");
            thread::yield_now();
        }
    }

    /// Lets all of them go until the node was killed, after so many acknowledgements.
    fn until_killed(&self, after: u64, domain: &mut Domain) {
        thread::scope(|scope| {
            for caller in 0..CALLERS {
                scope.spawn(move || self.go_on(|_| self.reserve(caller)));
                scope.spawn(move || self.go_on(|n| self.issue_and_revoke(caller, n)));
            }
            scope.spawn(|| self.go_on(|_| self.read()));
            let deadline = Instant::now() + PATIENCE;
            while self.told.lock().unwrap().life < after {
                assert!(Instant::now() < deadline, "nothing is acknowledged any more");
                thread::yield_now();
            }
            // Before it is gone, so that nobody takes that for something else.
            self.killed.store(true, Ordering::Relaxed);
            domain.kill();
        });
    }
}

/// What was acknowledged in any life before is so in this one.
fn look(place: &Place, told: &mut Told) {
    let all = place.get("/v1/credentials");
    let state = |one: &Value| {
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        (text("id"), text("state"))
    };
    let states: BTreeMap<String, String> = all["credentials"].as_array().unwrap().iter().map(state).collect();
    for id in told.issued.keys() {
        let state = states.get(id).unwrap_or_else(|| panic!("{id} was issued, and is gone"));
        let revoked = told.revoked.contains(id);
        assert!(!revoked || state == "revoked", "{id} was revoked, and is {state}");
    }
    let list = place.list("revocation").unwrap();
    assert!(
        list.sequence >= told.newest(&list.url),
        "list {} after {}",
        list.sequence,
        told.newest(&list.url)
    );
    for id in &told.revoked {
        let index = u32::try_from(told.issued[id]).unwrap();
        assert_eq!(list.bits.get(index), Some(true), "{id} at {index} of the list");
    }
    told.seen(&list);
}

fn presented(alpha: &Domain) -> Vec<u8> {
    let nonce = alpha.done(&["verify", "--new-nonce"]);
    let (nonce, audience) = (nonce.text("nonce"), nonce.text("audience"));
    let presented = alpha.done(&["present", "--agent", "bot", "--nonce", &nonce, "--aud", &audience]);
    presented.text("presentation").into_bytes()
}

//
#[test]
fn what_a_node_acknowledged_under_load_survives_kill_9_whenever_it_comes() {
    let kills = std::env::var("MARQUE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut upto = |most: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % most
    };
    let mut alpha = Domain::start("alpha.test");
    alpha.done(&["owner", "create", "alice"]);
    alpha.done(&["agent", "create", "bot", "--owner", "alice", "--cap", "calendar:read"]);
    alpha.done(&["trust", "add", &alpha.did, "--cap", "calendar:read"]);
    let agent = alpha.done(&["agent", "show", "bot"]).text("did");
    let told = Mutex::new(Told::default());
    let mut used: Option<Vec<u8>> = None;
    for life in 0..kills {
        let place = Place::of(&alpha);
        let mut now = told.lock().unwrap();
        look(&place, &mut now);
        now.life = 0;
        drop(now);
        // What counted in the life before does not count in this one.
        if let Some(used) = used.take() {
            let again: crate::process::Answer = alpha.pipe(&["verify", "-"], &used);
            assert_ne!(again.exit, 0, "{}", again.json);
        }
        let presentation = presented(&alpha);
        let verified = alpha.pipe(&["verify", "-"], &presentation);
        assert_eq!(verified.exit, 0, "{}", verified.json);
        used = Some(presentation);

        let killed = AtomicBool::new(false);
        let did = alpha.did.clone();
        let load = Load { place: &place, did: &did, agent: &agent, life, told: &told, killed: &killed };
        load.until_killed(1 + upto(MOST_ACKNOWLEDGED), &mut alpha);
        match life % NOW_AND_THEN {
            3 => drop(alpha.done(&["store", "compact"])),
            4 => alpha.up_and_kill_after(Duration::from_millis(upto(300))),
            _ => {}
        }
        alpha.up();
    }
    let mut told = told.into_inner().unwrap();
    look(&Place::of(&alpha), &mut told);
    alpha.stop();
    let whole = alpha.done(&["store", "verify"]).json;
    println!(
        "killed {kills} times; acknowledged: {} indices reserved, {} credentials issued, {} revoked, {} lists read with \
         {} numbers, {kills} presentations; the store holds {} records in {} bytes, and is whole",
        told.reserved,
        told.issued.len(),
        told.revoked.len(),
        told.read,
        told.heads.len(),
        whole["records"],
        whole["bytes"]
    );
    assert!(told.issued.len() >= kills / 2 && !told.revoked.is_empty() && told.reserved > 0);
}
