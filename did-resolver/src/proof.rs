//! Data Integrity proofs over JSON: `eddsa-jcs-2022` and `ecdsa-jcs-2019` on P-256.
//!
//! W3C Data Integrity EdDSA Cryptosuites 1.0, section 3.3; ECDSA Cryptosuites 1.0, section 3.3.
//! Whose key it is, and for what it may sign, is for the caller to know: see
//! [`crate::document::Document::authorised`].

use crate::codec;
use crate::did::DidUrl;
use crate::document::Relationship;
use crate::jcs;
use crate::keys::{KeyKind, PublicKey, SIGNATURE_BYTES};
use crate::time::UnixSeconds;
use serde_json::{Map, Value, json};
use std::fmt;

/// The only `type` of proof.
const TYPE: &str = "DataIntegrityProof";

/// SHA-256 of the canonical proof options, then SHA-256 of the canonical document.
pub type HashData = [u8; 64];

/// Which cryptosuite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// `eddsa-jcs-2022`: Ed25519.
    EddsaJcs2022,
    /// `ecdsa-jcs-2019` on P-256 with SHA-256.
    EcdsaJcs2019,
}

impl Suite {
    /// The value of `cryptosuite`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EddsaJcs2022 => "eddsa-jcs-2022",
            Self::EcdsaJcs2019 => "ecdsa-jcs-2019",
        }
    }

    /// The suite in which keys of this kind sign.
    #[must_use]
    pub const fn of(kind: KeyKind) -> Self {
        match kind {
            KeyKind::Ed25519 => Self::EddsaJcs2022,
            KeyKind::P256 => Self::EcdsaJcs2019,
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::EddsaJcs2022, Self::EcdsaJcs2019].into_iter().find(|suite| suite.as_str() == name)
    }
}

/// A proof, read but not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    suite: Suite,
    verification_method: DidUrl,
    purpose: Relationship,
    created: Option<UnixSeconds>,
    expires: Option<UnixSeconds>,
    /// Everything that was written, `proofValue` excepted: all of it is signed.
    options: Map<String, Value>,
    signature: Vec<u8>,
}

impl Proof {
    /// Reads a proof object. Members that this crate does not know are kept and are covered by the
    /// signature.
    ///
    /// # Errors
    /// [`ProofError::Suite`] for a cryptosuite that is not spoken here, [`ProofError::Chained`] for
    /// one that builds on another proof, [`ProofError::Shape`] for anything else that is not right.
    pub fn parse(json: Value) -> Result<Self, ProofError> {
        let Value::Object(mut options) = json else { return Err(ProofError::Shape) };
        let Some(Value::String(value)) = options.remove("proofValue") else { return Err(ProofError::Shape) };
        let text = |name: &str| options.get(name).and_then(Value::as_str).ok_or(ProofError::Shape);
        let suite = Suite::named(text("cryptosuite")?).ok_or(ProofError::Suite)?;
        if text("type")? != TYPE {
            return Err(ProofError::Shape);
        }
        if options.contains_key("previousProof") {
            return Err(ProofError::Chained);
        }
        let verification_method: DidUrl =
            text("verificationMethod")?.parse().map_err(|_| ProofError::Shape)?;
        let purpose = text("proofPurpose")?;
        let purpose =
            Relationship::ALL.into_iter().find(|r| r.as_str() == purpose).ok_or(ProofError::Shape)?;
        let instant = |name: &str| match options.get(name) {
            None => Ok(None),
            Some(Value::String(at)) => UnixSeconds::parse(at).map(Some).map_err(|_| ProofError::Shape),
            Some(_) => Err(ProofError::Shape),
        };
        let (created, expires) = (instant("created")?, instant("expires")?);
        let signature = codec::from_multibase_z(&value).map_err(|_| ProofError::Shape)?;
        if signature.len() != SIGNATURE_BYTES || !verification_method.is_key_id() {
            return Err(ProofError::Shape);
        }
        Ok(Self { suite, verification_method, purpose, created, expires, options, signature })
    }

