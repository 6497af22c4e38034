use super::document::{self, encode};
use super::*;
use crate::cbor::{ARRAY, MAP, Writer};
use crate::secure::MAX_CREDENTIAL_BYTES;
use did_resolver::codec;
use did_resolver::jcs;
use did_resolver::json::{JsonError, MAX_INTEGER};
use proptest::prelude::*;
use serde_json::json;

fn decode(bytes: &[u8], max_bytes: usize) -> Result<Value, SecureError> {
    document::decode(bytes, max_bytes).map(|tree| tree.value().clone())
}

const MAX: usize = MAX_CREDENTIAL_BYTES;

fn scid(seed: u8) -> String {
    codec::multihash_base58btc(&[seed])
}

/// What the document comes to, and that it comes back.
fn both_ways(document: &Value) -> Vec<u8> {
    let bytes = encode(document).unwrap();
    assert_eq!(decode(&bytes, MAX).as_ref(), Ok(document));
    bytes
}

/// How many bytes the text takes, its head included, where it stands first.
fn size(text: &str) -> usize {
    both_ways(&json!([text])).len() - both_ways(&json!([])).len()
}

fn document(item: impl Fn(Writer) -> Writer) -> Vec<u8> {
    item(Writer::default().head(ARRAY, 2).unsigned(terms::VERSION)).into_bytes()
}

// What is signed stands on these numbers. A term that is added, moved or respelled is another table, with
// another version and a file of its own.
#[test]
fn a_term_of_the_table_never_gets_another_number() {
    assert_eq!(
        codec::to_hex(&codec::sha256(terms::TEXT.as_bytes())),
        "2d13d8752a64ee8bb86e35a5cb0f8251a50ef2d0483b1c2155ab7afd11a4f543"
    );
    let terms: Vec<_> = terms::TEXT.lines().collect();
    assert_eq!(terms.len(), 124);
    for (place, term) in (0_u8..).zip(&terms) {
        assert_eq!((terms::number(term), terms::term(place.into())), (Some(place), Some(*term)));
        assert!(!term.is_empty() && term.trim() == *term);
    }
    assert_eq!((terms::term(124), terms::number("unregistered")), (None, None));
}

#[test]
fn every_term_of_the_embedded_context_is_in_the_table() {
    let context: Value = serde_json::from_str(crate::context::MARQUE_V1_TEXT).unwrap();
    for term in context["@context"].as_object().unwrap().keys() {
        // Keywords and the prefix are not written in documents.
        let written = !term.starts_with('@') && term != "marque";
        assert!(!written || terms::number(term).is_some(), "{term}");
    }
}

#[test]
fn documents_have_the_bytes_that_another_encoder_gives_them() {
    let file: Value =
        serde_json::from_str(include_str!("../../../../tests/vectors/compact/documents.json")).unwrap();
    let cases = file["cases"].as_array().unwrap();
    for case in cases {
        let bytes = both_ways(&case["document"]);
        assert_eq!(json!(codec::to_hex(&bytes)), case["payload"], "{}", case["name"]);
    }
    assert_eq!(cases.len(), 11);
}

#[test]
fn each_form_of_text_takes_the_bytes_that_it_needs() {
    let did = format!("did:webvh:{}:alpha.example", scid(1));
    let key = "did:key:z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG";
    let digest = codec::digest_multibase(&codec::sha256(b"x"));
    for (text, bytes) in [
        ("VerifiableCredential", 2),
        ("urn:uuid:6ba7b810-9dad-41d1-80b4-00c04fd430c8", 18),
        ("2026-11-26T01:30:00Z", 6),
        ("1970-01-01T00:00:00Z", 21),
        ("1970-01-01T00:00:01Z", 3),
        (&digest, 35),
        (&did, 2 + 1 + 32 + 13),
        (key, 2 + 1 + 34),
        ("https://example.org/", 2 + 12),
        ("94567", 5),
        ("100", 3),
        ("99", 3),
        ("012", 4),
        ("-100", 5),
        ("18446744073709551616", 21),
    ] {
        assert_eq!(size(text), bytes, "{text}");
    }
}

#[test]
fn what_only_looks_like_a_form_of_text_stands_for_itself() {
    let upper = "urn:uuid:6BA7B810-9dad-41d1-80b4-00c04fd430c8";
    let elsewhere = "urn:uuid:6ba7b8109-dad-41d1-80b4-00c04fd430c8";
    let not_a_digest = format!("did:webvh:{}:a.example", codec::to_base58btc(&[0x12, 0x21, 7]));
    let no_place = format!("did:webvh:{}", scid(1));
    for text in [
        upper,
        elsewhere,
        "urn:uuid:",
        "2026-11-26T01:30:00+00:00",
        "2026-11-26T01:30:00.5Z",
        "2026-11-26t01:30:00Z",
        "uEiAA",
        &not_a_digest,
        &no_place,
        "did:key:z0",
        "did:key:u7QE",
        "https://",
        "data:application/vc+cose;base64,0oQ",
        "data:application/vc+cose;base64,",
        "",
        "a",
    ] {
        assert_eq!(size(text), Writer::default().text(text).into_bytes().len(), "{text}");
    }
}

