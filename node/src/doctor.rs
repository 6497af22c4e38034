//! What is wrong with a node, and what to type: a judgement of facts that were gathered, which changes nothing.

mod ending;
mod peers;
mod settings;

pub use ending::{Ending, newest};

use crate::config::Config;
use crate::custody::Kept;
use crate::failure::Failure;
use did_resolver::time::UnixSeconds;
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Space below which a store fills up before somebody looks: a few days of logs and lists of a busy mesh.
const LITTLE_SPACE: u64 = 1024 * 1024 * 1024;

/// Space below which the next commits may fail.
const NO_SPACE: u64 = 64 * 1024 * 1024;

/// Seconds after which what anybody may read should be where it is published: at fault are others, or the disk.
const LATE: u64 = 60;

/// Only the owner of the folder may do anything with what is in it.
pub const OTHERS: u32 = 0o077;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Good,
    /// Worth a look: it works, and may be meant.
    Look,
    /// It does not work, or is not safe.
    Bad,
}

impl Level {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Look => "look",
            Self::Bad => "bad",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub level: Level,
    /// What about: `configuration`, `keys`, `files`, `clock`, `disk`, `listeners`, `node`, `records`, `peers`,
    /// `lists`, `identities`, `credentials`, `published`.
    pub about: &'static str,
    /// What is so.
    pub reason: String,
    /// What to type or do; empty where nothing is to be done.
    pub action: String,
}

impl Finding {
    /// As one JSON object.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"level": self.level.as_str(), "about": self.about, "reason": self.reason, "action": self.action})
    }
}

/// A file or folder that holds secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Private {
    /// Where.
    pub path: PathBuf,
    /// Its permissions.
    pub mode: u32,
}

/// A listener that the configuration names, while no node runs here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its key.
    pub key: &'static str,
    /// Where.
    pub address: SocketAddr,
    /// Why nobody can listen there.
    pub taken: Option<String>,
}

/// What was gathered.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The configuration, or why there is none.
    pub config: Result<Config, Failure>,
    /// How the domain's keys are kept, or why where they are kept does not answer.
    pub keys: Option<Result<Kept, Failure>>,
    /// What holds secrets in the data folder, and what gives them.
    pub private: Vec<Private>,
    /// The recovery key, where it is still in the data folder.
    pub recovery: Option<PathBuf>,
    /// What the clock says.
    pub now: UnixSeconds,
    /// The latest time that this node is known to have seen.
    pub seen: Option<UnixSeconds>,
    /// Whether records were lost and are not given back yet.
    pub is_lossy: bool,
    /// Free bytes on the disk of the data folder.
    pub free: Option<u64>,
    /// The folder into which this user cannot write, and why.
    pub unwritable: Option<(PathBuf, String)>,
    /// Why this user cannot run `interop.program`, where there is one.
    pub unrunnable: Option<String>,
    /// What the running node says of itself; or why it does not.
    pub node: Result<Value, Failure>,
    /// When the credentials of the owners and agents end that it vouches for, where it says so.
    pub credentials: Option<Vec<Ending>>,
    /// Where it would listen, if it does not run.
    pub places: Vec<Place>,
}

/// Judges what was gathered: everything that is wrong, and for each matter that is right a line that says so.
#[must_use]
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let mut all = Vec::new();
    for (about, found, fine) in [
        ("configuration", settings::configuration(facts), "every key is known and within its bounds"),
        ("keys", keys(facts), "where they are is guarded"),
        ("files", files(facts), "nobody else can read what is secret"),
        ("clock", clock(facts), "not behind what was seen before"),
        ("disk", disk(facts), "there is room"),
        ("node", node(facts), "it runs and answers"),
        ("records", records(facts), "none is known to be lost"),
        ("listeners", listeners(facts), "what is not for strangers is not open to them"),
        ("peers", peers::peers(facts), "every domain that is recognised was met"),
        ("lists", lists(facts), "no status list is older than the policy allows"),
        ("identities", identities(facts), "no DID has two histories here"),
        ("credentials", ending::credentials(facts), "of owners and agents none ends soon"),
        ("published", published(facts), "what anybody may read is where others look for it"),
    ] {
        match found {
            None => {}
            Some(found) if found.is_empty() => {
                let (reason, action) = (fine.to_owned(), String::new());
                all.push(Finding { level: Level::Good, about, reason, action });
            }
            Some(found) => all.extend(found.into_iter().map(|(level, reason, action)| Finding {
                level,
                about,
                reason,
                action,
            })),
        }
    }
    all
}

