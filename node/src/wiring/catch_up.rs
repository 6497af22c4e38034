//! After records were lost, as by the restoring of a backup: the node takes back from its peers what they hold of its
//! domain, before it signs anything that could contradict that. Until then it signs memberships of nodes, without
//! which no peer would talk to it, and nothing else.

use super::{flow_failure, loss};
use crate::config::Config;
use crate::data::Data;
use crate::failure::Failure;
use did_resolver::did::DidUrl;
use did_resolver::document::{Document, VerificationMethod};
use did_resolver::keys::PublicKey;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::Log;
use futures::future::BoxFuture;
use marque_flows::domain::Domain;
use marque_flows::ports::keys::{KeyRole, Keys, KeysError, NextKeys, Signed};
use marque_flows::ports::mesh::PeerInfo;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

/// How often it is looked how far the peers are.
const LOOK: Duration = Duration::from_millis(500);

/// Rounds of anti-entropy with one peer that brought nothing, one after the other, before there is nothing more: in
/// the first what came last may still be under judgement.
const QUIET_ROUNDS: u32 = 3;

/// Signs nothing but memberships.
const APART: u8 = 0;

/// Signs new lists as well, which no peer has yet.
const RENEWING: u8 = 1;

/// Signs everything.
const DONE: u8 = 2;

/// How far a node is that has to catch up.
#[derive(Debug)]
pub(super) struct CatchUp {
    stage: AtomicU8,
    /// Whether records were lost at all.
    is_needed: bool,
}

impl CatchUp {
    pub(super) fn new(is_needed: bool) -> Self {
        Self { stage: AtomicU8::new(if is_needed { APART } else { DONE }), is_needed }
    }

    /// Whether everything may be signed.
    pub(super) fn is_done(&self) -> bool {
        self.stage.load(Ordering::Acquire) == DONE
    }

    /// Goes on at once where nobody can know more than this node: it never had a peer, or its operator says that
    /// none is left.
    ///
    /// # Errors
    /// As the store.
    pub(super) async fn look(
        &self,
        domain: &Domain,
        config: &Config,
        without_peers: bool,
    ) -> Result<(), Failure> {
        if self.is_done() {
            return Ok(());
        }
        let peers = domain.peers().await.map_err(|error| flow_failure(&error))?;
        let recognised = domain.trusted().await.map_err(|error| flow_failure(&error))?;
        let others = recognised.iter().any(|other| other.did != domain.home.did);
        let alone = peers.is_empty() && !others && config.mesh.peers.is_empty();
        if alone || without_peers {
            tracing::warn!("nobody is asked for what this node lost");
            self.stage.store(DONE, Ordering::Release);
        } else {
            tracing::warn!(
                "this node signs nothing until its peers have given back what they hold of its domain"
            );
        }
        Ok(())
    }

