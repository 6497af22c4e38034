//! Credentials and presentations in each envelope, and those that nothing secures.

use super::{Found, Thing};
use crate::cli::history::kind_name;
use crate::failure::{Failure, Local};
use crate::output::{self, in_words};
use did_resolver::codec;
use did_resolver::json;
use did_resolver::time::UnixSeconds;
use serde_json::{Value, json};
use vc_schemas::presentation::MAX_CREDENTIALS;
use vc_schemas::refusal::Path;
use vc_schemas::secure::cose::Sign1;
use vc_schemas::secure::jose::MAX_HEADER_BYTES;
use vc_schemas::secure::sd_jwt::SdJwt;
use vc_schemas::secure::{Content, Envelope, MAX_BYTES, SecureError, Secured};

/// The envelopes that can hold something back.
const SD_JWTS: [Envelope; 2] = [Envelope::VcSdJwt, Envelope::DcSdJwt];

/// How a document of either content is named where it stands in JSON: its type, that of one that is
/// enveloped, and people's word.
const fn names(content: Content) -> (&'static str, &'static str, &'static str) {
    match content {
        Content::Credential => ("VerifiableCredential", "EnvelopedVerifiableCredential", "a credential"),
        Content::Presentation => {
            ("VerifiablePresentation", "EnvelopedVerifiablePresentation", "a presentation")
        }
    }
}

pub(super) fn credential(thing: &Thing) -> Option<Result<Found, Failure>> {
    in_text(Content::Credential, thing)
}

pub(super) fn presentation(thing: &Thing) -> Option<Result<Found, Failure>> {
    // What `present --json` prints.
    if let Some(Value::String(text)) = thing.member("presentation") {
        let inner = Thing::new(text.clone().into_bytes(), None, thing.now);
        return presentation(&inner).or_else(|| presentation_cose(&inner));
    }
    in_text(Content::Presentation, thing)
}

pub(super) fn credential_cose(thing: &Thing) -> Option<Result<Found, Failure>> {
    Some(cose(Content::Credential, thing)?.map(|secured| found(&secured, thing.now)))
}

pub(super) fn presentation_cose(thing: &Thing) -> Option<Result<Found, Failure>> {
    Some(cose(Content::Presentation, thing)?.map(|secured| found(&secured, thing.now)))
}

pub(super) fn sd_jwt(thing: &Thing) -> Option<Result<Found, Failure>> {
    let text = thing.word()?;
    let url = |envelope: Envelope| format!("data:{},", envelope.media_type(Content::Credential));
    let text = SD_JWTS.iter().find_map(|e| text.strip_prefix(&url(*e))).unwrap_or(text);
    typ_of(text.split_once('~')?.0)?;
    let read = SdJwt::parse(text.as_bytes(), MAX_BYTES).map_err(|error| refused(error, Content::Credential));
    Some(read.map(|sd_jwt| of_sd_jwt(&sd_jwt, thing.now)))
}

/// A secured document of `content`, where `thing` is one in text.
pub(super) fn secured(content: Content, thing: &Thing) -> Option<Result<Secured, Failure>> {
    let (of_type, enveloped, _) = names(content);
    let types = thing.member("type").map(texts).unwrap_or_default();
    let read = if types.contains(&enveloped) {
        Secured::from_data_url(content, thing.member("id").and_then(Value::as_str)?, MAX_BYTES)
    } else if types.contains(&of_type) && thing.member("proof").is_some() {
        Secured::embedded(content, thing.json.as_ref()?, MAX_BYTES)
    } else {
        let text = thing.word()?;
        let typ = typ_of(text).unwrap_or_default();
        // Only a presentation that is an SD-JWT is one JWT; credentials are read by another rule.
        let envelopes = [Envelope::Jwt, Envelope::VcSdJwt].into_iter();
        let jwt = envelopes.into_iter().find(|envelope| is_named(&typ, envelope.format(content)));
        let is_url = Envelope::ALL.iter().filter(|envelope| !SD_JWTS.contains(envelope)).any(|envelope| {
            let rest = text.strip_prefix("data:").and_then(|t| t.strip_prefix(envelope.media_type(content)));
            rest.is_some_and(|rest| rest.starts_with([',', ';']))
        });
        match (jwt, is_url) {
            (Some(envelope), _) => Secured::from_text(content, envelope, text, MAX_BYTES),
            (None, true) => Secured::from_data_url(content, text, MAX_BYTES),
            (None, false) => return None,
        }
    };
    Some(read.map_err(|error| refused(error, content)))
}

