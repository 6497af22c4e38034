//! The life of members, links and presentations, over HTTP.

use crate::world::{Party, World};
use axum::http::Request;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use vc_schemas::secure::Secured;

fn text(secured: &Secured) -> String {
    String::from_utf8(secured.bytes().to_vec()).unwrap()
}

/// A domain in which alice delegates to travel-bot, whose link is registered.
struct Journey {
    world: World,
    alice: Party,
    travel: Party,
    link: (vc_schemas::credential::Credential, Secured),
    identities: Vec<Secured>,
}

impl Journey {
    async fn new() -> Self {
        let world = World::new().await;
        let alice = world.owner("alice").await;
        let travel = world.agent("travel-bot", "alice", &["calendar:read", "calendar:write"]).await;
        world.trust_self(&["calendar:read", "calendar:write"]).await;
        let link = world.link((&alice, &alice), &travel, None, &["calendar:read"]).await;
        let registered = world.post("/v1/links", &json!({"chain": [text(&link.1)]})).await;
        assert_eq!(registered.status, 201, "{}", registered.json());
        assert_eq!(registered.json()["id"], link.0.id.as_str());
        let identities =
            vec![world.identity("owners", "alice").await, world.identity("agents", "travel-bot").await];
        Self { world, alice, travel, link, identities }
    }

    async fn presentation(&self) -> Secured {
        let credentials = [vec![self.link.1.clone()], self.identities.clone()].concat();
        self.travel.present(&self.world.alpha.did, &self.world.nonce().await, credentials)
    }

    async fn verify(&self, body: &Value) -> crate::world::Answer {
        let request = Request::post("/v1/verify").header("content-type", "application/json");
        self.world.public(request, body.to_string()).await
    }
}

#[tokio::test]
async fn a_presentation_verifies_once_and_each_hop_is_shown() {
    //
    let journey = Journey::new().await;
    let presentation = text(&journey.presentation().await);
    let body = json!({"presentation": presentation, "capability": "calendar:read"});
    let answer = journey.verify(&body).await;
    let verdict = answer.json();
    assert_eq!(answer.status, 200, "{verdict}");
    assert_eq!(verdict["verified"], true);
    assert_eq!(verdict["principal"], journey.alice.did.as_str());
    assert_eq!(verdict["chain"][0]["subject"], journey.travel.did.as_str());
    assert_eq!(verdict["chain"][0]["capabilities"], json!(["calendar:read"]));
    assert_eq!(verdict["status"]["ageSeconds"], 0);

    let replayed = journey.verify(&body).await;
    assert_eq!((replayed.status, replayed.code().as_str()), (401, "AID-010"));
    assert_eq!(replayed.json()["verified"], false);
}

#[tokio::test]
async fn a_raw_presentation_is_verified_like_one_in_json() {
    let journey = Journey::new().await;
    let presentation = journey.presentation().await;
    let request = Request::post("/v1/verify").header("content-type", "application/vp+jwt");
    let answer = journey.world.public(request, presentation.bytes().to_vec()).await;
    assert_eq!((answer.status, &answer.json()["verified"]), (200, &json!(true)));
}

#[tokio::test]
async fn a_raw_presentation_may_end_with_the_line_end_of_its_file() {
    let journey = Journey::new().await;
    let mut bytes = journey.presentation().await.bytes().to_vec();
    bytes.extend_from_slice(b"\r\n");
    let request = Request::post("/v1/verify").header("content-type", "application/vp+jwt");
    let answer = journey.world.public(request, bytes).await;
    assert_eq!((answer.status, &answer.json()["verified"]), (200, &json!(true)));
}

#[tokio::test]
async fn a_presentation_as_cose_is_verified_in_base64url() {
    let journey = Journey::new().await;
    let jwt = journey.presentation().await;
    let content = vc_schemas::secure::Content::Presentation;
    let envelope = vc_schemas::secure::Envelope::Cose;
    let cose = journey.travel.secure(content, envelope, jwt.payload().clone());
    let body = json!({"presentation": did_resolver::codec::to_base64url(cose.bytes())});
    let answer = journey.verify(&body).await;
    assert_eq!((answer.status, &answer.json()["verified"]), (200, &json!(true)));
}

