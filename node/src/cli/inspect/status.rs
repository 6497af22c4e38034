//! Status lists: Bitstring Status List credentials, and Status List Tokens as JWT or CWT.

use super::secured::{cose, is_named, malformed, secured, standing, texts, typ_of};
use super::{Found, Thing};
use crate::cli::status_list::Said;
use crate::failure::{Failure, Local};
use crate::output::{self, in_words};
use did_resolver::document::Document;
use did_resolver::time::UnixSeconds;
use serde_json::{Value, json};
use vc_schemas::code::Code;
use vc_schemas::secure::{Content, Secured};
use vc_schemas::status::array::{Bits, Width};
use vc_schemas::status::reference::Reference;
use vc_schemas::status::token_list::{Form, Token, TokenStatus};
use vc_schemas::status::{StatusError, StatusList};

/// The type of a Bitstring Status List.
const TYPE: &str = "BitstringStatusListCredential";

/// Most entries that are named for people; a JSON answer names as many as [`MAX_NAMED`].
const MAX_SHOWN: usize = 16;

/// Most entries that a JSON answer names: a list may have 2^24.
const MAX_NAMED: usize = 4_096;

/// A status list that was read, in any encoding.
#[derive(Debug)]
pub(in crate::cli) enum StatusListRead {
    /// A Bitstring Status List, and its entries.
    Bitstring(Box<Secured>, Bits),
    /// A Status List Token.
    Token(Box<Token>),
}

impl StatusListRead {
    /// Reads a list. Its signature is not looked at.
    pub(in crate::cli) fn read(bytes: Vec<u8>, now: UnixSeconds) -> Result<Self, Failure> {
        let thing = Thing::new(bytes, None, now);
        let read = jwt(&thing).or_else(|| credential(&thing)).or_else(|| cwt(&thing));
        read.unwrap_or_else(|| {
            let action = "Give a Bitstring Status List, or a Status List Token as JWT or CWT.";
            Err(Failure::local(Local::Usage, "no status list that is known here", action))
        })
    }

    /// Verifies that the DID of `issuer` signed it.
    pub(in crate::cli) fn verify(&self, issuer: &Document, now: UnixSeconds) -> Result<(), StatusError> {
        match self {
            Self::Bitstring(secured, _) => {
                StatusList::verified(secured.as_ref().clone(), issuer, now).map(drop)
            }
            Self::Token(token) => token.as_ref().clone().verified(issuer, now).map(drop),
        }
    }

    /// What it says, as a document and for people.
    pub(in crate::cli) fn shown(&self, now: UnixSeconds) -> (Value, String) {
        let found = self.found(now);
        let mut document = found.says;
        document.insert("is".to_owned(), found.is.as_str().into());
        (Value::Object(document), format!("{}\n{}", found.is, found.human))
    }

    /// What it says of the entry at `index`.
    pub(in crate::cli) fn said(&self, index: u32, now: UnixSeconds) -> Said {
        match self {
            Self::Token(token) => {
                let list = token.list();
                of_token_status(list.status(&Reference { index, uri: list.url.clone() }, now))
            }
            Self::Bitstring(secured, bits) => of_entry(secured.payload(), bits.value(index), now),
        }
    }

    fn found(&self, now: UnixSeconds) -> Found {
        match self {
            Self::Bitstring(secured, bits) => of_bitstring(secured, bits, now),
            Self::Token(token) => of_token(token, now),
        }
    }
}

fn unknown(reason: impl Into<String>) -> Said {
    Said::Unknown(Code::StatusUnknown, reason.into())
}

fn over() -> Said {
    Said::Unknown(Code::StatusStale, "the list is not valid at this time".to_owned())
}

