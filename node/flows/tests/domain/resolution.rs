//! Looking DIDs up: here, at peers, at the hosts that they name; and what is said where nobody answers.

use crate::world::{Holder, NOW, Node};
use did_resolver::did::{Did, DidUrl};
use did_resolver::resolution::ResolutionError;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::ScidId;
use futures::future::{BoxFuture, join_all};
use marque_flows::lookups::{MAX_PER_WINDOW, Source};
use marque_flows::ports::fetch::{Fetch, FetchError, Fetched, Wanted};
use marque_flows::ports::mesh::{Asked, Intake, Joined, Mesh, MeshError, PeerInfo, Publication, Submission};
use marque_flows::ports::records::{Expect, Records, Table, Write};
use marque_flows::resolve::{Standing, Unresolved};
use marque_rules::issuance::MemberKind;
use marque_rules::replica::state::Via;
use marque_rules::replica::token::JoinToken;
use marque_rules::replica::{Envelope, Request, Response, Scid};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;
use vc_schemas::code::Code;
use vc_schemas::facts::{DidFact, ListKey};

const AT: UnixSeconds = UnixSeconds::new(NOW - 500);

/// What hosts have, by URL. What is not there is missing.
#[derive(Debug)]
pub(crate) struct Hosts {
    files: Mutex<BTreeMap<String, Result<Fetched, FetchError>>>,
    asked: AtomicUsize,
    open: Semaphore,
}

impl Hosts {
    pub(crate) fn new() -> Arc<Self> {
        let (files, asked) = Default::default();
        Arc::new(Self { files, asked, open: Semaphore::new(1 << 20) })
    }

    pub(crate) fn put(&self, url: &str, bytes: &[u8], keep: Option<u64>) {
        let fetched = Fetched { bytes: bytes.to_vec(), keep: keep.map(Duration::from_secs) };
        self.files.lock().unwrap().insert(url.to_owned(), Ok(fetched));
    }

    pub(crate) fn fail(&self, url: &str, error: FetchError) {
        self.files.lock().unwrap().insert(url.to_owned(), Err(error));
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Answers nobody from now on.
    pub(crate) fn close(&self) {
        self.open.forget_permits(1 << 20);
    }

    /// Answers again.
    pub(crate) fn open(&self, permits: usize) {
        self.open.add_permits(permits);
    }
}

impl Fetch for Hosts {
    fn fetch(&self, wanted: Wanted) -> BoxFuture<'_, Result<Fetched, FetchError>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            drop(self.open.acquire().await.unwrap());
            let answer = self.files.lock().unwrap().get(&wanted.url).cloned();
            let fetched = answer.unwrap_or(Err(FetchError::Missing))?;
            if fetched.bytes.len() > wanted.max_bytes { Err(FetchError::TooLarge) } else { Ok(fetched) }
        })
    }
}

/// A mesh of one peer: what it holds of its own domain is judged as if it had been asked for.
#[derive(Debug)]
struct Peer {
    here: Mutex<Option<marque_flows::intake::NodeIntake>>,
    there: Option<marque_flows::intake::NodeIntake>,
    domain: Scid,
}

impl Mesh for Peer {
    fn publish(&self, _: Publication) -> BoxFuture<'_, Result<(), MeshError>> {
        Box::pin(async { Ok(()) })
    }

    fn resolve(&self, did: Did, _: Duration) -> BoxFuture<'_, Result<Asked, MeshError>> {
        Box::pin(async move {
            let (Some(there), Some(here)) = (&self.there, self.here.lock().unwrap().take()) else {
                return Ok(Asked::default());
            };
            let items = there.items(self.domain.clone()).await.unwrap();
            let mut asked = Asked::default();
            for item in items.iter().filter(|item| item.subject == did.as_str()) {
                let wanted = Request::Objects { domain: self.domain.clone(), ids: vec![item.id()] };
                let Response::Objects(objects) = there.lookup(wanted).await else { continue };
                let envelope = Envelope::decode(&objects[0].1).unwrap();
                let judged = here.judge(Submission { via: Via::Sync, envelope, log: None }).await;
                if let Some(write) = judged.write {
                    write.await.unwrap();
                }
                asked = Asked { answers: 1, domains: 1, stored: true };
            }
            *self.here.lock().unwrap() = Some(here);
            Ok(asked)
        })
    }

    fn list(&self, _: Option<Scid>, _: String, _: Duration) -> BoxFuture<'_, Result<Asked, MeshError>> {
        Box::pin(async { Ok(Asked::default()) })
    }

    fn join(&self, _: JoinToken, _: Duration) -> BoxFuture<'_, Result<Joined, MeshError>> {
        Box::pin(async { Err(MeshError::Closed) })
    }

    fn domains_changed(&self) {}

    fn peers(&self) -> BoxFuture<'_, Result<Vec<PeerInfo>, MeshError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

