use super::*;
use data_encoding::HEXLOWER;
use proptest::prelude::*;

const URI: &str = "https://example.com/statuslists/1";

fn examples() -> Value {
    let text = include_str!("../../../../tests/vectors/token-status-list/examples.json");
    serde_json::from_str(text).unwrap()
}

//
#[test]
fn a_reference_is_read_and_written_in_json_and_cbor() {
    let reference = Reference { index: 0, uri: URI.to_owned() };
    let json = json!({"status_list": {"idx": 0, "uri": URI}});
    assert_eq!(Reference::parse(&json).as_ref(), Ok(&reference));
    assert_eq!(reference.to_json(), json);
    let claim = examples()["referenced"]["claim"]
        .as_str()
        .map(|text| HEXLOWER.decode(text.as_bytes()).unwrap())
        .unwrap();
    assert_eq!(Reference::from_cbor(&claim).as_ref(), Ok(&reference));
    assert_eq!(reference.to_cbor(), claim);
}

#[test]
fn more_about_the_entry_is_passed_over_and_another_mechanism_is_not() {
    let more = json!({"status_list": {"idx": 3, "uri": URI, "more": [1]}});
    assert_eq!(Reference::parse(&more).map(|reference| reference.index), Ok(3));
    let other = json!({"status_list": {"idx": 3, "uri": URI}, "identifier_list": {"id": "1"}});
    assert_eq!(Reference::parse(&other), Err(StatusError::Malformed));
}

#[test]
fn a_reference_of_another_shape_is_refused() {
    for wrong in [
        json!(null),
        json!({}),
        json!([]),
        json!({"status_list": []}),
        json!({"status_list": {"idx": 0}}),
        json!({"status_list": {"uri": URI}}),
        json!({"status_list": {"idx": "0", "uri": URI}}),
        json!({"status_list": {"idx": -1, "uri": URI}}),
        json!({"status_list": {"idx": 0.5, "uri": URI}}),
        json!({"status_list": {"idx": MAX_ENTRIES, "uri": URI}}),
        json!({"status_list": {"idx": u64::MAX, "uri": URI}}),
        json!({"status_list": {"idx": 0, "uri": 1}}),
        json!({"status_list": {"idx": 0, "uri": "/statuslists/1"}}),
        json!({"status_list": {"idx": 0, "uri": "https://example.com/#1"}}),
    ] {
        assert_eq!(Reference::parse(&wrong), Err(StatusError::Malformed), "{wrong}");
    }
    let good = Reference { index: 70_000, uri: URI.to_owned() }.to_cbor();
    for end in 0..good.len() {
        assert_eq!(Reference::from_cbor(&good[..end]), Err(StatusError::Malformed), "cut at {end}");
    }
    assert_eq!(Reference::from_cbor(&[&good[..], &[0]].concat()), Err(StatusError::Malformed));
    for (name, wrong) in [
        ("idx twice", "a16b7374617475735f6c697374a363696478006369647801637572696568"),
        ("an indefinite map", "bf6b7374617475735f6c697374a2636964780063757269616dff"),
        ("a longer spelling", "a16b7374617475735f6c697374a263696478180063757269656874747073"),
        ("a number as name", "a101a2636964780063757269656874747073"),
    ] {
        let bytes = HEXLOWER.decode(wrong.as_bytes()).unwrap();
        assert_eq!(Reference::from_cbor(&bytes), Err(StatusError::Malformed), "{name}");
    }
}

proptest! {
    #[test]
    fn writing_and_reading_is_the_identity(index in 0..MAX_ENTRIES, path in "[a-z/?=]{0,20}") {
        let reference = Reference { index, uri: format!("https://a.example/{path}") };
        prop_assert_eq!(Reference::parse(&reference.to_json()), Ok(reference.clone()));
        prop_assert_eq!(Reference::from_cbor(&reference.to_cbor()), Ok(reference));
    }

    #[test]
    fn reading_any_bytes_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = Reference::from_cbor(&bytes);
    }
}
