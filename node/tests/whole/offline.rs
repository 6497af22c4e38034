//! Commands that need nothing but what they are given: no node, no data folder, no home.

use crate::process::marque;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

pub(crate) fn vector(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/webvh")).join(name)
}

pub(crate) struct Said {
    pub(crate) exit: i32,
    pub(crate) json: Value,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the program where it could find nothing of its own.
pub(crate) fn run(arguments: &[&str], stdin: &[u8]) -> Said {
    let mut command = marque();
    command.env_clear().args(arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that refuses early does not read to the end.
    let _all_or_not = child.stdin.take().unwrap().write_all(stdin);
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    Said {
        exit: output.status.code().unwrap(),
        json: serde_json::from_str(&stdout).unwrap_or_default(),
        stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn did_of(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap();
    let entry: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    entry["state"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn a_log_resolves_from_a_file_or_from_stdin_at_every_version() {
    let log = vector("multi-update.ts.jsonl");
    let (did, file) = (did_of(&log), log.to_str().unwrap());
    let newest = run(&["resolve", &did, "--from-file", file, "--json"], b"");
    assert_eq!(newest.exit, 0, "{}", newest.stdout);
    assert_eq!(newest.json["didDocument"]["id"], did);
    let piped = run(&["resolve", &did, "--from-file", "-", "--json"], &std::fs::read(&log).unwrap());
    assert_eq!(piped.json, newest.json);
    let newest = newest.json["didDocumentMetadata"]["versionNumber"].as_str().unwrap().to_owned();
    for number in 1..=newest.parse::<u32>().unwrap() {
        let number = number.to_string();
        let then = run(&["resolve", &did, "--from-file", file, "--version-number", &number, "--json"], b"");
        assert_eq!(then.json["didDocumentMetadata"]["versionNumber"], number);
        let id = then.json["didDocumentMetadata"]["versionId"].as_str().unwrap();
        let by_id = run(&["resolve", &did, "--from-file", file, "--version-id", id, "--json"], b"");
        assert_eq!(by_id.json, then.json);
    }
    let beyond = run(&["resolve", &did, "--from-file", file, "--version-number", "99", "--json"], b"");
    assert_eq!((beyond.exit, &beyond.json["error"]["code"]), (5, &json!("did-unresolvable")));
    let part = run(&["resolve", &format!("{did}/a/b.txt"), "--from-file", file], b"");
    assert_eq!(part.stdout, "https://example.com/a/b.txt\n", "{}", part.stderr);
}

#[test]
fn a_tampered_log_is_refused_with_the_rule_and_the_entry_that_breaks_it() {
    let log = vector("multi-update.ts.jsonl");
    let (did, text) = (did_of(&log), std::fs::read_to_string(&log).unwrap());
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[1] = lines[1].replacen("\"state\":{", "\"state\":{\"tampered\":true,", 1);
    let tampered = lines.join("\n");
    let refused = run(&["resolve", &did, "--from-file", "-", "--trace", "--json"], tampered.as_bytes());
    assert_eq!(refused.exit, 3, "{}", refused.stdout);
    assert_eq!(refused.json["error"]["code"], "log-refused");
    assert_eq!(refused.json["error"]["path"], json!(["log", 1]));
    assert!(
        refused.json["error"]["reason"].as_str().unwrap().starts_with("entry 2: hash"),
        "{}",
        refused.stdout
    );
    let trace = refused.json["didResolutionMetadata"]["trace"].as_array().unwrap();
    let told: Vec<_> = trace.iter().map(|s| (s["source"].as_str(), s["outcome"].as_str())).collect();
    let told: Vec<_> = told.into_iter().map(|(s, o)| (s.unwrap(), o.unwrap())).collect();
    assert_eq!(told, [("file", "refused"), ("entry 1", "verified"), ("entry 2", "refused")]);
    let said = run(&["resolve", &did, "--from-file", "-"], tampered.as_bytes());
    assert!(said.stdout.is_empty() && said.stderr.contains("entry 2: hash"), "{}", said.stderr);
}

#[test]
fn a_log_that_does_not_name_the_did_that_was_asked_for_is_not_its_answer() {
    let log = vector("basic-create.ts.jsonl");
    let did = did_of(&log);
    let other = did.replace("example.com", "evil.test");
    let refused = run(&["resolve", &other, "--from-file", log.to_str().unwrap(), "--json"], b"");
    assert_eq!((refused.exit, &refused.json["error"]["code"]), (3, &json!("log-refused")));
    assert!(refused.json["error"]["reason"].as_str().unwrap().contains(&did), "{}", refused.stdout);
}

#[test]
fn a_log_resolves_under_its_did_scid() {
    let log = vector("multi-update.ts.jsonl");
    let (did, file) = (did_of(&log), log.to_str().unwrap());
    let scid = format!("did:scid:vh:1:{}", did.split(':').nth(2).unwrap());
    let found = run(&["resolve", &scid, "--from-file", file, "--version-number", "1", "--json"], b"");
    assert_eq!((found.exit, &found.json["didDocument"]["id"]), (0, &json!(scid)), "{}", found.stdout);
    assert!(found.json["didDocument"]["alsoKnownAs"].as_array().unwrap().contains(&json!(did)));
    let other = vector("portable-move.ts.jsonl");
    let refused = run(&["resolve", &scid, "--from-file", other.to_str().unwrap(), "--json"], b"");
    assert_eq!((refused.exit, &refused.json["error"]["code"]), (3, &json!("log-refused")));
}

#[test]
fn what_witnesses_must_approve_needs_their_proofs() {
    let log = vector("witness-update.ts.jsonl");
    let (did, file) = (did_of(&log), log.to_str().unwrap());
    let without = run(&["resolve", &did, "--from-file", file, "--json"], b"");
    assert_eq!((without.exit, &without.json["error"]["path"]), (3, &json!(["log", 0])));
    assert!(without.json["error"]["action"].as_str().unwrap().contains("--witness"));
    let proofs = vector("witness-update.ts.witness.json");
    let proofs = proofs.to_str().unwrap();
    let with = run(&["resolve", &did, "--from-file", file, "--witness", proofs, "--trace"], b"");
    assert_eq!(with.exit, 0, "{}", with.stderr);
    assert!(
        with.stderr.starts_with("SOURCE") && with.stderr.contains("witnesses approve"),
        "{}",
        with.stderr
    );
    let broken = run(&["resolve", &did, "--from-file", file, "--witness", "-", "--json"], b"{}");
    assert_eq!((broken.exit, &broken.json["error"]["path"]), (3, &json!(["witness"])));
}

#[test]
fn a_deactivated_did_ends_as_revoked_and_its_past_is_still_there() {
    let log = vector("deactivate.ts.jsonl");
    let (did, file) = (did_of(&log), log.to_str().unwrap());
    let over = run(&["resolve", &did, "--from-file", file, "--json"], b"");
    assert_eq!((over.exit, &over.json["error"]["code"]), (4, &json!("did-deactivated")));
    assert_eq!(over.json["didDocumentMetadata"]["deactivated"], true);
    let past = run(&["resolve", &did, "--from-file", file, "--version-number", "1"], b"");
    assert_eq!(past.exit, 0);
    assert!(past.stdout.contains(&did) && past.stderr.contains("deactivated by now"), "{}", past.stderr);
}

#[test]
fn what_cannot_be_a_log_is_refused_whatever_it_is() {
    let did = did_of(&vector("basic-create.ts.jsonl"));
    let long = vec![b' '; (1 << 20) + 1];
    let deep = "[".repeat(100_000);
    let cases: [(&[u8], i32); 7] = [
        (b"", 3),
        (b"\n\n\n", 3),
        (b"null", 3),
        (b"{}", 3),
        (&[0xff, 0xfe, 0x00], 3),
        (deep.as_bytes(), 3),
        (&long, 2),
    ];
    for (input, exit) in cases {
        let refused = run(&["resolve", &did, "--from-file", "-", "--json"], input);
        assert_eq!(refused.exit, exit, "{}", refused.stdout);
        assert!(refused.json["error"]["reason"].is_string(), "{}", refused.stdout);
    }
    let missing = run(&["resolve", &did, "--from-file", "/nonexistent", "--json"], b"");
    assert_eq!((missing.exit, &missing.json["error"]["code"]), (2, &json!("file")));
    let twice = run(&["resolve", &did, "--from-file", "-", "--witness", "-", "--json"], b"");
    assert_eq!((twice.exit, &twice.json["error"]["code"]), (2, &json!("usage")));
    let other = run(&["resolve", "did:web:a.test", "--from-file", "-", "--json"], b"");
    assert_eq!((other.exit, &other.json["error"]["code"]), (2, &json!("usage")));
}

#[test]
fn a_did_that_is_its_own_document_needs_no_node() {
    for did in [
        "did:key:z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG",
        "did:jwk:eyJjcnYiOiJQLTI1NiIsImt0eSI6IkVDIiwieCI6ImFjYklRaXVNczNpOF91c3pFakoydHBUdFJNNEVVM3l6OTFQSDZDZEgyVjAiLCJ5IjoiX0tjeUxqOXZXTXB0bm1LdG00NkdxRHo4d2Y3NEk1TEtncmwyR3pIM25TRSJ9",
    ] {
        let answer = run(&["resolve", did, "--trace", "--json"], b"");
        assert_eq!(answer.exit, 0, "{}", answer.stdout);
        assert_eq!(answer.json["didDocument"]["id"], did);
        assert_eq!(answer.json["didResolutionMetadata"]["trace"][0]["outcome"], "resolved");
    }
    let wrong = run(&["resolve", "did:key:z6MkjchhfUsD6mmvni8mCdXHw2", "--json"], b"");
    assert_eq!((wrong.exit, &wrong.json["error"]["code"]), (2, &json!("did-malformed")));
}
