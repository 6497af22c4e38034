use super::*;
use proptest::prelude::*;

#[test]
fn a_timestamp_with_an_offset_is_the_same_instant_in_utc() {
    assert_eq!(
        UnixSeconds::parse("2026-11-22T13:00:00+02:00"),
        UnixSeconds::parse_utc("2026-11-22T11:00:00Z")
    );
    assert_eq!(UnixSeconds::parse("2000-01-01T00:00:00.999Z"), Ok(UnixSeconds::new(946_684_800)));
}

#[test]
fn what_is_not_rfc_3339_is_refused() {
    let long = format!("2000-01-01T00:00:00.{}Z", "0".repeat(60));
    for text in [
        "",
        "2000",
        "2000-01-01",
        "2000-01-01T00:00:00",
        "2000-01-01 00:00:00Z",
        "2000-01-01t00:00:00z",
        "2000-13-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        long.as_str(),
    ] {
        assert_eq!(UnixSeconds::parse(text), Err(TimeError), "{text:?}");
    }
    assert_eq!(UnixSeconds::parse_utc("2026-11-22T13:00:00+02:00"), Err(TimeError));
}

proptest! {
    #[test]
    fn writing_then_reading_is_the_identity(seconds in 0..=LAST) {
        let at = UnixSeconds::new(seconds);
        prop_assert_eq!(UnixSeconds::parse_utc(&at.to_string()), Ok(at));
    }

    #[test]
    fn reading_never_panics(text in ".{0,48}") {
        let _ = UnixSeconds::parse(&text);
    }
}
