//! Rules 2 and 8, the keys: each credential and the presentation is signed by a key that counts.

use super::held::{Held, Signed};
use super::{Memory, Stop, Wants};
use crate::code::Code;
use crate::credential::Credential;
use crate::facts::{DidFact, Facts};
use crate::refusal::{Path, Refusal};
use crate::secure::{SecureError, Secured};
use crate::seen::{Read, Sighting};
use did_resolver::did::Did;
use did_resolver::document::{Document, KeyRefusal, Relationship};
use did_resolver::keys::PublicKey;
use did_resolver::methods;
use did_resolver::time::UnixSeconds;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// The document that counts for `did`, `None` where it must be fetched first.
pub(super) fn document<'a>(
    did: &Did,
    facts: &'a Facts,
    path: &Path,
) -> Result<Option<Cow<'a, Arc<Document>>>, Refusal> {
    if did.method() == "key" {
        let document = methods::resolve_key(did);
        return match document {
            Ok(document) => Ok(Some(Cow::Owned(Arc::new(document)))),
            Err(_) => {
                Err(Refusal::new(Code::DidMalformed, path.clone(), "not a did:key of a kind spoken here"))
            }
        };
    }
    match facts.did(did) {
        Some(DidFact::Active { document, .. }) => Ok(Some(Cow::Borrowed(document))),
        Some(DidFact::Deactivated) => {
            Err(Refusal::new(Code::Deactivated, path.clone(), "its DID is deactivated"))
        }
        Some(DidFact::Contested) => {
            Err(Refusal::new(Code::DidContested, path.clone(), "its DID has two valid histories"))
        }
        None => Ok(None),
    }
}

/// The facts, the time, and how far clocks may differ.
pub(super) type Known<'a> = (&'a Facts, UnixSeconds, Duration);

/// Verifies one signature by `signer`; adds to `wants` where its document is not known yet.
fn verify(
    secured: &Secured,
    signer: &Did,
    relationship: Relationship,
    (facts, now, skew): Known<'_>,
    path: &Path,
    wants: &mut Wants,
    memory: Option<(&mut Memory<'_>, Read, Option<&PublicKey>)>,
) -> Result<(), Refusal> {
    if secured.key_id().did() != signer {
        return Err(Refusal::new(Code::KeyNotAuthorised, path.clone(), "the key belongs to another DID"));
    }
    let Some(document) = document(signer, facts, path)? else {
        wants.did(signer, path);
        return Ok(());
    };
    let key = document
        .authorised(relationship, secured.key_id(), now)
        .map_err(|refusal| key_refusal(refusal, path.clone()))?;
    if key.retiring && relationship == Relationship::Authentication {
        return Err(Refusal::new(
            Code::KeyRetired,
            path.clone(),
            "the key is on its way out and may not present",
        ));
    }
    let verified = match memory {
        None => secured.verify(key.key, now, skew),
        Some((memory, read, before)) => memory.verify(secured, (read, before), key.key, (now, skew)),
    };
    verified.map_err(|error| error.refusal(secured.content(), path.clone()))
}

impl Memory<'_> {
    /// Verifies a credential unless it was verified under the same key `before`, or is in what was seen
    /// since it was read. Its proof's own dates are always asked.
    fn verify(
        &mut self,
        secured: &Secured,
        (read, before): (Read, Option<&PublicKey>),
        key: &PublicKey,
        (now, skew): (UnixSeconds, Duration),
    ) -> Result<(), SecureError> {
        let Some(seen) = self.seen else { return secured.verify(key, now, skew) };
        let held_before = before == Some(key) && now < read.valid_until();
        if held_before || seen.knows(secured, key, now) {
            return secured.check_dates(now, skew);
        }
        secured.verify(key, now, skew)?;
        self.sightings.push(Sighting { secured: secured.clone(), read, key: key.clone() });
        Ok(())
    }
}

pub(super) fn key_refusal(refusal: KeyRefusal, path: Path) -> Refusal {
    match refusal {
        KeyRefusal::NotThere => Refusal::new(Code::KeyNotAuthorised, path, "its DID does not list the key"),
        KeyRefusal::ForeignController => {
            Refusal::new(Code::KeyNotAuthorised, path, "the key is controlled by another DID")
        }
        KeyRefusal::NotForThis => {
            Refusal::new(Code::KeyNotAuthorised, path, "the key is not listed for this use")
        }
        KeyRefusal::Revoked => Refusal::new(Code::KeyNotAuthorised, path, "the key is revoked"),
        KeyRefusal::Expired => Refusal::new(Code::KeyRetired, path, "the key has expired"),
        KeyRefusal::UnsupportedKind => {
            Refusal::new(Code::KeyNotAuthorised, path, "the kind of key is not supported")
        }
    }
}

/// Identity credentials, by the domains that vouch. These are the first that anything is fetched for.
pub(super) fn identities(held: &Held, known: Known<'_>, memory: &mut Memory<'_>) -> Result<(), Stop> {
    let mut wants = Wants::default();
    for identity in held.identities() {
        let path = held.place(identity.credential().claims.subject());
        let issuer = &identity.credential().issuer;
        let relationship = Relationship::AssertionMethod;
        let Signed { secured, before } = &identity.signed;
        let memory = Some((&mut *memory, Read::Other(Arc::clone(&identity.credential)), before.as_ref()));
        verify(secured, issuer, relationship, known, &path, &mut wants, memory)?;
    }
    done(wants)
}

/// Links by their issuers, and the presentation by its holder; all are vouched for by now.
pub(super) fn links_and_holder(held: &Held, known: Known<'_>, memory: &mut Memory<'_>) -> Result<(), Stop> {
    let mut wants = Wants::default();
    for (at, link, Signed { secured, before }) in held.signed_links() {
        let issuer = &link.credential.issuer;
        let memory = Some((&mut *memory, Read::Link(Arc::clone(link)), before.as_ref()));
        verify(secured, issuer, Relationship::AssertionMethod, known, &Path::link(at), &mut wants, memory)?;
    }
    if let Some(approved) = held.approval() {
        let (secured, approver) = (&approved.secured, &approved.credential.issuer);
        let path = Path::approval();
        verify(secured, approver, Relationship::AssertionMethod, known, &path, &mut wants, None)?;
    }
    let (secured, holder) = (held.secured(), &held.presentation().holder);
    let path = Path::root().then("holder");
    verify(secured, holder, Relationship::Authentication, known, &path, &mut wants, None)?;
    done(wants)
}

/// A credential by itself, by its issuer.
pub(super) fn of_credential(
    secured: &Secured,
    credential: &Credential,
    known: Known<'_>,
) -> Result<(), Stop> {
    let mut wants = Wants::default();
    let relationship = Relationship::AssertionMethod;
    verify(secured, &credential.issuer, relationship, known, &Path::root(), &mut wants, None)?;
    done(wants)
}

fn done(wants: Wants) -> Result<(), Stop> {
    if wants.is_empty() { Ok(()) } else { Err(Stop::Wants(wants)) }
}
