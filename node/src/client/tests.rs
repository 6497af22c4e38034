//! Tests of the client, as far as no node is needed.

use super::*;
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

#[test]
fn a_problem_becomes_a_failure_with_its_code_path_and_exit() {
    let json = json!({
        "type": "https://w3id.org/marque/codes#AID-009", "title": "t", "status": 403, "detail": "adds",
        "code": "AID-009", "path": ["chain", 1, "capabilities"], "action": "less", "verified": false,
    });
    let failure = problem(&Answer { status: 403, retry_after: None, json });
    assert_eq!((failure.code.as_str(), failure.exit), ("AID-009", Exit::Denied));
    assert_eq!(
        failure.to_json(),
        json!({"verified": false, "code": "AID-009", "reason": "adds", "path": ["chain", 1, "capabilities"]})
    );
}

#[test]
fn a_code_of_a_newer_node_ends_by_its_http_status() {
    let answer = |status, json| Answer { status, retry_after: Some(1), json };
    let failure = problem(&answer(409, json!({"code": "of-tomorrow", "detail": "d"})));
    assert_eq!((failure.code.as_str(), failure.exit), ("of-tomorrow", Exit::Conflict));
    let failure = problem(&answer(500, json!([1])));
    assert_eq!((failure.code.as_str(), failure.exit), ("http-500", Exit::Internal));
}

#[test]
fn an_answer_that_is_not_strict_json_is_refused() {
    for body in [&b"<html>"[..], b"{\"a\":1,\"a\":2}", b""] {
        let head = Head { status: StatusCode::OK, retry_after: None };
        assert!(read(head, body).is_err());
    }
}

#[test]
fn a_limit_says_how_long_to_wait() {
    let dir = tempfile::tempdir().unwrap();
    let data = Data::at(dir.path().to_owned());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let about = json!({"admin": listener.local_addr().unwrap().to_string()});
    std::fs::write(data.node(), about.to_string()).unwrap();
    std::fs::write(data.admin_token(), "token\n").unwrap();
    let node = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            asked.extend(byte);
        }
        let body = json!({"code": "AID-007", "detail": "d", "action": "a"}).to_string();
        let head = format!("retry-after: 7\r\ncontent-length: {}\r\nconnection: close", body.len());
        write!(stream, "HTTP/1.1 429 X\r\n{head}\r\n\r\n{body}").unwrap();
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = Client::of(&data).unwrap();
    let failure = runtime.block_on(client.get("/v1/agents")).unwrap_err();
    node.join().unwrap();
    assert!(failure.to_string().contains("retry after 7 s"), "{failure}");
    assert_eq!((&failure.to_json()["retryAfter"], failure.exit), (&json!(7), Exit::Unreachable));
    let other = json!({"code": "status-unknown", "detail": "d", "action": "a"});
    let other = problem(&Answer { status: 503, retry_after: Some(1), json: other });
    assert_eq!((other.action.as_str(), other.report), ("a", None));
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
