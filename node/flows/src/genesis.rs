//! The first start of a domain: its log is taken in, its lists are signed, and the organisation
//! itself becomes its first owner.

use crate::domain::{Domain, put};
use crate::error::Error;
use crate::objects::KnownLog;
use crate::ports::records::{Expect, StoreError, Table};
use crate::record::{Decision, Kind};
use did_resolver::webvh::{Extension, Log};
use marque_rules::replica::floor::{ReceivedLog, check_proofs};
use serde_json::json;
use vc_schemas::code::Code;

/// The name of the record that says which domain a store belongs to.
const DOMAIN: &[u8] = b"domain";

impl Domain {
    /// Takes in the domain's own log, unless the store has it already or a longer one, and sees to it that both lists
    /// are there and fresh, by the keys that the log lists.
    ///
    /// # Errors
    /// [`Error::Refused`] where the store belongs to another domain, or the log is not this domain's.
    pub async fn found(&self, log: impl Into<ReceivedLog<'_>>) -> Result<(), Error> {
        let received = log.into();
        match self.json(Table::Node, DOMAIN).await? {
            // Another node of this domain may do so at once, where they share a store.
            None => match self.take_in(received).await {
                Err(Error::Store(StoreError::Conflict(_))) if self.records.is_shared() => {}
                outcome => outcome?,
            },
            Some((json, _)) if json.get("did") == Some(&json!(self.home.did.as_str())) => {
                self.take_longer(received).await?;
            }
            Some(_) => {
                return Err(Error::refused(Code::StateConflict, "the store belongs to another domain"));
            }
        }
        self.follow().await?;
        self.share_nonces().await?;
        self.refresh_lists().await
    }

    async fn take_in(&self, received: ReceivedLog<'_>) -> Result<(), Error> {
        let refuse = |detail| Error::member(Code::LogRefused, "log", detail);
        let log = Log::verify_with(received.log, received.witness, self.now())
            .and_then(|log| check_proofs(&log).map(|()| log))
            .map_err(|error| Error::log(&error))?;
        if *log.did() != self.home.did || log.is_deactivated() {
            return Err(refuse("is not this domain's"));
        }
        let did = &self.home.did;
        let (announced, _) = self.announce_log(did, &log).await?;
        let mut batch = vec![put(Table::Node, DOMAIN, &json!({"did": did.as_str()}), Expect::Absent)];
        batch.extend(self.log_writes(did, &KnownLog::default(), std::slice::from_ref(&log)));
        batch.extend(announced);
        batch.push(self.entry(Decision::new(Kind::Log, did.as_str(), "founded"))?);
        Ok(self.records.commit(batch).await?)
    }

    /// Takes in a version of the log that an older copy of the store lacks.
    async fn take_longer(&self, received: ReceivedLog<'_>) -> Result<(), Error> {
        let did = &self.home.did;
        let known = self.known_log(did).await?;
        let Some(current) = known.held.log() else { return Ok(()) };
        let found = current.extend_with(received.log, received.witness, self.now());
        let Ok(Extension::Longer(log)) = found else { return Ok(()) };
        check_proofs(&log).map_err(|error| Error::log(&error))?;
        let mut batch = self.log_writes(did, &known, &known.with(log.clone()));
        let facts = json!({"versionId": log.head().id});
        batch.push(self.entry(Decision::new(Kind::Log, did.as_str(), "updated").with(facts))?);
        Ok(self.records.commit(batch).await?)
    }

    /// The domain's own log, as it is served and said in every hello.
    ///
    /// # Errors
    /// [`Error::Record`] before [`Domain::found`].
    pub async fn own_log(&self) -> Result<std::sync::Arc<Log>, Error> {
        let held = self.held_log(&self.home.did).await?;
        held.log().cloned().ok_or(Error::Record("the domain's own log"))
    }
}
