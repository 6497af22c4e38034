//! The domain's own log, as the data folder has it: the first version by `init`, and from then on the newest. The store
//! has it too; this copy is for backups, and for who puts a newer one beside an older store.

use super::{file_failure, flow_failure};
use crate::data::Data;
use crate::failure::Failure;
use crate::files;
use crate::signing;
use did_resolver::webvh::{Extension, Log, MAX_LOG_BYTES};
use marque_flows::domain::Domain;
use marque_flows::objects::histories_of;
use marque_flows::ports::records::Records;

/// The log of the data folder.
///
/// # Errors
/// [`Local::File`](crate::failure::Local::File).
pub(crate) fn read(data: &Data) -> Result<Log, Failure> {
    let bytes = files::read(&data.domain_log(), MAX_LOG_BYTES)?;
    Log::verify(&bytes, signing::now()).map_err(|error| file_failure(format!("domain.jsonl: {error}")))
}

/// The longer of that and the store's. Where that has two histories, which one counts is said later.
///
/// # Errors
/// As the store.
pub(super) async fn newest(records: &dyn Records, log: Log) -> Result<Log, Failure> {
    let held =
        histories_of(records, log.did(), signing::now()).await.map_err(|error| flow_failure(&error))?;
    let [held] = held.as_slice() else { return Ok(log) };
    match log.extend(held.bytes(), signing::now()) {
        Ok(Extension::Longer(longer)) => Ok(longer),
        Ok(Extension::Fork { .. }) | Err(_) => Ok(held.clone()),
        Ok(Extension::Same | Extension::Older) => Ok(log),
    }
}

/// Signs by the newest version, and keeps that where it is another than `kept`, the last one.
pub(super) async fn follow(domain: &Domain, data: &Data, kept: &mut String) {
    if let Err(error) = domain.follow().await {
        tracing::error!(%error, "nothing can be signed in the domain's name");
    }
    // Of a contested one there is no newest version.
    let Ok(log) = domain.own_log().await else { return };
    if log.head().id != *kept {
        kept.clone_from(&log.head().id);
        keep(data, &log);
    }
}

fn keep(data: &Data, log: &Log) {
    let kept = files::read_if_there(&data.domain_log(), MAX_LOG_BYTES);
    if kept.is_ok_and(|kept| kept.as_deref() == Some(log.bytes())) {
        return;
    }
    if let Err(failure) = files::replace(&data.domain_log(), log.bytes()) {
        tracing::warn!(%failure, "domain.jsonl has not got the newest version of the domain's log");
    }
}
