//! A folder, for a web server or a CDN.
//!
//! Each file is written after what it says was committed, whole or not at all. Whoever writes has the lock of the
//! folder and reads the store while it has it, so that of several nodes none puts something older in the place of
//! something newer.

use super::{Place, Trouble};
use crate::failure::Failure;
use crate::files;
use marque_flows::domain::Domain;
use marque_flows::error::Error;
use marque_flows::published::{PublicFile, Subject};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Anybody reads: they are for whoever serves them.
const FILE_MODE: u32 = 0o644;

/// See [`FILE_MODE`].
const FOLDER_MODE: u32 = 0o755;

/// Longest file that may be there already: a log, or a list, at its cap.
const MAX_BYTES: usize = 4 * 1_024 * 1_024;

/// The lock, beside what is published.
const LOCK: &str = ".marque.lock";

/// The folder.
#[derive(Debug, Clone)]
pub(super) struct Folder(pub(super) PathBuf);

impl Place for Folder {
    const KIND: &'static str = "folder";
    /// There is one lock.
    const AT_ONCE: usize = 1;

    async fn ready(&self) -> Result<bool, Trouble> {
        Ok(false)
    }

    async fn keep(&self, domain: &Arc<Domain>, subject: &Subject) -> Result<(), Trouble> {
        let (domain, folder, subject) = (Arc::clone(domain), self.0.clone(), subject.clone());
        // Whoever waits may be dropped; what is written is written to its end, under the lock.
        let written = tokio::spawn(async move { write(&domain, &folder, &subject).await });
        written.await.map_err(|error| error.to_string()).flatten().map_err(Trouble::One)
    }
}

/// Writes the files about one subject, where they are not there as they should be.
async fn write(domain: &Domain, folder: &Path, subject: &Subject) -> Result<(), String> {
    let lock = folder.to_owned();
    // Another node may have it for as long as a disk takes.
    let lock = tokio::task::spawn_blocking(move || locked(&lock)).await.map_err(|e| e.to_string())??;
    let wanted = |error: Error| error.to_string();
    for file in domain.public_files(subject).await.map_err(wanted)? {
        let path = place(folder, &file.file_path)
            .ok_or_else(|| format!("{} is no place for a file", file.file_path))?;
        let there = files::read_if_there(&path, MAX_BYTES).map_err(|failure| told(&failure))?;
        if there == file.content {
            continue;
        }
        if let Some(there) = &there
            && domain.is_newer(there, &file).await.map_err(wanted)?
        {
            tracing::error!(path = %path.display(), "what is published is newer than what the store has, and stays");
            continue;
        }
        let put = tokio::task::spawn_blocking(move || put(&path, &file));
        put.await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
    }
    drop(lock);
    Ok(())
}

fn told(failure: &Failure) -> String {
    failure.reason.clone()
}

fn locked(folder: &Path) -> Result<File, String> {
    make_folder(folder).map_err(|e| e.to_string())?;
    files::lock(&folder.join(LOCK)).map_err(|failure| told(&failure))
}

/// Where a file stands: below the folder, and nowhere else whatever its name.
fn place(folder: &Path, path: &str) -> Option<PathBuf> {
    let relative = Path::new(path);
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
    (plain && !path.is_empty()).then(|| folder.join(relative))
}

fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)
}

/// Puts a file in its place, whole, or takes it away. After a crash it is as before or as now.
fn put(path: &Path, file: &PublicFile) -> io::Result<()> {
    let Some(folder) = path.parent() else { return Err(io::ErrorKind::InvalidInput.into()) };
    let Some(content) = &file.content else {
        return match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => File::open(folder)?.sync_all(),
        };
    };
    make_folder(folder)?;
    // One name, as there is one writer: what a crash left is written over.
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temp = path.with_file_name(name);
    let mut new = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&temp)?;
    new.write_all(content)?;
    new.sync_all()?;
    fs::rename(&temp, path)?;
    File::open(folder)?.sync_all()
}
