//! The domain's own keys replaced: by the command, and by commands and nodes that are killed in the midst of it.

use crate::kills::Place;
use crate::process::{Domain, PATIENCE};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often the command, or the node, is killed.
const KILLS: u32 = 8;

fn version(domain: &Domain) -> u64 {
    let resolved = domain.done(&["resolve", &domain.did]);
    let id = resolved.json["didDocumentMetadata"]["versionId"].as_str().unwrap().to_owned();
    id.split('-').next().unwrap().parse().unwrap()
}

/// The ids of the keys by which what is given out now is signed: an identity, and the list of revocations.
fn signers(domain: &Domain) -> (String, String) {
    let place = Place::of(domain);
    let shown = place.get("/v1/agents/bot/credential");
    let header = shown["credential"].as_str().unwrap().split('.').next().unwrap().to_owned();
    let header = did_resolver::codec::from_base64url(&header).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    (
        header["kid"].as_str().unwrap().to_owned(),
        place.secured_list("revocation").unwrap().key_id().to_string(),
    )
}

/// The ids of the methods of the newest version: those that state anything, those of them that last.
fn listed(domain: &Domain) -> (Vec<String>, Vec<String>) {
    let resolved = domain.done(&["resolve", &domain.did]);
    let document = &resolved.json["didDocument"];
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    };
    (texts(&document["assertionMethod"]), texts(&document["authentication"]))
}

/// Waits until the keys that the newest version lists for good sign, and returns the ids by which it is so.
pub(crate) fn taken_over(domain: &Domain) -> (String, String) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, lasting) = listed(domain);
        let (identity, list) = signers(domain);
        if lasting.contains(&identity) && lasting.contains(&list) {
            return (identity, list);
        }
        assert!(Instant::now() < deadline, "{identity} {list} {lasting:?}");
    }
}

/// The old keys go on to sign for this long.
const LEAD: (&str, &str) = ("MARQUE_KEYS__LEAD_SECONDS", "1");

fn start(lead: (&str, &str)) -> Domain {
    let mut alpha = Domain::init("alpha.test");
    alpha.up_with(&[lead]);
    alpha.done(&["owner", "create", "alice"]);
    alpha.done(&["agent", "create", "bot", "--owner", "alice", "--cap", "calendar:read"]);
    alpha.done(&["trust", "add", &alpha.did, "--cap", "calendar:read"]);
    alpha
}

