//! Resolution from bytes alone: what a DID is by itself, and what a log says that a caller brings.

use super::refused;
use crate::cli::history::{Bytes, Past, history, not_verified};
use crate::failure::Failure;
use did_resolver::did::{Did, DidUrl};
use did_resolver::resolution::{Resolution, ResolutionError};
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{Log, LogError, ScidId, VersionQuery};
use serde_json::{Value, json};
use std::time::Instant;
use vc_schemas::code::Code;

/// Methods whose DIDs are their own documents: no node knows more of them.
const SELF_CONTAINED: [&str; 3] = ["key", "jwk", "peer"];

/// Whether `did` needs nobody to be resolved.
pub(super) fn is_self_contained(did: &Did) -> bool {
    SELF_CONTAINED.contains(&did.method())
}

/// The whole result for a DID that [`is_self_contained`].
pub(super) fn of_did(did: &Did, query: Option<&VersionQuery>) -> Result<Value, Failure> {
    let began = Instant::now();
    let resolution = Resolution::of_did(did, query).map_err(refused)?;
    let detail = "the document follows from the DID alone";
    let step = step(&format!("did:{}", did.method()), "resolved", Some(elapsed_ms(began)), detail);
    Ok(traced(resolution.to_json(), vec![step]))
}

/// The whole result for the DID of `url`, a did:webvh or a did:scid, by a log.
pub(super) fn of_log(
    url: &DidUrl,
    query: Option<&VersionQuery>,
    bytes: Bytes<'_>,
    now: UnixSeconds,
) -> Result<Value, Failure> {
    let began = Instant::now();
    let log = match Log::verify_with(bytes.log, bytes.witness, now) {
        Ok(log) => log,
        Err(error) => {
            let steps = failed_steps(&error, bytes, now, elapsed_ms(began));
            let result = traced(ResolutionError::InvalidDid.to_json(), steps);
            return Err(Failure { report: Some(Box::new(result)), ..not_verified(&error, bytes) });
        }
    };
    let past = history(&log);
    let detail = format!("{} entries, {} bytes", past.len(), log.bytes().len());
    let mut steps = vec![step("file", "verified", Some(elapsed_ms(began)), &detail)];
    steps.extend(past.iter().map(entry_step));
    let did = url.did();
    let scid = ScidId::parse(url).ok();
    if !scid.as_ref().map_or_else(|| log.names(did), |id| id.scid() == log.scid()) {
        let result = traced(ResolutionError::NotFound.to_json(), steps);
        let reason = format!("the log is of {}, which never was the DID that was asked for", log.did());
        let failure = Failure::of(Code::LogRefused).because(reason).so("Give the log of that DID.");
        return Err(Failure { report: Some(Box::new(result)), path: json!(["log"]), ..failure });
    }
    let resolved = match &scid {
        Some(id) => Resolution::of_scid(&log, id, query),
        None => Resolution::of_log(&log, did, query),
    };
    match resolved {
        Ok(resolution) => Ok(traced(resolution.to_json(), steps)),
        Err(error) => {
            let failure = refused(error).because("the log has no such version");
            let failure = failure.so("marque inspect lists the versions of a log.");
            Err(Failure { report: Some(Box::new(traced(error.to_json(), steps))), ..failure })
        }
    }
}

/// The entries before the one that breaks a rule, as far as they verify by themselves, and that one.
fn failed_steps(error: &LogError, bytes: Bytes<'_>, now: UnixSeconds, ms: u64) -> Vec<Value> {
    let mut steps = vec![step("file", "refused", Some(ms), &error.to_string())];
    let LogError::Entry { number, why } = error else { return steps };
    let before = usize::try_from(number.saturating_sub(1)).unwrap_or_default();
    let lines: Vec<&[u8]> = bytes.log.split(|b| *b == b'\n').take(before).collect();
    if let Ok(log) = Log::verify_with(&lines.join(&b'\n'), bytes.witness, now) {
        steps.extend(history(&log).iter().map(entry_step));
    }
    steps.push(step(&format!("entry {number}"), "refused", None, &why.to_string()));
    steps
}

fn entry_step(past: &Past) -> Value {
    step(&format!("entry {}", past.number), "verified", None, &past.checked())
}

fn step(source: &str, outcome: &str, ms: Option<u64>, detail: &str) -> Value {
    json!({"source": source, "outcome": outcome, "ms": ms, "detail": detail})
}

fn elapsed_ms(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn traced(mut result: Value, steps: Vec<Value>) -> Value {
    if let Some(metadata) = result.get_mut("didResolutionMetadata").and_then(Value::as_object_mut) {
        metadata.insert("trace".to_owned(), Value::Array(steps));
    }
    result
}
