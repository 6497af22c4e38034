//! Resolution: what is held where that is new enough, else peers, else the host that the DID names where
//! the operator lets hosts be asked; under one deadline, and each DID once at a time. What is held is
//! never worse than nothing: it is shown as stale where nobody confirms it.

mod basis;
mod answer;
mod list;
mod document;
mod scid;

pub use answer::{Answer, Standing, Step, Unresolved};
pub use basis::Basis;

use crate::domain::Domain;
use crate::error::Error;
use crate::hosts::FromHost;
use crate::lookups::{Confirmed, LEAST_TTL, LONGEST_TTL, Source, Vain};
use crate::objects::HeldLog;
use crate::objects::histories::add;
use crate::ports::mesh::MeshError;
use answer::Trace;
use did_resolver::did::{Did, DidUrl};
use did_resolver::resolution::{Resolution, ResolutionError};
use did_resolver::webvh::{Log, VersionQuery, WebvhId};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use vc_schemas::code::Code;

/// Longest wait for news of what is held: whoever asks has an answer already.
const NEWS_WITHIN: Duration = Duration::from_secs(2);

/// What came of looking for a log.
#[derive(Debug)]
struct Looked {
    held: HeldLog,
    /// A log that verifies and is newer than what is held, and is not kept.
    unkept: Option<Arc<Log>>,
    source: Source,
    confirmed: Option<Confirmed>,
    stale: bool,
    vain: Option<Vain>,
    /// Where it was held, and is new enough.
    basis: Option<Basis>,
}

impl Domain {
    /// What is held of a DID, after asking others where nothing is, or nothing that is new enough.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`]. That nobody knows is no error.
    pub async fn find_log(&self, did: &Did) -> Result<HeldLog, Error> {
        Ok(self.look_up(did, &mut Trace::default()).await?.held)
    }

    /// Resolves a DID, or the DID of a DID URL, with the versions that the query asks for.
    ///
    /// # Errors
    /// [`Error`] of the store. That there is no document is an answer, [`Unresolved`], and has its trace.
    pub async fn resolve(&self, url: &DidUrl, query: Option<&VersionQuery>) -> Result<Answer, Error> {
        let (did, mut trace, mut basis) = (url.did(), Trace::default(), None);
        let found = match did.method() {
            "key" | "jwk" | "peer" => Ok(self.own_document(did, query, &mut trace)),
            "web" => self.web_document(did, query, &mut trace).await,
            "webvh" => self.webvh(did, query, (&mut trace, &mut basis)).await,
            "scid" => self.by_scid(url, query, &mut trace).await,
            _ => Ok(Err(ResolutionError::MethodNotSupported)),
        };
        let found = match found {
            Ok(found) => found.map_err(Unresolved::Error),
            Err(Error::Refused(refusal)) => Err(Unresolved::Refused(refusal)),
            Err(error) => return Err(error),
        };
        Ok(Answer::new(found, trace, basis))
    }

    fn own_document(
        &self,
        did: &Did,
        query: Option<&VersionQuery>,
        trace: &mut Trace,
    ) -> Result<(Arc<Resolution>, Standing), ResolutionError> {
        let began = Instant::now();
        let (resolution, held) = self.documents.resolve(did)?;
        if query.is_some() {
            return Err(ResolutionError::FeatureNotSupported);
        }
        let outcome = if held { "found" } else { "made" };
        trace.add(Source::Cache, outcome, began, "the document follows from the DID alone");
        Ok((
            resolution,
            Standing { source: Source::Cache, confirmed: Some(self.now()), stale: false, sources: 1 },
        ))
    }

    async fn webvh(
        &self,
        did: &Did,
        query: Option<&VersionQuery>,
        (trace, basis): (&mut Trace, &mut Option<Basis>),
    ) -> Result<Result<(Arc<Resolution>, Standing), ResolutionError>, Error> {
        if WebvhId::parse(did).is_err() {
            return Ok(Err(ResolutionError::InvalidDid));
        }
        let mut looked = self.look_up(did, trace).await?;
        *basis = looked.basis.take();
        told(looked, |log| Resolution::of_log(log, did, query))
    }

