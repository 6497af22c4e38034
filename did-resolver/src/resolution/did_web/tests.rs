//! The did:web document of a log.

use super::*;
use crate::keys::PublicKey;
use crate::resolution::Resolution;
use crate::time::UnixSeconds;
use crate::webvh::{Change, EntryDraft, Extension, Genesis, VersionQuery, create};
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use serde_json::json;

const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

fn signed(draft: EntryDraft) -> Vec<u8> {
    let secret = SigningKey::from_bytes(&[1; 32]);
    let key = PublicKey::ed25519(secret.verifying_key().as_bytes()).unwrap();
    let signature = secret.sign(&draft.signing_input(&key).unwrap()).to_bytes();
    draft.attach(&key, &signature).unwrap()
}

fn log(document: Value) -> Log {
    let secret = SigningKey::from_bytes(&[1; 32]);
    let genesis = Genesis {
        host: "acme.example".to_owned(),
        port: Some(8443),
        path: vec!["bot".to_owned()],
        document,
        update_keys: vec![PublicKey::ed25519(secret.verifying_key().as_bytes()).unwrap()],
        next_key_hashes: vec![],
        time: UnixSeconds::new(1_700_000_000),
        portable: true,
        ttl_seconds: None,
    };
    Log::verify(&signed(create(genesis).unwrap()), NOW).unwrap()
}

fn then(log: &Log, change: Change) -> Log {
    let line = signed(log.append(change, UnixSeconds::new(1_700_000_009), NOW).unwrap());
    match log.extend(&[log.bytes(), &line].concat(), NOW) {
        Ok(Extension::Longer(longer)) => longer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_name_becomes_did_web_and_the_log_is_named_in_also_known_as() {
    let own = "did:webvh:{SCID}:acme.example%3A8443:bot";
    let log = log(json!({
        "controller": own,
        "alsoKnownAs": ["did:web:acme.example%3A8443:bot", "did:scid:vh:1:{SCID}?src=acme.example/bot", "https://acme.example/"],
        "verificationMethod": [{
            "id": format!("{own}#k"), "type": "Multikey", "controller": own,
            "publicKeyMultibase": "z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG",
        }],
        "authentication": [format!("{own}#k")],
    }));
    let (web, scid) = ("did:web:acme.example%3A8443:bot", log.scid());
    let derived = did_web_document(&log).unwrap();
    assert_eq!(
        derived,
        json!({
            "id": web,
            "controller": web,
            "alsoKnownAs": [
                format!("did:scid:vh:1:{scid}?src=acme.example/bot"), "https://acme.example/", log.did().as_str(),
            ],
            "verificationMethod": [{
                "id": format!("{web}#k"), "type": "Multikey", "controller": web,
                "publicKeyMultibase": "z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG",
            }],
            "authentication": [format!("{web}#k")],
            "service": [
                {"id": format!("{web}#files"), "type": "relativeRef", "serviceEndpoint": "https://acme.example:8443/bot/"},
                {
                    "@context": "https://identity.foundation/linked-vp/contexts/v1", "id": format!("{web}#whois"),
                    "type": "LinkedVerifiablePresentation", "serviceEndpoint": "https://acme.example:8443/bot/whois.vp",
                },
            ],
        })
    );
    assert!(crate::document::Document::parse(derived).is_ok());
    // The resolved document keeps its names as they were written.
    let resolved = Resolution::of_log(&log, log.did(), None).unwrap().document.unwrap();
    assert_eq!(resolved["alsoKnownAs"], log.head().document().json()["alsoKnownAs"]);
    assert_eq!(resolved["alsoKnownAs"][0], json!(web));
}

#[test]
fn names_without_also_known_as_or_twice_are_listed_once() {
    let names = |log: &Log| did_web_document(log).unwrap()["alsoKnownAs"].clone();
    let bare = log(json!({}));
    assert_eq!(names(&bare), json!([bare.did().as_str()]));
    let twice = log(
        json!({"alsoKnownAs": ["https://a.example", "https://a.example", "did:webvh:{SCID}:acme.example%3A8443:bot"]}),
    );
    assert_eq!(names(&twice), json!(["https://a.example", twice.did().as_str()]));
}

#[test]
fn a_deactivated_did_or_one_with_clashing_members_has_no_did_web_document() {
    let open = log(json!({}));
    assert_eq!(did_web_document(&then(&open, Change { deactivate: true, ..Change::default() })), None);
    let clash = log(json!({"x": {"did:webvh:{SCID}:a.example": 1, "did:web:a.example": 2}}));
    assert_eq!(did_web_document(&clash), None);
}

#[test]
fn a_moved_did_resolves_under_both_names_and_says_which_is_canonical() {
    let before = log(json!({"alsoKnownAs": ["did:web:acme.example%3A8443:bot"]}));
    let old = before.did().clone();
    let new = format!("did:webvh:{}:new.example", before.scid());
    let document = json!({"id": new, "alsoKnownAs": [old.as_str(), "did:web:acme.example%3A8443:bot"]});
    let log = then(&before, Change { document: Some(document), ..Change::default() });
    let current = Resolution::of_log(&log, log.did(), None).unwrap();
    assert_eq!(current.metadata.canonical_id, None);
    assert_eq!(current.metadata.to_json().get("equivalentId"), None);
    let moved = Resolution::of_log(&log, &old, None).unwrap();
    assert_eq!(moved.document.as_ref().unwrap()["id"], json!(new));
    let metadata = moved.metadata.to_json();
    assert_eq!((&metadata["canonicalId"], &metadata["equivalentId"]), (&json!(new), &json!([new])));
    let first = Resolution::of_log(&log, &old, Some(&VersionQuery::Number(1))).unwrap();
    assert_eq!(first.document.unwrap()["id"], json!(old.as_str()));

    let web = did_web_document(&log).unwrap();
    assert_eq!(web["id"], json!("did:web:new.example"));
    assert_eq!(web["alsoKnownAs"], json!(["did:web:acme.example%3A8443:bot", new]));
    assert_eq!(web["service"][0]["serviceEndpoint"], json!("https://new.example/"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_the_names_own_did_web_is_not_among_them_and_the_log_is(names in prop::collection::vec("(did:web:acme\\.example%3A8443:bot|[a-z]{1,3}:\"?x)", 0..6)) {
        let log = log(json!({"alsoKnownAs": names}));
        let web = did_web_document(&log).unwrap();
        let listed = web["alsoKnownAs"].as_array().unwrap();
        prop_assert!(!listed.contains(&web["id"]));
        prop_assert_eq!(listed.iter().filter(|name| **name == json!(log.did().as_str())).count(), 1);
        prop_assert!((1..listed.len()).all(|i| !listed[..i].contains(&listed[i])));
        prop_assert!(names.iter().all(|name| listed.contains(&json!(name)) || web["id"] == json!(name)));
    }
}
