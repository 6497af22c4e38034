//! The domain that a node serves: its name, its policy, and the ports that its flows wait on.

use crate::cache::Cache;
use crate::changed::Unpublished;
use crate::documents::Documents;
use crate::error::Error;
use crate::lookups::Lookups;
use crate::ports::clock::{Clock, Entropy, random};
use crate::ports::fetch::Fetch;
use crate::ports::keys::{KeyRole, Keys, Signed};
use crate::ports::mesh::Mesh;
use crate::ports::records::{Expect, Records, Table, Write};
use crate::ports::suites::Suites;
use crate::rates::{Rates, Whose};
use crate::record::Decision;
use crate::succession::Succession;
use did_resolver::did::Did;
use did_resolver::json;
use did_resolver::keys::PublicKey;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::Log;
use marque_rules::issuance::Home;
use marque_rules::replay::Nonces;
use marque_rules::replica::floor::Ahead;
use serde_json::Value;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use vc_schemas::claims::Claims;
use vc_schemas::credential::Credential;
use vc_schemas::delegation::scope::Scope;
use vc_schemas::disclosure::Pointer;
use vc_schemas::facts::{DEFAULT_SKEW, DEFAULT_STATUS_MAX_AGE, ListKey};
use vc_schemas::secure::{Content, Draft, Envelope, SecureError, Secured};
use vc_schemas::seen::{self, Seen, Sighting};
use vc_schemas::status::VerifiedList;
use vc_schemas::status::bitstring::Bits;

/// Digests of nothing beside those of claims that can be held back, in one object.
const DECOYS: usize = 2;

/// What the operator decided in the configuration: at the start, and at each reload of it.
#[derive(Debug, Clone)]
pub struct Policy {
    /// How far clocks may differ.
    pub skew: Duration,
    /// How old a status list may be for a verdict.
    pub status_max_age: Duration,
    /// The ttl of this domain's lists; they are signed again at half of it.
    pub list_ttl: Duration,
    /// How long after a planned rotation the domain's old keys go on to sign, so that everybody hears of the new ones
    /// before there is anything by them.
    pub key_lead: Duration,
    /// How long a resolution may take, everybody who is asked together.
    pub resolve_deadline: Duration,
    /// Capabilities of low assurance: a use goes on by an old list, and is confirmed later.
    pub deferrable: Scope,
    /// Whether the other domains are told whom this one recognises.
    pub publish_recognitions: bool,
    /// How many presentations of one agent are let in a minute; 0 is no limit.
    pub agent_per_minute: u32,
    /// The same of one owner, whichever agents act.
    pub owner_per_minute: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            skew: DEFAULT_SKEW,
            status_max_age: DEFAULT_STATUS_MAX_AGE,
            list_ttl: Duration::from_secs(240),
            key_lead: DEFAULT_STATUS_MAX_AGE,
            resolve_deadline: Duration::from_secs(5),
            deferrable: Scope::default(),
            publish_recognitions: false,
            agent_per_minute: 0,
            owner_per_minute: 0,
        }
    }
}

/// A domain and what its flows need.
#[derive(Debug)]
pub struct Domain {
    /// Its name.
    pub home: Home,
    /// What its operator decided. It is read for a moment at a time, and never held while something is waited for.
    policy: RwLock<Arc<Policy>>,
    /// How often agents, and those whom they act for, were let in.
    agents: Rates,
    owners: Rates,
    pub(crate) records: Arc<dyn Records>,
    pub(crate) keys: Arc<dyn Keys>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    nonces: Mutex<Nonces>,
    /// Refusals of anonymous callers that were recorded in the window that began then.
    refusals: Mutex<(UnixSeconds, u32)>,
    /// Held while a list is changed and signed: one writer, so that no two lists have one number.
    pub(crate) lists: tokio::sync::Mutex<()>,
    /// Held while what is recognised is changed and stated: no two statements have one number.
    pub(crate) stating: tokio::sync::Mutex<()>,
    /// From when on it is looked for forks that nobody was told of.
    pub(crate) untold_forks: AtomicU64,
    mesh: OnceLock<Arc<dyn Mesh>>,
    /// Signatures of credentials that were verified before; never a status, nor a verdict.
    seen: RwLock<Seen>,
    web: OnceLock<Arc<dyn Fetch>>,
    suites: OnceLock<Arc<dyn Suites>>,
    pub(crate) lookups: Lookups,
    pub(crate) documents: Documents,
    pub(crate) unpublished: Unpublished,
    /// How far this node has followed the domain's own log.
    pub(crate) succession: Succession,
    pub(crate) logs: Cache<Vec<u8>, Log>,
    pub(crate) lists_verified: Cache<ListKey, VerifiedList>,
    pub(crate) overlays: Cache<ListKey, Bits>,
    /// What changes of a list led to, and the envelope of the last of them.
    pub(crate) aheads: Cache<ListKey, (Ahead, Vec<u8>)>,
}

