//! Compaction: closed segments are written anew with what is live in them, while the store goes on.
//!
//! One pass goes through all closed segments in the order of the log. For each run of them it writes one segment,
//! gives it its name once it is durable, has the writer give each entry of the index its new place and note that
//! this is done, and only then takes the old files away. Whatever interrupts it, the next opening finds either the
//! old files, or the new one that stands for them.
//!
//! A pass leaves nothing dead behind it, but for what died meanwhile. So a deletion that it comes to has no earlier
//! record left that could return, and goes with the dead; deletions that it has not come to stay.

use super::Open;
use super::writer::{Message, Upkeep};
use crate::batch::{self, COUNT_BYTES};
use crate::disk::Disk;
use crate::error::OpenError;
use crate::index::{Index, Share, moves_of, tree_key};
use crate::log::{self, Compacted, FRAME_HEADER, Rewrite, SegmentHeader, Segments, number_of};
use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc::WeakSender;
use tokio::sync::mpsc::error::TrySendError;

/// How long the queue of the writer is given where it is full.
const FULL_QUEUE: Duration = Duration::from_millis(1);

/// What there is to compact, and what a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compaction {
    /// Bytes of closed segments before the pass.
    pub closed: u64,
    /// Those of them, at least, that were dead.
    pub dead: u64,
    /// Bytes of the segments that were replaced.
    pub replaced: u64,
    /// Bytes of those in their place.
    pub written: u64,
}

/// Told of the bytes that were read or written since the last call, and of those of all closed segments.
pub(super) type Step<'a> = dyn FnMut(u64, u64) + 'a;

/// What compacts one store.
#[derive(Debug)]
pub(super) struct Compactor {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    pub(super) segment_bytes: u64,
    pub(super) open: Arc<RwLock<Option<Open>>>,
    pub(super) queue: WeakSender<Message>,
    /// Whether it is told to stop.
    pub(super) stop: AtomicBool,
    /// Held for a pass; whether one left what only an opening puts right.
    pub(super) given_up: Mutex<bool>,
}

/// Segments in a row that one is to stand for, and the sequence number behind them.
#[derive(Default)]
struct Job {
    headers: Vec<SegmentHeader>,
    until: u64,
    bytes: u64,
}

impl Compactor {
    /// Waits until no pass is under way, and keeps the next one waiting.
    pub(super) fn quiet(&self) -> MutexGuard<'_, bool> {
        self.given_up.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compacts all closed segments; all there are, where the open one is closed before (`close`). Only measures
    /// where `begins` says so of what it measured.
    ///
    /// # Errors
    /// [`OpenError`]: what is in the store is there as before, and commits go on.
    pub(super) fn pass(
        &self,
        close: bool,
        begins: impl FnOnce(&Compaction) -> bool,
        step: &mut Step<'_>,
    ) -> Result<Compaction, OpenError> {
        let mut given_up = self.quiet();
        if *given_up {
            return Err(self.failed("a compaction failed: open the store again before the next"));
        }
        let index = self.with_open(|open| open.index.clone())?;
        if close {
            self.ask(Upkeep::CloseSegment)?;
        }
        // What is closed now was applied; flushed, the index will never again be older than it.
        let reached = index.checkpoint().map_err(|e| self.failed(e))?;
        index.flush().map_err(|e| self.failed(e))?;
        let found = Segments::find(&self.disk, &self.dir)?;
        if let Some(wrong) = found.wrong.into_iter().next() {
            return Err(wrong);
        }
        let segments = found.segments;
        let shares = index.shares().map_err(|e| self.failed(e))?;
        let mut done = Compaction::default();
        let jobs = self.jobs(&segments, number_of(reached.segment), &shares, &mut done)?;
        if !begins(&done) {
            return Ok(done);
        }
        let generation = segments.generation().saturating_add(1);
        for job in jobs {
            let mut step = |bytes| {
                step(bytes, done.closed);
                if self.stop.load(Ordering::Relaxed) { Err(self.failed("the store closes")) } else { Ok(()) }
            };
            let header = self.write(&segments, &job, generation, &index, &mut step)?;
            // From here on an error leaves what only an opening puts right.
            *given_up = true;
            self.put_in_place(&segments, &job, &header, &index, &mut step)?;
            *given_up = false;
            done.replaced += job.bytes;
            done.written += header.compacted.map_or(0, |compacted| compacted.length);
        }
        Ok(done)
    }

