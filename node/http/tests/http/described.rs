//! Every answer of these tests beside what `/openapi.json` says of it, and the document beside the routes.

use crate::world::{Answer, World, answer};
use axum::body::Body;
use axum::http::{Method, Request};
use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock};

static DOCUMENT: OnceLock<Value> = OnceLock::new();
static SCHEMAS: Mutex<BTreeMap<String, &'static Validator>> = Mutex::new(BTreeMap::new());

/// Reads the document, once.
pub(crate) async fn read(router: &axum::Router) {
    if DOCUMENT.get().is_none() {
        let request = Request::get("/openapi.json").body(Body::empty()).unwrap();
        let document = answer(router.clone(), request).await;
        assert_eq!(document.status, 200);
        DOCUMENT.get_or_init(|| document.json());
    }
}

fn is_of(path: &str, pattern: &str) -> bool {
    if let Some(rest) = path.strip_prefix("/1.0/identifiers/") {
        return pattern.starts_with("/1.0/identifiers/") && !rest.is_empty();
    }
    let (path, pattern): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), pattern.split('/').collect());
    let same = |(own, wanted): (&&str, &&str)| own == wanted || (wanted.starts_with('{') && !own.is_empty());
    path.len() == pattern.len() && path.iter().zip(&pattern).all(same)
}

/// The operation that answers a request; none where there is no such.
fn operation<'a>(document: &'a Value, method: &Method, path: &str) -> Option<(&'a str, &'a Value)> {
    let paths = document["paths"].as_object().unwrap();
    let exact = paths.get_key_value(path);
    let (pattern, methods) = exact.or_else(|| paths.iter().find(|(pattern, _)| is_of(path, pattern)))?;
    let method = if method == Method::HEAD { "get" } else { &method.as_str().to_ascii_lowercase() };
    Some((pattern, methods.get(method)?))
}

fn validator(schema: &Value) -> &'static Validator {
    let components = &DOCUMENT.get().unwrap()["components"];
    let mut schemas = SCHEMAS.lock().unwrap();
    schemas.entry(schema.to_string()).or_insert_with(|| {
        let whole = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "components": components,
            "allOf": [schema],
        });
        Box::leak(Box::new(jsonschema::validator_for(&whole).unwrap()))
    })
}

/// What a listener says of a path of another.
const ELSEWHERE: &str = "no such path on this listener";

/// Fails where the document does not say that there can be such an answer.
pub(crate) fn is_described(method: &Method, path: &str, given: &Answer) {
    let Some((pattern, operation)) = DOCUMENT.get().and_then(|d| operation(d, method, path)) else { return };
    if given.json()["detail"] == ELSEWHERE {
        return;
    }
    let at = format!("{method} {pattern} {}", given.status);
    let response = operation["responses"].get(given.status.to_string());
    let response = response.unwrap_or_else(|| panic!("{at}: {}", given.json()));
    if given.bytes.is_empty() {
        return;
    }
    let media_type = given.media_type().split(';').next().unwrap_or_default();
    let schema = response["content"].get(media_type);
    let schema = &schema.unwrap_or_else(|| panic!("{at}: {media_type}"))["schema"];
    if schema == &json!({"type": "string"}) {
        return;
    }
    let shown = given.json();
    if let Err(error) = validator(schema).validate(&shown) {
        panic!("{at}: {error} at {}: {shown}", error.instance_path());
    }
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(move |(method, of)| (path.as_str(), method.as_str(), of))
    })
}

#[tokio::test]
async fn whatever_is_described_is_served_where_it_says_and_nowhere_else() {
    let world = World::new().await;
    let document = DOCUMENT.get().unwrap();
    let faces = [
        ("public", &world.routers.public),
        ("admin", &world.routers.admin),
        ("health", &world.routers.health),
    ];
    let mut seen = 0;
    for (path, method, operation) in operations(document) {
        let target = path.replace("{type}", "AgentCredential").replace(['{', '}'], "");
        for (face, router) in faces {
            let request = Request::builder().method(method.to_uppercase().as_str()).uri(&target);
            let request = request.header("authorization", format!("Bearer {}", crate::world::TOKEN));
            if path == "/v1/events" && face == "admin" {
                // The mesh is not up here; it would not end otherwise.
                assert!(world.faces.domain.events().is_none());
            }
            let given = answer(router.clone(), request.body(Body::empty()).unwrap()).await;
            let there = given.json()["detail"] != ELSEWHERE && given.status != 405;
            let said = operation["x-listeners"].as_array().unwrap().contains(&json!(face));
            assert_eq!(there, said, "{method} {path} on {face}: {}", given.status);
        }
        let needs_token = operation["security"] == json!([{"adminToken": []}]);
        assert_eq!(needs_token, operation["x-listeners"] == json!(["admin"]), "{path}");
        seen += 1;
    }
    assert!(seen >= 80, "{seen}");
}

#[tokio::test]
async fn the_document_names_only_what_it_has_and_has_only_what_it_names() {
    let _world = World::new().await;
    let document = DOCUMENT.get().unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let text = document.to_string();
    for kind in ["schemas", "parameters", "headers"] {
        let start = format!("#/components/{kind}/");
        let named: BTreeSet<&str> =
            text.split(&start).skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        let had: BTreeSet<&str> =
            document["components"][kind].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(named, had, "{kind}");
    }
    for schema in document["components"]["schemas"].as_object().unwrap().keys() {
        validator(&json!({"$ref": format!("#/components/schemas/{schema}")}));
    }
    let groups: BTreeSet<&str> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut ids = BTreeSet::new();
    for (path, _, operation) in operations(document) {
        assert!(groups.contains(operation["tags"][0].as_str().unwrap()), "{path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{path}");
        for name in path.split(['{', '}']).skip(1).step_by(2) {
            let reference = json!({"$ref": format!("#/components/parameters/path-{name}")});
            assert!(operation["parameters"].as_array().unwrap().contains(&reference), "{path}");
        }
    }
}

#[tokio::test]
async fn the_page_loads_from_its_own_listener_only() {
    let world = World::new().await;
    let page = world.public(Request::get("/docs"), "").await;
    assert_eq!((page.status, page.media_type()), (200, "text/html; charset=utf-8"));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
    let html = String::from_utf8(page.bytes).unwrap();
    let addresses: Vec<&str> = html.split(['"', '\'']).filter(|part| part.starts_with(['/', 'h'])).collect();
    for address in addresses.iter().filter(|address| address.contains('/')) {
        let given = world.public(Request::get(*address), "").await;
        assert_eq!(given.status, 200, "{address}");
        assert!(!String::from_utf8(given.bytes).unwrap().contains("src=\"http"), "{address}");
    }
    assert!(addresses.contains(&"/docs/viewer.js") && addresses.contains(&"/openapi.json"));
}
