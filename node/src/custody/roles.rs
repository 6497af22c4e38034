//! Keys of a node beside those of its domain: of its did:key issuers, and of libp2p.

use super::Custody;
use crate::failure::Failure;
use crate::signing::{self, NODE};
use did_resolver::keys::KeyKind;
use marque_store::keyfile::KeyFile;
use marque_store::secret::SecretKey;
use vc_schemas::code::Code;

/// Makes the keys of did:key issuers that have none yet, durably.
///
/// # Errors
/// [`Local::Keys`](crate::failure::Local::Keys).
pub fn make_issuers(custody: &Custody, file: &mut KeyFile, issuers: &[KeyKind]) -> Result<(), Failure> {
    let mut is_changed = false;
    for role in issuers.iter().map(|kind| issuer_role(*kind)) {
        if !custody.has(file, role)? {
            custody.make(file, role)?;
            is_changed = true;
        }
    }
    if is_changed { file.save().map_err(|error| signing::keys(&error)) } else { Ok(()) }
}

/// The role of the key of a did:key issuer.
#[must_use]
pub const fn issuer_role(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::P256 => "issuer-p256",
        KeyKind::P384 => "issuer-p384",
        KeyKind::Ed25519 | KeyKind::Secp256k1 | KeyKind::X25519 => "issuer-ed25519",
    }
}

/// The name under which the libp2p key of the node of this name lies in the file.
#[must_use]
pub fn node_role(name: &str) -> String {
    if name.is_empty() { NODE.to_owned() } else { format!("{NODE}-{name}") }
}

/// Makes the libp2p key of a named node that has none yet, durably.
///
/// # Errors
/// [`Local::Keys`](crate::failure::Local::Keys).
pub fn make_node(file: &mut KeyFile, role: &str) -> Result<(), Failure> {
    if role == NODE || file.get(role).is_some() {
        return Ok(());
    }
    let key = SecretKey::generate(KeyKind::Ed25519).map_err(|error| signing::keys(&error.into()))?;
    file.insert(role, key).map_err(|error| signing::keys(&error))?;
    file.save().map_err(|error| signing::keys(&error))
}

/// The secret of the node's libp2p key.
///
/// # Errors
/// [`Local::Keys`](crate::failure::Local::Keys) where the file has none.
pub fn node_secret(file: &KeyFile, role: &str) -> Result<[u8; 32], Failure> {
    let secret = signing::key(file, role)?.expose();
    secret.try_into().map_err(|_| Failure::of(Code::Internal).because("the node's key is of another kind"))
}
