//! What a verified log says, version by version: who signed, who approved, and what changed.

use crate::failure::Failure;
use did_resolver::did::DidUrl;
use did_resolver::document::{Document, Relationship, Service, VerificationMethod};
use did_resolver::json;
use did_resolver::keys::{KeyKind, PublicKey};
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{
    EntryError, Log, LogError, MAX_ENTRY_BYTES, MAX_WITNESS_BYTES, Parameters, Version, Witnesses,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use vc_schemas::code::Code;

/// A `did.jsonl` and its `did-witness.json`, as files or stdin gave them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes<'a> {
    pub(super) log: &'a [u8],
    pub(super) witness: Option<&'a [u8]>,
}

/// How many witnesses approved an entry, of those that had to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Approvals {
    /// Whose approval was verified.
    pub(super) given: usize,
    /// How many were needed.
    pub(super) needed: usize,
    /// How many there are.
    pub(super) witnesses: usize,
}

/// One version, and what it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Past {
    pub(super) number: u32,
    pub(super) id: String,
    pub(super) time: UnixSeconds,
    /// The Multikey of the update key that signed it.
    pub(super) signer: String,
    /// `None` where nobody had to approve.
    pub(super) approvals: Option<Approvals>,
    /// In words, a change each.
    pub(super) changes: Vec<String>,
}

impl Past {
    /// What was checked of this entry, in words. All of it held, or there would be no log.
    pub(super) fn checked(&self) -> String {
        let approvals = self.approvals.map_or_else(String::new, |a| {
            format!("; {} of {} witnesses approve, {} needed", a.given, a.witnesses, a.needed)
        });
        format!(
            "versionId is its hash and follows; {} is later; signed by {}{approvals}",
            self.time, self.signer
        )
    }
}

/// The failure that a log's refusal is: the rule, and which entry breaks it.
pub(super) fn not_verified(error: &LogError, bytes: Bytes<'_>) -> Failure {
    let path = match error {
        LogError::Entry { number, .. } => json!(["log", number.saturating_sub(1)]),
        LogError::WitnessProofs(_) => json!(["witness"]),
        _ => json!(["log"]),
    };
    let failure = Failure::of(Code::LogRefused).because(error.to_string());
    let failure = match error {
        LogError::Entry { why: EntryError::WitnessMissing, .. } if bytes.witness.is_none() => {
            failure.so("Give its did-witness.json with --witness.")
        }
        _ => failure.so("Ask its controller for the right log."),
    };
    Failure { path, ..failure }
}

/// All versions of `log`, oldest first.
pub(super) fn history(log: &Log) -> Vec<Past> {
    let approved = approved(log);
    let lines = log.bytes().split(|b| *b == b'\n');
    let mut previous: Option<&Version> = None;
    let mut past = Vec::new();
    for (version, line) in log.versions().zip(lines) {
        let approvers = approvers(version, previous);
        let gave = |key: &&PublicKey| approved.get(&method(key)).is_some_and(|n| *n >= version.number);
        past.push(Past {
            number: version.number,
            id: version.id.clone(),
            time: version.time,
            signer: signer(line),
            approvals: (!approvers.is_none()).then(|| Approvals {
                given: approvers.keys().iter().filter(gave).count(),
                needed: approvers.threshold(),
                witnesses: approvers.keys().len(),
            }),
            changes: changes(previous, version),
        });
        previous = Some(version);
    }
    past
}

/// The witnesses of an entry: those before it, and where there were none its own.
fn approvers<'a>(version: &'a Version, previous: Option<&'a Version>) -> &'a Witnesses {
    let before = previous.map(|p| p.parameters().witnesses()).filter(|w| !w.is_none());
    before.unwrap_or_else(|| version.parameters().witnesses())
}

fn method(key: &PublicKey) -> String {
    let multikey = key.to_multikey();
    format!("did:key:{multikey}#{multikey}")
}

/// The newest version that each witness approved, by its verification method.
fn approved(log: &Log) -> BTreeMap<String, u32> {
    let numbers: BTreeMap<&str, u32> = log.versions().map(|v| (v.id.as_str(), v.number)).collect();
    let file = json::parse(&log.witness_proofs().to_bytes(), MAX_WITNESS_BYTES).unwrap_or_default();
    let mut newest = BTreeMap::new();
    for record in file.as_array().into_iter().flatten() {
        let id = record.get("versionId").and_then(Value::as_str).unwrap_or_default();
        let proofs = record.get("proof").and_then(Value::as_array);
        for proof in proofs.into_iter().flatten() {
            let witness = proof.get("verificationMethod").and_then(Value::as_str).unwrap_or_default();
            let known: &mut u32 = newest.entry(witness.to_owned()).or_default();
            *known = numbers.get(id).copied().unwrap_or_default().max(*known);
        }
    }
    newest
}

/// Whose proof a verified entry has: an update key, written `did:key:X#X`.
fn signer(line: &[u8]) -> String {
    let entry = json::parse(line, MAX_ENTRY_BYTES).unwrap_or_default();
    let method = entry.pointer("/proof/0/verificationMethod").and_then(Value::as_str).unwrap_or_default();
    method.rsplit('#').next().unwrap_or_default().to_owned()
}

