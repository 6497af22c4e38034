//! Offline bundles: what a verdict on a presentation rests on, sealed by this domain.

use crate::domain::Domain;
use crate::error::Error;
use crate::ports::keys::{KeyRole, Signed};
use did_resolver::did::Did;
use std::collections::BTreeSet;
use vc_schemas::bundle::{Bundle, BundleError, BundledList, BundledLog, MAX_OBJECTS};
use vc_schemas::check::{Held, MAX_ROUNDS, Outcome, check};
use vc_schemas::code::Code;
use vc_schemas::facts::{Facts, ListKey, Request};
use vc_schemas::refusal::Path;
use vc_schemas::secure::{Content, Envelope, MAX_PRESENTATION_BYTES, Secured};

/// A sealed bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Its bytes: a COSE_Sign1.
    pub bytes: Vec<u8>,
    /// What is in it.
    pub bundle: Bundle,
}

impl Domain {
    /// Seals everything that this node knows of what the verdict on a presentation rests on. The nonce is
    /// not looked at and not claimed: nothing is verified here, and whoever opens the bundle judges.
    ///
    /// # Errors
    /// [`Error::Refused`] for a presentation that cannot be read, or that rests on more than a bundle holds.
    pub async fn export_bundle(&self, presented: &[u8], envelope: Envelope) -> Result<Exported, Error> {
        let secured = Secured::parse(Content::Presentation, envelope, presented, MAX_PRESENTATION_BYTES)
            .map_err(|error| error.refusal(Content::Presentation, Path::root()))?;
        let held = Held::read(secured)?;
        let expect = self.expect(held.presentation().nonce.clone(), Request::default()).await?;
        let mut facts = Facts::default();
        let mut dids = BTreeSet::from([self.home.did.clone()]);
        let mut lists = BTreeSet::new();
        for _ in 0..MAX_ROUNDS {
            let Outcome::Wants(wants) = check(&held, &facts, &expect, self.now()) else { break };
            dids.extend(wants.dids.iter().cloned());
            lists.extend(wants.status_lists.iter().cloned());
            self.gather(&wants, &mut facts).await?;
        }
        if dids.len() > MAX_OBJECTS || lists.len() > MAX_OBJECTS {
            return Err(Error::refused(Code::TooLarge, "the presentation rests on more than a bundle holds"));
        }
        let mut bundle = Bundle {
            by: self.home.did.clone(),
            made: self.now(),
            presentation: Some((envelope, presented.to_vec())),
            logs: Vec::new(),
            contested: BTreeSet::new(),
            lists: Vec::new(),
            domains: expect.domains,
            audience: expect.audience,
            nonce: expect.nonce,
            status_max_age: expect.status_max_age,
            skew: expect.skew,
        };
        for did in &dids {
            self.bundle_log(did, &mut bundle).await?;
        }
        for key in &lists {
            self.bundle_list(key, &mut bundle).await?;
        }
        self.seal_bundle(bundle).await
    }

    async fn bundle_log(&self, did: &Did, bundle: &mut Bundle) -> Result<(), Error> {
        let held = self.held_log(did).await?;
        if held.is_contested() {
            bundle.contested.insert(did.clone());
        }
        let Some(log) = held.log() else { return Ok(()) };
        let proofs = log.witness_proofs();
        let witness = if proofs.is_empty() { Vec::new() } else { proofs.to_bytes() };
        bundle.logs.push(BundledLog { did: did.clone(), log: log.bytes().to_vec(), witness });
        Ok(())
    }

    async fn bundle_list(&self, key: &ListKey, bundle: &mut Bundle) -> Result<(), Error> {
        let Some(fact) = self.known_good_list(key).await? else { return Ok(()) };
        let revoked_ever = fact.revoked_ever.as_ref().map(|bits| bits.encode()).transpose();
        bundle.lists.push(BundledList {
            issuer: key.issuer.clone(),
            list: fact.list.secured().bytes().to_vec(),
            revoked_ever: revoked_ever.map_err(|_| Error::Record("an overlay"))?,
        });
        Ok(())
    }

    async fn seal_bundle(&self, bundle: Bundle) -> Result<Exported, Error> {
        let (key, key_id) = self.keys.public(KeyRole::Assertion);
        let draft = bundle.draft(&key_id, key.kind()).map_err(|error| match error {
            BundleError::TooLarge => Error::refused(Code::TooLarge, "larger than a bundle may be"),
            _ => Error::Record("a bundle"),
        })?;
        let signature = self.keys.sign(KeyRole::Assertion, Signed::Bundle, draft.signing_input()).await?;
        let sealed = draft.attach(&key, &signature);
        let sealed = sealed.map_err(|_| Error::Record("a signature of the domain's own key"))?;
        Ok(Exported { bytes: sealed.into_bytes(), bundle })
    }
}
