//! How this domain announces its own logs and lists: a signed envelope, durable together with what
//! it announces, published after that.

use crate::changed::Subject;
use crate::domain::Domain;
use crate::error::Error;
use crate::ports::keys::{KeyRole, Signed};
use crate::ports::mesh::Publication;
use crate::ports::records::Write;
use did_resolver::codec;
use did_resolver::did::Did;
use did_resolver::webvh::Log;
use marque_rules::replica::floor::log_item;
use marque_rules::replica::limits::MAX_PAYLOAD_BYTES;
use marque_rules::replica::{
    Body, Envelope, EnvelopeDraft, Item, ItemKind, Kind, Lane, LogHead, MembershipEpoch, Recognitions, Scid,
};
use std::time::Duration;
use vc_schemas::status::delta::{Delta, Next};
use vc_schemas::status::{StatusList, VerifiedList};

/// How long gossip passes an envelope on; after that only who asks gets it.
const GOSSIP_LIFE: Duration = Duration::from_secs(3_600);

/// The writes that make an announcement durable, and the announcement.
pub(crate) type Announcement = (Vec<Write>, Publication);

impl Domain {
    /// The SCID of this domain.
    pub(crate) fn scid(&self) -> Result<Scid, Error> {
        Scid::of(&self.home.did).ok_or(Error::Record("the domain's own DID"))
    }

    async fn seal(
        &self,
        kind: Kind,
        (subject, seq): (&str, u64),
        payload: Vec<u8>,
        witness: Option<Vec<u8>>,
    ) -> Result<Envelope, Error> {
        let (key, key_id) = self.keys.public(KeyRole::Assertion);
        let now = self.now();
        let body = Body {
            kind,
            domain: self.scid()?,
            subject: subject.to_owned(),
            seq,
            prev: None,
            issued_at: now,
            expires_at: now.plus(GOSSIP_LIFE),
            payload,
            witness,
        };
        let malformed = |_| Error::Record("an envelope that cannot be written");
        let draft = EnvelopeDraft::new(body, key_id, key.kind()).map_err(malformed)?;
        let signature =
            self.keys.sign(KeyRole::Assertion, Signed::Announcement, draft.signing_input()).await?;
        draft.attach(&key, &signature).map_err(malformed)
    }

    /// Announces the newest state of a log of this domain.
    pub(crate) async fn announce_log(&self, did: &Did, log: &Log) -> Result<Announcement, Error> {
        let number = u64::from(log.head().number);
        let about = (did.as_str(), number);
        let witness = log.witness_file();
        let length = log.bytes().len().saturating_add(witness.as_ref().map_or(0, Vec::len));
        let envelope = if length <= MAX_PAYLOAD_BYTES {
            self.seal(Kind::Log, about, log.bytes().to_vec(), witness).await?
        } else {
            let head = LogHead {
                did: did.to_string(),
                version_number: number,
                version_id: log.head().id.clone(),
                length: log.bytes().len() as u64,
                digest: codec::sha256(log.bytes()),
            };
            self.seal(Kind::LogHead, about, head.encode(), witness).await?
        };
        self.announcement(envelope, log_item(did, log), Lane::Did).await
    }

    /// What an envelope of this domain says, sealed anew by the key in force.
    pub(crate) async fn sealed_again(&self, envelope: &Envelope) -> Result<Envelope, Error> {
        let Body { kind, subject, seq, payload, witness, .. } = envelope.body();
        self.seal(*kind, (subject, *seq), payload.clone(), witness.clone()).await
    }

    /// Announces a list of this domain.
    pub(crate) async fn announce_list(&self, list: &VerifiedList) -> Result<Announcement, Error> {
        let payload = list.secured().bytes().to_vec();
        let item = list_item(list);
        let envelope = self.seal(Kind::StatusList, (&list.url, list.sequence), payload, None).await?;
        self.announcement(envelope, item, Lane::Status).await
    }

    /// Announces what changed from one list of this domain to the next, which is what is held after that;
    /// `None` where that is too much for a change.
    pub(crate) async fn announce_change(
        &self,
        from: &StatusList,
        to: &VerifiedList,
    ) -> Result<Option<Publication>, Error> {
        let next =
            Next { sequence: to.sequence, issued: to.issued, valid_until: to.valid_until, ttl: to.ttl };
        let Ok(delta) = Delta::between(from, &to.bits, next) else { return Ok(None) };
        let about = (to.url.as_str(), to.sequence);
        let envelope = self.seal(Kind::StatusDelta, about, delta.to_cbor(), None).await?;
        Ok(Some(Publication { envelope, held: vec![list_item(to)], lane: Lane::Ctl }))
    }

