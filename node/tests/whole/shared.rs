//! Two nodes of one domain on one PostgreSQL: either answers for both, and one may be killed at any moment.

use crate::process::{Domain, PATIENCE};
use crate::rotation::taken_over;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::Instant;

/// Owners that are created and revoked while one node is killed; `MARQUE_OWNERS` says another number.
const OWNERS: usize = 24;

fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Variables of a node of this name on the shared server, where there is one.
pub(crate) fn on_server(schema: &str, node: &str) -> Option<Vec<(&'static str, String)>> {
    let Some(url) = told("MARQUE_POSTGRES") else {
        assert!(told("CI").is_none(), "MARQUE_POSTGRES is not set: tests/postgres runs a server");
        println!("SKIPPED: MARQUE_POSTGRES is not set; `tests/postgres cargo test ...` runs a server");
        return None;
    };
    Some(vec![
        ("MARQUE_STORE__ENGINE", "postgres".to_owned()),
        ("MARQUE_STORE__POSTGRES_URL", url),
        ("MARQUE_STORE__POSTGRES_SCHEMA", format!("{schema}_{}", std::process::id())),
        ("MARQUE_STORE__NODE", node.to_owned()),
        ("MARQUE_STATUS__TTL_SECONDS", "2".to_owned()),
    ])
}

