//! Answers about DIDs that are kept, over real sockets: the same bytes without looking, and never after what was
//! acknowledged has changed them.

use crate::world::{Party, World};
use did_resolver::did::Did;
use marque_flows::ports::records::{Expect, Records, Table, Write};
use marque_http::{Answers, Listeners, serve};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The public listener of a world.
struct Served {
    world: World,
    public: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What came back.
#[derive(Debug, PartialEq)]
struct Given {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Given {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn tag(&self) -> String {
        self.headers["etag"].clone()
    }
}

impl Served {
    async fn new() -> Self {
        Self::keeping(Answers::default()).await
    }

    async fn keeping(answers: Answers) -> Self {
        let world = World::keeping(answers).await;
        let bind = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listeners = Listeners { public: Some(bind().await), admin: bind().await, health: bind().await };
        let public = listeners.public.as_ref().unwrap().local_addr().unwrap();
        let serving = tokio::spawn(serve(Arc::clone(&world.faces), listeners, std::future::pending()));
        Self { world, public, serving }
    }

    async fn ask(&self, request: String) -> Given {
        let mut stream = TcpStream::connect(self.public).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_string(&mut text));
        read.await.unwrap().unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header =
            |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        Given { status, headers: lines.filter_map(header).collect(), body: body.to_owned() }
    }

