//! Identifiers: one spelling of a location, and nothing that is not a domain name.

use super::*;
use crate::location::MAX_PATH_SEGMENTS;
use proptest::prelude::*;

const SCID: &str = "QmSXsRKkp2WdQxJCgV8DQFWGZAgd1nuSqF65uutDP9bVX3";

fn read(rest: &str) -> Result<WebvhId, HostError> {
    format!("did:webvh:{SCID}:{rest}").parse()
}

#[test]
fn a_did_maps_to_the_url_of_its_log() {
    for (rest, url) in [
        ("example.com", "https://example.com/.well-known/did.jsonl"),
        ("issuer.example.com", "https://issuer.example.com/.well-known/did.jsonl"),
        ("example.com:dids:issuer", "https://example.com/dids/issuer/did.jsonl"),
        ("example.com%3A3000:dids:issuer", "https://example.com:3000/dids/issuer/did.jsonl"),
        ("example.com%3A3000", "https://example.com:3000/.well-known/did.jsonl"),
        ("xn--fsq.jp", "https://xn--fsq.jp/.well-known/did.jsonl"),
        // The specification's example, with the host in its ASCII form.
        (
            "xn--jp-cd2fp15c.xn--fsq.jp:%E7%94%A8%E6%88%B7",
            "https://xn--jp-cd2fp15c.xn--fsq.jp/%E7%94%A8%E6%88%B7/did.jsonl",
        ),
        ("example.com:r%C3%A9sum%C3%A9-1", "https://example.com/r%C3%A9sum%C3%A9-1/did.jsonl"),
        ("node-a.test:agents:travel-bot", "https://node-a.test/agents/travel-bot/did.jsonl"),
    ] {
        let id = read(rest).unwrap();
        assert_eq!(id.log_url(), url);
        assert_eq!(id.witness_url(), url.replace("did.jsonl", "did-witness.json"));
    }
    let id = read("node-a.test%3A8443:agents:bot_1").unwrap();
    assert_eq!((id.scid(), id.host(), id.port()), (SCID, "node-a.test", Some(8443)));
    assert_eq!(id.path(), ["agents", "bot_1"]);
}

#[test]
fn addresses_in_any_spelling_and_local_names_are_refused() {
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "10.0.0.0x1",
        "169.254.169.254",
        "1.2.3.4.5",
        "a.1",
        "::1",
        "%5B::1%5D",
        "localhost",
        "a.localhost",
        "intranet",
        "127%2E0%2E0%2E1",
        "%31%32%37.0.0.1",
        "example",
        "example.",
        ".example.com",
        "a..b",
        "-a.example",
        "a-.example",
        "Example.com",
        "EXAMPLE.COM",
        "exa_mple.com",
        "ex%61mple.com",
        "example%2Ecom",
        "example.com%2F..",
        "example.com%40evil.test",
        "user%40example.com",
        "example.com%3Fq",
        "",
    ] {
        assert!(read(host).is_err(), "{host}");
    }
    assert!(read(&format!("{}.example", "a".repeat(64))).is_err());
    assert!(read(&format!("{}example", "a.".repeat(130))).is_err());
}

#[test]
fn a_port_is_a_plain_number_after_one_upper_case_escape() {
    for port in ["0", "00", "080", "65536", "99999", "-1", "+80", "8a", "", "80%3A80", "%38"] {
        assert!(read(&format!("example.com%3A{port}")).is_err(), "{port}");
    }
    assert!(read("example.com%3a80").is_err());
    assert!(read("example.com%253A80").is_err());
    assert_eq!(read("example.com%3A65535").unwrap().port(), Some(65535));
}

#[test]
fn a_path_with_traversal_escapes_or_too_many_segments_is_refused() {
    for path in
        ["..", ".", "a:..", "a:.:b", "%2E%2E", "%2e%2e:a", "a%2Fb", "a%5Cb", "a::b", "%00", "a:", "a%3A80"]
    {
        assert!(read(&format!("example.com:{path}")).is_err(), "{path}");
    }
    assert!(read(&format!("example.com{}", ":a".repeat(MAX_PATH_SEGMENTS))).is_ok());
    assert_eq!(
        read(&format!("example.com{}", ":a".repeat(MAX_PATH_SEGMENTS + 1))),
        Err(LocationError::Path.into())
    );
}

#[test]
fn what_is_encoded_in_a_path_is_beyond_ascii_seen_and_written_in_one_way() {
    for path in [
        "caf%c3%a9",
        "%C3",
        "%A9",
        "%C3%A9%",
        "%C3%A",
        "%G0%80",
        "%41",
        "%2E",
        "%2F",
        "%7E",
        "%20",
        "%25C3%25A9",
        "%C0%AF",
        "%C0%AE%C0%AE",
        "%E0%80%AF",
        "%ED%A0%80",
        "%C2%85",
        "%C2%A0",
        "%E2%80%AE",
        "%E2%80%8B",
        "%EF%BB%BF",
        "%E3%80%80",
        "%+1%80",
        "é",
    ] {
        assert!(read(&format!("example.com:{path}")).is_err(), "{path}");
    }
    assert!(read("ex%C3%A4mple.com").is_err(), "a host is in its ASCII form");
}

#[test]
fn the_scid_is_a_sha_256_multihash() {
    for scid in ["", "{SCID}", "Qm", "z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG", &SCID[1..]] {
        assert!(format!("did:webvh:{scid}:example.com").parse::<WebvhId>().is_err(), "{scid}");
    }
    assert_eq!(format!("did:web:{SCID}:example.com").parse::<WebvhId>(), Err(HostError::OtherMethod));
    assert_eq!("did".parse::<WebvhId>(), Err(HostError::Malformed));
    assert_eq!(format!("did:webvh:{SCID}").parse::<WebvhId>(), Err(LocationError::Host.into()));
}

proptest! {
    #[test]
    fn a_location_that_is_accepted_writes_the_did_that_it_was_read_from(
        host in "[a-z0-9-]{1,8}\\.[a-z]{1,4}",
        port in prop::option::of(any::<u16>()),
        path in prop::collection::vec("[A-Za-z0-9._-]{1,6}", 0..4),
    ) {
        if let Ok(location) = Location::new(&host, port, &path) {
            let read: WebvhId = WebvhId::text(SCID, &location).parse().unwrap();
            prop_assert_eq!(read.location(), &location);
            prop_assert_eq!(read.did().as_str(), WebvhId::text(SCID, &location));
        }
    }

    #[test]
    fn reading_never_panics_and_never_lets_an_escape_into_a_url(rest in "[a-zA-Z0-9.:%_-]{0,40}") {
        if let Ok(id) = read(&rest) {
            let url = id.log_url();
            let ascii = url.split('%').skip(1).any(|escape| escape < "80");
            let clean = !ascii && !url.contains("/../") && !url.contains("/./");
            prop_assert!(clean, "{}", url);
        }
    }
}
