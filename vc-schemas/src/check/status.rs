//! Rule 7: no link and no subject on the path is revoked or suspended, by lists that count.
//!
//! What a list says of revocation counts even when the list is stale: old news of a revocation is
//! still a revocation. What it says of validity counts only while it is fresh.

use super::held::{self, Held};
use super::{Stop, Wants};
use crate::claims::{Claims, StatusPair};
use crate::code::Code;
use crate::credential::Credential;
use crate::facts::{Expect, Facts, ListFact, ListKey};
use crate::refusal::{Path, Refusal};
use crate::status::{Purpose, StatusEntry};
use did_resolver::did::Did;
use did_resolver::document::Relationship;
use did_resolver::time::UnixSeconds;
use std::time::Duration;

/// One place to look up: whose list must say so, what it is called when it is set, and where.
pub(super) struct Lookup<'a> {
    domain: &'a Did,
    entry: &'a StatusEntry,
    set: Code,
    path: Path,
}

/// The age of the oldest list that was relied on.
pub(super) fn check(
    lookups: Vec<Lookup<'_>>,
    facts: &Facts,
    expect: &Expect,
    now: UnixSeconds,
) -> Result<Duration, Stop> {
    let (mut wants, mut oldest, mut unsure) = (Wants::default(), Duration::ZERO, None);
    for lookup in lookups {
        let key = ListKey { issuer: lookup.domain.clone(), url: lookup.entry.list.clone() };
        let Some(fact) = facts.list(&key) else {
            wants.list(key, &lookup.path);
            continue;
        };
        if is_set(fact, &lookup)? {
            return Err(refusal(lookup.set, lookup.path).into());
        }
        match freshness(fact, &lookup, facts, expect, now) {
            Ok(age) => oldest = oldest.max(age),
            Err(refusal) => unsure = unsure.or(Some(refusal)),
        }
    }
    match unsure {
        Some(refusal) => Err(refusal.into()),
        None if wants.is_empty() => Ok(oldest),
        None => Err(Stop::Wants(wants)),
    }
}

/// What one entry of a credential of any kind says, by the list of the credential's own `issuer`: how old
/// that list is. No other list counts, and only `revocation` and `suspension` say that something is over.
///
/// # Errors
/// [`Code::CredentialRevoked`], [`Code::CredentialSuspended`]; [`Code::StatusAuthority`] for a list that is
/// of another purpose or too short; [`Code::StatusUnknown`], [`Code::StatusStale`],
/// [`Code::DidUnresolvable`] where nobody can know.
pub fn status_of(
    entry: &StatusEntry,
    issuer: &Did,
    path: Path,
    (facts, expect, now): (&Facts, &Expect, UnixSeconds),
) -> Result<Duration, Refusal> {
    let set = match entry.purpose {
        Purpose::Suspension => Code::CredentialSuspended,
        _ => Code::CredentialRevoked,
    };
    let lookup = Lookup { domain: issuer, entry, set, path };
    let key = ListKey { issuer: issuer.clone(), url: entry.list.clone() };
    let Some(fact) = facts.list(&key) else {
        return Err(Refusal::new(Code::StatusUnknown, lookup.path, "the status list could not be had"));
    };
    if is_set(fact, &lookup)? {
        return Err(refusal(lookup.set, lookup.path));
    }
    freshness(fact, &lookup, facts, expect, now)
}

/// What must be looked up for a presentation.
pub(super) fn lookups(held: &Held) -> Vec<Lookup<'_>> {
    let mut lookups = Vec::new();
    for identity in held.identities() {
        let path = held.place(identity.credential.claims.subject());
        Lookup::of_issuer(&mut lookups, &identity.credential, &path);
    }
    // The list of a link, and of an approval, counts only from the domain that vouches for its issuer.
    let links = held.links().iter().enumerate().map(|(at, link)| (Path::link(at), &link.credential));
    let approval = held.approval().map(|approved| (Path::approval(), approved.credential()));
    for (path, credential) in links.chain(approval) {
        if let Some(identity) = held.identity(&credential.issuer) {
            let path = path.then("credentialStatus");
            push(&mut lookups, &identity.credential.issuer, &credential.status, CREDENTIAL, path);
        }
    }
    lookups
}

