//! Logs that somebody hands in, as an operator does who has one and whose peers have not. They are
//! judged as those that the mesh brings: against what is held, its floor and the same bounds.

use crate::domain::Domain;
use crate::error::Error;
use crate::lookups::Source;
use crate::objects::HeldLog;
use crate::ports::records::Write;
use crate::record::{Decision, Kind};
use crate::unrecognised::Allowance;
use did_resolver::did::Did;
use did_resolver::webvh::{Log, WebvhId};
use marque_rules::replica::floor::{LogDecision, ReceivedLog};
use marque_rules::replica::{ItemKind, Refusal as Unkept, Scid};
use serde_json::json;
use std::sync::Arc;
use vc_schemas::code::Code;
use vc_schemas::refusal::{Path, Refusal};

/// What became of a log that was not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is held now: it is new here, or longer than what was held.
    Accepted,
    /// It was held, and more of its witnesses are known to approve it.
    Approved,
    /// It was held.
    Same,
    /// It is a beginning of what is held.
    Older,
}

impl Outcome {
    /// The word for it in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Approved => "approved",
            Self::Same => "same",
            Self::Older => "older",
        }
    }
}

/// How a log came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Somebody handed it in.
    Imported,
    /// It was fetched from where its DID says.
    Fetched,
}

impl Way {
    /// The word for a log that is held now, and who pays where nobody recognises its DID.
    const fn terms(self) -> (&'static str, Allowance) {
        match self {
            Self::Imported => ("imported", Allowance::Brought),
            Self::Fetched => ("fetched", Allowance::Fetched),
        }
    }
}

/// What became of a log that is good.
#[derive(Debug)]
pub(crate) enum Taken {
    /// What is held says so.
    Held(Outcome),
    /// It is good, and as much as may be is kept of strangers.
    Unkept(Log),
}

impl Domain {
    /// Takes in a log of another domain's DID. What it changes and the decision are one commit; a
    /// refusal is a decision too. Nothing is announced: that is for the domain that the DID is of.
    ///
    /// # Errors
    /// [`Error::Refused`]: `log-refused` or `too-large` with the place of the entry,
    /// `did-contested` where the log departs from what is held, which is durable then.
    pub async fn import(&self, did: &Did, received: ReceivedLog<'_>) -> Result<(Outcome, HeldLog), Error> {
        match self.take_log(did, received, Way::Imported).await {
            Ok(Taken::Held(outcome)) => {
                self.lookups.confirm(did, self.now(), Source::Store, 1);
                Ok((outcome, self.held_log(did).await?))
            }
            Ok(Taken::Unkept(_)) => {
                self.not_imported(did, Refusal::new(Code::StateConflict, Path::root().then("did"), FULL))
                    .await
            }
            Err(Error::Refused(refusal)) => self.not_imported(did, refusal).await,
            Err(error) => Err(error),
        }
    }

    async fn not_imported<T>(&self, did: &Did, refusal: Refusal) -> Result<T, Error> {
        let decision = Decision::new(Kind::Refused, did.as_str(), "import").because(refusal.code);
        self.record(decision.with(json!({"path": refusal.path.to_json()}))).await?;
        Err(Error::Refused(refusal))
    }

