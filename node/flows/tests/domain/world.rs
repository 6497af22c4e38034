//! Domains with real keys over an in-memory store, and members that hold their own keys.

use did_resolver::codec;
use did_resolver::did::{Did, DidUrl};
use did_resolver::document::{Document, Relationship, VerificationMethod};
use did_resolver::keys::{KeyKind, PublicKey};
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{
    Change, Extension, Genesis, Log, Oversight, WitnessDraft, WitnessProofs, Witnesses, create_with, key_hash,
};
use ed25519_dalek::{Signer, SigningKey};
use futures::future::BoxFuture;
use marque_flows::domain::{Domain, Policy};
use marque_flows::error::Error;
use marque_flows::intake::NodeIntake;
use marque_flows::members::NewMember;
use marque_flows::ports::clock::{Clock, Entropy, NoEntropy};
use marque_flows::ports::keys::{KeyRole, Keys, KeysError, NextKeys, Signed};
use marque_flows::ports::records::Records;
use marque_rules::issuance::{Home, MemberKind};
use marque_rules::replica::floor::ReceivedLog;
use marque_rules::replica::{Body, Envelope as Sealed, EnvelopeDraft};
use marque_rules::trust::TrustedDomain;
use marque_store::memory::Memory;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use vc_schemas::claims::{Claims, Delegation, OwnerKind, Parent};
use vc_schemas::credential::{Credential, uuid_urn};
use vc_schemas::delegation::constraints::Constraints;
use vc_schemas::delegation::scope::Scope;
use vc_schemas::presentation::Presentation;
use vc_schemas::secure::{Content, Draft, Envelope, Secured};

/// A clock that is set by hand, and chance that repeats.
#[derive(Debug)]
pub(crate) struct Hands {
    pub(crate) now: AtomicU64,
    counter: AtomicU64,
    seed: String,
}

impl Clock for Hands {
    fn now(&self) -> UnixSeconds {
        UnixSeconds::new(self.now.load(Ordering::SeqCst))
    }
}

impl Entropy for Hands {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        for chunk in bytes.chunks_mut(32) {
            let n = self.counter.fetch_add(1, Ordering::SeqCst);
            let random = codec::sha256(format!("{}/{n}", self.seed).as_bytes());
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
        Ok(())
    }
}

impl Hands {
    /// Chance that another pair of hands of this seed does not come to.
    pub(crate) fn shuffle(&self) {
        self.counter.fetch_add(1_000_000, Ordering::SeqCst);
    }
}

fn key(seed: &str) -> SigningKey {
    SigningKey::from_bytes(&codec::sha256(seed.as_bytes()))
}

fn public(key: &SigningKey) -> PublicKey {
    PublicKey::ed25519(key.verifying_key().as_bytes()).unwrap()
}

/// The keys of a domain, of which so many were made: each by its number.
#[derive(Debug)]
struct DomainKeys {
    seed: String,
    did: Did,
    made: AtomicU32,
    /// Which signs; none where those that the log lists were not made here.
    in_force: AtomicU32,
}

impl DomainKeys {
    fn key(&self, number: u32) -> SigningKey {
        key(&format!("{}/assertion/{number}", self.seed))
    }

    /// The number of the first key among these that was made.
    fn first_of<'a>(&self, mut listed: impl Iterator<Item = &'a VerificationMethod>) -> Option<u32> {
        let numbers = 1..=self.made.load(Ordering::SeqCst);
        listed.find_map(|method| {
            numbers.clone().find(|number| method.key.as_ref() == Some(&public(&self.key(*number))))
        })
    }

    fn id(&self, number: u32) -> DidUrl {
        self.did.with_fragment(&format!("key-{number}")).unwrap()
    }
}

impl Keys for DomainKeys {
    fn public(&self, _: KeyRole) -> (PublicKey, DidUrl) {
        let number = self.in_force.load(Ordering::SeqCst);
        (public(&self.key(number)), self.id(number))
    }

    fn sign<'a>(
        &'a self,
        role: KeyRole,
        what: Signed,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, KeysError>> {
        assert!(role.signs(what), "{role:?} {what:?}");
        let number = self.in_force.load(Ordering::SeqCst);
        Box::pin(async move {
            let none = Err(KeysError("not here".to_owned()));
            if number == 0 { none } else { Ok(self.key(number).sign(message).to_bytes().to_vec()) }
        })
    }

