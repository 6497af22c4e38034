//! Under which DID an owner or agent presents: its own, or one that a single verifier knows it by.

use super::party::Party;
use super::session::Session;
use crate::failure::Failure;
use crate::signing::{self, ASSERTION, PAIRWISE};
use crate::wallet::Lock;
use did_resolver::did::Did;
use did_resolver::document::Document;
use did_resolver::keys::KeyKind;
use did_resolver::methods;
use marque_flows::present::pairwise_secret;
use marque_store::keyfile::{KeyFile, KeyFileError};
use marque_store::secret::SecretKey;
use serde_json::Value;
use vc_schemas::code::Code;
use vc_schemas::secure::{Content, Envelope, Secured};

/// Whoever presents, with the key that signs.
#[derive(Debug)]
pub(super) enum Holder<'a> {
    /// The owner or agent itself.
    Own(&'a Party),
    /// A did:key for one audience.
    Pairwise { key: Box<SecretKey>, document: Box<Document> },
}

impl Holder<'_> {
    /// The did:key by which `audience` alone knows `party`: the same whenever it is asked for, made from a
    /// seed that is in the key file only.
    ///
    /// # Errors
    /// Those of [`KeyFile::open`] and of the lock.
    pub(super) fn pairwise(session: &Session, party: &Party, audience: &str) -> Result<Self, Failure> {
        let seed = match party.keys.get(PAIRWISE) {
            Some(seed) => bytes_of(seed)?,
            None => new_seed(session, party)?,
        };
        let secret = pairwise_secret(&seed, audience);
        let key = SecretKey::from_bytes(KeyKind::Ed25519, &secret);
        let key = key.map_err(|error| signing::keys(&error.into()))?;
        let did = methods::key_did(key.public()).map_err(|_| Failure::of(Code::Internal))?;
        let document = methods::resolve_key(&did).map_err(|_| Failure::of(Code::Internal))?;
        Ok(Self::Pairwise { key: Box::new(key), document: Box::new(document) })
    }

    pub(super) fn did(&self) -> &Did {
        match self {
            Self::Own(party) => party.did(),
            Self::Pairwise { document, .. } => document.id(),
        }
    }

    pub(super) fn key(&self) -> Result<&SecretKey, Failure> {
        match self {
            Self::Own(party) => signing::key(&party.keys, ASSERTION),
            Self::Pairwise { key, .. } => Ok(key),
        }
    }

    pub(super) fn sign(
        &self,
        content: Content,
        envelope: Envelope,
        payload: Value,
    ) -> Result<Secured, Failure> {
        match self {
            Self::Own(party) => party.sign(content, envelope, payload),
            Self::Pairwise { key, document } => signing::secure(content, envelope, payload, document, key),
        }
    }
}

/// A seed in the key file of `party`, which is read anew: somebody else may have made one.
fn new_seed(session: &Session, party: &Party) -> Result<[u8; 32], Failure> {
    let _lock = Lock::take(session.data())?;
    let path = session.data().party_keys(party.kind, &party.name);
    let mut file = KeyFile::open(&path, session.passphrase()?).map_err(|error| signing::keys(&error))?;
    if file.get(PAIRWISE).is_none() {
        signing::make(&mut file, PAIRWISE)?;
        file.save().map_err(|error| signing::keys(&error))?;
    }
    bytes_of(signing::key(&file, PAIRWISE)?)
}

/// The seed is an Ed25519 secret, which has 32 bytes.
fn bytes_of(seed: &SecretKey) -> Result<[u8; 32], Failure> {
    seed.expose().try_into().map_err(|_| signing::keys(&KeyFileError::Malformed))
}
