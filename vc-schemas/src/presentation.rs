//! Verifiable presentations: a chain of links, the identity credentials of those on it, and the
//! verifier's nonce and audience, all under one signature of the holder.
//!
//! VC Data Model 2.0, section 4.13; VC-JOSE-COSE, section 3.1.2 (enveloped credentials). `nonce`,
//! `aud`, `iat` and `exp` stand in the signed payload in both envelopes.

use crate::context;
use crate::object::{Object, ObjectError};
use crate::secure::{Content, MAX_CREDENTIAL_BYTES, SecureError, Secured};
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use serde_json::{Value, json};
use std::time::Duration;

/// Most credentials in a presentation: eight links and nine identities, and some room.
pub const MAX_CREDENTIALS: usize = 24;

/// Longest life of a presentation. It answers one nonce, so it need not outlive a slow network.
pub const MAX_LIFE: Duration = Duration::from_secs(300);

/// The `@context` of an enveloped credential.
const ENVELOPED: &str = "EnvelopedVerifiableCredential";

/// What a presentation says.
#[derive(Debug, Clone)]
pub struct Presentation {
    /// Who presents.
    pub holder: Did,
    /// For whom.
    pub audience: String,
    /// The verifier's nonce.
    pub nonce: String,
    /// When it was made.
    pub issued: UnixSeconds,
    /// Until when it counts; at most [`MAX_LIFE`] later.
    pub expires: UnixSeconds,
    /// The links in order from the principal's on, and identity credentials anywhere.
    pub credentials: Vec<Secured>,
}

impl Presentation {
    /// Reads a presentation document. The credentials in it are parsed, not verified.
    ///
    /// # Errors
    /// [`PresentationError`].
    pub fn read(json: &Value) -> Result<Self, PresentationError> {
        if json.get("@context") != Some(&json!([context::CREDENTIALS_V2])) {
            return Err(PresentationError::Context);
        }
        let mut object = Object::new(json, "presentation")?;
        object.optional("@context");
        if object.required("type")? != &json!(["VerifiablePresentation"]) {
            return Err(PresentationError::Malformed("type"));
        }
        let enveloped = object.required("verifiableCredential")?.as_array();
        let enveloped = enveloped.filter(|items| items.len() <= MAX_CREDENTIALS);
        let enveloped = enveloped.ok_or(PresentationError::Malformed("verifiableCredential"))?;
        let credentials = enveloped.iter().enumerate().map(|(at, item)| read_enveloped(at, item));
        let presentation = Self {
            holder: object.did("holder")?,
            audience: object.text("aud")?.to_owned(),
            nonce: object.text("nonce")?.to_owned(),
            issued: seconds(&mut object, "iat")?,
            expires: seconds(&mut object, "exp")?,
            credentials: credentials.collect::<Result<_, _>>()?,
        };
        object.end("presentation")?;
        let life = presentation.expires.since(presentation.issued);
        if life.is_zero() || life > MAX_LIFE {
            return Err(PresentationError::Malformed("exp"));
        }
        Ok(presentation)
    }

    /// Writes the presentation document.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let enveloped = self.credentials.iter().map(|credential| {
            json!({"@context": context::CREDENTIALS_V2, "type": ENVELOPED, "id": credential.to_data_url()})
        });
        json!({
            "@context": [context::CREDENTIALS_V2],
            "type": ["VerifiablePresentation"],
            "holder": self.holder.as_str(),
            "verifiableCredential": enveloped.collect::<Value>(),
            "aud": self.audience,
            "nonce": self.nonce,
            "iat": self.issued.get(),
            "exp": self.expires.get(),
        })
    }
}

fn seconds(object: &mut Object<'_>, name: &'static str) -> Result<UnixSeconds, PresentationError> {
    object.required(name)?.as_u64().map(UnixSeconds::new).ok_or(PresentationError::Malformed(name))
}

fn read_enveloped(at: usize, json: &Value) -> Result<Secured, PresentationError> {
    let malformed = PresentationError::Malformed("verifiableCredential");
    let mut object = Object::new(json, "verifiableCredential")?;
    let context = object.required("@context")?;
    let known = context == context::CREDENTIALS_V2 || *context == json!([context::CREDENTIALS_V2]);
    let kind = object.required("type")?;
    if !known || !(kind == ENVELOPED || *kind == json!([ENVELOPED])) {
        return Err(malformed);
    }
    let url = object.required("id")?.as_str().ok_or(malformed)?;
    object.end("verifiableCredential")?;
    Secured::from_data_url(Content::Credential, url, MAX_CREDENTIAL_BYTES)
        .map_err(|error| PresentationError::Credential { at, error })
}

/// Why a document is not a presentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresentationError {
    /// The context is not that of VC 2.0 alone.
    Context,
    /// The member is missing, of the wrong shape, or holds what is not known.
    Malformed(&'static str),
    /// The credential at this place cannot be read.
    Credential {
        /// Its place in `verifiableCredential`.
        at: usize,
        /// Why.
        error: SecureError,
    },
}

impl From<ObjectError> for PresentationError {
    fn from(error: ObjectError) -> Self {
        Self::Malformed(error.member)
    }
}
