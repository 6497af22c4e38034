//! Whether all can be asked of a node.

use crate::faces::Faces;
use marque_flows::error::Error;
use std::time::Duration;
use vc_schemas::code::Code;
use vc_schemas::status::Purpose;

/// What [`readiness`] says of a node of which all can be asked.
pub(crate) const READY: &str = "ok";

/// Whether the node does not stop, its store answers and takes writes, its keys are used, and its lists are fresh; and
/// the reason where that has one.
pub(crate) async fn readiness(faces: &Faces) -> (&'static str, Option<String>) {
    if faces.stopping.has_begun() {
        return ("stopping", None);
    }
    // Nothing is written: a store that has given up, as on a full disk, refuses this too.
    if let Err(error) = faces.domain.records().commit(Vec::new()).await {
        return (Code::Unavailable.as_str(), Some(error.to_string()));
    }
    if let Err(error) = faces.domain.may_sign() {
        return ("signs-nothing", Some(error.to_string()));
    }
    match stale(faces).await {
        Ok(false) => (READY, None),
        Ok(true) => ("lists-stale", None),
        Err(error) => (error.refusal().code.as_str(), Some(error.to_string())),
    }
}

/// Whether a list is missing or past its ttl. Notes the ages.
pub(crate) async fn stale(faces: &Faces) -> Result<bool, Error> {
    let (mut stale, mut oldest) = (false, [Duration::ZERO; 2]);
    for list in faces.domain.own_lists().await? {
        let Some(fact) = faces.domain.held_own_list(list).await? else {
            stale = true;
            continue;
        };
        let age = faces.domain.now().since(fact.list.issued);
        stale |= age > fact.list.ttl;
        let [revocation, suspension] = &mut oldest;
        let oldest = if list.purpose == Purpose::Revocation { revocation } else { suspension };
        *oldest = age.max(*oldest);
        faces.metrics.list(list.purpose, *oldest, fact.list.sequence);
    }
    Ok(stale)
}
