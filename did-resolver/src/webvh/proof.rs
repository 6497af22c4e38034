//! The proofs of log entries and of witnesses: one suite, one purpose, and a did:key that is on a
//! list.
//!
//! Specification, "Authorized Keys" and "Witness DIDs and Reputation".

use crate::codec::{self, Sha256Digest};
use crate::document::Relationship;
use crate::jcs::{self, Canonical};
use crate::json;
use crate::keys::PublicKey;
use crate::keys::batch::Signed;
use crate::methods;
use crate::proof::{self, HashData, Proof, ProofError, ProofOptions, Suite};
use crate::time::UnixSeconds;
use crate::webvh::EntryError;
use serde_json::{Map, Value};

/// The members of a proof, `proofValue` excepted. `created` may be missing.
const MEMBERS: [&str; 5] = ["type", "cryptosuite", "verificationMethod", "proofPurpose", "created"];

/// The one purpose.
const PURPOSE: &str = "assertionMethod";

/// A proof that was found in its place, as a value or as canonical text.
#[derive(Debug)]
pub(crate) enum EntryProof<'a> {
    Canonical(Canonical<'a>),
    Read(Value),
}

impl EntryProof<'_> {
    /// What the proof says about a document with this digest, if one of `signers` may say it and is
    /// named `did:key:X#X`. The signature is still to be verified.
    pub(crate) fn claim(self, document: &Sha256Digest, signers: &[PublicKey]) -> Result<Claim, EntryError> {
        match self {
            Self::Canonical(text) => match recognise(&text, document, signers) {
                Some(claim) => Ok(claim),
                None => {
                    let bytes = text.as_bytes();
                    read(json::parse(bytes, bytes.len())?, document, signers)
                }
            },
            Self::Read(json) => read(json, document, signers),
        }
    }
}

/// A signature that is still to be verified.
#[derive(Debug)]
pub(crate) struct Claim {
    key: PublicKey,
    input: HashData,
    signature: Vec<u8>,
}

impl Claim {
    pub(crate) fn signed(&self) -> Signed<'_> {
        Signed { key: &self.key, message: &self.input, signature: &self.signature }
    }

    pub(crate) fn into_key(self) -> PublicKey {
        self.key
    }

    pub(crate) fn verify(&self) -> Result<(), EntryError> {
        self.key.verify(&self.input, &self.signature).map_err(|_| ProofError::BadSignature.into())
    }
}

/// Reads a proof of the usual shape. `None` for any other, and for one that [`read`] refuses.
fn recognise(text: &Canonical<'_>, document: &Sha256Digest, signers: &[PublicKey]) -> Option<Claim> {
    let (created, [suite, purpose, value, kind, method]) = match text.members([
        "created",
        "cryptosuite",
        "proofPurpose",
        "proofValue",
        "type",
        "verificationMethod",
    ]) {
        Some([created, rest @ ..]) => (Some(created), rest),
        None => {
            (None, text.members(["cryptosuite", "proofPurpose", "proofValue", "type", "verificationMethod"])?)
        }
    };
    let is = |written: &[u8], text: &str| jcs::plain_text(written) == Some(text);
    if !is(suite, Suite::EddsaJcs2022.as_str()) || !is(purpose, PURPOSE) || !is(kind, proof::TYPE) {
        return None;
    }
    if let Some(created) = created {
        UnixSeconds::parse(jcs::plain_text(created)?).ok()?;
    }
    let (named, fragment) = jcs::plain_text(method)?.strip_prefix("did:key:")?.split_once('#')?;
    let key = signers.iter().find(|key| named == fragment && key.to_multikey() == named)?;
    let signature = codec::from_multibase_z(jcs::plain_text(value)?).ok()?;
    let suite_bytes = key.kind().signature_bytes()?;
    let input = HashData::join(&text.sha256_without("proofValue"), document);
    (signature.len() == suite_bytes).then(|| Claim { key: key.clone(), input, signature })
}

/// Reads a proof, and says what is wrong with it.
pub(crate) fn read(json: Value, document: &Sha256Digest, signers: &[PublicKey]) -> Result<Claim, EntryError> {
    if json.get("cryptosuite").and_then(Value::as_str) != Some(Suite::EddsaJcs2022.as_str()) {
        return Err(EntryError::Cryptosuite);
    }
    if json.get("proofPurpose").and_then(Value::as_str) != Some(PURPOSE) {
        return Err(EntryError::ProofPurpose);
    }
    let proof = Proof::parse(json)?;
    if !proof.members().all(|name| MEMBERS.contains(&name)) {
        return Err(ProofError::Shape.into());
    }
    let named = |key: &&PublicKey| {
        let multikey = key.to_multikey();
        proof.verification_method().as_str() == format!("did:key:{multikey}#{multikey}")
    };
    let key = signers.iter().find(named).ok_or(EntryError::NotAnUpdateKey)?;
    let input = proof.input(document)?;
    Ok(Claim { key: key.clone(), input, signature: proof.signature().to_vec() })
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
