//! Rule 7: no link and no subject on the path is revoked or suspended, by lists that count.
//!
//! What a list says of revocation counts even when the list is stale: old news of a revocation is
//! still a revocation. What it says of validity counts only while it is fresh.

use super::held::Held;
use super::{Stop, Wants};
use crate::claims::{Claims, StatusPair};
use crate::code::Code;
use crate::facts::{Expect, Facts, ListFact, ListKey};
use crate::refusal::{Path, Refusal};
use crate::status::{Purpose, StatusEntry};
use did_resolver::did::Did;
use did_resolver::document::Relationship;
use did_resolver::time::UnixSeconds;
use std::time::Duration;

/// One place to look up: whose list must say so, what it is called when it is set, and where.
struct Lookup<'a> {
    domain: &'a Did,
    entry: &'a StatusEntry,
    set: Code,
    path: Path,
}

/// The age of the oldest list that was relied on.
pub(super) fn check(held: &Held, facts: &Facts, expect: &Expect, now: UnixSeconds) -> Result<Duration, Stop> {
    let (mut wants, mut oldest, mut unsure) = (Wants::default(), Duration::ZERO, None);
    for lookup in lookups(held) {
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

fn lookups(held: &Held) -> Vec<Lookup<'_>> {
    let mut lookups = Vec::new();
    for identity in held.identities() {
        let (domain, path) = (&identity.credential.issuer, held.place(identity.credential.claims.subject()));
        if let Some(status) = identity.subject_status() {
            let codes = match identity.credential.claims {
                Claims::Owner(_) => (Code::OwnerRevoked, Code::OwnerSuspended),
                _ => (Code::AgentRevoked, Code::AgentSuspended),
            };
            push(&mut lookups, domain, status, codes, path.clone().then("subjectStatus"));
        }
        let codes = (Code::CredentialRevoked, Code::CredentialSuspended);
        push(&mut lookups, domain, &identity.credential.status, codes, path.then("credentialStatus"));
    }
    for (at, link, _) in held.secured_links() {
        // The list of a link counts only from the domain that vouches for the link's issuer.
        if let Some(identity) = held.identity(&link.credential.issuer) {
            let codes = (Code::CredentialRevoked, Code::CredentialSuspended);
            let path = Path::link(at).then("credentialStatus");
            push(&mut lookups, &identity.credential.issuer, &link.credential.status, codes, path);
        }
    }
    if let Some(approved) = held.approval() {
        // The approver is the principal, for whom a domain vouches.
        if let Some(identity) = held.identity(&approved.credential.issuer) {
            let codes = (Code::CredentialRevoked, Code::CredentialSuspended);
            let path = Path::approval().then("credentialStatus");
            push(&mut lookups, &identity.credential.issuer, &approved.credential.status, codes, path);
        }
    }
    lookups
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
    let seen = lookup.entry.purpose == Purpose::Revocation
        && fact.revoked_ever.as_ref().is_some_and(|ever| ever.get(index) == Some(true));
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
