//! Constraints of a link: what narrows a capability further. A link may only tighten what it received.
//!
//! A child restates every constraint of its parent, so that whoever reads the last link alone reads
//! no more authority than the chain gives. A constraint that is not known refuses.

use super::budget::Budget;
use super::limits::ArgumentLimits;
use super::scope::{Capability, Scope, ScopeError};
use crate::object::{Object, ObjectError};
use did_resolver::json::Json;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Deepest `maxDepth` that means anything: a chain has at most eight links.
pub const MAX_DEPTH: u8 = 8;

/// The constraints that are known, in the order in which they are written.
pub const NAMES: [&str; 9] = [
    "audience",
    "resource",
    "purpose",
    "workflow",
    "arguments",
    "budget",
    "maxDepth",
    "notDelegatable",
    "needsApproval",
];

/// A workflow, and perhaps one step of it, to which a link is bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workflow {
    /// The workflow.
    pub id: String,
    /// The one step, or any.
    pub step: Option<String>,
}

/// The constraints of one link. The default constrains nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Constraints {
    /// Verifiers at which the link counts; `None`: any.
    pub audience: Option<BTreeSet<String>>,
    /// Resources to which it applies; `None`: any.
    pub resource: Option<BTreeSet<String>>,
    /// The one purpose; `None`: any.
    pub purpose: Option<String>,
    /// The workflow; `None`: any.
    pub workflow: Option<Workflow>,
    /// With which arguments capabilities may be used.
    pub arguments: ArgumentLimits,
    /// How much may be spent; `None`: nothing is counted.
    pub budget: Option<Budget>,
    /// How many links may follow; `None`: as many as a chain may have.
    pub max_depth: Option<u8>,
    /// Capabilities that the subject holds but may not pass on.
    pub not_delegatable: Scope,
    /// Capabilities that count only with an approval of the single use.
    pub needs_approval: Scope,
}

impl Workflow {
    /// Reads `{"id", "step"}`; `step` may be missing.
    ///
    /// # Errors
    /// [`ConstraintsError::Malformed`].
    pub fn read<'a>(json: impl Into<Json<'a>>) -> Result<Self, ConstraintsError> {
        let mut object = Object::new(json, "workflow")?;
        let id = object.text("id")?.to_owned();
        let step = object.optional_text("step")?.map(str::to_owned);
        object.end("workflow")?;
        Ok(Self { id, step })
    }

    /// Writes what [`Workflow::read`] reads.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match &self.step {
            Some(step) => json!({"id": self.id, "step": step}),
            None => json!({"id": self.id}),
        }
    }

    /// Whether `other` is the same workflow, and at the same step if one is named here.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.id == other.id && (self.step.is_none() || self.step == other.step)
    }
}