    /// Announces the membership epoch of this domain.
    pub(crate) async fn announce_epoch(&self, epoch: MembershipEpoch) -> Result<Announcement, Error> {
        let payload = epoch.encode();
        let item = epoch_item(&self.home.did, epoch.epoch, &payload);
        let envelope = self.seal(Kind::Membership, (&item.subject, item.seq), payload, None).await?;
        self.announcement(envelope, item, Lane::Ctl).await
    }

    /// Announces whom this domain recognises.
    pub(crate) async fn announce_recognitions(&self, said: &Recognitions) -> Result<Announcement, Error> {
        let payload = said.encode();
        let item = recognitions_item(&self.home.did, said.number, &payload);
        let envelope = self.seal(Kind::Recognitions, (&item.subject, item.seq), payload, None).await?;
        self.announcement(envelope, item, Lane::Did).await
    }

    /// Tells the others of forks that were seen here and that this domain has not told of: each by a proof
    /// that verifies on its own, so that also who was shown one history only believes neither.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Keys`].
    pub async fn tell_forks(&self) -> Result<(), Error> {
        for fork in self.untold_forks().await? {
            let Some(proof) = fork.proof() else { continue };
            let payload = proof.to_json().to_string().into_bytes();
            if payload.len() > MAX_PAYLOAD_BYTES {
                // Its branches travel as the logs that they are, where their origin announced them.
                tracing::warn!(did = %fork.did, "the proof of two histories is too long to be passed on");
                self.records.commit(vec![Self::told_write(&fork.did, "too-long")]).await?;
                continue;
            }
            let item = proof_item(&fork.did, proof.at(), &payload);
            let envelope = self.seal(Kind::DuplicityProof, (&item.subject, item.seq), payload, None).await?;
            let (mut batch, publication) = self.announcement(envelope, item, Lane::Ctl).await?;
            batch.push(Self::told_write(&fork.did, "told"));
            self.records.commit(batch).await?;
            self.publish(vec![publication]).await;
        }
        Ok(())
    }

    async fn announcement(&self, envelope: Envelope, item: Item, lane: Lane) -> Result<Announcement, Error> {
        let subject = item.subject.clone();
        let items = [(item, &envelope)];
        let kind = envelope.body().kind.item_kind();
        let writes = self.announce_writes(&self.scid()?, (kind, &subject), &items).await?;
        let [(item, _)] = items;
        Ok((writes, Publication { envelope, held: vec![item], lane }))
    }

    /// Notes what is durable for who keeps it elsewhere.
    pub(crate) fn note_changed(&self, kind: ItemKind, subject: &str) {
        let subject = match kind {
            ItemKind::Log => subject.parse().ok().map(Subject::Log),
            ItemKind::StatusList => Some(Subject::Lists),
            _ => None,
        };
        if let Some(subject) = subject {
            self.unpublished.note(&subject, self.now());
        }
    }

    /// Hands what is durable to the mesh. A mesh that does not take it is no failure: peers pull.
    pub(crate) async fn publish(&self, publications: Vec<Publication>) {
        for item in publications.iter().flat_map(|publication| &publication.held) {
            self.note_changed(item.kind, &item.subject);
        }
        let Some(mesh) = self.mesh() else { return };
        for publication in publications {
            if let Err(error) = mesh.publish(publication).await {
                tracing::warn!(%error, "not published; peers will pull it");
            }
        }
    }
}

/// The item that a membership epoch is.
pub(crate) fn epoch_item(domain: &Did, epoch: u64, payload: &[u8]) -> Item {
    let (kind, digest) = (ItemKind::Membership, codec::sha256(payload));
    Item { kind, subject: domain.to_string(), seq: epoch, digest }
}

/// The item that a statement of whom a domain recognises is.
pub(crate) fn recognitions_item(domain: &Did, number: u64, payload: &[u8]) -> Item {
    let (kind, digest) = (ItemKind::Recognitions, codec::sha256(payload));
    Item { kind, subject: domain.to_string(), seq: number, digest }
}

/// The item that a proof of two histories is.
pub(crate) fn proof_item(did: &Did, at: u32, payload: &[u8]) -> Item {
    Item {
        kind: ItemKind::DuplicityProof,
        subject: did.to_string(),
        seq: u64::from(at),
        digest: codec::sha256(payload),
    }
}

/// The item that a list is.
pub(crate) fn list_item(list: &VerifiedList) -> Item {
    Item {
        kind: ItemKind::StatusList,
        subject: list.url.clone(),
        seq: list.sequence,
        digest: codec::sha256(list.secured().bytes()),
    }
}
