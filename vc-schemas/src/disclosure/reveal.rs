//! What a verifier sees: digests replaced by what was disclosed, the rest taken out (RFC 9901, section
//! 7.1, step 3).

use super::{
    ALGORITHM, DIGESTS, Disclosure, DisclosureError, ELEMENT, MAX_DIGEST_BYTES, MAX_DISCLOSURES, Pointer,
    SHA_256,
};
use did_resolver::json::MAX_DEPTH;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A document as its disclosures show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revealed {
    /// The document, without a trace of digests.
    pub document: Value,
    /// Where what was disclosed stands in it, each with the place of its disclosure among those given.
    pub disclosed: Vec<(Pointer, usize)>,
}

/// Puts `disclosures` where their digests stand in `document`, and takes out the digests that are left.
///
/// # Errors
/// [`DisclosureError::Unreferenced`] for a disclosure without a digest, [`DisclosureError::Doubled`] for a
/// digest that stands in two places, [`DisclosureError::NameTaken`], and the others as named there.
pub fn reveal(document: &Value, disclosures: &[Disclosure]) -> Result<Revealed, DisclosureError> {
    if disclosures.len() > MAX_DISCLOSURES {
        return Err(DisclosureError::TooMany);
    }
    let mut by_digest = BTreeMap::new();
    for (which, disclosure) in disclosures.iter().enumerate() {
        if by_digest.insert(disclosure.digest(), which).is_some() {
            return Err(DisclosureError::Doubled);
        }
    }
    let Value::Object(members) = document else { return Err(DisclosureError::Malformed) };
    match members.get(ALGORITHM) {
        None => {}
        Some(Value::String(name)) if name == SHA_256 => {}
        Some(_) => return Err(DisclosureError::Algorithm),
    }
    let mut revealing =
        Revealing { disclosures, by_digest, seen: BTreeSet::new(), at: Vec::new(), disclosed: Vec::new() };
    let document = revealing.object(members)?;
    if revealing.disclosed.len() == disclosures.len() {
        Ok(Revealed { document: Value::Object(document), disclosed: revealing.disclosed })
    } else {
        Err(DisclosureError::Unreferenced)
    }
}

struct Revealing<'a> {
    disclosures: &'a [Disclosure],
    by_digest: BTreeMap<&'a str, usize>,
    /// Every digest that was met, wherever it stands.
    seen: BTreeSet<String>,
    /// Where we are.
    at: Vec<String>,
    disclosed: Vec<(Pointer, usize)>,
}

impl<'a> Revealing<'a> {
    fn value(&mut self, value: &Value) -> Result<Value, DisclosureError> {
        match value {
            Value::Object(members) => self.object(members).map(Value::Object),
            Value::Array(elements) => self.array(elements).map(Value::Array),
            plain => Ok(plain.clone()),
        }
    }

    fn below(&mut self, step: &str, value: &Value) -> Result<Value, DisclosureError> {
        if self.at.len() >= MAX_DEPTH {
            return Err(DisclosureError::TooDeep);
        }
        self.at.push(step.to_owned());
        let revealed = self.value(value);
        self.at.pop();
        revealed
    }

    /// What a digest stands for, if that was disclosed.
    fn disclosed_by(&mut self, digest: &Value) -> Result<Option<(usize, &'a Disclosure)>, DisclosureError> {
        let text = digest.as_str().filter(|text| text.len() <= MAX_DIGEST_BYTES);
        let text = text.ok_or(DisclosureError::Malformed)?;
        if !self.seen.insert(text.to_owned()) {
            return Err(DisclosureError::Doubled);
        }
        let which = self.by_digest.get(text).copied();
        Ok(which.and_then(|which| self.disclosures.get(which).map(|disclosure| (which, disclosure))))
    }

    fn note(&mut self, step: &str, which: usize) {
        let place = Pointer::of(self.at.iter().map(String::as_str).chain([step]));
        self.disclosed.push((place, which));
    }

    fn object(&mut self, members: &Map<String, Value>) -> Result<Map<String, Value>, DisclosureError> {
        let mut shown = Map::new();
        for (name, value) in members {
            match name.as_str() {
                DIGESTS => {}
                ALGORITHM if self.at.is_empty() => {}
                ELEMENT | ALGORITHM => return Err(DisclosureError::Reserved),
                name => {
                    let value = self.below(name, value)?;
                    shown.insert(name.to_owned(), value);
                }
            }
        }
        let digests = match members.get(DIGESTS) {
            None => return Ok(shown),
            Some(Value::Array(digests)) => digests,
            Some(_) => return Err(DisclosureError::Malformed),
        };
        for digest in digests {
            let Some((which, disclosure)) = self.disclosed_by(digest)? else { continue };
            let name = disclosure.name().ok_or(DisclosureError::Malformed)?;
            if shown.contains_key(name) {
                return Err(DisclosureError::NameTaken);
            }
            self.note(name, which);
            let value = self.below(name, disclosure.value())?;
            shown.insert(name.to_owned(), value);
        }
        Ok(shown)
    }

    fn array(&mut self, elements: &[Value]) -> Result<Vec<Value>, DisclosureError> {
        let mut shown: Vec<Value> = Vec::new();
        for element in elements {
            let place = shown.len().to_string();
            let hidden = element.as_object().and_then(|members| Some((members, members.get(ELEMENT)?)));
            match hidden {
                None => shown.push(self.below(&place, element)?),
                Some((members, _)) if members.len() != 1 => return Err(DisclosureError::Reserved),
                Some((_, digest)) => {
                    let Some((which, disclosure)) = self.disclosed_by(digest)? else { continue };
                    if disclosure.name().is_some() {
                        return Err(DisclosureError::Malformed);
                    }
                    self.note(&place, which);
                    shown.push(self.below(&place, disclosure.value())?);
                }
            }
        }
        Ok(shown)
    }
}
