//! Logs that others approve.

use super::*;
use crate::resolution::Resolution;
use proptest::prelude::*;

/// The error of a log whose entry `number` lacks approvals.
fn missing(number: u32) -> Result<Log, LogError> {
    Err(EntryError::WitnessMissing.at(number))
}

#[test]
fn a_log_with_witnesses_needs_the_threshold_of_them() {
    let lines = Lines::of(Some(witnesses(2, &[10, 11, 12])), &[]);
    let by = |seeds: &[u8]| lines.verify(&approvals(&[lines.id(1)], seeds));
    assert_eq!(by(&[]), missing(1));
    assert_eq!(by(&[11]), missing(1));
    let log = by(&[12, 10]).unwrap();
    assert_eq!(log.parameters().witnesses(), &witnesses(2, &[10, 11, 12]));
    assert!(by(&[10, 11, 12]).is_ok());
    assert_eq!(Log::verify(&lines.bytes, NOW), missing(1));
    assert_eq!(lines.verify(b"[]"), missing(1));
}

#[test]
fn a_witness_approves_in_two_steps_what_it_verified_itself() {
    let draft = create_with(genesis(), &watched_by(witnesses(2, &[10, 11]))).unwrap();
    assert_eq!(draft.approvers(), &witnesses(2, &[10, 11]));
    let line = signed(draft, 1);
    let approve = |held: Option<&Log>, line: &[u8], seed: u8| {
        let draft = WitnessDraft::new(held, line, &key(seed), NOW)?;
        let signature = secret(seed).sign(draft.signing_input()).to_bytes();
        Ok::<_, LogError>(draft.attach(&signature).unwrap())
    };
    let mut file = approve(None, &line, 10).unwrap();
    assert!(Log::verify_with(&line, Some(&file.to_bytes()), NOW).is_err());
    file.merge(approve(None, &line, 11).unwrap());
    file.merge(approve(None, &line, 11).unwrap());
    let log = Log::verify_with(&line, Some(&file.to_bytes()), NOW).unwrap();

    let next = signed(log.append(renamed(&log, 1), at(1), NOW).unwrap(), 1);
    let whole = [log.bytes(), &next].concat();
    assert_eq!(log.extend(&whole, NOW), Err(EntryError::WitnessMissing.at(2)));
    let mut file = approve(Some(&log), &next, 10).unwrap();
    file.merge(approve(Some(&log), &next, 11).unwrap());
    assert!(matches!(log.extend_with(&whole, Some(&file.to_bytes()), NOW), Ok(Extension::Longer(_))));

    assert_eq!(why(approve(Some(&log), &next, 12).unwrap_err()), EntryError::NotAWitness);
    assert_eq!(why(approve(Some(&log), &line, 10).unwrap_err()), EntryError::OutOfSequence);
    let forged = Forged::after(&log, 9).signed(9);
    assert_eq!(why(approve(Some(&log), &forged, 10).unwrap_err()), EntryError::NotAnUpdateKey);
    let draft = WitnessDraft::new(Some(&log), &next, &key(10), NOW).unwrap();
    assert_eq!(draft.version().number, 2);
    assert_eq!(draft.attach(&[7; 64]), Err(crate::proof::ProofError::BadSignature));
}

#[test]
fn an_approval_covers_all_entries_before_it_and_none_after() {
    let lines = Lines::of(Some(witnesses(1, &[10])), &[None, None]);
    assert!(lines.verify(&approvals(&[lines.id(3)], &[10])).is_ok());
    assert_eq!(lines.verify(&approvals(&[lines.id(2)], &[10])), missing(3));
    assert_eq!(lines.verify(&approvals(&[lines.id(1)], &[10])), missing(2));
}

#[test]
fn two_witnesses_may_reach_the_threshold_with_proofs_for_different_entries() {
    let lines = Lines::of(Some(witnesses(2, &[10, 11])), &[Some(witnesses(1, &[10]))]);
    let of = |ten: usize, eleven: usize| {
        let (ten, eleven) = ((lines.id(ten), 10), (lines.id(eleven), 11));
        records(&[ten, eleven].map(|(id, seed)| (id, vec![witness_proof(id, seed, seed)])))
    };
    assert!(lines.verify(&of(2, 2)).is_ok());
    assert_eq!(lines.verify(&of(2, 1)), missing(2));
    assert_eq!(lines.verify(&of(1, 2)), missing(2));
}

