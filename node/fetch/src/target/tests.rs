//! Tests of which URLs are fetched.

use super::*;
use proptest::prelude::*;

#[test]
fn a_url_of_a_domain_name_is_taken_apart() {
    let target = Target::read("https://agents.acme.com/a/b.jsonl?x=%2F1").unwrap();
    assert_eq!((target.host.as_str(), target.port), ("agents.acme.com", 443));
    assert_eq!((target.path.as_str(), target.authority().as_str()), ("/a/b.jsonl?x=%2F1", "agents.acme.com"));
    let target = Target::read("https://acme.com:8443").unwrap();
    assert_eq!((target.port, target.path.as_str()), (8443, "/"));
    assert_eq!(target.authority(), "acme.com:8443");
}

//
#[test]
fn no_other_url_is_fetched() {
    for url in [
        "",
        "https://",
        "https:///path",
        "http://acme.com/",
        "HTTPS://acme.com/",
        "ftp://acme.com/",
        "file:///etc/passwd",
        "//acme.com/",
        "https:acme.com/",
        // Addresses, in every spelling.
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://10.0x1/",
        "https://127.0.0.1./",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://1.2.3.4%20/",
        // Names that are none.
        "https://localhost/",
        "https://a.localhost/",
        "https://intranet/",
        "https://Acme.com/",
        "https://acme.com./",
        "https://acme..com/",
        "https://-acme.com/",
        "https://acme%2Ecom/",
        "https://acme%2ecom/",
        "https://acme%3a80.com/",
        "https://acmé.com/",
        "https://acme.com%00.evil.com/",
        "https://acme.com%0d%0aHost:%20x/",
        // Somebody, a part, another service.
        "https://user@acme.com/",
        "https://user:secret@acme.com/",
        "https://acme.com@evil.com/",
        "https://acme.com#@evil.com/",
        "https://acme.com\\@evil.com/",
        "https://acme.com/#x",
        "https://acme.com?x",
        "https://acme.com:/",
        "https://acme.com:0/",
        "https://acme.com:25/",
        "https://acme.com:1023/",
        "https://acme.com:065/",
        "https://acme.com:+443/",
        "https://acme.com:65536/",
        "https://acme.com:443:443/",
        // What no request line carries.
        "https://acme.com/ x",
        "https://acme.com/\r\nHost: evil.com",
        "https://acme.com/\u{7f}",
        "https://acme.com/é",
        "https://acme.com/%",
        "https://acme.com/%2",
        "https://acme.com/%zz",
        "https://acme.com/../x",
        "https://acme.com/a/./x",
        "https://acme.com/a\\b",
    ] {
        assert_eq!(Target::read(url), Err(FetchError::Url), "{url:?}");
    }
    let long = format!("https://acme.com/{}", "a".repeat(MAX_REQUEST_BYTES));
    assert_eq!(Target::read(&long), Err(FetchError::Url));
}

#[test]
fn names_that_are_kept_for_other_uses_are_known() {
    for host in [
        "a.test",
        "acme.example",
        "x.local",
        "x.onion",
        "vault.internal",
        "1.in-addr.arpa",
        "a.invalid",
        "a.alt",
    ] {
        assert!(Target::read(&format!("https://{host}/")).unwrap().is_reserved(), "{host}");
    }
    assert!(!Target::read("https://test.com/").unwrap().is_reserved());
}

proptest! {
    #[test]
    fn any_text_is_read_to_an_end_and_what_is_read_is_what_was_written(text in "(https://)?[ -~é]{0,60}") {
        if let Ok(target) = Target::read(&text) {
            let port = if text.contains(":443") { ":443" } else { "" };
            let authority = target.authority() + port;
            let written = format!("https://{authority}{}", target.path);
            prop_assert!(written == text || written == format!("{text}/"), "{text}");
        }
    }

    #[test]
    fn a_url_with_an_address_as_its_host_is_never_read(bits: u32, v6: u128) {
        let v4 = std::net::Ipv4Addr::from_bits(bits);
        let [a, b, c, d] = v4.octets();
        for host in [
            v4.to_string(),
            bits.to_string(),
            format!("{bits:#x}"),
            format!("{a:#o}.{b}.{c}.{d}").replace("0o", "0"),
            format!("{a}.{b}.{}", u16::from_be_bytes([c, d])),
            format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
            format!("[{}]", std::net::Ipv6Addr::from_bits(v6)),
        ] {
            prop_assert_eq!(Target::read(&format!("https://{host}/did.jsonl")), Err(FetchError::Url));
        }
    }
}
