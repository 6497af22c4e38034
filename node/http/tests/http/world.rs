//! A domain in memory behind its routers, and parties with keys of their own.

use crate::described;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use did_resolver::codec;
use did_resolver::did::{Did, DidUrl};
use did_resolver::keys::{KeyKind, PublicKey};
use did_resolver::methods;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{Change, EntryDraft, Genesis, Log, SCID_PLACEHOLDER, create, key_hash};
use ed25519_dalek::{Signer, SigningKey};
use futures::future::BoxFuture;
use marque_flows::domain::{Domain, Policy};
use marque_flows::ports::clock::{Clock, Entropy, NoEntropy};
use marque_flows::ports::keys::{KeyRole, Keys, KeysError, Signed};
use marque_flows::ports::records::{Records, Row, StoreError, Stored, Table, Write};
use marque_http::routes::Routers;
use marque_http::{AdminToken, Answers, Door, Faces, Metrics, NodeInfo, RequestIds, Stopping, Watchers};
use marque_rules::issuance::Home;
use marque_store::memory::Memory;
use marque_store::secret::SecretKey;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;
use tower::ServiceExt;
use vc_schemas::claims::{Claims, Delegation, Parent, StatusPair};
use vc_schemas::credential::{Credential, uuid_urn};
use vc_schemas::delegation::constraints::Constraints;
use vc_schemas::delegation::scope::Scope;
use vc_schemas::presentation::Presentation;
use vc_schemas::secure::{Content, Draft, Envelope, Secured};
use vc_schemas::status::{Purpose, StatusEntry};

pub(crate) const NOW: u64 = 1_800_000_000;
pub(crate) const TOKEN: &str = "the-admin-token";

fn key(seed: &str) -> SigningKey {
    SigningKey::from_bytes(&codec::sha256(seed.as_bytes()))
}

fn public(key: &SigningKey) -> PublicKey {
    PublicKey::ed25519(key.verifying_key().as_bytes()).unwrap()
}

/// Whoever has a DID here: the domain, an owner, an agent.
pub(crate) struct Party {
    pub(crate) name: String,
    pub(crate) did: Did,
    pub(crate) log: Vec<u8>,
    place: String,
}

impl Party {
    pub(crate) fn new(name: &str, place: &str) -> Self {
        let did = ["did:webvh", SCID_PLACEHOLDER, place].join(":");
        let (host, path) = place.split_once(':').unwrap_or((place, ""));
        let draft = create(Genesis {
            host: host.to_owned(),
            port: None,
            path: path.split(':').filter(|p| !p.is_empty()).map(str::to_owned).collect(),
            document: document(&did, &key(place)),
            update_keys: vec![public(&key(&format!("{place}/update/0")))],
            next_key_hashes: vec![key_hash(&public(&key(&format!("{place}/update/1"))))],
            time: UnixSeconds::new(NOW - 10_000),
            portable: false,
            ttl_seconds: None,
        });
        let draft = draft.unwrap();
        let did = draft.did().clone();
        let log = signed(draft, &key(&format!("{place}/update/0")));
        Self { name: name.to_owned(), did, log, place: place.to_owned() }
    }

    /// The log with one entry more, by the next update key.
    pub(crate) fn rotated(&self, deactivate: bool) -> Vec<u8> {
        let log = Log::verify(&self.log, UnixSeconds::new(NOW)).unwrap();
        let next = key(&format!("{}/update/1", self.place));
        let later = key_hash(&public(&key(&format!("{}/update/2", self.place))));
        let change = Change {
            document: None,
            update_keys: Some(vec![public(&next)]),
            next_key_hashes: Some(if deactivate { Vec::new() } else { vec![later] }),
            deactivate,
        };
        let at = UnixSeconds::new(NOW - 100);
        let draft = log.append(change, at, UnixSeconds::new(NOW)).unwrap();
        [&self.log[..], &signed(draft, &next)].concat()
    }

    pub(crate) fn log_text(&self) -> String {
        String::from_utf8(self.log.clone()).unwrap()
    }

    fn key_id(&self) -> DidUrl {
        self.did.with_fragment("key-1").unwrap()
    }

    pub(crate) fn secure(&self, content: Content, envelope: Envelope, payload: Value) -> Secured {
        let key = key(&self.place);
        let draft = Draft::new(content, envelope, payload, self.key_id(), public(&key).kind()).unwrap();
        let signature = key.sign(draft.signing_input()).to_bytes();
        draft.attach(&public(&key), &signature).unwrap()
    }