    /// Looks for the log of a DID: here, then, where that is due, outside.
    async fn look_up(&self, did: &Did, trace: &mut Trace) -> Result<Looked, Error> {
        let began = Instant::now();
        let mut looked = self.look_here(did, began, trace).await?;
        let asks = self.mesh().is_some() || self.web().is_some();
        if !looked.stale || !asks || did.method() != "webvh" {
            return Ok(looked);
        }
        let is_held = !looked.held.branches.is_empty();
        let wait = self.policy().resolve_deadline;
        let deadline = began + if is_held { wait.min(NEWS_WITHIN) } else { wait };
        if self.was_vain(did, &mut looked, began, trace) {
            return Ok(looked);
        }
        let Ok(_alone) = tokio::time::timeout_at(deadline, self.lookups.alone(did)).await else {
            trace.add(Source::Cache, "late", began, "somebody else still looks it up");
            looked.vain = Some(Vain::Away);
            return Ok(looked);
        };
        // Somebody else may have looked meanwhile.
        looked = self.look_here(did, began, &mut Trace::default()).await?;
        if !looked.stale || self.was_vain(did, &mut looked, began, trace) {
            return Ok(looked);
        }
        let Some(_place) = self.lookups.leave(self.now()) else {
            trace.add(Source::Cache, "refused", began, "as many lookups as may be leave this node");
            looked.vain = Some(Vain::Busy);
            return Ok(looked);
        };
        self.look_outside(did, deadline, &mut looked, trace).await?;
        if let Some(vain) = looked.vain {
            self.lookups.was_vain(did, self.now(), vain);
        }
        Ok(looked)
    }

    fn was_vain(&self, did: &Did, looked: &mut Looked, began: Instant, trace: &mut Trace) -> bool {
        let is_held = !looked.held.branches.is_empty();
        looked.vain = self.lookups.vain(did, self.now(), is_held);
        if looked.vain.is_some() {
            trace.add(Source::Cache, "vain", began, "others were asked a moment ago, in vain");
        }
        looked.vain.is_some()
    }

    /// What is held, and whether that should be confirmed.
    async fn look_here(&self, did: &Did, began: Instant, trace: &mut Trace) -> Result<Looked, Error> {
        let before = self.before(did);
        let held = self.held_under_any_name(did).await?;
        let now = self.now();
        let confirmed = self.lookups.confirmed(did);
        // What stands in this domain is made here, and what is over or contested stays so.
        let own = WebvhId::parse(did).is_ok_and(|id| id.host() == self.home.label);
        let is_final = own || held.is_contested() || held.log().is_some_and(|log| log.is_deactivated());
        let confirmed = if own {
            Some(Confirmed { at: now, source: Source::Store, sources: 1 })
        } else {
            confirmed.filter(|_| !held.branches.is_empty())
        };
        let ttl = held.log().map_or(LEAST_TTL, |log| ttl(log));
        let is_new = confirmed.is_some_and(|confirmed| now.since(confirmed.at) < ttl);
        let stale = held.branches.is_empty() || !(is_final || is_new);
        let outcome = match (held.branches.is_empty(), stale) {
            (true, _) => "missing",
            (_, true) => "due",
            (_, false) => "found",
        };
        trace.add(Source::Store, outcome, began, &detail(&held));
        let until = confirmed.filter(|_| !is_final).map(|confirmed| confirmed.at.plus(ttl));
        let basis = Some(&held).filter(|_| !stale);
        let basis = basis.and_then(|held| Basis::of(held, before, own, until));
        Ok(Looked { held, unkept: None, source: Source::Store, confirmed, stale, vain: None, basis })
    }

