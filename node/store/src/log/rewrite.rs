//! A segment as a compaction writes it: in full before it has its name.

use super::frame::{COMPACTED_HEADER, Compacted, SegmentHeader, encode};
use super::{path_of, salt};
use crate::batch;
use crate::disk::{Disk, DiskFile};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes written at once, and synchronised: a commit that is synchronised meanwhile waits for no more than these.
const WRITE_BYTES: usize = 1024 * 1024;

/// A segment that is being written.
#[derive(Debug)]
pub(crate) struct Rewrite {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    file: Box<dyn DiskFile>,
    header: SegmentHeader,
    compacted: Compacted,
    /// What is not written yet.
    buffer: Vec<u8>,
}

impl Rewrite {
    /// Begins the segment `number`, whose frames have sequence numbers from `first` on. Of `compacted` the length
    /// and the writes are counted here.
    pub(crate) fn begin(
        disk: &Arc<dyn Disk>,
        dir: &Path,
        (number, first): (u64, u64),
        compacted: Compacted,
    ) -> io::Result<Self> {
        let compacted = Compacted { length: COMPACTED_HEADER as u64, writes: 0, ..compacted };
        let header = SegmentHeader { number, first, salt: salt()?, compacted: Some(compacted) };
        let path = temporary(dir, &header);
        if disk.exists(&path) {
            disk.remove(&path)?;
        }
        let file = disk.create_new(&path)?;
        let (disk, dir) = (Arc::clone(disk), dir.to_owned());
        Ok(Self { disk, dir, file, header, compacted, buffer: Vec::new() })
    }

    /// Adds the writes of one batch, each as it stood in its frame.
    pub(crate) fn add(&mut self, sequence: u64, writes: &[&[u8]]) -> io::Result<()> {
        encode(&mut self.buffer, self.header.salt, sequence, 0, |out| batch::encode_again(writes, out));
        self.compacted.writes += writes.len() as u64;
        if self.buffer.len() >= WRITE_BYTES { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.buffer, self.compacted.length)?;
        self.file.sync_data()?;
        self.compacted.length += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Makes it durable, still without its name.
    pub(crate) fn finish(&mut self) -> io::Result<SegmentHeader> {
        self.write()?;
        self.header.compacted = Some(self.compacted);
        self.file.write_all_at(&self.header.encode(), 0)?;
        self.file.sync_all()?;
        Ok(self.header)
    }

    /// Forgets it. What cannot be removed now the next opening removes.
    pub(crate) fn discard(self) {
        drop(self.disk.remove(&temporary(&self.dir, &self.header)));
    }
}

/// Gives a finished segment its name, durably: from now on it stands for what it replaces.
pub(crate) fn put_in_place(disk: &dyn Disk, dir: &Path, header: &SegmentHeader) -> io::Result<()> {
    disk.rename(&temporary(dir, header), &path_of(dir, header.id()))?;
    disk.sync_dir(dir)
}

fn temporary(dir: &Path, header: &SegmentHeader) -> PathBuf {
    let mut path = path_of(dir, header.id()).into_os_string();
    path.push(".new");
    path.into()
}
