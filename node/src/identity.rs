//! The logs of owners, agents and the domain: first entries and rotations (did:webvh 1.0, "Create" and
//! "Update"; MODEL.md, "Which key counts").
//!
//! Fragments of keys are `#key-1`, `#key-2` and on; a number is never used for another key.

use crate::failure::{Failure, Local};
use crate::signing::{self, Signs};
use did_resolver::did::Did;
use did_resolver::document::{Document, Relationship};
use did_resolver::keys::PublicKey;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{Change, EntryDraft, Genesis, Log, LogError, SCID_PLACEHOLDER, create, key_hash};
use marque_store::secret::SecretKey;
use serde_json::{Value, json};
use std::time::Duration;
use vc_schemas::presentation::Presentation;
use vc_schemas::secure::{Content, Envelope, Secured};

/// How long a planned rotation keeps the old keys good for what they signed.
pub const OVERLAP: Duration = Duration::from_secs(72 * 3_600);

/// How long a proof of possession counts.
const PROOF_LIFE: Duration = Duration::from_secs(120);

/// The contexts of a document with Multikeys.
const CONTEXTS: [&str; 2] = ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"];

/// What every fragment of a key begins with.
const FRAGMENT: &str = "key-";

/// The keys that a new entry brings.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'a> {
    /// Ed25519, for assertion and authentication.
    pub assertion: &'a PublicKey,
    /// P-256, for the same.
    pub p256: &'a PublicKey,
    /// What signs the entry. After the first entry it is the one that the entry before committed to.
    pub update: &'a dyn Signs,
    /// What the entry commits to.
    pub next_update: &'a PublicKey,
}

/// Why keys are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// In good order: what the old keys signed stays good for [`OVERLAP`], but they present no more.
    Planned,
    /// Somebody else may have them: nothing that they signed counts from now on.
    Compromised,
}

/// The verified log of a new DID at `host` and `path`.
///
/// # Errors
/// [`Local::Keys`] names the rule that the entry would break.
pub fn genesis(host: &str, path: &[&str], keys: Keys<'_>, now: UnixSeconds) -> Result<Log, Failure> {
    let path: Vec<String> = path.iter().map(|&segment| segment.to_owned()).collect();
    let tail: String = path.iter().map(|segment| format!(":{segment}")).collect();
    let did = format!("did:webvh:{SCID_PLACEHOLDER}:{host}{tail}");
    let (methods, ids) = new_methods(&did, keys, 1);
    let document = json!({
        "@context": CONTEXTS,
        "id": did,
        // The same without a history, as the node serves it, and without a place.
        "alsoKnownAs": [format!("did:web:{host}{tail}"), format!("did:scid:vh:1:{SCID_PLACEHOLDER}")],
        "verificationMethod": methods,
        "assertionMethod": ids,
        "authentication": ids,
    });
    let draft = create(Genesis {
        host: host.to_owned(),
        port: None,
        path,
        document,
        update_keys: vec![keys.update.public().clone()],
        next_key_hashes: vec![key_hash(keys.next_update)],
        time: now,
        portable: false,
        ttl_seconds: None,
    })
    .map_err(|error| refused(&error))?;
    Log::verify(&finish(draft, keys.update)?, now).map_err(|error| refused(&error))
}

/// The verified log with one entry more, by which `keys` replace the ones in force.
///
/// # Errors
/// [`Local::Keys`] names the rule that the entry would break.
pub fn rotate(log: &Log, keys: Keys<'_>, rotation: Rotation, now: UnixSeconds) -> Result<Log, Failure> {
    let head = log.head();
    // Two entries never share a second.
    let time = now.max(head.time.plus(Duration::from_secs(1)));
    let did = log.did().as_str();
    let (mut methods, authentication) = new_methods(did, keys, next_number(log));
    let mut assertion = authentication.clone();
    if rotation == Rotation::Planned {
        for (method, id) in kept(head.document(), time) {
            methods.push(method);
            assertion.push(id);
        }
    }
    let mut document = head.document().json().clone();
    if let Some(members) = document.as_object_mut() {
        members.insert("verificationMethod".to_owned(), Value::Array(methods));
        members.insert("assertionMethod".to_owned(), json!(assertion));
        members.insert("authentication".to_owned(), json!(authentication));
    }
    let change = Change {
        document: Some(document),
        update_keys: Some(vec![keys.update.public().clone()]),
        next_key_hashes: Some(vec![key_hash(keys.next_update)]),
        deactivate: false,
    };
    let draft = log.append(change, time, now).map_err(|error| refused(&error))?;
    let line = finish(draft, keys.update)?;
    Log::verify(&[log.bytes(), &line].concat(), now).map_err(|error| refused(&error))
}

/// The proof that whoever registers `document` has its authentication key: a presentation without
/// credentials over the node's nonce.
///
/// # Errors
/// [`Local::Keys`].
pub fn possession(
    document: &Document,
    key: &SecretKey,
    (audience, nonce): (&Did, &str),
    now: UnixSeconds,
) -> Result<Secured, Failure> {
    let presentation = Presentation {
        holder: document.id().clone(),
        audience: audience.to_string(),
        nonce: nonce.to_owned(),
        issued: now,
        expires: now.plus(PROOF_LIFE),
        credentials: Vec::new(),
    };
    signing::secure(Content::Presentation, Envelope::Jwt, presentation.to_json(), document, key)
}

/// The two methods of `keys` from the fragment `number` on, and their ids.
fn new_methods(did: &str, keys: Keys<'_>, number: u32) -> (Vec<Value>, Vec<String>) {
    let keys = [keys.assertion, keys.p256].into_iter().zip(number..);
    keys.map(|(key, number)| {
        let id = format!("{did}#{FRAGMENT}{number}");
        let method = json!({
            "id": id, "type": "Multikey", "controller": did, "publicKeyMultibase": key.to_multikey(),
        });
        (method, id)
    })
    .unzip()
}

/// The first number that no version used.
fn next_number(log: &Log) -> u32 {
    let fragments = log.versions().flat_map(|version| version.document().methods());
    let number = |text: &str| text.strip_prefix(FRAGMENT)?.parse::<u32>().ok();
    let last = fragments.filter_map(|method| method.id.fragment().and_then(number)).max();
    last.unwrap_or_default().saturating_add(1)
}

/// The methods that go on for a while, as they will stand there. One that is on its way out already keeps
/// its end.
fn kept(document: &Document, now: UnixSeconds) -> Vec<(Value, String)> {
    let end = now.plus(OVERLAP);
    let listed = document.listed(Relationship::AssertionMethod);
    let going_on = listed.filter(|m| m.revoked.is_none() && m.expires.is_none_or(|at| at > now));
    going_on
        .filter_map(|method| {
            let key = method.key.as_ref()?;
            let expires = method.expires.map_or(end, |at| at.min(end));
            let json = json!({
                "id": method.id.as_str(),
                "type": "Multikey",
                "controller": method.controller.as_str(),
                "publicKeyMultibase": key.to_multikey(),
                "expires": expires.to_string(),
            });
            Some((json, method.id.to_string()))
        })
        .collect()
}

fn finish(draft: EntryDraft, key: &dyn Signs) -> Result<Vec<u8>, Failure> {
    let input = draft.signing_input(key.public()).map_err(|error| refused(&error))?;
    let signature = key.sign(&input)?;
    draft.attach(key.public(), &signature).map_err(|error| refused(&error))
}

fn refused(error: &LogError) -> Failure {
    Failure::local(Local::Keys, format!("the log entry would not verify: {error}"), "")
}

#[cfg(test)]
mod tests;
