//! Resolution, logs and lists, as anybody may have them.

use crate::world::{NOW, Party, World};
use axum::http::Request;
use did_resolver::did::Did;
use did_resolver::document::{Document, Relationship};
use did_resolver::methods::web::WebId;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::Log;
use marque_flows::ports::records::{Expect, Table, Write};
use serde_json::json;
use vc_schemas::secure::{Content, Envelope, Secured};
use vc_schemas::status::StatusList;
use vc_schemas::status::aggregation::Aggregation;
use vc_schemas::status::token_list::{Form, Token};

#[tokio::test]
async fn a_did_resolves_however_it_is_written() {
    let world = World::new().await;
    let alice = world.owner("alice").await;
    let encoded = alice.did.as_str().replace(':', "%3A");
    for did in [alice.did.as_str(), &encoded] {
        let answer = world.public(Request::get(format!("/1.0/identifiers/{did}")), "").await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        assert_eq!(answer.media_type(), "application/did-resolution");
        assert_eq!(answer.json()["didDocument"]["id"], alice.did.as_str());
        assert_eq!(answer.json()["didDocumentMetadata"]["versionNumber"], "1");
    }
    let path = format!("/1.0/identifiers/{}", alice.did);
    let bare = world.public(Request::get(&path).header("accept", "application/did"), "").await;
    assert_eq!((bare.status, bare.media_type()), (200, "application/did"));
    assert_eq!(bare.json()["id"], alice.did.as_str());
    let version = world.public(Request::get(format!("{path}?versionNumber=1")), "").await;
    assert_eq!(version.status, 200);
    let head = world.public(Request::head(&path), "").await;
    assert_eq!((head.status, head.bytes.len()), (200, 0));
}

#[tokio::test]
async fn what_does_not_resolve_says_why() {
    let world = World::new().await;
    let alice = world.owner("alice").await;
    let unknown = Party::new("x", "bravo.test").did;
    let cases = [
        ("did:webvh:short:alpha.test", 400, "INVALID_DID"),
        ("not-a-did", 400, "INVALID_DID"),
        ("did:webvh:a/b", 400, "INVALID_DID"),
        ("%ff", 400, "INVALID_DID"),
        (&format!("{}?versionNumber=x", alice.did), 400, "INVALID_OPTIONS"),
        (&format!("{}?versionNumber=1&versionNumber=1", alice.did), 400, "INVALID_OPTIONS"),
        (&format!("{}?versionNumber=2", alice.did), 404, "NOT_FOUND"),
        (unknown.as_str(), 404, "NOT_FOUND"),
        ("did:web:example.com", 501, "METHOD_NOT_SUPPORTED"),
        ("did:key:zNothing", 400, "INVALID_DID"),
        (&format!("{}%3FversionNumber=1?versionNumber=1", alice.did), 400, "INVALID_OPTIONS"),
    ];
    for (did, status, error) in cases {
        let answer = world.public(Request::get(format!("/1.0/identifiers/{did}")), "").await;
        let json = answer.json();
        assert_eq!(answer.status, status, "{did}: {json}");
        let part = if did.contains("a/b") { "dereferencingMetadata" } else { "didResolutionMetadata" };
        let named = json[part]["error"]["type"].as_str().unwrap();
        assert!(named.ends_with(error), "{did}: {named}");
    }
    let request = Request::get(format!("/1.0/identifiers/{}", alice.did)).header("accept", "text/html");
    assert_eq!(world.public(request, "").await.status, 406);
}

const KEY: &str = "z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG";

