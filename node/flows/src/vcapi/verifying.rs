//! Verifying credentials of any kind: that they conform, that a key of their issuer signed them, that they are
//! in time, and what their status says.

use super::Failure;
use super::opened::Opened;
use crate::domain::Domain;
use crate::error::Error;
use crate::record::{Decision, Kind};
use crate::resolve::Unresolved;
use did_resolver::did::{Did, DidUrl};
use did_resolver::document::{Document, KeyRefusal, Relationship};
use did_resolver::resolution::ResolutionError;
use serde_json::{Value, json};
use std::sync::Arc;
use vc_schemas::check::status_of;
use vc_schemas::code::Code;
use vc_schemas::data_model;
use vc_schemas::facts::{DidFact, Facts, ListKey, Request};
use vc_schemas::refusal::{Path, Refusal};
use vc_schemas::secure::Content;
use vc_schemas::status::{MessageEntry, Purpose, StatusEntry};

/// Most characters of what a document says of its issuer or holder that stand in the record.
const MAX_SUBJECT: usize = 256;

/// What is looked at beside the form of the document and what secures it, which always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checks {
    /// Whether it is in time.
    pub dates: bool,
    /// What its status says.
    pub status: bool,
}

impl Default for Checks {
    fn default() -> Self {
        Self { dates: true, status: true }
    }
}

/// Something that nobody looked at, and that who relies on the document may want to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where.
    pub path: Path,
    /// What.
    pub detail: &'static str,
}

/// A document that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The document without what secures it.
    pub document: Value,
    /// What was looked at.
    pub checks: Vec<&'static str>,
    /// What was not.
    pub warnings: Vec<Warning>,
}

impl Domain {
    /// Verifies a credential of any kind.
    ///
    /// # Errors
    /// [`Failure`]; "could not know" has codes of its own.
    pub async fn verify_credential(&self, json: &Value, checks: Checks) -> Result<Verified, Failure> {
        let outcome = self.credential_holds(json, checks).await;
        let outcome = outcome.map_err(|failure| failure.under(&Path::root().then("verifiableCredential")));
        self.verification_recorded("verify-credential", json, "issuer", &outcome).await?;
        outcome
    }

    /// What is not recorded is not told either. About what cannot be read nothing was decided.
    pub(super) async fn verification_recorded(
        &self,
        act: &'static str,
        json: &Value,
        actor: &str,
        outcome: &Result<Verified, Failure>,
    ) -> Result<(), Failure> {
        if let Err(Failure::Problem(problem)) = outcome
            && problem.kind != data_model::Kind::CryptographicSecurity
        {
            return Ok(());
        }
        let document = outcome.as_ref().map_or(json, |verified| &verified.document);
        let actor = document.get(actor).map(|actor| actor.get("id").unwrap_or(actor));
        let actor = actor.and_then(Value::as_str).unwrap_or_default().chars();
        let actor: String = actor.filter(|c| !c.is_control()).take(MAX_SUBJECT).collect();
        let facts = json!({"act": act});
        let decision = match outcome {
            Ok(_) => Decision::new(Kind::Verified, actor, "verified"),
            Err(failure) => Decision::new(Kind::Verified, actor, "refused").because(failure.refusal().code),
        };
        Ok(self.record(decision.with(facts)).await?)
    }

    pub(super) async fn credential_holds(&self, json: &Value, checks: Checks) -> Result<Verified, Failure> {
        let opened = self.open(Content::Credential, json)?;
        let credential = data_model::Credential::read(opened.payload())?;
        let (issuer, fact) = self.signed_by(&opened, Relationship::AssertionMethod).await?;
        if credential.issuer.id != issuer.as_str() {
            let path = Path::root().then("issuer");
            return Err(Failure::refused(Code::KeyNotAuthorised, path, "the key is not one of its issuer"));
        }
        let mut done = vec!["proof"];
        let mut warnings = unchecked(&credential);
        if let Opened::LinkedData(_) = opened {
            let detail = "its proof is over statements: the order of its lists is signed by nobody";
            warnings.push(Warning { path: Path::root().then("proof"), detail });
        }
        if checks.dates {
            self.is_in_time(&credential)?;
            done.push("validityPeriod");
        }
        if checks.status {
            warnings.extend(self.status_holds(&credential, &issuer, fact).await?);
            done.push("credentialStatus");
        }
        Ok(Verified { document: opened.payload().clone(), checks: done, warnings })
    }

    /// Whose key signed, after its signature was verified by a key that the signer lists for this.
    pub(super) async fn signed_by(
        &self,
        opened: &Opened,
        relationship: Relationship,
    ) -> Result<(Did, DidFact), Failure> {
        let (signer, path) = (opened.key_id().did().clone(), Path::root().then("proof"));
        let fact = self.fact_of(&signer, &path).await?;
        let document = match &fact {
            DidFact::Active { document, .. } => document,
            DidFact::Deactivated => {
                return Err(Failure::refused(Code::Deactivated, path, "its DID is deactivated"));
            }
            DidFact::Contested => {
                return Err(Failure::refused(Code::DidContested, path, "its DID has two valid histories"));
            }
        };
        let now = self.now();
        let key = document
            .authorised(relationship, opened.key_id(), now)
            .map_err(|refusal| key_refused(refusal, path.clone()))?;
        if key.retiring && relationship == Relationship::Authentication {
            let detail = "the key is on its way out and may not present";
            return Err(Failure::refused(Code::KeyRetired, path, detail));
        }
        self.is_signed(opened, key.key).await?;
        Ok((signer, fact))
    }