/// What a credential is called that is revoked or suspended.
const CREDENTIAL: (Code, Code) = (Code::CredentialRevoked, Code::CredentialSuspended);

impl<'a> Lookup<'a> {
    /// What a domain says of a credential that it issued itself, and of its subject.
    pub(super) fn of_issuer(lookups: &mut Vec<Self>, credential: &'a Credential, path: &Path) {
        if let Some(status) = held::subject_status(credential) {
            let codes = match credential.claims {
                Claims::Owner(_) => (Code::OwnerRevoked, Code::OwnerSuspended),
                _ => (Code::AgentRevoked, Code::AgentSuspended),
            };
            push(lookups, &credential.issuer, status, codes, path.clone().then("subjectStatus"));
        }
        let path = path.clone().then("credentialStatus");
        push(lookups, &credential.issuer, &credential.status, CREDENTIAL, path);
    }
}

fn push<'a>(
    lookups: &mut Vec<Lookup<'a>>,
    domain: &'a Did,
    pair: &'a StatusPair,
    (revoked, suspended): (Code, Code),
    path: Path,
) {
    lookups.push(Lookup { domain, entry: &pair.revocation, set: revoked, path: path.clone() });
    lookups.push(Lookup { domain, entry: &pair.suspension, set: suspended, path });
}

fn is_set(fact: &ListFact, lookup: &Lookup<'_>) -> Result<bool, Refusal> {
    let list = &fact.list;
    if list.purpose != lookup.entry.purpose {
        let path = lookup.path.clone();
        return Err(Refusal::new(Code::StatusAuthority, path, "the list has another purpose"));
    }
    let index = lookup.entry.index;
    let seen = fact.revoked_ever.as_ref().is_some_and(|ever| ever.get(index) == Some(true));
    match list.bits.get(index) {
        Some(set) => Ok(set || seen),
        None if seen => Ok(true),
        None => {
            Err(Refusal::new(Code::StatusAuthority, lookup.path.clone(), "the index lies beyond the list"))
        }
    }
}

/// The age of a list that may be relied on for validity.
fn freshness(
    fact: &ListFact,
    lookup: &Lookup<'_>,
    facts: &Facts,
    expect: &Expect,
    now: UnixSeconds,
) -> Result<Duration, Refusal> {
    let (list, path) = (&fact.list, &lookup.path);
    let stale = |detail| Err(Refusal::new(Code::StatusStale, path.clone(), detail));
    let Some(document) = super::signatures::document(lookup.domain, facts, path)? else {
        return Err(Refusal::new(
            Code::DidUnresolvable,
            path.clone(),
            "the list's domain could not be resolved",
        ));
    };
    let authorised = document.authorised(Relationship::AssertionMethod, &list.key_id, now);
    if authorised.map_or(true, |authorised| authorised.key != list.key()) {
        return stale("the list was signed by a key that no longer counts");
    }
    if list.issued > now.plus(expect.skew) {
        return stale("the list was signed in the future");
    }
    let age = now.since(list.issued);
    if age > expect.status_max_age.saturating_add(expect.skew) {
        return stale("the list is older than the policy allows");
    }
    if list.valid_until <= now.minus(expect.skew) {
        return stale("the list is no longer valid");
    }
    Ok(age)
}

fn refusal(code: Code, path: Path) -> Refusal {
    let detail = match code {
        Code::AgentRevoked => "the agent is revoked",
        Code::AgentSuspended => "the agent is suspended",
        Code::OwnerRevoked => "the principal is revoked",
        Code::OwnerSuspended => "the principal is suspended",
        Code::CredentialSuspended => "the credential is suspended",
        _ => "the credential is revoked",
    };
    Refusal::new(code, path, detail)
}