#[tokio::test]
async fn a_widened_chain_is_refused_as_aid_009_and_names_what_was_added() {
    //
    let journey = Journey::new().await;
    let world = &journey.world;
    let second = world.agent("calendar-bot", "alice", &["calendar:read", "calendar:write"]).await;
    let wider = ["calendar:read", "calendar:write"];
    let link = world.link((&journey.travel, &journey.alice), &second, Some(&journey.link), &wider).await;
    let chain = json!({"chain": [text(&journey.link.1), text(&link.1)]});
    let refused = world.post("/v1/links", &chain).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "AID-009"));

    let mut credentials = [vec![journey.link.1.clone(), link.1], journey.identities.clone()].concat();
    credentials.push(world.identity("agents", "calendar-bot").await);
    let presentation = second.present(&world.alpha.did, &world.nonce().await, credentials);
    let answer = journey.verify(&json!({"presentation": text(&presentation)})).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "AID-009"));
    let json = answer.json();
    assert_eq!(json["path"], json!(["chain", 1, "capabilities"]));
    assert_eq!(json["verified"], false);
    assert!(json["type"].as_str().unwrap().ends_with("/codes#AID-009"));
}

#[tokio::test]
async fn what_is_revoked_or_suspended_does_not_verify() {
    // R-043 R-154 R-160 R-161
    let journey = Journey::new().await;
    let world = &journey.world;
    let id = &journey.link.0.id;
    let steps = [
        (format!("/v1/credentials/{id}/suspend"), "credential-suspended"),
        (format!("/v1/credentials/{id}/resume"), "verified"),
        ("/v1/agents/travel-bot/suspend".to_owned(), "AID-004"),
        ("/v1/agents/travel-bot/resume".to_owned(), "verified"),
        ("/v1/owners/alice/suspend".to_owned(), "owner-suspended"),
        ("/v1/owners/alice/resume".to_owned(), "verified"),
        (format!("/v1/credentials/{}/revoke", id.replace(':', "%3A")), "credential-revoked"),
    ];
    for (path, expected) in steps {
        let done = world.post(&path, &json!({})).await;
        assert_eq!(done.status, 200, "{path}: {}", done.json());
        assert!(done.json()["acknowledged"].is_string());
        let presentation = json!({"presentation": text(&journey.presentation().await)});
        let answer = journey.verify(&presentation).await;
        match expected {
            "verified" => assert_eq!(answer.status, 200, "{path}: {}", answer.json()),
            code => assert_eq!((answer.status, answer.code().as_str()), (403, code), "{path}"),
        }
    }
    let again = world.post(&format!("/v1/credentials/{id}/resume"), &json!({})).await;
    assert_eq!((again.status, again.code().as_str()), (409, "state-conflict"));
    let shown = world.get(&format!("/v1/credentials/{id}")).await.json();
    assert_eq!(shown["state"], "revoked");
}

#[tokio::test]
async fn members_are_listed_shown_and_never_doubled() {
    let world = World::new().await;
    let alice = world.owner("alice").await;
    let bot = world.agent("bot", "alice", &["mail:send"]).await;

    let owners = world.get("/v1/owners").await.json();
    assert_eq!(owners["owners"][0]["name"], "alice");
    assert_eq!(owners["owners"][0]["kind"], "person");
    let agents = world.get("/v1/agents").await.json();
    let expected = json!({
        "name": "bot", "did": bot.did.as_str(), "owner": "alice", "ownerDid": alice.did.as_str(),
        "capabilities": ["mail:send"], "state": "active", "versionNumber": 1,
        "created": agents["agents"][0]["created"],
    });
    assert_eq!(agents, json!({"agents": [expected]}));
    let shown = world.get("/v1/agents/bot").await.json();
    assert_eq!(shown["log"], bot.log_text());
    assert_eq!(shown["history"][0]["event"], "registered");

    let doubled = world.post("/v1/agents", &world.agent_body(&bot, "alice", &[]).await).await;
    assert_eq!((doubled.status, doubled.code().as_str()), (409, "name-taken"));
    let orphan = Party::new("other", "alpha.test:agents:other");
    let orphan = world.post("/v1/agents", &world.agent_body(&orphan, "nobody", &[]).await).await;
    assert_eq!((orphan.status, orphan.code().as_str()), (404, "owner-unknown"));
    assert_eq!(world.get("/v1/agents/nobody").await.code(), "agent-unknown");

    let node = world.get("/v1/node").await.json();
    assert_eq!((&node["agents"], &node["owners"], &node["peers"]), (&json!(1), &json!(1), &json!(0)));
    assert_eq!(node["lists"][0]["url"], "https://alpha.test/status/revocation");
    let name = world.get("/v1/names/bot@alpha.test").await.json();
    assert_eq!(name, json!({"did": bot.did.as_str()}));
    let name = world.get("/v1/names/bot%40alpha.test").await.json();
    assert_eq!(name, json!({"did": bot.did.as_str()}));
    assert_eq!(world.get("/v1/names/bot@bravo.test").await.code(), "not-found");
    assert_eq!(world.get("/v1/names/bot").await.code(), "name-malformed");
}

