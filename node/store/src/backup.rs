//! A copy of what a node keeps, in one file under a passphrase of its own: the object log as it was at one moment,
//! and files beside it. It is made while a node runs, or does not; see `log::held` for why that is a whole log.
//!
//! Whatever is read is checked: each chunk by the cipher, each segment, frame and write as when a store opens, and
//! all of it against the account that stands at the end, which counts it and names the floors.

mod parts;
mod reading;
mod sealed;

use crate::disk::{self, Disk, Machine};
use crate::error::OpenError;
use crate::files;
use crate::keyfile::Kdf;
use crate::lock;
use crate::log::{Broken, Held, SegmentHeader, path_of};
use crate::secret::Passphrase;
use marque_flows::ports::records::Table;
use parts::{Part, Tag, unread};
use reading::Reading;
use sealed::{Opening, Sealing};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Folders in each other that a name in a data folder has at most.
const MAX_DEPTH: usize = 8;

/// Told of the bytes of the log that went by, and of all there are, as far as that is known.
pub type Progress<'a> = dyn FnMut(u64, u64) + 'a;

/// Told of every write in the log, in its order; what it makes of them stands in the backup and is compared when
/// the backup is read.
pub trait Marks {
    /// A record of `table` was put, or deleted where there is no value.
    fn record(&mut self, table: Table, key: &[u8], value: Option<&[u8]>);

    /// What all of them came to.
    fn marks(&self) -> Value;
}

/// The log of a data folder, open as it was at one moment.
#[derive(Debug)]
pub struct Source {
    log: Held,
    epoch: u64,
}

impl Source {
    /// Opens the log of the store in `dir` as it is now, whether a node runs on it or not.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn take(dir: &Path) -> Result<Self, OpenError> {
        let disk: Arc<dyn Disk> = Arc::new(Machine);
        // Before the log: the epoch of a node that starts between may be one more, and is raised with the next start.
        let epoch = lock::last_epoch(disk.as_ref(), &dir.join("epoch"), || true)?;
        Ok(Self { log: Held::take(&disk, &dir.join("log"))?, epoch })
    }
}

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// What whoever made it says of it.
    pub about: Value,
    /// What the parts came to.
    pub account: Account,
}

/// What the parts of a backup came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Files beside the log.
    pub files: u64,
    /// The log, where there is one.
    pub log: Option<LogAccount>,
    /// What was made of its records.
    pub marks: Value,
}

/// What a log came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogAccount {
    /// Segments.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Batches in them.
    pub batches: u64,
    /// The sequence number behind the last batch: all that was acknowledged before that is in it.
    pub next: u64,
    /// The fencing epoch of the store.
    pub epoch: u64,
    /// Floors that never fall.
    pub floors: Records,
    /// Lists with indices that were ever seen revoked.
    pub revoked_ever: Records,
}

/// Live records of a table: how many, and a digest of all of them whatever their order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Records {
    /// How many.
    pub records: u64,
    /// The exclusive or of the SHA-256 of each, in base64url.
    pub digest: String,
}

/// Writes a backup to `out`, whole when it answers `Ok`. `files` are put in by their names in the data folder.
///
/// # Errors
/// [`BackupError`]; what was written to `out` is no backup then.
pub fn create(
    out: &mut dyn Write,
    (passphrase, kdf): (&Passphrase, Kdf),
    about: &Value,
    files: impl IntoIterator<Item = io::Result<(String, Vec<u8>)>>,
    source: Option<&Source>,
    marks: &mut dyn Marks,
    progress: &mut Progress<'_>,
) -> Result<Contents, BackupError> {
    let mut out = Sealing::begin(BufWriter::new(out), passphrase, kdf)?;
    put_json(&mut out, Tag::Head, about)?;
    let mut account = Account::default();
    for file in files {
        let (name, bytes) = file?;
        inside(&name).ok_or_else(|| BackupError::Io(format!("{name}: not a name in a data folder")))?;
        Part { tag: Tag::File, name, length: bytes.len() as u64 }.begin(&mut out)?;
        out.write_all(&bytes)?;
        account.files += 1;
    }
    if let Some(source) = source {
        let mut reading = Reading::new(source.log.size().1, marks, progress);
        for (path, length, mut reader) in source.log.iter() {
            Part { tag: Tag::Segment, name: String::new(), length }.begin(&mut out)?;
            let read = reading.segment(&mut reader, length, &mut |_, bytes| out.write_all(bytes));
            read.map_err(|broken| match broken {
                Broken::At(at, what) => BackupError::Store(OpenError::damaged(path, at, what)),
                Broken::Format(version) => {
                    BackupError::Store(OpenError::Format { file: path.to_owned(), version })
                }
                Broken::Io(error) => error.into(),
            })?;
        }
        account.log = reading.account(source.epoch);
    }
    account.marks = marks.marks();
    put_json(&mut out, Tag::Account, &account)?;
    out.finish()?.flush()?;
    Ok(Contents { about: about.clone(), account })
}

