//! Proofs that come after the log that they approve.

use super::*;

#[test]
fn a_proof_that_comes_later_is_added_and_the_log_is_as_if_all_had_come_at_once() {
    let lines = Lines::of(Some(witnesses(1, &[10, 11, 12])), &[None]);
    let file = |seeds: &[u8]| approvals(&[lines.id(2)], seeds);
    let first = lines.verify(&file(&[10])).unwrap();
    let second = first.with_approvals(&file(&[11])).unwrap().unwrap();
    let third = second.with_approvals(&file(&[12, 10])).unwrap().unwrap();
    let at_once = lines.verify(&file(&[10, 11, 12])).unwrap();
    assert_eq!(third, at_once);
    assert_eq!(third.witness_file(), Some(at_once.witness_proofs().to_bytes()));
    assert_eq!(Ok(Some(third.clone())), first.with_approvals(&file(&[10, 11, 12])));
    assert_eq!(third.with_approvals(&file(&[10, 11, 12])), Ok(None));
}

#[test]
fn what_approves_nothing_of_this_log_adds_nothing() {
    let lines = Lines::of(Some(witnesses(1, &[10, 11])), &[]);
    let log = lines.verify(&approvals(&[lines.id(1)], &[10])).unwrap();
    let other = Lines::of(Some(witnesses(1, &[11, 10])), &[]);
    let forged = records(&[(lines.id(1), vec![witness_proof(lines.id(1), 11, 12)])]);
    let strange = approvals(&[lines.id(1)], &[12]);
    for file in [approvals(&[other.id(1)], &[11]), forged, strange, b"[]".to_vec()] {
        assert_eq!(log.with_approvals(&file), Ok(None), "{}", String::from_utf8_lossy(&file));
    }
    let unreadable = log.with_approvals(b"[{}]");
    assert_eq!(unreadable, Err(LogError::WitnessProofs(WitnessProofsError::Shape)));
    assert_eq!(first(genesis()).with_approvals(b"[{}]"), Ok(None), "a file that nobody needs is not read");
    assert_eq!(first(genesis()).witness_file(), None);
}

#[test]
fn proofs_are_enough_by_themselves_or_not() {
    let lines = Lines::of(Some(witnesses(1, &[10])), &[Some(witnesses(1, &[11])), None]);
    let two = approvals(&[lines.id(2)], &[10]);
    let log = Log::verify_with(&lines.beginning(2), Some(&two), NOW).unwrap();
    let three = approvals(&[lines.id(3)], &[11]);
    let Ok(Extension::Longer(log)) = log.extend_with(&lines.bytes, Some(&three), NOW) else { panic!() };
    assert_eq!(log.check_approvals(Some(&three)), Err(EntryError::WitnessMissing.at(1)));
    assert_eq!(log.check_approvals(None), Err(EntryError::WitnessMissing.at(1)));
    assert_eq!(log.check_approvals(log.witness_file().as_deref()), Ok(()));
    assert_eq!(first(genesis()).check_approvals(None), Ok(()));
}
