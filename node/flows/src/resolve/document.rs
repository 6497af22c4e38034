//! did:web: a document as its host gives it, kept in memory within its time, and beyond it where the host
//! is away. It has no history and no proof, so it is nobody's authority and never stored.

use super::answer::{Standing, Trace};
use super::nothing;
use crate::domain::Domain;
use crate::error::Error;
use crate::lookups::{KeptDocument, Source, Vain};
use did_resolver::did::Did;
use did_resolver::methods::web::WebId;
use did_resolver::resolution::{Resolution, ResolutionError};
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::VersionQuery;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a document is good where its host does not say.
const USUAL_TTL: Duration = Duration::from_secs(300);

/// Longest time for which a document is good, whatever its host says.
const LONGEST_TTL: Duration = Duration::from_secs(3_600);

/// How long a document is shown as stale while its host is away.
const LAST_GOOD_FOR: Duration = Duration::from_secs(24 * 3_600);

type Found = (Arc<Resolution>, Standing);

impl Domain {
    pub(super) async fn web_document(
        &self,
        did: &Did,
        query: Option<&VersionQuery>,
        trace: &mut Trace,
    ) -> Result<Result<Found, ResolutionError>, Error> {
        let Some(web) = self.web() else { return Ok(Err(ResolutionError::MethodNotSupported)) };
        let Ok(id) = WebId::parse(did) else { return Ok(Err(ResolutionError::InvalidDid)) };
        if query.is_some() {
            return Ok(Err(ResolutionError::FeatureNotSupported));
        }
        let began = Instant::now();
        if let Some(kept) = self.kept_document(did, began, trace) {
            return Ok(Ok(kept));
        }
        let deadline = began + self.policy().resolve_deadline;
        let mut vain = self.lookups.vain(did, self.now(), self.lookups.document(did).is_some());
        if vain.is_some() {
            trace.add(Source::Cache, "vain", began, "the host was asked a moment ago, in vain");
            return self.last_good(did, vain);
        }
        let Ok(_alone) = tokio::time::timeout_at(deadline, self.lookups.alone(did)).await else {
            trace.add(Source::Cache, "late", began, "somebody else still looks it up");
            return self.last_good(did, Some(Vain::Away));
        };
        if let Some(kept) = self.kept_document(did, began, trace) {
            return Ok(Ok(kept));
        }
        vain = self.lookups.vain(did, self.now(), self.lookups.document(did).is_some());
        if vain.is_some() {
            return self.last_good(did, vain);
        }
        let Some(_place) = self.lookups.leave(self.now()) else {
            trace.add(Source::Cache, "refused", began, "as many lookups as may be leave this node");
            return self.last_good(did, Some(Vain::Busy));
        };
        let (asked, now) = (Instant::now(), self.now());
        match self.document_from_host(web.as_ref(), &id, deadline).await {
            Ok((resolution, keep)) => {
                trace.add(Source::Web, "found", asked, "the document is about the DID");
                let resolution = Arc::new(resolution);
                let keep = keep.unwrap_or(USUAL_TTL).min(LONGEST_TTL);
                let kept =
                    KeptDocument { resolution: Arc::clone(&resolution), at: now, until: now.plus(keep) };
                self.lookups.keep_document(did, Some(kept).filter(|_| !keep.is_zero()));
                Ok(Ok((resolution, standing(Source::Web, now, false))))
            }
            Err((why, detail)) => {
                let outcome = match why {
                    Vain::Missing => "missing",
                    Vain::Invalid => "refused",
                    Vain::Away | Vain::Busy => "away",
                };
                trace.add(Source::Web, outcome, asked, &detail);
                if why == Vain::Missing {
                    self.lookups.keep_document(did, None);
                }
                self.lookups.was_vain(did, self.now(), why);
                self.last_good(did, Some(why))
            }
        }
    }

    fn kept_document(&self, did: &Did, began: Instant, trace: &mut Trace) -> Option<Found> {
        let now = self.now();
        let kept = self.lookups.document(did).filter(|kept| now >= kept.at && now < kept.until)?;
        trace.add(Source::Cache, "found", began, "its host was asked within the time that it is good");
        Some((kept.resolution, standing(Source::Cache, kept.at, false)))
    }

    /// The last document that was good, or what it means that there is none.
    fn last_good(&self, did: &Did, vain: Option<Vain>) -> Result<Result<Found, ResolutionError>, Error> {
        let now = self.now();
        let kept = self.lookups.document(did).filter(|kept| now.since(kept.at) < LAST_GOOD_FOR);
        match (kept, vain) {
            (Some(kept), _) => Ok(Ok((kept.resolution, standing(Source::Cache, kept.at, true)))),
            (None, Some(Vain::Invalid)) => Ok(Err(ResolutionError::InvalidDidDocument)),
            (None, vain) => nothing(vain).map(Err),
        }
    }
}

const fn standing(source: Source, at: UnixSeconds, stale: bool) -> Standing {
    Standing { source, confirmed: Some(at), stale, sources: 1 }
}
