//! Proofs: the official vectors, and what a proof must refuse.

use super::*;
use crate::codec::to_hex;
use crate::json;
use crate::methods;
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use serde_json::json;
use std::path::Path;

fn vector(folder: &str, file: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors");
    std::fs::read_to_string(root.join(folder).join(file)).unwrap().trim().to_owned()
}

fn holds(folder: &str, suffix: &str, suite: Suite) {
    let signed = json::parse(vector(folder, &format!("signed{suffix}.json")).as_bytes(), 10_000).unwrap();
    let (document, proof) = Proof::take(signed).unwrap();
    assert_eq!(proof.suite(), suite);
    assert_eq!(proof.purpose(), Relationship::AssertionMethod);
    let canonical = String::from_utf8(jcs::canonical(&document).unwrap()).unwrap();
    assert_eq!(canonical, vector(folder, &format!("canonDoc{suffix}.txt")));
    let hash = to_hex(&suite.digest(&[canonical.as_bytes()]));
    assert_eq!(hash, vector(folder, &format!("docHash{suffix}.txt")));
    let options = String::from_utf8(jcs::canonical_object(&proof.options).unwrap()).unwrap();
    assert_eq!(options, vector(folder, &format!("proofCanon{suffix}.txt")));
    let hash = to_hex(&suite.digest(&[options.as_bytes()]));
    assert_eq!(hash, vector(folder, &format!("proofHash{suffix}.txt")));
    let input = hash_data(suite, &document, &proof.options).unwrap();
    assert_eq!(to_hex(&input), vector(folder, &format!("combinedHash{suffix}.txt")));
    assert_eq!(to_hex(&proof.signature), vector(folder, &format!("sigHex{suffix}.txt")));
    let key = methods::key_of_id(proof.verification_method()).unwrap();
    assert_eq!(proof.verify(&document, &key), Ok(()));
    let text = vector(folder, &format!("signed{suffix}.json"));
    let secured = Secured::read(text.as_bytes(), 10_000).unwrap();
    assert_eq!(secured.signed(0), Some((&input, proof.signature())));
    assert_eq!(secured.verify_all(&[key]), Ok(()));
}

#[test]
fn the_official_eddsa_jcs_2022_vector_holds_at_every_step() {
    holds("di-eddsa", "JCS", Suite::EddsaJcs2022);
}

#[test]
fn the_official_ecdsa_jcs_2019_vector_holds_at_every_step() {
    holds("di-ecdsa", "JCSECDSAP256", Suite::EcdsaJcs2019);
}

#[test]
fn the_official_ecdsa_jcs_2019_vector_on_p384_holds_at_every_step() {
    holds("di-ecdsa", "JCSECDSAP384", Suite::EcdsaJcs2019P384);
}

#[test]
fn a_proof_on_the_other_curve_of_its_suite_is_refused() {
    let read = |suffix: &str| {
        let signed = vector("di-ecdsa", &format!("signedJCSECDSA{suffix}.json"));
        Proof::take(json::parse(signed.as_bytes(), 10_000).unwrap()).unwrap()
    };
    let ((document, small), (_, large)) = (read("P256"), read("P384"));
    let key = |proof: &Proof| methods::key_of_id(proof.verification_method()).unwrap();
    assert_eq!(small.verify(&document, &key(&large)), Err(ProofError::KeyKind));
    assert_eq!(large.verify(&document, &key(&small)), Err(ProofError::KeyKind));
}

fn signer(seed: u8) -> (SigningKey, PublicKey) {
    let secret = SigningKey::from_bytes(&[seed; 32]);
    let key = PublicKey::ed25519(secret.verifying_key().as_bytes()).unwrap();
    (secret, key)
}

fn options(key: &PublicKey) -> ProofOptions {
    ProofOptions {
        suite: Suite::EddsaJcs2022,
        verification_method: methods::key_id(key).unwrap(),
        purpose: Relationship::Authentication,
        created: Some(UnixSeconds::new(7)),
        expires: None,
        domain: Some("shop.example".to_owned()),
        challenge: Some("n-1".to_owned()),
    }
}

fn signed(document: Value) -> (Value, PublicKey) {
    let (secret, key) = signer(1);
    let draft = ProofDraft::new(document, &options(&key)).unwrap();
    let signature = secret.sign(draft.signing_input()).to_bytes();
    (draft.attach(&key, &signature).unwrap(), key)
}

