//! A credential of which less is disclosed: what an SD-JWT's holder may hold back (RFC 9901, section 4.2).

use super::opened::{SD_JWT_URL, sd_jwt};
use super::{Failure, enveloped};
use crate::domain::Domain;
use serde_json::Value;
use vc_schemas::data_model::Document;
use vc_schemas::disclosure::Pointer;
use vc_schemas::refusal::Path;

impl Domain {
    /// The SD-JWT in `json`, an EnvelopedVerifiableCredential, with what `wanted` needs disclosed and nothing
    /// else that can be held back. Nothing is verified: whoever gets it verifies it.
    ///
    /// # Errors
    /// [`Failure::Problem`] for what is no such credential, is secured otherwise, or does not hold what is
    /// wanted.
    pub fn derive_credential(&self, json: &Value, wanted: &[Pointer]) -> Result<Value, Failure> {
        let text = match Document::read(json)? {
            Document::EnvelopedCredential(url) => url.strip_prefix(SD_JWT_URL).map(str::to_owned),
            _ => None,
        };
        let text = text.ok_or_else(|| {
            let detail = "only a vc+sd-jwt lets claims be held back; present this as it is";
            Failure::malformed(Path::root(), detail)
        })?;
        let derived = sd_jwt(&text)?.present(wanted).map_err(|_| {
            let path = Path::root().then("selectivePointers");
            Failure::malformed(path, "leads to nothing that the credential holds")
        })?;
        Ok(enveloped(&format!("{SD_JWT_URL}{}", derived.to_text())))
    }
}
