//! `/v1/contested`: DIDs with two valid histories, and which of them counts.

use crate::world::{Party, World};
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::DuplicityProof;
use serde_json::{Value, json};

fn entries(log: &[u8]) -> Value {
    let lines = log.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice::<Value>(line).unwrap()).collect()
}

/// A world in which a DID of another domain has two histories, and the versionIds in which they part.
async fn forked() -> (World, Party, [Value; 2]) {
    let world = World::new().await;
    let bot = Party::new("bot", "bravo.test:agents:bot");
    let branches = [bot.rotated(false), bot.rotated(true)].map(|log| entries(&log));
    for (branch, status) in branches.iter().zip([200, 403]) {
        let body = json!({"did": bot.did.as_str(), "log": branch});
        assert_eq!(world.post("/v1/webvh/import", &body).await.status, status);
    }
    (world, bot, branches.map(|branch| branch[1]["versionId"].clone()))
}

//
#[tokio::test]
async fn a_contested_did_is_listed_shown_with_its_proof_and_settled() {
    let (world, bot, [one, two]) = forked().await;
    let resolve = format!("/1.0/identifiers/{}", bot.did);
    assert_eq!(world.get(&resolve).await.code(), "did-contested");
    let listed = world.get("/v1/contested").await.json();
    assert_eq!(listed["contested"][0]["did"], bot.did.as_str());
    assert_eq!(world.get(&format!("/v1/contested?after={}", bot.did)).await.json(), json!({"contested": []}));
    let path = format!("/v1/contested/{}", bot.did);
    let shown = world.get(&path).await.json();
    assert_eq!((shown["state"].clone(), shown["at"].clone()), (json!("contested"), json!(2)));
    let proof =
        DuplicityProof::verify(shown["proof"].to_string().as_bytes(), UnixSeconds::new(1_800_000_000));
    assert_eq!(proof.unwrap().did(), &bot.did);
    let settled = world.post(&format!("{path}/settle"), &json!({"versionId": one})).await;
    assert_eq!((settled.status, settled.json()["state"].clone()), (200, json!("settled")));
    let counts: Vec<_> = settled.json()["branches"].as_array().unwrap().clone();
    let counts: Vec<_> =
        counts.iter().filter(|b| b["counts"] == true).map(|b| b["partsWith"].clone()).collect();
    assert_eq!(counts, [one]);
    assert_eq!(world.get(&resolve).await.status, 200);
    // The other one deactivates the DID.
    assert_eq!(world.post(&format!("{path}/settle"), &json!({"versionId": two})).await.status, 200);
    assert_eq!(world.get(&resolve).await.status, 410);
}

#[tokio::test]
async fn what_cannot_be_settled_is_refused_and_changes_nothing() {
    let (world, bot, [one, _]) = forked().await;
    let before = world.state().await;
    let settle = format!("/v1/contested/{}/settle", bot.did);
    for (body, code) in [
        (json!({"versionId": "2-Qm"}), "state-conflict"),
        (json!({"versionId": 2}), "request-malformed"),
        (json!({}), "request-malformed"),
        (json!({"versionId": one, "more": 1}), "request-malformed"),
    ] {
        let answer = world.post(&settle, &body).await;
        assert_eq!(answer.code(), code, "{body}");
    }
    let other = "did:webvh:QmTest:bravo.test:agents:other";
    let unknown = world.post(&format!("/v1/contested/{other}/settle"), &json!({"versionId": one})).await;
    assert_eq!(unknown.code(), "state-conflict");
    assert_eq!(world.get(&format!("/v1/contested/{other}")).await.status, 404);
    assert_eq!(world.get("/v1/contested/nonsense").await.code(), "did-malformed");
    assert_eq!(world.get("/v1/contested?limit=0").await.code(), "request-malformed");
    assert_eq!(world.state().await, before);
}
