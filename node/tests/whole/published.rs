//! What anybody may read, as files: a verifier that has nothing but a plain web server of that folder.

use crate::authority::Authority;
use crate::process::{Domain, PATIENCE};
use crate::web::{Site, config, door};
use did_resolver::webvh::Log;
use marque::data::Data;
use marque::passphrase;
use marque::signing;
use marque::wiring::{Options, up_reaching};
use marque_fetch::FetchPolicy;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// All files below a folder, by their paths from there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not yet: {what}");
        std::thread::yield_now();
    }
}

fn entries(file: &Path) -> usize {
    fs::read(file).map_or(0, |log| Log::verify(&log, signing::now()).unwrap().versions().count())
}

/// Lists are signed again each half of that many seconds.
pub(crate) const TTL: &str = "6";

/// A domain, its node up, which publishes into a folder.
fn publishing(name: &str) -> (Domain, PathBuf) {
    let mut domain = Domain::init(name);
    let folder = domain.folder.path().join("public");
    domain.up_with(&[
        ("MARQUE_PUBLISH__FOLDER", folder.to_str().unwrap()),
        ("MARQUE_STATUS__TTL_SECONDS", TTL),
    ]);
    (domain, folder)
}

fn up_again(domain: &mut Domain, folder: &Path) {
    domain.up_with(&[
        ("MARQUE_PUBLISH__FOLDER", folder.to_str().unwrap()),
        ("MARQUE_STATUS__TTL_SECONDS", TTL),
    ]);
}