/// Verified logs that are kept. A log has 3 KiB usually; its cap is 1 MiB, and few come near it.
const CACHED_LOGS: usize = 4_096;

/// Verified lists that are kept: 16 KiB each at the usual size.
const CACHED_LISTS: usize = 1_024;

/// Most refused verifications that are recorded in a [`REFUSALS_WINDOW`]. Each is a durable entry of 2 KiB
/// at most, which anybody can cause; ten a second is more than honest mistakes come to.
const MAX_REFUSALS: u32 = 600;

/// See [`MAX_REFUSALS`].
const REFUSALS_WINDOW: Duration = Duration::from_secs(60);

impl Domain {
    /// Joins a domain and its ports.
    ///
    /// # Errors
    /// [`Error::Entropy`].
    pub fn new(
        home: Home,
        policy: Policy,
        records: Arc<dyn Records>,
        keys: Arc<dyn Keys>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, Error> {
        let nonces = Mutex::new(Nonces::new(&random::<32>(entropy.as_ref())?));
        Ok(Self {
            home,
            agents: Rates::new(policy.agent_per_minute),
            owners: Rates::new(policy.owner_per_minute),
            policy: RwLock::new(Arc::new(policy)),
            records,
            keys,
            clock,
            entropy,
            nonces,
            refusals: Mutex::default(),
            lists: tokio::sync::Mutex::new(()),
            stating: tokio::sync::Mutex::new(()),
            untold_forks: AtomicU64::new(0),
            mesh: OnceLock::new(),
            seen: RwLock::new(Seen::new(seen::DEFAULT_CAPACITY)),
            web: OnceLock::new(),
            suites: OnceLock::new(),
            lookups: Lookups::default(),
            documents: Documents::default(),
            unpublished: Unpublished::default(),
            succession: Succession::default(),
            logs: Cache::new(CACHED_LOGS),
            lists_verified: Cache::new(CACHED_LISTS),
            overlays: Cache::new(CACHED_LISTS),
            aheads: Cache::new(CACHED_LISTS),
        })
    }

    /// What its operator decided, as it is now. A flow that asks twice may be told two things.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Goes by another policy from now on. What is under way ends by the one that it read.
    pub fn adopt(&self, policy: Policy) {
        self.agents.set(policy.agent_per_minute);
        self.owners.set(policy.owner_per_minute);
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }

    /// Counts a presentation that verified.
    ///
    /// # Errors
    /// [`Error::TooOften`].
    pub(crate) fn may_ask(&self, agent: &Did, owner: &Did) -> Result<(), Error> {
        let too_often = |whose| move |wait| Error::TooOften { whose, wait };
        self.agents.take(agent.as_str()).map_err(too_often(Whose::Agent))?;
        self.owners.take(owner.as_str()).map_err(too_often(Whose::Owner))
    }

    /// How many agents and how many owners are told apart by how often they ask.
    #[must_use]
    pub fn told_apart(&self) -> (usize, usize) {
        (self.agents.told_apart(), self.owners.told_apart())
    }

    /// Joins the mesh, once. Before that nothing is published and nobody is asked.
    pub fn join_mesh(&self, mesh: Arc<dyn Mesh>) {
        // A second mesh would be a defect of the wiring; the first goes on.
        let _first_wins = self.mesh.set(mesh);
    }

    /// Lets DIDs be looked up at the hosts that they name, once. Before that no host is asked.
    pub fn join_web(&self, web: Arc<dyn Fetch>) {
        let _first_wins = self.web.set(web);
    }

    pub(crate) fn web(&self) -> Option<&Arc<dyn Fetch>> {
        self.web.get()
    }

    /// Lets proofs over RDF canonicalisation be judged, once. Before that none is.
    pub fn join_suites(&self, suites: Arc<dyn Suites>) {
        let _first_wins = self.suites.set(suites);
    }

    pub(crate) fn suites(&self) -> Option<&Arc<dyn Suites>> {
        self.suites.get()
    }

    pub(crate) fn mesh(&self) -> Option<&Arc<dyn Mesh>> {
        self.mesh.get()
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> UnixSeconds {
        self.clock.now()
    }

    /// Where this domain's records live.
    #[must_use]
    pub fn records(&self) -> &dyn Records {
        self.records.as_ref()
    }

    /// Refuses where no credential of this domain would be signed now, and says why.
    ///
    /// # Errors
    /// [`Error::Keys`].
    pub fn may_sign(&self) -> Result<(), Error> {
        Ok(self.keys.may_sign(Signed::Credential)?)
    }

    /// Calls `f` with the nonces of this verifier.
    pub(crate) fn with_nonces<T>(&self, f: impl FnOnce(&mut Nonces) -> T) -> T {
        // A panic elsewhere leaves at worst a nonce unclaimed that was about to be claimed.
        f(&mut self.nonces.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Calls `f` with the signatures that were verified before; many may at once.
    pub(crate) fn with_seen<T>(&self, f: impl FnOnce(&Seen) -> T) -> T {
        f(&self.seen.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps what was just verified.
    pub(crate) fn take_sightings(&self, sightings: Vec<Sighting>, now: UnixSeconds) {
        if !sightings.is_empty() {
            self.seen.write().unwrap_or_else(PoisonError::into_inner).take(sightings, now);
        }
    }

    /// Whether one more refusal of an anonymous caller may be recorded now.
    pub(crate) fn may_refuse(&self) -> bool {
        let (now, mut refusals) = (self.now(), self.refusals.lock().unwrap_or_else(PoisonError::into_inner));
        // A clock that went back begins a window as well.
        if now.since(refusals.0) >= REFUSALS_WINDOW || now < refusals.0 {
            *refusals = (now, 0);
        }
        refusals.1 = refusals.1.saturating_add(1);
        refusals.1 <= MAX_REFUSALS
    }

    /// A decision entry as a write of a batch.
    pub(crate) fn entry(&self, decision: Decision) -> Result<Write, Error> {
        decision.write(self.clock.as_ref(), self.entropy.as_ref())
    }

    /// Makes a decision durable that has no other effect.
    pub(crate) async fn record(&self, decision: Decision) -> Result<(), Error> {
        let write = self.entry(decision)?;
        Ok(self.records.commit(vec![write]).await?)
    }

    /// Secures a credential of this domain.
    pub(crate) async fn secure(&self, credential: &Credential, envelope: Envelope) -> Result<Secured, Error> {
        let what = match credential.claims {
            Claims::NodeMembership(_) => Signed::Membership,
            _ => Signed::Credential,
        };
        self.secure_payload(credential.to_json(), envelope, what).await
    }

    /// Secures a document as a credential of this domain.
    pub(crate) async fn secure_payload(
        &self,
        payload: Value,
        envelope: Envelope,
        what: Signed,
    ) -> Result<Secured, Error> {
        let (key, key_id) = self.keys.public(KeyRole::Assertion);
        let draft = Draft::new(Content::Credential, envelope, payload, key_id, key.kind());
        self.finish(draft, &key, what).await
    }

    /// Secures a credential of this domain as an SD-JWT in which `hidden` can be held back by its holder.
    pub(crate) async fn secure_concealing(
        &self,
        credential: &Credential,
        envelope: Envelope,
        hidden: &[Pointer],
    ) -> Result<Secured, Error> {
        let (key, key_id) = self.keys.public(KeyRole::Assertion);
        let seed = random::<32>(self.entropy.as_ref())?;
        let hidden = (hidden, DECOYS, &seed);
        let draft = Draft::concealing(envelope, &credential.to_json(), hidden, &key_id, key.kind());
        self.finish(draft, &key, Signed::Credential).await
    }

    /// Whether the key in force signed what this domain issued: what an older one signed ends with that.
    pub(crate) fn is_in_force(&self, secured: &Secured) -> bool {
        *secured.key_id() == self.keys.public(KeyRole::Assertion).1
    }

    async fn finish(
        &self,
        draft: Result<Draft, SecureError>,
        key: &PublicKey,
        what: Signed,
    ) -> Result<Secured, Error> {
        let draft = draft.map_err(|_| Error::Record("a credential that cannot be secured"))?;
        let signature = self.keys.sign(KeyRole::Assertion, what, draft.signing_input()).await?;
        draft.attach(key, &signature).map_err(|_| Error::Record("a signature of the domain's own key"))
    }

    /// Reads a JSON record and its version.
    pub(crate) async fn json(&self, table: Table, key: &[u8]) -> Result<Option<(Value, u64)>, Error> {
        let Some(stored) = self.records.get(table, key).await? else { return Ok(None) };
        read_json(&stored.value).map(|value| Some((value, stored.version)))
    }

    /// Every JSON record of a table whose key begins with `prefix`, at most `max` of them.
    pub(crate) async fn all(
        &self,
        table: Table,
        prefix: &[u8],
        max: usize,
    ) -> Result<Vec<(Vec<u8>, Value)>, Error> {
        let mut found = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        while found.len() < max {
            let rows = self.records.scan(table, prefix, after.as_deref(), 256).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.key.clone());
            for row in rows {
                found.push((row.key, read_json(&row.stored.value)?));
            }
        }
        found.truncate(max);
        Ok(found)
    }
}

pub(crate) fn read_json(bytes: &[u8]) -> Result<Value, Error> {
    json::parse(bytes, crate::ports::records::MAX_VALUE_BYTES).map_err(|_| Error::Record("a JSON record"))
}

/// A JSON record as a write.
pub(crate) fn put(table: Table, key: impl Into<Vec<u8>>, value: &Value, expect: Expect) -> Write {
    Write { table, key: key.into(), value: Some(value.to_string().into_bytes()), expect }
}

/// A record of bytes as a write.
pub(crate) fn put_bytes(table: Table, key: impl Into<Vec<u8>>, value: Vec<u8>, expect: Expect) -> Write {
    Write { table, key: key.into(), value: Some(value), expect }
}
