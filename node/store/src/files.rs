//! Folders and small files that survive loss of power: private modes, whole replacement, synced names.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Only the owner reads and writes: the files hold secrets or what somebody said in confidence.
const FILE_MODE: u32 = 0o600;

/// Only the owner enters.
const FOLDER_MODE: u32 = 0o700;

/// Makes the names in `dir` durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Makes `dir` and the folders above it where they are missing, and its name durable.
pub(crate) fn make_dir(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(dir)?;
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        _ => Ok(()),
    }
}

/// A file that was not there before, readable by its owner only.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(path)
}

/// Opens or creates a file without emptying it.
pub(crate) fn open_or_create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(FILE_MODE).open(path)
}

/// Puts `bytes` at `path`, whole, and refuses with `AlreadyExists` where there is such a file.
pub(crate) fn place(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temp = beside(path)?;
    let put = write_synced(&temp, bytes)
        .and_then(|()| fs::hard_link(&temp, path))
        .and_then(|()| fs::remove_file(&temp));
    finish(&temp, put, path)
}

/// The whole file, or `None` where it is longer than `most` bytes.
pub(crate) fn read_bounded(path: &Path, most: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(bound).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= most).then_some(bytes))
}

/// A name in the same folder, so that a rename stays within one file system.
pub(crate) fn beside(path: &Path) -> io::Result<PathBuf> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".{}.new", std::process::id()));
    Ok(path.with_file_name(name))
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn finish(temp: &Path, put: io::Result<()>, path: &Path) -> io::Result<()> {
    if let Err(error) = put {
        drop(fs::remove_file(temp));
        return Err(error);
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        _ => sync_dir(Path::new(".")),
    }
}
