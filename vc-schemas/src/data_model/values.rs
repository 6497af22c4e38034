//! Values that occur all over a document: URLs, types, texts with language and direction, objects with a
//! type, dates (VC Data Model 2.0, sections 4.4 to 4.6 and 4.9).

use super::problem::{Kind, Problem};
use crate::object::{MAX_TEXT_BYTES, is_text};
use crate::refusal::Path;
use did_resolver::time::UnixSeconds;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Most values of one property.
pub const MAX_ITEMS: usize = 64;

/// Longest language tag, in bytes; BCP 47 recommends room for 35.
const MAX_LANGUAGE_BYTES: usize = 64;

/// Whether `text` is an absolute URL: a scheme, and after the colon at least one character of those that
/// URLs have (RFC 3986, section 2).
#[must_use]
pub fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let in_scheme = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    let in_url = |c: char| !c.is_control() && !c.is_whitespace() && !"<>\"{}|\\^`".contains(c);
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(in_scheme)
        && !rest.is_empty()
        && text.len() <= MAX_TEXT_BYTES
        && rest.chars().all(in_url)
}

/// The one `id` of an object, a URL, if there is one.
pub(super) fn id(members: &Map<String, Value>, path: &Path) -> Result<Option<String>, Problem> {
    match members.get("id") {
        None => Ok(None),
        Some(Value::String(url)) if is_url(url) => Ok(Some(url.clone())),
        Some(_) => Err(Problem::malformed(path.clone().then("id"), "not one absolute URL")),
    }
}

/// The types of an object: one or more, in no order.
pub(super) fn types(members: &Map<String, Value>, path: &Path) -> Result<BTreeSet<String>, Problem> {
    let wrong = || Problem::malformed(path.clone().then("type"), "not one or more terms or absolute URLs");
    let name = |json: &Value| json.as_str().filter(|name| is_text(name)).map(str::to_owned).ok_or_else(wrong);
    match members.get("type") {
        Some(Value::Array(names)) if (1..=MAX_ITEMS).contains(&names.len()) => {
            names.iter().map(name).collect()
        }
        Some(one @ Value::String(_)) => Ok(BTreeSet::from([name(one)?])),
        _ => Err(wrong()),
    }
}

/// An object, and where it stands.
pub(super) type Placed<'a> = (Path, &'a Map<String, Value>);

/// One object, or one or more; `None` where the property is missing.
pub(super) fn objects<'a>(
    members: &'a Map<String, Value>,
    name: &'static str,
    path: &Path,
) -> Result<Vec<Placed<'a>>, Problem> {
    let path = path.clone().then(name);
    let object = |path: Path, json: &'a Value| match json.as_object() {
        Some(object) => Ok((path, object)),
        None => Err(Problem::malformed(path, "not an object")),
    };
    match members.get(name) {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) if (1..=MAX_ITEMS).contains(&items.len()) => {
            items.iter().enumerate().map(|(at, item)| object(path.clone().at(at), item)).collect()
        }
        Some(Value::Array(_)) => Err(Problem { kind: Kind::Range, path, detail: "none, or too many" }),
        Some(one) => Ok(vec![object(path, one)?]),
    }
}

/// An object with a type: a status, a schema, a proof, terms of use, evidence or a refresh service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// Its types.
    pub types: BTreeSet<String>,
    /// Its id.
    pub id: Option<String>,
    /// The whole object.
    pub members: Map<String, Value>,
}

/// The objects of a property, each with a type.
pub(super) fn typed(
    members: &Map<String, Value>,
    name: &'static str,
    path: &Path,
) -> Result<Vec<Typed>, Problem> {
    let read = |(path, members): (Path, &Map<String, Value>)| {
        Ok(Typed { types: types(members, &path)?, id: id(members, &path)?, members: members.clone() })
    };
    objects(members, name, path)?.into_iter().map(read).collect()
}

/// A text for people, perhaps with its language and direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Localised {
    /// The text.
    pub text: String,
    /// Its language (BCP 47).
    pub language: Option<String>,
    /// Whether it is written from right to left, where that is said.
    pub right_to_left: Option<bool>,
}

/// The texts of `name` or `description`: a string, a value object, or one for each of some languages.
pub(super) fn localised(
    members: &Map<String, Value>,
    name: &'static str,
    path: &Path,
) -> Result<Vec<Localised>, Problem> {
    let wrong = || {
        Problem::malformed(
            path.clone().then(name),
            "not a text, nor an object of @value, @language, @direction",
        )
    };
    let read = |json: &Value| read_localised(json).ok_or_else(wrong);
    match members.get(name) {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) if (1..=MAX_ITEMS).contains(&items.len()) => {
            items.iter().map(read).collect()
        }
        Some(one) => Ok(vec![read(one)?]),
    }
}

fn read_localised(json: &Value) -> Option<Localised> {
    if let Some(text) = json.as_str() {
        return Some(Localised { text: text.to_owned(), language: None, right_to_left: None });
    }
    let members = json.as_object()?;
    if members.keys().any(|name| !["@value", "@language", "@direction"].contains(&name.as_str())) {
        return None;
    }
    let language = match members.get("@language") {
        None => None,
        Some(tag) => Some(tag.as_str().filter(|tag| is_language(tag))?.to_owned()),
    };
    let right_to_left = match members.get("@direction").map(Value::as_str) {
        None => None,
        Some(Some("ltr")) => Some(false),
        Some(Some("rtl")) => Some(true),
        Some(_) => return None,
    };
    Some(Localised { text: members.get("@value")?.as_str()?.to_owned(), language, right_to_left })
}

/// Whether `tag` has the form of a language tag (BCP 47): subtags of 1 to 8 letters and digits.
fn is_language(tag: &str) -> bool {
    let subtag =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    tag.len() <= MAX_LANGUAGE_BYTES
        && tag.starts_with(|c: char| c.is_ascii_alphabetic())
        && tag.split('-').all(subtag)
}

/// A date with its offset (XML Schema dateTimeStamp), to the second.
pub(super) fn date(
    members: &Map<String, Value>,
    name: &'static str,
    path: &Path,
) -> Result<Option<UnixSeconds>, Problem> {
    let Some(json) = members.get(name) else { return Ok(None) };
    let date = json.as_str().and_then(|text| UnixSeconds::parse(text).ok());
    date.map(Some)
        .ok_or_else(|| Problem::malformed(path.clone().then(name), "not a date and time with an offset"))
}
