//! What the program says: one document on stdout whatever happens, talk on stderr, a log that can be
//! searched, and no secret in any of it.

use crate::process::{Domain, PATIENCE, marque};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Sends one request to a listener and reads the whole answer.
fn http(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn every_failure_is_exactly_one_document_on_stdout_and_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let stopped = Domain::init("alpha.test");
    let cases: [(&[&str], &Path, i32, &str); 16] = [
        (&[], folder.path(), 2, "usage"),
        (&["agent"], folder.path(), 2, "usage"),
        (&["nonsense"], folder.path(), 2, "usage"),
        (&["init"], folder.path(), 2, "usage"),
        (&["init", "--domain", "localhost"], folder.path(), 2, "configuration"),
        (&["init", "--domain", "a.test", "--port", "65533"], folder.path(), 2, "usage"),
        (&["verify"], folder.path(), 2, "usage"),
        (&["trust", "add", "acme.example"], folder.path(), 2, "usage"),
        (&["status"], folder.path(), 2, "usage"),
        (&["up"], folder.path(), 2, "usage"),
        (&["config", "show", "--config", "/nonexistent"], folder.path(), 2, "file"),
        (&["status"], &stopped.data(), 7, "node-unreachable"),
        (&["agent", "ls"], &stopped.data(), 7, "node-unreachable"),
        (&["verify", "--new-nonce"], &stopped.data(), 7, "node-unreachable"),
        (&["init", "--domain", "a.test"], &stopped.data(), 2, "usage"),
        (&["up"], &stopped.data(), 2, "passphrase"),
    ];
    for (arguments, data, exit, code) in cases {
        let mut command = marque();
        command.args(arguments).arg("--json").env("MARQUE_DATA", data).stdin(Stdio::null());
        // Without a terminal there is nobody to ask for the passphrase.
        command.env("MARQUE_PASSPHRASE_FILE", folder.path().join("empty"));
        std::fs::write(folder.path().join("empty"), "").unwrap();
        let output = command.output().unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{arguments:?}: {error}: {}", String::from_utf8_lossy(&output.stdout))
        });
        assert_eq!(document["error"]["code"], code, "{arguments:?}: {document}");
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {document}");
        assert!(!document["error"]["reason"].as_str().unwrap().is_empty(), "{arguments:?}");
        assert!(!document["error"]["action"].as_str().unwrap().contains('\n'), "{arguments:?}");
    }
}

#[test]
fn a_wrong_call_says_what_is_missing_also_in_the_document() {
    let output = marque().args(["init", "--json"]).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(document["error"]["reason"].as_str().unwrap().contains("--domain"), "{document}");
}

//
#[test]
fn the_node_says_where_it_listens_and_logs_refusals_under_their_request_id() {
    let alpha = Domain::init("alpha.test");
    let free = ["--public", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--health", "127.0.0.1:0"];
    let mut up = alpha.command(&["up", "--json", "--while-stdin", "--p2p", "/ip4/127.0.0.1/tcp/0"]);
    up.args(free).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut node = up.spawn().unwrap();
    let mut stdout = BufReader::new(node.stdout.take().unwrap());
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();
    let about: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(about, alpha.about(), "what it prints is node.json");

    let answer = http(about["public"].as_str().unwrap(), "GET /1.0/identifiers/nonsense");
    let body = answer.split("\r\n\r\n").nth(1).unwrap();
    let header = answer.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap();
    let refused = http(about["admin"].as_str().unwrap(), "GET /v1/node");
    let problem: Value = serde_json::from_str(refused.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let id = problem["requestId"].as_str().unwrap();
    assert!(!body.is_empty() && header != id);

    drop(node.stdin.take());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "one document, and no more");
    let output = node.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let log = String::from_utf8(output.stderr).unwrap();
    let records: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found = records.iter().find(|record| record["span"]["request_id"] == id).unwrap();
    assert_eq!(found["code"], "admin-token-missing", "{found}");
    assert!(records.iter().any(|record| record["message"] == "the node has stopped"), "{log}");
    let token = std::fs::read_to_string(alpha.data().join("admin.token")).unwrap();
    for secret in [token.trim(), "a passphrase for tests"] {
        assert!(!log.contains(secret) && !first.contains(secret));
    }
}

#[test]
fn a_log_filter_or_format_that_is_none_stops_the_start() {
    let alpha = Domain::init("alpha.test");
    for (variable, value) in [("MARQUE_LOG", "info,marque=loud"), ("MARQUE_LOG__FORMAT", "loud")] {
        let mut up = alpha.command(&["up", "--json"]);
        let output = up.env(variable, value).stdin(Stdio::null()).output().unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), &document["error"]["code"]), (Some(2), &"configuration".into()));
    }
}

