//! Securing a document in two steps: what to sign comes out, the signature goes in. Secret keys never
//! come here. W3C VC-JOSE-COSE, sections 3.1 and 3.3; Verifiable Credential Data Integrity, section 4.2.

use super::cose::Sign1Draft;
use super::sd_jwt::{EnvelopeDraft, Profile};
use super::{Content, Envelope, MAX_BYTES, SecureError, Secured, compact, data_integrity, jose};
use crate::disclosure::Pointer;
use did_resolver::did::DidUrl;
use did_resolver::jcs;
use did_resolver::json::JsonError;
use did_resolver::keys::{KeyKind, PublicKey};
use did_resolver::proof::ProofDraft;
use serde_json::Value;

/// A document before it is signed. What it will sign is the canonical JSON (RFC 8785) of the payload, or
/// its compact form.
///
/// The payload is the same in each envelope. Of a presentation, `nonce`, `aud`, `iat` and `exp` become
/// what a Data Integrity proof calls `challenge`, `domain`, `created` and `expires`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    content: Content,
    form: Form,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Jwt { kind: KeyKind, signing_input: Vec<u8> },
    Cose(Sign1Draft),
    Compact(Sign1Draft),
    DataIntegrity(ProofDraft),
    SdJwt(Envelope, EnvelopeDraft),
}

impl Draft {
    /// Begins to secure `payload` by the key `key_id`, which is of `kind`.
    ///
    /// # Errors
    /// What [`Secured::parse`] would refuse, before anything is signed: [`SecureError::Json`],
    /// [`SecureError::Claims`], [`SecureError::KeyId`]; [`SecureError::TooLong`] above [`MAX_BYTES`];
    /// [`SecureError::Algorithm`] for a kind that does not sign credentials.
    pub fn new(
        content: Content,
        envelope: Envelope,
        payload: Value,
        key_id: DidUrl,
        kind: KeyKind,
    ) -> Result<Self, SecureError> {
        let document = jcs::canonical(&payload).map_err(|_| SecureError::Json(JsonError::Integer))?;
        let canonical = super::read_payload(content, document.clone(), MAX_BYTES, None)?;
        super::read_key_id(key_id.as_str())?;
        let form = match envelope {
            Envelope::Jwt => {
                let (typ, cty) = (envelope.format(content), content.subtype());
                let signing_input = jose::signing_input(kind, typ, cty, key_id.as_str(), &document)?;
                Form::Jwt { kind, signing_input }
            }
            Envelope::Cose => {
                let key_id = key_id.as_str().as_bytes();
                let draft = Sign1Draft::new(kind, key_id, content.media_type(), document)?;
                Form::Cose(draft.typed(envelope.media_type(content))?)
            }
            Envelope::Compact => Form::Compact(compact::draft(content, canonical.value(), &key_id, kind)?),
            Envelope::DataIntegrity => {
                Form::DataIntegrity(data_integrity::draft(content, payload, key_id, kind)?)
            }
            Envelope::VcSdJwt | Envelope::DcSdJwt => {
                // Nothing is hidden, so nothing is derived from the seed.
                let hidden: (&[Pointer], usize, &[u8; 32]) = (&[], 0, &[0; 32]);
                let profile = profile(envelope)?;
                let draft = EnvelopeDraft::new((content, profile), &payload, hidden, &key_id, kind)?;
                Form::SdJwt(envelope, draft)
            }
        };
        let draft = Self { content, form };
        if draft.signing_input().len() > MAX_BYTES { Err(SecureError::TooLong) } else { Ok(draft) }
    }

    /// Begins to secure a credential as an SD-JWT in which `hidden` places can be held back by its holder.
    /// For `decoys` and `seed` see [`crate::disclosure::conceal`].
    ///
    /// # Errors
    /// As [`Self::new`]; [`SecureError::Type`] for another envelope; [`SecureError::Concealed`] for what
    /// verifiers must see; [`SecureError::Disclosure`] for what is not there.
    pub fn concealing(
        envelope: Envelope,
        payload: &Value,
        hidden: (&[Pointer], usize, &[u8; 32]),
        key_id: &DidUrl,
        kind: KeyKind,
    ) -> Result<Self, SecureError> {
        let content = Content::Credential;
        let draft = EnvelopeDraft::new((content, profile(envelope)?), payload, hidden, key_id, kind)?;
        Ok(Self { content, form: Form::SdJwt(envelope, draft) })
    }

    /// What to sign.
    #[must_use]
    pub fn signing_input(&self) -> &[u8] {
        match &self.form {
            Form::Jwt { signing_input, .. } => signing_input,
            Form::Cose(draft) | Form::Compact(draft) => draft.signing_input(),
            Form::DataIntegrity(draft) => draft.signing_input(),
            Form::SdJwt(_, draft) => draft.signing_input(),
        }
    }

    /// Joins the signature to what it signs.
    ///
    /// # Errors
    /// [`SecureError::Algorithm`], [`SecureError::Signature`]: what does not verify is not made.
    pub fn attach(self, key: &PublicKey, signature: &[u8]) -> Result<Secured, SecureError> {
        let (envelope, bytes) = match self.form {
            Form::Jwt { kind, signing_input } => {
                super::verify(kind, key, &signing_input, signature)?;
                (Envelope::Jwt, jose::compact(&signing_input, signature))
            }
            Form::Cose(draft) => (Envelope::Cose, draft.attach(key, signature)?.into_bytes()),
            Form::Compact(draft) => (Envelope::Compact, draft.attach(key, signature)?.into_bytes()),
            Form::DataIntegrity(draft) => {
                let document = draft.attach(key, signature).map_err(data_integrity::refusal)?;
                let bytes = jcs::canonical(&document).map_err(|_| SecureError::Json(JsonError::Integer))?;
                (Envelope::DataIntegrity, bytes)
            }
            Form::SdJwt(envelope, draft) => (envelope, draft.attach(key, signature)?),
        };
        Secured::parse(self.content, envelope, &bytes, usize::MAX)
    }
}

const fn profile(envelope: Envelope) -> Result<Profile, SecureError> {
    match envelope {
        Envelope::VcSdJwt => Ok(Profile::Vc),
        Envelope::DcSdJwt => Ok(Profile::Dc),
        Envelope::Jwt | Envelope::Cose | Envelope::DataIntegrity | Envelope::Compact => {
            Err(SecureError::Type)
        }
    }
}
