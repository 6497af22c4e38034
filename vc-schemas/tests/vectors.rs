//! Runs `tests/vectors/marque` from the files alone, by what anybody may call.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use did_resolver::document::Document;
use did_resolver::time::UnixSeconds;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use vc_schemas::check::{Held, Outcome, check, check_credential};
use vc_schemas::claims::Claims;
use vc_schemas::code::Code;
use vc_schemas::delegation::scope::Scope;
use vc_schemas::facts::{Anchor, DidFact, Expect, Facts, ListFact, Recognition, Request};
use vc_schemas::secure::{Content, Envelope, MAX_PRESENTATION_BYTES, Secured};
use vc_schemas::status::StatusList;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/marque")
}

fn text(json: &Value) -> &str {
    json.as_str().unwrap()
}

fn instant(json: &Value) -> UnixSeconds {
    UnixSeconds::parse(text(json)).unwrap()
}

fn expect(json: &Value) -> Expect {
    let seconds = |name: &str| Duration::from_secs(json[name].as_u64().unwrap());
    let domains = json["domains"].as_object().unwrap().iter().map(|(scid, domain)| {
        let anchor = Anchor { capabilities: Scope::read(&domain["capabilities"]).unwrap(), resources: None };
        (scid.clone(), Recognition { suspended: domain["suspended"].as_bool().unwrap(), anchor })
    });
    Expect {
        audience: text(&json["audience"]).to_owned(),
        nonce: text(&json["nonce"]).to_owned(),
        domains: domains.collect(),
        principals: BTreeMap::new(),
        status_max_age: seconds("statusMaxAgeSeconds"),
        deferrable: Scope::default(),
        skew: seconds("skewSeconds"),
        request: Request::default(),
    }
}

fn facts(file: &Value, now: UnixSeconds) -> Facts {
    let mut facts = Facts::default();
    for (did, fact) in file["dids"].as_object().unwrap() {
        let fact = match fact.as_object().unwrap().keys().next().unwrap().as_str() {
            "document" => DidFact::Active {
                document: Arc::new(Document::parse(fact["document"].clone()).unwrap()),
                version: 1,
            },
            "deactivated" => DidFact::Deactivated,
            _ => DidFact::Contested,
        };
        facts.insert_did(did.parse().unwrap(), fact);
    }
    for list in file["statusLists"].as_array().unwrap() {
        let bytes = text(list).as_bytes();
        let secured = Secured::parse(Content::Credential, Envelope::Jwt, bytes, 1 << 20).unwrap();
        let document = &file["dids"][text(&secured.payload()["issuer"])]["document"];
        let document = Document::parse(document.clone()).unwrap();
        let list = StatusList::verified(secured, &document, now).unwrap();
        facts.insert_list(ListFact { list: Arc::new(list), revoked_ever: None });
    }
    facts
}

fn request(json: &Value) -> Request {
    let text = |name: &str| json[name].as_str().map(str::to_owned);
    Request {
        capability: text("capability").map(|capability| capability.parse().unwrap()),
        resource: text("resource"),
        arguments: json["arguments"].as_object().cloned().unwrap_or_default().into_iter().collect(),
        ..Request::default()
    }
}

fn told<V>(outcome: Outcome<V>, verdict: impl Fn(&V) -> Value) -> Value {
    match outcome {
        Outcome::Verified(told) => verdict(&told),
        Outcome::Refused(refusal) => {
            json!({"outcome": "refused", "code": refusal.code.as_str(), "path": refusal.path.to_json()})
        }
        Outcome::Wants(wants) => json!({
            "outcome": "wants",
            "dids": wants.dids.iter().map(|did| did.as_str()).collect::<Vec<_>>(),
            "statusLists": wants.status_lists.iter()
                .map(|key| json!({"issuer": key.issuer.as_str(), "url": key.url})).collect::<Vec<_>>(),
        }),
    }
}

/// What this verifier says of a case.
fn run(file: &Value, case: &Value) -> Value {
    let now = instant(&case["now"]);
    let expect = Expect { request: request(&case["request"]), ..expect(&file["expect"]) };
    let facts = facts(file, now);
    let media_type = text(&case["mediaType"]);
    let of = |content| Envelope::of_media_type(content, media_type).map(|envelope| (content, envelope));
    let (content, envelope) = [Content::Credential, Content::Presentation].into_iter().find_map(of).unwrap();
    let secured = Secured::from_text(content, envelope, text(&case["secured"]), MAX_PRESENTATION_BYTES);
    let secured = match secured {
        Ok(secured) => secured,
        Err(error) => panic!("{}: {error}", case["name"]),
    };
    if content == Content::Credential {
        return told(check_credential(&secured, &facts, &expect, now), |_| json!({"outcome": "verified"}));
    }
    match Held::read(secured) {
        Ok(held) => told(
            check(&held, &facts, &expect, now),
            |verdict| json!({"outcome": "verified", "verdict": verdict.to_json()}),
        ),
        Err(refusal) => told(Outcome::<()>::Refused(refusal), |()| Value::Null),
    }
}

// R-041 R-042 R-043
#[test]
fn every_case_of_every_type_has_its_outcome() {
    let mut types = BTreeSet::new();
    for name in Claims::TYPES {
        let path = folder().join(format!("{name}.json"));
        let file: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let (mut verified, mut refused) = (0, BTreeSet::new());
        for case in file["cases"].as_array().unwrap() {
            assert_eq!(run(&file, case), case["expected"], "{name}: {}", case["name"]);
            match case["expected"]["code"].as_str() {
                Some(code) => {
                    refused.insert(code.parse::<Code>().unwrap());
                }
                None => verified += usize::from(case["expected"]["outcome"] == "verified"),
            }
        }
        assert!(verified >= 3 && refused.len() >= 8, "{name}: {verified} verified, {refused:?}");
        types.insert(text(&file["type"]).to_owned());
    }
    assert_eq!(types, Claims::TYPES.map(str::to_owned).into());
    let files = fs::read_dir(folder()).unwrap().flatten().map(|file| file.path());
    assert_eq!(files.filter(|path| path.extension().is_some_and(|e| e == "json")).count(), types.len());
}
