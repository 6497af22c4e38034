//! Why something secured was refused, and the code that goes with it.

use super::Content;
use crate::cbor::CborError;
use crate::code::Code;
use crate::disclosure::DisclosureError;
use crate::refusal::{Path, Refusal};
use did_resolver::json::JsonError;
use std::fmt;

/// Why something secured was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecureError {
    /// More bytes than the place where it stands allows.
    TooLong,
    /// Not of the envelope's form, or in another spelling of it than the one that is accepted.
    Malformed,
    /// The payload, or the header of a JWS, is not strict JSON.
    Json(JsonError),
    /// A header parameter is missing or not of its form.
    Header,
    /// A header parameter that brings a key, says where one is, or is not known here; one that must
    /// be understood (`crit`); or one that nobody signed.
    SelfChosen,
    /// An algorithm that is not accepted, or that is not the key's own.
    Algorithm,
    /// Another media type than the place asks for.
    Type,
    /// The key id is not an absolute DID URL of a key.
    KeyId,
    /// A term, the version of the term table, or a form of text that is not known here.
    Terms,
    /// `vc` or `vp`, or a registered JWT claim that the document beside it does not bear out.
    Claims,
    /// The signature does not verify under the key.
    Signature,
    /// Not a `data:` URL of a secured document.
    DataUrl,
    /// Its disclosures do not fit it.
    Disclosure(DisclosureError),
    /// What a verifier must see can be held back.
    Concealed,
    /// The holder's binding is missing, unwanted, or made for another presentation, verifier or time.
    KeyBinding,
    /// No Data Integrity proof, or more than the one that there may be.
    Proofs,
    /// A Data Integrity proof of another purpose, or a credential that is bound to one verifier.
    Purpose,
    /// A JSON-LD context that is not at hand, or one that a proof does not share with its document.
    Context,
    /// It says what a proof over RDF canonicalisation would not sign.
    Unsigned,
    /// Its proof says that it was made in the future.
    NotYet,
    /// Its proof is past its end.
    Expired,
}

impl SecureError {
    /// The code that a caller sees, where this befell `content`.
    #[must_use]
    pub const fn code(self, content: Content) -> Code {
        match self {
            Self::TooLong => Code::TooLarge,
            Self::Json(_) => Code::JsonRefused,
            Self::SelfChosen | Self::Algorithm => Code::SelfChosen,
            Self::Signature => Code::SignatureInvalid,
            Self::KeyBinding => Code::PossessionUnproven,
            Self::Context => Code::ContextUnknown,
            Self::NotYet => match content {
                Content::Credential => Code::CredentialNotYetValid,
                Content::Presentation => Code::PresentationExpired,
            },
            Self::Expired => match content {
                Content::Credential => Code::CredentialExpired,
                Content::Presentation => Code::PresentationExpired,
            },
            Self::Malformed
            | Self::Header
            | Self::Type
            | Self::KeyId
            | Self::Terms
            | Self::Claims
            | Self::DataUrl
            | Self::Disclosure(_)
            | Self::Concealed
            | Self::Proofs
            | Self::Purpose
            | Self::Unsigned => match content {
                Content::Credential => Code::CredentialMalformed,
                Content::Presentation => Code::PresentationMalformed,
            },
        }
    }

    /// The refusal of `content` that stands at `path`.
    #[must_use]
    pub const fn refusal(self, content: Content, path: Path) -> Refusal {
        Refusal::new(self.code(content), path, self.detail())
    }

    const fn detail(self) -> &'static str {
        match self {
            Self::TooLong => "larger than its limit",
            Self::Malformed => "not in the one form of its envelope",
            Self::Json(_) => "its JSON is not strict",
            Self::Header => "a header parameter is missing or not of its form",
            Self::SelfChosen => "its header or proof says more than is known here, or says it unsigned",
            Self::Algorithm => "its algorithm is not accepted, or not that of its key",
            Self::Type => "its media type is another one",
            Self::KeyId => "its key id is not an absolute DID URL of a key",
            Self::Terms => "it has a term, or a version of the term table, that is not known here",
            Self::Claims => "its registered claims contradict the document",
            Self::Signature => "the signature does not verify",
            Self::DataUrl => "not a data URL of a secured document",
            Self::Disclosure(_) => "its disclosures do not fit it",
            Self::Concealed => "a claim that verifiers need can be held back",
            Self::KeyBinding => "the holder's binding is missing or made for something else",
            Self::Proofs => "it has no proof, or more than one",
            Self::Purpose => "its proof is for something else",
            Self::Context => "its JSON-LD contexts are not ones that are at hand",
            Self::Unsigned => "it says what its proof would not sign",
            Self::NotYet => "its proof was made in the future",
            Self::Expired => "its proof is past its end",
        }
    }
}

impl fmt::Display for SecureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => error.fmt(f),
            Self::Disclosure(error) => error.fmt(f),
            other => f.write_str(other.detail()),
        }
    }
}

impl std::error::Error for SecureError {}

impl From<CborError> for SecureError {
    fn from(error: CborError) -> Self {
        match error {
            CborError::Malformed => Self::Malformed,
            CborError::TooLong => Self::TooLong,
        }
    }
}

impl From<DisclosureError> for SecureError {
    fn from(error: DisclosureError) -> Self {
        Self::Disclosure(error)
    }
}