    fn make_next<'a>(&'a self, log: &'a Log) -> BoxFuture<'a, Result<NextKeys, KeysError>> {
        let number = log.versions().count() as u32 + 1;
        self.made.fetch_max(number, Ordering::SeqCst);
        let next = public(&self.key(number));
        Box::pin(async move { Ok(NextKeys { assertion: next.clone(), tokens: next }) })
    }

    fn signer_by(&self, document: &Document) -> Option<DidUrl> {
        let listed = document.listed(Relationship::AssertionMethod);
        self.first_of(listed.filter(|method| method.expires.is_none())).map(|number| self.id(number))
    }

    fn follow(&self, listed: &[&VerificationMethod]) -> Result<(), KeysError> {
        let number = self.first_of(listed.iter().copied());
        self.in_force.store(number.unwrap_or(0), Ordering::SeqCst);
        number.map(drop).ok_or(KeysError("not here".to_owned()))
    }
}

/// Somebody who holds its own keys: a domain's issuer, an owner or an agent.
pub(crate) struct Holder {
    pub(crate) seed: String,
    pub(crate) log: Log,
    generation: u32,
}

impl Holder {
    pub(crate) fn new(seed: &str, host: &str, path: &[&str], now: UnixSeconds) -> Self {
        Self::that_may_move(seed, host, path, now, false)
    }

    pub(crate) fn that_may_move(
        seed: &str,
        host: &str,
        path: &[&str],
        now: UnixSeconds,
        portable: bool,
    ) -> Self {
        let line = Self::first_line(seed, (host, path), now, portable, &Oversight::default());
        Self { seed: seed.to_owned(), log: Log::verify(&line, now).unwrap(), generation: 1 }
    }

    /// Somebody whose log two of these witnesses must approve, and `approving` do.
    pub(crate) fn watched(
        seed: &str,
        (host, path): (&str, &[&str]),
        now: UnixSeconds,
        witnesses: &[&str],
        approving: &[&str],
    ) -> Self {
        let line = Self::first_line(seed, (host, path), now, false, &watch(witnesses));
        let file = approvals(None, &line, approving, now);
        let log = Log::verify_with(&line, Some(&file), now).unwrap();
        Self { seed: seed.to_owned(), log, generation: 1 }
    }

    fn first_line(
        seed: &str,
        (host, path): (&str, &[&str]),
        now: UnixSeconds,
        portable: bool,
        oversight: &Oversight,
    ) -> Vec<u8> {
        let did = "did:webvh:{SCID}:".to_owned() + &[&[host], path].concat().join(":");
        let assertion = public(&key(&format!("{seed}/assertion/1")));
        let update = key(&format!("{seed}/update/1"));
        let genesis = Genesis {
            host: host.to_owned(),
            port: None,
            path: path.iter().map(|s| (*s).to_owned()).collect(),
            document: document(&did, &[(1, assertion, None)]),
            update_keys: vec![public(&update)],
            next_key_hashes: vec![key_hash(&public(&key(&format!("{seed}/update/2"))))],
            time: now,
            portable,
            ttl_seconds: None,
        };
        let draft = create_with(genesis, oversight).unwrap();
        let signature = update.sign(&draft.signing_input(&public(&update)).unwrap()).to_bytes();
        draft.attach(&public(&update), &signature).unwrap()
    }

    pub(crate) fn did(&self) -> Did {
        self.log.did().clone()
    }

    fn assertion(&self, generation: u32) -> SigningKey {
        key(&format!("{}/assertion/{generation}", self.seed))
    }

    /// The log with one more entry that brings a new key and keeps the old one until `overlap` is over.
    pub(crate) fn rotated(&self, now: UnixSeconds, overlap: Option<Duration>) -> Self {
        let line = self.next_line(now, overlap, &Oversight::default());
        let log = Log::verify(&[self.log.bytes(), &line].concat(), now).unwrap();
        Self { seed: self.seed.clone(), log, generation: self.generation + 1 }
    }

