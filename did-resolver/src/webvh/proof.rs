//! The proofs of log entries and of witnesses: one suite, one purpose, and a did:key that is on a
//! list.
//!
//! Specification, "Authorized Keys" and "Witness DIDs and Reputation".

use crate::document::Relationship;
use crate::keys::PublicKey;
use crate::methods;
use crate::proof::{Proof, ProofError, ProofOptions, Suite};
use crate::time::UnixSeconds;
use crate::webvh::EntryError;
use serde_json::{Map, Value};

/// The members of a proof, `proofValue` excepted. `created` may be missing.
const MEMBERS: [&str; 5] = ["type", "cryptosuite", "verificationMethod", "proofPurpose", "created"];

/// Verifies a proof over canonical bytes by one of `signers`, which it names `did:key:X#X`.
pub(crate) fn verify_by(canonical: &[u8], proof: Value, signers: &[PublicKey]) -> Result<(), EntryError> {
    if proof.get("cryptosuite").and_then(Value::as_str) != Some(Suite::EddsaJcs2022.as_str()) {
        return Err(EntryError::Cryptosuite);
    }
    if proof.get("proofPurpose").and_then(Value::as_str) != Some("assertionMethod") {
        return Err(EntryError::ProofPurpose);
    }
    let proof = Proof::parse(proof)?;
    if !proof.members().all(|name| MEMBERS.contains(&name)) {
        return Err(ProofError::Shape.into());
    }
    let named = |key: &&PublicKey| {
        let multikey = key.to_multikey();
        proof.verification_method().as_str() == format!("did:key:{multikey}#{multikey}")
    };
    let key = signers.iter().find(named).ok_or(EntryError::NotAnUpdateKey)?;
    Ok(proof.verify_canonical(canonical, key)?)
}

/// The members of a proof that `key` is to make, `proofValue` excepted.
pub(crate) fn options_for(key: &PublicKey, created: UnixSeconds) -> Option<Map<String, Value>> {
    let options = ProofOptions {
        suite: Suite::EddsaJcs2022,
        verification_method: methods::key_id(key).ok()?,
        purpose: Relationship::AssertionMethod,
        created: Some(created),
        expires: None,
        domain: None,
        challenge: None,
    };
    Some(options.to_members())
}
