//! The envelope in which an origin domain sends a signed object (MESH.md D3): a deterministic CBOR
//! map in COSE_Sign1.
//!
//! ```text
//! {1: version, 2: kind, 3: domain SCID, 4: subject, 5: seq, 6: digest of the one before (optional),
//!  7: issued at, 8: expires at, 9: payload, 10: SHA-256 of the payload, 11: [critical fields],
//!  12: witness proofs (of a log that has them)}
//! ```
//!
//! Field 12 is the `did-witness.json` of the log that the payload is or announces. It is critical: a
//! node that does not read it could not verify the log. So it stands in field 11, and only there.
//!
//! A later release may add fields. One that field 11 names must be understood: who does not passes the
//! envelope over. Any other is carried as it came and not looked at, so that a field added later must
//! never be held against whoever passed it on, whatever is in it.
//!
//! Its expiry limits gossip only; a replica that catches up takes expired envelopes too.

use crate::replica::cbor::{Reader, Writer, decode_exactly};
use crate::replica::kind::Kind;
use crate::replica::limits::{
    MAX_CRITICAL, MAX_ENVELOPE_BYTES, MAX_PAYLOAD_BYTES, MAX_PROOFS_BYTES, MAX_SKEW_SECONDS,
    MAX_SUBJECT_BYTES,
};
use crate::replica::message::read_scid;
use crate::replica::{Refusal, Scid, Topic};
use did_resolver::codec::{Sha256Digest, sha256};
use did_resolver::did::{Did, DidUrl};
use did_resolver::document::{Document, KeyRefusal, Relationship};
use did_resolver::keys::{KeyKind, PublicKey};
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::Log;
use std::time::Duration;
use vc_schemas::secure::SecureError;
use vc_schemas::secure::cose::{Sign1, Sign1Draft};

/// Media type of what is signed.
pub const CONTENT_TYPE: &str = "application/marque-envelope+cbor";

/// The version that is spoken here.
const VERSION: u64 = 1;

/// Most fields that are read before an envelope is malformed: those that are known here, and room for
/// those of later releases.
const MAX_FIELDS: usize = 32;

/// The field of witness proofs: the last one that is known here, and the only critical one.
const WITNESS_FIELD: u64 = 12;

/// Fields of later releases, each with its value as it came.
type Later<'a> = Vec<(u64, &'a [u8])>;

/// What an envelope says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// What the payload is.
    pub kind: Kind,
    /// The origin.
    pub domain: Scid,
    /// DID or list URL, at most [`MAX_SUBJECT_BYTES`].
    pub subject: String,
    /// Version or sequence number. That the payload says the same is for the judge to check.
    pub seq: u64,
    /// Digest of the item that this one follows, as a hint of what is missing. Nothing depends on it.
    pub prev: Option<Sha256Digest>,
    /// When the origin signed.
    pub issued_at: UnixSeconds,
    /// When gossip stops passing it on.
    pub expires_at: UnixSeconds,
    /// At most [`MAX_PAYLOAD_BYTES`], together with `witness`.
    pub payload: Vec<u8>,
    /// The `did-witness.json` of the log that is carried or announced, where it has witnesses: at most
    /// [`MAX_PROOFS_BYTES`]. What it is worth shows when the log is verified with it.
    pub witness: Option<Vec<u8>>,
}

impl Body {
    fn encode(&self) -> Vec<u8> {
        self.encode_with(&[])
    }

    /// With fields of later releases, each with its value as it came.
    fn encode_with(&self, later: &[(u64, &[u8])]) -> Vec<u8> {
        let mut w = Writer::default();
        w.map(10 + usize::from(self.prev.is_some()) + usize::from(self.witness.is_some()) + later.len());
        w.uint(1).uint(VERSION).uint(2).uint(self.kind.rule().number).uint(3).text(self.domain.as_str());
        w.uint(4).text(&self.subject).uint(5).uint(self.seq);
        if let Some(prev) = &self.prev {
            w.uint(6).bytes(prev);
        }
        w.uint(7).uint(self.issued_at.get()).uint(8).uint(self.expires_at.get());
        w.uint(9).bytes(&self.payload).uint(10).bytes(&sha256(&self.payload)).uint(11);
        match &self.witness {
            Some(witness) => w.array(1).uint(WITNESS_FIELD).uint(WITNESS_FIELD).bytes(witness),
            None => w.array(0),
        };
        for (field, value) in later {
            w.uint(*field).raw(value);
        }
        w.finish()
    }

    fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let write = |(body, later): &(Self, Later<'_>)| body.encode_with(later);
        decode_exactly(bytes, MAX_ENVELOPE_BYTES, Self::read, write).map(|(body, _)| body)
    }

