//! Who holds the log of a DID, as a hint (MESH.md D8): what members keep for each other in their Kademlia table.
//! A hint is signed by the peer that it names and by nobody else, so nobody speaks for another. It is never
//! believed: it says whom to ask, and what is given then is judged as ever. Pure.

use crate::limits::{HINT_LIFE, MAX_HINT_ADDRESSES, MAX_HINT_BYTES, MAX_HINTS_OF_A_PEER, MAX_STORED_HINTS};
use did_resolver::codec::sha256;
use did_resolver::time::UnixSeconds;
use libp2p::identity::{Keypair, PublicKey};
use libp2p::{Multiaddr, PeerId};
use marque_rules::replica::limits::MAX_SUBJECT_BYTES;
use minicbor::{Decoder, Encoder};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// What a signature begins with: it is good for nothing else.
const CONTEXT: &[u8] = b"marque-kad-hint-1\0";

/// The version of the shape.
const VERSION: u8 = 1;

/// Keys of one DID; a peer has one of them. Who would hide who else holds a log needs a member for each.
pub const SLOTS: u8 = 4;

/// A key of Kademlia.
pub type Key = [u8; 32];

/// The key of a DID in a slot.
#[must_use]
pub fn key(did: &str, slot: u8) -> Key {
    let mut bytes = CONTEXT.to_vec();
    bytes.push(slot);
    bytes.extend_from_slice(did.as_bytes());
    sha256(&bytes)
}

/// The slot of a peer.
#[must_use]
pub fn slot(peer: &PeerId) -> u8 {
    let [first, ..] = sha256(&peer.to_bytes());
    first % SLOTS
}

/// That a peer holds a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Of which DID.
    pub did: String,
    /// Who.
    pub peer: PeerId,
    /// Up to which version.
    pub version: u64,
    /// Until when this is said.
    pub expires: UnixSeconds,
    /// Where the peer may be dialled.
    pub addresses: Vec<Multiaddr>,
}

/// Not a hint that may be kept or followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadHint;

impl Hint {
    /// Its key.
    #[must_use]
    pub fn key(&self) -> Key {
        key(&self.did, slot(&self.peer))
    }

    /// It as bytes, signed by its peer's key. `None` where it is too long, or the key is another's.
    #[must_use]
    pub fn sign(&self, key: &Keypair) -> Option<Vec<u8>> {
        let body = self.body()?;
        let signature = key.sign(&signed(&body)).ok()?;
        let value = whole(&body, &signature)?;
        (value.len() <= MAX_HINT_BYTES && key.public().to_peer_id() == self.peer).then_some(value)
    }

    fn body(&self) -> Option<Vec<u8>> {
        let mut e = Encoder::new(Vec::new());
        e.array(6).ok()?.u8(VERSION).ok()?.str(&self.did).ok()?.bytes(&self.peer.to_bytes()).ok()?;
        e.u64(self.version).ok()?.u64(self.expires.get()).ok()?;
        e.array(self.addresses.len() as u64).ok()?;
        for address in &self.addresses {
            e.bytes(&address.to_vec()).ok()?;
        }
        Some(e.into_writer())
    }

    /// Reads what was stored under a key.
    ///
    /// # Errors
    /// [`BadHint`]: it has another shape, was signed by another, belongs under another key, is over, or would
    /// last longer than a hint may.
    pub fn open(value: &[u8], under: &[u8], now: UnixSeconds) -> Result<Self, BadHint> {
        let (hint, body, signature) = parse(value).ok_or(BadHint)?;
        // One spelling only.
        let same = hint.body().and_then(|again| whole(&again, &signature)).as_deref() == Some(value);
        let of_key = PublicKey::try_decode_protobuf(hint.peer.as_ref().digest()).map_err(|_| BadHint)?;
        let named = of_key.to_peer_id() == hint.peer && of_key.verify(&signed(&body), &signature);
        let timely = hint.expires > now && hint.expires <= now.plus(HINT_LIFE);
        (same && named && timely && hint.key() == under).then_some(hint).ok_or(BadHint)
    }
}

fn signed(body: &[u8]) -> Vec<u8> {
    [CONTEXT, body].concat()
}