    /// Catches up, and begins new lists: whose entry it is that a status index stands for in the old ones is not
    /// known for what was issued in between.
    pub(super) async fn run(
        self: Arc<Self>,
        domain: Arc<Domain>,
        data: Data,
        stopped: impl Future<Output = ()>,
    ) {
        if !self.is_needed {
            return;
        }
        tokio::pin!(stopped);
        let mut rounds = Rounds::default();
        loop {
            if self.is_done() || rounds.are_over(&domain).await {
                break;
            }
            tokio::select! {
                () = &mut stopped => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        self.stage.fetch_max(RENEWING, Ordering::AcqRel);
        while let Err(error) = domain.begin_new_lists().await {
            tracing::error!(%error, "new status lists could not be begun");
            tokio::select! {
                () = &mut stopped => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        self.stage.store(DONE, Ordering::Release);
        match loss::caught_up(&data) {
            Ok(()) => tracing::info!("this node has caught up with its peers, and signs again"),
            Err(failure) => tracing::error!(%failure, "it will catch up again at the next start"),
        }
    }

    fn allows(&self, what: Signed) -> Result<(), KeysError> {
        let is_allowed = match self.stage.load(Ordering::Acquire) {
            APART => what == Signed::Membership,
            RENEWING => matches!(what, Signed::Membership | Signed::StatusList | Signed::Announcement),
            _ => true,
        };
        let why = "records were lost, and this node has not caught up with its peers yet";
        if is_allowed { Ok(()) } else { Err(KeysError(why.to_owned())) }
    }
}

/// What each peer came to so far.
#[derive(Default)]
struct Rounds {
    /// When each was last heard, and how many rounds it has brought nothing.
    peers: HashMap<String, (UnixSeconds, u32)>,
    /// What is held of this domain.
    held: Vec<(String, u64)>,
    /// Since when nothing more came.
    since: UnixSeconds,
}

impl Rounds {
    /// Whether there is a peer that has nothing more to give.
    async fn are_over(&mut self, domain: &Domain) -> bool {
        let held = match domain.held_of_itself().await {
            Ok(held) => held,
            Err(error) => {
                tracing::error!(%error, "it is not known what is held of this domain");
                return false;
            }
        };
        self.hear(held, domain.connected().await, domain.now())
    }

    /// The same, of what is held and of who is connected by `now`. A peer counts that was asked what it holds of this
    /// domain, and said it, after the last of that came: one that refuses, or answers about other domains only, has
    /// given back nothing.
    fn hear(&mut self, held: Vec<(String, u64)>, connected: Vec<PeerInfo>, now: UnixSeconds) -> bool {
        if held != self.held {
            self.held = held;
            self.since = now;
            self.peers.clear();
        }
        for peer in connected {
            let (Some(_), Some(synced)) = (&peer.domain, peer.synced) else { continue };
            if peer.compared.is_none_or(|compared| compared <= self.since) {
                continue;
            }
            let (last, quiet) = self.peers.entry(peer.peer).or_insert((synced, 0));
            if peer.pulls > 0 {
                *quiet = 0;
            } else if synced > *last {
                *quiet += 1;
            }
            *last = synced;
        }
        self.peers.values().any(|(_, quiet)| *quiet >= QUIET_ROUNDS)
    }
}

/// Keys that sign what the node has caught up for.
#[derive(Debug)]
pub(super) struct CautiousKeys<K> {
    keys: K,
    catch_up: Arc<CatchUp>,
}

impl<K> CautiousKeys<K> {
    pub(super) const fn new(keys: K, catch_up: Arc<CatchUp>) -> Self {
        Self { keys, catch_up }
    }
}

impl<K: Keys> Keys for CautiousKeys<K> {
    fn public(&self, role: KeyRole) -> (PublicKey, DidUrl) {
        self.keys.public(role)
    }

    fn sign<'a>(
        &'a self,
        role: KeyRole,
        what: Signed,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, KeysError>> {
        match self.catch_up.allows(what) {
            Ok(()) => self.keys.sign(role, what, message),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn may_sign(&self, what: Signed) -> Result<(), KeysError> {
        self.catch_up.allows(what)?;
        self.keys.may_sign(what)
    }

    fn make_next<'a>(&'a self, log: &'a Log) -> BoxFuture<'a, Result<NextKeys, KeysError>> {
        match self.catch_up.allows(Signed::Announcement) {
            Ok(()) => self.keys.make_next(log),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn signer_by(&self, document: &Document) -> Option<DidUrl> {
        self.keys.signer_by(document)
    }

    fn follow(&self, listed: &[&VerificationMethod]) -> Result<(), KeysError> {
        self.keys.follow(listed)
    }

    fn issuers(&self) -> Vec<(PublicKey, DidUrl)> {
        self.keys.issuers()
    }

    fn sign_as<'a>(
        &'a self,
        key_id: &'a DidUrl,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, KeysError>> {
        match self.catch_up.allows(Signed::Document) {
            Ok(()) => self.keys.sign_as(key_id, message),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

#[cfg(test)]
mod tests;
