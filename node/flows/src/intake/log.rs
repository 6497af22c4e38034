//! Logs: what an envelope carries or announces, against what is held and its floor.

use super::{Found, NodeIntake, failed};
use crate::lookups::Source;
use crate::objects::KnownLog;
use did_resolver::did::Did;
use did_resolver::document::Relationship;
use did_resolver::webvh::{Log, WebvhId};
use marque_rules::issuance::Home;
use marque_rules::replica::floor::{LogDecision, ReceivedLog, log_item};
use marque_rules::replica::{Envelope, Item, ItemKind, Refusal, Scid, Verdict};

impl NodeIntake {
    pub(super) async fn find_log(&self, envelope: &Envelope, bytes: &[u8]) -> Result<Found, Refusal> {
        let (domain, body) = (&self.domain, envelope.body());
        let arrived = ReceivedLog { log: bytes, witness: body.witness.as_deref() };
        let did: Did = body.subject.parse().map_err(|_| Refusal::Malformed)?;
        check_place(&did, envelope.domain_did(), &domain.home)?;
        let known = domain.known_log(&did).await.map_err(|e| failed(&e))?;
        let branches = &known.branches;
        let mut announced =
            domain.announced(&body.domain, ItemKind::Log, &body.subject).await.map_err(|e| failed(&e))?;
        let items = || announced.iter().map(|(item, _)| item.clone()).collect::<Vec<_>>();
        let is_announced = |item: &Item| announced.iter().any(|(known, _)| known.id() == item.id());
        // What the envelope stands for, once its log is known to verify.
        let received = || {
            let log = Log::verify_with(arrived.log, arrived.witness, domain.now());
            Ok(log_item(&did, &log.map_err(|_| Refusal::BadLog)?))
        };
        let decision = known.decide(&did, arrived, domain.now());
        if matches!(decision, LogDecision::Accept(_) | LogDecision::Approved(_) | LogDecision::Same) {
            domain.lookups.confirm(&did, domain.now(), Source::Peers, 1);
        }
        match decision {
            // Whoever gets this envelope later may know none of the proofs that are known here.
            LogDecision::Accept(log) if log.check_approvals(arrived.witness).is_err() => Err(Refusal::BadLog),
            LogDecision::Accept(log) => {
                let item = log_item(&did, &log);
                self.accept_log(envelope, &item, &known, &[log], &announced).await
            }
            // This envelope has proofs that the one before it has not, and takes its place.
            LogDecision::Approved(branches) => {
                let item = received()?;
                announced.retain(|(known, _)| known.id() != item.id());
                self.accept_log(envelope, &item, &known, &branches, &announced).await
            }
            // Held, by a hello, but not yet by the origin's word: the envelope is worth keeping, to be
            // passed on.
            LogDecision::Same if !branches.iter().all(|log| is_announced(&log_item(&did, log))) => {
                let item = received()?;
                if is_announced(&item) {
                    return Ok((Verdict::Same { held: items() }, Vec::new()));
                }
                self.accept_log(envelope, &item, &known, branches, &announced).await
            }
            LogDecision::Same => {
                let again = branches.iter().map(|log| log_item(&did, log)).find(|item| item.seq == body.seq);
                let before = announced.iter().find(|(known, _)| Some(known) == again.as_ref());
                let lasts = match before {
                    Some((_, before)) => self.lasts_longer(envelope, &Envelope::decode(before)?).await?,
                    None => false,
                };
                // Whoever gets it later could not verify the envelope that came before.
                if let Some(item) = again.filter(|_| lasts && !known.held.is_forked()) {
                    announced.clear();
                    return self.accept_log(envelope, &item, &known, branches, &announced).await;
                }
                Ok((Verdict::Same { held: items() }, Vec::new()))
            }
            LogDecision::Older => Ok((Verdict::Older { item: received()?, held: items() }, Vec::new())),
            // As many branches are held as are kept.
            LogDecision::Contested { branches: kept, .. }
                if kept.iter().all(|log| branches.contains(log)) =>
            {
                Ok((Verdict::Older { item: received()?, held: items() }, Vec::new()))
            }
            // The floor departs from this one, and what it stood on is not held: nothing to show for it.
            LogDecision::Contested { branches, .. } if branches.len() < 2 => Err(Refusal::Contested),
            LogDecision::Contested { at, branches } => {
                let (verdict, mut writes) =
                    self.accept_log(envelope, &received()?, &known, &branches, &announced).await?;
                if known.chosen(&branches).is_none() {
                    writes.extend(domain.contested_writes(&did, at).await.map_err(|e| failed(&e))?);
                }
                Ok((verdict, writes))
            }
            LogDecision::DeadKey { at, branch } => {
                domain.keep_dead_key_fork(&did, at, &branch).await.map_err(|e| failed(&e))?;
                Err(Refusal::DeadKey)
            }
            LogDecision::Refused(error) => {
                tracing::debug!(%did, %error, "a log was refused");
                Err(Refusal::BadLog)
            }
        }
    }

