//! G8: a did:webvh log in units of bare verifications.

use crate::rounds::{Candidate, compare};
use did_resolver::keys::PublicKey;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{Change, EntryDraft, Extension, Genesis, Log, create};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::json;

const START: u64 = 1_800_000_000;
const NOW: UnixSeconds = UnixSeconds::new(START + 86_400);

fn signed(draft: EntryDraft, secret: &SigningKey, key: &PublicKey) -> Vec<u8> {
    let signature = secret.sign(&draft.signing_input(key).unwrap()).to_bytes();
    draft.attach(key, &signature).unwrap()
}

fn log(entries: u64, secret: &SigningKey) -> Log {
    let key = PublicKey::ed25519(secret.verifying_key().as_bytes()).unwrap();
    let genesis = Genesis {
        host: "acme.example".to_owned(),
        port: None,
        path: vec!["agents".to_owned(), "bot".to_owned()],
        document: json!({
            "@context": ["https://www.w3.org/ns/did/v1"],
            "controller": "did:webvh:{SCID}:acme.example:agents:bot",
        }),
        update_keys: vec![key.clone()],
        next_key_hashes: vec![],
        time: UnixSeconds::new(START),
        portable: false,
        ttl_seconds: None,
    };
    let mut log = Log::verify(&signed(create(genesis).unwrap(), secret, &key), NOW).unwrap();
    for number in 1..entries {
        let mut document = log.head().document().json().clone();
        document["alsoKnownAs"] = json!([format!("did:web:name-{number}.example")]);
        let change = Change { document: Some(document), ..Change::default() };
        let draft = log.append(change, UnixSeconds::new(START + number), NOW).unwrap();
        let line = signed(draft, secret, &key);
        let Ok(Extension::Longer(longer)) = log.extend(&[log.bytes(), &line].concat(), NOW) else {
            panic!("a longer log")
        };
        log = longer;
    }
    log
}

/// G8: whole logs, and one entry on a stored head.
pub fn run() {
    let secret = SigningKey::from_bytes(&[9; 32]);
    let bare = secret.verifying_key();
    let message = [5; 64];
    let signature = secret.sign(&message);
    let (one, ten, hundred) = (log(1, &secret), log(10, &secret), log(100, &secret));
    let longer = log(101, &secret);
    let verify = |log: &Log| Log::verify(log.bytes(), NOW).unwrap().versions().count();
    compare(
        &format!("G8: logs, {} bytes for 100 entries", hundred.bytes().len()),
        vec![
            Candidate::new("bare verify_strict of 64 bytes", 40, || {
                usize::from(bare.verify_strict(&message, &signature).is_ok())
            }),
            Candidate::new("Log::verify, 1 entry", 20, || verify(&one)),
            Candidate::new("Log::verify, 10 entries", 4, || verify(&ten)),
            Candidate::new("Log::verify, 100 entries", 1, || verify(&hundred)),
            Candidate::new("Log::extend, the 101st entry on a stored head", 10, || {
                usize::from(matches!(hundred.extend(longer.bytes(), NOW), Ok(Extension::Longer(_))))
            }),
        ],
    );
    println!("  (comparator: didwebvh-rs is not linked)");
}
