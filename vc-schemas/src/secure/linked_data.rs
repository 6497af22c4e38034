//! Credentials whose Data Integrity proof is over RDF canonicalisation: `eddsa-rdfc-2022`,
//! `ecdsa-rdfc-2019` (W3C Data Integrity EdDSA and ECDSA Cryptosuites 1.0, sections 3.2) and
//! `Ed25519Signature2020`.
//!
//! Such a proof signs a set of statements, not the document. Two documents of different meaning to whoever
//! reads JSON can make the same statements, and nobody signed the difference. So a document is taken only
//! in a form that leaves as little room as can be: every context at hand, every name a term, one place for
//! each thing, nothing that canonicalisation leaves out. The order of lists stays unsigned, and where two
//! things name one another, which of them is written inside the other.
//!
//! Nothing is canonicalised here: who can is asked for the hash that the proof signs ([`LinkedData::text`]),
//! and the signature over it is verified by the one rule of the key's kind. A chain never rests on this.

use super::data_integrity::ProofTerms;
use super::{Content, SecureError};
use crate::context::CREDENTIALS_V2;
use did_resolver::codec;
use did_resolver::did::DidUrl;
use did_resolver::jcs;
use did_resolver::json::{Json, JsonError};
use did_resolver::keys::{KeyKind, PublicKey};
use did_resolver::time::UnixSeconds;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::time::Duration;

/// The suites, by `cryptosuite` or, where a proof has none, by its `type`.
pub const SUITES: [&str; 3] = ["eddsa-rdfc-2022", "ecdsa-rdfc-2019", "Ed25519Signature2020"];

/// The contexts beside the base context that whoever canonicalises has embedded: they define terms of
/// proofs only.
pub const CONTEXTS: [&str; 2] =
    ["https://w3id.org/security/data-integrity/v2", "https://w3id.org/security/suites/ed25519-2020/v1"];

/// The members of a proof. `previousProof` is not among them: a chain of proofs is not taken.
const MEMBERS: [&str; 9] = [
    "@context",
    "created",
    "cryptosuite",
    "expires",
    "id",
    "proofPurpose",
    "proofValue",
    "type",
    "verificationMethod",
];

/// Keywords in a context by which terms say something that no statement says, or that another term says.
const LOSSY: [&str; 4] = ["@index", "@included", "@nest", "@reverse"];

/// A credential that was read strictly, and **not yet verified**.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedData {
    payload: Value,
    key_id: DidUrl,
    algorithm: KeyKind,
    signature: Vec<u8>,
    terms: ProofTerms,
    text: String,
}

/// Whether a proof is by one of the suites.
#[must_use]
pub fn is_spoken(proof: &Value) -> bool {
    suite(proof).is_some()
}

/// Whether a context that an operator gives leaves nothing unsigned that its terms say.
#[must_use]
pub fn signs_all(context: &Value) -> bool {
    match context {
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => !LOSSY.contains(&text.as_str()),
        Value::Array(items) => items.iter().all(signs_all),
        Value::Object(members) => {
            members.iter().all(|(name, value)| !LOSSY.contains(&name.as_str()) && signs_all(value))
        }
    }
}

