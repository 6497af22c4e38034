//! The domain's keys, by the port that flows sign through.
//!
//! A key of each role has one of three names, and the one that is made to follow gets one that is free: so none is ever
//! renamed, which tokens cannot do, and which one is in force is what the domain's log says.

use super::roles::issuer_role;
use super::{Custody, Signer};
use crate::failure::Failure;
use crate::signing::{self, ASSERTION, ASSERTIONS, P256, P256S, Signs as _};
use did_resolver::did::DidUrl;
use did_resolver::document::{Document, Relationship, VerificationMethod};
use did_resolver::keys::{KeyKind, PublicKey};
use did_resolver::methods;
use did_resolver::webvh::Log;
use futures::future::BoxFuture;
use marque_flows::ports::keys::{KeyRole, Keys, KeysError, NextKeys, Signed};
use marque_store::keyfile::KeyFile;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use tokio::task::spawn_blocking;
use vc_schemas::code::Code;

/// A key and the id under which the domain's document lists it.
#[derive(Clone)]
pub(super) struct Listed {
    pub(super) signer: Arc<Signer>,
    pub(super) id: DidUrl,
}

/// The keys that sign.
#[derive(Clone)]
struct InForce {
    assertion: Listed,
    tokens: Listed,
    /// Whether the newest version of the domain's log lists them for good.
    is_so: bool,
}

/// Where the keys are, and those that are there.
struct Kept {
    custody: Arc<Custody>,
    file: Arc<Mutex<KeyFile>>,
    there: RwLock<Vec<(&'static str, Arc<Signer>)>>,
}

/// The keys of the domain while the node runs.
pub struct DomainKeys {
    kept: Arc<Kept>,
    in_force: RwLock<Arc<InForce>>,
    /// Those of the did:key issuers.
    pub(super) issuers: Vec<Listed>,
}

impl fmt::Debug for DomainKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DomainKeys").field("assertion", &self.in_force().assertion.id).finish_non_exhaustive()
    }
}

