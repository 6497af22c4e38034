//! Proofs that a DID has two valid histories.

use super::{Found, Thing};
use crate::cli::history::{Past, history};
use crate::failure::{Failure, Local};
use crate::output::{self, words};
use did_resolver::webvh::DuplicityProof;
use serde_json::{Value, json};

/// What a proof that verifies does not say.
const VERIFIED: &str =
    "verified by itself: keys of the DID signed both; which is the owner's it does not say";

pub(super) fn read(thing: &Thing) -> Option<Result<Found, Failure>> {
    thing.member("type").filter(|name| *name == "DuplicityProof")?;
    let proof = DuplicityProof::verify(thing.text.as_bytes(), thing.now);
    Some(proof.map(|proof| found(&proof)).map_err(|error| {
        let reason = format!("no proof of two histories: {error}");
        Failure::local(Local::Usage, reason, "Ask whoever gave it to you for the file as marque wrote it.")
    }))
}

fn found(proof: &DuplicityProof) -> Found {
    let pasts = proof.branches().each_ref().map(history);
    let mut human = output::facts(&[
        ("did", proof.did().to_string()),
        ("in words", words(proof.did())),
        ("they part at version", proof.at().to_string()),
    ]);
    let since = |past: &[Past]| past.iter().filter(|version| version.number >= proof.at()).map(row).collect();
    for past in &pasts {
        let rows: Vec<Vec<String>> = since(past);
        human.push_str(&output::table(&["VERSION", "TIME", "SIGNED BY", "CHANGES"], &rows, "no versions"));
    }
    let branch = |past: &Vec<Past>| -> Value { past.iter().map(version).collect() };
    let says = json!({
        "did": proof.did().as_str(),
        "at": proof.at(),
        "branches": pasts.iter().map(branch).collect::<Value>(),
    });
    Found { verified: Some(VERIFIED), ..Found::read("a proof that a DID has two histories", human, &says) }
}

fn row(past: &Past) -> Vec<String> {
    vec![past.id.clone(), past.time.to_string(), past.signer.clone(), past.changes.join("; ")]
}

fn version(past: &Past) -> Value {
    json!({
        "versionNumber": past.number,
        "versionId": past.id,
        "versionTime": past.time.to_string(),
        "signedBy": past.signer,
        "changes": past.changes,
    })
}
