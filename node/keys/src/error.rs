//! Why a key cannot be used.

use std::fmt;

/// Why a key, or all that is kept with it, cannot be used. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The module cannot be loaded, or does not start.
    Module(String),
    /// No token has that label.
    NoToken(String),
    /// More than one token has that label.
    SeveralTokens(String),
    /// The token has no PIN of its user yet.
    NoPin,
    /// The token said no to the PIN. It is not given again: a token locks after a few.
    WrongPin,
    /// The token is locked, or would be by one more wrong PIN.
    Locked,
    /// There is no key of that name.
    Missing(String),
    /// There is a key of that name already, or more than one.
    Taken(String),
    /// The key of that name is of another kind, or what is said of it cannot be read.
    NotAKey(String),
    /// The key of that name could be taken out of its token.
    Unprotected(String),
    /// The token makes no keys of that kind.
    Kind(String),
    /// What the token signed does not verify by its key: nothing of it is used.
    Faulty(String),
    /// The token was there and is gone, and was looked for in vain.
    Lost(String),
    /// Too many wait already.
    Busy,
    /// No answer in time.
    Late,
    /// There is no keyring, or it stays locked.
    NoKeyring(String),
    /// Whatever else was answered.
    Other(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Module(cause) => write!(f, "the PKCS#11 module cannot be used: {cause}"),
            Self::NoToken(label) => write!(f, "the module has no token of the label \"{label}\""),
            Self::SeveralTokens(label) => {
                write!(f, "the module has more than one token of the label \"{label}\"")
            }
            Self::NoPin => f.write_str("the token has no user PIN yet"),
            Self::WrongPin => f.write_str("the token refuses the PIN"),
            Self::Locked => f.write_str("the token is locked, or would be after one more wrong PIN"),
            Self::Missing(name) => write!(f, "there is no key \"{name}\""),
            Self::Taken(name) => write!(f, "there is a key \"{name}\" already"),
            Self::NotAKey(name) => write!(f, "the key \"{name}\" is of another kind"),
            Self::Unprotected(name) => write!(f, "the key \"{name}\" could be taken out of its token"),
            Self::Kind(cause) => write!(f, "the token makes no such keys: {cause}"),
            Self::Faulty(name) => write!(f, "what the token signed as \"{name}\" does not verify"),
            Self::Lost(cause) => write!(f, "the token is gone: {cause}"),
            Self::Busy => f.write_str("too many wait for the token"),
            Self::Late => f.write_str("the token does not answer"),
            Self::NoKeyring(cause) => write!(f, "there is no keyring that can be used: {cause}"),
            Self::Other(cause) => f.write_str(cause),
        }
    }
}

impl std::error::Error for Error {}
