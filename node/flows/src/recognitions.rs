//! What this domain states of a domain that it recognises: a DomainRecognitionCredential, made when it is
//! asked for. It stands or falls with the recognition, and a list of this domain says so to whoever holds it.

use crate::domain::{Domain, put};
use crate::error::Error;
use crate::issue::{Issued, credential_key, credential_record};
use crate::members::flips;
use crate::ports::clock::random;
use crate::ports::records::{Expect, StoreError, Table, Write};
use crate::record::{Decision, Kind};
use crate::status::Flip;
use marque_rules::issuance::{self, Slot};
use marque_rules::lifecycle::{Act, Standing};
use marque_rules::trust::TrustedDomain;
use serde_json::{Value, json};
use vc_schemas::code::Code;
use vc_schemas::credential::Credential;
use vc_schemas::secure::{Content, Envelope, MAX_CREDENTIAL_BYTES, Secured};

/// How often a credential is made anew where the recognition changed meanwhile.
const MAX_TRIES: usize = 4;

/// The key under which the newest credential about a domain lies.
fn current_key(scid: &str) -> Vec<u8> {
    format!("current/recognition/{scid}").into_bytes()
}

impl Domain {
    /// The record of the newest credential about a domain, where there ever was one, and its version.
    async fn statement(&self, scid: &str) -> Result<Option<(Value, u64)>, Error> {
        let Some((current, _)) = self.json(Table::Credentials, &current_key(scid)).await? else {
            return Ok(None);
        };
        let id = current.get("id").and_then(Value::as_str).ok_or(Error::Record("a recognition"))?;
        self.json(Table::Credentials, &credential_key(id)).await
    }

    /// What `act` changes of the newest credential about a domain: nothing where there is none, or where it
    /// is revoked.
    pub(crate) async fn restate(&self, scid: &str, act: Act) -> Result<(Vec<Flip>, Vec<Write>), Error> {
        let Some((mut record, version)) = self.statement(scid).await? else {
            return Ok((Vec::new(), Vec::new()));
        };
        let text = |name| record.get(name).and_then(Value::as_str);
        let standing = text("state").and_then(Standing::parse);
        let index = record.get("index").and_then(Value::as_u64).and_then(|index| u32::try_from(index).ok());
        let (Some(standing), Some(index), Some(id)) = (standing, index, text("id")) else {
            return Err(Error::Record("a recognition"));
        };
        let key = credential_key(id);
        match standing.after(act) {
            Ok(next) if next != standing => {
                if let Some(members) = record.as_object_mut() {
                    members.insert("state".into(), json!(next.as_str()));
                }
                let write = put(Table::Credentials, key, &record, Expect::Version(version));
                Ok((flips(index, standing, next), vec![write]))
            }
            _ => Ok((Vec::new(), Vec::new())),
        }
    }

    /// The newest credential about a domain, where it stands and is not due for renewal.
    async fn current_statement(&self, scid: &str) -> Result<Option<(Credential, Secured)>, Error> {
        let Some((record, _)) = self.statement(scid).await? else { return Ok(None) };
        if record.get("state").and_then(Value::as_str) != Some(Standing::Active.as_str()) {
            return Ok(None);
        }
        let damaged = || Error::Record("a recognition");
        let text = record.get("credential").and_then(Value::as_str).ok_or_else(damaged)?;
        let (content, envelope) = (Content::Credential, Envelope::Jwt);
        let secured = Secured::parse(content, envelope, text.as_bytes(), MAX_CREDENTIAL_BYTES);
        let secured = secured.map_err(|_| damaged())?;
        let credential = Credential::read(secured.payload()).map_err(|_| damaged())?;
        let due = issuance::wants_renewal(&credential, self.now()) || !self.is_in_force(&secured);
        Ok((!due).then_some((credential, secured)))
    }

    /// What [`Domain::recognition_credential`] does; its refusal is not on record yet.
    pub(crate) async fn try_recognition_credential(
        &self,
        scid: &str,
        envelope: Envelope,
    ) -> Result<Issued, Error> {
        if matches!(envelope, Envelope::VcSdJwt | Envelope::DcSdJwt) {
            let detail = "a recognition holds nothing back";
            return Err(Error::member(Code::RequestMalformed, "format", detail));
        }
        if self.home.scid == scid {
            return Err(Error::member(Code::StateConflict, "did", "a domain states nothing of itself"));
        }
        for _ in 0..MAX_TRIES {
            let row = self.json(Table::Trust, scid.as_bytes()).await?;
            let unknown = Error::member(Code::StateConflict, "did", "not recognised here");
            let (row, version) = row.ok_or(unknown)?;
            let trusted = TrustedDomain::read(&row).map_err(|_| Error::Record("a trusted domain"))?;
            if trusted.suspended {
                return Err(Error::member(Code::StateConflict, "did", "its recognition is suspended"));
            }
            let did = trusted.did.clone();
            if let Some((credential, secured)) = self.current_statement(scid).await? {
                let secured = match envelope {
                    Envelope::Jwt => secured,
                    // The same credential, signed anew in another envelope; its id and index are the same.
                    _ => self.secure(&credential, envelope).await?,
                };
                return Ok(Issued { did, secured, valid_until: credential.valid_until });
            }
            let purpose = json!({"for": "credential", "subject": did.as_str()});
            let reserved = self.free_index(&purpose, &[]).await?;
            let random = random::<16>(self.entropy.as_ref())?;
            let slot = Slot { random, index: reserved.index, now: self.now() };
            let credential = issuance::recognition_credential(&self.home, slot, &trusted)?;
            let secured = self.secure(&credential, Envelope::Jwt).await?;
            let record = credential_record(&credential, reserved.index, Some(&secured));
            let facts = json!({"id": credential.id, "type": credential.claims.credential_type()});
            let batch = vec![
                reserved.write,
                put(Table::Credentials, credential_key(&credential.id), &record, Expect::Absent),
                put(Table::Credentials, current_key(scid), &json!({"id": credential.id}), Expect::Any),
                // Nobody may have changed what is recognised meanwhile.
                put(Table::Trust, scid, &row, Expect::Version(version)),
                self.entry(Decision::new(Kind::Issued, did.as_str(), "issued").with(facts))?,
            ];
            match self.records.commit(batch).await {
                Ok(()) | Err(StoreError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::refused(Code::Unavailable, "what is recognised is being changed"))
    }
}
