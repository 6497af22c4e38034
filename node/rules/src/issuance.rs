//! What a domain issues: identity credentials of its owners, agents and nodes, and what it states of
//! domains that it recognises, each with its life.
//!
//! Deciding and writing happen here; status indices and random ids come in, signing happens above.

use crate::trust::TrustedDomain;
use did_resolver::did::Did;
use did_resolver::document::{Document, Relationship};
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{Log, WebvhId};
use std::fmt;
use std::time::Duration;
use vc_schemas::claims::{
    Agent, Claims, DomainRecognition, NodeMembership, Owner, OwnerKind, StatusPair, is_name, peer_id,
};
use vc_schemas::credential::{
    AGENT_LIFE, Credential, MEMBERSHIP_LIFE, OWNER_LIFE, RECOGNITION_LIFE, uuid_urn,
};
use vc_schemas::delegation::scope::Scope;
use vc_schemas::status::bitstring::MIN_ENTRIES;
use vc_schemas::status::{Purpose, StatusEntry};

/// What a member of a domain is. It decides the path of the DID: `owners:alice`, `agents:travel-bot`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberKind {
    /// Answers for agents.
    Owner,
    /// Acts.
    Agent,
}

impl MemberKind {
    /// The path segment before the name.
    #[must_use]
    pub const fn segment(self) -> &'static str {
        match self {
            Self::Owner => "owners",
            Self::Agent => "agents",
        }
    }
}

/// Entries of a list. The least that the recommendation allows, so that one entry says nothing.
pub const LIST_ENTRIES: u32 = MIN_ENTRIES;

/// Most lists of one purpose: two million credentials, each list signed three times in half of its ttl.
pub const MAX_LISTS: u32 = 16;

/// One of the domain's own lists: its purpose, and its number among those of that purpose, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OwnList {
    /// What a set bit means.
    pub purpose: Purpose,
    /// The number; below [`MAX_LISTS`].
    pub number: u32,
}

impl OwnList {
    /// The list of `purpose` on which `place` stands. A place is a status index that counts on from list to list.
    #[must_use]
    pub const fn of(purpose: Purpose, place: u32) -> Self {
        Self { purpose, number: place / LIST_ENTRIES }
    }

    /// Its name, also where it stands below `/status`: the purpose, and from the second list on a number.
    #[must_use]
    pub fn name(self) -> String {
        match self.number {
            0 => self.purpose.as_str().to_owned(),
            number => format!("{}/{number}", self.purpose.as_str()),
        }
    }
}

impl From<Purpose> for OwnList {
    /// The first list.
    fn from(purpose: Purpose) -> Self {
        Self { purpose, number: 0 }
    }
}

/// The domain that issues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Its DID.
    pub did: Did,
    /// Its SCID.
    pub scid: String,
    /// Its label: the host of the DID.
    pub label: String,
    /// Where others reach it, without a slash at the end: what the URLs that it writes begin with.
    pub base_url: String,
}

impl Home {
    /// From the domain's DID.
    ///
    /// # Errors
    /// [`IssuanceError::Log`] where it is no did:webvh without a path.
    pub fn new(did: Did) -> Result<Self, IssuanceError> {
        let id = WebvhId::parse(&did).ok().filter(|id| id.path().is_empty()).ok_or(IssuanceError::Log)?;
        let (scid, label) = (id.scid().to_owned(), id.host().to_owned());
        let base_url = format!("https://{label}");
        Ok(Self { scid, label, base_url, did })
    }

    /// The same where others reach it at `base_url`, which no request has a say in.
    #[must_use]
    pub fn at(self, base_url: &str) -> Self {
        Self { base_url: base_url.trim_end_matches('/').to_owned(), ..self }
    }

    /// The URL of this domain's list.
    #[must_use]
    pub fn list_url(&self, list: impl Into<OwnList>) -> String {
        format!("{}/status/{}", self.base_url, list.into().name())
    }

    /// The URL under which this domain's lists are listed (draft-ietf-oauth-status-list, section 9).
    #[must_use]
    pub fn aggregation_url(&self) -> String {
        format!("{}/status/aggregation", self.base_url)
    }

    /// The two status entries at `place`.
    #[must_use]
    pub fn status(&self, place: u32) -> StatusPair {
        let index = place % LIST_ENTRIES;
        let entry =
            |purpose| StatusEntry { purpose, index, list: self.list_url(OwnList::of(purpose, place)) };
        StatusPair { revocation: entry(Purpose::Revocation), suspension: entry(Purpose::Suspension) }
    }

    /// The place of an entry; `None` where it stands on no list of this domain.
    #[must_use]
    pub fn place(&self, entry: &StatusEntry) -> Option<u32> {
        let purpose = entry.purpose;
        let number = (0..MAX_LISTS).find(|number| {
            let list = OwnList { purpose, number: *number };
            self.list_url(list) == entry.list
        })?;
        let within = entry.index < LIST_ENTRIES;
        within.then_some(number * LIST_ENTRIES + entry.index)
    }
}

/// Whether `log` may become the log of the new member `name` of `home`.
///
/// # Errors
/// [`IssuanceError`]: the name, the DID's host and path, pre-rotation or the keys are not as they must be.
pub fn admit_log(
    home: &Home,
    kind: MemberKind,
    name: &str,
    log: &Log,
    now: UnixSeconds,
) -> Result<(), IssuanceError> {
    if !is_name(name) {
        return Err(IssuanceError::Name);
    }
    let id = log.id();
    if id.host() != home.label || id.port().is_some() || id.path() != [kind.segment(), name] {
        return Err(IssuanceError::Place);
    }
    admit_head(log, now)
}

/// Longest that a key on its way out may stay listed (MODEL.md, "Which key counts").
pub const MAX_OVERLAP: Duration = Duration::from_secs(72 * 3_600);