    /// A presentation as `vp+jwt`.
    pub(crate) fn present(&self, audience: &Did, nonce: &str, credentials: Vec<Secured>) -> Secured {
        let presentation = Presentation {
            holder: self.did.clone(),
            audience: audience.to_string(),
            nonce: nonce.to_owned(),
            issued: UnixSeconds::new(NOW),
            expires: UnixSeconds::new(NOW + 120),
            credentials,
        };
        self.secure(Content::Presentation, Envelope::Jwt, presentation.to_json())
    }
}

fn signed(draft: EntryDraft, key: &SigningKey) -> Vec<u8> {
    let input = draft.signing_input(&public(key)).unwrap();
    draft.attach(&public(key), &key.sign(input.as_ref()).to_bytes()).unwrap()
}

fn document(did: &str, key: &SigningKey) -> Value {
    let id = format!("{did}#key-1");
    json!({
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did,
        "verificationMethod": [{
            "id": id, "type": "Multikey", "controller": did, "publicKeyMultibase": public(key).to_multikey(),
        }],
        "assertionMethod": [id], "authentication": [id],
    })
}

#[derive(Debug)]
struct DomainKeys(SigningKey, DidUrl);

impl Keys for DomainKeys {
    fn public(&self, _: KeyRole) -> (PublicKey, DidUrl) {
        (public(&self.0), self.1.clone())
    }

    fn sign<'a>(
        &'a self,
        role: KeyRole,
        what: Signed,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, KeysError>> {
        assert!(role.signs(what), "{role:?} {what:?}");
        Box::pin(async move { Ok(self.0.sign(message).to_bytes().to_vec()) })
    }

    fn issuers(&self) -> Vec<(PublicKey, DidUrl)> {
        let public = |kind| issuer_key(kind).public().clone();
        ISSUERS.map(|kind| (public(kind), methods::key_id(&public(kind)).unwrap())).to_vec()
    }

    fn sign_as<'a>(
        &'a self,
        key_id: &'a DidUrl,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, KeysError>> {
        let mut keys = ISSUERS.map(issuer_key).into_iter();
        let key = keys.find(|key| methods::key_id(key.public()).unwrap() == *key_id).unwrap();
        Box::pin(async move { Ok(key.sign(message).unwrap()) })
    }
}

const ISSUERS: [KeyKind; 3] = [KeyKind::Ed25519, KeyKind::P256, KeyKind::P384];

/// The did:key issuer of this kind.
pub(crate) fn issuer_key(kind: KeyKind) -> SecretKey {
    let length = if kind == KeyKind::P384 { 48 } else { 32 };
    SecretKey::from_bytes(kind, &vec![7; length]).unwrap()
}

/// A store that may be full.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    memory: Memory,
    pub(crate) full: AtomicBool,
    /// How often a record was read.
    pub(crate) reads: AtomicU64,
    held: Mutex<Option<Held>>,
}

/// A commit that is not answered yet.
#[derive(Debug)]
struct Held {
    is_durable: oneshot::Sender<()>,
    answer: oneshot::Receiver<()>,
}

impl Disk {
    /// Keeps the answer to the next commit back, which says when it is durable, until it is told to give it.
    pub(crate) fn hold(&self) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let ((is_durable, durable), (give, answer)) = (oneshot::channel(), oneshot::channel());
        *self.held.lock().unwrap() = Some(Held { is_durable, answer });
        (durable, give)
    }
}

impl Records for Disk {
    fn stamp(&self, table: Table, key: &[u8]) -> Option<u64> {
        self.memory.stamp(table, key)
    }

    fn get<'a>(&'a self, table: Table, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.memory.get(table, key)
    }

    fn scan<'a>(
        &'a self,
        table: Table,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        self.memory.scan(table, prefix, after, limit)
    }

    fn commit(&self, batch: Vec<Write>) -> BoxFuture<'_, Result<(), StoreError>> {
        if self.full.load(Ordering::Relaxed) {
            let full = StoreError::Unavailable("no space left on device".to_owned());
            return Box::pin(std::future::ready(Err(full)));
        }
        let Some(held) = self.held.lock().unwrap().take() else { return self.memory.commit(batch) };
        Box::pin(async move {
            let outcome = self.memory.commit(batch).await;
            held.is_durable.send(()).unwrap();
            held.answer.await.unwrap();
            outcome
        })
    }
}

/// A clock that stands still, and may break.
#[derive(Debug, Default)]
pub(crate) struct StillClock {
    pub(crate) ahead: AtomicU64,
    pub(crate) broken: AtomicBool,
}

impl Clock for StillClock {
    fn now(&self) -> UnixSeconds {
        assert!(!self.broken.load(Ordering::Relaxed), "the clock /secret/ is broken");
        UnixSeconds::new(NOW + self.ahead.load(Ordering::Relaxed))
    }
}

