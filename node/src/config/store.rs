//! Where records are kept.

use super::refused;
use crate::failure::Failure;
use serde::{Deserialize, Serialize};

/// Longest name of a node among those that share a store.
const MAX_NODE_NAME_BYTES: usize = 32;

/// Where records are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// Which engine keeps them.
    pub engine: Engine,
    /// What holds the index of `engine = "files"`. Another one than before is made anew from the log.
    pub index: Index,
    /// The name of this node among those that share a store, each with one of its own: its key lies under it in
    /// the key file, made at its first start. Empty, the node has the key that `init` made.
    pub node: String,
    /// The server of `engine = "postgres"`: a connection URI. One that is not on this machine needs
    /// `sslmode=verify-full`. The password is better left to the file that `PGPASSFILE` names.
    pub postgres_url: String,
    /// The schema there, which belongs to this domain.
    pub postgres_schema: String,
    /// Most connections of this node; 1 to 64.
    pub postgres_connections: u32,
}

/// Which engine keeps the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// An object log and its index, in the data folder: one node.
    Files,
    /// PostgreSQL: several nodes of one domain.
    Postgres,
}

/// Which ordered map holds the index over the object log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Index {
    /// A log-structured merge tree.
    Lsm,
    /// sled.
    Sled,
    /// redb.
    Redb,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            engine: Engine::Files,
            index: Index::Lsm,
            node: String::new(),
            postgres_url: String::new(),
            postgres_schema: "marque".to_owned(),
            postgres_connections: 16,
        }
    }
}

impl Store {
    /// How a store on files is opened.
    #[must_use]
    pub fn files(&self) -> marque_store::Options {
        let index = match self.index {
            Index::Lsm => marque_store::IndexEngine::Lsm,
            Index::Sled => marque_store::IndexEngine::Sled,
            Index::Redb => marque_store::IndexEngine::Redb,
        };
        marque_store::Options { index, ..Default::default() }
    }

    /// Checks what types do not.
    ///
    /// # Errors
    /// [`Local::Configuration`](crate::failure::Local::Configuration).
    pub(super) fn check(&self) -> Result<(), Failure> {
        let is_label = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if self.node.len() > MAX_NODE_NAME_BYTES || !self.node.bytes().all(is_label) {
            return Err(refused("store.node is not a name of at most 32 lower-case letters, digits and -"));
        }
        if self.engine == Engine::Postgres && self.postgres_url.is_empty() {
            return Err(refused(
                "store.postgres_url is empty, and must be such as \
                 postgres://marque@db.example/marque?sslmode=verify-full",
            ));
        }
        Ok(())
    }
}
