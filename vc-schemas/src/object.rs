//! JSON objects read member by member; what nobody asked for is refused.
//!
//! A reader that skips what it does not know lets two readers decide on different things.

use did_resolver::did::Did;
use did_resolver::json::Json;
use did_resolver::time::UnixSeconds;
use std::collections::BTreeSet;
use std::fmt;

/// Most items of a list in a credential; the lists with a smaller bound have their own.
const MAX_ITEMS: usize = 64;

/// Room for the members that most objects have. More may be taken.
const TAKEN: usize = 12;

/// Longest text of a member, in bytes, where nothing else bounds it.
pub const MAX_TEXT_BYTES: usize = 2_048;

/// An object of which members are taken out one by one.
#[derive(Debug)]
pub struct Object<'a> {
    json: Json<'a>,
    /// Few, so that looking through them is faster than a tree.
    taken: Vec<&'static str>,
}

impl<'a> Object<'a> {
    /// Begins to read `json`.
    ///
    /// # Errors
    /// [`ObjectError`] naming `place` where it is not an object.
    pub fn new(json: impl Into<Json<'a>>, place: &'static str) -> Result<Self, ObjectError> {
        let json = json.into();
        if !json.is_object() {
            return Err(ObjectError { member: place });
        }
        Ok(Self { json, taken: Vec::with_capacity(TAKEN) })
    }

    /// The member `name`, if it is there.
    pub fn optional(&mut self, name: &'static str) -> Option<Json<'a>> {
        self.taken.push(name);
        self.json.get(name)
    }

    /// The member `name`.
    ///
    /// # Errors
    /// [`ObjectError`] where it is missing.
    pub fn required(&mut self, name: &'static str) -> Result<Json<'a>, ObjectError> {
        self.optional(name).ok_or(ObjectError { member: name })
    }

    /// A text of 1 to [`MAX_TEXT_BYTES`] bytes without control characters, if it is there.
    ///
    /// # Errors
    /// [`ObjectError`] where it is there and not such a text.
    pub fn optional_text(&mut self, name: &'static str) -> Result<Option<&'a str>, ObjectError> {
        let Some(value) = self.optional(name) else { return Ok(None) };
        value.as_str().filter(|t| is_text(t)).map(Some).ok_or(ObjectError { member: name })
    }

    /// A text of 1 to [`MAX_TEXT_BYTES`] bytes without control characters.
    ///
    /// # Errors
    /// [`ObjectError`] where it is missing or not such a text.
    pub fn text(&mut self, name: &'static str) -> Result<&'a str, ObjectError> {
        self.optional_text(name)?.ok_or(ObjectError { member: name })
    }

    /// A DID.
    ///
    /// # Errors
    /// [`ObjectError`].
    pub fn did(&mut self, name: &'static str) -> Result<Did, ObjectError> {
        self.text(name)?.parse().map_err(|_| ObjectError { member: name })
    }

    /// A timestamp.
    ///
    /// # Errors
    /// [`ObjectError`].
    pub fn time(&mut self, name: &'static str) -> Result<UnixSeconds, ObjectError> {
        UnixSeconds::parse(self.text(name)?).map_err(|_| ObjectError { member: name })
    }

    /// Distinct texts, at most 64, or `None` where the member is missing.
    ///
    /// # Errors
    /// [`ObjectError`] for another shape, a doubled or an empty text, or one too many.
    pub fn texts(&mut self, name: &'static str) -> Result<Option<BTreeSet<String>>, ObjectError> {
        let Some(value) = self.optional(name) else { return Ok(None) };
        let wrong = ObjectError { member: name };
        let items = value.items().filter(|items| items.len() <= MAX_ITEMS).ok_or(wrong)?;
        let mut texts = BTreeSet::new();
        for item in items {
            let text = item.as_str().filter(|t| is_text(t)).ok_or(wrong)?;
            if !texts.insert(text.to_owned()) {
                return Err(wrong);
            }
        }
        Ok(Some(texts))
    }

    /// Ends reading.
    ///
    /// # Errors
    /// [`ObjectError`] naming `place` where a member was not taken.
    pub fn end(self, place: &'static str) -> Result<(), ObjectError> {
        let mut members = self.json.members().ok_or(ObjectError { member: place })?;
        let known = members.all(|(name, _)| self.taken.contains(&name));
        if known { Ok(()) } else { Err(ObjectError { member: place }) }
    }
}

/// Whether `text` has 1 to [`MAX_TEXT_BYTES`] bytes and no control characters.
#[must_use]
pub fn is_text(text: &str) -> bool {
    (1..=MAX_TEXT_BYTES).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// A member is missing, of the wrong shape, or not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectError {
    /// The member, or the object that has a member too many.
    pub member: &'static str,
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is missing, of the wrong shape, or holds what is not known", self.member)
    }
}

impl std::error::Error for ObjectError {}

#[cfg(test)]
mod tests;
