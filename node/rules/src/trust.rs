//! Which domains this node recognises, and what each may root here. The default is nobody, nothing.

use did_resolver::did::Did;
use did_resolver::webvh::WebvhId;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use vc_schemas::delegation::scope::Scope;
use vc_schemas::facts::{Anchor, Recognition};
use vc_schemas::object::{Object, ObjectError};

/// Most domains that one node recognises: each is subscribed to, and a topic filter holds a hundred.
pub const MAX_DOMAINS: usize = 96;

/// A domain that the operator of this node recognises, by its SCID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedDomain {
    /// Its DID as the operator wrote it; the SCID in it is what counts.
    pub did: Did,
    /// Its identity credentials do not count for the time being.
    pub suspended: bool,
    /// What its principals may root here; nothing by default.
    pub capabilities: Scope,
    /// On which resources; `None`: any.
    pub resources: Option<BTreeSet<String>>,
}

impl TrustedDomain {
    /// The SCID, which names the domain.
    ///
    /// # Errors
    /// [`TrustError::NotADomain`] where the DID is no did:webvh without a path: an agent or an owner
    /// is not a domain.
    pub fn scid(&self) -> Result<String, TrustError> {
        domain_scid(&self.did)
    }

    /// Reads what [`TrustedDomain::to_json`] writes.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn read(json: &Value) -> Result<Self, TrustError> {
        let mut object = Object::new(json, "trust")?;
        let did = object.did("did")?;
        domain_scid(&did)?;
        let capabilities = object.optional("capabilities").map_or(Ok(Scope::default()), Scope::read);
        let domain = Self {
            did,
            suspended: match object.optional("suspended") {
                None => false,
                Some(value) => value.as_bool().ok_or(TrustError::Malformed("suspended"))?,
            },
            capabilities: capabilities.map_err(|_| TrustError::Malformed("capabilities"))?,
            resources: object.texts("resources")?,
        };
        object.end("trust")?;
        Ok(domain)
    }

    /// The JSON object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut json = json!({
            "did": self.did.as_str(),
            "suspended": self.suspended,
            "capabilities": self.capabilities.to_json(),
        });
        if let (Some(resources), Some(members)) = (&self.resources, json.as_object_mut()) {
            members.insert("resources".into(), json!(resources));
        }
        json
    }
}

/// The SCID of a domain's DID.
///
/// # Errors
/// [`TrustError::NotADomain`].
pub fn domain_scid(did: &Did) -> Result<String, TrustError> {
    let id = WebvhId::parse(did).map_err(|_| TrustError::NotADomain)?;
    if id.path().is_empty() { Ok(id.scid().to_owned()) } else { Err(TrustError::NotADomain) }
}

/// What a verifier expects of domains, from what its operator trusts. The node's own domain is
/// recognised, and roots nothing unless the operator says so like of any other.
#[must_use]
pub fn recognitions(own_scid: &str, trusted: &[TrustedDomain]) -> BTreeMap<String, Recognition> {
    let mut domains = BTreeMap::from([(own_scid.to_owned(), Recognition::default())]);
    for domain in trusted {
        if let Ok(scid) = domain.scid() {
            let anchor =
                Anchor { capabilities: domain.capabilities.clone(), resources: domain.resources.clone() };
            domains.insert(scid, Recognition { suspended: domain.suspended, anchor });
        }
    }
    domains
}

/// Why something is not a trusted domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustError {
    /// Not the did:webvh of a domain.
    NotADomain,
    /// The member is missing or of the wrong shape.
    Malformed(&'static str),
}

impl From<ObjectError> for TrustError {
    fn from(error: ObjectError) -> Self {
        Self::Malformed(error.member)
    }
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotADomain => f.write_str("not the did:webvh of a domain"),
            Self::Malformed(member) => write!(f, "`{member}` is missing or of the wrong shape"),
        }
    }
}

impl std::error::Error for TrustError {}

#[cfg(test)]
mod tests;