/// Whether the newest version of a member's log is one that a domain stands by: pre-rotation on, a
/// key for each use that is not on its way out, and no key on its way out for longer than allowed.
///
/// # Errors
/// [`IssuanceError`].
pub fn admit_head(log: &Log, now: UnixSeconds) -> Result<(), IssuanceError> {
    let document = log.document().ok_or(IssuanceError::Log)?;
    if !log.parameters().pre_rotation() || log.parameters().portable() {
        return Err(IssuanceError::Log);
    }
    let latest = now.plus(MAX_OVERLAP).plus(Duration::from_secs(60));
    let bounded = document.methods().iter().all(|m| m.expires.is_none_or(|at| at <= latest));
    let lasting = |relationship| lasting_key(document, relationship, now);
    if bounded && lasting(Relationship::AssertionMethod) && lasting(Relationship::Authentication) {
        Ok(())
    } else {
        Err(IssuanceError::Keys)
    }
}

fn lasting_key(document: &Document, relationship: Relationship, now: UnixSeconds) -> bool {
    let mut listed = document.listed(relationship);
    listed.any(|m| document.authorised(relationship, &m.id, now).is_ok_and(|key| !key.retiring))
}

/// What every credential needs besides its claims.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    /// Sixteen random bytes for the id.
    pub random: [u8; 16],
    /// The place of its status.
    pub index: u32,
    /// When.
    pub now: UnixSeconds,
}

fn credential(home: &Home, slot: Slot, life: Duration, claims: Claims) -> Credential {
    Credential {
        id: uuid_urn(slot.random),
        issuer: home.did.clone(),
        valid_from: slot.now,
        valid_until: slot.now.plus(life),
        status: home.status(slot.index),
        claims,
    }
}

/// An OwnerCredential, for 90 days.
#[must_use]
pub fn owner_credential(
    home: &Home,
    slot: Slot,
    did: &Did,
    kind: OwnerKind,
    subject_index: u32,
) -> Credential {
    let owner =
        Owner { id: did.clone(), kind, domain: home.label.clone(), status: home.status(subject_index) };
    credential(home, slot, OWNER_LIFE, Claims::Owner(owner))
}

/// An AgentCredential, for 24 hours.
#[must_use]
pub fn agent_credential(home: &Home, slot: Slot, agent: &AgentFacts<'_>) -> Credential {
    let claims = Agent {
        id: agent.did.clone(),
        name: agent.name.to_owned(),
        domain: home.label.clone(),
        owner: agent.owner.clone(),
        capabilities: agent.capabilities.clone(),
        status: home.status(agent.subject_index),
    };
    credential(home, slot, AGENT_LIFE, Claims::Agent(claims))
}

/// What a domain knows of its agent.
#[derive(Debug, Clone, Copy)]
pub struct AgentFacts<'a> {
    /// Its DID.
    pub did: &'a Did,
    /// Its name.
    pub name: &'a str,
    /// Who answers for it.
    pub owner: &'a Did,
    /// Its ceiling.
    pub capabilities: &'a Scope,
    /// Its status index for life.
    pub subject_index: u32,
}

/// A NodeMembershipCredential, for 24 hours, for the node with this did:key.
///
/// # Errors
/// [`IssuanceError::Keys`] where it is not the did:key of an Ed25519 key.
pub fn membership_credential(home: &Home, slot: Slot, node: &Did) -> Result<Credential, IssuanceError> {
    let key = did_resolver::methods::key_of(node).map_err(|_| IssuanceError::Keys)?;
    let peer_id = peer_id(&key).ok_or(IssuanceError::Keys)?;
    let claims = NodeMembership { id: node.clone(), peer_id, domain: home.label.clone() };
    Ok(credential(home, slot, MEMBERSHIP_LIFE, Claims::NodeMembership(claims)))
}

/// A DomainRecognitionCredential, for 24 hours: what this domain lets `trusted` root here, for others to read.
///
/// # Errors
/// [`IssuanceError::Place`] where what is trusted is no domain.
pub fn recognition_credential(
    home: &Home,
    slot: Slot,
    trusted: &TrustedDomain,
) -> Result<Credential, IssuanceError> {
    let id = WebvhId::parse(&trusted.did).map_err(|_| IssuanceError::Place)?;
    let claims = DomainRecognition {
        id: trusted.did.clone(),
        domain: id.host().to_owned(),
        capabilities: trusted.capabilities.clone(),
        resource: trusted.resources.clone(),
    };
    Ok(credential(home, slot, RECOGNITION_LIFE, Claims::DomainRecognition(claims)))
}

/// Whether a credential is to be renewed: half of its life is over (MODEL.md, "Credentials").
#[must_use]
pub fn wants_renewal(credential: &Credential, now: UnixSeconds) -> bool {
    let life = credential.valid_until.since(credential.valid_from);
    now.since(credential.valid_from) >= life / 2
}

/// Why a domain does not issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssuanceError {
    /// Not a name.
    Name,
    /// The DID does not stand at the place that the name has in this domain.
    Place,
    /// The log is deactivated, portable, or without pre-rotation.
    Log,
    /// The document has no lasting key for one of the uses, or one on its way out for too long.
    Keys,
}

impl fmt::Display for IssuanceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "a name is 1 to 63 lower-case letters, digits and inner hyphens",
            Self::Place => "the DID does not stand at its name's place in this domain",
            Self::Log => "the log must have pre-rotation, and be neither portable nor deactivated",
            Self::Keys => {
                "the document must list a lasting key for each use, and old ones for 72 hours at most"
            }
        })
    }
}

impl std::error::Error for IssuanceError {}

#[cfg(test)]
mod tests;