    /// Takes the one `proof` object out of `document`.
    ///
    /// # Errors
    /// [`ProofError::Shape`] where there is none, or a set of them; else as [`Self::parse`].
    pub fn take(mut document: Value) -> Result<(Value, Self), ProofError> {
        let proof = document.as_object_mut().and_then(|members| members.remove("proof"));
        let proof = Self::parse(proof.ok_or(ProofError::Shape)?)?;
        Ok((document, proof))
    }

    /// The cryptosuite.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// The key that is said to have signed: a DID with a fragment.
    #[must_use]
    pub const fn verification_method(&self) -> &DidUrl {
        &self.verification_method
    }

    /// What the signature is for.
    #[must_use]
    pub const fn purpose(&self) -> Relationship {
        self.purpose
    }

    /// When the signer says to have signed.
    #[must_use]
    pub const fn created(&self) -> Option<UnixSeconds> {
        self.created
    }

    /// From when on the proof is worth nothing. [`Self::verify`] does not check it.
    #[must_use]
    pub const fn expires(&self) -> Option<UnixSeconds> {
        self.expires
    }

    /// A text member, such as `challenge` or `domain`.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).and_then(Value::as_str)
    }

    /// The names of all members but `proofValue`.
    pub fn members(&self) -> impl Iterator<Item = &str> {
        self.options.keys().map(String::as_str)
    }

    /// Verifies the proof over `document`, which is without its `proof`.
    ///
    /// The suite allows a document to gain contexts after it was signed; here it may not, since
    /// nobody signed those.
    ///
    /// # Errors
    /// [`ProofError::Context`], [`ProofError::KeyKind`], [`ProofError::BadSignature`], or
    /// [`ProofError::Shape`] where `document` still has a proof.
    pub fn verify(&self, document: &Value, key: &PublicKey) -> Result<(), ProofError> {
        if document.get("proof").is_some() {
            return Err(ProofError::Shape);
        }
        if self.options.get("@context").is_some_and(|context| document.get("@context") != Some(context)) {
            return Err(ProofError::Context);
        }
        self.verify_canonical(&jcs::canonical(document).map_err(|_| ProofError::NotCanonical)?, key)
    }

    /// As [`Self::verify`], over the canonical bytes of a document without `@context`.
    pub(crate) fn verify_canonical(&self, document: &[u8], key: &PublicKey) -> Result<(), ProofError> {
        if Suite::of(key.kind()) != self.suite {
            return Err(ProofError::KeyKind);
        }
        let input = hash_canonical(document, &self.options)?;
        key.verify(&input, &self.signature).map_err(|_| ProofError::BadSignature)
    }
}

/// What a proof with `options` (without `proofValue`) over `document` (without `proof`) signs.
///
/// # Errors
/// [`ProofError::NotCanonical`] for values with numbers that have no canonical form.
pub fn hash_data(document: &Value, options: &Map<String, Value>) -> Result<HashData, ProofError> {
    hash_canonical(&jcs::canonical(document).map_err(|_| ProofError::NotCanonical)?, options)
}

/// As [`hash_data`], over the canonical bytes of the document.
pub(crate) fn hash_canonical(document: &[u8], options: &Map<String, Value>) -> Result<HashData, ProofError> {
    let options = jcs::canonical_object(options).map_err(|_| ProofError::NotCanonical)?;
    let mut data = [0; 64];
    let (left, right) = data.split_at_mut(32);
    left.copy_from_slice(&codec::sha256(&options));
    right.copy_from_slice(&codec::sha256(document));
    Ok(data)
}

/// What a new proof says, beside its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofOptions {
    /// The cryptosuite, which must be that of the key.
    pub suite: Suite,
    /// The id of the key.
    pub verification_method: DidUrl,
    /// What the signature is for.
    pub purpose: Relationship,
    /// When it is made.
    pub created: Option<UnixSeconds>,
    /// From when on it is worth nothing.
    pub expires: Option<UnixSeconds>,
    /// Whom it is for.
    pub domain: Option<String>,
    /// The nonce of whom it is for.
    pub challenge: Option<String>,
}

