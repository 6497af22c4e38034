//! What stands around the routes: the token, unknown paths, methods, defects, health and metrics.

use crate::world::{TOKEN, World, answer};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

// R-163
#[tokio::test]
async fn the_admin_listener_wants_its_token_for_everything() {
    let world = World::new().await;
    let paths = ["/v1/node", "/v1/agents", "/no/such/path", "/status/revocation"];
    for path in paths {
        for (token, code) in [(None, "admin-token-missing"), (Some("other"), "admin-token-wrong")] {
            let mut request = Request::get(path);
            if let Some(token) = token {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let refused = answer(world.routers.admin.clone(), request.body(Body::empty()).unwrap()).await;
            assert_eq!((refused.status, refused.code().as_str()), (401, code), "{path}");
            assert!(refused.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
        }
    }
    assert_eq!(world.get("/status/revocation").await.status, 200);
    // Nor is anything resumed without it.
    let resume = Request::post("/v1/agents/bot/resume").header("content-type", "application/json");
    let refused = answer(world.routers.admin.clone(), resume.body(Body::from("{}")).unwrap()).await;
    assert_eq!((refused.status, refused.code().as_str()), (401, "admin-token-missing"));
}

#[tokio::test]
async fn the_public_listener_has_nothing_of_the_admin_one() {
    let world = World::new().await;
    let paths = ["/v1/node", "/v1/agents", "/v1/owners/alice", "/v1/trust", "/v1/decisions", "/v1/peers"];
    for path in paths {
        let request = Request::get(path).header("authorization", format!("Bearer {TOKEN}"));
        let refused = world.public(request, "").await;
        assert_eq!((refused.status, refused.code().as_str()), (404, "not-found"), "{path}");
        let refused = world.public(Request::post(path), "{}").await;
        assert_eq!(refused.status, 404, "{path}");
    }
}

#[tokio::test]
async fn another_method_is_named_as_such() {
    let world = World::new().await;
    for (path, allowed) in [("/v1/agents/bot/suspend", "POST"), ("/v1/verify", "POST")] {
        let refused = world.get(path).await;
        assert_eq!((refused.status, refused.code().as_str()), (405, "method-not-allowed"), "{path}");
        assert_eq!(refused.headers["allow"], allowed);
    }
    for method in ["DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        let request = Request::builder().method(method).uri("/v1/agents");
        let refused = world.send(request, "").await;
        assert_eq!((refused.status, refused.code().as_str()), (405, "method-not-allowed"), "{method}");
    }
    assert_eq!(world.post("/v1/agents/bot/explode", &json!({})).await.code(), "not-found");
}

#[tokio::test]
async fn a_target_beyond_its_bound_is_refused() {
    let world = World::new().await;
    let long = "a".repeat(9_000);
    let targets =
        [format!("/1.0/identifiers/did:key:{long}"), format!("/v1/node?x={long}"), format!("/{long}")];
    for target in targets {
        let refused = world.get(&target).await;
        assert_eq!((refused.status, refused.code().as_str()), (413, "too-large"));
    }
}

#[tokio::test]
async fn a_panic_is_an_answer_that_keeps_its_cause_to_itself() {
    let world = World::new().await;
    world.clock.broken.store(true, Ordering::Relaxed);
    let answer = world.post("/v1/nonces", &json!({})).await;
    assert_eq!((answer.status, answer.code().as_str()), (500, "internal"));
    assert!(!String::from_utf8(answer.bytes).unwrap().contains("secret"));
    world.clock.broken.store(false, Ordering::Relaxed);
    assert!(metrics(&world).await.contains("marque_internal_errors_total 1\n"));
    assert_eq!(world.post("/v1/nonces", &json!({})).await.status, 200);
}

#[tokio::test]
async fn every_request_has_a_name_of_its_own() {
    let world = World::new().await;
    let (one, two) = (world.get("/nowhere").await, world.get("/nowhere").await);
    assert_eq!(one.json()["requestId"], one.headers["x-request-id"].to_str().unwrap());
    assert_ne!(one.headers["x-request-id"], two.headers["x-request-id"]);
}

#[tokio::test]
async fn a_node_is_ready_while_its_lists_are_fresh() {
    let world = World::new().await;
    let get = async |path: &str| {
        answer(world.routers.health.clone(), Request::get(path).body(Body::empty()).unwrap()).await
    };
    for path in ["/health/live", "/health/ready"] {
        let well = get(path).await;
        assert_eq!((well.status, well.json()), (200, json!({"status": "ok"})));
    }
    world.clock.ahead.store(241, Ordering::Relaxed);
    assert_eq!((get("/health/ready").await.status, get("/health/live").await.status), (503, 200));
    world.faces.domain.refresh_lists().await.unwrap();
    assert_eq!(get("/health/ready").await.status, 200);
    assert_eq!(get("/v1/node").await.code(), "not-found");
}

async fn metrics(world: &World) -> String {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    String::from_utf8(answer(world.routers.health.clone(), request).await.bytes).unwrap()
}

#[tokio::test]
async fn metrics_count_routes_and_verdicts_and_not_paths() {
    let world = World::new().await;
    world.get("/v1/agents/nobody").await;
    world.get("/made/up/by/a/caller").await;
    world.post("/v1/verify", &json!({"presentation": "a.b.c"})).await;
    // A question that is wrong is no defect of the node.
    let request = Request::get(
        "/1.0/identifiers/did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK?verificationRelationship=authentication",
    );
    assert_eq!(world.public(request, "").await.status, 400);
    let text = metrics(&world).await;
    assert!(text.contains("marque_internal_errors_total 0\n"), "{text}");
    assert!(text.contains(r#"route="/v1/agents/{name}",status="404""#), "{text}");
    assert!(
        text.contains(r#"marque_verifications_total{outcome="refused",code="presentation-malformed"} 1"#)
    );
    assert!(text.contains(r#"marque_own_list_age_seconds{purpose="revocation"} 0"#));
    assert!(!text.contains("nobody") && !text.contains("made"));
}

// R-346
#[tokio::test]
async fn a_node_whose_disk_is_full_acknowledges_nothing_still_answers_and_is_not_ready() {
    let world = World::new().await;
    world.owner("alice").await;
    let ready = async || {
        let request = Request::get("/health/ready").body(Body::empty()).unwrap();
        answer(world.routers.health.clone(), request).await.status
    };
    assert_eq!(ready().await, 200);
    world.records.full.store(true, Ordering::Relaxed);
    assert_eq!(ready().await, 503);
    let revoked = world.post("/v1/owners/alice/revoke", &json!({})).await;
    assert_eq!((revoked.status, revoked.code().as_str()), (503, "unavailable"));
    assert_eq!(world.get("/v1/owners/alice").await.json()["state"], "active");
    let readiness = world.get("/v1/node").await.json()["readiness"].clone();
    assert_eq!(readiness["status"], "unavailable");
    assert!(readiness["reason"].as_str().unwrap().contains("no space left"), "{readiness}");
}

/// The values of each member of a statement: those of a list, and of lists within.
fn values(json: &Value, at: &str, into: &mut BTreeMap<String, Vec<String>>) {
    for (name, value) in json.as_object().unwrap() {
        let name = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        match value {
            Value::Object(_) => values(value, &name, into),
            Value::Array(items) => {
                let items = items.iter().map(|item| item.as_str().unwrap().to_owned()).collect();
                into.insert(name, items);
            }
            _ => {}
        }
    }
}

// R-301
#[tokio::test]
async fn what_a_node_says_that_it_conforms_to_is_what_its_page_says_and_what_it_does() {
    let world = World::new().await;
    let said = world.public(Request::get("/.well-known/marque"), "").await;
    assert_eq!(said.status, 200);
    let (json, mut members) = (said.json(), BTreeMap::new());
    values(&json, "", &mut members);
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/conformance.md");
    let page = std::fs::read_to_string(page).unwrap();
    let row = |line: &str| {
        let mut cells = line.split('|').skip(1);
        let name = cells.next()?.trim().strip_prefix('`')?.strip_suffix('`')?.to_owned();
        let values = cells.nth(1)?;
        Some((name, values.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()))
    };
    let rows: BTreeMap<_, _> = page.lines().filter(|line| line.starts_with("| `")).filter_map(row).collect();
    assert_eq!(rows, members);
    // Each method is one that is resolved, and no other is.
    let get = async |did: &str| {
        let answer = world.public(Request::get(format!("/1.0/identifiers/{did}")), "").await;
        answer.json()["didResolutionMetadata"]["error"]["type"].as_str().unwrap_or_default().to_owned()
    };
    // This world's operator lets no document be fetched from the web.
    for method in members["didMethods"].iter().filter(|method| *method != "web") {
        // Of did:scid, the kind that leads to a log.
        let rest = if method == "scid" { "vh:1:x" } else { "x" };
        let error = get(&format!("did:{method}:{rest}")).await;
        assert!(!error.contains("METHOD_NOT_SUPPORTED"), "{method}: {error}");
    }
    let other = get("did:ion:x").await;
    assert!(other.contains("METHOD_NOT_SUPPORTED"), "{other}");
}