    /// What is known of a DID of any method.
    async fn fact_of(&self, did: &Did, path: &Path) -> Result<DidFact, Failure> {
        let unknown = |detail| Failure::refused(Code::DidUnresolvable, path.clone(), detail);
        if did.method() == "webvh" {
            return self.find_log(did).await?.fact().ok_or_else(|| unknown("its DID could not be resolved"));
        }
        let url: DidUrl = did.as_str().parse().map_err(|_| unknown("its DID could not be resolved"))?;
        match self.resolve(&url, None).await?.found {
            // A document without a history may have lost the key since.
            Ok((_, standing)) if standing.stale => Err(unknown("its DID cannot be resolved now")),
            Ok((resolution, _)) => {
                let Some(json) = resolution.document.clone() else { return Ok(DidFact::Deactivated) };
                let malformed = |_| Error::refused(Code::DidMalformed, "its DID document is malformed");
                let document = Arc::new(Document::parse(json).map_err(malformed)?);
                Ok(DidFact::Active { document, version: 1 })
            }
            Err(Unresolved::Refused(refusal)) => {
                Err(Failure::refused(refusal.code, path.clone(), refusal.detail))
            }
            Err(Unresolved::Error(error)) => {
                let (code, detail) = match error {
                    ResolutionError::NotFound => (Code::DidUnresolvable, "there is no such DID"),
                    ResolutionError::MethodNotSupported | ResolutionError::FeatureNotSupported => {
                        (Code::DidMethodUnsupported, "its DID method is not spoken here")
                    }
                    _ => (Code::DidMalformed, "its DID is none, or its document"),
                };
                Err(Failure::refused(code, path.clone(), detail))
            }
        }
    }

    pub(super) fn is_in_time(&self, credential: &data_model::Credential) -> Result<(), Failure> {
        let (now, skew) = (self.now(), self.policy.skew);
        let refused = |code, member, detail| Err(Failure::refused(code, Path::root().then(member), detail));
        if credential.valid_from.is_some_and(|from| from > now.plus(skew)) {
            return refused(Code::CredentialNotYetValid, "validFrom", "is in the future");
        }
        if credential.valid_until.is_some_and(|until| until <= now.minus(skew)) {
            return refused(Code::CredentialExpired, "validUntil", "is past");
        }
        Ok(())
    }

    /// What the status of a credential says, by lists of its own issuer.
    async fn status_holds(
        &self,
        credential: &data_model::Credential,
        issuer: &Did,
        fact: DidFact,
    ) -> Result<Vec<Warning>, Failure> {
        let (mut facts, mut warnings) = (Facts::default(), Vec::new());
        facts.insert_did(issuer.clone(), fact);
        let expect = self.expect(String::new(), Request::default()).await?;
        for (at, status) in credential.statuses.iter().enumerate() {
            let path = Path::root().then("credentialStatus").at(at);
            if !status.types.contains("BitstringStatusListEntry") {
                let detail = "a kind of status that is not spoken here";
                return Err(Failure::refused(Code::StatusUnknown, path, detail));
            }
            let json = Value::Object(status.members.clone());
            let detail = "its message, or whether there is a newer one, was not looked up";
            let entry = match StatusEntry::parse(&json) {
                Ok(entry) if entry.purpose != Purpose::Refresh => entry,
                Err(_) if MessageEntry::parse(&json).is_err() => {
                    return Err(Failure::malformed(path, "not an entry of a status list"));
                }
                _ => {
                    warnings.push(Warning { path, detail });
                    continue;
                }
            };
            let key = ListKey { issuer: issuer.clone(), url: entry.list.clone() };
            if let Some(list) = self.find_list(&key).await? {
                facts.insert_list(list);
            }
            status_of(&entry, issuer, path, (&facts, &expect, self.now()))?;
        }
        Ok(warnings)
    }
}

/// What a credential refers to and nobody fetches.
pub(super) fn unchecked(credential: &data_model::Credential) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |member, detail| warnings.push(Warning { path: Path::root().then(member), detail });
    if !credential.schemas.is_empty() {
        warn("credentialSchema", "schemas are not fetched, so its claims were not held against them");
    }
    if !credential.related_resources.is_empty() {
        warn("relatedResource", "resources are not fetched, so their digests were not compared");
    }
    warnings
}

fn key_refused(refusal: KeyRefusal, path: Path) -> Refusal {
    let (code, detail) = match refusal {
        KeyRefusal::NotThere => (Code::KeyNotAuthorised, "its DID does not list the key"),
        KeyRefusal::ForeignController => (Code::KeyNotAuthorised, "the key is controlled by another DID"),
        KeyRefusal::NotForThis => (Code::KeyNotAuthorised, "the key is not listed for this use"),
        KeyRefusal::Revoked => (Code::KeyNotAuthorised, "the key is revoked"),
        KeyRefusal::Expired => (Code::KeyRetired, "the key has expired"),
        KeyRefusal::UnsupportedKind => (Code::KeyNotAuthorised, "the kind of key is not supported"),
    };
    Refusal::new(code, path, detail)
}
