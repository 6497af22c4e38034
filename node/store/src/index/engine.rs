//! Which ordered map holds the index.

use super::lsm::Lsm;
use super::redb::Redb;
use super::tree::{Sled, Tree};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Which ordered map holds the index. Another one than before is filled anew from the log.
#[derive(Debug, Clone, Default)]
pub enum IndexEngine {
    /// A log-structured merge tree, lsm-tree.
    #[default]
    Lsm,
    /// sled.
    Sled,
    /// redb.
    Redb,
    /// A map of a test, which outlives the store that is opened on it.
    #[cfg(test)]
    Memory(Arc<super::memory::Memory>),
}

impl IndexEngine {
    /// The word that stands in `index.mark`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Lsm => "lsm",
            Self::Sled => "sled",
            Self::Redb => "redb",
            #[cfg(test)]
            Self::Memory(_) => "memory",
        }
    }

    /// Whether there is an index at `path`.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        match self {
            Self::Lsm | Self::Sled | Self::Redb => path.exists(),
            #[cfg(test)]
            Self::Memory(map) => !map.is_empty(),
        }
    }

    pub(crate) fn open(&self, path: &Path, cache_bytes: u64) -> io::Result<Arc<dyn Tree>> {
        Ok(match self {
            Self::Lsm => Arc::new(Lsm::open(path, cache_bytes)?),
            Self::Sled => Arc::new(Sled::open(path, cache_bytes)?),
            Self::Redb => Arc::new(Redb::open(path, cache_bytes)?),
            #[cfg(test)]
            Self::Memory(map) => {
                let _ = (path, cache_bytes);
                Arc::clone(map) as Arc<dyn Tree>
            }
        })
    }
}
