//! One writer per data folder: a lock that the kernel frees with the process, and a fencing epoch.
//!
//! `lock` holds the number of the process for the operator to read; what excludes is the advisory
//! lock on it. `epoch` holds a number that grows with each opening, so that what an earlier opening
//! still has under way can be told from what this one does.

use crate::disk::{self, Disk, Machine};
use crate::error::OpenError;
use crate::files;
use fs4::TryLockError;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

/// Longest content of either file that is read: a decimal number and a newline.
const MAX_NUMBER_BYTES: usize = 32;

/// Held as long as the folder is open.
#[derive(Debug)]
pub(crate) struct Lock {
    _held: File,
    epoch: u64,
}

impl Lock {
    /// Takes the lock of `dir` and durably raises its epoch. `used`: the folder has been opened
    /// before, so an epoch must be there.
    ///
    /// # Errors
    /// [`OpenError::Locked`] names the process that has it; [`OpenError::Damaged`] where the epoch is
    /// gone or is no number; [`OpenError::Io`].
    pub(crate) fn take(dir: &Path, disk: &dyn Disk, used: impl FnOnce() -> bool) -> Result<Self, OpenError> {
        let held = hold(dir)?;
        let epoch = raise(disk, &dir.join("epoch"), used)?;
        Ok(Self { _held: held, epoch })
    }

    /// Greater than that of every earlier opening of this folder.
    #[must_use]
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }
}

/// Takes the lock of `dir`, which is free again when the answer is dropped, and raises no epoch.
///
/// # Errors
/// [`OpenError::Locked`] and [`OpenError::Io`].
pub(crate) fn hold(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("lock");
    let io = |e: io::Error| OpenError::io(&path, &e);
    let mut held = files::open_or_create(&path).map_err(io)?;
    match fs4::FileExt::try_lock(&held) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            drop((&held).take(MAX_NUMBER_BYTES as u64).read_to_string(&mut text));
            return Err(OpenError::Locked { file: path, pid: text.trim().parse().ok() });
        }
        Err(TryLockError::Error(e)) => return Err(io(e)),
    }
    held.set_len(0).and_then(|()| held.rewind()).map_err(io)?;
    writeln!(held, "{}", std::process::id()).map_err(io)?;
    Ok(held)
}

/// A data folder that is held for a process whose records are elsewhere: its keys name one node.
#[derive(Debug)]
pub struct Held {
    _lock: File,
}

impl Held {
    /// Takes the lock of `dir`, made where it is missing.
    ///
    /// # Errors
    /// [`OpenError::Locked`] and [`OpenError::Io`].
    pub fn take(dir: &Path) -> Result<Self, OpenError> {
        Machine.make_dir(dir).map_err(|e| OpenError::io(dir, &e))?;
        Ok(Self { _lock: hold(dir)? })
    }
}

/// The epoch of the last opening of `dir`; 0 where it was never opened. `used`: it was, so one must be there.
///
/// # Errors
/// [`OpenError::Damaged`] and [`OpenError::Io`].
pub(crate) fn last_epoch(
    disk: &dyn Disk,
    path: &Path,
    used: impl FnOnce() -> bool,
) -> Result<u64, OpenError> {
    match disk::read_bounded(disk, path, MAX_NUMBER_BYTES) {
        Ok(bytes) => bytes
            .and_then(|b| String::from_utf8(b).ok())
            .and_then(|t| t.trim().parse::<u64>().ok())
            .ok_or_else(|| OpenError::damaged(path, 0, "the epoch is not a number")),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            if used() {
                return Err(OpenError::damaged(path, 0, "the epoch is missing beside a log"));
            }
            Ok(0)
        }
        Err(e) => Err(OpenError::io(path, &e)),
    }
}

fn raise(disk: &dyn Disk, path: &Path, used: impl FnOnce() -> bool) -> Result<u64, OpenError> {
    let last = last_epoch(disk, path, used)?;
    let next = last.checked_add(1).ok_or_else(|| OpenError::damaged(path, 0, "the epoch is used up"))?;
    disk::replace(disk, path, format!("{next}\n").as_bytes()).map_err(|e| OpenError::io(path, &e))?;
    Ok(next)
}

#[cfg(test)]
mod tests;
