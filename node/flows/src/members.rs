//! The owners and agents of this domain: registered with their own keys, suspended, resumed, revoked.
//! Names are never given twice.

use crate::domain::{Domain, put};
use crate::error::Error;
use crate::ports::records::{Expect, StoreError, Table, Write};
use crate::record::{Decision, Kind};
use crate::status::Flip;
use did_resolver::did::Did;
use did_resolver::json::Json;
use did_resolver::webvh::Log;
use marque_rules::issuance::{self, MemberKind};
use marque_rules::lifecycle::{Act, Standing};
use marque_rules::replica::floor::{ReceivedLog, check_proofs};
use serde_json::{Value, json};
use vc_schemas::claims::{OwnerKind, is_name};
use vc_schemas::code::Code;
use vc_schemas::delegation::scope::Scope;
use vc_schemas::object::Object;
use vc_schemas::status::Purpose;

/// Most owners or agents that are listed at once.
const MAX_LISTED: usize = 10_000;

/// Most events of one member's history that stand in its record; the decision entries have all.
const MAX_HISTORY: usize = 64;

/// Agents that are revoked in one batch: two writes each, well within what a batch holds.
const MAX_AT_ONCE: usize = 256;

/// How often an act is tried anew where the record was changed meanwhile.
const MAX_TRIES: usize = 16;

/// An owner or agent, as the store has it.
#[derive(Debug, Clone)]
pub struct Member {
    /// Which.
    pub kind: MemberKind,
    /// Its name.
    pub name: String,
    /// Its DID.
    pub did: Did,
    /// Where it stands.
    pub standing: Standing,
    /// Its status index for life.
    pub index: u32,
    /// Person or organisation; of an agent `None`.
    pub owner_kind: Option<OwnerKind>,
    /// The name and DID of who answers for it; of an owner `None`.
    pub owner: Option<(String, Did)>,
    /// Its ceiling; of an owner empty.
    pub capabilities: Scope,
    /// When it was registered.
    pub created: String,
    /// What happened to it, oldest first: time and event.
    pub history: Vec<Value>,
    pub(crate) version: u64,
}

/// What a new member is to be, beside its log.
#[derive(Debug, Clone)]
pub enum NewMember {
    /// An owner.
    Owner(OwnerKind),
    /// An agent, the name of who answers for it, and its ceiling.
    Agent(String, Scope),
}

impl NewMember {
    const fn kind(&self) -> MemberKind {
        match self {
            Self::Owner(_) => MemberKind::Owner,
            Self::Agent(..) => MemberKind::Agent,
        }
    }
}

pub(crate) const fn table(kind: MemberKind) -> Table {
    match kind {
        MemberKind::Owner => Table::Owners,
        MemberKind::Agent => Table::Agents,
    }
}

impl Member {
    pub(crate) fn read(kind: MemberKind, json: &Value, version: u64) -> Result<Self, Error> {
        let read = || {
            let mut object = Object::new(json, "member").ok()?;
            let owner_kind = match object.optional_text("ownerKind").ok()? {
                Some("person") => Some(OwnerKind::Person),
                Some("organization") => Some(OwnerKind::Organization),
                _ => None,
            };
            let owner = match object.optional_text("owner").ok()? {
                Some(name) => Some((name.to_owned(), object.did("ownerDid").ok()?)),
                None => None,
            };
            Some(Self {
                kind,
                name: object.text("name").ok()?.to_owned(),
                did: object.did("did").ok()?,
                standing: Standing::parse(object.text("state").ok()?)?,
                index: object.required("index").ok()?.as_u64()?.try_into().ok()?,
                owner_kind,
                owner,
                capabilities: Scope::read(object.required("capabilities").ok()?).ok()?,
                created: object.text("created").ok()?.to_owned(),
                history: object.required("history").ok()?.items()?.map(Json::to_value).collect(),
                version,
            })
        };
        read().ok_or(Error::Record("a member"))
    }

    /// The record, which is also what callers see.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "did": self.did.as_str(),
            "state": self.standing.as_str(),
            "index": self.index,
            "ownerKind": self.owner_kind.map(OwnerKind::as_str),
            "owner": self.owner.as_ref().map(|(name, _)| name),
            "ownerDid": self.owner.as_ref().map(|(_, did)| did.as_str()),
            "capabilities": self.capabilities.to_json(),
            "created": self.created,
            "history": self.history,
        })
    }

    pub(crate) fn note(&mut self, time: &str, event: &str) {
        if self.history.len() >= MAX_HISTORY {
            self.history.remove(0);
        }
        self.history.push(json!({"time": time, "event": event}));
    }

    pub(crate) fn write(&self, expect: Expect) -> Write {
        let mut json = self.to_json();
        if let Some(members) = json.as_object_mut() {
            members.retain(|_, value| !value.is_null());
        }
        put(table(self.kind), self.name.as_bytes(), &json, expect)
    }

    /// The refusal where it may not be acted for.
    pub(crate) fn must_be_active(&self) -> Result<(), Error> {
        let (revoked, suspended) = match self.kind {
            MemberKind::Owner => (Code::OwnerRevoked, Code::OwnerSuspended),
            MemberKind::Agent => (Code::AgentRevoked, Code::AgentSuspended),
        };
        match self.standing {
            Standing::Active => Ok(()),
            Standing::Suspended => Err(Error::refused(suspended, "it is suspended")),
            Standing::Revoked => Err(Error::refused(revoked, "it is revoked")),
        }
    }
}

