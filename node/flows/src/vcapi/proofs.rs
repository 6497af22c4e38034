//! Several Data Integrity proofs of one document: beside each other or one on top of another (W3C Verifiable
//! Credential Data Integrity 1.0, sections 2.1.1 and 2.1.2).
//!
//! All of them must hold: a document of which one proof fails is refused, whoever made the others. Authority has
//! documents of one proof alone; these are for whoever wants to know who signed.

use super::Failure;
use did_resolver::did::DidUrl;
use did_resolver::document::Relationship;
use did_resolver::keys::PublicKey;
use did_resolver::proof::{Proof, ProofError, Secured};
use did_resolver::time::UnixSeconds;
use serde_json::Value;
use std::time::Duration;
use vc_schemas::code::Code;
use vc_schemas::data_model::Problem;
use vc_schemas::refusal::Path;
use vc_schemas::secure::{Content, PROOF_MEMBERS, SecureError};

/// The member by which a proof names those that it is on top of.
const PREVIOUS: &str = "previousProof";

/// A document with two proofs or more, read.
pub(super) struct Proofs {
    secured: Secured<'static>,
    payload: Value,
    bound: (Option<String>, Option<String>),
}

impl Proofs {
    /// Reads `json`, whose proofs are in suites that are spoken here.
    pub(super) fn read(content: Content, json: &Value, max_bytes: usize) -> Result<Self, Failure> {
        let path = || Path::root().then("proof");
        let secured = Secured::from_value(json).map_err(|error| refused(error, path()))?;
        if secured.as_bytes().len() > max_bytes {
            return Err(Problem::of_secured(&SecureError::TooLong, path()).into());
        }
        let purpose = match content {
            Content::Credential => Relationship::AssertionMethod,
            Content::Presentation => Relationship::Authentication,
        };
        let mut bound = None;
        for (at, proof) in secured.proofs().enumerate() {
            let wrong = |detail| Err(Failure::malformed(place(at), detail));
            if !proof.members().all(|member| PROOF_MEMBERS.contains(&member) || member == PREVIOUS) {
                return wrong("a member that is not known here");
            }
            if proof.purpose() != purpose {
                return wrong("for another purpose than such documents are signed for");
            }
            let text = |name: &str| proof.option(name).map(str::to_owned);
            let own = (text("challenge"), text("domain"));
            let said = |name: &str| proof.members().any(|member| member == name);
            if own.0.is_some() != said("challenge") || own.1.is_some() != said("domain") {
                return wrong("a challenge or domain that is no text");
            }
            if content == Content::Credential && own != (None, None) {
                return wrong("a credential answers no challenge and is for no domain");
            }
            // Of two, a reader could heed either.
            if *bound.get_or_insert_with(|| own.clone()) != own {
                return wrong(
                    "it answers another challenge than the proofs before, or is for another domain",
                );
            }
        }
        let payload = secured.document().map_err(|error| refused(error, Path::root()))?;
        Ok(Self { secured, payload, bound: bound.unwrap_or_default() })
    }

    /// The document without its proofs.
    pub(super) const fn payload(&self) -> &Value {
        &self.payload
    }

    /// The challenge that all of them answer, and the domain that all are for.
    pub(super) fn bound(&self) -> (Option<&str>, Option<&str>) {
        (self.bound.0.as_deref(), self.bound.1.as_deref())
    }

    /// Whose key each names, in the order of the document, and where it stands.
    pub(super) fn key_ids(&self) -> Vec<(&DidUrl, Path)> {
        let key_id = |(at, proof)| (Proof::verification_method(proof), place(at));
        self.secured.proofs().enumerate().map(key_id).collect()
    }

    /// Whether the proof at `at` is by `key`, in its own time.
    pub(super) fn verify(
        &self,
        at: usize,
        key: &PublicKey,
        (now, skew): (UnixSeconds, Duration),
    ) -> Result<(), Failure> {
        let path = place(at);
        let dates = self.secured.proofs().nth(at).map(|proof| (proof.created(), proof.expires()));
        let (created, expires) = dates.unwrap_or_default();
        if created.is_some_and(|created| created > now.plus(skew)) {
            return Err(Problem::of_secured(&SecureError::NotYet, path).into());
        }
        if expires.is_some_and(|expires| expires <= now.minus(skew)) {
            return Err(Problem::of_secured(&SecureError::Expired, path).into());
        }
        self.secured.verify(at, key).map_err(|error| refused(error, path))
    }
}

fn place(at: usize) -> Path {
    Path::root().then("proof").at(at)
}

pub(super) fn refused(error: ProofError, path: Path) -> Failure {
    match error {
        ProofError::BadSignature => Failure::insecure(path, "the signature does not verify"),
        ProofError::KeyKind | ProofError::Suite => {
            Failure::insecure(path, "its key is not of its cryptosuite")
        }
        ProofError::Previous | ProofError::Chained => {
            Failure::malformed(path, "a proof builds on one that is not there, or on itself")
        }
        ProofError::TooMany => Failure::refused(Code::TooLarge, path, "more than eight proofs"),
        ProofError::NotCanonical | ProofError::Shape | ProofError::Context => {
            Failure::malformed(path, "a proof is not of its form")
        }
    }
}