fn changes(previous: Option<&Version>, version: &Version) -> Vec<String> {
    let mut said = Vec::new();
    match previous {
        None => said.push("created".to_owned()),
        Some(p) if p.webvh().did() != version.webvh().did() => {
            said.push(format!("moved from {}", p.webvh().did()));
        }
        Some(_) => {}
    }
    oversight(previous.map(Version::parameters), version.parameters(), &mut said);
    keys(previous.map(Version::document), version.document(), &mut said);
    services(previous.map(Version::document), version.document(), &mut said);
    let known_as = |document: &Document| document.json().get("alsoKnownAs").cloned();
    if previous.is_some_and(|p| known_as(p.document()) != known_as(version.document())) {
        said.push("other names (alsoKnownAs) changed".to_owned());
    }
    if version.parameters().deactivated() {
        said.push("deactivated".to_owned());
    }
    if said.is_empty() {
        let same = previous.is_some_and(|p| p.document().json() == version.document().json());
        said.push(if same { "nothing changed" } else { "the document changed" }.to_owned());
    }
    said
}

/// Who may update the log, and under whose eyes.
fn oversight(previous: Option<&Parameters>, now: &Parameters, said: &mut Vec<String>) {
    if previous.is_some_and(|p| p.update_keys() != now.update_keys()) {
        said.push(match now.update_keys().len() {
            0 => "no update key any more".to_owned(),
            count => format!("update keys rotated ({count})"),
        });
    }
    match (previous.is_some_and(Parameters::pre_rotation), now.pre_rotation()) {
        (false, true) => said.push("pre-rotation begins".to_owned()),
        (true, false) => said.push("pre-rotation ends".to_owned()),
        (true, true) if previous.is_some_and(|p| p.next_key_hashes() != now.next_key_hashes()) => {
            said.push("the next update keys committed to".to_owned());
        }
        _ => {}
    }
    let witnesses = now.witnesses();
    let before = previous.map(Parameters::witnesses).cloned().unwrap_or_default();
    match (before == *witnesses, witnesses.is_none()) {
        (true, _) => {}
        (false, true) => said.push("witnesses end".to_owned()),
        (false, false) => {
            said.push(format!("witnesses: {} of {}", witnesses.threshold(), witnesses.keys().len()));
        }
    }
    if previous.map_or(&[][..], Parameters::watchers) != now.watchers() {
        said.push(format!("watchers: {}", now.watchers().len()));
    }
    match (previous.map(Parameters::portable), now.portable()) {
        (None, true) => said.push("portable".to_owned()),
        (Some(true), false) => said.push("no longer portable".to_owned()),
        _ => {}
    }
    if previous.is_some_and(|p| p.ttl_seconds() != now.ttl_seconds()) {
        said.push(format!("kept for {} s", now.ttl_seconds()));
    }
}

fn keys(previous: Option<&Document>, now: &Document, said: &mut Vec<String>) {
    let old = previous.map(Document::methods).unwrap_or_default();
    for method in now.methods() {
        let id = fragment(&method.id);
        let uses = uses(now, method);
        match old.iter().find(|m| m.id.fragment() == method.id.fragment()) {
            None => said.push(format!("key {id} added ({}; {uses})", kind(method))),
            Some(before) if before.key != method.key => {
                said.push(format!("key {id} is another ({})", kind(method)));
            }
            Some(before) => {
                if previous.is_some_and(|p| self::uses(p, before) != uses) {
                    said.push(format!("key {id} is for {uses}"));
                }
                if before.expires != method.expires {
                    let until =
                        method.expires.map_or_else(|| "for good".to_owned(), |at| format!("until {at}"));
                    said.push(format!("key {id} is good {until}"));
                }
                if before.revoked != method.revoked {
                    said.push(format!("key {id} revoked"));
                }
            }
        }
    }
    let gone = old.iter().filter(|m| !now.methods().iter().any(|n| n.id.fragment() == m.id.fragment()));
    said.extend(gone.map(|method| format!("key {} removed", fragment(&method.id))));
}

fn services(previous: Option<&Document>, now: &Document, said: &mut Vec<String>) {
    let old = previous.map(Document::services).unwrap_or_default();
    for service in now.services() {
        let id = fragment(&service.id);
        match old.iter().find(|s| s.id.fragment() == service.id.fragment()) {
            None => said.push(format!("service {id} added ({})", service.types.join(", "))),
            Some(before) if !is_same(before, service) => said.push(format!("service {id} changed")),
            Some(_) => {}
        }
    }
    let gone = old.iter().filter(|s| !now.services().iter().any(|n| n.id.fragment() == s.id.fragment()));
    said.extend(gone.map(|service| format!("service {} removed", fragment(&service.id))));
}

fn is_same(one: &Service, other: &Service) -> bool {
    one.types == other.types && one.endpoint == other.endpoint
}

/// `#key-1`, or the whole of an id without a fragment.
pub(super) fn fragment(id: &DidUrl) -> String {
    id.fragment().map_or_else(|| id.to_string(), |fragment| format!("#{fragment}"))
}

/// What a document lists a key for.
pub(super) fn uses(document: &Document, method: &VerificationMethod) -> String {
    let listed = Relationship::ALL.into_iter().filter(|r| document.lists(*r, &method.id));
    let listed: Vec<&str> = listed.map(Relationship::as_str).collect();
    if listed.is_empty() { "no use".to_owned() } else { listed.join(", ") }
}

fn kind(method: &VerificationMethod) -> &'static str {
    method.key.as_ref().map_or("a kind that is not spoken here", |key| kind_name(key.kind()))
}

/// A kind of key, as people call it.
pub(super) const fn kind_name(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Ed25519 => "Ed25519",
        KeyKind::P256 => "P-256",
        KeyKind::P384 => "P-384",
        KeyKind::Secp256k1 => "secp256k1",
        KeyKind::X25519 => "X25519",
    }
}

#[cfg(test)]
mod tests;
