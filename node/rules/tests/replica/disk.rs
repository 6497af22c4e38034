//! One node's disk, and the judge that decides by it: real did:webvh logs and envelopes, by the rules of
//! `replica::floor`. How their decisions become verdicts is as in `node/flows/src/intake`.

use crate::library::LIBRARY;
use crate::memo::{self, Branch, Question};
use did_resolver::codec::{Sha256Digest, sha256};
use did_resolver::did::Did;
use did_resolver::document::{Relationship, VerificationMethod as Method};
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::Log;
use marque_rules::replica::floor::{
    HeldSince, KnownList, ListDecision, ListFloor, LogDecision, LogFloor, ReceivedList, ReceivedLog,
    SignedList, beside, chosen, decide_list, era, is_past_knowing, log_item,
};
use marque_rules::replica::recognitions::{StatementDecision, StatementFloor};
use marque_rules::replica::{
    Envelope, Item, ItemKind, Kind, LogHead, Recognitions, Refusal, Request, Response, Scid, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use vc_schemas::status::Purpose;
use vc_schemas::status::array::Width;
use vc_schemas::status::bitstring::Bits;

/// Bytes of a log in one page here, so that logs take several.
const PAGE: usize = 1_500;

/// Entries of a list here.
pub(crate) const ENTRIES: u32 = 256;

/// Objects in one answer here, so that a catch-up takes several.
const OBJECTS: usize = 5;

/// One object held: a branch of a log, a list, or a statement.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) item: Item,
    pub(crate) envelope: Rc<[u8]>,
    pub(crate) content: Content,
}

#[derive(Debug, Clone)]
pub(crate) enum Content {
    Log(Branch),
    List(ListFloor, Bits),
    Statement,
}

/// What is held of one subject, and written as one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Subject {
    pub(crate) objects: Vec<Object>,
    pub(crate) log_floor: Option<LogFloor>,
    pub(crate) since: HeldSince,
    pub(crate) list_floor: Option<ListFloor>,
    pub(crate) revoked_ever: Option<Bits>,
    pub(crate) statement_floor: Option<StatementFloor>,
    /// Digests of what was kept as evidence alone.
    pub(crate) evidence: BTreeSet<Sha256Digest>,
}

impl Subject {
    pub(crate) fn items(&self) -> Vec<Item> {
        self.objects.iter().map(|object| object.item.clone()).collect()
    }

    pub(crate) fn highest(&self) -> u64 {
        self.objects.iter().map(|object| object.item.seq).max().unwrap_or(0)
    }

    pub(crate) fn branches(&self) -> Vec<Branch> {
        let branch = |object: &Object| match &object.content {
            Content::Log(branch) => Some(branch.clone()),
            Content::List(..) | Content::Statement => None,
        };
        self.objects.iter().filter_map(branch).collect()
    }

    /// The branch that counts, as the rule says.
    pub(crate) fn chosen(&self) -> Option<Branch> {
        let branches = self.branches();
        let logs: Vec<_> = branches.iter().map(|branch| branch.log.as_ref()).collect();
        let counts = chosen(&logs, None)?.head().id.clone();
        branches.into_iter().find(|branch| branch.log.head().id == counts)
    }

    /// Holds those of `others` beside the list that the rule says, if there is room.
    fn hold_beside(&mut self, others: impl IntoIterator<Item = Object>) -> Result<(), Refusal> {
        let others: Vec<Object> = others.into_iter().collect();
        let signed = |object: &Object| match &object.content {
            Content::List(at, bits) => Some((*at, object.item.digest, bits.clone())),
            Content::Log(_) | Content::Statement => None,
        };
        let read: Vec<_> = others.iter().filter_map(signed).collect();
        fn as_signed((at, digest, bits): &(ListFloor, Sha256Digest, Bits)) -> SignedList<'_> {
            SignedList { at: *at, digest: *digest, bits }
        }
        let list = self.objects.first().and_then(signed);
        let kept = beside(list.as_ref().map(as_signed), read.iter().map(as_signed).collect());
        let kept: Vec<_> = kept.ok_or(Refusal::TooManyLists)?.iter().map(|kept| kept.digest).collect();
        let of = |digest| others.iter().find(|object| object.item.digest == digest).cloned();
        self.objects.extend(kept.into_iter().filter_map(of));
        Ok(())
    }

    /// Whether nothing on the list is known to be good.
    pub(crate) fn is_past_knowing(&self) -> bool {
        self.list().is_some() && is_past_knowing(self.objects.len())
    }

    /// Every index that is revoked, by the list or by what is kept beside it.
    pub(crate) fn revoked(&self) -> BTreeSet<u32> {
        self.list().into_iter().chain(&self.revoked_ever).flat_map(Bits::indices_set).collect()
    }

    /// The list that counts: what is held beside it comes after.
    pub(crate) fn list(&self) -> Option<&Bits> {
        self.objects.iter().find_map(|object| match &object.content {
            Content::List(_, bits) => Some(bits),
            Content::Log(_) | Content::Statement => None,
        })
    }
}