    /// The log with one more entry, by which the DID stands at `host` from now on.
    pub(crate) fn moved_to(&self, host: &str, now: UnixSeconds) -> Self {
        let new = format!("did:webvh:{}:{host}", self.log.scid());
        let next = self.generation + 1;
        let mut moved = document(&new, &[(next, public(&self.assertion(next)), None)]);
        moved["alsoKnownAs"] = json!([self.did().as_str()]);
        let update = key(&format!("{}/update/{next}", self.seed));
        let later = public(&key(&format!("{}/update/{}", self.seed, next + 1)));
        let change = Change {
            document: Some(moved),
            update_keys: Some(vec![public(&update)]),
            next_key_hashes: Some(vec![key_hash(&later)]),
            deactivate: false,
        };
        let draft = self.log.append(change, now, now).unwrap();
        let signature = update.sign(&draft.signing_input(&public(&update)).unwrap()).to_bytes();
        let line = draft.attach(&public(&update), &signature).unwrap();
        let log = Log::verify(&[self.log.bytes(), &line].concat(), now).unwrap();
        Self { seed: self.seed.clone(), log, generation: next }
    }

    /// As `rotated`, approved by these witnesses.
    pub(crate) fn rotated_before(&self, now: UnixSeconds, approving: &[&str]) -> Self {
        let line = self.next_line(now, None, &Oversight::default());
        self.with(&line, &approvals(Some(&self.log), &line, approving, now), now)
    }

    /// The log with one line more, which `file` and what is known approve.
    pub(crate) fn with(&self, line: &[u8], file: &[u8], now: UnixSeconds) -> Self {
        let longer = self.log.extend_with(&[self.log.bytes(), line].concat(), Some(file), now);
        let Ok(Extension::Longer(log)) = longer else { panic!("{longer:?}") };
        Self { seed: self.seed.clone(), log, generation: self.generation + 1 }
    }

    /// The log with one more entry, as the command line makes it: a planned one keeps every key that is listed still.
    pub(crate) fn rotated_as_planned(&self, now: UnixSeconds, overlap: Option<Duration>) -> Self {
        let next = self.generation + 1;
        let mut keys = vec![(next, public(&self.assertion(next)), None)];
        if let Some(end) = overlap.map(|overlap| now.plus(overlap)) {
            for method in self.log.document().unwrap().methods() {
                let number = method.id.as_str().rsplit('-').next().unwrap().parse().unwrap();
                let expires = method.expires.map_or(end, |at| at.min(end));
                if now < expires {
                    keys.push((number, method.key.clone().unwrap(), Some(expires)));
                }
            }
        }
        let line = self.line_of(now, &keys, &Oversight::default());
        let log = Log::verify(&[self.log.bytes(), &line].concat(), now).unwrap();
        Self { seed: self.seed.clone(), log, generation: next }
    }

    /// The log with one more entry, which brings a new key and lists the old one for good.
    pub(crate) fn keeping_its_key(&self, now: UnixSeconds) -> Self {
        let next = self.generation + 1;
        let keys = [next, self.generation].map(|number| (number, public(&self.assertion(number)), None));
        let line = self.line_of(now, &keys, &Oversight::default());
        let log = Log::verify(&[self.log.bytes(), &line].concat(), now).unwrap();
        Self { seed: self.seed.clone(), log, generation: next }
    }

    /// The line that brings a new key, and under these witnesses what follows.
    pub(crate) fn next_line(
        &self,
        now: UnixSeconds,
        overlap: Option<Duration>,
        oversight: &Oversight,
    ) -> Vec<u8> {
        let next = self.generation + 1;
        let mut keys = vec![(next, public(&self.assertion(next)), None)];
        if let Some(overlap) = overlap {
            keys.push((self.generation, public(&self.assertion(self.generation)), Some(now.plus(overlap))));
        }
        self.line_of(now, &keys, oversight)
    }

    fn line_of(
        &self,
        now: UnixSeconds,
        keys: &[(u32, PublicKey, Option<UnixSeconds>)],
        oversight: &Oversight,
    ) -> Vec<u8> {
        let next = self.generation + 1;
        let update = key(&format!("{}/update/{next}", self.seed));
        let change = Change {
            document: Some(document(self.did().as_str(), keys)),
            update_keys: Some(vec![public(&update)]),
            next_key_hashes: Some(vec![key_hash(&public(&key(&format!(
                "{}/update/{}",
                self.seed,
                next + 1
            ))))]),
            deactivate: false,
        };
        let draft = self.log.append_with(change, oversight, now, now).unwrap();
        let signature = update.sign(&draft.signing_input(&public(&update)).unwrap()).to_bytes();
        draft.attach(&public(&update), &signature).unwrap()
    }

