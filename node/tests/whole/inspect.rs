//! `inspect`, as the program answers it: from a file, from stdin, or the thing itself.

use crate::offline::{run, vector};
use serde_json::json;

#[test]
fn a_thing_is_inspected_from_a_file_from_stdin_and_as_it_is() {
    let log = vector("multi-update.ts.jsonl");
    let (file, bytes) = (log.to_str().unwrap(), std::fs::read(&log).unwrap());
    let named = run(&["inspect", file, "--json"], b"");
    assert_eq!(named.exit, 0, "{}", named.stdout);
    assert_eq!((&named.json["kind"], &named.json["verified"]), (&json!("did-log"), &json!(true)));
    assert_eq!(run(&["inspect", "-", "--json"], &bytes).json, named.json);
    let itself = String::from_utf8(bytes).unwrap();
    assert_eq!(run(&["inspect", &itself, "--json"], b"").json, named.json);
    let words = run(&["inspect", file], b"");
    for version in named.json["versions"].as_array().unwrap() {
        assert!(words.stdout.contains(version["versionTime"].as_str().unwrap()), "{}", words.stdout);
    }
}

#[test]
fn what_was_only_read_is_not_called_verified() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/di-eddsa");
    let signed = std::fs::read(format!("{folder}/signedJCS.json")).unwrap();
    let answer = run(&["inspect", "-", "--json"], &signed);
    assert_eq!((answer.exit, &answer.json["kind"]), (0, &json!("credential")), "{}", answer.stdout);
    assert_eq!(answer.json["verified"], false);
    let words = run(&["inspect", "-"], &signed);
    assert!(words.stdout.lines().any(|line| line == "inspected, not verified"), "{}", words.stdout);
}

#[test]
fn what_is_not_known_or_not_well_made_ends_in_one_document() {
    for (given, exit, code) in [
        ("/nonexistent", 2, "usage"),
        ("did:webvh:x", 2, "did-malformed"),
        ("mqj1.AAAA", 2, "token-malformed"),
    ] {
        let refused = run(&["inspect", given, "--json"], b"");
        assert_eq!(
            (refused.exit, &refused.json["error"]["code"]),
            (exit, &json!(code)),
            "{}",
            refused.stdout
        );
    }
    let log = std::fs::read_to_string(vector("multi-update.ts.jsonl")).unwrap();
    let tampered = log.replacen("\"state\":{", "\"state\":{\"x\":1,", 1);
    let refused = run(&["inspect", "-", "--json"], tampered.as_bytes());
    assert_eq!((refused.exit, &refused.json["error"]["code"]), (3, &json!("log-refused")));
    assert_eq!(refused.json["error"]["path"], json!(["log", 0]));
    let long = vec![b'a'; 6 << 20];
    assert_eq!(run(&["inspect", "-", "--json"], &long).exit, 2);
}