#[test]
fn what_was_drafted_and_signed_verifies_and_says_what_it_is_for() {
    let document = json!({"@context": ["https://www.w3.org/ns/credentials/v2"], "a": 1});
    let (with_proof, key) = signed(document.clone());
    assert_eq!(with_proof["proof"]["@context"], document["@context"]);
    let (read, proof) = Proof::take(with_proof).unwrap();
    assert_eq!(read, document);
    assert_eq!(proof.verify(&read, &key), Ok(()));
    assert_eq!(proof.option("challenge"), Some("n-1"));
    assert_eq!(proof.purpose(), Relationship::Authentication);
    assert_eq!((proof.created(), proof.expires()), (Some(UnixSeconds::new(7)), None));
}

#[test]
fn a_signature_that_does_not_verify_is_not_attached() {
    let (secret, key) = signer(1);
    let (_, other) = signer(2);
    let draft = ProofDraft::new(json!({"a": 1}), &options(&key)).unwrap();
    let signature = secret.sign(draft.signing_input()).to_bytes();
    assert_eq!(draft.clone().attach(&other, &signature), Err(ProofError::BadSignature));
    assert_eq!(draft.attach(&key, &signature[..63]), Err(ProofError::BadSignature));
}

#[test]
fn a_document_that_gains_or_loses_a_context_after_signing_is_refused() {
    let (with_proof, key) = signed(json!({"@context": ["https://www.w3.org/ns/credentials/v2"]}));
    let (mut document, proof) = Proof::take(with_proof).unwrap();
    document["@context"].as_array_mut().unwrap().push(json!("https://evil.example/v1"));
    assert_eq!(proof.verify(&document, &key), Err(ProofError::Context));
    document.as_object_mut().unwrap().remove("@context");
    assert_eq!(proof.verify(&document, &key), Err(ProofError::Context));
}

#[test]
fn a_proof_of_another_suite_kind_of_key_or_shape_is_refused() {
    let (with_proof, key) = signed(json!({"a": 1}));
    let with = |name: &str, value: Value| {
        let mut changed = with_proof["proof"].clone();
        changed[name] = value;
        Proof::parse(changed).map(|_| ())
    };
    assert_eq!(with("cryptosuite", json!("eddsa-rdfc-2022")), Err(ProofError::Suite));
    assert_eq!(with("type", json!("Ed25519Signature2020")), Err(ProofError::Shape));
    assert_eq!(with("previousProof", json!("urn:uuid:1")), Err(ProofError::Chained));
    assert_eq!(with("proofPurpose", json!("everything")), Err(ProofError::Shape));
    assert_eq!(with("verificationMethod", json!("did:key:z6Mk")), Err(ProofError::Shape));
    assert_eq!(with("proofValue", json!("uAAAA")), Err(ProofError::Shape));
    assert_eq!(with("created", json!("yesterday")), Err(ProofError::Shape));
    assert_eq!(Proof::parse(json!([])).map(|_| ()), Err(ProofError::Shape));

    let mut renamed = with_proof["proof"].clone();
    renamed["cryptosuite"] = json!("ecdsa-jcs-2019");
    assert_eq!(Proof::parse(renamed).unwrap().verify(&json!({"a": 1}), &key), Err(ProofError::KeyKind));
    assert_eq!(Proof::take(json!({"proof": [{}]})).map(|_| ()), Err(ProofError::Shape));
    assert_eq!(ProofDraft::new(with_proof, &options(&key)).map(|_| ()), Err(ProofError::Shape));
}

proptest! {
    #[test]
    fn any_other_document_or_option_fails(a in 0_u32..1000, b in 0_u32..1000, member in "[a-z]{1,8}") {
        let (with_proof, key) = signed(json!({"a": a}));
        let (_, proof) = Proof::take(with_proof.clone()).unwrap();
        prop_assert_eq!(proof.verify(&json!({"a": b}), &key).is_ok(), a == b);
        let mut changed = with_proof["proof"].clone();
        changed[member] = json!("x");
        if let Ok(proof) = Proof::parse(changed) {
            let verdict = proof.verify(&json!({"a": a}), &key);
            prop_assert!(verdict.is_err());
        }
    }
}