    pub(crate) fn sign(&self, content: Content, envelope: Envelope, payload: Value) -> Secured {
        let signer = self.assertion(self.generation);
        let key_id = self.did().with_fragment(&format!("key-{}", self.generation)).unwrap();
        let draft = Draft::new(content, envelope, payload, key_id, KeyKind::Ed25519).unwrap();
        let signature = signer.sign(draft.signing_input()).to_bytes();
        draft.attach(&public(&signer), &signature).unwrap()
    }

    /// Seals an envelope as the domain whose log this is.
    pub(crate) fn seal(&self, body: Body) -> Sealed {
        let signer = self.assertion(self.generation);
        let key_id = self.did().with_fragment(&format!("key-{}", self.generation)).unwrap();
        let draft = EnvelopeDraft::new(body, key_id, KeyKind::Ed25519).unwrap();
        let signature = signer.sign(draft.signing_input()).to_bytes();
        draft.attach(&public(&signer), &signature).unwrap()
    }

    pub(crate) fn present(&self, node: &Node, nonce: &str, credentials: Vec<Secured>) -> Vec<u8> {
        let said = Presentation {
            holder: self.did(),
            audience: node.domain.home.did.to_string(),
            nonce: nonce.to_owned(),
            issued: node.domain.now(),
            expires: node.domain.now().plus(Duration::from_secs(120)),
            credentials,
        };
        self.sign(Content::Presentation, Envelope::Jwt, said.to_json()).bytes().to_vec()
    }
}

/// Two of these witnesses must approve.
pub(crate) fn watch(witnesses: &[&str]) -> Oversight {
    let keys = witnesses.iter().map(|seed| public(&key(seed))).collect();
    Oversight { witnesses: Some(Witnesses::new(2, keys).unwrap()), watchers: None }
}

/// The proofs by which these witnesses approve `line` as what follows `held`.
pub(crate) fn approvals(held: Option<&Log>, line: &[u8], seeds: &[&str], now: UnixSeconds) -> Vec<u8> {
    let mut file = WitnessProofs::default();
    for witness in seeds.iter().map(|seed| key(seed)) {
        let draft = WitnessDraft::new(held, line, &public(&witness), now).unwrap();
        let signature = witness.sign(draft.signing_input()).to_bytes();
        file.merge(draft.attach(&signature).unwrap());
    }
    file.to_bytes()
}

/// A log as it comes, with its proofs.
pub(crate) fn received<'a>(log: &'a [u8], witness: Option<&'a [u8]>) -> ReceivedLog<'a> {
    ReceivedLog { log, witness }
}

fn document(did: &str, keys: &[(u32, PublicKey, Option<UnixSeconds>)]) -> Value {
    let id = |n: &u32| format!("{did}#key-{n}");
    let methods = keys.iter().map(|(n, key, expires)| {
        let mut method = json!({
            "id": id(n), "type": "Multikey", "controller": did, "publicKeyMultibase": key.to_multikey(),
        });
        if let Some(at) = expires {
            method["expires"] = json!(at.to_string());
        }
        method
    });
    let lasting = keys.iter().filter(|(_, _, expires)| expires.is_none()).map(|(n, ..)| id(n));
    json!({
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did,
        "verificationMethod": methods.collect::<Vec<_>>(),
        "assertionMethod": keys.iter().map(|(n, ..)| id(n)).collect::<Vec<_>>(),
        "authentication": lasting.collect::<Vec<_>>(),
    })
}

/// A node of a domain.
pub(crate) struct Node {
    pub(crate) domain: Arc<Domain>,
    pub(crate) records: Arc<Memory>,
    pub(crate) hands: Arc<Hands>,
    pub(crate) intake: NodeIntake,
}

pub(crate) const NOW: u64 = 1_800_000_000;

