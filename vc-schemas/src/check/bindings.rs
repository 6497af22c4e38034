//! Rule 8, as far as SD-JWTs have it: a credential that is bound to a key or to one verifier counts only so
//! bound (RFC 9901, sections 4.3 and 7.3).
//!
//! The presentation's signature covers a binding too, and proves possession by itself. A binding is asked
//! for where the issuer named a key (`cnf`), and nowhere may one say something else.

use super::held::{Held, Identity};
use super::signatures::{Known, document};
use crate::code::Code;
use crate::refusal::{Path, Refusal};
use crate::secure::sd_jwt::SdJwt;
use did_resolver::document::Relationship;

/// Checks each identity credential that is an SD-JWT. Links are never bound. The holder's document was
/// there when the presentation's signature was verified.
pub(super) fn check(held: &Held, known: Known<'_>) -> Result<(), Refusal> {
    for identity in held.identities() {
        let Some(sd_jwt) = identity.signed.secured.sd_jwt() else { continue };
        let path = held.place(identity.credential().claims.subject());
        if *identity.credential().claims.subject() == held.presentation().holder {
            of_holder(held, identity, sd_jwt, known, path)?;
        } else if sd_jwt.binding().is_some() {
            return Err(refusal(path, "bound by somebody who does not present it"));
        }
    }
    Ok(())
}

fn of_holder(
    held: &Held,
    identity: &Identity,
    sd_jwt: &SdJwt,
    (facts, now, skew): Known<'_>,
    path: Path,
) -> Result<(), Refusal> {
    let presentation = held.presentation();
    let verifier = (presentation.audience.as_str(), presentation.nonce.as_str());
    let named = sd_jwt.holder_key().map_err(|_| refusal(path.clone(), "its holder's key cannot be read"))?;
    let is_bound = match (named, sd_jwt.binding()) {
        (None, None) => return Ok(()),
        (Some(_), None) => false,
        (Some(key), Some(_)) => sd_jwt.verify_binding(&key, verifier, now, skew).is_ok(),
        (None, Some(_)) => {
            let subject = identity.credential().claims.subject();
            document(subject, facts, &path)?.is_some_and(|document| {
                let relationship = Relationship::Authentication;
                document.listed(relationship).any(|method| {
                    let key = document.authorised(relationship, &method.id, now);
                    key.is_ok_and(|key| {
                        !key.retiring && sd_jwt.verify_binding(key.key, verifier, now, skew).is_ok()
                    })
                })
            })
        }
    };
    if is_bound { Ok(()) } else { Err(refusal(path, "not bound by its holder to this verifier and nonce")) }
}

const fn refusal(path: Path, detail: &'static str) -> Refusal {
    Refusal::new(Code::PossessionUnproven, path, detail)
}