fn stranger() -> Holder {
    Holder::new("stranger", "mallory.test", &["agents", "stranger"], AT)
}

const LOG: &str = "https://mallory.test/agents/stranger/did.jsonl";
const PROOFS: &str = "https://mallory.test/agents/stranger/did-witness.json";

async fn with_hosts() -> (Node, Arc<Hosts>) {
    let (node, hosts) = (Node::new("alpha.test").await, Hosts::new());
    node.domain.join_web(hosts.clone());
    (node, hosts)
}

/// The document's id and how good the answer is, or the error's name, or the code.
async fn resolve(node: &Node, did: &Did) -> Result<(Option<Value>, Standing), String> {
    match node.domain.resolve(&DidUrl::from(did.clone()), None).await {
        Ok(answer) => match answer.found {
            Ok((resolution, standing)) => {
                Ok((resolution.document.as_ref().map(|document| document["id"].clone()), standing))
            }
            Err(Unresolved::Error(error)) => Err(error.name().to_owned()),
            Err(Unresolved::Refused(refusal)) => Err(refusal.code.to_string()),
        },
        Err(other) => panic!("{other}"),
    }
}

/// Where was looked, and what came of it.
async fn traced(node: &Node, did: &Did) -> (Option<Code>, Vec<(Source, &'static str)>) {
    let answer = node.domain.resolve(&DidUrl::from(did.clone()), None).await.unwrap();
    let code = match answer.found {
        Err(Unresolved::Refused(refusal)) => Some(refusal.code),
        _ => None,
    };
    (code, answer.trace.iter().map(|step| (step.source, step.outcome)).collect())
}

fn good(source: Source, at: u64) -> Standing {
    Standing { source, confirmed: Some(UnixSeconds::new(at)), stale: false, sources: 1 }
}

#[tokio::test]
async fn a_log_is_fetched_once_verified_kept_and_good_for_its_ttl() {
    let (node, hosts) = with_hosts().await;
    let (one, did) = (stranger(), stranger().did());
    hosts.put(LOG, one.log.bytes(), None);
    let id = Some(json!(did.as_str()));
    assert_eq!(resolve(&node, &did).await, Ok((id.clone(), good(Source::Web, NOW))));
    assert_eq!(node.domain.held_log(&did).await.unwrap().log().unwrap().bytes(), one.log.bytes());
    node.pass(3_599);
    assert_eq!(resolve(&node, &did).await, Ok((id.clone(), good(Source::Store, NOW))));
    assert_eq!(hosts.asked(), 1, "within the ttl nobody is asked");
    let two = one.rotated(UnixSeconds::new(NOW - 100), None);
    hosts.put(LOG, two.log.bytes(), None);
    node.pass(1);
    assert_eq!(resolve(&node, &did).await, Ok((id, good(Source::Web, NOW + 3_600))));
    assert_eq!(node.domain.held_log(&did).await.unwrap().log().unwrap().bytes(), two.log.bytes());
    assert_eq!(hosts.asked(), 2);
}

// R-034
#[tokio::test]
async fn what_is_held_is_shown_as_stale_while_its_host_is_away_or_shows_less() {
    let (node, hosts) = with_hosts().await;
    let one = stranger();
    let (two, did) = (one.rotated(UnixSeconds::new(NOW - 100), None), one.did());
    hosts.put(LOG, two.log.bytes(), None);
    resolve(&node, &did).await.unwrap();
    node.pass(4_000);
    let stale = Standing { source: Source::Store, stale: true, ..good(Source::Store, NOW) };
    for error in [FetchError::Unreachable, FetchError::Late, FetchError::Missing] {
        hosts.fail(LOG, error);
        assert_eq!(resolve(&node, &did).await.unwrap().1, stale, "{error}");
        node.pass(60);
    }
    hosts.put(LOG, one.log.bytes(), None);
    assert_eq!(resolve(&node, &did).await.unwrap().1, stale, "the host went back");
    assert_eq!(node.domain.find_log(&did).await.unwrap().log().unwrap().bytes(), two.log.bytes());
    let asked = hosts.asked();
    assert_eq!(resolve(&node, &did).await.unwrap().1, stale);
    assert_eq!(hosts.asked(), asked, "the host is left alone for a moment");
}

#[tokio::test]
async fn a_host_that_says_nothing_keeps_nobody_waiting_for_what_is_held() {
    let (node, hosts) = with_hosts().await;
    hosts.put(LOG, stranger().log.bytes(), None);
    resolve(&node, &stranger().did()).await.unwrap();
    node.pass(4_000);
    hosts.open.forget_permits(1 << 20);
    let began = std::time::Instant::now();
    assert!(resolve(&node, &stranger().did()).await.unwrap().1.stale);
    assert!(began.elapsed() < node.domain.policy().resolve_deadline);
}

/// A mesh that never answers, though it was told how long it has.
#[derive(Debug)]
struct Mute;

impl Mesh for Mute {
    fn publish(&self, _: Publication) -> BoxFuture<'_, Result<(), MeshError>> {
        Box::pin(async { Ok(()) })
    }

    fn resolve(&self, _: Did, _: Duration) -> BoxFuture<'_, Result<Asked, MeshError>> {
        Box::pin(std::future::pending())
    }

    fn list(&self, _: Option<Scid>, _: String, _: Duration) -> BoxFuture<'_, Result<Asked, MeshError>> {
        Box::pin(std::future::pending())
    }

    fn join(&self, _: JoinToken, _: Duration) -> BoxFuture<'_, Result<Joined, MeshError>> {
        Box::pin(std::future::pending())
    }

    fn domains_changed(&self) {}

    fn peers(&self) -> BoxFuture<'_, Result<Vec<PeerInfo>, MeshError>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_first_lookup_ends_at_its_deadline_whoever_says_nothing() {
    let within = Duration::from_millis(200);
    let unknown = Some(Code::DidUnresolvable);
    let silent = |of_web: bool, of_mesh: bool| async move {
        let (node, hosts) = (Node::in_haste("alpha.test", within).await, Hosts::new());
        hosts.open.forget_permits(1 << 20);
        if of_web {
            node.domain.join_web(hosts.clone());
        }
        if of_mesh {
            node.domain.join_mesh(Arc::new(Mute));
        }
        let began = std::time::Instant::now();
        let did = stranger().did();
        let came = tokio::time::timeout(Duration::from_secs(30), traced(&node, &did)).await.unwrap();
        assert!(began.elapsed() >= within, "nobody gave up early");
        came
    };
    let missing = (Source::Store, "missing");
    let (web, peers) = ((Source::Web, "away"), (Source::Peers, "away"));
    assert_eq!(silent(true, false).await, (unknown, vec![missing, web]));
    assert_eq!(silent(false, true).await, (unknown, vec![missing, peers]));
    assert_eq!(silent(true, true).await, (unknown, vec![missing, peers, web]));
    let (node, hosts) = (Node::in_haste("alpha.test", within).await, Hosts::new());
    hosts.open.forget_permits(1 << 20);
    node.domain.join_web(hosts.clone());
    let document = traced(&node, &"did:web:shop.mallory.test".parse().unwrap()).await;
    assert_eq!(document, (unknown, vec![web]));
    let quiet = Node::in_haste("alpha.test", within).await;
    quiet.domain.join_mesh(Arc::new(Mute));
    let key = ListKey { issuer: stranger().did(), url: "https://mallory.test/status/revocation".to_owned() };
    let list = tokio::time::timeout(Duration::from_secs(30), quiet.domain.find_list(&key)).await.unwrap();
    assert!(list.unwrap().is_none());
    // Two who ask for one DID wait for one lookup, and each no longer than it may.
    let did = Holder::new("twice", "mallory.test", &["twice"], AT).did();
    let both = futures::future::join(traced(&node, &did), traced(&node, &did)).await;
    assert_eq!((both.0.0, both.1.0), (unknown, unknown));
    assert_eq!(hosts.asked(), 2);
}

