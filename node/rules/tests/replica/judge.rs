//! One node's disk, and a judge that decides by it: logs are byte strings of which one extends
//! another or forks from it, and some need the approval of two witnesses; lists are decided by the real
//! rule.

use did_resolver::codec::{Sha256Digest, sha256};
use did_resolver::did::{Did, DidUrl};
use did_resolver::document::Document;
use did_resolver::keys::{KeyKind, PublicKey};
use did_resolver::time::UnixSeconds;
use ed25519_dalek::{Signer, SigningKey};
use marque_rules::replica::floor::{KnownList, ListDecision, ListFloor, ReceivedList, decide_list};
use marque_rules::replica::view::log_digest;
use marque_rules::replica::{
    Body, Envelope, EnvelopeDraft, Item, ItemKind, Kind, LogHead, Refusal, Request, Response, Scid, Verdict,
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use vc_schemas::status::Purpose;
use vc_schemas::status::bitstring::{Bits, MIN_ENTRIES};

/// Bytes of a log in one page here, so that long logs take several.
const PAGE: usize = 3;

/// The witnesses of witnessed logs.
pub(crate) const WITNESSES: [u8; 3] = [1, 2, 3];

/// How many of them must approve.
pub(crate) const THRESHOLD: usize = 2;

/// Bytes of one approval: a witness, and the beginning of the hash of what it approves.
const APPROVAL: usize = 9;

/// Whether the log of this name has witnesses.
pub(crate) fn is_witnessed(subject: &str) -> bool {
    subject.ends_with(['1', '2'])
}

/// The file by which these witnesses approve `content`.
pub(crate) fn approvals(content: &[u8], witnesses: impl IntoIterator<Item = u8>) -> Vec<u8> {
    witnesses.into_iter().flat_map(|w| [&[w], &sha256(content)[..APPROVAL - 1]].concat()).collect()
}

/// What approves `content` in a file.
fn approving<'a>(content: &[u8], file: &'a [u8]) -> BTreeSet<&'a [u8]> {
    let hash = sha256(content);
    let approves = |a: &&[u8]| WITNESSES.contains(&a[0]) && a[1..] == hash[..APPROVAL - 1];
    file.chunks_exact(APPROVAL).filter(approves).collect()
}

/// How many witnesses approve `content`.
pub(crate) fn approved_by(content: &[u8], file: &[u8]) -> usize {
    approving(content, file).len()
}

/// A domain with one key.
pub(crate) struct Origin {
    pub(crate) scid: Scid,
    pub(crate) document: Document,
    key: SigningKey,
    key_id: DidUrl,
}

impl Origin {
    pub(crate) fn new(n: u8) -> Self {
        let scid = did_resolver::codec::multihash_base58btc(&[n]);
        let did: Did = format!("did:webvh:{scid}:d{n}.example").parse().unwrap();
        let key = SigningKey::from_bytes(&[n + 1; 32]);
        let public = PublicKey::ed25519(key.verifying_key().as_bytes()).unwrap();
        let key_id = did.with_fragment("key-1").unwrap();
        let document = json!({
            "id": did.as_str(),
            "verificationMethod": [{
                "id": key_id.as_str(), "controller": did.as_str(),
                "type": "Multikey", "publicKeyMultibase": public.to_multikey(),
            }],
            "assertionMethod": [key_id.as_str()],
        });
        let document = Document::parse(document).unwrap();
        Self { scid: Scid::parse(&scid).unwrap(), document, key, key_id }
    }

    pub(crate) fn sign(
        &self,
        kind: Kind,
        subject: &str,
        seq: u64,
        payload: Vec<u8>,
        witness: Option<Vec<u8>>,
        now: UnixSeconds,
    ) -> Envelope {
        let body = Body {
            kind,
            domain: self.scid.clone(),
            subject: subject.to_owned(),
            seq,
            prev: None,
            issued_at: now,
            expires_at: now.plus(std::time::Duration::from_secs(3_600)),
            payload,
            witness,
        };
        let draft = EnvelopeDraft::new(body, self.key_id.clone(), KeyKind::Ed25519).unwrap();
        let signature = self.key.sign(draft.signing_input()).to_bytes();
        let public = PublicKey::ed25519(self.key.verifying_key().as_bytes()).unwrap();
        draft.attach(&public, &signature).unwrap()
    }
}

