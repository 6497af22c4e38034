//! JWS in compact form (RFC 7515, section 3.1) read by the rules of RFC 8725: the header may name an
//! algorithm and a key, and may bring neither.

use super::{Content, Envelope, Payload, Said, SecureError};
use did_resolver::codec;
use did_resolver::json::{self, Json, JsonError};
use did_resolver::keys::{KeyKind, PublicKey};
use did_resolver::time::UnixSeconds;
use serde_json::{Map, Value, json};

/// Longest header, in bytes before base64url: a key id and an issuer of the greatest length fit.
pub const MAX_HEADER_BYTES: usize = 4_096;

/// A compact JWS that was read, and not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jws {
    parts: Parts,
    typ: String,
    key_id: String,
}

/// The parts of a compact JWS, whether or not its header says of what type it is and whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts {
    header: Header,
    payload: Vec<u8>,
    signing_input: Vec<u8>,
    signature: Vec<u8>,
}

/// What stands in the header, and all that may.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Header {
    algorithm: KeyKind,
    typ: Option<String>,
    cty: Option<String>,
    key_id: Option<String>,
    issuer: Option<String>,
}

impl Parts {
    /// Reads a JWS of at most `max_bytes`: three parts of strict base64url. The header has `alg`, may
    /// have `typ`, `cty`, `kid` and `iss`, and has nothing else.
    ///
    /// # Errors
    /// As [`Jws::parse`].
    pub(super) fn parse(bytes: &[u8], max_bytes: usize) -> Result<Self, SecureError> {
        if bytes.len() > max_bytes {
            return Err(SecureError::TooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| SecureError::Malformed)?;
        let (signing_input, signature) = text.rsplit_once('.').ok_or(SecureError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(SecureError::Malformed)?;
        let decode = |part| codec::from_base64url(part).map_err(|_| SecureError::Malformed);
        let header = Header::parse(decode(header)?)?;
        let signature = decode(signature)?;
        if Some(signature.len()) != header.algorithm.signature_bytes() {
            return Err(SecureError::Malformed);
        }
        let signing_input = signing_input.as_bytes().to_vec();
        Ok(Self { header, payload: decode(payload)?, signing_input, signature })
    }

    /// As [`Jws::verify`].
    pub(super) fn verify(&self, key: &PublicKey) -> Result<(), SecureError> {
        super::verify(self.header.algorithm, key, &self.signing_input, &self.signature)
    }
}

impl Jws {
    /// Reads a JWS of at most `max_bytes`: three parts of strict base64url. The header has `alg`,
    /// `typ` and `kid`, may have `cty` and `iss`, and has nothing else.
    ///
    /// # Errors
    /// [`SecureError::TooLong`]; [`SecureError::Malformed`] for another number of parts, another
    /// encoding or a signature of another length; [`SecureError::Json`] for a header that is no strict
    /// JSON; [`SecureError::Header`] for a member that is missing or no text;
    /// [`SecureError::SelfChosen`] for one that is not known; [`SecureError::Algorithm`] for an algorithm other than EdDSA, ES256 and ES384.
    pub fn parse(bytes: &[u8], max_bytes: usize) -> Result<Self, SecureError> {
        let mut parts = Parts::parse(bytes, max_bytes)?;
        let typ = parts.header.typ.take().ok_or(SecureError::Header)?;
        let key_id = parts.header.key_id.take().ok_or(SecureError::Header)?;
        Ok(Self { parts, typ, key_id })
    }

    /// Verifies the signature by the one rule of the key's kind.
    ///
    /// # Errors
    /// [`SecureError::Algorithm`] where the header names another algorithm than the key's own,
    /// [`SecureError::Signature`] where the signature does not verify.
    pub fn verify(&self, key: &PublicKey) -> Result<(), SecureError> {
        self.parts.verify(key)
    }

    /// The kind of key that `alg` belongs to.
    #[must_use]
    pub const fn algorithm(&self) -> KeyKind {
        self.parts.header.algorithm
    }

    /// `kid`, as it was written.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// `typ`, as it was written.
    #[must_use]
    pub fn typ(&self) -> &str {
        &self.typ
    }

    /// `cty`, as it was written.
    #[must_use]
    pub fn cty(&self) -> Option<&str> {
        self.parts.header.cty.as_deref()
    }

    /// `iss` of the header (RFC 7519, section 5.3).
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.parts.header.issuer.as_deref()
    }

    /// The payload's bytes, decoded.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.parts.payload
    }

