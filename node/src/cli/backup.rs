//! `backup`: what this node keeps, in one encrypted file; and its key files, in another.

mod marks;
mod restore;

use super::session::Session;
use super::store::{size, telling};
use crate::config::Engine;
use crate::data::Data;
use crate::failure::{Failure, Local};
use crate::output::{self, Answer};
use crate::wallet::{self, Lock};
use crate::{files, passphrase, signing, wiring};
use clap::{Args, Subcommand};
use did_resolver::time::UnixSeconds;
use marks::Marked;
use marque_store::backup::{self, BackupError, Contents, Source};
use marque_store::keyfile;
use serde_json::{Map, Value, json};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A backup of what a node keeps.
const STORE: &str = "store";

/// A backup of key files.
const KEYS: &str = "keys";

/// Most files that are backed up beside the log: wallets of as many members as a domain lists.
const MAX_FILES: usize = 65_536;

/// Copies of what this node keeps.
#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Write one, while the node runs or does not; keys go only where --keys says
    Create(Create),
    /// Read one to its end, check all of it and say what is in it; needs no node
    Verify {
        /// The backup
        file: PathBuf,
    },
    /// Make a data folder from one, where none is yet
    Restore(restore::Restore),
}

/// Write a backup.
#[derive(Debug, Args)]
pub struct Create {
    /// Where what the node keeps is written to; a file that is not there yet
    #[arg(required_unless_present = "keys")]
    file: Option<PathBuf>,
    /// Where the key files are written to, which stay encrypted as they are; keep it at another place
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

impl BackupCommand {
    pub(super) fn run(&self, session: &Session) -> Result<Answer, Failure> {
        match self {
            Self::Create(create) => create.run(session),
            Self::Verify { file } => verify(session, file),
            Self::Restore(restore) => restore.run(session),
        }
    }
}

impl Create {
    fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let (data, config) = (session.data(), session.configuration()?);
        if self.file.is_some() && config.store.engine == Engine::Postgres {
            let reason = "what this node keeps is in PostgreSQL, whose own backups hold all of it: pg_dump of the \
                          schema store.postgres_schema, or an archive of its log";
            let action =
                "Of this folder only the keys are to be backed up here: marque backup create --keys FILE.";
            return Err(Failure::local(Local::Usage, reason, action));
        }
        if self.file.is_some() && !data.store().join("log").exists() {
            let reason = format!("{} has no store", data.path().display());
            let action = "A node makes one when it starts: marque up; or name its folder with --data.";
            return Err(Failure::local(Local::Usage, reason, action));
        }
        for file in self.file.iter().chain(&self.keys) {
            refuse_existing(file)?;
        }
        if let (Some(file), Some(keys)) = (&self.file, &self.keys)
            && is_one(file, keys)
        {
            let reason = format!("{} is named for both", keys.display());
            let action = "The keys go into a file of their own, at another place: name it with --keys.";
            return Err(Failure::local(Local::Usage, reason, action));
        }
        let secret = (&passphrase::ask_new(passphrase::OF_BACKUP)?, config.kdf());
        let (mut document, mut human) = (Map::new(), String::new());
        if let Some(file) = &self.file {
            // No wallet changes between the log as it is taken and the wallets.
            let lock = Lock::take(data)?;
            let source = Source::take(&data.store()).map_err(|error| wiring::not_opened(&error))?;
            let parts =
                Files { data: data.path().to_owned(), names: beside(data)?.into_iter(), _lock: Some(lock) };
            let about = about(data, STORE)?;
            let made = written(file, |out| {
                let (mut marked, mut progress) = (Marked::default(), telling(session, "backed up"));
                backup::create(out, secret, &about, parts, Some(&source), &mut marked, &mut progress)
            })?;
            said(STORE, file, &made, &mut document, &mut human);
        }
        let mut answer = Answer::default();
        if let Some(file) = &self.keys {
            let lock = Lock::take(data)?;
            let names = below(data, &data.keys())?;
            let has_recovery = data.recovery_keys().exists();
            let parts = Files { data: data.path().to_owned(), names: names.into_iter(), _lock: Some(lock) };
            let about = about(data, KEYS)?;
            let made = written(file, |out| {
                backup::create(out, secret, &about, parts, None, &mut Marked::default(), &mut |_, _| {})
            })?;
            said(KEYS, file, &made, &mut document, &mut human);
            if has_recovery {
                answer = answer
                    .saying("The recovery key is among them: it belongs offline, and so does this file.");
            }
        }
        answer.document = Value::Object(document);
        answer.human = human;
        Ok(answer)
    }
}

fn verify(session: &Session, file: &Path) -> Result<Answer, Failure> {
    let secret = passphrase::ask(passphrase::OF_BACKUP)?;
    let mut marked = Marked::default();
    let mut backup = opened(file)?;
    let mut progress = telling(session, "verified");
    let found = backup::read(&mut backup, &secret, None, &mut marked, &mut progress);
    let found = found.map_err(|error| refused(&error))?;
    let (mut document, mut human) = (Map::new(), String::new());
    said(&what(&found), file, &found, &mut document, &mut human);
    Ok(Answer::new(Value::Object(document), human))
}

/// What a backup says that it is of.
fn what(found: &Contents) -> String {
    output::text(&found.about, "what")
}

/// What a backup says of itself first.
fn about(data: &Data, what: &str) -> Result<Value, Failure> {
    let log = wiring::own_log::read(data)?;
    let version = env!("CARGO_PKG_VERSION");
    Ok(json!({"what": what, "did": log.did().as_str(), "made": signing::now().get(), "version": version}))
}

