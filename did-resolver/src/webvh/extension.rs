//! What a received log is to the one that is held.

use crate::time::UnixSeconds;
use crate::webvh::entries::follow;
use crate::webvh::entry::Entry;
use crate::webvh::log::{lines, split};
use crate::webvh::{EntryError, Log, LogError, MAX_ENTRIES, MAX_LOG_BYTES, Version};

/// What a received log is to the one that is held. None of them changes what is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extension {
    /// The same versions.
    Same,
    /// A beginning of the held log.
    Older,
    /// The held log and more: here it is, with the held bytes as its beginning.
    Longer(Log),
    /// A valid log of the same DID that departs from the held one: proof that the controller, or
    /// whoever has its keys, wrote two histories.
    Fork {
        /// The first number at which they differ.
        at: u32,
    },
}

impl Log {
    /// As [`Self::extend_with`], for entries that no witness needs to approve.
    ///
    /// # Errors
    /// As there.
    pub fn extend(&self, received: &[u8], now: UnixSeconds) -> Result<Extension, LogError> {
        self.extend_with(received, None, now)
    }

    /// Compares a whole `did.jsonl` with this log.
    ///
    /// Versions that this log has are recognised by their bytes, all at once where the received log
    /// begins with this one; else by their versionId, which is
    /// checked to be the hash of what came; their signatures are not verified again, and the held
    /// encoding is kept. Only what is new costs signatures.
    ///
    /// What is new needs the approval of its witnesses, by the received `did-witness.json` or by what
    /// this log knows already. The log that comes out carries the proofs of both.
    ///
    /// # Errors
    /// [`LogError::OtherScid`] for a log of another DID; else as [`Self::verify_with`].
    pub fn extend_with(
        &self,
        received: &[u8],
        witness: Option<&[u8]>,
        now: UnixSeconds,
    ) -> Result<Extension, LogError> {
        if received.len() > MAX_LOG_BYTES {
            return Err(LogError::TooLong);
        }
        match self.history().strip_from(received) {
            Some([]) => Ok(Extension::Same),
            Some(new) => self.then(new, witness, now).map(Extension::Longer),
            None => self.compare(received, witness, now),
        }
    }

    /// This log with the entries of `lines` after its own, of which each is ended by a line end, but
    /// the last need not be. It costs what is new, however long this log is.
    ///
    /// What is new needs the approval of its witnesses, as for [`Self::extend_with`].
    ///
    /// # Errors
    /// As [`Self::verify_with`]; entries have the numbers that they have in the log.
    pub fn then(&self, lines: &[u8], witness: Option<&[u8]>, now: UnixSeconds) -> Result<Self, LogError> {
        let room = MAX_LOG_BYTES.saturating_sub(self.history().byte_count());
        if lines.len() > room {
            return Err(LogError::TooLong);
        }
        let held = self.head().number as usize;
        let lines: Vec<&[u8]> = split(lines).take(MAX_ENTRIES + 1).collect();
        if held + lines.len() > MAX_ENTRIES {
            return Err(LogError::TooManyEntries);
        }
        let versions = follow(Some(self.head()), &lines, now)?;
        Self::of(Some(self), versions, &lines, |all| self.approvals().follow(&all, held, witness))
    }

    /// As [`Self::extend_with`], line by line.
    fn compare(
        &self,
        received: &[u8],
        witness: Option<&[u8]>,
        now: UnixSeconds,
    ) -> Result<Extension, LogError> {
        let lines = lines(received)?;
        let held: Vec<&Version> = self.versions().collect();
        let mut held_lines = split(self.bytes());
        let (mut common, mut previous) = (0, self.scid());
        for ((line, version), number) in lines.iter().zip(&held).zip(1_u32..) {
            let held_line = held_lines.next().unwrap_or_default();
            if *line != held_line && !is_version(line, version, previous).map_err(|why| why.at(number))? {
                break;
            }
            common += 1;
            previous = &version.id;
        }
        let new = lines.get(common..).unwrap_or_default();
        if new.is_empty() {
            return Ok(if common == held.len() { Extension::Same } else { Extension::Older });
        }
        let shared = held.get(..common).unwrap_or_default();
        let versions = follow(shared.last().copied(), new, now)?;
        if shared
            .first()
            .copied()
            .or(versions.first())
            .is_none_or(|first| first.webvh().scid() != self.scid())
        {
            return Err(LogError::OtherScid);
        }
        let follow = |all: &[&Version]| self.approvals().follow(all, common, witness);
        if common == held.len() {
            return Self::of(Some(self), versions, new, |all| follow(&all)).map(Extension::Longer);
        }
        follow(&shared.iter().copied().chain(&versions).collect::<Vec<_>>())?;
        Ok(Extension::Fork { at: u32::try_from(common).unwrap_or(u32::MAX).saturating_add(1) })
    }
}

/// Whether `line` is another encoding of `version`, the one after `previous`.
fn is_version(line: &[u8], version: &Version, previous: &str) -> Result<bool, EntryError> {
    let (entry, _) = Entry::parse(line)?;
    if entry.version_id != version.id {
        return Ok(false);
    }
    entry.check_hash(previous)?;
    Ok(true)
}
