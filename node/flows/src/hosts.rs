//! What the host that a DID names says of it: a did:webvh log, judged as one that the mesh brings, or a
//! did:web document, which counts for nobody's authority and is kept in memory for a while. And status lists.

mod list;

use crate::domain::Domain;
use crate::error::Error;
use crate::import::{Outcome, Taken, Way};
use crate::lookups::Vain;
use crate::ports::fetch::{Fetch, FetchError, Fetched, Wanted};
use crate::ports::records::StoreError;
use did_resolver::did::Did;
use did_resolver::methods::web::{MAX_DOCUMENT_BYTES, WebId};
use did_resolver::resolution::{Metadata, Resolution};
use did_resolver::webvh::{Log, MAX_LOG_BYTES, MAX_WITNESS_BYTES, WebvhId};
use marque_rules::replica::floor::ReceivedLog;
use std::time::Duration;
use tokio::time::Instant;
use vc_schemas::code::Code;

/// What a host had.
#[derive(Debug)]
pub(crate) enum FromHost {
    /// What is held now, be it contested.
    Held,
    /// Less than what is held.
    Older,
    /// A log that verifies and is not kept.
    Unkept(Log),
    /// Nothing that counts; the text is for the trace.
    Vain(Vain, String),
}

impl From<FetchError> for FromHost {
    fn from(error: FetchError) -> Self {
        Self::Vain(vain(error), error.to_string())
    }
}

/// What a failure says about the DID.
const fn vain(error: FetchError) -> Vain {
    match error {
        FetchError::Missing => Vain::Missing,
        FetchError::TooLarge | FetchError::Encoded => Vain::Invalid,
        // A DID that names such a host is not to be had from anybody's host.
        FetchError::Url | FetchError::NotPublic => Vain::Missing,
        FetchError::NoSuchHost
        | FetchError::Busy
        | FetchError::Unreachable
        | FetchError::Untrusted
        | FetchError::Redirected
        | FetchError::Status(_)
        | FetchError::Broken
        | FetchError::Late => Vain::Away,
    }
}

async fn get(
    web: &dyn Fetch,
    url: String,
    max_bytes: usize,
    deadline: Instant,
) -> Result<Fetched, FetchError> {
    let within = deadline.saturating_duration_since(Instant::now());
    if within.is_zero() {
        return Err(FetchError::Late);
    }
    // The port keeps to the time; this holds whatever it does.
    let fetched = tokio::time::timeout(within, web.fetch(Wanted { url, max_bytes, within }));
    fetched.await.unwrap_or(Err(FetchError::Late))
}

/// Whether the log may ask for the approval of witnesses.
fn may_be_witnessed(log: &[u8]) -> bool {
    const MEMBER: &[u8] = b"\"witness\"";
    log.windows(MEMBER.len()).any(|text| text == MEMBER)
}

impl Domain {
    /// Asks the host of a did:webvh for its log, and takes it in.
    pub(crate) async fn log_from_host(
        &self,
        web: &dyn Fetch,
        did: &Did,
        deadline: Instant,
    ) -> Result<FromHost, Error> {
        let Ok(id) = WebvhId::parse(did) else {
            return Ok(FromHost::Vain(Vain::Invalid, "not a did:webvh DID".to_owned()));
        };
        if id.host() == self.home.label {
            let detail = "the host is this domain, which has no such DID";
            return Ok(FromHost::Vain(Vain::Missing, detail.to_owned()));
        }
        let log = match get(web, id.log_url(), MAX_LOG_BYTES, deadline).await {
            Ok(fetched) => fetched.bytes,
            Err(error) => return Ok(error.into()),
        };
        let witness = if may_be_witnessed(&log) {
            match get(web, id.witness_url(), MAX_WITNESS_BYTES, deadline).await {
                Ok(fetched) => Some(fetched.bytes),
                Err(FetchError::Missing) => None,
                Err(error) => return Ok(error.into()),
            }
        } else {
            None
        };
        let received = ReceivedLog { log: &log, witness: witness.as_deref() };
        let mut taken = self.take_log(did, received, Way::Fetched).await;
        if let Err(Error::Store(StoreError::Conflict(_))) = taken {
            // The mesh brought another log meanwhile: this one is judged against it.
            taken = self.take_log(did, received, Way::Fetched).await;
        }
        match taken {
            Ok(Taken::Held(Outcome::Accepted | Outcome::Approved | Outcome::Same)) => Ok(FromHost::Held),
            Ok(Taken::Held(Outcome::Older)) => Ok(FromHost::Older),
            Ok(Taken::Unkept(log)) => Ok(FromHost::Unkept(log)),
            Err(Error::Refused(refusal)) => Ok(match refusal.code {
                Code::DidContested => FromHost::Held,
                Code::LogRefused | Code::TooLarge | Code::DidMalformed => {
                    FromHost::Vain(Vain::Invalid, format!("{}: {}", refusal.path, refusal.detail))
                }
                _ => FromHost::Vain(Vain::Away, refusal.detail.to_owned()),
            }),
            Err(error) => Err(error),
        }
    }

    /// Asks the host of a did:web for its document, and for how long that may be kept.
    pub(crate) async fn document_from_host(
        &self,
        web: &dyn Fetch,
        id: &WebId,
        deadline: Instant,
    ) -> Result<(Resolution, Option<Duration>), (Vain, String)> {
        let fetched = get(web, id.document_url(), MAX_DOCUMENT_BYTES, deadline).await;
        let fetched = fetched.map_err(|error| (vain(error), error.to_string()))?;
        let document = id.document(&fetched.bytes).map_err(|error| (Vain::Invalid, error.to_string()))?;
        let resolution =
            Resolution { document: Some(document.json().clone()), metadata: Metadata::default() };
        Ok((resolution, fetched.keep))
    }
}
