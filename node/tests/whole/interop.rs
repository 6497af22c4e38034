//! Proofs over RDF canonicalisation on a running node, with the real worker.
//!
//! `MARQUE_INTEROP` names the program, which its own workspace builds; without it nothing is run here, and
//! each test says so. `interop.json` has what its key signed.

use crate::process::Domain;
use crate::vcapi::post;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn fixture() -> Value {
    serde_json::from_str(include_str!("interop.json")).unwrap()
}

/// A node that knows the contexts of the fixture, and the program where there is one.
fn node(program: &str) -> Domain {
    let mut node = Domain::init("alpha.test");
    let contexts = node.folder.path().join("contexts.json");
    std::fs::write(&contexts, fixture()["contexts"].to_string()).unwrap();
    let contexts = contexts.to_str().unwrap();
    node.up_with(&[("MARQUE_INTEROP__PROGRAM", program), ("MARQUE_INTEROP__CONTEXTS", contexts)]);
    node
}

fn program(test: &str) -> Option<String> {
    let program = std::env::var("MARQUE_INTEROP").ok();
    println!("{test}: {}", if program.is_some() { "run" } else { "0 run, MARQUE_INTEROP is not set" });
    program
}

fn verify(node: &Domain, credential: &Value) -> (u16, Value) {
    post(node, "/credentials/verify", &json!({"verifiableCredential": credential}))
}

/// The credential with `value` at `pointer`.
fn with(pointer: &str, value: Value) -> Value {
    let mut credential = fixture()["credential"].clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    credential.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(name.to_owned(), value);
    credential
}

#[test]
fn a_node_with_a_worker_verifies_by_its_own_rules_and_refuses_what_would_exhaust_it() {
    let Some(program) = program("worker") else { return };
    let (node, fixture) = (node(&program), fixture());
    let holds = |node: &Domain| {
        let (status, answer) = verify(node, &fixture["credential"]);
        assert_eq!((status, &answer["verified"]), (200, &json!(true)), "{answer}");
        assert!(answer.to_string().contains("the order of its lists is signed by nobody"), "{answer}");
    };
    holds(&node);
    // The signature of each holds for ssi; they are refused for what a node knows and ssi does not.
    for (name, code) in [("expired", "credential-expired"), ("foreign", "key-not-authorised")] {
        let (status, answer) = verify(&node, &fixture[name]);
        assert_eq!(
            (status, &answer["verified"], &answer["code"]),
            (400, &json!(false), &json!(code)),
            "{answer}"
        );
    }
    for (pointer, value) in [
        ("/credentialSubject/level", json!(4)),
        ("/credentialSubject/admin", json!(true)),
        ("/proof/proofPurpose", json!("authentication")),
        ("/proof/created", json!("2024-01-02T00:00:00Z")),
        ("/@context", json!(["https://www.w3.org/ns/credentials/v2", "https://elsewhere.example/v1"])),
        ("/validFrom", Value::Null),
    ] {
        let (status, answer) = verify(&node, &with(pointer, value));
        assert_eq!((status, &answer["verified"]), (400, &json!(false)), "{pointer}: {answer}");
    }
    // Two kilobytes that take half a minute for eight of its twelve parts.
    std::thread::scope(|scope| {
        let poisoned = scope.spawn(|| {
            let began = Instant::now();
            (verify(&node, &fixture["poison"]), began.elapsed())
        });
        // Meanwhile the node answers.
        while !poisoned.is_finished() {
            node.done(&["status"]);
        }
        let ((status, answer), took) = poisoned.join().unwrap();
        assert_eq!((status, &answer["code"]), (400, &json!("proof-unknown")), "{answer}");
        assert!(took < Duration::from_secs(15), "{took:?}");
    });
    holds(&node);
}

#[test]
fn without_a_worker_or_with_one_that_is_none_such_proofs_are_not_verified() {
    let credential = &fixture()["credential"];
    let mut node = node("/nowhere/marque-interop");
    let (status, answer) = verify(&node, credential);
    assert_eq!((status, &answer["code"]), (400, &json!("proof-unknown")), "{answer}");
    node.kill();
    node.up();
    let (status, answer) = verify(&node, credential);
    assert_eq!((status, &answer["verified"]), (400, &json!(false)), "{answer}");
    assert!(answer.to_string().contains("not spoken here"), "{answer}");
}
