//! Whom this node recognises and for how long, and what it expects of a presentation because of that.

use crate::domain::{Domain, put};
use crate::error::Error;
use crate::ports::records::{Expect as Expected, Table, Write};
use crate::record::{Decision, Kind};
use did_resolver::did::Did;
use did_resolver::webvh::WebvhId;
use marque_rules::lifecycle::Act;
use marque_rules::replica::Scid;
use marque_rules::trust::{self, MAX_DOMAINS, TrustedDomain};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use vc_schemas::code::Code;
use vc_schemas::facts::{Expect, Request};

impl Domain {
    /// What [`Domain::trust`] does; its refusal is not on record yet.
    pub(crate) async fn try_trust(&self, domain: TrustedDomain) -> Result<(), Error> {
        let scid = domain.scid().map_err(|_| not_a_domain())?;
        let known = self.trusted().await?;
        if known.len() >= MAX_DOMAINS && known.iter().all(|k| k.scid().ok().as_ref() != Some(&scid)) {
            return Err(Error::refused(Code::StateConflict, "as many domains are recognised as can be"));
        }
        // A name proves nothing, but people read it, and a domain vouches for DIDs under its own host:
        // two domains of one name could vouch for each other's.
        let label = |did: &Did| WebvhId::parse(did).map(|id| id.host().to_owned()).ok();
        let namesake =
            |did: &Did| label(did) == label(&domain.did) && trust::domain_scid(did) != Ok(scid.clone());
        if namesake(&self.home.did) || known.iter().any(|k| namesake(&k.did)) {
            let detail = "another domain of that name is recognised, or is this one";
            return Err(Error::member(Code::StateConflict, "did", detail));
        }
        if domain.resources.as_ref().is_some_and(BTreeSet::is_empty) {
            let detail = "without a resource nothing is rooted: name one, or leave it out for any";
            return Err(Error::member(Code::RequestMalformed, "resources", detail));
        }
        let facts = json!({"capabilities": domain.capabilities.to_json(), "suspended": domain.suspended});
        let write = put(Table::Trust, scid.clone(), &domain.to_json(), Expected::Any);
        let decision = Decision::new(Kind::Trust, domain.did.as_str(), "recognised").with(facts);
        // What was stated before is true no more.
        self.change_trust(&scid, Act::Revoke, (write, Some(domain)), decision).await
    }

    /// Commits a change of what is recognised, and of what is stated of it, in one.
    async fn change_trust(
        &self,
        scid: &str,
        act: Act,
        (write, changed): (Write, Option<TrustedDomain>),
        decision: Decision,
    ) -> Result<(), Error> {
        let _one_writer = self.stating.lock().await;
        let (flips, mut batch) = self.restate(scid, act).await?;
        let (writes, publications) = self.restate_changed(scid, changed).await?;
        batch.extend(writes);
        batch.push(write);
        batch.push(self.entry(decision)?);
        self.flip(&flips, batch).await?;
        // Who is let in comes first.
        if let Some(mesh) = self.mesh() {
            mesh.domains_changed();
        }
        self.publish(publications).await;
        Ok(())
    }

    /// What [`Domain::act_on_trust`] does; its refusal is not on record yet.
    pub(crate) async fn try_act_on_trust(&self, did: &Did, act: Act) -> Result<TrustedDomain, Error> {
        let scid = trust::domain_scid(did).map_err(|_| not_a_domain())?;
        let row = self.json(Table::Trust, scid.as_bytes()).await?;
        let (row, version) = row.ok_or(Error::member(Code::StateConflict, "did", "not recognised here"))?;
        let mut domain = TrustedDomain::read(&row).map_err(|_| Error::Record("a trusted domain"))?;
        let expect = Expected::Version(version);
        let (write, outcome) = match act {
            Act::Revoke => (
                Write { table: Table::Trust, key: scid.clone().into_bytes(), value: None, expect },
                "removed",
            ),
            Act::Suspend | Act::Resume if domain.suspended == (act == Act::Suspend) => return Ok(domain),
            Act::Suspend | Act::Resume => {
                domain.suspended = act == Act::Suspend;
                let outcome = if domain.suspended { "suspended" } else { "resumed" };
                (put(Table::Trust, scid.clone(), &domain.to_json(), expect), outcome)
            }
        };
        let decision = Decision::new(Kind::Trust, domain.did.as_str(), outcome);
        let changed = (act != Act::Revoke).then(|| domain.clone());
        self.change_trust(&scid, act, (write, changed), decision).await?;
        Ok(domain)
    }

    /// The domains that are recognised.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn trusted(&self) -> Result<Vec<TrustedDomain>, Error> {
        let rows = self.all(Table::Trust, &[], MAX_DOMAINS).await?;
        rows.iter()
            .map(|(_, json)| TrustedDomain::read(json).map_err(|_| Error::Record("a trusted domain")))
            .collect()
    }

    /// Whether a domain is this one or a recognised one, suspended or not.
    pub(crate) async fn is_known(&self, scid: &Scid) -> Result<bool, Error> {
        let own = self.home.scid == scid.as_str();
        Ok(own || self.trusted().await?.iter().any(|domain| Scid::of(&domain.did).as_ref() == Some(scid)))
    }

    /// What this verifier expects of a presentation with `nonce`.
    pub(crate) async fn expect(&self, nonce: String, request: Request) -> Result<Expect, Error> {
        let policy = self.policy();
        Ok(Expect {
            audience: self.home.did.to_string(),
            nonce,
            domains: trust::recognitions(&self.home.scid, &self.trusted().await?),
            principals: BTreeMap::new(),
            status_max_age: policy.status_max_age,
            deferrable: policy.deferrable.clone(),
            skew: policy.skew,
            request,
        })
    }
}

/// The SCID of a domain's DID, or the refusal.
///
/// # Errors
/// [`Error::Refused`] with `did-malformed`.
pub fn scid_of(did: &Did) -> Result<String, Error> {
    trust::domain_scid(did).map_err(|_| not_a_domain())
}

fn not_a_domain() -> Error {
    Error::member(Code::DidMalformed, "did", "not the did:webvh of a domain: no path, and a host with a dot")
}
