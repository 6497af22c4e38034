//! Pure functions that many nodes of many worlds ask the same of: computed once for each thread. What
//! they answer from is the whole key; one in [`ANEW`] is computed again all the same, and must agree.

use crate::library::{envelope_key, public, secret};
use did_resolver::codec::{Sha256Digest, sha256, sha256_of};
use did_resolver::did::Did;
use did_resolver::document::Document;
use did_resolver::keys::KeyKind;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::Log;
use ed25519_dalek::Signer;
use marque_rules::replica::floor::{
    HeldSince, Known, LogDecision, LogFloor, RETIREMENT_WAIT, ReceivedLog, decide_log,
};
use marque_rules::replica::{Body, Envelope, EnvelopeDraft, Refusal};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// How often what is known is computed anew.
const ANEW: u64 = 256;

/// More than this is forgotten at once.
const MOST: usize = 200_000;

/// A branch that is held, and the digest of its log and of what approves it.
#[derive(Debug, Clone)]
pub(crate) struct Branch {
    pub(crate) log: Rc<Log>,
    pub(crate) mark: Sha256Digest,
}

impl Branch {
    pub(crate) fn new(log: Log) -> Self {
        let mark = sha256_of(&[log.bytes(), &log.witness_file().unwrap_or_default()]);
        Self { log: Rc::new(log), mark }
    }
}

/// A [`LogDecision`], and its logs as branches.
#[derive(Debug, Clone)]
pub(crate) struct Decided {
    pub(crate) decision: LogDecision,
    pub(crate) branches: Vec<Branch>,
    /// Whether the proofs that came with it are enough for who knows no others.
    pub(crate) is_approved: bool,
}

#[derive(Default)]
struct Memo {
    asked: u64,
    signatures: BTreeMap<(Sha256Digest, Sha256Digest), Result<(), Refusal>>,
    decisions: BTreeMap<Sha256Digest, Rc<Decided>>,
    envelopes: BTreeMap<Sha256Digest, Rc<Envelope>>,
}

impl Memo {
    /// Whether what is known is to be computed again.
    fn anew(&mut self) -> bool {
        self.asked += 1;
        self.asked.is_multiple_of(ANEW)
    }
}

thread_local! {
    static MEMO: RefCell<Memo> = RefCell::default();
}

/// As [`Envelope::verify`] does. No key of these documents ends, so the time does not matter.
pub(crate) fn verify(
    envelope: &Envelope,
    document: &Document,
    version: &str,
    now: UnixSeconds,
) -> Result<(), Refusal> {
    let key = (envelope.id(), sha256(version.as_bytes()));
    MEMO.with_borrow_mut(|memo| {
        let anew = memo.anew();
        if let Some(known) = memo.signatures.get(&key) {
            assert!(!anew || *known == envelope.verify(document, now));
            return *known;
        }
        if memo.signatures.len() >= MOST {
            memo.signatures.clear();
        }
        let outcome = envelope.verify(document, now);
        memo.signatures.insert(key, outcome);
        outcome
    })
}

/// What is asked of [`decide_log`].
pub(crate) struct Question<'a> {
    pub(crate) did: &'a Did,
    pub(crate) held: &'a [Branch],
    pub(crate) floor: Option<&'a LogFloor>,
    pub(crate) since: &'a HeldSince,
    pub(crate) settled: Option<&'a str>,
    pub(crate) received: ReceivedLog<'a>,
    pub(crate) now: UnixSeconds,
}

impl Question<'_> {
    /// All that the answer depends on. No version of the library lies in the future; of the times at
    /// which versions came it only matters which have been held for [`RETIREMENT_WAIT`].
    fn key(&self) -> Sha256Digest {
        let mut parts: Vec<&[u8]> = vec![self.did.as_str().as_bytes(), b"\n"];
        parts.extend(self.held.iter().map(|branch| branch.mark.as_slice()));
        let floor = self.floor.map(|floor| floor.version_id.as_str()).unwrap_or_default();
        let long = |(_, since): &&(u32, UnixSeconds)| self.now.since(*since) >= RETIREMENT_WAIT;
        let long = self.since.pairs().iter().filter(long).map(|(number, _)| *number).max();
        let long = long.unwrap_or(0).to_be_bytes();
        let settled = self.settled.unwrap_or_default();
        parts.extend([b"\n", floor.as_bytes(), b"\n", settled.as_bytes(), b"\n", &long]);
        let log = sha256(self.received.log);
        let witness = self.received.witness.unwrap_or_default();
        parts.extend([log.as_slice(), witness]);
        sha256_of(&parts)
    }

    fn answer(&self) -> LogDecision {
        let held: Vec<Log> = self.held.iter().map(|branch| branch.log.as_ref().clone()).collect();
        let (floor, settled) = (self.floor, self.settled);
        let known = Known { held: &held, floor, since: Some(self.since), settled };
        decide_log(self.did, known, self.received, self.now)
    }
}

/// What [`decide_log`] decides.
pub(crate) fn decide(question: &Question<'_>) -> Rc<Decided> {
    let key = question.key();
    MEMO.with_borrow_mut(|memo| {
        let anew = memo.anew();
        if let Some(known) = memo.decisions.get(&key) {
            assert!(!anew || known.decision == question.answer());
            return Rc::clone(known);
        }
        if memo.decisions.len() >= MOST {
            memo.decisions.clear();
        }
        let decision = question.answer();
        let branches = match &decision {
            LogDecision::Accept(log) => vec![Branch::new(log.clone())],
            LogDecision::Approved(logs) | LogDecision::Contested { branches: logs, .. } => {
                logs.iter().cloned().map(Branch::new).collect()
            }
            LogDecision::DeadKey { branch, .. } => vec![Branch::new(branch.clone())],
            LogDecision::Same | LogDecision::Older | LogDecision::Refused(_) => Vec::new(),
        };
        let is_approved = match &decision {
            LogDecision::Accept(log) => log.check_approvals(question.received.witness).is_ok(),
            _ => false,
        };
        let decided = Rc::new(Decided { decision, branches, is_approved });
        memo.decisions.insert(key, Rc::clone(&decided));
        decided
    })
}

/// An envelope signed by the key that domain number `domain` has from version `number` of its log on.
pub(crate) fn sign(domain: usize, did: &Did, number: u32, body: Body) -> Envelope {
    let (seed, name) = envelope_key(domain, number);
    let key_id = did.with_fragment(&name).unwrap();
    let draft = EnvelopeDraft::new(body, key_id, KeyKind::Ed25519).unwrap();
    let key = sha256(draft.signing_input());
    MEMO.with_borrow_mut(|memo| {
        if let Some(known) = memo.envelopes.get(&key) {
            return known.as_ref().clone();
        }
        if memo.envelopes.len() >= MOST {
            memo.envelopes.clear();
        }
        let signature = secret(seed).sign(draft.signing_input()).to_bytes();
        let envelope = draft.attach(&public(seed), &signature).unwrap();
        memo.envelopes.insert(key, Rc::new(envelope.clone()));
        envelope
    })
}
