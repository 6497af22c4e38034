//! What commands share: the data folder, the configuration, the passphrase asked for once.

use super::Global;
use crate::client::Client;
use crate::config::{Config, Layers};
use crate::data::Data;
use crate::failure::{Failure, Local};
use crate::{passphrase, wiring};
use marque_store::secret::Passphrase;
use std::cell::OnceCell;
use std::path::{Path, PathBuf};

/// The configuration of the machine.
const SYSTEM_CONFIG: &str = "/etc/marque/config.toml";

/// One run of the program.
#[derive(Debug)]
pub(super) struct Session {
    data: Data,
    config: Option<PathBuf>,
    json: bool,
    passphrase: OnceCell<Passphrase>,
}

/// The files of a session, and the environment.
#[derive(Debug)]
pub(super) struct Sources {
    named: Option<PathBuf>,
    own: PathBuf,
}

impl Sources {
    /// All layers below the flags, as they are now.
    pub(super) fn layers(&self) -> Result<Layers, Failure> {
        let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let folder = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
        let user = folder.map(|folder| folder.join("marque").join("config.toml"));
        // What is not UTF-8 is not a variable of this program.
        let environment =
            std::env::vars_os().filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?)));
        Layers::read(Path::new(SYSTEM_CONFIG), user.as_deref(), self.named.as_deref(), &self.own, environment)
    }
}

impl Session {
    pub(super) fn new(global: Global) -> Result<Self, Failure> {
        let variable = |name: &str| std::env::var(name).ok();
        let data = global.data.map(Data::at).or_else(|| Data::usual(variable)).ok_or_else(|| {
            Failure::local(Local::Usage, "there is no home folder", "Name a data folder with --data.")
        })?;
        Ok(Self { data, config: global.config, json: global.json, passphrase: OnceCell::new() })
    }

    /// A session in `data` that asks for no passphrase.
    #[cfg(test)]
    pub(super) fn with(data: Data, passphrase: Passphrase) -> Self {
        Self { data, config: None, json: false, passphrase: OnceCell::from(passphrase) }
    }

    pub(super) const fn data(&self) -> &Data {
        &self.data
    }

    /// Whether one JSON document is asked for.
    pub(super) const fn as_json(&self) -> bool {
        self.json
    }

    pub(super) fn into_data(self) -> Data {
        self.data
    }

    /// All layers below the flags.
    pub(super) fn layers(&self) -> Result<Layers, Failure> {
        self.sources().layers()
    }

    /// Where the layers come from.
    pub(super) fn sources(&self) -> Sources {
        Sources { named: self.config.clone(), own: self.data.config() }
    }

    /// The configuration of a folder that was initialised.
    pub(super) fn configuration(&self) -> Result<Config, Failure> {
        let config = self.layers()?.build()?;
        if config.domain.is_empty() { Err(self.not_initialised()) } else { Ok(config) }
    }

    /// Checks that `up` starts with a configuration, as far as that is known before. Before there is a node a folder
    /// needs no domain.
    pub(super) fn check_startable(&self, config: &Config) -> Result<(), Failure> {
        if !self.data.node_keys().exists() {
            return Ok(());
        }
        config.check_startable()?;
        config.check_domain_is(&wiring::own_domain(&self.data)?)
    }

    pub(super) fn not_initialised(&self) -> Failure {
        let reason = format!("{} has no node", self.data.path().display());
        Failure::local(
            Local::Usage,
            reason,
            "Make one with marque init --domain NAME, or name its folder with --data.",
        )
    }

    pub(super) fn client(&self) -> Result<Client, Failure> {
        if !self.data.node_keys().exists() {
            return Err(self.not_initialised());
        }
        if !self.data.admin_token().exists() {
            let reason = format!("{} is gone", self.data.admin_token().display());
            return Err(Failure::local(Local::File, reason, "Start the node again: it makes another."));
        }
        Client::of(&self.data)
    }

    /// The passphrase of the files that are there; asked for once.
    pub(super) fn passphrase(&self) -> Result<&Passphrase, Failure> {
        if self.passphrase.get().is_none() {
            drop(self.passphrase.set(passphrase::ask(passphrase::OF_KEYS)?));
        }
        self.passphrase.get().ok_or_else(|| Failure::local(Local::Keys, "there is no passphrase", ""))
    }
}
