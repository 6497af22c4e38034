//! What each credential type says of its subject, read strictly: a member that is not known refuses.

use crate::delegation::constraints::{Constraints, ConstraintsError};
use crate::delegation::scope::{Scope, ScopeError};
use crate::object::{Object, ObjectError};
use crate::status::{Purpose, StatusEntry};
use did_resolver::codec::{self, Sha256Digest};
use did_resolver::did::Did;
use did_resolver::keys::KeyKind;
use did_resolver::keys::PublicKey;
use did_resolver::methods;
use serde_json::{Map, Value, json};

/// Longest name of an owner or agent: a DNS label.
pub const MAX_NAME_BYTES: usize = 63;

/// Longest domain label: a DNS name.
pub const MAX_DOMAIN_BYTES: usize = 253;

/// The bytes before an Ed25519 key in a libp2p PeerId: an identity multihash of the protobuf
/// `PublicKey { Type: Ed25519, Data: 32 bytes }`.
const PEER_ID_PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// Whether `text` may name an owner or agent: 1 to 63 lower-case letters, digits and inner hyphens.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=MAX_NAME_BYTES).contains(&text.len())
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

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
    pub fn read(json: &Value) -> Result<Self, ClaimsError> {
        let wrong = ClaimsError::Malformed("credentialStatus");
        let Some([one, two]) = json.as_array().map(Vec::as_slice) else { return Err(wrong) };
        let read = |json| StatusEntry::parse(json).map_err(|_| wrong);
        let (one, two) = (read(one)?, read(two)?);
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

/// The link before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// Its credential id.
    pub id: String,
    /// SHA-256 over what its signature covers.
    pub digest: Sha256Digest,
}

/// A node of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeMembership {
    /// The node's libp2p key as did:key.
    pub id: Did,
    /// The libp2p PeerId of the same key, in base58btc.
    pub peer_id: String,
    /// The label of its domain, for people to read. It proves nothing.
    pub domain: String,
}

/// The libp2p PeerId, in base58btc, of an Ed25519 key. `None` for another kind of key.
#[must_use]
pub fn peer_id(key: &PublicKey) -> Option<String> {
    let ed25519 = key.kind() == KeyKind::Ed25519;
    ed25519.then(|| codec::to_base58btc(&[&PEER_ID_PREFIX[..], key.as_bytes()].concat()))
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
}

impl Claims {
    /// The type beside `VerifiableCredential`.
    #[must_use]
    pub const fn credential_type(&self) -> &'static str {
        match self {
            Self::Owner(_) => "OwnerCredential",
            Self::Agent(_) => "AgentCredential",
            Self::Delegation(_) => "DelegationCredential",
            Self::NodeMembership(_) => "NodeMembershipCredential",
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
        }
    }

    /// Reads the `credentialSubject` of a credential of `credential_type`.
    ///
    /// # Errors
    /// [`ClaimsError`].
    pub fn read(credential_type: &str, json: &Value) -> Result<Self, ClaimsError> {
        let mut object = Object::new(json, "credentialSubject")?;
        let claims = match credential_type {
            "OwnerCredential" => Self::Owner(read_owner(&mut object)?),
            "AgentCredential" => Self::Agent(read_agent(&mut object)?),
            "DelegationCredential" => Self::Delegation(read_delegation(&mut object)?),
            "NodeMembershipCredential" => Self::NodeMembership(read_membership(&mut object)?),
            _ => return Err(ClaimsError::Malformed("type")),
        };
        object.end("credentialSubject")?;
        Ok(claims)
    }

    /// Writes the `credentialSubject`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Owner(owner) => json!({
                "id": owner.id.as_str(), "type": "Owner", "ownerType": owner.kind.as_str(),
                "domain": owner.domain, "subjectStatus": owner.status.to_json(),
            }),
            Self::Agent(agent) => json!({
                "id": agent.id.as_str(), "type": "Agent", "name": agent.name, "domain": agent.domain,
                "owner": agent.owner.as_str(), "capabilities": agent.capabilities.to_json(),
                "subjectStatus": agent.status.to_json(),
            }),
            Self::Delegation(link) => write_delegation(link),
            Self::NodeMembership(node) => json!({
                "id": node.id.as_str(), "type": "Node", "peerId": node.peer_id, "domain": node.domain,
            }),
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

fn read_owner(object: &mut Object<'_>) -> Result<Owner, ClaimsError> {
    kind(object, "Owner")?;
    Ok(Owner {
        id: object.did("id")?,
        kind: OwnerKind::read(object.text("ownerType")?)?,
        domain: domain(object)?,
        status: StatusPair::read(object.required("subjectStatus")?)?,
    })
}

fn read_agent(object: &mut Object<'_>) -> Result<Agent, ClaimsError> {
    kind(object, "Agent")?;
    let name = object.text("name")?;
    if !is_name(name) {
        return Err(ClaimsError::Malformed("name"));
    }
    Ok(Agent {
        id: object.did("id")?,
        name: name.to_owned(),
        domain: domain(object)?,
        owner: object.did("owner")?,
        capabilities: Scope::read(object.required("capabilities")?)?,
        status: StatusPair::read(object.required("subjectStatus")?)?,
    })
}

fn read_delegation(object: &mut Object<'_>) -> Result<Delegation, ClaimsError> {
    let parent = object.optional("parent").map(|json| {
        let mut parent = Object::new(json, "parent")?;
        let id = parent.text("id")?.to_owned();
        let digest = codec::from_digest_multibase(parent.text("digestMultibase")?)
            .map_err(|_| ClaimsError::Malformed("digestMultibase"))?;
        parent.end("parent")?;
        Ok::<_, ClaimsError>(Parent { id, digest })
    });
    let constraints = object.optional("constraints").map_or(Ok(Constraints::default()), Constraints::read)?;
    Ok(Delegation {
        id: object.did("id")?,
        principal: object.did("principal")?,
        capabilities: Scope::read(object.required("capabilities")?)?,
        constraints,
        parent: parent.transpose()?,
    })
}

fn write_delegation(link: &Delegation) -> Value {
    let mut members = Map::new();
    members.insert("id".into(), json!(link.id.as_str()));
    members.insert("principal".into(), json!(link.principal.as_str()));
    members.insert("capabilities".into(), link.capabilities.to_json());
    if link.constraints != Constraints::default() {
        members.insert("constraints".into(), link.constraints.to_json());
    }
    if let Some(parent) = &link.parent {
        let digest = codec::digest_multibase(&parent.digest);
        members.insert("parent".into(), json!({"id": parent.id, "digestMultibase": digest}));
    }
    Value::Object(members)
}

fn read_membership(object: &mut Object<'_>) -> Result<NodeMembership, ClaimsError> {
    kind(object, "Node")?;
    let (id, stated) = (object.did("id")?, object.text("peerId")?);
    let computed = methods::key_of(&id).ok().and_then(|key| peer_id(&key));
    if computed.as_deref() != Some(stated) {
        return Err(ClaimsError::Malformed("peerId"));
    }
    Ok(NodeMembership { id, peer_id: stated.to_owned(), domain: domain(object)? })
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
