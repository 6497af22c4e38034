//! One credential by itself: rules 2, 5, 7 and 9 as far as they are about one credential.
//!
//! A link and an approval mean nothing without the chain that they belong to, so they are refused here. What
//! verifies is what its domain says; it grants nothing.

use super::held::credential_refusal;
use super::status::{self, Lookup};
use super::{Outcome, Stop, check_dates, identities, outcome, signatures};
use crate::claims::Claims;
use crate::code::Code;
use crate::credential::Credential;
use crate::facts::{Expect, Facts};
use crate::refusal::{Path, Refusal};
use crate::secure::{Content, SecureError, Secured};
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::WebvhId;

/// Verifies a credential that a domain issued. Of `expect`, what is about presentations is not asked.
#[must_use]
pub fn check_credential(
    secured: &Secured,
    facts: &Facts,
    expect: &Expect,
    now: UnixSeconds,
) -> Outcome<Credential> {
    outcome(run(secured, facts, expect, now))
}

fn run(secured: &Secured, facts: &Facts, expect: &Expect, now: UnixSeconds) -> Result<Credential, Stop> {
    let root = Path::root;
    if secured.content() != Content::Credential {
        return Err(Refusal::new(Code::CredentialMalformed, root(), "not a credential").into());
    }
    let credential =
        Credential::read(secured.document()).map_err(|error| credential_refusal(root(), error))?;
    if matches!(credential.claims, Claims::Delegation(_) | Claims::Approval(_)) {
        let detail = "it counts only in a presentation, with the identity credential of its issuer";
        return Err(Refusal::new(Code::IdentityMissing, root().then("issuer"), detail).into());
    }
    // Of what is said of a domain, a node or an agent, the half may say more than the whole.
    if !matches!(credential.claims, Claims::Owner(_) | Claims::Agent(_)) && !secured.is_plain() {
        return Err(SecureError::Concealed.refusal(Content::Credential, root()).into());
    }
    let issuer = WebvhId::parse(&credential.issuer).ok();
    identities::check_domain((&credential, issuer.as_ref()), expect, &root())?;
    check_dates(root(), &credential, expect, now)?;
    signatures::of_credential(secured, &credential, (facts, now, expect.skew))?;
    let mut lookups = Vec::new();
    Lookup::of_issuer(&mut lookups, &credential, &root());
    status::check(lookups, (facts, expect, now), false)?;
    Ok(credential)
}
