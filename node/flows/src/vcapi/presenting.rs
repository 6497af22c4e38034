//! Verifying presentations of any kind, signed or not, and the credentials in them.

use super::opened::Opened;
use super::verifying::{Checks, Signed, Verified, Warning, unchecked};
use super::{Failure, joined};
use crate::domain::Domain;
use did_resolver::document::Relationship;
use did_resolver::time::UnixSeconds;
use futures::future::join_all;
use serde_json::Value;
use vc_schemas::code::Code;
use vc_schemas::data_model::{self, Entry};
use vc_schemas::refusal::Path;
use vc_schemas::secure::Content;

/// What is asked of a presentation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The challenge that it must answer.
    pub challenge: Option<String>,
    /// The domain that it must be for.
    pub domain: Option<String>,
    /// What is looked at in its credentials, and in itself.
    pub checks: Checks,
}

impl Domain {
    /// Verifies a presentation of any kind and all its credentials. One that nothing secures is looked at
    /// where `secured` is not asked for; it says nothing of who presents it.
    ///
    /// # Errors
    /// [`Failure`]; the path leads to the credential that does not hold.
    pub async fn verify_any_presentation(
        &self,
        json: &Value,
        secured: bool,
        asked: &Asked,
    ) -> Result<Verified, Failure> {
        let (outcome, member) = if secured {
            (self.presentation_holds(json, asked).await, "verifiablePresentation")
        } else {
            (self.unsecured_holds(json, asked).await, "presentation")
        };
        let outcome = outcome.map_err(|failure| failure.under(&Path::root().then(member)));
        self.verification_recorded("verify-presentation", json, "holder", &outcome).await?;
        outcome
    }

    async fn presentation_holds(&self, json: &Value, asked: &Asked) -> Result<Verified, Failure> {
        let opened = Opened::read(Content::Presentation, json)?;
        let presentation = data_model::Presentation::read(opened.payload())?;
        let speaks = presentation.holder.as_ref().map(|named| named.id.as_str());
        let signed = self.signed_by(&opened, speaks, Relationship::Authentication).await?;
        let Signed { signer: holder, warnings: others, .. } = signed;
        if presentation.holder.as_ref().is_some_and(|named| named.id != holder.as_str()) {
            let path = Path::root().then("holder");
            return Err(Failure::refused(Code::HolderMismatch, path, "the key is not one of its holder"));
        }
        let (challenge, domain) = opened.bound_to();
        let mut done = vec!["proof"];
        if let Some(wanted) = &asked.challenge {
            if challenge != Some(wanted.as_str()) {
                let path = Path::root().then("challenge");
                return Err(Failure::refused(Code::NonceMismatch, path, "it does not answer the challenge"));
            }
            done.push("challenge");
        }
        if let Some(wanted) = &asked.domain {
            if domain != Some(wanted.as_str()) {
                let path = Path::root().then("domain");
                return Err(Failure::refused(Code::AudienceMismatch, path, "it is for another domain"));
            }
            done.push("domain");
        }
        if asked.checks.dates {
            self.is_presented_in_time(opened.payload())?;
            done.push("validityPeriod");
        }
        let holder = Some(holder.as_str());
        let mut warnings = self.entries_hold(opened.payload(), &presentation, holder, &asked.checks).await?;
        warnings.extend(others);
        Ok(Verified { document: opened.payload().clone(), checks: done, warnings })
    }

    async fn unsecured_holds(&self, json: &Value, asked: &Asked) -> Result<Verified, Failure> {
        let presentation = data_model::Presentation::read(json)?;
        if !presentation.proofs.is_empty() {
            let path = Path::root().then("proof");
            return Err(Failure::malformed(path, "what has a proof is a verifiablePresentation"));
        }
        if asked.challenge.is_some() || asked.domain.is_some() {
            let detail = "nothing secures it, so that it answers no challenge and is for no domain";
            return Err(Failure::insecure(Path::root(), detail));
        }
        let mut warnings = self.entries_hold(json, &presentation, None, &asked.checks).await?;
        let detail = "nothing secures the presentation: who presents it is not known";
        warnings.insert(0, Warning { path: Path::root(), detail });
        Ok(Verified { document: json.clone(), checks: Vec::new(), warnings })
    }

    /// Verifies the credentials of a presentation, all at once. What a holder says of itself the presentation
    /// secures.
    async fn entries_hold(
        &self,
        payload: &Value,
        presentation: &data_model::Presentation,
        holder: Option<&str>,
        checks: &Checks,
    ) -> Result<Vec<Warning>, Failure> {
        let entries = match payload.get("verifiableCredential") {
            Some(Value::Array(entries)) => entries.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        let entries = entries.iter().zip(&presentation.credentials).enumerate();
        let all =
            join_all(entries.map(|(at, (json, entry))| self.entry_holds(at, json, entry, holder, checks)));
        Ok(all.await.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
    }

    async fn entry_holds(
        &self,
        at: usize,
        json: &Value,
        entry: &Entry,
        holder: Option<&str>,
        checks: &Checks,
    ) -> Result<Vec<Warning>, Failure> {
        let held = match entry {
            Entry::Embedded(credential)
                if credential.proofs.is_empty() && Some(credential.issuer.id.as_str()) == holder =>
            {
                self.says_of_itself(credential, checks)
            }
            _ => self.credential_holds(json, checks).await.map(|verified| verified.warnings),
        };
        let path = Path::entry(at);
        let warnings = held.map_err(|failure| failure.under(&path))?.into_iter();
        Ok(warnings.map(|warning| Warning { path: joined(&path, &warning.path), ..warning }).collect())
    }

    fn says_of_itself(
        &self,
        credential: &data_model::Credential,
        checks: &Checks,
    ) -> Result<Vec<Warning>, Failure> {
        if checks.dates {
            self.is_in_time(credential)?;
        }
        let mut warnings = unchecked(credential, checks)?;
        let detail = "its holder says this of itself; nobody else vouches for it";
        warnings.push(Warning { path: Path::root(), detail });
        Ok(warnings)
    }

    /// The dates of a presentation in an envelope: registered JWT claims. A proof has dates of its own.
    fn is_presented_in_time(&self, payload: &Value) -> Result<(), Failure> {
        let (now, skew) = (self.now(), self.policy().skew);
        let at = |name: &str| payload.get(name).and_then(Value::as_u64).map(UnixSeconds::new);
        let early = ["iat", "nbf"].into_iter().any(|name| at(name).is_some_and(|at| at > now.plus(skew)));
        if early || at("exp").is_some_and(|exp| exp <= now.minus(skew)) {
            let detail = "outside the time that it says it is for";
            return Err(Failure::refused(Code::PresentationExpired, Path::root(), detail));
        }
        Ok(())
    }
}
