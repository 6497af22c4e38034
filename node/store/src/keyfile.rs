//! Secret keys at rest: one JSON file, encrypted under a passphrase.
//!
//! ```json
//! {"marque":"keyfile","v":1,
//!  "kdf":{"name":"argon2id","m_kib":19456,"t":2,"p":1,"salt":"…","check":"…"},
//!  "cipher":"xchacha20poly1305","nonce":"…","ciphertext":"…"}
//! ```
//!
//! Argon2id (RFC 9106) makes 48 bytes of passphrase and salt: a key, and 16 bytes that stand in the file
//! as `check`, so that a wrong passphrase can be told from a changed file. The key encrypts
//! `{"<name>":{"kind":"Ed25519","secret":"…"}}` by XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha), with all
//! members but `nonce` and `ciphertext` as associated data. Bytes are base64url.

pub(crate) mod sealed;

use crate::disk::{self, Machine};
use crate::files;
use crate::secret::{Passphrase, SecretError, SecretKey};
use sealed::{Header, KdfHeader, Sealed, open_keys, seal_keys};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Longest key file. A key takes some 150 bytes, so thousands fit.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;

/// Longest name of a key, in bytes: a DID URL at its cap.
pub const MAX_NAME_BYTES: usize = 2_048;

/// Bytes of the salt, as RFC 9106, section 3.1 recommends.
pub(crate) const SALT_BYTES: usize = 16;

/// Bytes of the key of the cipher, which Argon2id makes first.
pub(crate) const KEY_BYTES: usize = 32;

/// Bytes of `check`, which it makes next.
pub(crate) const CHECK_BYTES: usize = 16;

/// How much work a guess at the passphrase costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kdf {
    /// Memory, in KiB; from 8 for each lane to [`Kdf::MAX_M_KIB`].
    pub m_kib: u32,
    /// Passes; 1 to [`Kdf::MAX_T`].
    pub t: u32,
    /// Lanes; 1 to [`Kdf::MAX_P`].
    pub p: u32,
}

impl Kdf {
    /// Most memory that a file can ask of its reader: 1 GiB.
    pub const MAX_M_KIB: u32 = 1024 * 1024;

    /// Most passes that a file can ask of its reader: some seconds at the most memory.
    pub const MAX_T: u32 = 16;

    /// Most lanes.
    pub const MAX_P: u32 = 16;

    fn is_bounded(self) -> bool {
        (1..=Self::MAX_P).contains(&self.p)
            && (1..=Self::MAX_T).contains(&self.t)
            && (8 * self.p..=Self::MAX_M_KIB).contains(&self.m_kib)
    }
}

impl Default for Kdf {
    /// The first choice of the OWASP Password Storage Cheat Sheet that fits a small machine: 19 MiB, two
    /// passes, one lane.
    fn default() -> Self {
        Self { m_kib: 19_456, t: 2, p: 1 }
    }
}

/// A key file, open: its keys, and what it takes to write it again. One owner at a time: what another
/// process saved since is overwritten.
pub struct KeyFile {
    path: PathBuf,
    kdf: KdfHeader,
    key: Zeroizing<[u8; KEY_BYTES]>,
    keys: BTreeMap<String, SecretKey>,
}

