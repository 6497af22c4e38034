//! One use of a capability, exactly: what an approver sees, signs the digest of, and nothing else.

use super::budget::Amount;
use super::constraints::{ConstraintsError, Workflow};
use super::scope::Capability;
use crate::object::Object;
use did_resolver::codec::{self, Sha256Digest};
use did_resolver::jcs;
use did_resolver::json::Json;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// One use of a capability at one verifier. What is not stated is not part of it: a use with one argument
/// more, or at another verifier, is another use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The verifier.
    pub audience: String,
    /// What.
    pub capability: Capability,
    /// On which resource.
    pub resource: Option<String>,
    /// For which purpose.
    pub purpose: Option<String>,
    /// Within which workflow.
    pub workflow: Option<Workflow>,
    /// With which arguments, all of them.
    pub arguments: BTreeMap<String, Value>,
    /// For how much.
    pub amount: Option<Amount>,
}

impl Action {
    /// Reads `{"audience", "capability", "resource", "purpose", "workflow", "arguments", "amount"}`; all but
    /// the first two may be missing.
    ///
    /// # Errors
    /// [`ConstraintsError::Malformed`].
    pub fn read<'a>(json: impl Into<Json<'a>>) -> Result<Self, ConstraintsError> {
        let mut object = Object::new(json, "action")?;
        let arguments = object.optional("arguments").map(|json| {
            let members = json.members().into_iter().flatten();
            members.map(|(name, value)| (name.to_owned(), value.to_value())).collect()
        });
        if arguments.as_ref().is_some_and(BTreeMap::is_empty) {
            return Err(ConstraintsError::Malformed);
        }
        let action = Self {
            audience: object.text("audience")?.to_owned(),
            capability: object.text("capability")?.parse()?,
            resource: object.optional_text("resource")?.map(str::to_owned),
            purpose: object.optional_text("purpose")?.map(str::to_owned),
            workflow: object.optional("workflow").map(Workflow::read).transpose()?,
            arguments: arguments.unwrap_or_default(),
            amount: object.optional("amount").map(Amount::read).transpose()?,
        };
        object.end("action")?;
        Ok(action)
    }

    /// Writes what [`Action::read`] reads. What is not stated is left out.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let arguments: Map<String, Value> = self.arguments.clone().into_iter().collect();
        let members = [
            ("audience", Some(json!(self.audience))),
            ("capability", Some(json!(self.capability.as_str()))),
            ("resource", self.resource.as_ref().map(|resource| json!(resource))),
            ("purpose", self.purpose.as_ref().map(|purpose| json!(purpose))),
            ("workflow", self.workflow.as_ref().map(Workflow::to_json)),
            ("arguments", (!arguments.is_empty()).then_some(Value::Object(arguments))),
            ("amount", self.amount.as_ref().map(Amount::to_json)),
        ];
        let stated = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(stated.collect())
    }

    /// SHA-256 of the canonical JSON (RFC 8785) of [`Action::to_json`]. `None` where an argument has no
    /// canonical form: such a use cannot be approved.
    #[must_use]
    pub fn digest(&self) -> Option<Sha256Digest> {
        jcs::canonical(&self.to_json()).ok().map(|text| codec::sha256(&text))
    }
}

#[cfg(test)]
mod tests;
