//! Credentials and presentations as they are secured: W3C VC-JOSE-COSE, sections 3.1 and 3.3, and
//! Verifiable Credential Data Integrity.
//!
//! The payload is the document itself, as JSON, in each envelope. What is presented names an
//! algorithm and a key; it never brings the key, says where to find it, or chooses how to verify:
//! the key's own kind does. The specification would ignore unknown header parameters; here they are
//! refused, so that no reader finds more in an envelope than another.

mod compact;
pub mod cose;
mod data_integrity;
mod draft;
mod envelope;
mod error;
mod payload;
pub mod jose;
pub mod linked_data;
pub mod sd_jwt;

pub use data_integrity::{PROOF_MEMBERS, ProofTerms};
pub use draft::Draft;
pub use envelope::{Content, Envelope};
pub use error::SecureError;

use crate::disclosure::{DisclosureError, Pointer};
use payload::Payload;
use sd_jwt::{Profile, SdJwt};

use did_resolver::codec::{self, Sha256Digest};
use did_resolver::did::DidUrl;
use did_resolver::jcs;
use did_resolver::json::{self, Json, JsonError, Tree};
use did_resolver::keys::{KeyKind, PublicKey};
use did_resolver::time::UnixSeconds;
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// Most bytes of one secured credential, whichever envelope.
pub const MAX_CREDENTIAL_BYTES: usize = 256 * 1024;

/// Most bytes of one secured presentation: eight links of 64 KiB and eight identities fit, twice
/// encoded.
pub const MAX_PRESENTATION_BYTES: usize = 1024 * 1024;

/// Most bytes of anything that is signed here. The largest is a status list of 2^24 entries that do
/// not compress, in base64url twice: 3.8 MB.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Longest signature, in bytes: that of a P-384 key.
const MAX_SIGNATURE_BYTES: usize = 96;

/// A secured document that was read strictly, and **not yet verified**. Its bytes are kept as they
/// came, and clones share them. Nothing is said here of whether the key may sign for the issuer or
/// holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secured {
    content: Content,
    envelope: Envelope,
    said: Arc<Said>,
    bytes: Arc<[u8]>,
}

/// What an envelope's reader finds in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    algorithm: KeyKind,
    key_id: DidUrl,
    payload: Payload,
    /// What the signature covers.
    signed: Vec<u8>,
    signature: Vec<u8>,
    /// What a child names its parent by, where it is not SHA-256 of what the signature covers.
    digest: Option<Sha256Digest>,
    /// The Data Integrity proof, and what it says.
    proof: Option<(ProofTerms, Value)>,
    /// The SD-JWT of a credential.
    sd_jwt: Option<Box<SdJwt>>,
}

impl Secured {
    /// Reads a secured document of at most `max_bytes`. The key id is an absolute DID URL with a
    /// fragment; the payload is a strict JSON object without `vc` and `vp`, in which registered JWT
    /// claims, if there are any, say what the document says.
    ///
    /// # Errors
    /// [`SecureError::TooLong`], [`SecureError::Malformed`], [`SecureError::Header`],
    /// [`SecureError::SelfChosen`], [`SecureError::Algorithm`], [`SecureError::Json`] as the envelope's
    /// reader;
    /// [`SecureError::Type`] for another media type than that of `content` in `envelope`;
    /// [`SecureError::KeyId`]; [`SecureError::Claims`].
    pub fn parse(
        content: Content,
        envelope: Envelope,
        bytes: &[u8],
        max_bytes: usize,
    ) -> Result<Self, SecureError> {
        let said = match envelope {
            Envelope::Jwt => jose::read(content, bytes, max_bytes)?,
            Envelope::Cose => cose::read(content, bytes, max_bytes)?,
            Envelope::Compact => compact::read(content, bytes, max_bytes)?,
            Envelope::DataIntegrity => data_integrity::read(content, bytes, max_bytes)?,
            Envelope::VcSdJwt => sd_jwt::read(content, Profile::Vc, bytes, max_bytes)?,
            Envelope::DcSdJwt => sd_jwt::read(content, Profile::Dc, bytes, max_bytes)?,
        };
        Ok(Self { content, envelope, said: Arc::new(said), bytes: bytes.into() })
    }

