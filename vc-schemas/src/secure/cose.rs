//! COSE_Sign1 (RFC 9052, section 4.2) in the one deterministic encoding (RFC 8949, section 4.2.1).
//!
//! coset writes; what it would read is too much: doubled keys, indefinite lengths, longer spellings of
//! a number. The reader here knows one shape and nothing else: tag 18, four items, everything that is
//! said about the signature in the protected header, the payload attached. So what it accepts has one
//! spelling, and coset writes the same bytes again.

mod foreign;

pub(crate) use foreign::{Foreign, sig_structure};

use super::{Content, Envelope, MAX_SIGNATURE_BYTES, Payload, Said, SecureError};
use crate::cbor::{ARRAY, MAP, NEGATIVE, Reader, TAG, UNSIGNED};
use coset::{CborSerializable, CoseSign1, Header, HeaderBuilder, ProtectedHeader};
use coset::{TaggedCborSerializable, cbor, iana};
use did_resolver::did::DidUrl;
use did_resolver::json::Tree;
use did_resolver::keys::{KeyKind, PublicKey};

/// Longest protected header, in bytes: a key id of the greatest length and two media types fit.
pub const MAX_PROTECTED_BYTES: usize = 4_096;

/// Longest key id, in bytes: half of a protected header, so that the media types fit. The id of a
/// did:webvh key has 200, that of a did:peer with a document in it 1,500.
pub const MAX_KEY_ID_BYTES: usize = MAX_PROTECTED_BYTES / 2;

/// Longest media type, in bytes (RFC 6838, section 4.2: twice 127 and a slash).
pub const MAX_MEDIA_TYPE_BYTES: usize = 255;

/// The tag of COSE_Sign1.
const SIGN1: u64 = 18;

/// Header labels: RFC 9052, section 3.1; `typ` is RFC 9596.
const ALG: u64 = 1;
const CONTENT_TYPE: u64 = 3;
const KEY_ID: u64 = 4;
const TYP: u64 = 16;
const TYP_LABEL: i64 = 16;

/// A COSE_Sign1 that was read, and not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign1 {
    protected: Protected,
    payload: Vec<u8>,
    signature: Vec<u8>,
    bytes: Vec<u8>,
}

/// What stands in the protected header, and all that may.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Protected {
    algorithm: KeyKind,
    /// A [`Sign1`] that is not the compact form has one.
    content_type: Option<String>,
    key_id: Vec<u8>,
    typ: Option<String>,
    /// The header as it is signed.
    bytes: Vec<u8>,
}

/// The parts of a COSE_Sign1, where they lie.
pub(super) struct Parts<'a> {
    protected: Protected,
    pub(super) payload: &'a [u8],
    pub(super) signature: &'a [u8],
}

impl<'a> Parts<'a> {
    /// As [`Sign1::parse`], but there need be no content type.
    pub(super) fn parse(bytes: &'a [u8], max_bytes: usize) -> Result<Self, SecureError> {
        if bytes.len() > max_bytes {
            return Err(SecureError::TooLong);
        }
        let mut rest = Reader::new(bytes);
        rest.expect(TAG, SIGN1)?;
        rest.expect(ARRAY, 4)?;
        let protected = Protected::parse(rest.bytes(MAX_PROTECTED_BYTES)?)?;
        match rest.head()? {
            (MAP, 0) => {}
            (MAP, _) => return Err(SecureError::SelfChosen),
            _ => return Err(SecureError::Malformed),
        }
        let payload = rest.bytes(max_bytes)?;
        let signature = rest.bytes(MAX_SIGNATURE_BYTES)?;
        rest.end()?;
        if Some(signature.len()) != protected.algorithm.signature_bytes() {
            return Err(SecureError::Malformed);
        }
        Ok(Self { protected, payload, signature })
    }

    /// The key id.
    pub(super) fn key_id(&self) -> &[u8] {
        &self.protected.key_id
    }

    /// Whether the whole is of type `typ`, and the payload of this content type.
    pub(super) fn is(&self, typ: &str, content_type: Option<&str>) -> bool {
        self.protected.typ.as_deref() == Some(typ) && self.protected.content_type.as_deref() == content_type
    }

    /// What was read, with what it came to.
    pub(super) fn said(&self, key_id: DidUrl, payload: Tree) -> Said {
        Said {
            algorithm: self.protected.algorithm,
            key_id,
            payload: Payload::Read(payload),
            signed: sig_structure(&self.protected.bytes, self.payload),
            signature: self.signature.to_vec(),
            digest: None,
            proof: None,
            sd_jwt: None,
        }
    }
}

