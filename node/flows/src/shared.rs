//! Several nodes of one domain on one store: what each of them must hear of what the others did, and which of
//! them does what has to be done once.
//!
//! Whatever they decide is compared with the store as it is, so that no two of them sign a list of one number, give
//! one index, or take one nonce. The lease below only says who does what nobody asked for (signing lists again
//! before they grow old, telling of forks, looking again at what was deferred): two that both did it would be slow,
//! never wrong.

use crate::domain::{Domain, put};
use crate::error::Error;
use crate::objects::read_announced;
use crate::ports::clock::random;
use crate::ports::records::{Expect, StoreError, Table};
use did_resolver::codec;
use did_resolver::time::UnixSeconds;
use marque_rules::replica::{ItemKind, Scid};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// The record of the lease.
const LEASE: &[u8] = b"lease/duties";

/// How long the lease is left to who does not renew it. Each node looks at its own clock only.
pub const LEASE_LIFE: Duration = Duration::from_secs(6);

/// How often it is renewed: twice it may fail.
const RENEW: Duration = Duration::from_secs(2);

/// What the keys of announced objects begin with.
const ANNOUNCED: &[u8] = b"e/";

/// What one node knows of the lease.
#[derive(Debug)]
pub struct Duties {
    /// This process: another one each time it starts.
    holder: String,
    /// The lease as it was last seen, and since when it has been so.
    seen: Option<(u64, UnixSeconds)>,
    /// Its number, while this process holds it.
    fence: Option<u64>,
}

impl Duties {
    /// The number of the lease that this process holds: greater than that of every holder before.
    #[must_use]
    pub const fn fence(&self) -> Option<u64> {
        self.fence
    }
}

/// How far one node has heard of the others.
#[derive(Debug, Default)]
pub struct Heard {
    mark: Option<u64>,
    /// The domains that count, as they were told to the mesh.
    domains: Option<(BTreeSet<String>, BTreeSet<String>)>,
}

impl Domain {
    /// Whether other nodes of this domain use the store as well.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.records.is_shared()
    }

    /// What a node begins with that knows nothing of the lease.
    ///
    /// # Errors
    /// [`Error::Entropy`].
    pub fn duties(&self) -> Result<Duties, Error> {
        let holder = codec::to_base64url(&random::<16>(self.entropy.as_ref())?);
        Ok(Duties { holder, seen: None, fence: None })
    }

    /// Whether this node does what has to be done once: always, where no other one uses the store. Renews the lease,
    /// or takes it where nobody has it, or its holder did not renew it for [`LEASE_LIFE`].
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`]; the lease is not held then.
    pub async fn on_duty(&self, duties: &mut Duties) -> Result<bool, Error> {
        if !self.is_shared() {
            return Ok(true);
        }
        let held = duties.fence.take();
        let now = self.now();
        let lease = self.json(Table::Node, LEASE).await?;
        let (fence, expect) = match &lease {
            None => (1, Expect::Absent),
            Some((json, version)) => {
                let holder = json.get("holder").and_then(Value::as_str).unwrap_or_default();
                let fence = json.get("fence").and_then(Value::as_u64).ok_or(Error::Record("a lease"))?;
                let since = match duties.seen {
                    Some((seen, since)) if seen == *version && since <= now => since,
                    _ => now,
                };
                duties.seen = Some((*version, since));
                let unchanged = now.since(since);
                if holder == duties.holder {
                    if unchanged < RENEW && held.is_some() {
                        duties.fence = Some(fence);
                        return Ok(true);
                    }
                    (fence, Expect::Version(*version))
                } else if holder.is_empty() || unchanged >= LEASE_LIFE {
                    (fence.saturating_add(1), Expect::Version(*version))
                } else {
                    return Ok(false);
                }
            }
        };
        let lease = json!({"holder": duties.holder, "fence": fence, "renewed": now.get()});
        match self.records.commit(vec![put(Table::Node, LEASE, &lease, expect)]).await {
            Ok(()) => {}
            Err(StoreError::Conflict(_)) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        if held != Some(fence) {
            tracing::info!(fence, "this node has the lease: it signs lists again before they grow old");
        }
        duties.fence = Some(fence);
        Ok(true)
    }

    /// Gives the lease back, so that another node need not wait for it.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn off_duty(&self, duties: &mut Duties) -> Result<(), Error> {
        if duties.fence.take().is_none() {
            return Ok(());
        }
        let Some((json, version)) = self.json(Table::Node, LEASE).await? else { return Ok(()) };
        if json.get("holder").and_then(Value::as_str) != Some(duties.holder.as_str()) {
            return Ok(());
        }
        let lease = json!({"holder": "", "fence": json.get("fence"), "renewed": self.now().get()});
        match self.records.commit(vec![put(Table::Node, LEASE, &lease, Expect::Version(version))]).await {
            Ok(()) | Err(StoreError::Conflict(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Tells the mesh of this node what other nodes of this domain put into the store since it was last asked.
    /// Without that, what a node committed and did not live to publish would wait for its return.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`]; it is told of at the next call then.
    pub async fn hear(&self, heard: &mut Heard) -> Result<(), Error> {
        let Some(mesh) = self.mesh().filter(|_| self.is_shared()) else { return Ok(()) };
        let domains = self.domains_that_count().await?;
        if heard.domains.as_ref() != Some(&domains) {
            if heard.domains.is_some() {
                mesh.domains_changed();
            }
            heard.domains = Some(domains);
        }
        let changes = self.records.changes(Table::Envelopes, ANNOUNCED, heard.mark).await?;
        let mut subjects: BTreeSet<(Scid, ItemKind, String)> = BTreeSet::new();
        for key in changes.keys {
            let domain = key.strip_prefix(ANNOUNCED).and_then(|rest| rest.split(|byte| *byte == b'/').next());
            let domain = domain.and_then(|scid| std::str::from_utf8(scid).ok()).and_then(Scid::parse);
            let (Some(domain), Some((json, _))) = (domain, self.json(Table::Envelopes, &key).await?) else {
                continue;
            };
            let (item, _) = read_announced(&json)?;
            // What a node of a later release wrote is for its like.
            if ItemKind::KNOWN.contains(&item.kind) {
                subjects.insert((domain, item.kind, item.subject));
            }
        }
        let own = self.scid()?;
        for (domain, kind, subject) in subjects {
            if domain == own {
                self.note_changed(kind, &subject);
            }
            let items = self.announced(&domain, kind, &subject).await?;
            let items = items.into_iter().map(|(item, _)| item).collect();
            if mesh.held(domain, items).await.is_err() {
                // The mesh is on its way out.
                return Ok(());
            }
        }
        heard.mark = Some(changes.mark);
        Ok(())
    }

    /// The domains that are recognised and those that joined, by SCID.
    async fn domains_that_count(&self) -> Result<(BTreeSet<String>, BTreeSet<String>), Error> {
        let trusted = self.trusted().await?.into_iter();
        let trusted = trusted.map(|domain| format!("{} {}", domain.did, domain.suspended)).collect();
        let joined = self.peers().await?.into_iter().filter(|peer| peer.joined).map(|peer| peer.scid);
        Ok((trusted, joined.collect()))
    }
}