    async fn look_outside(
        &self,
        did: &Did,
        deadline: Instant,
        looked: &mut Looked,
        trace: &mut Trace,
    ) -> Result<(), Error> {
        looked.vain = Some(Vain::Missing);
        if let Some(mesh) = self.mesh() {
            let began = Instant::now();
            let left = deadline.saturating_duration_since(began);
            // What is left is for the host.
            let within = if self.web().is_some() { left / 2 } else { left };
            let since = self.now();
            // The port keeps to its time; this holds whatever it does.
            let asked = tokio::time::timeout_at(deadline, mesh.resolve(did.clone(), within)).await;
            let asked = asked.unwrap_or(Err(MeshError::Unreachable));
            let sources = asked.as_ref().map_or(0, |asked| asked.answers);
            let found = self.held_under_any_name(did).await?;
            let confirmed = self.lookups.confirmed(did).filter(|confirmed| confirmed.at >= since);
            let is_new =
                confirmed.is_some() || (looked.held.branches.is_empty() && !found.branches.is_empty());
            if is_new {
                self.lookups.confirm(did, since, Source::Peers, sources.max(1));
                trace.add(Source::Peers, "found", began, &format!("{sources} answered; {}", detail(&found)));
                self.settled(did, found, Source::Peers, looked);
                return Ok(());
            }
            looked.held = found;
            match asked {
                Ok(asked) => {
                    trace.add(Source::Peers, "missing", began, &format!("{} answered", asked.answers))
                }
                Err(error) => {
                    looked.vain = Some(Vain::Away);
                    trace.add(Source::Peers, "away", began, &error.to_string());
                }
            }
        }
        let Some(web) = self.web() else { return Ok(()) };
        let began = Instant::now();
        match self.log_from_host(web.as_ref(), did, deadline).await? {
            FromHost::Held => {
                let held = self.held_under_any_name(did).await?;
                self.lookups.confirm(did, self.now(), Source::Web, 1);
                trace.add(Source::Web, "found", began, &detail(&held));
                self.settled(did, held, Source::Web, looked);
            }
            FromHost::Unkept(log) => {
                let (at, log) = (self.now(), Arc::new(log));
                let mut histories = looked.held.branches.clone();
                add(&mut histories, Arc::clone(&log), at);
                // What is held under another name of the DID may be more, or another history.
                match histories.as_slice() {
                    [one] if Arc::ptr_eq(one, &log) => {
                        trace.add(Source::Web, "found", began, "verified, and not kept");
                        looked.confirmed = Some(Confirmed { at, source: Source::Web, sources: 1 });
                        (looked.unkept, looked.source) = (Some(log), Source::Web);
                        (looked.stale, looked.vain) = (false, None);
                    }
                    [_] => {
                        trace.add(Source::Web, "older", began, "the host has less than what is known");
                        looked.vain = Some(Vain::Away);
                    }
                    _ => {
                        trace.add(Source::Web, "found", began, "another history than what is held");
                        (looked.held.branches, looked.vain) = (histories, None);
                    }
                }
            }
            FromHost::Older => {
                trace.add(Source::Web, "older", began, "the host has less than what is known");
                looked.vain = Some(Vain::Away);
            }
            FromHost::Vain(vain, why) => {
                let outcome = match vain {
                    Vain::Missing => "missing",
                    Vain::Invalid => "refused",
                    Vain::Away | Vain::Busy => "away",
                };
                trace.add(Source::Web, outcome, began, &why);
                looked.vain = Some(vain);
            }
        }
        Ok(())
    }

    fn settled(&self, did: &Did, held: HeldLog, source: Source, looked: &mut Looked) {
        looked.held = held;
        (looked.source, looked.confirmed) = (source, self.lookups.confirmed(did));
        (looked.stale, looked.vain) = (false, None);
    }
}

/// The answer that a lookup is, by what its log says.
fn told(
    looked: Looked,
    says: impl FnOnce(&Log) -> Result<Resolution, ResolutionError>,
) -> Result<Result<(Arc<Resolution>, Standing), ResolutionError>, Error> {
    if looked.held.is_contested() {
        return Err(contested());
    }
    let Some(log) = looked.unkept.as_ref().or(looked.held.log()) else {
        return nothing(looked.vain).map(Err);
    };
    let standing = Standing {
        source: looked.source,
        confirmed: looked.confirmed.map(|confirmed| confirmed.at),
        stale: looked.stale,
        sources: looked.confirmed.map_or(0, |confirmed| confirmed.sources),
    };
    Ok(says(log).map(|resolution| (Arc::new(resolution), standing)))
}

const fn contested() -> Error {
    Error::refused(Code::DidContested, "the DID has two valid histories")
}

/// How long a log is good without being confirmed.
fn ttl(log: &Log) -> Duration {
    Duration::from_secs(u64::from(log.parameters().ttl_seconds())).clamp(LEAST_TTL, LONGEST_TTL)
}

fn detail(held: &HeldLog) -> String {
    match held.log() {
        Some(log) => format!("version {}", log.head().id),
        None if held.branches.is_empty() => "no log".to_owned(),
        None => format!("{} histories", held.branches.len()),
    }
}

/// What it means that there is nothing: that there is no such DID, or that nobody could know.
fn nothing(vain: Option<Vain>) -> Result<ResolutionError, Error> {
    let unknown = |detail| Err(Error::refused(Code::DidUnresolvable, detail));
    match vain {
        None | Some(Vain::Missing) => Ok(ResolutionError::NotFound),
        Some(Vain::Invalid) => Ok(ResolutionError::InvalidDid),
        Some(Vain::Away) => unknown("nobody who may have it answered"),
        Some(Vain::Busy) => unknown("as many DIDs as may be are being looked up"),
    }
}
