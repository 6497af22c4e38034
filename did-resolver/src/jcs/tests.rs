use super::*;
use serde_json::json;

#[test]
fn members_are_sorted_by_utf_16_and_numbers_are_written_as_ecmascript_does() {
    // RFC 8785, section 3.2.3 and appendix B.
    let value =
        json!({"\u{20ac}": 1, "\r": 2, "\u{fb33}": 3, "1": 4, "\u{1f600}": 5, "\u{80}": 6, "\u{f6}": 7});
    let expected =
        "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}";
    assert_eq!(String::from_utf8(canonical(&value).unwrap()).unwrap(), expected);
    let numbers = json!([333_333_333.333_333_3, 1e30, 4.50, 2e-3, 1e-27, -0.0]);
    assert_eq!(canonical(&numbers).unwrap(), b"[333333333.3333333,1e+30,4.5,0.002,1e-27,0]");
}