impl Constraints {
    /// Reads the `constraints` of a link.
    ///
    /// # Errors
    /// [`ConstraintsError::Unknown`] for a constraint that is not known; the others for a known one
    /// of the wrong shape.
    pub fn read<'a>(json: impl Into<Json<'a>>) -> Result<Self, ConstraintsError> {
        let json = json.into();
        let mut members = json.members().ok_or(ConstraintsError::Malformed)?;
        if members.any(|(name, _)| !NAMES.contains(&name)) {
            return Err(ConstraintsError::Unknown);
        }
        let mut object = Object::new(json, "constraints")?;
        let scope = |value: Option<Json<'_>>| value.map_or(Ok(Scope::default()), Scope::read);
        let constraints = Self {
            audience: some_texts(&mut object, "audience")?,
            resource: some_texts(&mut object, "resource")?,
            purpose: object.optional_text("purpose")?.map(str::to_owned),
            workflow: object.optional("workflow").map(Workflow::read).transpose()?,
            arguments: object
                .optional("arguments")
                .map_or(Ok(ArgumentLimits::default()), ArgumentLimits::read)?,
            budget: object.optional("budget").map(Budget::read).transpose()?,
            max_depth: object.optional("maxDepth").map(read_depth).transpose()?,
            not_delegatable: scope(object.optional("notDelegatable"))?,
            needs_approval: scope(object.optional("needsApproval"))?,
        };
        object.end("constraints")?;
        Ok(constraints)
    }

    /// Writes what [`Constraints::read`] reads. What constrains nothing is left out.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut members = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                members.insert(name.to_owned(), value);
            }
        };
        let scope = |scope: &Scope| (!scope.is_empty()).then(|| scope.to_json());
        put("audience", self.audience.as_ref().map(|a| json!(a)));
        put("resource", self.resource.as_ref().map(|r| json!(r)));
        put("purpose", self.purpose.as_ref().map(|p| json!(p)));
        put("workflow", self.workflow.as_ref().map(Workflow::to_json));
        put("arguments", (!self.arguments.is_empty()).then(|| self.arguments.to_json()));
        put("budget", self.budget.as_ref().map(Budget::to_json));
        put("maxDepth", self.max_depth.map(|d| json!(d)));
        put("notDelegatable", scope(&self.not_delegatable));
        put("needsApproval", scope(&self.needs_approval));
        Value::Object(members)
    }

    /// Whether a link with the constraints `next` and the capabilities `capabilities` may follow a
    /// link with these.
    ///
    /// # Errors
    /// [`Loosened`] names the first constraint that does not hold.
    pub fn tighten(&self, next: &Self, capabilities: &Scope) -> Result<(), Loosened> {
        let within = |held: &Option<BTreeSet<String>>, asked: &Option<BTreeSet<String>>| match (held, asked) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(held), Some(asked)) => asked.is_subset(held),
        };
        let workflow = match (&self.workflow, &next.workflow) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(held), Some(asked)) => held.covers(asked),
        };
        let budget = match (&self.budget, &next.budget) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(held), Some(asked)) => held.covers(asked),
        };
        let depth = match (self.max_depth, next.max_depth) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(held), Some(asked)) => asked < held,
        };
        let passed_on = self.not_delegatable.intersection(capabilities).is_empty();
        let approvals = self.needs_approval.intersection(capabilities);
        [
            ("audience", within(&self.audience, &next.audience)),
            ("resource", within(&self.resource, &next.resource)),
            ("purpose", self.purpose.is_none() || self.purpose == next.purpose),
            ("workflow", workflow),
            ("arguments", self.arguments.tighten(&next.arguments, capabilities)),
            ("budget", budget),
            ("maxDepth", depth),
            ("notDelegatable", passed_on),
            ("needsApproval", approvals.is_within(&next.needs_approval)),
        ]
        .into_iter()
        .find(|(_, holds)| !holds)
        .map_or(Ok(()), |(constraint, _)| Err(Loosened { constraint }))
    }

    /// Whether `capability` counts only with an approval.
    #[must_use]
    pub fn asks_approval(&self, capability: &Capability) -> bool {
        self.needs_approval.allows(capability)
    }
}

/// Texts, at least one: that a link counts nowhere is not said by a constraint.
pub(crate) fn some_texts(
    object: &mut Object<'_>,
    name: &'static str,
) -> Result<Option<BTreeSet<String>>, ConstraintsError> {
    match object.texts(name)? {
        Some(texts) if texts.is_empty() => Err(ConstraintsError::Malformed),
        texts => Ok(texts),
    }
}

fn read_depth(json: Json<'_>) -> Result<u8, ConstraintsError> {
    let depth = json.as_u64().and_then(|d| u8::try_from(d).ok());
    depth.filter(|d| *d <= MAX_DEPTH).ok_or(ConstraintsError::Malformed)
}

/// A link's constraint is looser than what its parent has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loosened {
    /// Which.
    pub constraint: &'static str,
}

/// Why constraints were not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstraintsError {
    /// One that is not known.
    Unknown,
    /// A known one of the wrong shape.
    Malformed,
}

impl From<ObjectError> for ConstraintsError {
    fn from(_: ObjectError) -> Self {
        Self::Malformed
    }
}

impl From<ScopeError> for ConstraintsError {
    fn from(_: ScopeError) -> Self {
        Self::Malformed
    }
}

#[cfg(test)]
mod tests;