pub(crate) type Key = (Scid, ItemKind, String);

pub(crate) fn key_of(envelope: &Envelope) -> Key {
    let body = envelope.body();
    (body.domain.clone(), body.kind.item_kind(), body.subject.clone())
}

pub(crate) fn own_key(scid: &Scid, did: &Did) -> Key {
    (scid.clone(), ItemKind::Log, did.as_str().to_owned())
}

/// What survives a crash.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk(pub(crate) BTreeMap<Key, Rc<Subject>>);

/// What a list says, beside its number: the indices that are revoked.
pub(crate) fn list_payload(seq: u64, bits: &Bits) -> Vec<u8> {
    let mut payload = seq.to_be_bytes().to_vec();
    payload.extend(bits.indices_set().map(|index| index as u8));
    payload
}

fn read_list(payload: &[u8]) -> Option<(u64, Bits)> {
    let (seq, indices) = payload.split_first_chunk()?;
    let mut bits = no_bits();
    indices.iter().for_each(|index| bits.set(u32::from(*index)).unwrap());
    Some((u64::from_be_bytes(*seq), bits))
}

pub(crate) fn no_bits() -> Bits {
    Bits::wide(ENTRIES, Width::One).unwrap()
}

pub(crate) fn head_of(did: &Did, log: &[u8], item: &Item, version_id: &str) -> LogHead {
    LogHead {
        did: did.as_str().to_owned(),
        version_number: item.seq,
        version_id: version_id.to_owned(),
        length: log.len() as u64,
        digest: sha256(log),
    }
}

/// A verdict, and what to write if it is an acceptance, or worth keeping beside it.
pub(crate) type Found = (Verdict, Option<Subject>);

impl Disk {
    pub(crate) fn get(&self, key: &Key) -> Option<&Rc<Subject>> {
        self.0.get(key)
    }

    /// Items held of a subject.
    pub(crate) fn items(&self, key: &Key) -> Vec<Item> {
        self.get(key).map(|subject| subject.items()).unwrap_or_default()
    }

    /// The log of a domain that counts here.
    fn origin(&self, scid: &Scid) -> Result<Option<Branch>, Refusal> {
        let Some(stories) = LIBRARY.of(scid) else { return Ok(None) };
        let Some(subject) = self.get(&own_key(scid, &stories.did)) else { return Ok(None) };
        subject.chosen().ok_or(Refusal::Contested).map(Some)
    }

    pub(crate) fn judge(&self, envelope: &Envelope, log: Option<&[u8]>, now: UnixSeconds) -> Found {
        match self.find(envelope, log, now) {
            Ok(found) => found,
            Err(refusal @ Refusal::BadSignature) => (Verdict::Reject(refusal), None),
            Err(refusal) => (Verdict::Ignore(refusal), None),
        }
    }

