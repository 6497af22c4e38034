//! Scopes, and the one rule of delegation: a link may only narrow what it received.
//!
//! Source: draft-gudlab-agentid-protocol-00, Delegation ("equal to or a strict subset").

use did_resolver::json::Json;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// Most capabilities one link may carry. A chain is read before it is trusted, so it is bounded.
pub const MAX_CAPABILITIES: usize = 64;

/// Longest capability, in bytes of UTF-8.
pub const MAX_CAPABILITY_BYTES: usize = 128;

/// One permission: `resource:action`, such as `calendar:read`, or a reverse-domain name of three labels
/// or more, such as `com.example.calendar.read`.
///
/// Comparison is exact, byte for byte: there is no wildcard and no hierarchy, so that a subset
/// test needs no knowledge of the resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Capability(String);

impl Capability {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Capability {
    type Err = ScopeError;

    /// # Errors
    /// [`ScopeError::Malformed`] where `text` is of neither form, or longer than
    /// [`MAX_CAPABILITY_BYTES`].
    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let part = |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_graphic() && b != b':');
        let label =
            |l: &str| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        let well_formed = match text.split_once(':') {
            Some((resource, action)) => part(resource) && part(action),
            None => text.split('.').count() >= 3 && text.split('.').all(label),
        };
        if well_formed && text.len() <= MAX_CAPABILITY_BYTES {
            Ok(Self(text.to_owned()))
        } else {
            Err(ScopeError::Malformed)
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one link of a chain allows. It may be empty: such a link allows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope(BTreeSet<Capability>);

impl Scope {
    /// Gathers capabilities, dropping duplicates.
    ///
    /// # Errors
    /// [`ScopeError::TooMany`] above [`MAX_CAPABILITIES`] distinct ones.
    pub fn new(capabilities: impl IntoIterator<Item = Capability>) -> Result<Self, ScopeError> {
        let mut distinct = BTreeSet::new();
        for capability in capabilities {
            distinct.insert(capability);
            if distinct.len() > MAX_CAPABILITIES {
                return Err(ScopeError::TooMany);
            }
        }
        Ok(Self(distinct))
    }

    /// Passes the scope on to the next link of the chain.
    ///
    /// # Errors
    /// [`ScopeError::Widened`], naming a capability that `self` does not hold. A relying party
    /// reports it as AID-009 (`DELEGATION_INVALID`).
    pub fn narrow(&self, next: Self) -> Result<Self, ScopeError> {
        match next.0.difference(&self.0).next() {
            Some(extra) => Err(ScopeError::Widened(extra.clone())),
            None => Ok(next),
        }
    }

    /// The capabilities, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Capability> {
        self.0.iter()
    }

    /// Whether it holds no capability.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What both hold.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// Whether every capability of this scope is one of `other`.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// Reads an array of capabilities. A doubled one is refused: nobody writes that in good faith.
    ///
    /// # Errors
    /// [`ScopeError`].
    pub fn read<'a>(json: impl Into<Json<'a>>) -> Result<Self, ScopeError> {
        let items = json.into().items().ok_or(ScopeError::Malformed)?;
        if items.len() > MAX_CAPABILITIES {
            return Err(ScopeError::TooMany);
        }
        let (count, read) =
            (items.len(), |item: Json<'_>| item.as_str().ok_or(ScopeError::Malformed)?.parse());
        let scope = Self::new(items.map(read).collect::<Result<Vec<_>, _>>()?)?;
        if scope.0.len() == count { Ok(scope) } else { Err(ScopeError::Malformed) }
    }

    /// Writes an array of capabilities, in order.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.0.iter().map(|c| Value::from(c.as_str())).collect()
    }

    /// Whether the scope holds `capability`.
    #[must_use]
    pub fn allows(&self, capability: &Capability) -> bool {
        self.0.contains(capability)
    }
}

/// Why a scope was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeError {
    /// Neither `resource:action` nor a reverse-domain name, or not an array of those.
    Malformed,
    /// More than [`MAX_CAPABILITIES`].
    TooMany,
    /// A link claims a capability that the link before it does not hold.
    Widened(Capability),
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => {
                f.write_str("capability is neither `resource:action` nor a reverse-domain name")
            }
            Self::TooMany => write!(f, "more than {MAX_CAPABILITIES} capabilities"),
            Self::Widened(extra) => write!(f, "delegation adds `{extra}`"),
        }
    }
}

impl std::error::Error for ScopeError {}

#[cfg(test)]
mod tests;
