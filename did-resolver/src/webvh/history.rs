//! The versions and bytes of a log, shared between it and every log that extends it.
//!
//! What came at once is one segment that stays where it is: extending costs what is new, whatever
//! came before.

use crate::webvh::Version;
use std::sync::{Arc, OnceLock};

/// A log's versions, never none, and its bytes, each entry ended by a line end.
#[derive(Debug, Clone)]
pub(crate) struct History(Arc<Segment>);

#[derive(Debug)]
struct Segment {
    before: Option<History>,
    /// All but the last; so that there is always a head.
    earlier: Vec<Version>,
    head: Version,
    bytes: Vec<u8>,
    /// How many bytes are before.
    start: usize,
    /// All bytes, where they were asked for and there is a segment before.
    joined: OnceLock<Vec<u8>>,
}

impl History {
    /// `versions` after those of `before`, of which `bytes` are the lines. `None` without versions.
    pub(crate) fn new(before: Option<&Self>, mut versions: Vec<Version>, bytes: Vec<u8>) -> Option<Self> {
        let head = versions.pop()?;
        Some(Self(Arc::new(Segment {
            start: before.map_or(0, Self::byte_count),
            before: before.cloned(),
            earlier: versions,
            head,
            bytes,
            joined: OnceLock::new(),
        })))
    }

    /// The newest version.
    pub(crate) fn head(&self) -> &Version {
        &self.0.head
    }

    /// All versions, oldest first.
    pub(crate) fn versions(&self) -> impl DoubleEndedIterator<Item = &Version> {
        let newest_first: Vec<&Segment> = self.segments().collect();
        newest_first
            .into_iter()
            .rev()
            .flat_map(|segment| segment.earlier.iter().chain(std::iter::once(&segment.head)))
    }

    /// How long [`Self::bytes`] are.
    pub(crate) fn byte_count(&self) -> usize {
        self.0.start + self.0.bytes.len()
    }

    /// All bytes. They are joined when this is first asked.
    pub(crate) fn bytes(&self) -> &[u8] {
        if self.0.before.is_none() {
            return &self.0.bytes;
        }
        self.0.joined.get_or_init(|| {
            let mut parts: Vec<&[u8]> = self.segments().map(|segment| segment.bytes.as_slice()).collect();
            parts.reverse();
            parts.concat()
        })
    }

    /// What follows where `received` begins with all bytes.
    pub(crate) fn strip_from<'a>(&self, received: &'a [u8]) -> Option<&'a [u8]> {
        let held = |segment: &Segment| {
            received.get(segment.start..).is_some_and(|rest| rest.starts_with(&segment.bytes))
        };
        if self.segments().all(held) { received.get(self.byte_count()..) } else { None }
    }

    /// Newest first.
    fn segments(&self) -> impl Iterator<Item = &Segment> {
        std::iter::successors(Some(&*self.0), |segment| segment.before.as_ref().map(|before| &*before.0))
    }
}

impl Drop for Segment {
    /// One after the other, not one inside the other: a log may have been extended 2,000 times.
    fn drop(&mut self) {
        let mut next = self.before.take();
        while let Some(mut segment) = next.and_then(|history| Arc::into_inner(history.0)) {
            next = segment.before.take();
        }
    }
}
