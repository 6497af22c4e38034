//! G4: an `eddsa-jcs-2022` credential against a bare `verify_strict`.

use crate::rounds::{Candidate, compare};
use did_resolver::document::Relationship;
use did_resolver::keys::PublicKey;
use did_resolver::proof::{Proof, ProofDraft, ProofOptions, Secured, Suite};
use did_resolver::{jcs, json, methods};
use ed25519_dalek::{Signature, Signer, SigningKey};
use serde_json::{Value, json};

const MAX: usize = 1 << 20;

fn credential(claims: usize) -> Value {
    let scopes: Vec<Value> = (0..claims)
        .map(|i| json!({"id": format!("https://shop.example/scopes/{i}"), "actions": ["read", "order"], "limit": 250 + i}))
        .collect();
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
        "type": ["VerifiableCredential", "AgentIdentityCredential"],
        "issuer": "did:webvh:QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG:acme.example:agents",
        "validFrom": "2026-11-01T00:00:00Z",
        "validUntil": "2026-11-02T00:00:00Z",
        "credentialSubject": {"id": "did:key:z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG", "scopes": scopes},
    })
}

/// G4 at three sizes.
pub fn run() {
    for claims in [6, 24, 96] {
        size(claims);
    }
}

fn size(claims: usize) {
    let secret = SigningKey::from_bytes(&[7; 32]);
    let bare = secret.verifying_key();
    let key = PublicKey::ed25519(bare.as_bytes()).unwrap();
    let options = ProofOptions {
        suite: Suite::EddsaJcs2022,
        verification_method: methods::key_id(&key).unwrap(),
        purpose: Relationship::AssertionMethod,
        created: None,
        expires: None,
        domain: None,
        challenge: None,
    };
    let draft = ProofDraft::new(credential(claims), &options).unwrap();
    let input = draft.signing_input().to_vec();
    let signature: Signature = secret.sign(&input);
    let signed = draft.attach(&key, &signature.to_bytes()).unwrap();
    let canonical = jcs::canonical(&signed).unwrap();
    let loose = serde_json::to_vec_pretty(&signed).unwrap();
    let kib = vec![7_u8; 1024];
    let over_kib = secret.sign(&kib);
    compare(
        &format!("G4: one credential of {} bytes", canonical.len()),
        vec![
            Candidate::new("bare verify_strict of 64 bytes", 40, || {
                usize::from(bare.verify_strict(&input, &signature).is_ok())
            }),
            Candidate::new("bare verify_strict of 1 KiB", 40, || {
                usize::from(bare.verify_strict(&kib, &over_kib).is_ok())
            }),
            Candidate::new("PublicKey::verify of 64 bytes", 40, || {
                usize::from(key.verify(&input, &signature.to_bytes()).is_ok())
            }),
            Candidate::new("eddsa-jcs-2022 from canonical bytes: Secured", 40, || {
                usize::from(Secured::read(&canonical, MAX).unwrap().verify(0, &key).is_ok())
            }),
            Candidate::new("eddsa-jcs-2022 from other bytes: Secured", 40, || {
                usize::from(Secured::read(&loose, MAX).unwrap().verify(0, &key).is_ok())
            }),
            Candidate::new("eddsa-jcs-2022 by way of values: Proof::take, verify", 40, || {
                let (document, proof) = Proof::take(json::parse(&canonical, MAX).unwrap()).unwrap();
                usize::from(proof.verify(&document, &key).is_ok())
            }),
            Candidate::new("  Secured::read alone", 200, || {
                Secured::read(&canonical, MAX).unwrap().proofs().len()
            }),
            Candidate::new("  jcs::recognise alone", 200, || {
                jcs::recognise(&canonical).unwrap().as_bytes().len()
            }),
            Candidate::new("  jcs::sha256_without alone", 200, || {
                jcs::sha256_without(&canonical, MAX, "proof").unwrap().len()
            }),
            Candidate::new("  json::parse and jcs::canonical alone", 200, || {
                jcs::canonical(&json::parse(&canonical, MAX).unwrap()).unwrap().len()
            }),
        ],
    );
    println!("  (comparator: ssi eddsa-rdfc-2022 is not linked)");
}
