//! The life of an owner, an agent or a credential: active, suspended, revoked. Revoked is for good.

use std::fmt;

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It counts.
    Active,
    /// It does not count until it is resumed.
    Suspended,
    /// It never counts again.
    Revoked,
}

/// What an operator does to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// Stop it for the time being.
    Suspend,
    /// Let it go on.
    Resume,
    /// End it.
    Revoke,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Active, Self::Suspended, Self::Revoked];

    /// Its word in records and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
        }
    }

    /// Reads its word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.as_str() == text)
    }

    /// Where it stands after `act`. Repeating an act changes nothing and is no error, so that a caller
    /// who does not know whether the first attempt arrived may try again.
    ///
    /// # Errors
    /// [`NotAllowed`]: nothing leads out of `Revoked`, and only what is suspended can be resumed.
    pub const fn after(self, act: Act) -> Result<Self, NotAllowed> {
        match (self, act) {
            (_, Act::Revoke) => Ok(Self::Revoked),
            (Self::Active | Self::Suspended, Act::Suspend) => Ok(Self::Suspended),
            (Self::Active | Self::Suspended, Act::Resume) => Ok(Self::Active),
            (Self::Revoked, Act::Suspend | Act::Resume) => Err(NotAllowed),
        }
    }
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Suspend, Self::Resume, Self::Revoke];

    /// Its word in paths and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Revoke => "revoke",
        }
    }

    /// Reads its word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.as_str() == text)
    }
}

/// The act is not possible where the thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAllowed;

impl fmt::Display for NotAllowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what is revoked stays revoked")
    }
}

impl std::error::Error for NotAllowed {}

#[cfg(test)]
mod tests;