impl LinkedData {
    /// Reads a credential with its one proof. `is_known` says which contexts are at hand beside the base
    /// context and [`CONTEXTS`].
    ///
    /// # Errors
    /// [`SecureError::TooLong`], [`SecureError::Json`]; [`SecureError::Proofs`], [`SecureError::Algorithm`],
    /// [`SecureError::SelfChosen`], [`SecureError::Purpose`], [`SecureError::KeyId`],
    /// [`SecureError::Malformed`] for the proof; [`SecureError::Context`], [`SecureError::Unsigned`] for the
    /// document.
    pub fn read(
        document: &Value,
        is_known: impl Fn(&str) -> bool,
        max_bytes: usize,
    ) -> Result<Self, SecureError> {
        let canonical = jcs::canonical(document).map_err(|_| SecureError::Json(JsonError::Malformed))?;
        if canonical.len() > max_bytes {
            return Err(SecureError::TooLong);
        }
        let text = String::from_utf8(canonical).map_err(|_| SecureError::Json(JsonError::Malformed))?;
        let mut payload = document.clone();
        let members = payload.as_object_mut().ok_or(SecureError::Json(JsonError::Malformed))?;
        let Some(Value::Object(proof)) = members.remove("proof") else { return Err(SecureError::Proofs) };
        check_contexts(members.get("@context"), is_known)?;
        let (key_id, terms) = read_proof(&proof, members.get("@context"))?;
        let (algorithm, signature) = read_signature(&proof)?;
        super::jose::check_claims(Json::from(&payload), Content::Credential.actor(), None)?;
        let members = payload.as_object().ok_or(SecureError::Json(JsonError::Malformed))?;
        let mut ids = BTreeSet::new();
        for (_, value) in members.iter().filter(|(name, _)| name.as_str() != "@context") {
            check_value(value, &mut ids)?;
        }
        check_object(members.iter().filter(|(name, _)| name.as_str() != "@context"), &mut ids)?;
        Ok(Self { payload, key_id, algorithm, signature, terms, text })
    }

    /// The document with its proof, for who canonicalises.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The key that is said to have signed.
    #[must_use]
    pub const fn key_id(&self) -> &DidUrl {
        &self.key_id
    }

    /// The document without its proof, always an object.
    #[must_use]
    pub const fn payload(&self) -> &Value {
        &self.payload
    }

    /// What the proof says beside its key.
    #[must_use]
    pub const fn terms(&self) -> &ProofTerms {
        &self.terms
    }

    /// Whether the proof is within its dates at `now`, give or take `skew`.
    ///
    /// # Errors
    /// [`SecureError::NotYet`], [`SecureError::Expired`].
    pub fn check_dates(&self, now: UnixSeconds, skew: Duration) -> Result<(), SecureError> {
        self.terms.check(now, skew)
    }

    /// Verifies the signature over `hash`, which whoever canonicalises says the proof signs, and that the
    /// proof is within its dates at `now`, give or take `skew`.
    ///
    /// # Errors
    /// [`SecureError::NotYet`], [`SecureError::Expired`], [`SecureError::Algorithm`],
    /// [`SecureError::Signature`].
    pub fn verify(
        &self,
        key: &PublicKey,
        hash: &[u8],
        now: UnixSeconds,
        skew: Duration,
    ) -> Result<(), SecureError> {
        self.check_dates(now, skew)?;
        // Two hashes of the suite, one of the proof, one of the document.
        let length = if self.algorithm == KeyKind::P384 { 96 } else { 64 };
        if hash.len() != length {
            return Err(SecureError::Signature);
        }
        super::verify(self.algorithm, key, hash, &self.signature)
    }
}

fn suite(proof: &Value) -> Option<&'static str> {
    let kind = proof.get("type")?.as_str()?;
    let name = match proof.get("cryptosuite") {
        Some(suite) if kind == "DataIntegrityProof" => suite.as_str()?,
        None if kind != "DataIntegrityProof" => kind,
        _ => return None,
    };
    let is_named = |suite: &&str| *suite == name && (kind == name) == (*suite == "Ed25519Signature2020");
    SUITES.into_iter().find(is_named)
}

/// The base context first, then known ones, each once.
fn check_contexts(contexts: Option<&Value>, is_known: impl Fn(&str) -> bool) -> Result<(), SecureError> {
    let contexts = contexts.and_then(Value::as_array).ok_or(SecureError::Context)?;
    let urls: Option<Vec<_>> = contexts.iter().map(Value::as_str).collect();
    let Some([CREDENTIALS_V2, others @ ..]) = urls.as_deref() else { return Err(SecureError::Context) };
    let once: BTreeSet<_> = others.iter().collect();
    let known = |url: &&str| *url != CREDENTIALS_V2 && (CONTEXTS.contains(url) || is_known(url));
    if once.len() == others.len() && others.iter().all(known) { Ok(()) } else { Err(SecureError::Context) }
}

