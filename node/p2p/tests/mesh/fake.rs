//! A node without flows: domains whose keys follow from their names, lists that are bytes, and a store
//! in memory.

use did_resolver::codec::sha256;
use did_resolver::did::Did;
use did_resolver::document::Document;
use did_resolver::keys::{KeyKind, PublicKey};
use did_resolver::time::UnixSeconds;
use ed25519_dalek::{Signer, SigningKey};
use futures::future::{BoxFuture, ready};
use marque_flows::ports::clock::Clock;
use marque_flows::ports::mesh::{
    Admission, Ban, Domains, Intake, Judgement, Knock, Publication, Shown, Standing, Submission,
};
use marque_rules::replica::envelope::{Body, EnvelopeDraft};
use marque_rules::replica::token::JoinSecret;
use marque_rules::replica::{
    Envelope, Item, ItemKind, Kind, Lane, Refusal, Request, Response, Scid, Verdict,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;

pub(crate) const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

/// A clock that stands still: only gossip's expiry and memberships look at it.
#[derive(Debug)]
pub(crate) struct Still;

impl Clock for Still {
    fn now(&self) -> UnixSeconds {
        NOW
    }
}

/// A domain's DID.
pub(crate) fn did(name: &str) -> Did {
    let scid = did_resolver::codec::multihash_base58btc(name.as_bytes());
    format!("did:webvh:{scid}:{name}.example").parse().unwrap()
}

pub(crate) fn scid(name: &str) -> Scid {
    Scid::of(&did(name)).unwrap()
}

fn secret(did: &Did) -> SigningKey {
    SigningKey::from_bytes(&sha256(did.as_str().as_bytes()))
}

fn public(did: &Did) -> PublicKey {
    PublicKey::ed25519(secret(did).verifying_key().as_bytes()).unwrap()
}

fn document(did: &Did) -> Document {
    let key_id = did.with_fragment("key").unwrap();
    Document::parse(serde_json::json!({
        "id": did.as_str(),
        "verificationMethod": [{
            "id": key_id.as_str(), "controller": did.as_str(),
            "type": "Multikey", "publicKeyMultibase": public(did).to_multikey(),
        }],
        "assertionMethod": [key_id.as_str()],
    }))
    .unwrap()
}

/// A list of a domain, in its envelope.
pub(crate) fn list(domain: &str, url: &str, seq: u64) -> Envelope {
    let did = did(domain);
    let body = Body {
        kind: Kind::StatusList,
        domain: scid(domain),
        subject: url.to_owned(),
        seq,
        prev: None,
        issued_at: NOW,
        expires_at: NOW.plus(Duration::from_secs(3_600)),
        payload: format!("{url} {seq}").into_bytes(),
        witness: None,
    };
    let draft = EnvelopeDraft::new(body, did.with_fragment("key").unwrap(), KeyKind::Ed25519).unwrap();
    let signature = secret(&did).sign(draft.signing_input()).to_bytes();
    draft.attach(&public(&did), &signature).unwrap()
}

fn item(envelope: &Envelope) -> Item {
    let body = envelope.body();
    let (kind, subject) = (ItemKind::StatusList, body.subject.clone());
    Item { kind, subject, seq: body.seq, digest: sha256(&body.payload) }
}

type Store = Arc<Mutex<BTreeMap<String, Envelope>>>;

/// The node.
#[derive(Debug)]
pub(crate) struct Fake {
    peer: String,
    domain: &'static str,
    pub(crate) trusted: Mutex<BTreeSet<Scid>>,
    pub(crate) joined: Mutex<BTreeSet<Scid>>,
    /// Secrets that were given out.
    pub(crate) invites: Mutex<Vec<JoinSecret>>,
    pub(crate) store: Store,
    /// Peers that said hello, one for each time.
    pub(crate) knocks: Mutex<Vec<String>>,
    /// Subjects that were judged, one for each time.
    pub(crate) judged: Mutex<Vec<String>>,
    /// Bans that are kept: those that were at the start, and those of the mesh itself.
    pub(crate) banned: Mutex<Vec<Ban>>,
    /// What becomes of the next answers to which domains there are.
    pub(crate) next_domains: Mutex<VecDeque<Told>>,
    /// How often it was asked which domains there are.
    pub(crate) asked_domains: AtomicUsize,
}

/// What becomes of an answer.
#[derive(Debug)]
pub(crate) enum Told {
    /// It is given once this is, and says what was so when it was asked for.
    Late(oneshot::Receiver<()>),
    Failed,
    Panicked,
}

impl Fake {
    pub(crate) fn new(peer: String, domain: &'static str, trusted: &[&str]) -> Self {
        Self {
            peer,
            domain,
            trusted: Mutex::new(trusted.iter().map(|name| scid(name)).collect()),
            joined: Mutex::default(),
            invites: Mutex::default(),
            store: Store::default(),
            knocks: Mutex::default(),
            judged: Mutex::default(),
            banned: Mutex::default(),
            next_domains: Mutex::default(),
            asked_domains: AtomicUsize::new(0),
        }
    }

    pub(crate) fn peer(&self) -> &str {
        &self.peer
    }

    /// Stores, and says what to publish.
    pub(crate) fn put(&self, url: &str, seq: u64) -> Publication {
        let envelope = list(self.domain, url, seq);
        self.store.lock().unwrap().insert(url.to_owned(), envelope.clone());
        Publication { held: vec![item(&envelope)], envelope, lane: Lane::Status }
    }

    /// The sequence number that is held of a list.
    pub(crate) fn seq(&self, url: &str) -> Option<u64> {
        self.store.lock().unwrap().get(url).map(|e| e.body().seq)
    }

    fn decide(&self, knock: &Knock) -> Result<Admission, Refusal> {
        self.knocks.lock().unwrap().push(knock.peer.clone());
        if knock.hello.membership != knock.peer.as_bytes() {
            return Err(Refusal::BadMembership);
        }
        let domain = Scid::of(&knock.hello.domain).ok_or(Refusal::BadDomainLog)?;
        let until = NOW.plus(Duration::from_secs(3_600));
        let known = domain == scid(self.domain)
            || self.trusted.lock().unwrap().contains(&domain)
            || self.joined.lock().unwrap().contains(&domain);
        let mut invites = self.invites.lock().unwrap();
        let shown = invites.iter().position(|s| Some(s) == knock.hello.join_secret.as_ref());
        let joined = !known && (shown.is_some() || knock.joining.is_some());
        if let Some(at) = shown {
            invites.remove(at);
        }
        if joined {
            self.joined.lock().unwrap().insert(domain.clone());
        }
        if known || joined { Ok(Admission { domain, until, joined }) } else { Err(Refusal::UnknownDomain) }
    }

    fn verdict(&self, envelope: &Envelope) -> Judgement {
        let only = |verdict| Judgement { verdict, write: None };
        self.judged.lock().unwrap().push(envelope.body().subject.clone());
        if let Err(reason) = envelope.verify(&document(envelope.domain_did()), NOW) {
            return only(Verdict::Reject(reason));
        }
        let new = item(envelope);
        let held = self.store.lock().unwrap().get(&new.subject).map(item);
        match held {
            Some(held) if held == new => return only(Verdict::Same { held: vec![held] }),
            Some(held) if held.seq >= new.seq => {
                return only(Verdict::Older { item: new, held: vec![held] });
            }
            _ => {}
        }
        let (store, envelope) = (Arc::clone(&self.store), envelope.clone());
        let write = async move {
            store.lock().unwrap().insert(envelope.body().subject.clone(), envelope);
            Ok(())
        };
        Judgement { verdict: Verdict::Accept { held: vec![new] }, write: Some(Box::pin(write)) }
    }

    fn find(&self, request: Request) -> Response {
        let store = self.store.lock().unwrap();
        match request {
            Request::Objects { domain, ids } => Response::Objects(
                store
                    .values()
                    .filter(|e| e.body().domain == domain && ids.contains(&item(e).id()))
                    .map(|e| (item(e).id(), e.bytes().to_vec()))
                    .collect(),
            ),
            Request::List { url } => match store.get(&url) {
                Some(envelope) => Response::Envelope(envelope.bytes().to_vec()),
                None => Response::Refused(Refusal::NotFound),
            },
            _ => Response::Refused(Refusal::NotFound),
        }
    }
}

impl Intake for Fake {
    fn standing(&self) -> BoxFuture<'_, Result<Standing, Refusal>> {
        let membership = self.peer.clone().into_bytes();
        let (domain, domain_log) = (did(self.domain), b"log".to_vec());
        let standing = Standing { membership, domain, domain_log, domain_witness: None };
        Box::pin(ready(Ok(standing)))
    }

    fn admit(&self, knock: Knock) -> BoxFuture<'_, Result<Admission, Refusal>> {
        Box::pin(ready(self.decide(&knock)))
    }

    fn review(&self, _: Arc<Shown>) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(ready(Ok(())))
    }

    fn judge(&self, submission: Submission) -> BoxFuture<'_, Judgement> {
        Box::pin(ready(self.verdict(&submission.envelope)))
    }

    fn lookup(&self, request: Request) -> BoxFuture<'_, Response> {
        Box::pin(ready(self.find(request)))
    }

    fn items(&self, domain: Scid) -> BoxFuture<'_, Result<Vec<Item>, Refusal>> {
        let store = self.store.lock().unwrap();
        Box::pin(ready(Ok(store.values().filter(|e| e.body().domain == domain).map(item).collect())))
    }

    fn bans(&self) -> BoxFuture<'_, Result<Vec<Ban>, Refusal>> {
        Box::pin(ready(Ok(self.banned.lock().unwrap().clone())))
    }

    fn banned(&self, ban: Ban) -> BoxFuture<'_, ()> {
        self.banned.lock().unwrap().push(ban);
        Box::pin(ready(()))
    }

    fn domains(&self) -> BoxFuture<'_, Result<Domains, Refusal>> {
        let domains = Domains {
            own: scid(self.domain),
            trusted: self.trusted.lock().unwrap().clone(),
            joined: self.joined.lock().unwrap().clone(),
            addresses: Vec::new(),
        };
        self.asked_domains.fetch_add(1, Ordering::SeqCst);
        match self.next_domains.lock().unwrap().pop_front() {
            None => Box::pin(ready(Ok(domains))),
            Some(Told::Late(when)) => Box::pin(async move {
                when.await.unwrap();
                Ok(domains)
            }),
            Some(Told::Failed) => Box::pin(ready(Err(Refusal::StoreFailed))),
            Some(Told::Panicked) => Box::pin(async { panic!("a defect") }),
        }
    }
}
