//! Bytes of any length under a passphrase, written and read as they come.
//!
//! `magic 8 · length u16 · head · crc u32`, then chunks. The head is JSON:
//!
//! ```json
//! {"v":1,"kdf":{"name":"argon2id","m_kib":19456,"t":2,"p":1,"salt":"…","check":"…"},
//!  "cipher":"xchacha20poly1305","stream":"be32","chunk":65536,"nonce":"…"}
//! ```
//!
//! The chunks are the STREAM of Hoang, Reyhanitabar, Rogaway and Vizár (eprint 2015/189): the number of each and
//! whether it is the last stand in its nonce, so none can be changed, left out, doubled or moved, nor the end cut
//! off. All before the chunks is the associated data of each. Every chunk but the last has `chunk` bytes of text.

use super::BackupError;
use crate::keyfile::sealed::KdfHeader;
use crate::keyfile::{Kdf, KeyFileError, SALT_BYTES, stretch};
use crate::secret::Passphrase;
use aead_stream::{DecryptorBE32, EncryptorBE32, NewStream as _, StreamBE32, StreamPrimitive as _};
use chacha20poly1305::aead::Payload;
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::mem;
use zeroize::Zeroizing;

/// What such a file begins with.
const MAGIC: [u8; 8] = *b"marqbak\n";

const VERSION: u32 = 1;
const CIPHER: &str = "xchacha20poly1305";
const STREAM: &str = "be32";

/// Bytes of text in a chunk: the tag adds nothing to speak of, and what is not verified yet stays small.
const CHUNK: usize = 64 * 1024;

/// Bytes that sealing adds to a chunk.
const TAG: usize = 16;

/// Bytes of the nonce that all chunks share; number and end take five.
const NONCE: usize = 19;

/// Longest head: twice what one takes.
const MAX_HEAD: usize = 1024;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    v: u32,
    kdf: KdfHeader,
    cipher: String,
    stream: String,
    chunk: usize,
    nonce: String,
}

/// Seals what is written to it.
pub(super) struct Sealing<W> {
    out: W,
    stream: EncryptorBE32<XChaCha20Poly1305>,
    head: Vec<u8>,
    text: Zeroizing<Vec<u8>>,
}

impl<W: Write> Sealing<W> {
    /// Writes the head.
    pub(super) fn begin(mut out: W, passphrase: &Passphrase, kdf: Kdf) -> Result<Self, BackupError> {
        let (mut salt, mut nonce) = ([0; SALT_BYTES], [0; NONCE]);
        getrandom::fill(&mut salt)
            .and_then(|()| getrandom::fill(&mut nonce))
            .map_err(|_| BackupError::Entropy)?;
        let (key, check) = stretch(passphrase, kdf, &salt).map_err(|error| unstretched(&error))?;
        let head = Head {
            v: VERSION,
            kdf: KdfHeader::new(kdf, &salt, &check),
            cipher: CIPHER.to_owned(),
            stream: STREAM.to_owned(),
            chunk: CHUNK,
            nonce: BASE64URL_NOPAD.encode(&nonce),
        };
        let json = serde_json::to_vec(&head).map_err(|error| BackupError::Io(error.to_string()))?;
        let length = u16::try_from(json.len()).map_err(|error| BackupError::Io(error.to_string()))?;
        let mut head = [&MAGIC[..], &length.to_le_bytes(), &json].concat();
        head.extend_from_slice(&crc32c::crc32c(&head).to_le_bytes());
        out.write_all(&head)?;
        let cipher = XChaCha20Poly1305::new((&*key).into());
        let stream = StreamBE32::from_aead(cipher, &nonce.into()).encryptor();
        Ok(Self { out, stream, head, text: Zeroizing::new(Vec::with_capacity(CHUNK)) })
    }

