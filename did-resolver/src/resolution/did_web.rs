//! The did:web document that a controller may publish beside a log, for resolvers without did:webvh.
//!
//! did:webvh, "Publishing a Parallel `did:web` DID". Who resolves it has the word of a web host, and
//! neither a history nor its proofs.

use crate::json;
use crate::resolution::with_implicit_services;
use crate::webvh::Log;
use serde_json::Value;

/// Longest document that is derived, in bytes: an entry's, with room for two services.
const MAX_BYTES: usize = 2 * crate::webvh::MAX_ENTRY_BYTES;

/// The content of `did.json`, or `None` where the DID is deactivated, or its document has one member
/// under both names.
#[must_use]
pub fn did_web_document(log: &Log) -> Option<Value> {
    let resolved = with_implicit_services(log.document()?, log.id());
    let text = resolved.to_string().replace(&format!("did:webvh:{}:", log.scid()), "did:web:");
    let mut document = json::parse(text.as_bytes(), MAX_BYTES).ok()?;
    let own = document.get("id")?.clone();
    let mut names: Vec<Value> = Vec::new();
    let known = document.get("alsoKnownAs").and_then(Value::as_array).into_iter().flatten();
    for name in known.chain([&Value::from(log.did().as_str())]) {
        if *name != own && !names.contains(name) {
            names.push(name.clone());
        }
    }
    document.as_object_mut()?.insert("alsoKnownAs".to_owned(), Value::Array(names));
    Some(document)
}

#[cfg(test)]
mod tests;
