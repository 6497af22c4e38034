//! The thread that owns the log: expectations in order, groups of batches, one synchronisation each.

use super::Counters;
use crate::batch::{self, MAX_BATCH_BYTES};
use crate::index::{Changes, Entry, Index, Moves, tree_key};
use crate::log::{self, Checkpoint, FRAME_HEADER, Log, SegmentHeader};
use marque_flows::ports::records::{Expect, StoreError, Write};
use std::collections::HashMap;
use std::io;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

/// Most batches in a group: what waits together shares a synchronisation, but nobody waits for more
/// than two.
const GROUP: usize = 512;

/// A group takes no further batch at this length, so it ends below twice that, far below a segment.
const GROUP_BYTES: usize = MAX_BATCH_BYTES;

/// Bytes of the buffer of a group that are kept for the next: more than groups have that come one after the other.
const KEPT_BYTES: usize = 4 * 1024 * 1024;

/// A batch that waits.
pub(super) struct Pending {
    /// Kept the limits.
    pub(super) batch: Vec<Write>,
    /// Where the answer goes; it may be gone.
    pub(super) answer: oneshot::Sender<Result<(), StoreError>>,
    /// Its share of the bytes that may wait.
    pub(super) _room: OwnedSemaphorePermit,
}

/// What the writer is told.
pub(super) enum Message {
    /// Commit this.
    Commit(Pending),
    /// Do this for a compaction.
    Upkeep(Upkeep, SyncSender<Result<(), String>>),
    /// Take nothing further, finish, and drop this when all is closed.
    Close(oneshot::Sender<()>),
}

/// What a compaction asks of whoever owns log and index. Each is short.
pub(super) enum Upkeep {
    /// Begin another segment, so that all before it are closed.
    CloseSegment,
    /// Give entries their new place.
    Move(Moves),
    /// Note that all of them have it; and the segments that were replaced.
    Note(SegmentHeader, Vec<u64>),
}

pub(super) struct Writer {
    log: Log,
    index: Index,
    next: u64,
    counters: Arc<Counters>,
    queue: mpsc::Receiver<Message>,
    /// The bytes of a group; kept, so that each has not to be given pages by the kernel anew.
    buffer: Vec<u8>,
    /// Why nothing is committed any more.
    poisoned: Option<String>,
}

/// Versions that earlier batches of the group leave, by key of the tree; `None` is deleted.
type Overlay = HashMap<Vec<u8>, Option<u64>>;

impl Writer {
    pub(super) fn new(
        log: Log,
        index: Index,
        next: u64,
        counters: Arc<Counters>,
        queue: mpsc::Receiver<Message>,
    ) -> Self {
        Self { log, index, next, counters, queue, buffer: Vec::new(), poisoned: None }
    }

    /// Runs until it is told to close or nobody is left who could commit.
    pub(super) fn run(mut self) {
        let mut closers = Vec::new();
        while let Some(message) = self.queue.blocking_recv() {
            let mut group = Vec::new();
            let mut bytes = 0;
            let mut next = Some(message);
            while let Some(message) = next {
                match message {
                    Message::Commit(pending) => {
                        bytes += FRAME_HEADER + batch::encoded_len(&pending.batch);
                        group.push(pending);
                    }
                    // Whether the batches of the group come before it or after makes no difference to it.
                    Message::Upkeep(upkeep, answer) => drop(answer.send(self.keep_up(upkeep))),
                    Message::Close(done) => {
                        self.queue.close();
                        closers.push(done);
                    }
                }
                let full = group.len() >= GROUP || bytes >= GROUP_BYTES;
                next = if full { None } else { self.queue.try_recv().ok() };
            }
            self.commit(group, bytes);
        }
        if self.poisoned.is_none()
            && let Err(error) = self.index.close()
        {
            tracing::warn!(%error, "the index was not closed; it may be rebuilt");
        }
        drop(self);
        drop(closers);
    }

    fn keep_up(&mut self, upkeep: Upkeep) -> Result<(), String> {
        if let Some(why) = &self.poisoned {
            return Err(why.clone());
        }
        let done = match upkeep {
            Upkeep::CloseSegment => {
                let closed = self.close_segment();
                return closed.map_err(|why| self.give_up(&why));
            }
            Upkeep::Move(moves) => self.index.give(&moves),
            Upkeep::Note(header, replaced) => self.index.note(&header, &replaced),
        };
        done.map_err(|e| format!("the index: {e}"))
    }

    /// Commits nothing any more: what of it is on the disk is not known before the log is read again.
    fn give_up(&mut self, why: &str) -> String {
        tracing::error!(why, "the store takes no further commit until the node is started again");
        let why = format!("it has given up until the node is started again: {why}");
        self.poisoned = Some(why.clone());
        why
    }

