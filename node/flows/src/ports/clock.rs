//! The time and chance ports.

use did_resolver::time::UnixSeconds;
use std::fmt;

/// What time it is.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Now.
    fn now(&self) -> UnixSeconds;
}

/// Random bytes that nobody can guess.
pub trait Entropy: Send + Sync + fmt::Debug {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// [`NoEntropy`] where the system has none to give; nothing may be made from what `bytes` held.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy>;
}

/// The system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoEntropy;

impl fmt::Display for NoEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no random bytes to be had")
    }
}

impl std::error::Error for NoEntropy {}

/// Random bytes of a fixed number.
///
/// # Errors
/// [`NoEntropy`].
pub fn random<const N: usize>(entropy: &dyn Entropy) -> Result<[u8; N], NoEntropy> {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes)?;
    Ok(bytes)
}
