//! G8: a did:webvh log in units of bare verifications, and against didwebvh-rs.
//!
//! didwebvh-rs reads the log from memory and validates all of it each time; it keeps no head.

use crate::comparators;
use crate::goals::{Bound, Goals};
use crate::rounds::{Candidate, compare};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use did_resolver::keys::PublicKey;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{Change, EntryDraft, Extension, Genesis, Log, create};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::json;

/// In the past: didwebvh-rs looks at the clock.
const START: u64 = 1_700_000_000;
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

/// What nobody may accept: the last entry says something that it did not when it was signed.
fn forged(log: &Log) -> Vec<u8> {
    let text = String::from_utf8(log.bytes().to_vec()).unwrap();
    let at = text.rfind("acme.example").unwrap();
    let forged = format!("{}evil{}", &text[..at], &text[at + 4..]);
    assert!(Log::verify(forged.as_bytes(), NOW).is_err());
    forged.into_bytes()
}

/// G8: whole logs, and one entry on a stored head.
pub fn run(goals: &mut Goals) {
    const DALEK: &str = "bare verify_strict of 64 bytes, ed25519-dalek, key parsed";
    const AWS_LC: &str = "bare verify of 64 bytes, AWS-LC";
    const HUNDRED: &str = "Log::verify, 100 entries";
    const APPENDED: &str = "Log::extend, the 101st entry on a stored head";
    const THEIRS: &str = "didwebvh-rs resolve_log, 100 entries";

    let peer = comparators::start("marque-bench-dids");
    let secret = SigningKey::from_bytes(&[9; 32]);
    let bare = secret.verifying_key();
    let aws_lc = UnparsedPublicKey::new(&ED25519, bare.to_bytes());
    let message = [5; 64];
    let signature = secret.sign(&message);
    let bytes = signature.to_bytes();
    let (one, ten, hundred) = (log(1, &secret), log(10, &secret), log(100, &secret));
    let longer = log(101, &secret);
    let verify = |log: &Log| Log::verify(log.bytes(), NOW).unwrap().versions().count();
    let theirs = |name: &str, repeats, log: &Log| {
        let forged = forged(log);
        let inputs: [&[u8]; 3] = [log.did().as_str().as_bytes(), log.bytes(), &forged];
        Candidate::there(name, repeats, &peer, ("resolve_log", &inputs))
    };
    let measured = compare(
        &format!("G8: logs, {} bytes for 100 entries", hundred.bytes().len()),
        vec![
            Candidate::new(DALEK, 40, || usize::from(bare.verify_strict(&message, &signature).is_ok())),
            Candidate::new(AWS_LC, 40, || usize::from(aws_lc.verify(&message, &bytes).is_ok())),
            Candidate::new("Log::verify, 1 entry", 20, || verify(&one)),
            Candidate::new("Log::verify, 10 entries", 4, || verify(&ten)),
            Candidate::new(HUNDRED, 1, || verify(&hundred)),
            Candidate::new(APPENDED, 10, || {
                usize::from(matches!(hundred.extend(longer.bytes(), NOW), Ok(Extension::Longer(_))))
            }),
            theirs("didwebvh-rs resolve_log, 1 entry", 20, &one),
            theirs("didwebvh-rs resolve_log, 10 entries", 4, &ten),
            theirs(THEIRS, 1, &hundred),
            theirs("didwebvh-rs resolve_log, 101 entries: one was appended", 1, &longer),
        ],
    );
    let per_entry = measured.ratio(HUNDRED, DALEK) / 100.0;
    goals.note("G8", "one of 100 entries / ed25519-dalek verify_strict", per_entry, Bound::Most(1.5));
    let what = "didwebvh-rs / Marque, a log of 100 entries";
    goals.note("G8", what, measured.ratio(THEIRS, HUNDRED), Bound::Least(1.5));
    let what = "one appended entry on a stored head of 100 / ed25519-dalek verify_strict";
    goals.note("G8", what, measured.ratio(APPENDED, DALEK), Bound::Most(2.5));
    let what = "validating all 100 entries / one appended entry on a stored head";
    goals.note("G8", what, measured.ratio(HUNDRED, APPENDED), Bound::Least(80.0));
}