// R-022 R-133 R-276
#[test]
fn a_domain_replaces_its_keys_twice_and_partners_go_on_verifying_what_it_signed() {
    // Long enough for a partner to hear of the entry.
    let mut alpha = start((LEAD.0, "5"));
    let mut bravo = Domain::start("bravo.test");
    bravo.meets(&alpha, "calendar:read");
    bravo.verifies_until(&alpha, "bot", 0);
    let nonce = bravo.done(&["verify", "--new-nonce"]);
    let early =
        ["present", "--agent", "bot", "--nonce", &nonce.text("nonce"), "--aud", &nonce.text("audience")];
    let early = alpha.done(&early).text("presentation");

    let told = alpha.done(&["domain", "rotate", "--dry-run"]);
    assert_eq!((told.text("did"), version(&alpha)), (alpha.did.clone(), 1));
    // Under load, from before it until everything is by the new keys.
    let is_over = AtomicBool::new(false);
    let rotated = std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut exits = Vec::new();
            while !is_over.load(Ordering::SeqCst) {
                exits.push(bravo.verifies(&alpha, "bot").exit);
            }
            exits
        });
        let rotated = alpha.done(&["domain", "rotate"]);
        taken_over(&alpha);
        is_over.store(true, Ordering::SeqCst);
        let exits = load.join().unwrap();
        assert!(exits.iter().all(|exit| *exit == 0), "{exits:?}");
        println!("{} verifications during a rotation, none refused", exits.len());
        rotated
    });
    assert_eq!((rotated.text("did"), rotated.json["versionNumber"].as_u64()), (alpha.did.clone(), Some(2)));
    assert_eq!(alpha.done(&["status"]).text("did"), alpha.did);
    let (stating, lasting) = listed(&alpha);
    assert_eq!((stating.len(), lasting.len()), (4, 2), "{stating:?}");
    let (identity, list) = taken_over(&alpha);
    // What was presented before, and what is now.
    let verdict = bravo.pipe(&["verify", "-"], early.as_bytes());
    assert_eq!(verdict.exit, 0, "{}", verdict.json);
    bravo.verifies_until(&alpha, "bot", 0);

    alpha.stop();
    alpha.up();
    assert_eq!(signers(&alpha), (identity, list));
    bravo.verifies_until(&alpha, "bot", 0);
    // A partner that was away hears of it when it is back.
    bravo.stop();
    let compromised = alpha.done(&["domain", "rotate", "--compromised"]);
    bravo.up();
    assert_eq!(compromised.json["versionNumber"], 3);
    let (stating, lasting) = listed(&alpha);
    assert_eq!(stating, lasting, "nothing of the old keys counts");
    let (identity, list) = signers(&alpha);
    assert!(lasting.contains(&identity) && lasting.contains(&list), "at once");
    // Owners pass on anew what their old credentials stood for.
    let made = ["agent", "create", "new-bot", "--owner", "alice", "--cap", "calendar:read"];
    let new_bot = alpha.done(&made).text("did");
    bravo.verifies_until(&alpha, "new-bot", 0);
    let credentials = alpha.done(&["credential", "ls"]).json["credentials"].clone();
    let link = credentials.as_array().unwrap().iter().find(|credential| {
        credential["type"] == "DelegationCredential" && credential["subject"] == new_bot.as_str()
    });
    alpha.done(&["credential", "revoke", link.unwrap()["id"].as_str().unwrap()]);
    let revoked = bravo.verifies_until(&alpha, "new-bot", 4);
    assert_eq!(revoked.json["code"], "credential-revoked", "by a list of the new key");
    // Once more, with the partner connected: the membership that it let the node in by is void with the key.
    assert_eq!(alpha.done(&["domain", "rotate", "--compromised"]).json["versionNumber"], 4);
    alpha.done(&["agent", "create", "last-bot", "--owner", "alice", "--cap", "calendar:read"]);
    bravo.verifies_until(&alpha, "last-bot", 0);
    bravo.until(&["peer", "ls"], |answer| answer.json["peers"][0]["state"] == "connected");
    let versions = || std::fs::read_to_string(alpha.data().join("domain.jsonl")).unwrap().lines().count();
    alpha.until(&["status"], |_| versions() == 4);
    let decisions = Place::of(&alpha).get("/v1/decisions?limit=1000");
    let decisions = decisions["decisions"].as_array().unwrap();
    let of_domain = |decision: &&Value| decision["subject"] == alpha.did.as_str();
    let rotations = decisions.iter().filter(of_domain).filter(|decision| decision["outcome"] == "rotated");
    assert_eq!(rotations.count(), 3);
}

//
#[test]
fn without_the_recovery_key_that_the_log_commits_to_nothing_is_replaced() {
    let alpha = start(LEAD);
    let file = alpha.data().join("keys/recovery.json");
    let old = alpha.folder.path().join("old.json");
    std::fs::copy(&file, &old).unwrap();
    let away = alpha.folder.path().join("away.json");
    std::fs::rename(&file, &away).unwrap();
    let code = |answer: &crate::process::Answer| answer.json["error"]["code"].as_str().unwrap().to_owned();
    assert_eq!(code(&alpha.run(&["domain", "rotate"])), "keys");
    alpha.done(&["domain", "rotate", "--recovery", away.to_str().unwrap()]);
    let spent = alpha.run(&["domain", "rotate", "--recovery", old.to_str().unwrap()]);
    assert_eq!(code(&spent), "keys", "one rotation spends it: {}", spent.json);
    let node_keys = alpha.data().join("keys/node.json");
    let other = alpha.run(&["domain", "rotate", "--recovery", node_keys.to_str().unwrap()]);
    assert_eq!(code(&other), "keys");
    assert_eq!(version(&alpha), 2);
    let place = Place::of(&alpha);
    let refused = place.refused("/v1/domain/log", &json!({"log": "{}"}));
    assert_eq!(refused["code"], "log-refused");
}

