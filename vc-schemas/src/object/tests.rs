use super::*;
use serde_json::json;

#[test]
fn a_member_that_nobody_asked_for_is_refused_and_its_place_named() {
    let json = json!({"a": "x", "b": 1});
    let mut object = Object::new(&json, "thing").unwrap();
    assert_eq!(object.text("a"), Ok("x"));
    assert_eq!(object.end("thing"), Err(ObjectError { member: "thing" }));
}

#[test]
fn missing_empty_doubled_and_controlling_texts_are_refused() {
    let json = json!({"empty": "", "control": "a\u{1b}[2J", "list": ["a", "a"], "long": "x".repeat(MAX_TEXT_BYTES + 1)});
    let mut object = Object::new(&json, "thing").unwrap();
    for name in ["empty", "control", "long", "missing"] {
        assert_eq!(object.text(name), Err(ObjectError { member: name }));
    }
    assert_eq!(object.texts("list"), Err(ObjectError { member: "list" }));
    assert_eq!(object.texts("absent"), Ok(None));
    assert!(Object::new(&json!([]), "thing").is_err());
}
