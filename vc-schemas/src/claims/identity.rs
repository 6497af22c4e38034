//! Who somebody is: OwnerCredential and AgentCredential.

use super::{ClaimsError, StatusPair, domain, kind};
use crate::delegation::scope::Scope;
use crate::object::Object;
use did_resolver::did::Did;
use serde_json::{Value, json};

/// Longest name of an owner or agent: a DNS label.
pub const MAX_NAME_BYTES: usize = 63;

/// Whether `text` may name an owner or agent: 1 to 63 lower-case letters, digits and inner hyphens.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=MAX_NAME_BYTES).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A person or an organisation that answers for agents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its DID.
    pub id: Did,
    /// Person or organisation.
    pub kind: OwnerKind,
    /// The label of its domain, for people to read. It proves nothing.
    pub domain: String,
    /// Its status index for life.
    pub status: StatusPair,
}

/// What an owner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnerKind {
    /// A natural person.
    Person,
    /// A legal person.
    Organization,
}

impl OwnerKind {
    /// The value of `ownerType`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Organization => "organization",
        }
    }

    fn read(text: &str) -> Result<Self, ClaimsError> {
        [Self::Person, Self::Organization]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(ClaimsError::Malformed("ownerType"))
    }
}

impl Owner {
    pub(super) fn read(object: &mut Object<'_>) -> Result<Self, ClaimsError> {
        kind(object, "Owner")?;
        Ok(Self {
            id: object.did("id")?,
            kind: OwnerKind::read(object.text("ownerType")?)?,
            domain: domain(object)?,
            status: StatusPair::read(object.required("subjectStatus")?)?,
        })
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id.as_str(), "type": "Owner", "ownerType": self.kind.as_str(),
            "domain": self.domain, "subjectStatus": self.status.to_json(),
        })
    }
}

/// An agent and what it may be given at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its DID.
    pub id: Did,
    /// Its name within the domain.
    pub name: String,
    /// The label of its domain, for people to read. It proves nothing.
    pub domain: String,
    /// Who answers for it.
    pub owner: Did,
    /// The ceiling: no link may give it more. It grants nothing.
    pub capabilities: Scope,
    /// Its status index for life.
    pub status: StatusPair,
}

impl Agent {
    pub(super) fn read(object: &mut Object<'_>) -> Result<Self, ClaimsError> {
        kind(object, "Agent")?;
        let name = object.text("name")?;
        if !is_name(name) {
            return Err(ClaimsError::Malformed("name"));
        }
        Ok(Self {
            id: object.did("id")?,
            name: name.to_owned(),
            domain: domain(object)?,
            owner: object.did("owner")?,
            capabilities: Scope::read(object.required("capabilities")?)?,
            status: StatusPair::read(object.required("subjectStatus")?)?,
        })
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id.as_str(), "type": "Agent", "name": self.name, "domain": self.domain,
            "owner": self.owner.as_str(), "capabilities": self.capabilities.to_json(),
            "subjectStatus": self.status.to_json(),
        })
    }
}