/// Passes on what commands ask the node of `domain`, but for the answer about an entry of its log: that is lost.
fn losing_the_answer(domain: &Domain) -> String {
    let node = domain.about()["admin"].as_str().unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, mut node) = (client.unwrap(), TcpStream::connect(&node).unwrap());
            let (mut from, mut to) = (client.try_clone().unwrap(), node.try_clone().unwrap());
            let is_entry = Arc::new(AtomicBool::new(false));
            let seen = Arc::clone(&is_entry);
            std::thread::spawn(move || {
                let mut bytes = vec![0; 65_536];
                while let Ok(count @ 1..) = from.read(&mut bytes) {
                    let asked = String::from_utf8_lossy(&bytes[..count]).into_owned();
                    seen.fetch_or(asked.starts_with("POST /v1/domain/log "), Ordering::SeqCst);
                    if to.write_all(&bytes[..count]).is_err() {
                        break;
                    }
                }
            });
            std::thread::spawn(move || {
                let mut bytes = vec![0; 65_536];
                while let Ok(count @ 1..) = node.read(&mut bytes) {
                    if is_entry.load(Ordering::SeqCst) || client.write_all(&bytes[..count]).is_err() {
                        break;
                    }
                }
                let _gone = client.shutdown(Shutdown::Both);
            });
        }
    });
    address
}

//
#[test]
fn a_command_that_does_not_hear_that_the_entry_was_taken_has_the_key_that_it_commits_to() {
    let alpha = start(LEAD);
    let mut about = alpha.about();
    let node = about["admin"].clone();
    let point = |about: &Value| std::fs::write(alpha.data().join("node.json"), about.to_string()).unwrap();
    about["admin"] = losing_the_answer(&alpha).into();
    point(&about);
    let lost = alpha.run(&["domain", "rotate"]);
    assert_eq!(lost.json["error"]["code"], "node-unreachable", "{}", lost.json);
    about["admin"] = node;
    point(&about);
    assert_eq!(version(&alpha), 2, "the node had taken it");
    let finished = alpha.done(&["domain", "rotate"]);
    assert_eq!(finished.json["versionNumber"], 2, "nothing is replaced twice");
    taken_over(&alpha);
    assert_eq!(alpha.done(&["domain", "rotate", "--compromised"]).json["versionNumber"], 3);
}

/// Runs the rotation and kills the command so much later. Whether it ended by itself.
fn killed_after(alpha: &Domain, time: Duration) -> bool {
    let mut command = alpha.command(&["domain", "rotate", "--json"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let (mut child, began) = (command.spawn().unwrap(), Instant::now());
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.success();
        }
        if began.elapsed() >= time {
            child.kill().unwrap();
            child.wait().unwrap();
            return false;
        }
        std::thread::yield_now();
    }
}

// R-022 R-133
#[test]
fn a_rotation_that_is_cut_off_anywhere_is_finished_by_the_next_and_loses_no_key() {
    let mut alpha = start(LEAD);
    let began = Instant::now();
    alpha.done(&["domain", "rotate"]);
    let whole = began.elapsed();
    let mut least = 2;
    for kill in 1..=KILLS {
        let time = whole * kill / KILLS;
        if kill % 2 == 0 {
            killed_after(&alpha, time);
        } else {
            // The node dies under the command.
            let mut command = alpha.command(&["domain", "rotate", "--json"]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let (mut child, began) = (command.spawn().unwrap(), Instant::now());
            while began.elapsed() < time {
                std::thread::yield_now();
            }
            alpha.kill();
            child.wait().unwrap();
            alpha.up_with(&[LEAD]);
        }
        let after = version(&alpha);
        assert!((least..=least + 1).contains(&after), "{least} {after}");
        // Whatever was done, the next one is right, and from then on everything is by its keys.
        let finished = alpha.done(&["domain", "rotate"]);
        let now = finished.json["versionNumber"].as_u64().unwrap();
        assert!((after..=after + 1).contains(&now), "{after} {now}");
        assert_eq!(finished.text("did"), alpha.did);
        taken_over(&alpha);
        assert_eq!(alpha.verifies(&alpha, "bot").exit, 0);
        least = now;
    }
    // A folder that has the first version alone, whose keys are long gone: the store has the newest.
    alpha.stop();
    let kept = alpha.data().join("domain.jsonl");
    let log = std::fs::read_to_string(&kept).unwrap();
    std::fs::write(&kept, log.split_inclusive('\n').next().unwrap()).unwrap();
    alpha.up_with(&[LEAD]);
    assert_eq!(version(&alpha), least);
    taken_over(&alpha);
}