fn of_token_status(status: Result<TokenStatus, StatusError>) -> Said {
    match status {
        Ok(TokenStatus::Valid) => Said::Valid,
        Ok(TokenStatus::Invalid) => Said::Revoked,
        Ok(TokenStatus::Suspended) => Said::Suspended,
        Ok(TokenStatus::Application(value) | TokenStatus::Unassigned(value)) => {
            unknown(format!("status {value} means something to its issuer only"))
        }
        Err(StatusError::Expired) => over(),
        Err(error) => unknown(error.to_string()),
    }
}

fn of_entry(list: &Value, value: Option<u8>, now: UnixSeconds) -> Said {
    let time = |name: &str| list.get(name).and_then(Value::as_str).map(UnixSeconds::parse);
    let is_good =
        |time: Option<Result<UnixSeconds, _>>, good: fn(UnixSeconds, UnixSeconds) -> bool| match time {
            None => true,
            Some(at) => at.is_ok_and(|at| good(at, now)),
        };
    let current = is_good(time("validFrom"), |from, now| from <= now)
        && is_good(time("validUntil"), |until, now| now < until);
    let purpose = list.get("credentialSubject").and_then(|subject| subject.get("statusPurpose"));
    match (current, value, purpose.and_then(Value::as_str)) {
        (false, ..) => over(),
        (_, None, _) => unknown("the list has no such entry"),
        (_, Some(value), Some("message")) => Said::Message(value),
        (_, Some(0), Some("revocation" | "suspension")) => Said::Valid,
        (_, Some(_), Some("revocation")) => Said::Revoked,
        (_, Some(_), Some("suspension")) => Said::Suspended,
        _ => unknown("the list has no purpose that is known here"),
    }
}

pub(super) fn of_jwt(thing: &Thing) -> Option<Result<Found, Failure>> {
    Some(jwt(thing)?.map(|list| list.found(thing.now)))
}

pub(super) fn of_cwt(thing: &Thing) -> Option<Result<Found, Failure>> {
    Some(cwt(thing)?.map(|list| list.found(thing.now)))
}

pub(super) fn of_credential(thing: &Thing) -> Option<Result<Found, Failure>> {
    Some(credential(thing)?.map(|list| list.found(thing.now)))
}

fn jwt(thing: &Thing) -> Option<Result<StatusListRead, Failure>> {
    let text = thing.word()?;
    typ_of(text).filter(|typ| is_named(typ, "statuslist+jwt"))?;
    let token = Token::parse(Form::Jwt, text.as_bytes());
    Some(token.map(|t| StatusListRead::Token(Box::new(t))).map_err(|error| malformed(error.to_string())))
}

fn cwt(thing: &Thing) -> Option<Result<StatusListRead, Failure>> {
    let token = Token::parse(Form::Cwt, &thing.binary()?).ok()?;
    Some(Ok(StatusListRead::Token(Box::new(token))))
}

fn credential(thing: &Thing) -> Option<Result<StatusListRead, Failure>> {
    let read = secured(Content::Credential, thing).or_else(|| cose(Content::Credential, thing))?.ok()?;
    read.payload().get("type").filter(|types| texts(types).contains(&TYPE))?;
    Some(bitstring(read))
}

fn bitstring(read: Secured) -> Result<StatusListRead, Failure> {
    let subject = read.payload().get("credentialSubject").unwrap_or(&Value::Null);
    let bits = subject.get("statusSize").map_or(Some(1), Value::as_u64);
    let width = bits.and_then(Width::of).ok_or_else(|| malformed("its statusSize is not 1, 2, 4 or 8"))?;
    let encoded = subject.get("encodedList").and_then(Value::as_str).unwrap_or_default();
    let bits = Bits::decode_wide(encoded, width).map_err(|error| malformed(error.to_string()))?;
    Ok(StatusListRead::Bitstring(Box::new(read), bits))
}

