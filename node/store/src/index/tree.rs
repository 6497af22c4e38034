//! What the index asks of an ordered map on disk, and sled under it. Its content may be lost at any time.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// How often sled hands its buffers to the kernel, so that little has to be replayed after a crash.
const FLUSH_EVERY_MS: u64 = 1_000;

/// A row of the tree.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);

/// A row that is put, or (`None`) whose key is removed.
pub(crate) type Change<'a> = (&'a [u8], Option<Vec<u8>>);

/// An ordered map. Clones of what holds it share it; readers wait for a writer only where it changes
/// which files there are.
pub(crate) trait Tree: Send + Sync + fmt::Debug {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>>;
    /// Up to `limit` rows from `from` on whose key begins with `prefix`, in byte order.
    fn rows(&self, from: Bound<&[u8]>, prefix: &[u8], limit: usize) -> io::Result<Vec<Pair>>;
    /// The last rows, up to `limit`, backwards.
    fn last(&self, limit: usize) -> io::Result<Vec<Pair>>;
    /// Puts and (`None`) removes, all at once for a reader of one key and for a process that dies.
    fn apply(&self, changes: &[Change<'_>]) -> io::Result<()>;
    /// Makes all that was applied durable.
    fn flush(&self) -> io::Result<()>;
}

/// sled in a folder.
#[derive(Debug)]
pub(crate) struct Sled {
    db: sled::Db,
    dir: PathBuf,
}

impl Sled {
    /// sled answers some damage of its files with a panic.
    pub(crate) fn open(dir: &Path, cache_bytes: u64) -> io::Result<Self> {
        let config =
            sled::Config::new().path(dir).cache_capacity(cache_bytes).flush_every_ms(Some(FLUSH_EVERY_MS));
        match catch_unwind(AssertUnwindSafe(|| config.open())) {
            Ok(Ok(db)) => Ok(Self { db, dir: dir.to_owned() }),
            Ok(Err(error)) => Err(io::Error::other(error)),
            Err(_) => Err(io::Error::other("sled panicked")),
        }
    }
}

fn pair(row: sled::Result<(sled::IVec, sled::IVec)>) -> io::Result<Pair> {
    row.map(|(key, value)| (key.to_vec(), value.to_vec())).map_err(io::Error::other)
}

impl Tree for Sled {
    fn get(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        Ok(self.db.get(key).map_err(io::Error::other)?.map(|value| value.to_vec()))
    }

    fn rows(&self, from: Bound<&[u8]>, prefix: &[u8], limit: usize) -> io::Result<Vec<Pair>> {
        let rows = self.db.range::<&[u8], _>((from, Bound::Unbounded));
        rows.take_while(|row| row.as_ref().map_or(true, |(key, _)| key.starts_with(prefix)))
            .take(limit)
            .map(pair)
            .collect()
    }

    fn last(&self, limit: usize) -> io::Result<Vec<Pair>> {
        self.db.iter().rev().take(limit).map(pair).collect()
    }

    fn apply(&self, changes: &[Change<'_>]) -> io::Result<()> {
        let mut batch = sled::Batch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(*key, value.as_slice()),
                None => batch.remove(*key),
            }
        }
        self.db.apply_batch(batch).map_err(io::Error::other)
    }

    fn flush(&self) -> io::Result<()> {
        self.db.flush().map_err(io::Error::other)?;
        // sled's own flush stops at the page cache.
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                File::open(entry.path())?.sync_all()?;
            }
        }
        crate::files::sync_dir(&self.dir)
    }
}