impl KeyFile {
    /// Makes a file without keys, readable by its owner only.
    ///
    /// # Errors
    /// [`KeyFileError::Exists`] where there is a file: a key file is never overwritten by a new one.
    pub fn create(path: &Path, passphrase: &Passphrase, kdf: Kdf) -> Result<Self, KeyFileError> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(|_| SecretError::Entropy)?;
        let (key, check) = stretch(passphrase, kdf, &salt)?;
        let kdf = KdfHeader::new(kdf, &salt, &check);
        let file = Self { path: path.to_owned(), kdf, key, keys: BTreeMap::new() };
        files::place(path, &file.seal()?).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => KeyFileError::Exists,
            _ => file.io(&e),
        })?;
        Ok(file)
    }

    /// Reads a file and all keys in it.
    ///
    /// # Errors
    /// [`KeyFileError::TooLarge`], [`KeyFileError::Malformed`] and [`KeyFileError::Version`] before any
    /// work; [`KeyFileError::WrongPassphrase`]; [`KeyFileError::Tampered`] where the passphrase is right
    /// and the content is not what was saved.
    pub fn open(path: &Path, passphrase: &Passphrase) -> Result<Self, KeyFileError> {
        let io = |e: io::Error| KeyFileError::Io(format!("{}: {e}", path.display()));
        let bytes = files::read_bounded(path, MAX_FILE_BYTES).map_err(io)?.ok_or(KeyFileError::TooLarge)?;
        let sealed = Sealed::decode(&bytes)?;
        let (kdf, salt, wanted) = sealed.header.kdf.read().ok_or(KeyFileError::Malformed)?;
        let (key, check) = stretch(passphrase, kdf, &salt)?;
        // What is compared stands in the file, so the time it takes tells nothing.
        if wanted != check.as_slice() {
            return Err(KeyFileError::WrongPassphrase);
        }
        let keys = open_keys(&sealed, &key)?;
        Ok(Self { path: path.to_owned(), kdf: sealed.header.kdf, key, keys })
    }

    /// Writes the file: after a crash it is whole, either as before or as now.
    ///
    /// # Errors
    /// [`KeyFileError::TooLarge`] where the keys do not fit; the file is then as before.
    pub fn save(&self) -> Result<(), KeyFileError> {
        disk::replace(&Machine, &self.path, &self.seal()?).map_err(|e| self.io(&e))
    }

    /// Adds a key. Not durable before [`KeyFile::save`].
    ///
    /// # Errors
    /// [`KeyFileError::Exists`] where the name is taken: a secret is not overwritten, but removed first.
    /// [`KeyFileError::Name`] where the name is empty or longer than [`MAX_NAME_BYTES`].
    pub fn insert(&mut self, name: &str, key: SecretKey) -> Result<(), KeyFileError> {
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            return Err(KeyFileError::Name);
        }
        match self.keys.entry(name.to_owned()) {
            Entry::Occupied(_) => Err(KeyFileError::Exists),
            Entry::Vacant(place) => {
                place.insert(key);
                Ok(())
            }
        }
    }

    /// The key of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&SecretKey> {
        self.keys.get(name)
    }

    /// Takes a key out. It stays in the file until [`KeyFile::save`].
    pub fn remove(&mut self, name: &str) -> Option<SecretKey> {
        self.keys.remove(name)
    }

    /// All names, in byte order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    fn seal(&self) -> Result<Vec<u8>, KeyFileError> {
        seal_keys(Header::new(self.kdf.clone()), &self.key, &self.keys)
    }

    fn io(&self, error: &io::Error) -> KeyFileError {
        KeyFileError::Io(format!("{}: {error}", self.path.display()))
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile").field("path", &self.path).field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// Key of the cipher and `check`.
pub(crate) type Stretched = (Zeroizing<[u8; KEY_BYTES]>, [u8; CHECK_BYTES]);

pub(crate) fn stretch(passphrase: &Passphrase, kdf: Kdf, salt: &[u8]) -> Result<Stretched, KeyFileError> {
    const MADE: usize = KEY_BYTES + CHECK_BYTES;
    if !kdf.is_bounded() {
        return Err(KeyFileError::Kdf);
    }
    let params = argon2::Params::new(kdf.m_kib, kdf.t, kdf.p, Some(MADE)).map_err(|_| KeyFileError::Kdf)?;
    let argon = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let mut made = Zeroizing::new([0; MADE]);
    argon
        .hash_password_into(passphrase.expose(), salt, made.as_mut_slice())
        .map_err(|_| KeyFileError::Kdf)?;
    let (key, check) = made.split_first_chunk::<KEY_BYTES>().ok_or(KeyFileError::Kdf)?;
    Ok((Zeroizing::new(*key), check.try_into().map_err(|_| KeyFileError::Kdf)?))
}

/// Why a key file was not made, read or written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFileError {
    /// There is a file, or a key of that name.
    Exists,
    /// Longer than [`MAX_FILE_BYTES`].
    TooLarge,
    /// Not a key file.
    Malformed,
    /// A key file of a version that this program does not know.
    Version(u32),
    /// The cost of the passphrase is outside the bounds of [`Kdf`], or there is no memory for it.
    Kdf,
    /// Another passphrase, or the header was changed.
    WrongPassphrase,
    /// The passphrase is right, and the content is not what was saved under it.
    Tampered,
    /// The name of a key is empty or too long.
    Name,
    /// A key or a passphrase was refused.
    Secret(SecretError),
    /// The operating system said no.
    Io(String),
}

impl From<SecretError> for KeyFileError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => f.write_str("exists already"),
            Self::TooLarge => write!(f, "key file is longer than {MAX_FILE_BYTES} bytes"),
            Self::Malformed => f.write_str("not a key file"),
            Self::Version(v) => write!(f, "key file has version {v}, which this program does not know"),
            Self::Kdf => f.write_str("key file asks for work outside the bounds"),
            Self::WrongPassphrase => f.write_str("wrong passphrase"),
            Self::Tampered => f.write_str("key file was changed since it was saved"),
            Self::Name => write!(f, "the name of a key has 1 to {MAX_NAME_BYTES} bytes"),
            Self::Secret(error) => error.fmt(f),
            Self::Io(cause) => f.write_str(cause),
        }
    }
}

impl std::error::Error for KeyFileError {}

#[cfg(test)]
mod tests;
