use crate::code::Code;
use crate::secure::{
    Content, Draft, Envelope, MAX_CREDENTIAL_BYTES, MAX_PRESENTATION_BYTES, SecureError, Secured,
};
use did_resolver::codec;
use did_resolver::document::Relationship;
use did_resolver::jcs;
use did_resolver::json::JsonError;
use did_resolver::keys::{KeyKind, PublicKey};
use did_resolver::proof::{ProofDraft, ProofOptions, Suite};
use did_resolver::time::UnixSeconds;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use std::time::Duration;

const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);
const SKEW: Duration = Duration::from_secs(60);
const KEY_ID: &str = "did:web:acme.example#k";

fn signer() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn key() -> PublicKey {
    PublicKey::ed25519(signer().verifying_key().as_bytes()).unwrap()
}

fn credential() -> Value {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential"],
        "issuer": "did:web:acme.example",
        "credentialSubject": {"id": "did:web:bot.example"},
    })
}

fn options(purpose: Relationship) -> ProofOptions {
    ProofOptions {
        suite: Suite::EddsaJcs2022,
        verification_method: KEY_ID.parse().unwrap(),
        purpose,
        created: None,
        expires: None,
        domain: None,
        challenge: None,
    }
}

/// A document with a proof of any options, and a signature that verifies.
fn with(document: Value, options: &ProofOptions) -> Value {
    let draft = ProofDraft::new(document, options).unwrap();
    let signature = signer().sign(draft.signing_input()).to_bytes();
    draft.attach(&key(), &signature).unwrap()
}

/// A credential whose proof has further members, and a signature that covers them.
fn with_member(name: &str, value: Value) -> Value {
    let mut proof = options(Relationship::AssertionMethod).to_members();
    proof.insert("@context".into(), credential()["@context"].clone());
    proof.insert(name.into(), value);
    let input = did_resolver::proof::hash_data(Suite::EddsaJcs2022, &credential(), &proof).unwrap();
    let signature = signer().sign(&input).to_bytes();
    proof.insert("proofValue".into(), json!(codec::to_multibase_z(&signature)));
    let mut document = credential();
    document["proof"] = Value::Object(proof);
    document
}

fn read(content: Content, document: &Value) -> Result<Secured, SecureError> {
    let bytes = jcs::canonical(document).unwrap();
    let read = Secured::parse(content, Envelope::DataIntegrity, &bytes, MAX_PRESENTATION_BYTES)?;
    assert_eq!(Secured::embedded(content, document, MAX_PRESENTATION_BYTES).as_ref(), Ok(&read));
    read.verify(&key(), NOW, SKEW).map(|()| read)
}

fn read_credential(document: &Value) -> Result<Secured, SecureError> {
    read(Content::Credential, document)
}

#[test]
fn white_space_and_order_of_members_do_not_matter_to_what_is_signed() {
    let document = with(credential(), &options(Relationship::AssertionMethod));
    let pretty = serde_json::to_vec_pretty(&document).unwrap();
    let content = Content::Credential;
    let read = Secured::parse(content, Envelope::DataIntegrity, &pretty, MAX_CREDENTIAL_BYTES).unwrap();
    assert_eq!(read.verify(&key(), NOW, SKEW), Ok(()));
    assert_eq!(read.digest(), read_credential(&document).unwrap().digest());
    assert_eq!(read.digest(), codec::sha256(&jcs::canonical(&credential()).unwrap()));
    assert_eq!(read.to_embedded(), Some(document));
    assert_eq!(read.payload(), &credential());
}

// R-041
#[test]
fn a_proof_is_for_its_own_use_only() {
    let assertion = with(credential(), &options(Relationship::AssertionMethod));
    assert!(read_credential(&assertion).is_ok());
    assert_eq!(read(Content::Presentation, &assertion), Err(SecureError::Purpose));
    for purpose in Relationship::ALL {
        let other = with(credential(), &options(purpose));
        let good = purpose == Relationship::AssertionMethod;
        assert_eq!(read_credential(&other).is_ok(), good, "{purpose:?}");
    }
    for (domain, challenge) in [(Some("d".into()), None), (None, Some("c".into()))] {
        let bound = ProofOptions { domain, challenge, ..options(Relationship::AssertionMethod) };
        assert_eq!(read_credential(&with(credential(), &bound)), Err(SecureError::Purpose));
    }
}

