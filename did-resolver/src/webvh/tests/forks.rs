//! Who signed a version, since when a key may sign no more, and what two histories prove.

use super::*;
use proptest::prelude::*;

fn rotated(to: u8) -> Change {
    Change { update_keys: Some(vec![key(to)]), ..Change::default() }
}

#[test]
fn the_signer_of_a_version_is_the_key_of_its_proof() {
    let log = then(&then(&first(genesis()), rotated(2), 1, 1), rotated(3), 2, 2);
    let signers: Vec<_> = (0..5).map(|number| log.signer(number)).collect();
    assert_eq!(signers, [None, Some(key(1)), Some(key(1)), Some(key(2)), None]);
}

#[test]
fn a_key_is_retired_at_the_version_after_which_it_may_sign_nothing() {
    let log = first(genesis());
    assert_eq!((log.retired_at(&key(1), 1), log.retired_at(&key(9), 1)), (None, Some(1)));
    let log = then(&log, renamed(&log, 1), 1, 1);
    let log = then(&log, rotated(2), 2, 1);
    assert_eq!((log.retired_at(&key(1), 1), log.retired_at(&key(2), 1)), (Some(3), None));
    // Not before the number that is asked from.
    let log = then(&log, renamed(&log, 2), 3, 2);
    assert_eq!((log.retired_at(&key(1), 2), log.retired_at(&key(1), 4)), (Some(3), Some(4)));
    // A key that is listed again may sign again.
    let log = then(&log, rotated(1), 4, 2);
    assert_eq!((log.retired_at(&key(1), 1), log.retired_at(&key(2), 1)), (None, Some(5)));
}

#[test]
fn a_committed_key_may_sign_next_and_after_a_deactivation_none_may() {
    let mut start = genesis();
    start.next_key_hashes = vec![key_hash(&key(2))];
    let log = first(start);
    assert_eq!((log.retired_at(&key(1), 1), log.retired_at(&key(2), 1)), (Some(1), None));
    let end = Change { deactivate: true, ..Change::default() };
    let log = then(&first(genesis()), end, 1, 1);
    assert_eq!(log.retired_at(&key(1), 1), Some(2));
}

fn two() -> (Log, Log, Log) {
    let log = first(genesis());
    let (one, other) = (then(&log, renamed(&log, 1), 1, 1), then(&log, renamed(&log, 2), 1, 1));
    (log, one, other)
}

//
#[test]
fn two_histories_prove_themselves_to_anybody() {
    let (_, one, other) = two();
    let other = then(&other, rotated(2), 2, 1);
    let proof = DuplicityProof::of(one.did(), &one, &other).unwrap();
    let read = DuplicityProof::verify(proof.to_json().to_string().as_bytes(), NOW).unwrap();
    assert_eq!(read, proof);
    assert_eq!((read.at(), read.did(), read.branches()), (2, one.did(), &[one.clone(), other]));
}

#[test]
fn one_history_or_two_of_different_dids_prove_nothing() {
    let (log, one, _) = two();
    assert_eq!(DuplicityProof::of(one.did(), &one, &one), None);
    assert_eq!(DuplicityProof::of(one.did(), &one, &log), None);
    let mut elsewhere = genesis();
    elsewhere.path = vec!["other".to_owned()];
    assert_eq!(DuplicityProof::of(one.did(), &one, &first(elsewhere)), None);
}

#[test]
fn a_proof_that_does_not_hold_is_refused() {
    let (log, one, other) = two();
    let proof = DuplicityProof::of(one.did(), &one, &other).unwrap().to_json();
    let verify = |change: &dyn Fn(&mut Value)| {
        let mut json = proof.clone();
        change(&mut json);
        DuplicityProof::verify(json.to_string().as_bytes(), NOW).unwrap_err()
    };
    let text = |log: &Log| json!(String::from_utf8_lossy(log.bytes()));
    let forged = String::from_utf8_lossy(one.bytes()).replace("name-1", "name-7");
    assert_eq!(verify(&|json| json["branches"][1]["log"] = text(&one)), DuplicityError::NotTwo);
    assert_eq!(verify(&|json| json["branches"][0]["log"] = text(&log)), DuplicityError::NotTwo);
    assert_eq!(verify(&|json| json["did"] = json!("did:web:acme.example")), DuplicityError::NotTwo);
    let branch = verify(&|json| json["branches"][0]["log"] = json!(forged));
    assert!(matches!(branch, DuplicityError::Branch { place: 0, why: LogError::Entry { number: 2, .. } }));
    let shapes: [&dyn Fn(&mut Value); 6] = [
        &|json| json["type"] = json!("Proof"),
        &|json| json["more"] = json!(1),
        &|json| json["did"] = json!(1),
        &|json| json["branches"] = json!([proof["branches"][0]]),
        &|json| json["branches"][0]["more"] = json!(""),
        &|json| json["branches"][1] = json!("x"),
    ];
    for shape in shapes {
        assert_eq!(verify(shape), DuplicityError::Shape);
    }
    assert!(matches!(DuplicityProof::verify(b"{", NOW), Err(DuplicityError::Json(_))));
}

proptest! {
    #[test]
    fn a_key_that_is_retired_signs_no_next_entry_and_one_that_is_not_does(
        rotations in proptest::collection::vec(1_u8..4, 1..6),
    ) {
        let mut log = first(genesis());
        let mut signer = 1;
        for (step, to) in (1..).zip(rotations) {
            log = then(&log, rotated(to), step, signer);
            signer = to;
        }
        for seed in 1..4 {
            let next = log.extend(&[log.bytes(), &Forged::after(&log, seed).signed(seed)].concat(), NOW);
            prop_assert_eq!(next.is_ok(), log.retired_at(&key(seed), 1).is_none());
        }
    }
}
