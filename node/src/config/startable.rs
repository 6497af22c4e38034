//! What `up` refuses of a configuration that is right by itself: said as well by whoever checks or reloads it.

use super::{Config, Engine, KeysBackend, refused};
use crate::failure::{Failure, Local};
use std::collections::BTreeSet;

/// What is said where the program cannot reach a server.
pub(crate) fn without_postgres() -> Failure {
    without("PostgreSQL", "Build it with --features postgres, or use files.")
}

/// What is said where the program cannot reach a keyring.
pub(crate) fn without_keyring() -> Failure {
    without("keyrings", "Build it with --features keyring, or use another keys.backend.")
}

/// What is said where the program cannot reach a bucket.
pub(crate) fn without_buckets() -> Failure {
    let action = "Build it with --features s3, or set publish.folder instead.";
    without("object stores, which publish.bucket wants", action)
}

fn without(what: &str, action: &str) -> Failure {
    Failure::local(Local::Configuration, format!("this program was built without {what}"), action)
}

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
        for (is_wanted, is_there, without) in [
            (
                self.store.engine == Engine::Postgres,
                cfg!(feature = "postgres"),
                without_postgres as fn() -> Failure,
            ),
            (self.keys.backend == KeysBackend::Keyring, cfg!(feature = "keyring"), without_keyring),
            (!self.publish.bucket.is_empty(), cfg!(feature = "s3"), without_buckets),
        ] {
            if is_wanted && !is_there {
                return Err(without());
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
