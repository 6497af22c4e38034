//! What the mesh hands in: envelopes are judged against what is held, prepared as one write, and
//! answered from the store. Implements [`Intake`].

mod list;
mod log;
mod membership;
mod proof;
mod recognitions;

use crate::domain::Domain;
use crate::error::Error;
use crate::objects::HeldLog;
use crate::ports::mesh::{
    Admission, Ban, Domains, Intake, Judgement, Knock, Shown, Standing, Submission, Write,
};
use crate::ports::records::Write as RecordWrite;
use crate::unrecognised::Allowance;
use did_resolver::codec;
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{Extension, Log};
use futures::future::BoxFuture;
use marque_rules::replica::limits::MAX_ITEMS_PER_DOMAIN;
use marque_rules::replica::{
    Envelope, Item, ItemKind, Kind as Carried, LogHead, Refusal, Request, Response, Scid, Verdict,
};
use std::fmt;
use std::sync::Arc;
use vc_schemas::claims::peer_id;
use vc_schemas::facts::DidFact;

/// The node's side of the mesh: a domain, and the did:key of this node.
#[derive(Clone)]
pub struct NodeIntake {
    domain: Arc<Domain>,
    node: Did,
    /// The membership credential, kept until half of its life is over.
    membership: Arc<tokio::sync::Mutex<Option<Membership>>>,
}

impl fmt::Debug for NodeIntake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeIntake").field("node", &self.node).finish_non_exhaustive()
    }
}

/// A membership credential, from when on it is valid, and from when on a new one is wanted.
type Membership = (Shown, UnixSeconds, UnixSeconds);

/// What judging found: a verdict, and the records that an acceptance stands for.
type Found = (Verdict, Vec<RecordWrite>);

fn failed(error: &Error) -> Refusal {
    tracing::error!(%error, "the store failed the mesh");
    Refusal::StoreFailed
}

impl NodeIntake {
    /// For the node with this did:key.
    #[must_use]
    pub fn new(domain: Arc<Domain>, node: Did) -> Self {
        Self { domain, node, membership: Arc::default() }
    }

    pub(crate) fn domain(&self) -> &Domain {
        &self.domain
    }

    async fn own_membership(&self) -> Result<Vec<u8>, Refusal> {
        let mut kept = self.membership.lock().await;
        let now = self.domain.now();
        let (epoch, _) = self.domain.membership_epoch(&self.domain.home.did).await.map_err(|e| failed(&e))?;
        let admits = |from| epoch.is_none_or(|epoch| epoch.admits(from));
        // One that was revoked, or whose key the domain retired, would be shown for nothing.
        if let Some((shown, from, renew)) = kept.as_ref()
            && now < *renew
            && admits(*from)
            && self.domain.review(shown).await.is_ok()
        {
            return Ok(shown.membership.clone());
        }
        // By this clock the epoch has not begun: what were issued now would admit nobody.
        if !admits(now) {
            return Err(Refusal::MembershipExpired);
        }
        let secured = self.domain.membership(&self.node).await.map_err(|e| failed(&e))?;
        let membership = secured.bytes().to_vec();
        let key = did_resolver::methods::key_of(&self.node).ok();
        let peer = key.and_then(|key| peer_id(&key)).ok_or(Refusal::BadMembership)?;
        let shown = Shown { peer, domain: self.domain.home.did.clone(), membership: membership.clone() };
        *kept = Some((shown, now, now.plus(vc_schemas::credential::MEMBERSHIP_LIFE / 2)));
        Ok(membership)
    }

    async fn find(&self, submission: &Submission) -> Result<Found, Refusal> {
        let (domain, envelope) = (&self.domain, &submission.envelope);
        let origin = envelope.domain_did();
        let held = domain.held_log(origin).await.map_err(|e| failed(&e))?;
        let own_log =
            envelope.body().subject == origin.as_str() && envelope.body().kind.item_kind() == ItemKind::Log;
        if own_log {
            let Some(log) = log_told(submission, &held)? else { return Ok((Verdict::NeedLog, Vec::new())) };
            self.announced_by_itself(envelope, log, &held)?;
            return self.find_log(envelope, log).await;
        }
        let document = match held.fact() {
            Some(DidFact::Active { document, .. }) => document.as_ref().clone(),
            Some(DidFact::Contested) => return Err(Refusal::Contested),
            Some(DidFact::Deactivated) => return Err(Refusal::KeyNotAuthorised),
            None => return Ok((Verdict::NeedDomain { did: origin.clone() }, Vec::new())),
        };
        match envelope.verify(&document, domain.now()) {
            Ok(()) => {}
            Err(Refusal::UnknownKey) => return Ok((Verdict::NeedDomain { did: origin.clone() }, Vec::new())),
            Err(refusal) => return Err(refusal),
        }
        match envelope.body().kind {
            Carried::Log => self.find_log(envelope, &envelope.body().payload).await,
            Carried::LogHead => {
                let did: Did = envelope.body().subject.parse().map_err(|_| Refusal::Malformed)?;
                let held = domain.held_log(&did).await.map_err(|e| failed(&e))?;
                match log_told(submission, &held)? {
                    Some(log) => self.find_log(envelope, log).await,
                    None => Ok((Verdict::NeedLog, Vec::new())),
                }
            }
            Carried::StatusList => self.find_list(envelope, &document).await,
            Carried::StatusDelta => self.find_delta(envelope, &document).await,
            Carried::DuplicityProof => self.find_proof(envelope).await,
            Carried::Membership => self.find_membership(envelope).await,
            Carried::Recognitions => self.find_recognitions(envelope, &document).await,
        }
    }

