//! Settings that are not safe, or not what they seem.

use super::{Facts, Found, Level};
use crate::config::{Config, Engine};

/// A skew above which what ended lives on for long; clocks that are kept differ by less than a second.
const LOOSE_SKEW: u32 = 120;

/// Above this a list that says nothing of a revocation is believed for long (THREATS.md B, low assurance).
const LOOSE_STATUS_AGE: u32 = 3_600;

pub(super) fn configuration(facts: &Facts) -> Found {
    let config = match &facts.config {
        Ok(config) => config,
        Err(failure) => {
            return Some(vec![(Level::Bad, failure.reason.clone(), failure.action.clone())]);
        }
    };
    let mut found = Vec::new();
    if config.verify.skew_seconds > LOOSE_SKEW {
        let reason = format!("what ended is accepted for {} s more", config.verify.skew_seconds);
        found.push((Level::Look, reason, "Set verify.skew_seconds to 60 and keep the clocks by NTP.".into()));
    }
    if config.status.max_age_seconds > LOOSE_STATUS_AGE {
        let reason = format!("a revocation may go unseen for {} s", config.status.max_age_seconds);
        found.push((Level::Look, reason, "Set status.max_age_seconds to 300, or to 3600 at most.".into()));
    }
    if config.status.ttl_seconds > config.status.max_age_seconds {
        let reason = "a partner with this policy could not rely on this domain's own lists".to_owned();
        let action = "Set status.ttl_seconds to at most status.max_age_seconds.";
        found.push((Level::Look, reason, action.into()));
    }
    let limits = &config.limits;
    let unlimited = [
        ("limits.address_per_minute", limits.address_per_minute),
        ("limits.agent_per_minute", limits.agent_per_minute),
        ("limits.owner_per_minute", limits.owner_per_minute),
    ];
    for (key, _) in unlimited.into_iter().filter(|(_, most)| *most == 0) {
        let reason = format!("{key} is 0: whoever asks without end is answered without end");
        found.push((
            Level::Look,
            reason,
            format!("Leave {key} at its default, or set it to what you expect."),
        ));
    }
    if let Some(why) = &facts.unrunnable {
        let reason = format!("{} of interop.program cannot be run: {why}", config.interop.program);
        let action =
            "Put the program there, or leave the key out: what it is to judge cannot be judged meanwhile.";
        found.push((Level::Bad, reason, action.into()));
    }
    if config.store.engine == Engine::Postgres {
        found.extend(server(&config.store.postgres_url));
    }
    if config.keys.kdf_kib < Config::default().keys.kdf_kib {
        let reason = "new key files are cheap to guess at".to_owned();
        found.push((Level::Look, reason, "Leave keys.kdf_kib at its default.".into()));
    }
    Some(found)
}

/// What is wrong with how the server of the records is reached.
pub(super) fn server(url: &str) -> Vec<(Level, String, String)> {
    let mut found = Vec::new();
    let (authority, rest) =
        url.split_once("://").and_then(|(_, rest)| rest.split_once('/')).unwrap_or_default();
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let is_local = ["", "localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|local| host.strip_prefix(local).is_some_and(|port| port.is_empty() || port.starts_with(':')));
    // A host that the parameters name is a socket where it is a path.
    let is_away = !is_local || rest.contains("host=") && !rest.contains("host=/");
    if is_away && !rest.contains("sslmode=verify-full") {
        let reason = "the server of the records is spoken to without finding out who it is".to_owned();
        found.push((Level::Bad, reason, "Add sslmode=verify-full to store.postgres_url.".into()));
    }
    if user.contains(':') || rest.contains("password=") {
        let reason =
            "store.postgres_url has a password, which whoever sees the configuration has too".to_owned();
        found.push((Level::Look, reason, "Move it to the file that PGPASSFILE names.".into()));
    }
    found
}
