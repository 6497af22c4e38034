//! What the examples share: files of public objects, read into facts.

use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::Log;
use std::collections::BTreeMap;
use std::sync::Arc;
use vc_schemas::facts::{DidFact, Facts, ListFact};
use vc_schemas::secure::{Content, Envelope, Secured};
use vc_schemas::status::{MAX_LIST_BYTES, StatusList};

/// Logs and lists, as a relying party may have got them from any web server or peer.
#[derive(Debug, Default)]
pub struct Bundle {
    logs: BTreeMap<Did, Log>,
    facts: Facts,
}

impl Bundle {
    /// Takes in a `did.jsonl`, if every rule of did:webvh holds.
    ///
    /// # Errors
    /// Says what does not hold.
    pub fn add_log(&mut self, jsonl: &[u8], now: UnixSeconds) -> Result<Did, String> {
        let log = Log::verify(jsonl, now).map_err(|error| error.to_string())?;
        let did = log.did().clone();
        let fact = match log.document() {
            Some(document) => {
                DidFact::Active { document: Arc::new(document.clone()), version: log.head().number }
            }
            None => DidFact::Deactivated,
        };
        self.facts.insert_did(did.clone(), fact);
        self.logs.insert(did.clone(), log);
        Ok(did)
    }

    /// Takes in a status list (`vc+jwt`), if its issuer's log is there and signed it.
    ///
    /// # Errors
    /// Says what does not hold.
    pub fn add_list(&mut self, jwt: &[u8], now: UnixSeconds) -> Result<String, String> {
        let secured = Secured::parse(Content::Credential, Envelope::Jwt, jwt, MAX_LIST_BYTES)
            .map_err(|error| error.to_string())?;
        let issuer = self.logs.get(secured.key_id().did()).and_then(Log::document);
        let issuer = issuer.ok_or("the log of the list's issuer is not there")?;
        let list = StatusList::verified(secured, issuer, now).map_err(|error| error.to_string())?;
        let url = list.url.clone();
        self.facts.insert_list(ListFact { list: Arc::new(list), revoked_ever: None });
        Ok(url)
    }

    /// What is known.
    #[must_use]
    pub const fn facts(&self) -> &Facts {
        &self.facts
    }
}
