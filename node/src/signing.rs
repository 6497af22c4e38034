//! Signing with a key of a key file: drafts out, finished things in (VC-JOSE-COSE, section 3).

use crate::failure::{Failure, Local};
use did_resolver::did::{Did, DidUrl};
use did_resolver::document::Document;
use did_resolver::keys::{KeyKind, PublicKey};
use did_resolver::time::UnixSeconds;
use marque_store::keyfile::{KeyFile, KeyFileError};
use marque_store::secret::{SecretError, SecretKey};
use serde_json::Value;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};
use vc_schemas::secure::{Content, Draft, Envelope, Secured};

/// Ed25519: credentials, links, presentations.
pub const ASSERTION: &str = "assertion";

/// P-256: the same for those who need ES256.
pub const P256: &str = "p256";

/// Of a domain's [`ASSERTION`] keys, all names that one can have: the one that signs, the one that takes over from it, and
/// the one that is made to follow that have one each.
pub const ASSERTIONS: [&str; 3] = [ASSERTION, "other-assertion", "third-assertion"];

/// The same of [`P256`].
pub const P256S: [&str; 3] = [P256, "other-p256", "third-p256"];

/// Ed25519: signed the newest entry of the DID log.
pub const UPDATE: &str = "update";

/// Ed25519: what the newest entry commits to; it signs the next one.
pub const NEXT_UPDATE: &str = "next-update";

/// The seed of the did:keys that single verifiers know an owner or agent by. It never signs.
pub const PAIRWISE: &str = "pairwise";

/// Ed25519: the node's libp2p key.
pub const NODE: &str = "node";

/// What signs: a secret key, or whoever has one.
pub trait Signs: fmt::Debug {
    /// What others verify with.
    fn public(&self) -> &PublicKey;

    /// The signature over `message`. It may block for as long as a token takes.
    ///
    /// # Errors
    /// [`Local::Keys`].
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Failure>;
}

impl Signs for SecretKey {
    fn public(&self) -> &PublicKey {
        self.public()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        self.sign(message).map_err(|error| keys(&error.into()))
    }
}

/// The time of this machine.
#[must_use]
pub fn now() -> UnixSeconds {
    UnixSeconds::new(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}

/// Random bytes.
///
/// # Errors
/// [`Local::Keys`] where the operating system has none.
pub fn random<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| keys(&SecretError::Entropy.into()))?;
    Ok(bytes)
}

/// The key of `role`.
///
/// # Errors
/// [`Local::Keys`] where the file has none.
pub fn key<'a>(file: &'a KeyFile, role: &str) -> Result<&'a SecretKey, Failure> {
    file.get(role).ok_or_else(|| {
        Failure::local(
            Local::Keys,
            format!("the key file has no key \"{role}\""),
            "Restore it from a backup.",
        )
    })
}

/// The kind of the key of `role`: Ed25519 unless the role ends with another.
#[must_use]
pub fn kind(role: &str) -> KeyKind {
    match role {
        role if role.ends_with(P256) => KeyKind::P256,
        role if role.ends_with("p384") => KeyKind::P384,
        _ => KeyKind::Ed25519,
    }
}

/// Makes a key of `role`.
///
/// # Errors
/// [`Local::Keys`].
pub fn make(file: &mut KeyFile, role: &str) -> Result<(), Failure> {
    let key = SecretKey::generate(kind(role)).map_err(|error| keys(&error.into()))?;
    file.insert(role, key).map_err(|error| keys(&error))
}

/// The failure that a key file's error is.
#[must_use]
pub fn keys(error: &KeyFileError) -> Failure {
    let action = match error {
        KeyFileError::WrongPassphrase => {
            "Type it again, or check the file that MARQUE_PASSPHRASE_FILE names."
        }
        KeyFileError::Exists => "Key files are never overwritten: move it away first.",
        KeyFileError::Malformed | KeyFileError::Tampered => "Restore the key file from a backup.",
        KeyFileError::Version(_) => "Use the version of marque that wrote it.",
        _ => "",
    };
    let local = match error {
        KeyFileError::WrongPassphrase => Local::Passphrase,
        _ => Local::Keys,
    };
    Failure::local(local, error.to_string(), action)
}

/// The id under which `document` lists `key`.
#[must_use]
pub fn key_id<'a>(document: &'a Document, key: &PublicKey) -> Option<&'a DidUrl> {
    document.methods().iter().find(|method| method.key.as_ref() == Some(key)).map(|method| &method.id)
}

/// Signs `payload` with `key`, which `document` must list.
///
/// # Errors
/// [`Local::Keys`] where the document does not list the key, or signing fails.
pub fn secure(
    content: Content,
    envelope: Envelope,
    payload: Value,
    document: &Document,
    key: &SecretKey,
) -> Result<Secured, Failure> {
    let id = key_id(document, key.public()).ok_or_else(|| not_listed(document.id()))?;
    let draft = Draft::new(content, envelope, payload, id.clone(), key.kind())
        .map_err(|error| Failure::local(Local::Keys, error.to_string(), ""))?;
    let signature = key.sign(draft.signing_input()).map_err(|error| keys(&error.into()))?;
    draft.attach(key.public(), &signature).map_err(|error| Failure::local(Local::Keys, error.to_string(), ""))
}

fn not_listed(did: &Did) -> Failure {
    Failure::local(
        Local::Keys,
        format!("{did} does not list the key of this key file"),
        "The key file or the wallet is from before a rotation: restore the newer one.",
    )
}
