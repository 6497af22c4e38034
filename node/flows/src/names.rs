//! Names for people: an agent's DID by `name@domain`.

use crate::domain::Domain;
use crate::error::Error;
use did_resolver::did::Did;
use marque_rules::replica::Scid;
use marque_rules::replica::view::ItemKind;
use vc_schemas::code::Code;

/// Most logs of a domain that are looked through for a name.
const MAX_NAMES: usize = 10_000;

impl Domain {
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
