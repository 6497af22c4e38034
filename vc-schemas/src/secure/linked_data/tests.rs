use super::*;
use crate::code::Code;
use crate::secure::MAX_CREDENTIAL_BYTES;
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use serde_json::json;

const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);
const SKEW: Duration = Duration::from_secs(60);
const OWN: &str = "https://acme.example/contexts/v1";
const HASH: [u8; 64] = [9; 64];

fn signer() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn key() -> PublicKey {
    PublicKey::ed25519(signer().verifying_key().as_bytes()).unwrap()
}

fn proof() -> Value {
    json!({
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-rdfc-2022",
        "created": "2026-11-01T00:00:00Z",
        "verificationMethod": "did:web:acme.example#k",
        "proofPurpose": "assertionMethod",
        "proofValue": codec::to_multibase_z(&signer().sign(&HASH).to_bytes()),
    })
}

fn credential() -> Value {
    json!({
        "@context": [CREDENTIALS_V2, OWN],
        "id": "urn:uuid:6a8d5e0e-5b1c-4a0f-9a53-0c7f7d1b3a11",
        "type": ["VerifiableCredential", "Badge"],
        "issuer": {"id": "did:web:acme.example", "name": {"@value": "Acme", "@language": "en"}},
        "validUntil": "2030-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:web:bot.example", "skills": ["a", {"title": "b", "level": 1.5}]},
        "proof": proof(),
    })
}

fn read(document: &Value) -> Result<LinkedData, SecureError> {
    LinkedData::read(document, |url| url == OWN, MAX_CREDENTIAL_BYTES)
}

/// The credential with `value` at `pointer`.
fn with(pointer: &str, value: Value) -> Value {
    let mut document = credential();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(name.replace("~1", "/"), value);
    document
}