#[tokio::test]
async fn a_client_gets_the_representation_that_it_accepts() {
    let world = World::new().await;
    let path = format!("/1.0/identifiers/did:key:{KEY}");
    let profiled = "application/ld+json;profile=\"https://w3id.org/did-resolution\"";
    for (accept, media_type, whole) in [
        ("*/*", "application/did-resolution", true),
        ("application/did-resolution", "application/did-resolution", true),
        ("application/json", "application/json", true),
        (profiled, profiled, true),
        ("application/did", "application/did", false),
        ("application/did+json", "application/did+json", false),
        ("application/did+ld+json, application/did;q=0.2", "application/did+ld+json", false),
    ] {
        let answer = world.public(Request::get(&path).header("accept", accept), "").await;
        assert_eq!((answer.status, answer.media_type()), (200, media_type), "{accept}");
        let json = answer.json();
        let document = if whole { &json["didDocument"] } else { &json };
        assert_eq!(document["id"], format!("did:key:{KEY}"), "{accept}");
        assert_eq!(json.get("@context").is_some(), !whole || accept == profiled, "{accept}");
    }
    for accept in ["text/html", "application/ld+json;profile=\"https://a.test/\"", "application/did;q=0"] {
        assert_eq!(
            world.public(Request::get(&path).header("accept", accept), "").await.status,
            406,
            "{accept}"
        );
    }
}

#[tokio::test]
async fn an_answer_says_where_it_came_from_and_a_trace_what_was_looked_at() {
    let world = World::new().await;
    let alice = world.owner("alice").await;
    let path = format!("/1.0/identifiers/{}", alice.did);
    let plain = world.public(Request::get(&path), "").await.json();
    let metadata = &plain["didResolutionMetadata"];
    assert_eq!(metadata["contentType"], "application/did");
    assert_eq!((&metadata["source"], &metadata["stale"]), (&json!("store"), &json!(false)));
    assert_eq!((&metadata["sources"], metadata["confirmedAt"].is_string()), (&json!("1"), true));
    assert!(metadata.get("trace").is_none());
    let traced = world.public(Request::get(format!("{path}?trace=true")), "").await.json();
    let step = &traced["didResolutionMetadata"]["trace"][0];
    assert_eq!((&step["source"], &step["outcome"]), (&json!("store"), &json!("found")));
    assert!(step["ms"].is_u64() && step["detail"].as_str().unwrap().contains("version 1-"));
    let unknown = Party::new("x", "bravo.test").did;
    let vain = world.public(Request::get(format!("/1.0/identifiers/{unknown}?trace=true")), "").await;
    assert_eq!(vain.json()["didResolutionMetadata"]["trace"][0]["outcome"], "missing");
}

#[tokio::test]
async fn a_did_with_two_histories_is_refused_and_the_trace_says_what_was_looked_at() {
    let world = World::new().await;
    let party = Party::new("two", "bravo.test:agents:two");
    let branches = [party.rotated(false), party.rotated(true)];
    for (n, branch) in branches.into_iter().enumerate() {
        let key = format!("{}#{n}", party.did).into_bytes();
        let write = Write { table: Table::Logs, key, value: Some(branch), expect: Expect::Absent };
        world.faces.domain.records().commit(vec![write]).await.unwrap();
    }
    let path = format!("/1.0/identifiers/{}", party.did);
    let plain = world.public(Request::get(&path), "").await;
    assert_eq!((plain.status, plain.code()), (403, "did-contested".into()));
    assert!(plain.json().get("trace").is_none());
    let traced = world.public(Request::get(format!("{path}?trace=true")), "").await;
    assert_eq!((traced.status, traced.code()), (403, "did-contested".into()));
    let step = traced.json()["trace"][0].clone();
    assert_eq!((&step["source"], &step["outcome"]), (&json!("store"), &json!("found")));
    assert_eq!(step["detail"], "2 histories");
}