/// Locks the key file, which a panic elsewhere leaves as it was.
pub(super) fn locked(file: &Mutex<KeyFile>) -> MutexGuard<'_, KeyFile> {
    file.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kept {
    fn find(&self, key: &PublicKey) -> Option<Arc<Signer>> {
        let there = self.there.read().unwrap_or_else(PoisonError::into_inner);
        there.iter().find(|(_, signer)| signer.public() == key).map(|(_, signer)| Arc::clone(signer))
    }

    /// The first key of each role among these that is here.
    fn first_of(&self, listed: &[&VerificationMethod]) -> Option<InForce> {
        let first = |kind: KeyKind| {
            listed.iter().find_map(|method| {
                let key = method.key.as_ref().filter(|key| key.kind() == kind && method.revoked.is_none())?;
                Some(Listed { signer: self.find(key)?, id: method.id.clone() })
            })
        };
        let (assertion, tokens) = (first(signing::kind(ASSERTION))?, first(signing::kind(P256))?);
        Some(InForce { assertion, tokens, is_so: true })
    }

    /// The keys that `document` lists for good, where they are here.
    fn listed_for_good(&self, document: &Document) -> Option<InForce> {
        let listed = document.listed(Relationship::AssertionMethod);
        self.first_of(&listed.filter(|method| method.expires.is_none()).collect::<Vec<_>>())
    }

    /// Makes what is to follow, unless it is there, in the place of a key that is of no use any more: neither in force
    /// nor about to be.
    fn make(
        &self,
        names: [&'static str; 3],
        in_use: [&PublicKey; 2],
        log: &Log,
    ) -> Result<PublicKey, Failure> {
        let mut file = locked(&self.file);
        let was_listed = |key: &PublicKey| {
            let mut methods = log.versions().flat_map(|version| version.document().methods());
            methods.any(|method| method.key.as_ref() == Some(key))
        };
        let mut free = None;
        for name in names {
            match self.custody.find(&file, name)? {
                Some(key) if in_use.contains(&key.public()) => {}
                Some(key) if !was_listed(key.public()) => {
                    let public = key.public().clone();
                    self.keep(name, key);
                    return Ok(public);
                }
                Some(_) | None => free = free.or(Some(name)),
            }
        }
        let name = free.ok_or_else(|| Failure::of(Code::Internal).because("three keys in use"))?;
        self.custody.destroy(&mut file, name)?;
        self.custody.make(&mut file, name)?;
        if matches!(*self.custody, Custody::File) {
            file.save().map_err(|error| signing::keys(&error))?;
        }
        let key = self.custody.need(&file, name)?;
        let public = key.public().clone();
        self.keep(name, key);
        Ok(public)
    }

    fn keep(&self, name: &'static str, key: Signer) {
        let mut there = self.there.write().unwrap_or_else(PoisonError::into_inner);
        there.retain(|(other, _)| *other != name);
        there.push((name, Arc::new(key)));
    }
}

impl DomainKeys {
    /// The domain's keys that `log`, its newest, lists for good, in the opened file or from where else they are.
    ///
    /// # Errors
    /// [`Local::Keys`](crate::failure::Local::Keys), or the code of what the domain's log says otherwise.
    pub fn take(
        custody: Arc<Custody>,
        file: Arc<Mutex<KeyFile>>,
        log: &Log,
        issuers: &[KeyKind],
    ) -> Result<Self, Failure> {
        let document = log.document().ok_or_else(|| Failure::of(Code::Deactivated))?;
        let mut there = Vec::new();
        let opened = locked(&file);
        for names in [ASSERTIONS, P256S] {
            for name in names {
                there.extend(custody.find(&opened, name)?.map(|key| (name, Arc::new(key))));
            }
            let [first, ..] = names;
            if there.iter().all(|(name, _)| !names.contains(name)) {
                // Says where it is to be.
                custody.need(&opened, first)?;
            }
        }
        let issuer = |kind: &KeyKind| {
            let signer = Arc::new(custody.need(&opened, issuer_role(*kind))?);
            let id = methods::key_id(signer.public());
            let id = id.map_err(|error| Failure::of(Code::Internal).because(error.to_string()))?;
            Ok::<_, Failure>(Listed { signer, id })
        };
        let issuers = issuers.iter().map(issuer).collect::<Result<_, _>>()?;
        drop(opened);
        let kept = Arc::new(Kept { custody, file, there: RwLock::new(there) });
        let in_force = kept.listed_for_good(document).ok_or_else(|| {
            Failure::of(Code::KeyNotAuthorised)
                .because("the domain's log lists other keys than those that are there")
                .so(
                    "If they were rotated since, restore the newer key files, or the newer domain.jsonl: docs/operating.md, \
                     \"Rotating the domain's keys\".",
                )
        })?;
        Ok(Self { kept, in_force: RwLock::new(Arc::new(in_force)), issuers })
    }

    fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&self.in_force.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl InForce {
    const fn of(&self, role: KeyRole) -> &Listed {
        match role {
            KeyRole::Assertion => &self.assertion,
            KeyRole::Tokens => &self.tokens,
        }
    }
}

impl Keys for DomainKeys {
    fn public(&self, role: KeyRole) -> (PublicKey, DidUrl) {
        let in_force = self.in_force();
        let listed = in_force.of(role);
        (listed.signer.public().clone(), listed.id.clone())
    }

    fn sign<'a>(
        &'a self,
        role: KeyRole,
        what: Signed,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, KeysError>> {
        if !role.signs(what) {
            return refused(format!("the key of {role:?} signs no {}", what.as_str()));
        }
        let in_force = self.in_force();
        if !in_force.is_so {
            return refused(NOT_HERE.to_owned());
        }
        signed(Arc::clone(&in_force.of(role).signer), message)
    }

    fn make_next<'a>(&'a self, log: &'a Log) -> BoxFuture<'a, Result<NextKeys, KeysError>> {
        Box::pin(async move {
            let (kept, in_force, log) = (Arc::clone(&self.kept), self.in_force(), log.clone());
            let made = spawn_blocking(move || {
                let lasting = log.document().and_then(|document| kept.listed_for_good(document));
                let lasting = lasting.unwrap_or_else(|| InForce::clone(&in_force));
                let in_use = |role| [&in_force, &lasting].map(|keys: &InForce| keys.of(role).signer.public());
                Ok::<_, Failure>(NextKeys {
                    assertion: kept.make(ASSERTIONS, in_use(KeyRole::Assertion), &log)?,
                    tokens: kept.make(P256S, in_use(KeyRole::Tokens), &log)?,
                })
            });
            let made = made.await.map_err(|error| KeysError(error.to_string()))?;
            made.map_err(|failure| KeysError(failure.to_string()))
        })
    }

    fn signer_by(&self, document: &Document) -> Option<DidUrl> {
        self.kept.listed_for_good(document).map(|in_force| in_force.assertion.id)
    }

    fn follow(&self, listed: &[&VerificationMethod]) -> Result<(), KeysError> {
        let next = self.kept.first_of(listed);
        let is_here = next.is_some();
        let mut in_force = self.in_force.write().unwrap_or_else(PoisonError::into_inner);
        *in_force = Arc::new(next.unwrap_or_else(|| InForce { is_so: false, ..InForce::clone(&in_force) }));
        if is_here { Ok(()) } else { Err(KeysError(NOT_HERE.to_owned())) }
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
            Some(issuer) => signed(Arc::clone(&issuer.signer), message),
            None => refused("no such issuer".to_owned()),
        }
    }
}

/// What is said where the newest log lists keys that are elsewhere.
const NOT_HERE: &str = "the domain's keys were replaced, and the new ones are not here: copy the key files of the node that did it, and \
     start again";

fn refused<'a>(why: String) -> BoxFuture<'a, Result<Vec<u8>, KeysError>> {
    Box::pin(std::future::ready(Err(KeysError(why))))
}

fn signed<'a>(signer: Arc<Signer>, message: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, KeysError>> {
    Box::pin(async move { signer.sign_later(message).await.map_err(KeysError) })
}
