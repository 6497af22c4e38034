//! Exit codes: what a script learns without reading a word (PRODUCT.md, "Command line").

use vc_schemas::code::{Class, Code};

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Done, or verified.
    Done = 0,
    /// A defect, or something on this machine that should not be.
    Internal = 1,
    /// The call is not right: mend it.
    Usage = 2,
    /// Not verified, or denied.
    Denied = 3,
    /// Revoked or suspended.
    Revoked = 4,
    /// Not found, or not to be resolved: neither good nor bad.
    NotFound = 5,
    /// Waiting for an approval.
    Waiting = 6,
    /// The node or a peer cannot be reached.
    Unreachable = 7,
    /// It collides with what is there.
    Conflict = 8,
}

impl Exit {
    /// The exit code of a refusal.
    ///
    /// A presentation or credential that cannot be read is one that was not verified: a gate in a pipe
    /// must not take it for its own mistake.
    #[must_use]
    pub const fn of(code: Code) -> Self {
        match (code, code.class()) {
            (Code::ApprovalRequired, _) => Self::Waiting,
            (Code::PresentationMalformed | Code::CredentialMalformed | Code::ContextUnknown, _) => {
                Self::Denied
            }
            (_, Class::Input) => Self::Usage,
            (_, Class::Denied) => Self::Denied,
            (_, Class::Revoked) => Self::Revoked,
            (_, Class::Unknown | Class::NotFound) => Self::NotFound,
            (_, Class::Conflict) => Self::Conflict,
            (_, Class::Unavailable) => Self::Unreachable,
            (_, Class::Internal) => Self::Internal,
        }
    }

    /// The exit code of a refusal whose code this program does not know, by its HTTP status.
    #[must_use]
    pub const fn of_http_status(status: u16) -> Self {
        match status {
            400 | 405 | 406 | 411 | 413..=415 | 501 => Self::Usage,
            404 | 410 => Self::NotFound,
            409 => Self::Conflict,
            401 | 403 => Self::Denied,
            429 | 502..=504 => Self::Unreachable,
            _ => Self::Internal,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests;
