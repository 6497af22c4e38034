//! An offline bundle: everything that a verdict rests on, in one file that the domain which made it
//! signed, so that whoever recognises that domain reaches the same verdict without a network.
//!
//! It is a COSE_Sign1 over deterministic CBOR. The logs and lists in it are signed by their own issuers
//! and verified again; what only its maker can say (whom it recognises, what it ever saw revoked, which
//! DIDs are contested) counts for those who name that maker themselves: see [`Sealed::open`].

mod wire;

use crate::delegation::scope::Scope;
use crate::facts::{DidFact, Expect, Facts, ListFact, Recognition, Request};
use crate::secure::cose::{Sign1, Sign1Draft};
use crate::secure::{Content, Envelope, SecureError, Secured};
use crate::status::bitstring::{Bits, MAX_ENTRIES};
use crate::status::{MAX_LIST_BYTES, StatusError, StatusList};
use did_resolver::did::{Did, DidUrl};
use did_resolver::document::{KeyRefusal, Relationship};
use did_resolver::keys::KeyKind;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{LogBytes, LogError, WebvhId, verify_many};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The media type of a bundle.
pub const CONTENT_TYPE: &str = "application/marque-bundle+cbor";

/// Longest bundle, in bytes: a presentation, and for each of its issuers a log or list of usual size.
pub const MAX_BUNDLE_BYTES: usize = 16 * 1024 * 1024;

/// Most logs, and most lists, in a bundle: each link and identity of a presentation has an issuer, a
/// subject and two lists.
pub const MAX_OBJECTS: usize = 128;

/// Most domains that a bundle says are recognised: as many as a node can recognise.
pub const MAX_DOMAINS: usize = 1_024;

/// A log as it is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundledLog {
    /// Of whom.
    pub did: Did,
    /// The `did.jsonl`.
    pub log: Vec<u8>,
    /// The `did-witness.json`; empty where nobody needed to approve.
    pub witness: Vec<u8>,
}

impl BundledLog {
    /// To be verified.
    fn bytes(&self) -> LogBytes<'_> {
        let witness = (!self.witness.is_empty()).then_some(self.witness.as_slice());
        LogBytes { log: &self.log, witness }
    }
}

/// A list as it is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundledList {
    /// Who signed it.
    pub issuer: Did,
    /// The list, as a `vc+jwt`.
    pub list: Vec<u8>,
    /// Every index ever seen revoked, as [`Bits::encode`] writes it.
    pub revoked_ever: Option<String>,
}

/// What a bundle holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The domain that made it.
    pub by: Did,
    /// When.
    pub made: UnixSeconds,
    /// The presentation that it was made for.
    pub presentation: Option<(Envelope, Vec<u8>)>,
    /// Logs, each of another DID.
    pub logs: Vec<BundledLog>,
    /// DIDs that have two valid histories.
    pub contested: BTreeSet<Did>,
    /// Lists, each under another URL.
    pub lists: Vec<BundledList>,
    /// The domains that its maker recognises, by SCID.
    pub domains: BTreeMap<String, Recognition>,
    /// The audience that its maker verifies for.
    pub audience: String,
    /// The nonce of the presentation.
    pub nonce: String,
    /// How old a status list may be.
    pub status_max_age: Duration,
    /// How far clocks may differ.
    pub skew: Duration,
}

impl Bundle {
    /// Begins to seal it by the maker's key `key_id`, of `kind`.
    ///
    /// # Errors
    /// [`BundleError::Secured`] where such a key cannot; [`BundleError::TooLarge`]; [`BundleError::Malformed`]
    /// where a bound of this module is not kept.
    pub fn draft(&self, key_id: &DidUrl, kind: KeyKind) -> Result<Sign1Draft, BundleError> {
        let payload = wire::write(self);
        if payload.len() > MAX_BUNDLE_BYTES {
            return Err(BundleError::TooLarge);
        }
        wire::parse(&payload)?;
        Sign1Draft::new(kind, key_id.as_str().as_bytes(), CONTENT_TYPE, payload).map_err(BundleError::Secured)
    }

    /// What a verifier expects who judges as its maker did, of `request`.
    #[must_use]
    pub fn expect(&self, request: Request) -> Expect {
        Expect {
            audience: self.audience.clone(),
            nonce: self.nonce.clone(),
            domains: self.domains.clone(),
            principals: BTreeMap::new(),
            status_max_age: self.status_max_age,
            deferrable: Scope::default(),
            skew: self.skew,
            request,
        }
    }

