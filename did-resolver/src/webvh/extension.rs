//! What a received log is to the one that is held.

use crate::time::UnixSeconds;
use crate::webvh::entry::Entry;
use crate::webvh::log::{follow, lines};
use crate::webvh::{EntryError, Log, LogError, Version};

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
    /// Versions that this log has are recognised by their bytes, else by their versionId, which is
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
        let lines = lines(received)?;
        let mut held_lines = self.bytes().split(|b| *b == b'\n');
        let (mut common, mut previous) = (0, self.scid());
        for ((line, version), number) in lines.iter().zip(self.versions()).zip(1_u32..) {
            let held = held_lines.next().unwrap_or_default();
            if *line != held && !is_version(line, version, previous).map_err(|why| why.at(number))? {
                break;
            }
            common += 1;
            previous = &version.id;
        }
        let mut versions = self.shared_versions();
        let held = versions.len();
        let new = lines.get(common..).unwrap_or_default();
        if new.is_empty() {
            return Ok(if common == held { Extension::Same } else { Extension::Older });
        }
        versions.truncate(common);
        follow(&mut versions, new, now)?;
        if versions.first().is_none_or(|first| first.webvh().scid() != self.scid()) {
            return Err(LogError::OtherScid);
        }
        let approvals = self.approvals().follow(&versions, common, witness)?;
        if common < held {
            return Ok(Extension::Fork { at: u32::try_from(common).unwrap_or(u32::MAX).saturating_add(1) });
        }
        let held_lines = self.bytes().split(|b| *b == b'\n').take(held);
        let all: Vec<&[u8]> = held_lines.chain(new.iter().copied()).collect();
        Ok(Extension::Longer(Self::of(versions, &all, approvals)?))
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
