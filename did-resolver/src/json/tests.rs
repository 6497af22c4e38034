mod direct;

use super::*;
use proptest::prelude::*;
use serde_json::{Map, json};

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

#[test]
fn a_name_that_comes_again_among_many_is_found() {
    for count in [2, 16, 17, 18, 100] {
        let members: Vec<String> =
            (0..count).map(|at| format!(r#""n\u00{:02x}{at}":{{"x":[]}}"#, at % 2 + 0x61)).collect();
        let text = format!("{{{}}}", members.join(","));
        assert_eq!(parse(text.as_bytes(), MAX), direct::parse(text.as_bytes()), "{count}");
        for again in [0, count / 2, count - 1] {
            let text = format!(r#"{{{},"n{}{again}":0}}"#, members.join(","), ["a", "b"][again % 2]);
            assert_eq!(refused(&text), JsonError::Duplicate, "{count} {again}");
        }
    }
}

#[test]
fn what_is_taken_out_is_gone_and_all_else_stays() {
    let text = r#"{"a":[1,{"proof":2}],"proof":{"b":["\u00e9",null]},"c":{"proof":{}}}"#;
    let mut tree = read(text.into(), MAX).unwrap();
    assert_eq!(tree.value()["c"], json!({"proof": {}}));
    assert_eq!(tree.take("b"), None);
    assert_eq!(tree.take("proof"), Some(json!({"b": ["é", null]})));
    assert_eq!(tree.take("proof"), None);
    assert_eq!(tree.root().to_value(), json!({"a": [1, {"proof": 2}], "c": {"proof": {}}}));
    assert_eq!(*tree.value(), tree.root().to_value());
    assert_eq!(tree.root().get("c").and_then(|c| c.get("proof")).map(Json::is_object), Some(true));
    assert_eq!(read(b"[1]".to_vec(), MAX).unwrap().take("proof"), None);
}

/// What JSON is made of, and what nearly looks like it.
const TOKENS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    " ",
    "\n",
    "\t",
    "\r",
    "\u{b}",
    "\u{a0}",
    "\u{feff}",
    "true",
    "false",
    "null",
    "nul",
    "True",
    "\"",
    "\"a\"",
    "\"b\"",
    "\"a\":",
    "\"b\":1",
    "\"\\u0061\"",
    "\"\\\"",
    "\"\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"\\x\"",
    "\"\\é\"",
    "\"\u{1}\"",
    "\"\u{7f}é\u{1f600}\"",
    "\\",
    "\\u",
    "0",
    "00",
    "-0",
    "-",
    "-1",
    "1",
    "+1",
    ".5",
    "1.",
    "1.0",
    "1.5",
    "1e",
    "1e3",
    "1E+3",
    "1e-3",
    "1e400",
    "1e-400",
    "1e20",
    "-1e20",
    "999999999999999",
    "9007199254740991",
    "9007199254740992",
    "-9007199254740991",
    "-9007199254740992",
    "18446744073709551616",
    "9007199254740993.0",
    "-0.0",
    "0.1",
    "NaN",
    "Infinity",
    "{\"a\":[1,{\"b\":null}]}",
    "[[]]",
    "/**/",
];

/// Any JSON, with names that are short and so often the same.
fn any_json() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<u32>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from)
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number,
        "[a-c\"\\\\/\u{1}-\u{1f}é\u{1F600}]{0,6}".prop_map(Value::from)
    ];
    leaf.prop_recursive(5, 60, 20, |inner| {
        let name = "[a-d\"\\\\é]{0,2}";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::btree_map(name, inner, 0..24)
                .prop_map(|members| Value::Object(Map::from_iter(members)))
        ]
    })
}

