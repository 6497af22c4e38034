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
