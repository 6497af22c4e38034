//! `marque events`: what happens at a node is told line by line, also after it was started again.

use crate::process::{Domain, PATIENCE};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Instant;

/// A run of `marque events`, which ends with the test.
struct Watching {
    child: Child,
    lines: Receiver<String>,
    talk: Receiver<String>,
}

fn lines(of: impl Read + Send + 'static) -> Receiver<String> {
    let (send, receive) = sync_channel(1_024);
    std::thread::spawn(move || {
        for line in BufReader::new(of).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    receive
}

impl Watching {
    fn of(domain: &Domain, arguments: &[&str]) -> Self {
        let mut command = domain.command(&[&["events"], arguments].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (lines, talk) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
        Self { child, lines, talk }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The first line that is so.
fn next(lines: &Receiver<String>, so: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let line = lines.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        let line = line.expect("a line in time");
        if so(&line) {
            return line;
        }
    }
}

/// The first event of this name.
fn event(watching: &Watching, name: &str) -> Value {
    let read = |line: &str| serde_json::from_str::<Value>(line).expect("one object a line");
    let line = next(&watching.lines, |line| read(line)["event"] == name);
    read(&line)
}

#[test]
fn what_a_node_hears_is_told_as_it_happens_and_again_after_the_node_was_started_again() {
    let mut alpha = Domain::start("alpha.test");
    let bravo = Domain::start("bravo.test");
    let watching = Watching::of(&alpha, &["--json"]);
    // Whoever watches is told of what happens from then on: until it does, something happens.
    bravo.meets(&alpha, "calendar:read");
    let mut owners = 0;
    let mut said = || {
        owners += 1;
        bravo.done(&["owner", "create", &format!("owner-{owners}")]);
    };
    said();
    let stored = event(&watching, "stored");
    for member in ["time", "peerId", "scid", "via", "kind", "subject", "sequence"] {
        assert!(stored[member].is_string(), "{member}: {stored}");
    }
    alpha.kill();
    next(&watching.talk, |line| line.contains("the stream broke off"));
    next(&watching.talk, |line| line.contains("asking again in"));
    alpha.up();
    next(&watching.talk, |line| line.contains("Following again"));
    said();
    event(&watching, "stored");

    // For people it is a line, and a node that is not there is a failure at first.
    let people = Watching::of(&alpha, &[]);
    let line = loop {
        said();
        match people.lines.recv_timeout(std::time::Duration::from_secs(1)) {
            Ok(line) if line.contains("  stored  ") => break line,
            _ => {}
        }
    };
    assert!(line.contains("  from 12D3KooW"), "{line}");
    alpha.kill();
    let mut command = alpha.command(&["events"]);
    let ended = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert_eq!(ended.code(), Some(7));
}
