//! Verifiable credentials of Marque's types (VC Data Model 2.0, section 4), read strictly and written
//! one way.
//!
//! A [`Credential`] is what a document says. Who signed it, and whether that counts, is for `check`.

use crate::claims::{Claims, ClaimsError, StatusPair};
use crate::context;
use crate::object::{Object, ObjectError};
use did_resolver::did::Did;
use did_resolver::json::Json;
use did_resolver::time::UnixSeconds;
use serde_json::{Value, json};
use std::time::Duration;

/// How long an AgentCredential lives (MODEL.md, "Credentials").
pub const AGENT_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// How long a DelegationCredential lives unless asked otherwise.
pub const DELEGATION_LIFE: Duration = Duration::from_secs(3_600);

/// The longest life of a NodeMembershipCredential.
pub const MEMBERSHIP_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// How long an OwnerCredential lives.
pub const OWNER_LIFE: Duration = Duration::from_secs(90 * 24 * 3_600);

/// The longest life of an ApprovalCredential: who approved an hour ago has not seen what is so now.
pub const APPROVAL_LIFE: Duration = Duration::from_secs(3_600);

/// How long a DomainRecognitionCredential lives: as a domain's other statements of the day.
pub const RECOGNITION_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// How long a TrustSignalCredential lives. Readers let what it says fade sooner.
pub const SIGNAL_LIFE: Duration = Duration::from_secs(90 * 24 * 3_600);

/// A credential of one of Marque's types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its id, `urn:uuid:...`.
    pub id: String,
    /// Who says it.
    pub issuer: Did,
    /// From when on.
    pub valid_from: UnixSeconds,
    /// Until when; later than `valid_from`.
    pub valid_until: UnixSeconds,
    /// Where its status stands.
    pub status: StatusPair,
    /// What it says.
    pub claims: Claims,
}

impl Credential {
    /// Makes a credential that counts from `from` on for `life`, and only one that [`Credential::read`]
    /// reads as the same.
    ///
    /// # Errors
    /// [`CredentialError`], as reading what is made.
    pub fn new(
        id: String,
        issuer: Did,
        (from, life): (UnixSeconds, Duration),
        status: StatusPair,
        claims: Claims,
    ) -> Result<Self, CredentialError> {
        let made = Self { id, issuer, valid_from: from, valid_until: from.plus(life), status, claims };
        let read = Self::read(&made.to_json())?;
        if read == made { Ok(made) } else { Err(CredentialError::Malformed("credentialSubject")) }
    }

    /// Reads a credential document.
    ///
    /// # Errors
    /// [`CredentialError`].
    pub fn read<'a>(json: impl Into<Json<'a>>) -> Result<Self, CredentialError> {
        let json = json.into();
        context::check(json).map_err(|_| CredentialError::Context)?;
        let mut object = Object::new(json, "credential")?;
        object.optional("@context");
        let own = own_type(object.required("type")?).ok_or(CredentialError::Malformed("type"))?;
        let credential = Self {
            id: object.text("id")?.to_owned(),
            issuer: object.did("issuer")?,
            valid_from: object.time("validFrom")?,
            valid_until: object.time("validUntil")?,
            status: StatusPair::read(object.required("credentialStatus")?)?,
            claims: Claims::read(own, object.required("credentialSubject")?)?,
        };
        object.end("credential")?;
        if !is_uuid_urn(&credential.id) {
            return Err(CredentialError::Malformed("id"));
        }
        if credential.valid_until <= credential.valid_from {
            return Err(CredentialError::Malformed("validUntil"));
        }
        let life = credential.valid_until.since(credential.valid_from);
        let longest = match credential.claims {
            Claims::Approval(_) => APPROVAL_LIFE,
            Claims::NodeMembership(_) => MEMBERSHIP_LIFE,
            _ => Duration::MAX,
        };
        if life > longest {
            return Err(CredentialError::Malformed("validUntil"));
        }
        if !credential.claims.may_be_of_oneself() && *credential.claims.subject() == credential.issuer {
            return Err(CredentialError::Malformed("issuer"));
        }
        Ok(credential)
    }

    /// Writes the credential document.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "@context": context::own(),
            "id": self.id,
            "type": ["VerifiableCredential", self.claims.credential_type()],
            "issuer": self.issuer.as_str(),
            "validFrom": self.valid_from.to_string(),
            "validUntil": self.valid_until.to_string(),
            "credentialStatus": self.status.to_json(),
            "credentialSubject": self.claims.to_json(),
        })
    }
}

/// The type beside `VerifiableCredential`, of just two.
fn own_type(types: Json<'_>) -> Option<&str> {
    let mut types = types.items()?.map(Json::as_str);
    match (types.next()??, types.next()??, types.next()) {
        ("VerifiableCredential", own, None) => Some(own),
        _ => None,
    }
}

/// A credential id from 16 random bytes: a version 4 UUID (RFC 9562, section 5.4) as a URN.
#[must_use]
pub fn uuid_urn(mut random: [u8; 16]) -> String {
    random[6] = random[6] & 0x0f | 0x40;
    random[8] = random[8] & 0x3f | 0x80;
    let hex = did_resolver::codec::to_hex(&random);
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("urn:uuid:{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// Whether `text` is a UUID URN in lower case, the one spelling that is written.
#[must_use]
pub fn is_uuid_urn(text: &str) -> bool {
    let Some(uuid) = text.strip_prefix("urn:uuid:") else { return false };
    let hyphen = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    uuid.len() == 36 && uuid.bytes().enumerate().all(|(at, b)| if hyphen(at) { b == b'-' } else { digit(b) })
}

/// Why a document is not a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialError {
    /// The contexts are not the embedded ones.
    Context,
    /// The member is missing, of the wrong shape, or holds what is not known.
    Malformed(&'static str),
    /// A constraint that is not known.
    ConstraintUnknown,
}

impl From<ObjectError> for CredentialError {
    fn from(error: ObjectError) -> Self {
        Self::Malformed(error.member)
    }
}

impl From<ClaimsError> for CredentialError {
    fn from(error: ClaimsError) -> Self {
        match error {
            ClaimsError::Malformed(member) => Self::Malformed(member),
            ClaimsError::ConstraintUnknown => Self::ConstraintUnknown,
        }
    }
}