    async fn get(&self, did: &Did, more: &str) -> Given {
        let path = format!("/1.0/identifiers/{did}");
        self.ask(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{more}\r\n")).await
    }

    /// The same, and whether the store was read for it.
    async fn read(&self, did: &Did, more: &str) -> (Given, bool) {
        let before = self.world.records.reads.load(Ordering::Relaxed);
        let given = self.get(did, more).await;
        (given, self.world.records.reads.load(Ordering::Relaxed) > before)
    }

    async fn import(&self, did: &Did, log: &[u8]) -> u16 {
        let lines = log.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        let log: Value = lines.map(|line| serde_json::from_slice::<Value>(line).unwrap()).collect();
        self.world.post("/v1/webvh/import", &json!({"did": did.as_str(), "log": log})).await.status
    }
}

const DOCUMENT: &str = "accept: application/did\r\n";

/// What differs between two answers of one second.
fn plain(mut given: Given) -> Given {
    for varies in ["date", "x-request-id"] {
        given.headers.remove(varies).unwrap();
    }
    given
}

#[tokio::test]
async fn what_was_answered_is_answered_again_as_it_was_in_each_form_and_nothing_is_read_for_it() {
    let served = Served::new().await;
    let (own, foreign) = (served.world.owner("alice").await, Party::new("bot", "bravo.test:agents:bot"));
    assert_eq!(served.import(&foreign.did, &foreign.log).await, 200);
    let forms = [
        ("", "application/did-resolution"),
        (DOCUMENT, "application/did"),
        ("accept: application/did+json\r\n", "application/did+json"),
        ("accept: application/json;q=0.9, text/html\r\n", "application/json"),
    ];
    let mut seen = BTreeMap::new();
    for did in [&own.did, &foreign.did] {
        for (accept, media_type) in forms {
            let (first, was_read) = served.read(did, accept).await;
            assert!(was_read && first.status == 200, "{accept}: {first:?}");
            assert_eq!(first.headers["content-type"], media_type);
            assert_eq!((&*first.headers["vary"], &*first.headers["cache-control"]), ("accept", "no-cache"));
            let (again, was_read) = served.read(did, accept).await;
            assert!(!was_read, "{did} {accept}");
            assert_ne!(first.headers["x-request-id"], again.headers["x-request-id"]);
            assert_eq!(seen.insert((did.as_str(), first.tag()), accept), None, "one tag, two bodies");
            assert_eq!(plain(first), plain(again), "{did} {accept}");
        }
        assert_eq!(served.get(did, "accept: text/html\r\n").await.status, 406);
    }
    let mut counted = String::new();
    prometheus_client::encoding::text::encode(&mut counted, &served.world.faces.registry).unwrap();
    let line = "route=\"/1.0/identifiers/{*did}\",status=\"200\"} 16";
    assert!(counted.contains(line), "{counted}");
}

#[tokio::test]
async fn who_has_an_answer_is_told_that_it_still_is_the_answer_and_gets_it_where_it_is_not() {
    let served = Served::new().await;
    let bot = Party::new("bot", "bravo.test:agents:bot");
    assert_eq!(served.import(&bot.did, &bot.log).await, 200);
    for form in ["", DOCUMENT] {
        let tag = served.get(&bot.did, form).await.tag();
        assert!(tag.starts_with('"'), "a strong one: {tag}");
        for has in [tag.clone(), format!("\"other\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
            let (told, was_read) = served.read(&bot.did, &format!("{form}if-none-match: {has}\r\n")).await;
            assert_eq!((told.status, told.body.as_str(), was_read), (304, "", false), "{has}");
            assert_eq!((told.tag(), told.headers.get("content-type")), (tag.clone(), None));
        }
        assert_eq!(served.get(&bot.did, &format!("{form}if-none-match: \"other\"\r\n")).await.status, 200);
    }
    let (whole, document) =
        (served.get(&bot.did, "").await.tag(), served.get(&bot.did, DOCUMENT).await.tag());
    assert_eq!(served.import(&bot.did, &bot.rotated(false)).await, 200);
    for (form, tag) in [("", whole), (DOCUMENT, document)] {
        let told = served.get(&bot.did, &format!("{form}if-none-match: {tag}\r\n")).await;
        // The document is the same; what is said of it is not.
        assert_eq!(told.status, if form.is_empty() { 200 } else { 304 }, "{told:?}");
    }
    // A condition of a POST is none.
    let path = format!("/1.0/identifiers/{}", bot.did);
    let post = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\nif-none-match: *\r\n\r\n"
    );
    assert_eq!(served.ask(post).await.status, 200);
}

#[tokio::test]
async fn a_kept_answer_is_given_no_more_once_the_log_has_grown_is_contested_settled_or_over() {
    let served = Served::new().await;
    let bot = Party::new("bot", "bravo.test:agents:bot");
    let (rotated, over) = (bot.rotated(false), bot.rotated(true));
    assert_eq!(served.import(&bot.did, &bot.log).await, 200);
    let kept = async |status: u16| {
        for form in ["", DOCUMENT] {
            let given = served.get(&bot.did, form).await;
            assert_eq!(given.status, status, "{given:?}");
            assert_eq!(served.get(&bot.did, form).await.status, status);
        }
    };
    kept(200).await;
    assert!(!served.read(&bot.did, "").await.1);
    assert_eq!(served.import(&bot.did, &rotated).await, 200);
    let (grown, was_read) = served.read(&bot.did, "").await;
    assert_eq!((&grown.json()["didDocumentMetadata"]["versionNumber"], was_read), (&json!("2"), true));
    kept(200).await;
    assert!(!served.read(&bot.did, "").await.1);
    assert_eq!(served.import(&bot.did, &over).await, 403);
    kept(403).await;
    for (branch, status) in [(&rotated, 200), (&over, 410)] {
        let last = branch.split(|b| *b == b'\n').rfind(|line| !line.is_empty()).unwrap();
        let id = serde_json::from_slice::<Value>(last).unwrap()["versionId"].clone();
        let settle = format!("/v1/contested/{}/settle", bot.did);
        assert_eq!(served.world.post(&settle, &json!({"versionId": id})).await.status, 200);
        kept(status).await;
    }
    let other = Party::new("other", "bravo.test:agents:other");
    assert_eq!(served.import(&other.did, &other.log).await, 200);
    assert_eq!(served.get(&other.did, "").await.status, 200);
    assert_eq!(served.import(&other.did, &other.rotated(true)).await, 200);
    let given = served.get(&other.did, DOCUMENT).await;
    assert_eq!((given.status, given.headers.get("etag")), (410, None));
    let (given, was_read) = served.read(&other.did, DOCUMENT).await;
    assert_eq!((given.status, was_read), (410, false));
    let conditional = format!("{DOCUMENT}if-none-match: *\r\n");
    assert_eq!(served.get(&other.did, &conditional).await.status, 410);
}

#[tokio::test]
async fn a_kept_answer_says_when_it_is_given_and_a_foreign_one_grows_old() {
    let served = Served::new().await;
    let (own, bot) = (served.world.owner("alice").await, Party::new("bot", "bravo.test:agents:bot"));
    assert_eq!(served.import(&bot.did, &bot.log).await, 200);
    let said = |given: &Given| {
        let metadata = given.json()["didResolutionMetadata"].clone();
        (metadata["confirmedAt"].as_str().unwrap().to_owned(), metadata["stale"] == true)
    };
    let (first, of_bot) = (served.get(&own.did, "").await, served.get(&bot.did, "").await);
    served.world.clock.ahead.store(9, Ordering::Relaxed);
    let (later, was_read) = served.read(&own.did, "").await;
    assert!(!was_read && first.tag() != later.tag());
    assert_ne!(said(&first), said(&later));
    assert_eq!(said(&later).0, served.world.faces.domain.now().to_string());
    // What is asked with its options goes another way, and comes to the same.
    let path = format!("/1.0/identifiers/{}?trace=false", own.did);
    let unkept = served.ask(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await;
    assert_eq!(unkept.body, later.body);
    let tag = first.tag();
    assert_eq!(served.get(&own.did, &format!("if-none-match: {tag}\r\n")).await.status, 200);
    assert_eq!(said(&served.get(&bot.did, "").await), said(&of_bot), "nobody confirmed it since");
    // Somebody does, and its answer says so.
    assert_eq!(served.import(&bot.did, &bot.log).await, 200);
    let (confirmed, was_read) = served.read(&bot.did, "").await;
    assert!(was_read && said(&confirmed).0 == said(&later).0);
    served.world.clock.ahead.store(9 + 24 * 3_600, Ordering::Relaxed);
    let (old, was_read) = served.read(&bot.did, "").await;
    assert!(was_read && said(&old).1, "{old:?}");
}

#[tokio::test]
async fn only_what_is_asked_as_the_did_is_written_is_kept() {
    let served = Served::new().await;
    let own = served.world.owner("alice").await;
    assert_eq!(served.get(&own.did, "").await.status, 200);
    let encoded = own.did.as_str().replace(':', "%3A");
    let same = [encoded, format!("{}?trace=true", own.did), format!("{}?versionNumber=1", own.did)];
    for path in same {
        for _ in 0..2 {
            let before = served.world.records.reads.load(Ordering::Relaxed);
            let request =
                format!("GET /1.0/identifiers/{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
            assert_eq!(served.ask(request).await.status, 200, "{path}");
            assert!(served.world.records.reads.load(Ordering::Relaxed) > before, "{path}");
        }
    }
    let did: Did = "did:key:z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG".parse().unwrap();
    assert_eq!(served.get(&did, "").await.status, 200);
    let broken = format!("/1.0/identifiers/{}", own.did);
    served.world.clock.broken.store(true, Ordering::Relaxed);
    let answer = served.ask(format!("GET {broken} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await;
    assert_eq!(answer.status, 500, "{answer:?}");
}

#[tokio::test]
async fn what_is_asked_for_stays_and_no_more_is_kept_than_there_is_room_for() {
    const ROOM: usize = 400_000;
    // An answer has a kilobyte at least, and 512 bytes around it.
    const MOST: usize = ROOM / 1_500;
    let served = Served::keeping(Answers::new(ROOM)).await;
    let bots: Vec<Party> =
        (0..2 * MOST).map(|n| Party::new("bot", &format!("alpha.test:agents:bot-{n}"))).collect();
    let write = |bot: &Party| {
        let (key, value) = (format!("{}#0", bot.did).into_bytes(), Some(bot.log.clone()));
        Write { table: Table::Logs, key, value, expect: Expect::Absent }
    };
    served.world.records.commit(bots.iter().map(write).collect()).await.unwrap();
    for bot in &bots {
        assert_eq!(served.get(&bot.did, "").await.status, 200);
        assert!(!served.read(&bot.did, "").await.1, "it is kept");
        served.get(&bots[0].did, "").await;
    }
    assert!(!served.read(&bots[0].did, "").await.1, "it was asked for again and again");
    let mut kept = 0;
    for bot in &bots {
        kept += usize::from(!served.read(&bot.did, "").await.1);
    }
    assert!((1..=MOST).contains(&kept), "{kept} of {}", bots.len());
    let none = Served::keeping(Answers::new(0)).await;
    let own = none.world.owner("alice").await;
    for _ in 0..2 {
        assert!(none.read(&own.did, "").await.1);
    }
}