//
#[tokio::test]
async fn a_proof_by_another_key_or_for_another_node_registers_nobody() {
    let world = World::new().await;
    let (alice, mallory) =
        (Party::new("alice", "alpha.test:owners:alice"), Party::new("mallory", "alpha.test:owners:mallory"));
    let mut stolen = world.owner_body(&mallory).await;
    stolen["log"] = json!(alice.log_text());
    stolen["name"] = json!("alice");
    let before = world.state().await;
    let refused = world.post("/v1/owners", &stolen).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "possession-unproven"));
    let mut used = world.owner_body(&alice).await;
    let elsewhere = alice.present(&mallory.did, &world.nonce().await, Vec::new());
    used["proof"] = json!(text(&elsewhere));
    assert_eq!(world.post("/v1/owners", &used).await.code(), "possession-unproven");
    assert_eq!(world.state().await, before);
}

#[tokio::test]
async fn a_rotation_extends_the_log_and_nothing_else_does() {
    let world = World::new().await;
    world.owner("alice").await;
    let bot = world.agent("bot", "alice", &[]).await;
    let same = world.post("/v1/agents/bot/log", &json!({"log": bot.log_text()})).await;
    assert_eq!((same.status, same.code().as_str()), (400, "log-refused"));
    let longer = String::from_utf8(bot.rotated(false)).unwrap();
    let rotated = world.post("/v1/agents/bot/log", &json!({"log": longer})).await;
    assert_eq!(rotated.status, 200, "{}", rotated.json());
    assert_eq!(rotated.json()["versionNumber"], 2);
    assert!(rotated.json()["versionId"].as_str().unwrap().starts_with("2-"));
    let served = world.public(Request::get("/agents/bot/did.jsonl"), "").await;
    assert_eq!(String::from_utf8(served.bytes).unwrap(), longer);
}

#[tokio::test]
async fn an_identity_credential_comes_in_either_envelope_until_it_is_suspended() {
    let world = World::new().await;
    world.owner("alice").await;
    let jwt = world.get("/v1/owners/alice/credential").await.json();
    assert_eq!(jwt["format"], "vc+jwt");
    let cose = world.get("/v1/owners/alice/credential?format=vc%2Bcose").await.json();
    assert_eq!(cose["format"], "vc+cose");
    let bytes = did_resolver::codec::from_base64url(cose["credential"].as_str().unwrap()).unwrap();
    let content = vc_schemas::secure::Content::Credential;
    assert!(Secured::parse(content, vc_schemas::secure::Envelope::Cose, &bytes, 65_536).is_ok());
    assert_eq!(world.get("/v1/owners/alice/credential?format=vc+cose").await.json()["format"], "vc+cose");
    assert_eq!(world.get("/v1/owners/alice/credential?format=pdf").await.code(), "request-malformed");
    world.post("/v1/owners/alice/suspend", &json!({})).await;
    assert_eq!(world.get("/v1/owners/alice/credential").await.code(), "owner-suspended");
}

