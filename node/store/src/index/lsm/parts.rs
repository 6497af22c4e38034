//! What was applied and is not on the disk yet: each key once, with what was said of it last.

use super::{Change, Pair};
use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::iter;
use std::ops::Bound;
use std::sync::Arc;

/// What a row takes beside its key and value, about.
const ROW_BYTES: usize = 64;

/// Rows, and (`None`) keys that were removed.
pub(super) type Part = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// A row, or a key that was removed.
pub(super) type Said = (Vec<u8>, Option<Vec<u8>>);

/// Both ends of a range of keys that may be empty, but does not begin behind its end.
pub(super) type Range<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

/// Rows of one place, in order.
pub(super) type Source<'a> = Box<dyn Iterator<Item = io::Result<Said>> + 'a>;

/// The part that is filled, and those that wait to be written.
#[derive(Default)]
pub(super) struct Parts {
    filled: Part,
    /// Changes that went into it, and what its rows take.
    changes: usize,
    bytes: usize,
    /// The oldest first.
    sealed: VecDeque<Arc<Part>>,
}

/// What the parts held at one moment of a range.
pub(super) struct Look {
    /// Of the part that is filled.
    filled: Vec<Said>,
    /// The oldest first.
    sealed: VecDeque<Arc<Part>>,
}

impl Parts {
    /// What was said of a key last, if it is not on the disk.
    pub(super) fn get(&self, key: &[u8]) -> Option<&Option<Vec<u8>>> {
        self.filled.get(key).or_else(|| self.sealed.iter().rev().find_map(|part| part.get(key)))
    }

    pub(super) fn apply(&mut self, changes: &[Change<'_>]) {
        for (key, value) in changes {
            let bytes = ROW_BYTES + key.len() + value.as_ref().map_or(0, Vec::len);
            if self.filled.insert(key.to_vec(), value.clone()).is_none() {
                self.bytes = self.bytes.saturating_add(bytes);
            }
        }
        self.changes = self.changes.saturating_add(changes.len());
    }

    /// Whether the part that is filled holds that much.
    pub(super) fn is_full(&self, bytes: usize, changes: usize) -> bool {
        self.bytes >= bytes || self.changes >= changes
    }

    /// Begins another part. What was applied by then waits to be written.
    pub(super) fn seal(&mut self) {
        if !self.filled.is_empty() {
            self.sealed.push_back(Arc::new(std::mem::take(&mut self.filled)));
        }
        (self.changes, self.bytes) = (0, 0);
    }

    /// How many wait to be written.
    pub(super) fn waiting(&self) -> usize {
        self.sealed.len()
    }

    /// The one to be written next.
    pub(super) fn oldest(&self) -> Option<Arc<Part>> {
        self.sealed.front().cloned()
    }

    /// Lets go of the one that was written.
    pub(super) fn written(&mut self) -> Option<Arc<Part>> {
        self.sealed.pop_front()
    }

    /// Rows and removals in all of them.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.filled.len() + self.sealed.iter().map(|part| part.len()).sum::<usize>()
    }

    /// What they hold of a range, as far as `limit` rows of it need.
    pub(super) fn look(&self, range: Range<'_>, limit: usize, is_backwards: bool) -> Look {
        let rows = self.filled.range::<[u8], _>(range);
        // Whatever else there is: the newest rows are among those that are asked for, so no more of them are.
        let filled = if is_backwards { upto(rows.rev(), limit) } else { upto(rows, limit) };
        Look { filled, sealed: self.sealed.clone() }
    }
}

/// Rows until `limit` of them are not removals.
fn upto<'a>(rows: impl Iterator<Item = (&'a Vec<u8>, &'a Option<Vec<u8>>)>, limit: usize) -> Vec<Said> {
    let mut left = limit;
    let rows = rows.take_while(|(_, value)| {
        let is_wanted = left > 0;
        left = left.saturating_sub(usize::from(value.is_some()));
        is_wanted
    });
    rows.map(|(key, value)| (key.clone(), value.clone())).collect()
}

impl Look {
    /// The rows of the range: what the parts hold of it, and of other keys what `older` does.
    pub(super) fn over<'a>(
        &'a self,
        older: Source<'a>,
        range: Range<'a>,
        is_backwards: bool,
    ) -> impl Iterator<Item = io::Result<Pair>> + 'a {
        let owned = |(key, value): (&Vec<u8>, &Option<Vec<u8>>)| Ok((key.clone(), value.clone()));
        let mut sources: Vec<Source<'a>> = vec![Box::new(self.filled.iter().cloned().map(Ok))];
        for part in self.sealed.iter().rev() {
            let rows = part.range::<[u8], _>(range);
            sources.push(if is_backwards {
                Box::new(rows.rev().map(owned))
            } else {
                Box::new(rows.map(owned))
            });
        }
        sources.push(older);
        merged(sources, is_backwards)
    }
}

/// The rows of all sources in order, of each key what the first that has it says.
fn merged(mut sources: Vec<Source<'_>>, is_backwards: bool) -> impl Iterator<Item = io::Result<Pair>> {
    let mut heads: Vec<Option<io::Result<Said>>> = sources.iter_mut().map(Iterator::next).collect();
    iter::from_fn(move || {
        loop {
            let (mut first, mut key) = (None, None::<&Vec<u8>>);
            for (n, head) in heads.iter().enumerate() {
                match head {
                    None => {}
                    Some(Err(_)) => (first, key) = (Some(n), None),
                    Some(Ok((other, _))) => {
                        let wanted = if is_backwards { Ordering::Greater } else { Ordering::Less };
                        if first.is_none() || key.is_some_and(|key| other.cmp(key) == wanted) {
                            (first, key) = (Some(n), Some(other));
                        }
                    }
                }
            }
            let (head, source) = (heads.get_mut(first?)?, sources.get_mut(first?)?);
            let (key, value) = match std::mem::replace(head, source.next())? {
                Ok(said) => said,
                Err(error) => return Some(Err(error)),
            };
            for (head, source) in heads.iter_mut().zip(&mut sources) {
                if head.as_ref().is_some_and(|head| head.as_ref().is_ok_and(|(other, _)| *other == key)) {
                    *head = source.next();
                }
            }
            if let Some(value) = value {
                return Some(Ok((key, value)));
            }
        }
    })
}

#[cfg(test)]
mod tests;
