//! Hostile bodies on every route that takes one: each is refused with a code, and changes nothing.

use crate::world::{Answer, World};
use axum::body::Body;
use axum::http::Request;
use futures::stream;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;

const ID: &str = "urn:uuid:00000000-0000-4000-8000-000000000000";

/// Every POST route, with a body of the right form.
fn routes() -> Vec<(String, Value)> {
    let member = json!({"name": "bot", "kind": "person", "log": "{}", "proof": "a.b.c"});
    let agent = json!({"name": "bot", "owner": "alice", "capabilities": [], "log": "{}", "proof": "a.b.c"});
    let mut routes = vec![
        ("/v1/nonces".to_owned(), json!({})),
        ("/v1/verify".to_owned(), json!({"presentation": "a.b.c"})),
        ("/v1/owners".to_owned(), member),
        ("/v1/agents".to_owned(), agent),
        ("/v1/indices".to_owned(), json!({"issuer": "did:key:z6Mk"})),
        ("/v1/links".to_owned(), json!({"chain": ["a.b.c"]})),
        ("/v1/approvals".to_owned(), json!({"approval": "a.b.c"})),
        ("/v1/contested/did:web:a.example/settle".to_owned(), json!({"versionId": "1-Qm"})),
        ("/v1/trust/did:web:a.example/suspend".to_owned(), json!({})),
        ("/v1/trust/did:web:a.example/resume".to_owned(), json!({})),
        ("/v1/trust/did:web:a.example/remove".to_owned(), json!({})),
        ("/v1/invites".to_owned(), json!({})),
        ("/v1/memberships/revoke".to_owned(), json!({})),
        ("/v1/peers".to_owned(), json!({"token": "mqj1.x"})),
        ("/v1/trust".to_owned(), json!({"did": "did:key:z6Mk", "capabilities": []})),
        ("/credentials/issue".to_owned(), json!({"credential": {}})),
        (
            "/credentials/status".to_owned(),
            json!({"credentialId": ID, "credentialStatus": {}, "status": true}),
        ),
        ("/credentials/derive".to_owned(), json!({"verifiableCredential": {}})),
        ("/credentials/verify".to_owned(), json!({"verifiableCredential": {}})),
        ("/presentations/verify".to_owned(), json!({"verifiablePresentation": {}})),
    ];
    for (base, name) in [("owners", "alice"), ("agents", "bot"), ("credentials", ID)] {
        for act in ["suspend", "resume", "revoke"] {
            routes.push((format!("/v1/{base}/{name}/{act}"), json!({})));
        }
    }
    for (base, name) in [("owners", "alice"), ("agents", "bot")] {
        routes.push((format!("/v1/{base}/{name}/log"), json!({"log": "{}"})));
    }
    routes
}

async fn populated() -> World {
    let world = World::new().await;
    world.owner("alice").await;
    world.agent("bot", "alice", &["calendar:read"]).await;
    world
}

async fn post(world: &World, path: &str, content_type: &str, body: impl Into<Body>) -> Answer {
    let mut request = Request::post(path);
    if !content_type.is_empty() {
        request = request.header("content-type", content_type);
    }
    world.send(request, body).await
}

const JSON: &str = "application/json";

#[tokio::test]
async fn a_hostile_body_is_refused_on_every_route_and_changes_nothing() {
    let world = populated().await;
    let before = world.state().await;
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(40), "]".repeat(40));
    for (path, body) in routes() {
        let text = body.to_string();
        let large = format!("{{{}}}", " ".repeat(1_600 * 1_024));
        let mut unknown = body.clone();
        unknown["surprise"] = json!(1);
        let open = text.strip_suffix('}').unwrap();
        let doubled = match open.len() {
            1 => r#"{"a":1,"a":1}"#.to_owned(),
            _ => format!("{open},{}", text.strip_prefix('{').unwrap()),
        };
        let cases: Vec<(&str, &str, Vec<u8>, u16, &str)> = vec![
            ("oversized", JSON, large.into_bytes(), 413, "too-large"),
            ("truncated", JSON, open.into(), 400, "json-refused"),
            ("empty", JSON, Vec::new(), 400, "json-refused"),
            ("deep", JSON, deep.clone().into_bytes(), 400, "json-refused"),
            ("doubled", JSON, doubled.into_bytes(), 400, "json-refused"),
            ("not UTF-8", JSON, b"{\"a\":\"\xff\"}".to_vec(), 400, "json-refused"),
            ("inexact", JSON, b"{\"a\":9007199254740993}".to_vec(), 400, "json-refused"),
            ("two values", JSON, format!("{text}{text}").into_bytes(), 400, "json-refused"),
            ("no object", JSON, b"[]".to_vec(), 400, "request-malformed"),
            ("unknown member", JSON, unknown.to_string().into_bytes(), 400, "request-malformed"),
            ("no type", "", text.clone().into(), 415, "media-type-unsupported"),
            ("text", "text/plain", text.clone().into(), 415, "media-type-unsupported"),
            ("form", "application/x-www-form-urlencoded", text.clone().into(), 415, "media-type-unsupported"),
            ("charset", "application/json;charset=utf-16", text.into(), 415, "media-type-unsupported"),
        ];
        for (case, content_type, bytes, status, code) in cases {
            let answer = post(&world, &path, content_type, bytes).await;
            assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path}: {case}");
            assert_eq!(answer.json().get("verified").is_some(), path.ends_with("/verify"), "{path}");
        }
    }
    assert_eq!(world.state().await, before);
}

