//! What the log, the epoch and the mark of the index ask of a file system: a seam, so that tests can put
//! one beneath that fails, fills up, tears what is written and loses what was not synchronised.
//!
//! What is asked for durably is durable when the call answers `Ok`. After an `Err` of a synchronisation
//! nothing is known of what was written before it: whoever owns the file stops writing to it.

use crate::files;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};

use std::path::{Path, PathBuf};

/// Linux names each run of the machine here.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// A file system, or what stands for one.
pub(crate) trait Disk: Send + Sync + fmt::Debug {
    /// Makes a folder and those above it where they are missing, and its name durable.
    fn make_dir(&self, dir: &Path) -> io::Result<()>;
    /// The names in a folder that are text, in no order.
    fn names(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Whether there is such a file.
    fn exists(&self, path: &Path) -> bool;
    /// A file that was not there before, readable by its owner only.
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// A file that is there, to read.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// A file that is there, to read and write.
    fn open_writable(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Gives a file another name, at once. Durable after [`Disk::sync_dir`].
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Takes a name away. Durable after [`Disk::sync_dir`].
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Which run of the machine this is: what was written in the same one is there, synchronised or not.
    fn boot(&self) -> Option<String>;
}

/// An open file.
pub(crate) trait DiskFile: Send + Sync + fmt::Debug {
    /// Its length in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Reads up to `bytes.len()` bytes from `offset` on; 0 at the end.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes` at `offset`.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Cuts the file off.
    fn set_length(&self, length: u64) -> io::Result<()>;
    /// Makes the bytes durable, and the length as far as it is needed to read them.
    fn sync_data(&self) -> io::Result<()>;
    /// Makes the bytes and all that is known of the file durable.
    fn sync_all(&self) -> io::Result<()>;

    /// Fills `bytes` from `offset` on.
    fn read_exact_at(&self, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.read_at(bytes, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    bytes = bytes.get_mut(n..).unwrap_or_default();
                    offset += n as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

/// The file system of the machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine;

impl Disk for Machine {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        files::make_dir(dir)
    }

    fn names(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(files::create_new(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(File::open(path)?))
    }

    fn open_writable(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(File::options().read(true).write(true).open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        files::sync_dir(dir)
    }

    fn boot(&self) -> Option<String> {
        fs::read_to_string(BOOT_ID).ok().map(|text| text.trim().to_owned())
    }
}

impl DiskFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, bytes, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(self, bytes, offset)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }

    fn sync_all(&self) -> io::Result<()> {
        File::sync_all(self)
    }
}

/// Reads a file on from a place.
#[derive(Debug)]
pub(crate) struct ReadOn<'a> {
    file: &'a dyn DiskFile,
    at: u64,
}

impl<'a> ReadOn<'a> {
    pub(crate) fn new(file: &'a dyn DiskFile, at: u64) -> Self {
        Self { file, at }
    }
}

impl Read for ReadOn<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(bytes, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// The whole file, or `None` where it is longer than `most` bytes.
pub(crate) fn read_bounded(disk: &dyn Disk, path: &Path, most: usize) -> io::Result<Option<Vec<u8>>> {
    let file = disk.open(path)?;
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    ReadOn::new(file.as_ref(), 0).take(bound).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= most).then_some(bytes))
}

/// Puts `bytes` at `path`: after a crash the file is whole, either the old one or the new one.
pub(crate) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temp = files::beside(path)?;
    let put = write_synced(disk, &temp, bytes).and_then(|()| disk.rename(&temp, path));
    if let Err(error) = put {
        drop(disk.remove(&temp));
        return Err(error);
    }
    disk.sync_dir(parent(path))
}

fn write_synced(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    if disk.exists(path) {
        disk.remove(path)?;
    }
    let file = disk.create_new(path)?;
    file.write_all_at(bytes, 0)?;
    file.sync_all()
}

/// The folder that a path names something in.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A name in `dir` that nothing has yet.
pub(crate) fn free_name(disk: &dyn Disk, dir: &Path, stem: &str) -> PathBuf {
    let plain = dir.join(format!("{stem}.bin"));
    let numbered = (2_u64..).map(|n| dir.join(format!("{stem}-{n}.bin")));
    std::iter::once(plain.clone()).chain(numbered).find(|p| !disk.exists(p)).unwrap_or(plain)
}

#[cfg(test)]
pub(crate) mod sim;
