//! Status lists, and what changed of them, against what is held and its floor.

use super::{Found, NodeIntake, failed};
use crate::announce::list_item;
use crate::domain::{Domain, put_bytes};
use crate::objects::{KnownList, list_key};
use crate::ports::records::{Table, Write};
use did_resolver::codec;
use did_resolver::document::{Document, Relationship};
use marque_rules::replica::floor::{
    DeltaDecision, ListDecision, ListFloor, ReceivedList, SignedList, decide_delta, decide_list,
};
use marque_rules::replica::{Envelope, Item, ItemKind, Refusal, Verdict};
use vc_schemas::facts::ListKey;
use vc_schemas::secure::{Content, Envelope as Securing, Secured};
use vc_schemas::status::bitstring::Bits;
use vc_schemas::status::delta::Delta;
use vc_schemas::status::{MAX_LIST_BYTES, StatusList};

/// All that is held of a list, with what came beside it, and the writes of that.
type Beside = (Vec<Item>, Vec<Write>);

/// A list that came, and what it is decided by.
struct Arrived<'a> {
    key: &'a ListKey,
    known: &'a KnownList,
    document: &'a Document,
    envelope: &'a Envelope,
    item: &'a Item,
    announced: &'a [(Item, Vec<u8>)],
}

impl NodeIntake {
    pub(super) async fn find_list(&self, envelope: &Envelope, document: &Document) -> Result<Found, Refusal> {
        let (domain, body) = (self.domain(), envelope.body());
        let secured = Secured::parse(Content::Credential, Securing::Jwt, &body.payload, MAX_LIST_BYTES)
            .map_err(|_| Refusal::BadList)?;
        let list = StatusList::verified(secured, document, domain.now()).map_err(|_| Refusal::BadList)?;
        if list.url != body.subject || list.sequence != body.seq || list.issuer != *envelope.domain_did() {
            return Err(Refusal::Inconsistent);
        }
        if list.issued > domain.now().plus(domain.policy().skew) {
            return Err(Refusal::FromFuture);
        }
        let key = ListKey { issuer: list.issuer.clone(), url: list.url.clone() };
        let known = domain.known_list(&key).await.map_err(|e| failed(&e))?;
        let issuer_version = domain.era(&list.issuer, list.key()).await.map_err(|e| failed(&e))?;
        let at = ListFloor { issuer_version, sequence: list.sequence };
        let received = ReceivedList { at, purpose: list.purpose, bits: &list.bits };
        let announced =
            domain.announced(&body.domain, ItemKind::StatusList, &list.url).await.map_err(|e| failed(&e))?;
        let items: Vec<Item> = announced.iter().map(|(item, _)| item.clone()).collect();
        let item = list_item(&list);
        let arrived =
            Arrived { key: &key, known: &known, document, envelope, item: &item, announced: &announced };
        let is_beside = items.contains(&item);
        match decide_list(known.decide(), received) {
            ListDecision::Accept { overlay } => {
                let writes = Domain::accepted_list_writes(&list, at, &known, overlay.as_ref());
                let mut writes = writes.map_err(|e| failed(&e))?;
                let counts = SignedList { at, digest: item.digest, bits: &list.bits };
                let beside = domain.signed_beside(document, Some(counts), &announced, None).await;
                let beside = beside.map_err(|e| failed(&e))?.ok_or(Refusal::TooManyLists)?;
                let held = std::iter::once((item.clone(), envelope.clone())).chain(beside);
                let (items, more) = self.announce_list_writes(envelope, held.collect()).await?;
                writes.extend(more);
                Ok((Verdict::Accept { held: items }, writes))
            }
            // It came by another way before, without what its domain says of it.
            ListDecision::Same if !is_beside && known.is_held_as(&item) => {
                let counts = SignedList { at, digest: item.digest, bits: &list.bits };
                let beside = domain.signed_beside(document, Some(counts), &announced, None).await;
                let beside = beside.map_err(|e| failed(&e))?.ok_or(Refusal::TooManyLists)?;
                let held = std::iter::once((item.clone(), envelope.clone())).chain(beside);
                let (held, writes) = self.announce_list_writes(envelope, held.collect()).await?;
                Ok((Verdict::Accept { held }, writes))
            }
            ListDecision::Same => Ok((Verdict::Same { held: items }, Vec::new())),
            ListDecision::Older { .. }
            | ListDecision::Unrevokes { .. }
            | ListDecision::Equivocation { .. }
            | ListDecision::TooFarAhead { .. }
                if is_beside =>
            {
                Ok((Verdict::Same { held: items }, Vec::new()))
            }
            // What it revokes counts from now on, durably, and it is passed over.
            ListDecision::Older { overlay } => {
                let beside = self.held_beside(&arrived).await?;
                let write = domain.overlay_growth(&key, &known, overlay).map_err(|e| failed(&e))?;
                if let Some(write) = write {
                    domain.records().commit(vec![write]).await.map_err(|e| failed(&e.into()))?;
                }
                match beside {
                    Some((held, writes)) => Ok((Verdict::Accept { held }, writes)),
                    None => Ok((Verdict::Older { item, held: items }, Vec::new())),
                }
            }
            // Not taken as the list, but what it revokes counts from now on, and it is kept on record.
            ListDecision::Unrevokes { overlay } => {
                let beside = self.held_beside(&arrived).await?;
                let kept = self.misbehaved(&key, &known, overlay, &[&body.payload], Refusal::Unrevokes).await;
                or_beside(kept, beside)
            }
            ListDecision::Equivocation { overlay } => {
                let beside = self.held_beside(&arrived).await?;
                let kept = self.equivocated(&key, &known, at, overlay, &body.payload).await;
                or_beside(kept, beside)
            }
            ListDecision::TooFarAhead { overlay } => {
                let beside = self.held_beside(&arrived).await?;
                let kept =
                    self.misbehaved(&key, &known, overlay, &[&body.payload], Refusal::TooFarAhead).await;
                or_beside(kept, beside)
            }
        }
    }

