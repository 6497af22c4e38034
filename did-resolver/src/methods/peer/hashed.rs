//! did:peer 4: a document in the DID, and the hash of it as a short form (Peer DID Method
//! Specification, "Method 4").

use super::body;
use crate::codec;
use crate::did::Did;
use crate::document::{Document, Relationship};
use crate::json;
use crate::methods::MethodError;
use serde_json::{Value, json};

/// Longest document, in bytes: what a DID has room for.
const MAX_INPUT_BYTES: usize = 1_536;

/// The multicodec prefix of JSON, 0x0200 as a varint.
const JSON_PREFIX: [u8; 2] = [0x80, 0x04];

/// The long form for a document without ids of its own: no `id`, and relative ids of verification
/// methods and services.
///
/// # Errors
/// [`MethodError::Input`] for a document that is not so, [`MethodError::Did`] for one that is too
/// long, [`MethodError::Document`] for one that would be malformed.
pub fn long_form(input: &Value) -> Result<Did, MethodError> {
    let bytes = [&JSON_PREFIX[..], input.to_string().as_bytes()].concat();
    let encoded = codec::to_multibase_z(&bytes);
    let did: Did = format!("did:peer:4{}:{encoded}", hash(&encoded)).parse()?;
    resolve(&did)?;
    Ok(did)
}

/// The short form of a did:peer 4 in either form. The hash is not looked at.
///
/// # Errors
/// [`MethodError::OtherMethod`], [`MethodError::OtherKind`], [`MethodError::Encoding`].
pub fn short_form(did: &Did) -> Result<Did, MethodError> {
    let (hash, _) = parts(did)?;
    Ok(format!("did:peer:4{hash}").parse::<Did>()?)
}

/// The document of a did:peer 4 in its long form. Ids in it are relative, as they were written.
///
/// # Errors
/// [`MethodError::OtherMethod`], [`MethodError::OtherKind`]; [`MethodError::ShortForm`];
/// [`MethodError::Hash`] where the hash is not that of the document; [`MethodError::Encoding`],
/// [`MethodError::Json`] and [`MethodError::Input`] for what stands for the document;
/// [`MethodError::Document`].
pub fn resolve(did: &Did) -> Result<Document, MethodError> {
    let short = short_form(did)?;
    in_context(read_input(did)?, did, &short)
}

/// The document of the short form `short`, by a long form that somebody showed before.
///
/// # Errors
/// [`MethodError::Hash`] where `long` is not the long form of `short`; else as [`resolve`].
pub fn resolve_short(short: &Did, long: &Did) -> Result<Document, MethodError> {
    if short_form(long)? != *short {
        return Err(MethodError::Hash);
    }
    in_context(read_input(long)?, short, long)
}

/// The document as it was before it had a DID.
fn read_input(long: &Did) -> Result<Value, MethodError> {
    let (claimed, encoded) = parts(long)?;
    let encoded = encoded.ok_or(MethodError::ShortForm)?;
    if hash(encoded) != claimed {
        return Err(MethodError::Hash);
    }
    let base58 = encoded.strip_prefix('z').ok_or(MethodError::Encoding)?;
    // The length of a DID bounds what this costs.
    let bytes = codec::from_long_base58btc(base58).map_err(|_| MethodError::Encoding)?;
    let bytes = bytes.strip_prefix(&JSON_PREFIX).ok_or(MethodError::Encoding)?;
    Ok(json::parse(bytes, MAX_INPUT_BYTES)?)
}

/// The hash, and the encoded document of the long form.
fn parts(did: &Did) -> Result<(&str, Option<&str>), MethodError> {
    let body = body(did, '4')?;
    let (hash, encoded) = match body.split_once(':') {
        Some((hash, encoded)) => (hash, Some(encoded)),
        None => (body, None),
    };
    let is_hash = hash.strip_prefix('z').is_some_and(codec::is_multihash_base58btc);
    if is_hash { Ok((hash, encoded)) } else { Err(MethodError::Encoding) }
}

fn hash(encoded: &str) -> String {
    format!("z{}", codec::multihash_base58btc(encoded.as_bytes()))
}

/// `input` as the document of `did`, which is also known as `other`.
fn in_context(mut input: Value, did: &Did, other: &Did) -> Result<Document, MethodError> {
    let members = input.as_object_mut().ok_or(MethodError::Input)?;
    if members.insert("id".to_owned(), json!(did.as_str())).is_some() {
        return Err(MethodError::Input);
    }
    let names = members.entry("alsoKnownAs").or_insert_with(|| json!([]));
    let names = names.as_array_mut().filter(|names| names.iter().all(Value::is_string));
    names.ok_or(MethodError::Input)?.push(json!(other.as_str()));
    let lists = ["verificationMethod"].into_iter().chain(Relationship::ALL.map(Relationship::as_str));
    for name in lists {
        let Some(items) = members.get_mut(name) else { continue };
        for method in items.as_array_mut().ok_or(MethodError::Input)? {
            // A relationship may list a method by its id.
            let Some(method) = method.as_object_mut() else { continue };
            require_relative(method.get("id"))?;
            method.entry("controller").or_insert_with(|| json!(did.as_str()));
        }
    }
    for service in members.get("service").and_then(Value::as_array).into_iter().flatten() {
        require_relative(service.get("id"))?;
    }
    Ok(Document::parse(input)?)
}

fn require_relative(id: Option<&Value>) -> Result<(), MethodError> {
    let relative = id.and_then(Value::as_str).is_some_and(|id| id.starts_with('#'));
    if relative { Ok(()) } else { Err(MethodError::Input) }
}
