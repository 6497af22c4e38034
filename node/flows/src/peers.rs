//! Domains that joined by token: admitted to each other's mesh. A join makes no credential count;
//! `trust` does.

use crate::domain::{Domain, put};
use crate::error::Error;
use crate::ports::clock::random;
use crate::ports::mesh::{Events, MeshError, PeerInfo};
use crate::ports::records::{Expect, StoreError, Table, Write};
use crate::record::{Decision, Kind};
use did_resolver::codec;
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::WebvhId;
use marque_rules::replica::Refusal;
use marque_rules::replica::limits::MAX_ADDRESSES;
use marque_rules::replica::token::{JoinSecret, JoinToken};
use serde_json::{Value, json};
use std::time::Duration;
use vc_schemas::code::Code;

/// Longest life of a join token: it is passed on by people within days.
pub const MAX_INVITE_LIFE: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Most domains that joined, or are recognised and were met: ten times what one node recognises, and read whole when
/// one is added.
pub const MAX_PEER_DOMAINS: usize = 1_024;

/// A token that was given out.
#[derive(Debug, Clone)]
pub struct Invite {
    /// The text to pass on. It holds a secret.
    pub token: String,
    /// Until when.
    pub expires: UnixSeconds,
}

/// A domain that was joined, or trusted and met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerRecord {
    /// Its DID.
    pub did: Did,
    /// Its SCID.
    pub scid: String,
    /// Its label, for people to read.
    pub label: String,
    /// Whether it joined by token.
    pub joined: bool,
    /// Multiaddrs of its nodes, as hints.
    pub addresses: Vec<String>,
}

impl PeerRecord {
    pub(crate) fn new(did: Did, joined: bool, addresses: Vec<String>) -> Result<Self, Error> {
        let id = WebvhId::parse(&did).map_err(|_| Error::Record("a peer"))?;
        Ok(Self { scid: id.scid().to_owned(), label: id.host().to_owned(), did, joined, addresses })
    }

    fn read(json: &Value) -> Result<Self, Error> {
        let did = json.get("did").and_then(Value::as_str).and_then(|t| t.parse().ok());
        let addresses = json.get("addresses").and_then(Value::as_array);
        let addresses =
            addresses.into_iter().flatten().filter_map(|a| a.as_str().map(str::to_owned)).collect();
        let joined = json.get("joined").and_then(Value::as_bool).unwrap_or_default();
        Self::new(did.ok_or(Error::Record("a peer"))?, joined, addresses)
    }

    pub(crate) fn write(&self) -> Write {
        let addresses: Vec<_> = self.addresses.iter().take(MAX_ADDRESSES).collect();
        let json = json!({"did": self.did.as_str(), "joined": self.joined, "addresses": addresses});
        put(Table::Peers, self.scid.as_bytes(), &json, Expect::Any)
    }
}

/// Why a hello was not decided on.
#[derive(Debug)]
pub(crate) enum Undecided {
    Refused(Refusal),
    /// What it rests on changed meanwhile.
    Overtaken,
}

impl From<Refusal> for Undecided {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Domain {
    /// Gives out a join token for one domain.
    ///
    /// # Errors
    /// [`Error::Refused`] where it would live too long or there is no address to dial.
    pub async fn invite(&self, ttl: Duration, addresses: Vec<String>) -> Result<Invite, Error> {
        if ttl.is_zero() || ttl > MAX_INVITE_LIFE {
            return Err(Error::member(
                Code::RequestMalformed,
                "ttlSeconds",
                "between one second and seven days",
            ));
        }
        if addresses.is_empty() || addresses.len() > MAX_ADDRESSES {
            return Err(Error::refused(
                Code::Unavailable,
                "this node has no address, or too many, to be dialled at",
            ));
        }
        let secret = JoinSecret::new(random::<32>(self.entropy.as_ref())?);
        let expires = self.now().plus(ttl);
        let log = self.own_log().await?;
        let record = json!({"expires": expires.get()});
        let id = codec::to_hex(&secret.hash());
        let batch = vec![
            put(Table::Invites, id, &record, Expect::Absent),
            self.entry(Decision::new(Kind::Trust, self.home.did.as_str(), "invited"))?,
        ];
        self.records.commit(batch).await?;
        let token = JoinToken {
            domain: self.home.did.clone(),
            version_id: log.head().id.clone(),
            addresses,
            secret,
            expires_at: expires,
        };
        Ok(Invite { token: token.encode(), expires })
    }

