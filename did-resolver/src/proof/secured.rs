//! Documents with one proof, a set of proofs or a chain of them (`previousProof`), from their bytes.
//!
//! W3C Verifiable Credential Data Integrity 1.0, sections 2.1.1, 2.1.2 and 4.5. What each proof signs
//! is hashed from spans of the canonical text; a text that is not canonical is first made so.
//!
//! A proof without `previousProof` signs the document without `proof`. One with it signs the document
//! whose `proof` is the array of the proofs that it names, in the order of the document, each as it
//! stands there with its signature.

use super::{Digest, HashData, Proof, ProofError, Suite};
use crate::codec::{self, Sha256Digest};
use crate::jcs::{self, Canonical};
use crate::json;
use crate::keys::batch::{self, Signed};
use crate::keys::{KeyError, PublicKey};
use serde_json::Value;
use std::borrow::Cow;

/// Most proofs of one document: three signers, their countersigners, and room. Each chained proof
/// hashes the document and those before it again, so this also bounds the work that one text causes.
pub const MAX_PROOFS: usize = 8;

/// A document with its proofs, read but not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secured<'a> {
    /// Canonical, with its proofs.
    text: Cow<'a, [u8]>,
    proofs: Vec<Link>,
    /// SHA-256 of the canonical document without its proofs.
    digest: Sha256Digest,
}

/// One proof and what it signs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Link {
    proof: Proof,
    input: HashData,
    /// Whether the proof's `@context`, if it has one, is the document's.
    context: bool,
}

impl<'a> Secured<'a> {
    /// Reads a document of at most `max_bytes` with one to [`MAX_PROOFS`] proofs.
    ///
    /// # Errors
    /// [`ProofError::NotCanonical`] for what [`json::parse`] refuses, [`ProofError::TooMany`],
    /// [`ProofError::Previous`] for a chain that does not hang together, else as [`Proof::parse`]. One
    /// bad proof makes the whole document unreadable.
    pub fn read(bytes: &'a [u8], max_bytes: usize) -> Result<Self, ProofError> {
        if bytes.len() <= max_bytes
            && let Some(document) = jcs::recognise(bytes)
        {
            let (proofs, digest) = links(&document)?;
            return Ok(Self { text: Cow::Borrowed(bytes), proofs, digest });
        }
        let document = json::parse(bytes, max_bytes).map_err(|_| ProofError::NotCanonical)?;
        Self::from_value(&document)
    }

    /// As [`Self::read`], for a document that was read already.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn from_value(document: &Value) -> Result<Secured<'static>, ProofError> {
        let text = jcs::canonical(document).map_err(|_| ProofError::NotCanonical)?;
        let document = jcs::recognise(&text).ok_or(ProofError::NotCanonical)?;
        let (proofs, digest) = links(&document)?;
        Ok(Secured { text: Cow::Owned(text), proofs, digest })
    }

    /// The proofs, in the order of the document; never none.
    pub fn proofs(&self) -> impl ExactSizeIterator<Item = &Proof> {
        self.proofs.iter().map(|link| &link.proof)
    }

    /// The canonical text, with its proofs.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// SHA-256 of the canonical document without its proofs, whatever the hashes of the suites are.
    #[must_use]
    pub const fn digest(&self) -> &Sha256Digest {
        &self.digest
    }

    /// The document without its proofs.
    ///
    /// # Errors
    /// None for what was read; the type says so because it is read again.
    pub fn document(&self) -> Result<Value, ProofError> {
        let mut document = json::parse(&self.text, self.text.len()).map_err(|_| ProofError::NotCanonical)?;
        document.as_object_mut().and_then(|members| members.remove("proof")).ok_or(ProofError::Shape)?;
        Ok(document)
    }

    /// What the proof at `index` signs, and its signature: for verifying many at once. `None` beyond
    /// the last proof, or where its `@context` is not the document's.
    #[must_use]
    pub fn signed(&self, index: usize) -> Option<(&HashData, &[u8])> {
        self.proofs.get(index).filter(|link| link.context).map(|link| (&link.input, link.proof.signature()))
    }

    /// Verifies the proof at `index`, and none that it builds on.
    ///
    /// # Errors
    /// [`ProofError::Context`], [`ProofError::KeyKind`], [`ProofError::BadSignature`], or
    /// [`ProofError::Shape`] beyond the last proof.
    pub fn verify(&self, index: usize, key: &PublicKey) -> Result<(), ProofError> {
        let claim = self.claim(index, key)?;
        claim.key.verify(claim.message, claim.signature).map_err(|_| ProofError::BadSignature)
    }

    /// Everything that [`Self::verify`] checks but the signature, which is still to be verified.
    fn claim<'s>(&'s self, index: usize, key: &'s PublicKey) -> Result<Signed<'s>, ProofError> {
        let link = self.proofs.get(index).ok_or(ProofError::Shape)?;
        if !link.context {
            return Err(ProofError::Context);
        }
        link.proof.check_kind(key)?;
        Ok(Signed { key, message: &link.input, signature: link.proof.signature() })
    }

    /// Verifies every proof; `keys` are theirs, in the same order.
    ///
    /// # Errors
    /// The first that [`Self::verify`] finds, or [`ProofError::Shape`] for another number of keys.
    pub fn verify_all(&self, keys: &[PublicKey]) -> Result<(), ProofError> {
        if keys.len() != self.proofs.len() {
            return Err(ProofError::Shape);
        }
        keys.iter().enumerate().try_for_each(|(index, key)| self.verify(index, key))
    }
}