/// Whether the two look the same, asked every way there is.
fn look_the_same(a: Json<'_>, b: Json<'_>) -> bool {
    let sorted = |json: Json<'_>| {
        json.members().map(|members| {
            let mut names: Vec<_> = members.map(|(name, _)| name.to_owned()).collect();
            names.sort_unstable();
            names
        })
    };
    let members = |(x, y): (Members<'_>, Json<'_>)| {
        x.into_iter().all(|(name, x)| y.get(name).is_some_and(|y| look_the_same(x, y)))
    };
    let items = |json: Json<'_>| json.items().map(|items| items.len());
    a.as_str() == b.as_str()
        && (a.as_u64(), a.as_i64(), a.as_bool()) == (b.as_u64(), b.as_i64(), b.as_bool())
        && (a.is_object(), items(a), sorted(a)) == (b.is_object(), items(b), sorted(b))
        && a.get("a").is_some() == b.get("a").is_some()
        && a.items()
            .into_iter()
            .flatten()
            .zip(b.items().into_iter().flatten())
            .all(|(a, b)| look_the_same(a, b))
        && a.members().is_none_or(|all| members((all, b)))
        && a.to_value() == b.to_value()
}

proptest! {
    #[test]
    fn a_tree_is_what_the_text_says(value in any_json(), name in "[a-d]") {
        let text = value.to_string();
        let mut tree = read(text.clone().into_bytes(), MAX).unwrap();
        prop_assert_eq!(tree.value(), &value);
        prop_assert!(look_the_same(tree.root(), Json::from(&value)));
        prop_assert_eq!(direct::parse(text.as_bytes()), Ok(value.clone()));
        let mut rest = value;
        let taken = rest.as_object_mut().and_then(|members| members.remove(&name));
        prop_assert_eq!(tree.take(&name), taken);
        prop_assert!(look_the_same(tree.root(), Json::from(&rest)));
    }

    #[test]
    fn what_is_ordinary_is_seen_eight_bytes_at_a_time_as_one_by_one(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0x1e_u8..0x24, Just(b'\\'), 0x80_u8..=255], 0..40),
    ) {
        let special = |byte: &u8| *byte < b' ' || [b'"', b'\\'].contains(byte);
        prop_assert_eq!(ordinary(&bytes), bytes.iter().position(special).unwrap_or(bytes.len()));
    }

    #[test]
    fn another_reader_says_the_same_of_any_text(
        value in any_json(), pretty in any::<bool>(), at in 0_usize..400, junk in r#"[\[\]{}:,"\\u0-9a-ce.+é -]{0,6}"#, gone in 0_usize..5,
    ) {
        let text = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        let text: Vec<char> = text.chars().collect();
        let (before, after) = text.split_at(at.min(text.len()));
        let text: String = before.iter().chain(&junk.chars().collect::<Vec<_>>()).chain(after.iter().skip(gone)).collect();
        prop_assert_eq!(parse(text.as_bytes(), MAX), direct::parse(text.as_bytes()));
        prop_assert_eq!(parse(junk.as_bytes(), MAX), direct::parse(junk.as_bytes()));
    }

    #[test]
    fn another_reader_says_the_same_of_any_tokens(
        tokens in prop::collection::vec(prop::sample::select(TOKENS), 0..12),
    ) {
        let text = tokens.concat();
        prop_assert_eq!(parse(text.as_bytes(), MAX), direct::parse(text.as_bytes()), "{}", text);
    }

    #[test]
    fn another_reader_says_the_same_of_any_depth_and_number(
        open in "[\\[a]{28,36}", digits in "-?[0-9]{1,20}(\\.[0-9]{1,3})?(e[0-9]{1,3})?",
    ) {
        let mut text: String = open.chars().map(|c| if c == 'a' { r#"{"a":"# } else { "[" }).collect();
        text.push_str(&digits);
        text.extend(open.chars().rev().map(|c| if c == 'a' { '}' } else { ']' }));
        prop_assert_eq!(parse(text.as_bytes(), MAX), direct::parse(text.as_bytes()));
        prop_assert_eq!(parse(digits.as_bytes(), MAX), direct::parse(digits.as_bytes()));
    }

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
