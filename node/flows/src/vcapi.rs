//! Credentials and presentations of any kind (VC Data Model 2.0), as the VC-API asks for them: issued in
//! this node's own names, with less disclosed, verified.
//!
//! What is verified here is well made, of its issuer, in time and not revoked. It grants nothing: authority
//! is for `verify`, by the nine rules. So nothing of Marque's own types is issued here either.

mod proofs;
mod opened;
mod issuing;
mod deriving;
mod verifying;
mod presenting;
mod status;

pub use issuing::{IssueOptions, issued_in};
pub use presenting::Asked;
pub use verifying::{Checks, Verified, Warning};

use crate::error::Error;
use crate::ports::clock::NoEntropy;
use crate::ports::keys::KeysError;
use crate::ports::records::StoreError;
use serde_json::{Value, json};
use vc_schemas::code::Code;
use vc_schemas::context::CREDENTIALS_V2;
use vc_schemas::data_model::{Kind, Problem};
use vc_schemas::refusal::{Path, Refusal};

/// Why something was not issued, derived or verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// What was sent does not conform, or what secures it does not hold.
    Problem(Problem),
    /// Anything else.
    Error(Error),
}

impl Failure {
    fn refused(code: Code, path: Path, detail: &'static str) -> Self {
        Self::Error(Refusal::new(code, path, detail).into())
    }

    fn malformed(path: Path, detail: &'static str) -> Self {
        Self::Problem(Problem { kind: Kind::MalformedValue, path, detail })
    }

    fn insecure(path: Path, detail: &'static str) -> Self {
        Self::Problem(Problem { kind: Kind::CryptographicSecurity, path, detail })
    }

    /// The same where what failed stands at `path` of something larger.
    fn under(self, path: &Path) -> Self {
        match self {
            Self::Problem(problem) => Self::Problem(Problem { path: joined(path, &problem.path), ..problem }),
            Self::Error(Error::Refused(refusal)) => {
                let path = joined(path, &refusal.path);
                Self::Error(Refusal { path, ..refusal }.into())
            }
            other => other,
        }
    }

    /// What the caller may see.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Problem(Problem { kind, path, detail }) => {
                let code = match kind {
                    Kind::Parsing => Code::JsonRefused,
                    Kind::CryptographicSecurity => Code::SignatureInvalid,
                    Kind::MalformedValue | Kind::Range => Code::CredentialMalformed,
                };
                Refusal::new(code, path.clone(), detail)
            }
            Self::Error(error) => error.refusal(),
        }
    }
}

/// The way that leads by `path` and then by `rest`.
fn joined(path: &Path, rest: &Path) -> Path {
    use vc_schemas::refusal::Step;
    rest.steps().iter().fold(path.clone(), |path, step| match step {
        Step::Name(name) => path.then(name),
        Step::Index(at) => path.at(*at),
    })
}

/// What is in an envelope, as it stands in other documents (VC Data Model 2.0, section 4.13).
fn enveloped(url: &str) -> Value {
    json!({"@context": CREDENTIALS_V2, "type": "EnvelopedVerifiableCredential", "id": url})
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Error(refusal.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Error(error.into())
    }
}

impl From<KeysError> for Failure {
    fn from(error: KeysError) -> Self {
        Self::Error(error.into())
    }
}

impl From<NoEntropy> for Failure {
    fn from(error: NoEntropy) -> Self {
        Self::Error(error.into())
    }
}