    /// Verifies an envelope about the log of its own origin by that `log`: a log says itself by which key it is
    /// announced. Every history of a contested domain is kept and passed on.
    fn announced_by_itself(&self, envelope: &Envelope, log: &[u8], held: &HeldLog) -> Result<(), Refusal> {
        let (witness, now) = (envelope.body().witness.as_deref(), self.domain.now());
        // What is held is not verified again.
        for branch in &held.branches {
            match branch.extend_with(log, witness, now).map_err(|_| Refusal::BadLog)? {
                Extension::Same => return envelope.verify_by_log(branch, now),
                Extension::Longer(log) => return envelope.verify_by_log(&log, now),
                Extension::Older | Extension::Fork { .. } => {}
            }
        }
        let log = Log::verify_with(log, witness, now).map_err(|_| Refusal::BadLog)?;
        envelope.verify_by_log(&log, now)
    }
}

/// The log that an envelope carries or announces, where it is here: it came with it, or is `held`.
fn log_told<'a>(submission: &'a Submission, held: &'a HeldLog) -> Result<Option<&'a [u8]>, Refusal> {
    let body = submission.envelope.body();
    if body.kind == Carried::Log {
        return Ok(Some(&body.payload));
    }
    let head = LogHead::of(body)?;
    let is_it = |log: &[u8]| log.len() as u64 == head.length && codec::sha256(log) == head.digest;
    match &submission.log {
        Some(log) if is_it(log) => Ok(Some(log)),
        Some(_) => Err(Refusal::NotAsAnnounced),
        None => Ok(held.branches.iter().map(|log| log.bytes()).find(|log| is_it(log))),
    }
}

impl Intake for NodeIntake {
    fn standing(&self) -> BoxFuture<'_, Result<Standing, Refusal>> {
        Box::pin(async move {
            let log = self.domain.own_log().await.map_err(|e| failed(&e))?;
            let membership = self.own_membership().await?;
            Ok(Standing {
                membership,
                domain: self.domain.home.did.clone(),
                domain_log: log.bytes().to_vec(),
                domain_witness: log.witness_file(),
            })
        })
    }

    fn admit(&self, knock: Knock) -> BoxFuture<'_, Result<Admission, Refusal>> {
        Box::pin(async move { self.domain.decide_on(&knock).await })
    }

    fn review(&self, shown: Arc<Shown>) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move { self.domain.review(&shown).await })
    }

    fn judge(&self, submission: Submission) -> BoxFuture<'_, Judgement> {
        Box::pin(async move {
            let origin = &submission.envelope.body().domain;
            let found = match self.find(&submission).await {
                Ok((verdict, writes)) => self
                    .domain
                    .charged(origin, writes, Allowance::Brought)
                    .await
                    .map(|writes| (verdict, writes)),
                refused => refused,
            };
            match found {
                Ok((verdict, writes)) if writes.is_empty() => Judgement { verdict, write: None },
                Ok((verdict, writes)) => Judgement { verdict, write: Some(self.prepare(writes)) },
                Err(refusal @ Refusal::BadSignature) => {
                    Judgement { verdict: Verdict::Reject(refusal), write: None }
                }
                Err(refusal) => Judgement { verdict: Verdict::Ignore(refusal), write: None },
            }
        })
    }

    fn lookup(&self, request: Request) -> BoxFuture<'_, Response> {
        Box::pin(async move { self.answer(request).await.unwrap_or_else(Response::Refused) })
    }

    fn items(&self, domain: Scid) -> BoxFuture<'_, Result<Vec<Item>, Refusal>> {
        Box::pin(async move {
            self.domain.announced_items(&domain, MAX_ITEMS_PER_DOMAIN).await.map_err(|e| failed(&e))
        })
    }

    fn domains(&self) -> BoxFuture<'_, Result<Domains, Refusal>> {
        Box::pin(async move { self.domain.mesh_domains().await.map_err(|e| failed(&e)) })
    }

    fn bans(&self) -> BoxFuture<'_, Result<Vec<Ban>, Refusal>> {
        Box::pin(async move { self.domain.bans().await.map_err(|e| failed(&e)) })
    }

    fn banned(&self, ban: Ban) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Err(error) = self.domain.keep_ban(&ban).await {
                tracing::warn!(%error, peer = ban.peer, "a ban is not kept beyond this run");
            }
        })
    }

    fn met(&self, domain: Scid, _peer: String, addresses: Vec<String>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Err(error) = self.domain.remember(&domain, addresses).await {
                tracing::debug!(%error, "addresses were not remembered");
            }
        })
    }
}

impl NodeIntake {
    fn prepare(&self, writes: Vec<RecordWrite>) -> Write {
        let domain = Arc::clone(&self.domain);
        Box::pin(async move { domain.records().commit(writes).await.map_err(|e| failed(&e.into())) })
    }
}
