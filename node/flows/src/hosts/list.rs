//! A status list from its own URL: judged as one that the mesh brings, by the issuer's document and the floor. It
//! is kept and not passed on: what a domain says of its lists, others have to hear from the domain.

use super::get;
use crate::domain::Domain;
use crate::error::Error;
use crate::ports::fetch::Fetch;
use crate::ports::records::{StoreError, Write};
use crate::unrecognised::Allowance;
use marque_rules::replica::floor::{ListDecision, ListFloor, ReceivedList, decide_list};
use marque_rules::replica::{Refusal, Scid};
use tokio::time::Instant;
use vc_schemas::facts::ListKey;
use vc_schemas::secure::{Content, Envelope, Secured};
use vc_schemas::status::{MAX_LIST_BYTES, StatusList};

impl Domain {
    /// Asks the URL of a list for it, and takes it in. The answer is what became of it, for the trace.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`]. That there is none, or none that is taken, is no error.
    pub(crate) async fn list_from_host(
        &self,
        web: &dyn Fetch,
        key: &ListKey,
        deadline: Instant,
    ) -> Result<String, Error> {
        let bytes = match get(web, key.url.clone(), MAX_LIST_BYTES, deadline).await {
            Ok(fetched) => fetched.bytes,
            Err(error) => return Ok(error.to_string()),
        };
        let mut taken = self.take_list(key, &bytes).await;
        if let Err(Error::Store(StoreError::Conflict(_))) = taken {
            // The mesh brought another one meanwhile: this one is judged against it.
            taken = self.take_list(key, &bytes).await;
        }
        Ok(match taken? {
            Ok(()) => "taken".to_owned(),
            Err(refusal) => refusal.to_string(),
        })
    }

    /// Judges a list and keeps it. What it revokes counts from then on whatever becomes of the list.
    async fn take_list(&self, key: &ListKey, bytes: &[u8]) -> Result<Result<(), Refusal>, Error> {
        let Some((document, _)) = self.active_document(&key.issuer).await? else {
            return Ok(Err(Refusal::UnknownKey));
        };
        let Ok(secured) = Secured::parse(Content::Credential, Envelope::Jwt, bytes, MAX_LIST_BYTES) else {
            return Ok(Err(Refusal::BadList));
        };
        let Ok(list) = StatusList::verified(secured, &document, self.now()) else {
            return Ok(Err(Refusal::BadList));
        };
        if list.url != key.url || list.issuer != key.issuer {
            return Ok(Err(Refusal::Inconsistent));
        }
        if list.issued > self.now().plus(self.policy().skew) {
            return Ok(Err(Refusal::FromFuture));
        }
        let known = self.known_list(key).await?;
        let issuer_version = self.era(&list.issuer, list.key()).await?;
        let at = ListFloor { issuer_version, sequence: list.sequence };
        let received = ReceivedList { at, purpose: list.purpose, bits: &list.bits };
        let (reason, overlay, signed) = match decide_list(known.decide(), received) {
            ListDecision::Accept { overlay } => {
                let writes = Self::accepted_list_writes(&list, at, &known, overlay.as_ref())?;
                return self.keep_fetched(key, writes).await;
            }
            ListDecision::Same => return Ok(Ok(())),
            ListDecision::Older { overlay } => (Refusal::Older, overlay, Vec::new()),
            ListDecision::Unrevokes { overlay } => (Refusal::Unrevokes, overlay, vec![bytes]),
            ListDecision::TooFarAhead { overlay } => (Refusal::TooFarAhead, overlay, vec![bytes]),
            ListDecision::Equivocation { overlay } => {
                (Refusal::Equivocation, overlay, known.both_at(at, bytes))
            }
        };
        self.keep_list_evidence(key, &known, overlay, &signed, reason).await?;
        Ok(Err(reason))
    }

    async fn keep_fetched(&self, key: &ListKey, writes: Vec<Write>) -> Result<Result<(), Refusal>, Error> {
        let Some(origin) = Scid::of(&key.issuer) else { return Ok(Err(Refusal::Malformed)) };
        match self.charged(&origin, writes, Allowance::Fetched).await {
            Ok(writes) => Ok(Ok(self.records.commit(writes).await?)),
            Err(refusal) => Ok(Err(refusal)),
        }
    }
}
