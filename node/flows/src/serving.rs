//! What a node answers its peers from the store, within the bounds of the wire.

use crate::domain::Domain;
use crate::error::Error;
use crate::intake::NodeIntake;
use crate::peers::PeerRecord;
use crate::ports::mesh::Domains;
use did_resolver::codec;
use did_resolver::did::Did;
use marque_rules::replica::limits::{MAX_ADDRESSES, MAX_IDS_PER_REQUEST, MAX_PAGE_BYTES};
use marque_rules::replica::{ItemKind, Refusal, Request, Response, Scid};
use std::collections::BTreeSet;

/// Most addresses that are handed to the mesh for dialling (MESH.md D8).
const MAX_HINTS: usize = 64;

impl NodeIntake {
    pub(crate) async fn answer(&self, request: Request) -> Result<Response, Refusal> {
        let domain = self.domain();
        let store = |error: Error| {
            tracing::error!(%error, "the store failed a peer's question");
            Refusal::StoreFailed
        };
        match request {
            Request::Objects { domain: scid, ids } => {
                let (mut objects, mut size) = (Vec::new(), 0);
                for id in ids.iter().take(MAX_IDS_PER_REQUEST) {
                    let Some((_, envelope)) = domain.announced_by_id(&scid, id).await.map_err(store)? else {
                        continue;
                    };
                    size += envelope.len();
                    if size > MAX_PAGE_BYTES && !objects.is_empty() {
                        break;
                    }
                    objects.push((*id, envelope));
                }
                Ok(Response::Objects(objects))
            }
            Request::Log { did, digest, offset } => {
                let did: Did = did.parse().map_err(|_| Refusal::Malformed)?;
                let held = domain.held_log(&did).await.map_err(store)?;
                let branch = held.branches.iter().find(|log| codec::sha256(log.bytes()) == digest);
                let bytes = branch.ok_or(Refusal::NotFound)?.bytes();
                let from = usize::try_from(offset).map_err(|_| Refusal::Malformed)?;
                let rest = bytes.get(from..).ok_or(Refusal::NotFound)?;
                let page = rest.get(..MAX_PAGE_BYTES).unwrap_or(rest).to_vec();
                Ok(Response::Log { total: bytes.len() as u64, bytes: page })
            }
            Request::Resolve { did } => self.envelope(ItemKind::Log, &did).await,
            Request::List { url } => self.envelope(ItemKind::StatusList, &url).await,
            Request::Digest { .. } | Request::Ranges { .. } | Request::Items { .. } => Err(Refusal::NotFound),
        }
    }

    /// The newest envelope of a subject, whichever domain it is from: another one may announce an older
    /// state of a log. Of a forked one no single branch is given, which would look like the whole: which
    /// one counts is for whoever asks to settle.
    async fn envelope(&self, kind: ItemKind, subject: &str) -> Result<Response, Refusal> {
        let domain = self.domain();
        let store = |_: Error| Refusal::StoreFailed;
        if kind == ItemKind::Log {
            let did: Did = subject.parse().map_err(|_| Refusal::NotFound)?;
            if domain.held_log(&did).await.map_err(store)?.is_forked() {
                return Err(Refusal::Contested);
            }
        }
        let mut found = Vec::new();
        for origin in domain.origins_of(kind, subject).await.map_err(store)? {
            found.extend(domain.announced(&origin, kind, subject).await.map_err(store)?);
        }
        if kind == ItemKind::StatusList {
            // What is held beside the list that counts may have a higher number.
            let counts = domain.digests_of_lists(subject, &found).await.map_err(store)?;
            found.retain(|(item, _)| counts.contains(&item.digest));
        }
        let newest = found.into_iter().max_by_key(|(item, _)| item.seq);
        newest.map(|(_, envelope)| Response::Envelope(envelope)).ok_or(Refusal::NotFound)
    }
}

/// The first address of every domain before the second of any, at most so many: who has forgotten where one
/// domain is finds it by the others.
fn one_by_one(of_domains: Vec<Vec<String>>, most: usize) -> Vec<String> {
    let mut of_domains: Vec<_> = of_domains.into_iter().map(Vec::into_iter).collect();
    let mut taken = Vec::new();
    loop {
        let before = taken.len();
        taken.extend(of_domains.iter_mut().filter_map(Iterator::next).take(most - before));
        if taken.len() == before || taken.len() >= most {
            return taken;
        }
    }
}

impl Domain {
    /// The domains of this node, as the mesh wants them.
    pub(crate) async fn mesh_domains(&self) -> Result<Domains, Error> {
        let (mut trusted, mut suspended) = (BTreeSet::new(), BTreeSet::new());
        for domain in &self.trusted().await? {
            if domain.suspended { &mut suspended } else { &mut trusted }.extend(Scid::of(&domain.did));
        }
        // A suspended domain is not admitted, though it joined once.
        let mut peers = self.peers().await?;
        peers.retain(|peer| Scid::parse(&peer.scid).is_none_or(|scid| !suspended.contains(&scid)));
        let mut joined = BTreeSet::new();
        for peer in peers.iter().filter(|peer| peer.joined) {
            joined.extend(Scid::parse(&peer.scid).filter(|scid| !suspended.contains(scid)));
        }
        let addresses = one_by_one(peers.into_iter().map(|peer| peer.addresses).collect(), MAX_HINTS);
        let own = self.scid()?;
        trusted.remove(&own);
        Ok(Domains { own, trusted, joined, addresses })
    }

    /// Remembers where nodes of a domain may be dialled, as hints for the next start.
    pub(crate) async fn remember(&self, scid: &Scid, addresses: Vec<String>) -> Result<(), Error> {
        let known = self.peer(scid.as_str()).await?;
        let trusted = self.trusted().await?.into_iter().find(|d| Scid::of(&d.did).as_ref() == Some(scid));
        let mut record = match (known, trusted) {
            (Some(record), _) => record,
            (None, Some(_)) if !self.has_room_for(scid.as_str()).await? => return Ok(()),
            (None, Some(domain)) => PeerRecord::new(domain.did, false, Vec::new())?,
            (None, None) => return Ok(()),
        };
        let mut merged = addresses;
        merged.extend(record.addresses.iter().cloned());
        let mut seen = BTreeSet::new();
        merged.retain(|address| seen.insert(address.clone()));
        merged.truncate(MAX_ADDRESSES);
        if merged == record.addresses {
            return Ok(());
        }
        record.addresses = merged;
        Ok(self.records.commit(vec![record.write()]).await?)
    }
}

#[cfg(test)]
mod tests;
