//! Credentials of this domain by their id: links that its owners and agents signed and approvals that its owners
//! did are registered, and everything that has a status index here is suspended, resumed and revoked.

use crate::domain::{Domain, put};
use crate::error::Error;
use crate::indices::key as index_key;
use crate::issue::{credential_key, credential_record};
use crate::members::flips;
use crate::ports::records::{Expect, Table};
use crate::record::{Decision, Kind};
use did_resolver::document::Relationship;
use marque_rules::issuance::MemberKind;
use marque_rules::lifecycle::{Act, Standing};
use serde_json::{Value, json};
use vc_schemas::chain::{self, Link};
use vc_schemas::claims::Claims;
use vc_schemas::code::Code;
use vc_schemas::credential::Credential;
use vc_schemas::refusal::Path;
use vc_schemas::refusal::Refusal;
use vc_schemas::secure::{Content, Secured};
use vc_schemas::status::Purpose;

/// Who of this domain signed a credential, and the place of its status with the version of the reservation.
struct ByMember {
    kind: MemberKind,
    place: (u32, u64),
}

/// Most credentials that are listed at once.
const MAX_LISTED: usize = 10_000;

fn read_link(at: usize, secured: &Secured) -> Result<Link, Error> {
    let refuse = |detail| Error::Refused(Refusal::new(Code::CredentialMalformed, Path::link(at), detail));
    let credential = Credential::read(secured.payload()).map_err(|_| refuse("not of its type's form"))?;
    let Claims::Delegation(delegation) = credential.claims.clone() else {
        return Err(refuse("not a DelegationCredential"));
    };
    if !secured.is_plain() {
        return Err(refuse("a link with claims that can be held back, or bound to somebody"));
    }
    Ok(Link { delegation, digest: secured.digest(), size_bytes: secured.bytes().len(), credential })
}

impl Domain {
    /// What [`Domain::register_link`] does; its refusal is not on record yet.
    pub(crate) async fn try_register_link(&self, chain: &[Secured]) -> Result<Credential, Error> {
        let links =
            chain.iter().enumerate().map(|(at, s)| read_link(at, s)).collect::<Result<Vec<_>, _>>()?;
        chain::check(&links)?;
        let (Some(link), Some(secured)) = (links.last(), chain.last()) else {
            return Err(Error::refused(Code::ChainEmpty, "there is no link"));
        };
        let (credential, path) = (&link.credential, Path::link(links.len() - 1));
        let by_member = self.signed_by_member(secured, credential, &path).await?;
        let facts = json!({"issuer": credential.issuer.as_str(), "subject": link.delegation.id.as_str()});
        self.commit_registered("link", credential, by_member.place, facts).await?;
        Ok(credential.clone())
    }

    /// What [`Domain::register_approval`] does; its refusal is not on record yet.
    pub(crate) async fn try_register_approval(&self, secured: &Secured) -> Result<Credential, Error> {
        let path = Path::approval();
        let refuse = |code, detail| Error::Refused(Refusal::new(code, path.clone(), detail));
        let credential = Credential::read(secured.payload())
            .map_err(|_| refuse(Code::CredentialMalformed, "not of its type's form"))?;
        let Claims::Approval(approval) = &credential.claims else {
            return Err(refuse(Code::CredentialMalformed, "not an ApprovalCredential"));
        };
        if !secured.is_plain() {
            return Err(refuse(
                Code::CredentialMalformed,
                "claims that can be held back, or bound to somebody",
            ));
        }
        let by_member = self.signed_by_member(secured, &credential, &path).await?;
        // Only principals approve, and an agent is none.
        if by_member.kind != MemberKind::Owner {
            return Err(refuse(Code::ApprovalMismatch, "by an agent, which approves nothing"));
        }
        let facts = json!({
            "issuer": credential.issuer.as_str(),
            "subject": approval.id.as_str(),
            "capability": approval.capability.as_str(),
        });
        self.commit_registered("approval", &credential, by_member.place, facts).await?;
        Ok(credential)
    }