#[test]
fn a_did_or_url_that_stood_before_is_written_once() {
    let (a, b) = (
        format!("did:webvh:{}:alpha.example:agents:bot", scid(1)),
        "https://alpha.example/status/revocation",
    );
    let once = both_ways(&json!([a, b])).len();
    assert_eq!(both_ways(&json!([a, b, a, b])).len(), once + 8);
    let other = "https://alpha.example/status/suspension";
    assert_eq!(both_ways(&json!([a, b, other])).len(), once + 4 + "suspension".len());
    // Where a character is cut in two, the whole of it is written.
    both_ways(&json!(["https://alpha.example/é", "https://alpha.example/è", "https://alpha.example/é"]));
    // After so many none is remembered.
    let many: Vec<_> = (0..40).map(|n| format!("https://{n}-alpha.example/status")).collect();
    both_ways(&json!([many, many]));
}

#[test]
fn numbers_come_back_as_they_were() {
    for number in [
        json!(0),
        json!(-1),
        json!(23),
        json!(MAX_INTEGER),
        json!(-9_007_199_254_740_991_i64),
        json!(0.5),
        json!(-1e-7),
        json!(1.1),
    ] {
        both_ways(&number);
    }
    for number in [json!(MAX_INTEGER + 1), json!(-9_007_199_254_740_992_i64), json!(1e300)] {
        assert_eq!(encode(&number), Err(SecureError::Json(JsonError::Integer)), "{number}");
    }
}

#[test]
fn nesting_and_size_have_the_bounds_of_json() {
    let nested = |depth: usize| (0..depth).fold(json!([]), |inner, _| json!([inner]));
    both_ways(&nested(32));
    assert_eq!(encode(&nested(33)), Err(SecureError::Json(JsonError::TooDeep)));
    let deep = [document(|w| w), vec![0x81; 33], vec![0x80]].concat();
    assert_eq!(decode(&deep, MAX), Err(SecureError::Json(JsonError::TooDeep)));
    let long = encode(&json!(["a".repeat(100)])).unwrap();
    assert_eq!((decode(&long, 104).is_ok(), decode(&long, 103)), (true, Err(SecureError::TooLong)));
    // Three bytes that stand for 255: what they come to is bounded, not what they are.
    let url = format!("https://{}", "a".repeat(247));
    let bomb = json!(vec![url; 10_000]);
    let bytes = encode(&bomb).unwrap();
    assert!(bytes.len() < 50_000);
    assert_eq!(decode(&bytes, MAX), Err(SecureError::TooLong));
    // A head that says more than there is takes no memory for it.
    let empty = document(|w| w.head(ARRAY, 1 << 40));
    assert_eq!(decode(&empty, MAX), Err(SecureError::Malformed));
}

