//! What is held of the public objects of all domains: DID logs and status lists, each with the
//! envelope by which its origin announced it, and the floors below which nothing falls.
//!
//! Own and foreign objects lie in the same tables and pass the same decisions.

mod lists;
mod evidence;
mod logs;
pub(crate) mod histories;

pub(crate) use lists::{Known as KnownList, list_key, list_key_of};
pub use logs::{HeldLog, histories_of};
pub(crate) use logs::{KnownLog, authority, packed};

use crate::domain::Domain;
use crate::error::Error;
use crate::ports::records::{Expect, Row, Table, Write};
use did_resolver::codec;
use marque_rules::replica::{Envelope, Item, ItemKind, Scid};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Most domains that are looked at for who announced a subject: those that a node replicates.
const MAX_ORIGINS: usize = marque_rules::replica::limits::MAX_DOMAINS;

impl Domain {
    /// Every item that is held of a subject of a domain, with its envelope.
    pub(crate) async fn announced(
        &self,
        domain: &Scid,
        kind: ItemKind,
        subject: &str,
    ) -> Result<Vec<(Item, Vec<u8>)>, Error> {
        let prefix = subject_prefix(domain, kind, subject);
        let rows = self.all(Table::Envelopes, prefix.as_bytes(), kind.most_of_a_subject() * 2).await?;
        rows.iter().map(|(_, json)| read_announced(json)).collect()
    }

    /// Puts `items` in the place of those of the same subject that were announced before.
    pub(crate) async fn announce_writes(
        &self,
        domain: &Scid,
        (kind, subject): (ItemKind, &str),
        items: &[(Item, &Envelope)],
    ) -> Result<Vec<Write>, Error> {
        // By key: the records of an item that stays, or of the subject, are not deleted as well.
        let mut values: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
        for (item, _) in self.announced(domain, kind, subject).await? {
            values.extend(announced_keys(domain, &item).map(|key| (key, None)));
        }
        for (item, envelope) in items {
            let json = json!({
                "kind": item.kind.number(),
                "subject": item.subject,
                "seq": item.seq,
                "digest": codec::to_base64url(&item.digest),
                "envelope": codec::to_base64url(envelope.bytes()),
            });
            let [by_subject, by_id, origin] = announced_keys(domain, item);
            values.insert(by_id, Some(by_subject.clone()));
            values.insert(origin, Some(domain.as_str().into()));
            values.insert(by_subject, Some(json.to_string().into_bytes()));
        }
        let write = |(key, value)| Write { table: Table::Envelopes, key, value, expect: Expect::Any };
        Ok(values.into_iter().map(write).collect())
    }

    /// The item with this id, and its envelope.
    pub(crate) async fn announced_by_id(
        &self,
        domain: &Scid,
        id: &[u8; 32],
    ) -> Result<Option<(Item, Vec<u8>)>, Error> {
        let key = id_key(domain, id);
        let Some(stored) = self.records.get(Table::Envelopes, key.as_bytes()).await? else { return Ok(None) };
        let Some((json, _)) = self.json(Table::Envelopes, &stored.value).await? else { return Ok(None) };
        read_announced(&json).map(Some)
    }

    /// Every item of a domain, but those of kinds that only a later release knows, whose store this was.
    pub(crate) async fn announced_items(&self, domain: &Scid, max: usize) -> Result<Vec<Item>, Error> {
        let prefix = format!("e/{}/", domain.as_str());
        let rows = self.all(Table::Envelopes, prefix.as_bytes(), max).await?;
        let items = rows.iter().map(|(_, json)| read_announced(json).map(|(item, _)| item));
        let known = |item: &Result<Item, Error>| match item {
            Ok(item) => ItemKind::KNOWN.contains(&item.kind),
            Err(_) => true,
        };
        items.filter(known).collect()
    }

    /// The items of one kind of a domain, at most `max`.
    pub(crate) async fn announced_of_kind(
        &self,
        domain: &Scid,
        kind: ItemKind,
        max: usize,
    ) -> Result<Vec<Item>, Error> {
        let prefix = format!("e/{}/{}/", domain.as_str(), kind.number());
        let rows = self.all(Table::Envelopes, prefix.as_bytes(), max).await?;
        rows.iter().map(|(_, json)| read_announced(json).map(|(item, _)| item)).collect()
    }

    /// Which domains announced a subject: of more than [`MAX_ORIGINS`], those with the lowest SCIDs.
    pub(crate) async fn origins_of(&self, kind: ItemKind, subject: &str) -> Result<Vec<Scid>, Error> {
        let prefix = format!("d/{}/{subject}\n", kind.number());
        let rows = self.records.scan(Table::Envelopes, prefix.as_bytes(), None, MAX_ORIGINS).await?;
        let scid = |row: &Row| Scid::parse(&String::from_utf8_lossy(&row.stored.value));
        Ok(rows.iter().filter_map(scid).collect())
    }
}

fn subject_prefix(domain: &Scid, kind: ItemKind, subject: &str) -> String {
    format!("e/{}/{}/{subject}\n", domain.as_str(), kind.number())
}

fn id_key(domain: &Scid, id: &[u8; 32]) -> String {
    format!("i/{}/{}", domain.as_str(), codec::to_base64url(id))
}

/// By subject, by id, and by subject alone for the origin.
fn announced_keys(domain: &Scid, item: &Item) -> [Vec<u8>; 3] {
    let id = item.id();
    let by_subject =
        format!("{}{}", subject_prefix(domain, item.kind, &item.subject), codec::to_base64url(&id));
    let origin = format!("d/{}/{}\n{}", item.kind.number(), item.subject, domain.as_str());
    [by_subject.into_bytes(), id_key(domain, &id).into_bytes(), origin.into_bytes()]
}

pub(crate) fn read_announced(json: &Value) -> Result<(Item, Vec<u8>), Error> {
    let text = |name: &str| json.get(name).and_then(Value::as_str);
    let number = |name: &str| json.get(name).and_then(Value::as_u64);
    let bytes = |name: &str| text(name).and_then(|t| codec::from_base64url(t).ok());
    let read = || {
        let digest = bytes("digest")?.try_into().ok()?;
        let kind = ItemKind::from_number(number("kind")?)?;
        let item = Item { kind, subject: text("subject")?.to_owned(), seq: number("seq")?, digest };
        Some((item, bytes("envelope")?))
    };
    read().ok_or(Error::Record("an announced object"))
}
