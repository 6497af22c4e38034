//! G4: an `eddsa-jcs-2022` credential against a bare verification, and against ssi's
//! `eddsa-rdfc-2022` of the same credential.
//!
//! ssi reads the credential from its bytes, resolves the did:key that signed it, expands and
//! canonicalises, and verifies; its contexts are in memory. Marque reads it from its bytes and verifies
//! under a key that is known.

use crate::comparators;
use crate::goals::{Bound, Goals};
use crate::rounds::{Candidate, Shared, compare};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use did_resolver::document::Relationship;
use did_resolver::keys::PublicKey;
use did_resolver::proof::{Proof, ProofDraft, ProofOptions, Secured, Suite};
use did_resolver::{jcs, json, methods};
use ed25519_dalek::{Signature, Signer, SigningKey};
use serde_json::{Value, json};

const MAX: usize = 1 << 20;

/// What the terms mean that VC 2.0 does not define: RDF knows no others.
pub const CONTEXT_URL: &str = "https://bench.example/v1";

fn context() -> Value {
    json!({"@context": {
        "AgentIdentityCredential": "https://bench.example/v1#AgentIdentityCredential",
        "scopes": {"@id": "https://bench.example/v1#scopes", "@type": "@id"},
        "actions": "https://bench.example/v1#actions",
        "limit": "https://bench.example/v1#limit",
    }})
}

fn credential(claims: usize, issuer: &str) -> Value {
    let scopes: Vec<Value> = (0..claims)
        .map(|i| json!({"id": format!("https://shop.example/scopes/{i}"), "actions": ["read", "order"], "limit": 250 + i}))
        .collect();
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", CONTEXT_URL],
        "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
        "type": ["VerifiableCredential", "AgentIdentityCredential"],
        "issuer": issuer,
        "validFrom": "2026-01-01T00:00:00Z",
        "validUntil": "2036-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:key:z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG", "scopes": scopes},
    })
}

/// A credential of some 1.5 KB that ssi is to sign and verify, and the context of its terms.
pub fn for_ssi() -> (String, String) {
    // The issuer becomes the key that ssi makes.
    (
        credential(6, "did:key:z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG").to_string(),
        context().to_string(),
    )
}

/// G4 at three sizes.
pub fn run(goals: &mut Goals) {
    let ssi = comparators::start("marque-bench-ssi");
    for claims in [6, 24, 96] {
        size(claims, &ssi, goals);
    }
}

fn size(claims: usize, ssi: &Shared, goals: &mut Goals) {
    let secret = SigningKey::from_bytes(&[7; 32]);
    let bare = secret.verifying_key();
    let aws_lc = UnparsedPublicKey::new(&ED25519, bare.to_bytes());
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
    let unsigned = credential(claims, methods::key_did(&key).unwrap().as_str());
    let draft = ProofDraft::new(unsigned.clone(), &options).unwrap();
    let input = draft.signing_input().to_vec();
    let signature: Signature = secret.sign(&input);
    let bytes = signature.to_bytes();
    let signed = draft.attach(&key, &bytes).unwrap();
    let canonical = jcs::canonical(&signed).unwrap();
    let loose = serde_json::to_vec_pretty(&signed).unwrap();
    let kib = vec![7_u8; 1024];
    let over_kib = secret.sign(&kib);
    let (unsigned, context) = (unsigned.to_string(), context().to_string());
    let rdfc: [&[u8]; 3] = [unsigned.as_bytes(), CONTEXT_URL.as_bytes(), context.as_bytes()];
    let rdfc_repeats = u32::try_from(24 / claims.min(24)).unwrap();

    const DALEK: &str = "bare verify_strict of 64 bytes, ed25519-dalek, key parsed";
    const AWS_LC: &str = "bare verify of 64 bytes, AWS-LC";
    const KEY: &str = "PublicKey::verify of 64 bytes";
    const CANONICAL: &str = "eddsa-jcs-2022 from canonical bytes: Secured";
    const LOOSE: &str = "eddsa-jcs-2022 from other bytes: Secured";
    const SSI: &str = "ssi: eddsa-rdfc-2022 from bytes";
    let measured = compare(
        &format!("G4: one credential of {} bytes", canonical.len()),
        vec![
            Candidate::new(DALEK, 40, || usize::from(bare.verify_strict(&input, &signature).is_ok())),
            Candidate::new(AWS_LC, 40, || usize::from(aws_lc.verify(&input, &bytes).is_ok())),
            Candidate::new(KEY, 40, || usize::from(key.verify(&input, &bytes).is_ok())),
            Candidate::new("bare verify_strict of 1 KiB, ed25519-dalek, key parsed", 40, || {
                usize::from(bare.verify_strict(&kib, &over_kib).is_ok())
            }),
            Candidate::new(CANONICAL, 40, || {
                usize::from(Secured::read(&canonical, MAX).unwrap().verify(0, &key).is_ok())
            }),
            Candidate::new(LOOSE, 40, || {
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
            Candidate::new("  Canonical::sha256_without alone", 200, || {
                jcs::recognise(&canonical).unwrap().sha256_without("proof").len()
            }),
            Candidate::new("  json::parse and jcs::canonical alone", 200, || {
                jcs::canonical(&json::parse(&canonical, MAX).unwrap()).unwrap().len()
            }),
            Candidate::there(SSI, rdfc_repeats, ssi, ("eddsa-rdfc-2022", &rdfc)),
        ],
    );
    let size = canonical.len();
    // The goal is that of a credential of about 1.5 KB; the other sizes show how it grows.
    if claims == 6 {
        let what = |of: &str, to: &str| format!("eddsa-jcs-2022, {size} bytes, {of} / {to}");
        let most = Bound::Most(1.4);
        goals.note(
            "G4",
            what("canonical", "a bare verify by the same library"),
            measured.ratio(CANONICAL, AWS_LC),
            most,
        );
        goals.note(
            "G4",
            what("canonical", "ed25519-dalek verify_strict"),
            measured.ratio(CANONICAL, DALEK),
            most,
        );
        goals.note(
            "G4",
            what("not canonical", "a bare verify by the same library"),
            measured.ratio(LOOSE, AWS_LC),
            most,
        );
    }
    let what = format!("ssi eddsa-rdfc-2022 / eddsa-jcs-2022, {size} bytes");
    goals.note("G4", what, measured.ratio(SSI, CANONICAL), Bound::Least(25.0));
}