fn of_bitstring(read: &Secured, bits: &Bits, now: UnixSeconds) -> Found {
    let payload = read.payload();
    let subject = payload.get("credentialSubject").unwrap_or(&Value::Null);
    let text = |name| output::text(payload, name);
    let of_subject = |name| output::text(subject, name);
    let issuer = payload.get("issuer").map(|i| i.get("id").unwrap_or(i)).and_then(Value::as_str);
    let mut human = output::facts(&[
        ("list", text("id")),
        ("issuer", in_words(issuer.unwrap_or_default())),
        ("purpose", of_subject("statusPurpose")),
        ("sequence", of_subject("sequence")),
        ("from", standing(&text("validFrom"), now, ("not yet", ""))),
        ("until", standing(&text("validUntil"), now, ("", "over"))),
        ("says it is signed by", read.key_id().to_string()),
    ]);
    human.push_str(&entries(bits));
    let format = read.envelope().format(Content::Credential);
    let mut says = json!({"format": format, "keyId": read.key_id().as_str(), "url": payload.get("id"),
                          "issuer": issuer, "purpose": subject.get("statusPurpose"),
                          "sequence": subject.get("sequence"), "ttl": subject.get("ttl"),
                          "validFrom": payload.get("validFrom"), "validUntil": payload.get("validUntil")});
    add_entries(&mut says, bits);
    Found::read(format!("a Bitstring Status List, as {format}"), human, &says)
}

fn of_token(token: &Token, now: UnixSeconds) -> Found {
    let list = token.list();
    let time = |at: Option<UnixSeconds>| at.map(|at| at.to_string());
    let issuer = list.issuer.as_ref().map(ToString::to_string);
    let until = time(list.expires).unwrap_or_default();
    let mut human = output::facts(&[
        ("list", list.url.clone()),
        ("issuer", in_words(issuer.as_deref().unwrap_or_default())),
        ("sequence", list.sequence.map(|number| number.to_string()).unwrap_or_default()),
        ("made", list.issued.to_string()),
        ("until", standing(&until, now, ("", "over"))),
        ("says it is signed by", token.key_id().to_owned()),
    ]);
    human.push_str(&entries(&list.bits));
    let form = token.form().media_type().trim_start_matches("application/");
    let mut says = json!({"format": form, "keyId": token.key_id(), "url": list.url, "issuer": issuer,
                          "sequence": list.sequence, "ttl": list.ttl.map(|ttl| ttl.as_secs()),
                          "issued": list.issued.to_string(), "expires": time(list.expires),
                          "aggregation": list.aggregation});
    add_entries(&mut says, &list.bits);
    Found::read(format!("a Status List Token, as {form}"), human, &says)
}

fn entries(bits: &Bits) -> String {
    let mut shown: Vec<String> =
        bits.values_set().take(MAX_SHOWN).map(|(at, value)| entry(bits, at, value)).collect();
    let set = bits.values_set().count();
    if set > MAX_SHOWN {
        shown.push(format!("and {} more", set - MAX_SHOWN));
    }
    let width = bits.width().bits();
    output::facts(&[
        ("entries", format!("{} of {width} bit{}", bits.entries(), if width == 1 { "" } else { "s" })),
        ("not zero", format!("{set}{}{}", if set == 0 { "" } else { ": " }, shown.join(", "))),
    ])
}

fn entry(bits: &Bits, at: u32, value: u8) -> String {
    if bits.width() == Width::One { format!("#{at}") } else { format!("#{at} = {value}") }
}

fn add_entries(says: &mut Value, bits: &Bits) {
    let named: Vec<Value> =
        bits.values_set().take(MAX_NAMED).map(|(at, value)| json!({"index": at, "value": value})).collect();
    let count = bits.values_set().count();
    if let Some(members) = says.as_object_mut() {
        members.insert("entries".to_owned(), bits.entries().into());
        members.insert("bits".to_owned(), bits.width().bits().into());
        members.insert("setCount".to_owned(), count.into());
        members.insert("set".to_owned(), named.into());
        members.insert("setIsComplete".to_owned(), (count <= MAX_NAMED).into());
    }
}