/// Has a verifier that reaches nothing of bravo's but `site` see who its agent is, and that it is revoked. `bravo` is up
/// with `variables`; `has` says whether the log of an agent is where the site reads.
pub(crate) async fn is_seen_without_a_node(
    mut bravo: Domain,
    variables: Vec<(&'static str, String)>,
    authority: Authority,
    site: Site,
    has: impl Fn(&str) -> bool + Send + 'static,
) {
    let alpha = Domain::init("alpha.test");
    let data = Data::at(alpha.data());
    let passphrase =
        passphrase::from_file(passphrase::OF_KEYS, &alpha.folder.path().join("passphrase")).unwrap();
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
    let own = [("status.max_age_seconds", 12.into()), ("verify.skew_seconds", 0.into())];
    let node = up_reaching(reach, config(&data, &own), Data::at(alpha.data()), passphrase, options);
    let story = async {
        door(&data).await;
        let told = tokio::task::spawn_blocking(move || {
            bravo.done(&["owner", "create", "alice"]);
            for agent in ["bot", "other"] {
                bravo.done(&["agent", "create", agent, "--owner", "alice", "--cap", "calendar:read"]);
            }
            alpha.done(&["trust", "add", &bravo.did, "--cap", "calendar:read"]);
            let present = |bravo: &Domain, agent: &str| {
                let nonce = alpha.done(&["verify", "--new-nonce"]);
                let (nonce, audience) = (nonce.text("nonce"), nonce.text("audience"));
                bravo
                    .done(&["present", "--agent", agent, "--nonce", &nonce, "--aud", &audience])
                    .text("presentation")
            };
            let mut presentations: Vec<String> = (0..4).map(|_| present(&bravo, "bot")).collect();
            until("the agent", || has("bot"));
            bravo.stop();
            let verified = alpha.pipe(&["verify", "-"], presentations.pop().unwrap().as_bytes());
            assert_eq!(verified.exit, 0, "{}", verified.json);
            let asked = site.asked();
            for path in ["/.well-known/did.jsonl", "/agents/bot/did.jsonl", "/status/revocation"] {
                assert!(asked.iter().any(|asked| asked == path), "{path}: {asked:?}");
            }
            // Up again, and a peer of nobody: alpha has the files only.
            let variables = variables.iter().map(|(name, value)| (*name, value.as_str()));
            bravo.up_with(&variables.collect::<Vec<_>>());
            bravo.done(&["agent", "revoke", "bot"]);
            site.asked();
            let deadline = Instant::now() + PATIENCE;
            loop {
                // What alpha holds grows too old, and it looks at the files.
                while site.asked().is_empty() {
                    let other = alpha.pipe(&["verify", "-"], present(&bravo, "other").as_bytes());
                    assert_eq!(other.exit, 0, "{}", other.json);
                    assert!(Instant::now() < deadline, "nobody looks");
                }
                let answer = alpha.pipe(&["verify", "-"], presentations.pop().unwrap().as_bytes());
                if answer.exit == 4 {
                    assert_eq!(answer.text("code"), "AID-003", "{}", answer.json);
                    break;
                }
            }
        });
        told.await.unwrap();
    };
    tokio::select! {
        ended = node => panic!("the node ended: {ended:?}"),
        () = story => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verifier_that_has_only_files_on_a_web_server_sees_who_an_agent_is_and_that_it_is_revoked() {
    let (bravo, folder) = publishing("bravo.test");
    let authority = Authority::new();
    let site = Site::start_of(authority.acceptor(&["bravo.test"], false), Some(folder.clone())).await;
    let path = folder.to_str().unwrap().to_owned();
    let variables = vec![("MARQUE_PUBLISH__FOLDER", path), ("MARQUE_STATUS__TTL_SECONDS", TTL.to_owned())];
    let has = move |agent: &str| entries(&folder.join("agents").join(agent).join("did.jsonl")) == 1;
    is_seen_without_a_node(bravo, variables, authority, site, has).await;
}

#[test]
fn what_is_acknowledged_is_among_the_files_also_after_a_kill_and_after_the_folder_was_in_the_way() {
    let (mut bravo, folder) = publishing("bravo.test");
    bravo.done(&["owner", "create", "alice"]);
    for n in 0..5 {
        bravo.done(&["agent", "create", &format!("bot-{n}"), "--owner", "alice", "--cap", "calendar:read"]);
    }
    bravo.kill();
    up_again(&mut bravo, &folder);
    let log = |agent: &str| folder.join("agents").join(agent).join("did.jsonl");
    until("all agents", || (0..5).all(|n| entries(&log(&format!("bot-{n}"))) == 1));
    until("the domain's", || entries(&folder.join(".well-known/did.jsonl")) >= 1);
    let document: Value =
        serde_json::from_slice(&fs::read(folder.join("agents/bot-0/did.json")).unwrap()).unwrap();
    assert_eq!(document["id"], "did:web:bravo.test:agents:bot-0");
    assert!(folder.join("status/revocation").is_file() && folder.join("status/aggregation").is_file());
    // A file where a folder should be: it is tried again until there is room.
    fs::write(folder.join("agents/in-the-way"), "").unwrap();
    bravo.done(&["agent", "create", "in-the-way", "--owner", "alice", "--cap", "calendar:read"]);
    fs::remove_file(folder.join("agents/in-the-way")).unwrap();
    until("what was in the way", || entries(&log("in-the-way")) == 1);
    bravo.done(&["agent", "rotate", "bot-0"]);
    until("the rotation", || entries(&log("bot-0")) == 2);
    bravo.stop();
    let left: Vec<_> =
        files(&folder).into_iter().filter(|path| path.extension().is_some_and(|e| e == "new")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_file_that_is_newer_than_the_store_stays() {
    let (mut bravo, folder) = publishing("bravo.test");
    bravo.done(&["owner", "create", "alice"]);
    bravo.done(&["agent", "create", "bot", "--owner", "alice", "--cap", "calendar:read"]);
    let log = folder.join("agents/bot/did.jsonl");
    until("its log", || entries(&log) == 1);
    bravo.stop();
    let copy = bravo.folder.path().join("copy");
    let copied = std::process::Command::new("cp").arg("-a").arg(bravo.data()).arg(&copy).status();
    assert!(copied.unwrap().success());
    up_again(&mut bravo, &folder);
    bravo.done(&["agent", "rotate", "bot"]);
    until("its rotation", || entries(&log) == 2);
    bravo.stop();
    fs::remove_dir_all(bravo.data()).unwrap();
    fs::rename(&copy, bravo.data()).unwrap();
    fs::remove_file(folder.join("agents/bot/did.json")).unwrap();
    up_again(&mut bravo, &folder);
    // It has looked at the agent, and left its log.
    until("its document", || folder.join("agents/bot/did.json").is_file());
    assert_eq!(entries(&log), 2);
    bravo.stop();
}
