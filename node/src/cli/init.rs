//! `init`: the keys, the identity and the data folder of a trust domain.

use super::session::Session;
use crate::admin_token;
use crate::config::{self, Listen, MAX_FIRST_PORT, Origin, check_domain, template};
use crate::custody::{self, Custody};
use crate::data::Data;
use crate::failure::{Failure, Local};
use crate::files;
use crate::identity::{self, Keys};
use crate::output::{self, Answer};
use crate::passphrase;
use crate::signing::{self, ASSERTION, NEXT_UPDATE, NODE, P256, Signs as _, UPDATE};
use clap::Args;
use did_resolver::webvh::Log;
use marque_store::keyfile::KeyFile;
use marque_store::secret::Passphrase;
use serde_json::json;
use std::path::PathBuf;

/// Make a trust domain.
#[derive(Debug, Args)]
pub struct Init {
    /// The domain's name: a DNS name with a dot; under .test for trials
    #[arg(long, value_name = "NAME")]
    domain: String,
    /// The first of four ports in a row on loopback: public, admin, health, mesh [default: 8640]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_FIRST_PORT)))]
    port: Option<u16>,
    /// Where the domain's keys are to be [default: what the configuration says]
    #[arg(long, value_name = "BACKEND", value_parser = config::KeysBackend::ALL.map(config::KeysBackend::as_str))]
    keys: Option<String>,
    /// The PKCS#11 module of the token, by its absolute path
    #[arg(long, value_name = "PATH")]
    module: Option<String>,
    /// The label of the token
    #[arg(long, value_name = "LABEL")]
    token: Option<String>,
}

impl Init {
    pub(super) fn run(&self, session: &Session) -> Result<Answer, Failure> {
        check_domain(&self.domain)?;
        let data = session.data();
        refuse_node(data)?;
        let keys = self.keys(session)?;
        let passphrase = passphrase::ask_new(passphrase::OF_KEYS)?;
        let custody = Custody::open(&keys, &self.domain)?;
        let listen = self.port.map(Listen::on_loopback);
        let log = initialise(data, &self.domain, &passphrase, (&keys, &custody), listen.as_ref())?;
        let secret = custody::secret_file(keys.backend);
        let weakness =
            custody::look(keys.backend, custody.is_software(), &self.domain, data.path(), secret.as_deref());
        let recovery = data.recovery_keys();
        let human = output::facts(&[
            ("domain", self.domain.clone()),
            ("did", log.did().to_string()),
            ("data", data.path().display().to_string()),
            ("keys", keys.backend.as_str().to_owned()),
            ("recovery key", recovery.display().to_string()),
        ]);
        let document = json!({
            "domain": self.domain,
            "did": log.did().as_str(),
            "scid": log.scid(),
            "data": data.path(),
            "keys": keys.backend.as_str(),
            "recoveryKey": recovery,
        });
        let answer = Answer::new(document, human);
        let answer = match weakness {
            Some(weak) => answer.saying(format!("Warning: {}. {}", weak.reason, weak.action)),
            None => answer,
        };
        Ok(answer
            .saying(format!(
                "Move {} to a place that is offline, and remember its passphrase: only that key can \
                 replace the domain's keys, if they are lost or stolen.",
                recovery.display()
            ))
            .saying(format!("Next: {}", data.command_line("up", |name| std::env::var(name).ok()))))
    }

    /// What the configuration says of keys, and the flags over it.
    fn keys(&self, session: &Session) -> Result<config::Keys, Failure> {
        let mut layers = session.layers()?;
        for (flag, key, value) in [
            ("keys", "keys.backend", &self.keys),
            ("module", "keys.pkcs11_module", &self.module),
            ("token", "keys.pkcs11_token", &self.token),
        ] {
            if let Some(value) = value {
                layers.set(key, toml::Value::String(value.clone()), Origin::Flag(flag))?;
            }
        }
        Ok(layers.build()?.keys)
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
    keys: (&config::Keys, &Custody),
    listen: Option<&Listen>,
) -> Result<Log, Failure> {
    files::make_folder(data.path())?;
    let is_empty = std::fs::read_dir(data.path()).is_ok_and(|mut entries| entries.next().is_none());
    if is_empty {
        files::make_private(data.path())?;
    }
    files::make_folder(&data.keys())?;
    write(data, domain, passphrase, keys, listen).inspect_err(|_| {
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
    keys: (&config::Keys, &Custody),
    listen: Option<&Listen>,
) -> Result<Log, Failure> {
    let (config, custody) = keys;
    let create =
        |path| KeyFile::create(path, passphrase, config.kdf()).map_err(|error| signing::keys(&error));
    let (mut keys, mut recovery) = (create(&data.node_keys())?, create(&data.recovery_keys())?);
    signing::make(&mut keys, NODE)?;
    signing::make(&mut recovery, NEXT_UPDATE)?;
    let mut made = Vec::new();
    let log = begin(domain, custody, &mut keys, &mut recovery, &mut made).and_then(|log| {
        files::replace(&data.domain_log(), log.bytes())?;
        admin_token::renew(data)?;
        files::replace(&data.config(), template(domain, config, listen).as_bytes())?;
        Ok(log)
    });
    log.inspect_err(|_| custody.forget(&made))
}

/// Makes the domain's keys, of which `made` says what is there, durably; then the entry that begins its log.
fn begin(
    domain: &str,
    custody: &Custody,
    keys: &mut KeyFile,
    recovery: &mut KeyFile,
    made: &mut Vec<&'static str>,
) -> Result<Log, Failure> {
    for role in [ASSERTION, P256, UPDATE] {
        custody.make(keys, role)?;
        made.push(role);
    }
    recovery.save().map_err(|error| signing::keys(&error))?;
    keys.save().map_err(|error| signing::keys(&error))?;
    let need = |role| custody.need(keys, role);
    let (assertion, p256, update) = (need(ASSERTION)?, need(P256)?, need(UPDATE)?);
    let next_update = signing::key(recovery, NEXT_UPDATE)?.public();
    let new = Keys { assertion: assertion.public(), p256: p256.public(), update: &update, next_update };
    identity::genesis(domain, &[], new, signing::now())
}

#[cfg(test)]
mod tests;
