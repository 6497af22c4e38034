//! Dereferencing: the examples of the specification, each kind of result, and no way out of an endpoint.

use super::*;
use crate::json;
use crate::time::UnixSeconds;
use proptest::prelude::*;
use std::path::Path;

const DID: &str = "did:example:123456789abcdefghi";

fn vectors() -> Value {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/did-resolution/dereferencing.json");
    json::parse(std::fs::read_to_string(path).unwrap().as_bytes(), 100_000).unwrap()
}

fn of(document: Value) -> Resolution {
    Resolution { document: Some(document), metadata: Metadata::default() }
}

const URLS: Options = Options { accept: Accept::Urls, relationship: None };

fn asked(document: &Value, url: &str, options: Options) -> Result<Resource, ResolutionError> {
    let url = url.parse().unwrap_or_else(|e| panic!("{url}: {e}"));
    dereference(&url, &of(document.clone()), options).map(|found| found.resource)
}

fn document(services: Value) -> Value {
    json!({"id": "did:webvh:Qm:a.example", "@context": ["c"], "service": services})
}

fn url_of(services: Value, rest: &str) -> Result<Vec<String>, ResolutionError> {
    match asked(&document(services), &format!("did:webvh:Qm:a.example{rest}"), URLS)? {
        Resource::Urls(urls) => Ok(urls),
        other => panic!("{other:?}"),
    }
}

fn files(endpoint: &str) -> Value {
    json!([{"id": "#files", "type": "relativeRef", "serviceEndpoint": endpoint}])
}

#[test]
fn the_examples_of_the_specification_hold() {
    let vectors = vectors();
    let (method, url) = (&vectors["method"], &vectors["url"]);
    let found = asked(&vectors["document"], method[0].as_str().unwrap(), Options::default());
    let mut expected = method[1].clone();
    expected["@context"] = vectors["document"]["@context"].clone();
    assert_eq!(found, Ok(Resource::VerificationMethod(expected)));
    let found = asked(&vectors["document"], url[0].as_str().unwrap(), URLS);
    assert_eq!(found, Ok(Resource::Urls(vec![url[1].as_str().unwrap().to_owned()])));
}

#[test]
fn each_kind_of_resource_has_its_content_type_and_status() {
    let document = vectors()["document"].clone();
    let found = |rest: &str, options| {
        let url = format!("{DID}{rest}").parse().unwrap();
        let found = dereference(&url, &of(document.clone()), options).unwrap();
        (found.content_type(), found.status(), found.to_json()["content"].clone())
    };
    let whole = (Some("application/did"), 200, document.clone());
    assert_eq!(found("", Options::default()), whole);
    assert_eq!(found("?versionTime=2024-01-01T00:00:00Z", Options::default()), whole);
    let service = found("#linkedvp", Options::default());
    assert_eq!((service.1, &service.2["type"]), (200, &json!("LinkedVerifiablePresentation")));
    let selected = found("?serviceType=DIDCommMessaging", Options::default());
    assert_eq!(selected.2["service"], json!([document["service"][0]]));
    assert_eq!(selected.2["verificationMethod"], document["verificationMethod"]);
    let urls = found("?service=messages", URLS);
    assert_eq!(urls, (Some("text/uri-list"), 303, json!(["https://example.com/messages/8377464"])));
    let gone = Resolution { document: None, metadata: Metadata { deactivated: true, ..Metadata::default() } };
    let gone = dereference(&format!("{DID}#keys-1").parse().unwrap(), &gone, Options::default()).unwrap();
    assert_eq!((gone.resource.clone(), gone.status(), gone.content_type()), (Resource::Gone, 410, None));
    assert_eq!(gone.to_json()["contentMetadata"], json!({"deactivated": true}));
    let error = error_json(ResolutionError::NotFound);
    assert_eq!(error["dereferencingMetadata"]["error"]["type"], "https://www.w3.org/ns/did#NOT_FOUND");
}

#[test]
fn what_the_document_does_not_have_is_not_found() {
    let document = vectors()["document"].clone();
    for rest in ["#keys-2", "#", "?service=x", "?serviceType=x", "?hl=x", "/path", "?service=did:a:b%23c"] {
        let found = asked(&document, &format!("{DID}{rest}"), URLS);
        assert_eq!(found, Err(ResolutionError::NotFound), "{rest}");
    }
    let other = asked(&document, "did:example:other#keys-1", URLS);
    assert_eq!(other, Err(ResolutionError::InternalError));
    assert_eq!(asked(&json!({"id": 5}), DID, URLS), Err(ResolutionError::InvalidDidDocument));
}

