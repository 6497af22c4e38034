//! Whom another domain recognises, against what it stated before.

use super::{Found, NodeIntake, failed};
use crate::announce::recognitions_item;
use crate::domain::Domain;
use did_resolver::document::Document;
use marque_rules::replica::recognitions::{StatementDecision, StatementFloor};
use marque_rules::replica::{Envelope, Item, Recognitions, Refusal, Verdict};

impl NodeIntake {
    pub(super) async fn find_recognitions(
        &self,
        envelope: &Envelope,
        document: &Document,
    ) -> Result<Found, Refusal> {
        let (domain, body) = (self.domain(), envelope.body());
        let (origin, said) = (envelope.domain_did(), Recognitions::of(body)?);
        if origin.as_str() != body.subject {
            return Err(Refusal::Inconsistent);
        }
        let item = recognitions_item(origin, said.number, &body.payload);
        let issuer_version =
            domain.era_of(origin, document, envelope.key_id()).await.map_err(|e| failed(&e))?;
        let received = StatementFloor { issuer_version, number: said.number, digest: item.digest };
        let subject = (item.kind, body.subject.as_str());
        let announced = domain.announced(&body.domain, subject.0, subject.1).await.map_err(|e| failed(&e))?;
        let held: Vec<Item> = announced.iter().map(|(item, _)| item.clone()).collect();
        let (floor, expect) = domain.statement_floor(origin).await.map_err(|e| failed(&e))?;
        let decision = floor.map_or(StatementDecision::Accept, |floor| floor.decide(&received));
        let contradicts = async || {
            let said = announced.first().map(|(_, bytes)| bytes.as_slice()).into_iter();
            let signed: Vec<&[u8]> = said.chain([envelope.bytes()]).collect();
            self.keep_contradiction("recognitions", origin, &signed, Refusal::Equivocation).await
        };
        match decision {
            StatementDecision::Same if held.contains(&item) => Ok((Verdict::Same { held }, Vec::new())),
            StatementDecision::Older => Ok((Verdict::Older { item, held }, Vec::new())),
            StatementDecision::Equivocation => {
                contradicts().await?;
                Err(Refusal::Equivocation)
            }
            // With a floor alone, as after a restore, it is taken again.
            StatementDecision::Accept | StatementDecision::Same | StatementDecision::Contradicts => {
                let items = [(item.clone(), envelope)];
                let writes = domain.announce_writes(&body.domain, subject, &items).await;
                let mut writes = writes.map_err(|e| failed(&e))?;
                writes.push(Domain::statement_write(origin, received, expect));
                if decision == StatementDecision::Contradicts {
                    contradicts().await?;
                    return Ok((Verdict::Beside(vec![item], Refusal::Equivocation), writes));
                }
                Ok((Verdict::Accept { held: vec![item] }, writes))
            }
        }
    }
}
