//! DIDs, DID URLs and DID documents.

use super::{Found, Thing, key};
use crate::cli::history::{fragment, kind_name, uses};
use crate::failure::{Failure, Local};
use crate::output::{self, words};
use did_resolver::did::DidUrl;
use did_resolver::document::{Document, VerificationMethod};
use did_resolver::methods::resolve;
use did_resolver::methods::web::WebId;
use did_resolver::webvh::{ScidId, WebvhId};
use serde_json::{Value, json};
use vc_schemas::code::Code;

/// Methods whose DIDs are their own documents.
const SELF_CONTAINED: [&str; 3] = ["key", "jwk", "peer"];

pub(super) fn read(thing: &Thing) -> Option<Result<Found, Failure>> {
    let text = thing.word().filter(|text| text.starts_with("did:"))?;
    Some(text.parse().map_err(|_| Failure::of(Code::DidMalformed)).and_then(|url| of_url(&url)))
}

fn of_url(url: &DidUrl) -> Result<Found, Failure> {
    let did = url.did();
    let refused = |reason: String| Failure::of(Code::DidMalformed).because(reason);
    let mut says = json!({"did": did.as_str(), "method": did.method()});
    let mut rows = vec![("did", did.to_string())];
    let mut keys = String::new();
    match did.method() {
        "webvh" => {
            let id = WebvhId::parse(did).map_err(|error| refused(error.to_string()))?;
            rows.push(("in words", words(did)));
            rows.push(("scid", id.scid().to_owned()));
            rows.push(("host", id.host().to_owned()));
            rows.push(("log", id.log_url()));
            rows.push(("witness proofs", id.witness_url()));
            says = joined(
                says,
                json!({"scid": id.scid(), "host": id.host(), "port": id.port(), "path": id.path(),
                       "logUrl": id.log_url(), "witnessUrl": id.witness_url()}),
            );
        }
        "scid" => {
            let id = ScidId::parse(url).map_err(|error| refused(error.to_string()))?;
            rows.push(("scid", id.scid().to_owned()));
            says = joined(says, json!({"scid": id.scid()}));
            if let Ok(Some(source)) = id.webvh() {
                rows.push(("log", source.log_url()));
                says = joined(says, json!({"logUrl": source.log_url(), "sameAs": source.did().as_str()}));
            }
        }
        "web" => {
            let id = WebId::parse(did).map_err(|error| refused(error.to_string()))?;
            rows.push(("host", id.host().to_owned()));
            rows.push(("document", id.document_url()));
            says =
                joined(says, json!({"host": id.host(), "path": id.path(), "documentUrl": id.document_url()}));
        }
        method if SELF_CONTAINED.contains(&method) => match resolve(did) {
            Ok(document) => {
                keys = key_table(&document);
                says = joined(says, json!({"keys": key_list(&document), "document": document.json()}));
            }
            // A long form is the document; of a short form only its maker knows it.
            Err(error) => return Err(refused(error.to_string())),
        },
        method => rows.push(("method", format!("{method}, which is not spoken here"))),
    }
    let query = url.query().unwrap_or_default();
    rows.extend([
        ("path", url.path().to_owned()),
        ("query", query.to_owned()),
        ("fragment", url.fragment().unwrap_or_default().to_owned()),
    ]);
    let is_did = url.as_str() == did.as_str();
    if !is_did {
        says = joined(
            says,
            json!({"url": url.as_str(), "path": url.path(), "query": url.query(), "fragment": url.fragment()}),
        );
    }
    let is = if is_did { "a DID" } else { "a DID URL" };
    Ok(Found::read(is, format!("{}{keys}", output::facts(&rows)), &says))
}

pub(super) fn document(thing: &Thing) -> Option<Result<Found, Failure>> {
    let json = thing.member("didDocument").or(thing.json.as_ref())?;
    json.get("id")?.as_str().filter(|id| id.starts_with("did:"))?;
    let refused =
        |reason: String| Failure::local(Local::Usage, reason, "Ask its controller for the right one.");
    Some(Document::parse(json.clone()).map_err(|error| refused(error.to_string())).map(|document| {
        let mut rows = vec![("did", document.id().to_string()), ("in words", words(document.id()))];
        rows.extend(document.services().iter().map(|service| {
            (
                "service",
                format!("{} ({}) {}", fragment(&service.id), service.types.join(", "), service.endpoint),
            )
        }));
        let says =
            json!({"did": document.id().as_str(), "keys": key_list(&document), "document": document.json()});
        Found::read("a DID document", format!("{}{}", output::facts(&rows), key_table(&document)), &says)
    }))
}

fn joined(mut one: Value, other: Value) -> Value {
    if let (Some(members), Value::Object(more)) = (one.as_object_mut(), other) {
        members.extend(more);
    }
    one
}

fn key_list(document: &Document) -> Value {
    let key = |method: &VerificationMethod| {
        let forms = method.key.as_ref().map(key::facts).unwrap_or_default();
        let about = json!({"id": method.id.as_str(), "controller": method.controller.as_str(),
                           "uses": uses(document, method)});
        joined(about, forms)
    };
    document.methods().iter().map(key).collect()
}

fn key_table(document: &Document) -> String {
    let row = |method: &VerificationMethod| {
        let kind = method.key.as_ref().map_or("not spoken here", |key| kind_name(key.kind()));
        let multikey =
            method.key.as_ref().map(did_resolver::keys::PublicKey::to_multikey).unwrap_or_default();
        vec![fragment(&method.id), kind.to_owned(), uses(document, method), multikey]
    };
    let rows: Vec<Vec<String>> = document.methods().iter().map(row).collect();
    output::table(&["KEY", "KIND", "FOR", "MULTIKEY"], &rows, "no keys")
}
