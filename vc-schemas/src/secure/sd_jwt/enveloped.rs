//! SD-JWTs as envelopes of credentials and presentations. What is read out of one is the document, as in
//! every other envelope; what else there is stays with the [`SdJwt`].
//!
//! A presentation hides nothing: its signature is to cover what its verifier sees, so a `vp+sd-jwt` has
//! neither disclosures nor digests, and no binding, since `aud` and `nonce` stand in it.

use super::{Profile, SdJwt, SdJwtDraft, claims};
use crate::disclosure::{Pointer, reveal};
use crate::secure::jose::{self, Jws};
use crate::secure::{Content, Envelope, Payload, Said, SecureError, read_key_id, read_payload, verify};
use did_resolver::codec;
use did_resolver::did::DidUrl;
use did_resolver::json;
use did_resolver::keys::{KeyKind, PublicKey};
use serde_json::Value;

/// The claim that names the holder's key. It stands beside the document.
const CONFIRMATION: &str = "cnf";

/// The envelope that an SD-JWT in text says to be; that of VC 2.0 where it says none that is known.
pub(in crate::secure) fn envelope_of(text: &str) -> Envelope {
    let header = text.split('.').next().and_then(|part| codec::from_base64url(part).ok());
    let header = header.and_then(|bytes| json::parse(&bytes, jose::MAX_HEADER_BYTES).ok());
    let typ = header.as_ref().and_then(|header| header.get("typ")).and_then(Value::as_str);
    let is_dc = typ.is_some_and(|typ| jose::names_media_type(typ, Profile::Dc.format()));
    if is_dc { Envelope::DcSdJwt } else { Envelope::VcSdJwt }
}

/// Reads a credential of `profile`, or a presentation.
pub(in crate::secure) fn read(
    content: Content,
    profile: Profile,
    bytes: &[u8],
    max_bytes: usize,
) -> Result<Said, SecureError> {
    match (content, profile) {
        (Content::Credential, profile) => read_credential(profile, bytes, max_bytes),
        (Content::Presentation, Profile::Vc) => read_presentation(bytes, max_bytes),
        (Content::Presentation, Profile::Dc) => Err(SecureError::Type),
    }
}

fn read_credential(profile: Profile, bytes: &[u8], max_bytes: usize) -> Result<Said, SecureError> {
    let sd_jwt = SdJwt::parse(bytes, max_bytes)?;
    if sd_jwt.profile() != profile {
        return Err(SecureError::Type);
    }
    sd_jwt.holder_key()?;
    let payload = match profile {
        Profile::Vc => {
            let mut document = sd_jwt.document().clone();
            document.as_object_mut().and_then(|members| members.remove(CONFIRMATION));
            document
        }
        Profile::Dc => claims::to_document(sd_jwt.document())?,
    };
    Ok(Said {
        algorithm: sd_jwt.algorithm(),
        key_id: sd_jwt.key_id().clone(),
        payload: Payload::Made(payload),
        signed: sd_jwt.jws.signing_input().to_vec(),
        signature: sd_jwt.jws.signature().to_vec(),
        digest: None,
        proof: None,
        sd_jwt: Some(Box::new(sd_jwt)),
    })
}

fn read_presentation(bytes: &[u8], max_bytes: usize) -> Result<Said, SecureError> {
    if bytes.len() > max_bytes {
        return Err(SecureError::TooLong);
    }
    let (content, tilde) = (Content::Presentation, b"~".as_slice());
    let jws = Jws::parse(bytes.strip_suffix(tilde).ok_or(SecureError::Malformed)?, max_bytes)?;
    let typed = jose::names_media_type(jws.typ(), Envelope::VcSdJwt.format(content))
        && jws.cty().is_none_or(|cty| jose::names_media_type(cty, content.subtype()));
    if !typed {
        return Err(SecureError::Type);
    }
    let payload = read_payload(content, jws.payload().to_vec(), max_bytes, jws.issuer())?;
    if reveal(payload.value(), &[])?.document != *payload.value() {
        return Err(SecureError::Concealed);
    }
    Ok(Said {
        algorithm: jws.algorithm(),
        key_id: read_key_id(jws.key_id())?,
        payload: Payload::Read(payload),
        signed: jws.signing_input().to_vec(),
        signature: jws.signature().to_vec(),
        digest: None,
        proof: None,
        sd_jwt: None,
    })
}

