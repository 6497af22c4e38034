//! That a principal approves one use of a capability: ApprovalCredential.

use super::ClaimsError;
use super::link::{Parent, read_digest};
use crate::delegation::scope::Capability;
use crate::object::Object;
use did_resolver::codec::{self, Sha256Digest};
use did_resolver::did::Did;
use serde_json::{Value, json};

/// An approval of one use. Its issuer is the approver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The agent that may act.
    pub id: Did,
    /// The capability, for people to read: the action holds it too.
    pub capability: Capability,
    /// SHA-256 of the exact use, see [`crate::delegation::action::Action::digest`].
    pub action: Sha256Digest,
    /// The agent's own link, under which the use is approved.
    pub mandate: Parent,
}

impl Approval {
    pub(super) fn read(object: &mut Object<'_>) -> Result<Self, ClaimsError> {
        let capability = object.text("capability")?.parse();
        let mut action = Object::new(object.required("action")?, "action")?;
        let digest = read_digest(&mut action)?;
        action.end("action")?;
        Ok(Self {
            id: object.did("id")?,
            capability: capability.map_err(|_| ClaimsError::Malformed("capability"))?,
            action: digest,
            mandate: Parent::read(object.required("mandate")?, "mandate")?,
        })
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id.as_str(),
            "capability": self.capability.as_str(),
            "action": {"digestMultibase": codec::digest_multibase(&self.action)},
            "mandate": self.mandate.to_json(),
        })
    }
}
