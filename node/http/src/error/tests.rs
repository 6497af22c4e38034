//! Every code as an answer.

use super::*;
use axum::body::to_bytes;
use marque_flows::ports::records::StoreError;

async fn answer(problem: Problem) -> (Response, Value) {
    let response = finish(problem.into_response(), "run-1");
    let (head, body) = response.into_parts();
    let bytes = to_bytes(body, 65_536).await.unwrap();
    (Response::from_parts(head, Body::empty()), serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn every_code_becomes_a_problem_with_its_status_and_its_action() {
    for code in Code::ALL.iter().copied() {
        let (head, body) = answer(Problem::member(code, "name", "a fixed sentence")).await;
        assert_eq!(head.status().as_u16(), code.http_status());
        assert_eq!(head.headers()[CONTENT_TYPE], PROBLEM_JSON);
        assert_eq!(body["type"], format!("https://w3id.org/marque/codes#{code}"));
        assert_eq!((&body["code"], &body["action"]), (&json!(code.as_str()), &json!(code.action())));
        assert_eq!((&body["path"], &body["requestId"]), (&json!(["name"]), &json!("run-1")));
        assert_eq!(body.get("verified"), None);
        assert_eq!(head.headers().contains_key(RETRY_AFTER), passes(code.class()));
        let challenged = matches!(code, Code::AdminTokenMissing | Code::AdminTokenWrong);
        assert_eq!(head.headers().contains_key(WWW_AUTHENTICATE), challenged);
    }
}

#[tokio::test]
async fn a_cause_stays_in_the_log() {
    let cause = "disk /secret/place is full";
    let (_, body) = answer(Error::Store(StoreError::Unavailable(cause.to_owned())).into()).await;
    assert!(!body.to_string().contains("secret"), "{body}");
    assert_eq!(body["code"], "unavailable");
}

#[tokio::test]
async fn too_many_requests_says_when_to_come_back() {
    let (head, body) = answer(Problem::new(Code::RateLimited, "slower").of_verification()).await;
    assert_eq!(head.headers()[RETRY_AFTER], "1");
    assert_eq!((&body["code"], &body["verified"]), (&json!("AID-007"), &json!(false)));
}
