//! Tests of what is asked when a DID is resolved, and of what is printed.

use super::*;
use crate::exit::Exit;

fn asked(did: &str) -> Resolve {
    Resolve {
        did: did.to_owned(),
        version_id: None,
        version_number: None,
        version_time: None,
        trace: false,
        from_file: None,
        witness: None,
    }
}

fn path(did: &str, number: Option<u32>) -> Result<String, Failure> {
    let asked = Resolve { version_number: number, ..asked(did) };
    let (url, query) = asked.question()?;
    Ok(asked.path(&url, query.as_ref()))
}

#[test]
fn a_version_comes_from_the_url_or_from_a_flag_and_not_from_both() {
    assert_eq!(path("did:webvh:Qm:a.test", None).unwrap(), "/1.0/identifiers/did:webvh:Qm:a.test");
    let url = "did:webvh:Qm:a.test?versionNumber=2";
    assert_eq!(path(url, None).unwrap(), "/1.0/identifiers/did:webvh:Qm:a.test?versionNumber=2");
    assert_eq!(path("did:web:a", Some(3)).unwrap(), "/1.0/identifiers/did:web:a?versionNumber=3");
    assert!(path(url, Some(2)).is_err());
    assert!(path("did:webvh:Qm:a.test?versionNumber=2&versionId=x", None).is_err());
    assert!(path("acme.example", None).is_err());
    let late = Resolve { version_time: Some("yesterday".to_owned()), ..asked("did:web:a") };
    assert_eq!(late.question().unwrap_err().exit, Exit::Usage);
}

#[test]
fn an_encoded_port_stays_encoded_and_a_part_is_not_asked_of_the_node() {
    assert_eq!(
        path("did:webvh:Qm:a.test%3A8443#key-1", None).unwrap(),
        "/1.0/identifiers/did:webvh:Qm:a.test%253A8443"
    );
}

#[test]
fn the_source_of_a_did_scid_is_asked_of_the_node_and_names_no_part() {
    let url = "did:scid:vh:1:Qm?src=a.test%2Fb&versionNumber=2";
    assert_eq!(path(url, None).unwrap(), "/1.0/identifiers/did:scid:vh:1:Qm?versionNumber=2&src=a.test%2Fb");
    assert!(!names_a_part(&url.parse().unwrap()));
    assert!(names_a_part(&"did:web:a.test?src=b".parse().unwrap()));
    assert_eq!(path("did:web:a.test?src=b", None).unwrap(), "/1.0/identifiers/did:web:a.test");
}

#[test]
fn a_trace_is_asked_of_the_node() {
    let asked = Resolve { trace: true, ..asked("did:web:a?versionNumber=2") };
    let (url, query) = asked.question().unwrap();
    assert_eq!(asked.path(&url, query.as_ref()), "/1.0/identifiers/did:web:a?versionNumber=2&trace=true");
}

#[test]
fn resolution_errors_end_as_the_product_page_says() {
    let base = "https://www.w3.org/ns/did#";
    assert_eq!(Exit::of(code(&format!("{base}NOT_FOUND"), 404)), Exit::NotFound);
    assert_eq!(Exit::of(code("INVALID_DID", 400)), Exit::Usage);
    assert_eq!(Exit::of(code("INTERNAL_ERROR", 500)), Exit::Internal);
}

fn said(status: u16, json: Value) -> crate::client::Answer {
    crate::client::Answer { status, retry_after: None, json }
}

fn answered(status: u16, json: Value) -> Result<Answer, Failure> {
    shown(&"did:web:a.test".parse().unwrap(), resolved(said(status, json))?)
}

#[test]
fn a_did_that_is_over_is_refused_and_what_it_was_is_not() {
    let over = json!({"didDocument": null, "didDocumentMetadata": {"deactivated": true}});
    let failure = answered(410, over).unwrap_err();
    assert_eq!((failure.exit, failure.code.as_str()), (Exit::Revoked, "did-deactivated"));
    assert!(failure.to_json()["didDocumentMetadata"]["deactivated"].as_bool().unwrap());
    let past = json!({"didDocument": {"id": "did:web:a.test"}, "didDocumentMetadata": {"deactivated": true}});
    let answer = answered(410, past).unwrap();
    assert!(answer.talk[0].contains("deactivated"));
    assert!(answered(200, json!({})).is_err());
}

#[test]
fn a_refusal_of_the_node_keeps_its_trace_where_one_was_asked_for() {
    let steps = json!([{"source": "web", "outcome": "away", "ms": 12, "detail": "no TLS"}]);
    let problem = json!({"code": "did-unresolvable", "detail": "nobody answered", "trace": steps});
    let url: DidUrl = "did:web:a.test".parse().unwrap();
    let told = |trace: bool| {
        let result = resolved(said(503, problem.clone()));
        Resolve { trace, ..asked("did:web:a.test") }.told(&url, result, true).unwrap_err()
    };
    let failure = told(true);
    assert_eq!(failure.code, "did-unresolvable");
    assert_eq!(failure.to_json()["didResolutionMetadata"]["trace"], steps);
    assert!(told(false).to_json()["didResolutionMetadata"].get("trace").is_none());
    let table = trace_table(failure.report.unwrap().get("didResolutionMetadata"));
    assert!(table.contains("web") && table.contains("away") && table.contains("no TLS"), "{table}");
}

const DID: &str = "did:key:z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG";

#[test]
fn a_did_key_needs_no_node_and_a_fragment_of_it_is_its_key() {
    let answer = asked(DID).offline(true).unwrap().unwrap();
    assert_eq!(answer.document["didDocument"]["id"], DID);
    assert_eq!(answer.document["didResolutionMetadata"], json!({"contentType": "application/did"}));
    let url = format!("{DID}#{}", DID.rsplit(':').next().unwrap());
    let answer = asked(&url).offline(true).unwrap().unwrap();
    assert_eq!(answer.document["content"]["id"], url);
    let traced = Resolve { trace: true, ..asked(&url) };
    let answer = traced.offline(true).unwrap().unwrap();
    assert_eq!(answer.document["dereferencingMetadata"]["trace"][0]["source"], "did:key");
    for wrong in [format!("{DID}#other"), format!("{DID}/path"), format!("{DID}?service=files")] {
        assert_eq!(asked(&wrong).offline(true).unwrap().unwrap_err().exit, Exit::NotFound, "{wrong}");
    }
    let versioned = Resolve { version_number: Some(1), ..asked(DID) };
    assert_eq!(versioned.offline(true).unwrap().unwrap_err().exit, Exit::Usage);
    assert!(asked("did:webvh:Qm:a.test").offline(true).is_none());
}
