//! The next versions of members' logs, and approvals by more of their witnesses.

use crate::domain::Domain;
use crate::error::Error;
use crate::ports::records::Expect;
use crate::record::{Decision, Kind};
use did_resolver::webvh::{Extension, Log};
use marque_rules::issuance::{self, MemberKind};
use marque_rules::lifecycle::Standing;
use marque_rules::replica::floor::{ReceivedLog, check_proofs};
use serde_json::json;
use vc_schemas::code::Code;

impl Domain {
    /// What [`Domain::update_log`] does; its refusal is not on record yet.
    pub(crate) async fn try_update_log(
        &self,
        kind: MemberKind,
        name: &str,
        received: ReceivedLog<'_>,
    ) -> Result<Log, Error> {
        let mut member = self.member(kind, name).await?;
        if member.standing == Standing::Revoked {
            member.must_be_active()?;
        }
        let known = self.known_log(&member.did).await?;
        let current =
            known.held.log().ok_or(Error::refused(Code::DidContested, "the DID has two valid histories"))?;
        let refuse = |detail| Error::member(Code::LogRefused, "log", detail);
        let found = current.extend_with(received.log, received.witness, self.now());
        let log = match found.map_err(|error| Error::log(&error))? {
            Extension::Longer(log) => log,
            Extension::Same => later_approvals(current, received)?,
            Extension::Older => return Err(refuse("has no entry that is new")),
            Extension::Fork { .. } => return Err(refuse("departs from the log that is held")),
        };
        check_proofs(&log).map_err(|error| Error::log(&error))?;
        if log.did() != &member.did {
            return Err(refuse("moves the DID"));
        }
        issuance::admit_head(&log, self.now())?;
        member.note(&self.now().to_string(), "log updated");
        let (announced, publication) = self.announce_log(&member.did, &log).await?;
        let mut batch = vec![member.write(Expect::Version(member.version))];
        batch.extend(self.log_writes(&member.did, &known, &known.with(log.clone())));
        batch.extend(announced);
        let facts = json!({"versionId": log.head().id});
        batch.push(self.entry(Decision::new(Kind::Log, member.did.as_str(), "updated").with(facts))?);
        self.records.commit(batch).await?;
        self.publish(vec![publication]).await;
        Ok(log)
    }
}

/// The held log with the approvals that came with it.
fn later_approvals(held: &Log, received: ReceivedLog<'_>) -> Result<Log, Error> {
    let approved = received.witness.map(|file| held.with_approvals(file)).transpose();
    let approved = approved.map_err(|error| Error::log(&error))?.flatten();
    approved.ok_or(Error::member(Code::LogRefused, "log", "has no entry that is new"))
}
