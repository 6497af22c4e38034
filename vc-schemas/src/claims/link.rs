//! What may be done on whose behalf: DelegationCredential, one link of a chain.

use super::ClaimsError;
use crate::delegation::constraints::Constraints;
use crate::delegation::scope::Scope;
use crate::object::Object;
use did_resolver::codec::{self, Sha256Digest};
use did_resolver::did::Did;
use did_resolver::json::Json;
use serde_json::{Map, Value, json};

/// What a link passes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegation {
    /// To whom.
    pub id: Did,
    /// On whose behalf.
    pub principal: Did,
    /// What.
    pub capabilities: Scope,
    /// Within which bounds.
    pub constraints: Constraints,
    /// The link that this one continues; `None` at the root.
    pub parent: Option<Parent>,
}

/// The link that a credential continues, or to which it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// Its credential id.
    pub id: String,
    /// SHA-256 over what its signature covers.
    pub digest: Sha256Digest,
}

impl Parent {
    pub(super) fn read(json: Json<'_>, member: &'static str) -> Result<Self, ClaimsError> {
        let mut object = Object::new(json, member)?;
        let parent = Self { id: object.text("id")?.to_owned(), digest: read_digest(&mut object)? };
        object.end(member)?;
        Ok(parent)
    }

    pub(super) fn to_json(&self) -> Value {
        json!({"id": self.id, "digestMultibase": codec::digest_multibase(&self.digest)})
    }
}

pub(super) fn read_digest(object: &mut Object<'_>) -> Result<Sha256Digest, ClaimsError> {
    codec::from_digest_multibase(object.text("digestMultibase")?)
        .map_err(|_| ClaimsError::Malformed("digestMultibase"))
}

impl Delegation {
    pub(super) fn read(object: &mut Object<'_>) -> Result<Self, ClaimsError> {
        let parent = object.optional("parent").map(|json| Parent::read(json, "parent"));
        let constraints =
            object.optional("constraints").map_or(Ok(Constraints::default()), Constraints::read)?;
        Ok(Self {
            id: object.did("id")?,
            principal: object.did("principal")?,
            capabilities: Scope::read(object.required("capabilities")?)?,
            constraints,
            parent: parent.transpose()?,
        })
    }

    pub(super) fn to_json(&self) -> Value {
        let mut members = Map::new();
        members.insert("id".into(), json!(self.id.as_str()));
        members.insert("principal".into(), json!(self.principal.as_str()));
        members.insert("capabilities".into(), self.capabilities.to_json());
        if self.constraints != Constraints::default() {
            members.insert("constraints".into(), self.constraints.to_json());
        }
        if let Some(parent) = &self.parent {
            members.insert("parent".into(), parent.to_json());
        }
        Value::Object(members)
    }
}
