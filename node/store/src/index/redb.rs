//! redb under the index. Most commits are not synchronised, as the log holds what they say; one in many is, so
//! that after a crash little has to be replayed: redb goes back to the last that was.

use super::tree::{Change, Pair, Tree};
use redb::{Database, Durability, ReadableDatabase as _, TableDefinition};
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The one table.
const TABLE: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("index");

/// The file, within the folder of the index.
const FILE: &str = "index.redb";

/// Changes between two commits that are synchronised: what a start after a crash replays in some milliseconds.
const SYNC_AFTER: usize = 8_192;

/// redb in a folder.
#[derive(Debug)]
pub(crate) struct Redb {
    db: Database,
    dir: PathBuf,
    /// Changes since the last commit that was synchronised.
    unsynced: AtomicUsize,
}

fn failed(error: impl Into<redb::Error>) -> io::Error {
    io::Error::other(error.into())
}

impl Redb {
    pub(crate) fn open(dir: &Path, cache_bytes: u64) -> io::Result<Self> {
        crate::files::make_dir(dir)?;
        let cache = usize::try_from(cache_bytes).unwrap_or(usize::MAX);
        let db = Database::builder().set_cache_size(cache).create(dir.join(FILE)).map_err(failed)?;
        let this = Self { db, dir: dir.to_owned(), unsynced: AtomicUsize::new(0) };
        // A reader finds the table there.
        this.commit(&[], Durability::Immediate)?;
        Ok(this)
    }

    fn commit(&self, changes: &[Change<'_>], durability: Durability) -> io::Result<()> {
        let mut transaction = self.db.begin_write().map_err(failed)?;
        transaction.set_durability(durability).map_err(failed)?;
        {
            let mut table = transaction.open_table(TABLE).map_err(failed)?;
            for (key, value) in changes {
                match value {
                    Some(value) => drop(table.insert(*key, value.as_slice()).map_err(failed)?),
                    None => drop(table.remove(*key).map_err(failed)?),
                }
            }
        }
        transaction.commit().map_err(failed)
    }

    /// Rows of the index as it is now, up to `limit`, as long as `wanted` says so of their key.
    fn read(
        &self,
        from: Bound<&[u8]>,
        backwards: bool,
        limit: usize,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> io::Result<Vec<Pair>> {
        let table = self.db.begin_read().map_err(failed)?.open_table(TABLE).map_err(failed)?;
        let mut range = table.range::<&[u8]>((from, Bound::Unbounded)).map_err(failed)?;
        let mut rows = Vec::new();
        while rows.len() < limit {
            let Some(row) = (if backwards { range.next_back() } else { range.next() }) else { break };
            let (key, value) = row.map_err(failed)?;
            if !wanted(key.value()) {
                break;
            }
            rows.push((key.value().to_vec(), value.value().to_vec()));
        }
        Ok(rows)
    }
}

impl Tree for Redb {
    fn get(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let table = self.db.begin_read().map_err(failed)?.open_table(TABLE).map_err(failed)?;
        Ok(table.get(key).map_err(failed)?.map(|value| value.value().to_vec()))
    }

    fn rows(&self, from: Bound<&[u8]>, prefix: &[u8], limit: usize) -> io::Result<Vec<Pair>> {
        self.read(from, false, limit, |key| key.starts_with(prefix))
    }

    fn last(&self, limit: usize) -> io::Result<Vec<Pair>> {
        self.read(Bound::Unbounded, true, limit, |_| true)
    }

    fn apply(&self, changes: &[Change<'_>]) -> io::Result<()> {
        let unsynced =
            self.unsynced.fetch_add(changes.len(), Ordering::Relaxed).saturating_add(changes.len());
        if unsynced < SYNC_AFTER {
            return self.commit(changes, Durability::None);
        }
        self.commit(changes, Durability::Immediate)?;
        self.unsynced.store(0, Ordering::Relaxed);
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        self.commit(&[], Durability::Immediate)?;
        crate::files::sync_dir(&self.dir)
    }
}
