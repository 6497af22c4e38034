//! Data Integrity proofs over JSON: `eddsa-jcs-2022`, and `ecdsa-jcs-2019` on P-256 and P-384.
//!
//! One proof over a value here; sets and chains of proofs, from bytes, in [`Secured`].
//!
//! W3C Data Integrity EdDSA Cryptosuites 1.0, section 3.3; ECDSA Cryptosuites 1.0, section 3.3.
//! Whose key it is, and for what it may sign, is for the caller to know: see
//! [`crate::document::Document::authorised`].

mod draft;
mod secured;

pub(crate) use draft::finish;
pub use draft::{ChainLink, ProofDraft, ProofOptions};
pub use secured::{MAX_PROOFS, Secured, verify_many};

use crate::codec;
use crate::did::DidUrl;
use crate::document::Relationship;
use crate::jcs;
use crate::keys::{KeyKind, PublicKey};
use crate::time::UnixSeconds;
use serde_json::{Map, Value};
use std::fmt;
use std::ops::Deref;

/// The only `type` of proof.
pub(crate) const TYPE: &str = "DataIntegrityProof";

/// Which cryptosuite, and on which curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// `eddsa-jcs-2022`: Ed25519, with SHA-256 before it.
    EddsaJcs2022,
    /// `ecdsa-jcs-2019` on P-256 with SHA-256.
    EcdsaJcs2019,
    /// `ecdsa-jcs-2019` on P-384 with SHA-384.
    EcdsaJcs2019P384,
}

impl Suite {
    /// The value of `cryptosuite`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EddsaJcs2022 => "eddsa-jcs-2022",
            Self::EcdsaJcs2019 | Self::EcdsaJcs2019P384 => "ecdsa-jcs-2019",
        }
    }

    /// The suite in which keys of this kind sign, if there is one.
    #[must_use]
    pub const fn of(kind: KeyKind) -> Option<Self> {
        match kind {
            KeyKind::Ed25519 => Some(Self::EddsaJcs2022),
            KeyKind::P256 => Some(Self::EcdsaJcs2019),
            KeyKind::P384 => Some(Self::EcdsaJcs2019P384),
            KeyKind::Secp256k1 | KeyKind::X25519 => None,
        }
    }

    /// The suite that a proof names, whose curve shows in the length of the signature.
    fn named(name: &str, signature_bytes: usize) -> Result<Self, ProofError> {
        let all = [Self::EddsaJcs2022, Self::EcdsaJcs2019, Self::EcdsaJcs2019P384];
        let mut named = all.into_iter().filter(|suite| suite.as_str() == name).peekable();
        named.peek().ok_or(ProofError::Suite)?;
        named
            .find(|suite| suite.key_kind().signature_bytes() == Some(signature_bytes))
            .ok_or(ProofError::Shape)
    }

    const fn key_kind(self) -> KeyKind {
        match self {
            Self::EddsaJcs2022 => KeyKind::Ed25519,
            Self::EcdsaJcs2019 => KeyKind::P256,
            Self::EcdsaJcs2019P384 => KeyKind::P384,
        }
    }

    /// The suite's hash of `parts`, one after the other.
    pub(crate) fn digest(self, parts: &[&[u8]]) -> Digest {
        match self {
            Self::EddsaJcs2022 | Self::EcdsaJcs2019 => Digest::Sha256(codec::sha256_of(parts)),
            Self::EcdsaJcs2019P384 => Digest::Sha384(codec::sha384_of(parts)),
        }
    }

    /// What a proof with `options` signs about a document with this digest.
    pub(crate) fn hash_with(
        self,
        options: &Map<String, Value>,
        document: &[u8],
    ) -> Result<HashData, ProofError> {
        let options = jcs::canonical_object(options).map_err(|_| ProofError::NotCanonical)?;
        Ok(HashData::join(&self.digest(&[&options]), document))
    }
}

/// A digest by the hash of a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Digest {
    Sha256([u8; 32]),
    Sha384([u8; 48]),
}

impl Deref for Digest {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Sha256(digest) => digest,
            Self::Sha384(digest) => digest,
        }
    }
}

/// What is signed: the hash of the canonical proof options, then that of the canonical document. 64
/// bytes, or 96 on P-384.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashData {
    bytes: [u8; 96],
    length: usize,
}

impl HashData {
    /// Two digests of at most 48 bytes.
    pub(crate) fn join(options: &[u8], document: &[u8]) -> Self {
        let mut data = Self { bytes: [0; 96], length: options.len() + document.len() };
        for (to, from) in data.bytes.iter_mut().zip(options.iter().chain(document)) {
            *to = *from;
        }
        data
    }
}

impl Deref for HashData {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }
}

impl fmt::Debug for HashData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&codec::to_hex(self))
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
    id: Option<String>,
    /// The ids of the proofs that this one builds on.
    previous: Vec<String>,
    signature: Vec<u8>,
}

