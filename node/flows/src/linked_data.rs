//! Proofs over RDF canonicalisation, where the operator has somebody who canonicalises.
//!
//! What they say is checked as far as it can be: the hash that they name must be signed by the very key,
//! by this node's own rule for it. That the hash is that of the document is all that is taken from them.

use crate::domain::Domain;
use crate::ports::suites::{Judged, Proven, Suites, SuitesError};
use did_resolver::keys::PublicKey;
use serde_json::Value;
use std::sync::Arc;
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
    /// [`Refusal`]: that the signature does not verify, or [`Code::ProofUnknown`], which says nothing of
    /// the signature.
    pub async fn verify_linked_data(&self, read: &LinkedData, key: &PublicKey) -> Result<(), Refusal> {
        let suites = self.suites().ok_or_else(|| unknown(SuitesError::Down))?;
        let hash = hash(suites, read, key).await?;
        let path = || Path::root().then("proof");
        let verified = read.verify(key, &hash, self.now(), self.policy.skew);
        verified.map_err(|error| error.refusal(Content::Credential, path()))
    }
}

async fn hash(suites: &Arc<dyn Suites>, read: &LinkedData, key: &PublicKey) -> Result<Vec<u8>, Refusal> {
    let proven = Proven { document: read.text().to_owned(), key: key.to_multikey() };
    match suites.judge(proven).await {
        Ok(Judged::Holds(hash)) => Ok(hash),
        Ok(Judged::Fails) => {
            let path = Path::root().then("proof");
            Err(SecureError::Signature.refusal(Content::Credential, path))
        }
        Ok(Judged::Unprocessable) => {
            let detail = "it says what its contexts do not define, or is no JSON-LD";
            Err(Refusal::new(Code::CredentialMalformed, Path::root(), detail))
        }
        Err(error) => Err(unknown(error)),
    }
}

fn unknown(error: SuitesError) -> Refusal {
    let detail = match error {
        SuitesError::Busy => "too many proofs are waiting to be judged",
        SuitesError::Exhausted => "to judge the proof takes more than is allowed",
        SuitesError::Down => "what judges such proofs is not there now",
    };
    Refusal::new(Code::ProofUnknown, Path::root().then("proof"), detail)
}
