//! Values of arguments, read where they are typed.

use crate::failure::{Failure, Local};
use clap::Args;
use did_resolver::did::Did;
use std::time::Duration;
use vc_schemas::claims::is_name;
use vc_schemas::code::Code;
use vc_schemas::credential::is_uuid_urn;
use vc_schemas::delegation::budget::Amount;
use vc_schemas::delegation::constraints::Workflow;
use vc_schemas::delegation::limits::Limit;
use vc_schemas::delegation::scope::Capability;
use vc_schemas::disclosure::Pointer;
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

/// `ID` or `ID/STEP`.
pub(super) fn workflow(text: &str) -> Result<Workflow, String> {
    let (id, step) = text.split_once('/').map_or((text, None), |(id, step)| (id, Some(step.to_owned())));
    Ok(Workflow { id: id.to_owned(), step })
}

/// `5000EUR`: digits, then the unit.
pub(super) fn amount(text: &str) -> Result<Amount, String> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit_at);
    let count = digits.parse().ok().and_then(|count| Amount::new(count, unit).ok());
    count.ok_or_else(|| "write it as 5000EUR, in the smallest unit that is counted".to_owned())
}

/// `CAPABILITY NAME=MIN..MAX` or `CAPABILITY NAME=TEXT,TEXT`.
pub(super) fn argument(words: &[String]) -> Result<(Capability, String, Limit), Failure> {
    let wrong = || {
        Failure::local(Local::Usage, "a limit is NAME=MIN..MAX or NAME=TEXT,TEXT", "One end may be left out.")
    };
    let [capability, limit] = words else { return Err(wrong()) };
    let capability = self::capability(capability).map_err(|_| Failure::of(Code::CapabilityMalformed))?;
    let (name, values) = limit.split_once('=').ok_or_else(wrong)?;
    let end = |text: &str| match text {
        "" => Some(None),
        text => text.parse::<i64>().ok().map(Some),
    };
    let limit = match values.split_once("..").map(|(min, max)| (end(min), end(max))) {
        Some((Some(min), Some(max))) => Limit::between(min, max),
        _ => Limit::one_of(values.split(',').map(str::to_owned)),
    };
    Ok((capability, name.to_owned(), limit.map_err(|_| wrong())?))
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

/// A place in a document: a JSON Pointer.
pub(super) fn pointer(text: &str) -> Result<Pointer, String> {
    text.parse().map_err(|_| "write it as /credentialSubject/name (RFC 6901)".to_owned())
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
    let known = || Envelope::ALL.into_iter().filter(|envelope| envelope.secures(content));
    let formats: Vec<&str> = known().map(|envelope| envelope.format(content)).collect();
    known().find(|envelope| envelope.format(content) == text).ok_or_else(|| formats.join(" or "))
}

/// How the API names an envelope of credentials; a plus sign would be read as a space in a query.
pub(super) fn credential_query(envelope: Envelope) -> String {
    envelope.format(Content::Credential).replace('+', "%2B")
}

#[cfg(test)]
mod tests;