    /// Whether a key that its domain lists for good sealed `new`, and one that is on its way out, or gone, `before`.
    async fn lasts_longer(&self, new: &Envelope, before: &Envelope) -> Result<bool, Refusal> {
        if new.key_id() == before.key_id() {
            return Ok(false);
        }
        let domain = &self.domain;
        let document = domain.active_document(new.domain_did()).await.map_err(|e| failed(&e))?;
        let Some((document, _)) = document else { return Ok(false) };
        let lasts = |envelope: &Envelope| {
            let key = document.authorised(Relationship::AssertionMethod, envelope.key_id(), domain.now());
            key.is_ok_and(|key| !key.retiring)
        };
        Ok(lasts(new) && !lasts(before))
    }

    /// Keeps the branches, each with the envelope that announced it: `new` with this envelope.
    async fn accept_log(
        &self,
        envelope: &Envelope,
        new: &Item,
        known: &KnownLog,
        branches: &[Log],
        announced: &[(Item, Vec<u8>)],
    ) -> Result<Found, Refusal> {
        let domain = &self.domain;
        if new.seq != envelope.body().seq {
            return Err(Refusal::Inconsistent);
        }
        let did: Did = new.subject.parse().map_err(|_| Refusal::Malformed)?;
        let mut kept = Vec::new();
        for item in branches.iter().map(|log| log_item(&did, log)) {
            let earlier = announced.iter().find(|(known, _)| known.id() == item.id());
            let envelope = match earlier {
                Some((_, bytes)) => Envelope::decode(bytes)?,
                None if item.id() == new.id() => envelope.clone(),
                // Known by a hello only.
                None => continue,
            };
            kept.push((item, envelope));
        }
        let items: Vec<Item> = kept.iter().map(|(item, _)| item.clone()).collect();
        let with_envelopes: Vec<_> = kept.iter().map(|(item, envelope)| (item.clone(), envelope)).collect();
        let mut writes = domain.log_writes(&did, known, branches);
        let subject = (ItemKind::Log, did.as_str());
        let more = domain.announce_writes(&envelope.body().domain, subject, &with_envelopes).await;
        writes.extend(more.map_err(|e| failed(&e))?);
        Ok((Verdict::Accept { held: items }, writes))
    }
}

/// A domain announces its own log and those of its members: DIDs under its own host. The host proves
/// nothing; the bound keeps one domain from filling the store with the DIDs of others. What stands
/// under this domain's own host comes in by registration, which asks for more than did:webvh does,
/// and from this domain's other nodes.
fn check_place(did: &Did, domain: &Did, home: &Home) -> Result<(), Refusal> {
    let place = |did: &Did| WebvhId::parse(did).map(|id| (id.host().to_owned(), id.port()));
    let own = Scid::of(domain) == Scid::of(&home.did);
    match (place(did), place(domain)) {
        (Ok(one), Ok(other)) if one == other && (own || one.0 != home.label || did == domain) => Ok(()),
        _ => Err(Refusal::Inconsistent),
    }
}
