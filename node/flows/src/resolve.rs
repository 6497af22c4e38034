//! Resolution: what is held, else what peers have, under one deadline.

use crate::domain::Domain;
use crate::error::Error;
use crate::objects::HeldLog;
use did_resolver::did::{Did, DidUrl};
use did_resolver::resolution::{Resolution, ResolutionError};
use did_resolver::webvh::VersionQuery;
use marque_rules::replica::Scid;
use marque_rules::replica::view::ItemKind;
use vc_schemas::code::Code;
use vc_schemas::facts::{ListFact, ListKey};

/// Most logs of a domain that are looked through for a name.
const MAX_NAMES: usize = 10_000;

impl Domain {
    /// What is held of a DID, after asking peers where nothing is.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`]. That nobody knows is no error.
    pub async fn find_log(&self, did: &Did) -> Result<HeldLog, Error> {
        let held = self.held_log(did).await?;
        if !held.branches.is_empty() {
            return Ok(held);
        }
        if let Some(mesh) = self.mesh() {
            match mesh.resolve(did.clone(), self.policy.resolve_deadline).await {
                Ok(asked) => tracing::debug!(%did, answers = asked.answers, "peers were asked"),
                Err(error) => tracing::debug!(%did, %error, "peers could not be asked"),
            }
        }
        self.held_log(did).await
    }

    /// A list, after asking peers where none is held.
    ///
    /// # Errors
    /// As [`Domain::find_log`].
    pub async fn find_list(&self, key: &ListKey) -> Result<Option<ListFact>, Error> {
        if let Some(fact) = self.held_list(key).await? {
            return Ok(Some(fact));
        }
        if let Some(mesh) = self.mesh() {
            let asked = mesh.list(Scid::of(&key.issuer), key.url.clone(), self.policy.resolve_deadline).await;
            tracing::debug!(url = key.url, ?asked, "peers were asked");
        }
        self.held_list(key).await
    }

    /// Resolves a DID, or the DID of a DID URL, with the versions that the query asks for.
    ///
    /// # Errors
    /// [`Error`] of the store; the inner [`ResolutionError`] is the answer to the caller.
    pub async fn resolve(
        &self,
        url: &DidUrl,
        query: Option<&VersionQuery>,
    ) -> Result<Result<Resolution, ResolutionError>, Error> {
        let did = url.did();
        match did.method() {
            "key" | "jwk" | "peer" => Ok(Resolution::of_did(did, query)),
            "webvh" => {
                if did_resolver::webvh::WebvhId::parse(did).is_err() {
                    return Ok(Err(ResolutionError::InvalidDid));
                }
                let held = self.find_log(did).await?;
                match held.branches.as_slice() {
                    [] => Ok(Err(ResolutionError::NotFound)),
                    [log] => Ok(Resolution::of_log(log, did, query)),
                    _ => Err(Error::refused(Code::DidContested, "the DID has two valid histories")),
                }
            }
            _ => Ok(Err(ResolutionError::MethodNotSupported)),
        }
    }

    /// The DID of `name@domain`: a local agent, or an agent that a recognised domain of this label
    /// announced itself. Names are for people; what counts is the DID and who vouches for it.
    ///
    /// # Errors
    /// [`Error::Refused`] with `not-found`.
    pub async fn find_name(&self, name: &str, label: &str) -> Result<Did, Error> {
        let not_found =
            Error::refused(Code::NotFound, "no recognised domain of that name announced such an agent");
        let mut domains = vec![self.home.did.clone()];
        domains.extend(self.trusted().await?.into_iter().filter(|d| !d.suspended).map(|d| d.did));
        let mut found = None;
        for domain in domains {
            let labelled = did_resolver::webvh::WebvhId::parse(&domain).is_ok_and(|id| id.host() == label);
            let Some(scid) = Scid::of(&domain).filter(|_| labelled) else { continue };
            for item in self.announced_items(&scid, MAX_NAMES).await? {
                let Ok(did) = item.subject.parse::<Did>() else { continue };
                let id = did_resolver::webvh::WebvhId::parse(&did);
                let named = item.kind == ItemKind::Log && id.is_ok_and(|id| id.path() == ["agents", name]);
                if named && found.replace(did).is_some_and(|other: Did| other.as_str() != item.subject) {
                    return Err(Error::refused(
                        Code::NotFound,
                        "the name stands for more than one DID; use the DID",
                    ));
                }
            }
        }
        found.ok_or(not_found)
    }
}