impl Sign1 {
    /// Reads a tagged COSE_Sign1 of at most `max_bytes`, and nothing after it. The protected header
    /// has alg(1), content type(3) and kid(4), may have typ(16), and has nothing else; the
    /// unprotected header is empty; the payload is attached.
    ///
    /// # Errors
    /// [`SecureError::TooLong`]; [`SecureError::Malformed`] for another shape or another encoding of
    /// it; [`SecureError::Header`] for a header parameter that is missing; [`SecureError::SelfChosen`] for
    /// one that is unknown or unprotected; [`SecureError::Algorithm`] for an algorithm other than
    /// EdDSA, ES256 and ES384.
    pub fn parse(bytes: &[u8], max_bytes: usize) -> Result<Self, SecureError> {
        let Parts { protected, payload, signature } = Parts::parse(bytes, max_bytes)?;
        if protected.content_type.is_none() {
            return Err(SecureError::Header);
        }
        let (payload, signature) = (payload.to_vec(), signature.to_vec());
        Ok(Self { protected, payload, signature, bytes: bytes.to_vec() })
    }

    /// The whole, tag and all.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The whole, given away.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// What the signature covers: the Sig_structure (RFC 9052, section 4.4), with no external data.
    #[must_use]
    pub fn sig_structure(&self) -> Vec<u8> {
        sig_structure(&self.protected.bytes, &self.payload)
    }

    /// Verifies the signature by the one rule of the key's kind.
    ///
    /// # Errors
    /// [`SecureError::Algorithm`] where the header names another algorithm than the key's own,
    /// [`SecureError::Signature`] where the signature does not verify.
    pub fn verify(&self, key: &PublicKey) -> Result<(), SecureError> {
        super::verify(self.algorithm(), key, &self.sig_structure(), &self.signature)
    }

    /// The kind of key that the header's algorithm belongs to.
    #[must_use]
    pub const fn algorithm(&self) -> KeyKind {
        self.protected.algorithm
    }

    /// The key id, never empty.
    #[must_use]
    pub fn key_id(&self) -> &[u8] {
        &self.protected.key_id
    }

    /// The media type of the payload.
    #[must_use]
    pub fn content_type(&self) -> &str {
        self.protected.content_type.as_deref().unwrap_or_default()
    }

    /// The media type of the whole.
    #[must_use]
    pub fn typ(&self) -> Option<&str> {
        self.protected.typ.as_deref()
    }

    /// What is signed.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The signature.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

/// The type of the whole that a COSE_Sign1 says in its protected header, where there is one that can be
/// read. Nothing else is looked at: `bytes` need not be all of it.
pub(super) fn typ_of(bytes: &[u8]) -> Option<String> {
    let mut rest = Reader::new(bytes);
    rest.expect(TAG, SIGN1).and_then(|()| rest.expect(ARRAY, 4)).ok()?;
    Protected::parse(rest.bytes(MAX_PROTECTED_BYTES).ok()?).ok()?.typ
}

/// Reads a credential or a presentation over its JSON.
pub(super) fn read(content: Content, bytes: &[u8], max_bytes: usize) -> Result<Said, SecureError> {
    let parts = Parts::parse(bytes, max_bytes)?;
    if parts.protected.content_type.is_none() {
        return Err(SecureError::Header);
    }
    if !parts.is(Envelope::Cose.media_type(content), Some(content.media_type())) {
        return Err(SecureError::Type);
    }
    let key_id = std::str::from_utf8(parts.key_id()).map_err(|_| SecureError::KeyId)?;
    let key_id = super::read_key_id(key_id)?;
    Ok(parts.said(key_id, super::read_payload(content, parts.payload.to_vec(), max_bytes, None)?))
}

/// A COSE_Sign1 before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign1Draft {
    protected: Protected,
    payload: Vec<u8>,
    signing_input: Vec<u8>,
}

impl Sign1Draft {
    /// Begins one that a key of kind `algorithm` will sign.
    ///
    /// # Errors
    /// [`SecureError::KeyId`] where `key_id` is empty or over [`MAX_KEY_ID_BYTES`];
    /// [`SecureError::Type`] where `content_type` is no media type; [`SecureError::Algorithm`] for a
    /// kind whose algorithm [`Sign1::parse`] would not read.
    pub fn new(
        algorithm: KeyKind,
        key_id: &[u8],
        content_type: &str,
        payload: Vec<u8>,
    ) -> Result<Self, SecureError> {
        Self::begin(algorithm, key_id, Some(media_type(content_type)?), payload)
    }

    /// As [`Self::new`], without a content type: the type of the whole says it.
    pub(super) fn without_content_type(
        algorithm: KeyKind,
        key_id: &[u8],
        typ: &str,
        payload: Vec<u8>,
    ) -> Result<Self, SecureError> {
        Self::begin(algorithm, key_id, None, payload)?.typed(typ)
    }

    fn begin(
        algorithm: KeyKind,
        key_id: &[u8],
        content_type: Option<String>,
        payload: Vec<u8>,
    ) -> Result<Self, SecureError> {
        if key_id.is_empty() || key_id.len() > MAX_KEY_ID_BYTES {
            return Err(SecureError::KeyId);
        }
        let protected = Protected::new(algorithm, content_type, key_id.to_vec(), None)?;
        let signing_input = sig_structure(&protected.bytes, &payload);
        Ok(Self { protected, payload, signing_input })
    }