/// Reads a backup to its end and checks all of it. Puts what is in it into the folder `into`, where one is given,
/// which is there and has nothing; before the answer is `Ok` what lies there is not to be used. It is durable then.
///
/// # Errors
/// [`BackupError`].
pub fn read(
    backup: &mut dyn Read,
    passphrase: &Passphrase,
    into: Option<&Path>,
    marks: &mut dyn Marks,
    progress: &mut Progress<'_>,
) -> Result<Contents, BackupError> {
    let from = &mut Opening::begin(BufReader::new(backup), passphrase)?;
    let (mut about, mut found, mut last) = (None, Account::default(), Tag::Head);
    let mut reading = Reading::new(0, marks, progress);
    let account = loop {
        let part = Part::next(from)?.ok_or(BackupError::Damaged("it ends before its account"))?;
        let is_first = about.is_none();
        if part.tag < last || is_first != (part.tag == Tag::Head) {
            return Err(BackupError::Damaged("its parts are out of order"));
        }
        last = part.tag;
        match part.tag {
            Tag::Head => about = Some(get_json::<Value>(&part, from)?),
            Tag::File => {
                found.files += 1;
                let path =
                    inside(&part.name).ok_or(BackupError::Damaged("a file of a name that it cannot have"))?;
                let bytes = part.bytes(from)?;
                if let Some(into) = into {
                    put_file(&into.join(path), &bytes)?;
                }
            }
            Tag::Segment => {
                let mut copy = Copy { into: into.map(|into| into.join("store/log")), file: None };
                let read = reading.segment(from, part.length, &mut |header, bytes| copy.put(header, bytes));
                read.map_err(|broken| match broken {
                    Broken::At(_, what) => BackupError::Damaged(what),
                    Broken::Format(version) => BackupError::Version(version),
                    Broken::Io(error) => unread(error),
                })?;
                copy.finish()?;
            }
            Tag::Account => break get_json::<Account>(&part, from)?,
        }
    };
    if Part::next(from)?.is_some() {
        return Err(BackupError::Damaged("something stands behind its account"));
    }
    let epoch = account.log.as_ref().map(|log| log.epoch);
    found.log = reading.account(epoch.unwrap_or_default());
    found.marks = marks.marks();
    if found != account {
        return Err(BackupError::Damaged("it does not hold what its account says"));
    }
    if let (Some(into), Some(epoch)) = (into, epoch) {
        put_file(&into.join("store/epoch"), format!("{epoch}\n").as_bytes())?;
    }
    if let Some(into) = into {
        sync_folders(into)?;
    }
    Ok(Contents { about: about.unwrap_or_default(), account })
}

/// A segment that is being put where a store has it.
struct Copy {
    into: Option<PathBuf>,
    file: Option<BufWriter<File>>,
}

impl Copy {
    fn put(&mut self, header: &SegmentHeader, bytes: &[u8]) -> io::Result<()> {
        let Some(into) = &self.into else { return Ok(()) };
        if self.file.is_none() {
            files::make_dir(into)?;
            self.file = Some(BufWriter::new(files::create_new(&path_of(into, header.id()))?));
        }
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(bytes))
    }

    fn finish(self) -> io::Result<()> {
        match self.file {
            None => Ok(()),
            Some(file) => file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all(),
        }
    }
}

fn put_json(out: &mut dyn Write, tag: Tag, json: &impl Serialize) -> Result<(), BackupError> {
    let bytes = serde_json::to_vec(json).map_err(|error| BackupError::Io(error.to_string()))?;
    Part { tag, name: String::new(), length: bytes.len() as u64 }.begin(out)?;
    Ok(out.write_all(&bytes)?)
}

fn get_json<T: for<'a> Deserialize<'a>>(part: &Part, from: &mut dyn Read) -> Result<T, BackupError> {
    let bytes = part.bytes(from)?;
    serde_json::from_slice(&bytes).map_err(|_| BackupError::Damaged("a part that cannot be read"))
}

fn put_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    files::make_dir(disk::parent(path))?;
    let mut file = files::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the names in a folder and in those below it durable.
fn sync_folders(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    files::sync_dir(dir)
}

/// `name` as a path inside of a data folder, where it can be one.
fn inside(name: &str) -> Option<&Path> {
    let path = Path::new(name);
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    (!name.is_empty() && path.components().count() <= MAX_DEPTH && path.components().all(plain))
        .then_some(path)
}

/// Why a backup was not made, or is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupError {
    /// No backup.
    Foreign,
    /// Of a version, or with a log of one, that this program does not know.
    Version(u32),
    /// The cost of the passphrase is outside the bounds of [`Kdf`], or there is no memory for it.
    Kdf(String),
    /// Another passphrase.
    WrongPassphrase,
    /// Not as it was made: what is wrong.
    Damaged(&'static str),
    /// The store that was to be backed up is damaged.
    Store(OpenError),
    /// The operating system has no randomness to give.
    Entropy,
    /// The operating system said no.
    Io(String),
}

impl From<io::Error> for BackupError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.to_string())
    }
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("not a backup"),
            Self::Version(v) => write!(f, "the backup has version {v}, which this program does not know"),
            Self::Kdf(why) => write!(f, "the backup asks for work that cannot be done: {why}"),
            Self::WrongPassphrase => f.write_str("wrong passphrase for this backup"),
            Self::Damaged(what) => write!(f, "the backup is damaged: {what}"),
            Self::Store(error) => error.fmt(f),
            Self::Entropy => f.write_str("no randomness"),
            Self::Io(cause) => f.write_str(cause),
        }
    }
}

impl std::error::Error for BackupError {}

#[cfg(test)]
mod tests;