#[tokio::test]
async fn options_may_be_posted() {
    let world = World::new().await;
    let alice = world.owner("alice").await;
    let path = format!("/1.0/identifiers/{}", alice.did);
    let post = async |body: &'static str| {
        let request = Request::post(&path).header("content-type", "application/json");
        world.public(request, body).await
    };
    let first =
        post(r#"{"versionNumber": "1", "trace": true, "accept": "application/did-resolution"}"#).await;
    assert_eq!(first.status, 200);
    assert!(first.json()["didResolutionMetadata"]["trace"].is_array());
    let bare = post(r#"{"accept": "application/did"}"#).await;
    assert_eq!((bare.status, bare.media_type()), (200, "application/did"));
    assert_eq!(world.public(Request::post(&path), "").await.status, 200, "no option is needed");
    for (body, status) in [
        (r#"{"versionNumber": "2"}"#, 404),
        (r#"{"versionNumber": "x"}"#, 400),
        (r#"{"versionNumber": 1}"#, 400),
        (r#"["trace"]"#, 400),
        (r#"{"accept": "text/html"}"#, 406),
        ("{", 400),
    ] {
        assert_eq!(post(body).await.status, status, "{body}");
    }
    let plain = world.public(Request::post(&path).header("content-type", "text/plain"), "{}").await;
    assert_eq!(plain.code(), "media-type-unsupported");
    let long = format!("{{\"accept\": \"{}\"}}", "a".repeat(20_000));
    let request = Request::post(&path).header("content-type", "application/json");
    assert_eq!(world.public(request, long).await.code(), "too-large");
}

#[tokio::test]
async fn a_did_url_leads_to_what_it_names() {
    let world = World::new().await;
    let alice = world.owner("alice").await;
    let base = "https://alpha.test/owners/alice/";
    let get = async |rest: &str, accept: &str| {
        let path = format!("/1.0/identifiers/{}{rest}", alice.did);
        world.public(Request::get(path).header("accept", accept), "").await
    };
    let whole = get("%23key-1", "*/*").await;
    assert_eq!((whole.status, whole.media_type()), (200, "application/did-url-dereferencing"));
    assert_eq!(whole.json()["content"]["type"], "Multikey");
    assert_eq!(whole.json()["dereferencingMetadata"]["source"], "store");
    let bare = get("%23key-1", "application/did").await;
    assert_eq!((bare.status, &bare.json()["type"]), (200, &json!("Multikey")));
    let encoded = format!("{}#key-1", alice.did).replace(':', "%3A").replace('#', "%23");
    let encoded = world.public(Request::get(format!("/1.0/identifiers/{encoded}")), "").await;
    assert_eq!(encoded.json()["content"]["type"], "Multikey");
    for (rest, leads_to) in [
        ("/whois", format!("{base}whois.vp")),
        ("/a/b.txt", format!("{base}a/b.txt")),
        ("?service=files&relativeRef=%2Fcard.json", format!("{base}card.json")),
        ("?service=whois", format!("{base}whois.vp")),
        ("%3Fservice=files", base.to_owned()),
    ] {
        let answer = get(rest, "*/*").await;
        assert_eq!(answer.status, 303, "{rest}: {}", answer.json());
        assert_eq!(answer.headers["location"], leads_to.as_str(), "{rest}");
        assert_eq!(answer.json()["content"][0], leads_to.as_str(), "{rest}");
    }
    let files = get("%23files", "*/*").await;
    assert_eq!((files.status, &files.json()["content"]["serviceEndpoint"]), (200, &json!(base)));
    for (rest, status, error) in [
        ("%23nothing", 404, "NOT_FOUND"),
        ("?service=nothing", 404, "NOT_FOUND"),
        ("/../a", 400, "INVALID_DID_URL"),
        ("/%2e%2e/a", 400, "INVALID_DID_URL"),
        ("?service=files&relativeRef=%2F..%2Fa", 400, "INVALID_DID_URL"),
        ("?service=files&service=whois", 400, "INVALID_DID_URL"),
    ] {
        let answer = get(rest, "*/*").await;
        let json = answer.json();
        let metadata =
            json.get("dereferencingMetadata").unwrap_or_else(|| &json["didResolutionMetadata"]).clone();
        let named = metadata["error"]["type"].as_str().unwrap_or_default();
        assert_eq!(answer.status, status, "{rest}: {json}");
        assert!(named.ends_with(error), "{rest}: {json}");
    }
    assert_eq!(get("/whois", "text/html").await.status, 406);
    for accept in
        ["text/uri-list", "application/did", "text/uri-list, application/did-url-dereferencing;q=0.5"]
    {
        let answer = get("/whois", accept).await;
        assert_eq!((answer.status, answer.bytes.len()), (303, 0), "{accept}");
        assert_eq!(answer.headers["location"], format!("{base}whois.vp").as_str(), "{accept}");
        assert!(!answer.headers.contains_key("content-type"), "{accept}");
    }
    let selected = get("?service=files", "application/did").await;
    assert_eq!((selected.status, selected.media_type()), (200, "application/did"));
    assert_eq!(selected.json()["service"].as_array().unwrap().len(), 1);
    let no_url = get("%23key-1", "text/uri-list").await;
    assert_eq!(no_url.status, 406);
    let named = no_url.json()["dereferencingMetadata"]["error"]["type"].clone();
    assert_eq!(named, "https://www.w3.org/ns/did#REPRESENTATION_NOT_SUPPORTED");
}

#[tokio::test]
async fn options_of_the_specification_are_heeded_and_unknown_ones_refused() {
    let world = World::new().await;
    let alice = world.owner("alice").await;
    let get = async |rest: &str| {
        let answer = world.public(Request::get(format!("/1.0/identifiers/{}{rest}", alice.did)), "").await;
        let json = answer.json();
        let metadata = json.get("dereferencingMetadata").or(json.get("didResolutionMetadata")).cloned();
        let named = metadata.unwrap()["error"]["type"].as_str().unwrap_or_default().to_owned();
        (answer.status, named.rsplit('#').next().unwrap().to_owned())
    };
    for (rest, status, error) in [
        ("?expandRelativeUrls=true", 200, ""),
        ("?expandRelativeUrls=yes", 400, "INVALID_OPTIONS"),
        ("?noCache=false", 200, ""),
        ("?noCache=true", 501, "FEATURE_NOT_SUPPORTED"),
        ("?noCache=1", 400, "INVALID_OPTIONS"),
        ("?trace=true&trace=true", 400, "INVALID_OPTIONS"),
        ("?trace=maybe", 400, "INVALID_OPTIONS"),
        ("?anything=else", 501, "FEATURE_NOT_SUPPORTED"),
        ("?accept=application%2Fdid", 501, "FEATURE_NOT_SUPPORTED"),
        ("%23key-1?verificationRelationship=authentication", 200, ""),
        (
            "%23key-1?verificationRelationship=keyAgreement",
            400,
            "INVALID_RELATIONSHIP_FOR_VERIFICATION_METHOD",
        ),
        ("%23files?verificationRelationship=authentication", 400, "INVALID_VERIFICATION_METHOD"),
        ("?verificationRelationship=authentication", 400, "INVALID_VERIFICATION_METHOD"),
        ("%23key-1?verificationRelationship=friendship", 400, "INVALID_OPTIONS"),
    ] {
        assert_eq!(get(rest).await, (status, error.to_owned()), "{rest}");
    }
    let path = format!("/1.0/identifiers/{}", alice.did);
    let post = async |body: &'static str| {
        let request = Request::post(&path).header("content-type", "application/json");
        world.public(request, body).await.status
    };
    assert_eq!(post(r#"{"expandRelativeUrls": true, "noCache": false}"#).await, 200);
    assert_eq!(post(r#"{"noCache": true}"#).await, 501);
    assert_eq!(post(r#"{"anything": "else"}"#).await, 501);
}

#[tokio::test]
async fn relative_ids_are_written_in_full_on_demand() {
    let world = World::new().await;
    let input = json!({
        "verificationMethod": [{"id": "#k", "type": "Multikey", "publicKeyMultibase": KEY}],
        "assertionMethod": ["#k"],
    });
    let did = did_resolver::methods::peer::hashed::long_form(&input).unwrap();
    let ids = async |rest: &str| {
        let path = format!("/1.0/identifiers/{did}{rest}");
        let document = world.public(Request::get(path), "").await.json()["didDocument"].clone();
        [&document["verificationMethod"][0]["id"], &document["assertionMethod"][0]].map(Clone::clone)
    };
    assert_eq!(ids("").await, ["#k", "#k"].map(|id| json!(id)));
    let whole = json!(format!("{did}#k"));
    assert_eq!(ids("?expandRelativeUrls=true").await, [whole.clone(), whole]);
}

#[tokio::test]
async fn a_deactivated_did_is_gone() {
    let world = World::new().await;
    let gone = Party::new("gone", "bravo.test:agents:gone");
    let value = Some(gone.rotated(true));
    let key = format!("{}#0", gone.did).into_bytes();
    let write = Write { table: Table::Logs, key, value, expect: Expect::Absent };
    world.faces.domain.records().commit(vec![write]).await.unwrap();
    for accept in ["application/did-resolution", "application/did"] {
        let request = Request::get(format!("/1.0/identifiers/{}", gone.did)).header("accept", accept);
        let answer = world.public(request, "").await;
        assert_eq!((answer.status, answer.media_type()), (410, "application/did-resolution"));
        assert_eq!(answer.json()["didDocumentMetadata"]["deactivated"], true);
    }
}

#[tokio::test]
async fn logs_of_this_domain_are_served_as_they_are_and_no_others() {
    let world = World::new().await;
    let alice = world.owner("alice").await;
    let bot = world.agent("bot", "alice", &[]).await;
    let served = [
        ("/.well-known/did.jsonl", &world.alpha),
        ("/owners/alice/did.jsonl", &alice),
        ("/agents/bot/did.jsonl", &bot),
    ];
    for (path, party) in served {
        let answer = world.public(Request::get(path), "").await;
        assert_eq!((answer.status, answer.media_type()), (200, "text/jsonl"), "{path}");
        let log = Log::verify(&party.log, UnixSeconds::new(NOW)).unwrap();
        assert_eq!(answer.bytes, log.bytes(), "{path}");
        let again = Log::verify(&answer.bytes, UnixSeconds::new(NOW)).unwrap();
        assert_eq!(again.did(), &party.did);
    }
    let absent = ["/agents/alice/did.jsonl", "/agents/%2e%2e/did.jsonl", "/agents/..%2fowners/did.jsonl"];
    for path in absent {
        assert_eq!(world.public(Request::get(path), "").await.code(), "agent-unknown", "{path}");
    }
    for path in ["/did.jsonl", "/others/alice/did.jsonl", "/agents/bot/x/did.jsonl"] {
        assert_eq!(world.public(Request::get(path), "").await.code(), "not-found", "{path}");
    }
}

#[tokio::test]
async fn beside_each_log_stands_the_did_web_document_that_follows_from_it() {
    let world = World::new().await;
    let alice = world.owner("alice").await;
    let bot = world.agent("bot", "alice", &[]).await;
    let served = [
        ("/.well-known/did.json", &world.alpha, "did:web:alpha.test"),
        ("/owners/alice/did.json", &alice, "did:web:alpha.test:owners:alice"),
        ("/agents/bot/did.json", &bot, "did:web:alpha.test:agents:bot"),
    ];
    for (path, party, did) in served {
        let answer = world.public(Request::get(path), "").await;
        assert_eq!((answer.status, answer.media_type()), (200, "application/did+json"), "{path}");
        let id = WebId::parse(&did.parse().unwrap()).unwrap();
        assert!(id.document_url().ends_with(path), "{path}");
        let document = id.document(&answer.bytes).unwrap();
        assert_eq!(answer.json()["alsoKnownAs"], json!([party.did.as_str()]));
        let key = did.parse::<Did>().unwrap().with_fragment("key-1").unwrap();
        assert!(document.lists(Relationship::AssertionMethod, &key), "{path}");
    }
    assert_eq!(world.public(Request::get("/agents/alice/did.json"), "").await.code(), "agent-unknown");
    let key = format!("{}#0", bot.did).into_bytes();
    let over = Write { table: Table::Logs, key, value: Some(bot.rotated(true)), expect: Expect::Any };
    world.faces.domain.records().commit(vec![over]).await.unwrap();
    assert_eq!(world.public(Request::get("/agents/bot/did.json"), "").await.code(), "not-found");
    assert_eq!(world.public(Request::get("/agents/bot/did.jsonl"), "").await.status, 200);
}

#[tokio::test]
async fn a_status_list_is_served_as_signed_and_says_who_is_revoked() {
    // R-043
    let world = World::new().await;
    world.owner("alice").await;
    let log = Log::verify(&world.alpha.log, UnixSeconds::new(NOW)).unwrap();
    let document: Document = log.document().unwrap().clone();
    let mut sequences = Vec::new();
    for act in ["suspend", "revoke"] {
        world.post(&format!("/v1/owners/alice/{act}"), &json!({})).await;
        let answer = world.public(Request::get("/status/revocation"), "").await;
        assert_eq!((answer.status, answer.media_type()), (200, "application/vc+jwt"));
        let secured = Secured::parse(Content::Credential, Envelope::Jwt, &answer.bytes, 1 << 22).unwrap();
        let list = StatusList::verified(secured, &document, UnixSeconds::new(NOW)).unwrap();
        sequences.push((list.sequence, (0..131_072).filter(|i| list.bits.get(*i) == Some(true)).count()));
    }
    assert_eq!(sequences, [(3, 0), (6, 1)]);
    assert_eq!(world.public(Request::get("/status/message"), "").await.code(), "not-found");
}

// R-158
#[tokio::test]
async fn a_status_list_is_served_in_the_encoding_that_is_asked_for() {
    // R-043
    let world = World::new().await;
    world.owner("alice").await;
    world.post("/v1/owners/alice/suspend", &json!({})).await;
    let get = |path: &str, accept: &str| world.public(Request::get(path).header("accept", accept), "");
    for path in ["/status/revocation", "/status/suspension"] {
        for form in Form::ALL {
            let answer = get(path, form.media_type()).await;
            assert_eq!((answer.status, answer.media_type()), (200, form.media_type()));
            let header = |name: &str| answer.headers[name].to_str().unwrap();
            assert_eq!((header("cache-control"), header("vary")), ("max-age=240", "accept"));
            let token = Token::parse(form, &answer.bytes).unwrap();
            assert_eq!(token.list().url, format!("https://alpha.test{path}"));
            let set: Vec<u8> = token.list().bits.values_set().map(|(_, value)| value).collect();
            assert_eq!(set, if path.ends_with("suspension") { vec![2] } else { vec![] });
            let url = token.list().aggregation.clone().unwrap();
            let lists = world.get(url.strip_prefix("https://alpha.test").unwrap()).await;
            let lists = Aggregation::parse(&lists.bytes).unwrap().lists;
            assert_eq!(lists, ["revocation", "suspension"].map(|p| format!("https://alpha.test/status/{p}")));
        }
        for default in ["*/*", "text/html", "application/vc+jwt, application/statuslist+jwt;q=0.9"] {
            assert_eq!(get(path, default).await.media_type(), "application/vc+jwt", "{default}");
        }
        for time in ["time=1700000000", "a=b&time=", "time"] {
            let answer = get(&format!("{path}?{time}"), "*/*").await;
            assert_eq!((answer.status, answer.code()), (501, "status-history-unsupported".into()));
        }
    }
}

// R-049
#[tokio::test]
async fn every_type_has_a_schema_that_anybody_may_read() {
    let world = World::new().await;
    let types = world.public(Request::get("/v1/schemas"), "").await.json()["types"].clone();
    assert_eq!(types.as_array().unwrap().len(), 7);
    for name in types.as_array().unwrap().iter().map(|name| name.as_str().unwrap()) {
        let answer = world.public(Request::get(format!("/v1/schemas/{name}")), "").await;
        assert_eq!((answer.status, answer.media_type()), (200, "application/schema+json"));
        assert_eq!(answer.json()["title"], name);
    }
    let context = world.public(Request::get("/v1/context"), "").await;
    assert_eq!((context.status, context.media_type()), (200, "application/ld+json"));
    assert!(context.json()["@context"].get("ApprovalCredential").is_some());
    for path in ["/v1/schemas/Schema", "/v1/schemas/..%2Fcontext"] {
        assert_eq!(world.public(Request::get(path), "").await.code(), "not-found", "{path}");
    }
}
