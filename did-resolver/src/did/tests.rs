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
        let _ = text.parse::<DidUrl>();
    }
}
