//! did:web: one location, and no address that anybody's own network has.

use super::*;
use crate::document::DocumentError;
use crate::json::JsonError;
use crate::location::{LocationError, MAX_PATH_SEGMENTS};
use proptest::prelude::*;
use std::path::Path;

fn parse(text: &str) -> Result<WebId, MethodError> {
    WebId::parse(&text.parse().unwrap_or_else(|e| panic!("{text}: {e}")))
}

#[test]
fn the_examples_of_the_specification_have_their_urls() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/did-web/urls.json");
    let vectors = json::parse(std::fs::read_to_string(path).unwrap().as_bytes(), 10_000).unwrap();
    assert_eq!(vectors.as_array().unwrap().len(), 3);
    for vector in vectors.as_array().unwrap() {
        assert_eq!(parse(vector[0].as_str().unwrap()).unwrap().document_url(), vector[1]);
    }
}

#[test]
fn addresses_other_spellings_and_traversal_are_refused() {
    for host in [
        "localhost",
        "a.localhost",
        "example",
        "127.0.0.1",
        "127.1",
        "10.0x1",
        "0x7f000001",
        "1.2.3.4.",
        "example.com.",
        ".example.com",
        "a..b",
        "Example.com",
        "ex_ample.com",
        "-a.example",
        "a-.example",
        "%65xample.com",
        "example.com%2Fa",
        "example.com%23a",
        "user%40example.com",
        "xn--a.1",
    ] {
        assert_eq!(parse(&format!("did:web:{host}")), Err(LocationError::Host.into()), "{host}");
    }
    let long = format!("did:web:{}.example", "a".repeat(64));
    assert_eq!(parse(&long), Err(LocationError::Host.into()));
    for port in ["", "%3A1%5D", "0", "080", "65536", "8a", "80%3A80", "%2B80"] {
        assert_eq!(parse(&format!("did:web:a.example%3A{port}")), Err(LocationError::Port.into()), "{port}");
    }
    assert_eq!(parse("did:web:a.example%3a8080"), Err(LocationError::Host.into()));
    for path in [".", "..", "a:..:b", "%2E%2E", "a%2Fb", "", "a::b"] {
        let text = format!("did:web:a.example:{path}:end");
        assert_eq!(parse(&text), Err(LocationError::Path.into()), "{path}");
    }
    let deep = format!("did:web:a.example{}", ":a".repeat(MAX_PATH_SEGMENTS + 1));
    assert_eq!(parse(&deep), Err(LocationError::Path.into()));
    assert_eq!(parse("did:webvh:a.example"), Err(MethodError::OtherMethod));
}

#[test]
fn a_document_counts_only_for_the_did_that_it_is_about() {
    let id = parse("did:web:a.example:bot").unwrap();
    assert!(id.document(br#"{"id":"did:web:a.example:bot"}"#).is_ok());
    for other in ["did:web:a.example", "did:web:a.example:Bot", "did:web:a.example%3A443:bot"] {
        let document = format!(r#"{{"id":"{other}"}}"#);
        assert_eq!(id.document(document.as_bytes()), Err(MethodError::OtherSubject), "{other}");
    }
    assert_eq!(id.document(b"{}"), Err(MethodError::Document(DocumentError::Id)));
    assert_eq!(id.document(b"<html>"), Err(MethodError::Json(JsonError::Malformed)));
    let large = vec![b' '; MAX_DOCUMENT_BYTES + 1];
    assert_eq!(id.document(&large), Err(MethodError::Json(JsonError::TooLong)));
}

proptest! {
    #[test]
    fn what_is_parsed_is_the_did_and_its_url_stays_on_the_host(
        host in "[a-z0-9-]{1,8}(\\.[a-z0-9-]{1,8}){0,3}",
        port in prop::option::of(0_u32..70_000),
        path in prop::collection::vec("[a-z.%:_-]{0,5}", 0..4),
    ) {
        let port = port.map(|p| format!("%3A{p}")).unwrap_or_default();
        let path: String = path.iter().map(|s| format!(":{s}")).collect();
        let did = format!("did:web:{host}{port}{path}").parse::<Did>();
        if let Ok(did) = did && let Ok(id) = WebId::parse(&did) {
                prop_assert_eq!(id.did(), &did);
                let port = id.port().map(|p| format!(":{p}")).unwrap_or_default();
                let start = format!("https://{host}{port}/");
                let url = id.document_url();
                prop_assert!(url.starts_with(&start) && url.ends_with("/did.json"), "{}", url);
                let ascii = url.split('%').skip(1).any(|escape| escape < "80");
                prop_assert!(!url.contains("/../") && !url.contains("/./") && !ascii);
        }
    }
}
