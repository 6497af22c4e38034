//! Tests of failures.

use super::*;

#[test]
fn a_path_is_shown_as_people_write_it_and_stays_an_array_in_the_document() {
    let mut failure =
        Failure::of(Code::DelegationWidened).because("adds a capability").so("Delegate a subset.");
    failure.path = json!(["chain", 1, "capabilities"]);
    assert!(failure.to_string().contains("adds a capability (at chain[1].capabilities)"), "{failure}");
    assert_eq!(failure.to_json()["error"]["path"], json!(["chain", 1, "capabilities"]));
}

#[test]
fn a_report_goes_beside_the_error_in_one_document() {
    let failure =
        Failure { report: Some(Box::new(json!({"steps": [1]}))), ..Failure::local(Local::Demo, "no", "") };
    assert_eq!(
        failure.to_json(),
        json!({"steps": [1], "error": {"code": "demo", "reason": "no", "action": ""}})
    );
}

#[test]
fn a_wrong_passphrase_is_a_wrong_call_and_no_defect() {
    assert_eq!(Failure::local(Local::Passphrase, "wrong", "").exit, Exit::Usage);
    assert_eq!(Failure::local(Local::Keys, "tampered", "").exit, Exit::Internal);
}

#[test]
fn what_only_this_program_says_is_told_apart_from_what_every_node_says() {
    for (at, local) in Local::ALL.iter().enumerate() {
        assert!(local.as_str().parse::<Code>().is_err(), "{}", local.as_str());
        assert!(Local::ALL[..at].iter().all(|other| other.as_str() != local.as_str()), "{}", local.as_str());
        assert_ne!(local.exit(), Exit::Done);
    }
}

/// `MARQUE_WRITE=1 cargo test -p marque --lib failure` writes the page.
#[test]
fn the_page_of_codes_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/codes.md");
    let page = vc_schemas::code::page() + &page();
    if std::env::var_os("MARQUE_WRITE").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(there == page, "docs/codes.md is out of date: MARQUE_WRITE=1 cargo test -p marque --lib failure");
}
