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
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeMap;
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checks {
    /// Whether it is in time.
    pub dates: bool,
    /// What its status says.
    pub status: bool,
    /// The related resources that are at hand, by their URLs. None is ever fetched.
    pub related: BTreeMap<String, Vec<u8>>,
}

impl Default for Checks {
    fn default() -> Self {
        Self { dates: true, status: true, related: BTreeMap::new() }
    }
}

/// Who signed, of several whoever speaks in the document, and who else.
pub(super) struct Signed {
    pub(super) signer: Did,
    pub(super) fact: DidFact,
    pub(super) warnings: Vec<Warning>,
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
    pub async fn verify_credential(&self, json: &Value, checks: &Checks) -> Result<Verified, Failure> {
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

    pub(super) async fn credential_holds(&self, json: &Value, checks: &Checks) -> Result<Verified, Failure> {
        let opened = self.open(Content::Credential, json)?;
        let credential = data_model::Credential::read(opened.payload())?;
        let speaks = Some(credential.issuer.id.as_str());
        let signed = self.signed_by(&opened, speaks, Relationship::AssertionMethod).await?;
        let Signed { signer: issuer, fact, warnings: others } = signed;
        if credential.issuer.id != issuer.as_str() {
            let path = Path::root().then("issuer");
            return Err(Failure::refused(Code::KeyNotAuthorised, path, "the key is not one of its issuer"));
        }
        let mut done = vec!["proof"];
        let mut warnings = unchecked(&credential, checks)?;
        if warnings.iter().all(|warning| warning.path != related())
            && !credential.related_resources.is_empty()
        {
            done.push("relatedResource");
        }
        warnings.extend(others);
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

    /// Whose keys signed, after each signature was verified by a key that its signer lists for this. Of several
    /// signers it is the one that `speaks` in the document, where that is one of them.
    pub(super) async fn signed_by(
        &self,
        opened: &Opened,
        speaks: Option<&str>,
        relationship: Relationship,
    ) -> Result<Signed, Failure> {
        let key_ids = opened.key_ids();
        // As many as a document may have proofs, and each once at most.
        let facts = join_all(key_ids.iter().map(|(key_id, path)| self.fact_of(key_id.did(), path))).await;
        let mut signers = Vec::new();
        for (at, ((key_id, path), fact)) in key_ids.into_iter().zip(facts).enumerate() {
            let fact = fact?;
            self.is_signed_for(opened, at, (key_id, &path), &fact, relationship).await?;
            signers.push((key_id.did().clone(), fact, path));
        }
        let speaker = signers.iter().position(|(signer, ..)| Some(signer.as_str()) == speaks);
        let (signer, fact, _) = match signers.get(speaker.unwrap_or_default()) {
            Some(one) => one.clone(),
            None => return Err(Failure::insecure(Path::root().then("proof"), "nothing secures it")),
        };
        let others = signers.into_iter().filter(|(other, ..)| *other != signer);
        let detail = "a proof of somebody else, who says nothing of what it vouches for";
        let warnings = others.map(|(_, _, path)| Warning { path, detail }).collect();
        Ok(Signed { signer, fact, warnings })
    }

    async fn is_signed_for(
        &self,
        opened: &Opened,
        at: usize,
        (key_id, path): (&DidUrl, &Path),
        fact: &DidFact,
        relationship: Relationship,
    ) -> Result<(), Failure> {
        let refused = |code, detail| Err(Failure::refused(code, path.clone(), detail));
        let document = match fact {
            DidFact::Active { document, .. } => document,
            DidFact::Deactivated => return refused(Code::Deactivated, "its DID is deactivated"),
            DidFact::Contested => return refused(Code::DidContested, "its DID has two valid histories"),
        };
        let key = document
            .authorised(relationship, key_id, self.now())
            .map_err(|refusal| key_refused(refusal, path.clone()))?;
        if key.retiring && relationship == Relationship::Authentication {
            return refused(Code::KeyRetired, "the key is on its way out and may not present");
        }
        self.is_signed(opened, at, key.key).await
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
        let (now, skew) = (self.now(), self.policy().skew);
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

/// Holds what a credential refers to against what is at hand, and names what is not: nobody fetches it.
pub(super) fn unchecked(
    credential: &data_model::Credential,
    checks: &Checks,
) -> Result<Vec<Warning>, Failure> {
    let mut warnings = Vec::new();
    if !credential.schemas.is_empty() {
        let detail = "schemas are not fetched, so its claims were not held against them";
        warnings.push(Warning { path: Path::root().then("credentialSchema"), detail });
    }
    let unchecked = credential.check_related(|url| checks.related.get(url).map(Vec::as_slice))?;
    if !unchecked.is_empty() {
        let detail =
            "resources are not fetched, so the digests of those that are not at hand were not compared";
        warnings.push(Warning { path: related(), detail });
    }
    Ok(warnings)
}

fn related() -> Path {
    Path::root().then("relatedResource")
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
