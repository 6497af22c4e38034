//! The data folder: which file is where.

use std::path::{Path, PathBuf};

/// A data folder, there or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data(PathBuf);

/// Who has keys and a wallet in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Somebody who answers for agents.
    Owner,
    /// An agent.
    Agent,
}

impl Kind {
    /// The word, as it stands in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Agent => "agent",
        }
    }

    /// The plural: a folder, a path segment of DIDs and of the API.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Owner => "owners",
            Self::Agent => "agents",
        }
    }
}

impl Data {
    /// The folder at `path`.
    #[must_use]
    pub const fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where the folder is if nobody says: `$XDG_DATA_HOME/marque` or `$HOME/.local/share/marque`.
    #[must_use]
    pub fn usual(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")));
        base.map(|base| Self(base.join("marque")))
    }

    /// `marque` with `words`, as one types it for this folder: with --data, unless the folder is the one that is
    /// meant without.
    #[must_use]
    pub fn command_line(&self, words: &str, variable: impl Fn(&str) -> Option<String>) -> String {
        let meant = variable("MARQUE_DATA").map(|path| Self::at(path.into()));
        if meant.or_else(|| Self::usual(&variable)).as_ref() == Some(self) {
            format!("marque {words}")
        } else {
            format!("marque --data {} {words}", self.0.display())
        }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The node's own configuration.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// The token of the admin listener.
    #[must_use]
    pub fn admin_token(&self) -> PathBuf {
        self.0.join("admin.token")
    }

    /// The domain's log: as `init` began it, and what came since.
    #[must_use]
    pub fn domain_log(&self) -> PathBuf {
        self.0.join("domain.jsonl")
    }

    /// The addresses that the running node has.
    #[must_use]
    pub fn node(&self) -> PathBuf {
        self.0.join("node.json")
    }

    /// What the node keeps.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.0.join("store")
    }

    /// What the node kept before its records were moved to a server.
    #[must_use]
    pub fn store_aside(&self) -> PathBuf {
        self.0.join("store.moved")
    }

    /// Says that the records are on a server now: no node starts on files here.
    #[must_use]
    pub fn moved(&self) -> PathBuf {
        self.0.join("records-moved")
    }

    /// Says that acknowledged records are gone, until the operator has seen it.
    #[must_use]
    pub fn loss(&self) -> PathBuf {
        self.0.join("records-lost")
    }

    /// The folder of all key files.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    /// The keys of the domain and of the node.
    #[must_use]
    pub fn node_keys(&self) -> PathBuf {
        self.keys().join("node.json")
    }

    /// The key that the domain's next log entry needs. It belongs offline.
    #[must_use]
    pub fn recovery_keys(&self) -> PathBuf {
        self.keys().join("recovery.json")
    }

    /// The keys of an owner or agent. The name is one that [`vc_schemas::claims::is_name`] accepts.
    #[must_use]
    pub fn party_keys(&self, kind: Kind, name: &str) -> PathBuf {
        self.keys().join(kind.plural()).join(format!("{name}.json"))
    }

    /// What an owner or agent holds. The name is one that [`vc_schemas::claims::is_name`] accepts.
    #[must_use]
    pub fn wallet(&self, kind: Kind, name: &str) -> PathBuf {
        self.0.join("wallet").join(kind.plural()).join(format!("{name}.json"))
    }

    /// The lock under which keys and wallets change.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.0.join("wallet").join("lock")
    }
}

#[cfg(test)]
mod tests;
