//! Status lists as they are held: the newest whole one of each, what changes led to since, and every index
//! ever seen revoked.

use crate::domain::{Domain, put, put_bytes};
use crate::error::Error;
use crate::ports::records::{Expect, Table, Write};
use did_resolver::codec::{self, Sha256Digest};
use did_resolver::document::Document;
use marque_rules::replica::floor::{self, Ahead, ListFloor, SignedList};
use marque_rules::replica::{Envelope, Item, ItemKind, Scid};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use vc_schemas::facts::{ListFact, ListKey};
use vc_schemas::secure::{Content, Envelope as Securing, Secured};
use vc_schemas::status::bitstring::{Bits, MAX_ENTRIES};
use vc_schemas::status::{MAX_LIST_BYTES, Purpose, StatusList, VerifiedList};

/// The key of a list in the store.
pub(crate) fn list_key(key: &ListKey) -> Vec<u8> {
    format!("{}\n{}", key.issuer, key.url).into_bytes()
}

/// What [`list_key`] made one of.
pub(crate) fn list_key_of(key: &[u8]) -> Option<ListKey> {
    let (issuer, url) = std::str::from_utf8(key).ok()?.split_once('\n')?;
    Some(ListKey { issuer: issuer.parse().ok()?, url: url.to_owned() })
}

/// What is known of a list before something of it arrives, and what to expect of each record where
/// something else is put in its place.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) held: Option<ListFact>,
    pub(crate) floor: Option<ListFloor>,
    pub(crate) floor_expect: Expect,
    /// What changes led to, and the envelope of the last of them.
    pub(crate) ahead: Option<Arc<(Ahead, Vec<u8>)>>,
    pub(crate) ahead_expect: Expect,
    pub(crate) ever: Option<Arc<Bits>>,
    pub(crate) ever_expect: Expect,
}

impl Known {
    /// The same, to be decided about.
    pub(crate) fn decide(&self) -> floor::KnownList<'_> {
        floor::KnownList {
            floor: self.floor,
            stored: self.held.as_ref().map(|fact| &fact.list.bits),
            ahead: self.ahead.as_ref().map(|ahead| &ahead.0),
            revoked_ever: self.ever.as_deref(),
        }
    }

    /// Whether an item is the list that is held, byte for byte.
    pub(crate) fn is_held_as(&self, item: &Item) -> bool {
        self.held.as_ref().is_some_and(|fact| codec::sha256(fact.list.secured().bytes()) == item.digest)
    }

    /// What is known to be signed of an array with the number `at`, and `signed`, which is another.
    pub(crate) fn both_at<'a>(&'a self, at: ListFloor, signed: &'a [u8]) -> Vec<&'a [u8]> {
        let changes = self.ahead.as_ref().filter(|ahead| ahead.0.at >= at);
        let other = match (changes, &self.held) {
            (Some(ahead), _) => Some(ahead.1.as_slice()),
            (None, Some(fact)) => Some(fact.list.secured().bytes()),
            (None, None) => None,
        };
        other.into_iter().chain([signed]).collect()
    }
}

