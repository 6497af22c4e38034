//! Nonces that a verifier gives, without remembering them: each carries its expiry and a MAC.
//!
//! Giving a nonce costs no memory, so nobody can fill it. What is remembered is that a nonce was
//! used, from the verification that used it until the nonce expires; after that its date refuses it.
//! The MAC key lives as long as the process: a restart forgets the used ones together with all that
//! were given. Processes that share a store share a key in it, and keep there what was used.

use aws_lc_rs::hmac;
use did_resolver::codec;
use did_resolver::time::UnixSeconds;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// How long a nonce is honoured. A person pastes it from one terminal into another.
pub const NONCE_LIFE: Duration = Duration::from_secs(300);

/// Most used nonces that are remembered. Each took a whole successful verification, of which a node
/// does some thousands a second at most, for [`NONCE_LIFE`]; beyond this, verification stops.
pub const MAX_USED: usize = 1_000_000;

/// Random bytes in a nonce.
pub const NONCE_RANDOM_BYTES: usize = 16;

/// Bytes of the MAC that stand in the nonce.
const TAG_BYTES: usize = 16;

/// Gives nonces and recognises them.
pub struct Nonces {
    key: hmac::Key,
    used: BTreeMap<[u8; NONCE_RANDOM_BYTES], UnixSeconds>,
}

impl Nonces {
    /// With a key of 32 random bytes.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), used: BTreeMap::new() }
    }

    /// A new nonce, good for [`NONCE_LIFE`].
    #[must_use]
    pub fn mint(&self, random: [u8; NONCE_RANDOM_BYTES], now: UnixSeconds) -> String {
        let expires = now.plus(NONCE_LIFE).get().to_be_bytes();
        let body = [&expires[..], &random].concat();
        let tag = hmac::sign(&self.key, &body);
        codec::to_base64url(&[&body, tag.as_ref().get(..TAG_BYTES).unwrap_or_default()].concat())
    }

    /// Whether this verifier gave `nonce` and still honours it. Whether it was used is asked by
    /// [`Nonces::claim`].
    ///
    /// # Errors
    /// [`NonceError::NotGiven`].
    pub fn recognise(&self, nonce: &str, now: UnixSeconds) -> Result<(), NonceError> {
        self.open(nonce, now).map(|_| ())
    }

    /// Uses up a nonce: of all calls with one nonce, one succeeds.
    ///
    /// # Errors
    /// [`NonceError`].
    pub fn claim(&mut self, nonce: &str, now: UnixSeconds) -> Result<(), NonceError> {
        let (random, expires) = self.open(nonce, now)?;
        if self.used.contains_key(&random) {
            return Err(NonceError::Used);
        }
        if self.used.len() >= MAX_USED {
            self.used.retain(|_, expires| *expires > now);
        }
        if self.used.len() >= MAX_USED {
            return Err(NonceError::Full);
        }
        self.used.insert(random, expires);
        Ok(())
    }

    /// The random part of a nonce that is honoured, and when it ends: what a claim of it is kept under where
    /// several processes give nonces with one key.
    ///
    /// # Errors
    /// [`NonceError::NotGiven`].
    pub fn place(
        &self,
        nonce: &str,
        now: UnixSeconds,
    ) -> Result<([u8; NONCE_RANDOM_BYTES], UnixSeconds), NonceError> {
        self.open(nonce, now)
    }

    fn open(
        &self,
        nonce: &str,
        now: UnixSeconds,
    ) -> Result<([u8; NONCE_RANDOM_BYTES], UnixSeconds), NonceError> {
        let bytes = codec::from_base64url(nonce).map_err(|_| NonceError::NotGiven)?;
        let (body, tag) = bytes.split_at_checked(8 + NONCE_RANDOM_BYTES).ok_or(NonceError::NotGiven)?;
        let expected = hmac::sign(&self.key, body);
        let expected = expected.as_ref().get(..TAG_BYTES).unwrap_or_default();
        if aws_lc_rs::constant_time::verify_slices_are_equal(expected, tag).is_err() {
            return Err(NonceError::NotGiven);
        }
        let (expires, random) = body.split_at_checked(8).ok_or(NonceError::NotGiven)?;
        let expires =
            UnixSeconds::new(u64::from_be_bytes(expires.try_into().map_err(|_| NonceError::NotGiven)?));
        if expires <= now {
            return Err(NonceError::NotGiven);
        }
        Ok((random.try_into().map_err(|_| NonceError::NotGiven)?, expires))
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nonces").field("used", &self.used.len()).finish_non_exhaustive()
    }
}

/// Why a nonce was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NonceError {
    /// Not one that this verifier gave and still honours.
    NotGiven,
    /// Used before.
    Used,
    /// Too many are in use to remember one more.
    Full,
}

impl fmt::Display for NonceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotGiven => "not a nonce that was given and is still honoured",
            Self::Used => "the nonce was used before",
            Self::Full => "too many nonces are in use",
        })
    }
}

impl std::error::Error for NonceError {}

#[cfg(test)]
mod tests;