    fn read<'a>(r: &mut Reader<'a>) -> Result<(Self, Later<'a>), Refusal> {
        let fields = r.map(MAX_FIELDS)?;
        // Another version may have any shape after its number.
        if r.uint()? != 1 {
            return Err(Refusal::Malformed);
        }
        if r.uint()? != VERSION {
            return Err(Refusal::UnknownVersion);
        }
        let (mut kind, mut domain, mut subject, mut seq, mut prev) = (None, None, None, None, None);
        let (mut issued, mut expires, mut payload, mut digest) = (None, None, None, None);
        let (mut witness, mut critical, mut later) = (None, false, Later::new());
        for _ in 1..fields {
            match r.uint()? {
                2 => kind = Some(r.uint()?),
                3 => domain = Some(read_scid(r)?),
                4 => subject = Some(r.text(MAX_SUBJECT_BYTES)?.to_owned()),
                5 => seq = Some(r.uint()?),
                6 => prev = Some(r.digest()?),
                7 => issued = Some(UnixSeconds::new(r.uint()?)),
                8 => expires = Some(UnixSeconds::new(r.uint()?)),
                9 => payload = Some(r.bytes(MAX_PAYLOAD_BYTES)?.to_vec()),
                10 => digest = Some(r.digest()?),
                11 => {
                    for _ in 0..r.array(MAX_CRITICAL)? {
                        critical |= r.uint_or_skip()? != Some(WITNESS_FIELD);
                    }
                }
                WITNESS_FIELD => witness = Some(r.bytes(MAX_PROOFS_BYTES)?.to_vec()),
                // In ascending order, like all fields.
                field if field > later.last().map_or(WITNESS_FIELD, |(last, _)| *last) => {
                    later.push((field, r.skipped()?));
                }
                _ => return Err(Refusal::Malformed),
            }
        }
        if critical {
            return Err(Refusal::UnknownCritical);
        }
        let kind = Kind::from_number(kind.ok_or(Refusal::Malformed)?).ok_or(Refusal::UnknownKind)?;
        let proofs = witness.as_ref().map(Vec::len);
        if payload.as_ref().map_or(0, Vec::len) + proofs.unwrap_or(0) > kind.rule().max_payload {
            return Err(Refusal::TooLarge);
        }
        // No proofs are no field; and only logs have them.
        if proofs.is_some_and(|length| length == 0 || !kind.rule().witnessed) {
            return Err(Refusal::Malformed);
        }
        let whole = || {
            let payload = payload?;
            let (issued_at, expires_at) = (issued?, expires?);
            (digest? == sha256(&payload) && issued_at <= expires_at).then_some(())?;
            let (domain, subject, seq) = (domain?, subject?, seq?);
            let body = Self { kind, domain, subject, seq, prev, issued_at, expires_at, payload, witness };
            Some((body, later))
        };
        whole().ok_or(Refusal::Malformed)
    }
}

/// An envelope that was read strictly, and **not yet verified**.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    body: Body,
    key_id: DidUrl,
    sign1: Sign1,
    id: Sha256Digest,
}

