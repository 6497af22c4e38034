use super::*;
use crate::codec;
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

use crate::json::MAX_DEPTH;
use proptest::prelude::*;
use std::path::Path;

const MAX: usize = 1 << 16;

/// The full road: what a text must be equal to, to be recognised.
fn slow(bytes: &[u8]) -> Option<Vec<u8>> {
    canonical(&json::parse(bytes, bytes.len()).ok()?).ok()
}

fn is_canonical(bytes: &[u8]) -> bool {
    slow(bytes).is_some_and(|written| written == bytes)
}

#[test]
fn the_rfc_8785_vectors_are_written_exactly_and_recognised() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/jcs");
    let (mut files, mut recognised) = (0, 0);
    for entry in std::fs::read_dir(folder.join("input")).unwrap() {
        let name = entry.unwrap().file_name();
        let input =
            std::fs::read_to_string(folder.join("input").join(&name)).map(String::into_bytes).unwrap();
        let output =
            std::fs::read_to_string(folder.join("output").join(&name)).map(String::into_bytes).unwrap();
        let value: Value = serde_json::from_slice(&input).unwrap();
        assert_eq!(canonical(&value).unwrap(), output, "{name:?}");
        assert_eq!(recognise(&output).is_some(), is_canonical(&output), "{name:?}");
        assert!(recognise(&input).is_none(), "{name:?}");
        recognised += usize::from(recognise(&output).is_some());
        files += 1;
    }
    // `values.json` has 1e+30, which the strict reader refuses.
    assert_eq!((files, recognised), (6, 5));
}

#[test]
fn a_number_keeps_every_digit_between_reading_and_writing() {
    for number in
        ["51.248178375505404", "-93.3113703768803", "52.31400410820624", "97.45365320034685", "5e-324"]
    {
        assert_eq!(slow(number.as_bytes()).unwrap(), number.as_bytes());
        assert!(recognise(number.as_bytes()).is_some(), "{number}");
    }
}

