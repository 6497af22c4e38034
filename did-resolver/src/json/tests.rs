use super::*;
use proptest::prelude::*;

const MAX: usize = 1 << 20;

fn refused(text: &str) -> JsonError {
    parse(text.as_bytes(), MAX).unwrap_err()
}

#[test]
fn ordinary_json_reads_as_serde_reads_it() {
    let text = r#"{"a":[1,-2,2.5,1e3,"x\u00e9",true,null],"b":{"c":9007199254740991}}"#;
    assert_eq!(parse(text.as_bytes(), MAX).unwrap(), serde_json::from_str::<Value>(text).unwrap());
}

#[test]
fn a_doubled_name_is_refused_at_any_depth_and_in_any_spelling() {
    assert_eq!(refused(r#"{"sub":"good","sub":"evil"}"#), JsonError::Duplicate);
    assert_eq!(refused(r#"{"a":[{"x":1,"\u0078":2}]}"#), JsonError::Duplicate);
}

#[test]
fn integers_that_a_double_cannot_hold_are_refused() {
    for text in ["9007199254740992", "-9007199254740992", "12345678901234567890123", "1e400", "1e20"] {
        assert!(matches!(refused(text), JsonError::Integer | JsonError::Malformed), "{text}");
    }
}

#[test]
fn a_hundred_thousand_levels_are_refused_without_a_crash() {
    assert_eq!(refused(&"[".repeat(100_000)), JsonError::TooDeep);
    assert_eq!(refused(&r#"{"a":"#.repeat(100_000)), JsonError::TooDeep);
    let fits = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert!(parse(fits.as_bytes(), MAX).is_ok());
}

#[test]
fn what_is_not_one_json_text_is_refused() {
    for text in ["", " ", "{", "{}{}", "{} x", "nul", "NaN", "'a'", "[1,]", "\u{feff}{}", r#""\ud800""#] {
        assert_eq!(refused(text), JsonError::Malformed, "{text:?}");
    }
    assert_eq!(parse(b"\"\xff\"", MAX), Err(JsonError::NotUtf8));
    assert_eq!(parse(b"[1]", 2), Err(JsonError::TooLong));
}

proptest! {
    #[test]
    fn reading_never_panics_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes, MAX);
    }

    #[test]
    fn what_is_accepted_means_the_same_after_canonicalisation(text in r#"[\[\]{}:,"a0-9.eE+ -]{0,40}"#) {
        if let Ok(value) = parse(text.as_bytes(), MAX) {
            let canonical = crate::jcs::canonical(&value).unwrap();
            let again = parse(&canonical, MAX).unwrap();
            prop_assert_eq!(crate::jcs::canonical(&again).unwrap(), canonical);
        }
    }
}