    /// What the signature covers (RFC 7515, section 5.1).
    #[must_use]
    pub fn signing_input(&self) -> &[u8] {
        &self.parts.signing_input
    }

    /// The signature.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.parts.signature
    }
}

/// A compact JWS before it is signed: of any type, with a key id of any form. [`super::Draft`] makes
/// credentials and presentations, and asks for more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwsDraft {
    kind: KeyKind,
    signing_input: Vec<u8>,
}

impl JwsDraft {
    /// Begins one that a key of `kind` will sign.
    ///
    /// # Errors
    /// [`SecureError::Algorithm`] for a kind whose algorithm [`Jws::parse`] would not read;
    /// [`SecureError::TooLong`] for a header that it would not.
    pub fn new(
        kind: KeyKind,
        typ: &str,
        cty: Option<&str>,
        key_id: &str,
        payload: &[u8],
    ) -> Result<Self, SecureError> {
        // What is escaped in JSON takes at most six bytes for each.
        if typ.len() + cty.map_or(0, str::len) + key_id.len() > MAX_HEADER_BYTES / 8 {
            return Err(SecureError::TooLong);
        }
        let signing_input = signing_input_of(kind, typ, cty, Some(key_id), payload)?;
        Ok(Self { kind, signing_input })
    }

    /// What to sign.
    #[must_use]
    pub fn signing_input(&self) -> &[u8] {
        &self.signing_input
    }

    /// Joins the signature to what it signs, in compact form.
    ///
    /// # Errors
    /// [`SecureError::Algorithm`], [`SecureError::Signature`]: what does not verify is not made.
    pub fn attach(self, key: &PublicKey, signature: &[u8]) -> Result<String, SecureError> {
        super::verify(self.kind, key, &self.signing_input, signature)?;
        String::from_utf8(compact(&self.signing_input, signature)).map_err(|_| SecureError::Malformed)
    }
}

/// Reads a credential or a presentation.
pub(super) fn read(content: Content, bytes: &[u8], max_bytes: usize) -> Result<Said, SecureError> {
    let mut jws = Jws::parse(bytes, max_bytes)?;
    let typed = names_media_type(jws.typ(), Envelope::Jwt.format(content))
        && jws.cty().is_none_or(|cty| names_media_type(cty, content.subtype()));
    if !typed {
        return Err(SecureError::Type);
    }
    let payload = std::mem::take(&mut jws.parts.payload);
    let payload = super::read_payload(content, payload, max_bytes, jws.issuer())?;
    Ok(Said {
        algorithm: jws.algorithm(),
        key_id: super::read_key_id(jws.key_id())?,
        payload: Payload::Read(payload),
        signed: jws.parts.signing_input,
        signature: jws.parts.signature,
        digest: None,
        proof: None,
        sd_jwt: None,
    })
}

impl Header {
    fn parse(bytes: Vec<u8>) -> Result<Self, SecureError> {
        let json = json::read(bytes, MAX_HEADER_BYTES).map_err(SecureError::Json)?;
        let mut members = json.root().members().ok_or(SecureError::Header)?;
        let text = |name: &str| match json.root().get(name) {
            Some(text) => text.as_str().map(|text| Some(text.to_owned())).ok_or(SecureError::Header),
            None => Ok(None),
        };
        let algorithm = algorithm_named(&text("alg")?.ok_or(SecureError::Header)?)?;
        let header = Self {
            algorithm,
            typ: text("typ")?,
            cty: text("cty")?,
            key_id: text("kid")?,
            issuer: text("iss")?,
        };
        let known = members.all(|(name, _)| ["alg", "typ", "cty", "kid", "iss"].contains(&name));
        if known { Ok(header) } else { Err(SecureError::SelfChosen) }
    }
}

/// The kind of key that an `alg` belongs to.
pub(super) fn algorithm_named(name: &str) -> Result<KeyKind, SecureError> {
    match name {
        // RFC 9864 names the curve; RFC 8037 left it to the key. Here both mean the one curve.
        "EdDSA" | "Ed25519" => Ok(KeyKind::Ed25519),
        "ES256" => Ok(KeyKind::P256),
        "ES384" => Ok(KeyKind::P384),
        _ => Err(SecureError::Algorithm),
    }
}

/// The `alg` of a kind of key.
pub(super) const fn algorithm_name(kind: KeyKind) -> Result<&'static str, SecureError> {
    match kind {
        KeyKind::Ed25519 => Ok("EdDSA"),
        KeyKind::P256 => Ok("ES256"),
        KeyKind::P384 => Ok("ES384"),
        KeyKind::Secp256k1 | KeyKind::X25519 => Err(SecureError::Algorithm),
    }
}

