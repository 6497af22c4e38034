//! What each credential type says of its subject, read strictly: a member that is not known refuses.

mod approval;
mod identity;
mod link;
mod membership;
mod recognition;
mod signal;

pub use approval::Approval;
pub use identity::{Agent, MAX_NAME_BYTES, Owner, OwnerKind, is_name};
pub use link::{Delegation, Parent};
pub use membership::{NodeMembership, peer_id};
pub use recognition::DomainRecognition;
pub use signal::{MAX_COUNT, Signal, TrustSignal};

use crate::delegation::constraints::ConstraintsError;
use crate::delegation::scope::ScopeError;
use crate::object::{Object, ObjectError};
use crate::status::{Purpose, StatusEntry};
use did_resolver::did::Did;
use did_resolver::json::Json;
use serde_json::{Value, json};

/// Longest domain label: a DNS name.
pub const MAX_DOMAIN_BYTES: usize = 253;

/// The two status entries that everything has: one for revocation, one for suspension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusPair {
    /// Irreversible.
    pub revocation: StatusEntry,
    /// Reversible.
    pub suspension: StatusEntry,
}

impl StatusPair {
    /// Reads an array of exactly the two, in either order.
    ///
    /// # Errors
    /// [`ClaimsError::Malformed`].
    pub fn read<'a>(json: impl Into<Json<'a>>) -> Result<Self, ClaimsError> {
        let wrong = ClaimsError::Malformed("credentialStatus");
        let mut items = json.into().items().filter(|items| items.len() == 2).ok_or(wrong)?;
        let mut read = || StatusEntry::parse(items.next().ok_or(wrong)?).map_err(|_| wrong);
        let (one, two) = (read()?, read()?);
        match (one.purpose, two.purpose) {
            (Purpose::Revocation, Purpose::Suspension) => Ok(Self { revocation: one, suspension: two }),
            (Purpose::Suspension, Purpose::Revocation) => Ok(Self { revocation: two, suspension: one }),
            _ => Err(wrong),
        }
    }

    /// Writes the array.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!([self.revocation.to_json(), self.suspension.to_json()])
    }
}

/// The claims of a credential, by its type.
#[expect(clippy::large_enum_variant, reason = "a chain is mostly links, and they are moved about little")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claims {
    /// `OwnerCredential`.
    Owner(Owner),
    /// `AgentCredential`.
    Agent(Agent),
    /// `DelegationCredential`.
    Delegation(Delegation),
    /// `NodeMembershipCredential`.
    NodeMembership(NodeMembership),
    /// `DomainRecognitionCredential`.
    DomainRecognition(DomainRecognition),
    /// `ApprovalCredential`.
    Approval(Approval),
    /// `TrustSignalCredential`.
    TrustSignal(TrustSignal),
}

impl Claims {
    /// The types beside `VerifiableCredential`.
    pub const TYPES: [&'static str; 7] = [
        "OwnerCredential",
        "AgentCredential",
        "DelegationCredential",
        "NodeMembershipCredential",
        "DomainRecognitionCredential",
        "ApprovalCredential",
        "TrustSignalCredential",
    ];

    /// The type beside `VerifiableCredential`.
    #[must_use]
    pub const fn credential_type(&self) -> &'static str {
        match self {
            Self::Owner(_) => "OwnerCredential",
            Self::Agent(_) => "AgentCredential",
            Self::Delegation(_) => "DelegationCredential",
            Self::NodeMembership(_) => "NodeMembershipCredential",
            Self::DomainRecognition(_) => "DomainRecognitionCredential",
            Self::Approval(_) => "ApprovalCredential",
            Self::TrustSignal(_) => "TrustSignalCredential",
        }
    }

    /// About whom.
    #[must_use]
    pub const fn subject(&self) -> &Did {
        match self {
            Self::Owner(owner) => &owner.id,
            Self::Agent(agent) => &agent.id,
            Self::Delegation(link) => &link.id,
            Self::NodeMembership(node) => &node.id,
            Self::DomainRecognition(recognised) => &recognised.id,
            Self::Approval(approval) => &approval.id,
            Self::TrustSignal(signal) => &signal.id,
        }
    }

    /// Whether the issuer may be the subject. Who recognises, approves or observes itself says nothing.
    #[must_use]
    pub const fn may_be_of_oneself(&self) -> bool {
        match self {
            Self::DomainRecognition(_) | Self::Approval(_) | Self::TrustSignal(_) => false,
            Self::Owner(_) | Self::Agent(_) | Self::Delegation(_) | Self::NodeMembership(_) => true,
        }
    }

    /// Reads the `credentialSubject` of a credential of `credential_type`.
    ///
    /// # Errors
    /// [`ClaimsError`].
    pub fn read<'a>(credential_type: &str, json: impl Into<Json<'a>>) -> Result<Self, ClaimsError> {
        let mut object = Object::new(json, "credentialSubject")?;
        let from = &mut object;
        let claims = match credential_type {
            "OwnerCredential" => Self::Owner(Owner::read(from)?),
            "AgentCredential" => Self::Agent(Agent::read(from)?),
            "DelegationCredential" => Self::Delegation(Delegation::read(from)?),
            "NodeMembershipCredential" => Self::NodeMembership(NodeMembership::read(from)?),
            "DomainRecognitionCredential" => Self::DomainRecognition(DomainRecognition::read(from)?),
            "ApprovalCredential" => Self::Approval(Approval::read(from)?),
            "TrustSignalCredential" => Self::TrustSignal(TrustSignal::read(from)?),
            _ => return Err(ClaimsError::Malformed("type")),
        };
        object.end("credentialSubject")?;
        Ok(claims)
    }

    /// Writes the `credentialSubject`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Owner(owner) => owner.to_json(),
            Self::Agent(agent) => agent.to_json(),
            Self::Delegation(link) => link.to_json(),
            Self::NodeMembership(node) => node.to_json(),
            Self::DomainRecognition(recognised) => recognised.to_json(),
            Self::Approval(approval) => approval.to_json(),
            Self::TrustSignal(signal) => signal.to_json(),
        }
    }
}

fn kind(object: &mut Object<'_>, expected: &str) -> Result<(), ClaimsError> {
    if object.text("type")? == expected {
        Ok(())
    } else {
        Err(ClaimsError::Malformed("credentialSubject.type"))
    }
}

fn domain(object: &mut Object<'_>) -> Result<String, ClaimsError> {
    let label = object.text("domain")?;
    if label.len() <= MAX_DOMAIN_BYTES && label.is_ascii() {
        Ok(label.to_owned())
    } else {
        Err(ClaimsError::Malformed("domain"))
    }
}

/// Why claims were not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimsError {
    /// The member is missing, of the wrong shape, or holds what is not known.
    Malformed(&'static str),
    /// A constraint that is not known.
    ConstraintUnknown,
}

impl From<ObjectError> for ClaimsError {
    fn from(error: ObjectError) -> Self {
        Self::Malformed(error.member)
    }
}

impl From<ScopeError> for ClaimsError {
    fn from(_: ScopeError) -> Self {
        Self::Malformed("capabilities")
    }
}

impl From<ConstraintsError> for ClaimsError {
    fn from(error: ConstraintsError) -> Self {
        match error {
            ConstraintsError::Unknown => Self::ConstraintUnknown,
            ConstraintsError::Malformed => Self::Malformed("constraints"),
        }
    }
}