#[test]
fn an_address_that_is_taken_is_named_with_the_reason() {
    let alpha = Domain::init("alpha.test");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let p2p = format!("/ip4/127.0.0.1/tcp/{}", address.port());
    let free = "127.0.0.1:0";
    for (admin, p2p) in [(address.to_string(), "/ip4/127.0.0.1/tcp/0"), (free.to_owned(), &p2p)] {
        let mut up = alpha.command(&["up", "--json", "--no-public", "--health", free]);
        let output = up.args(["--admin", &admin, "--p2p", p2p]).stdin(Stdio::null()).output().unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let reason = document["error"]["reason"].as_str().unwrap();
        assert!(reason.contains(&address.port().to_string()) && reason.contains("in use"), "{document}");
        assert_eq!(output.status.code(), Some(2));
    }
}

#[test]
fn a_join_token_names_where_the_node_is_reached() {
    let mut alpha = Domain::init("alpha.test");
    let config = alpha.data().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let external = "/dns4/marque.alpha.test/tcp/8643";
    let text = text.replace("# external = []", &format!("external = [\"{external}\"]"));
    std::fs::write(&config, text).unwrap();
    alpha.up();
    let token = alpha.done(&["peer", "invite"]).text("token");
    let bytes =
        data_encoding::BASE64URL_NOPAD.decode(token.strip_prefix("mqj1.").unwrap().as_bytes()).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let peer_id = alpha.about()["peerId"].as_str().unwrap().to_owned();
    assert!(text.contains(&format!("{external}/p2p/{peer_id}")), "{text}");
    assert!(!text.contains("127.0.0.1"), "{text}");
}

/// Every file under `folder`, and every folder.
fn all(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(all(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn nobody_else_can_read_anything_in_the_data_folder() {
    let alpha = Domain::start("alpha.test");
    alpha.done(&["owner", "create", "alice"]);
    alpha.done(&["agent", "create", "bot", "--owner", "alice", "--cap", "calendar:read"]);
    let found = all(&alpha.data());
    assert!(found.len() > 12, "{found:?}");
    // What the index is made of lies in a folder that nobody else enters.
    let index = alpha.data().join("store/index");
    for path in found.iter().filter(|path| !path.starts_with(&index)) {
        let mode = std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
    }
}

#[test]
fn a_node_with_a_peer_shows_every_metric_that_an_operator_watches_the_mesh_by() {
    let (alpha, bravo) = (Domain::start("alpha.test"), Domain::start("bravo.test"));
    bravo.meets(&alpha, "calendar:read");
    let did = alpha.done(&["owner", "create", "alice"]).text("did");
    bravo.until(&["resolve", &did], |answer| answer.exit == 0);
    let health = bravo.about()["health"].as_str().unwrap().to_owned();
    // What has labels shows once something was counted under them: validation, rounds and lists come in time.
    let wanted = [
        "marque_gossip_validate_total{kind=\"",
        "marque_did_floor_regressions_total ",
        "marque_contested_dids ",
        "marque_deferred_verdicts ",
        "marque_list_age_seconds{list=\"",
        "marque_sync_rounds_total ",
        "marque_sync_lag_seconds ",
        "marque_verify_queue_depth ",
        "marque_journal_fsync_seconds_bucket{le=\"",
        "marque_journal_fsync_seconds_count ",
        "marque_peers{domain=\"",
        "marque_peer_domains ",
        "marque_peer_scores{range=\"good\"} ",
        "marque_peers_banned ",
        "marque_clock_skew_seconds{domain=\"",
        "marque_relay_reservations ",
        "marque_relay_circuits ",
        "marque_relay_places ",
    ];
    let deadline = std::time::Instant::now() + PATIENCE;
    for n in 0.. {
        let metrics = http(&health, "GET /metrics");
        let missing: Vec<_> =
            wanted.iter().filter(|name| !metrics.lines().any(|line| line.starts_with(**name))).collect();
        if missing.is_empty() {
            assert!(metrics.contains("reason=\"") && metrics.contains("result=\""), "{metrics}");
            assert!(!metrics.contains("marque_journal_fsync_seconds_count 0\n"), "{metrics}");
            break;
        }
        assert!(std::time::Instant::now() < deadline, "never shown: {missing:?}");
        alpha.done(&["owner", "create", &format!("owner-{n}")]);
    }
}
