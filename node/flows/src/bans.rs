//! Peers that this node lets in no more until a time: kept, so that a restart lets nobody back in.

use crate::domain::{Domain, put};
use crate::error::Error;
use crate::ports::mesh::{Ban, BannedBy, MeshError};
use crate::ports::records::{Expect, Table, Write};
use crate::record::{Decision, Kind};
use did_resolver::codec;
use did_resolver::time::UnixSeconds;
use serde_json::{Value, json};
use std::time::Duration;
use vc_schemas::code::Code;

/// Bans at once, an operator's and the node's own together: more than a mesh has connections, by far.
pub const MAX_BANS: usize = 1_024;

/// Longest ban. What is to last longer is no ban but a domain that is not trusted.
pub const MAX_BAN: Duration = Duration::from_secs(365 * 24 * 3_600);

/// What a PeerId of an Ed25519 key begins with: an identity multihash of 36 bytes, a key of type 1, of
/// 32 bytes (libp2p's peer-ids specification).
const PEER_ID_HEAD: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// Length of such a PeerId, in bytes.
const PEER_ID_BYTES: usize = 38;

fn is_peer_id(text: &str) -> bool {
    // 38 bytes have at most 52 characters.
    let bytes = if text.len() <= 64 { codec::from_base58btc(text).ok() } else { None };
    bytes.is_some_and(|bytes| bytes.len() == PEER_ID_BYTES && bytes.starts_with(&PEER_ID_HEAD))
}

fn read(key: &[u8], json: &Value) -> Result<Ban, Error> {
    let peer = String::from_utf8(key.to_vec()).map_err(|_| Error::Record("a ban"))?;
    let until = json.get("until").and_then(Value::as_u64).ok_or(Error::Record("a ban"))?;
    let by = json.get("by").and_then(Value::as_str).and_then(BannedBy::from_name);
    Ok(Ban { peer, until: UnixSeconds::new(until), by: by.ok_or(Error::Record("a ban"))? })
}

impl Domain {
    /// The bans that are not over.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn bans(&self) -> Result<Vec<Ban>, Error> {
        let (now, rows) = (self.now(), self.all(Table::Bans, &[], MAX_BANS).await?);
        let all = rows.iter().map(|(key, json)| read(key, json)).collect::<Result<Vec<_>, _>>()?;
        Ok(all.into_iter().filter(|ban| ban.until > now).collect())
    }

    /// What [`Domain::ban`] does; its refusal is not on record yet.
    pub(crate) async fn try_ban(&self, peer: &str, life: Duration) -> Result<Ban, Error> {
        if !is_peer_id(peer) {
            return Err(Error::member(Code::RequestMalformed, "peer", "not the PeerId of an Ed25519 key"));
        }
        if life.is_zero() || life > MAX_BAN {
            return Err(Error::member(Code::RequestMalformed, "forSeconds", "between one second and a year"));
        }
        let ban = Ban { peer: peer.to_owned(), until: self.now().plus(life), by: BannedBy::Operator };
        self.keep_ban(&ban).await?;
        if let Some(mesh) = self.mesh() {
            mesh.ban(ban.clone()).await.map_err(unheard)?;
        }
        Ok(ban)
    }

    /// What [`Domain::unban`] does; its refusal is not on record yet.
    pub(crate) async fn try_unban(&self, peer: &str) -> Result<(), Error> {
        if self.records.get(Table::Bans, peer.as_bytes()).await?.is_none() {
            return Err(Error::refused(Code::NotFound, "the peer is not banned"));
        }
        let batch = vec![lifted(peer), self.entry(Decision::new(Kind::Trust, peer, "unbanned"))?];
        self.records.commit(batch).await?;
        if let Some(mesh) = self.mesh() {
            mesh.unban(peer.to_owned()).await.map_err(unheard)?;
        }
        Ok(())
    }

    /// Makes a ban durable, and forgets those that are over. Where there are as many as can be, one that
    /// a score led to makes room, the first to end.
    pub(crate) async fn keep_ban(&self, ban: &Ban) -> Result<(), Error> {
        let (now, rows) = (self.now(), self.all(Table::Bans, &[], MAX_BANS + 1).await?);
        let all = rows.iter().map(|(key, json)| read(key, json)).collect::<Result<Vec<_>, _>>()?;
        let before = all.iter().find(|kept| kept.peer == ban.peer && kept.until > now);
        if before.is_some_and(|kept| kept.by == BannedBy::Operator && ban.by == BannedBy::Score) {
            return Ok(());
        }
        let (over, mut stand): (Vec<_>, Vec<_>) =
            all.into_iter().filter(|kept| kept.peer != ban.peer).partition(|kept| kept.until <= now);
        let mut batch: Vec<Write> = over.iter().map(|ban| lifted(&ban.peer)).collect();
        stand.sort_by_key(|ban| (ban.by == BannedBy::Operator, ban.until));
        if stand.len() >= MAX_BANS {
            match stand.first() {
                Some(first) if first.by == BannedBy::Score => batch.push(lifted(&first.peer)),
                _ => {
                    let detail = "as many peers are banned as can be";
                    return Err(Error::refused(Code::StateConflict, detail));
                }
            }
        }
        // One batch has room for fewer; the rest goes with the next ban.
        batch.truncate(crate::ports::records::MAX_BATCH - 2);
        let json = json!({"until": ban.until.get(), "by": ban.by.as_str()});
        batch.push(put(Table::Bans, ban.peer.as_bytes(), &json, Expect::Any));
        let facts = json!({"until": ban.until.to_string(), "by": ban.by.as_str()});
        batch.push(self.entry(Decision::new(Kind::Trust, &ban.peer, "banned").with(facts))?);
        Ok(self.records.commit(batch).await?)
    }
}

fn lifted(peer: &str) -> Write {
    Write { table: Table::Bans, key: peer.as_bytes().to_vec(), value: None, expect: Expect::Any }
}

fn unheard(error: MeshError) -> Error {
    tracing::warn!(%error, "the mesh did not hear of a ban");
    Error::refused(Code::Unavailable, "it is on record, and holds from the next start; the mesh is busy")
}
