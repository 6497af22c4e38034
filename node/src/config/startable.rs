//! What `up` refuses of a configuration that is right by itself: said as well by whoever checks or reloads it.

use super::{Config, Engine, KeysBackend, refused};
use crate::failure::{Failure, Local};
use std::collections::BTreeSet;

impl Config {
    /// Checks that this program starts with it.
    ///
    /// # Errors
    /// [`Local::Configuration`] names the keys.
    pub fn check_startable(&self) -> Result<(), Failure> {
        if self.domain.is_empty() {
            let reason = "no layer names the domain of this node";
            let action = "Set domain in the node's config.toml, as marque init did.";
            return Err(Failure::local(Local::Configuration, reason, action));
        }
        let postgres = self.store.engine == Engine::Postgres;
        for (is_wanted, is_there, key, feature, instead) in [
            (postgres, cfg!(feature = "postgres"), "store.engine = \"postgres\"", "postgres", "\"files\""),
            (
                self.keys.backend == KeysBackend::Keyring,
                cfg!(feature = "keyring"),
                "keys.backend = \"keyring\"",
                "keyring",
                "\"file\" or \"pkcs11\"",
            ),
            (!self.publish.bucket.is_empty(), cfg!(feature = "s3"), "publish.bucket", "s3", "publish.folder"),
        ] {
            if is_wanted && !is_there {
                let reason = format!("{key} is for a program that was built with --features {feature}");
                let action = format!("Build it so, or take {instead}.");
                return Err(Failure::local(Local::Configuration, reason, action));
            }
        }
        let listen = [self.listen.public, self.listen.admin, self.listen.health];
        let fixed: Vec<_> = listen.into_iter().filter(|address| address.port() != 0).collect();
        if fixed.iter().collect::<BTreeSet<_>>().len() < fixed.len() {
            return Err(refused("two of listen.public, listen.admin and listen.health are one address"));
        }
        Ok(())
    }

    /// Checks that it is of the domain whose log the node's folder has.
    ///
    /// # Errors
    /// [`Local::Configuration`].
    pub fn check_domain_is(&self, own: &str) -> Result<(), Failure> {
        if self.domain == own {
            return Ok(());
        }
        let reason = format!("domain is {}, and the keys and records of this node are {own}'s", self.domain);
        let action =
            format!("Set domain = \"{own}\"; another domain is another marque init, in a folder of its own.");
        Err(Failure::local(Local::Configuration, reason, action))
    }
}