    /// Judges a log and keeps it.
    ///
    /// # Errors
    /// As [`Domain::import`].
    pub(crate) async fn take_log(
        &self,
        did: &Did,
        received: ReceivedLog<'_>,
        way: Way,
    ) -> Result<Taken, Error> {
        let (word, allowance) = way.terms();
        let id = WebvhId::parse(did);
        let id = id.map_err(|_| Error::member(Code::DidMalformed, "did", "not a did:webvh DID"))?;
        if id.host() == self.home.label {
            let detail = "stands in this domain, where logs come in by registration";
            return Err(Error::member(Code::LogRefused, "did", detail));
        }
        let known = self.known_log(did).await?;
        let held = &known.held;
        let entry = |decision: Decision| self.entry(decision);
        let of_log = |outcome| Decision::new(Kind::Log, did.as_str(), outcome);
        let (outcome, branches, decisions) = match known.decide(did, received, self.now()) {
            LogDecision::Refused(error) => return Err(Error::log(&error)),
            LogDecision::Same if !held.is_contested() => return Ok(Taken::Held(Outcome::Same)),
            LogDecision::Older if !held.is_contested() => return Ok(Taken::Held(Outcome::Older)),
            LogDecision::Same | LogDecision::Older => return Err(contested(None)),
            LogDecision::Accept(log) => {
                let facts = json!({"versionId": log.head().id});
                (Ok(Outcome::Accepted), vec![log], vec![entry(of_log(word).with(facts))?])
            }
            LogDecision::Approved(branches) => {
                let outcome = if held.is_contested() { Err(contested(None)) } else { Ok(Outcome::Approved) };
                (outcome, branches, vec![entry(of_log("approved"))?])
            }
            // Nothing that could be shown, or nothing that is new.
            LogDecision::Contested { at, branches }
                if branches.len() < 2 || branches.iter().all(|log| known.branches.contains(log)) =>
            {
                return Err(contested(Some(at)));
            }
            LogDecision::Contested { at, branches } => {
                let counts = known.chosen(&branches);
                if counts.is_some() && counts != held.log().map(Arc::as_ref) {
                    (Ok(Outcome::Accepted), branches, vec![entry(of_log(word))?])
                } else {
                    let writes = self.contested_writes(did, at).await?;
                    (Err(contested(Some(at))), branches, writes)
                }
            }
            LogDecision::DeadKey { at, branch } => {
                self.keep_dead_key_fork(did, at, &branch).await?;
                let detail = "departs from the log that is held, by a key that was retired long ago";
                return Err(Error::Refused(Refusal::new(Code::LogRefused, entry_of(Some(at)), detail)));
            }
        };
        let writes = self.log_writes(did, &known, &branches);
        let mut batch = match self.charged_for(did, writes, allowance).await {
            Ok(batch) => batch,
            Err(Unkept::Overloaded) => {
                return match (outcome, branches.into_iter().next()) {
                    (Ok(Outcome::Accepted), Some(log)) => Ok(Taken::Unkept(log)),
                    _ => Err(Error::member(Code::StateConflict, "did", FULL)),
                };
            }
            Err(_) => return Err(Error::refused(Code::Unavailable, "the store does not answer")),
        };
        batch.extend(decisions);
        self.records.commit(batch).await?;
        outcome.map(Taken::Held)
    }

    /// The writes, charged to what is kept of strangers unless a recognised domain announced the DID or
    /// has it. Its host proves nothing.
    async fn charged_for(
        &self,
        did: &Did,
        writes: Vec<Write>,
        allowance: Allowance,
    ) -> Result<Vec<Write>, Unkept> {
        let failed = |error: Error| {
            tracing::error!(%error, "the store failed an import");
            Unkept::StoreFailed
        };
        let mut origin = Scid::of(did).ok_or(Unkept::Malformed)?;
        for announced_by in self.origins_of(ItemKind::Log, did.as_str()).await.map_err(failed)? {
            if self.is_known(&announced_by).await.map_err(failed)? {
                origin = announced_by;
                break;
            }
        }
        self.charged(&origin, writes, allowance).await
    }
}

/// Why a log that is good is not kept.
const FULL: &str = "as much as may be is kept of domains that are not recognised here";

/// The refusal of what stands in two histories, of which the first that is shown differs at `at`.
fn contested(at: Option<u32>) -> Error {
    let detail = "there is another valid history of the DID";
    Error::Refused(Refusal::new(Code::DidContested, entry_of(at), detail))
}

/// The entry with number `at` of the log that was handed in.
fn entry_of(at: Option<u32>) -> Path {
    let place = at.and_then(|at| usize::try_from(at).ok()).map(|at| at.saturating_sub(1));
    let path = Path::root().then("log");
    place.map_or(path.clone(), |place| path.at(place))
}
