//! Limits of arguments: with which values a capability may be used.
//!
//! The vocabulary is small and closed, so that "tighter than" can be decided: an integer between two
//! bounds, or one of some texts. It is the part of draft-niyikiza-oauth-attenuating-agent-tokens whose
//! sets of values can be compared exactly. Prefixes and patterns are not spoken: what a path or a URL
//! means depends on who normalises it, so a text that begins right proves nothing.

use super::constraints::ConstraintsError;
use super::scope::{Capability, MAX_CAPABILITIES, Scope};
use crate::object::is_text;
use did_resolver::json::{Json, MAX_INTEGER};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Most arguments that are limited for one capability: tools take a handful.
pub const MAX_ARGUMENTS: usize = 16;

/// Longest name of an argument, in bytes.
pub const MAX_ARGUMENT_BYTES: usize = 128;

/// Most texts among which an argument may be.
pub const MAX_VALUES: usize = 64;

/// The values that an argument may have: never none, for that would be another way to say that the
/// capability is not passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit(Values);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Values {
    Between { min: Option<i64>, max: Option<i64> },
    OneOf(BTreeSet<String>),
}

impl Limit {
    /// An integer from `min` to `max`, both within 2^53 - 1 either way; one of them at least is given.
    ///
    /// # Errors
    /// [`ConstraintsError::Malformed`] for other bounds, and where nothing lies between them.
    pub fn between(min: Option<i64>, max: Option<i64>) -> Result<Self, ConstraintsError> {
        let exact = |bound: Option<i64>| bound.is_none_or(|b| b.unsigned_abs() <= MAX_INTEGER);
        let some = min.is_some() || max.is_some();
        let ordered = min.zip(max).is_none_or(|(min, max)| min <= max);
        if some && ordered && exact(min) && exact(max) {
            Ok(Self(Values::Between { min, max }))
        } else {
            Err(ConstraintsError::Malformed)
        }
    }

    /// One of 1 to [`MAX_VALUES`] texts, compared byte for byte.
    ///
    /// # Errors
    /// [`ConstraintsError::Malformed`].
    pub fn one_of(texts: impl IntoIterator<Item = String>) -> Result<Self, ConstraintsError> {
        let texts: BTreeSet<String> = texts.into_iter().take(MAX_VALUES + 1).collect();
        if (1..=MAX_VALUES).contains(&texts.len()) && texts.iter().all(|text| is_text(text)) {
            Ok(Self(Values::OneOf(texts)))
        } else {
            Err(ConstraintsError::Malformed)
        }
    }

    /// Reads `{"min", "max"}` or `{"oneOf"}`.
    ///
    /// # Errors
    /// [`ConstraintsError::Unknown`] for another kind of limit.
    pub fn read<'a>(json: impl Into<Json<'a>>) -> Result<Self, ConstraintsError> {
        let json = json.into();
        let mut members = json.members().ok_or(ConstraintsError::Malformed)?;
        if members.any(|(name, _)| !["min", "max", "oneOf"].contains(&name)) {
            return Err(ConstraintsError::Unknown);
        }
        let bound = |name| json.get(name).map(|b| b.as_i64().ok_or(ConstraintsError::Malformed));
        let (min, max) = (bound("min").transpose()?, bound("max").transpose()?);
        let Some(texts) = json.get("oneOf") else { return Self::between(min, max) };
        let texts = texts.items().filter(|t| t.len() <= MAX_VALUES).ok_or(ConstraintsError::Malformed)?;
        let count = texts.len();
        let text = |item: Json<'_>| item.as_str().map(str::to_owned).ok_or(ConstraintsError::Malformed);
        let limit = Self::one_of(texts.map(text).collect::<Result<Vec<_>, _>>()?)?;
        let distinct = matches!(&limit.0, Values::OneOf(set) if set.len() == count);
        if distinct && min.is_none() && max.is_none() { Ok(limit) } else { Err(ConstraintsError::Malformed) }
    }

    /// Writes what [`Limit::read`] reads.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match &self.0 {
            Values::Between { min: Some(min), max: Some(max) } => json!({"min": min, "max": max}),
            Values::Between { min: Some(min), max: None } => json!({"min": min}),
            Values::Between { min: None, max } => json!({"max": max}),
            Values::OneOf(texts) => json!({"oneOf": texts}),
        }
    }

    /// Whether the argument may have this value.
    #[must_use]
    pub fn admits(&self, value: &Value) -> bool {
        match &self.0 {
            Values::Between { min, max } => value.as_i64().is_some_and(|value| {
                value.unsigned_abs() <= MAX_INTEGER
                    && min.is_none_or(|min| min <= value)
                    && max.is_none_or(|max| value <= max)
            }),
            Values::OneOf(texts) => value.as_str().is_some_and(|value| texts.contains(value)),
        }
    }

    /// Whether every value that `next` admits is one that this one admits.
    #[must_use]
    pub fn covers(&self, next: &Self) -> bool {
        let largest = i64::try_from(MAX_INTEGER).unwrap_or(i64::MAX);
        let ends = |min: &Option<i64>, max: &Option<i64>| (min.unwrap_or(-largest), max.unwrap_or(largest));
        match (&self.0, &next.0) {
            (Values::Between { min, max }, Values::Between { min: next_min, max: next_max }) => {
                let (held, asked) = (ends(min, max), ends(next_min, next_max));
                held.0 <= asked.0 && asked.1 <= held.1
            }
            (Values::OneOf(held), Values::OneOf(asked)) => asked.is_subset(held),
            (Values::Between { .. }, Values::OneOf(_)) | (Values::OneOf(_), Values::Between { .. }) => false,
        }
    }
}

