//! Small files: bounded reads, private whole writes, one lock a data folder.

use crate::failure::{Failure, Local};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Only the owner enters a folder.
const FOLDER_MODE: u32 = 0o700;

/// Only the owner reads and writes a file.
const FILE_MODE: u32 = 0o600;

/// Free bytes on the disk of `path`, for whoever is not root; `None` where nobody says.
#[must_use]
pub fn free(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

/// Why this user cannot write into a folder.
#[must_use]
pub fn unwritable(path: &Path) -> Option<String> {
    let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::access(path, access).err().map(|error| io::Error::from(error).to_string())
}

/// Why this user cannot run a program.
#[must_use]
pub fn unrunnable(path: &Path) -> Option<String> {
    if path.is_dir() {
        return Some("it is a folder".to_owned());
    }
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK)
        .err()
        .map(|error| io::Error::from(error).to_string())
}

/// Everything that `reader` gives, at most `max_bytes`; `None` where there is more.
///
/// # Errors
/// As the reader.
pub fn read_bounded(reader: impl Read, max_bytes: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let bound = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(bound).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= max_bytes).then_some(bytes))
}

/// The whole file, or `None` where there is none.
///
/// # Errors
/// [`Local::File`] where it cannot be read or is longer than `max_bytes`.
pub fn read_if_there(path: &Path, max_bytes: usize) -> Result<Option<Vec<u8>>, Failure> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(path, &error)),
    };
    read_bounded(file, max_bytes)
        .map_err(|error| unusable(path, &error))?
        .map(Some)
        .ok_or_else(|| too_long(&path.display().to_string(), max_bytes))
}

/// The whole file.
///
/// # Errors
/// As [`read_if_there`]; also where there is none.
pub fn read(path: &Path, max_bytes: usize) -> Result<Vec<u8>, Failure> {
    read_if_there(path, max_bytes)?.ok_or_else(|| unusable(path, &io::ErrorKind::NotFound.into()))
}

/// The content of the file that the caller named, or of stdin where the name is `-`.
///
/// # Errors
/// As [`read`], as a wrong call.
pub fn read_named(name: &str, max_bytes: usize) -> Result<Vec<u8>, Failure> {
    if name != "-" {
        return read(Path::new(name), max_bytes).map_err(Failure::by_caller);
    }
    let bytes = read_bounded(io::stdin().lock(), max_bytes)
        .map_err(|error| Failure::local(Local::File, format!("stdin: {error}"), ""))?;
    bytes.ok_or_else(|| too_long("stdin", max_bytes).by_caller())
}

/// Makes `dir` and the folders above it where they are missing.
///
/// # Errors
/// [`Local::File`].
pub fn make_folder(dir: &Path) -> Result<(), Failure> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(dir).map_err(|error| unusable(dir, &error))
}

/// Lets only its owner into `dir`.
///
/// # Errors
/// [`Local::File`].
pub fn make_private(dir: &Path) -> Result<(), Failure> {
    fs::set_permissions(dir, Permissions::from_mode(FOLDER_MODE)).map_err(|error| unusable(dir, &error))
}

/// Puts `bytes` at `path`, readable by its owner only: after a crash the file is whole, as before or as
/// now.
///
/// # Errors
/// [`Local::File`].
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let temp = path.with_file_name(name);
    let put = || -> io::Result<()> {
        match fs::remove_file(&temp) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&temp)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temp, path)?;
        File::open(path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")))?.sync_all()
    };
    put().map_err(|error| {
        drop(fs::remove_file(&temp));
        unusable(path, &error)
    })
}

/// Puts what `write` writes at `path`, where nothing is, readable by its owner only: it has that name once it is
/// whole and durable.
///
/// # Errors
/// [`Local::File`].
pub fn write_new(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), Failure> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let temp = path.with_file_name(name);
    let put = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&temp)?;
        write(&mut file)?;
        file.sync_all()?;
        // Not a renaming, which would replace what was put there meanwhile.
        fs::hard_link(&temp, path)?;
        fs::remove_file(&temp)?;
        File::open(path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")))?.sync_all()
    };
    put().map_err(|error| {
        drop(fs::remove_file(&temp));
        unusable(path, &error)
    })
}

/// Removes a file that need not be there.
///
/// # Errors
/// [`Local::File`].
pub fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unusable(path, &error)),
        _ => Ok(()),
    }
}

/// Waits for the lock at `path`, which lasts as long as what is returned.
///
/// # Errors
/// [`Local::File`].
pub fn lock(path: &Path) -> Result<File, Failure> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(path)
        .map_err(|error| unusable(path, &error))?;
    file.lock().map_err(|error| unusable(path, &error))?;
    Ok(file)
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    let action = match error.kind() {
        io::ErrorKind::NotFound => "Check the name, and --data or MARQUE_DATA.",
        io::ErrorKind::PermissionDenied => "Run it as the user that the folder belongs to.",
        _ => "",
    };
    let why = match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        _ => error.to_string(),
    };
    Failure::local(Local::File, format!("{}: {why}", path.display()), action)
}

fn too_long(name: &str, max_bytes: usize) -> Failure {
    Failure::local(Local::File, format!("{name}: longer than {max_bytes} bytes"), "Is it the right file?")
}

#[cfg(test)]
mod tests;