    fn find(&self, envelope: &Envelope, log: Option<&[u8]>, now: UnixSeconds) -> Result<Found, Refusal> {
        let body = envelope.body();
        let did = envelope.domain_did();
        let own_log = body.subject == did.as_str() && body.kind.item_kind() == ItemKind::Log;
        let held = self.get(&key_of(envelope)).map(|subject| subject.branches()).unwrap_or_default();
        let told = match (body.kind, log) {
            (Kind::Log, _) => Some(body.payload.as_slice()),
            (Kind::LogHead, Some(log)) => Some(log),
            (Kind::LogHead, None) => {
                let head = LogHead::of(body)?;
                held.iter().map(|held| held.log.bytes()).find(|log| sha256(log) == head.digest)
            }
            _ => None,
        };
        if own_log && let Some(bytes) = told {
            announced_by_itself(envelope, bytes, now)?;
        }
        let era = match self.origin(&body.domain) {
            _ if own_log => 0,
            Err(refusal) => return Err(refusal),
            Ok(None) => return Ok((Verdict::NeedDomain { did: did.clone() }, None)),
            Ok(Some(branch)) => {
                let head = branch.log.head();
                match memo::verify(envelope, head.document(), &head.id, now) {
                    Ok(()) => signed_in(&branch.log, envelope),
                    Err(Refusal::UnknownKey) => {
                        return Ok((Verdict::NeedDomain { did: did.clone() }, None));
                    }
                    Err(refusal) => return Err(refusal),
                }
            }
        };
        match (body.kind, told) {
            (Kind::Log | Kind::LogHead, Some(log)) => self.find_log(envelope, log, now),
            (Kind::Log | Kind::LogHead, None) => Ok((Verdict::NeedLog, None)),
            (Kind::StatusList, _) => self.find_list(envelope, u64::from(era)),
            (Kind::StatusDelta, _) => Err(Refusal::BadList),
            (Kind::DuplicityProof, _) => Err(Refusal::BadProof),
            (Kind::Membership, _) => Err(Refusal::Inconsistent),
            (Kind::Recognitions, _) => self.find_recognitions(envelope, u64::from(era)),
        }
    }

    fn find_log(&self, envelope: &Envelope, bytes: &[u8], now: UnixSeconds) -> Result<Found, Refusal> {
        let subject = self.get(&key_of(envelope)).cloned().unwrap_or_default();
        let branches = subject.branches();
        let did: Did = envelope.body().subject.parse().map_err(|_| Refusal::Malformed)?;
        let received = || {
            let nothing = Subject::default();
            match &memo::decide(&question(&did, &[], &nothing, bytes, envelope, now)).decision {
                LogDecision::Accept(log) => Ok(log_item(&did, log)),
                _ => Err(Refusal::BadLog),
            }
        };
        let held = subject.items();
        let decided = memo::decide(&question(&did, &branches, &subject, bytes, envelope, now));
        match &decided.decision {
            LogDecision::Accept(_) if !decided.is_approved => Err(Refusal::BadLog),
            LogDecision::Accept(log) => {
                let item = log_item(&did, log);
                accept(&subject, envelope, &item, &decided.branches, now, Some(LogFloor::of(log)))
            }
            LogDecision::Approved(_) => {
                let item = received()?;
                let mut subject = subject.as_ref().clone();
                subject.objects.retain(|object| object.item != item);
                accept(&subject, envelope, &item, &decided.branches, now, None)
            }
            LogDecision::Same => Ok((Verdict::Same { held }, None)),
            LogDecision::Older => Ok((Verdict::Older { item: received()?, held }, None)),
            LogDecision::Contested { .. }
                if decided.branches.iter().all(|kept| branches.iter().any(|held| held.mark == kept.mark)) =>
            {
                Ok((Verdict::Older { item: received()?, held }, None))
            }
            LogDecision::Contested { .. } if decided.branches.len() < 2 => Err(Refusal::Contested),
            LogDecision::Contested { .. } => {
                accept(&subject, envelope, &received()?, &decided.branches, now, None)
            }
            LogDecision::DeadKey { branch, .. } => {
                let mut subject = subject.as_ref().clone();
                subject.evidence.insert(sha256(branch.bytes()));
                Ok((Verdict::Ignore(Refusal::DeadKey), Some(subject)))
            }
            LogDecision::Refused(_) => Err(Refusal::BadLog),
        }
    }