#[test]
fn new_witnesses_act_after_the_entry_that_names_them() {
    let lines = Lines::of(Some(witnesses(1, &[10])), &[Some(witnesses(1, &[11])), None]);
    let file = |two: u8, three: u8| {
        let (a, b) = (lines.id(2), lines.id(3));
        records(&[(a, vec![witness_proof(a, two, two)]), (b, vec![witness_proof(b, three, three)])])
    };
    assert!(lines.verify(&file(10, 11)).is_ok());
    assert_eq!(lines.verify(&file(11, 11)), missing(1));
    assert_eq!(lines.verify(&file(10, 10)), missing(3));
}

#[test]
fn where_there_were_none_the_first_witnesses_act_at_once() {
    let lines = Lines::of(None, &[Some(witnesses(1, &[10])), None]);
    assert_eq!(Log::verify(&lines.bytes, NOW), missing(2));
    assert!(Log::verify(&lines.beginning(1), NOW).is_ok());
    assert!(lines.verify(&approvals(&[lines.id(3)], &[10])).is_ok());
}

#[test]
fn an_entry_that_ends_witnessing_or_the_log_is_itself_approved() {
    let mut lines = Lines::of(Some(witnesses(1, &[10])), &[Some(Witnesses::none()), None]);
    assert_eq!(lines.verify(&approvals(&[lines.id(1)], &[10])), missing(2));
    let log = lines.verify(&approvals(&[lines.id(2)], &[10])).unwrap();
    assert!(log.parameters().witnesses().is_none());
    let old = lines.bytes.clone();
    lines.follow(json!({"witness": null}));
    assert!(matches!(log.extend(&lines.bytes, NOW), Ok(Extension::Longer(_))));
    assert!(lines.bytes.starts_with(&old));

    let mut lines = Lines::of(Some(witnesses(1, &[10])), &[]);
    lines.follow(json!({"deactivated": true}));
    assert_eq!(lines.verify(&approvals(&[lines.id(1)], &[10])), missing(2));
    assert!(lines.verify(&approvals(&[lines.id(2)], &[10])).unwrap().is_deactivated());
}

#[test]
fn a_longer_log_needs_approval_of_what_is_new_and_carries_the_proofs_of_both() {
    let lines = Lines::of(Some(witnesses(1, &[10])), &[Some(witnesses(1, &[11])), None, None]);
    let two = Log::verify_with(&lines.beginning(2), Some(&approvals(&[lines.id(2)], &[10])), NOW).unwrap();
    assert_eq!(two.extend(&lines.beginning(2), NOW), Ok(Extension::Same));
    assert_eq!(two.extend(&lines.beginning(1), NOW), Ok(Extension::Older));
    let new = approvals(&[lines.id(4)], &[11]);
    assert_eq!(lines.verify(&new), missing(1));
    let Ok(Extension::Longer(four)) = two.extend_with(&lines.bytes, Some(&new), NOW) else { panic!() };
    let file = four.witness_proofs().to_bytes();
    assert_eq!(Log::verify_with(four.bytes(), Some(&file), NOW), Ok(four.clone()));
    assert_eq!(two.extend_with(four.bytes(), Some(&file), NOW), Ok(Extension::Longer(four)));
}

#[test]
fn an_older_proof_replaces_no_later_one() {
    let lines = Lines::of(Some(witnesses(1, &[10])), &[Some(witnesses(1, &[11])), None]);
    let two = Log::verify_with(&lines.beginning(2), Some(&approvals(&[lines.id(2)], &[10])), NOW).unwrap();
    let (a, c) = (lines.id(1), lines.id(3));
    let file = records(&[(a, vec![witness_proof(a, 10, 10)]), (c, vec![witness_proof(c, 11, 11)])]);
    let Ok(Extension::Longer(log)) = two.extend_with(&lines.bytes, Some(&file), NOW) else { panic!() };
    assert_eq!(lines.verify(&log.witness_proofs().to_bytes()), Ok(log));
}

