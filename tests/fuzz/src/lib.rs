//! What must hold for any bytes whatever: the bodies of the fuzz targets.
//!
//! Each is a function of its own, so that the saved corpora also run as ordinary tests: see
//! `did-resolver/tests/corpora.rs`. A finding is a panic.

use did_resolver::did::{Did, DidUrl};
use did_resolver::keys::PublicKey;
use did_resolver::keys::batch::{MIN_BATCH, Signed, verify};
use did_resolver::proof::{MAX_PROOFS, Secured};
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{Extension, Log, MAX_LOG_BYTES, WitnessProofs};
use did_resolver::{jcs, json, methods};

/// Every saved log was written before this.
const NOW: UnixSeconds = UnixSeconds::new(4_000_000_000);

const MAX: usize = 1 << 20;

/// The log that fuzzed entries come after.
const BEFORE: &[u8] = include_bytes!("../../vectors/webvh/basic-create.ts.jsonl");

/// The log whose witness file is fuzzed.
const WITNESSED: &[u8] = include_bytes!("../../vectors/webvh/witness-threshold.ts.jsonl");

/// A target: its name, which is that of its corpus, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 9] = [
    ("did_url", did_url),
    ("json_reader", json_reader),
    ("jcs", canonical),
    ("log", log),
    ("entry", entry),
    ("witness", witness),
    ("proof", proof),
    ("keys", keys),
    ("batch", batch),
];

/// A DID URL is written as it was read, and its DID stands at its beginning.
pub fn did_url(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(url) = text.parse::<DidUrl>() {
        assert_eq!(url.as_str(), text);
        assert_eq!(url.to_string().parse::<DidUrl>().as_ref(), Ok(&url));
        let _ = (url.path(), url.query(), url.fragment(), url.is_key_id());
        assert!(url.parameters("service").count() <= text.len());
        let _ = methods::key_of_id(&url);
    }
    if let Ok(did) = text.parse::<Did>() {
        assert_eq!(did.as_str(), text);
        assert!(text.parse::<DidUrl>().is_ok());
    }
}

/// What the strict reader takes, serde_json takes and reads alike; and it has a canonical form.
pub fn json_reader(bytes: &[u8]) {
    if let Ok(value) = json::parse(bytes, MAX) {
        assert_eq!(serde_json::from_slice::<serde_json::Value>(bytes).ok().as_ref(), Some(&value));
        assert!(json::parse(bytes, bytes.len().saturating_sub(1)).is_err());
        let written = jcs::canonical(&value).unwrap();
        assert_eq!(json::parse(&written, MAX).map(|again| jcs::canonical(&again).unwrap()).unwrap(), written);
    }
}

/// The fast roads and the full one agree: on what is canonical, and on how it is written.
pub fn canonical(bytes: &[u8]) {
    let slow = json::parse(bytes, MAX).ok();
    let written = slow.as_ref().map(|value| jcs::canonical(value).unwrap());
    let fast = jcs::recognise(bytes);
    assert_eq!(fast.is_some(), written.as_deref() == Some(bytes));
    let tree = json::read(bytes.to_vec(), MAX).ok();
    assert_eq!(tree.map(|tree| jcs::canonical_of(tree.root()).unwrap()), written);
}

/// A log that verifies verifies again from its own bytes, and is the same as itself.
pub fn log(bytes: &[u8]) {
    if let Ok(log) = Log::verify(bytes, NOW) {
        assert!(bytes.len() <= MAX_LOG_BYTES);
        let again = Log::verify(log.bytes(), NOW).unwrap();
        assert_eq!(again.head().id, log.head().id);
        assert!(matches!(log.extend(bytes, NOW), Ok(Extension::Same)));
    }
}

/// Bytes after a log that is held are the next entry or none, whether the log is read whole or extended.
pub fn entry(bytes: &[u8]) {
    let held = Log::verify(BEFORE, NOW).unwrap();
    let received = [held.bytes(), bytes].concat();
    match (held.extend(&received, NOW), Log::verify(&received, NOW)) {
        (Ok(Extension::Longer(longer)), Ok(whole)) => {
            assert_eq!(longer, whole);
            assert!(longer.head().number > held.head().number);
        }
        (Ok(Extension::Same), Ok(whole)) => assert_eq!(whole, held),
        (Err(one), Err(other)) => assert_eq!(one, other),
        (one, other) => panic!("{one:?} is not {other:?}"),
    }
}

/// A witness file is written as it is read; a log is approved by it, or refused for lack of approval, and
/// what it was approved by approves it again.
pub fn witness(bytes: &[u8]) {
    if let Ok(proofs) = WitnessProofs::parse(bytes) {
        assert_eq!(WitnessProofs::parse(&proofs.to_bytes()).as_ref(), Ok(&proofs));
    }
    assert!(Log::verify(WITNESSED, NOW).is_err());
    if let Ok(log) = Log::verify_with(WITNESSED, Some(bytes), NOW) {
        let kept = log.witness_proofs().to_bytes();
        assert_eq!(Log::verify_with(WITNESSED, Some(&kept), NOW).as_ref(), Ok(&log));
    }
}

/// Proofs are bounded; a document read from its canonical form has the same proofs and verdicts.
pub fn proof(bytes: &[u8]) {
    let Ok(secured) = Secured::read(bytes, MAX) else { return };
    assert!((1..=MAX_PROOFS).contains(&secured.proofs().len()));
    assert_eq!(Secured::read(secured.as_bytes(), MAX).as_ref(), Ok(&secured));
    assert!(secured.document().unwrap().get("proof").is_none());
    for (index, proof) in secured.proofs().enumerate() {
        if let Ok(key) = methods::key_of_id(proof.verification_method()) {
            let _ = secured.verify(index, &key);
        }
    }
}

/// A key that is read is written as it was.
pub fn keys(bytes: &[u8]) {
    for key in [PublicKey::ed25519(bytes), PublicKey::p256(bytes)].into_iter().flatten() {
        assert_eq!(PublicKey::from_multikey(&key.to_multikey()).as_ref(), Ok(&key));
        assert_eq!(PublicKey::from_jwk(&key.to_jwk().unwrap()).as_ref(), Ok(&key));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(key) = PublicKey::from_multikey(text) {
        assert_eq!(key.to_multikey(), text);
    }
    if let Ok(jwk) = json::parse(bytes, MAX) {
        let _ = PublicKey::from_jwk(&jwk);
    }
}

/// Signatures cut from the bytes, many times over: the batch says of each what it is told alone.
pub fn batch(bytes: &[u8]) {
    let Some((key, rest)) = bytes.split_at_checked(32) else { return };
    let Ok(key) = PublicKey::ed25519(key) else { return };
    let one = |signature| Signed { key: &key, message: bytes.get(..8).unwrap_or_default(), signature };
    let some: Vec<_> = rest.chunks(64).map(one).collect();
    let all: Vec<_> =
        some.iter().cycle().take(if some.is_empty() { 0 } else { MIN_BATCH }).copied().collect();
    for (signed, verdict) in all.iter().zip(verify(&all)) {
        assert_eq!(verdict, signed.key.verify(signed.message, signed.signature));
    }
}
