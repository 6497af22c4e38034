//! What is done to an index beside reading and applying: looking at all of it, and giving entries the place to
//! which a compaction moved their record.

use super::engine::IndexEngine;
use super::entry::{CHECKPOINT, Entry, Moves, Share, note_key, tree_key};
use super::tree::Change;
use super::{Index, Rebuilt, mark};
use crate::batch;
use crate::disk::Disk;
use crate::error::OpenError;
use crate::log::{Checkpoint, SegmentHeader, Segments};
use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

/// Rows read at once while all of them are looked at.
const WALK_ROWS: usize = 1_024;

/// Entries that are given their new place at once: what a commit may wait for, about a millisecond.
const MOVES: usize = 256;

/// What the mark of an index said before it was looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Before(Option<mark::State>);

impl Index {
    /// The index as it stands, to be looked at, with the place in the log that it has reached; or why the next
    /// opening makes it anew. Where it was closed, [`Index::put_back`] says so again.
    pub(crate) fn look(
        disk: &Arc<dyn Disk>,
        dir: &Path,
        (engine, cache_bytes): (&IndexEngine, u64),
    ) -> Result<Result<(Self, Checkpoint, Before), Rebuilt>, OpenError> {
        if let Some(why) = mark::distrust(disk.as_ref(), dir, engine) {
            return Ok(Err(why));
        }
        let path = dir.join("index");
        let before = Before(mark::state(disk.as_ref(), dir));
        let open = mark::write(disk.as_ref(), dir, engine, mark::State::Open);
        open.map_err(|e| OpenError::io(&path, &e))?;
        let Ok(tree) = engine.open(&path, cache_bytes) else { return Ok(Err(Rebuilt::Unreadable)) };
        let index = Self { tree, disk: Arc::clone(disk), dir: dir.to_owned(), engine: engine.clone() };
        let reached = catch_unwind(AssertUnwindSafe(|| index.checkpoint()));
        let Ok(Ok(checkpoint)) = reached else { return Ok(Err(Rebuilt::Unreadable)) };
        Ok(Ok((index, checkpoint, before)))
    }

    /// Leaves an index that was looked at as it was found.
    pub(crate) fn put_back(&self, before: Before) -> io::Result<()> {
        if before.0 == Some(mark::State::Closed) { self.close() } else { Ok(()) }
    }

    /// How many records the index names.
    pub(crate) fn count(&self) -> io::Result<u64> {
        let mut count = 0;
        self.walk(&mut |_| count += 1)?;
        Ok(count)
    }

    fn walk(&self, visit: &mut dyn FnMut(Entry)) -> io::Result<()> {
        let mut after = Bound::Excluded(vec![u8::MIN, u8::MAX]);
        loop {
            let rows = self.tree.rows(after.as_ref().map(Vec::as_slice), b"", WALK_ROWS)?;
            for (key, entry) in &rows {
                if !key.starts_with(CHECKPOINT) {
                    let entry = Entry::decode(entry);
                    visit(entry.ok_or_else(|| io::Error::other("an entry does not read back"))?);
                }
            }
            match rows.into_iter().last() {
                Some((key, _)) => after = Bound::Excluded(key),
                None => return Ok(()),
            }
        }
    }

    /// Whether every entry of what a compacted segment replaced names its new place.
    pub(crate) fn is_noted(&self, header: &SegmentHeader) -> io::Result<bool> {
        Ok(self.tree.get(&note_key(header.id()))?.as_deref() == Some(&header.salt.to_be_bytes()))
    }

    /// Notes that it is so; `replaced` are the ids of segments that it replaced.
    pub(crate) fn note(&self, header: &SegmentHeader, replaced: &[u64]) -> io::Result<()> {
        let old: Vec<_> = replaced.iter().map(|id| note_key(*id)).collect();
        let mut rows: Vec<Change<'_>> = old.iter().map(|key| (key.as_slice(), None)).collect();
        let new = note_key(header.id());
        rows.push((&new, Some(header.salt.to_be_bytes().to_vec())));
        self.tree.apply(&rows)
    }

    /// Gives entries their new place, but for records that have another version by now. Only who applies
    /// changes may call it.
    pub(crate) fn give(&self, moves: &Moves) -> io::Result<()> {
        let mut rows = Vec::with_capacity(moves.len());
        for (key, entry) in moves {
            if self.entry(key)?.is_some_and(|now| now.version == entry.version) {
                rows.push((key.as_slice(), Some(entry.encode())));
            }
        }
        self.tree.apply(&rows)
    }

    /// What the entries of each segment add up to. Reads all of the index.
    pub(crate) fn shares(&self) -> io::Result<BTreeMap<u64, Share>> {
        let mut shares = BTreeMap::<u64, Share>::new();
        self.walk(&mut |entry| {
            let share = shares.entry(entry.segment).or_default();
            share.entries += 1;
            share.bytes += u64::from(entry.length);
        })?;
        Ok(shares)
    }

    /// Makes what was applied durable.
    pub(crate) fn flush(&self) -> io::Result<()> {
        self.tree.flush()
    }

    /// Whether every entry names the place to which a compaction moved its record.
    pub(crate) fn is_settled(&self, log: &Segments) -> io::Result<bool> {
        for header in log.headers().iter().filter(|header| header.compacted.is_some()) {
            if !self.is_noted(header)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Finishes what a compaction did not come to before the process ended: entries that name the old place.
    pub(super) fn settle(&self, log: &Segments) -> Result<(), OpenError> {
        let io = |e: io::Error| OpenError::io(&self.dir, &e);
        for header in log.headers().iter().filter(|header| header.compacted.is_some()) {
            if !self.is_noted(header).map_err(io)? {
                moves_of(log, header, &mut |moves| self.give(&moves).map_err(io))?;
                self.note(header, &[]).map_err(io)?;
            }
        }
        Ok(())
    }
}

/// Hands on the places of all that stands in a segment, a few at a time.
pub(crate) fn moves_of(
    log: &Segments,
    header: &SegmentHeader,
    give: &mut dyn FnMut(Moves) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    let path = log.path(header);
    let mut moves = Moves::new();
    log.scan_one(header, &mut |frame| {
        let at = frame.checkpoint;
        let writes = batch::decode(frame.body, frame.sequence)
            .ok_or_else(|| OpenError::damaged(&path, at.frame, "a frame of the log that is no batch"))?;
        for write in writes.iter().filter(|write| write.value.is_some()) {
            let (offset, length) = (frame.body_offset + write.place.0 as u64, write.place.1);
            let length = u32::try_from(length).unwrap_or(u32::MAX);
            let entry = Entry { segment: at.segment, offset, length, version: frame.sequence };
            moves.push((tree_key(write.table, write.key), entry));
            if moves.len() >= MOVES {
                give(std::mem::take(&mut moves))?;
            }
        }
        Ok(())
    })?;
    give(moves)
}