/// A credential or presentation before it is signed as an SD-JWT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::secure) enum EnvelopeDraft {
    Credential(SdJwtDraft),
    Presentation { kind: KeyKind, signing_input: Vec<u8> },
}

impl EnvelopeDraft {
    /// Begins one. Only a credential can have `hidden` places, which are those of the document.
    pub(in crate::secure) fn new(
        (content, profile): (Content, Profile),
        payload: &Value,
        (hidden, decoys, seed): (&[Pointer], usize, &[u8; 32]),
        key_id: &DidUrl,
        kind: KeyKind,
    ) -> Result<Self, SecureError> {
        match (content, profile) {
            (Content::Credential, Profile::Vc) => {
                SdJwtDraft::new(profile, payload, (hidden, decoys, seed), key_id, kind).map(Self::Credential)
            }
            (Content::Credential, Profile::Dc) => {
                let hidden: Option<Vec<_>> = hidden.iter().map(claims::of_place).collect();
                let hidden = hidden.ok_or(SecureError::Concealed)?;
                let payload = claims::of_document(payload)?;
                SdJwtDraft::new(profile, &payload, (&hidden, decoys, seed), key_id, kind)
                    .map(Self::Credential)
            }
            (Content::Presentation, Profile::Vc) if hidden.is_empty() => {
                let document = did_resolver::jcs::canonical(payload)
                    .map_err(|_| SecureError::Json(json::JsonError::Integer))?;
                let (typ, cty) = (Envelope::VcSdJwt.format(content), content.subtype());
                let signing_input = jose::signing_input(kind, typ, cty, key_id.as_str(), &document)?;
                Ok(Self::Presentation { kind, signing_input })
            }
            (Content::Presentation, Profile::Vc) => Err(SecureError::Concealed),
            (Content::Presentation, Profile::Dc) => Err(SecureError::Type),
        }
    }

    pub(in crate::secure) fn signing_input(&self) -> &[u8] {
        match self {
            Self::Credential(draft) => draft.signing_input(),
            Self::Presentation { signing_input, .. } => signing_input,
        }
    }

    /// The whole, once it is signed.
    pub(in crate::secure) fn attach(self, key: &PublicKey, signature: &[u8]) -> Result<Vec<u8>, SecureError> {
        match self {
            Self::Credential(draft) => Ok(draft.attach(key, signature)?.to_text().into_bytes()),
            Self::Presentation { kind, signing_input } => {
                verify(kind, key, &signing_input, signature)?;
                Ok([jose::compact(&signing_input, signature).as_slice(), b"~"].concat())
            }
        }
    }
}

impl SdJwt {
    /// Whether there is nothing here but the document that was signed: nothing that can be held back, no
    /// holder's key and no binding.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.is_open() && self.binding().is_none() && self.document().get(CONFIRMATION).is_none()
    }

    /// Where what was disclosed stands in the document that the envelope holds.
    #[must_use]
    pub fn disclosed_places(&self) -> Vec<Pointer> {
        let place = |place: &Pointer| match self.profile() {
            Profile::Vc => place.clone(),
            Profile::Dc => claims::to_place(place),
        };
        self.disclosed().map(place).collect()
    }

    /// As [`Self::present`], of places in the document that the envelope holds.
    ///
    /// # Errors
    /// As [`Self::present`].
    pub fn present_places(&self, wanted: &[Pointer]) -> Result<Self, SecureError> {
        match self.profile() {
            Profile::Vc => self.present(wanted),
            // What is always seen needs no disclosure.
            Profile::Dc => {
                let wanted: Vec<Pointer> = wanted.iter().filter_map(claims::of_place).collect();
                self.present(&wanted)
            }
        }
    }
}
