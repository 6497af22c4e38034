//! Verifiable presentations: a chain of links, the identity credentials of those on it, and the
//! verifier's nonce and audience, all under one signature of the holder.
//!
//! VC Data Model 2.0, section 4.13; VC-JOSE-COSE, section 3.1.2 (enveloped credentials). `nonce`,
//! `aud`, `iat` and `exp` stand in the signed payload; a Data Integrity proof has `challenge`, `domain`,
//! `created` and `expires` for them.
//!
//! Credentials of different envelopes may stand in one presentation, and the presentation may be in yet
//! another: each stays in the envelope that its issuer chose, since a child names its parent by what
//! the parent's signature covers. No rule asks which envelope it is.

use crate::context;
use crate::object::{Object, ObjectError, is_text};
use crate::secure::{self, Content, Envelope, MAX_CREDENTIAL_BYTES, ProofTerms, SecureError, Secured};
use crate::seen::{Known, Seen};
use did_resolver::did::Did;
use did_resolver::json::Json;
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
    /// Reads a secured presentation. The credentials in it are parsed, not verified.
    ///
    /// # Errors
    /// [`PresentationError`].
    pub fn read(secured: &Secured) -> Result<Self, PresentationError> {
        Self::read_with(secured, None).map(|(presentation, _)| presentation)
    }

    /// As [`Self::read`], and reads no credential again that is in `seen`: what is known of each is given
    /// in their order.
    pub(crate) fn read_with(
        secured: &Secured,
        seen: Option<&Seen>,
    ) -> Result<(Self, Vec<Option<Known>>), PresentationError> {
        let json = secured.document();
        if !json.get("@context").is_some_and(|context| context.is_texts(&[context::CREDENTIALS_V2])) {
            return Err(PresentationError::Context);
        }
        let mut object = Object::new(json, "presentation")?;
        object.optional("@context");
        if !object.required("type")?.is_texts(&["VerifiablePresentation"]) {
            return Err(PresentationError::Malformed("type"));
        }
        let items = object.required("verifiableCredential")?.items();
        let items = items.filter(|items| items.len() <= MAX_CREDENTIALS);
        let items = items.ok_or(PresentationError::Malformed("verifiableCredential"))?;
        let credentials = items.enumerate().map(|(at, item)| read_credential(at, item, seen));
        let credentials: Vec<_> = credentials.collect::<Result<_, _>>()?;
        let (credentials, known) = credentials.into_iter().unzip();
        let holder = object.did("holder")?;
        let answer = match secured.terms() {
            Some(terms) => Answer::of_proof(terms)?,
            None => Answer::read(&mut object)?,
        };
        object.end("presentation")?;
        let Answer { audience, nonce, issued, expires } = answer;
        let life = expires.since(issued);
        if life.is_zero() || life > MAX_LIFE {
            return Err(PresentationError::Malformed("exp"));
        }
        Ok((Self { holder, audience, nonce, issued, expires, credentials }, known))
    }

    /// The payload of the presentation, for [`crate::secure::Draft`] in any envelope.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "@context": [context::CREDENTIALS_V2],
            "type": ["VerifiablePresentation"],
            "holder": self.holder.as_str(),
            "verifiableCredential": self.credentials.iter().map(write_credential).collect::<Value>(),
            "aud": self.audience,
            "nonce": self.nonce,
            "iat": self.issued.get(),
            "exp": self.expires.get(),
        })
    }
}

/// What a presentation answers: whom, what, and for how long.
struct Answer {
    audience: String,
    nonce: String,
    issued: UnixSeconds,
    expires: UnixSeconds,
}

impl Answer {
    fn read(object: &mut Object<'_>) -> Result<Self, PresentationError> {
        Ok(Self {
            audience: object.text("aud")?.to_owned(),
            nonce: object.text("nonce")?.to_owned(),
            issued: seconds(object, "iat")?,
            expires: seconds(object, "exp")?,
        })
    }

    fn of_proof(terms: &ProofTerms) -> Result<Self, PresentationError> {
        let text = |text: &Option<String>, name| {
            let text = text.clone().filter(|text| is_text(text));
            text.ok_or(PresentationError::Malformed(name))
        };
        Ok(Self {
            audience: text(&terms.domain, "aud")?,
            nonce: text(&terms.challenge, "nonce")?,
            issued: terms.created.ok_or(PresentationError::Malformed("iat"))?,
            expires: terms.expires.ok_or(PresentationError::Malformed("exp"))?,
        })
    }
}

fn seconds(object: &mut Object<'_>, name: &'static str) -> Result<UnixSeconds, PresentationError> {
    object.required(name)?.as_u64().map(UnixSeconds::new).ok_or(PresentationError::Malformed(name))
}

/// A credential with a proof of its own stands as the JSON that it is, another as the `data:` URL of its
/// envelope. Which of the two, and in what envelope the presentation is, is for whoever signed each.
fn read_credential(
    at: usize,
    json: Json<'_>,
    seen: Option<&Seen>,
) -> Result<(Secured, Option<Known>), PresentationError> {
    let refused = |error| PresentationError::Credential { at, error };
    let read = |envelope, bytes: &[u8]| {
        if let Some((secured, known)) = seen.and_then(|seen| seen.known(envelope, bytes)) {
            return Ok((secured, Some(known)));
        }
        let parsed = Secured::parse(Content::Credential, envelope, bytes, MAX_CREDENTIAL_BYTES);
        parsed.map(|secured| (secured, None)).map_err(refused)
    };
    if json.get("proof").is_some() {
        let bytes = secure::canonical(json, MAX_CREDENTIAL_BYTES).map_err(refused)?;
        return read(Envelope::DataIntegrity, &bytes);
    }
    let malformed = PresentationError::Malformed("verifiableCredential");
    let mut object = Object::new(json, "verifiableCredential")?;
    let context = object.required("@context")?;
    let is = |json: Json<'_>, text| json.as_str() == Some(text) || json.is_texts(&[text]);
    let known = is(context, context::CREDENTIALS_V2);
    if !known || !is(object.required("type")?, ENVELOPED) {
        return Err(malformed);
    }
    let url = object.required("id")?.as_str().ok_or(malformed)?;
    object.end("verifiableCredential")?;
    let held = Secured::in_data_url(Content::Credential, url, MAX_CREDENTIAL_BYTES);
    let (envelope, bytes) = held.map_err(refused)?;
    read(envelope, &bytes)
}

fn write_credential(credential: &Secured) -> Value {
    credential.to_embedded().unwrap_or_else(
        || json!({"@context": context::CREDENTIALS_V2, "type": ENVELOPED, "id": credential.to_data_url()}),
    )
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