#[test]
fn what_is_not_canonical_is_not_recognised() {
    let refused: [&[u8]; 34] = [
        b"",
        b" 1",
        b"1 ",
        b"{ }",
        b"[1, 2]",
        b"[1,]",
        b"{\"a\":1,}",
        b"{\"b\":1,\"a\":2}",
        b"{\"a\":1,\"a\":1}",
        b"{\"a\" :1}",
        b"{\"a\":1",
        b"[",
        b"\"",
        b"\"\\u0041\"",
        b"\"\\/\"",
        b"\"\\u000a\"",
        b"\"\\u001F\"",
        b"\"\\u007f\"",
        b"\"\x01\"",
        b"\"\xff\"",
        b"-0",
        b"01",
        b"1.0",
        b"1e3",
        b"1E30",
        b"+1",
        b"-",
        b".5",
        b"9007199254740992",
        b"1e+30",
        b"true1",
        b"nul",
        b"{}{}",
        b"\"\\ud83d\\ude00\"",
    ];
    for text in refused {
        assert_eq!(recognise(text), None, "{}", String::from_utf8_lossy(text));
        assert!(!is_canonical(text), "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn nesting_is_bounded_as_the_strict_reader_bounds_it() {
    let nested = |levels: usize| [vec![b'['; levels], vec![b']'; levels]].concat();
    for levels in [MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1] {
        assert_eq!(recognise(&nested(levels)).is_some(), is_canonical(&nested(levels)), "{levels}");
    }
    assert!(recognise(&vec![b'['; 100_000]).is_none());
}

#[test]
fn a_member_is_found_and_left_out_wherever_it_stands() {
    let text = br#"{"a":[1,{"proof":2}],"proof":{"x":"}"},"z\n":null}"#;
    let found = recognise(text).unwrap();
    assert_eq!(found.member("proof").unwrap(), br#"{"x":"}"}"#);
    assert_eq!(found.member("z\n").unwrap(), b"null");
    assert_eq!(found.member("z\\n"), None);
    let without = |name: &str| {
        let (before, after) = recognise(text).unwrap().without(name);
        String::from_utf8([before, after].concat()).unwrap()
    };
    assert_eq!(without("a"), r#"{"proof":{"x":"}"},"z\n":null}"#);
    assert_eq!(without("proof"), r#"{"a":[1,{"proof":2}],"z\n":null}"#);
    assert_eq!(without("z\n"), r#"{"a":[1,{"proof":2}],"proof":{"x":"}"}}"#);
    assert_eq!(without("none").as_bytes(), text);
    assert_eq!(recognise(br#"{"proof":1}"#).unwrap().sha256_without("proof"), codec::sha256(b"{}"));
    let items: Vec<_> = recognise(br#"[1,"a",{"b":2}]"#).unwrap().items().map(<[u8]>::to_vec).collect();
    assert_eq!(items, [b"1".to_vec(), br#""a""#.to_vec(), br#"{"b":2}"#.to_vec()]);
    assert_eq!(found.items().count(), 0);
}

fn any_text() -> impl Strategy<Value = String> {
    let unit = prop_oneof![
        any::<char>(),
        (0_u8..0x30).prop_map(char::from),
        prop::sample::select(vec![
            '"',
            '\\',
            '\u{7f}',
            '\u{e000}',
            '\u{fffd}',
            '\u{10000}',
            '\u{1f600}',
            'a',
            'p'
        ]),
    ];
    prop::collection::vec(unit, 0..5).prop_map(String::from_iter)
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-20_i64..20).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any_text(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_canonical_text_is_recognised_where_the_strict_reader_takes_it(value in any_json()) {
        let text = canonical(&value).unwrap();
        prop_assert_eq!(recognise(&text).is_some(), json::parse(&text, text.len()).is_ok());
        let plain = serde_json::to_vec(&value).unwrap();
        prop_assert_eq!(recognise(&plain).is_some(), is_canonical(&plain));
    }

    #[test]
    fn recognising_and_rewriting_agree_on_any_damaged_text(
        value in any_json(), at in any::<prop::sample::Index>(), byte in any::<u8>(), how in 0..3_u8,
    ) {
        let mut text = canonical(&value).unwrap();
        let at = at.index(text.len());
        match how {
            0 => text[at] = byte,
            1 => text.insert(at, byte),
            _ => { text.remove(at); }
        }
        prop_assert_eq!(recognise(&text).is_some(), is_canonical(&text), "{}", String::from_utf8_lossy(&text));
    }

    #[test]
    fn what_stands_in_its_text_is_written_as_what_does_not(value in any_json(), pretty in any::<bool>()) {
        let expected = canonical(&value);
        prop_assert_eq!(canonical_of(Json::from(&value)), expected.clone());
        let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) };
        if let Ok(tree) = json::read(text.unwrap(), MAX) {
            prop_assert_eq!(canonical_of(tree.root()), expected.clone());
        }
        // Names in any order, as they may stand in a text.
        if let Value::Object(members) = &value {
            let mut backwards: Vec<_> = members.iter().collect();
            backwards.reverse();
            let members: Vec<_> =
                backwards.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
            if let Ok(tree) = json::read(format!("{{{}}}", members.join(",")).into_bytes(), MAX) {
                prop_assert_eq!(canonical_of(tree.root()), expected);
            }
        }
    }

    #[test]
    fn leaving_a_member_out_of_the_spans_is_leaving_it_out_of_the_value(
        members in prop::collection::vec((any_text(), any_json()), 1..6), which in any::<prop::sample::Index>(),
    ) {
        let name = which.get(&members).0.clone();
        let mut value = Value::Object(members.into_iter().collect());
        let text = canonical(&value).unwrap();
        if let Some(found) = recognise(&text) {
            let member = value.as_object_mut().unwrap().remove(&name).unwrap();
            prop_assert_eq!(found.member(&name).unwrap(), canonical(&member).unwrap());
            prop_assert_eq!(found.sha256_without(&name), codec::sha256(&canonical(&value).unwrap()));
            prop_assert_eq!(recognise(found.member(&name).unwrap()).is_some(), true);
        }
    }
}
