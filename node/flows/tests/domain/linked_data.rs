//! Proofs over RDF canonicalisation, by who canonicalises and is not believed. That a real one does is
//! shown in `node/worker`; these say what they are told to.

use crate::world::{NOW, Node};
use did_resolver::codec;
use did_resolver::keys::PublicKey;
use ed25519_dalek::{Signer, SigningKey};
use futures::future::{BoxFuture, ready};
use marque_flows::linked_data::LinkedDataError;
use marque_flows::ports::suites::{Judged, Proven, Suites, SuitesError};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use vc_schemas::code::{Class, Code};
use vc_schemas::secure::SecureError;

/// What the key signed.
const HASH: [u8; 64] = [9; 64];
const OWN: &str = "https://acme.example/contexts/v1";

/// Says the same to whatever is asked.
#[derive(Debug)]
struct Says {
    answer: Result<Judged, SuitesError>,
    asked: AtomicU32,
}

impl Suites for Says {
    fn has_context(&self, url: &str) -> bool {
        url == OWN
    }

    fn judge(&self, _proven: Proven) -> BoxFuture<'_, Result<Judged, SuitesError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(ready(self.answer.clone()))
    }
}

fn signer() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn key() -> PublicKey {
    PublicKey::ed25519(signer().verifying_key().as_bytes()).unwrap()
}

fn credential() -> Value {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2", OWN],
        "type": ["VerifiableCredential"],
        "issuer": "did:web:acme.example",
        "credentialSubject": {"id": "did:web:bot.example"},
        "proof": {
            "type": "DataIntegrityProof",
            "cryptosuite": "eddsa-rdfc-2022",
            "verificationMethod": "did:web:acme.example#k",
            "proofPurpose": "assertionMethod",
            "proofValue": codec::to_multibase_z(&signer().sign(&HASH).to_bytes()),
        },
    })
}

/// What a domain says of the credential where this is the answer, and how often it asked.
async fn verdict(
    document: &Value,
    answer: Result<Judged, SuitesError>,
) -> (Result<(), LinkedDataError>, u32) {
    let node = Node::new("alpha.test").await;
    let says = Arc::new(Says { answer, asked: AtomicU32::new(0) });
    node.domain.join_suites(says.clone());
    let read = node.domain.read_linked_data(document).unwrap().unwrap();
    let verdict = node.domain.verify_linked_data(&read, &key()).await;
    (verdict, says.asked.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_hash_that_the_key_signed_is_believed() {
    assert_eq!(verdict(&credential(), Ok(Judged::Holds(HASH.to_vec()))).await, (Ok(()), 1));
}

#[tokio::test]
async fn who_says_that_it_holds_is_not_believed_without_the_signature() {
    for hash in [vec![8; 64], vec![9; 63], vec![9; 96], vec![]] {
        let (verdict, _) = verdict(&credential(), Ok(Judged::Holds(hash))).await;
        assert_eq!(verdict, Err(LinkedDataError::Secured(SecureError::Signature)));
    }
    let mut forged = credential();
    forged["proof"]["proofValue"] = json!(codec::to_multibase_z(&[1; 64]));
    let (verdict, _) = verdict(&forged, Ok(Judged::Holds(HASH.to_vec()))).await;
    assert_eq!(verdict.unwrap_err().refusal().code, Code::SignatureInvalid);
}

#[tokio::test]
async fn no_answer_is_neither_good_nor_bad() {
    for error in [SuitesError::Busy, SuitesError::Exhausted, SuitesError::Down] {
        let (verdict, _) = verdict(&credential(), Err(error)).await;
        let refusal = verdict.unwrap_err().refusal();
        assert_eq!((refusal.code, refusal.code.class()), (Code::ProofUnknown, Class::Unknown));
    }
    let (fails, _) = verdict(&credential(), Ok(Judged::Fails)).await;
    assert_eq!(fails.unwrap_err().refusal().code, Code::SignatureInvalid);
    let (none, _) = verdict(&credential(), Ok(Judged::Unprocessable)).await;
    assert_eq!(none.unwrap_err().refusal().code, Code::CredentialMalformed);
}

#[tokio::test]
async fn a_proof_past_its_end_is_refused_before_anybody_is_asked() {
    let mut ended = credential();
    ended["proof"]["expires"] = json!("2020-01-01T00:00:00Z");
    let holds = Ok(Judged::Holds(HASH.to_vec()));
    let expected = Err(LinkedDataError::Secured(SecureError::Expired));
    assert_eq!(verdict(&ended, holds).await, (expected, 0), "{NOW}");
}

#[tokio::test]
async fn where_nobody_canonicalises_such_a_proof_is_not_read() {
    let node = Node::new("alpha.test").await;
    assert_eq!(node.domain.read_linked_data(&credential()), Ok(None));
}
