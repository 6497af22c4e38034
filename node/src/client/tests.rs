//! Tests of the client, as far as no node is needed.

use super::*;
use serde_json::json;

#[test]
fn a_problem_becomes_a_failure_with_its_code_path_and_exit() {
    let json = json!({
        "type": "https://w3id.org/marque/codes#AID-009", "title": "t", "status": 403, "detail": "adds",
        "code": "AID-009", "path": ["chain", 1, "capabilities"], "action": "less", "verified": false,
    });
    let failure = problem(&Answer { status: 403, json });
    assert_eq!((failure.code.as_str(), failure.exit), ("AID-009", Exit::Denied));
    assert_eq!(
        failure.to_json(),
        json!({"verified": false, "code": "AID-009", "reason": "adds", "path": ["chain", 1, "capabilities"]})
    );
}

#[test]
fn a_code_of_a_newer_node_ends_by_its_http_status() {
    let failure = problem(&Answer { status: 409, json: json!({"code": "of-tomorrow", "detail": "d"}) });
    assert_eq!((failure.code.as_str(), failure.exit), ("of-tomorrow", Exit::Conflict));
    let failure = problem(&Answer { status: 500, json: json!([1]) });
    assert_eq!((failure.code.as_str(), failure.exit), ("http-500", Exit::Internal));
}

#[test]
fn an_answer_that_is_not_strict_json_is_refused() {
    for body in [&b"<html>"[..], b"{\"a\":1,\"a\":2}", b""] {
        assert!(read(StatusCode::OK, body).is_err());
    }
}

#[test]
fn a_segment_cannot_leave_its_place() {
    assert_eq!(segment("did:webvh:Qm.x:a.example"), "did:webvh:Qm.x:a.example");
    assert_eq!(segment("bot@b.example"), "bot@b.example");
    assert_eq!(segment("a/../b?c#d e%41"), "a%2F..%2Fb%3Fc%23d%20e%2541");
}

#[test]
fn without_a_node_the_failure_says_how_to_start_one() {
    let dir = tempfile::tempdir().unwrap();
    let failure = Client::of(&Data::at(dir.path().to_owned())).unwrap_err();
    assert_eq!(failure.exit, Exit::Unreachable);
    assert!(failure.action.contains("marque up"));
}