    /// What is to be done to the segments before that with number `before`. Each job ends where what is live in it
    /// would no longer fit in a segment; one that would change nothing is left out.
    fn jobs(
        &self,
        segments: &Segments,
        before: u64,
        shares: &BTreeMap<u64, Share>,
        done: &mut Compaction,
    ) -> Result<Vec<Job>, OpenError> {
        let (mut jobs, mut job, mut live) = (Vec::new(), Job::default(), 0_u64);
        for (header, next) in segments.headers().iter().zip(segments.headers().iter().skip(1)) {
            if header.number >= before {
                break;
            }
            let share = shares.get(&header.id()).copied().unwrap_or_default();
            let length = segments.length(header)?;
            // Each as if it stood in a frame of its own: more than there is, so that what is dead is no guess.
            let frames = share.entries.saturating_mul((FRAME_HEADER + COUNT_BYTES) as u64);
            let live_here = share.bytes.saturating_add(frames).saturating_add(header.bytes()).min(length);
            done.closed += length;
            done.dead += length - live_here;
            if !job.headers.is_empty() && live + live_here > self.segment_bytes {
                jobs.push(mem::take(&mut job));
                live = 0;
            }
            job.headers.push(*header);
            (job.until, job.bytes, live) = (next.first, job.bytes + length, live + live_here);
        }
        jobs.push(job);
        jobs.retain(|job| match job.headers.as_slice() {
            [] => false,
            [one] => {
                let entries = shares.get(&one.id()).map_or(0, |share| share.entries);
                one.compacted.is_none_or(|compacted| compacted.writes != entries)
            }
            _ => true,
        });
        Ok(jobs)
    }

    /// Writes what is live of `job`, durably, under a name that does not count yet.
    fn write(
        &self,
        segments: &Segments,
        job: &Job,
        generation: u32,
        index: &Index,
        step: &mut dyn FnMut(u64) -> Result<(), OpenError>,
    ) -> Result<SegmentHeader, OpenError> {
        let ends = job.headers.first().zip(job.headers.last());
        let (first, last) = ends.ok_or_else(|| self.failed("nothing to compact"))?;
        let compacted = Compacted { generation, from: first.from(), until: job.until, length: 0, writes: 0 };
        let rewrite = Rewrite::begin(&self.disk, &self.dir, (last.number, first.first), compacted);
        let mut rewrite = rewrite.map_err(|e| self.failed(e))?;
        let mut copy = || {
            for header in &job.headers {
                let path = segments.path(header);
                segments.scan_one(header, &mut |frame| {
                    let at = frame.checkpoint;
                    let writes = batch::decode(frame.body, frame.sequence)
                        .ok_or_else(|| OpenError::damaged(&path, at.frame, "a frame that is no batch"))?;
                    let mut live = Vec::with_capacity(writes.len());
                    for write in writes.iter().filter(|write| write.value.is_some()) {
                        let entry = index.entry(&tree_key(write.table, write.key));
                        let entry = entry.map_err(|e| self.failed(e))?;
                        let (from, length) = write.place;
                        if entry.is_some_and(|entry| entry.version == frame.sequence) {
                            live.extend(frame.body.get(from..from + length));
                        }
                    }
                    if !live.is_empty() {
                        rewrite.add(frame.sequence, &live).map_err(|e| self.failed(e))?;
                    }
                    let written: usize = live.iter().map(|write| write.len()).sum();
                    step(at.end - at.frame + written as u64)
                })?;
            }
            rewrite.finish().map_err(|e| self.failed(e))
        };
        let copied = copy();
        if copied.is_err() {
            rewrite.discard();
        }
        copied
    }

    /// Lets a written segment stand for what it replaces, and takes that away.
    fn put_in_place(
        &self,
        segments: &Segments,
        job: &Job,
        header: &SegmentHeader,
        index: &Index,
        step: &mut dyn FnMut(u64) -> Result<(), OpenError>,
    ) -> Result<(), OpenError> {
        log::put_in_place(self.disk.as_ref(), &self.dir, header).map_err(|e| self.failed(e))?;
        moves_of(segments, header, &mut |moves| {
            step(moves.iter().map(|(_, entry)| u64::from(entry.length)).sum())?;
            self.ask(Upkeep::Move(moves))
        })?;
        let replaced: Vec<u64> = job.headers.iter().map(SegmentHeader::id).collect();
        self.ask(Upkeep::Note(*header, replaced.clone()))?;
        // An index that went back to before this would name files that are gone.
        index.flush().map_err(|e| self.failed(e))?;
        for old in &job.headers {
            self.disk.remove(&segments.path(old)).map_err(|e| self.failed(e))?;
        }
        self.disk.sync_dir(&self.dir).map_err(|e| self.failed(e))?;
        self.with_open(|open| replaced.iter().for_each(|id| open.reader.forget(*id)))
    }

    /// Has the writer do something, and waits until it is done.
    fn ask(&self, upkeep: Upkeep) -> Result<(), OpenError> {
        let closed = || self.failed("the store is closed");
        let (answer, answered) = sync_channel(1);
        let mut message = Message::Upkeep(upkeep, answer);
        let queue = self.queue.upgrade().ok_or_else(closed)?;
        loop {
            match queue.try_send(message) {
                Ok(()) => break,
                Err(TrySendError::Closed(_)) => return Err(closed()),
                Err(TrySendError::Full(back)) => {
                    message = back;
                    thread::sleep(FULL_QUEUE);
                }
            }
        }
        drop(queue);
        answered.recv().map_err(|_| closed())?.map_err(|why| self.failed(why))
    }

    fn with_open<T>(&self, take: impl FnOnce(&Open) -> T) -> Result<T, OpenError> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.as_ref().map(take).ok_or_else(|| self.failed("the store is closed"))
    }

    fn failed(&self, cause: impl ToString) -> OpenError {
        OpenError::io(&self.dir, &io::Error::other(cause.to_string()))
    }
}