impl ProofOptions {
    /// The members of the proof, without `proofValue` and `@context`.
    #[must_use]
    pub fn to_members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                members.insert(name.to_owned(), Value::String(value));
            }
        };
        add("type", Some(TYPE.to_owned()));
        add("cryptosuite", Some(self.suite.as_str().to_owned()));
        add("verificationMethod", Some(self.verification_method.to_string()));
        add("proofPurpose", Some(self.purpose.as_str().to_owned()));
        add("created", self.created.map(|at| at.to_string()));
        add("expires", self.expires.map(|at| at.to_string()));
        add("domain", self.domain.clone());
        add("challenge", self.challenge.clone());
        members
    }
}

/// A document that waits for its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofDraft {
    document: Value,
    options: Map<String, Value>,
    suite: Suite,
    input: HashData,
}

impl ProofDraft {
    /// Prepares `document` for signing. Its `@context`, if any, goes into the proof.
    ///
    /// # Errors
    /// [`ProofError::Shape`] where `document` is no object or has a proof already.
    pub fn new(document: Value, options: &ProofOptions) -> Result<Self, ProofError> {
        if !document.is_object() || document.get("proof").is_some() {
            return Err(ProofError::Shape);
        }
        let mut members = options.to_members();
        if let Some(context) = document.get("@context") {
            members.insert("@context".to_owned(), context.clone());
        }
        let input = hash_data(&document, &members)?;
        Ok(Self { document, options: members, suite: options.suite, input })
    }

    /// The bytes to sign.
    #[must_use]
    pub const fn signing_input(&self) -> &[u8] {
        &self.input
    }

    /// The document with its proof.
    ///
    /// # Errors
    /// [`ProofError::KeyKind`] where the key is not of the suite, [`ProofError::BadSignature`] where
    /// the signature does not verify.
    pub fn attach(mut self, key: &PublicKey, signature: &[u8]) -> Result<Value, ProofError> {
        let proof = finish(self.options, self.suite, &self.input, key, signature)?;
        if let Some(members) = self.document.as_object_mut() {
            members.insert("proof".to_owned(), proof);
        }
        Ok(self.document)
    }
}

/// The proof object of `options` and a signature over `input` that verifies.
pub(crate) fn finish(
    mut options: Map<String, Value>,
    suite: Suite,
    input: &HashData,
    key: &PublicKey,
    signature: &[u8],
) -> Result<Value, ProofError> {
    if Suite::of(key.kind()) != suite {
        return Err(ProofError::KeyKind);
    }
    key.verify(input, signature).map_err(|_| ProofError::BadSignature)?;
    options.insert("proofValue".to_owned(), json!(codec::to_multibase_z(signature)));
    Ok(Value::Object(options))
}

/// Why a proof was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofError {
    /// A member is missing or malformed, or there is not exactly one proof.
    Shape,
    /// A cryptosuite that is not spoken here.
    Suite,
    /// It builds on another proof, which is not supported.
    Chained,
    /// The document's `@context` is not the one that was signed.
    Context,
    /// The key is not of the kind that the cryptosuite needs.
    KeyKind,
    /// The signature does not verify.
    BadSignature,
    /// A number in it has no canonical form.
    NotCanonical,
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shape => "proof is malformed",
            Self::Suite => "cryptosuite is not supported",
            Self::Chained => "proof chains are not supported",
            Self::Context => "the context is not the one that was signed",
            Self::KeyKind => "the key is not one of the cryptosuite",
            Self::BadSignature => "proof does not verify",
            Self::NotCanonical => "JSON without a canonical form",
        })
    }
}

impl std::error::Error for ProofError {}

#[cfg(test)]
mod tests;
