//! Which domain recognises which: DomainRecognitionCredential.
//!
//! It tells others what its issuer's own anchors say. Nobody has to follow it: what a verifier recognises
//! stands in its own configuration, and nothing that is presented adds to that.

use super::{ClaimsError, domain, kind};
use crate::delegation::constraints::some_texts;
use crate::delegation::scope::Scope;
use crate::object::Object;
use did_resolver::did::Did;
use did_resolver::webvh::WebvhId;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A domain that its issuer recognises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainRecognition {
    /// The domain's DID, a did:webvh. What counts of it is the SCID.
    pub id: Did,
    /// The label of the domain, for people to read. It proves nothing.
    pub domain: String,
    /// What the domain may root at the issuer. Where it is empty, its identity credentials count there
    /// and nothing more.
    pub capabilities: Scope,
    /// For which resources; `None`: any.
    pub resource: Option<BTreeSet<String>>,
}

impl DomainRecognition {
    pub(super) fn read(object: &mut Object<'_>) -> Result<Self, ClaimsError> {
        kind(object, "TrustDomain")?;
        let id = object.did("id")?;
        WebvhId::parse(&id).map_err(|_| ClaimsError::Malformed("id"))?;
        Ok(Self {
            id,
            domain: domain(object)?,
            capabilities: Scope::read(object.required("capabilities")?)?,
            resource: some_texts(object, "resource").map_err(|_| ClaimsError::Malformed("resource"))?,
        })
    }

    pub(super) fn to_json(&self) -> Value {
        let mut json = json!({
            "id": self.id.as_str(), "type": "TrustDomain", "domain": self.domain,
            "capabilities": self.capabilities.to_json(),
        });
        if let (Some(members), Some(resource)) = (json.as_object_mut(), &self.resource) {
            members.insert("resource".into(), json!(resource));
        }
        json
    }
}
