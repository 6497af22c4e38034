//! did:peer (DIF, Peer DID Method Specification): [`inline`], method 2, writes keys and services into
//! the DID; [`hashed`], method 4, writes a whole document, and has a short form.

pub mod hashed;
pub mod inline;

use super::MethodError;
use crate::did::Did;
use crate::document::Document;

/// The document of a did:peer 2, or of a did:peer 4 in its long form.
///
/// # Errors
/// [`MethodError::OtherMethod`]; [`MethodError::OtherKind`]; [`MethodError::ShortForm`], for which
/// there is [`hashed::resolve_short`]; else as [`inline::resolve`] and [`hashed::resolve`].
pub fn resolve(did: &Did) -> Result<Document, MethodError> {
    match numbered(did)? {
        ('2', _) => inline::resolve(did),
        ('4', _) => hashed::resolve(did),
        _ => Err(MethodError::OtherKind),
    }
}

/// The number of the kind, and what follows it.
fn numbered(did: &Did) -> Result<(char, &str), MethodError> {
    if did.method() != "peer" {
        return Err(MethodError::OtherMethod);
    }
    let id = did.method_specific_id();
    let number = id.chars().next().ok_or(MethodError::Encoding)?;
    Ok((number, id.strip_prefix(number).unwrap_or_default()))
}

/// What follows the number of a DID of kind `number`.
fn body(did: &Did, number: char) -> Result<&str, MethodError> {
    let (found, body) = numbered(did)?;
    if found == number { Ok(body) } else { Err(MethodError::OtherKind) }
}

#[cfg(test)]
mod tests;
