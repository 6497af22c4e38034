//! Tests of what a history says, on the logs of other implementations.

use super::*;
use std::path::PathBuf;

fn vector(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/webvh"));
    std::fs::read(folder.join(name)).unwrap()
}

fn past(name: &str, with_witness: bool) -> Vec<Past> {
    let witness = with_witness.then(|| vector(&format!("{name}.witness.json")));
    let now = UnixSeconds::parse("2026-01-01T00:00:00Z").unwrap();
    history(&Log::verify_with(&vector(&format!("{name}.jsonl")), witness.as_deref(), now).unwrap())
}

fn said(past: &[Past]) -> Vec<Vec<&str>> {
    past.iter().map(|p| p.changes.iter().map(String::as_str).collect()).collect()
}

#[test]
fn each_version_says_what_it_changed() {
    let rotated = past("key-rotation.ts", false);
    let said_of = said(&rotated);
    assert_eq!(said_of[0], ["created", "key #P5RDjVJG added (Ed25519; authentication)"]);
    assert!(said_of[1].contains(&"update keys rotated (1)"), "{said_of:?}");
    assert_ne!(rotated[0].signer, "");

    let moved = past("portable-move.ts", false);
    let said_of = said(&moved);
    assert!(said_of[0].contains(&"portable"), "{said_of:?}");
    assert!(said_of[1][0].starts_with("moved from did:webvh:"), "{said_of:?}");
    assert!(said_of[1].iter().all(|change| !change.contains("added")), "a move is no new key: {said_of:?}");

    let ended = past("deactivate.ts", false);
    assert_eq!(said(&ended)[1], ["deactivated"]);

    let committed = past("pre-rotation-consume.ts", false);
    assert!(said(&committed)[0].contains(&"pre-rotation begins"), "{committed:?}");
}

#[test]
fn an_entry_that_needed_witnesses_says_how_many_approved() {
    let watched = past("witness-threshold.ts", true);
    let approvals = Approvals { given: 1, needed: 1, witnesses: 1 };
    assert_eq!(watched[0].approvals, Some(approvals));
    assert!(watched[0].checked().contains("1 of 1 witnesses approve, 1 needed"), "{:?}", watched[0]);
    assert!(said(&watched)[0].contains(&"witnesses: 1 of 1"), "{watched:?}");
    assert_eq!(past("basic-create.ts", false)[0].approvals, None);
}

#[test]
fn every_log_in_the_vectors_has_a_history_in_which_each_entry_is_signed_and_says_something() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/webvh");
    let mut logs = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().file_name().into_string().unwrap();
        let Some(name) = file.strip_suffix(".jsonl") else { continue };
        let now = UnixSeconds::parse("2026-01-01T00:00:00Z").unwrap();
        let witness = std::fs::read(format!("{folder}/{name}.witness.json")).ok();
        let Ok(log) = Log::verify_with(&vector(&file), witness.as_deref(), now) else { continue };
        let past = history(&log);
        assert_eq!(past.len(), log.versions().count());
        for past in past {
            let keys: Vec<String> = log
                .versions()
                .flat_map(|v| v.parameters().update_keys().iter().map(PublicKey::to_multikey))
                .collect();
            assert!(keys.contains(&past.signer), "{name}: {past:?}");
            assert!(!past.changes.is_empty(), "{name}");
        }
        logs += 1;
    }
    assert!(logs > 20, "{logs}");
}

#[test]
fn a_refused_log_names_the_rule_and_the_entry() {
    let mut log = vector("multi-update.ts.jsonl");
    let now = UnixSeconds::parse("2026-01-01T00:00:00Z").unwrap();
    let second = log.iter().position(|b| *b == b'\n').unwrap();
    let at = second + log[second..].windows(9).position(|w| w == b"\"z6Mkjchh").unwrap() + 8;
    log[at] = b'i';
    let bytes = Bytes { log: &log, witness: None };
    let failure = not_verified(&Log::verify(&log, now).unwrap_err(), bytes);
    assert_eq!(failure.code, "log-refused");
    assert_eq!(failure.path, json!(["log", 1]));
    assert!(failure.reason.starts_with("entry 2: "), "{failure}");

    let log = vector("witness-threshold.ts.jsonl");
    let bytes = Bytes { log: &log, witness: None };
    let failure = not_verified(&Log::verify(&log, now).unwrap_err(), bytes);
    assert!(failure.action.contains("--witness"), "{failure}");
}
