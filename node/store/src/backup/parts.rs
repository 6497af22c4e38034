//! What stands inside a backup, one part after the other: `tag u8 · name length u16 · length u64 · name · bytes`,
//! little-endian. First the head, then files, then the segments of the log, last what all of it came to.

use super::{BackupError, sealed};
use std::io::{self, Read, Write};

/// Longest name: a folder or two, and a name of the longest.
const MAX_NAME: usize = 512;

/// Longest head, and longest account of what there is.
const MAX_JSON: u64 = 64 * 1024;

/// Longest file: a wallet at its cap.
pub(super) const MAX_FILE: u64 = 16 * 1024 * 1024;

/// Longest segment: one of the usual length grows by a group of commits at most, or a compaction by a batch.
const MAX_SEGMENT: u64 = 4 * crate::log::SEGMENT_BYTES;

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Tag {
    /// What whoever made it says of it.
    Head = 1,
    /// A file of the data folder.
    File = 2,
    /// A segment of the object log.
    Segment = 3,
    /// What the parts before it came to.
    Account = 4,
}

impl Tag {
    const ALL: [Self; 4] = [Self::Head, Self::File, Self::Segment, Self::Account];

    const fn longest(self) -> u64 {
        match self {
            Self::Head | Self::Account => MAX_JSON,
            Self::File => MAX_FILE,
            Self::Segment => MAX_SEGMENT,
        }
    }
}

/// What stands before the bytes of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) tag: Tag,
    pub(super) name: String,
    pub(super) length: u64,
}

impl Part {
    /// Writes what stands before the bytes; the caller writes these.
    pub(super) fn begin(&self, out: &mut dyn Write) -> Result<(), BackupError> {
        let length = u16::try_from(self.name.len()).ok().filter(|_| self.is_bounded());
        let length = length.ok_or_else(|| BackupError::Io(format!("{}: too long", self.name)))?;
        out.write_all(&[self.tag as u8])?;
        out.write_all(&length.to_le_bytes())?;
        out.write_all(&self.length.to_le_bytes())?;
        Ok(out.write_all(self.name.as_bytes())?)
    }

    /// Reads what stands before the bytes; `None` at the end.
    pub(super) fn next(from: &mut dyn Read) -> Result<Option<Self>, BackupError> {
        let mut tag = [0];
        if from.read(&mut tag).map_err(unread)? == 0 {
            return Ok(None);
        }
        let (mut name_length, mut length) = ([0; 2], [0; 8]);
        from.read_exact(&mut name_length).and_then(|()| from.read_exact(&mut length)).map_err(unread)?;
        let tag = Tag::ALL.into_iter().find(|known| *known as u8 == tag[0]);
        let tag = tag.ok_or(BackupError::Damaged("it has a part that this program does not know"))?;
        let mut name = vec![0; usize::from(u16::from_le_bytes(name_length)).min(MAX_NAME + 1)];
        from.read_exact(&mut name).map_err(unread)?;
        let name = String::from_utf8(name).map_err(|_| BackupError::Damaged("a name that is no text"))?;
        let part = Self { tag, name, length: u64::from_le_bytes(length) };
        if part.is_bounded() { Ok(Some(part)) } else { Err(BackupError::Damaged("a part is too long")) }
    }

    /// The bytes of a part that is no segment.
    pub(super) fn bytes(&self, from: &mut dyn Read) -> Result<Vec<u8>, BackupError> {
        let mut bytes = Vec::new();
        let read = from.take(self.length).read_to_end(&mut bytes).map_err(unread)?;
        if read as u64 == self.length { Ok(bytes) } else { Err(BackupError::Damaged("a part ends early")) }
    }

    fn is_bounded(&self) -> bool {
        self.name.len() <= MAX_NAME && self.length <= self.tag.longest()
    }
}

/// Why a backup does not read: it was changed, or the system does not let it be read.
pub(super) fn unread(error: io::Error) -> BackupError {
    match error.kind() {
        io::ErrorKind::InvalidData => BackupError::Damaged(sealed::CHANGED),
        io::ErrorKind::UnexpectedEof => BackupError::Damaged("a part ends early"),
        _ => error.into(),
    }
}
