//! What a verifier knows (facts) and what it asks (expectations). `check` sees nothing else.

use crate::delegation::action::Action;
use crate::delegation::budget::Amount;
use crate::delegation::constraints::Workflow;
use crate::delegation::scope::{Capability, Scope};
use crate::status::VerifiedList;
use crate::status::bitstring::Bits;
use did_resolver::did::Did;
use did_resolver::document::Document;
use did_resolver::webvh::Log;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// What the newest accepted version of a DID says.
#[derive(Debug, Clone)]
pub enum DidFact {
    /// The document that counts, and its version number; 1 for methods without versions.
    Active {
        /// The document.
        document: Arc<Document>,
        /// The version number.
        version: u32,
    },
    /// It is deactivated and authorises nothing.
    Deactivated,
    /// It has two valid histories and authorises nothing.
    Contested,
}

impl DidFact {
    /// What a log of a DID is to a verifier. `None` for one that may move: logs are held by their DIDs, so
    /// under a name that was left behind an old key would count for good wherever the move was not heard of.
    #[must_use]
    pub fn of(log: &Log) -> Option<Self> {
        if log.is_deactivated() {
            return Some(Self::Deactivated);
        }
        let fixed = log.versions().all(|version| !version.parameters().portable());
        let document = log.document().filter(|_| fixed)?;
        Some(Self::Active { document: Arc::new(document.clone()), version: log.head().number })
    }
}

/// Which status list: its URL, and the domain that must have signed it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListKey {
    /// The domain's DID.
    pub issuer: Did,
    /// The list's URL.
    pub url: String,
}

/// A list that verified under its issuer's document, and what was ever seen revoked on it.
#[derive(Debug, Clone)]
pub struct ListFact {
    /// The newest accepted list.
    pub list: Arc<VerifiedList>,
    /// Every index ever seen revoked (MESH.md D7), or of a list of suspensions, every index that a change
    /// which is newer than the list leaves suspended; consulted beside the list.
    pub revoked_ever: Option<Arc<Bits>>,
}

/// Everything that was fetched.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    dids: BTreeMap<Did, DidFact>,
    lists: BTreeMap<ListKey, ListFact>,
}

impl Facts {
    /// Adds what is known of `did`. A document that is about another DID is not taken.
    pub fn insert_did(&mut self, did: Did, fact: DidFact) {
        let about_it = match &fact {
            DidFact::Active { document, .. } => *document.id() == did,
            DidFact::Deactivated | DidFact::Contested => true,
        };
        if about_it {
            self.dids.insert(did, fact);
        }
    }

    /// Adds a list under its own issuer and URL.
    pub fn insert_list(&mut self, fact: ListFact) {
        let key = ListKey { issuer: fact.list.issuer.clone(), url: fact.list.url.clone() };
        self.lists.insert(key, fact);
    }

    /// What is known of `did`.
    #[must_use]
    pub fn did(&self, did: &Did) -> Option<&DidFact> {
        self.dids.get(did)
    }

    /// What is known of the list.
    #[must_use]
    pub fn list(&self, key: &ListKey) -> Option<&ListFact> {
        self.lists.get(key)
    }
}

/// What a domain, or a principal by name, may root here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Anchor {
    /// The capabilities; none by default.
    pub capabilities: Scope,
    /// The resources; `None`: any.
    pub resources: Option<BTreeSet<String>>,
}

/// A domain that this verifier recognises: its identity credentials count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recognition {
    /// For the time being they do not.
    pub suspended: bool,
    /// What it may root; by default nothing.
    pub anchor: Anchor,
}

/// What is asked of the mandate, if the verifier already knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// This capability.
    pub capability: Option<Capability>,
    /// On this resource.
    pub resource: Option<String>,
    /// For this purpose.
    pub purpose: Option<String>,
    /// Within this workflow.
    pub workflow: Option<Workflow>,
    /// With these arguments: every one of the use, for one that is limited and not stated refuses.
    pub arguments: BTreeMap<String, Value>,
    /// For this much.
    pub amount: Option<Amount>,
}

impl Request {
    /// The use that is asked for at the verifier `audience`; `None` where no capability is named.
    #[must_use]
    pub fn action(&self, audience: &str) -> Option<Action> {
        Some(Action {
            audience: audience.to_owned(),
            capability: self.capability.clone()?,
            resource: self.resource.clone(),
            purpose: self.purpose.clone(),
            workflow: self.workflow.clone(),
            arguments: self.arguments.clone(),
            amount: self.amount.clone(),
        })
    }
}

/// What a verifier expects, all of its own making.
#[derive(Debug, Clone)]
pub struct Expect {
    /// The verifier's own name, which presentation and mandate must be meant for.
    pub audience: String,
    /// The nonce that the verifier gave.
    pub nonce: String,
    /// The domains that it recognises, by SCID.
    pub domains: BTreeMap<String, Recognition>,
    /// Principals that an anchor names themselves. Their OwnerCredential is wanted all the same.
    pub principals: BTreeMap<Did, Anchor>,
    /// How old a status list may be, counted from its signing.
    pub status_max_age: Duration,
    /// Capabilities of low assurance: a use of one goes on where the newest list to be had is older than
    /// that, up to [`MAX_DEFERRED_AGE`]. What is not known then stands in the verdict, to be confirmed later.
    pub deferrable: Scope,
    /// How far clocks may differ; 60 s by default, 300 s at most.
    pub skew: Duration,
    /// What is asked.
    pub request: Request,
}

impl Expect {
    /// Whether the use that is asked for may go on by a list that is old.
    #[must_use]
    pub fn may_defer(&self) -> bool {
        self.request.capability.as_ref().is_some_and(|capability| self.deferrable.allows(capability))
    }
}

/// How old a list may be that a use of low assurance goes on by: the outer bound of ETSI EN 319 411-1 for
/// news of a revocation.
pub const MAX_DEFERRED_AGE: Duration = Duration::from_secs(86_400);

/// The default of [`Expect::skew`].
pub const DEFAULT_SKEW: Duration = Duration::from_secs(60);

/// The default of [`Expect::status_max_age`]: high assurance (THREATS.md B, "Status freshness").
pub const DEFAULT_STATUS_MAX_AGE: Duration = Duration::from_secs(300);
