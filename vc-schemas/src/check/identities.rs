//! Rules 4 (ceilings) and 5: everybody on the path is vouched for by a domain that counts here.

use super::held::{Held, Identity};
use crate::chain;
use crate::claims::Claims;
use crate::code::Code;
use crate::credential::Credential;
use crate::facts::Expect;
use crate::refusal::{Path, Refusal};
use did_resolver::did::Did;
use did_resolver::webvh::WebvhId;

/// Whether the subject at this place of the path needs no identity credential: a did:key that ends
/// the chain lives for one task and has none.
pub(super) fn is_key_agent(held: &Held, place: usize, did: &Did) -> bool {
    place > 0 && place == held.links().len() && did.method() == "key"
}

pub(super) fn check(held: &Held, expect: &Expect) -> Result<(), Refusal> {
    for (place, did) in held.path().enumerate() {
        if is_key_agent(held, place, did) {
            continue;
        }
        let path = Path::identity(place);
        let Some(identity) = held.identity(did) else {
            return Err(Refusal::new(
                Code::IdentityMissing,
                path,
                "its identity credential is not presented",
            ));
        };
        check_kind(place, identity, &path)?;
        check_domain((&identity.credential, identity.issuer.as_ref()), expect, &path)?;
    }
    for (at, link) in held.links().iter().enumerate() {
        let subject = held.identity(&link.delegation.id).map(|identity| &identity.credential().claims);
        if let Some(Claims::Agent(agent)) = subject {
            chain::within_ceiling(link, &agent.capabilities).map_err(|widened| widened.at(at))?;
        }
    }
    let on_path = |identity: &Identity| {
        let subject = identity.credential().claims.subject();
        held.path().enumerate().any(|(place, did)| did == subject && !is_key_agent(held, place, did))
    };
    if held.identities().iter().all(on_path) {
        Ok(())
    } else {
        let path = Path::root().then("verifiableCredential");
        Err(Refusal::new(
            Code::PresentationMalformed,
            path,
            "an identity credential of somebody not on the path",
        ))
    }
}

fn check_kind(place: usize, identity: &Identity, path: &Path) -> Result<(), Refusal> {
    match (place, &identity.credential().claims) {
        (0, Claims::Owner(_)) | (1.., Claims::Agent(_)) => Ok(()),
        (0, _) => Err(Refusal::new(
            Code::IdentityMismatch,
            path.clone(),
            "the principal must be an owner; an agent never is one",
        )),
        _ => Err(Refusal::new(
            Code::IdentityMismatch,
            path.clone(),
            "whoever is delegated to must be an agent",
        )),
    }
}

/// Whether the issuer is a domain that counts here, and may vouch for the subject where it is one that
/// stands under a domain.
pub(super) fn check_domain(
    (credential, issuer): (&Credential, Option<&WebvhId>),
    expect: &Expect,
    path: &Path,
) -> Result<(), Refusal> {
    let path = path.clone().then("issuer");
    let is_identity = matches!(credential.claims, Claims::Owner(_) | Claims::Agent(_));
    match issuer.and_then(|issuer| expect.domains.get(issuer.scid())) {
        Some(recognition) if recognition.suspended => {
            Err(Refusal::new(Code::DomainSuspended, path, "the domain that vouches for it is suspended here"))
        }
        Some(_) if is_identity && !stands_under(credential, issuer) => {
            let detail = "its DID does not stand under the domain that vouches for it";
            Err(Refusal::new(Code::IdentityMismatch, path, detail))
        }
        Some(_) => Ok(()),
        None => Err(Refusal::new(
            Code::DomainNotRecognised,
            path,
            "the domain that vouches for it is not recognised here",
        )),
    }
}

/// Whether a did:webvh stands under the host of the domain that vouches for it. That proves nothing by
/// itself; but without it one recognised domain could vouch for what another one revoked.
fn stands_under(credential: &Credential, issuer: Option<&WebvhId>) -> bool {
    let subject = credential.claims.subject();
    let stands = |id: WebvhId| issuer.is_some_and(|issuer| issuer.host() == id.host());
    subject.method() != "webvh" || WebvhId::parse(subject).is_ok_and(stands)
}
