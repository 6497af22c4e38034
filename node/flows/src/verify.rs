//! Verification of a presentation: `check` says what it wants, this fetches it, three rounds at most;
//! then the nonce is claimed, once, and the decision recorded before anybody hears of it.

use crate::approvals;
use crate::domain::Domain;
use crate::error::Error;
use crate::ports::records::StoreError;
use crate::record::{Decision, Kind};
use did_resolver::did::Did;
use futures::future::join_all;
use serde_json::json;
use vc_schemas::check::{Held, MAX_ROUNDS, Outcome, Verdict, Wants, check_with};
use vc_schemas::code::Code;
use vc_schemas::facts::{Facts, ListKey, Request};
use vc_schemas::refusal::{Path, Refusal};
use vc_schemas::secure::{Content, Envelope, MAX_PRESENTATION_BYTES, Secured};

impl Domain {
    /// Verifies a secured presentation.
    ///
    /// # Errors
    /// [`Error::Refused`] with the first rule that does not hold; "could not know" is a refusal with
    /// a code of its own.
    pub async fn verify(
        &self,
        presented: &[u8],
        envelope: Envelope,
        request: Request,
    ) -> Result<Verdict, Error> {
        let secured = Secured::parse(Content::Presentation, envelope, presented, MAX_PRESENTATION_BYTES)
            .map_err(|error| error.refusal(Content::Presentation, Path::root()))?;
        let held = self.with_seen(|seen| Held::read_with(secured, seen))?;
        let nonce = held.presentation().nonce.clone();
        let now = self.now();
        if self.with_nonces(|nonces| nonces.recognise(&nonce, now)).is_err() {
            let path = Path::root().then("nonce");
            let detail = "not a nonce that was given and is still honoured";
            return Err(Refusal::new(Code::NonceMismatch, path, detail).into());
        }
        let outcome = self.decide(&held, &nonce, request).await;
        // How often somebody asks is looked at last (004 GL, section 5.3): what is presented by others under their
        // name costs them nothing. The nonce stays good for whoever is to wait.
        let outcome =
            outcome.and_then(|verdict| self.may_ask(&verdict.holder, &verdict.principal).map(|()| verdict));
        // A nonce that verified something is used up before the answer goes out; of two answers at
        // once, one is a replay.
        let outcome = match outcome {
            Ok(verdict) => self.claim_nonce(&nonce).await.map(|()| verdict),
            refused => refused,
        };
        // What is not recorded is not told either.
        if outcome.is_err() && !self.may_refuse() {
            return Err(Error::refused(Code::RateLimited, "more refusals than are recorded in a minute"));
        }
        self.conclude(&held, &nonce, outcome).await
    }

    /// Records the decision before anybody hears of it, in one batch with the claim of its approval.
    async fn conclude(
        &self,
        held: &Held,
        nonce: &str,
        outcome: Result<Verdict, Error>,
    ) -> Result<Verdict, Error> {
        let (outcome, deferral) = match outcome {
            Ok(verdict) => match self.deferral(nonce, &verdict).await {
                Ok(deferral) => (Ok(verdict), deferral),
                Err(error) => (Err(error), Vec::new()),
            },
            refused => (refused, Vec::new()),
        };
        let claims = match &outcome {
            Ok(verdict) => self.approval_claims(verdict).await?,
            Err(_) => Vec::new(),
        };
        let is_claimed = !claims.is_empty();
        let batch = [vec![self.entry(decision(held, &outcome))?], claims, deferral].concat();
        match self.records.commit(batch).await {
            Ok(()) => outcome.map(|mut verdict| {
                approvals::claimed(&mut verdict);
                verdict
            }),
            Err(StoreError::Conflict(_)) if is_claimed => {
                let detail = "an approval counts once, and this one was used";
                let refused = Err(Refusal::new(Code::ApprovalUsed, Path::approval(), detail).into());
                self.record(decision(held, &refused)).await?;
                refused
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn decide(&self, held: &Held, nonce: &str, request: Request) -> Result<Verdict, Error> {
        let expect = self.expect(nonce.to_owned(), request).await?;
        let mut facts = Facts::default();
        for round in 0..=MAX_ROUNDS {
            let now = self.now();
            let (outcome, sightings) = self.with_seen(|seen| check_with(held, &facts, &expect, now, seen));
            self.take_sightings(sightings, now);
            match outcome {
                Outcome::Verified(verdict) => return Ok(*verdict),
                Outcome::Refused(refusal) => return Err(refusal.into()),
                Outcome::Wants(wants) if round == MAX_ROUNDS => return Err(wants.not_to_be_had().into()),
                Outcome::Wants(wants) => self.gather(&wants, &mut facts).await?,
            }
        }
        Err(Error::refused(Code::Internal, "verification did not end"))
    }

    /// Fetches what is wanted. What is not to be had is simply not there afterwards.
    pub(crate) async fn gather(&self, wants: &Wants, facts: &mut Facts) -> Result<(), Error> {
        let dids =
            join_all(wants.dids.iter().map(|did| async move { (did.clone(), self.find_log(did).await) }));
        for (did, held) in dids.await {
            if let Some(fact) = held?.fact() {
                facts.insert_did(did, fact);
            }
        }
        let lists = join_all(wants.status_lists.iter().map(|key| self.wanted_list(key)));
        for fact in lists.await {
            if let Some(fact) = fact? {
                facts.insert_list(fact);
            }
        }
        Ok(())
    }

    async fn wanted_list(&self, key: &ListKey) -> Result<Option<vc_schemas::facts::ListFact>, Error> {
        self.find_list(key).await
    }
}

fn decision(held: &Held, outcome: &Result<Verdict, Error>) -> Decision {
    let links: Vec<_> = held.links().iter().map(|link| link.credential.id.clone()).collect();
    let principal = held.links().first().map(|link| &link.credential.issuer).map(Did::as_str);
    let approval = held.approval().map(
        |approved| json!({"id": approved.credential().id, "approver": approved.credential().issuer.as_str()}),
    );
    let mut facts = json!({"principal": principal, "links": links});
    if let (Some(members), Some(approval)) = (facts.as_object_mut(), approval) {
        members.insert("approval".to_owned(), approval);
    }
    let subject = held.presentation().holder.as_str();
    match outcome {
        Ok(verdict) => {
            // How old was what it rests on.
            if let Some(members) = facts.as_object_mut() {
                members.insert("statusAgeSeconds".to_owned(), verdict.status_age.as_secs().into());
            }
            let outcome = if verdict.deferred.is_empty() { "verified" } else { "deferred" };
            Decision::new(Kind::Verified, subject, outcome).with(facts)
        }
        Err(error) => {
            Decision::new(Kind::Verified, subject, "refused").because(error.refusal().code).with(facts)
        }
    }
}