/// The same, where it is bytes.
pub(super) fn cose(content: Content, thing: &Thing) -> Option<Result<Secured, Failure>> {
    let bytes = thing.binary()?;
    if Envelope::of_bytes(&bytes) == Envelope::Compact {
        let read = Secured::parse(content, Envelope::Compact, &bytes, MAX_BYTES);
        return (read != Err(SecureError::Type)).then(|| read.map_err(|error| refused(error, content)));
    }
    let outer = Sign1::parse(&bytes, MAX_BYTES).ok()?;
    let is_typed = outer.typ().is_some_and(|typ| is_named(typ, Envelope::Cose.format(content)));
    if !is_typed && outer.content_type() != content.media_type() {
        return None;
    }
    let read = Secured::parse(content, Envelope::Cose, &bytes, MAX_BYTES);
    Some(read.map_err(|error| refused(error, content)))
}

fn in_text(content: Content, thing: &Thing) -> Option<Result<Found, Failure>> {
    if let Some(read) = secured(content, thing) {
        return Some(read.map(|secured| found(&secured, thing.now)));
    }
    let (of_type, _, word) = names(content);
    let document = thing
        .json
        .as_ref()
        .filter(|json| json.get("type").map(texts).is_some_and(|t| t.contains(&of_type)))?;
    let (human, mut says) = told(content, document, thing.now);
    if let Some(members) = says.as_object_mut() {
        members.insert("secured".to_owned(), false.into());
    }
    Some(Ok(Found::read(format!("{word} that nothing secures: anybody can have written it"), human, &says)))
}

/// The `typ` of a JWT, in whatever case; `None` for what is no JWT.
pub(super) fn typ_of(text: &str) -> Option<String> {
    let mut parts = text.split('.');
    let (header, _, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
        return None;
    };
    let header = codec::from_base64url(header).ok().filter(|bytes| bytes.len() <= MAX_HEADER_BYTES)?;
    let header = json::parse(&header, MAX_HEADER_BYTES).ok()?;
    Some(header.get("typ").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase())
}

/// Whether a type is `application/<short>`, in full or not.
pub(super) fn is_named(typ: &str, short: &str) -> bool {
    typ.strip_prefix("application/").unwrap_or(typ) == short
}

/// The texts in a text or a list of texts.
pub(super) fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    }
}

pub(super) fn refused(error: SecureError, content: Content) -> Failure {
    error.refusal(content, Path::root()).into()
}

fn found(secured: &Secured, now: UnixSeconds) -> Found {
    if let Some(sd_jwt) = secured.sd_jwt() {
        return of_sd_jwt(sd_jwt, now);
    }
    let content = secured.content();
    let (.., word) = names(content);
    let format = secured.envelope().format(content);
    let (mut human, mut says) = told(content, secured.payload(), now);
    let (signer, algorithm) = (secured.key_id().as_str(), kind_name(secured.algorithm()));
    let mut rows = vec![("says it is signed by", signer.to_owned()), ("with a key of", algorithm.to_owned())];
    if let Some(terms) = secured.terms() {
        let time = |at: Option<UnixSeconds>| at.map(|at| at.to_string());
        rows.extend([
            ("proof made", time(terms.created).unwrap_or_default()),
            ("proof ends", time(terms.expires).unwrap_or_default()),
            ("for", terms.domain.clone().unwrap_or_default()),
            ("nonce", terms.challenge.clone().unwrap_or_default()),
        ]);
        let proof = json!({"created": time(terms.created), "expires": time(terms.expires),
                           "domain": terms.domain, "challenge": terms.challenge});
        insert(&mut says, "proof", proof);
    }
    human.push_str(&output::facts(&rows));
    insert(&mut says, "secured", true.into());
    insert(&mut says, "format", format.into());
    insert(&mut says, "mediaType", secured.media_type().into());
    insert(&mut says, "keyId", signer.into());
    insert(&mut says, "algorithm", secured.algorithm().jose_alg().into());
    insert(&mut says, "digestMultibase", codec::digest_multibase(&secured.digest()).into());
    let form = match secured.envelope() {
        Envelope::DataIntegrity => "with a Data Integrity proof".to_owned(),
        _ => format!("as {format}"),
    };
    Found::read(format!("{word}, {form}"), human, &says)
}