#[test]
fn another_encoding_of_the_same_document_is_refused() {
    let (form, terms, did) =
        (SecureError::Malformed, SecureError::Terms, format!("did:webvh:{}:a.example", scid(1)));
    let json = SecureError::Json;
    let cases: Vec<(&str, Vec<u8>, SecureError)> = vec![
        ("version 0", Writer::default().head(ARRAY, 2).unsigned(0).head(MAP, 0).into_bytes(), terms),
        ("version 2", Writer::default().head(ARRAY, 2).unsigned(2).head(MAP, 0).into_bytes(), terms),
        ("no version", Writer::default().head(MAP, 0).into_bytes(), form),
        ("three items", Writer::default().head(ARRAY, 3).unsigned(1).head(MAP, 0).null().into_bytes(), form),
        ("something after it", document(|w| w.head(MAP, 0).null()), form),
        ("an unknown term as a name", document(|w| w.head(MAP, 1).unsigned(124).null()), terms),
        ("an unknown term as a value", document(|w| w.bytes(&[124])), terms),
        ("an unknown form", document(|w| w.bytes(&[10, 1])), terms),
        ("no bytes", document(|w| w.bytes(&[])), form),
        ("a term spelled out as a name", document(|w| w.head(MAP, 1).text("issuer").null()), form),
        ("a term spelled out as a value", document(|w| w.text("Agent")), form),
        ("a name in bytes", document(|w| w.head(MAP, 1).bytes(&[1]).null()), form),
        ("a name that is null", document(|w| w.head(MAP, 1).null().null()), form),
        (
            "a name twice",
            document(|w| w.head(MAP, 2).unsigned(1).null().unsigned(1).null()),
            json(JsonError::Duplicate),
        ),
        ("names in another order", document(|w| w.head(MAP, 2).unsigned(2).null().unsigned(1).null()), form),
        ("a text name before a term", document(|w| w.head(MAP, 2).text("a").null().unsigned(1).null()), form),
        ("a longer name first", document(|w| w.head(MAP, 2).text("aa").null().text("b").null()), form),
        ("an integer past 2^53", document(|w| w.unsigned(MAX_INTEGER + 1)), json(JsonError::Integer)),
        ("an integer below -2^53", document(|w| w.integer(-9_007_199_254_740_992)), json(JsonError::Integer)),
        ("a float that is whole", document(|w| w.float(2.0)), form),
        ("minus zero", document(|w| w.float(-0.0)), form),
        ("infinity", document(|w| w.raw(&[0xf9, 0x7c, 0])), form),
        ("not a number", document(|w| w.raw(&[0xf9, 0x7e, 0])), form),
        ("a float in more bytes", document(|w| w.raw(&[0xfa, 0x3f, 0xc0, 0, 0])), form),
        ("a number in more bytes", document(|w| w.raw(&[0x18, 0x05])), form),
        ("undefined", document(|w| w.raw(&[0xf7])), form),
        ("a tag", document(|w| w.raw(&[0xc0, 0x61, 0x61])), form),
        ("an array without end", document(|w| w.raw(&[0x9f, 0xff])), form),
        ("a map without end", document(|w| w.raw(&[0xbf, 0xff])), form),
        ("a text in pieces", document(|w| w.raw(&[0x7f, 0x61, 0x61, 0xff])), form),
        ("a text that is not UTF-8", document(|w| w.raw(&[0x62, 0xc3, 0x28])), form),
        ("a DID spelled out", document(|w| w.text(&did)), form),
        ("a URL spelled out", document(|w| w.text("https://example.org/")), form),
        ("an instant with a leading zero", document(|w| w.bytes(&[1, 0, 1])), form),
        ("an instant after the last", document(|w| w.bytes(&[1, 0xff, 0xff, 0xff, 0xff, 0xff])), form),
        ("a decimal with a leading zero", document(|w| w.bytes(&[6, 0, 200])), form),
        ("a decimal of two digits", document(|w| w.bytes(&[6, 99])), form),
        ("a UUID of 15 bytes", document(|w| w.bytes(&[&[0][..], &[7; 15]].concat())), form),
        ("a UUID of 17 bytes", document(|w| w.bytes(&[&[0][..], &[7; 17]].concat())), form),
        ("a digest of 31 bytes", document(|w| w.bytes(&[&[2][..], &[7; 31]].concat())), form),
        ("a URL that is not UTF-8", document(|w| w.bytes(&[5, 0xc3, 0x28])), form),
        ("a beginning that nothing had", document(|w| w.bytes(&[9, 0, 4, b'a'])), form),
        ("a beginning without a length", document(|w| w.bytes(&[9, 0])), form),
        (
            "more of a beginning than there was",
            document(|w| w.head(ARRAY, 2).bytes(b"\x05example.org/abc").bytes(&[9, 0, 99])),
            form,
        ),
        (
            "less of a beginning than there was",
            document(|w| w.head(ARRAY, 2).bytes(b"\x05example.org/abc").bytes(b"\x09\x00\x09xample.org/abd")),
            form,
        ),
    ];
    for (what, bytes, refusal) in cases {
        assert_eq!(decode(&bytes, MAX), Err(refusal), "{what}");
    }
    let good =
        encode(&json!({"id": did, "validFrom": "2026-11-26T01:30:00Z", "other": [1.5, null, true]})).unwrap();
    for end in 0..good.len() {
        assert!(decode(&good[..end], MAX).is_err(), "cut at {end}");
    }
}