    /// Reads a document with a Data Integrity proof that stands in another document. Its bytes are its
    /// canonical form.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn embedded(content: Content, document: &Value, max_bytes: usize) -> Result<Self, SecureError> {
        Self::parse(content, Envelope::DataIntegrity, &canonical(document.into(), max_bytes)?, max_bytes)
    }

    /// Reads what [`Self::to_text`] writes.
    ///
    /// # Errors
    /// As [`Envelope::bytes_of`] and [`Self::parse`].
    pub fn from_text(
        content: Content,
        envelope: Envelope,
        text: &str,
        max_bytes: usize,
    ) -> Result<Self, SecureError> {
        Self::parse(content, envelope, &envelope.bytes_of(text, max_bytes)?, max_bytes)
    }

    /// The whole as text: as it is, or in base64url where it is bytes.
    #[must_use]
    pub fn to_text(&self) -> Cow<'_, str> {
        if self.envelope.is_text() {
            String::from_utf8_lossy(&self.bytes)
        } else {
            Cow::Owned(codec::to_base64url(&self.bytes))
        }
    }

    /// Reads what [`Self::to_data_url`] writes: a `data:` URL (RFC 2397) of `content` in one of the
    /// envelopes, spelled exactly so. `max_bytes` bounds the secured document inside.
    ///
    /// # Errors
    /// [`SecureError::DataUrl`] for another URL, else as [`Self::parse`].
    pub fn from_data_url(content: Content, url: &str, max_bytes: usize) -> Result<Self, SecureError> {
        let (envelope, bytes) = Self::in_data_url(content, url, max_bytes)?;
        Self::parse(content, envelope, &bytes, max_bytes)
    }

    /// What [`Self::from_data_url`] would read: the envelope that a URL names, and what it holds.
    pub(crate) fn in_data_url(
        content: Content,
        url: &str,
        max_bytes: usize,
    ) -> Result<(Envelope, Cow<'_, [u8]>), SecureError> {
        let rest = url.strip_prefix("data:").ok_or(SecureError::DataUrl)?;
        let (head, data) = rest.split_once(',').ok_or(SecureError::DataUrl)?;
        let (media_type, is_text) = head.strip_suffix(";base64").map_or((head, true), |head| (head, false));
        let envelope = Envelope::of_media_type(content, media_type);
        // What is JSON is embedded and has no such URL.
        let envelope = envelope.filter(|e| e.is_text() == is_text && *e != Envelope::DataIntegrity);
        let envelope = envelope.ok_or(SecureError::DataUrl)?;
        if is_text {
            return Ok((envelope, Cow::Borrowed(data.as_bytes())));
        }
        // Four characters hold three bytes.
        if data.len() / 4 * 3 > max_bytes.saturating_add(2) {
            return Err(SecureError::TooLong);
        }
        let bytes = codec::from_base64(data);
        Ok((envelope, Cow::Owned(bytes.map_err(|_| SecureError::DataUrl)?)))
    }

    /// The document as a `data:` URL, as the `id` of an EnvelopedVerifiableCredential has it (VC Data
    /// Model 2.0, section 4.13). A document with a Data Integrity proof is embedded instead, see
    /// [`Self::embedded`].
    #[must_use]
    pub fn to_data_url(&self) -> String {
        let media_type = self.media_type();
        if self.envelope.is_text() {
            format!("data:{media_type},{}", String::from_utf8_lossy(&self.bytes))
        } else {
            format!("data:{media_type};base64,{}", codec::to_base64(&self.bytes))
        }
    }

    /// Verifies the signature by the one rule of the key's kind, and that a proof with dates of its own
    /// is within them at `now`, give or take `skew`.
    ///
    /// # Errors
    /// [`SecureError::Algorithm`] where the header names another algorithm than the key's own,
    /// [`SecureError::Signature`] where the signature does not verify; [`SecureError::NotYet`],
    /// [`SecureError::Expired`].
    pub fn verify(&self, key: &PublicKey, now: UnixSeconds, skew: Duration) -> Result<(), SecureError> {
        self.check_dates(now, skew)?;
        verify(self.said.algorithm, key, &self.said.signed, &self.said.signature)
    }

    /// Whether a proof with dates of its own is within them, without its signature: for one whose
    /// signature was verified before.
    ///
    /// # Errors
    /// [`SecureError::NotYet`], [`SecureError::Expired`].
    pub fn check_dates(&self, now: UnixSeconds, skew: Duration) -> Result<(), SecureError> {
        self.said.proof.as_ref().map_or(Ok(()), |(terms, _)| terms.check(now, skew))
    }

    /// SHA-256 of exactly what the signature covers: the JWS signing input, the COSE Sig_structure, or
    /// the canonical JSON of a document without its Data Integrity proof. An ECDSA signature has a second
    /// form that anybody can compute; this digest is the same for both.
    #[must_use]
    pub fn digest(&self) -> Sha256Digest {
        self.said.digest.unwrap_or_else(|| codec::sha256(&self.said.signed))
    }

    /// What is secured.
    #[must_use]
    pub const fn content(&self) -> Content {
        self.content
    }

    /// How it is secured.
    #[must_use]
    pub const fn envelope(&self) -> Envelope {
        self.envelope
    }

    /// The key that is said to have signed.
    #[must_use]
    pub fn key_id(&self) -> &DidUrl {
        &self.said.key_id
    }

    /// The kind of key that the header's algorithm belongs to.
    #[must_use]
    pub fn algorithm(&self) -> KeyKind {
        self.said.algorithm
    }

    /// What a Data Integrity proof says beside its key; `None` in the other envelopes.
    #[must_use]
    pub fn terms(&self) -> Option<&ProofTerms> {
        self.said.proof.as_ref().map(|(terms, _)| terms)
    }

    /// The SD-JWT that a credential is; `None` in the other envelopes.
    #[must_use]
    pub fn sd_jwt(&self) -> Option<&SdJwt> {
        self.said.sd_jwt.as_deref()
    }

    /// Whether there is nothing here but the document that was signed: an SD-JWT may have claims that can be
    /// held back, and be bound to a key or to one verifier.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.sd_jwt().is_none_or(SdJwt::is_plain)
    }

    /// The same credential with the disclosures that `wanted` needs, and no binding to a verifier.
    ///
    /// # Errors
    /// [`SecureError::Disclosure`] where `wanted` leads to nothing that is held; [`SecureError::Type`] in an
    /// envelope that shows all or nothing.
    pub fn disclosing(&self, wanted: &[Pointer]) -> Result<Self, SecureError> {
        let there = |place: &Pointer| self.payload().pointer(&place.to_string()).is_some();
        let sd_jwt = self.sd_jwt().ok_or(SecureError::Type)?;
        if !wanted.iter().all(there) {
            return Err(SecureError::Disclosure(DisclosureError::Pointer));
        }
        let shown = sd_jwt.present_places(wanted)?;
        Self::parse(self.content, self.envelope, shown.to_text().as_bytes(), usize::MAX)
    }

    /// The document with its Data Integrity proof, as it stands in another; `None` in the other
    /// envelopes, which have [`Self::to_data_url`].
    #[must_use]
    pub fn to_embedded(&self) -> Option<Value> {
        let (_, proof) = self.said.proof.as_ref()?;
        let mut document = self.payload().clone();
        document.as_object_mut()?.insert("proof".to_owned(), proof.clone());
        Some(document)
    }

    /// The document without what secures it, always an object.
    #[must_use]
    pub fn payload(&self) -> &Value {
        self.said.payload.value()
    }

    /// As [`Self::payload`], where it stands.
    #[must_use]
    pub fn document(&self) -> Json<'_> {
        self.said.payload.json()
    }

    /// The whole as it came.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The media type of the whole, such as `application/vc+jwt`.
    #[must_use]
    pub const fn media_type(&self) -> &'static str {
        self.envelope.media_type(self.content)
    }
}

