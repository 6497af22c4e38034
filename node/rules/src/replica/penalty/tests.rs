//! Only what an honest peer never forwards is charged.

use super::*;

#[test]
fn only_malformed_misplaced_and_forged_messages_are_charged() {
    let charged: Vec<_> = Refusal::ALL.iter().filter(|r| penalty(**r) == Penalty::Reject).collect();
    let expected = [Refusal::TooLarge, Refusal::Malformed, Refusal::WrongTopic, Refusal::BadSignature];
    assert_eq!(charged, expected.iter().collect::<Vec<_>>());
}

#[test]
fn every_refusal_has_a_name_of_its_own() {
    for refusal in Refusal::ALL {
        assert_eq!(Refusal::from_name(refusal.as_str()), Some(*refusal));
        assert!(refusal.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
    }
    assert_eq!(Refusal::from_name("of another kind"), None);
}
