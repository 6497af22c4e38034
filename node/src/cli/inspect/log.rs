//! did:webvh logs: every version, and every key with the versions that listed it.

use super::{Found, Thing};
use crate::cli::history::{Bytes, Past, history, kind_name, not_verified};
use crate::failure::Failure;
use crate::output::{self, words};
use did_resolver::json;
use did_resolver::keys::PublicKey;
use did_resolver::webvh::{Listed, Log, MAX_ENTRY_BYTES};
use serde_json::{Value, json};

/// What a log that verifies does not say.
const VERIFIED: &str =
    "verified by itself; whether its controller has published a newer version is not known here";

pub(super) fn read(thing: &Thing) -> Option<Result<Found, Failure>> {
    let first = thing.bytes.split(|byte| *byte == b'\n').next()?;
    let entry = json::parse(first, MAX_ENTRY_BYTES).ok()?;
    // An entry that lacks one of them is still one, and is refused by name.
    ["versionId", "parameters", "state"].iter().filter(|name| entry.get(name).is_some()).nth(1)?;
    let bytes = Bytes { log: &thing.bytes, witness: thing.witness.as_deref() };
    let log = Log::verify_with(bytes.log, bytes.witness, thing.now);
    Some(log.map(|log| found(&log)).map_err(|error| not_verified(&error, bytes)))
}

fn found(log: &Log) -> Found {
    let past = history(log);
    let keys = keys(log);
    let rows: Vec<Vec<String>> = past.iter().map(row).collect();
    let mut human = output::facts(&[
        ("did", log.did().to_string()),
        ("in words", words(log.did())),
        ("newest version", log.head().id.clone()),
        ("deactivated", if log.is_deactivated() { "yes" } else { "" }.to_owned()),
    ]);
    human.push_str(&output::table(&["VERSION", "TIME", "SIGNED BY", "CHANGES"], &rows, "no versions"));
    let listings: Vec<Vec<String>> = keys.iter().flat_map(|key| listings(log, key)).collect();
    human.push_str(&output::table(&["KEY", "KIND", "FOR", "VERSIONS", "MULTIKEY"], &listings, "no keys"));
    let says = json!({
        "did": log.did().as_str(),
        "scid": log.scid(),
        "versionId": log.head().id,
        "deactivated": log.is_deactivated(),
        "versions": past.iter().map(version).collect::<Value>(),
        "keys": keys.iter().map(|key| indexed(log, key)).collect::<Value>(),
    });
    Found { verified: Some(VERIFIED), ..Found::read("a DID log (did:webvh)", human, &says) }
}

fn row(past: &Past) -> Vec<String> {
    let mut changes = past.changes.join("; ");
    if let Some(approvals) = past.approvals {
        changes.push_str(&format!("; approved by {} of {}", approvals.given, approvals.witnesses));
    }
    vec![past.number.to_string(), past.time.to_string(), past.signer.clone(), changes]
}

fn version(past: &Past) -> Value {
    let approvals =
        past.approvals.map(|a| json!({"given": a.given, "needed": a.needed, "witnesses": a.witnesses}));
    json!({
        "versionNumber": past.number,
        "versionId": past.id,
        "versionTime": past.time.to_string(),
        "signedBy": past.signer,
        "approvals": approvals,
        "changes": past.changes,
        "checked": past.checked(),
    })
}

/// Every key that a version lists, in the order in which they came.
fn keys(log: &Log) -> Vec<PublicKey> {
    let mut keys: Vec<PublicKey> = Vec::new();
    for key in log.versions().flat_map(|v| v.document().methods()).filter_map(|method| method.key.as_ref()) {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    keys
}

/// A row for each use of a key, with the versions that listed it for that.
fn listings(log: &Log, key: &PublicKey) -> Vec<Vec<String>> {
    let mut rows: Vec<(&str, String, Vec<u32>)> = Vec::new();
    let listed = log.listed(key);
    for listing in &listed {
        let (relationship, id) =
            (listing.relationship.as_str(), crate::cli::history::fragment(listing.method_id));
        match rows.iter_mut().find(|(known, at, _)| *known == relationship && *at == id) {
            Some((_, _, numbers)) => numbers.push(listing.number),
            None => rows.push((relationship, id, vec![listing.number])),
        }
    }
    let row = |(relationship, id, numbers): (&str, String, Vec<u32>)| {
        let kind = kind_name(key.kind()).to_owned();
        vec![id, kind, relationship.to_owned(), ranges(&numbers), key.to_multikey()]
    };
    rows.into_iter().map(row).collect()
}

/// `1-3, 5` of rising numbers.
pub(super) fn ranges(numbers: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, end)) if end.saturating_add(1) == *number => *end = *number,
            _ => runs.push((*number, *number)),
        }
    }
    let run = |(from, to): &(u32, u32)| if from == to { from.to_string() } else { format!("{from}-{to}") };
    runs.iter().map(run).collect::<Vec<_>>().join(", ")
}

fn indexed(log: &Log, key: &PublicKey) -> Value {
    let listed = log.listed(key);
    let listing = |at: &Listed<'_>| {
        json!({
            "versionNumber": at.number,
            "versionId": at.version_id,
            "relationship": at.relationship.as_str(),
            "id": at.method_id.as_str(),
            "expires": at.expires.map(|time| time.to_string()),
            "revoked": at.revoked.map(|time| time.to_string()),
        })
    };
    json!({
        "multikey": key.to_multikey(),
        "keyKind": kind_name(key.kind()),
        "listed": listed.iter().map(listing).collect::<Value>(),
    })
}
