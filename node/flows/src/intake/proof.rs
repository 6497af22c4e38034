//! Proofs of two histories, which verify on their own: whoever shows one, the DID is contested from here on
//! (MESH.md D7).

use super::{Found, NodeIntake, failed};
use crate::announce::proof_item;
use crate::objects::KnownLog;
use did_resolver::webvh::DuplicityProof;
use marque_rules::replica::floor::{LogDecision, ReceivedLog};
use marque_rules::replica::limits::MAX_BRANCHES;
use marque_rules::replica::{Envelope, Item, ItemKind, Refusal, Verdict};
use std::collections::BTreeMap;

/// What a proof says against what is held.
struct Shown {
    /// What is held of the DID from here on.
    known: KnownLog,
    /// Where the histories differ, if the DID is contested by it.
    at: Option<u32>,
}

impl NodeIntake {
    /// Takes a proof of two histories in, whatever it comes to here: it is passed on, since to another it may
    /// be news. That a domain shows it says nothing; that both branches verify does.
    pub(super) async fn find_proof(&self, envelope: &Envelope) -> Result<Found, Refusal> {
        let (domain, body) = (self.domain(), envelope.body());
        let proof = DuplicityProof::verify(&body.payload, domain.now()).map_err(|_| Refusal::BadProof)?;
        let did = proof.did();
        if did.as_str() != body.subject || u64::from(proof.at()) != body.seq {
            return Err(Refusal::Inconsistent);
        }
        let item = proof_item(did, proof.at(), &body.payload);
        let subject = (ItemKind::DuplicityProof, body.subject.as_str());
        let announced = domain.announced(&body.domain, subject.0, subject.1).await.map_err(|e| failed(&e))?;
        let items = || announced.iter().map(|(item, _)| item.clone()).collect::<Vec<Item>>();
        if announced.iter().any(|(known, _)| *known == item) {
            return Ok((Verdict::Same { held: items() }, Vec::new()));
        }
        let mut kept = BTreeMap::from([(item.id(), (item.clone(), envelope.clone()))]);
        for (known, bytes) in &announced {
            kept.insert(known.id(), (known.clone(), Envelope::decode(bytes)?));
        }
        // Of one origin as many as of branches, and on every node the same.
        while kept.len() > MAX_BRANCHES {
            kept.pop_last();
        }
        if !kept.contains_key(&item.id()) {
            return Ok((Verdict::Older { item, held: items() }, Vec::new()));
        }
        let before = domain.known_log(did).await.map_err(|e| failed(&e))?;
        let shown = self.shown(&proof, &before).await?;
        let mut writes = Vec::new();
        if let Some(at) = shown.at {
            writes.extend(domain.log_writes(did, &before, &shown.known.branches));
            if before.chosen(&shown.known.branches).is_none() {
                writes.extend(domain.contested_writes(did, at).await.map_err(|e| failed(&e))?);
            }
        }
        let items: Vec<(Item, &Envelope)> = kept.values().map(|(item, e)| (item.clone(), e)).collect();
        let more = domain.announce_writes(&body.domain, subject, &items).await;
        writes.extend(more.map_err(|e| failed(&e))?);
        Ok((Verdict::Accept { held: items.into_iter().map(|(item, _)| item).collect() }, writes))
    }

    /// Decides about both branches as if they came one after the other. A fork by a key that had been dead
    /// for long is evidence and nothing more; a log alone does not come in this way.
    async fn shown(&self, proof: &DuplicityProof, before: &KnownLog) -> Result<Shown, Refusal> {
        let (domain, did) = (self.domain(), proof.did());
        let mut shown = Shown { known: before.clone(), at: None };
        for branch in proof.branches() {
            let witness = branch.witness_file();
            let received = ReceivedLog { log: branch.bytes(), witness: witness.as_deref() };
            match shown.known.decide(did, received, domain.now()) {
                LogDecision::Accept(log) => shown.known = before.having(vec![log]),
                LogDecision::Approved(branches) => shown.known = before.having(branches),
                LogDecision::Contested { at, branches } if branches.len() > 1 => {
                    let news = branches.iter().any(|log| !before.branches.contains(log));
                    shown.at = news.then_some(at).or(shown.at);
                    shown.known = before.having(branches);
                }
                LogDecision::DeadKey { at, branch } => {
                    domain.keep_dead_key_fork(did, at, &branch).await.map_err(|e| failed(&e))?;
                }
                // Held already; or the floor departs from it, and what that stood on is not held.
                LogDecision::Same | LogDecision::Older | LogDecision::Contested { .. } => {}
                LogDecision::Refused(_) => return Err(Refusal::BadProof),
            }
        }
        Ok(shown)
    }
}
