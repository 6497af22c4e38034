//! `POST /v1/webvh/import`, and the witness files of this domain's logs.

use crate::world::{Answer, Party, World};
use serde_json::{Value, json};

fn entries(log: &[u8]) -> Value {
    let lines = log.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice::<Value>(line).unwrap()).collect()
}

async fn import(world: &World, party: &Party, log: Value) -> Answer {
    world.post("/v1/webvh/import", &json!({"did": party.did.as_str(), "log": log})).await
}

//
#[tokio::test]
async fn a_log_of_another_domain_is_imported_extended_and_resolved() {
    let world = World::new().await;
    let bot = Party::new("bot", "bravo.test:agents:bot");
    let answer = import(&world, &bot, entries(&bot.log)).await;
    assert_eq!((answer.status, answer.json()["outcome"].clone()), (200, json!("accepted")));
    let again = import(&world, &bot, entries(&bot.log)).await;
    assert_eq!(again.json()["outcome"], "same");
    let rotated = entries(&bot.rotated(false));
    let longer = import(&world, &bot, rotated.clone()).await;
    assert_eq!(
        (longer.json()["outcome"].clone(), longer.json()["versionNumber"].clone()),
        (json!("accepted"), json!(2))
    );
    assert_eq!(import(&world, &bot, entries(&bot.log)).await.json()["outcome"], "older");
    let resolved = world.get(&format!("/1.0/identifiers/{}", bot.did)).await;
    assert_eq!(resolved.json()["didDocumentMetadata"]["versionId"], rotated[1]["versionId"]);
}

#[tokio::test]
async fn a_refused_log_is_a_4xx_with_the_number_of_its_entry_and_changes_nothing() {
    let world = World::new().await;
    let bot = Party::new("bot", "bravo.test:agents:bot");
    let before = world.state().await;
    let mut bent = entries(&bot.rotated(false));
    bent[1]["versionTime"] = json!("2020-01-01T00:00:00Z");
    let answer = import(&world, &bot, bent).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "log-refused"), "{}", answer.json());
    assert_eq!(answer.json()["path"], json!(["log", 1]));
    let other = Party::new("other", "bravo.test:agents:other");
    let misnamed = import(&world, &other, entries(&bot.log)).await;
    assert_eq!((misnamed.status / 100, misnamed.code().as_str()), (4, "log-refused"));
    for log in [json!([]), json!([1]), json!("log"), json!({}), Value::Null, json!([[]])] {
        let answer = import(&world, &bot, log.clone()).await;
        assert_eq!(answer.status / 100, 4, "{log}");
        answer.code();
    }
    let long = json!(vec![json!({}); 2_001]);
    assert_eq!(import(&world, &bot, long).await.code(), "too-large");
    let own = Party::new("carl", "alpha.test:agents:carl");
    assert_eq!(import(&world, &own, entries(&own.log)).await.code(), "log-refused");
    assert_eq!(world.state().await, before);
}

#[tokio::test]
async fn a_log_without_witnesses_has_no_witness_file() {
    let world = World::new().await;
    world.owner("alice").await;
    for path in
        ["/.well-known/did-witness.json", "/owners/alice/did-witness.json", "/agents/nobody/did-witness.json"]
    {
        assert_eq!(world.get(path).await.status, 404, "{path}");
    }
}
