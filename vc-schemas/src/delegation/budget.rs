//! A budget: how much may be spent under a link, and who keeps count.
//!
//! What is left of it no chain can say. One accountant is named, and nobody below can name another: two
//! who count apart would each allow the whole. A budget is for the whole life of its link, which is
//! short; a spend counts against every link of the chain that has one.

use super::constraints::ConstraintsError;
use crate::object::Object;
use did_resolver::did::Did;
use did_resolver::json::{Json, MAX_INTEGER};
use serde_json::{Value, json};

/// Longest unit, in bytes. The codes of ISO 4217 have three.
pub const MAX_UNIT_BYTES: usize = 32;

/// So much of something, such as 1250 of `EUR`: in the smallest unit that is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amount {
    count: u64,
    unit: String,
}

impl Amount {
    /// At most 2^53 - 1, of a unit of 1 to [`MAX_UNIT_BYTES`] letters, digits, `.`, `-` and `_`.
    ///
    /// # Errors
    /// [`ConstraintsError::Malformed`].
    pub fn new(count: u64, unit: &str) -> Result<Self, ConstraintsError> {
        let part = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
        let named = (1..=MAX_UNIT_BYTES).contains(&unit.len()) && unit.bytes().all(part);
        if named && count <= MAX_INTEGER {
            Ok(Self { count, unit: unit.to_owned() })
        } else {
            Err(ConstraintsError::Malformed)
        }
    }

    /// Reads `{"amount", "unit"}`.
    ///
    /// # Errors
    /// [`ConstraintsError::Malformed`].
    pub fn read<'a>(json: impl Into<Json<'a>>) -> Result<Self, ConstraintsError> {
        let mut object = Object::new(json, "amount")?;
        let amount = Self::take(&mut object)?;
        object.end("amount")?;
        Ok(amount)
    }

    fn take(object: &mut Object<'_>) -> Result<Self, ConstraintsError> {
        let count = object.required("amount")?.as_u64().ok_or(ConstraintsError::Malformed)?;
        Self::new(count, object.text("unit")?)
    }

    /// How many of the unit.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Of what.
    #[must_use]
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// Whether `other` is of the same unit and not more.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.unit == other.unit && other.count <= self.count
    }

    /// Writes what [`Amount::read`] reads.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"amount": self.count, "unit": self.unit})
    }
}

/// What may be spent in all, and who counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// How much.
    pub limit: Amount,
    /// The one who keeps count.
    pub accountant: Did,
}

impl Budget {
    /// Reads `{"amount", "unit", "accountant"}`.
    ///
    /// # Errors
    /// [`ConstraintsError::Malformed`].
    pub fn read<'a>(json: impl Into<Json<'a>>) -> Result<Self, ConstraintsError> {
        let mut object = Object::new(json, "budget")?;
        let budget = Self { limit: Amount::take(&mut object)?, accountant: object.did("accountant")? };
        object.end("budget")?;
        Ok(budget)
    }

    /// Writes what [`Budget::read`] reads.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let Amount { count, unit } = &self.limit;
        json!({"amount": count, "unit": unit, "accountant": self.accountant.as_str()})
    }

    /// Whether a link with the budget `next` may follow: not more, of the same, counted by the same.
    #[must_use]
    pub fn covers(&self, next: &Self) -> bool {
        self.accountant == next.accountant && self.limit.covers(&next.limit)
    }
}
