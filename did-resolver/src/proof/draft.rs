//! Making proofs: options in, the bytes to sign out, and the document with its proof.
//!
//! W3C Verifiable Credential Data Integrity 1.0, sections 4.2 and 4.3 (Add Proof, Add Proof Set/Chain).

use super::{HashData, MAX_PROOFS, ProofError, Secured, Suite, TYPE, hash_data};
use crate::codec;
use crate::did::DidUrl;
use crate::document::Relationship;
use crate::keys::PublicKey;
use crate::time::UnixSeconds;
use serde_json::{Map, Value, json};

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

/// How a proof hangs together with the others of its document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChainLink {
    /// What later proofs name it by; a URL.
    pub id: Option<String>,
    /// The ids of those that it builds on; none for one that stands beside them.
    pub previous: Vec<String>,
}

impl ChainLink {
    fn write(&self, members: &mut Map<String, Value>) {
        if let Some(id) = &self.id {
            members.insert("id".to_owned(), json!(id));
        }
        match self.previous.as_slice() {
            [] => None,
            [one] => members.insert("previousProof".to_owned(), json!(one)),
            more => members.insert("previousProof".to_owned(), json!(more)),
        };
    }
}

/// A document that waits for its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofDraft {
    document: Value,
    options: Map<String, Value>,
    suite: Suite,
    input: HashData,
    /// The proofs that the document has already.
    others: Vec<Value>,
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
        let input = hash_data(options.suite, &document, &members)?;
        Ok(Self { document, options: members, suite: options.suite, input, others: Vec::new() })
    }

    /// Prepares a further proof of a `document` that has some: beside them, or on top of those that
    /// `link` names.
    ///
    /// # Errors
    /// [`ProofError::TooMany`] where it has [`MAX_PROOFS`] already, [`ProofError::Previous`] where
    /// `link` names a proof that is not there or takes an id that is, else as [`Secured::from_value`].
    pub fn further(
        mut document: Value,
        options: &ProofOptions,
        link: &ChainLink,
    ) -> Result<Self, ProofError> {
        let secured = Secured::from_value(&document)?;
        if secured.proofs().len() >= MAX_PROOFS {
            return Err(ProofError::TooMany);
        }
        let taken = |id: &str| secured.proofs().any(|proof| proof.id() == Some(id));
        if link.id.as_deref().is_some_and(taken) || !link.previous.iter().all(|id| taken(id)) {
            return Err(ProofError::Previous);
        }
        let members = document.as_object_mut().ok_or(ProofError::Shape)?;
        let others = match members.remove("proof") {
            Some(Value::Array(proofs)) => proofs,
            Some(proof) => vec![proof],
            None => return Err(ProofError::Shape),
        };
        let mut draft = Self::new(document, options)?;
        link.write(&mut draft.options);
        let mut signed = draft.document.clone();
        if let (Some(members), false) = (signed.as_object_mut(), link.previous.is_empty()) {
            let named = |proof: &&Value| {
                proof
                    .get("id")
                    .and_then(Value::as_str)
                    .is_some_and(|id| link.previous.iter().any(|p| p == id))
            };
            members.insert("proof".to_owned(), others.iter().filter(named).cloned().collect());
        }
        draft.input = hash_data(draft.suite, &signed, &draft.options)?;
        draft.others = others;
        Ok(draft)
    }

    /// Names the proof, so that later ones can build on it.
    ///
    /// # Errors
    /// As [`hash_data`].
    pub fn with_id(mut self, id: &str) -> Result<Self, ProofError> {
        self.options.insert("id".to_owned(), json!(id));
        self.input = hash_data(self.suite, &self.document, &self.options)?;
        Ok(self)
    }

    /// The bytes to sign.
    #[must_use]
    pub fn signing_input(&self) -> &[u8] {
        &self.input
    }

    /// The document with its proof, after those that it had.
    ///
    /// # Errors
    /// [`ProofError::KeyKind`] where the key is not of the suite, [`ProofError::BadSignature`] where
    /// the signature does not verify.
    pub fn attach(mut self, key: &PublicKey, signature: &[u8]) -> Result<Value, ProofError> {
        let proof = finish(self.options, self.suite, &self.input, key, signature)?;
        if let Some(members) = self.document.as_object_mut() {
            let all = if self.others.is_empty() {
                proof
            } else {
                Value::Array(self.others.into_iter().chain([proof]).collect())
            };
            members.insert("proof".to_owned(), all);
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
    if Suite::of(key.kind()) != Some(suite) {
        return Err(ProofError::KeyKind);
    }
    key.verify(input, signature).map_err(|_| ProofError::BadSignature)?;
    options.insert("proofValue".to_owned(), json!(codec::to_multibase_z(signature)));
    Ok(Value::Object(options))
}