    /// What is held of a list with what arrived beside it, and the writes of that; `None` where it is not, or
    /// was before. Where there is no room for it, nothing of it may count: nobody could be told.
    async fn held_beside(&self, arrived: &Arrived<'_>) -> Result<Option<Beside>, Refusal> {
        let Arrived { key, known, document, envelope, item, announced } = arrived;
        let fact = known.held.as_ref();
        let counts = fact.map(|fact| codec::sha256(fact.list.secured().bytes()));
        let (list, others): (Vec<_>, Vec<_>) =
            announced.iter().cloned().partition(|(held, _)| Some(held.digest) == counts);
        let new = ((*item).clone(), (*envelope).clone());
        let counts = fact.zip(known.floor).zip(counts);
        let counts = counts.map(|((fact, at), digest)| SignedList { at, digest, bits: &fact.list.bits });
        let beside = self.domain().signed_beside(document, counts, &others, Some(new)).await;
        let beside = beside.map_err(|e| failed(&e))?.ok_or(Refusal::TooManyLists)?;
        if !beside.iter().any(|(kept, _)| kept == *item) {
            return Ok(None);
        }
        let mut held = Vec::new();
        for (item, bytes) in list {
            held.push((item, Envelope::decode(&bytes)?));
        }
        held.extend(beside);
        let (items, mut writes) = self.announce_list_writes(envelope, held).await?;
        // Of the list that it stands beside: where that changed meanwhile, it is judged again.
        if let Some(fact) = fact {
            let bytes = fact.list.secured().bytes().to_vec();
            writes.push(put_bytes(Table::Lists, list_key(key), bytes, known.floor_expect));
        }
        Ok(Some((items, writes)))
    }

    async fn announce_list_writes(
        &self,
        envelope: &Envelope,
        held: Vec<(Item, Envelope)>,
    ) -> Result<(Vec<Item>, Vec<Write>), Refusal> {
        let body = envelope.body();
        let items = held.iter().map(|(item, _)| item.clone()).collect();
        let held: Vec<_> = held.iter().map(|(item, envelope)| (item.clone(), envelope)).collect();
        let subject = (ItemKind::StatusList, body.subject.as_str());
        let writes = self.domain().announce_writes(&body.domain, subject, &held).await;
        Ok((items, writes.map_err(|e| failed(&e))?))
    }