/// The files that belong to a node beside its store and its secrets.
fn beside(data: &Data) -> Result<Vec<PathBuf>, Failure> {
    let mut names = below(data, &data.path().join("wallet"))?;
    names.retain(|name| data.path().join(name) != data.lock());
    let own = [data.config(), data.domain_log()].into_iter().filter(|path| path.exists());
    names.extend(own.filter_map(|path| path.strip_prefix(data.path()).map(Path::to_owned).ok()));
    Ok(names)
}

/// All files in a folder of the data folder and in those below it, by their names in the data folder.
fn below(data: &Data, folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error: io::Error| Failure::local(Local::File, format!("{}: {error}", folder.display()), "");
    let (mut names, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                names.extend(path.strip_prefix(data.path()).map(Path::to_owned).ok());
            }
        }
    }
    if names.len() > MAX_FILES {
        return Err(Failure::local(Local::File, format!("more than {MAX_FILES} files to be backed up"), ""));
    }
    names.sort();
    Ok(names)
}

/// Files as they are put into a backup, one after the other, under the lock that keeps them as they are.
struct Files {
    data: PathBuf,
    names: std::vec::IntoIter<PathBuf>,
    _lock: Option<Lock>,
}

impl Iterator for Files {
    type Item = io::Result<(String, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some(name) = self.names.next() else {
            self._lock = None;
            return None;
        };
        let read = || {
            let text = name.to_str().ok_or_else(|| io::Error::other("the name of a file is no text"))?;
            let most = wallet::MAX_BYTES.max(keyfile::MAX_FILE_BYTES);
            let bytes = files::read_bounded(File::open(self.data.join(&name))?, most)?;
            let bytes = bytes.ok_or_else(|| io::Error::other(format!("{text}: longer than {most} bytes")))?;
            Ok((text.to_owned(), bytes))
        };
        Some(read())
    }
}

fn refuse_existing(file: &Path) -> Result<(), Failure> {
    if file.exists() {
        let reason = format!("{} is there already", file.display());
        return Err(Failure::local(Local::Usage, reason, "A backup overwrites nothing: name another file."));
    }
    Ok(())
}

/// Whether both names are of one file, which need not be there.
fn is_one(one: &Path, other: &Path) -> bool {
    let place = |file: &Path| {
        let file = std::path::absolute(file).ok()?;
        Some((fs::canonicalize(file.parent()?).ok()?, file.file_name()?.to_owned()))
    };
    one == other || place(one).is_some_and(|found| place(other) == Some(found))
}

/// Writes a backup beside its name, which it gets once it is whole and durable.
fn written(
    file: &Path,
    write: impl FnOnce(&mut dyn io::Write) -> Result<Contents, BackupError>,
) -> Result<Contents, Failure> {
    let mut made = Err(BackupError::Io(String::new()));
    files::write_new(file, |out| {
        made = write(out);
        made.as_ref().map(drop).map_err(|error| io::Error::other(error.to_string()))
    })
    .map_err(|failure| match &made {
        Err(error) if *error != BackupError::Io(String::new()) => refused(error),
        _ => failure,
    })?;
    made.map_err(|error| refused(&error))
}

fn opened(file: &Path) -> Result<File, Failure> {
    File::open(file).map_err(|error| {
        Failure::local(Local::File, format!("{}: {error}", file.display()), "Check the name.").by_caller()
    })
}

/// The failure that a backup's error is.
fn refused(error: &BackupError) -> Failure {
    let (local, action) = match error {
        BackupError::WrongPassphrase => {
            (Local::Passphrase, "Type it again, or check the file that MARQUE_BACKUP_PASSPHRASE_FILE names.")
        }
        BackupError::Version(_) => {
            (Local::Backup, "Use the version of marque that wrote it, or a newer one.")
        }
        BackupError::Foreign => (Local::Backup, "Is it the right file?"),
        BackupError::Damaged(_) | BackupError::Kdf(_) => {
            (Local::Backup, "Nothing of it is to be used: take another copy of it, or an older backup.")
        }
        BackupError::Store(_) => (Local::Store, "marque store verify says all that is wrong."),
        BackupError::Entropy => (Local::Keys, ""),
        BackupError::Io(_) => (Local::File, ""),
    };
    Failure::local(local, error.to_string(), action)
}

/// Adds what is in a backup to an answer.
fn said(what: &str, file: &Path, found: &Contents, document: &mut Map<String, Value>, human: &mut String) {
    let (about, account) = (&found.about, &found.account);
    let made = UnixSeconds::new(about.get("made").and_then(Value::as_u64).unwrap_or_default());
    let mut rows = vec![
        (what, file.display().to_string()),
        ("did", output::text(about, "did")),
        ("made", made.to_string()),
        ("files", account.files.to_string()),
    ];
    let mut members = json!({
        "file": file,
        "did": about.get("did"),
        "made": made.to_string(),
        "version": about.get("version"),
        "files": account.files,
    });
    if let Some(log) = &account.log {
        rows.extend([
            ("segments", log.segments.to_string()),
            ("size", size(log.bytes)),
            ("batches", log.batches.to_string()),
            ("floors", log.floors.records.to_string()),
            ("lists", output::text(&account.marks, "lists")),
            ("latest time", output::text(&account.marks, "highWater")),
        ]);
        let records = |of: &backup::Records| json!({"records": of.records, "digest": of.digest});
        if let Some(members) = members.as_object_mut() {
            members.insert(
                "log".to_owned(),
                json!({
                    "segments": log.segments,
                    "bytes": log.bytes,
                    "batches": log.batches,
                    "next": log.next,
                    "floors": records(&log.floors),
                    "revokedEver": records(&log.revoked_ever),
                }),
            );
            members.insert("marks".to_owned(), account.marks.clone());
        }
    }
    document.insert(what.to_owned(), members);
    human.push_str(&output::facts(&rows));
}
