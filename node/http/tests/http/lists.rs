//! Status lists by their numbers: once one is full the next is opened, and both count.

use crate::world::{Party, World};
use axum::body::Body;
use axum::http::Request;
use marque_flows::ports::records::{Expect, Records as _, Table, Write};
use marque_rules::issuance::{LIST_ENTRIES, OwnList};
use serde_json::{Value, json};
use vc_schemas::secure::Secured;
use vc_schemas::status::Purpose;

fn text(secured: &Secured) -> String {
    secured.to_text().into_owned()
}

/// Takes every place of the first list of a domain.
async fn fill_the_first_list(world: &World) {
    let places: Vec<u32> = (0..LIST_ENTRIES).collect();
    for places in places.chunks(1_024) {
        let write = |place: &u32| Write {
            table: Table::Indices,
            key: place.to_be_bytes().to_vec(),
            value: Some(b"{}".to_vec()),
            expect: Expect::Any,
        };
        world.records.commit(places.iter().map(write).collect()).await.unwrap();
    }
}

async fn verified(world: &World, holder: &Party, credentials: Vec<Secured>) -> crate::world::Answer {
    let presentation = holder.present(&world.alpha.did, &world.nonce().await, credentials);
    let request = Request::post("/v1/verify").header("content-type", "application/json");
    world.public(request, json!({"presentation": text(&presentation)}).to_string()).await
}

//
#[tokio::test]
async fn once_a_list_is_full_the_next_is_opened_and_what_stands_on_either_can_be_revoked() {
    let world = World::new().await;
    world.faces.domain.refresh_lists().await.unwrap();
    let alice = world.owner("alice").await;
    let early = world.agent("early-bot", "alice", &["calendar:read"]).await;
    let absent = world.public(Request::get("/status/revocation/1"), Body::empty()).await;
    assert_eq!((absent.status, absent.code().as_str()), (404, "not-found"));
    fill_the_first_list(&world).await;
    let late = world.agent("late-bot", "alice", &["calendar:read"]).await;
    world.trust_self(&["calendar:read"]).await;
    let mut chains = Vec::new();
    for bot in [&early, &late] {
        let (_, link) = world.link((&alice, &alice), bot, None, &["calendar:read"]).await;
        let registered = world.post("/v1/links", &json!({"chain": [text(&link)]})).await;
        assert_eq!(registered.status, 201, "{}", registered.json());
        let identities =
            vec![world.identity("owners", "alice").await, world.identity("agents", &bot.name).await];
        chains.push([vec![link], identities].concat());
    }
    let entry = |credential: &Secured| credential.payload()["credentialStatus"][0].clone();
    assert_eq!(entry(&chains[0][2])["statusListCredential"], "https://alpha.test/status/revocation");
    // The link, and the credential of the agent that came late.
    for credential in [&chains[0][0], &chains[1][0], &chains[1][2]] {
        let entry = entry(credential);
        assert_eq!(entry["statusListCredential"], "https://alpha.test/status/revocation/1");
        assert!(entry["statusListIndex"].as_str().unwrap().parse::<u32>().unwrap() < LIST_ENTRIES);
    }
    let urls: Value = ["revocation", "revocation/1", "suspension", "suspension/1"]
        .map(|name| format!("https://alpha.test/status/{name}"))
        .into_iter()
        .collect();
    let aggregation = world.public(Request::get("/status/aggregation"), Body::empty()).await.json();
    assert_eq!(aggregation["status_lists"], urls);
    let lists = world.get("/v1/node").await.json()["lists"].clone();
    let listed: Value = lists.as_array().unwrap().iter().map(|list| list["url"].clone()).collect();
    assert_eq!(listed, urls);
    for (name, status) in [("1", 200), ("2", 404), ("01", 404), ("0", 404), ("x", 404)] {
        for accept in ["application/vc+jwt", "application/statuslist+jwt", "application/statuslist+cwt"] {
            let request = Request::get(format!("/status/suspension/{name}")).header("accept", accept);
            let answer = world.public(request, Body::empty()).await;
            assert_eq!(answer.status, status, "{name}");
            assert!(status != 200 || answer.media_type() == accept);
        }
    }
    for (bot, chain) in [(&early, &chains[0]), (&late, &chains[1])] {
        let answer = verified(&world, bot, chain.clone()).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
    }
    // One bit of one list; the same index of the other list is somebody else's.
    let bits = async |number| {
        let list = OwnList { purpose: Purpose::Revocation, number };
        world.faces.domain.held_own_list(list).await.unwrap().unwrap().list.bits.clone()
    };
    let (first, second) = (bits(0).await, bits(1).await);
    assert_eq!(world.post("/v1/agents/late-bot/revoke", &json!({})).await.status, 200);
    assert_eq!(bits(0).await, first);
    assert_ne!(bits(1).await, second);
    let refused = verified(&world, &late, chains[1].clone()).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "AID-003"));
    assert_eq!(verified(&world, &early, chains[0].clone()).await.status, 200);
    // With their owner all are revoked, whichever list they stand on.
    assert_eq!(world.post("/v1/owners/alice/revoke", &json!({})).await.status, 200);
    assert_ne!(bits(0).await, first);
    assert_eq!(verified(&world, &early, chains[0].clone()).await.status, 403);
}