#[tokio::test]
async fn an_answer_that_is_a_refusal_says_what_was_looked_at() {
    let (node, hosts) = with_hosts().await;
    hosts.fail(LOG, FetchError::Untrusted);
    let did = stranger().did();
    let missing = (Source::Store, "missing");
    let away = traced(&node, &did).await;
    assert_eq!(away, (Some(Code::DidUnresolvable), vec![missing, (Source::Web, "away")]));
    let again = traced(&node, &did).await;
    assert_eq!(again, (Some(Code::DidUnresolvable), vec![missing, (Source::Cache, "vain")]));
    node.pass(30);
    let one = stranger();
    let at = |seconds| one.rotated(UnixSeconds::new(NOW - seconds), None);
    hosts.put(LOG, at(100).log.bytes(), None);
    assert_eq!(traced(&node, &did).await, (None, vec![missing, (Source::Web, "found")]));
    hosts.put(LOG, at(90).log.bytes(), None);
    node.pass(3_600);
    let contested = traced(&node, &did).await;
    let looked = vec![(Source::Store, "due"), (Source::Web, "found")];
    assert_eq!(contested, (Some(Code::DidContested), looked));
    let held = traced(&node, &did).await;
    assert_eq!(held, (Some(Code::DidContested), vec![(Source::Store, "found")]));
}