impl Domain {
    /// What is known of a list before something of it arrives.
    pub(crate) async fn known_list(&self, key: &ListKey) -> Result<Known, Error> {
        let (floor, floor_expect) = self.list_floor(key).await?;
        let held = self.held_list(key).await?;
        let (ahead, ahead_expect) = self.ahead(key).await?;
        let (ever, ever_expect) = self.overlay(key).await?;
        Ok(Known { held, floor, floor_expect, ahead, ahead_expect, ever, ever_expect })
    }

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
        let revoked_ever = self.beside(key).await?;
        Ok(Some(ListFact { list, revoked_ever }))
    }

    /// What is held of a list, where it can be told what is good on it: not where as many lists of it are held as
    /// may be, [`floor::is_past_knowing`].
    ///
    /// # Errors
    /// As [`Domain::held_list`].
    pub async fn known_good_list(&self, key: &ListKey) -> Result<Option<ListFact>, Error> {
        match self.held_list(key).await? {
            Some(fact) => self.if_known_good(key, fact).await,
            None => Ok(None),
        }
    }

    /// What was found of a list, by the rule of [`Domain::known_good_list`].
    pub(crate) async fn if_known_good(
        &self,
        key: &ListKey,
        fact: ListFact,
    ) -> Result<Option<ListFact>, Error> {
        // Several are held only where one revokes something that the list does not.
        if fact.revoked_ever.as_ref().is_none_or(|ever| fact.list.bits.covers(ever)) {
            return Ok(Some(fact));
        }
        let announced = match Scid::of(&key.issuer) {
            Some(scid) => self.announced(&scid, ItemKind::StatusList, &key.url).await?,
            None => Vec::new(),
        };
        Ok(Some(fact).filter(|_| !floor::is_past_knowing(announced.len())))
    }

    /// What counts beside a list: every index ever seen revoked on it; of a list of suspensions, what newer
    /// changes leave suspended, until a whole list gets as far.
    pub(crate) async fn beside(&self, key: &ListKey) -> Result<Option<Arc<Bits>>, Error> {
        if let Some(ever) = self.overlay(key).await?.0 {
            return Ok(Some(ever));
        }
        let Some(led_to) = self.ahead(key).await?.0 else { return Ok(None) };
        let (floor, _) = self.list_floor(key).await?;
        let (ahead, _) = led_to.as_ref();
        Ok(floor.is_none_or(|floor| ahead.at > floor).then(|| Arc::new(ahead.bits.clone())))
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

    /// The digests of the lists of this URL that count, of whichever issuer announced one.
    pub(crate) async fn digests_of_lists(
        &self,
        url: &str,
        announced: &[(Item, Vec<u8>)],
    ) -> Result<BTreeSet<Sha256Digest>, Error> {
        let issuer = |(_, bytes): &(Item, Vec<u8>)| Some(Envelope::decode(bytes).ok()?.domain_did().clone());
        let mut digests = BTreeSet::new();
        for issuer in announced.iter().filter_map(issuer).collect::<BTreeSet<_>>() {
            let key = list_key(&ListKey { issuer, url: url.to_owned() });
            let stored = self.records.get(Table::Lists, &key).await?;
            digests.extend(stored.map(|stored| codec::sha256(&stored.value)));
        }
        Ok(digests)
    }

    /// What is held of a list beside `list`, by the rule of [`floor::beside`]: of what was `announced`, and of
    /// what is `new`. `None` where there is no room for that.
    pub(crate) async fn signed_beside(
        &self,
        document: &Document,
        list: Option<SignedList<'_>>,
        announced: &[(Item, Vec<u8>)],
        new: Option<(Item, Envelope)>,
    ) -> Result<Option<Vec<(Item, Envelope)>>, Error> {
        let mut signed = Vec::new();
        for (item, bytes) in announced {
            signed.extend(Envelope::decode(bytes).ok().map(|envelope| (item.clone(), envelope)));
        }
        signed.extend(new);
        let mut others = Vec::new();
        for (item, envelope) in signed {
            let Some(read) = read_list(&envelope.body().payload, document, self)? else { continue };
            let issuer_version = self.era(&read.issuer, read.key()).await?;
            others.push((ListFloor { issuer_version, sequence: read.sequence }, read, item, envelope));
        }
        let revokes = others.iter().filter(|(_, read, ..)| read.purpose == Purpose::Revocation);
        let revokes =
            revokes.map(|(at, read, item, _)| SignedList { at: *at, digest: item.digest, bits: &read.bits });
        let Some(kept) = floor::beside(list, revokes.collect()) else { return Ok(None) };
        let kept: Vec<_> = kept.iter().map(|kept| kept.digest).collect();
        let place = |item: &Item| kept.iter().position(|digest| *digest == item.digest);
        let mut found: Vec<_> = others.into_iter().map(|(.., item, envelope)| (item, envelope)).collect();
        found.retain(|(item, _)| place(item).is_some());
        found.sort_by_key(|(item, _)| place(item));
        found.dedup_by(|a, b| a.0 == b.0);
        Ok(Some(found))
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

    /// What changes of a list led to, be it beyond the list that is held or not any more.
    async fn ahead(&self, key: &ListKey) -> Result<(Option<Arc<(Ahead, Vec<u8>)>>, Expect), Error> {
        let Some(stored) = self.records.get(Table::Ahead, &list_key(key)).await? else {
            return Ok((None, Expect::Absent));
        };
        let expect = Expect::Version(stored.version);
        if let Some(ahead) = self.aheads.find(key, stored.version) {
            return Ok((Some(ahead), expect));
        }
        let json: Value = serde_json::from_slice(&stored.value).map_err(|_| Error::Record("a change"))?;
        let ahead = Arc::new(read_ahead(&json).ok_or(Error::Record("a change"))?);
        self.aheads.insert(key.clone(), stored.version, Arc::clone(&ahead));
        Ok((Some(ahead), expect))
    }

    /// Puts what a change led to in the place of what the one before it did.
    pub(crate) fn ahead_write(
        key: &ListKey,
        ahead: &Ahead,
        signed: &[u8],
        expect: Expect,
    ) -> Result<Write, Error> {
        let bits = ahead.bits.encode().map_err(|_| Error::Record("a change"))?;
        let value = json!({
            "issuerVersion": ahead.at.issuer_version,
            "sequence": ahead.at.sequence,
            "bits": bits,
            "signed": codec::to_base64url(signed),
        });
        Ok(put(Table::Ahead, list_key(key), &value, expect))
    }
}

fn read_ahead(json: &Value) -> Option<(Ahead, Vec<u8>)> {
    let number = |name| json.get(name).and_then(Value::as_u64);
    let text = |name| json.get(name).and_then(Value::as_str);
    let at = ListFloor { issuer_version: number("issuerVersion")?, sequence: number("sequence")? };
    let bits = Bits::decode(text("bits")?, MAX_ENTRIES).ok()?;
    Some((Ahead { at, bits }, codec::from_base64url(text("signed")?).ok()?))
}

fn read_list(bytes: &[u8], document: &Document, domain: &Domain) -> Result<Option<VerifiedList>, Error> {
    let secured = Secured::parse(Content::Credential, Securing::Jwt, bytes, MAX_LIST_BYTES)
        .map_err(|_| Error::Record("a status list"))?;
    // Its key may have been retired since: then it is as if there were no list.
    Ok(StatusList::verified(secured, document, domain.now()).ok())
}
