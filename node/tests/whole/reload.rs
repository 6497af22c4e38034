//! A configuration that is read again while the node runs.

use crate::process::{Domain, PATIENCE};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

/// What the node says of its configuration once it was told to read it again.
const TAKEN: &str = "the configuration was read again";
const REFUSED: &str = "the configuration was not taken: everything is as it was";
const WANTED: &str = "a restart is wanted for what cannot change before";

/// Rewrites the node's own file.
fn write(domain: &Domain, pairs: &[(&str, &str)]) {
    let path = domain.data().join("config.toml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    for (from, to) in pairs {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    std::fs::write(path, text).unwrap();
}

/// How old a status list may be, as a verdict says.
fn max_age(domain: &Domain) -> u64 {
    domain.verifies(domain, "bot").json["status"]["maxAgeSeconds"].as_u64().unwrap()
}

/// Asks until it is told to stop, each time on a connection of its own. How often there was no whole answer.
fn ask(address: &str, stop: &AtomicBool, asked: &AtomicU32) -> u32 {
    let mut unanswered = 0;
    while !stop.load(Ordering::Relaxed) {
        let mut answer = String::new();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /health/ready HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
        let read = stream.read_to_string(&mut answer);
        if read.is_err() || !answer.starts_with("HTTP/1.1 200 ") || !answer.ends_with("{\"status\":\"ok\"}") {
            unanswered += 1;
        }
        asked.fetch_add(1, Ordering::Relaxed);
    }
    unanswered
}

#[test]
fn what_can_change_changes_without_a_restart_and_no_request_goes_unanswered() {
    let alpha = Domain::start("alpha.test");
    alpha.done(&["owner", "create", "alice"]);
    alpha.done(&["agent", "create", "bot", "--owner", "alice", "--cap", "calendar:read"]);
    alpha.done(&["trust", "add", &alpha.did, "--cap", "calendar:read"]);
    assert_eq!(max_age(&alpha), 300);
    let address = alpha.about()["health"].as_str().unwrap().to_owned();
    let (stop, asked) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|threads| {
        let clients: Vec<_> = (0..4).map(|_| threads.spawn(|| ask(&address, &stop, &asked))).collect();
        let wait = |more: u32| {
            let from = asked.load(Ordering::Relaxed);
            while asked.load(Ordering::Relaxed) < from + more {
                std::thread::yield_now();
            }
        };
        wait(10);
        write(
            &alpha,
            &[
                ("# max_age_seconds = 300", "max_age_seconds = 77"),
                ("# relay = true", "relay = false"),
                ("# filter = \"info,", "filter = \"debug,"),
            ],
        );
        alpha.signal("HUP");
        let taken = alpha.logged(TAKEN);
        assert_eq!(taken[0]["keys"], "log.filter, status.max_age_seconds");
        assert_eq!(alpha.logged(WANTED)[0]["keys"], "mesh.relay");
        wait(10);
        stop.store(true, Ordering::Relaxed);
        let unanswered: Vec<u32> = clients.into_iter().map(|client| client.join().unwrap()).collect();
        assert_eq!(unanswered, [0; 4]);
    });
    assert_eq!(max_age(&alpha), 77);
    assert!(alpha.logged("answered").iter().any(|record| record["level"] == "DEBUG"));
}

#[test]
fn a_configuration_that_is_not_right_changes_nothing_and_names_what_is_wrong() {
    let alpha = Domain::start("alpha.test");
    alpha.done(&["owner", "create", "alice"]);
    alpha.done(&["agent", "create", "bot", "--owner", "alice", "--cap", "calendar:read"]);
    alpha.done(&["trust", "add", &alpha.did, "--cap", "calendar:read"]);
    // What is right in it is not taken either.
    write(
        &alpha,
        &[("# max_age_seconds = 300", "max_age_seconds = 77"), ("# skew_seconds = 60", "skew_seconds = 999")],
    );
    alpha.signal("HUP");
    let refused = alpha.logged(REFUSED);
    assert!(refused[0]["reason"].as_str().unwrap().contains("verify.skew_seconds"), "{refused:?}");
    assert_eq!(max_age(&alpha), 300);
    // Nor what the next start would refuse.
    write(&alpha, &[("skew_seconds = 999", "skew_seconds = 30"), ("\"alpha.test\"", "\"other.test\"")]);
    alpha.signal("HUP");
    let deadline = Instant::now() + PATIENCE;
    let again = loop {
        if let [_, again] = alpha.logged(REFUSED).as_slice() {
            break again.clone();
        }
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    };
    assert!(again["reason"].as_str().unwrap().contains("other.test"), "{again}");
    assert_eq!(max_age(&alpha), 300);
    write(&alpha, &[("\"other.test\"", "\"alpha.test\"")]);
    alpha.signal("HUP");
    assert_eq!(alpha.logged(TAKEN)[0]["keys"], "status.max_age_seconds, verify.skew_seconds");
    assert_eq!(max_age(&alpha), 77);
}