fn of_sd_jwt(sd_jwt: &SdJwt, now: UnixSeconds) -> Found {
    // Claims of Marque's types are told as the document that they say.
    let text = sd_jwt.to_text();
    let own = Secured::parse(Content::Credential, Envelope::DcSdJwt, text.as_bytes(), MAX_BYTES).ok();
    let (document, disclosed) = match &own {
        Some(own) => (own.payload(), sd_jwt.disclosed_places()),
        None => (sd_jwt.document(), sd_jwt.disclosed().cloned().collect()),
    };
    let (mut human, mut says) = told(Content::Credential, document, now);
    let disclosed: Vec<String> = disclosed.iter().map(ToString::to_string).collect();
    let binding = sd_jwt.binding();
    human.push_str(&output::facts(&[
        ("says it is signed by", sd_jwt.key_id().to_string()),
        ("with a key of", kind_name(sd_jwt.algorithm()).to_owned()),
        ("disclosed", disclosed.join(", ")),
        ("presented to", binding.map(|b| b.audience.clone()).unwrap_or_default()),
        ("nonce", binding.map(|b| b.nonce.clone()).unwrap_or_default()),
    ]));
    insert(&mut says, "secured", true.into());
    insert(&mut says, "format", sd_jwt.profile().format().into());
    insert(&mut says, "keyId", sd_jwt.key_id().as_str().into());
    insert(&mut says, "algorithm", sd_jwt.algorithm().jose_alg().into());
    insert(&mut says, "disclosed", disclosed.into());
    let binding =
        binding.map(|b| json!({"audience": b.audience, "nonce": b.nonce, "issued": b.issued.to_string()}));
    insert(&mut says, "binding", binding.into());
    Found::read(format!("a credential, as {}", sd_jwt.profile().format()), human, &says)
}

fn insert(says: &mut Value, name: &str, value: Value) {
    if let Some(members) = says.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

fn told(content: Content, document: &Value, now: UnixSeconds) -> (String, Value) {
    match content {
        Content::Credential => {
            let human = output::facts(&credential_rows(document, now));
            let subject = document.get("credentialSubject");
            let subject = subject.map(|subject| format!("says of it\n{subject:#}\n")).unwrap_or_default();
            (format!("{human}{subject}"), json!({"document": document}))
        }
        Content::Presentation => presented(document, now),
    }
}

fn credential_rows(document: &Value, now: UnixSeconds) -> Vec<(&'static str, String)> {
    let text = |name| output::text(document, name);
    let types = document.get("type").map(texts).unwrap_or_default();
    let types: Vec<&str> = types.into_iter().filter(|name| *name != "VerifiableCredential").collect();
    let (issuer, subject) = (id_of(document, "issuer"), id_of(document, "credentialSubject"));
    let mut rows = vec![("type", types.join(", ")), ("id", text("id"))];
    rows.extend(party("issuer", &issuer));
    rows.extend(party("subject", &subject));
    rows.push(("from", standing(&text("validFrom"), now, ("not yet", ""))));
    rows.push(("until", standing(&text("validUntil"), now, ("", "over"))));
    let status = document.get("credentialStatus").unwrap_or(&Value::Null);
    for entry in status.as_array().map_or(std::slice::from_ref(status), Vec::as_slice) {
        let of = |name| output::text(entry, name);
        if entry.is_object() {
            let place = format!(
                "{} #{} of {}",
                of("statusPurpose"),
                of("statusListIndex"),
                of("statusListCredential")
            );
            rows.push(("status, not asked", place));
        }
    }
    rows
}

/// A DID in words and in full, or whatever else names somebody.
fn party(role: &'static str, id: &str) -> [(&'static str, String); 2] {
    let words = in_words(id);
    let full = if words == id { String::new() } else { id.to_owned() };
    [(role, words), ("", full)]
}

