//! A node that is told to stop while it is asked.

use crate::process::{Domain, PATIENCE};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Instant;

/// A request whose head and first byte are with the node, and whose end is not.
struct Open(TcpStream);

impl Open {
    fn to(address: &str) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = "POST /v1/nonces HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n";
        stream.write_all(format!("{head}content-length: 2\r\n\r\n").as_bytes()).unwrap();
        // The node says that it wants the body: it has the request.
        let mut told = [0; 25];
        stream.read_exact(&mut told).unwrap();
        assert_eq!(told, *b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(b"{").unwrap();
        Self(stream)
    }

    /// The whole answer, up to the end of the connection.
    fn end(mut self) -> String {
        let mut answer = String::new();
        self.0.write_all(b"}").unwrap();
        self.0.read_to_string(&mut answer).unwrap();
        answer
    }
}

/// An answer to a request on a connection of its own; `None` where nobody takes the connection any more.
fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let mut answer = String::new();
    let asked = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer));
    // Reset before its first byte: it came to a listener that was being closed.
    if asked.is_err() && answer.is_empty() { None } else { Some(answer) }
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_node_told_to_stop_under_load_says_so_first_and_answers_every_request_that_it_has() {
    let mut alpha = Domain::start("alpha.test");
    let about = alpha.about();
    let [public, health] = ["public", "health"].map(|face| about[face].as_str().unwrap().to_owned());
    let (stop, whole) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|threads| {
        let load = || {
            while !stop.load(Ordering::Relaxed) {
                let Some(answer) = get(&public, "/status/revocation") else { continue };
                assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
                let (head, body) = answer.split_once("\r\n\r\n").unwrap();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                assert_eq!(body.len(), length.parse::<usize>().unwrap(), "cut off");
                whole.fetch_add(1, Ordering::Relaxed);
            }
        };
        for _ in 0..4 {
            threads.spawn(load);
        }
        until("load", || whole.load(Ordering::Relaxed) > 20);
        let open: Vec<Open> = (0..8).map(|_| Open::to(&public)).collect();
        assert!(get(&health, "/health/ready").unwrap().starts_with("HTTP/1.1 200 "));
        alpha.signal("TERM");
        // While requests are open it is told that no others are wanted, and there are none.
        until("not ready", || {
            let ready = get(&health, "/health/ready").unwrap();
            ready.starts_with("HTTP/1.1 503 ") && ready.ends_with("{\"status\":\"stopping\"}")
        });
        until("no more connections", || TcpStream::connect(&public).is_err());
        for request in open {
            let answer = request.end();
            assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"nonce\""), "{answer}");
        }
        stop.store(true, Ordering::Relaxed);
    });
    alpha.ends();
    assert!(!alpha.data().join("node.json").exists());
}

#[test]
fn a_request_that_does_not_end_keeps_no_node_from_stopping() {
    let mut alpha = Domain::start("alpha.test");
    let public = alpha.about()["public"].as_str().unwrap().to_owned();
    let _open = Open::to(&public);
    let _idle = TcpStream::connect(&public).unwrap();
    alpha.signal("TERM");
    alpha.ends();
}