impl Node {
    pub(crate) async fn new(label: &str) -> Self {
        Self::over(label, Arc::new(Memory::default())).await
    }

    /// A node over a store that may already hold something.
    pub(crate) async fn over(label: &str, records: Arc<Memory>) -> Self {
        Self::of(label, label, records).await
    }

    /// A node of the domain with the keys of `seed`, which calls itself `label`.
    pub(crate) async fn of(seed: &str, label: &str, records: Arc<Memory>) -> Self {
        let store: Arc<dyn Records> = records.clone();
        Self::with(seed, label, records, store).await
    }

    /// A node whose domain reaches `records` by `store`.
    pub(crate) async fn with(seed: &str, label: &str, records: Arc<Memory>, store: Arc<dyn Records>) -> Self {
        let holder = Holder::new(seed, label, &[], UnixSeconds::new(NOW - 1_000));
        Self::held_by(&holder, records, store).await
    }

    /// A node of the domain whose log is that of `holder`.
    pub(crate) async fn held_by(holder: &Holder, records: Arc<Memory>, store: Arc<dyn Records>) -> Self {
        Self::by_policy(holder, records, store, Policy::default()).await
    }

    /// A node that gives a resolution so long.
    pub(crate) async fn in_haste(label: &str, resolve_deadline: Duration) -> Self {
        let holder = Holder::new(label, label, &[], UnixSeconds::new(NOW - 1_000));
        let records = Arc::new(Memory::default());
        let policy = Policy { resolve_deadline, ..Policy::default() };
        Self::by_policy(&holder, records.clone(), records, policy).await
    }

    /// A node that lets these go on by old lists.
    pub(crate) async fn lenient(label: &str, capabilities: &[&str]) -> Self {
        let holder = Holder::new(label, label, &[], UnixSeconds::new(NOW - 1_000));
        let records = Arc::new(Memory::default());
        let deferrable = Scope::new(capabilities.iter().map(|text| text.parse().unwrap())).unwrap();
        let policy = Policy { deferrable, ..Policy::default() };
        Self::by_policy(&holder, records.clone(), records, policy).await
    }

    /// A node that tells the others whom it recognises.
    pub(crate) async fn telling(label: &str, records: Arc<Memory>) -> Self {
        let holder = Holder::new(label, label, &[], UnixSeconds::new(NOW - 1_000));
        let policy = Policy { publish_recognitions: true, ..Policy::default() };
        Self::by_policy(&holder, records.clone(), records, policy).await
    }

    /// The same, where it may not start.
    pub(crate) async fn try_held_by(
        holder: &Holder,
        records: Arc<Memory>,
        store: Arc<dyn Records>,
    ) -> Result<Self, Error> {
        Self::try_by_policy(holder, records, store, Policy::default()).await
    }

    async fn by_policy(
        holder: &Holder,
        records: Arc<Memory>,
        store: Arc<dyn Records>,
        policy: Policy,
    ) -> Self {
        Self::try_by_policy(holder, records, store, policy).await.unwrap()
    }

