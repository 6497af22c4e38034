//! Logs by their SCID, which names them for good. A log is held under the DID by which it came, and one
//! that may move has several: what is held under one of them also says something about the others.

use super::HeldLog;
use super::logs::may_have_moved;
use crate::domain::Domain;
use crate::error::Error;
use crate::ports::records::Table;
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{Extension, Log, WebvhId};
use std::sync::Arc;

/// Most records that are looked at for one SCID. Who moved more often than eight times is shown by some of
/// the names.
const MAX_RECORDS: usize = 16;

impl Domain {
    /// What is held of a DID, also under other names of its log: to be shown, and not to be written back.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub(crate) async fn held_under_any_name(&self, did: &Did) -> Result<HeldLog, Error> {
        let held = self.held_log(did).await?;
        // Of a log that never could move there is one name.
        if held.is_forked() || held.branches.iter().any(|log| !may_have_moved(log)) {
            return Ok(held);
        }
        let Ok(id) = WebvhId::parse(did) else { return Ok(held) };
        let histories = self.histories(id.scid()).await?;
        let is_named = histories.iter().any(|log| log.names(did));
        Ok(if is_named { HeldLog::shown(histories) } else { held })
    }

    /// The histories that are held of the log with this SCID: none, one, or more where it is contested.
    ///
    /// # Errors
    /// As [`Domain::held_under_any_name`].
    pub(crate) async fn histories(&self, scid: &str) -> Result<Vec<Arc<Log>>, Error> {
        let prefix = format!("did:webvh:{scid}:");
        let rows = self.records.scan(Table::Logs, prefix.as_bytes(), None, MAX_RECORDS).await?;
        let mut names: Vec<Did> = Vec::new();
        for row in rows {
            let name = std::str::from_utf8(&row.key).ok().and_then(|key| key.rsplit_once('#'));
            let name: Option<Did> = name.and_then(|(did, _)| did.parse().ok());
            names.push(name.ok_or(Error::Record("the key of a log"))?);
        }
        names.dedup();
        let mut histories = Vec::new();
        for name in names {
            let held = self.held_log(&name).await?;
            let counts = held.log().cloned();
            for log in counts.map_or(held.branches, |log| vec![log]) {
                add(&mut histories, log, self.now());
            }
        }
        Ok(histories)
    }
}

/// Adds a log to histories of its SCID: it is one of them, continues one, or departs from all.
pub(crate) fn add(histories: &mut Vec<Arc<Log>>, log: Arc<Log>, now: UnixSeconds) {
    for known in histories.iter_mut() {
        match known.extend_with(log.bytes(), log.witness_file().as_deref(), now) {
            Ok(Extension::Same | Extension::Older) => return,
            Ok(Extension::Longer(_)) => {
                *known = log;
                return;
            }
            // Both verify, so that what remains is that they differ.
            Ok(Extension::Fork { .. }) | Err(_) => {}
        }
    }
    histories.push(log);
}
