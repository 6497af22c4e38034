//! The domain's own keys replaced (MODEL.md, "Which key counts"): the DID stays. The new keys are durable before the
//! log lists them, and who has the key that the log commits to signs the entry elsewhere. What the old keys signed
//! counts for as long as the entry lists them, and they go on to sign until everybody has heard of it; everything that
//! is to last longer is signed anew then.

use crate::announce::Announcement;
use crate::domain::{Domain, put, read_json};
use crate::error::Error;
use crate::objects::read_announced;
use crate::ports::keys::{KeyRole, NextKeys};
use crate::ports::mesh::Publication;
use crate::ports::records::{Expect, StoreError, Table};
use crate::record::{Decision, Kind};
use crate::succession::Pass;
use did_resolver::did::{Did, DidUrl};
use did_resolver::document::{Document, Relationship, VerificationMethod};
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{Extension, Log};
use marque_rules::issuance;
use marque_rules::replica::floor::{ReceivedLog, check_proofs, era};
use marque_rules::replica::{Envelope, Item, ItemKind, Lane, MembershipEpoch};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use vc_schemas::code::Code;
use vc_schemas::status::Purpose;

/// The record that says by which key everything is sealed that this domain announces.
const SEALED: &[u8] = b"sealed";

/// Records that are looked at in one step.
const LOOKED_AT: usize = 256;

/// Envelopes that are sealed anew in one step, of which there are two a second: fewer than one peer may pass on.
const SEALED_AT_ONCE: usize = 8;

/// How long something may still be committed that was sealed before a new key signed: longer than any request takes.
const SETTLED: Duration = Duration::from_secs(60);

impl Domain {
    /// What [`Domain::next_keys`] does; its refusal is not on record yet.
    pub(crate) async fn try_next_keys(&self, is_alone: bool) -> Result<(NextKeys, Arc<Log>), Error> {
        self.must_be_alone(is_alone)?;
        // A rotation that is under way ends first, and one whose request was cut off is finished.
        let log = {
            let _lists = self.lists.lock().await;
            self.own_uncontested().await?
        };
        self.follow().await?;
        self.sign_anew().await;
        Ok((self.keys.make_next(&log).await?, log))
    }

    /// What [`Domain::rotate_keys`] does; its refusal is not on record yet.
    pub(crate) async fn try_rotate_keys(
        &self,
        received: ReceivedLog<'_>,
        is_alone: bool,
    ) -> Result<Log, Error> {
        self.must_be_alone(is_alone)?;
        let (log, publication) = {
            // No list and no statement is signed between the entry and the key that it brings.
            let (_lists, _stating) = (self.lists.lock().await, self.stating.lock().await);
            let did = &self.home.did;
            let known = self.known_log(did).await?;
            let log = self.next_version(self.own_uncontested().await?.as_ref(), received)?;
            let (announced, publication) = self.announce_log(did, &log).await?;
            let mut batch = self.log_writes(did, &known, &known.with(log.clone()));
            batch.extend(announced);
            let facts = json!({"versionId": log.head().id, "number": log.head().number});
            batch.push(self.entry(Decision::new(Kind::Log, did.as_str(), "rotated").with(facts))?);
            self.records.commit(batch).await?;
            self.follow().await?;
            (log, publication)
        };
        self.publish(vec![publication]).await;
        self.sign_anew().await;
        Ok(log)
    }

    /// What fails of it is done by whoever signs lists again before they grow old.
    async fn sign_anew(&self) {
        for outcome in [self.refresh_lists().await, self.state_recognitions().await, self.seal_again().await]
        {
            if let Err(error) = outcome {
                tracing::warn!(%error, "what the old key signed is signed anew later");
            }
        }
    }

    async fn own_uncontested(&self) -> Result<Arc<Log>, Error> {
        let held = self.held_log(&self.home.did).await?;
        let contested = Error::refused(Code::DidContested, "the domain's DID has two valid histories");
        held.log().cloned().ok_or(contested)
    }

    /// Each of several nodes has keys of its own to sign by, and one alone would go on with the new ones.
    fn must_be_alone(&self, is_alone: bool) -> Result<(), Error> {
        if is_alone || !self.is_shared() {
            return Ok(());
        }
        let detail = "other nodes of this domain would sign by the old keys: stop them first, and say so";
        Err(Error::member(Code::StateConflict, "alone", detail))
    }

