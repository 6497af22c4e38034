use super::*;
use std::collections::BTreeSet;

#[test]
fn codes_are_distinct_and_read_back() {
    let texts: BTreeSet<_> = Code::ALL.iter().map(|c| c.as_str()).collect();
    assert_eq!(texts.len(), Code::ALL.len());
    for code in Code::ALL {
        assert_eq!(code.as_str().parse(), Ok(*code));
        assert!(!code.meaning().is_empty() && !code.action().is_empty());
    }
    assert_eq!("ok".parse::<Code>(), Err(UnknownCode));
}

#[test]
fn the_agentid_codes_have_the_status_that_the_draft_gives_them() {
    for (text, status) in [
        ("AID-003", 403),
        ("AID-004", 403),
        ("AID-006", 403),
        ("AID-007", 429),
        ("AID-009", 403),
        ("AID-010", 401),
    ] {
        assert_eq!(text.parse::<Code>().unwrap().http_status(), status, "{text}");
    }
}

#[test]
fn could_not_know_is_never_a_denial() {
    for code in [Code::StatusStale, Code::StatusUnknown, Code::DidUnresolvable] {
        assert_eq!((code.class(), code.http_status()), (Class::Unknown, 503));
    }
}
