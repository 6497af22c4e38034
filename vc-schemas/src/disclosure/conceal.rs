//! What an issuer signs: digests in the place of claims (RFC 9901, section 4.2).

use super::{
    ALGORITHM, DIGESTS, Disclosure, DisclosureError, ELEMENT, MAX_DISCLOSURES, Pointer, SALT_BYTES, SHA_256,
    is_reserved,
};
use did_resolver::codec::{self, Sha256Digest};
use serde_json::{Map, Value, json};

/// Most decoys in one object: more would only make the document longer.
const MAX_DECOYS: usize = 16;

/// A document in which digests stand for claims, and the disclosures of all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concealed {
    /// What is signed.
    pub document: Value,
    /// What its holder may disclose.
    pub disclosures: Vec<Disclosure>,
}

/// Hides what `pointers` lead to: members of objects and elements of arrays, also within one another.
/// Each object that has hidden members gets `decoys` digests of nothing beside theirs, so that their
/// number is not told; digests are in their own order, so that neither is that of the members.
///
/// `seed` is random, secret, and used for one document only: salts and decoys are derived from it.
///
/// # Errors
/// [`DisclosureError::Pointer`] for a pointer that leads nowhere, to the whole or to what another leads to;
/// [`DisclosureError::Reserved`] for a document that has digests already; [`DisclosureError::TooMany`],
/// [`DisclosureError::TooLong`].
pub fn conceal(
    document: &Value,
    pointers: &[Pointer],
    decoys: usize,
    seed: &[u8; 32],
) -> Result<Concealed, DisclosureError> {
    if !document.is_object() {
        return Err(DisclosureError::Malformed);
    }
    if pointers.len() > MAX_DISCLOSURES || decoys > MAX_DECOYS {
        return Err(DisclosureError::TooMany);
    }
    if has_reserved(document) {
        return Err(DisclosureError::Reserved);
    }
    let mut derive = Derive { seed, drawn: 0 };
    let mut document = document.clone();
    // What lies deeper is hidden first, so that what it stands in is hidden with its digest in it.
    let mut ordered: Vec<&Pointer> = pointers.iter().collect();
    ordered.sort_by_key(|pointer| std::cmp::Reverse(pointer.steps().len()));
    let mut disclosures = Vec::with_capacity(pointers.len());
    for pointer in ordered {
        let (last, way) = pointer.steps().split_last().ok_or(DisclosureError::Pointer)?;
        let parent = document.pointer_mut(&Pointer::of(way).to_string()).ok_or(DisclosureError::Pointer)?;
        disclosures.push(match parent {
            Value::Object(members) => hide_member(members, last, decoys, &mut derive)?,
            Value::Array(elements) => hide_element(elements, last, &mut derive)?,
            _ => return Err(DisclosureError::Pointer),
        });
    }
    if let Some(members) = document.as_object_mut().filter(|_| !disclosures.is_empty()) {
        members.insert(ALGORITHM.to_owned(), json!(SHA_256));
    }
    Ok(Concealed { document, disclosures })
}

fn hide_member(
    members: &mut Map<String, Value>,
    name: &str,
    decoys: usize,
    derive: &mut Derive<'_>,
) -> Result<Disclosure, DisclosureError> {
    if is_reserved(name) {
        return Err(DisclosureError::Pointer);
    }
    let value = members.remove(name).ok_or(DisclosureError::Pointer)?;
    let disclosure = Disclosure::new(&derive.salt(), Some(name), &value)?;
    let mut digests: Vec<String> = match members.get(DIGESTS).and_then(Value::as_array) {
        Some(digests) => digests.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        None => (0..decoys).map(|_| codec::to_base64url(&derive.draw())).collect(),
    };
    digests.push(disclosure.digest().to_owned());
    digests.sort_unstable();
    members.insert(DIGESTS.to_owned(), json!(digests));
    Ok(disclosure)
}

fn hide_element(
    elements: &mut [Value],
    place: &str,
    derive: &mut Derive<'_>,
) -> Result<Disclosure, DisclosureError> {
    let at = place.parse::<usize>().ok().filter(|at| at.to_string() == place);
    let element = at.and_then(|at| elements.get_mut(at)).ok_or(DisclosureError::Pointer)?;
    if element.get(ELEMENT).is_some() {
        return Err(DisclosureError::Pointer);
    }
    let disclosure = Disclosure::new(&derive.salt(), None, element)?;
    *element = json!({ELEMENT: disclosure.digest()});
    Ok(disclosure)
}

fn has_reserved(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            members.iter().any(|(name, value)| is_reserved(name) || has_reserved(value))
        }
        Value::Array(elements) => elements.iter().any(has_reserved),
        _ => false,
    }
}

/// Secret bytes, each drawn once: SHA-256 of the seed and a count.
struct Derive<'a> {
    seed: &'a [u8; 32],
    drawn: u32,
}

impl Derive<'_> {
    fn draw(&mut self) -> Sha256Digest {
        self.drawn = self.drawn.saturating_add(1);
        codec::sha256_of(&[self.seed, &self.drawn.to_be_bytes()])
    }

    fn salt(&mut self) -> Vec<u8> {
        self.draw().into_iter().take(SALT_BYTES).collect()
    }
}