#[test]
fn a_key_of_the_issuer_is_written_as_its_fragment_and_no_other_way() {
    let did = format!("did:webvh:{}:a.example", scid(1));
    let key = "did:key:z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG";
    let own = format!("{key}#{}", &key[8..]);
    for (key_id, actor, written) in [
        (format!("{did}#key-1"), Some(did.as_str()), "#key-1".to_owned()),
        (format!("{did}#key-1"), Some(key), format!("{did}#key-1")),
        (format!("{did}#key-1"), None, format!("{did}#key-1")),
        (format!("{did}x#key-1"), Some(did.as_str()), format!("{did}x#key-1")),
        (own.clone(), Some(key), "#".to_owned()),
        (own.clone(), None, own.clone()),
        (format!("{key}#other"), Some(key), "#other".to_owned()),
    ] {
        assert_eq!(write_key_id(&key_id, actor), written);
        assert_eq!(read_key_id(written.as_bytes(), actor).map(|id| id.as_str().to_owned()), Ok(key_id));
    }
    for (written, actor, refusal) in [
        (format!("{did}#key-1"), Some(did.as_str()), SecureError::Malformed),
        (own.clone(), Some(key), SecureError::Malformed),
        (format!("#{}", &key[8..]), Some(key), SecureError::Malformed),
        ("#key-1".to_owned(), None, SecureError::KeyId),
        ("#".to_owned(), Some(did.as_str()), SecureError::KeyId),
        ("key-1".to_owned(), Some(did.as_str()), SecureError::KeyId),
    ] {
        assert_eq!(read_key_id(written.as_bytes(), actor), Err(refusal), "{written}");
    }
    assert_eq!(read_key_id(&[0xc3, 0x28], None), Err(SecureError::KeyId));
}

/// Texts of every form, and texts that nearly have one.
fn any_text() -> impl Strategy<Value = String> {
    let did = |seed: u8, rest: String| format!("did:webvh:{}:{rest}", scid(seed));
    let data = |bytes: Vec<u8>| {
        format!("data:application/vnd.marque.vc+cose;base64,{}", data_encoding::BASE64.encode(&bytes))
    };
    prop_oneof![
        ".{0,12}",
        prop::sample::select(terms::TEXT.lines().map(str::to_owned).collect::<Vec<_>>()),
        (0_u8..4, "[a-z.:]{0,20}").prop_map(move |(seed, rest)| did(seed, rest)),
        prop::collection::vec(any::<u8>(), 0..40)
            .prop_map(|key| format!("did:key:{}", codec::to_multibase_z(&key))),
        "https://[a-c]{1,3}\\.example/[a-e/é]{0,20}",
        "urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        prop::sample::select(vec!["1970-01-01T00:00:00Z".to_owned(), "000".to_owned(), "0".to_owned()]),
        (0_u64..300_000_000_000).prop_map(|at| did_resolver::time::UnixSeconds::new(at).to_string()),
        any::<u64>().prop_map(|number| number.to_string()),
        any::<[u8; 32]>().prop_map(|digest| codec::digest_multibase(&digest)),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(data),
        "[0-9]{0,8}[TZ:-]{0,3}",
        "(urn:uuid:|u|did:webvh:|did:key:z|https://|data:)[0-9a-zA-Z:-]{0,50}",
    ]
}

/// A number that is not whole, as JSON has it.
fn fraction(float: f64) -> Value {
    json!(if float.is_finite() && float.fract() != 0.0 { float } else { 0.5 })
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
        (0_i64..300).prop_map(Value::from),
        any::<f64>().prop_map(fraction),
        any::<f32>().prop_map(|float| fraction(f64::from(float))),
        (-1e6_f64..1e6).prop_map(fraction),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map(any_text(), inner, 0..8).prop_map(|members| json!(members)),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_comes_back_identical_and_has_one_encoding(document in any_json()) {
        let bytes = encode(&document).unwrap();
        let read = decode(&bytes, MAX).unwrap();
        prop_assert_eq!(jcs::canonical(&read).unwrap(), jcs::canonical(&document).unwrap());
        prop_assert_eq!(encode(&read), Ok(bytes));
        prop_assert_eq!(read, document);
    }

    // Whatever bytes are read are those that would be written: there is no second spelling.
    #[test]
    fn what_is_read_is_what_would_be_written(document in any_json(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut bytes = encode(&document).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len() + 1)]] {
            if let Ok(read) = decode(bytes, MAX) {
                prop_assert_eq!(encode(&read), Ok(bytes.to_vec()));
            }
        }
    }

    #[test]
    fn bytes_that_stand_for_a_text_are_those_that_it_is_written_as(
        form in 0_u8..12,
        mut bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            prop::collection::vec(any::<u8>(), 150..260),
            "[ -~]{0,40}".prop_map(String::into_bytes),
        ],
    ) {
        bytes.insert(0, form);
        let bytes = document(|w| w.head(ARRAY, 2).bytes(b"\x05example.org/a/b/c").bytes(&bytes));
        if let Ok(read) = decode(&bytes, MAX) {
            prop_assert_eq!(encode(&read), Ok(bytes));
        }
    }

    #[test]
    fn reading_any_bytes_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), max in 0_usize..300) {
        if let Ok(read) = decode(&bytes, max) {
            prop_assert_eq!(encode(&read), Ok(bytes));
        }
    }
}