    /// The log that was received, where it replaces the keys in force by some that are here.
    fn next_version(&self, current: &Log, received: ReceivedLog<'_>) -> Result<Log, Error> {
        let refuse = |detail| Error::member(Code::LogRefused, "log", detail);
        let found = current.extend_with(received.log, received.witness, self.now());
        let log = match found.map_err(|error| Error::log(&error))? {
            Extension::Longer(log) => log,
            Extension::Same | Extension::Older => return Err(refuse("has no entry that is new")),
            Extension::Fork { .. } => return Err(refuse("departs from the log that is held")),
        };
        check_proofs(&log).map_err(|error| Error::log(&error))?;
        if *log.did() != self.home.did {
            return Err(refuse("moves the DID"));
        }
        issuance::admit_head(&log, self.now())?;
        let document = log.document().ok_or(refuse("is over"))?;
        let new_id = self.keys.signer_by(document);
        let new_id = new_id.ok_or(refuse("does not list the keys that were made for it"))?;
        let lasting = |document: &Document| {
            let listed = document.listed(Relationship::AssertionMethod);
            let lasting = listed.filter(|method| method.expires.is_none());
            lasting.filter_map(|method| method.key.clone()).collect::<Vec<_>>()
        };
        let (before, after) = (lasting(current.head().document()), lasting(document));
        if before.iter().any(|key| after.contains(key)) || new_id == self.keys.public(KeyRole::Assertion).1 {
            return Err(refuse("does not end the keys that it replaces"));
        }
        Ok(log)
    }

    /// From when on the keys sign that the newest version of the domain's own log brought: after a while in which
    /// everybody hears of them, as long as one before them goes on. At once, where that version lists none of these.
    #[must_use]
    pub fn takes_over(&self, log: &Log) -> UnixSeconds {
        let began = log.head().time;
        let ends =
            log.document().map_or(&[][..], Document::methods).iter().filter_map(|method| method.expires);
        ends.max().map_or(began, |last| last.min(began.plus(self.policy().key_lead)).max(began))
    }

    /// Signs by the newest version of the domain's own log, which also another node of this domain, or a peer after
    /// records were lost, may have brought.
    ///
    /// # Errors
    /// [`Error::Keys`], once, where its keys are not here: nothing is signed then. [`Error::Store`].
    pub async fn follow(&self) -> Result<(), Error> {
        let (held, now) = (self.held_log(&self.home.did).await?, self.now());
        let Some((log, document)) = held.log().and_then(|log| Some((log, log.document()?))) else {
            return Ok(());
        };
        let mut listed = Vec::new();
        // Without those that are to take over there is no use in going on for a while.
        if self.keys.signer_by(document).is_some() {
            if now < self.takes_over(log) {
                listed = self.going_on(log, document, now).await?;
            }
            let all = document.listed(Relationship::AssertionMethod);
            listed.extend(all.filter(|method| method.expires.is_none()));
        }
        let first = listed.first().map(|method| method.id.to_string());
        if self.succession.is_news(&log.head().id, first, now) {
            self.keys.follow(&listed)?;
        }
        Ok(())
    }

