//! The domain's keys out of the encrypted key file.

use crate::failure::Failure;
use crate::signing::{self, ASSERTION, NODE, P256};
use did_resolver::did::DidUrl;
use did_resolver::keys::PublicKey;
use did_resolver::webvh::Log;
use futures::future::BoxFuture;
use marque_flows::ports::keys::{KeyRole, Keys, KeysError};
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
}

impl fmt::Debug for DomainKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DomainKeys").field("assertion", &self.assertion.id).finish_non_exhaustive()
    }
}

impl DomainKeys {
    /// Takes the domain's keys out of the opened file.
    pub(super) fn take(file: &mut KeyFile, log: &Log) -> Result<Self, Failure> {
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
        Ok(Self { assertion: listed(ASSERTION)?, tokens: listed(P256)? })
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

    fn sign<'a>(&'a self, role: KeyRole, message: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, KeysError>> {
        let signed = self.of(role).secret.sign(message);
        Box::pin(std::future::ready(signed.map_err(|error| KeysError(error.to_string()))))
    }
}

/// The secret of the node's libp2p key.
pub(super) fn node_secret(file: &KeyFile) -> Result<[u8; 32], Failure> {
    let secret = signing::key(file, NODE)?.expose();
    secret.try_into().map_err(|_| Failure::of(Code::Internal).because("the node's key is of another kind"))
}