#[test]
fn a_document_counts_under_each_location_of_its_log() {
    let scid = crate::codec::multihash_base58btc(b"");
    let document =
        json!({"id": format!("did:webvh:{scid}:a.example"), "service": files("https://a.example")});
    let found = |scid: &str| asked(&document, &format!("did:webvh:{scid}:b.example?service=files"), URLS);
    assert_eq!(found(&scid), Ok(Resource::Urls(vec!["https://a.example".to_owned()])));
    let other = crate::codec::multihash_base58btc(b"other");
    assert_eq!(found(&other), Err(ResolutionError::InternalError));
}

#[test]
fn a_method_that_is_asked_for_a_relationship_must_be_listed_for_it() {
    let mut document = vectors()["document"].clone();
    document["assertionMethod"] = json!(["#keys-1"]);
    let asked = |rest: &str, relationship| {
        let options = Options { relationship: Some(relationship), ..Options::default() };
        asked(&document, &format!("{DID}{rest}"), options).map(|_| ())
    };
    assert_eq!(asked("#keys-1", Relationship::AssertionMethod), Ok(()));
    assert_eq!(asked("#keys-1", Relationship::Authentication), Err(ResolutionError::InvalidRelationship));
    for rest in ["#keys-2", "#messages", "", "?service=messages"] {
        let found = asked(rest, Relationship::AssertionMethod);
        assert_eq!(found, Err(ResolutionError::InvalidVerificationMethod), "{rest}");
    }
    let named = ResolutionError::InvalidRelationship.url();
    assert_eq!(named, "https://w3id.org/security#INVALID_RELATIONSHIP_FOR_VERIFICATION_METHOD");
}

#[test]
fn a_method_in_place_and_a_relative_id_are_found_with_their_absolute_id() {
    let method = json!({"id": "#k", "type": "X", "controller": DID, "@context": "own"});
    let document = json!({"id": DID, "@context": "c", "authentication": [method]});
    let options = Options { relationship: Some(Relationship::Authentication), ..Options::default() };
    let Ok(Resource::VerificationMethod(found)) = asked(&document, &format!("{DID}#k"), options) else {
        panic!();
    };
    assert_eq!((&found["id"], &found["@context"]), (&json!(format!("{DID}#k")), &json!("own")));
}

#[test]
fn versions_pass_through_and_doubled_parameters_are_refused() {
    let query = |rest: &str| version_query(&format!("{DID}?{rest}").parse().unwrap());
    assert_eq!(query("service=a#b"), Ok(None));
    assert_eq!(query("versionId=1-Qm%41"), Ok(Some(VersionQuery::Id("1-QmA".to_owned()))));
    assert_eq!(query("versionNumber=2"), Ok(Some(VersionQuery::Number(2))));
    let time = UnixSeconds::new(86_400);
    assert_eq!(query("versionTime=1970-01-02T00%3A00:00Z"), Ok(Some(VersionQuery::Time(time))));
    for rest in [
        "versionId=1&versionId=1",
        "versionId=1&versionNumber=1",
        "versionNumber=x",
        "versionTime=now",
        "service=a&service=b",
        "a=%ff",
    ] {
        assert_eq!(query(rest), Err(ResolutionError::InvalidDidUrl), "{rest}");
    }
}

#[test]
fn paths_of_a_did_webvh_are_below_its_files_and_whois_is_its_own() {
    let services = json!([
        {"id": "#files", "type": "relativeRef", "serviceEndpoint": "https://a.example/bot/"},
        {"id": "#whois", "type": "LinkedVerifiablePresentation", "serviceEndpoint": "https://a.example/w.vp"},
    ]);
    for (rest, url) in [
        ("/resume.pdf", "https://a.example/bot/resume.pdf"),
        ("/a/b%20c?versionNumber=1", "https://a.example/bot/a/b%20c"),
        ("/whois", "https://a.example/w.vp"),
        ("/whois/x#y", "https://a.example/bot/whois/x#y"),
        ("/100%25.txt", "https://a.example/bot/100%25.txt"),
        ("/", "https://a.example/bot/"),
        ("?service=files&relativeRef=/resume.pdf", "https://a.example/bot/resume.pdf"),
        ("?service=%23files&relativeRef=a%3Fb=c%23d", "https://a.example/bot/a?b=c#d"),
        ("?service=did:webvh:Qm:a.example%23files&relativeRef=%3Fx", "https://a.example/bot/?x"),
        ("?service=files&serviceType=relativeRef", "https://a.example/bot/"),
    ] {
        assert_eq!(url_of(services.clone(), rest), Ok(vec![url.to_owned()]), "{rest}");
    }
    assert_eq!(url_of(files("ftp://a.example/"), "/x"), Err(ResolutionError::InvalidDid));
    assert_eq!(url_of(json!([]), "/x"), Err(ResolutionError::NotFound));
    assert_eq!(url_of(services.clone(), "/x?service=files"), Err(ResolutionError::InvalidDidUrl));
    assert_eq!(url_of(services, "?relativeRef=/x"), Err(ResolutionError::InvalidDidUrl));
}