    fn find_list(&self, envelope: &Envelope, era: u64) -> Result<Found, Refusal> {
        let body = envelope.body();
        let (seq, bits) = read_list(&body.payload).ok_or(Refusal::BadList)?;
        if seq != body.seq {
            return Err(Refusal::Inconsistent);
        }
        let subject = self.get(&key_of(envelope)).cloned().unwrap_or_default();
        let held = subject.items();
        let at = ListFloor { issuer_version: era, sequence: seq };
        let received = ReceivedList { at, purpose: Purpose::Revocation, bits: &bits };
        let known = KnownList {
            floor: subject.list_floor,
            stored: subject.list(),
            ahead: None,
            revoked_ever: subject.revoked_ever.as_ref(),
        };
        let decision = decide_list(known, received);
        let (kind, digest) = (ItemKind::StatusList, sha256(&body.payload));
        let item = Item { kind, subject: body.subject.clone(), seq, digest };
        let content = Content::List(at, bits);
        let object = Object { item: item.clone(), envelope: envelope.bytes().into(), content };
        let mut next = subject.as_ref().clone();
        let (overlay, reason) = match decision {
            ListDecision::Accept { overlay } => {
                let others = std::mem::replace(&mut next.objects, vec![object]);
                next.hold_beside(others)?;
                next.list_floor = Some(at);
                next.revoked_ever = overlay;
                return Ok((Verdict::Accept { held: next.items() }, Some(next)));
            }
            ListDecision::Same => return Ok((Verdict::Same { held }, None)),
            ListDecision::Equivocation { .. } if held.contains(&item) => {
                return Ok((Verdict::Same { held }, None));
            }
            ListDecision::Older { overlay } => (overlay, None),
            ListDecision::Unrevokes { overlay } => (overlay, Some(Refusal::Unrevokes)),
            ListDecision::Equivocation { overlay } => (overlay, Some(Refusal::Equivocation)),
            ListDecision::TooFarAhead { overlay } => (overlay, Some(Refusal::TooFarAhead)),
        };
        let others = next.objects.split_off(1.min(next.objects.len()));
        next.hold_beside(others.into_iter().chain([object]))?;
        let is_new = overlay != next.revoked_ever || (reason.is_some() && next.evidence.insert(digest));
        next.revoked_ever = overlay;
        let is_kept = !held.contains(&item) && next.items().contains(&item);
        Ok(match reason {
            None if is_kept => (Verdict::Accept { held: next.items() }, Some(next)),
            None => (Verdict::Older { item, held }, is_new.then_some(next)),
            Some(reason) if is_kept => (Verdict::Beside(next.items(), reason), Some(next)),
            Some(reason) => (Verdict::Ignore(reason), is_new.then_some(next)),
        })
    }

    fn find_recognitions(&self, envelope: &Envelope, era: u64) -> Result<Found, Refusal> {
        let (body, said) = (envelope.body(), Recognitions::of(envelope.body())?);
        if body.subject != envelope.domain_did().as_str() {
            return Err(Refusal::Inconsistent);
        }
        let mut next = self.get(&key_of(envelope)).cloned().unwrap_or_default().as_ref().clone();
        let held = next.items();
        let digest = sha256(&body.payload);
        let at = StatementFloor { issuer_version: era, number: said.number, digest };
        let item =
            Item { kind: ItemKind::Recognitions, subject: body.subject.clone(), seq: body.seq, digest };
        let object =
            Object { item: item.clone(), envelope: envelope.bytes().into(), content: Content::Statement };
        let decision = next.statement_floor.map_or(StatementDecision::Accept, |floor| floor.decide(&at));
        match decision {
            StatementDecision::Same => return Ok((Verdict::Same { held }, None)),
            StatementDecision::Older => return Ok((Verdict::Older { item, held }, None)),
            StatementDecision::Equivocation => {
                let is_new = next.evidence.insert(digest);
                return Ok((Verdict::Ignore(Refusal::Equivocation), is_new.then_some(next)));
            }
            StatementDecision::Accept | StatementDecision::Contradicts => {}
        }
        next.objects = vec![object];
        next.statement_floor = Some(at);
        if decision == StatementDecision::Contradicts {
            next.evidence.extend(held.iter().map(|item| item.digest).chain([digest]));
            return Ok((Verdict::Beside(next.items(), Refusal::Equivocation), Some(next)));
        }
        Ok((Verdict::Accept { held: next.items() }, Some(next)))
    }

