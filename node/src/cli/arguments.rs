//! Values of arguments, read where they are typed.

use clap::Args;
use did_resolver::did::Did;
use std::time::Duration;
use vc_schemas::claims::is_name;
use vc_schemas::code::Code;
use vc_schemas::credential::is_uuid_urn;
use vc_schemas::delegation::scope::Capability;
use vc_schemas::secure::{Content, Envelope};

/// Longest time that can be asked for: that of an OwnerCredential, on which everything else hangs.
const MAX_TTL: Duration = Duration::from_secs(90 * 24 * 3_600);

/// `--dry-run`.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct DryRun {
    /// Say what would happen, and do nothing
    #[arg(long = "dry-run")]
    pub(super) dry_run: bool,
}

/// `30m`, `45s`, `2h`, `1d`, or seconds.
pub(super) fn ttl(text: &str) -> Result<Duration, String> {
    let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let with_unit = units.into_iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)));
    let (digits, unit) = with_unit.unwrap_or((text, 1));
    let number: Option<u64> =
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    let number = number.ok_or_else(|| "write it as 45s, 30m, 2h or 1d".to_owned())?;
    let life = number.checked_mul(unit).map(Duration::from_secs).filter(|life| *life <= MAX_TTL);
    life.filter(|life| !life.is_zero()).ok_or_else(|| "from one second to 90 days".to_owned())
}

/// A capability.
pub(super) fn capability(text: &str) -> Result<Capability, String> {
    text.parse().map_err(|_| Code::CapabilityMalformed.action().to_owned())
}

/// The name of an owner or agent.
pub(super) fn name(text: &str) -> Result<String, String> {
    if is_name(text) { Ok(text.to_owned()) } else { Err(Code::NameMalformed.meaning().to_owned()) }
}

/// A DID.
pub(super) fn did(text: &str) -> Result<Did, String> {
    text.parse().map_err(|_| Code::DidMalformed.action().to_owned())
}

/// The id of a credential.
pub(super) fn credential_id(text: &str) -> Result<String, String> {
    if is_uuid_urn(text) { Ok(text.to_owned()) } else { Err("it begins with urn:uuid:".to_owned()) }
}

/// The envelope of credentials.
pub(super) fn credential_format(text: &str) -> Result<Envelope, String> {
    format(Content::Credential, text)
}

/// The envelope of presentations.
pub(super) fn presentation_format(text: &str) -> Result<Envelope, String> {
    format(Content::Presentation, text)
}

fn format(content: Content, text: &str) -> Result<Envelope, String> {
    let formats = Envelope::ALL.map(|envelope| envelope.format(content));
    Envelope::of_format(content, text).ok_or_else(|| formats.join(" or "))
}

/// How the API names an envelope of credentials; a plus sign would be read as a space in a query.
pub(super) fn credential_query(envelope: Envelope) -> String {
    envelope.format(Content::Credential).replace('+', "%2B")
}

#[cfg(test)]
mod tests;
