//! Problems, as section 7.2 of VC Data Model 2.0 classifies them.

use crate::refusal::Path;
use crate::secure::SecureError;
use serde_json::{Value, json};
use std::fmt;

/// What kind of problem it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The document cannot be read.
    Parsing,
    /// What secures the document does not hold.
    CryptographicSecurity,
    /// A value is missing or not of its form.
    MalformedValue,
    /// A value is outside its range.
    Range,
}

impl Kind {
    /// The `type` of the problem: a URL of the recommendation.
    #[must_use]
    pub const fn url(self) -> &'static str {
        match self {
            Self::Parsing => "https://www.w3.org/TR/vc-data-model#PARSING_ERROR",
            Self::CryptographicSecurity => "https://www.w3.org/TR/vc-data-model#CRYPTOGRAPHIC_SECURITY_ERROR",
            Self::MalformedValue => "https://www.w3.org/TR/vc-data-model#MALFORMED_VALUE_ERROR",
            Self::Range => "https://www.w3.org/TR/vc-data-model#RANGE_ERROR",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Parsing => "The document cannot be read",
            Self::CryptographicSecurity => "What secures the document does not hold",
            Self::MalformedValue => "A value is missing or not of its form",
            Self::Range => "A value is outside its range",
        }
    }
}

/// A problem: its kind, where, and one fixed sentence that quotes nothing of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its kind.
    pub kind: Kind,
    /// Where in the document.
    pub path: Path,
    /// What exactly.
    pub detail: &'static str,
}

impl Problem {
    pub(super) const fn malformed(path: Path, detail: &'static str) -> Self {
        Self { kind: Kind::MalformedValue, path, detail }
    }

    /// The problem of something secured that was not read, or does not verify.
    #[must_use]
    pub const fn of_secured(error: &SecureError, path: Path) -> Self {
        let (kind, detail) = match error {
            SecureError::TooLong => (Kind::Range, "the secured document is larger than its limit"),
            SecureError::Malformed | SecureError::Json(_) | SecureError::DataUrl => {
                (Kind::Parsing, "the secured document cannot be read")
            }
            SecureError::Signature | SecureError::Algorithm => {
                (Kind::CryptographicSecurity, "the signature does not verify")
            }
            _ => (Kind::MalformedValue, "a header or claim of the secured document is not of its form"),
        };
        Self { kind, path, detail }
    }

    /// The ProblemDetails object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "type": self.kind.url(),
            "title": self.kind.title(),
            "detail": self.detail,
            "path": self.path.to_json(),
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at {})", self.detail, self.path)
    }
}

impl std::error::Error for Problem {}