    async fn try_by_policy(
        holder: &Holder,
        records: Arc<Memory>,
        store: Arc<dyn Records>,
        policy: Policy,
    ) -> Result<Self, Error> {
        let seed = holder.seed.as_str();
        let hands =
            Arc::new(Hands { now: AtomicU64::new(NOW), counter: AtomicU64::new(0), seed: seed.to_owned() });
        // One that starts later, after a rotation, comes to other chances.
        hands.counter.store(u64::from(holder.generation - 1) * 10_000_000, Ordering::SeqCst);
        let (made, in_force) = (AtomicU32::new(holder.generation), AtomicU32::new(holder.generation));
        let keys = DomainKeys { seed: seed.to_owned(), did: holder.did(), made, in_force };
        let home = Home::new(holder.did()).unwrap();
        let domain = Domain::new(home, policy, store, Arc::new(keys), hands.clone(), hands.clone()).unwrap();
        let witness = holder.log.witness_file();
        domain.found(received(holder.log.bytes(), witness.as_deref())).await?;
        let domain = Arc::new(domain);
        let intake = NodeIntake::new(domain.clone(), node_did(seed));
        Ok(Self { domain, records, hands, intake })
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.hands.now.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn proof(&self, holder: &Holder) -> Vec<u8> {
        holder.present(self, &self.domain.new_nonce().unwrap(), Vec::new())
    }

    pub(crate) async fn owner(&self, name: &str) -> Holder {
        let holder = self.new_member(MemberKind::Owner, name);
        let proof = self.proof(&holder);
        let new = NewMember::Owner(OwnerKind::Person);
        self.domain.register(name, new, holder.log.bytes(), &proof).await.unwrap();
        holder
    }

    pub(crate) async fn agent(&self, name: &str, owner: &str, capabilities: &[&str]) -> Holder {
        let holder = self.new_member(MemberKind::Agent, name);
        let proof = self.proof(&holder);
        let new = NewMember::Agent(owner.to_owned(), scope(capabilities));
        self.domain.register(name, new, holder.log.bytes(), &proof).await.unwrap();
        holder
    }

    pub(crate) fn new_member(&self, kind: MemberKind, name: &str) -> Holder {
        let label = &self.domain.home.label;
        Holder::new(&format!("{label}/{name}"), label, &[kind.segment(), name], self.domain.now())
    }

    pub(crate) async fn identity(&self, kind: MemberKind, name: &str) -> Secured {
        self.domain.identity_credential(kind, name, Envelope::Jwt).await.unwrap().secured
    }

    pub(crate) async fn trusts(&self, other: &Self, capabilities: &[&str]) {
        let domain = TrustedDomain {
            did: other.domain.home.did.clone(),
            suspended: false,
            capabilities: scope(capabilities),
            resources: None,
        };
        self.domain.trust(domain).await.unwrap();
    }

    /// The next link of a chain by a member of this node, registered here.
    pub(crate) async fn link(
        &self,
        from: &Holder,
        to: &Holder,
        chain: &[Secured],
        capabilities: &[&str],
    ) -> Secured {
        let secured = self.unregistered_link(from, to, chain, capabilities).await;
        let whole = [chain, std::slice::from_ref(&secured)].concat();
        self.domain.register_link(&whole).await.unwrap();
        secured
    }

    pub(crate) async fn unregistered_link(
        &self,
        from: &Holder,
        to: &Holder,
        chain: &[Secured],
        capabilities: &[&str],
    ) -> Secured {
        self.bound_link((from, to), chain, capabilities, Constraints::default()).await
    }

    /// A link that was not registered, with constraints.
    pub(crate) async fn bound_link(
        &self,
        (from, to): (&Holder, &Holder),
        chain: &[Secured],
        capabilities: &[&str],
        constraints: Constraints,
    ) -> Secured {
        let index = self.domain.reserve_index(&from.did()).await.unwrap();
        let parent = chain.last().map(|parent| Parent {
            id: parent.payload()["id"].as_str().unwrap().to_owned(),
            digest: parent.digest(),
        });
        let principal = chain
            .first()
            .map_or(from.did(), |first| first.payload()["issuer"].as_str().unwrap().parse().unwrap());
        let delegation =
            Delegation { id: to.did(), principal, capabilities: scope(capabilities), constraints, parent };
        self.signed(from, index, 3_000, Claims::Delegation(delegation))
    }

    /// A credential of a member, not registered.
    pub(crate) fn signed(&self, from: &Holder, index: u32, life: u64, claims: Claims) -> Secured {
        let mut id = [0; 16];
        self.hands.fill(&mut id).unwrap();
        let credential = Credential {
            id: uuid_urn(id),
            issuer: from.did(),
            valid_from: self.domain.now(),
            valid_until: UnixSeconds::new(NOW + life),
            status: self.domain.home.status(index),
            claims,
        };
        from.sign(Content::Credential, Envelope::Jwt, credential.to_json())
    }
}

pub(crate) fn node_did(label: &str) -> Did {
    format!("did:key:{}", public(&key(&format!("{label}/node"))).to_multikey()).parse().unwrap()
}

pub(crate) fn node_peer_id(label: &str) -> String {
    vc_schemas::claims::peer_id(&public(&key(&format!("{label}/node")))).unwrap()
}

pub(crate) fn scope(texts: &[&str]) -> Scope {
    Scope::new(texts.iter().map(|t| t.parse().unwrap())).unwrap()
}
