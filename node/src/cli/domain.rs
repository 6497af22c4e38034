//! `domain rotate`: new keys for the domain itself, under the DID that it has (MODEL.md, "Which key counts").
//!
//! The node makes the new keys where it has the old ones, and this command signs the entry that lists them, with the
//! recovery key, which the node never sees. Each secret is durable before anything names it: a rotation that is cut
//! off anywhere is finished by the next command.

use super::arguments::DryRun;
use super::session::Session;
use crate::failure::{Failure, Local};
use crate::identity::{self, Keys, Rotation};
use crate::output::{self, Answer};
use crate::signing::{self, NEXT_UPDATE, UPDATE};
use crate::wallet::Lock;
use clap::{Args, Subcommand};
use did_resolver::keys::PublicKey;
use did_resolver::webvh::{Log, key_hash};
use marque_store::keyfile::KeyFile;
use marque_store::secret::SecretKey;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use vc_schemas::code::Code;

/// The key to which the entry that is about to be signed commits.
const PENDING: &str = "pending-next-update";

/// The domain itself.
#[derive(Debug, Subcommand)]
pub enum DomainCommand {
    /// Replace the domain's own keys; its DID stays
    Rotate(Rotate),
}

/// Replace the domain's own keys.
#[derive(Debug, Args)]
pub struct Rotate {
    /// The file of the recovery key, which is replaced too [default: keys/recovery.json in the data folder]
    #[arg(long, value_name = "FILE")]
    recovery: Option<PathBuf>,
    /// Somebody else may have the keys: nothing that they signed counts any more
    #[arg(long)]
    compromised: bool,
    /// No other node of this domain runs, where several share a store
    #[arg(long)]
    alone: bool,
    /// Whether to do it.
    #[command(flatten)]
    dry: DryRun,
}

impl DomainCommand {
    pub(super) async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        match self {
            Self::Rotate(rotate) => rotate.run(session).await,
        }
    }
}

impl Rotate {
    async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let client = session.client()?;
        if self.dry.dry_run {
            return Ok(self.describe(&read(&client.text("/.well-known/did.jsonl").await?)?));
        }
        let path = self.recovery.clone().unwrap_or_else(|| session.data().recovery_keys());
        let _one_at_a_time = Lock::take(session.data())?;
        let mut recovery = open(&path, session)?;
        let made = client.post("/v1/domain/keys", &json!({"alone": self.alone})).await.map_err(explained)?;
        let log = read(made.get("log").and_then(Value::as_str).unwrap_or_default().as_bytes())?;
        // Of one that was cut off after the node had accepted it, another begins only where the keys may be in other
        // hands.
        if promote(&mut recovery, &log)? && !self.compromised {
            return Ok(answer(&log, None, &path)
                .saying("This finished a rotation that was cut off: keys were replaced once."));
        }
        if !commits_to(&log, recovery.get(NEXT_UPDATE)) {
            let reason = format!("{} has not got the key that the domain's log commits to", path.display());
            let action = "Name the newest file of the recovery key: each rotation replaces it.";
            return Err(Failure::local(Local::Keys, reason, action));
        }
        if recovery.get(PENDING).is_none() {
            signing::make(&mut recovery, PENDING)?;
            recovery.save().map_err(|error| signing::keys(&error))?;
        }
        let keys = Keys {
            assertion: &public(&made, "assertion")?,
            p256: &public(&made, "tokens")?,
            update: signing::key(&recovery, NEXT_UPDATE)?,
            next_update: signing::key(&recovery, PENDING)?.public(),
        };
        let rotation = if self.compromised { Rotation::Compromised } else { Rotation::Planned };
        let log = identity::rotate(&log, keys, rotation, signing::now())?;
        let body = json!({"log": String::from_utf8_lossy(log.bytes()), "alone": self.alone});
        let taken = client.post("/v1/domain/log", &body).await.map_err(explained)?;
        promote(&mut recovery, &log)?;
        let talk = match rotation {
            Rotation::Planned => format!(
                "The new keys sign from {} on, when partners have heard of them. What the old ones signed counts for 72 \
                 hours; it is signed anew before that.",
                output::text(&taken, "signsFrom")
            ),
            Rotation::Compromised => {
                "Nothing that the old keys signed counts any more: agents get new credentials when they ask next; \
                 delegate anew what owners passed on."
                    .to_owned()
            }
        };
        Ok(answer(&log, Some(&taken), &path).saying(talk).saying(format!(
            "The recovery key is another one, too: move {} to its place offline, and destroy older copies, which \
             replace nothing any more.",
            path.display()
        )))
    }

    fn describe(&self, log: &Log) -> Answer {
        let did = log.did();
        let end = if self.compromised { "at once" } else { "in 72 hours" };
        let human = format!("would replace the keys of the domain ({did}); the old ones end {end}\n");
        let document = json!({
            "dryRun": true, "verb": "rotate", "did": did.as_str(), "compromised": self.compromised,
            "versionNumber": log.head().number,
        });
        Answer::new(document, human)
    }
}

