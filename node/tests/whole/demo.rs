//! The demo itself, and that it leaves nothing behind.

use crate::process::{PATIENCE, marque};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Instant;

// R-011 R-035 R-340 R-341 R-343
#[test]
fn the_demo_comes_out_as_expected_and_says_so_in_one_document() {
    let output = marque().args(["demo", "--json"]).stdin(Stdio::null()).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{document:#}");
    let steps = document["steps"].as_array().unwrap();
    assert!(steps.len() >= 20);
    for step in steps {
        assert_eq!(step["expected"], step["got"], "{step}");
        assert!(step["name"].is_string() && step["milliseconds"].is_u64());
    }
    let codes: Vec<_> = steps.iter().filter_map(|step| step["got"].as_str()).collect();
    for code in [
        "AID-009",
        "parent-mismatch",
        "identity-missing",
        "AID-010",
        "domain-not-recognised",
        "root-exceeds-anchor",
        "key-not-authorised",
        "credential-revoked",
        "AID-003",
    ] {
        assert!(codes.contains(&code), "{code}");
    }
}

/// The processes whose command line has `text`.
fn processes_with(text: &str) -> usize {
    let mut found = 0;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        let has = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(text);
        found += usize::from(has(&line) || has(&environment));
    }
    found
}

fn until_gone(text: &str) {
    let deadline = Instant::now() + PATIENCE;
    while processes_with(text) > 0 {
        assert!(Instant::now() < deadline, "a process was left behind");
        std::thread::yield_now();
    }
}

#[test]
fn an_interrupted_demo_stops_every_process_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().display().to_string();
    let mut demo = marque();
    demo.arg("demo").env("TMPDIR", folder.path()).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut demo = demo.stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("three nodes are up")));
    assert!(processes_with(&mark) > 1, "its nodes run");
    let pid = demo.id().to_string();
    std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap();
    drop(lines);
    assert_ne!(demo.wait().unwrap().code(), Some(0));
    until_gone(&mark);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "its folder is gone");
}

#[test]
fn an_interrupted_demo_leaves_nothing_even_if_the_nodes_were_to_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().display().to_string();
    let mut demo = marque();
    demo.args(["demo", "--keep"]).env("TMPDIR", folder.path()).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut demo = demo.stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("three nodes are up")));
    let pid = demo.id().to_string();
    std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert_eq!(demo.wait().unwrap().code(), Some(1));
    until_gone(&mark);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "its folder is gone");
}

#[test]
fn the_nodes_of_a_kept_demo_answer_and_end_when_they_are_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().display().to_string();
    let mut demo = marque();
    demo.args(["demo", "--keep", "--json"]).env("TMPDIR", folder.path()).stdin(Stdio::null());
    let output = demo.output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let kept = document["kept"]["nodes"].as_array().unwrap();
    let mut answers = Vec::new();
    for node in kept {
        let mut status = marque();
        status.args(["status", "--json"]).env("MARQUE_DATA", node["data"].as_str().unwrap());
        answers.push(status.output().unwrap().stdout);
        std::process::Command::new("kill").arg(node["pid"].to_string()).status().unwrap();
    }
    until_gone(&mark);
    for (node, answer) in kept.iter().zip(answers) {
        let status: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(status["domain"], node["domain"]);
    }
}