/// The signing input of `payload` under a header of `typ`, `cty` and `key_id`.
///
/// # Errors
/// [`SecureError::Algorithm`] for a kind whose algorithm [`Jws::parse`] would not read.
pub(super) fn signing_input(
    kind: KeyKind,
    typ: &str,
    cty: &str,
    key_id: &str,
    payload: &[u8],
) -> Result<Vec<u8>, SecureError> {
    signing_input_of(kind, typ, Some(cty), Some(key_id), payload)
}

/// As [`signing_input`], for a header that has no `cty` or no `kid`.
pub(super) fn signing_input_of(
    kind: KeyKind,
    typ: &str,
    cty: Option<&str>,
    key_id: Option<&str>,
    payload: &[u8],
) -> Result<Vec<u8>, SecureError> {
    let mut header = Map::new();
    let members = [("alg", Some(algorithm_name(kind)?)), ("cty", cty), ("kid", key_id), ("typ", Some(typ))];
    header.extend(members.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text?)))));
    let header = codec::to_base64url(Value::Object(header).to_string().as_bytes());
    Ok(format!("{header}.{}", codec::to_base64url(payload)).into_bytes())
}

/// The compact form of what was signed.
pub(super) fn compact(signing_input: &[u8], signature: &[u8]) -> Vec<u8> {
    [signing_input, b".", codec::to_base64url(signature).as_bytes()].concat()
}

/// Whether `text` names the media type `application/<short>`, written in full or not, in any case
/// (RFC 7515, sections 4.1.9 and 4.1.10).
pub(super) fn names_media_type(text: &str, short: &str) -> bool {
    let full = text.split_once('/');
    let subtype = match full {
        Some((top, subtype)) if top.eq_ignore_ascii_case("application") => subtype,
        Some(_) => return false,
        None => text,
    };
    subtype.eq_ignore_ascii_case(short)
}

/// Refuses registered JWT claims that say something else than the document beside them (W3C
/// VC-JOSE-COSE, section 3.1.3). `actor` is the property that `iss` speaks of, `issuer` or `holder`.
///
/// `exp` is held to `validUntil` and `nbf` to `validFrom`, so that nothing has two ends; a presentation
/// that has no such property may have the claim alone, and its reader must heed it. `iat` says when the
/// signature was made and is only read as a number.
pub(super) fn check_claims(
    payload: Json<'_>,
    actor: &str,
    header_issuer: Option<&str>,
) -> Result<(), SecureError> {
    let agrees = |claim: &str, property: Option<&str>| match payload.get(claim) {
        None => true,
        Some(value) => property.is_some_and(|p| value.as_str() == Some(p)),
    };
    let actor_id = id_of(payload.get(actor));
    // A presentation has no dates of its own beside these.
    let dateless = actor == "holder";
    let at = |claim: &str, property: &str| match (payload.get(claim), payload.get(property)) {
        (None, _) => true,
        (Some(value), None) => dateless && value.as_u64().is_some(),
        (Some(value), Some(instant)) => {
            let instant = instant.as_str().and_then(|text| UnixSeconds::parse(text).ok());
            value.as_u64().is_some_and(|v| instant.is_some_and(|i| i.get() == v))
        }
    };
    let subject = if actor == "holder" { actor_id } else { id_of(payload.get("credentialSubject")) };
    let all_agree = payload.get("vc").is_none()
        && payload.get("vp").is_none()
        && header_issuer.is_none_or(|iss| actor_id == Some(iss))
        && agrees("iss", actor_id)
        && agrees("sub", subject)
        && agrees("jti", payload.get("id").and_then(Json::as_str))
        && at("nbf", "validFrom")
        && at("exp", "validUntil")
        && payload.get("iat").is_none_or(|iat| iat.as_u64().is_some());
    if all_agree { Ok(()) } else { Err(SecureError::Claims) }
}

/// The id of something that is written as its id or as an object with one.
pub(super) fn id_of(value: Option<Json<'_>>) -> Option<&str> {
    let value = value?;
    value.as_str().or_else(|| value.get("id").and_then(Json::as_str))
}

/// A payload: a strict JSON object of at most `max_bytes`.
pub(super) fn object(bytes: &[u8], max_bytes: usize) -> Result<Value, SecureError> {
    match json::parse(bytes, max_bytes).map_err(SecureError::Json)? {
        object @ Value::Object(_) => Ok(object),
        _ => Err(SecureError::Json(JsonError::Malformed)),
    }
}