/// The version that is in force, and what the node said of it where it was taken just now.
fn answer(log: &Log, taken: Option<&Value>, recovery: &Path) -> Answer {
    let head = log.head();
    let mut rows = vec![
        ("did", log.did().to_string()),
        ("version", head.number.to_string()),
        ("recovery key", recovery.display().to_string()),
    ];
    let signs_from = taken.map(|taken| output::text(taken, "signsFrom"));
    rows.extend(signs_from.clone().map(|from| ("signs from", from)));
    let document = json!({
        "did": log.did().as_str(),
        "versionNumber": head.number,
        "versionId": head.id,
        "signsFrom": signs_from,
        "recoveryKey": recovery,
    });
    Answer::new(document, output::facts(&rows))
}

fn open(path: &Path, session: &Session) -> Result<KeyFile, Failure> {
    if !path.exists() {
        let reason = format!("there is no recovery key at {}", path.display());
        let action = "Bring it from where it is kept, and name its file with --recovery.";
        return Err(Failure::local(Local::Keys, reason, action));
    }
    KeyFile::open(path, session.passphrase()?).map_err(|error| signing::keys(&error))
}

/// Whether `key` may sign the next entry.
fn commits_to(log: &Log, key: Option<&SecretKey>) -> bool {
    let hash = key.map(|key| key_hash(key.public()));
    hash.is_some_and(|hash| log.parameters().next_key_hashes().contains(&hash))
}

/// Puts the key to which the newest entry commits in the place of the one that signed it, where that entry was
/// accepted. Says whether it was so.
fn promote(recovery: &mut KeyFile, log: &Log) -> Result<bool, Failure> {
    if !commits_to(log, recovery.get(PENDING)) {
        return Ok(false);
    }
    for (from, to) in [(NEXT_UPDATE, UPDATE), (PENDING, NEXT_UPDATE)] {
        if let Some(key) = recovery.remove(from) {
            drop(recovery.remove(to));
            recovery.insert(to, key).map_err(|error| signing::keys(&error))?;
        }
    }
    recovery.save().map_err(|error| signing::keys(&error))?;
    Ok(true)
}

fn public(made: &Value, name: &str) -> Result<PublicKey, Failure> {
    let key = made.get(name).and_then(Value::as_str).and_then(|text| PublicKey::from_multikey(text).ok());
    key.ok_or_else(|| super::party::malformed("no keys were made"))
}

fn read(log: &[u8]) -> Result<Log, Failure> {
    Log::verify(log, signing::now()).map_err(|error| {
        let reason = format!("the domain's log does not verify: {error}");
        Failure::local(Local::Answer, reason, "The node's log says more.")
    })
}

/// What to do where other nodes of the domain may run.
fn explained(failure: Failure) -> Failure {
    if failure.code == Code::StateConflict.as_str() && failure.path == json!(["alone"]) {
        return failure.so(
            "Stop the other nodes of this domain, and type it again with --alone. Then copy the folder keys to them, and \
             start them.",
        );
    }
    failure
}
