//! The compact form: the same document as deterministic CBOR with numbers for registered terms, in
//! COSE_Sign1, for links where bytes are dear. docs/compact.md says it whole.
//!
//! It decodes to the identical JSON, and each JSON has one such form. What is signed are its own bytes, so
//! a credential is never transcoded into it or out of it.

mod document;
mod terms;
mod texts;

use super::cose::{Parts, Sign1Draft};
use super::{Content, Envelope, MAX_CREDENTIAL_BYTES, Said, SecureError};
use did_resolver::did::DidUrl;
use did_resolver::keys::KeyKind;
use serde_json::Value;

/// Reads a credential or a presentation.
pub(super) fn read(content: Content, bytes: &[u8], max_bytes: usize) -> Result<Said, SecureError> {
    let parts = Parts::parse(bytes, max_bytes)?;
    if !parts.is(Envelope::Compact.media_type(content), None) {
        return Err(SecureError::Type);
    }
    // What comes out is longer than what comes in, and is bounded for itself.
    let payload = document::decode(parts.payload, max_bytes.max(MAX_CREDENTIAL_BYTES))?;
    super::check_payload(content, payload.root(), None)?;
    let key_id = read_key_id(parts.key_id(), super::actor_of(content, payload.root()))?;
    Ok(parts.said(key_id, payload))
}

/// Begins to secure `payload`.
pub(super) fn draft(
    content: Content,
    payload: &Value,
    key_id: &DidUrl,
    kind: KeyKind,
) -> Result<Sign1Draft, SecureError> {
    let key_id = write_key_id(key_id.as_str(), super::actor_of(content, payload.into()));
    let typ = Envelope::Compact.media_type(content);
    let encoded = document::encode(payload)?;
    // Nothing is signed that does not say just what it was to say.
    if document::decode(&encoded, usize::MAX)?.value() != payload {
        return Err(SecureError::Malformed);
    }
    Sign1Draft::without_content_type(kind, key_id.as_bytes(), typ, encoded)
}

/// A key of whoever the document names as issuer or holder is written as the fragment alone, and that of a
/// did:key, whose one fragment is its key again, as the mere `#`.
fn write_key_id<'a>(key_id: &'a str, actor: Option<&str>) -> &'a str {
    let fragment = actor.and_then(|actor| key_id.strip_prefix(actor)).filter(|rest| rest.starts_with('#'));
    match fragment {
        Some(fragment) if implied(actor) == fragment.get(1..) => "#",
        Some(fragment) => fragment,
        None => key_id,
    }
}

/// Reads what [`write_key_id`] writes, and nothing else.
fn read_key_id(written: &[u8], actor: Option<&str>) -> Result<DidUrl, SecureError> {
    let written = std::str::from_utf8(written).map_err(|_| SecureError::KeyId)?;
    let full = match (written.starts_with('#'), actor) {
        (true, Some(actor)) if written == "#" => {
            [actor, "#", implied(Some(actor)).unwrap_or_default()].concat()
        }
        (true, Some(actor)) => [actor, written].concat(),
        _ => written.to_owned(),
    };
    let key_id = super::read_key_id(&full)?;
    if write_key_id(&full, actor) == written { Ok(key_id) } else { Err(SecureError::Malformed) }
}

/// The fragment of the one key of a did:key.
fn implied(actor: Option<&str>) -> Option<&str> {
    actor.and_then(|actor| actor.strip_prefix("did:key:"))
}

#[cfg(test)]
mod tests;
