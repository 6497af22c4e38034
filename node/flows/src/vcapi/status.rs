//! Saying on the domain's own lists what became of a credential, entry by entry.

use super::Failure;
use crate::domain::Domain;
use crate::error::Error;
use crate::status::PURPOSES;
use marque_rules::lifecycle::{Act, Standing};
use serde_json::{Map, Value};
use vc_schemas::code::Code;
use vc_schemas::refusal::Path;
use vc_schemas::status::Purpose;

/// How an entry of a status list may be called: by its type, or by that of its list, as the VC-API's own example
/// has it.
const TYPES: [&str; 2] = ["BitstringStatusListEntry", "BitstringStatusList"];

impl Domain {
    /// Sets or clears the entry of a credential that `entry` names by its purpose; whatever else `entry` says of
    /// it must be so. What is revoked stays revoked.
    ///
    /// # Errors
    /// [`Failure::Problem`] for an entry that the credential does not have; [`Failure::Error`] with
    /// `credential-unknown` or `state-conflict`.
    pub async fn set_credential_status(
        &self,
        id: &str,
        entry: &Map<String, Value>,
        set: bool,
    ) -> Result<Standing, Failure> {
        let path = || Path::root().then("credentialStatus");
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        if !text("type").is_some_and(|kind| TYPES.contains(&kind)) {
            return Err(Failure::malformed(path().then("type"), "not an entry of a Bitstring Status List"));
        }
        let purpose = PURPOSES.into_iter().find(|purpose| text("statusPurpose") == Some(purpose.as_str()));
        let purpose = purpose.ok_or_else(|| {
            Failure::malformed(path().then("statusPurpose"), "neither revocation nor suspension")
        })?;
        let (record, _) = self.credential(id).await?;
        let index = record.get("index").and_then(Value::as_u64).and_then(|index| u32::try_from(index).ok());
        let standing = record.get("state").and_then(Value::as_str).and_then(Standing::parse);
        let (Some(index), Some(standing)) = (index, standing) else {
            return Err(Error::Record("a credential").into());
        };
        let status = self.home.status(index);
        let own = if purpose == Purpose::Revocation { status.revocation } else { status.suspension };
        let own = own.to_json();
        let same = |(name, value): (&String, &Value)| name == "type" || own.get(name) == Some(value);
        if !entry.iter().all(same) {
            return Err(Failure::malformed(path(), "not the entry that the credential has"));
        }
        let act = match (purpose == Purpose::Revocation, set) {
            (true, true) => Act::Revoke,
            (true, false) if standing != Standing::Revoked => return Ok(standing),
            (true, false) => {
                let detail = "what is revoked stays revoked";
                return Err(Failure::refused(Code::StateConflict, path(), detail));
            }
            (false, true) => Act::Suspend,
            (false, false) => Act::Resume,
        };
        Ok(self.act_on_credential(id, act).await?)
    }
}