    /// What changed counts at once where the array that it starts from is held; the list that is held
    /// stays what it is, as old as it is. Else the whole list is to be pulled.
    pub(super) async fn find_delta(
        &self,
        envelope: &Envelope,
        document: &Document,
    ) -> Result<Found, Refusal> {
        let (domain, body) = (self.domain(), envelope.body());
        let delta = Delta::from_cbor(&body.payload).map_err(|_| Refusal::BadList)?;
        if delta.list != body.subject || delta.to.sequence != body.seq {
            return Err(Refusal::Inconsistent);
        }
        if delta.issued > domain.now().plus(domain.policy().skew) {
            return Err(Refusal::FromFuture);
        }
        let key = ListKey { issuer: envelope.domain_did().clone(), url: delta.list.clone() };
        let known = domain.known_list(&key).await.map_err(|e| failed(&e))?;
        let Some(fact) = &known.held else { return Err(Refusal::UnknownParent) };
        if fact.list.purpose != delta.purpose {
            return Err(Refusal::Inconsistent);
        }
        let key_of_it = document.authorised(Relationship::AssertionMethod, envelope.key_id(), domain.now());
        let signer = key_of_it.map_err(|_| Refusal::KeyNotAuthorised)?.key;
        let issuer_version = domain.era(&key.issuer, signer).await.map_err(|e| failed(&e))?;
        let at = ListFloor { issuer_version, sequence: delta.to.sequence };
        match decide_delta(known.decide(), at.issuer_version, &delta) {
            DeltaDecision::Apply { ahead, overlay } => {
                let write = Domain::ahead_write(&key, &ahead, envelope.bytes(), known.ahead_expect);
                let mut writes = vec![write.map_err(|e| failed(&e))?];
                writes.extend(domain.overlay_growth(&key, &known, overlay).map_err(|e| failed(&e))?);
                Ok((Verdict::Accept { held: Vec::new() }, writes))
            }
            DeltaDecision::Same => Err(Refusal::Known),
            DeltaDecision::Older => Err(Refusal::Older),
            DeltaDecision::NoBase => Err(Refusal::UnknownParent),
            DeltaDecision::TooFarAhead => Err(Refusal::TooFarAhead),
            DeltaDecision::Inconsistent => {
                self.misbehaved(&key, &known, None, &[envelope.bytes()], Refusal::Inconsistent).await
            }
            DeltaDecision::Unrevokes { overlay } => {
                self.misbehaved(&key, &known, overlay, &[envelope.bytes()], Refusal::Unrevokes).await
            }
            DeltaDecision::Equivocation { overlay } => {
                self.equivocated(&key, &known, at, overlay, envelope.bytes()).await
            }
        }
    }

    /// Keeps both of two arrays of one number, each as it was signed.
    async fn equivocated(
        &self,
        key: &ListKey,
        known: &KnownList,
        at: ListFloor,
        overlay: Option<Bits>,
        signed: &[u8],
    ) -> Result<Found, Refusal> {
        self.misbehaved(key, known, overlay, &known.both_at(at, signed), Refusal::Equivocation).await
    }

    /// Keeps the evidence and what is newly revoked by it, and refuses what came.
    async fn misbehaved(
        &self,
        key: &ListKey,
        known: &KnownList,
        overlay: Option<Bits>,
        signed: &[&[u8]],
        refusal: Refusal,
    ) -> Result<Found, Refusal> {
        let kept = self.domain().keep_list_evidence(key, known, overlay, signed, refusal);
        kept.await.map_err(|e| failed(&e))?;
        Err(refusal)
    }
}

/// What revokes something that nothing else of the list does is held beside it, and passed on: who heard
/// another first has to know of it as well.
fn or_beside(kept: Result<Found, Refusal>, beside: Option<Beside>) -> Result<Found, Refusal> {
    match (kept, beside) {
        (
            Err(reason @ (Refusal::Unrevokes | Refusal::Equivocation | Refusal::TooFarAhead)),
            Some((held, writes)),
        ) => Ok((Verdict::Beside(held, reason), writes)),
        (kept, _) => kept,
    }
}
