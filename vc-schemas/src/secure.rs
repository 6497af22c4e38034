//! Credentials and presentations in an enveloping proof: W3C VC-JOSE-COSE, sections 3.1 and 3.3.
//!
//! The payload is the document itself, as JSON, in both envelopes. What is presented names an
//! algorithm and a key; it never brings the key, says where to find it, or chooses how to verify:
//! the key's own kind does. The specification would ignore unknown header parameters; here they are
//! refused, so that no reader finds more in an envelope than another.

pub mod cose;
mod draft;
pub mod jose;

pub use draft::Draft;

use did_resolver::codec::{self, Sha256Digest};
use did_resolver::did::DidUrl;
use did_resolver::json::JsonError;
use did_resolver::keys::{KeyKind, PublicKey, SIGNATURE_BYTES};
use serde_json::Value;
use std::fmt;

use cose::Sign1;
use jose::Jws;

/// Most bytes of one secured credential, whichever envelope.
pub const MAX_CREDENTIAL_BYTES: usize = 256 * 1024;

/// Most bytes of one secured presentation: eight links of 64 KiB and eight identities fit, twice
/// encoded.
pub const MAX_PRESENTATION_BYTES: usize = 1024 * 1024;

/// Most bytes of anything that is signed here. The largest is a status list of 2^24 entries that do
/// not compress, in base64url twice: 3.8 MB.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// How a document is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Envelope {
    /// JWS in compact form: `vc+jwt`, `vp+jwt`.
    Jwt,
    /// COSE_Sign1 over the JSON: `vc+cose`, `vp+cose`.
    Cose,
}

/// What is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Content {
    /// A verifiable credential.
    Credential,
    /// A verifiable presentation.
    Presentation,
}

impl Content {
    /// The subtype of the unsecured document.
    const fn subtype(self) -> &'static str {
        match self {
            Self::Credential => "vc",
            Self::Presentation => "vp",
        }
    }

    /// The property that names who secured it.
    const fn actor(self) -> &'static str {
        match self {
            Self::Credential => "issuer",
            Self::Presentation => "holder",
        }
    }
}

/// The media type of a secured document.
const fn media_type(content: Content, envelope: Envelope) -> &'static str {
    match (content, envelope) {
        (Content::Credential, Envelope::Jwt) => "application/vc+jwt",
        (Content::Presentation, Envelope::Jwt) => "application/vp+jwt",
        (Content::Credential, Envelope::Cose) => "application/vc+cose",
        (Content::Presentation, Envelope::Cose) => "application/vp+cose",
    }
}

/// The media type without `application/`, as `typ` of a JWT has it.
fn short_type(content: Content, envelope: Envelope) -> &'static str {
    let full = media_type(content, envelope);
    full.strip_prefix("application/").unwrap_or(full)
}

/// A secured document that was read strictly, and **not yet verified**. Its bytes are kept as they
/// came. Nothing is said here of whether the key may sign for the issuer or holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secured {
    content: Content,
    envelope: Envelope,
    algorithm: KeyKind,
    key_id: DidUrl,
    payload: Value,
    signed: Vec<u8>,
    signature: [u8; SIGNATURE_BYTES],
    bytes: Vec<u8>,
}

impl Secured {
    /// Reads a secured document of at most `max_bytes`. The key id is an absolute DID URL with a
    /// fragment; the payload is a strict JSON object without `vc` and `vp`, in which registered JWT
    /// claims, if there are any, say what the document says.
    ///
    /// # Errors
    /// [`SecureError::TooLong`], [`SecureError::Malformed`], [`SecureError::Header`],
    /// [`SecureError::Algorithm`], [`SecureError::Json`] as the envelope's reader;
    /// [`SecureError::Type`] for another media type than that of `content` in `envelope`;
    /// [`SecureError::KeyId`]; [`SecureError::Claims`].
    pub fn parse(
        content: Content,
        envelope: Envelope,
        bytes: &[u8],
        max_bytes: usize,
    ) -> Result<Self, SecureError> {
        match envelope {
            Envelope::Jwt => Self::from_jws(content, bytes, max_bytes),
            Envelope::Cose => Self::from_sign1(content, bytes, max_bytes),
        }
    }

    fn from_jws(content: Content, bytes: &[u8], max_bytes: usize) -> Result<Self, SecureError> {
        let envelope = Envelope::Jwt;
        let jws = Jws::parse(bytes, max_bytes)?;
        let typed = jose::names_media_type(jws.typ(), short_type(content, envelope))
            && jws.cty().is_none_or(|cty| jose::names_media_type(cty, content.subtype()));
        if !typed {
            return Err(SecureError::Type);
        }
        let payload = read_payload(content, jws.payload(), max_bytes, jws.issuer())?;
        Ok(Self {
            content,
            envelope,
            algorithm: jws.algorithm(),
            key_id: read_key_id(jws.key_id())?,
            payload,
            signed: jws.signing_input().to_vec(),
            signature: *jws.signature(),
            bytes: bytes.to_vec(),
        })
    }

    fn from_sign1(content: Content, bytes: &[u8], max_bytes: usize) -> Result<Self, SecureError> {
        let envelope = Envelope::Cose;
        let sign1 = Sign1::parse(bytes, max_bytes)?;
        let typed = sign1.typ() == Some(media_type(content, envelope))
            && sign1.content_type().strip_prefix("application/") == Some(content.subtype());
        if !typed {
            return Err(SecureError::Type);
        }
        let key_id = std::str::from_utf8(sign1.key_id()).map_err(|_| SecureError::KeyId)?;
        Ok(Self {
            content,
            envelope,
            algorithm: sign1.algorithm(),
            key_id: read_key_id(key_id)?,
            payload: read_payload(content, sign1.payload(), max_bytes, None)?,
            signed: sign1.sig_structure(),
            signature: *sign1.signature(),
            bytes: bytes.to_vec(),
        })
    }