impl Envelope {
    /// Reads an envelope. The key id is a DID URL with a fragment, of the did:webvh of the origin.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`], [`Refusal::Malformed`]; [`Refusal::UnknownVersion`],
    /// [`Refusal::UnknownKind`] and [`Refusal::UnknownCritical`] where a later release may know better.
    pub fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let sign1 = Sign1::parse(bytes, MAX_ENVELOPE_BYTES).map_err(|e| match e {
            SecureError::TooLong => Refusal::TooLarge,
            _ => Refusal::Malformed,
        })?;
        if sign1.content_type() != CONTENT_TYPE || sign1.typ().is_some() {
            return Err(Refusal::Malformed);
        }
        let key_id = std::str::from_utf8(sign1.key_id()).ok().and_then(|text| text.parse().ok());
        let key_id: DidUrl = key_id.filter(DidUrl::is_key_id).ok_or(Refusal::Malformed)?;
        let body = Body::decode(sign1.payload())?;
        if Scid::of(key_id.did()).as_ref() != Some(&body.domain) {
            return Err(Refusal::Malformed);
        }
        Ok(Self { body, key_id, sign1, id: sha256(bytes) })
    }

    /// SHA-256 of all bytes, by which gossip knows it.
    #[must_use]
    pub const fn id(&self) -> Sha256Digest {
        self.id
    }

    /// All bytes, as they came.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.sign1.bytes()
    }

    /// What it says.
    #[must_use]
    pub const fn body(&self) -> &Body {
        &self.body
    }

    /// The key that it names.
    #[must_use]
    pub const fn key_id(&self) -> &DidUrl {
        &self.key_id
    }

    /// The DID of the origin domain, whose document has the key.
    #[must_use]
    pub const fn domain_did(&self) -> &Did {
        self.key_id.did()
    }

    /// Whether it may come on `topic`.
    #[must_use]
    pub fn belongs_on(&self, topic: &Topic) -> bool {
        self.body.kind.lanes().iter().any(|lane| Topic::new(&self.body.domain, *lane) == *topic)
    }

    /// Whether gossip still passes it on at `now`.
    ///
    /// # Errors
    /// [`Refusal::Expired`], [`Refusal::FromFuture`].
    pub fn current(&self, now: UnixSeconds) -> Result<(), Refusal> {
        let skew = Duration::from_secs(MAX_SKEW_SECONDS);
        if self.body.issued_at > now.plus(skew) {
            return Err(Refusal::FromFuture);
        }
        if self.body.expires_at.plus(skew) < now {
            return Err(Refusal::Expired);
        }
        Ok(())
    }

    /// Verifies the signature by the key that it names, as `document`, the newest accepted one of the
    /// origin domain, lists it for assertions. That the domain is neither deactivated, contested nor
    /// suspended is for the caller to know.
    ///
    /// # Errors
    /// [`Refusal::UnknownKey`] where the document lists no such key, which a newer one may;
    /// [`Refusal::KeyNotAuthorised`]; [`Refusal::BadSignature`].
    pub fn verify(&self, document: &Document, now: UnixSeconds) -> Result<(), Refusal> {
        if document.id() != self.domain_did() {
            return Err(Refusal::UnknownKey);
        }
        let authorised = document.authorised(Relationship::AssertionMethod, &self.key_id, now);
        let authorised = authorised.map_err(|refusal| match refusal {
            KeyRefusal::NotThere => Refusal::UnknownKey,
            KeyRefusal::ForeignController
            | KeyRefusal::NotForThis
            | KeyRefusal::Revoked
            | KeyRefusal::Expired
            | KeyRefusal::UnsupportedKind => Refusal::KeyNotAuthorised,
        })?;
        self.sign1.verify(authorised.key).map_err(|_| Refusal::BadSignature)
    }

    /// Verifies the signature of an envelope that carries a log of its own origin, by that log: under the newest
    /// of its versions that lets the key state anything.
    ///
    /// What else is held does not matter, so that every replica says the same of it, whichever history of
    /// a contested domain came first; and a domain may announce a new key by the very log that lists it, or
    /// the end of a key by the log that leaves it out.
    ///
    /// # Errors
    /// [`Refusal::UnknownKey`] where no version does, [`Refusal::BadSignature`].
    pub fn verify_by_log(&self, log: &Log, now: UnixSeconds) -> Result<(), Refusal> {
        let found = log.versions().rev().map(|version| self.verify(version.document(), now));
        let says = |found: &Result<(), Refusal>| matches!(found, Ok(()) | Err(Refusal::BadSignature));
        let mut found = found.filter(says);
        found.next().unwrap_or(Err(Refusal::UnknownKey))
    }
}

/// An envelope before it is signed.
#[derive(Debug, Clone)]
pub struct EnvelopeDraft {
    body: Body,
    key_id: DidUrl,
    draft: Sign1Draft,
}

impl EnvelopeDraft {
    /// Begins an envelope that `key_id`, a key of kind `algorithm` of the origin domain, will sign.
    ///
    /// # Errors
    /// As [`Envelope::decode`] would refuse the finished one: [`Refusal::TooLarge`] for payload or
    /// subject, [`Refusal::Malformed`] where the key is not the origin's or times are reversed.
    pub fn new(body: Body, key_id: DidUrl, algorithm: KeyKind) -> Result<Self, Refusal> {
        if !key_id.is_key_id() || Scid::of(key_id.did()).as_ref() != Some(&body.domain) {
            return Err(Refusal::Malformed);
        }
        let bytes = body.encode();
        Body::decode(&bytes)?;
        let draft = Sign1Draft::new(algorithm, key_id.as_str().as_bytes(), CONTENT_TYPE, bytes)
            .map_err(|_| Refusal::Malformed)?;
        Ok(Self { body, key_id, draft })
    }

    /// What to sign.
    #[must_use]
    pub fn signing_input(&self) -> &[u8] {
        self.draft.signing_input()
    }

    /// Joins the signature to what it signs.
    ///
    /// # Errors
    /// [`Refusal::BadSignature`] where it does not verify under `key`, [`Refusal::TooLarge`] where
    /// the whole is over [`MAX_ENVELOPE_BYTES`].
    pub fn attach(self, key: &PublicKey, signature: &[u8]) -> Result<Envelope, Refusal> {
        let sign1 = self.draft.attach(key, signature).map_err(|_| Refusal::BadSignature)?;
        if sign1.bytes().len() > MAX_ENVELOPE_BYTES {
            return Err(Refusal::TooLarge);
        }
        let id = sha256(sign1.bytes());
        Ok(Envelope { body: self.body, key_id: self.key_id, sign1, id })
    }
}

#[cfg(test)]
mod tests;
