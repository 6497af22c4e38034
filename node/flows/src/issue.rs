//! Identity credentials of this domain: issued at registration, renewed on demand once half of their
//! life is over, and only while the subject, and who answers for it, may still have them.

use crate::domain::{Domain, put};
use crate::error::Error;
use crate::members::{Member, table};
use crate::ports::clock::random;
use crate::ports::records::{Expect, StoreError, Table, Write};
use crate::record::{Decision, Kind};
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use marque_rules::issuance::{self, AgentFacts, MemberKind, Slot};
use serde_json::{Value, json};
use vc_schemas::claims::{Claims, OwnerKind};
use vc_schemas::code::Code;
use vc_schemas::credential::Credential;
use vc_schemas::disclosure::Pointer;
use vc_schemas::secure::{Content, Envelope, MAX_CREDENTIAL_BYTES, Secured};

/// How often a renewal is tried anew where another was faster.
const MAX_TRIES: usize = 4;

/// The key under which the current identity credential of a member lies.
fn current_key(member: &Member) -> Vec<u8> {
    format!("current/{}/{}", member.kind.segment(), member.name).into_bytes()
}

/// The record of a credential, whose status is at `place`, by which it can be revoked.
pub(crate) fn credential_record(credential: &Credential, place: u32, secured: Option<&Secured>) -> Value {
    json!({
        "id": credential.id,
        "type": credential.claims.credential_type(),
        "subject": credential.claims.subject().as_str(),
        "issuer": credential.issuer.as_str(),
        "index": place,
        "state": "active",
        "validFrom": credential.valid_from.to_string(),
        "validUntil": credential.valid_until.to_string(),
        "credential": secured.map(|s| String::from_utf8_lossy(s.bytes()).into_owned()),
    })
}

/// The key of a credential's record.
pub(crate) fn credential_key(id: &str) -> Vec<u8> {
    format!("id/{id}").into_bytes()
}

/// The parts of an identity that its holder may hold back: each capability of its ceiling, since a part of
/// it allows less. Everything else is what verifiers ask for.
fn ceiling(credential: &Credential) -> Vec<Pointer> {
    let Claims::Agent(agent) = &credential.claims else { return Vec::new() };
    let place = |at: usize| Pointer::of(["credentialSubject", "capabilities", &at.to_string()]);
    (0..agent.capabilities.iter().count()).map(place).collect()
}

/// A credential as it is handed out.
#[derive(Debug, Clone)]
pub struct Issued {
    /// About whom.
    pub did: Did,
    /// As it is secured.
    pub secured: Secured,
    /// Until when it is valid.
    pub valid_until: UnixSeconds,
}

impl Domain {
    fn identity(&self, member: &Member, slot: Slot) -> Result<Credential, Error> {
        match (&member.kind, &member.owner) {
            (MemberKind::Owner, _) => {
                let kind = member.owner_kind.unwrap_or(OwnerKind::Person);
                Ok(issuance::owner_credential(&self.home, slot, &member.did, kind, member.index))
            }
            (MemberKind::Agent, Some((_, owner))) => {
                let facts = AgentFacts {
                    did: &member.did,
                    name: &member.name,
                    owner,
                    capabilities: &member.capabilities,
                    subject_index: member.index,
                };
                Ok(issuance::agent_credential(&self.home, slot, &facts))
            }
            (MemberKind::Agent, None) => Err(Error::Record("an agent without an owner")),
        }
    }

    /// The writes that issue a new identity credential, and the credential. `taken` are indices of the
    /// same batch.
    pub(crate) async fn issue_identity(
        &self,
        member: &Member,
        taken: &[u32],
    ) -> Result<(Vec<Write>, String), Error> {
        let reserved =
            self.free_index(&json!({"for": "credential", "subject": member.did.as_str()}), taken).await?;
        let random = random::<16>(self.entropy.as_ref())?;
        let credential = self.identity(member, Slot { random, index: reserved.index, now: self.now() })?;
        let secured = self.secure(&credential, Envelope::Jwt).await?;
        let record = credential_record(&credential, reserved.index, Some(&secured));
        let facts = json!({"id": credential.id, "type": credential.claims.credential_type()});
        let writes = vec![
            reserved.write,
            put(Table::Credentials, credential_key(&credential.id), &record, Expect::Absent),
            put(Table::Credentials, current_key(member), &json!({"id": credential.id}), Expect::Any),
            self.entry(Decision::new(Kind::Issued, member.did.as_str(), "issued").with(facts))?,
        ];
        let text = String::from_utf8_lossy(secured.bytes()).into_owned();
        Ok((writes, text))
    }