/// One object held: a branch of a log, or a list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object {
    pub(crate) item: Item,
    pub(crate) envelope: Vec<u8>,
    /// The log or the list.
    pub(crate) content: Vec<u8>,
    /// What approves the log.
    pub(crate) witness: Vec<u8>,
}

/// What is held of one subject, and written as one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Subject {
    pub(crate) objects: Vec<Object>,
    floor: Option<ListFloor>,
    pub(crate) revoked_ever: Option<Bits>,
}

impl Subject {
    pub(crate) fn items(&self) -> Vec<Item> {
        self.objects.iter().map(|o| o.item.clone()).collect()
    }

    pub(crate) fn highest(&self) -> u64 {
        self.objects.iter().map(|o| o.item.seq).max().unwrap_or(0)
    }
}

pub(crate) type Key = (Scid, ItemKind, String);

/// What survives a crash.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk(pub(crate) BTreeMap<Key, Subject>);

pub(crate) fn key_of(envelope: &Envelope) -> Key {
    let body = envelope.body();
    (body.domain.clone(), body.kind.item_kind(), body.subject.clone())
}

/// A log of the versions in `content`; each byte is one.
pub(crate) fn log_item(subject: &str, content: &[u8]) -> Item {
    let ids: Vec<String> = (1..=content.len()).map(|n| format!("{n}-{:x?}", &content[..n])).collect();
    let digest = log_digest(ids.iter().map(String::as_str));
    Item { kind: ItemKind::Log, subject: subject.to_owned(), seq: content.len() as u64, digest }
}

pub(crate) fn log_head(did: &str, content: &[u8]) -> LogHead {
    let version_number = content.len() as u64;
    let (version_id, length, digest) = (format!("{version_number}-x"), content.len() as u64, sha256(content));
    LogHead { did: did.to_owned(), version_number, version_id, length, digest }
}

/// Revoked indices, one byte each.
pub(crate) fn bits(content: &[u8]) -> Bits {
    let mut bits = Bits::new(MIN_ENTRIES).unwrap();
    content.iter().for_each(|index| bits.set(u32::from(*index)).unwrap());
    bits
}

impl Disk {
    /// Verdict, and what to write if it is an acceptance.
    pub(crate) fn judge(
        &self,
        origins: &[Origin],
        envelope: &Envelope,
        log: Option<&[u8]>,
        now: UnixSeconds,
    ) -> (Verdict, Option<Subject>) {
        let origin = origins.iter().find(|o| o.scid == envelope.body().domain).unwrap();
        if let Err(refusal) = envelope.verify(&origin.document, now) {
            return (Verdict::Reject(refusal), None);
        }
        let mut subject = self.0.get(&key_of(envelope)).cloned().unwrap_or_default();
        let body = envelope.body();
        match body.kind {
            Kind::Log => judge_log(subject, envelope, &body.payload),
            // No origin here says what changed.
            Kind::StatusDelta => (Verdict::Ignore(Refusal::UnknownParent), None),
            Kind::DuplicityProof => (Verdict::Ignore(Refusal::BadProof), None),
            Kind::LogHead => match log {
                Some(log) => {
                    assert_eq!(sha256(log), LogHead::of(body).unwrap().digest);
                    judge_log(subject, envelope, log)
                }
                None => (Verdict::NeedLog, None),
            },
            Kind::StatusList => {
                let at = ListFloor { issuer_version: 1, sequence: body.seq };
                let bits = bits(&body.payload);
                let received = ReceivedList { at, purpose: Purpose::Revocation, bits: &bits };
                let stored = subject.objects.first().map(|o| self::bits(&o.content));
                let known = KnownList {
                    floor: subject.floor,
                    stored: stored.as_ref(),
                    ahead: None,
                    revoked_ever: subject.revoked_ever.as_ref(),
                };
                let decision = decide_list(known, received);
                let item = Item {
                    kind: ItemKind::StatusList,
                    subject: body.subject.clone(),
                    seq: body.seq,
                    digest: sha256(&body.payload),
                };
                let (envelope, content) = (envelope.bytes().to_vec(), body.payload.clone());
                let object = Object { item, envelope, content, witness: Vec::new() };
                match decision {
                    ListDecision::Accept { overlay } => {
                        subject = Subject { objects: vec![object], floor: Some(at), revoked_ever: overlay };
                    }
                    ListDecision::Equivocation { overlay } => {
                        if subject.objects.contains(&object) {
                            return (Verdict::Same { held: subject.items() }, None);
                        }
                        subject.objects.push(object);
                        subject.revoked_ever = overlay;
                    }
                    ListDecision::Same => return (Verdict::Same { held: subject.items() }, None),
                    ListDecision::Older => {
                        return (Verdict::Older { item: object.item, held: subject.items() }, None);
                    }
                    ListDecision::Unrevokes { .. } => return (Verdict::Ignore(Refusal::Unrevokes), None),
                    ListDecision::TooFarAhead => return (Verdict::Ignore(Refusal::TooFarAhead), None),
                }
                (Verdict::Accept { held: subject.items() }, Some(subject))
            }
        }
    }