/// What is wrong of one matter; `None` where it could not be looked at.
type Found = Option<Vec<(Level, String, String)>>;

fn keys(facts: &Facts) -> Found {
    let kept = match facts.keys.as_ref()? {
        Ok(kept) => kept,
        Err(failure) => return Some(vec![(Level::Bad, failure.reason.clone(), failure.action.clone())]),
    };
    let mut found: Vec<_> = kept
        .missing
        .iter()
        .map(|name| {
            let action = "Restore the token or keyring: without this key nothing of the domain is signed.";
            (Level::Bad, format!("there is not one key \"{name}\""), action.to_owned())
        })
        .collect();
    if let Some(weak) = &kept.weakness {
        let level = if weak.is_wrong { Level::Bad } else { Level::Look };
        found.push((level, weak.reason.clone(), weak.action.to_owned()));
    }
    Some(found)
}

fn files(facts: &Facts) -> Found {
    let open = facts.private.iter().filter(|private| private.mode & OTHERS != 0);
    let mut found: Vec<_> = open
        .map(|private| {
            let path = private.path.display();
            let reason = format!("others may use {path}: its mode is {:o}", private.mode & 0o7777);
            (Level::Bad, reason, format!("chmod go= {path}"))
        })
        .collect();
    if let Some(path) = &facts.recovery {
        let reason = format!("the recovery key still lies beside the others, in {}", path.display());
        let action = "Move it to a place that this machine cannot read: whoever has both has the domain.";
        found.push((Level::Look, reason, action.into()));
    }
    Some(found)
}

fn clock(facts: &Facts) -> Found {
    let seen = facts.seen?;
    // What is signed now with a clock that is behind is older than what was signed before.
    let behind = seen.since(facts.now);
    let reason = format!("it is {} s behind the latest time that this node saw, {seen}", behind.as_secs());
    let is_behind = behind.as_secs() > u64::from(Config::default().verify.skew_seconds);
    Some(if is_behind {
        let action = "Nothing is signed meanwhile. Set the clock, and keep it by NTP: timedatectl set-ntp true. If it is \
                      right now and was ahead before: marque up --clock-is-right";
        vec![(Level::Bad, reason, action.into())]
    } else {
        Vec::new()
    })
}

fn disk(facts: &Facts) -> Found {
    if let Some((path, why)) = &facts.unwritable {
        let reason = format!("nothing can be written into {}: {why}", path.display());
        let action = "A node writes as its user: run this as that one, give it the folder, and mount its disk writable.";
        return Some(vec![(Level::Bad, reason, action.into())]);
    }
    let free = facts.free?;
    let level = match free {
        _ if free < NO_SPACE => Level::Bad,
        _ if free < LITTLE_SPACE => Level::Look,
        _ => return Some(Vec::new()),
    };
    let reason = format!("{} MiB are free where the data folder is", free / (1024 * 1024));
    Some(vec![(level, reason, "Make room: a node that cannot write acknowledges nothing.".into())])
}

fn node(facts: &Facts) -> Found {
    let node = match &facts.node {
        Ok(node) => node,
        Err(failure) => return Some(vec![(Level::Bad, failure.reason.clone(), failure.action.clone())]),
    };
    // What has a matter of its own is told there.
    let readiness = node.get("readiness").filter(|readiness| text(readiness, "status") == "unavailable");
    let finding = |readiness: &Value| {
        let reason = format!("its store takes nothing: {}", text(readiness, "reason"));
        let action = "Mend what is named: make room, where a disk is full. Then start the node again, if it says so. \
                      What it acknowledged is there, and is read meanwhile.";
        (Level::Bad, reason, action.to_owned())
    };
    Some(readiness.map(finding).into_iter().collect())
}

/// Whether it does what it is there for.
fn records(facts: &Facts) -> Found {
    let reason =
        "records were lost, and no peer has given back yet what it holds: nothing is signed meanwhile";
    let action = "It ends by itself once a peer answers: marque peer ls. Where none is left: marque up --after-loss \
                  --without-peers";
    Some(if facts.is_lossy { vec![(Level::Bad, reason.into(), action.into())] } else { Vec::new() })
}