#[tokio::test]
async fn a_missing_or_misshapen_member_is_refused_and_named() {
    let world = populated().await;
    let before = world.state().await;
    for (path, body) in routes() {
        for name in body.as_object().unwrap().keys() {
            let mut missing = body.clone();
            missing.as_object_mut().unwrap().remove(name);
            let answer = post(&world, &path, JSON, missing.to_string()).await;
            assert_eq!((answer.status, answer.code().as_str()), (400, "request-malformed"), "{path} {name}");
            assert_eq!(answer.json()["path"], json!([name]), "{path}");
            for shape in [json!(null), json!(7), json!({"a": 1}), json!(true), json!([[]]), json!("\u{0}")] {
                let mut misshapen = body.clone();
                misshapen[name] = shape;
                let answer = post(&world, &path, JSON, misshapen.to_string()).await;
                assert_eq!(answer.status, 400, "{path} {misshapen}: {}", answer.json());
                answer.code();
            }
        }
    }
    assert_eq!(world.state().await, before);
}

#[tokio::test]
async fn a_body_without_a_length_is_bounded_while_it_arrives() {
    let world = populated().await;
    for (path, _) in routes() {
        let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 65_536]));
        let answer = post(&world, &path, JSON, Body::from_stream(endless)).await;
        assert_eq!((answer.status, answer.code().as_str()), (413, "too-large"), "{path}");
        let broken: Vec<Result<Vec<u8>, _>> = vec![Ok(b"{".to_vec()), Err(std::io::Error::other("gone"))];
        let answer = post(&world, &path, JSON, Body::from_stream(stream::iter(broken))).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "request-malformed"), "{path}");
    }
}

struct Running {
    runtime: tokio::runtime::Runtime,
    world: World,
}

static RUNNING: LazyLock<Running> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let world = runtime.block_on(populated());
    Running { runtime, world }
});

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "[A-Za-z0-9_.=-]{0,60}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let array = prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from);
        let object = prop::collection::btree_map("[a-z]{1,6}", inner, 0..3);
        prop_oneof![array, object.prop_map(|map| Value::Object(map.into_iter().collect()))]
    })
}

fn tame(answer: &Answer) -> bool {
    answer.status < 500 || answer.status == 503
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_bytes_on_any_route_are_no_defect(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let Running { runtime, world } = &*RUNNING;
        for (path, _) in routes() {
            for content_type in [JSON, "application/vp+jwt", "application/vp+cose"] {
                let answer = runtime.block_on(post(world, &path, content_type, bytes.clone()));
                prop_assert!(tame(&answer), "{} {}: {}", path, content_type, answer.status);
            }
        }
    }

    #[test]
    fn any_values_of_the_right_members_are_no_defect(
        values in prop::collection::vec(value(), 5),
        extra in "[a-z]{0,5}",
    ) {
        let Running { runtime, world } = &*RUNNING;
        for (path, mut body) in routes() {
            // Acts take an empty body and would do what they say.
            if body.as_object().is_none_or(|members| members.is_empty()) && extra.is_empty() {
                continue;
            }
            for (slot, value) in body.as_object_mut().unwrap().values_mut().zip(&values) {
                *slot = value.clone();
            }
            if !extra.is_empty() {
                body[&extra] = Value::Null;
            }
            let answer = runtime.block_on(post(world, &path, JSON, body.to_string()));
            prop_assert!(tame(&answer), "{} {}: {}", path, body, answer.status);
        }
    }

    #[test]
    fn any_target_is_no_defect(path in "[!-~]{0,60}", query in "[!-~]{0,30}") {
        let Running { runtime, world } = &*RUNNING;
        for base in ["/1.0/identifiers/", "/v1/agents/", "/v1/credentials/", "/v1/contested/", "/v1/trust/", "/v1/names/", "/", "/agents/"] {
            let target = format!("{base}{path}?{query}");
            if target.parse::<axum::http::Uri>().is_ok() {
                let answer = runtime.block_on(world.get(&target));
                prop_assert!(tame(&answer) || answer.status == 501, "{}: {}", target, answer.status);
            }
        }
    }
}