fn read_proof(
    proof: &Map<String, Value>,
    contexts: Option<&Value>,
) -> Result<(DidUrl, ProofTerms), SecureError> {
    if !proof.keys().all(|member| MEMBERS.contains(&member.as_str())) {
        return Err(SecureError::SelfChosen);
    }
    // Some signers repeat the document's contexts; with others, the proof would say something else.
    if proof.get("@context").is_some_and(|own| Some(own) != contexts) {
        return Err(SecureError::Context);
    }
    let text = |name: &str| match proof.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(SecureError::Malformed),
    };
    let instant = |name: &str| {
        let at = text(name)?.map(UnixSeconds::parse).transpose();
        at.map_err(|_| SecureError::Malformed)
    };
    if text("id")?.is_some_and(|id| !id.contains(':') || id.starts_with("_:")) {
        return Err(SecureError::Malformed);
    }
    if text("proofPurpose")? != Some("assertionMethod") {
        return Err(SecureError::Purpose);
    }
    let key_id = super::read_key_id(text("verificationMethod")?.ok_or(SecureError::KeyId)?)?;
    let terms =
        ProofTerms { created: instant("created")?, expires: instant("expires")?, ..ProofTerms::default() };
    Ok((key_id, terms))
}

/// The signature, whose length says the curve where the suite leaves it open.
fn read_signature(proof: &Map<String, Value>) -> Result<(KeyKind, Vec<u8>), SecureError> {
    let kinds: &[KeyKind] = match suite(&Value::Object(proof.clone())).ok_or(SecureError::Algorithm)? {
        "ecdsa-rdfc-2019" => &[KeyKind::P256, KeyKind::P384],
        _ => &[KeyKind::Ed25519],
    };
    let value = proof.get("proofValue").and_then(Value::as_str).ok_or(SecureError::Malformed)?;
    let signature = codec::from_multibase_z(value).map_err(|_| SecureError::Malformed)?;
    let length = Some(signature.len());
    let kind = kinds.iter().copied().find(|kind| kind.signature_bytes() == length);
    Ok((kind.ok_or(SecureError::Malformed)?, signature))
}

/// Refuses what canonicalisation leaves out, or says of something in two places.
fn check_value(value: &Value, ids: &mut BTreeSet<String>) -> Result<(), SecureError> {
    match value {
        Value::Bool(_) | Value::Number(_) => Ok(()),
        // A blank node is told by its neighbours, not by its name.
        Value::String(text) if !text.starts_with("_:") => Ok(()),
        Value::Array(items) if !items.is_empty() => items.iter().try_for_each(|item| match item {
            Value::Array(_) => Err(SecureError::Unsigned),
            item => check_value(item, ids),
        }),
        Value::Object(members) if !members.is_empty() => {
            members.values().try_for_each(|value| check_value(value, ids))?;
            check_object(members.iter(), ids)
        }
        Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => Err(SecureError::Unsigned),
    }
}

/// Each name a term: an IRI in its place would say the same to who canonicalises and nothing to who
/// reads. Each thing with an id described in one place, or what is said of it could be moved.
fn check_object<'a>(
    members: impl Iterator<Item = (&'a String, &'a Value)>,
    ids: &mut BTreeSet<String>,
) -> Result<(), SecureError> {
    for (name, value) in members {
        let is_term = !name.contains(':') && !name.starts_with('@');
        if !(is_term || ["@value", "@language"].contains(&name.as_str())) {
            return Err(SecureError::Unsigned);
        }
        if name == "id" && !value.as_str().is_some_and(|id| ids.insert(id.to_owned())) {
            return Err(SecureError::Unsigned);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