    /// Answers a peer from what is durable.
    pub(crate) fn look_up(&self, request: &Request) -> Response {
        let objects = || self.0.values().flat_map(|s| &s.objects);
        match request {
            Request::Objects { ids, .. } => {
                let found = objects().filter(|o| ids.contains(&o.item.id()));
                Response::Objects(found.map(|o| (o.item.id(), o.envelope.clone())).take(5).collect())
            }
            Request::Log { did, digest, offset } => {
                let log = objects().find(|o| o.item.subject == *did && begins(&o.content, digest));
                let Some(log) = log else { return Response::Refused(Refusal::NotFound) };
                let from = usize::try_from(*offset).unwrap().min(log.content.len());
                let to = (from + PAGE).min(log.content.len());
                Response::Log { total: log.content.len() as u64, bytes: log.content[from..to].to_vec() }
            }
            _ => Response::Refused(Refusal::NotFound),
        }
    }
}

/// Whether `digest` is that of `content` or of a beginning of it.
fn begins(content: &[u8], digest: &Sha256Digest) -> bool {
    (1..=content.len()).any(|n| sha256(&content[..n]) == *digest)
}

fn judge_log(mut subject: Subject, envelope: &Envelope, content: &[u8]) -> (Verdict, Option<Subject>) {
    let held = subject.items();
    let body = envelope.body();
    let file = body.witness.as_deref().unwrap_or_default();
    let bytes = envelope.bytes().to_vec();
    let new = approving(content, file);
    if is_witnessed(&body.subject) && new.len() < THRESHOLD {
        return (Verdict::Ignore(Refusal::BadLog), None);
    }
    if let Some(same) = subject.objects.iter_mut().find(|o| o.content == content) {
        let mut all = approving(content, &same.witness);
        let known = all.len();
        all.extend(new);
        if all.len() == known {
            return (Verdict::Same { held }, None);
        }
        same.witness = all.into_iter().collect::<Vec<_>>().concat();
        same.envelope = bytes;
        return (Verdict::Accept { held }, Some(subject));
    }
    let item = log_item(&body.subject, content);
    if subject.objects.iter().any(|o| o.content.starts_with(content)) {
        return (Verdict::Older { item, held }, None);
    }
    subject.objects.retain(|o| !content.starts_with(&o.content));
    let witness = new.into_iter().collect::<Vec<_>>().concat();
    subject.objects.push(Object { item, envelope: bytes, content: content.to_vec(), witness });
    (Verdict::Accept { held: subject.items() }, Some(subject))
}
