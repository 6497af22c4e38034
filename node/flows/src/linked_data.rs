//! Proofs over RDF canonicalisation, where the operator has somebody who canonicalises.
//!
//! What they say is checked as far as it can be: the hash that they name must be signed by the very key,
//! by this node's own rule for it. That the hash is that of the document is all that is taken from them.

use crate::domain::Domain;
use crate::ports::suites::{Judged, Proven, SuitesError};
use did_resolver::keys::PublicKey;
use serde_json::Value;
use vc_schemas::code::Code;
use vc_schemas::refusal::{Path, Refusal};
use vc_schemas::secure::linked_data::LinkedData;
use vc_schemas::secure::{Content, MAX_CREDENTIAL_BYTES, SecureError};

impl Domain {
    /// Reads a credential with a proof over RDF canonicalisation; `None` where nobody here canonicalises.
    ///
    /// # Errors
    /// As [`LinkedData::read`].
    pub fn read_linked_data(&self, document: &Value) -> Result<Option<LinkedData>, SecureError> {
        let Some(suites) = self.suites() else { return Ok(None) };
        LinkedData::read(document, |url| suites.has_context(url), MAX_CREDENTIAL_BYTES).map(Some)
    }

    /// Verifies its signature by `key`, which the caller knows to be one of the issuer's for this.
    ///
    /// # Errors
    /// [`LinkedDataError`].
    pub async fn verify_linked_data(
        &self,
        read: &LinkedData,
        key: &PublicKey,
    ) -> Result<(), LinkedDataError> {
        let suites = self.suites().ok_or(LinkedDataError::Unknown(SuitesError::Down))?;
        let (now, skew) = (self.now(), self.policy().skew);
        // What costs nothing is tested first.
        read.check_dates(now, skew).map_err(LinkedDataError::Secured)?;
        let proven = Proven { document: read.text().to_owned(), key: key.to_multikey() };
        match suites.judge(proven).await.map_err(LinkedDataError::Unknown)? {
            Judged::Holds(hash) => read.verify(key, &hash, now, skew).map_err(LinkedDataError::Secured),
            Judged::Fails => Err(LinkedDataError::Secured(SecureError::Signature)),
            Judged::Unprocessable => Err(LinkedDataError::Unprocessable),
        }
    }
}

/// Why a proof did not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkedDataError {
    /// It does not hold, or not now.
    Secured(SecureError),
    /// The document says what its contexts do not define, or is no JSON-LD.
    Unprocessable,
    /// Nobody knows.
    Unknown(SuitesError),
}

impl LinkedDataError {
    /// The refusal of a credential whose proof it is.
    #[must_use]
    pub fn refusal(self) -> Refusal {
        let path = Path::root().then("proof");
        match self {
            Self::Secured(error) => error.refusal(Content::Credential, path),
            Self::Unprocessable => {
                let detail = "it says what its contexts do not define, or is no JSON-LD";
                Refusal::new(Code::CredentialMalformed, Path::root(), detail)
            }
            Self::Unknown(error) => {
                let detail = match error {
                    SuitesError::Busy => "too many proofs are waiting to be judged",
                    SuitesError::Exhausted => "to judge the proof takes more than is allowed",
                    SuitesError::Down => "what judges such proofs is not there now",
                };
                Refusal::new(Code::ProofUnknown, path, detail)
            }
        }
    }
}
