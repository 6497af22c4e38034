//! A store that nobody runs on, verified: every frame of the log, and the index against it. Whatever is wrong is
//! told, not only the first of it, and nothing is mended.

use crate::batch;
use crate::disk::{Disk, Machine};
use crate::engine::{Options, Progress};
use crate::error::OpenError;
use crate::index::{Entry, Index, Rebuilt, tree_key};
use crate::lock;
use crate::log::{Checkpoint, Frame, Segments, Standing};
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Problems that are told one by one: with more, the first ones say what happened.
const MAX_PROBLEMS: usize = 64;

/// Records that are followed at once whose deletion stands further on in the log: some 100 MiB. Of more it is not
/// said whether the index lacks them.
const MAX_FOLLOWED: usize = 4 * 1024 * 1024;

/// What a store was found to be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audit {
    /// Segments of the log.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whole batches in them.
    pub batches: u64,
    /// Bytes behind the last whole batch: they were not acknowledged, and the next start cuts them off.
    pub torn_bytes: u64,
    /// Why the next start makes the index anew from the log, where it does.
    pub anew: Option<Rebuilt>,
    /// Batches that the index has not seen yet, and catches up with at the next start.
    pub behind: u64,
    /// Whether a compaction was interrupted before the index knew of it; the next start finishes that.
    pub unsettled: bool,
    /// Records in the index that stand in the log as it says.
    pub records: u64,
    /// Whether the index was compared with all of the log.
    pub compared: bool,
    /// What is wrong, in the order of the log.
    pub problems: Vec<Problem>,
    /// Problems beyond those.
    pub more: u64,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub file: PathBuf,
    /// Where in it, in bytes.
    pub offset: Option<u64>,
    /// What.
    pub what: String,
    /// What mends it.
    pub remedy: Remedy,
}

/// What mends a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Acknowledged records are damaged or gone: a copy from before, or what peers hold.
    Restore,
    /// The log is whole: the index is made anew from it.
    Rebuild,
    /// A newer version of this program wrote it.
    Upgrade,
    /// The operating system does not let it be read.
    System,
}

/// Verifies the store in the data folder `dir`. Blocks as long as reading all of it takes.
///
/// # Errors
/// [`OpenError::Locked`] where a node runs on it, and [`OpenError::Io`] where the folder cannot be read.
pub fn verify(dir: &Path, options: &Options, progress: &mut Progress<'_>) -> Result<Audit, OpenError> {
    let disk: Arc<dyn Disk> = Arc::new(Machine);
    let _held = lock::hold(dir)?;
    let log_dir = dir.join("log");
    let found = Segments::find(&disk, &log_dir)?;
    let segments = found.segments;
    let mut audit = Audit { segments: segments.headers().len() as u64, ..Audit::default() };
    if let Err(wrong) = lock::last_epoch(disk.as_ref(), &dir.join("epoch"), || true) {
        audit.tell(wrong.into());
    }
    for wrong in found.wrong {
        audit.tell(wrong.into());
    }
    for header in segments.headers() {
        audit.bytes += segments.length(header)?;
    }
    let looked = Index::look(&disk, dir, (&options.index, options.cache_bytes))?;
    let mut comparison = match looked {
        Ok((index, checkpoint, before)) if segments.standing(&checkpoint) == Standing::Holds => {
            audit.unsettled = !index.is_settled(&segments).map_err(|e| OpenError::io(dir, &e))?;
            (!audit.unsettled).then(|| (Comparison::new(index, checkpoint), before))
        }
        Ok((_, checkpoint, _)) if segments.standing(&checkpoint) == Standing::Compacted => {
            audit.anew = Some(Rebuilt::Mismatch);
            None
        }
        Ok(_) => {
            let what = "the log lacks batches that the index has seen: acknowledged records are gone";
            audit.tell(Problem::new(&log_dir, what, Remedy::Restore));
            None
        }
        Err(why) => {
            audit.anew = Some(why);
            None
        }
    };
    let is_whole = audit.read(&segments, comparison.as_mut().map(|(comparison, _)| comparison), progress);
    if let Some((comparison, before)) = comparison {
        let path = dir.join("index");
        comparison.conclude(is_whole && audit.problems.is_empty(), &path, &mut audit)?;
        comparison.index.put_back(before).map_err(|e| OpenError::io(&path, &e))?;
    }
    Ok(audit)
}

impl Problem {
    fn new(file: &Path, what: impl Into<String>, remedy: Remedy) -> Self {
        Self { file: file.to_owned(), offset: None, what: what.into(), remedy }
    }
}

impl From<OpenError> for Problem {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Damaged { file, offset, what } => {
                Self { offset: Some(offset), ..Self::new(&file, what, Remedy::Restore) }
            }
            OpenError::Format { file, version } => {
                let what = format!("format {version}, which this program does not know");
                Self::new(&file, what, Remedy::Upgrade)
            }
            OpenError::Locked { file, .. } => Self::new(&file, "it is locked", Remedy::System),
            OpenError::Io { file, cause } => Self::new(&file, cause, Remedy::System),
        }
    }
}