    /// What [`Domain::join`] does; its refusal is not on record yet.
    pub(crate) async fn try_join(&self, token: &str, within: Duration) -> Result<PeerRecord, Error> {
        let token = JoinToken::parse(token, self.now()).map_err(|refusal| match refusal {
            Refusal::TokenExpired => Error::member(Code::TokenExpired, "token", "past its expiry"),
            _ => Error::member(Code::TokenMalformed, "token", "not a join token"),
        })?;
        if token.domain == self.home.did {
            return Err(Error::member(Code::StateConflict, "token", "this is this domain's own token"));
        }
        let record = PeerRecord::new(token.domain.clone(), true, token.addresses.clone())?;
        if !self.has_room_for(&record.scid).await? {
            return Err(Error::refused(Code::StateConflict, "as many domains joined as can be"));
        }
        let mesh = self.mesh().ok_or(Error::refused(Code::Unavailable, "the mesh is not up"))?;
        mesh.join(token, within).await.map_err(|error| match error {
            MeshError::Unreachable => {
                Error::refused(Code::PeerUnreachable, "no address of the token answered")
            }
            MeshError::Refused(Refusal::BadToken) => {
                Error::refused(Code::TokenUsed, "the token was used before, or never given out")
            }
            MeshError::Refused(Refusal::TokenExpired) => {
                Error::refused(Code::TokenExpired, "past its expiry")
            }
            MeshError::Refused(Refusal::RateLimited) => {
                Error::refused(Code::RateLimited, "as often as a node may ask to be let in")
            }
            MeshError::Refused(refusal) => Error::refused(Code::PeerNotAdmitted, refusal.not_admitted()),
            MeshError::Closed | MeshError::Busy => Error::refused(Code::Unavailable, "the mesh is busy"),
        })?;
        Ok(record)
    }

    /// The domains that joined, or are trusted and were met.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn peers(&self) -> Result<Vec<PeerRecord>, Error> {
        // Those let in at the same moment may be some more than the bound.
        let rows = self.all(Table::Peers, &[], 2 * MAX_PEER_DOMAINS).await?;
        rows.iter().map(|(_, json)| PeerRecord::read(json)).collect()
    }

    /// The peers that are connected.
    pub async fn connected(&self) -> Vec<PeerInfo> {
        match self.mesh() {
            Some(mesh) => mesh.peers().await.unwrap_or_default(),
            None => Vec::new(),
        }
    }

    /// What the mesh does from now on; `None` where it is not up.
    #[must_use]
    pub fn events(&self) -> Option<Events> {
        self.mesh()?.events()
    }

    /// Whether a domain joined, and its record.
    pub(crate) async fn peer(&self, scid: &str) -> Result<Option<PeerRecord>, Error> {
        let found = self.json(Table::Peers, scid.as_bytes()).await?;
        found.map(|(json, _)| PeerRecord::read(&json)).transpose()
    }

    /// Whether the record of this domain may be kept.
    pub(crate) async fn has_room_for(&self, scid: &str) -> Result<bool, Error> {
        Ok(self.peer(scid).await?.is_some() || self.peers().await?.len() < MAX_PEER_DOMAINS)
    }

    /// The key and version of the invite that `secret` is of, as long as it may be used.
    pub(crate) async fn invite_of(&self, secret: &JoinSecret) -> Result<(String, u64), Refusal> {
        let id = codec::to_hex(&secret.hash());
        let invite = self.json(Table::Invites, id.as_bytes()).await.map_err(|_| Refusal::StoreFailed)?;
        let (invite, version) = invite.ok_or(Refusal::BadToken)?;
        let expires = invite.get("expires").and_then(Value::as_u64).unwrap_or_default();
        if UnixSeconds::new(expires) <= self.now() {
            return Err(Refusal::TokenExpired);
        }
        Ok((id, version))
    }

    /// Makes durable what a hello leads to.
    pub(crate) async fn keep_of_hello(&self, batch: Vec<Write>) -> Result<(), Undecided> {
        self.records.commit(batch).await.map_err(|error| match error {
            StoreError::Conflict(_) => Undecided::Overtaken,
            error => {
                tracing::error!(%error, "the store failed the mesh");
                Undecided::Refused(Refusal::StoreFailed)
            }
        })
    }

    /// Makes it durable that a domain joined, together with `writes`; with a secret, uses the invite
    /// up in the same step.
    pub(crate) async fn admit_domain(
        &self,
        record: &PeerRecord,
        secret: Option<&JoinSecret>,
        writes: Vec<Write>,
    ) -> Result<(), Undecided> {
        if !self.has_room_for(&record.scid).await.map_err(|_| Refusal::StoreFailed)? {
            return Err(Refusal::TooManyPeers.into());
        }
        let mut batch = vec![record.write()];
        batch.extend(writes);
        if let Some(secret) = secret {
            let (id, version) = self.invite_of(secret).await?;
            let expect = Expect::Version(version);
            batch.push(Write { table: Table::Invites, key: id.into_bytes(), value: None, expect });
        }
        let decision = Decision::new(Kind::Trust, record.did.as_str(), "joined");
        batch.push(self.entry(decision).map_err(|_| Refusal::StoreFailed)?);
        self.keep_of_hello(batch).await
    }
}
