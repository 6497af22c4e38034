//! Identity credentials of owners and agents that end soon: each is renewed when its holder asks, and of these nobody
//! did although half of the life was over long ago.

use super::{Facts, Found, Level, first_of, items, text};
use crate::data::Kind;
use did_resolver::time::UnixSeconds;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use vc_schemas::credential::{AGENT_LIFE, OWNER_LIFE};

/// An owner or agent, and when its newest identity credential ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Which.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The end.
    pub until: UnixSeconds,
}

/// Of the active owners and agents that a node names, when the newest credential of each ends. `members` and
/// `credentials` are its answers.
#[must_use]
pub fn newest(kind: Kind, members: &Value, credentials: &Value) -> Vec<Ending> {
    let wanted = match kind {
        Kind::Owner => "OwnerCredential",
        Kind::Agent => "AgentCredential",
    };
    let mut ends: BTreeMap<&str, UnixSeconds> = BTreeMap::new();
    for credential in items(credentials, "credentials") {
        let is_one = text(credential, "type") == wanted && text(credential, "state") == "active";
        let until = UnixSeconds::parse(text(credential, "validUntil"));
        if let Some(until) = until.ok().filter(|_| is_one) {
            let end = ends.entry(text(credential, "subject")).or_insert(until);
            *end = until.max(*end);
        }
    }
    let active = items(members, kind.plural()).iter().filter(|member| text(member, "state") == "active");
    let ending = active.filter_map(|member| {
        let until = ends.get(text(member, "did")).copied()?;
        Some(Ending { kind, name: text(member, "name").to_owned(), until })
    });
    ending.collect()
}

/// Where a quarter of the life is left: one that is used was renewed at half of it.
const fn soon(kind: Kind) -> Duration {
    match kind {
        Kind::Owner => Duration::from_secs(OWNER_LIFE.as_secs() / 4),
        Kind::Agent => Duration::from_secs(AGENT_LIFE.as_secs() / 4),
    }
}

/// What is told of them; of each kind one line.
pub(super) fn credentials(facts: &Facts) -> Found {
    let all = facts.credentials.as_ref()?;
    let mut found = Vec::new();
    for kind in [Kind::Owner, Kind::Agent] {
        let latest = facts.now.plus(soon(kind));
        let mut ending: Vec<_> = all.iter().filter(|one| one.kind == kind && one.until <= latest).collect();
        ending.sort_by_key(|one| one.until);
        let Some(first) = ending.first() else { continue };
        let names: Vec<&str> = ending.iter().map(|one| one.name.as_str()).collect();
        let word = if ending.len() == 1 { kind.as_str() } else { kind.plural() };
        let reason = format!(
            "of {} {word} the credential ends within {} h or has ended, the first at {}: {}",
            ending.len(),
            soon(kind).as_secs() / 3_600,
            first.until,
            first_of(&names)
        );
        let name = &first.name;
        let action = match kind {
            Kind::Owner => format!(
                "The next one goes with what the owner passes on next: marque delegate {name} AGENT --cap CAPABILITY. \
                 Mandates that carry the old one end with it."
            ),
            Kind::Agent => format!(
                "The next one is given when the agent presents: marque present --agent {name} --nonce NONCE --aud DID. \
                 Where it is not used any more: marque agent revoke {name}"
            ),
        };
        found.push((Level::Look, reason, action));
    }
    Some(found)
}
