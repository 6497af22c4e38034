//! Tests of argument values.

use super::*;

#[test]
fn a_time_is_a_number_and_a_unit_within_bounds() {
    for (text, seconds) in [("45s", 45), ("30m", 1_800), ("2h", 7_200), ("90d", 7_776_000), ("7", 7)] {
        assert_eq!(ttl(text), Ok(Duration::from_secs(seconds)), "{text}");
    }
    for text in ["", "m", "0", "0s", "91d", "-1s", "1.5h", "1w", "1hh", "99999999999999999999d", "1 h"] {
        assert!(ttl(text).is_err(), "{text}");
    }
}

#[test]
fn formats_are_spelled_one_way() {
    assert_eq!(credential_format("vc+jwt"), Ok(Envelope::Jwt));
    assert!(credential_format("vp+jwt").is_err());
    assert_eq!(presentation_format("vp+cose"), Ok(Envelope::Cose));
    assert!(presentation_format("jwt").is_err());
}
