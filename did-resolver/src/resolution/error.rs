//! Why a DID or DID URL gave nothing, by the names, URLs and HTTP statuses of the specification (DID
//! Resolution 1.0, sections 10, "Errors", and 11, "HTTP(S) Binding").

use crate::methods::MethodError;
use serde_json::{Value, json};
use std::fmt;

/// Where the names of errors are.
const ERROR_BASE: &str = "https://www.w3.org/ns/did#";

/// Where the names of errors about verification methods are (Controlled Identifiers, section 3.5).
const METHOD_ERROR_BASE: &str = "https://w3id.org/security#";

/// Why a DID was not resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResolutionError {
    /// Not a DID, or not one by the rules of its method.
    InvalidDid,
    /// Not a DID URL.
    InvalidDidUrl,
    /// Options that are malformed or contradict each other.
    InvalidOptions,
    /// No such DID, or no such version of it.
    NotFound,
    /// A media type that is not offered.
    RepresentationNotSupported,
    /// A method that is not spoken here.
    MethodNotSupported,
    /// An option that the method does not have.
    FeatureNotSupported,
    /// The DID URL names no verification method.
    InvalidVerificationMethod,
    /// The document does not list the verification method for what it is wanted for.
    InvalidRelationship,
    /// The method gave something that is no DID document.
    InvalidDidDocument,
    /// Something broke here.
    InternalError,
}

impl ResolutionError {
    /// The name of the error, such as `NOT_FOUND`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidDid => "INVALID_DID",
            Self::InvalidDidUrl => "INVALID_DID_URL",
            Self::InvalidOptions => "INVALID_OPTIONS",
            Self::NotFound => "NOT_FOUND",
            Self::RepresentationNotSupported => "REPRESENTATION_NOT_SUPPORTED",
            Self::MethodNotSupported => "METHOD_NOT_SUPPORTED",
            Self::FeatureNotSupported => "FEATURE_NOT_SUPPORTED",
            Self::InvalidVerificationMethod => "INVALID_VERIFICATION_METHOD",
            Self::InvalidRelationship => "INVALID_RELATIONSHIP_FOR_VERIFICATION_METHOD",
            Self::InvalidDidDocument => "INVALID_DID_DOCUMENT",
            Self::InternalError => "INTERNAL_ERROR",
        }
    }

    /// The URL that names the error: the `type` of a problem (RFC 9457).
    #[must_use]
    pub fn url(self) -> String {
        let base = match self {
            Self::InvalidVerificationMethod | Self::InvalidRelationship => METHOD_ERROR_BASE,
            _ => ERROR_BASE,
        };
        format!("{base}{}", self.name())
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            // The HTTP binding has no status for the last two; what is wrong is the question.
            Self::InvalidDid
            | Self::InvalidDidUrl
            | Self::InvalidOptions
            | Self::InvalidVerificationMethod
            | Self::InvalidRelationship => 400,
            Self::NotFound => 404,
            Self::RepresentationNotSupported => 406,
            Self::MethodNotSupported | Self::FeatureNotSupported => 501,
            Self::InvalidDidDocument | Self::InternalError => 500,
        }
    }

    /// What the caller may do, or why there is nothing to be done.
    #[must_use]
    pub const fn detail(self) -> &'static str {
        match self {
            Self::InvalidDid => {
                "The text breaks the grammar of DIDs or a rule of its method, or what was found of it does."
            }
            Self::InvalidDidUrl => "The text breaks the grammar of DID URLs, or contradicts itself.",
            Self::InvalidOptions => "An option is malformed, stands there twice, or contradicts another.",
            Self::NotFound => "Nobody who was asked has it. It may be published later.",
            Self::RepresentationNotSupported => "None of the media types in Accept is offered for it.",
            Self::MethodNotSupported => "This resolver does not speak the method.",
            Self::FeatureNotSupported => {
                "This resolver has no such option for DIDs of the method, or does not let callers use it: \
                 nobody may bypass its cache (noCache)."
            }
            Self::InvalidVerificationMethod => "It names something else in the document, or nothing.",
            Self::InvalidRelationship => "The document lists the method, but not under the relationship.",
            Self::InvalidDidDocument => "What its method gave for the DID cannot be read as a document.",
            Self::InternalError => "The log of this resolver says more.",
        }
    }

    /// The error as an object of RFC 9457.
    #[must_use]
    pub fn problem(self) -> Value {
        json!({"type": self.url(), "title": self.to_string(), "detail": self.detail()})
    }

    /// The whole result, with the error in it.
    #[must_use]
    pub fn to_json(self) -> Value {
        json!({
            "didDocument": null,
            "didDocumentMetadata": {},
            "didResolutionMetadata": {"error": self.problem()},
        })
    }
}

impl From<MethodError> for ResolutionError {
    fn from(e: MethodError) -> Self {
        match e {
            MethodError::OtherMethod => Self::MethodNotSupported,
            MethodError::OtherKind => Self::FeatureNotSupported,
            MethodError::ShortForm => Self::NotFound,
            MethodError::Key(_)
            | MethodError::KeyId
            | MethodError::Purpose
            | MethodError::Encoding
            | MethodError::Json(_)
            | MethodError::Input
            | MethodError::Hash
            | MethodError::Location(_)
            | MethodError::Did(_) => Self::InvalidDid,
            MethodError::OtherSubject | MethodError::Document(_) => Self::InvalidDidDocument,
        }
    }
}

impl fmt::Display for ResolutionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidDid => "not a valid DID",
            Self::InvalidDidUrl => "not a valid DID URL",
            Self::InvalidOptions => "resolution options are not valid",
            Self::NotFound => "the DID or its version was not found",
            Self::RepresentationNotSupported => "the representation is not supported",
            Self::MethodNotSupported => "the DID method is not supported",
            Self::FeatureNotSupported => "the DID method does not have this option",
            Self::InvalidVerificationMethod => "the DID URL names no verification method",
            Self::InvalidRelationship => "the verification method is not listed for this use",
            Self::InvalidDidDocument => "the DID document is not valid",
            Self::InternalError => "the DID could not be resolved",
        })
    }
}

impl std::error::Error for ResolutionError {}
