//! The domain's keys, by the port that flows sign through.

use super::{Custody, Signer};
use crate::failure::Failure;
use crate::signing::{self, ASSERTION, NODE, P256, Signs as _};
use did_resolver::did::DidUrl;
use did_resolver::keys::{KeyKind, PublicKey};
use did_resolver::methods;
use did_resolver::webvh::Log;
use futures::future::BoxFuture;
use marque_flows::ports::keys::{KeyRole, Keys, KeysError, Signed};
use marque_store::keyfile::KeyFile;
use marque_store::secret::SecretKey;
use std::fmt;
use vc_schemas::code::Code;

/// A key and the id under which the domain's document lists it.
pub(super) struct Listed {
    pub(super) signer: Signer,
    pub(super) id: DidUrl,
}

/// The keys of the domain while the node runs.
pub struct DomainKeys {
    pub(super) assertion: Listed,
    pub(super) tokens: Listed,
    /// Those of the did:key issuers.
    pub(super) issuers: Vec<Listed>,
}

impl fmt::Debug for DomainKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DomainKeys").field("assertion", &self.assertion.id).finish_non_exhaustive()
    }
}

impl DomainKeys {
    /// Takes the domain's keys out of the opened file, or from where else they are.
    ///
    /// # Errors
    /// [`Local::Keys`](crate::failure::Local::Keys), or the code of what the domain's log says otherwise.
    pub fn take(
        custody: &Custody,
        file: &mut KeyFile,
        log: &Log,
        issuers: &[KeyKind],
    ) -> Result<Self, Failure> {
        let document = log.document().ok_or_else(|| Failure::of(Code::Deactivated))?;
        let mut listed = |role| {
            let signer = custody.need(file, role)?;
            let id = signing::key_id(document, signer.public()).cloned();
            let id = id.ok_or_else(|| {
                Failure::of(Code::KeyNotAuthorised)
                    .because(format!("the domain's log does not list the key \"{role}\" that is there"))
            })?;
            Ok::<_, Failure>(Listed { signer, id })
        };
        let (assertion, tokens) = (listed(ASSERTION)?, listed(P256)?);
        let issuer = |kind: &KeyKind| {
            let signer = custody.need(file, issuer_role(*kind))?;
            let id = methods::key_id(signer.public());
            let id = id.map_err(|error| Failure::of(Code::Internal).because(error.to_string()))?;
            Ok::<_, Failure>(Listed { signer, id })
        };
        let issuers = issuers.iter().map(issuer).collect::<Result<_, _>>()?;
        Ok(Self { assertion, tokens, issuers })
    }

    const fn of(&self, role: KeyRole) -> &Listed {
        match role {
            KeyRole::Assertion => &self.assertion,
            KeyRole::Tokens => &self.tokens,
        }
    }
}

impl Keys for DomainKeys {
    fn public(&self, role: KeyRole) -> (PublicKey, DidUrl) {
        let listed = self.of(role);
        (listed.signer.public().clone(), listed.id.clone())
    }

    fn sign<'a>(
        &'a self,
        role: KeyRole,
        what: Signed,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, KeysError>> {
        if !role.signs(what) {
            let error = KeysError(format!("the key of {role:?} signs no {}", what.as_str()));
            return Box::pin(std::future::ready(Err(error)));
        }
        signed(&self.of(role).signer, message)
    }

    fn issuers(&self) -> Vec<(PublicKey, DidUrl)> {
        self.issuers.iter().map(|issuer| (issuer.signer.public().clone(), issuer.id.clone())).collect()
    }

    fn sign_as<'a>(
        &'a self,
        key_id: &'a DidUrl,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, KeysError>> {
        match self.issuers.iter().find(|issuer| issuer.id == *key_id) {
            Some(issuer) => signed(&issuer.signer, message),
            None => Box::pin(std::future::ready(Err(KeysError("no such issuer".to_owned())))),
        }
    }
}

fn signed<'a>(signer: &'a Signer, message: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, KeysError>> {
    Box::pin(async move { signer.sign_later(message).await.map_err(KeysError) })
}

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
