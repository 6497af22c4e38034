use super::*;
use proptest::prelude::*;

const URL: &str = "https://acme.example/status/1";
const MAX_URL_BYTES: usize = crate::status::MAX_URL_BYTES;

fn entry() -> Value {
    json!({
        "id": "https://acme.example/status/1#94567",
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "94567",
        "statusListCredential": URL,
    })
}

//
#[test]
fn an_entry_is_read_and_written_for_each_purpose_of_one_bit() {
    let read = StatusEntry::parse(&entry()).unwrap();
    assert_eq!(read, StatusEntry { purpose: Purpose::Revocation, index: 94_567, list: URL.to_owned() });
    for purpose in [Purpose::Suspension, Purpose::Refresh] {
        let other = StatusEntry { purpose, ..read.clone() };
        assert_eq!(StatusEntry::parse(&other.to_json()), Ok(other));
    }
}

#[test]
fn an_entry_of_another_shape_is_refused() {
    for (name, value) in [
        ("type", json!("StatusList2021Entry")),
        ("type", json!(["BitstringStatusListEntry"])),
        ("statusPurpose", json!("other")),
        ("statusPurpose", json!("message")),
        ("statusPurpose", json!(["revocation"])),
        ("statusListIndex", json!(94567)),
        ("statusListIndex", json!("")),
        ("statusListIndex", json!("01")),
        ("statusListIndex", json!("+1")),
        ("statusListIndex", json!("-1")),
        ("statusListIndex", json!("1 ")),
        ("statusListIndex", json!("0x1")),
        ("statusListIndex", json!("16777216")),
        ("statusListIndex", json!("4294967296")),
        ("statusListCredential", json!("")),
        ("statusListCredential", json!("/status/1")),
        ("statusListCredential", json!("https:")),
        ("statusListCredential", json!("https://a.example/ b")),
        ("statusListCredential", json!("https://a.example/#list")),
        ("statusListCredential", json!(format!("https://{}", "a".repeat(MAX_URL_BYTES)))),
        ("id", json!(1)),
        ("id", json!("94567")),
        ("statusSize", json!(1)),
        ("statusMessage", json!([])),
    ] {
        let mut changed = entry();
        changed[name] = value.clone();
        assert_eq!(StatusEntry::parse(&changed), Err(StatusError::Malformed), "{name}: {value}");
    }
    for name in ["type", "statusPurpose", "statusListIndex", "statusListCredential"] {
        let mut changed = entry();
        changed.as_object_mut().unwrap().remove(name);
        assert_eq!(StatusEntry::parse(&changed), Err(StatusError::Malformed), "{name}");
    }
    assert_eq!(StatusEntry::parse(&json!([entry()])), Err(StatusError::Malformed));
}

fn message_entry(width: Width) -> MessageEntry {
    MessageEntry {
        index: 5,
        list: URL.to_owned(),
        width,
        messages: (0..=width.greatest()).map(|value| format!("message {value}")).collect(),
        reference: Some("https://acme.example/messages".to_owned()),
    }
}

//
#[test]
fn a_message_entry_is_read_and_written_with_one_message_for_each_value() {
    for width in [Width::One, Width::Two, Width::Four] {
        let entry = message_entry(width);
        let json = entry.to_json();
        assert_eq!(MessageEntry::parse(&json), Ok(entry.clone()));
        assert_eq!(StatusEntry::parse(&json), Err(StatusError::Malformed));
        assert_eq!(entry.message(width.greatest()), Some(format!("message {}", width.greatest()).as_str()));
        assert_eq!(entry.message(width.greatest() + 1), None);
    }
    let json = message_entry(Width::Four).to_json();
    assert_eq!(json["statusMessage"][10], json!({"status": "0xa", "message": "message 10"}));
    let mut one_bit = message_entry(Width::One).to_json();
    one_bit.as_object_mut().unwrap().remove("statusSize");
    one_bit.as_object_mut().unwrap().remove("statusReference");
    assert_eq!(MessageEntry::parse(&one_bit).map(|entry| entry.width), Ok(Width::One));
}

#[test]
fn a_message_entry_of_another_shape_is_refused() {
    let whole = message_entry(Width::Two).to_json();
    for (name, value) in [
        ("statusPurpose", json!("revocation")),
        ("statusSize", json!(1)),
        ("statusSize", json!(3)),
        ("statusSize", json!(8)),
        ("statusSize", json!("2")),
        ("statusReference", json!(["https://acme.example/messages"])),
        ("statusReference", json!("messages")),
        ("statusMessage", json!({})),
        ("statusMessage", json!([])),
        ("more", json!(1)),
    ] {
        let mut changed = whole.clone();
        changed[name] = value.clone();
        assert_eq!(MessageEntry::parse(&changed), Err(StatusError::Malformed), "{name}: {value}");
    }
    for (name, value) in [
        ("status", json!("1")),
        ("status", json!("0x01")),
        ("status", json!("0x2")),
        ("status", json!(1)),
        ("message", json!("")),
        ("message", json!("m".repeat(MAX_MESSAGE_BYTES + 1))),
        ("more", json!(1)),
    ] {
        let mut changed = whole.clone();
        changed["statusMessage"][1][name] = value.clone();
        assert_eq!(MessageEntry::parse(&changed), Err(StatusError::Malformed), "{name}: {value}");
    }
}

proptest! {
    #[test]
    fn writing_and_reading_an_entry_is_the_identity(index in 0..MAX_ENTRIES, suspension in any::<bool>(), path in "[a-z/?=]{0,20}") {
        let purpose = if suspension { Purpose::Suspension } else { Purpose::Revocation };
        let entry = StatusEntry { purpose, index, list: format!("https://a.example/{path}") };
        prop_assert_eq!(StatusEntry::parse(&entry.to_json()), Ok(entry));
    }

    #[test]
    fn reading_an_index_takes_one_spelling(text in "[0-9+ -]{0,10}") {
        let mut changed = entry();
        changed["statusListIndex"] = json!(text);
        if let Ok(read) = StatusEntry::parse(&changed) {
            prop_assert_eq!(read.index.to_string(), text);
        }
    }
}