    /// Reads what [`Self::to_data_url`] writes: a `data:` URL (RFC 2397) of one of the four media
    /// types, spelled exactly so. `max_bytes` bounds the secured document inside.
    ///
    /// # Errors
    /// [`SecureError::DataUrl`] for another URL, else as [`Self::parse`].
    pub fn from_data_url(url: &str, max_bytes: usize) -> Result<Self, SecureError> {
        let rest = url.strip_prefix("data:").ok_or(SecureError::DataUrl)?;
        let (head, data) = rest.split_once(',').ok_or(SecureError::DataUrl)?;
        let (content, envelope) = match head {
            "application/vc+jwt" => (Content::Credential, Envelope::Jwt),
            "application/vp+jwt" => (Content::Presentation, Envelope::Jwt),
            "application/vc+cose;base64" => (Content::Credential, Envelope::Cose),
            "application/vp+cose;base64" => (Content::Presentation, Envelope::Cose),
            _ => return Err(SecureError::DataUrl),
        };
        match envelope {
            Envelope::Jwt => Self::parse(content, envelope, data.as_bytes(), max_bytes),
            // Four characters hold three bytes.
            Envelope::Cose if data.len() / 4 * 3 > max_bytes.saturating_add(2) => Err(SecureError::TooLong),
            Envelope::Cose => {
                let bytes = data_encoding::BASE64.decode(data.as_bytes());
                Self::parse(content, envelope, &bytes.map_err(|_| SecureError::DataUrl)?, max_bytes)
            }
        }
    }

    /// The document as a `data:` URL, as the `id` of an EnvelopedVerifiableCredential has it (VC Data
    /// Model 2.0, section 4.13).
    #[must_use]
    pub fn to_data_url(&self) -> String {
        let data = match self.envelope {
            Envelope::Jwt => String::from_utf8_lossy(&self.bytes).into_owned(),
            Envelope::Cose => format!("base64,{}", data_encoding::BASE64.encode(&self.bytes)),
        };
        let separator = match self.envelope {
            Envelope::Jwt => ',',
            Envelope::Cose => ';',
        };
        format!("data:{}{separator}{data}", self.media_type())
    }

    /// Verifies the signature by the one rule of the key's kind.
    ///
    /// # Errors
    /// [`SecureError::Algorithm`] where the header names another algorithm than the key's own,
    /// [`SecureError::Signature`] where the signature does not verify.
    pub fn verify(&self, key: &PublicKey) -> Result<(), SecureError> {
        verify(self.algorithm, key, &self.signed, &self.signature)
    }

    /// SHA-256 of exactly what the signature covers: the JWS signing input or the COSE Sig_structure.
    /// An ECDSA signature has a second form that anybody can compute; this digest is the same for both.
    #[must_use]
    pub fn digest(&self) -> Sha256Digest {
        codec::sha256(&self.signed)
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
    pub const fn key_id(&self) -> &DidUrl {
        &self.key_id
    }

    /// The kind of key that the header's algorithm belongs to.
    #[must_use]
    pub const fn algorithm(&self) -> KeyKind {
        self.algorithm
    }

    /// The document, always an object.
    #[must_use]
    pub const fn payload(&self) -> &Value {
        &self.payload
    }

    /// The whole as it came.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The media type of the whole, such as `application/vc+jwt`.
    #[must_use]
    pub const fn media_type(&self) -> &'static str {
        media_type(self.content, self.envelope)
    }
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
    bytes: &[u8],
    max_bytes: usize,
    header_issuer: Option<&str>,
) -> Result<Value, SecureError> {
    let payload = jose::object(bytes, max_bytes)?;
    let Value::Object(members) = &payload else { return Err(SecureError::Json(JsonError::Malformed)) };
    jose::check_claims(members, content.actor(), header_issuer)?;
    Ok(payload)
}

/// Why something secured was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecureError {
    /// More bytes than the place where it stands allows.
    TooLong,
    /// Not of the envelope's form, or in another spelling of it than the one that is accepted.
    Malformed,
    /// The payload, or the header of a JWS, is not strict JSON.
    Json(JsonError),
    /// A header parameter is missing, is not one that is known here, or is not protected.
    Header,
    /// An algorithm that is not accepted, or that is not the key's own.
    Algorithm,
    /// Another media type than the place asks for.
    Type,
    /// The key id is not an absolute DID URL of a key.
    KeyId,
    /// `vc` or `vp`, or a registered JWT claim that the document beside it does not bear out.
    Claims,
    /// The signature does not verify under the key.
    Signature,
    /// Not a `data:` URL of a secured document.
    DataUrl,
}

impl fmt::Display for SecureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "secured document is too long",
            Self::Malformed => "secured document is not in the accepted form",
            Self::Json(error) => return error.fmt(f),
            Self::Header => "header parameter is missing, unknown or not protected",
            Self::Algorithm => "signature algorithm is not accepted for this key",
            Self::Type => "secured document has another media type",
            Self::KeyId => "key id is not an absolute DID URL of a key",
            Self::Claims => "JWT claims contradict the document",
            Self::Signature => "signature does not verify",
            Self::DataUrl => "not a data URL of a secured document",
        })
    }
}

impl std::error::Error for SecureError {}

#[cfg(test)]
mod tests;
