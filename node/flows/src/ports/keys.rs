//! The keys port: the secret keys of the node's domain. They are used and never shown.

use did_resolver::did::DidUrl;
use did_resolver::keys::PublicKey;
use futures::future::BoxFuture;
use std::fmt;

/// What a key of the domain is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyRole {
    /// Ed25519: credentials, status lists and envelopes of the domain.
    Assertion,
    /// P-256: tokens.
    Tokens,
}

/// Signs for the domain. Implemented over the encrypted key file.
pub trait Keys: Send + Sync + fmt::Debug {
    /// The public key of a role, and the id under which the domain's document lists it.
    fn public(&self, role: KeyRole) -> (PublicKey, DidUrl);

    /// The signature of a role's key over `message`.
    ///
    /// # Errors
    /// [`KeysError`] where the key cannot be used now.
    fn sign<'a>(&'a self, role: KeyRole, message: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, KeysError>>;

    /// The did:key issuers that this node is beside its domain, where its operator wants any: their keys,
    /// and the ids of these. They vouch for nobody, and nothing that they sign grants anything.
    fn issuers(&self) -> Vec<(PublicKey, DidUrl)> {
        Vec::new()
    }

    /// The signature of the issuer with this key id over `message`.
    ///
    /// # Errors
    /// [`KeysError`] where it is none of [`Self::issuers`], or cannot be used now.
    fn sign_as<'a>(
        &'a self,
        key_id: &'a DidUrl,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, KeysError>> {
        let _ = (key_id, message);
        Box::pin(std::future::ready(Err(KeysError("no such issuer".to_owned()))))
    }
}

/// A key could not be used. The text is for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysError(pub String);

impl fmt::Display for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key cannot be used: {}", self.0)
    }
}

impl std::error::Error for KeysError {}
