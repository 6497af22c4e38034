//! The holder's binding of an SD-JWT to one verifier and one moment (RFC 9901, section 4.3).

use super::SdJwt;
use crate::object::Object;
use crate::secure::jose::{self, MAX_HEADER_BYTES};
use crate::secure::{MAX_SIGNATURE_BYTES, SecureError, verify};
use did_resolver::codec;
use did_resolver::jcs;
use did_resolver::json::{self, Json, JsonError};
use did_resolver::keys::{KeyKind, PublicKey};
use did_resolver::time::UnixSeconds;
use serde_json::json;
use std::time::Duration;

/// How old a binding may be: it answers one nonce, as a presentation does.
pub const MAX_BINDING_AGE: Duration = Duration::from_secs(300);

/// Longest binding, in bytes: a header, two texts of a verifier, a digest and a signature.
const MAX_BINDING_BYTES: usize = 8 * 1024;

/// The `typ` of a binding.
const TYPE: &str = "kb+jwt";

/// A key binding that was read, and not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyBinding {
    /// For whom.
    pub audience: String,
    /// The verifier's nonce.
    pub nonce: String,
    /// When it was made.
    pub issued: UnixSeconds,
    sd_hash: String,
    algorithm: KeyKind,
    signing_input: Vec<u8>,
    signature: Vec<u8>,
    text: String,
}

impl KeyBinding {
    /// Reads a binding: a JWT whose header has `alg` and `typ` alone, and whose payload `aud`, `iat`,
    /// `nonce` and `sd_hash` alone.
    pub(super) fn parse(text: &str) -> Result<Self, SecureError> {
        let wrong = SecureError::KeyBinding;
        if text.len() > MAX_BINDING_BYTES {
            return Err(SecureError::TooLong);
        }
        let parts: Vec<&str> = text.split('.').collect();
        let [header, payload, signature] = parts.as_slice() else { return Err(wrong) };
        let decode = |part: &str| codec::from_base64url(part).map_err(|_| wrong);
        let read = |part: &str, max| json::parse(&decode(part)?, max).map_err(SecureError::Json);
        let header = read(header, MAX_HEADER_BYTES)?;
        let payload = read(payload, MAX_BINDING_BYTES)?;
        let mut members = Object::new(&header, "header").map_err(|_| wrong)?;
        let algorithm = jose::algorithm_named(members.text("alg").map_err(|_| wrong)?)?;
        let typed = jose::names_media_type(members.text("typ").map_err(|_| wrong)?, TYPE);
        members.end("header").map_err(|_| SecureError::SelfChosen)?;
        let mut claims = Object::new(&payload, "payload").map_err(|_| wrong)?;
        let mut text_of = |name| claims.text(name).map(str::to_owned).map_err(|_| wrong);
        let (audience, nonce, sd_hash) = (text_of("aud")?, text_of("nonce")?, text_of("sd_hash")?);
        let issued = claims.required("iat").ok().and_then(Json::as_u64).ok_or(wrong)?;
        claims.end("payload").map_err(|_| wrong)?;
        let signature = decode(signature)?;
        if !typed || Some(signature.len()) != algorithm.signature_bytes() {
            return Err(wrong);
        }
        let signed = text.rsplit_once('.').map(|(signed, _)| signed).unwrap_or_default();
        Ok(Self {
            audience,
            nonce,
            issued: UnixSeconds::new(issued),
            sd_hash,
            algorithm,
            signing_input: signed.as_bytes().to_vec(),
            signature,
            text: text.to_owned(),
        })
    }

    /// The binding as it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl SdJwt {
    /// Verifies the holder's binding: that `key` made it, over just these disclosures, for `audience` and
    /// `nonce`, at most [`MAX_BINDING_AGE`] before `now`, give or take `skew`. Whose key it must be is for
    /// the caller to know: see [`SdJwt::holder_key`]. That the nonce was not used before, too.
    ///
    /// # Errors
    /// [`SecureError::KeyBinding`] where there is none or it is for something else,
    /// [`SecureError::Algorithm`], [`SecureError::Signature`].
    pub fn verify_binding(
        &self,
        key: &PublicKey,
        (audience, nonce): (&str, &str),
        now: UnixSeconds,
        skew: Duration,
    ) -> Result<(), SecureError> {
        let binding = self.binding().ok_or(SecureError::KeyBinding)?;
        let in_time = binding.issued <= now.plus(skew)
            && now.since(binding.issued) <= MAX_BINDING_AGE.saturating_add(skew);
        let meant =
            binding.audience == audience && binding.nonce == nonce && binding.sd_hash == self.sd_hash();
        if !in_time || !meant {
            return Err(SecureError::KeyBinding);
        }
        verify(binding.algorithm, key, &binding.signing_input, &binding.signature)
    }
}

/// A binding before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingDraft {
    kind: KeyKind,
    signing_input: Vec<u8>,
    unbound: String,
}

impl BindingDraft {
    /// Begins to bind `presented`, with the disclosures that it has, to a verifier and its nonce.
    ///
    /// # Errors
    /// [`SecureError::Algorithm`] for a kind that does not sign; [`SecureError::TooLong`] for an audience or
    /// nonce that no binding can hold.
    pub fn new(
        presented: &SdJwt,
        kind: KeyKind,
        (audience, nonce): (&str, &str),
        issued: UnixSeconds,
    ) -> Result<Self, SecureError> {
        let claims = json!({
            "aud": audience, "iat": issued.get(), "nonce": nonce, "sd_hash": presented.sd_hash(),
        });
        let payload = jcs::canonical(&claims).map_err(|_| SecureError::Json(JsonError::Integer))?;
        let signing_input = jose::signing_input_of(kind, TYPE, None, None, &payload)?;
        if signing_input.len() + 2 * MAX_SIGNATURE_BYTES > MAX_BINDING_BYTES {
            return Err(SecureError::TooLong);
        }
        Ok(Self { kind, signing_input, unbound: presented.unbound.clone() })
    }

    /// What to sign.
    #[must_use]
    pub fn signing_input(&self) -> &[u8] {
        &self.signing_input
    }

    /// Joins the signature to what it signs.
    ///
    /// # Errors
    /// [`SecureError::Algorithm`], [`SecureError::Signature`]: what does not verify is not made.
    pub fn attach(self, key: &PublicKey, signature: &[u8]) -> Result<SdJwt, SecureError> {
        verify(self.kind, key, &self.signing_input, signature)?;
        let binding = jose::compact(&self.signing_input, signature);
        SdJwt::parse(&[self.unbound.as_bytes(), &binding].concat(), usize::MAX)
    }
}
