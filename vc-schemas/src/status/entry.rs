//! What a credential says of where its status stands: one `credentialStatus` (W3C Bitstring Status List,
//! section 2.1).

use super::StatusError;
use super::array::{MAX_ENTRIES, Width};
use super::members::{Members, is_url};
use did_resolver::json::Json;
use serde_json::{Map, Value, json};

const ENTRY_TYPE: &str = "BitstringStatusListEntry";

/// What every entry has.
const BASE: [&str; 4] = ["type", "statusPurpose", "statusListIndex", "statusListCredential"];

/// Most messages of an entry: those of 4 bits. The recommendation wants one for each value.
pub const MAX_MESSAGES: usize = 16;

/// Longest message of an entry, in bytes.
const MAX_MESSAGE_BYTES: usize = 256;

/// What a value other than zero means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Over for good.
    Revocation,
    /// Over until the bit is cleared.
    Suspension,
    /// There is a newer one, to be had from its refresh service.
    Refresh,
    /// What the entry's message for the value says.
    Message,
}

impl Purpose {
    const ALL: [Self; 4] = [Self::Revocation, Self::Suspension, Self::Refresh, Self::Message];

    /// The `statusPurpose`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revocation => "revocation",
            Self::Suspension => "suspension",
            Self::Refresh => "refresh",
            Self::Message => "message",
        }
    }

    /// The purpose of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }
}

/// Where the status of a credential stands, where one bit says it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusEntry {
    /// What the bit means; a message has an entry of its own, [`MessageEntry`].
    pub purpose: Purpose,
    /// Which bit, below [`MAX_ENTRIES`].
    pub index: u32,
    /// The URL of the list.
    pub list: String,
}

impl StatusEntry {
    /// Reads a BitstringStatusListEntry: `statusPurpose`, `statusListIndex` as a decimal string without
    /// leading zeros, `statusListCredential`; an `id` may stand there and is dropped.
    ///
    /// # Errors
    /// [`StatusError::Malformed`] for another shape, purpose or member.
    pub fn parse<'a>(json: impl Into<Json<'a>>) -> Result<Self, StatusError> {
        let entry = read(json.into(), &[], &["id"])?;
        if entry.purpose == Purpose::Message { Err(StatusError::Malformed) } else { Ok(entry) }
    }

    /// Writes the entry, without an `id`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "type": ENTRY_TYPE,
            "statusPurpose": self.purpose.as_str(),
            "statusListIndex": self.index.to_string(),
            "statusListCredential": self.list,
        })
    }
}

/// Where the message of a credential stands: an entry of purpose `message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageEntry {
    /// Which entry.
    pub index: u32,
    /// The URL of the list.
    pub list: String,
    /// `statusSize`: how many bits an entry of the list has; 1, 2 or 4.
    pub width: Width,
    /// `statusMessage`: what each value means, from 0 on; as many as the width has values.
    pub messages: Vec<String>,
    /// `statusReference`: where more is said.
    pub reference: Option<String>,
}

impl MessageEntry {
    /// Reads a BitstringStatusListEntry of purpose `message`: as [`StatusEntry::parse`], with
    /// `statusMessage`, and `statusSize` unless it is 1.
    ///
    /// # Errors
    /// [`StatusError::Malformed`] for another shape, size or member, or where not every value has
    /// exactly one message.
    pub fn parse<'a>(json: impl Into<Json<'a>>) -> Result<Self, StatusError> {
        let json = json.into();
        let entry = read(json, &["statusMessage"], &["id", "statusSize", "statusReference"])?;
        let bits = json.get("statusSize").map_or(Some(1), Json::as_u64);
        let width = bits.and_then(Width::of).filter(|w| usize::from(w.greatest()) < MAX_MESSAGES);
        let width = width.filter(|_| entry.purpose == Purpose::Message).ok_or(StatusError::Malformed)?;
        let messages = json.get("statusMessage").and_then(Json::items).ok_or(StatusError::Malformed)?;
        if messages.len() != usize::from(width.greatest()) + 1 {
            return Err(StatusError::Malformed);
        }
        let messages = messages.enumerate().map(|(value, json)| read_message(json, value));
        let reference = match json.get("statusReference") {
            None => None,
            Some(url) => Some(url.as_str().filter(|url| is_url(url)).ok_or(StatusError::Malformed)?),
        };
        Ok(Self {
            index: entry.index,
            list: entry.list,
            width,
            messages: messages.collect::<Result<_, _>>()?,
            reference: reference.map(str::to_owned),
        })
    }

    /// Writes the entry, without an `id`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let message = |(value, text)| json!({"status": hex(value), "message": text});
        let mut json = Map::new();
        json.insert("type".into(), json!(ENTRY_TYPE));
        json.insert("statusPurpose".into(), json!(Purpose::Message.as_str()));
        json.insert("statusListIndex".into(), json!(self.index.to_string()));
        json.insert("statusListCredential".into(), json!(self.list));
        json.insert("statusSize".into(), json!(self.width.bits()));
        json.insert("statusMessage".into(), self.messages.iter().enumerate().map(message).collect());
        json.extend(self.reference.iter().map(|url| ("statusReference".into(), json!(url))));
        Value::Object(json)
    }

    /// The message for `value`.
    #[must_use]
    pub fn message(&self, value: u8) -> Option<&str> {
        self.messages.get(usize::from(value)).map(String::as_str)
    }
}

fn read(json: Json<'_>, more: &[&str], optional: &[&str]) -> Result<StatusEntry, StatusError> {
    let members = Members::of(json, &BASE, more, optional)?;
    if json.get("id").is_some_and(|id| !id.as_str().is_some_and(is_url)) {
        return Err(StatusError::Malformed);
    }
    let digits = members.text("statusListIndex")?;
    let index = decimal(digits).filter(|index| *index < MAX_ENTRIES);
    let list = members.list_url("statusListCredential")?;
    match (members.text("type")?, index) {
        (ENTRY_TYPE, Some(index)) => Ok(StatusEntry { purpose: members.purpose()?, index, list }),
        _ => Err(StatusError::Malformed),
    }
}

/// A number in its one spelling.
fn decimal(digits: &str) -> Option<u32> {
    let one_spelling = digits == "0" || !digits.starts_with('0');
    if one_spelling && digits.bytes().all(|b| b.is_ascii_digit()) { digits.parse().ok() } else { None }
}

fn read_message(json: Json<'_>, value: usize) -> Result<String, StatusError> {
    let members = Members::of(json, &["status", "message"], &[], &[])?;
    let text = members.text("message")?;
    if members.text("status")? == hex(value) && (1..=MAX_MESSAGE_BYTES).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(StatusError::Malformed)
    }
}

/// A value as the recommendation writes it: `0x0`, without leading zeros.
fn hex(value: usize) -> String {
    format!("{value:#x}")
}

#[cfg(test)]
mod tests;