#[derive(Debug, Default)]
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        for chunk in bytes.chunks_mut(32) {
            let digest = codec::sha256(&self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            chunk.copy_from_slice(&digest[..chunk.len()]);
        }
        Ok(())
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    pub(crate) fn media_type(&self) -> &str {
        self.headers.get("content-type").map_or("", |value| value.to_str().unwrap())
    }

    /// The code of a problem, after seeing that it is one, whole.
    pub(crate) fn code(&self) -> String {
        let json = self.json();
        assert_eq!(self.media_type(), "application/problem+json", "{json}");
        assert_eq!(json["status"], self.status, "{json}");
        for member in ["type", "title", "detail", "code", "action", "requestId"] {
            assert!(json[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {json}");
        }
        json["code"].as_str().unwrap().to_owned()
    }
}

/// The domain `alpha.test` and its faces.
pub(crate) struct World {
    pub(crate) alpha: Party,
    pub(crate) faces: Arc<Faces>,
    pub(crate) routers: Routers,
    pub(crate) clock: Arc<StillClock>,
    pub(crate) records: Arc<Disk>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::keeping(Answers::default()).await
    }

    pub(crate) async fn keeping(answers: Answers) -> Self {
        let alpha = Party::new("alpha", "alpha.test");
        let clock = Arc::new(StillClock::default());
        let records = Arc::new(Disk::default());
        let keys = DomainKeys(key("alpha.test"), alpha.key_id());
        let domain = Domain::new(
            Home::new(alpha.did.clone()).unwrap(),
            Policy::default(),
            Arc::clone(&records) as Arc<dyn Records>,
            Arc::new(keys),
            Arc::clone(&clock) as Arc<dyn Clock>,
            Arc::new(Counting::default()),
        );
        let domain = Arc::new(domain.unwrap());
        domain.found(alpha.log.as_slice()).await.unwrap();
        let mut registry = Registry::with_prefix("marque");
        let metrics = Metrics::register(&mut registry);
        let info = NodeInfo {
            version: "0.0.0-test",
            peer_id: "12D3KooWTest".to_owned(),
            listeners: json!({"public": "127.0.0.1:1"}),
            addresses: vec!["/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWTest".to_owned()],
        };
        let faces = Arc::new(Faces {
            door: Arc::new(Door::new(0, Arc::new(|_| false))),
            domain,
            info,
            admin_token: AdminToken::new(TOKEN.as_bytes()),
            registry,
            metrics,
            requests: RequestIds::new([1, 2, 3, 4, 5, 6]),
            watchers: Watchers::default(),
            stopping: Stopping::default(),
            answers,
        });
        let routers = Routers::new(&faces);
        Box::pin(described::read(&routers.public)).await;
        Self { alpha, faces, routers, clock, records }
    }

    /// A request with the admin token.
    pub(crate) async fn send(&self, request: axum::http::request::Builder, body: impl Into<Body>) -> Answer {
        let request = request.header("authorization", format!("Bearer {TOKEN}")).body(body.into()).unwrap();
        answer(self.routers.admin.clone(), request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path), Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, json: &Value) -> Answer {
        let request = Request::post(path).header("content-type", "application/json");
        self.send(request, json.to_string()).await
    }

    /// A request by the public listener.
    pub(crate) async fn public(
        &self,
        request: axum::http::request::Builder,
        body: impl Into<Body>,
    ) -> Answer {
        answer(self.routers.public.clone(), request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn nonce(&self) -> String {
        let request = Request::post("/v1/nonces").header("content-type", "application/json");
        let answer = self.public(request, "{}").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["audience"], self.alpha.did.as_str());
        answer.json()["nonce"].as_str().unwrap().to_owned()
    }

    /// The body that registers an owner.
    pub(crate) async fn owner_body(&self, party: &Party) -> Value {
        let proof = party.present(&self.alpha.did, &self.nonce().await, Vec::new());
        let proof = String::from_utf8(proof.bytes().to_vec()).unwrap();
        json!({"name": party.name, "kind": "person", "log": party.log_text(), "proof": proof})
    }

    /// The body that registers an agent.
    pub(crate) async fn agent_body(&self, party: &Party, owner: &str, capabilities: &[&str]) -> Value {
        let mut body = self.owner_body(party).await;
        body.as_object_mut().unwrap().remove("kind");
        body["owner"] = json!(owner);
        body["capabilities"] = json!(capabilities);
        body
    }

    pub(crate) async fn owner(&self, name: &str) -> Party {
        let party = Party::new(name, &format!("alpha.test:owners:{name}"));
        let answer = self.post("/v1/owners", &self.owner_body(&party).await).await;
        assert_eq!(answer.status, 201, "{}", answer.json());
        party
    }

    pub(crate) async fn agent(&self, name: &str, owner: &str, capabilities: &[&str]) -> Party {
        let party = Party::new(name, &format!("alpha.test:agents:{name}"));
        let answer = self.post("/v1/agents", &self.agent_body(&party, owner, capabilities).await).await;
        assert_eq!(answer.status, 201, "{}", answer.json());
        party
    }

    pub(crate) async fn identity(&self, kind: &str, name: &str) -> Secured {
        let json = self.get(&format!("/v1/{kind}/{name}/credential")).await.json();
        let text = json["credential"].as_str().unwrap().as_bytes();
        Secured::parse(Content::Credential, Envelope::Jwt, text, text.len()).unwrap()
    }

    /// A link by `issuer` with an index that the domain reserved for it.
    pub(crate) async fn link(
        &self,
        (issuer, principal): (&Party, &Party),
        subject: &Party,
        parent: Option<&(Credential, Secured)>,
        capabilities: &[&str],
    ) -> (Credential, Secured) {
        let reserved = self.post("/v1/indices", &json!({"issuer": issuer.did.as_str()})).await;
        assert_eq!(reserved.status, 201, "{}", reserved.json());
        let index = u32::try_from(reserved.json()["index"].as_u64().unwrap()).unwrap();
        let list = |name: &str| reserved.json()[name].as_str().unwrap().to_owned();
        let entry = |purpose, name| StatusEntry { purpose, index, list: list(name) };
        let claims = Delegation {
            id: subject.did.clone(),
            principal: principal.did.clone(),
            capabilities: Scope::new(capabilities.iter().map(|text| text.parse().unwrap())).unwrap(),
            constraints: Constraints::read(&json!({})).unwrap(),
            parent: parent.map(|(c, s)| Parent { id: c.id.clone(), digest: s.digest() }),
        };
        let lives = 3_000 - parent.map_or(0, |_| 100);
        let credential = Credential {
            id: uuid_urn(codec::sha256(&index.to_be_bytes())[..16].try_into().unwrap()),
            issuer: issuer.did.clone(),
            valid_from: UnixSeconds::new(NOW - 10),
            valid_until: UnixSeconds::new(NOW + lives),
            status: StatusPair {
                revocation: entry(Purpose::Revocation, "revocation"),
                suspension: entry(Purpose::Suspension, "suspension"),
            },
            claims: Claims::Delegation(claims),
        };
        let secured = issuer.secure(Content::Credential, Envelope::Jwt, credential.to_json());
        (credential, secured)
    }

    pub(crate) async fn trust_self(&self, capabilities: &[&str]) {
        let body = json!({"did": self.alpha.did.as_str(), "capabilities": capabilities});
        assert_eq!(self.post("/v1/trust", &body).await.status, 201);
    }

    /// Every record with its version, the records that something was refused excepted.
    pub(crate) async fn state(&self) -> Vec<(Table, Vec<u8>, u64)> {
        let tables = [
            Table::Logs,
            Table::Lists,
            Table::Envelopes,
            Table::Floors,
            Table::RevokedEver,
            Table::Owners,
            Table::Agents,
            Table::Credentials,
            Table::Indices,
            Table::ListStates,
            Table::Decisions,
            Table::Trust,
            Table::Peers,
            Table::Invites,
            Table::Claims,
            Table::Node,
            Table::Evidence,
            Table::Forks,
            Table::Bans,
        ];
        let mut state = Vec::new();
        for table in tables {
            let mut rows = self.records.scan(table, &[], None, 1_024).await.unwrap();
            let refused = br#""kind":"refused""#;
            rows.retain(|row| !row.stored.value.windows(refused.len()).any(|text| text == refused));
            state.extend(rows.into_iter().map(|row| (table, row.key, row.stored.version)));
        }
        state
    }
}

/// What is answered, after seeing that the OpenAPI document says that there can be such an answer.
pub(crate) async fn answer(router: axum::Router, request: Request<Body>) -> Answer {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = router.oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let wait = tokio::time::timeout(Duration::from_secs(20), to_bytes(body, 8 << 20));
    let bytes = wait.await.unwrap().unwrap().to_vec();
    assert_ne!(head.status, StatusCode::CONTINUE);
    let answer = Answer { status: head.status.as_u16(), headers: head.headers, bytes };
    described::is_described(&method, &path, &answer);
    answer
}
