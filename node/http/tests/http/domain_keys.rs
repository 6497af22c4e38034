//! The domain's own keys, asked to be replaced.

use crate::world::World;
use serde_json::json;

//
#[tokio::test]
async fn what_is_no_request_to_replace_keys_or_no_entry_for_it_is_refused_by_its_place() {
    let world = World::new().await;
    for (path, body, status, code) in [
        ("/v1/domain/keys", json!({"alone": 1}), 400, "request-malformed"),
        ("/v1/domain/keys", json!({"other": true}), 400, "request-malformed"),
        // Those of this world are never replaced.
        ("/v1/domain/keys", json!({}), 503, "unavailable"),
        ("/v1/domain/log", json!({}), 400, "request-malformed"),
        ("/v1/domain/log", json!({"log": 1}), 400, "request-malformed"),
        ("/v1/domain/log", json!({"log": "{}"}), 400, "log-refused"),
    ] {
        let answer = world.post(path, &body).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (status, Some(code)), "{path} {body}");
    }
}