#[test]
fn one_proof_and_no_more_secures_a_document() {
    let one = with(credential(), &options(Relationship::AssertionMethod));
    let proof = one["proof"].clone();
    let mut document = one.clone();
    document["proof"] = json!([proof]);
    assert!(read_credential(&document).is_ok(), "a set of one");
    document["proof"] = json!([proof, proof]);
    assert_eq!(read_credential(&document), Err(SecureError::Proofs));
    assert_eq!(SecureError::Proofs.code(Content::Credential), Code::CredentialMalformed);
    document["proof"] = json!([]);
    assert_eq!(read_credential(&document), Err(SecureError::Malformed));
    document.as_object_mut().unwrap().remove("proof");
    let bytes = jcs::canonical(&document).unwrap();
    let parse = |bytes: &[u8]| {
        Secured::parse(Content::Credential, Envelope::DataIntegrity, bytes, MAX_CREDENTIAL_BYTES)
    };
    assert_eq!(parse(&bytes), Err(SecureError::Proofs));
    assert_eq!(parse(b"[]"), Err(SecureError::Json(JsonError::Malformed)));
    assert_eq!(parse(br#"{"a":1,"a":1}"#), Err(SecureError::Json(JsonError::Duplicate)));
    assert_eq!(parse(br#"{"a":9007199254740993}"#), Err(SecureError::Json(JsonError::Integer)));
    assert_eq!(read_credential(&with_member("previousProof", json!("urn:a"))), Err(SecureError::Proofs));
}

// Rule 9
#[test]
fn a_proof_brings_no_key_and_nothing_unknown() {
    assert!(read_credential(&with_member("id", json!("urn:uuid:1"))).is_ok());
    for (name, value) in [
        ("publicKeyMultibase", json!(key().to_multikey())),
        ("publicKeyJwk", key().to_jwk().unwrap()),
        ("jwk", key().to_jwk().unwrap()),
        ("crit", json!(["x"])),
        ("jws", json!("a..b")),
        ("capabilityChain", json!([])),
    ] {
        assert_eq!(read_credential(&with_member(name, value)), Err(SecureError::SelfChosen), "{name}");
    }
    assert_eq!(SecureError::SelfChosen.code(Content::Credential), Code::SelfChosen);
    for (name, value, refusal) in [
        ("cryptosuite", json!("eddsa-rdfc-2022"), SecureError::Algorithm),
        ("cryptosuite", json!("none"), SecureError::Algorithm),
        ("cryptosuite", json!("ecdsa-jcs-2019"), SecureError::Algorithm),
        ("type", json!("Ed25519Signature2020"), SecureError::Malformed),
        ("verificationMethod", json!("#k"), SecureError::Malformed),
        ("verificationMethod", json!({"id": KEY_ID}), SecureError::Malformed),
        ("created", json!("yesterday"), SecureError::Malformed),
        ("domain", json!(["a", "b"]), SecureError::Malformed),
    ] {
        assert_eq!(read_credential(&with_member(name, value.clone())), Err(refusal), "{name} {value}");
    }
    let foreign = with_member("@context", json!(["https://evil.example"]));
    assert_eq!(read_credential(&foreign), Err(SecureError::Malformed));
}

#[test]
fn a_proof_counts_only_within_its_own_dates() {
    let at = |created: Option<u64>, expires: Option<u64>| {
        let dates = ProofOptions {
            created: created.map(UnixSeconds::new),
            expires: expires.map(UnixSeconds::new),
            ..options(Relationship::AssertionMethod)
        };
        read_credential(&with(credential(), &dates)).map(|_| ())
    };
    let (now, skew) = (NOW.get(), SKEW.as_secs());
    assert_eq!(at(Some(now), Some(now + 1)), Ok(()));
    assert_eq!(at(Some(now + skew), None), Ok(()));
    assert_eq!(at(Some(now + skew + 1), None), Err(SecureError::NotYet));
    assert_eq!(at(None, Some(now - skew + 1)), Ok(()));
    assert_eq!(at(None, Some(now - skew)), Err(SecureError::Expired));
    assert_eq!(SecureError::Expired.code(Content::Credential), Code::CredentialExpired);
    assert_eq!(SecureError::NotYet.code(Content::Credential), Code::CredentialNotYetValid);
    assert_eq!(SecureError::NotYet.code(Content::Presentation), Code::PresentationExpired);
}

#[test]
fn what_a_presentation_answers_stands_in_its_proof() {
    let payload = json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiablePresentation"],
        "holder": "did:web:acme.example",
        "nonce": "n-1", "aud": "did:web:verifier.example", "iat": NOW.get(), "exp": NOW.get() + 60,
    });
    let draft = |payload: Value| {
        let (content, envelope) = (Content::Presentation, Envelope::DataIntegrity);
        Draft::new(content, envelope, payload, KEY_ID.parse().unwrap(), KeyKind::Ed25519)
    };
    let made = draft(payload.clone()).unwrap();
    let signature = signer().sign(made.signing_input()).to_bytes();
    let made = made.attach(&key(), &signature).unwrap();
    let terms = made.terms().unwrap();
    assert_eq!(terms.challenge.as_deref(), Some("n-1"));
    assert_eq!(terms.domain.as_deref(), Some("did:web:verifier.example"));
    assert_eq!(terms.created, Some(NOW));
    assert_eq!(terms.expires, Some(NOW.plus(Duration::from_secs(60))));
    let names: Vec<_> = made.payload().as_object().unwrap().keys().collect();
    assert_eq!(names, ["@context", "holder", "type"]);
    for (name, wrong) in
        [("nonce", json!(1)), ("aud", json!(["a"])), ("iat", json!(1_u64 << 50)), ("exp", json!("1"))]
    {
        let mut payload = payload.clone();
        payload[name] = wrong;
        assert_eq!(draft(payload).map(|_| ()), Err(SecureError::Claims), "{name}");
    }
}