fn whole(body: &[u8], signature: &[u8]) -> Option<Vec<u8>> {
    let mut e = Encoder::new(Vec::new());
    e.array(2).ok()?.bytes(body).ok()?.bytes(signature).ok()?;
    Some(e.into_writer())
}

fn parse(value: &[u8]) -> Option<(Hint, Vec<u8>, Vec<u8>)> {
    if value.len() > MAX_HINT_BYTES {
        return None;
    }
    let mut d = Decoder::new(value);
    if d.array().ok()? != Some(2) {
        return None;
    }
    let (body, signature) = (d.bytes().ok()?.to_vec(), d.bytes().ok()?.to_vec());
    let mut d = Decoder::new(&body);
    if d.array().ok()? != Some(6) || d.u8().ok()? != VERSION {
        return None;
    }
    let did = d.str().ok().filter(|did| did.len() <= MAX_SUBJECT_BYTES)?.to_owned();
    let peer = PeerId::from_bytes(d.bytes().ok()?).ok()?;
    let (version, expires) = (d.u64().ok()?, UnixSeconds::new(d.u64().ok()?));
    let count = d.array().ok()?.and_then(|count| usize::try_from(count).ok());
    let mut addresses = Vec::new();
    for _ in 0..count.filter(|count| *count <= MAX_HINT_ADDRESSES)? {
        addresses.push(Multiaddr::try_from(d.bytes().ok()?.to_vec()).ok()?);
    }
    Some((Hint { did, peer, version, expires, addresses }, body, signature))
}

/// Orders what was found: of each that gave hints one, then of each another, so that nobody's hints, however many
/// and whatever they say, stand before the first of another's; of one's own those of later versions first.
pub fn in_turn(found: &mut [(Option<PeerId>, Hint)]) {
    found.sort_by_key(|(_, hint)| Reverse(hint.version));
    let mut given: BTreeMap<Option<PeerId>, u64> = BTreeMap::new();
    let mut turns = BTreeMap::new();
    for (from, hint) in found.iter() {
        let turn = given.entry(*from).or_default();
        turns.insert(hint.peer, *turn);
        *turn += 1;
    }
    found.sort_by_key(|(_, hint)| turns.get(&hint.peer).copied());
}

/// Which hints are kept for others.
#[derive(Debug, Default)]
pub struct Shelf {
    kept: BTreeMap<Key, (PeerId, u64, UnixSeconds)>,
    /// How many of each peer.
    of_peer: BTreeMap<PeerId, usize>,
}

impl Shelf {
    /// Whether a hint that `from` brought is to be kept: it speaks for itself, there is room for it and among
    /// those of its peer, and nobody who says that it holds as much is under its key.
    pub fn keep(&mut self, hint: &Hint, from: &PeerId) -> bool {
        let held = self.kept.get(&hint.key()).map(|(peer, version, _)| (*peer, *version));
        let own = held.is_some_and(|(peer, _)| peer == hint.peer);
        let better = held.is_none_or(|(_, version)| own || version < hint.version);
        let of_peer = self.of_peer.get(&hint.peer).copied().unwrap_or_default();
        let room = own || of_peer < MAX_HINTS_OF_A_PEER;
        let place = held.is_some() || self.kept.len() < MAX_STORED_HINTS;
        if hint.peer != *from || !better || !room || !place {
            return false;
        }
        let entry = (hint.peer, hint.version, hint.expires);
        if let Some((before, ..)) = self.kept.insert(hint.key(), entry) {
            self.one_less(&before);
        }
        *self.of_peer.entry(hint.peer).or_default() += 1;
        true
    }

    /// Takes out those that are over, and names them.
    pub fn expire(&mut self, now: UnixSeconds) -> Vec<Key> {
        let over: Vec<_> = self.kept.extract_if(.., |_, (_, _, expires)| *expires <= now).collect();
        for (_, (peer, ..)) in &over {
            self.one_less(peer);
        }
        over.into_iter().map(|(key, _)| key).collect()
    }

    fn one_less(&mut self, peer: &PeerId) {
        if let Some(count) = self.of_peer.get_mut(peer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.of_peer.remove(peer);
            }
        }
    }
}

#[cfg(test)]
mod tests;