fn listeners(facts: &Facts) -> Found {
    let config = facts.config.as_ref().ok()?;
    let mut found = Vec::new();
    for (key, address) in [("listen.admin", config.listen.admin), ("listen.health", config.listen.health)] {
        if !is_near(address.ip()) {
            let level = if key == "listen.admin" { Level::Bad } else { Level::Look };
            let reason = format!("{key} is open to the network at {address}, without TLS");
            found.push((level, reason, format!("Set {key} to 127.0.0.1, and reach it by SSH or a proxy.")));
        }
    }
    if !is_near(config.listen.public.ip()) {
        let reason = format!("listen.public is open to the network at {}, without TLS", config.listen.public);
        let action = "Put a proxy with TLS before it: others fetch logs and lists by https.";
        found.push((Level::Look, reason, action.into()));
    }
    for place in &facts.places {
        if let Some(why) = &place.taken {
            let reason = format!("nobody can listen on {} of {}: {why}", place.address, place.key);
            found.push((Level::Bad, reason, format!("Stop what is there, or set {} to another.", place.key)));
        }
    }
    Some(found)
}

/// Whether only this machine reaches it.
const fn is_near(address: IpAddr) -> bool {
    address.is_loopback()
}

fn lists(facts: &Facts) -> Found {
    let (config, node) = (facts.config.as_ref().ok()?, facts.node.as_ref().ok()?);
    let mesh = node.get("mesh")?;
    let mut found = Vec::new();
    for list in items(node, "lists") {
        let (url, age) = (text(list, "url"), age(list));
        if age > u64::from(config.status.ttl_seconds) {
            let reason = format!("{url} of this domain is {age} s old and was not signed again");
            let action = "The node's log says why: journalctl -u marque, or what marque up printed.";
            found.push((Level::Bad, reason, action.to_owned()));
        }
    }
    let own: Vec<&str> = items(node, "lists").iter().map(|list| text(list, "url")).collect();
    for list in items(mesh, "lists") {
        let (url, age) = (text(list, "url"), age(list));
        if !own.contains(&url) && age > u64::from(config.status.max_age_seconds) {
            let reason = format!("{url} is {age} s old: nobody can know what it says now");
            let action = format!("Ask the operator of {} whether their node runs.", text(list, "issuer"));
            found.push((Level::Look, reason, action));
        }
    }
    if let Some(waiting) = mesh.get("deferred").and_then(Value::as_u64).filter(|waiting| *waiting > 0) {
        let reason = format!("{waiting} verdicts rest on old lists and are not confirmed yet");
        found.push((Level::Look, reason, "They are, by themselves, when newer lists come.".to_owned()));
    }
    Some(found)
}

fn identities(facts: &Facts) -> Found {
    let contested = facts.node.as_ref().ok()?.get("mesh")?.get("contested").and_then(Value::as_u64)?;
    let reason = format!("{contested} DIDs have two histories, and neither is believed");
    Some(if contested == 0 {
        Vec::new()
    } else {
        vec![(Level::Look, reason, "marque did contested ls".to_owned())]
    })
}

/// Where the domain is published beside its node; of one that is not there is nothing to say.
fn published(facts: &Facts) -> Found {
    let places = items(facts.node.as_ref().ok()?, "published");
    let mut found = Vec::new();
    for place in places {
        let behind = place.get("behindSeconds").and_then(Value::as_u64).unwrap_or_default();
        let (name, why) = (text(place, "place"), place.get("reason").and_then(Value::as_str));
        let level = match why {
            _ if behind > LATE => Level::Bad,
            Some(_) => Level::Look,
            None => continue,
        };
        let why = why.unwrap_or("it is being written");
        let reason = format!("what changed {behind} s ago is not in the {name} yet: {why}");
        let action = format!("Mend what it says. It is tried again by itself; publish.{name} says where.");
        found.push((level, reason, action));
    }
    (!places.is_empty()).then_some(found)
}

/// Most names in one line.
const MAX_NAMES: usize = 5;

/// The first of `names` in one line, and how many more there are.
fn first_of(names: &[&str]) -> String {
    let shown = names.get(..MAX_NAMES).unwrap_or(names).join(", ");
    match names.len().saturating_sub(MAX_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn items<'a>(json: &'a Value, name: &str) -> &'a [Value] {
    crate::output::items(json, name)
}

fn text<'a>(json: &'a Value, name: &str) -> &'a str {
    json.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The age of a list; one that does not count has none, and is as old as can be.
fn age(list: &Value) -> u64 {
    list.get("ageSeconds").and_then(Value::as_u64).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
