//! The keys port: the secret keys of the node's domain. They are used and never shown.

use did_resolver::did::DidUrl;
use did_resolver::document::{Document, Relationship, VerificationMethod};
use did_resolver::keys::PublicKey;
use did_resolver::webvh::Log;
use futures::future::BoxFuture;
use std::fmt;

/// What a key of the domain is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyRole {
    /// Ed25519: credentials, status lists and envelopes of the domain.
    Assertion,
    /// P-256: tokens, and documents of any kind.
    Tokens,
}

/// What is signed: each key signs what its role is for, and no other thing by whatever way it came there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signed {
    /// A credential by which somebody is, or may do, something in Marque.
    Credential,
    /// The membership credential of a node.
    Membership,
    /// A status list, in whatever form.
    StatusList,
    /// An envelope of the mesh.
    Announcement,
    /// What a verdict rests on, in one file.
    Bundle,
    /// A document of any kind that a caller of the admin API brought. It grants nothing in Marque.
    Document,
}

impl Signed {
    /// What it is, for messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credential => "credentials",
            Self::Membership => "memberships",
            Self::StatusList => "status lists",
            Self::Announcement => "announcements",
            Self::Bundle => "bundles",
            Self::Document => "documents",
        }
    }
}

impl KeyRole {
    /// Whether a key of this role signs that. Whoever implements [`Keys`] asks before each signature.
    #[must_use]
    pub const fn signs(self, what: Signed) -> bool {
        match (self, what) {
            (Self::Assertion, _) | (Self::Tokens, Signed::Document) => true,
            (
                Self::Tokens,
                Signed::Credential
                | Signed::Membership
                | Signed::StatusList
                | Signed::Announcement
                | Signed::Bundle,
            ) => false,
        }
    }
}

/// The keys that the next version of the domain's log is to list, one of each role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextKeys {
    /// See [`KeyRole::Assertion`].
    pub assertion: PublicKey,
    /// See [`KeyRole::Tokens`].
    pub tokens: PublicKey,
}

/// Signs for the domain. Implemented over the encrypted key file.
pub trait Keys: Send + Sync + fmt::Debug {
    /// The public key of a role, and the id under which the domain's document lists it.
    fn public(&self, role: KeyRole) -> (PublicKey, DidUrl);

    /// The signature of a role's key over `message`, which is to be that.
    ///
    /// # Errors
    /// [`KeysError`] where the key cannot be used now, or is not for that ([`KeyRole::signs`]).
    fn sign<'a>(
        &'a self,
        role: KeyRole,
        what: Signed,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, KeysError>>;

    /// Refuses what would not be signed now whoever asks, and says why.
    ///
    /// # Errors
    /// [`KeysError`].
    fn may_sign(&self, what: Signed) -> Result<(), KeysError> {
        let _ = what;
        Ok(())
    }

    /// The keys that are to follow those in force, durable before they are told. Those that were made before, and that
    /// no version of `log`, the domain's, ever listed, are told again.
    ///
    /// # Errors
    /// [`KeysError`] where none can be made.
    fn make_next<'a>(&'a self, log: &'a Log) -> BoxFuture<'a, Result<NextKeys, KeysError>> {
        let _ = log;
        Box::pin(std::future::ready(Err(KeysError("these keys are never replaced".to_owned()))))
    }

    /// The id of the key by which all but documents would be signed if `document` were the domain's newest: one that
    /// it lists for good, and that is here. `None` where there is none for each role.
    fn signer_by(&self, document: &Document) -> Option<DidUrl> {
        let (key, id) = self.public(KeyRole::Assertion);
        let mut listed = document.listed(Relationship::AssertionMethod);
        listed.any(|m| m.id == id && m.key.as_ref() == Some(&key) && m.expires.is_none()).then_some(id)
    }

    /// Signs by the first key of each role among these that is here, from now on.
    ///
    /// # Errors
    /// [`KeysError`] where there is none of a role. Then nothing is signed in the domain's name until there is.
    fn follow(&self, listed: &[&VerificationMethod]) -> Result<(), KeysError> {
        let _ = listed;
        Ok(())
    }

    /// The did:key issuers that this node is beside its domain, where its operator wants any: their keys,
    /// and the ids of these. They vouch for nobody, and nothing that they sign grants anything.
    fn issuers(&self) -> Vec<(PublicKey, DidUrl)> {
        Vec::new()
    }

    /// The signature of the issuer with this key id over `message`, which is a [`Signed::Document`].
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
