//! did:scid: a log by its SCID, wherever it is held, or at the place that `src` names.

use super::answer::{Standing, Trace};
use super::{contested, told};
use crate::domain::Domain;
use crate::error::Error;
use crate::lookups::Source;
use did_resolver::did::DidUrl;
use did_resolver::resolution::{Resolution, ResolutionError};
use did_resolver::webvh::{HostError, ScidId, VersionQuery};
use std::sync::Arc;
use tokio::time::Instant;

impl Domain {
    pub(super) async fn by_scid(
        &self,
        url: &DidUrl,
        query: Option<&VersionQuery>,
        trace: &mut Trace,
    ) -> Result<Result<(Arc<Resolution>, Standing), ResolutionError>, Error> {
        let id = match ScidId::parse(url) {
            Ok(id) => id,
            Err(HostError::OtherMethod) => return Ok(Err(ResolutionError::MethodNotSupported)),
            Err(_) => return Ok(Err(ResolutionError::InvalidDid)),
        };
        let did = match id.webvh() {
            Ok(Some(webvh)) => webvh.did().clone(),
            Ok(None) => {
                let began = Instant::now();
                match self.histories(id.scid()).await?.as_slice() {
                    [] => {
                        trace.add(Source::Store, "missing", began, "no log of that SCID, and no src to ask");
                        return Ok(Err(ResolutionError::NotFound));
                    }
                    [log] => log.did().clone(),
                    _ => {
                        trace.add(Source::Store, "found", began, "two histories of that SCID");
                        return Err(contested());
                    }
                }
            }
            Err(_) => return Ok(Err(ResolutionError::InvalidDid)),
        };
        let looked = self.look_up(&did, trace).await?;
        told(looked, |log| Resolution::of_scid(log, &id, query))
    }
}
