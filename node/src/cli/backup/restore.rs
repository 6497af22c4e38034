//! `backup restore`: a data folder from a backup, whole or not there.
//!
//! It is made beside its place under another name, and put in place by one renaming once all of it is durable.

use super::{KEYS, Marked, STORE, opened, refused, said, what};
use crate::cli::session::Session;
use crate::cli::store::telling;
use crate::data::Data;
use crate::failure::{Failure, Local};
use crate::output::Answer;
use crate::wiring::loss;
use crate::{admin_token, files, passphrase};
use clap::Args;
use did_resolver::time::UnixSeconds;
use marque_store::backup::{self, Contents};
use marque_store::secret::Passphrase;
use serde_json::{Map, Value, json};
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Make a data folder from a backup.
#[derive(Debug, Args)]
pub struct Restore {
    /// The backup
    file: PathBuf,
    /// The backup of its key files; without it, put the folder "keys" into the data folder before the node starts
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

impl Restore {
    pub(super) fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let data = session.data();
        refuse_used(data.path())?;
        let secret = passphrase::ask(passphrase::OF_BACKUP)?;
        let place = Place::take(data.path())?;
        let (mut document, mut human) = (Map::new(), String::new());
        let kept = read(session, &self.file, STORE, &secret, &place.folder)?;
        said(STORE, &self.file, &kept, &mut document, &mut human);
        if let Some(file) = &self.keys {
            let keys = read(session, file, KEYS, &secret, &place.folder)?;
            if keys.about.get("did") != kept.about.get("did") {
                let reason = format!("{} has the keys of another domain", file.display());
                return Err(Failure::local(
                    Local::Usage,
                    reason,
                    "Name the keys of the domain of the backup.",
                ));
            }
            said(KEYS, file, &keys, &mut document, &mut human);
        }
        finish(&Data::at(place.folder.clone()), &kept)?;
        place.put(data.path())?;
        document.insert("data".to_owned(), json!(data.path()));
        let next = data.command_line("up --after-loss", |name| std::env::var(name).ok());
        document.insert("next".to_owned(), json!(next));
        let mut answer = Answer::new(Value::Object(document), human);
        if self.keys.is_none() {
            answer = answer.saying("Put its folder \"keys\" back as well: it is not in this backup.");
        }
        let lacks = "What was acknowledged since the backup was made is not in it.";
        Ok(answer
            .saying("The admin token is a new one: admin.token.")
            .saying(format!("{lacks} Next: {next}")))
    }
}

/// A folder with anything in it is left alone.
fn refuse_used(folder: &Path) -> Result<(), Failure> {
    let is_free = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    if is_free {
        return Ok(());
    }
    let reason = format!("{} is there and not an empty folder", folder.display());
    Err(Failure::local(Local::Usage, reason, "Nothing is overwritten: name another folder with --data."))
}

fn read(
    session: &Session,
    file: &Path,
    wanted: &str,
    secret: &Passphrase,
    into: &Path,
) -> Result<Contents, Failure> {
    let (mut backup, mut marked) = (opened(file)?, Marked::default());
    let mut progress = telling(session, "restored");
    let found = backup::read(&mut backup, secret, Some(into), &mut marked, &mut progress);
    let found = found.map_err(|error| refused(&error))?;
    if what(&found) != wanted {
        let reason = format!(
            "{} is a backup of \"{}\", and one of \"{wanted}\" is wanted",
            file.display(),
            what(&found)
        );
        return Err(Failure::local(Local::Usage, reason, "marque backup verify says what a backup holds."));
    }
    Ok(found)
}

/// What is not in a backup and belongs to a folder.
fn finish(data: &Data, kept: &Contents) -> Result<(), Failure> {
    admin_token::renew(data)?;
    let made = kept.about.get("made").and_then(Value::as_u64).unwrap_or_default();
    loss::restored(data, UnixSeconds::new(made))
}

/// Where a data folder is made, while nobody else does so.
struct Place {
    folder: PathBuf,
    lock: PathBuf,
    _held: File,
}

/// The lock at `path`, which its holder removes; `None` where somebody else has it.
fn locked(path: &Path) -> io::Result<Option<File>> {
    loop {
        let file = File::options().write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Where it was removed since it was opened, others lock a new file of that name: this lock keeps nobody out.
        let held = file.metadata()?;
        match fs::metadata(path) {
            Ok(there) if (there.dev(), there.ino()) == (held.dev(), held.ino()) => return Ok(Some(file)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
}

impl Place {
    /// Takes the name beside `data`; what an interrupted restoring left there goes.
    fn take(data: &Path) -> Result<Self, Failure> {
        let failed =
            |error: io::Error| Failure::local(Local::File, format!("{}: {error}", data.display()), "");
        let absolute = std::path::absolute(data).map_err(failed)?;
        let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
            return Err(failed(io::ErrorKind::InvalidInput.into()));
        };
        files::make_folder(parent)?;
        let with = |end: &str| {
            let mut whole = std::ffi::OsString::from(".");
            whole.push(name);
            whole.push(end);
            parent.join(whole)
        };
        let lock = with(".restoring.lock");
        let held = locked(&lock).map_err(failed)?.ok_or_else(|| {
            let reason = format!("{} is being restored by another process", data.display());
            Failure::of(vc_schemas::code::Code::StateConflict).because(reason).so("Wait for it.")
        })?;
        let place = Self { folder: with(".restoring"), lock, _held: held };
        match fs::remove_dir_all(&place.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        files::make_folder(&place.folder)?;
        Ok(place)
    }

    /// Gives what was made its name.
    fn put(&self, data: &Path) -> Result<(), Failure> {
        let put = || -> io::Result<()> {
            File::open(&self.folder)?.sync_all()?;
            fs::rename(&self.folder, data)?;
            File::open(self.folder.parent().unwrap_or(Path::new("/")))?.sync_all()
        };
        put().map_err(|error| {
            let reason = format!("{}: {error}", data.display());
            let action =
                "A folder is put in place as a whole, so it can be no mount point: name one below it.";
            Failure::local(Local::File, reason, action)
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Where it was put in place there is nothing of this name.
        let _gone = fs::remove_dir_all(&self.folder);
        // Still held: only its holder removes it.
        let _gone = fs::remove_file(&self.lock);
    }
}

#[cfg(test)]
mod tests;
