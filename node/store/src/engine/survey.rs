//! What a store holds, counted: how much of the log is live, and of which kind.

use super::Store;
use crate::batch;
use crate::error::OpenError;
use crate::index::tree_key;
use crate::log::Checkpoint;
use marque_flows::ports::records::Table;
use std::collections::BTreeMap;
use std::io;
use std::sync::PoisonError;

/// Called while a long work goes on, with the bytes that are done and those that there are.
pub type Progress<'a> = dyn FnMut(u64, u64) + 'a;

/// What a store holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Survey {
    /// Segments of the log.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Batches in them.
    pub batches: u64,
    /// Each kind of record that stands in the log.
    pub kinds: Vec<Kind>,
    /// The live record that was written before all others.
    pub oldest: Option<Oldest>,
}

/// What is there of one kind of record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kind {
    /// Its table; `None`, one of a later version of this program.
    pub table: Option<Table>,
    /// The number of that table.
    pub number: u8,
    /// Records that can be read.
    pub live: u64,
    /// Their bytes in the log.
    pub live_bytes: u64,
    /// Writes that later ones replaced, and deletions.
    pub dead: u64,
    /// Their bytes in the log.
    pub dead_bytes: u64,
}

/// A live record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oldest {
    /// The number of the batch that wrote it.
    pub batch: u64,
    /// Its segment.
    pub segment: u64,
    /// The number of its table.
    pub table: u8,
}

impl Store {
    /// Reads all of the log that is durable now and counts. Blocks as long as that takes.
    ///
    /// # Errors
    /// [`OpenError::Damaged`] names the first place that is broken.
    pub fn survey(&self, progress: &mut Progress<'_>) -> Result<Survey, OpenError> {
        let _quiet = self.inner.compactor.quiet();
        let (segments, until) = self.as_of_now()?;
        let dir = self.inner.dir.join("log");
        let failed = |e: io::Error| OpenError::io(&dir, &e);
        let index = {
            let open = self.inner.open.read().unwrap_or_else(PoisonError::into_inner);
            let closed = || failed(io::Error::other("the store is closed"));
            open.as_ref().ok_or_else(closed)?.index.clone()
        };
        let mut survey = Survey { segments: segments.headers().len() as u64, ..Survey::default() };
        let mut before = BTreeMap::new();
        for header in segments.headers() {
            before.insert(header.id(), survey.bytes);
            survey.bytes += segments.length(header)?;
        }
        let mut kinds = BTreeMap::<u8, Kind>::new();
        segments.scan(Checkpoint::START, until, &mut |frame| {
            let at = frame.checkpoint;
            let writes = batch::decode(frame.body, frame.sequence)
                .ok_or_else(|| OpenError::damaged(&dir, at.frame, "a frame that is no batch"))?;
            survey.batches += 1;
            for write in writes {
                let number = write.table;
                let table = Table::ALL.into_iter().find(|table| *table as u8 == number);
                let kind = kinds.entry(number);
                let none = Kind { table, number, live: 0, live_bytes: 0, dead: 0, dead_bytes: 0 };
                let kind = kind.or_insert(none);
                let entry = index.entry(&tree_key(number, write.key)).map_err(failed)?;
                let bytes = write.place.1 as u64;
                if write.value.is_some() && entry.is_some_and(|e| e.version == frame.sequence) {
                    kind.live += 1;
                    kind.live_bytes += bytes;
                    let this = Oldest { batch: frame.sequence, segment: at.segment, table: number };
                    survey.oldest.get_or_insert(this);
                } else {
                    kind.dead += 1;
                    kind.dead_bytes += bytes;
                }
            }
            progress(before.get(&at.segment).map_or(0, |b| b + at.end), survey.bytes);
            Ok(())
        })?;
        survey.kinds = kinds.into_values().collect();
        Ok(survey)
    }
}
