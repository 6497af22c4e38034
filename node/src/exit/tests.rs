//! Tests of the exit codes.

use super::*;

#[test]
fn every_code_has_an_exit_code_and_none_means_done() {
    for code in Code::ALL {
        assert_ne!(Exit::of(*code), Exit::Done, "{code}");
    }
}

#[test]
fn the_exit_codes_are_those_of_the_product_page() {
    let expected = [
        (Code::Internal, 1),
        (Code::NameMalformed, 2),
        (Code::DelegationWidened, 3),
        (Code::SignatureInvalid, 3),
        (Code::PresentationMalformed, 3),
        (Code::CredentialRevoked, 4),
        (Code::AgentSuspended, 4),
        (Code::AgentUnknown, 5),
        (Code::DidUnresolvable, 5),
        (Code::StatusUnknown, 5),
        (Code::ApprovalRequired, 6),
        (Code::PeerUnreachable, 7),
        (Code::NameTaken, 8),
    ];
    for (code, exit) in expected {
        assert_eq!(Exit::of(code) as u8, exit, "{code}");
    }
}

#[test]
fn a_code_that_is_not_known_never_ends_as_done() {
    for status in 100..=599 {
        assert_ne!(Exit::of_http_status(status), Exit::Done, "{status}");
    }
    assert_eq!(Exit::of_http_status(409), Exit::Conflict);
    assert_eq!(Exit::of_http_status(403), Exit::Denied);
}
