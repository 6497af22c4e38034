use super::*;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use serde_json::json;

const KEY_ID: &str = "did:web:acme.example#k";

fn signer() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn ed25519() -> PublicKey {
    PublicKey::ed25519(signer().verifying_key().as_bytes()).unwrap()
}

fn document() -> Value {
    json!({
        "id": "urn:uuid:1",
        "issuer": "did:web:acme.example",
        "holder": "did:web:acme.example",
        "validFrom": "2026-01-01T00:00:00Z",
        "validUntil": "2026-01-02T00:00:00Z",
        "credentialSubject": {"id": "did:web:bot.example"},
    })
}

fn draft(content: Content, envelope: Envelope, payload: Value) -> Result<Draft, SecureError> {
    Draft::new(content, envelope, payload, KEY_ID.parse().unwrap(), KeyKind::Ed25519)
}

fn secured(content: Content, envelope: Envelope) -> Secured {
    let draft = draft(content, envelope, document()).unwrap();
    let signature = signer().sign(draft.signing_input()).to_bytes();
    draft.attach(&ed25519(), &signature).unwrap()
}

const ALL: [(Content, Envelope); 4] = [
    (Content::Credential, Envelope::Jwt),
    (Content::Credential, Envelope::Cose),
    (Content::Presentation, Envelope::Jwt),
    (Content::Presentation, Envelope::Cose),
];

//
#[test]
fn a_document_is_secured_read_and_verified_in_each_envelope() {
    for (content, envelope) in ALL {
        let made = secured(content, envelope);
        let read = Secured::parse(content, envelope, made.bytes(), MAX_CREDENTIAL_BYTES).unwrap();
        assert_eq!(read, made);
        assert_eq!(read.verify(&ed25519()), Ok(()));
        assert_eq!(read.payload(), &document());
        assert_eq!(read.key_id().as_str(), KEY_ID);
        assert_eq!(read.algorithm(), KeyKind::Ed25519);
        assert_eq!((read.content(), read.envelope()), (content, envelope));
    }
}