/// The bytes of a document with a Data Integrity proof that stands in another document.
pub(crate) fn canonical(document: Json<'_>, max_bytes: usize) -> Result<Vec<u8>, SecureError> {
    let bytes = jcs::canonical_of(document).map_err(|_| SecureError::Json(JsonError::Malformed))?;
    if bytes.len() > max_bytes { Err(SecureError::TooLong) } else { Ok(bytes) }
}

fn verify(algorithm: KeyKind, key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), SecureError> {
    if key.kind() != algorithm {
        return Err(SecureError::Algorithm);
    }
    key.verify(message, signature).map_err(|_| SecureError::Signature)
}

fn read_key_id(text: &str) -> Result<DidUrl, SecureError> {
    text.parse().ok().filter(DidUrl::is_key_id).ok_or(SecureError::KeyId)
}

fn read_payload(
    content: Content,
    bytes: Vec<u8>,
    max_bytes: usize,
    header_issuer: Option<&str>,
) -> Result<Tree, SecureError> {
    let payload = json::read(bytes, max_bytes).map_err(SecureError::Json)?;
    check_payload(content, payload.root(), header_issuer)?;
    Ok(payload)
}

fn check_payload(
    content: Content,
    payload: Json<'_>,
    header_issuer: Option<&str>,
) -> Result<(), SecureError> {
    if !payload.is_object() {
        return Err(SecureError::Json(JsonError::Malformed));
    }
    jose::check_claims(payload, content.actor(), header_issuer)
}

/// The id of whoever the document says that it is by.
fn actor_of(content: Content, payload: Json<'_>) -> Option<&str> {
    jose::id_of(payload.get(content.actor()))
}

#[cfg(test)]
mod tests;
