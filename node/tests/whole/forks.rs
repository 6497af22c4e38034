//! Two histories of a DID, in the hands of an operator.

use crate::offline::run;
use crate::process::Domain;
use did_resolver::keys::{KeyKind, PublicKey};
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{Change, EntryDraft, Genesis, Log, create};
use marque_store::secret::SecretKey;
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};

fn signed(draft: EntryDraft, key: &SecretKey) -> Vec<u8> {
    let signature = key.sign(&draft.signing_input(key.public()).unwrap()).unwrap();
    draft.attach(key.public(), &signature).unwrap()
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes(KeyKind::Ed25519, &[seed; 32]).unwrap()
}

/// A DID, and two next versions of its log by the key that may make one.
fn two_histories() -> (String, [Log; 2]) {
    let now = UnixSeconds::new(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs());
    let genesis = Genesis {
        host: "mallory.test".to_owned(),
        port: None,
        path: vec!["bot".to_owned()],
        document: json!({"@context": ["https://www.w3.org/ns/did/v1"]}),
        update_keys: vec![key(1).public().clone()],
        next_key_hashes: vec![],
        time: now.minus(std::time::Duration::from_secs(1_000)),
        portable: false,
        ttl_seconds: None,
    };
    let first = Log::verify(&signed(create(genesis).unwrap(), &key(1)), now).unwrap();
    let branch = |to: &PublicKey| {
        let change = Change { update_keys: Some(vec![to.clone()]), ..Change::default() };
        let line = signed(
            first.append(change, now.minus(std::time::Duration::from_secs(500)), now).unwrap(),
            &key(1),
        );
        first.then(&line, None, now).unwrap()
    };
    (first.did().to_string(), [branch(key(2).public()), branch(key(3).public())])
}

//
#[test]
fn an_operator_sees_a_contested_did_proves_it_to_others_and_settles_it() {
    let alpha = Domain::start("alpha.test");
    let (did, [one, two]) = two_histories();
    let import = |log: &Log| alpha.pipe(&["did", "import", &did, "--log", "-"], log.bytes());
    assert_eq!(import(&one).exit, 0);
    assert!(alpha.done(&["did", "contested", "ls"]).json["contested"].as_array().unwrap().is_empty());
    let refused = import(&two);
    assert_eq!((refused.exit, &refused.json["error"]["code"]), (3, &json!("did-contested")));
    assert_eq!(alpha.run(&["resolve", &did]).exit, 3);
    assert_eq!(alpha.done(&["did", "contested", "ls"]).json["contested"][0]["did"], json!(did));

    let file = alpha.data().join("proof.json");
    alpha.done(&["did", "contested", "show", &did, "--proof", file.to_str().unwrap()]);
    let proof = run(&["inspect", file.to_str().unwrap(), "--json"], b"");
    assert_eq!((&proof.json["kind"], &proof.json["verified"]), (&json!("duplicity-proof"), &json!(true)));
    assert_eq!((&proof.json["did"], &proof.json["at"]), (&json!(did), &json!(2)));
    let bent = std::fs::read_to_string(&file).unwrap().replacen("mallory.test", "mallory.tset", 1);
    assert_eq!(run(&["inspect", "-", "--json"], bent.as_bytes()).exit, 2);

    let settle = ["did", "contested", "settle", &did, "--version-id", &two.head().id];
    alpha.done(&[&settle[..], &["--dry-run"]].concat());
    assert_eq!(alpha.run(&["resolve", &did]).exit, 3);
    assert_eq!(alpha.done(&settle).json["state"], "settled");
    let resolved = alpha.done(&["resolve", &did]);
    assert_eq!(resolved.json["didDocumentMetadata"]["versionId"], json!(two.head().id));
}
