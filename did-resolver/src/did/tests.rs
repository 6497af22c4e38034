use super::*;
use proptest::prelude::*;

#[test]
fn a_did_and_a_did_url_come_apart_where_the_grammar_says() {
    let did: Did = "did:webvh:QmX:acme.example:agents:travel-bot".parse().unwrap();
    assert_eq!((did.method(), did.method_specific_id()), ("webvh", "QmX:acme.example:agents:travel-bot"));
    let url: DidUrl = "did:web:a.example%3A8443/x/y?versionId=1-Qm&a=b&versionId=2#key-1".parse().unwrap();
    assert_eq!((url.did().as_str(), url.path()), ("did:web:a.example%3A8443", "/x/y"));
    assert_eq!((url.query(), url.fragment()), (Some("versionId=1-Qm&a=b&versionId=2"), Some("key-1")));
    assert_eq!(url.parameters("versionId").collect::<Vec<_>>(), ["1-Qm", "2"]);
    assert!(!url.is_key_id());
    assert!("did:key:z6Mk#z6Mk".parse::<DidUrl>().unwrap().is_key_id());
}

#[test]
fn what_is_not_a_did_is_refused() {
    let long = format!("did:web:{}", "a".repeat(MAX_DID_BYTES));
    for text in [
        "",
        "did:",
        "did:web",
        "did:web:",
        "did::a",
        "did:Web:a",
        "did:web:a:",
        "Did:web:a",
        "did:web:a b",
        "did:web:a/b",
        "did:web:a#b",
        "did:web:a%",
        "did:web:a%2",
        "did:web:a%zz",
        "did:web:é",
        long.as_str(),
    ] {
        assert!(text.parse::<Did>().is_err(), "{text:?}");
    }
    for text in ["did:web:a#b#c", "did:web:a?x y", "did:web:a/\n", "did:web:/a", "did:web:a#%"] {
        assert!(text.parse::<DidUrl>().is_err(), "{text:?}");
    }
}

#[test]
fn parameters_are_decoded_once_and_only_from_utf8() {
    let url = |query: &str| format!("did:web:a?{query}").parse::<DidUrl>().unwrap().decoded_parameters();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(url("a=%2Fb%3Fc&&d=%252F+e"), Ok(vec![pair("a", "/b?c"), pair("d", "%2F+e")]));
    assert_eq!(url("a&b=&=c&d=e=f"), Ok(vec![pair("a", ""), pair("b", ""), pair("", "c"), pair("d", "e=f")]));
    assert_eq!(url("a=%C3%A9"), Ok(vec![pair("a", "é")]));
    assert_eq!(url("a=%ff"), Err(DidError::Malformed));
    assert_eq!(percent_decoded("%4"), Err(DidError::Malformed));
    assert_eq!(percent_decoded("%+1"), Err(DidError::Malformed));
}

proptest! {
    #[test]
    fn what_parses_is_written_as_it_was_read(text in "did:[a-z]{1,5}:[a-zA-Z0-9.%:_-]{1,30}([/?#][a-z=&?/]{0,8}){0,3}") {
        if let Ok(url) = text.parse::<DidUrl>() {
            prop_assert_eq!(url.to_string(), text.clone());
            let query = url.query().map(|q| format!("?{q}")).unwrap_or_default();
            let fragment = url.fragment().map(|f| format!("#{f}")).unwrap_or_default();
            prop_assert_eq!(format!("{}{}{query}{fragment}", url.did(), url.path()), text);
        }
    }

    #[test]
    fn parsing_never_panics(text in ".{0,64}") {
        let _ = text.parse::<Did>();
        let _ = percent_decoded(&text);
        if let Ok(url) = text.parse::<DidUrl>() {
            let _ = url.decoded_parameters();
        }
    }
}
