//! The domain's keys out of the encrypted key file.

use crate::failure::Failure;
use crate::signing::{self, ASSERTION, NODE, P256};
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

/// A secret key and the id under which the domain's document lists it.
struct Listed {
    secret: SecretKey,
    id: DidUrl,
}

/// The keys of the domain, in memory while the node runs.
pub(super) struct DomainKeys {
    assertion: Listed,
    tokens: Listed,
    /// Those of the did:key issuers.
    issuers: Vec<Listed>,
}

impl fmt::Debug for DomainKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DomainKeys").field("assertion", &self.assertion.id).finish_non_exhaustive()
    }
}

impl DomainKeys {
    /// Takes the domain's keys out of the opened file.
    pub(super) fn take(file: &mut KeyFile, log: &Log, issuers: &[KeyKind]) -> Result<Self, Failure> {
        let document = log.document().ok_or_else(|| Failure::of(Code::Deactivated))?;
        let mut listed = |role| {
            signing::key(file, role)?;
            let secret = file.remove(role).ok_or_else(|| Failure::of(Code::Internal))?;
            let id = signing::key_id(document, secret.public()).cloned();
            let id = id.ok_or_else(|| {
                Failure::of(Code::KeyNotAuthorised)
                    .because("the domain's log does not list the key of its file")
            })?;
            Ok::<_, Failure>(Listed { secret, id })
        };
        let (assertion, tokens) = (listed(ASSERTION)?, listed(P256)?);
        let issuer = |kind: &KeyKind| {
            let secret = file.remove(issuer_role(*kind)).ok_or_else(|| Failure::of(Code::Internal))?;
            let id = methods::key_id(secret.public());
            let id = id.map_err(|error| Failure::of(Code::Internal).because(error.to_string()))?;
            Ok::<_, Failure>(Listed { secret, id })
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
        (listed.secret.public().clone(), listed.id.clone())
    }

    fn sign<'a>(
        &'a self,
        role: KeyRole,
        what: Signed,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, KeysError>> {
        let signed = if role.signs(what) {
            self.of(role).secret.sign(message).map_err(|error| KeysError(error.to_string()))
        } else {
            Err(KeysError(format!("the key of {role:?} signs no {}", what.as_str())))
        };
        Box::pin(std::future::ready(signed))
    }

    fn issuers(&self) -> Vec<(PublicKey, DidUrl)> {
        self.issuers.iter().map(|issuer| (issuer.secret.public().clone(), issuer.id.clone())).collect()
    }

    fn sign_as<'a>(
        &'a self,
        key_id: &'a DidUrl,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, KeysError>> {
        let issuer = self.issuers.iter().find(|issuer| issuer.id == *key_id);
        let signed = issuer.ok_or_else(|| KeysError("no such issuer".to_owned()));
        let signed = signed
            .and_then(|issuer| issuer.secret.sign(message).map_err(|error| KeysError(error.to_string())));
        Box::pin(std::future::ready(signed))
    }
}

/// Makes the keys of did:key issuers that have none yet, durably.
pub(super) fn make_issuers(file: &mut KeyFile, issuers: &[KeyKind]) -> Result<(), Failure> {
    let missing: Vec<_> = issuers.iter().filter(|kind| file.get(issuer_role(**kind)).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for kind in missing {
        let key = SecretKey::generate(*kind).map_err(|error| signing::keys(&error.into()))?;
        file.insert(issuer_role(*kind), key).map_err(|error| signing::keys(&error))?;
    }
    file.save().map_err(|error| signing::keys(&error))
}

/// The name under which the key of a did:key issuer lies in the file.
const fn issuer_role(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::P256 => "issuer-p256",
        KeyKind::P384 => "issuer-p384",
        KeyKind::Ed25519 | KeyKind::Secp256k1 | KeyKind::X25519 => "issuer-ed25519",
    }
}

/// The name under which the libp2p key of the node of this name lies in the file.
pub(super) fn node_role(name: &str) -> String {
    if name.is_empty() { NODE.to_owned() } else { format!("{NODE}-{name}") }
}

/// Makes the libp2p key of a named node that has none yet, durably.
pub(super) fn make_node(file: &mut KeyFile, role: &str) -> Result<(), Failure> {
    if role == NODE || file.get(role).is_some() {
        return Ok(());
    }
    let key = SecretKey::generate(KeyKind::Ed25519).map_err(|error| signing::keys(&error.into()))?;
    file.insert(role, key).map_err(|error| signing::keys(&error))?;
    file.save().map_err(|error| signing::keys(&error))
}

/// The secret of the node's libp2p key.
pub(super) fn node_secret(file: &KeyFile, role: &str) -> Result<[u8; 32], Failure> {
    let secret = signing::key(file, role)?.expose();
    secret.try_into().map_err(|_| Failure::of(Code::Internal).because("the node's key is of another kind"))
}

#[cfg(test)]
mod tests;