impl Domain {
    /// The member of this name.
    ///
    /// # Errors
    /// [`Error::Refused`] with `owner-unknown` or `agent-unknown`.
    pub async fn member(&self, kind: MemberKind, name: &str) -> Result<Member, Error> {
        let unknown = match kind {
            MemberKind::Owner => Error::refused(Code::OwnerUnknown, "no owner of that name"),
            MemberKind::Agent => Error::refused(Code::AgentUnknown, "no agent of that name"),
        };
        if !is_name(name) {
            return Err(unknown);
        }
        let (json, version) = self.json(table(kind), name.as_bytes()).await?.ok_or(unknown)?;
        Member::read(kind, &json, version)
    }

    /// The member with this DID, if it is one of this domain.
    pub(crate) async fn member_of(&self, did: &Did) -> Result<Option<Member>, Error> {
        let Ok(id) = did_resolver::webvh::WebvhId::parse(did) else { return Ok(None) };
        let [segment, name] = id.path() else { return Ok(None) };
        let kind = [MemberKind::Owner, MemberKind::Agent].into_iter().find(|kind| kind.segment() == segment);
        let Some(kind) = kind else { return Ok(None) };
        match self.member(kind, name).await {
            Ok(member) if member.did == *did => Ok(Some(member)),
            Ok(_) | Err(Error::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All members of a kind, in order of their names.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn members(&self, kind: MemberKind) -> Result<Vec<Member>, Error> {
        let rows = self.all(table(kind), &[], MAX_LISTED).await?;
        rows.iter().map(|(_, json)| Member::read(kind, json, 0)).collect()
    }

    /// What [`Domain::register`] does; its refusal is not on record yet.
    pub(crate) async fn try_register(
        &self,
        name: &str,
        new: NewMember,
        received: ReceivedLog<'_>,
        proof: &[u8],
    ) -> Result<(Member, String), Error> {
        let kind = new.kind();
        let log = Log::verify_with(received.log, received.witness, self.now())
            .and_then(|log| check_proofs(&log).map(|()| log))
            .map_err(|error| Error::log(&error))?;
        issuance::admit_log(&self.home, kind, name, &log, self.now())?;
        let owner = match &new {
            NewMember::Owner(_) => None,
            NewMember::Agent(owner, _) => {
                let owner = self.member(MemberKind::Owner, owner).await?;
                owner.must_be_active()?;
                Some((owner.name, owner.did))
            }
        };
        if self.json(table(kind), name.as_bytes()).await?.is_some() {
            return Err(Error::member(Code::NameTaken, "name", "the name is in use, or was"));
        }
        self.check_possession(proof, &log).await?;
        let subject = self.free_index(&json!({"for": "subject", "name": name}), &[]).await?;
        let now = self.now().to_string();
        let (owner_kind, capabilities) = match new {
            NewMember::Owner(kind) => (Some(kind), Scope::default()),
            NewMember::Agent(_, capabilities) => (None, capabilities),
        };
        let mut member = Member {
            kind,
            name: name.to_owned(),
            did: log.did().clone(),
            standing: Standing::Active,
            index: subject.index,
            owner_kind,
            owner,
            capabilities,
            created: now.clone(),
            history: Vec::new(),
            version: 0,
        };
        member.note(&now, "registered");
        let (issued, credential) = self.issue_identity(&member, &[subject.index]).await?;
        let (announced, publication) = self.announce_log(&member.did, &log).await?;
        let mut batch = vec![member.write(Expect::Absent), subject.write];
        batch.extend(issued);
        batch.extend(self.log_writes(
            &member.did,
            &crate::objects::KnownLog::default(),
            std::slice::from_ref(&log),
        ));
        batch.extend(announced);
        batch.push(self.entry(Decision::new(Kind::Log, member.did.as_str(), "registered"))?);
        self.commit_new(batch).await?;
        self.publish(vec![publication]).await;
        if let Some((owner, _)) = &member.owner {
            // Who was revoked meanwhile was so before the agent could be found among its agents.
            let owner = self.member(MemberKind::Owner, owner).await?;
            if owner.standing == Standing::Revoked {
                self.revoke_agents_of(&owner.name).await?;
                owner.must_be_active()?;
            }
        }
        Ok((member, credential))
    }

    async fn commit_new(&self, batch: Vec<Write>) -> Result<(), Error> {
        self.records.commit(batch).await.map_err(|error| match error {
            StoreError::Conflict(0) => Error::member(Code::NameTaken, "name", "the name is in use, or was"),
            error => error.into(),
        })
    }

    /// What [`Domain::act_on_member`] does; its refusal is not on record yet.
    pub(crate) async fn try_act_on_member(
        &self,
        kind: MemberKind,
        name: &str,
        act: Act,
    ) -> Result<Member, Error> {
        let mut tries = 1;
        loop {
            match self.try_on_member(kind, name, act).await {
                // A renewal at the same time is no reason not to revoke.
                Err(Error::Store(StoreError::Conflict(_))) if tries < MAX_TRIES => tries += 1,
                Ok(owner) if kind == MemberKind::Owner && owner.standing == Standing::Revoked => {
                    self.revoke_agents_of(name).await?;
                    return Ok(owner);
                }
                outcome => return outcome,
            }
        }
    }

    /// Revokes the agents of an owner that is revoked. After a crash in between, the act is repeated.
    async fn revoke_agents_of(&self, owner: &str) -> Result<(), Error> {
        let mut tries = 1;
        loop {
            let rows = self.all(Table::Agents, &[], usize::MAX).await?;
            let agents = rows.iter().map(|(_, json)| Member::read(MemberKind::Agent, json, 0));
            let agents = agents.collect::<Result<Vec<_>, _>>()?;
            let of_owner = |agent: &&Member| agent.owner.as_ref().is_some_and(|(name, _)| name == owner);
            let standing = |agent: &&Member| agent.standing != Standing::Revoked;
            let names: Vec<_> = agents.iter().filter(of_owner).filter(standing).map(|a| &a.name).collect();
            let mut outcome = Ok(());
            for names in names.chunks(MAX_AT_ONCE) {
                let (mut all, mut batch) = (Vec::new(), Vec::new());
                for name in names {
                    let mut agent = self.member(MemberKind::Agent, name).await?;
                    all.extend(flips(agent.index, agent.standing, Standing::Revoked));
                    agent.standing = Standing::Revoked;
                    agent.note(&self.now().to_string(), "revoked with its owner");
                    let decision = Decision::new(Kind::Status, agent.did.as_str(), "revoked");
                    batch.push(agent.write(Expect::Version(agent.version)));
                    batch.push(self.entry(decision.with(json!({"with": owner})))?);
                }
                outcome = outcome.and(self.flip(&all, batch).await);
            }
            match outcome {
                Err(Error::Store(StoreError::Conflict(_))) if tries < MAX_TRIES => tries += 1,
                outcome => return outcome,
            }
        }
    }

    async fn try_on_member(&self, kind: MemberKind, name: &str, act: Act) -> Result<Member, Error> {
        let mut member = self.member(kind, name).await?;
        let standing = member
            .standing
            .after(act)
            .map_err(|_| Error::refused(Code::StateConflict, "what is revoked stays revoked"))?;
        if standing == member.standing {
            return Ok(member);
        }
        let flips = flips(member.index, member.standing, standing);
        member.standing = standing;
        member.note(&self.now().to_string(), standing.as_str());
        let decision = Decision::new(Kind::Status, member.did.as_str(), standing.as_str());
        let batch = vec![member.write(Expect::Version(member.version)), self.entry(decision)?];
        self.flip(&flips, batch).await?;
        Ok(member)
    }

    /// What [`Domain::reserve_index`] does; its refusal is not on record yet.
    pub(crate) async fn try_reserve_index(&self, issuer: &Did) -> Result<u32, Error> {
        let unknown = Error::member(Code::AgentUnknown, "issuer", "not an owner or agent of this domain");
        self.member_of(issuer).await?.ok_or(unknown)?.must_be_active()?;
        self.reserve_for_link(issuer.as_str()).await
    }
}

/// What leads from one standing to another, on the two lists.
pub(crate) fn flips(index: u32, from: Standing, to: Standing) -> Vec<Flip> {
    let mut flips = Vec::new();
    if to == Standing::Revoked {
        flips.push(Flip { purpose: Purpose::Revocation, index, set: true });
    }
    if (to == Standing::Suspended) != (from == Standing::Suspended) && to != Standing::Revoked {
        flips.push(Flip { purpose: Purpose::Suspension, index, set: to == Standing::Suspended });
    }
    flips
}