    /// The facts in it, each verified again, as of `at`.
    fn facts(&self, at: UnixSeconds) -> Result<Facts, BundleError> {
        let mut facts = Facts::default();
        let bytes: Vec<_> = self.logs.iter().map(BundledLog::bytes).collect();
        let logs = verify_many(&bytes, at);
        for (place, (bundled, log)) in self.logs.iter().zip(logs).enumerate() {
            let log = log.map_err(|why| BundleError::Log(place, why))?;
            if !log.names(&bundled.did) {
                return Err(BundleError::Malformed);
            }
            if let Some(fact) = DidFact::of(&log) {
                facts.insert_did(bundled.did.clone(), fact);
            }
        }
        for did in &self.contested {
            facts.insert_did(did.clone(), DidFact::Contested);
        }
        for (place, bundled) in self.lists.iter().enumerate() {
            let refused = |why| BundleError::List(place, why);
            let Some(DidFact::Active { document, .. }) = facts.did(&bundled.issuer) else { continue };
            let secured = Secured::parse(Content::Credential, Envelope::Jwt, &bundled.list, MAX_LIST_BYTES)
                .map_err(BundleError::Secured)?;
            let list = StatusList::verified(secured, document, at).map_err(refused)?;
            let overlay = bundled.revoked_ever.as_ref().map(|text| Bits::decode(text, MAX_ENTRIES));
            let revoked_ever =
                overlay.transpose().map_err(|why| refused(StatusError::Bits(why)))?.map(Arc::new);
            facts.insert_list(ListFact { list: Arc::new(list), revoked_ever });
        }
        Ok(facts)
    }
}

/// A bundle that was read, and is not known to be anybody's.
#[derive(Debug, Clone)]
pub struct Sealed {
    sign1: Sign1,
    key_id: DidUrl,
    bundle: Bundle,
}

impl Sealed {
    /// Reads a bundle of at most [`MAX_BUNDLE_BYTES`].
    ///
    /// # Errors
    /// [`BundleError::TooLarge`], [`BundleError::Secured`], [`BundleError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > MAX_BUNDLE_BYTES {
            return Err(BundleError::TooLarge);
        }
        let sign1 = Sign1::parse(bytes, MAX_BUNDLE_BYTES).map_err(BundleError::Secured)?;
        if sign1.content_type() != CONTENT_TYPE || sign1.typ().is_some() {
            return Err(BundleError::Malformed);
        }
        let key_id = std::str::from_utf8(sign1.key_id()).ok().and_then(|id| id.parse::<DidUrl>().ok());
        let key_id = key_id.filter(DidUrl::is_key_id).ok_or(BundleError::Malformed)?;
        let bundle = wire::parse(sign1.payload())?;
        Ok(Self { sign1, key_id, bundle })
    }

    /// Who says that it made it.
    #[must_use]
    pub const fn by(&self) -> &Did {
        &self.bundle.by
    }

    /// When it was made, as its maker says.
    #[must_use]
    pub const fn made(&self) -> UnixSeconds {
        self.bundle.made
    }

    /// Opens a bundle of the domain `maker`, which the caller knows from elsewhere: by its SCID, since the
    /// name is a label. What is in it is verified as of `at`; that nothing newer exists is not known
    /// offline.
    ///
    /// # Errors
    /// [`BundleError::Maker`] for a bundle of another domain, or one that brings no active log of it;
    /// [`BundleError::Key`], [`BundleError::Signature`]; [`BundleError::FromFuture`] where it was made after
    /// `at`; [`BundleError::Log`] and [`BundleError::List`] name the first object that does not verify.
    pub fn open(self, maker: &Did, at: UnixSeconds) -> Result<(Bundle, Facts), BundleError> {
        let scid = |did: &Did| WebvhId::parse(did).ok().map(|id| id.scid().to_owned());
        let bundle = self.bundle;
        let same =
            scid(maker).is_some() && scid(maker) == scid(&bundle.by) && self.key_id.did() == &bundle.by;
        if !same {
            return Err(BundleError::Maker);
        }
        if bundle.made > at.plus(bundle.skew) {
            return Err(BundleError::FromFuture);
        }
        let facts = bundle.facts(at)?;
        let Some(DidFact::Active { document, .. }) = facts.did(&bundle.by) else {
            return Err(BundleError::Maker);
        };
        let authorised =
            document.authorised(Relationship::AssertionMethod, &self.key_id, at).map_err(BundleError::Key)?;
        self.sign1.verify(authorised.key).map_err(|_| BundleError::Signature)?;
        Ok((bundle, facts))
    }
}

/// Why a bundle was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BundleError {
    /// Larger than [`MAX_BUNDLE_BYTES`].
    TooLarge,
    /// Not of the one form.
    Malformed,
    /// The COSE_Sign1 around it, or a list in it.
    Secured(SecureError),
    /// Not made by the domain that was asked for.
    Maker,
    /// Its maker's document does not authorise the key.
    Key(KeyRefusal),
    /// The signature does not verify.
    Signature,
    /// It was made later than it is used.
    FromFuture,
    /// The log at this place does not verify.
    Log(usize, LogError),
    /// The list at this place does not verify.
    List(usize, StatusError),
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("bundle is too large"),
            Self::Malformed => f.write_str("not a bundle"),
            Self::Secured(error) => error.fmt(f),
            Self::Maker => f.write_str("bundle was not made by that domain"),
            Self::Key(refusal) => refusal.fmt(f),
            Self::Signature => f.write_str("signature of the bundle does not verify"),
            Self::FromFuture => f.write_str("bundle was made later than now"),
            Self::Log(place, error) => write!(f, "log {place} of the bundle: {error}"),
            Self::List(place, error) => write!(f, "list {place} of the bundle: {error}"),
        }
    }
}

impl std::error::Error for BundleError {}

#[cfg(test)]
mod tests;