impl Proof {
    /// Reads a proof object that stands alone. Members that this crate does not know are kept and are
    /// covered by the signature.
    ///
    /// # Errors
    /// [`ProofError::Suite`] for a cryptosuite that is not spoken here, [`ProofError::Chained`] for
    /// one that builds on another proof (see [`Secured`]), [`ProofError::Shape`] for anything else that
    /// is not right.
    pub fn parse(json: Value) -> Result<Self, ProofError> {
        let proof = Self::read(json)?;
        if proof.previous.is_empty() { Ok(proof) } else { Err(ProofError::Chained) }
    }

    /// As [`Self::parse`], also for a proof of a chain.
    fn read(json: Value) -> Result<Self, ProofError> {
        let Value::Object(mut options) = json else { return Err(ProofError::Shape) };
        let Some(Value::String(value)) = options.remove("proofValue") else { return Err(ProofError::Shape) };
        let text = |name: &str| options.get(name).and_then(Value::as_str).ok_or(ProofError::Shape);
        let signature = codec::from_multibase_z(&value).map_err(|_| ProofError::Shape);
        let signature_bytes = signature.as_ref().map_or(0, Vec::len);
        let suite = Suite::named(text("cryptosuite")?, signature_bytes)?;
        if text("type")? != TYPE {
            return Err(ProofError::Shape);
        }
        let id = match options.get("id") {
            None => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return Err(ProofError::Shape),
        };
        let previous = previous_ids(options.get("previousProof"))?;
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
        if !verification_method.is_key_id() {
            return Err(ProofError::Shape);
        }
        let signature = signature?;
        Ok(Self { suite, verification_method, purpose, created, expires, options, id, previous, signature })
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

    /// What other proofs of the same document name it by.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The ids of the proofs that this one builds on (`previousProof`).
    #[must_use]
    pub fn previous(&self) -> &[String] {
        &self.previous
    }

    /// The bytes of `proofValue`.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
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
        let canonical = jcs::canonical(document).map_err(|_| ProofError::NotCanonical)?;
        self.verify_hash(&self.input(&self.suite.digest(&[&canonical]))?, key)
    }

    /// What is signed where the canonical document, which has no `@context`, has this digest.
    pub(crate) fn input(&self, document: &[u8]) -> Result<HashData, ProofError> {
        self.suite.hash_with(&self.options, document)
    }

    /// Whether keys like this sign in the suite.
    fn check_kind(&self, key: &PublicKey) -> Result<(), ProofError> {
        if Suite::of(key.kind()) == Some(self.suite) { Ok(()) } else { Err(ProofError::KeyKind) }
    }

    fn verify_hash(&self, input: &HashData, key: &PublicKey) -> Result<(), ProofError> {
        self.check_kind(key)?;
        key.verify(input, &self.signature).map_err(|_| ProofError::BadSignature)
    }
}

/// What a proof by `suite` with `options` (without `proofValue`) over `document` (without `proof`)
/// signs.
///
/// # Errors
/// [`ProofError::NotCanonical`] for values with numbers that have no canonical form.
pub fn hash_data(
    suite: Suite,
    document: &Value,
    options: &Map<String, Value>,
) -> Result<HashData, ProofError> {
    let canonical = jcs::canonical(document).map_err(|_| ProofError::NotCanonical)?;
    suite.hash_with(options, &suite.digest(&[&canonical]))
}

/// Reads `previousProof`: one id, or a list of them that is not empty.
fn previous_ids(json: Option<&Value>) -> Result<Vec<String>, ProofError> {
    let id = |json: &Value| json.as_str().map(str::to_owned).ok_or(ProofError::Previous);
    match json {
        None => Ok(Vec::new()),
        Some(Value::Array(ids)) if (1..MAX_PROOFS).contains(&ids.len()) => ids.iter().map(id).collect(),
        Some(Value::Array(_)) => Err(ProofError::Previous),
        Some(one) => Ok(vec![id(one)?]),
    }
}

/// Why a proof was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofError {
    /// A member is missing or malformed, or there is not exactly one proof.
    Shape,
    /// A cryptosuite that is not spoken here.
    Suite,
    /// It builds on another proof, where a proof stands alone.
    Chained,
    /// It builds on a proof that is not there, not the only one of its id, or the proof itself.
    Previous,
    /// More proofs than [`MAX_PROOFS`].
    TooMany,
    /// The document's `@context` is not the one that was signed.
    Context,
    /// The key is not of the kind that the cryptosuite needs.
    KeyKind,
    /// The signature does not verify.
    BadSignature,
    /// Not JSON that has a canonical form: see [`crate::json::JsonError`].
    NotCanonical,
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shape => "proof is malformed",
            Self::Suite => "cryptosuite is not supported",
            Self::Chained => "proof builds on another, where it stands alone",
            Self::Previous => "proof builds on one that is not there",
            Self::TooMany => "too many proofs",
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
