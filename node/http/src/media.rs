//! What a client accepts (RFC 9110, section 12.5.1), decided among the types that are offered.

use crate::limits::MAX_MEDIA_RANGES;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// The offered type that the client likes best; between equals the one that is offered first.
/// `None` where it accepts none of them.
pub(crate) fn choose(headers: &HeaderMap, offered: &[&'static str]) -> Option<&'static str> {
    let values: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let ranges: Vec<Range> =
        values.iter().flat_map(|v| v.split(',')).take(MAX_MEDIA_RANGES).filter_map(Range::read).collect();
    if values.is_empty() {
        return offered.first().copied();
    }
    let mut best = None;
    for media_type in offered {
        let range = ranges.iter().filter(|range| range.covers(media_type)).max_by_key(|r| r.precision());
        let weight = range.map_or(0, |range| range.weight);
        if weight > best.map_or(0, |(_, weight)| weight) {
            best = Some((*media_type, weight));
        }
    }
    best.map(|(media_type, _)| media_type)
}

/// One media range and its weight in thousandths. Of its parameters only `profile` tells types apart.
struct Range {
    text: String,
    weight: u32,
}

impl Range {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let mut range = parts.next().filter(|range| range.contains('/'))?.to_ascii_lowercase();
        let mut weight = 1_000;
        for parameter in parts {
            let Some((name, value)) = parameter.split_once('=') else { continue };
            if name.eq_ignore_ascii_case("q") {
                weight = thousandths(value)?;
            } else if name.eq_ignore_ascii_case("profile") && !range.contains(';') {
                range = format!("{range};profile=\"{}\"", value.trim_matches('"'));
            }
        }
        Some(Self { text: range, weight })
    }

    fn covers(&self, media_type: &str) -> bool {
        match self.text.strip_suffix('*') {
            Some("*/") => true,
            Some(start) => start.ends_with('/') && media_type.starts_with(start),
            // A range without a profile is for all of them.
            None => self.text == media_type || media_type.split(';').next() == Some(&self.text),
        }
    }

    /// An exact type counts before a range, a narrow range before `*/*`, and a profile before none.
    fn precision(&self) -> u8 {
        match self.text.strip_suffix('*') {
            Some("*/") => 0,
            Some(_) => 1,
            None if !self.text.contains(';') => 2,
            None => 3,
        }
    }
}

/// `1`, `0`, or `0.` with up to three digits.
fn thousandths(text: &str) -> Option<u32> {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    let plain = digits.len() <= 3 && digits.bytes().all(|digit| digit.is_ascii_digit());
    let fraction: u32 = format!("{digits:0<3}").parse().ok().filter(|_| plain)?;
    match (whole, fraction) {
        ("0", fraction) => Some(fraction),
        ("1", 0) => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    const OFFERED: [&str; 2] = ["application/did-resolution", "application/did"];

    fn chosen(accept: Option<&str>) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
        }
        choose(&headers, &OFFERED)
    }

    #[test]
    fn the_first_offer_is_the_default_and_a_client_may_like_another_better() {
        for first in [None, Some("*/*"), Some("application/*"), Some("text/html, */*;q=0.1")] {
            assert_eq!(chosen(first), Some(OFFERED[0]), "{first:?}");
        }
        let second =
            ["application/did", "Application/DID", "application/did;q=0.5, application/did-resolution;q=0.4"];
        for second in second {
            assert_eq!(chosen(Some(second)), Some(OFFERED[1]), "{second}");
        }
        for none in ["text/html", "", "application/did;q=0, */*;q=0", "*", "application/di*", "a/b;q=2"] {
            assert_eq!(chosen(Some(none)), None, "{none}");
        }
    }

    #[test]
    fn a_profile_is_told_from_another() {
        let offered = ["application/did", "application/ld+json;profile=\"https://a.test/r\""];
        let of = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            choose(&headers, &offered)
        };
        for wanted in [
            "application/ld+json;profile=\"https://a.test/r\"",
            "application/ld+json; Profile=https://a.test/r;q=0.5",
            "application/ld+json, application/did;q=0.9",
        ] {
            assert_eq!(of(wanted), Some(offered[1]), "{wanted}");
        }
        assert_eq!(of("application/ld+json;profile=\"https://a.test/other\""), None);
        let both = "application/ld+json;profile=\"https://a.test/r\";q=0.1, application/ld+json, application/did;q=0.5";
        assert_eq!(of(both), Some(offered[0]));
    }

    proptest! {
        #[test]
        fn any_header_is_read_to_an_end(accept in "[ -~]{0,200}") {
            let _any = chosen(Some(&accept));
        }
    }
}
