//! What is held of the public objects of all domains: DID logs and status lists, each with the
//! envelope by which its origin announced it, and the floors below which nothing falls.
//!
//! Own and foreign objects lie in the same tables and pass the same decisions.

mod logs;
pub(crate) mod histories;

pub use logs::HeldLog;
pub(crate) use logs::{KnownLog, authority, packed};

use crate::domain::{Domain, put, put_bytes};
use crate::error::Error;
use crate::ports::records::{Expect, Row, Table, Write};
use did_resolver::codec;
use did_resolver::document::Document;
use marque_rules::replica::floor::ListFloor;
use marque_rules::replica::limits::MAX_BRANCHES;
use marque_rules::replica::{Envelope, Item, ItemKind, Scid};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use vc_schemas::facts::{ListFact, ListKey};
use vc_schemas::secure::{Content, Envelope as Securing, Secured};
use vc_schemas::status::bitstring::{Bits, MAX_ENTRIES};
use vc_schemas::status::{MAX_LIST_BYTES, StatusList, VerifiedList};

/// Most domains that are looked at for who announced a subject: those that a node replicates.
const MAX_ORIGINS: usize = marque_rules::replica::limits::MAX_DOMAINS;

/// The key of a list in the store.
pub(crate) fn list_key(key: &ListKey) -> Vec<u8> {
    format!("{}\n{}", key.issuer, key.url).into_bytes()
}

impl Domain {
    /// What is held of a list, verified under its issuer's newest document.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn held_list(&self, key: &ListKey) -> Result<Option<ListFact>, Error> {
        let Some(stored) = self.records.get(Table::Lists, &list_key(key)).await? else { return Ok(None) };
        let list = match self.lists_verified.find(key, stored.version) {
            Some(list) => list,
            None => {
                let Some((document, _)) = self.active_document(&key.issuer).await? else { return Ok(None) };
                let Some(list) = read_list(&stored.value, &document, self)? else { return Ok(None) };
                let list = Arc::new(list);
                self.lists_verified.insert(key.clone(), stored.version, Arc::clone(&list));
                list
            }
        };
        let revoked_ever = self.revoked_ever(key).await?;
        Ok(Some(ListFact { list, revoked_ever }))
    }

    /// Every index ever seen revoked on a list.
    pub(crate) async fn revoked_ever(&self, key: &ListKey) -> Result<Option<Arc<Bits>>, Error> {
        Ok(self.overlay(key).await?.0)
    }

    /// Every index ever seen revoked on a list, and what to expect of the record where more is added:
    /// of two that add to it at once, neither may lose what the other saw.
    pub(crate) async fn overlay(&self, key: &ListKey) -> Result<(Option<Arc<Bits>>, Expect), Error> {
        let Some(stored) = self.records.get(Table::RevokedEver, &list_key(key)).await? else {
            return Ok((None, Expect::Absent));
        };
        let expect = Expect::Version(stored.version);
        if let Some(bits) = self.overlays.find(key, stored.version) {
            return Ok((Some(bits), expect));
        }
        let text = String::from_utf8(stored.value).map_err(|_| Error::Record("an overlay"))?;
        let bits = Arc::new(Bits::decode(&text, MAX_ENTRIES).map_err(|_| Error::Record("an overlay"))?);
        self.overlays.insert(key.clone(), stored.version, Arc::clone(&bits));
        Ok((Some(bits), expect))
    }

    /// The floor of a list, and the record version of the list itself.
    pub(crate) async fn list_floor(&self, key: &ListKey) -> Result<(Option<ListFloor>, Expect), Error> {
        let stored = self.records.get(Table::Lists, &list_key(key)).await?;
        let expect = stored.map_or(Expect::Absent, |stored| Expect::Version(stored.version));
        let floor = self.json(Table::Floors, &[b"list\n", &list_key(key)[..]].concat()).await?;
        let Some((json, _)) = floor else { return Ok((None, expect)) };
        let number = |name| json.get(name).and_then(Value::as_u64);
        match (number("issuerVersion"), number("sequence")) {
            (Some(issuer_version), Some(sequence)) => {
                Ok((Some(ListFloor { issuer_version, sequence }), expect))
            }
            _ => Err(Error::Record("a floor")),
        }
    }

    /// Puts a list in the place of what is held; `expect` is what [`Domain::list_floor`] answered, and
    /// the expectation of the overlay what [`Domain::overlay`] did.
    pub(crate) fn list_writes(
        list: &VerifiedList,
        at: ListFloor,
        overlay: Option<(&Bits, Expect)>,
        expect: Expect,
    ) -> Result<Vec<Write>, Error> {
        let key = ListKey { issuer: list.issuer.clone(), url: list.url.clone() };
        let floor = json!({"issuerVersion": at.issuer_version, "sequence": at.sequence});
        let mut writes = vec![
            put_bytes(Table::Lists, list_key(&key), list.secured().bytes().to_vec(), expect),
            put(Table::Floors, [b"list\n", &list_key(&key)[..]].concat(), &floor, Expect::Any),
        ];
        writes.extend(overlay.map(|(bits, expect)| Self::overlay_write(&key, bits, expect)).transpose()?);
        Ok(writes)
    }

    /// The overlay of a list.
    pub(crate) fn overlay_write(key: &ListKey, bits: &Bits, expect: Expect) -> Result<Write, Error> {
        let text = bits.encode().map_err(|_| Error::Record("an overlay"))?;
        Ok(put_bytes(Table::RevokedEver, list_key(key), text.into_bytes(), expect))
    }

    /// Every item that is held of a subject of a domain, with its envelope.
    pub(crate) async fn announced(
        &self,
        domain: &Scid,
        kind: ItemKind,
        subject: &str,
    ) -> Result<Vec<(Item, Vec<u8>)>, Error> {
        let prefix = subject_prefix(domain, kind, subject);
        let rows = self.all(Table::Envelopes, prefix.as_bytes(), MAX_BRANCHES * 2).await?;
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

    /// Which domains announced a subject: of more than [`MAX_ORIGINS`], those with the lowest SCIDs.
    pub(crate) async fn origins_of(&self, kind: ItemKind, subject: &str) -> Result<Vec<Scid>, Error> {
        let prefix = format!("d/{}/{subject}\n", kind.number());
        let rows = self.records.scan(Table::Envelopes, prefix.as_bytes(), None, MAX_ORIGINS).await?;
        let scid = |row: &Row| Scid::parse(&String::from_utf8_lossy(&row.stored.value));
        Ok(rows.iter().filter_map(scid).collect())
    }
}

fn read_list(bytes: &[u8], document: &Document, domain: &Domain) -> Result<Option<VerifiedList>, Error> {
    let secured = Secured::parse(Content::Credential, Securing::Jwt, bytes, MAX_LIST_BYTES)
        .map_err(|_| Error::Record("a status list"))?;
    // Its key may have been retired since: then it is as if there were no list.
    Ok(StatusList::verified(secured, document, domain.now()).ok())
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

fn read_announced(json: &Value) -> Result<(Item, Vec<u8>), Error> {
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
