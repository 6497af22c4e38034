//! Tests of reading presentations.

use super::*;

#[test]
fn a_presentation_is_read_in_each_of_its_forms() {
    assert_eq!(read(b"e30.e30.c2ln\n").unwrap(), ("e30.e30.c2ln".to_owned(), "vp+jwt"));
    assert_eq!(read(b" 0oRY_-8\n").unwrap(), ("0oRY_-8".to_owned(), "vp+cose"));
    let document = br#"{"presentation":"a.b.c","format":"vp+jwt"}"#;
    assert_eq!(read(document).unwrap(), ("a.b.c".to_owned(), "vp+jwt"));
    assert_eq!(read(b"a.b.c~\n").unwrap(), ("a.b.c~".to_owned(), "vp+sd-jwt"));
    let proven = r#"{"proof":{},"type":"VerifiablePresentation"}"#;
    assert_eq!(read(proven.as_bytes()).unwrap(), (proven.to_owned(), "vp"));
    let cose = [0xd2, 0x84, 0xff, b'\n'];
    assert_eq!(read(&cose).unwrap(), (codec::to_base64url(&cose), "vp+cose"));
}

#[test]
fn the_compact_form_is_told_by_the_type_that_it_says_it_has() {
    let corpus: Value =
        serde_json::from_str(include_str!("../../../../tests/vectors/bad/vc-compact.json")).unwrap();
    let cases = corpus["cases"].as_array().unwrap();
    let good = cases.iter().find(|case| case["name"] == "good presentation").unwrap();
    let bytes = data_encoding::HEXLOWER.decode(good["hex"].as_str().unwrap().as_bytes()).unwrap();
    let text = codec::to_base64url(&bytes);
    for input in [bytes, text.clone().into_bytes(), format!("{text}\n").into_bytes()] {
        assert_eq!(read(&input).unwrap(), (text.clone(), "vnd.marque.vp+cose"));
    }
}

#[test]
fn nothing_is_no_presentation() {
    for input in [&b""[..], b" \n", b"{", b"{\"a\":1,\"a\":2}"] {
        assert!(read(input).is_err(), "{input:?}");
    }
}