/// `id` of a member that is an object, or the member where it is text.
fn id_of(document: &Value, name: &str) -> String {
    let member = document.get(name).unwrap_or(&Value::Null);
    member.get("id").or(Some(member)).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A time as it is written, and what it means now.
pub(super) fn standing(text: &str, now: UnixSeconds, (before, after): (&str, &str)) -> String {
    let remark = match UnixSeconds::parse(text) {
        Ok(at) if at > now => before,
        Ok(_) => after,
        Err(_) => "",
    };
    if remark.is_empty() { text.to_owned() } else { format!("{text} ({remark})") }
}

fn presented(document: &Value, now: UnixSeconds) -> (String, Value) {
    let time = |name: &str| {
        let seconds = document.get(name).and_then(Value::as_u64).map(UnixSeconds::new);
        seconds.map(|at| at.to_string()).unwrap_or_default()
    };
    let mut rows = Vec::from(party("holder", &id_of(document, "holder")));
    rows.extend([
        ("for", output::text(document, "aud")),
        ("nonce", output::text(document, "nonce")),
        ("made", time("iat")),
        ("until", standing(&time("exp"), now, ("", "over"))),
    ]);
    let held = output::items(document, "verifiableCredential");
    let inner: Vec<Inner> = held.iter().take(MAX_CREDENTIALS).map(|item| Inner::read(item, now)).collect();
    let table: Vec<Vec<String>> = inner.iter().map(|inner| inner.row.clone()).collect();
    let heads = ["CREDENTIAL", "FORMAT", "ISSUER", "SUBJECT", "UNTIL"];
    let mut human = format!("{}{}", output::facts(&rows), output::table(&heads, &table, "no credentials"));
    if held.len() > MAX_CREDENTIALS {
        human.push_str(&format!("and {} more\n", held.len() - MAX_CREDENTIALS));
    }
    let inner: Vec<Value> = inner.into_iter().map(|inner| inner.json).collect();
    (human, json!({"document": document, "credentials": inner, "credentialCount": held.len()}))
}

/// One credential of a presentation.
struct Inner {
    row: Vec<String>,
    json: Value,
}

impl Inner {
    fn read(item: &Value, now: UnixSeconds) -> Self {
        let url = item.get("id").and_then(Value::as_str).unwrap_or_default();
        let sd_jwt = url.strip_prefix("data:application/vc+sd-jwt,");
        let read = if let Some(text) = sd_jwt {
            SdJwt::parse(text.as_bytes(), MAX_BYTES)
                .map(|read| (read.profile().format(), read.key_id().to_string(), read.document().clone()))
        } else if url.starts_with("data:") {
            Secured::from_data_url(Content::Credential, url, MAX_BYTES).map(|read| Self::parts(&read))
        } else {
            Secured::embedded(Content::Credential, item, MAX_BYTES).map(|read| Self::parts(&read))
        };
        match read {
            Ok((format, key_id, document)) => {
                let types = document.get("type").map(texts).unwrap_or_default();
                let until = standing(&output::text(&document, "validUntil"), now, ("", "over"));
                let row = vec![
                    types.last().copied().unwrap_or_default().to_owned(),
                    format.to_owned(),
                    in_words(&id_of(&document, "issuer")),
                    in_words(&id_of(&document, "credentialSubject")),
                    until,
                ];
                Self { row, json: json!({"format": format, "keyId": key_id, "document": document}) }
            }
            Err(error) => {
                let row = vec![format!("cannot be read: {error}")];
                Self { row, json: json!({"error": error.to_string()}) }
            }
        }
    }

    fn parts(read: &Secured) -> (&'static str, String, Value) {
        (read.envelope().format(Content::Credential), read.key_id().to_string(), read.payload().clone())
    }
}

/// A refusal of what is of a known kind and says what cannot be.
pub(super) fn malformed(reason: impl Into<String>) -> Failure {
    Failure::local(Local::Usage, reason, "Ask its issuer for the right one.")
}