/// The limits of a link, by capability and argument. An argument that is not named is not limited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArgumentLimits(BTreeMap<Capability, BTreeMap<String, Limit>>);

impl ArgumentLimits {
    /// Adds a limit; one that was there for the same argument is replaced.
    ///
    /// # Errors
    /// [`ConstraintsError::Malformed`] for a name that is none, or beyond the bounds of this module.
    pub fn insert(
        &mut self,
        capability: Capability,
        argument: String,
        limit: Limit,
    ) -> Result<(), ConstraintsError> {
        let room = self.0.len() < MAX_CAPABILITIES || self.0.contains_key(&capability);
        if !room || argument.len() > MAX_ARGUMENT_BYTES || !is_text(&argument) {
            return Err(ConstraintsError::Malformed);
        }
        let arguments = self.0.entry(capability).or_default();
        if arguments.len() >= MAX_ARGUMENTS && !arguments.contains_key(&argument) {
            return Err(ConstraintsError::Malformed);
        }
        arguments.insert(argument, limit);
        Ok(())
    }

    /// Reads the constraint `arguments`.
    ///
    /// # Errors
    /// [`ConstraintsError`].
    pub fn read<'a>(json: impl Into<Json<'a>>) -> Result<Self, ConstraintsError> {
        let mut limits = Self::default();
        for (capability, arguments) in members(json.into())? {
            let capability: Capability = capability.parse()?;
            for (argument, limit) in members(arguments)? {
                limits.insert(capability.clone(), argument.to_owned(), Limit::read(limit)?)?;
            }
        }
        Ok(limits)
    }

    /// Writes what [`ArgumentLimits::read`] reads.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let arguments = |limits: &BTreeMap<String, Limit>| -> Map<String, Value> {
            limits.iter().map(|(argument, limit)| (argument.clone(), limit.to_json())).collect()
        };
        let all =
            self.0.iter().map(|(capability, limits)| (capability.to_string(), arguments(limits).into()));
        Value::Object(all.collect())
    }

    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The limits of the arguments of `capability`.
    pub fn of<'a>(&'a self, capability: &Capability) -> impl Iterator<Item = (&'a str, &'a Limit)> + use<'a> {
        self.0.get(capability).into_iter().flatten().map(|(argument, limit)| (argument.as_str(), limit))
    }

    /// The limits of these capabilities alone.
    #[must_use]
    pub fn within(&self, capabilities: &Scope) -> Self {
        let held = self.0.iter().filter(|(capability, _)| capabilities.allows(capability));
        Self(held.map(|(capability, limits)| (capability.clone(), limits.clone())).collect())
    }

    /// Whether a use of `capability` states every argument that is limited, with a value that it may have.
    #[must_use]
    pub fn admit(&self, capability: &Capability, arguments: &BTreeMap<String, Value>) -> bool {
        self.of(capability).all(|(name, limit)| arguments.get(name).is_some_and(|value| limit.admits(value)))
    }

    /// Whether `next` restates every limit of the capabilities that are passed on, or a tighter one.
    #[must_use]
    pub fn tighten(&self, next: &Self, capabilities: &Scope) -> bool {
        let passed_on = self.0.iter().filter(|(capability, _)| capabilities.allows(capability));
        passed_on.into_iter().all(|(capability, limits)| {
            let restated = next.0.get(capability);
            limits.iter().all(|(argument, limit)| {
                restated.and_then(|r| r.get(argument)).is_some_and(|asked| limit.covers(asked))
            })
        })
    }
}

/// The members of an object that has some, in the order of their names: what is refused first does not
/// hang on how they were written.
fn members(json: Json<'_>) -> Result<BTreeMap<&str, Json<'_>>, ConstraintsError> {
    let members: BTreeMap<_, _> = json.members().into_iter().flatten().collect();
    if members.is_empty() { Err(ConstraintsError::Malformed) } else { Ok(members) }
}