    /// Writes the last chunk, without which the file is not whole.
    pub(super) fn finish(mut self) -> Result<W, BackupError> {
        let last = self.stream.encrypt_last(Payload { msg: &self.text, aad: &self.head });
        self.out.write_all(&last.map_err(|_| too_long())?)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len() == CHUNK && !bytes.is_empty() {
            let sealed = self.stream.encrypt_next(Payload { msg: &self.text, aad: &self.head });
            self.out.write_all(&sealed.map_err(|_| too_long())?)?;
            self.text.clear();
        }
        let taken = bytes.get(..CHUNK - self.text.len()).unwrap_or(bytes);
        self.text.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Opens what is read from it. Nothing of a chunk is given out before all of it was found as it was sealed; that
/// there is an end is known only when there is nothing more.
pub(super) struct Opening<R> {
    sealed: R,
    stream: Option<DecryptorBE32<XChaCha20Poly1305>>,
    head: Vec<u8>,
    ahead: Vec<u8>,
    text: Zeroizing<Vec<u8>>,
    given: usize,
}

impl<R: Read> Opening<R> {
    /// Reads the head.
    pub(super) fn begin(mut sealed: R, passphrase: &Passphrase) -> Result<Self, BackupError> {
        let mut head = Vec::with_capacity(MAX_HEAD);
        take(&mut sealed, MAGIC.len() + 2, &mut head)?;
        let length = head.strip_prefix(&MAGIC).and_then(|rest| rest.first_chunk::<2>());
        let length = usize::from(u16::from_le_bytes(*length.ok_or(BackupError::Foreign)?));
        if length > MAX_HEAD {
            return Err(BackupError::Damaged("its head is too long"));
        }
        take(&mut sealed, length + 4, &mut head)?;
        let (covered, crc) = head.split_last_chunk::<4>().ok_or(BackupError::Foreign)?;
        if crc32c::crc32c(covered) != u32::from_le_bytes(*crc) {
            return Err(BackupError::Damaged("its head was changed"));
        }
        let json = covered.get(MAGIC.len() + 2..).unwrap_or_default();
        let (kdf, salt, wanted, nonce) = read_head(json)?;
        let (key, check) = stretch(passphrase, kdf, &salt).map_err(|error| unstretched(&error))?;
        // What is compared stands in the file, so the time it takes tells nothing.
        if wanted != check.as_slice() {
            return Err(BackupError::WrongPassphrase);
        }
        let cipher = XChaCha20Poly1305::new((&*key).into());
        let stream = Some(StreamBE32::from_aead(cipher, &nonce.into()).decryptor());
        let ahead = chunk(&mut sealed)?;
        Ok(Self { sealed, stream, head, ahead, text: Zeroizing::new(Vec::new()), given: 0 })
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        let Some(mut stream) = self.stream.take() else { return Ok(()) };
        let sealed = mem::replace(&mut self.ahead, chunk(&mut self.sealed)?);
        let payload = Payload { msg: &sealed, aad: &self.head };
        let text = if self.ahead.is_empty() {
            stream.decrypt_last(payload)
        } else {
            let text = stream.decrypt_next(payload);
            self.stream = Some(stream);
            text
        };
        self.text = Zeroizing::new(text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, CHANGED))?);
        self.given = 0;
        Ok(())
    }
}

/// What an error of reading says where a chunk is not the one that was sealed there.
pub(super) const CHANGED: &str = "a part was changed, lost, moved or cut off";

impl<R: Read> Read for Opening<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() && self.stream.is_some() {
            self.next_chunk()?;
        }
        let mut rest = self.text.get(self.given..).unwrap_or_default();
        let read = rest.read(bytes)?;
        self.given += read;
        Ok(read)
    }
}

/// Cost, salt, check and nonce.
type Read4 = (Kdf, Vec<u8>, Vec<u8>, [u8; NONCE]);

fn read_head(json: &[u8]) -> Result<Read4, BackupError> {
    /// Enough to say that a file is of another version, whatever else it holds.
    #[derive(Deserialize)]
    struct Outline {
        v: u32,
    }
    const BROKEN: BackupError = BackupError::Damaged("its head cannot be read");
    let outline: Outline = serde_json::from_slice(json).map_err(|_| BROKEN)?;
    if outline.v != VERSION {
        return Err(BackupError::Version(outline.v));
    }
    let head: Head = serde_json::from_slice(json).map_err(|_| BROKEN)?;
    let (kdf, salt, check) = head.kdf.read().ok_or(BROKEN)?;
    let nonce = BASE64URL_NOPAD.decode(head.nonce.as_bytes()).ok().and_then(|n| n.try_into().ok());
    let as_here = head.cipher == CIPHER && head.stream == STREAM && head.chunk == CHUNK;
    nonce.filter(|_| as_here).map(|nonce| (kdf, salt, check, nonce)).ok_or(BROKEN)
}

fn take(from: &mut impl Read, more: usize, into: &mut Vec<u8>) -> Result<(), BackupError> {
    let read = from.take(more as u64).read_to_end(into)?;
    if read == more { Ok(()) } else { Err(BackupError::Foreign) }
}

/// The next chunk as it is sealed; empty at the end.
fn chunk(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut sealed = Vec::with_capacity(CHUNK + TAG);
    from.take((CHUNK + TAG) as u64).read_to_end(&mut sealed)?;
    Ok(sealed)
}

fn too_long() -> io::Error {
    io::Error::other("longer than a backup can be")
}

fn unstretched(error: &KeyFileError) -> BackupError {
    BackupError::Kdf(error.to_string())
}

#[cfg(test)]
mod tests;