#[test]
fn a_log_that_came_in_parts_is_the_one_that_came_at_once() {
    let lines = changing();
    let ids: Vec<&str> = lines.ids.iter().map(String::as_str).collect();
    let file = approvals(&ids, &[10, 11, 12]);
    let whole = lines.verify(&file).unwrap();
    for n in 1..lines.ids.len() {
        let start = Log::verify_with(&lines.beginning(n), Some(&file), NOW).unwrap();
        let longer = start.extend_with(&lines.bytes, Some(&file), NOW);
        assert_eq!(longer, Ok(Extension::Longer(whole.clone())), "{n}");
        assert_eq!(whole.extend(&lines.beginning(n), NOW), Ok(Extension::Older));
    }
}

#[test]
fn of_each_witness_the_latest_proof_is_kept() {
    let lines = Lines::of(Some(witnesses(2, &[10, 11])), &[None, None]);
    let every = [lines.id(1), lines.id(2), lines.id(3)];
    let log = lines.verify(&approvals(&every, &[10, 11])).unwrap();
    let kept = log.witness_proofs();
    assert_eq!(kept, lines.verify(&approvals(&every[2..], &[11, 10])).unwrap().witness_proofs());
    assert!(!kept.is_empty());
    assert_eq!(WitnessProofs::parse(&kept.to_bytes()), Ok(kept));
    assert!(first(genesis()).witness_proofs().is_empty());
}

#[test]
fn a_branch_is_a_fork_only_where_its_witnesses_approve_it() {
    let held = Lines::of(Some(witnesses(1, &[10])), &[None, None]);
    let log = held.verify(&approvals(&[held.id(3)], &[10])).unwrap();
    let mut branch = Lines { bytes: held.beginning(1), ids: held.ids[..1].to_vec() };
    branch.follow(json!({"ttl": 5}));
    assert_eq!(log.extend(&branch.bytes, NOW), Err(EntryError::WitnessMissing.at(2)));
    let proofs = approvals(&[branch.id(2)], &[10]);
    assert_eq!(log.extend_with(&branch.bytes, Some(&proofs), NOW), Ok(Extension::Fork { at: 2 }));
}

#[test]
fn the_file_is_not_read_where_nothing_needs_it() {
    let log = first(genesis());
    assert_eq!(Log::verify_with(log.bytes(), Some(b"<html>"), NOW), Ok(log));
}

