//! Membership epochs, against what is held and its floor.

use super::{Found, NodeIntake, failed};
use crate::announce::epoch_item;
use crate::domain::Domain;
use crate::record::{Decision, Kind};
use did_resolver::did::Did;
use marque_rules::replica::membership::EpochDecision;
use marque_rules::replica::{Envelope, Item, ItemKind, MembershipEpoch, Refusal, Verdict};

impl NodeIntake {
    pub(super) async fn find_membership(&self, envelope: &Envelope) -> Result<Found, Refusal> {
        let (domain, body) = (self.domain(), envelope.body());
        let (origin, received) = (envelope.domain_did(), MembershipEpoch::of(body)?);
        if origin.as_str() != body.subject {
            return Err(Refusal::Inconsistent);
        }
        if received.not_before > domain.now().plus(domain.policy().skew) {
            return Err(Refusal::FromFuture);
        }
        let subject = (ItemKind::Membership, body.subject.as_str());
        let announced = domain.announced(&body.domain, subject.0, subject.1).await.map_err(|e| failed(&e))?;
        let held: Vec<Item> = announced.iter().map(|(item, _)| item.clone()).collect();
        let (floor, expect) = domain.membership_epoch(origin).await.map_err(|e| failed(&e))?;
        let item = epoch_item(origin, received.epoch, &body.payload);
        let said = || announced.first().map(|(_, bytes)| bytes.as_slice()).into_iter();
        let decision = floor.map_or(EpochDecision::Accept, |floor| floor.decide(received));
        match decision {
            EpochDecision::Same if held.contains(&item) => Ok((Verdict::Same { held }, Vec::new())),
            // With a floor alone, as after a restore, it is taken again.
            EpochDecision::Accept | EpochDecision::Same | EpochDecision::Contradicts => {
                let items = [(item.clone(), envelope)];
                let more = domain.announce_writes(&body.domain, subject, &items).await;
                let mut writes = more.map_err(|e| failed(&e))?;
                writes.push(Domain::epoch_write(origin, received, expect));
                if decision == EpochDecision::Contradicts {
                    let signed: Vec<&[u8]> = said().chain([envelope.bytes()]).collect();
                    self.keep_contradiction("membership", origin, &signed, Refusal::Equivocation).await?;
                    return Ok((Verdict::Beside(vec![item], Refusal::Equivocation), writes));
                }
                Ok((Verdict::Accept { held: vec![item] }, writes))
            }
            EpochDecision::Older => Ok((Verdict::Older { item, held }, Vec::new())),
            EpochDecision::LetsIn => {
                let signed: Vec<&[u8]> = said().chain([envelope.bytes()]).collect();
                self.keep_contradiction("membership", origin, &signed, Refusal::Unrevokes).await?;
                Err(Refusal::Unrevokes)
            }
            EpochDecision::Equivocation => {
                let signed: Vec<&[u8]> = said().chain([envelope.bytes()]).collect();
                self.keep_contradiction("membership", origin, &signed, Refusal::Equivocation).await?;
                Err(Refusal::Equivocation)
            }
        }
    }

    /// Keeps what a domain said that contradicts itself.
    pub(super) async fn keep_contradiction(
        &self,
        of: &str,
        origin: &Did,
        signed: &[&[u8]],
        refusal: Refusal,
    ) -> Result<(), Refusal> {
        let (domain, of_domain) = (self.domain(), format!("{of}\n{origin}\n"));
        let mut batch = domain.evidence_writes(&of_domain, signed).await.map_err(|e| failed(&e))?;
        if !batch.is_empty() {
            let decision = Decision::new(Kind::Misbehaviour, origin.as_str(), refusal.as_str());
            batch.push(domain.entry(decision).map_err(|e| failed(&e))?);
            domain.records().commit(batch).await.map_err(|e| failed(&e.into()))?;
        }
        Ok(())
    }
}