    /// The keys that `log` lists with an end, the oldest first, but for those that a later one has taken over from: its
    /// lists are not followed by one of theirs.
    async fn going_on<'a>(
        &self,
        log: &Log,
        document: &'a Document,
        now: UnixSeconds,
    ) -> Result<Vec<&'a VerificationMethod>, Error> {
        let (floor, _) = self.list_floor(&self.own_list(Purpose::Revocation)).await?;
        let floor = floor.map_or(0, |floor| floor.issuer_version);
        let since = |method: &VerificationMethod| era(log, method.key.as_ref()?).map(u64::from);
        let listed = document.listed(Relationship::AssertionMethod);
        let listed = listed.filter(|method| method.expires.is_some_and(|end| now < end));
        let mut going_on: Vec<_> = listed.filter(|method| since(method) >= Some(floor)).collect();
        going_on.sort_by_key(|method| since(method));
        Ok(going_on)
    }

    /// A step of sealing anew what another key sealed than the one in force: logs of members, the membership epoch,
    /// proofs of forks. It has to be passed on for longer than the old key is listed. Lists and statements are signed
    /// anew by [`Domain::refresh_lists`] and [`Domain::state_recognitions`].
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Keys`]; the next step goes on there.
    pub async fn seal_again(&self) -> Result<(), Error> {
        let (_, key) = self.keys.public(KeyRole::Assertion);
        if self.succession.is_sealed_by(&key) {
            return Ok(());
        }
        let log = self.own_log().await?;
        let marked = self.records.get(Table::Node, SEALED).await?;
        let mark = sealed_by(&key).to_string().into_bytes();
        let is_marked = marked.is_some_and(|marked| marked.value == mark);
        // The first keys have none before them.
        if is_marked || log.head().number == 1 {
            self.succession.sealed_by(key);
            return Ok(());
        }
        let Some(mut pass) = self.succession.pass(&key, self.now()) else { return Ok(()) };
        let prefix = format!("e/{}/", self.scid()?.as_str());
        let after = pass.after.clone();
        let rows =
            self.records.scan(Table::Envelopes, prefix.as_bytes(), after.as_deref(), LOOKED_AT).await?;
        let (count, mut sealed) = (rows.len(), 0);
        for row in rows {
            let read = read_announced(&read_json(&row.stored.value)?).ok();
            // What a node of a later release wrote is for its like.
            let envelope = read.and_then(|(item, bytes)| Some((item, Envelope::decode(&bytes).ok()?)));
            if let Some((item, envelope)) = envelope.filter(|(_, envelope)| *envelope.key_id() != key) {
                if sealed == SEALED_AT_ONCE {
                    self.succession.go_on(pass);
                    return Ok(());
                }
                sealed += 1;
                self.seal_item_again(&item, &envelope).await?;
            }
            pass.after = Some(row.key);
        }
        let settled = self.succession.since().plus(SETTLED);
        if count == LOOKED_AT {
            self.succession.go_on(pass);
        } else if pass.began < settled {
            self.succession.go_on(Pass { began: settled, after: None, ..pass });
        } else {
            self.note_sealed(key).await?;
        }
        Ok(())
    }

    async fn note_sealed(&self, key: DidUrl) -> Result<(), Error> {
        self.records.commit(vec![put(Table::Node, SEALED, &sealed_by(&key), Expect::Any)]).await?;
        self.succession.sealed_by(key);
        Ok(())
    }

    async fn seal_item_again(&self, item: &Item, envelope: &Envelope) -> Result<(), Error> {
        let did = || item.subject.parse::<Did>().map_err(|_| Error::Record("an announced object"));
        let (writes, publication) = match item.kind {
            ItemKind::Log => {
                let did = did()?;
                let known = self.known_log(&did).await?;
                // The histories of a forked one are told by the proof of them.
                let Some(log) = known.held.log().filter(|_| !known.held.is_forked()) else { return Ok(()) };
                let (mut writes, publication) = self.announce_log(&did, log).await?;
                // As long as the log is the one that was read.
                writes.extend(self.log_writes(&did, &known, &known.branches));
                (writes, publication)
            }
            ItemKind::Membership => {
                let (held, expect) = self.membership_epoch(&self.home.did).await?;
                let Some(held) = held else { return Ok(()) };
                // The same under the next number, so that it reaches those who have it.
                let next = MembershipEpoch { epoch: held.epoch.saturating_add(1), ..held };
                let (mut writes, publication) = self.announce_epoch(next).await?;
                writes.push(Self::epoch_write(&self.home.did, next, expect));
                (writes, publication)
            }
            ItemKind::DuplicityProof => self.proof_again(item, envelope).await?,
            ItemKind::StatusList | ItemKind::Recognitions | ItemKind::Later(_) => return Ok(()),
        };
        match self.records.commit(writes).await {
            // Something newer was announced meanwhile.
            Err(StoreError::Conflict(_)) => return Ok(()),
            outcome => outcome?,
        }
        self.publish(vec![publication]).await;
        Ok(())
    }

    async fn proof_again(&self, item: &Item, envelope: &Envelope) -> Result<Announcement, Error> {
        let scid = self.scid()?;
        let damaged = |_| Error::Record("an announced object");
        let sealed = self.sealed_again(envelope).await?;
        let mut held = Vec::new();
        for (other, bytes) in self.announced(&scid, item.kind, &item.subject).await? {
            let other_envelope =
                if other == *item { sealed.clone() } else { Envelope::decode(&bytes).map_err(damaged)? };
            held.push((other, other_envelope));
        }
        let items: Vec<_> = held.iter().map(|(item, envelope)| (item.clone(), envelope)).collect();
        let writes = self.announce_writes(&scid, (item.kind, &item.subject), &items).await?;
        let held = held.into_iter().map(|(item, _)| item).collect();
        Ok((writes, Publication { envelope: sealed, held, lane: Lane::Ctl }))
    }
}

/// What the record says.
fn sealed_by(key: &DidUrl) -> Value {
    json!({"key": key.as_str()})
}
