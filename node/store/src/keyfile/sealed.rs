//! The JSON of a key file, outside and inside of its encryption.

use super::{CHECK_BYTES, KEY_BYTES, Kdf, KeyFileError, MAX_FILE_BYTES, MAX_NAME_BYTES, SALT_BYTES};
use crate::secret::{SecretError, SecretKey};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use data_encoding::BASE64URL_NOPAD;
use did_resolver::keys::KeyKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const VERSION: u32 = 1;
const MARK: &str = "keyfile";
const KDF: &str = "argon2id";
const CIPHER: &str = "xchacha20poly1305";

/// Bytes of the nonce: long enough to be drawn at random for each save.
const NONCE_BYTES: usize = 24;

/// Most bytes of a key in the plaintext beside its name: names of members, quotes, 64 of base64url.
const KEY_JSON_BYTES: usize = 128;

/// Most bytes of one byte of a name in JSON: `\u0000`.
const ESCAPED: usize = 6;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KdfHeader {
    name: String,
    m_kib: u32,
    t: u32,
    p: u32,
    salt: String,
    check: String,
}

impl KdfHeader {
    pub(crate) fn new(kdf: Kdf, salt: &[u8], check: &[u8]) -> Self {
        let (salt, check) = (BASE64URL_NOPAD.encode(salt), BASE64URL_NOPAD.encode(check));
        Self { name: KDF.to_owned(), m_kib: kdf.m_kib, t: kdf.t, p: kdf.p, salt, check }
    }

    /// Cost, salt and check, where they are of the lengths they have.
    pub(crate) fn read(&self) -> Option<(Kdf, Vec<u8>, Vec<u8>)> {
        let salt = BASE64URL_NOPAD.decode(self.salt.as_bytes()).ok()?;
        let check = BASE64URL_NOPAD.decode(self.check.as_bytes()).ok()?;
        let kdf = Kdf { m_kib: self.m_kib, t: self.t, p: self.p };
        (self.name == KDF && salt.len() == SALT_BYTES && check.len() == CHECK_BYTES)
            .then_some((kdf, salt, check))
    }
}

/// What is not secret, and is bound to what is.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Header {
    marque: String,
    v: u32,
    pub(super) kdf: KdfHeader,
    cipher: String,
}

impl Header {
    pub(super) fn new(kdf: KdfHeader) -> Self {
        Self { marque: MARK.to_owned(), v: VERSION, kdf, cipher: CIPHER.to_owned() }
    }
}

/// The file, member by member.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileJson {
    marque: String,
    v: u32,
    kdf: KdfHeader,
    cipher: String,
    nonce: String,
    ciphertext: String,
}

/// The file, read and not yet decrypted.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) header: Header,
    nonce: [u8; NONCE_BYTES],
    ciphertext: Vec<u8>,
}

impl Sealed {
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, KeyFileError> {
        /// Enough to say that a file is of another version, whatever else it holds.
        #[derive(Deserialize)]
        struct Outline {
            marque: String,
            v: u32,
        }
        let malformed = |_| KeyFileError::Malformed;
        let outline: Outline = serde_json::from_slice(bytes).map_err(malformed)?;
        if outline.marque != MARK {
            return Err(KeyFileError::Malformed);
        }
        if outline.v != VERSION {
            return Err(KeyFileError::Version(outline.v));
        }
        let file: FileJson = serde_json::from_slice(bytes).map_err(malformed)?;
        let decode =
            |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| KeyFileError::Malformed);
        if file.cipher != CIPHER {
            return Err(KeyFileError::Malformed);
        }
        Ok(Self {
            nonce: decode(&file.nonce)?.try_into().map_err(|_| KeyFileError::Malformed)?,
            ciphertext: decode(&file.ciphertext)?,
            header: Header { marque: file.marque, v: file.v, kdf: file.kdf, cipher: file.cipher },
        })
    }
}

/// One key inside of the encryption.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct KeyJson {
    kind: String,
    secret: String,
}

/// The bytes of a file with `keys`.
pub(super) fn seal_keys(
    header: Header,
    key: &[u8; KEY_BYTES],
    keys: &BTreeMap<String, SecretKey>,
) -> Result<Vec<u8>, KeyFileError> {
    let plain: BTreeMap<&str, KeyJson> = keys
        .iter()
        .map(|(name, key)| {
            let secret = BASE64URL_NOPAD.encode(key.expose());
            (name.as_str(), KeyJson { kind: kind_name(key.kind()).to_owned(), secret })
        })
        .collect();
    // Long enough from the start, so that growing leaves no copies behind.
    let most: usize = 2 + keys.keys().map(|name| KEY_JSON_BYTES + ESCAPED * name.len()).sum::<usize>();
    let mut text = Zeroizing::new(Vec::with_capacity(most));
    serde_json::to_writer(&mut *text, &plain).map_err(|_| KeyFileError::Malformed)?;
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|_| SecretError::Entropy)?;
    let aad = serde_json::to_vec(&header).map_err(|_| KeyFileError::Malformed)?;
    let payload = Payload { msg: text.as_slice(), aad: &aad };
    let ciphertext = XChaCha20Poly1305::new(key.into())
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| KeyFileError::TooLarge)?;
    let file = FileJson {
        marque: header.marque,
        v: header.v,
        kdf: header.kdf,
        cipher: header.cipher,
        nonce: BASE64URL_NOPAD.encode(&nonce),
        ciphertext: BASE64URL_NOPAD.encode(&ciphertext),
    };
    let mut bytes = serde_json::to_vec_pretty(&file).map_err(|_| KeyFileError::Malformed)?;
    bytes.push(b'\n');
    if bytes.len() > MAX_FILE_BYTES {
        return Err(KeyFileError::TooLarge);
    }
    Ok(bytes)
}

/// The keys of a file whose passphrase is right.
pub(super) fn open_keys(
    sealed: &Sealed,
    key: &[u8; KEY_BYTES],
) -> Result<BTreeMap<String, SecretKey>, KeyFileError> {
    let aad = serde_json::to_vec(&sealed.header).map_err(|_| KeyFileError::Malformed)?;
    let payload = Payload { msg: &sealed.ciphertext, aad: &aad };
    let text = XChaCha20Poly1305::new(key.into()).decrypt(&XNonce::from(sealed.nonce), payload);
    let text = Zeroizing::new(text.map_err(|_| KeyFileError::Tampered)?);
    let plain: BTreeMap<String, KeyJson> =
        serde_json::from_slice(&text).map_err(|_| KeyFileError::Malformed)?;
    let read = |(name, json): (String, KeyJson)| {
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            return Err(KeyFileError::Name);
        }
        let kind = kind_of(&json.kind).ok_or(KeyFileError::Malformed)?;
        let secret = BASE64URL_NOPAD.decode(json.secret.as_bytes()).map_err(|_| KeyFileError::Malformed)?;
        Ok((name, SecretKey::from_bytes(kind, &Zeroizing::new(secret))?))
    };
    plain.into_iter().map(read).collect()
}

fn kind_name(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Ed25519 => "Ed25519",
        KeyKind::P256 => "P-256",
        KeyKind::P384 => "P-384",
        KeyKind::Secp256k1 => "secp256k1",
        KeyKind::X25519 => "X25519",
    }
}

fn kind_of(name: &str) -> Option<KeyKind> {
    [KeyKind::Ed25519, KeyKind::P256, KeyKind::P384].into_iter().find(|kind| kind_name(*kind) == name)
}
