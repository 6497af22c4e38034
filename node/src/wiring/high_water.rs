//! The latest time that this node saw, kept durably: while the clock is behind it, no key signs. What is signed by
//! a clock that jumped back is older than what was signed before, and lives as long again as what had ended.

use crate::failure::{Failure, Local};
use did_resolver::did::DidUrl;
use did_resolver::document::{Document, VerificationMethod};
use did_resolver::keys::PublicKey;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::Log;
use futures::future::BoxFuture;
use marque_flows::ports::clock::Clock;
use marque_flows::ports::keys::{KeyRole, Keys, KeysError, NextKeys, Signed};
use marque_flows::ports::records::{Expect, Records, StoreError, Table, Write};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Where it is kept: seconds since 1970, in eight bytes.
const KEY: &[u8] = b"high-water-time";

/// How often it is kept. A clock that is set back while the node is down by no more than this and the skew goes
/// unseen; a record a minute is no load.
const KEEP: Duration = Duration::from_secs(60);

/// A clock that is kept goes back by less, where a second begins.
const LEAST_SKEW: Duration = Duration::from_secs(2);

/// The latest time that was seen.
#[derive(Debug)]
pub(super) struct HighWater {
    records: Arc<dyn Records>,
    clock: Arc<dyn Clock>,
    /// How far clocks may differ, in seconds.
    skew: AtomicU64,
    seen: AtomicU64,
}

impl HighWater {
    /// Takes up what was kept, and keeps what the clock says now; where the operator says that the clock is right,
    /// whatever was kept.
    ///
    /// # Errors
    /// [`Local::Clock`] where the clock is behind by more than `skew`.
    pub(super) async fn take_up(
        records: Arc<dyn Records>,
        clock: Arc<dyn Clock>,
        skew: Duration,
        clock_is_right: bool,
    ) -> Result<Arc<Self>, Failure> {
        let high_water = Self { records, clock, skew: AtomicU64::new(0), seen: AtomicU64::new(0) };
        high_water.tolerate(skew);
        let failed = |error: StoreError| Failure::local(Local::File, error.to_string(), "");
        if clock_is_right {
            high_water.seen.store(high_water.clock.now().get(), Ordering::Relaxed);
            tracing::warn!("the clock is taken as right, whatever was seen before");
            high_water.put(Expect::Any).await.map_err(failed)?;
        } else {
            high_water.keep().await.map_err(failed)?;
        }
        match high_water.behind() {
            None => Ok(Arc::new(high_water)),
            Some(behind) => Err(Failure::local(
                Local::Clock,
                format!("the clock is {} s behind the latest time that this node saw", behind.as_secs()),
                "Set it, and keep it by NTP: timedatectl set-ntp true. If it is right now and was ahead before: \
                 marque up --clock-is-right, and revoke what was issued meanwhile.",
            )),
        }
    }

    /// From now on clocks may differ by so much.
    pub(super) fn tolerate(&self, skew: Duration) {
        self.skew.store(skew.max(LEAST_SKEW).as_secs(), Ordering::Relaxed);
    }

    /// How far the clock is behind what was seen, where that is more than clocks may differ.
    fn behind(&self) -> Option<Duration> {
        let now = self.clock.now();
        let seen = self.seen.fetch_max(now.get(), Ordering::Relaxed);
        let behind = UnixSeconds::new(seen).since(now);
        (behind.as_secs() > self.skew.load(Ordering::Relaxed)).then_some(behind)
    }

    /// Refuses where the clock is behind.
    fn allows(&self) -> Result<(), KeysError> {
        self.behind().map_or(Ok(()), |behind| {
            Err(KeysError(format!("the clock is {} s behind the latest time seen", behind.as_secs())))
        })
    }

    /// Brings together what this process saw and what is kept: by itself before, or by another node of the domain.
    async fn keep(&self) -> Result<(), StoreError> {
        let stored = self.records.get(Table::Node, KEY).await?;
        let kept = stored.as_ref().and_then(|stored| stored.value.as_slice().try_into().ok());
        let kept = kept.map_or(0, u64::from_be_bytes);
        let _ = self.behind();
        if self.seen.fetch_max(kept, Ordering::Relaxed) <= kept {
            return Ok(());
        }
        let expect = stored.map_or(Expect::Absent, |stored| Expect::Version(stored.version));
        match self.put(expect).await {
            // Another node was faster, and is no further behind.
            Err(StoreError::Conflict(_)) => Ok(()),
            other => other,
        }
    }

    async fn put(&self, expect: Expect) -> Result<(), StoreError> {
        let value = Some(self.seen.load(Ordering::Relaxed).to_be_bytes().to_vec());
        self.records.commit(vec![Write { table: Table::Node, key: KEY.to_vec(), value, expect }]).await
    }

    /// Keeps what is seen until the node stops.
    pub(super) async fn keep_on(self: Arc<Self>, stopped: impl Future<Output = ()>) {
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                () = &mut stopped => break,
                () = tokio::time::sleep(KEEP) => {}
            }
            if let Err(error) = self.keep().await {
                tracing::error!(%error, "the latest time that was seen is not kept");
            }
        }
    }
}

/// Keys that do not sign while the clock is behind.
#[derive(Debug)]
pub(super) struct TimelyKeys<K> {
    keys: K,
    high_water: Arc<HighWater>,
}

impl<K> TimelyKeys<K> {
    pub(super) const fn new(keys: K, high_water: Arc<HighWater>) -> Self {
        Self { keys, high_water }
    }
}

impl<K: Keys> Keys for TimelyKeys<K> {
    fn public(&self, role: KeyRole) -> (PublicKey, DidUrl) {
        self.keys.public(role)
    }

    fn sign<'a>(
        &'a self,
        role: KeyRole,
        what: Signed,
        message: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, KeysError>> {
        match self.high_water.allows() {
            Ok(()) => self.keys.sign(role, what, message),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn may_sign(&self, what: Signed) -> Result<(), KeysError> {
        self.high_water.allows()?;
        self.keys.may_sign(what)
    }

    fn make_next<'a>(&'a self, log: &'a Log) -> BoxFuture<'a, Result<NextKeys, KeysError>> {
        match self.high_water.allows() {
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
        match self.high_water.allows() {
            Ok(()) => self.keys.sign_as(key_id, message),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

#[cfg(test)]
mod tests;
