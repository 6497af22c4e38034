//! Tests of what is asked when a DID is resolved.

use super::*;

fn path(did: &str, number: Option<u32>) -> Result<String, Failure> {
    Resolve { did: did.to_owned(), version_id: None, version_number: number, version_time: None }.path()
}

#[test]
fn a_version_comes_from_the_url_or_from_a_flag_and_not_from_both() {
    assert_eq!(path("did:webvh:Qm:a.test", None).unwrap(), "/1.0/identifiers/did:webvh:Qm:a.test");
    let url = "did:webvh:Qm:a.test?versionNumber=2";
    assert_eq!(path(url, None).unwrap(), "/1.0/identifiers/did:webvh:Qm:a.test?versionNumber=2");
    assert_eq!(path("did:web:a", Some(3)).unwrap(), "/1.0/identifiers/did:web:a?versionNumber=3");
    assert!(path(url, Some(2)).is_err());
    assert!(path("acme.example", None).is_err());
}

#[test]
fn an_encoded_port_stays_encoded() {
    assert_eq!(
        path("did:webvh:Qm:a.test%3A8443", None).unwrap(),
        "/1.0/identifiers/did:webvh:Qm:a.test%253A8443"
    );
}

#[test]
fn resolution_errors_end_as_the_product_page_says() {
    use crate::exit::Exit;
    let base = "https://www.w3.org/ns/did#";
    assert_eq!(Exit::of(code(&format!("{base}NOT_FOUND"), 404)), Exit::NotFound);
    assert_eq!(Exit::of(code("INVALID_DID", 400)), Exit::Usage);
    assert_eq!(Exit::of(code("INTERNAL_ERROR", 500)), Exit::Internal);
}