    /// Answers a peer from what is durable.
    pub(crate) fn look_up(&self, request: &Request) -> Response {
        let objects = || self.0.values().flat_map(|subject| &subject.objects);
        match request {
            Request::Objects { domain, ids } => {
                let of_domain = self.0.iter().filter(|((scid, ..), _)| scid == domain);
                let found = of_domain.flat_map(|(_, subject)| &subject.objects).filter_map(|object| {
                    let id = object.item.id();
                    ids.contains(&id).then(|| (id, object.envelope.to_vec()))
                });
                Response::Objects(found.take(OBJECTS).collect())
            }
            Request::Log { did, digest, offset } => {
                let log = objects().filter(|object| object.item.subject == *did).find_map(|object| {
                    match &object.content {
                        Content::Log(branch) => begins(branch.log.bytes(), digest).then(|| branch.clone()),
                        Content::List(..) | Content::Statement => None,
                    }
                });
                let Some(branch) = log else { return Response::Refused(Refusal::NotFound) };
                let bytes = branch.log.bytes();
                let from = usize::try_from(*offset).unwrap_or(usize::MAX).min(bytes.len());
                let to = (from + PAGE).min(bytes.len());
                Response::Log { total: bytes.len() as u64, bytes: bytes[from..to].to_vec() }
            }
            Request::Resolve { did } => {
                let log =
                    objects().find(|object| object.item.kind == ItemKind::Log && object.item.subject == *did);
                log.map_or(Response::Refused(Refusal::NotFound), |log| {
                    Response::Envelope(log.envelope.to_vec())
                })
            }
            _ => Response::Refused(Refusal::NotFound),
        }
    }
}

/// Verifies an envelope about the log of its own origin by that log, as [`Envelope::verify_by_log`] does.
fn announced_by_itself(envelope: &Envelope, bytes: &[u8], now: UnixSeconds) -> Result<(), Refusal> {
    let stories = LIBRARY.of(&envelope.body().domain).ok_or(Refusal::BadLog)?;
    let nothing = Subject::default();
    let decided = memo::decide(&question(&stories.did, &[], &nothing, bytes, envelope, now));
    let LogDecision::Accept(log) = &decided.decision else { return Err(Refusal::BadLog) };
    let mut found = log.versions().rev().map(|v| memo::verify(envelope, v.document(), &v.id, now));
    let said = found.find(|found| matches!(found, Ok(()) | Err(Refusal::BadSignature)));
    said.unwrap_or(Err(Refusal::UnknownKey))
}

/// Since which version of its domain the key of an envelope has been listed.
fn signed_in(log: &Log, envelope: &Envelope) -> u32 {
    let listed = |method: &&Method| method.id == *envelope.key_id();
    let document = log.head().document();
    let method = document.listed(Relationship::AssertionMethod).find(listed);
    method.and_then(|method| era(log, method.key.as_ref()?)).unwrap_or(0)
}

fn question<'a>(
    did: &'a Did,
    held: &'a [Branch],
    subject: &'a Subject,
    log: &'a [u8],
    envelope: &'a Envelope,
    now: UnixSeconds,
) -> Question<'a> {
    let received = ReceivedLog { log, witness: envelope.body().witness.as_deref() };
    let floor = subject.log_floor.as_ref();
    Question { did, held, floor, since: &subject.since, settled: None, received, now }
}

/// Keeps the branches, each with the envelope that announced it: `new` with this one.
fn accept(
    before: &Subject,
    envelope: &Envelope,
    new: &Item,
    branches: &[Branch],
    now: UnixSeconds,
    floor: Option<LogFloor>,
) -> Result<Found, Refusal> {
    if new.seq != envelope.body().seq {
        return Err(Refusal::Inconsistent);
    }
    let did: Did = new.subject.parse().map_err(|_| Refusal::Malformed)?;
    let mut next = before.clone();
    next.objects.clear();
    for branch in branches {
        let item = log_item(&did, &branch.log);
        let earlier = before.objects.iter().find(|object| object.item == item);
        let envelope = match earlier {
            Some(object) => Rc::clone(&object.envelope),
            None => envelope.bytes().into(),
        };
        next.objects.push(Object { item, envelope, content: Content::Log(branch.clone()) });
    }
    if let Some(floor) = floor {
        next.since = next.since.noting(floor.number, now);
        next.log_floor = Some(floor);
    }
    Ok((Verdict::Accept { held: next.items() }, Some(next)))
}

/// Whether `digest` is that of `log` or of a beginning of it.
fn begins(log: &[u8], digest: &Sha256Digest) -> bool {
    let ends = log.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    ends.into_iter().any(|end| sha256(&log[..end]) == *digest)
}