impl Audit {
    fn tell(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        } else {
            self.more += 1;
        }
    }

    /// Reads all segments. Answers whether every one could be read to its end.
    fn read(
        &mut self,
        segments: &Segments,
        mut comparison: Option<&mut Comparison>,
        progress: &mut Progress<'_>,
    ) -> bool {
        let (mut done, mut next, mut is_whole) = (0, None, true);
        for header in segments.headers() {
            let path = segments.path(header);
            if next.is_some_and(|next| next != header.first) {
                let what = "the segment does not go on where the one before ends";
                self.tell(Problem { offset: Some(0), ..Problem::new(&path, what, Remedy::Restore) });
                is_whole = false;
            }
            let read = segments.scan_one(header, &mut |frame| {
                progress(done + frame.checkpoint.end, self.bytes);
                let writes = batch::decode(frame.body, frame.sequence).ok_or_else(|| {
                    OpenError::damaged(&path, frame.checkpoint.frame, "a frame that is no batch")
                })?;
                self.batches += 1;
                let Some(comparison) = comparison.as_mut() else { return Ok(()) };
                for (offset, what) in comparison.compare(&frame, &writes) {
                    let offset = Some(offset);
                    self.tell(Problem { offset, ..Problem::new(&path, what, Remedy::Rebuild) });
                }
                Ok(())
            });
            let length = segments.length(header).unwrap_or_default();
            done += length;
            next = match read {
                Ok(end) => {
                    self.torn_bytes += length.saturating_sub(end.end);
                    Some(end.next)
                }
                Err(wrong) => {
                    self.tell(wrong.into());
                    is_whole = false;
                    None
                }
            };
        }
        if let (Some(comparison), Some(next)) = (comparison, next) {
            self.behind = next.saturating_sub(comparison.reached.next);
        }
        is_whole
    }
}

/// An index beside the log that it was made from.
struct Comparison {
    index: Index,
    reached: Checkpoint,
    hasher: RandomState,
    /// Records that the index lacks and whose deletion has not come yet, by a hash of their key.
    missing: HashMap<u64, (u64, u64)>,
    /// Whether there were too many of them.
    overflowed: bool,
    /// Entries that stand in the log as they say.
    stand: u64,
    /// Why nothing is compared any more.
    unreadable: Option<String>,
}

impl Comparison {
    fn new(index: Index, reached: Checkpoint) -> Self {
        let (hasher, missing) = (RandomState::new(), HashMap::new());
        Self { index, reached, hasher, missing, overflowed: false, stand: 0, unreadable: None }
    }

    /// What the index says otherwise than this frame, each with its place.
    fn compare(&mut self, frame: &Frame<'_>, writes: &[batch::Written<'_>]) -> Vec<(u64, &'static str)> {
        if self.unreadable.is_some() || frame.sequence >= self.reached.next {
            return Vec::new();
        }
        // Some damage of its files is answered with a panic.
        let compared = catch_unwind(AssertUnwindSafe(|| self.differences(frame, writes)));
        let compared = compared.unwrap_or_else(|_| Err(io::Error::other("it panicked")));
        compared.unwrap_or_else(|error| {
            self.unreadable = Some(error.to_string());
            Vec::new()
        })
    }

    fn differences(
        &mut self,
        frame: &Frame<'_>,
        writes: &[batch::Written<'_>],
    ) -> io::Result<Vec<(u64, &'static str)>> {
        let mut wrong = Vec::new();
        let (segment, version) = (frame.checkpoint.segment, frame.sequence);
        for write in writes {
            let key = tree_key(write.table, write.key);
            let offset = frame.body_offset + write.place.0 as u64;
            let length = u32::try_from(write.place.1).unwrap_or(u32::MAX);
            let is_put = write.value.is_some();
            match self.index.entry(&key)? {
                Some(entry) if entry.version > version => {}
                Some(entry) if is_put && entry == (Entry { segment, offset, length, version }) => {
                    self.stand += 1;
                }
                Some(entry) if is_put && entry.version == version => {
                    wrong.push((offset, "the index has this record at another place"));
                }
                Some(_) if is_put => wrong.push((offset, "the index has an older version of this record")),
                Some(_) => wrong.push((offset, "the index has a record that is deleted here")),
                None if !is_put => {
                    self.missing.remove(&self.hasher.hash_one(&key));
                }
                None if self.missing.len() < MAX_FOLLOWED => {
                    self.missing.insert(self.hasher.hash_one(&key), (segment, offset));
                }
                None => self.overflowed = true,
            }
        }
        Ok(wrong)
    }

    /// What only the end of the log shows, where all of it could be read.
    fn conclude(&self, is_whole: bool, path: &Path, audit: &mut Audit) -> Result<(), OpenError> {
        audit.records = self.stand;
        if let Some(why) = &self.unreadable {
            audit.tell(Problem::new(path, format!("the index does not read back: {why}"), Remedy::Rebuild));
            return Ok(());
        }
        audit.compared = is_whole && !self.overflowed;
        if !is_whole {
            return Ok(());
        }
        if !self.overflowed
            && let Some((segment, offset)) = self.missing.values().min()
        {
            let what = format!(
                "the index lacks {} records, the first of segment {segment} at byte {offset}",
                self.missing.len()
            );
            audit.tell(Problem::new(path, what, Remedy::Rebuild));
        }
        let count = self.index.count().map_err(|e| OpenError::io(path, &e))?;
        if let Some(strange) = count.checked_sub(self.stand).filter(|strange| *strange > 0) {
            let what = format!("the index names {strange} records that do not stand in the log");
            audit.tell(Problem::new(path, what, Remedy::Rebuild));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