#[test]
fn a_reference_never_leads_out_of_its_endpoint() {
    for reference in [
        "../x",
        "a/../../x",
        "/..",
        ".",
        "%252E%252E/x",
        "%25252e%25252e%25252fx",
        "a%252F..%252Fx",
        "%5C..%5Cx",
        "..%5Cx",
        "%2F%2Fevil.example/x",
        "//evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "a:b",
        "%00",
        "%2500",
        "a%0D%0AX: y",
        "a b",
        "%C3%A9",
        "x%3Ca%3E",
        "%252E%252E/%25zz",
        "%252E%252E/%25ff",
        "%2525252525252E",
        "a%23b%23c",
    ] {
        // As it stands in the query, where a space and the like cannot be.
        let encoded = reference.replace(' ', "%20").replace('#', "%23");
        let found = url_of(files("https://a.example/bot/"), &format!("?service=files&relativeRef={encoded}"));
        assert_eq!(found, Err(ResolutionError::InvalidDidUrl), "{reference}");
    }
    for path in ["/../x", "/a/..", "/%2e%2E/x", "/%252e./x", "//evil.example", "/a/./b", "/..%2Fx", "/..%5cx"]
    {
        let found = url_of(files("https://a.example/bot/"), path);
        assert_eq!(found, Err(ResolutionError::InvalidDidUrl), "{path}");
    }
    let both = url_of(files("https://a.example/"), "?service=files&relativeRef=a%23b#c");
    assert_eq!(both, Err(ResolutionError::InvalidDidUrl));
}

#[test]
fn endpoints_that_are_no_urls_are_passed_over() {
    let service = |endpoint: Value| json!([{"id": "#files", "type": "T", "serviceEndpoint": endpoint}]);
    let good =
        json!([{"uri": "https://m.example"}, "https://a.example", 5, "not a url", "http://b.example/c"]);
    let urls = url_of(service(good.clone()), "?service=files").unwrap();
    assert_eq!(urls, ["https://a.example", "http://b.example/c"]);
    let urls = url_of(service(good), "?service=files&relativeRef=x").unwrap();
    assert_eq!(urls, ["https://a.example/x", "http://b.example/c/x"]);
    for endpoint in [
        json!({"uri": "https://a.example"}),
        json!(null),
        json!(""),
        json!("https://"),
        json!("https:///x"),
        json!("https://a.example/\r\nX: y"),
        json!("https://a.example?x"),
        json!("https://a.example#x"),
        json!("https://a.example/%zz"),
        json!("did:web:a.example"),
    ] {
        let found = url_of(service(endpoint.clone()), "?service=files&relativeRef=x");
        assert_eq!(found, Err(ResolutionError::NotFound), "{endpoint}");
    }
    let many = Value::Array(vec![json!("https://a.example"); MAX_URLS + 1]);
    assert_eq!(url_of(service(many), "?service=files"), Err(ResolutionError::NotFound));
}

proptest! {
    #[test]
    fn what_is_found_below_an_endpoint_begins_with_it(reference in "[a-z./%:?#\\\\25eEfF]{0,16}", path in any::<bool>()) {
        let rest = if path {
            format!("/{reference}")
        } else {
            format!("?service=files&relativeRef={}", reference.replace('%', "%25").replace('#', "%23"))
        };
        let base = "https://a.example/bot";
        if let Ok(url) = format!("did:webvh:Qm:a.example{rest}").parse::<DidUrl>() {
            let found = dereference(&url, &of(document(files(base))), URLS);
            if let Ok(Dereferenced { resource: Resource::Urls(urls), .. }) = found {
                prop_assert!(urls[0].starts_with(base), "{:?}", urls);
                let path = urls[0][base.len()..].split(['?', '#']).next().unwrap();
                prop_assert!(path.is_empty() || path.starts_with('/'), "{:?}", urls);
                prop_assert!(!path.split('/').any(|s| s == ".." || s == "."), "{:?}", urls);
            }
        }
    }

    #[test]
    fn dereferencing_never_panics(rest in "([/?#][a-zA-Z0-9=&%:./#-]{0,20}){0,3}", endpoint in ".{0,20}", options in any::<(bool, bool)>()) {
        let relationship = options.0.then_some(Relationship::Authentication);
        let accept = if options.1 { Accept::Urls } else { Accept::Document };
        if let Ok(url) = format!("did:webvh:Qm:a.example{rest}").parse::<DidUrl>() {
            let _ = version_query(&url);
            let document = document(files(&endpoint));
            if let Ok(found) = dereference(&url, &of(document), Options { accept, relationship }) {
                let _ = (found.to_json(), found.status());
            }
        }
    }
}