#[test]
fn a_file_is_a_list_of_versions_with_their_proofs_and_nothing_else() {
    let read = |text: &str| WitnessProofs::parse(text.as_bytes());
    for text in [
        "[]",
        r#"[{"versionId":"1-Qm"}]"#,
        r#"[{"versionId":"x","proof":[]},{"versionId":"x","proof":[{}]}]"#,
    ] {
        assert!(read(text).is_ok(), "{text}");
    }
    for text in ["[]", r#"[{"versionId":"1-Qm"}]"#, r#"[{"versionId":"x","proof":[]}]"#] {
        let without = read(text).unwrap();
        assert_eq!((without.is_empty(), without.to_bytes()), (true, b"[]".to_vec()), "{text}");
        assert_eq!(without, WitnessProofs::default(), "what holds no proof is one value: {text}");
    }
    for text in [
        "{}",
        "null",
        "[1]",
        "[[]]",
        "[{}]",
        r#"[{"versionId":1,"proof":[]}]"#,
        r#"[{"proof":[]}]"#,
        r#"[{"versionId":"1-Qm","proof":{}}]"#,
        r#"[{"versionId":"1-Qm","proof":["p"]}]"#,
        r#"[{"versionId":"1-Qm","proof":null}]"#,
        r#"[{"versionId":"1-Qm","proof":[],"more":1}]"#,
    ] {
        assert_eq!(read(text), Err(WitnessProofsError::Shape), "{text}");
    }
    let json = |text: &str| matches!(read(text), Err(WitnessProofsError::Json(_)));
    assert!(json("") && json("[") && json("[] []") && json(r#"[{"versionId":"a","versionId":"b"}]"#));
    assert_eq!(WitnessProofs::parse(&vec![b' '; MAX_WITNESS_BYTES + 1]), Err(WitnessProofsError::TooLong));
    let lines = Lines::of(Some(witnesses(1, &[10])), &[]);
    let refused = lines.verify(b"{}").unwrap_err();
    assert_eq!(refused, LogError::WitnessProofs(WitnessProofsError::Shape));
}

#[test]
fn watchers_and_ttl_stay_until_they_are_replaced() {
    let watchers = |urls: &[&str]| Oversight {
        watchers: Some(urls.iter().map(|url| (*url).to_owned()).collect()),
        witnesses: None,
    };
    let mut start = genesis();
    start.ttl_seconds = Some(0);
    let draft = create_with(start, &watchers(&["https://one.example"])).unwrap();
    let log = then(&Log::verify(&signed(draft, 1), NOW).unwrap(), Change::default(), 1, 1);
    assert_eq!(log.parameters().watchers(), ["https://one.example"]);
    assert_eq!(log.parameters().ttl_seconds(), 0);
    for (urls, seconds) in [(&["https://two.example"][..], 2), (&[][..], 2)] {
        let draft = log.append_with(Change::default(), &watchers(urls), at(seconds), NOW).unwrap();
        assert_eq!(draft.version().parameters().watchers(), urls);
    }
    let mut lines =
        Lines { bytes: log.bytes().to_vec(), ids: log.versions().map(|v| v.id.clone()).collect() };
    lines.follow(json!({"ttl": 1_u64 << 31}));
    lines.follow(json!({"ttl": null, "watchers": null}));
    let log = Log::verify(&lines.bytes, NOW).unwrap();
    assert_eq!(log.parameters().ttl_seconds(), DEFAULT_TTL_SECONDS);
    assert!(log.parameters().watchers().is_empty());
    let ttls: Vec<u32> = log.versions().map(|v| v.parameters().ttl_seconds()).collect();
    assert_eq!(ttls, [0, 0, 1 << 31, 3_600]);
}

#[test]
fn metadata_names_the_witnesses_with_the_threshold_as_text() {
    let lines = Lines::of(Some(witnesses(1, &[10])), &[]);
    let log = lines.verify(&approvals(&[lines.id(1)], &[10])).unwrap();
    let metadata = Resolution::of_log(&log, log.did(), None).unwrap().metadata.to_json();
    let id = format!("did:key:{}", key(10).to_multikey());
    assert_eq!(metadata["witness"], json!({"threshold": "1", "witnesses": [{"id": id}]}));
    let log = first(genesis());
    let metadata = Resolution::of_log(&log, log.did(), None).unwrap().metadata.to_json();
    assert_eq!(metadata.get("witness"), None);
}

/// Three changes of witnesses, so that one log has every kind of step.
fn changing() -> Lines {
    Lines::of(
        Some(witnesses(2, &[10, 11, 12])),
        &[Some(witnesses(1, &[11])), Some(Witnesses::none()), None, Some(witnesses(1, &[10, 12]))],
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// The specification's own counting: for each entry, distinct witnesses of those in force with a
    /// proof that verifies for it or a later one.
    #[test]
    fn a_verdict_is_what_counting_by_the_specification_gives(
        given in prop::collection::vec((1_usize..=5, 10_u8..=13, any::<bool>()), 0..12),
    ) {
        let lines = changing();
        let needs: [(u32, &[u8], usize); 4] = [(1, &[10, 11, 12], 2), (2, &[10, 11, 12], 2), (3, &[11], 1), (5, &[10, 12], 1)];
        let counted = |number: u32, seed: u8| given.iter().any(|(n, s, good)| *good && *s == seed && *n as u32 >= number);
        let lacking = needs.iter().find(|(number, seeds, threshold)| {
            seeds.iter().filter(|seed| counted(*number, **seed)).count() < *threshold
        });
        let file: Vec<(&str, Vec<Value>)> = given
            .iter()
            .map(|(n, seed, good)| (lines.id(*n), vec![witness_proof(lines.id(*n), *seed, if *good { *seed } else { 99 })]))
            .collect();
        let verdict = lines.verify(&records(&file));
        match lacking {
            Some((number, ..)) => prop_assert_eq!(verdict, missing(*number)),
            None => {
                let log = verdict.unwrap();
                let kept = log.witness_proofs().to_bytes();
                prop_assert_eq!(lines.verify(&kept), Ok(log));
            }
        }
    }

    #[test]
    fn reading_a_file_never_panics_and_a_flipped_byte_never_approves_more(
        at in any::<prop::sample::Index>(), to in any::<u8>(), noise in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let lines = Lines::of(Some(witnesses(1, &[10])), &[]);
        let _ = WitnessProofs::parse(&noise);
        let mut file = approvals(&[lines.id(1)], &[11]);
        let at = at.index(file.len());
        file[at] = to;
        prop_assert!(lines.verify(&file).is_err());
    }
}