/// What [`Secured::verify`] says of each, in order: the proof at an index of a document, under a key.
/// The signatures are verified in common equations where that pays.
#[must_use]
pub fn verify_many(proofs: &[(&Secured<'_>, usize, &PublicKey)]) -> Vec<Result<(), ProofError>> {
    let claims: Vec<_> = proofs.iter().map(|(secured, index, key)| secured.claim(*index, key)).collect();
    let signed: Vec<Signed<'_>> = claims.iter().flatten().copied().collect();
    let mut outcomes = batch::verify(&signed).into_iter();
    let outcome = |claim: Result<Signed<'_>, ProofError>| {
        claim?;
        outcomes.next().unwrap_or(Err(KeyError::BadSignature)).map_err(|_| ProofError::BadSignature)
    };
    claims.into_iter().map(outcome).collect()
}

/// The proofs of a canonical document, with what each signs; and the digest of the document without them.
fn links(document: &Canonical<'_>) -> Result<(Vec<Link>, Sha256Digest), ProofError> {
    let written = written(document)?;
    let mut proofs = Vec::with_capacity(written.len());
    for bytes in &written {
        let json = json::parse(bytes, bytes.len()).map_err(|_| ProofError::NotCanonical)?;
        proofs.push(Proof::read(json)?);
    }
    let (before, after) = document.without("proof");
    let mut plain: Vec<(Suite, Digest)> = Vec::new();
    let mut links = Vec::with_capacity(proofs.len());
    for (index, (proof, bytes)) in proofs.iter().zip(&written).enumerate() {
        let options = jcs::recognise(bytes).ok_or(ProofError::NotCanonical)?;
        let suite = proof.suite();
        let known = plain.iter().find(|(of, _)| *of == suite).map(|(_, digest)| *digest);
        let signed = match (previous(&proofs, index)?.as_slice(), known) {
            ([], Some(digest)) => digest,
            ([], None) => {
                let digest = suite.digest(&[before, after]);
                plain.push((suite, digest));
                digest
            }
            (chosen, _) => {
                with_proofs(suite, document, chosen.iter().filter_map(|at| written.get(*at).copied()))
            }
        };
        let context = options.member("@context");
        let (left, right) = options.without("proofValue");
        links.push(Link {
            proof: proof.clone(),
            input: HashData::join(&suite.digest(&[left, right]), &signed),
            context: context.is_none() || context == document.member("@context"),
        });
    }
    let known = plain.into_iter().find_map(|(_, digest)| match digest {
        Digest::Sha256(digest) => Some(digest),
        Digest::Sha384(_) => None,
    });
    Ok((links, known.unwrap_or_else(|| codec::sha256_of(&[before, after]))))
}

/// The proof objects as they are written.
fn written<'t>(document: &Canonical<'t>) -> Result<Vec<&'t [u8]>, ProofError> {
    let proof = document.member("proof").ok_or(ProofError::Shape)?;
    if proof.first() == Some(&b'{') {
        return Ok(vec![proof]);
    }
    let set = jcs::recognise(proof).ok_or(ProofError::Shape)?;
    let written: Vec<_> = set.items().take(MAX_PROOFS + 1).collect();
    match written.len() {
        0 => Err(ProofError::Shape),
        1..=MAX_PROOFS => Ok(written),
        _ => Err(ProofError::TooMany),
    }
}

/// The places of the proofs that the one at `index` builds on.
fn previous(proofs: &[Proof], index: usize) -> Result<Vec<usize>, ProofError> {
    let Some(proof) = proofs.get(index) else { return Err(ProofError::Shape) };
    let mut places = Vec::with_capacity(proof.previous().len());
    for id in proof.previous() {
        let mut named = proofs.iter().enumerate().filter(|(_, proof)| proof.id() == Some(id));
        match (named.next(), named.next()) {
            // A proof that names itself, twice one, or an ambiguous one, fixes nothing.
            (Some((place, _)), None) if place != index && !places.contains(&place) => places.push(place),
            _ => return Err(ProofError::Previous),
        }
    }
    places.sort_unstable();
    Ok(places)
}

/// The digest of the document whose `proof` is the array of `chosen`.
fn with_proofs<'t>(suite: Suite, document: &Canonical<'t>, chosen: impl Iterator<Item = &'t [u8]>) -> Digest {
    let (before, after) = document.around("proof");
    let mut parts = vec![before, b"["];
    for (place, proof) in chosen.enumerate() {
        parts.extend([if place == 0 { &b""[..] } else { b"," }, proof]);
    }
    parts.extend([&b"]"[..], after]);
    suite.digest(&parts)
}

#[cfg(test)]
mod tests;
