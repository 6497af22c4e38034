//! Data Integrity proofs of credentials and presentations: `eddsa-jcs-2022` and `ecdsa-jcs-2019` (W3C
//! Verifiable Credential Data Integrity 1.0).
//!
//! The proof stands in the document, so the document stays JSON and is embedded as it is; what is
//! signed is its canonical form (RFC 8785). One proof, and no more: of two, readers may heed either.
//! What a proof says is closed, as the header of a JWS is.

use super::{Content, Payload, Said, SecureError};
use did_resolver::did::DidUrl;
use did_resolver::document::Relationship;
use did_resolver::json::{self, JsonError, Tree};
use did_resolver::keys::KeyKind;
use did_resolver::proof::{Proof, ProofDraft, ProofError, ProofOptions, Secured, Suite};
use did_resolver::time::UnixSeconds;
use serde_json::Value;
use std::time::Duration;

/// The members of a proof, `proofValue` excepted.
pub const PROOF_MEMBERS: [&str; 11] = [
    "@context",
    "challenge",
    "created",
    "cryptosuite",
    "domain",
    "expires",
    "id",
    "nonce",
    "proofPurpose",
    "type",
    "verificationMethod",
];

/// The members of the payload of a presentation that a proof says in its own words.
const NONCE: &str = "nonce";
const AUDIENCE: &str = "aud";
const ISSUED: &str = "iat";
const EXPIRES: &str = "exp";

/// What a proof says beside its key and its signature.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProofTerms {
    /// When the signer says to have signed.
    pub created: Option<UnixSeconds>,
    /// From when on the proof is worth nothing.
    pub expires: Option<UnixSeconds>,
    /// Whom it is for; in presentations only.
    pub domain: Option<String>,
    /// The nonce of whom it is for; in presentations only.
    pub challenge: Option<String>,
}

impl ProofTerms {
    /// Refuses a proof that is not worth anything yet, or any more.
    pub(super) fn check(&self, now: UnixSeconds, skew: Duration) -> Result<(), SecureError> {
        if self.created.is_some_and(|created| created > now.plus(skew)) {
            return Err(SecureError::NotYet);
        }
        let ended = self.expires.is_some_and(|expires| expires <= now.minus(skew));
        if ended { Err(SecureError::Expired) } else { Ok(()) }
    }
}

/// Reads a document of at most `max_bytes` with its proof.
pub(super) fn read(content: Content, bytes: &[u8], max_bytes: usize) -> Result<Said, SecureError> {
    if bytes.len() > max_bytes {
        return Err(SecureError::TooLong);
    }
    let document = json::read(bytes.to_vec(), max_bytes).map_err(SecureError::Json)?;
    if !document.root().is_object() {
        return Err(SecureError::Json(JsonError::Malformed));
    }
    if document.root().get("proof").is_none() {
        return Err(SecureError::Proofs);
    }
    from_secured(content, document, &Secured::read(bytes, max_bytes).map_err(refusal)?)
}

fn from_secured(content: Content, mut document: Tree, secured: &Secured<'_>) -> Result<Said, SecureError> {
    let mut proofs = secured.proofs();
    let (Some(said), None) = (proofs.next(), proofs.next()) else { return Err(SecureError::Proofs) };
    if !said.members().all(|member| PROOF_MEMBERS.contains(&member)) {
        return Err(SecureError::SelfChosen);
    }
    let terms = ProofTerms {
        created: said.created(),
        expires: said.expires(),
        domain: text(said, "domain")?,
        challenge: text(said, "challenge")?,
    };
    // A credential is not made for one verifier's question.
    let bound = terms.domain.is_some() || terms.challenge.is_some();
    if said.purpose() != purpose(content) || (bound && content == Content::Credential) {
        return Err(SecureError::Purpose);
    }
    let algorithm = algorithm(said)?;
    // The context of a proof is that of the document, or the signature is over something else.
    let (signed, signature) = secured.signed(0).ok_or(SecureError::Malformed)?;
    let proof = document.take("proof").ok_or(SecureError::Proofs)?;
    super::jose::check_claims(document.root(), content.actor(), None)?;
    Ok(Said {
        algorithm,
        key_id: said.verification_method().clone(),
        signed: signed.to_vec(),
        signature: signature.to_vec(),
        digest: Some(*secured.digest()),
        proof: Some((terms, proof)),
        sd_jwt: None,
        payload: Payload::Read(document),
    })
}

/// A text member that may be missing. A list of domains is refused: a proof is for one verifier.
fn text(proof: &Proof, name: &str) -> Result<Option<String>, SecureError> {
    let there = proof.members().any(|member| member == name);
    match proof.option(name) {
        None if there => Err(SecureError::Malformed),
        option => Ok(option.map(str::to_owned)),
    }
}

/// What a proof of `content` is for: nothing else may be presented in its place.
const fn purpose(content: Content) -> Relationship {
    match content {
        Content::Credential => Relationship::AssertionMethod,
        Content::Presentation => Relationship::Authentication,
    }
}

/// The kind of key, which a suite of two curves leaves to the length of the signature.
fn algorithm(proof: &Proof) -> Result<KeyKind, SecureError> {
    let length = Some(proof.signature().len());
    [KeyKind::Ed25519, KeyKind::P256, KeyKind::P384]
        .into_iter()
        .find(|kind| Suite::of(*kind) == Some(proof.suite()) && kind.signature_bytes() == length)
        .ok_or(SecureError::Malformed)
}

/// A document before its proof is made.
pub(super) fn draft(
    content: Content,
    mut payload: Value,
    key_id: DidUrl,
    kind: KeyKind,
) -> Result<ProofDraft, SecureError> {
    let suite = Suite::of(kind).ok_or(SecureError::Algorithm)?;
    let mut take = |name: &str| match content {
        Content::Credential => None,
        Content::Presentation => payload.as_object_mut().and_then(|members| members.remove(name)),
    };
    let options = ProofOptions {
        suite,
        verification_method: key_id,
        purpose: purpose(content),
        created: instant(take(ISSUED))?,
        expires: instant(take(EXPIRES))?,
        domain: owned(take(AUDIENCE))?,
        challenge: owned(take(NONCE))?,
    };
    ProofDraft::new(payload, &options).map_err(refusal)
}

fn instant(value: Option<Value>) -> Result<Option<UnixSeconds>, SecureError> {
    let Some(value) = value else { return Ok(None) };
    let seconds = value.as_u64().ok_or(SecureError::Claims)?;
    let instant = UnixSeconds::new(seconds);
    if instant.get() == seconds { Ok(Some(instant)) } else { Err(SecureError::Claims) }
}

fn owned(value: Option<Value>) -> Result<Option<String>, SecureError> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(SecureError::Claims),
    }
}

/// What a refusal of the proof is called here.
pub(super) const fn refusal(error: ProofError) -> SecureError {
    match error {
        ProofError::Suite | ProofError::KeyKind => SecureError::Algorithm,
        ProofError::Chained | ProofError::Previous | ProofError::TooMany => SecureError::Proofs,
        ProofError::BadSignature => SecureError::Signature,
        ProofError::NotCanonical => SecureError::Json(JsonError::Malformed),
        ProofError::Shape | ProofError::Context => SecureError::Malformed,
    }
}

#[cfg(test)]
mod tests;