/// A DID, and its log after it moved to `other.test`, as an entry more.
fn moved() -> (Holder, Holder) {
    let one = Holder::that_may_move("mover", "mallory.test", &["mover"], AT, true);
    let two = one.moved_to("other.test", UnixSeconds::new(NOW - 100));
    (one, two)
}

#[tokio::test]
async fn what_is_held_under_one_name_of_a_did_answers_for_its_others() {
    let (one, two) = moved();
    let (old, new) = (one.did(), two.did());
    assert_ne!(old, new);
    let node = Node::new("alpha.test").await;
    node.domain.import(&new, two.log.bytes().into()).await.unwrap();
    let newest = Some(json!(new.as_str()));
    for did in [&old, &new] {
        let answer = node.domain.resolve(&DidUrl::from(did.clone()), None).await.unwrap();
        let (resolution, _) = answer.found.unwrap();
        assert_eq!(resolution.document.as_ref().map(|document| document["id"].clone()), newest);
        assert_eq!(resolution.metadata.canonical_id.is_some(), *did == old);
    }
    // What is shorter under the old name changes nothing, be it handed in or fetched.
    node.domain.import(&old, one.log.bytes().into()).await.unwrap();
    assert_eq!(resolve(&node, &old).await.unwrap().0, newest);
    let (web, hosts) = with_hosts().await;
    web.domain.import(&new, two.log.bytes().into()).await.unwrap();
    hosts.put("https://mallory.test/mover/did.jsonl", one.log.bytes(), None);
    assert_eq!(resolve(&web, &old).await.unwrap().0, newest);
    assert_eq!(hosts.asked(), 1);
    let unknown = Holder::new("unknown", "mallory.test", &["mover"], AT).did();
    assert_eq!(resolve(&node, &unknown).await, Err("NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn two_histories_under_two_names_contest_each_other() {
    let (one, left) = moved();
    let right = one.moved_to("third.test", UnixSeconds::new(NOW - 90));
    for full in [false, true] {
        let (node, hosts) = with_hosts().await;
        node.domain.import(&left.did(), left.log.bytes().into()).await.unwrap();
        if full {
            filled(&node).await;
            hosts.put("https://mallory.test/mover/did.jsonl", right.log.bytes(), None);
        } else {
            node.domain.import(&right.did(), right.log.bytes().into()).await.unwrap();
        }
        let scid = scid_of(&one);
        let contested = Err(Code::DidContested.to_string());
        assert_eq!(resolve(&node, &one.did()).await, contested, "{full}");
        let fact = node.domain.find_log(&one.did()).await.unwrap().fact();
        assert!(matches!(fact, Some(DidFact::Contested)), "{full}");
        if !full {
            assert_eq!(resolve(&node, &left.did()).await, contested);
            assert_eq!(resolve(&node, &scid).await, contested);
        }
    }
}

fn scid_of(holder: &Holder) -> Did {
    ScidId::of(holder.log.scid()).unwrap().did().clone()
}

#[tokio::test]
async fn a_did_scid_is_the_log_of_that_scid_wherever_it_is_held_or_at_its_source() {
    let (node, hosts) = with_hosts().await;
    let (one, scid) = (stranger(), scid_of(&stranger()));
    assert_eq!(resolve(&node, &scid).await, Err("NOT_FOUND".to_owned()));
    assert_eq!(hosts.asked(), 0, "without a place there is nobody to ask");
    hosts.put(LOG, one.log.bytes(), None);
    let at = |src: &str| format!("{scid}?src={src}").parse::<DidUrl>().unwrap();
    let found = node.domain.resolve(&at("mallory.test/agents/stranger"), None).await.unwrap();
    let (resolution, standing) = found.found.unwrap();
    let document = resolution.document.clone().unwrap();
    assert_eq!((&document["id"], standing), (&json!(scid.as_str()), good(Source::Web, NOW)));
    assert!(document["alsoKnownAs"].as_array().unwrap().contains(&json!(one.did().as_str())));
    let held = resolve(&node, &scid).await;
    assert_eq!(held, Ok((Some(json!(scid.as_str())), good(Source::Store, NOW))), "it is held now");
    for (url, error) in [
        (at("elsewhere.test"), ResolutionError::NotFound),
        (at("127.0.0.1"), ResolutionError::InvalidDid),
        ("did:scid:ke:1:x".parse().unwrap(), ResolutionError::MethodNotSupported),
        ("did:scid:vh:1:x".parse().unwrap(), ResolutionError::InvalidDid),
    ] {
        let answer = node.domain.resolve(&url, None).await.unwrap();
        assert_eq!(answer.found.unwrap_err(), Unresolved::Error(error), "{url}");
    }
    let fact = node.domain.find_log(&scid).await.unwrap().fact();
    assert!(fact.is_none(), "nothing is authorised under a did:scid");
}

/// Says that so much was written already of strangers that were fetched.
async fn filled(node: &Node) {
    let (table, key) = (Table::Node, b"unrecognised-fetched".to_vec());
    let known = node.records.get(table, &key).await.unwrap();
    let expect = known.map_or(Expect::Absent, |stored| Expect::Version(stored.version));
    let value = Some(format!("{{\"bytes\":{}}}", 64 << 20).into_bytes());
    node.records.commit(vec![Write { table, key, value, expect }]).await.unwrap();
}

#[tokio::test]
async fn beyond_what_is_kept_of_strangers_a_log_is_shown_verified_and_authorises_nothing() {
    let (node, hosts) = with_hosts().await;
    filled(&node).await;
    let (one, did) = (stranger(), stranger().did());
    hosts.put(LOG, one.log.bytes(), None);
    let id = Some(json!(did.as_str()));
    for seconds in [0, 1] {
        node.pass(seconds);
        let shown = resolve(&node, &did).await;
        assert_eq!(shown, Ok((id.clone(), good(Source::Web, NOW + seconds))));
        assert!(node.domain.held_log(&did).await.unwrap().branches.is_empty());
    }
    assert_eq!(hosts.asked(), 2, "it is not kept, so it is asked for again");
    assert!(node.domain.find_log(&did).await.unwrap().fact().is_none(), "it authorises nothing");
    let text = String::from_utf8(one.log.bytes().to_vec()).unwrap();
    hosts.put(LOG, text.replace("mallory.test", "mallory.evil").as_bytes(), None);
    assert_eq!(resolve(&node, &did).await, Err("INVALID_DID".to_owned()), "it is verified all the same");
}

#[tokio::test]
async fn beyond_what_is_kept_of_strangers_a_newer_log_is_shown_and_what_is_held_stays() {
    let (node, hosts) = with_hosts().await;
    let one = stranger();
    let two = one.rotated(UnixSeconds::new(NOW - 100), None);
    hosts.put(LOG, one.log.bytes(), None);
    resolve(&node, &one.did()).await.unwrap();
    filled(&node).await;
    hosts.put(LOG, two.log.bytes(), None);
    node.pass(3_600);
    let url = DidUrl::from(one.did());
    let answer = node.domain.resolve(&url, None).await.unwrap();
    let (resolution, standing) = answer.found.unwrap();
    assert_eq!(resolution.metadata.version_number, Some(2));
    assert_eq!(standing, good(Source::Web, NOW + 3_600));
    let held = node.domain.held_log(&one.did()).await.unwrap();
    assert_eq!(held.log().unwrap().bytes(), one.log.bytes());
}

#[tokio::test]
async fn a_log_that_breaks_a_rule_is_refused_and_not_kept() {
    // R-227
    let (node, hosts) = with_hosts().await;
    let did = stranger().did();
    let text = String::from_utf8(stranger().log.bytes().to_vec()).unwrap();
    let moved = text.replace("mallory.test", "mallory.evil");
    let other = Holder::new("other", "mallory.test", &["agents", "stranger"], AT);
    let wrong: [&[u8]; 5] = [b"", b"{}", moved.as_bytes(), other.log.bytes(), &[b'x'; 2 << 20]];
    for bytes in wrong {
        hosts.put(LOG, bytes, None);
        assert_eq!(resolve(&node, &did).await, Err("INVALID_DID".to_owned()));
        assert!(node.domain.held_log(&did).await.unwrap().branches.is_empty());
        node.pass(31);
    }
}

#[tokio::test]
async fn a_host_that_shows_another_history_makes_a_did_contested_for_good() {
    let (node, hosts) = with_hosts().await;
    let one = stranger();
    let did = one.did();
    let (left, right) =
        (one.rotated(UnixSeconds::new(NOW - 100), None), one.rotated(UnixSeconds::new(NOW - 90), None));
    hosts.put(LOG, left.log.bytes(), None);
    resolve(&node, &did).await.unwrap();
    node.pass(3_600);
    hosts.put(LOG, right.log.bytes(), None);
    assert_eq!(resolve(&node, &did).await, Err(Code::DidContested.to_string()));
    assert!(node.domain.held_log(&did).await.unwrap().is_contested());
    hosts.put(LOG, left.log.bytes(), None);
    node.pass(10_000);
    assert_eq!(resolve(&node, &did).await, Err(Code::DidContested.to_string()));
    assert!(node.domain.find_log(&did).await.unwrap().is_contested());
}

#[tokio::test]
async fn a_log_with_witnesses_needs_their_proofs_from_beside_it() {
    let (node, hosts) = with_hosts().await;
    let place: (&str, &[&str]) = ("mallory.test", &["agents", "stranger"]);
    let watched = Holder::watched("watched", place, AT, &["w1", "w2", "w3"], &["w1", "w2"]);
    let did = watched.did();
    hosts.put(LOG, watched.log.bytes(), None);
    assert_eq!(resolve(&node, &did).await, Err("INVALID_DID".to_owned()));
    hosts.put(PROOFS, &watched.log.witness_file().unwrap(), None);
    node.pass(31);
    assert_eq!(resolve(&node, &did).await, Ok((Some(json!(did.as_str())), good(Source::Web, NOW + 31))));
}

#[tokio::test]
async fn a_did_that_nobody_has_is_not_asked_for_again_at_once() {
    let (node, hosts) = with_hosts().await;
    let did = stranger().did();
    for _ in 0..3 {
        assert_eq!(resolve(&node, &did).await, Err("NOT_FOUND".to_owned()));
    }
    assert_eq!(hosts.asked(), 1);
    hosts.put(LOG, stranger().log.bytes(), None);
    node.pass(30);
    assert!(resolve(&node, &did).await.is_ok());
}

#[tokio::test]
async fn where_nobody_answers_nobody_could_know() {
    let (node, hosts) = with_hosts().await;
    for (n, error) in [FetchError::Unreachable, FetchError::Late, FetchError::Untrusted, FetchError::Busy]
        .into_iter()
        .enumerate()
    {
        let did = Holder::new(&format!("s{n}"), "mallory.test", &["agents", "stranger"], AT).did();
        hosts.fail(LOG, error);
        assert_eq!(resolve(&node, &did).await, Err(Code::DidUnresolvable.to_string()), "{error}");
    }
    let quiet = Node::new("quiet.test").await;
    assert_eq!(resolve(&quiet, &stranger().did()).await, Err("NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn who_asks_for_one_did_at_once_causes_one_fetch() {
    let (node, hosts) = with_hosts().await;
    let did = stranger().did();
    hosts.put(LOG, stranger().log.bytes(), None);
    hosts.open.forget_permits(1 << 20);
    let letting_go = async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        hosts.open.add_permits(8);
    };
    let asking = join_all((0..50).map(|_| resolve(&node, &did)));
    let (answers, ()) = futures::future::join(asking, letting_go).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(hosts.asked(), 1);
}

#[tokio::test]
async fn a_flood_of_unknown_dids_is_answered_honestly_and_keeps_nobody_else_waiting() {
    let (node, hosts) = with_hosts().await;
    hosts.put(LOG, stranger().log.bytes(), None);
    resolve(&node, &stranger().did()).await.unwrap();
    let unknown = |n: u32| -> Did { format!("did:web:n{n}.mallory.test").parse().unwrap() };
    for n in 1..MAX_PER_WINDOW {
        assert_eq!(resolve(&node, &unknown(n)).await, Err("NOT_FOUND".to_owned()));
    }
    let webvh = Holder::new("late", "mallory.test", &[], AT).did();
    for did in [unknown(MAX_PER_WINDOW), webvh] {
        assert_eq!(resolve(&node, &did).await, Err(Code::DidUnresolvable.to_string()));
    }
    assert_eq!(hosts.asked(), MAX_PER_WINDOW as usize);
    assert_eq!(resolve(&node, &stranger().did()).await.unwrap().1.source, Source::Store);
    node.pass(60);
    assert_eq!(resolve(&node, &unknown(MAX_PER_WINDOW)).await, Err("NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn a_did_web_is_kept_for_its_time_shown_as_stale_beyond_and_never_stored() {
    let (node, hosts) = with_hosts().await;
    let did: Did = "did:web:shop.mallory.test".parse().unwrap();
    let url = "https://shop.mallory.test/.well-known/did.json";
    let document = json!({"id": did.as_str()}).to_string();
    let rows = || async {
        let mut rows = 0;
        for table in [Table::Logs, Table::Floors, Table::Decisions, Table::Node] {
            rows += node.records.scan(table, &[], None, 100).await.unwrap().len();
        }
        rows
    };
    let before = rows().await;
    hosts.put(url, document.as_bytes(), Some(60));
    let id = Some(json!(did.as_str()));
    assert_eq!(resolve(&node, &did).await, Ok((id.clone(), good(Source::Web, NOW))));
    node.pass(59);
    assert_eq!(resolve(&node, &did).await, Ok((id.clone(), good(Source::Cache, NOW))));
    assert_eq!(hosts.asked(), 1);
    hosts.fail(url, FetchError::Unreachable);
    node.pass(1);
    let stale = Standing { stale: true, ..good(Source::Cache, NOW) };
    assert_eq!(resolve(&node, &did).await, Ok((id.clone(), stale)));
    hosts.fail(url, FetchError::Missing);
    node.pass(60);
    assert_eq!(resolve(&node, &did).await, Err("NOT_FOUND".to_owned()), "its host took it back");
    // R-157
    hosts.put(url, document.as_bytes(), Some(0));
    for _ in 0..2 {
        node.pass(31);
        assert_eq!(resolve(&node, &did).await.unwrap().1.source, Source::Web);
    }
    hosts.fail(url, FetchError::Late);
    node.pass(31);
    assert_eq!(resolve(&node, &did).await, Err(Code::DidUnresolvable.to_string()), "it was not to be kept");
    hosts.put(url, br#"{"id": "did:web:other.test"}"#, None);
    node.pass(31);
    assert_eq!(resolve(&node, &did).await, Err("INVALID_DID_DOCUMENT".to_owned()));
    assert_eq!(rows().await, before);
    assert!(node.domain.find_log(&did).await.unwrap().fact().is_none(), "it authorises nothing");
    let none = Node::new("bravo.test").await;
    assert_eq!(resolve(&none, &did).await, Err("METHOD_NOT_SUPPORTED".to_owned()));
}

#[tokio::test]
async fn a_did_of_this_domain_is_never_looked_for_at_a_host() {
    let (node, hosts) = with_hosts().await;
    let bogus = Holder::new("bogus", "alpha.test", &["agents", "bogus"], AT);
    hosts.put("https://alpha.test/agents/bogus/did.jsonl", bogus.log.bytes(), None);
    assert_eq!(resolve(&node, &bogus.did()).await, Err("NOT_FOUND".to_owned()));
    let home = node.domain.home.did.clone();
    node.pass(1_000_000);
    assert_eq!(resolve(&node, &home).await.unwrap().1, good(Source::Store, NOW + 1_000_000));
    assert_eq!(hosts.asked(), 0);
}

// R-035
#[tokio::test]
async fn peers_come_before_the_host_and_what_they_give_is_the_signed_log_byte_for_byte() {
    let (alpha, bravo) = (Node::new("alpha.test").await, Node::new("bravo.test").await);
    bravo.trusts(&alpha, &["calendar:read"]).await;
    alpha.owner("alice").await;
    let bot = alpha.agent("bot", "alice", &["calendar:read"]).await;
    let domain = Scid::of(&alpha.domain.home.did).unwrap();
    let own = bravo.domain.held_log(&alpha.domain.home.did).await.unwrap();
    assert!(own.branches.is_empty());
    bravo.domain.import(&alpha.domain.home.did, home_log(&alpha).await.as_slice().into()).await.unwrap();
    let Node { domain: bravo, intake, .. } = bravo;
    let peer = Peer { here: Mutex::new(Some(intake)), there: Some(alpha.intake), domain };
    bravo.join_mesh(Arc::new(peer));
    let hosts = Hosts::new();
    bravo.join_web(hosts.clone());
    let answer = bravo.resolve(&DidUrl::from(bot.did()), None).await.unwrap();
    assert_eq!(answer.found.unwrap().1, good(Source::Peers, NOW));
    let steps: Vec<_> = answer.trace.iter().map(|step| (step.source, step.outcome)).collect();
    assert_eq!(steps, [(Source::Store, "missing"), (Source::Peers, "found")]);
    assert_eq!(bravo.held_log(&bot.did()).await.unwrap().log().unwrap().bytes(), bot.log.bytes());
    let unknown = bravo.resolve(&DidUrl::from(stranger().did()), None).await.unwrap();
    assert_eq!(unknown.found.unwrap_err(), Unresolved::Error(ResolutionError::NotFound));
    let steps: Vec<_> = unknown.trace.iter().map(|step| (step.source, step.outcome)).collect();
    assert_eq!(steps, [(Source::Store, "missing"), (Source::Peers, "missing"), (Source::Web, "missing")]);
    assert_eq!(hosts.asked(), 1);
    assert!(alpha.domain.member(MemberKind::Agent, "bot").await.is_ok());
}

async fn home_log(node: &Node) -> Vec<u8> {
    node.domain.held_log(&node.domain.home.did).await.unwrap().log().unwrap().bytes().to_vec()
}
