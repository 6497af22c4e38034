//! Proofs over RDF canonicalisation: `eddsa-rdfc-2022`, `ecdsa-rdfc-2019` on P-256 and P-384, and
//! `Ed25519Signature2020`.
//!
//! Each is done in the steps of Verifiable Credential Data Integrity 1.0, section 4: transform, hash,
//! verify. The hash is told as well, so that the node can verify the signature by its own rule.

use crate::documents::{Document, contexts};
use crate::wire::Say;
use serde::de::DeserializeOwned;
use serde_json::json;
use ssi::claims::SignatureEnvironment;
use ssi::claims::data_integrity::suite::standard::{
    HashedData, TypedTransformationAlgorithm, VerificationAlgorithm,
};
use ssi::claims::data_integrity::suite::{
    DeserializeCryptographicSuiteOwned, SerializeCryptographicSuite, TransformationOptions,
};
use ssi::claims::data_integrity::suites::{EcdsaRdfc2019, Ed25519Signature2020, EdDsaRdfc2022};
use ssi::claims::data_integrity::{CryptographicSuite, Proof, StandardCryptographicSuite};
use ssi::json_ld::ContextLoader;
use ssi::json_ld::syntax::{Parse, Value, from_value};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The suites, by `cryptosuite` or, where a proof has none, by its `type`.
pub const SUITES: [&str; 3] = ["eddsa-rdfc-2022", "ecdsa-rdfc-2019", "Ed25519Signature2020"];

/// A `proofValue` for a proof that has none yet: it is no part of what is signed.
const NOTHING: &str = "z1";

type Key<S> = <S as StandardCryptographicSuite>::VerificationMethod;

type Environment = SignatureEnvironment<ContextLoader, ()>;

/// Whether the one proof of `document` is a signature by `key`.
#[must_use]
pub fn verify(document: &str, key: &str, given: &BTreeMap<String, String>) -> Say {
    let Some((document, proof)) = Document::read_secured(document) else {
        return unprocessable("not an object with a proof");
    };
    with_suite(&document, proof, key, given, Step::Verify)
}

/// What `key` must sign to secure `document` by `proof`.
#[must_use]
pub fn prepare(document: &str, proof: &str, key: &str, given: &BTreeMap<String, String>) -> Say {
    let Some(document) = Document::read_unsecured(document) else {
        return unprocessable("not an object without a proof");
    };
    let Some(proof) = with_nothing(proof) else { return unprocessable("not a proof without its value") };
    with_suite(&document, proof, key, given, Step::Prepare)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Prepare,
    Verify,
}

fn with_nothing(proof: &str) -> Option<Value> {
    let (mut json, _) = Value::parse_str(proof).ok()?;
    let members = json.as_object_mut()?;
    if members.contains_key("proofValue") {
        return None;
    }
    members.push("proofValue".into(), Value::String(NOTHING.into()));
    Some(json)
}

fn with_suite(
    document: &Document,
    proof: Value,
    key: &str,
    given: &BTreeMap<String, String>,
    step: Step,
) -> Say {
    let text = |name: &str| {
        let value = proof.as_object()?.get_unique(name).ok()??;
        value.as_str().map(str::to_owned)
    };
    let (Some(kind), Some(method)) = (text("type"), text("verificationMethod")) else {
        return unprocessable("a proof without a type, or that does not name its key");
    };
    let Some(json_ld_loader) = contexts(given) else { return unprocessable("a context that is none") };
    let environment = SignatureEnvironment { json_ld_loader, eip712_loader: () };
    let asked = Asked { document, environment, step };
    match (kind.as_str(), text("cryptosuite").as_deref()) {
        ("DataIntegrityProof", Some("eddsa-rdfc-2022")) => {
            asked.answer(&EdDsaRdfc2022, proof, key_of("Multikey", &method, key))
        }
        ("DataIntegrityProof", Some("ecdsa-rdfc-2019")) => {
            asked.answer(&EcdsaRdfc2019, proof, key_of("Multikey", &method, key))
        }
        ("Ed25519Signature2020", None) => {
            asked.answer(&Ed25519Signature2020, proof, key_of("Ed25519VerificationKey2020", &method, key))
        }
        _ => unprocessable("not a suite that is spoken here"),
    }
}

/// The key that the node says it is; the proof only names it.
fn key_of<K: DeserializeOwned>(kind: &str, id: &str, key: &str) -> Option<K> {
    let (controller, _) = id.split_once('#')?;
    let json = json!({"id": id, "type": kind, "controller": controller, "publicKeyMultibase": key});
    serde_json::from_value(json).ok()
}

struct Asked<'a> {
    document: &'a Document,
    environment: Environment,
    step: Step,
}

impl Asked<'_> {
    fn answer<S>(&self, suite: &S, proof: Value, key: Option<Key<S>>) -> Say
    where
        S: StandardCryptographicSuite
            + CryptographicSuite<VerificationMethod = Key<S>, PreparedClaims = HashedData<S>>
            + DeserializeCryptographicSuiteOwned
            + SerializeCryptographicSuite,
        S::Transformation: TypedTransformationAlgorithm<S, Document, Environment>,
        TransformationOptions<S>: Default,
        HashedData<S>: AsRef<[u8]>,
    {
        let Some(key) = key else { return unprocessable("not a key of the suite") };
        let Ok(proof) = from_value::<Proof<S>>(proof) else {
            return unprocessable("not a proof of the suite");
        };
        let configuration = || proof.configuration();
        let options = TransformationOptions::<S>::default();
        let transformed = pollster::block_on(suite.transform(
            &self.environment,
            self.document,
            configuration(),
            &key,
            options,
        ));
        let transformed = match transformed {
            Ok(transformed) => transformed,
            Err(error) => return unprocessable(&error.to_string()),
        };
        let Ok(hashed) = suite.hash(transformed, configuration(), &key) else {
            return unprocessable("not a key of the suite");
        };
        let signed = hexadecimal(hashed.as_ref());
        if self.step == Step::Prepare {
            return Say::Sign(signed);
        }
        // Two results, one in the other: only both together are a signature that holds.
        match S::SignatureAlgorithm::verify(&key, hashed, proof.borrowed()) {
            Ok(Ok(())) => Say::Holds(signed),
            Ok(Err(_)) | Err(_) => Say::Fails,
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _always = write!(text, "{byte:02x}");
        text
    })
}

fn unprocessable(why: &str) -> Say {
    Say::Unprocessable(why.to_owned())
}