    /// Begins another segment with a batch of nothing, so that the checkpoint lies in it.
    fn close_segment(&mut self) -> Result<(), String> {
        let sequence = self.next;
        self.log.close_segment(sequence).map_err(|e| format!("a new segment of the log: {e}"))?;
        let (segment, salt, frame) = self.log.place();
        let mut bytes = Vec::new();
        let (crc, _) =
            log::encode_frame(&mut bytes, salt, sequence, 0, |out| batch::encode(&[], sequence, out));
        self.log.append(&bytes).map_err(|e| format!("the log: {e}"))?;
        self.next += 1;
        let end = frame + bytes.len() as u64;
        let checkpoint = Checkpoint { segment, end, next: self.next, frame, crc, group: frame };
        self.index.apply(&[], &checkpoint).map_err(|e| format!("the index: {e}"))
    }

    /// Commits a group of batches that take at most `bytes` bytes, and answers them all.
    fn commit(&mut self, group: Vec<Pending>, bytes: usize) {
        let mut answers = Vec::with_capacity(group.len());
        if self.poisoned.is_none() {
            let written = self.write(&group, bytes);
            match written {
                Ok(outcomes) => answers = outcomes,
                Err(why) => drop(self.give_up(&why)),
            }
        }
        let unavailable = || Err(StoreError::Unavailable(self.poisoned.clone().unwrap_or_default()));
        let mut answers = answers.into_iter();
        for pending in group {
            // Who no longer waits is not told.
            drop(pending.answer.send(answers.next().unwrap_or_else(unavailable)));
        }
    }

    /// One outcome for each batch of the group; `Err` where the outcome of the group is unknown.
    fn write(&mut self, group: &[Pending], bytes: usize) -> Result<Vec<Result<(), StoreError>>, String> {
        let first = self.next;
        let room = self.log.room_for(bytes as u64, first);
        room.map_err(|e| format!("a new segment of the log: {e}"))?;
        let (segment, salt, start) = self.log.place();
        let mut buffer = mem::take(&mut self.buffer);
        buffer.clear();
        buffer.reserve(bytes);
        let mut overlay = Overlay::new();
        let mut changes = Changes::new();
        let mut checkpoint = None;
        let mut outcomes = Vec::with_capacity(group.len());
        for (nth, Pending { batch, .. }) in group.iter().enumerate() {
            let keys: Vec<_> = batch.iter().map(|write| tree_key(write.table as u8, &write.key)).collect();
            let conflict = self.conflict(&overlay, batch, &keys);
            if let Some(at) = conflict.map_err(|e| format!("the index: {e}"))? {
                outcomes.push(Err(StoreError::Conflict(at)));
                continue;
            }
            outcomes.push(Ok(()));
            if batch.is_empty() {
                continue;
            }
            let sequence = self.next;
            self.next += 1;
            let frame = start + buffer.len() as u64;
            let place = u16::try_from(sequence - first).map_err(|e| e.to_string())?;
            let (crc, places) = log::encode_frame(&mut buffer, salt, sequence, place, |out| {
                batch::encode(batch, sequence, out)
            });
            // A batch names no record twice: the last one's own versions nobody asks for.
            let is_last = nth + 1 == group.len();
            for ((write, key), (offset, length)) in batch.iter().zip(keys).zip(places) {
                let entry = write.value.as_ref().map(|_| Entry {
                    segment,
                    offset: start + offset as u64,
                    length: u32::try_from(length).unwrap_or(u32::MAX),
                    version: sequence,
                });
                if !is_last {
                    overlay.insert(key.clone(), entry.map(|e| e.version));
                }
                changes.push((key, entry));
            }
            let end = start + buffer.len() as u64;
            checkpoint = Some(Checkpoint { segment, end, next: self.next, frame, crc, group: start });
        }
        if let Some(checkpoint) = checkpoint {
            let took = self.log.append(&buffer).map_err(|e| format!("the log: {e}"))?;
            self.counters.sync_seconds.observe(took.as_secs_f64());
            let applied = self.index.apply(&changes, &checkpoint);
            // Now they can be read, and nobody has been told of them.
            changes.iter().for_each(|(key, _)| self.counters.stamps.change(key));
            applied.map_err(|e| format!("the index: {e}"))?;
            self.counters.syncs.fetch_add(1, Ordering::Relaxed);
            self.counters.commits.fetch_add(self.next - first, Ordering::Relaxed);
            self.counters.bytes.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        }
        buffer.shrink_to(KEPT_BYTES);
        self.buffer = buffer;
        Ok(outcomes)
    }

    /// The first write whose expectation does not hold.
    fn conflict(&self, overlay: &Overlay, batch: &[Write], keys: &[Vec<u8>]) -> io::Result<Option<usize>> {
        for (at, (write, key)) in batch.iter().zip(keys).enumerate() {
            if write.expect == Expect::Any {
                continue;
            }
            let version = match overlay.get(key) {
                Some(version) => *version,
                None => self.index.entry(key)?.map(|e| e.version),
            };
            let holds = match write.expect {
                Expect::Any => true,
                Expect::Absent => version.is_none(),
                Expect::Version(wanted) => version == Some(wanted),
            };
            if !holds {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }
}
