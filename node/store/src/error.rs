//! Why a data folder does not open.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a data folder does not open. Nothing in it was changed, but for what a crash left half written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenError {
    /// Another process has the folder open.
    Locked {
        /// The lock file.
        file: PathBuf,
        /// The process that holds it, where it wrote its number down.
        pid: Option<u32>,
    },
    /// What was acknowledged does not read back as written. It takes an operator: restore the folder,
    /// or move it away and let the node catch up from its peers.
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where in it, in bytes.
        offset: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// Written by a program that knows a newer format.
    Format {
        /// The file.
        file: PathBuf,
        /// The version found in it.
        version: u32,
    },
    /// The operating system said no.
    Io {
        /// The file or folder.
        file: PathBuf,
        /// What it said.
        cause: String,
    },
}

impl OpenError {
    pub(crate) fn io(file: &Path, cause: &io::Error) -> Self {
        Self::Io { file: file.to_owned(), cause: cause.to_string() }
    }

    pub(crate) fn damaged(file: &Path, offset: u64, what: &'static str) -> Self {
        Self::Damaged { file: file.to_owned(), offset, what }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked { file, pid: Some(pid) } => {
                write!(f, "{} is held by process {pid}: one node per data folder", file.display())
            }
            Self::Locked { file, pid: None } => {
                write!(f, "{} is held by another process: one node per data folder", file.display())
            }
            Self::Damaged { file, offset, what } => {
                write!(f, "{} is damaged at byte {offset}: {what}", file.display())
            }
            Self::Format { file, version } => {
                write!(f, "{} has format {version}, which this program does not know", file.display())
            }
            Self::Io { file, cause } => write!(f, "{}: {cause}", file.display()),
        }
    }
}

impl std::error::Error for OpenError {}
