//! `agent rotate` and `owner rotate`: new keys for the same identity (MODEL.md, "Which key counts").
//!
//! The new keys are in the key file before the node hears of them, and the old ones leave it after the
//! node accepted: a rotation that is cut off anywhere is finished by the next command.

use super::arguments::{DryRun, name};
use super::party::{PENDING, Party};
use super::session::Session;
use crate::client::Client;
use crate::data::Kind;
use crate::failure::Failure;
use crate::identity::{self, Keys, Rotation};
use crate::output::{self, Answer};
use crate::signing::{self, NEXT_UPDATE};
use crate::wallet::Lock;
use clap::Args;
use did_resolver::webvh::{Extension, Log};
use serde_json::json;
use vc_schemas::code::Code;

/// Replace keys.
#[derive(Debug, Args)]
pub struct Rotate {
    /// Whose
    #[arg(value_parser = name)]
    name: String,
    /// Somebody else may have the keys: nothing that they signed counts any more
    #[arg(long)]
    compromised: bool,
    /// Whether to do it.
    #[command(flatten)]
    dry: DryRun,
}

impl Rotate {
    pub(super) async fn run(&self, session: &Session, kind: Kind) -> Result<Answer, Failure> {
        let client = session.client()?;
        let name = &self.name;
        if self.dry.dry_run {
            return self.describe(&client, kind).await;
        }
        let lock = Lock::take(session.data())?;
        let mut party = Party::open(session, kind, name)?;
        catch_up(&client, &mut party).await?;
        party.wallet.save(session.data(), kind, name, &lock)?;
        for (pending, _) in PENDING {
            drop(party.keys.remove(pending));
            signing::make(&mut party.keys, pending)?;
        }
        party.keys.save().map_err(|error| signing::keys(&error))?;
        let [assertion, p256, next] = PENDING.map(|(pending, _)| pending);
        let keys = Keys {
            assertion: signing::key(&party.keys, assertion)?.public(),
            p256: signing::key(&party.keys, p256)?.public(),
            update: signing::key(&party.keys, NEXT_UPDATE)?,
            next_update: signing::key(&party.keys, next)?.public(),
        };
        let rotation = if self.compromised { Rotation::Compromised } else { Rotation::Planned };
        let log = identity::rotate(&party.wallet.log, keys, rotation, signing::now())?;
        let body = json!({"log": String::from_utf8_lossy(log.bytes())});
        let answer = client.post(&format!("/v1/{}/{name}/log", kind.plural()), &body).await?;
        party.wallet.log = log;
        party.wallet.save(session.data(), kind, name, &lock)?;
        party.promote()?;
        party.keys.save().map_err(|error| signing::keys(&error))?;
        let human = output::facts(&[
            (kind.as_str(), name.clone()),
            ("did", party.did().to_string()),
            ("version", party.wallet.log.head().number.to_string()),
        ]);
        let talk = match rotation {
            Rotation::Planned => "What the old keys signed counts for 72 hours more.".to_owned(),
            Rotation::Compromised => {
                format!(
                    "Nothing that the old keys signed counts any more: delegate anew what {name} passed on."
                )
            }
        };
        Ok(Answer::new(answer, human).saying(talk))
    }

    async fn describe(&self, client: &Client, kind: Kind) -> Result<Answer, Failure> {
        let now = client.get(&format!("/v1/{}/{}", kind.plural(), self.name)).await?;
        let did = output::text(&now, "did");
        let end = if self.compromised { "at once" } else { "in 72 hours" };
        let human = format!("would replace the keys of {} ({did}); the old ones end {end}\n", self.name);
        let document = json!({
            "dryRun": true, "verb": "rotate", "name": self.name, "did": did, "compromised": self.compromised,
        });
        Ok(Answer::new(document, human))
    }
}

/// Takes over what the node has of the log, and finishes or drops a rotation that was cut off.
async fn catch_up(client: &Client, party: &mut Party) -> Result<(), Failure> {
    let bytes = client.text(&format!("/{}/{}/did.jsonl", party.kind.plural(), party.name)).await?;
    let now = signing::now();
    let other = || {
        Failure::of(Code::StateConflict)
            .because("the node has another log of it than the wallet")
            .so("Restore wallet and keys from the newest backup.")
    };
    match party.wallet.log.extend(&bytes, now) {
        Ok(Extension::Same) => {}
        Ok(Extension::Longer(log)) => party.wallet.log = log,
        Ok(Extension::Older | Extension::Fork { .. }) | Err(_) => return Err(other()),
    }
    if party.rotation_is_in_force() {
        party.promote()?;
    }
    if is_next(&party.wallet.log, party) { Ok(()) } else { Err(other()) }
}

/// Whether the key file has the key that the log commits to.
fn is_next(log: &Log, party: &Party) -> bool {
    let next = party.keys.get(NEXT_UPDATE).map(|key| did_resolver::webvh::key_hash(key.public()));
    next.is_some_and(|hash| log.parameters().next_key_hashes().contains(&hash))
}