#[test]
fn a_signature_over_what_was_canonicalised_elsewhere_verifies() {
    let read = read(&credential()).unwrap();
    assert_eq!(read.key_id().to_string(), "did:web:acme.example#k");
    assert!(read.payload().get("proof").is_none());
    assert_eq!(json(read.text()), credential());
    assert_eq!(read.verify(&key(), &HASH, NOW, SKEW), Ok(()));
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_signature_counts_for_the_very_hash_the_very_key_and_in_time() {
    let read = read(&credential()).unwrap();
    let other = PublicKey::ed25519(SigningKey::from_bytes(&[8; 32]).verifying_key().as_bytes()).unwrap();
    assert_eq!(read.verify(&other, &HASH, NOW, SKEW), Err(SecureError::Signature));
    for hash in [&[8; 64][..], &HASH[..63], &[9; 96], &[]] {
        assert_eq!(read.verify(&key(), hash, NOW, SKEW), Err(SecureError::Signature));
    }
    let early = UnixSeconds::parse("2026-10-01T00:00:00Z").unwrap();
    assert_eq!(read.verify(&key(), &HASH, early, SKEW), Err(SecureError::NotYet));
    let ended = with("/proof/expires", json!("2026-11-02T00:00:00Z"));
    let ended = super::LinkedData::read(&ended, |url| url == OWN, MAX_CREDENTIAL_BYTES).unwrap();
    assert_eq!(ended.verify(&key(), &HASH, NOW, SKEW), Err(SecureError::Expired));
}

#[test]
fn a_suite_is_one_by_its_type_and_its_name() {
    assert!(is_spoken(&proof()));
    assert!(is_spoken(&json!({"type": "Ed25519Signature2020"})));
    for other in [
        json!({"type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022"}),
        json!({"type": "DataIntegrityProof", "cryptosuite": "Ed25519Signature2020"}),
        json!({"type": "DataIntegrityProof", "cryptosuite": ["eddsa-rdfc-2022"]}),
        json!({"type": "DataIntegrityProof"}),
        json!({"type": "eddsa-rdfc-2022"}),
        json!({"type": "Ed25519Signature2020", "cryptosuite": "eddsa-rdfc-2022"}),
        json!([proof()]),
        json!(null),
    ] {
        assert!(!is_spoken(&other), "{other}");
    }
}

#[test]
fn contexts_that_are_not_at_hand_are_refused() {
    for contexts in [
        json!(CREDENTIALS_V2),
        json!([]),
        json!([OWN, CREDENTIALS_V2]),
        json!([CREDENTIALS_V2, "https://elsewhere.example/v1"]),
        json!([CREDENTIALS_V2, OWN, OWN]),
        json!([CREDENTIALS_V2, CREDENTIALS_V2]),
        json!([CREDENTIALS_V2, {"validUntil": "https://elsewhere.example/never"}]),
        json!([CREDENTIALS_V2, null]),
        json!(null),
    ] {
        assert_eq!(read(&with("/@context", contexts)).unwrap_err(), SecureError::Context);
    }
    assert_eq!(SecureError::Context.code(Content::Credential), Code::ContextUnknown);
    for contexts in [json!([CREDENTIALS_V2]), json!([CREDENTIALS_V2, OWN, CONTEXTS[0], CONTEXTS[1]])] {
        assert!(read(&with("/@context", contexts)).is_ok());
    }
}

#[test]
fn what_the_proof_would_not_sign_is_refused() {
    // Each says something to who reads JSON that the statements do not say, or could be moved.
    for (pointer, value) in [
        ("/validFrom", json!(null)),
        ("/evidence", json!([])),
        ("/evidence", json!({})),
        ("/evidence", json!([["a"]])),
        ("/credentialSubject/@context", json!({"name": "https://elsewhere.example/name"})),
        ("/credentialSubject/@index", json!("a")),
        ("/@included", json!([{"id": "urn:a"}])),
        ("/@type", json!("Badge")),
        ("/@id", json!("urn:a")),
        ("/https:~1~1www.w3.org~12018~1credentials#validUntil", json!("2031-01-01T00:00:00Z")),
        ("/cred:credentialStatus", json!("urn:a")),
        ("/credentialSubject/id", json!("_:b0")),
        ("/credentialSubject/friend", json!("_:b0")),
        ("/credentialSubject/id", json!("did:web:acme.example")),
        ("/evidence", json!({"id": "did:web:bot.example", "name": "moved"})),
        ("/credentialSubject/id", json!(["did:web:bot.example"])),
        ("/name", json!({"@value": "a", "@direction": "rtl"})),
    ] {
        assert_eq!(read(&with(pointer, value)).unwrap_err(), SecureError::Unsigned, "{pointer}");
    }
    assert_eq!(SecureError::Unsigned.code(Content::Credential), Code::CredentialMalformed);
}

#[test]
fn a_proof_says_what_it_may_and_no_more() {
    for (pointer, value, error) in [
        ("/proof/challenge", json!("n"), SecureError::SelfChosen),
        ("/proof/domain", json!("d"), SecureError::SelfChosen),
        ("/proof/previousProof", json!("urn:a"), SecureError::SelfChosen),
        ("/proof/publicKeyMultibase", json!("z6Mk"), SecureError::SelfChosen),
        ("/proof/proofPurpose", json!("authentication"), SecureError::Purpose),
        ("/proof/verificationMethod", json!("did:web:acme.example"), SecureError::KeyId),
        ("/proof/verificationMethod", json!({"id": "did:web:acme.example#k"}), SecureError::Malformed),
        ("/proof/cryptosuite", json!("eddsa-jcs-2022"), SecureError::Algorithm),
        ("/proof/type", json!("Ed25519Signature2018"), SecureError::Algorithm),
        ("/proof/proofValue", json!("zzz"), SecureError::Malformed),
        ("/proof/proofValue", json!("uAAAA"), SecureError::Malformed),
        ("/proof/created", json!("yesterday"), SecureError::Malformed),
        ("/proof/id", json!("_:b0"), SecureError::Malformed),
        ("/proof/@context", json!([CREDENTIALS_V2]), SecureError::Context),
        ("/proof", json!([proof()]), SecureError::Proofs),
        ("/proof", json!([]), SecureError::Proofs),
    ] {
        assert_eq!(read(&with(pointer, value)).unwrap_err(), error, "{pointer}");
    }
    assert!(read(&with("/proof/@context", json!([CREDENTIALS_V2, OWN]))).is_ok());
    let too_long = with("/name", json!("a".repeat(MAX_CREDENTIAL_BYTES)));
    assert_eq!(read(&too_long).unwrap_err(), SecureError::TooLong);
}

#[test]
fn the_curve_is_that_of_the_signature() {
    let sized = |bytes: usize| {
        let mut document = with("/proof/cryptosuite", json!("ecdsa-rdfc-2019"));
        document["proof"]["proofValue"] = json!(codec::to_multibase_z(&vec![1; bytes]));
        read(&document)
    };
    assert_eq!(sized(64).unwrap().algorithm, KeyKind::P256);
    assert_eq!(sized(96).unwrap().algorithm, KeyKind::P384);
    assert_eq!(sized(65).unwrap_err(), SecureError::Malformed);
    // An Ed25519 key is none of ECDSA, whatever it signed.
    assert_eq!(sized(64).unwrap().verify(&key(), &HASH, NOW, SKEW), Err(SecureError::Algorithm));
}

#[test]
fn a_context_that_leaves_something_unsigned_is_not_taken() {
    assert!(signs_all(&json!({"@context": {"@protected": true, "title": "https://schema.org/title"}})));
    for context in [
        json!({"@context": {"title": null}}),
        json!({"@context": {"posts": {"@id": "https://a.example/post", "@container": "@index"}}}),
        json!({"@context": {"posts": {"@id": "https://a.example/post", "@container": ["@set", "@index"]}}}),
        json!({"@context": {"labels": "@nest"}}),
        json!({"@context": {"of": {"@reverse": "https://a.example/has"}}}),
    ] {
        assert!(!signs_all(&context), "{context}");
    }
}

proptest! {
    #[test]
    fn reading_any_json_in_any_place_gives_an_answer(
        pointer in prop::sample::select(vec!["/proof", "/@context", "/issuer", "/credentialSubject", "/evidence"]),
        text in "[\\[\\]{}\":,a-z0-9_@ ]{0,40}",
    ) {
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        let document = with(pointer, value);
        if let Ok(read) = read(&document) {
            prop_assert_eq!(json(read.text()), document);
        }
    }
}