    /// Whether an active member of this domain signed `secured`, by a key that counts, and its status is at a
    /// place that was reserved for what this member signs and that nothing has yet.
    async fn signed_by_member(
        &self,
        secured: &Secured,
        credential: &Credential,
        path: &Path,
    ) -> Result<ByMember, Error> {
        let refuse =
            |code, member, detail| Error::Refused(Refusal::new(code, path.clone().then(member), detail));
        let issuer = self.member_of(&credential.issuer).await?;
        let issuer =
            issuer.ok_or(refuse(Code::AgentUnknown, "issuer", "not an owner or agent of this domain"))?;
        issuer.must_be_active()?;
        let document = self.active_document(&issuer.did).await?;
        let (document, _) =
            document.ok_or(refuse(Code::DidUnresolvable, "issuer", "its DID does not resolve"))?;
        if *secured.key_id().did() != issuer.did {
            return Err(refuse(Code::KeyNotAuthorised, "issuer", "the key belongs to another DID"));
        }
        let now = self.now();
        let key =
            document.authorised(Relationship::AssertionMethod, secured.key_id(), now).map_err(|_| {
                refuse(Code::KeyNotAuthorised, "issuer", "its DID does not list the key for this")
            })?;
        secured
            .verify(key.key, now, self.policy().skew)
            .map_err(|error| Error::Refused(error.refusal(Content::Credential, path.clone())))?;
        let foreign = "its status index was not reserved for what its issuer signs";
        let place = self.home.place(&credential.status.revocation);
        let place = place.ok_or(refuse(Code::StatusAuthority, "credentialStatus", foreign))?;
        let (reserved, version) = self.reserved_for(place).await?.unwrap_or_default();
        let text = |name: &str| reserved.get(name).and_then(Value::as_str);
        let own = credential.status == self.home.status(place)
            && text("for") == Some("link")
            && text("issuer") == Some(issuer.did.as_str())
            && text("id").is_none();
        if !own {
            return Err(refuse(Code::StatusAuthority, "credentialStatus", foreign));
        }
        Ok(ByMember { kind: issuer.kind, place: (place, version) })
    }

    /// Takes the place, and keeps the record by which the credential is found when its status changes.
    async fn commit_registered(
        &self,
        what: &str,
        credential: &Credential,
        (place, version): (u32, u64),
        facts: Value,
    ) -> Result<(), Error> {
        let used = json!({"for": what, "issuer": credential.issuer.as_str(), "id": credential.id});
        let record = credential_record(credential, place, None);
        let batch = vec![
            put(Table::Credentials, credential_key(&credential.id), &record, Expect::Absent),
            put(Table::Indices, index_key(place), &used, Expect::Version(version)),
            self.entry(Decision::new(Kind::Registered, &credential.id, "registered").with(facts))?,
        ];
        Ok(self.records.commit(batch).await?)
    }

    /// Every credential with a status index here.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub async fn credentials(&self) -> Result<Vec<Value>, Error> {
        let rows = self.all(Table::Credentials, b"id/", MAX_LISTED).await?;
        Ok(rows.into_iter().map(|(_, json)| json).collect())
    }

    /// The record of one credential.
    ///
    /// # Errors
    /// [`Error::Refused`] with `credential-unknown`.
    pub async fn credential(&self, id: &str) -> Result<(Value, u64), Error> {
        let unknown =
            Error::refused(Code::CredentialUnknown, "no such credential was issued or registered here");
        if !vc_schemas::data_model::is_url(id) {
            return Err(unknown);
        }
        self.json(Table::Credentials, &credential_key(id)).await?.ok_or(unknown)
    }

    /// What [`Domain::act_on_credential`] does; its refusal is not on record yet.
    pub(crate) async fn try_act_on_credential(&self, id: &str, act: Act) -> Result<Standing, Error> {
        let (mut record, version) = self.credential(id).await?;
        let standing = record.get("state").and_then(Value::as_str).and_then(Standing::parse);
        let index = record.get("index").and_then(Value::as_u64).and_then(|i| u32::try_from(i).ok());
        let (Some(standing), Some(index)) = (standing, index) else {
            return Err(Error::Record("a credential"));
        };
        // Of a credential of another kind it was said what can become of it.
        let purpose = if act == Act::Revoke { Purpose::Revocation } else { Purpose::Suspension };
        let purposes = record.get("purposes").and_then(Value::as_array);
        if purposes.is_some_and(|purposes| !purposes.iter().any(|own| own == purpose.as_str())) {
            return Err(Error::refused(Code::StateConflict, "it has no entry for that on a status list"));
        }
        let next = standing
            .after(act)
            .map_err(|_| Error::refused(Code::StateConflict, "what is revoked stays revoked"))?;
        if next == standing {
            return Ok(standing);
        }
        if let Some(members) = record.as_object_mut() {
            members.insert("state".into(), json!(next.as_str()));
        }
        let batch = vec![
            put(Table::Credentials, credential_key(id), &record, Expect::Version(version)),
            self.entry(Decision::new(Kind::Status, id, next.as_str()))?,
        ];
        self.flip(&flips(index, standing, next), batch).await?;
        Ok(next)
    }
}
