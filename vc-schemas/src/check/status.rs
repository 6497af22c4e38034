//! Rule 7: no link and no subject on the path is revoked or suspended, by lists that count.
//!
//! What a list says of revocation counts even when the list is stale: old news of a revocation is
//! still a revocation. What it says of validity counts only while it is fresh; where the use that is asked
//! for is of low assurance, a list that is merely old lets it go on, and what is not known is told.

use super::held::{self, Held};
use super::{Stop, Wants};
use crate::claims::{Claims, StatusPair};
use crate::code::Code;
use crate::credential::Credential;
use crate::facts::{Expect, Facts, ListFact, ListKey, MAX_DEFERRED_AGE};
use crate::refusal::{Path, Refusal};
use crate::status::{Purpose, StatusEntry};
use did_resolver::did::Did;
use did_resolver::document::Relationship;
use did_resolver::time::UnixSeconds;
use serde_json::{Value, json};
use std::time::Duration;

/// One place to look up: whose list must say so, what it is called when it is set, and where.
pub(super) struct Lookup<'a> {
    domain: &'a Did,
    entry: &'a StatusEntry,
    set: Code,
    path: Path,
}

/// One status that could be known only from an old list: nothing was set there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deferred {
    /// The part of the presentation that it is about.
    pub path: Path,
    /// The list that will say.
    pub list: ListKey,
    /// Where in that list.
    pub index: u32,
    /// What the list is for.
    pub purpose: Purpose,
    /// What it is called where it turns out to be set.
    pub code: Code,
}

impl Deferred {
    /// As one JSON object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "path": self.path.to_json(),
            "issuer": self.list.issuer.as_str(),
            "list": self.list.url,
            "index": self.index,
            "purpose": self.purpose.as_str(),
            "code": self.code.as_str(),
        })
    }
}

/// What the lists say of everything on a path, where nothing is set.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// The age of the oldest list that was relied on.
    pub(super) age: Duration,
    /// What only old lists say.
    pub(super) deferred: Vec<Deferred>,
}

/// What the lists say. Where `lenient`, a list that is merely old lets the use go on.
pub(super) fn check(
    lookups: Vec<Lookup<'_>>,
    (facts, expect, now): (&Facts, &Expect, UnixSeconds),
    lenient: bool,
) -> Result<Standing, Stop> {
    let (mut wants, mut standing, mut unsure) = (Wants::default(), Standing::default(), None);
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
            Ok((age, None)) => standing.age = standing.age.max(age),
            Ok((age, Some(_))) if lenient && age <= MAX_DEFERRED_AGE => {
                standing.age = standing.age.max(age);
                standing.deferred.push(lookup.deferred(key));
            }
            Ok((_, Some(refusal))) | Err(refusal) => unsure = unsure.or(Some(refusal)),
        }
    }
    match unsure {
        Some(refusal) => Err(refusal.into()),
        None if wants.is_empty() => Ok(standing),
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
    match freshness(fact, &lookup, facts, expect, now)? {
        (age, None) => Ok(age),
        (_, Some(old)) => Err(old),
    }
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

    fn deferred(self, list: ListKey) -> Deferred {
        let (index, purpose) = (self.entry.index, self.entry.purpose);
        Deferred { path: self.path, list, index, purpose, code: self.set }
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

/// The age of a list that may be relied on for validity; with a refusal where it is authentic, and merely too
/// old for that.
fn freshness(
    fact: &ListFact,
    lookup: &Lookup<'_>,
    facts: &Facts,
    expect: &Expect,
    now: UnixSeconds,
) -> Result<(Duration, Option<Refusal>), Refusal> {
    let (list, path) = (&fact.list, &lookup.path);
    let stale = |detail| Err::<(Duration, _), _>(Refusal::new(Code::StatusStale, path.clone(), detail));
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
    let old = if age > expect.status_max_age.saturating_add(expect.skew) {
        stale("the list is older than the policy allows").err()
    } else if list.valid_until <= now.minus(expect.skew) {
        stale("the list is no longer valid").err()
    } else {
        None
    };
    Ok((age, old))
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