fn up(domain: &mut Domain, variables: &[(&'static str, String)], more: &[(&str, &str)]) {
    let variables = variables.iter().map(|(name, value)| (*name, value.as_str()));
    domain.up_with(&variables.chain(more.iter().copied()).collect::<Vec<_>>());
}

/// Two nodes of one domain, up, the second of which dials the first and has the wallets that `prepare` made there.
fn pair(schema: &str, prepare: impl FnOnce(&Domain)) -> Option<[Domain; 2]> {
    let (of_a, of_b) = (on_server(schema, "a")?, on_server(schema, "b")?);
    let mut a = Domain::init("alpha.test");
    up(&mut a, &of_a, &[]);
    prepare(&a);
    let mut b = a.twin();
    let address =
        format!("{}/p2p/{}", a.about()["p2p"][0].as_str().unwrap(), a.about()["peerId"].as_str().unwrap());
    up(&mut b, &of_b, &[("MARQUE_MESH__PEERS", &format!("[\"{address}\"]"))]);
    assert_ne!(a.about()["peerId"], b.about()["peerId"]);
    Some([a, b])
}

fn fence(domain: &Domain) -> u64 {
    let about = domain.about();
    let metrics = ask(about["health"].as_str().unwrap(), "GET /metrics").unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix("marque_store_lease_fence "));
    line.unwrap().parse().unwrap()
}

fn ask(address: &str, request: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The number of a signed list, and itself.
pub(crate) fn list(domain: &Domain) -> Option<(u64, String)> {
    let about = domain.about();
    // A node that was just killed answers nothing.
    let answer = ask(about["public"].as_str().unwrap(), "GET /status/revocation").ok()?;
    let body = answer.split("\r\n\r\n").nth(1)?.trim().to_owned();
    let payload = did_resolver::codec::from_base64url(body.split('.').nth(1)?).ok()?;
    let json: Value = serde_json::from_slice(&payload).ok()?;
    Some((sequence(&json)?, body))
}

fn sequence(list: &Value) -> Option<u64> {
    let of = |json: &Value| json.get("sequence").and_then(Value::as_u64);
    of(list).or_else(|| of(&list["credentialSubject"]))
}

//
#[test]
fn what_is_done_at_one_node_counts_at_the_other_and_reaches_partners_when_the_first_is_gone() {
    let prepare = |a: &Domain| {
        a.done(&["owner", "create", "alice"]);
        a.done(&["agent", "create", "bot", "--owner", "alice", "--cap", "calendar:read"]);
    };
    let Some([mut a, b]) = pair("counts", prepare) else { return };
    let bravo = Domain::start("bravo.test");
    bravo.meets(&a, "calendar:read");
    bravo.verifies_until(&a, "bot", 0);
    // The second node was told nothing by a person, and knows the domain that joined the first.
    b.until(&["peer", "ls"], |answer| answer.json.to_string().contains("bravo.test"));
    // It verifies what the first gave out, by its own nonce.
    b.done(&["trust", "add", &b.did, "--cap", "calendar:read"]);
    b.verifies_until(&a, "bot", 0);
    assert_eq!((fence(&a) > 0, fence(&b)), (true, 0), "one node has the lease");
    a.kill();
    let credentials = b.done(&["credential", "ls"]).json["credentials"].as_array().unwrap().clone();
    let delegation = credentials.iter().find(|c| c["type"] == "DelegationCredential").unwrap();
    b.done(&["credential", "revoke", delegation["id"].as_str().unwrap()]);
    assert_eq!(bravo.verifies_until(&b, "bot", 4).json["code"], "credential-revoked");
    let deadline = Instant::now() + PATIENCE;
    while fence(&b) < 2 {
        assert!(Instant::now() < deadline, "the lease did not move");
    }
}

// R-346 R-347
#[test]
fn a_node_that_is_killed_under_load_costs_no_request_that_a_retry_does_not_mend() {
    let Some([a, b]) = pair("load", |_| {}) else { return };
    let owners = told("MARQUE_OWNERS").map_or(OWNERS, |text| text.parse().unwrap());
    let names: Vec<String> = (0..owners).map(|n| format!("owner-{n}")).collect();
    let nodes = [RwLock::new(a), RwLock::new(b)];
    let is_over = AtomicBool::new(false);
    let (done, failed, had_been_done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    // A request at one node, and where that fails once more at the other. `is_done` tells whether the first was
    // carried out although its answer was lost.
    let request = |first: usize, arguments: &[&str], already: &str| {
        let answer = nodes[first].read().unwrap().run(arguments);
        if answer.exit != 0 {
            failed.fetch_add(1, Ordering::SeqCst);
            let again = nodes[1].read().unwrap().run(arguments);
            let code = again.json["error"]["code"].as_str().unwrap_or_default().to_owned();
            if again.exit != 0 && code == already {
                had_been_done.fetch_add(1, Ordering::SeqCst);
            } else {
                assert_eq!(again.exit, 0, "{arguments:?}: {} and then {}", answer.json, again.json);
            }
        }
        done.fetch_add(1, Ordering::SeqCst);
    };
    let lists: Mutex<BTreeMap<u64, BTreeSet<String>>> = Mutex::default();
    std::thread::scope(|scope| {
        let (request, names, nodes, lists, is_over) = (&request, &names, &nodes, &lists, &is_over);
        let clients: Vec<_> = (0..2)
            .map(|lane| {
                scope.spawn(move || {
                    for name in names.iter().skip(lane).step_by(2) {
                        request(lane, &["owner", "create", name], "name-taken");
                        request(lane, &["owner", "revoke", name], "state-conflict");
                    }
                })
            })
            .collect();
        scope.spawn(move || {
            while !is_over.load(Ordering::SeqCst) {
                for node in nodes {
                    let held = node.try_read().ok().and_then(|node| list(&node));
                    if let Some((number, list)) = held {
                        lists.lock().unwrap().entry(number).or_default().insert(list);
                    }
                }
            }
        });
        // Killed while its client is in the midst of its work: the lock is waited for by nobody.
        let deadline = Instant::now() + PATIENCE;
        while done.load(Ordering::SeqCst) < owners / 2 {
            assert!(Instant::now() < deadline, "no request was answered");
        }
        nodes[0].read().unwrap().kill_from_outside();
        let outcomes: Vec<_> = clients.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::SeqCst);
        assert!(outcomes.iter().all(Result::is_ok));
    });
    let [_, b] = nodes.map(|node| node.into_inner().unwrap());
    let all = b.done(&["owner", "ls"]).json["owners"].as_array().unwrap().clone();
    let of = |name: &String| all.iter().find(|owner| owner["name"] == name.as_str()).unwrap();
    assert!(names.iter().all(|name| of(name)["state"] == "revoked"), "{all:?}");
    let lists = lists.into_inner().unwrap();
    let twice: Vec<_> = lists.iter().filter(|(_, lists)| lists.len() > 1).map(|(number, _)| number).collect();
    assert!(twice.is_empty() && !lists.is_empty(), "lists of one number: {twice:?}");
    println!(
        "{} requests at two nodes, one of them killed: {} failed, {} of these had been carried out, all others by one \
         retry; {} lists seen, each number once",
        done.into_inner(),
        failed.into_inner(),
        had_been_done.into_inner(),
        lists.len()
    );
}

// R-022 R-346
#[test]
fn one_node_replaces_the_keys_of_both_while_the_other_is_down_and_gets_a_copy() {
    let prepare = |a: &Domain| {
        a.done(&["owner", "create", "alice"]);
        a.done(&["agent", "create", "bot", "--owner", "alice", "--cap", "calendar:read"]);
    };
    let Some([mut a, mut b]) = pair("rotates", prepare) else { return };
    let refused = a.run(&["domain", "rotate"]);
    let error = &refused.json["error"];
    assert_eq!((&error["code"], &error["path"]), (&json!("state-conflict"), &json!(["alone"])), "{error}");
    assert!(error["action"].as_str().unwrap().contains("--alone"), "{error}");
    b.stop();
    let soon = ("MARQUE_KEYS__LEAD_SECONDS", "1");
    a.stop();
    up(&mut a, &on_server("rotates", "a").unwrap(), &[soon]);
    assert_eq!(a.done(&["domain", "rotate", "--alone"]).json["versionNumber"], 2);
    let by = taken_over(&a);
    // With the old file it does not start, and says what is wrong.
    let variables = on_server("rotates", "b").unwrap();
    let free = ["--p2p", "/ip4/127.0.0.1/tcp/0", "--public", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let mut old = b.command(&["up", "--json", "--health", "127.0.0.1:0"]);
    let old = old.args(free).envs(variables.iter().map(|(name, value)| (*name, value.as_str())));
    let old = old.stdin(std::process::Stdio::null()).output().unwrap();
    let said: Value = serde_json::from_slice(&old.stdout).unwrap();
    assert_eq!(said["error"]["code"], "key-not-authorised", "{said}");
    std::fs::copy(a.data().join("keys/node.json"), b.data().join("keys/node.json")).unwrap();
    up(&mut b, &variables, &[soon]);
    assert_eq!(taken_over(&b), by);
    b.done(&["agent", "revoke", "bot"]);
    assert_eq!(a.done(&["agent", "show", "bot"]).json["state"], "revoked");
}

/// Owners that each of two nodes creates and revokes while both write one bucket.
#[cfg(feature = "s3")]
const IN_BUCKET: usize = 10;

#[cfg(feature = "s3")]
#[test]
fn two_nodes_that_write_one_bucket_put_no_older_list_in_the_place_of_a_newer_one() {
    let (Some(of_a), Some(of_b)) = (on_server("bucket", "a"), on_server("bucket", "b")) else { return };
    let Some(store) = crate::bucket::Store::slow() else { return };
    let mut a = Domain::init("alpha.test");
    let keys = store.variables(a.folder.path());
    let keys: Vec<_> = keys.iter().map(|(name, value)| (*name, value.as_str())).collect();
    up(&mut a, &of_a, &keys);
    let mut b = a.twin();
    up(&mut b, &of_b, &keys);
    let mut nodes = [a, b];
    let is_over = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let writers: Vec<_> = nodes
            .iter()
            .enumerate()
            .map(|(lane, node)| {
                scope.spawn(move || {
                    for n in 0..IN_BUCKET {
                        let name = format!("owner-{lane}-{n}");
                        node.done(&["owner", "create", &name]);
                        node.done(&["owner", "revoke", &name]);
                    }
                })
            })
            .collect();
        let reader = scope.spawn(|| {
            let mut seen = Vec::new();
            while !is_over.load(Ordering::SeqCst) {
                seen.extend(store.list());
            }
            seen
        });
        let outcomes: Vec<_> = writers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::SeqCst);
        assert!(outcomes.iter().all(Result::is_ok));
        reader.join().unwrap()
    });
    assert!(seen.is_sorted(), "the number of the list falls: {seen:?}");
    // What one of them published last, the other may be the one to write.
    nodes[0].kill();
    let (number, _) = list(&nodes[1]).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while store.list().is_none_or(|there| there < number) {
        assert!(Instant::now() < deadline, "list {number} is not there");
    }
    println!("{} looks at the list in the bucket, {} numbers", seen.len(), {
        let different: BTreeSet<_> = seen.iter().collect();
        different.len()
    });
}