    /// Adds the media type of the whole, typ(16).
    ///
    /// # Errors
    /// [`SecureError::Type`] where `typ` is no media type.
    pub fn typed(mut self, typ: &str) -> Result<Self, SecureError> {
        let Protected { algorithm, content_type, key_id, .. } = self.protected;
        self.protected = Protected::new(algorithm, content_type, key_id, Some(media_type(typ)?))?;
        self.signing_input = sig_structure(&self.protected.bytes, &self.payload);
        Ok(self)
    }

    /// What to sign.
    #[must_use]
    pub fn signing_input(&self) -> &[u8] {
        &self.signing_input
    }

    /// Joins the signature to what it signs.
    ///
    /// # Errors
    /// As [`Sign1::verify`]: what does not verify is not made. [`SecureError::Malformed`] is for what
    /// coset cannot write, which is nothing that was begun here.
    pub fn attach(self, key: &PublicKey, signature: &[u8]) -> Result<Sign1, SecureError> {
        super::verify(self.protected.algorithm, key, &self.signing_input, signature)?;
        let message = CoseSign1 {
            protected: coset_header(&self.protected),
            unprotected: Header::default(),
            payload: Some(self.payload.clone()),
            signature: signature.to_vec(),
        };
        let bytes = message.to_tagged_vec().map_err(|_| SecureError::Malformed)?;
        Ok(Sign1 { protected: self.protected, payload: self.payload, signature: signature.to_vec(), bytes })
    }
}

impl Protected {
    fn parse(bytes: &[u8]) -> Result<Self, SecureError> {
        let mut rest = Reader::new(bytes);
        let (MAP, members) = rest.head()? else { return Err(SecureError::Malformed) };
        let (mut algorithm, mut content_type, mut key_id, mut typ) = (None, None, None, None);
        let mut previous = None;
        for _ in 0..members {
            let (UNSIGNED, label) = rest.head()? else { return Err(SecureError::SelfChosen) };
            // Deterministic order, which also leaves no room for one label twice.
            if previous.is_some_and(|p| p >= label) {
                return Err(SecureError::Malformed);
            }
            previous = Some(label);
            match label {
                ALG => algorithm = Some(read_algorithm(&mut rest)?),
                CONTENT_TYPE => content_type = Some(read_media_type(&mut rest)?),
                KEY_ID => key_id = Some(rest.bytes(MAX_KEY_ID_BYTES)?.to_vec()).filter(|id| !id.is_empty()),
                TYP => typ = Some(read_media_type(&mut rest)?),
                _ => return Err(SecureError::SelfChosen),
            }
        }
        rest.end()?;
        match (algorithm, key_id) {
            (Some(algorithm), Some(key_id)) => {
                Ok(Self { algorithm, content_type, key_id, typ, bytes: bytes.to_vec() })
            }
            _ => Err(SecureError::Header),
        }
    }

    fn new(
        algorithm: KeyKind,
        content_type: Option<String>,
        key_id: Vec<u8>,
        typ: Option<String>,
    ) -> Result<Self, SecureError> {
        let number = match algorithm {
            KeyKind::Ed25519 => iana::Algorithm::EdDSA,
            KeyKind::P256 => iana::Algorithm::ES256,
            KeyKind::P384 => iana::Algorithm::ES384,
            KeyKind::Secp256k1 | KeyKind::X25519 => return Err(SecureError::Algorithm),
        };
        let mut header = HeaderBuilder::new().algorithm(number).key_id(key_id.clone());
        if let Some(content_type) = &content_type {
            header = header.content_type(content_type.clone());
        }
        if let Some(typ) = &typ {
            header = header.value(TYP_LABEL, cbor::Value::Text(typ.clone()));
        }
        let bytes = header.build().to_vec().map_err(|_| SecureError::Malformed)?;
        Ok(Self { algorithm, content_type, key_id, typ, bytes })
    }
}

/// The protected header as coset takes it: by its bytes.
fn coset_header(protected: &Protected) -> ProtectedHeader {
    ProtectedHeader { original_data: Some(protected.bytes.clone()), header: Header::default() }
}

fn media_type(text: &str) -> Result<String, SecureError> {
    let shaped =
        text.split_once('/').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty() && !b.contains('/'));
    if shaped && text.len() <= MAX_MEDIA_TYPE_BYTES && text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(SecureError::Type)
    }
}

fn read_media_type(reader: &mut Reader<'_>) -> Result<String, SecureError> {
    media_type(reader.text(MAX_MEDIA_TYPE_BYTES)?)
}

fn read_algorithm(reader: &mut Reader<'_>) -> Result<KeyKind, SecureError> {
    let number = match reader.head()? {
        (NEGATIVE, n) => i64::try_from(n).map_err(|_| SecureError::Algorithm)?,
        _ => return Err(SecureError::Algorithm),
    };
    let known = [KeyKind::Ed25519, KeyKind::P256, KeyKind::P384];
    known.into_iter().find(|kind| kind.cose_alg() == Some(-1 - number)).ok_or(SecureError::Algorithm)
}

#[cfg(test)]
mod tests;