#[tokio::test]
async fn decisions_are_paged_by_key() {
    let world = World::new().await;
    world.owner("alice").await;
    let all = world.get("/v1/decisions").await.json();
    let all = all["decisions"].as_array().unwrap().clone();
    assert!(all.len() >= 3, "{all:?}");
    let first = world.get("/v1/decisions?limit=1").await.json();
    assert_eq!(first["decisions"], json!([all[0]]));
    let after = all[0]["key"].as_str().unwrap();
    let rest = world.get(&format!("/v1/decisions?after={after}")).await.json();
    assert_eq!(rest["decisions"].as_array().unwrap()[..], all[1..]);
    for refused in ["limit=0", "limit=1001", "limit=x", "after=!", "before=1", "limit=1&limit=1"] {
        let answer = world.get(&format!("/v1/decisions?{refused}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "request-malformed"), "{refused}");
    }
}

#[tokio::test]
async fn trust_is_replaced_and_listed_and_is_for_domains_only() {
    let world = World::new().await;
    let alice = world.owner("alice").await;
    world.trust_self(&["calendar:read"]).await;
    let body = json!({"did": world.alpha.did.as_str(), "capabilities": [], "resources": ["trip"]});
    assert_eq!(world.post("/v1/trust", &body).await.json()["domain"], "alpha.test");
    let listed = world.get("/v1/trust").await.json();
    assert_eq!(listed["trust"].as_array().unwrap().len(), 1);
    assert_eq!(listed["trust"][0]["capabilities"], json!([]));
    assert_eq!(listed["trust"][0]["resources"], json!(["trip"]));
    assert_eq!(listed["trust"][0]["suspended"], false);
    let body = json!({"did": world.alpha.did.as_str(), "capabilities": [], "resources": []});
    assert_eq!(world.post("/v1/trust", &body).await.code(), "request-malformed");
    let of = |did: &str| format!("/v1/trust/{}", did.replace(':', "%3A"));
    let itself = world.get(&format!("{}/credential", of(world.alpha.did.as_str()))).await;
    assert_eq!(itself.code(), "state-conflict");
    let other = format!("did:webvh:{}:bravo.test", did_resolver::codec::multihash_base58btc(&[9]));
    let path = of(&other);
    let body = json!({"did": other, "capabilities": [], "resources": ["trip"]});
    assert_eq!(world.post("/v1/trust", &body).await.status, 201);
    let stated = world.get(&format!("{path}/credential?format=vc%2Bcose")).await.json();
    assert_eq!(stated["format"], "vc+cose", "{stated}");
    assert_eq!(world.post(&format!("{path}/suspend"), &json!({})).await.status, 200);
    let suspended = world.get(&path).await.json();
    assert_eq!((&suspended["suspended"], &suspended["resources"]), (&json!(true), &json!(["trip"])));
    assert_eq!(world.get(&format!("{path}/credential")).await.code(), "state-conflict");
    assert_eq!(world.post(&format!("{path}/resume"), &json!({})).await.json()["suspended"], false);
    assert_eq!(world.get(&format!("{path}/credential")).await.status, 200);
    let member = world.post("/v1/trust", &json!({"did": alice.did.as_str(), "capabilities": []})).await;
    assert_eq!((member.status, member.code().as_str()), (400, "did-malformed"));
    let widely = json!({"did": world.alpha.did.as_str(), "capabilities": ["everything"]});
    assert_eq!(world.post("/v1/trust", &widely).await.code(), "capability-malformed");
}

#[tokio::test]
async fn a_join_token_is_given_out_and_a_bad_one_is_refused() {
    let world = World::new().await;
    let invite = world.post("/v1/invites", &json!({"ttlSeconds": 60})).await;
    assert_eq!(invite.status, 201, "{}", invite.json());
    let token = invite.json()["token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("mqj1"));
    assert!(invite.json()["expires"].is_string());
    assert_eq!(world.post("/v1/peers", &json!({"token": token})).await.code(), "state-conflict");
    assert_eq!(world.post("/v1/peers", &json!({"token": "mqj1.x"})).await.code(), "token-malformed");
    for ttl in [json!(0), json!(-1), json!(1.5), json!("1"), json!(9_000_000)] {
        let answer = world.post("/v1/invites", &json!({"ttlSeconds": ttl})).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "request-malformed"), "{ttl}");
    }
    assert_eq!(world.get("/v1/peers").await.json(), json!({"peers": [], "nodes": [], "bans": []}));
    world.clock.ahead.store(3_600, Ordering::Relaxed);
    assert_eq!(world.post("/v1/peers", &json!({"token": token})).await.code(), "token-expired");
}

//
#[tokio::test]
async fn memberships_are_ended_under_the_next_number_each_time() {
    let world = World::new().await;
    let mut earlier = String::new();
    for epoch in 1..3 {
        let answer = world.post("/v1/memberships/revoke", &json!({})).await;
        assert_eq!((answer.status, answer.json()["epoch"].as_u64()), (200, Some(epoch)));
        let from = answer.json()["notBefore"].as_str().unwrap().to_owned();
        assert!(from > earlier, "{from}");
        earlier = from;
        world.clock.ahead.fetch_add(60, Ordering::Relaxed);
    }
    let more = world.post("/v1/memberships/revoke", &json!({"domain": "alpha.test"})).await;
    assert_eq!(more.code(), "request-malformed");
}
