//! `init`: the keys, the identity and the data folder of a trust domain.

use super::session::Session;
use crate::config::{Listen, MAX_FIRST_PORT, check_domain, template};
use crate::data::Data;
use crate::failure::{Failure, Local};
use crate::files;
use crate::identity::{self, Keys};
use crate::output::{self, Answer};
use crate::passphrase;
use crate::signing::{self, ASSERTION, NEXT_UPDATE, NODE, P256, UPDATE};
use clap::Args;
use did_resolver::codec;
use did_resolver::webvh::Log;
use marque_store::keyfile::{Kdf, KeyFile};
use marque_store::secret::Passphrase;
use serde_json::json;
use std::path::PathBuf;

/// Bytes of randomness in the admin token: more than can be guessed.
const TOKEN_BYTES: usize = 32;

/// Make a trust domain.
#[derive(Debug, Args)]
pub struct Init {
    /// The domain's name: a DNS name with a dot; under .test for trials
    #[arg(long, value_name = "NAME")]
    domain: String,
    /// The first of four ports in a row on loopback: public, admin, health, mesh [default: 8640]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_FIRST_PORT)))]
    port: Option<u16>,
}

impl Init {
    pub(super) fn run(&self, session: &Session) -> Result<Answer, Failure> {
        check_domain(&self.domain)?;
        let data = session.data();
        refuse_node(data)?;
        let kdf = session.layers()?.build()?.kdf();
        let passphrase = passphrase::ask_new(passphrase::OF_KEYS)?;
        let listen = self.port.map(Listen::on_loopback);
        let log = initialise(data, &self.domain, &passphrase, kdf, listen.as_ref())?;
        let recovery = data.recovery_keys();
        let human = output::facts(&[
            ("domain", self.domain.clone()),
            ("did", log.did().to_string()),
            ("data", data.path().display().to_string()),
            ("recovery key", recovery.display().to_string()),
        ]);
        let document = json!({
            "domain": self.domain,
            "did": log.did().as_str(),
            "scid": log.scid(),
            "data": data.path(),
            "recoveryKey": recovery,
        });
        Ok(Answer::new(document, human)
            .saying(format!(
                "Move {} to a place that is offline, and remember its passphrase: only that key can \
                 replace the domain's keys, if they are lost or stolen.",
                recovery.display()
            ))
            .saying("Next: marque up"))
    }
}

/// What a folder with a node has at least one of.
fn traces(data: &Data) -> [PathBuf; 6] {
    [data.config(), data.admin_token(), data.domain_log(), data.keys(), data.store(), data.node()]
}

fn refuse_node(data: &Data) -> Result<(), Failure> {
    match traces(data).iter().find(|path| path.exists()) {
        None => Ok(()),
        Some(trace) => Err(Failure::local(
            Local::Usage,
            format!("{} is there: the folder has a node", trace.display()),
            "Its keys are its identity, so nothing is overwritten. Name another folder with --data.",
        )),
    }
}

/// Writes everything that a node begins with. What was written is removed again if something fails.
///
/// # Errors
/// [`Local::File`]; [`Local::Keys`].
pub(super) fn initialise(
    data: &Data,
    domain: &str,
    passphrase: &Passphrase,
    kdf: Kdf,
    listen: Option<&Listen>,
) -> Result<Log, Failure> {
    files::make_folder(data.path())?;
    let is_empty = std::fs::read_dir(data.path()).is_ok_and(|mut entries| entries.next().is_none());
    if is_empty {
        files::make_private(data.path())?;
    }
    files::make_folder(&data.keys())?;
    write(data, domain, passphrase, kdf, listen).inspect_err(|_| {
        let made =
            [data.node_keys(), data.recovery_keys(), data.domain_log(), data.admin_token(), data.config()];
        for path in made {
            drop(files::remove(&path));
        }
        drop(std::fs::remove_dir(data.keys()));
    })
}

fn write(
    data: &Data,
    domain: &str,
    passphrase: &Passphrase,
    kdf: Kdf,
    listen: Option<&Listen>,
) -> Result<Log, Failure> {
    let create = |path| KeyFile::create(path, passphrase, kdf).map_err(|error| signing::keys(&error));
    let (mut keys, mut recovery) = (create(&data.node_keys())?, create(&data.recovery_keys())?);
    for role in [ASSERTION, P256, UPDATE, NODE] {
        signing::make(&mut keys, role)?;
    }
    signing::make(&mut recovery, NEXT_UPDATE)?;
    let log = identity::genesis(
        domain,
        &[],
        Keys {
            assertion: signing::key(&keys, ASSERTION)?.public(),
            p256: signing::key(&keys, P256)?.public(),
            update: signing::key(&keys, UPDATE)?,
            next_update: signing::key(&recovery, NEXT_UPDATE)?.public(),
        },
        signing::now(),
    )?;
    recovery.save().map_err(|error| signing::keys(&error))?;
    keys.save().map_err(|error| signing::keys(&error))?;
    files::replace(&data.domain_log(), log.bytes())?;
    let token = codec::to_base64url(&signing::random::<TOKEN_BYTES>()?);
    files::replace(&data.admin_token(), format!("{token}\n").as_bytes())?;
    files::replace(&data.config(), template(domain, listen).as_bytes())?;
    Ok(log)
}

#[cfg(test)]
mod tests;