    /// What [`Domain::identity_credential`] does; its refusal is not on record yet.
    pub(crate) async fn try_identity_credential(
        &self,
        kind: MemberKind,
        name: &str,
        envelope: Envelope,
    ) -> Result<Issued, Error> {
        for _ in 0..MAX_TRIES {
            let member = self.member(kind, name).await?;
            member.must_be_active()?;
            if let Some((owner, _)) = &member.owner {
                self.member(MemberKind::Owner, owner).await?.must_be_active()?;
            }
            if let Some((credential, secured)) = self.current_identity(&member).await? {
                let secured = match envelope {
                    Envelope::Jwt => secured,
                    // The same credential, signed anew in another envelope; its id and index are the same.
                    Envelope::VcSdJwt | Envelope::DcSdJwt => {
                        self.secure_concealing(&credential, envelope, &ceiling(&credential)).await?
                    }
                    Envelope::Cose | Envelope::DataIntegrity | Envelope::Compact => {
                        self.secure(&credential, envelope).await?
                    }
                };
                return Ok(Issued { did: member.did, secured, valid_until: credential.valid_until });
            }
            let (mut batch, _) = self.issue_identity(&member, &[]).await?;
            // Nobody may have suspended it meanwhile.
            batch.push(member.write(Expect::Version(member.version)));
            match self.records.commit(batch).await {
                Ok(()) | Err(StoreError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::refused(Code::Unavailable, "the credential is being changed"))
    }

    /// The newest identity credential, where it is neither revoked nor due for renewal.
    async fn current_identity(&self, member: &Member) -> Result<Option<(Credential, Secured)>, Error> {
        let Some((current, _)) = self.json(Table::Credentials, &current_key(member)).await? else {
            return Ok(None);
        };
        let id = current.get("id").and_then(Value::as_str).unwrap_or_default();
        let Some((record, _)) = self.json(Table::Credentials, &credential_key(id)).await? else {
            return Ok(None);
        };
        if record.get("state").and_then(Value::as_str) == Some("revoked") {
            return Ok(None);
        }
        let text = record.get("credential").and_then(Value::as_str).ok_or(Error::Record("a credential"))?;
        let secured =
            Secured::parse(Content::Credential, Envelope::Jwt, text.as_bytes(), MAX_CREDENTIAL_BYTES)
                .map_err(|_| Error::Record("a credential"))?;
        let credential = Credential::read(secured.payload()).map_err(|_| Error::Record("a credential"))?;
        let due = issuance::wants_renewal(&credential, self.now()) || !self.is_in_force(&secured);
        Ok((!due).then_some((credential, secured)))
    }

    /// A NodeMembershipCredential for the node with this did:key, as `vc+cose`.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Keys`].
    pub async fn membership(&self, node: &Did) -> Result<Secured, Error> {
        let reserved = self.free_index(&json!({"for": "membership", "node": node.as_str()}), &[]).await?;
        let random = random::<16>(self.entropy.as_ref())?;
        let slot = Slot { random, index: reserved.index, now: self.now() };
        let credential = issuance::membership_credential(&self.home, slot, node)?;
        let secured = self.secure(&credential, Envelope::Cose).await?;
        let record = credential_record(&credential, reserved.index, None);
        let decision = Decision::new(Kind::Issued, node.as_str(), "issued");
        let batch = vec![
            reserved.write,
            put(Table::Credentials, credential_key(&credential.id), &record, Expect::Absent),
            self.entry(decision.with(json!({"id": credential.id, "type": "NodeMembershipCredential"})))?,
        ];
        self.records.commit(batch).await?;
        Ok(secured)
    }

    /// Whether a member of this kind and name was ever registered.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn has_member(&self, kind: MemberKind, name: &str) -> Result<bool, Error> {
        Ok(self.records.get(table(kind), name.as_bytes()).await?.is_some())
    }
}
