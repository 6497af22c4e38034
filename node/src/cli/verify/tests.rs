//! Tests of reading presentations.

use super::*;

#[test]
fn a_presentation_is_read_in_each_of_its_forms() {
    assert_eq!(read(b"e30.e30.c2ln\n").unwrap(), ("e30.e30.c2ln".to_owned(), "vp+jwt"));
    assert_eq!(read(b" 0oRY_-8\n").unwrap(), ("0oRY_-8".to_owned(), "vp+cose"));
    let document = br#"{"presentation":"a.b.c","format":"vp+jwt"}"#;
    assert_eq!(read(document).unwrap(), ("a.b.c".to_owned(), "vp+jwt"));
    let cose = [0xd2, 0x84, 0xff, b'\n'];
    assert_eq!(read(&cose).unwrap(), (codec::to_base64url(&cose), "vp+cose"));
}

#[test]
fn nothing_is_no_presentation() {
    for input in [&b""[..], b" \n", b"{", b"{\"a\":1,\"a\":2}"] {
        assert!(read(input).is_err(), "{input:?}");
    }
}
