//! Tests of what is due where.

use super::*;

fn at(seconds: u64) -> UnixSeconds {
    UnixSeconds::new(seconds)
}

fn behind(unpublished: &Unpublished, now: u64) -> Vec<u64> {
    unpublished.kept(at(now)).iter().map(|kept| kept.behind.as_secs()).collect()
}

#[test]
fn a_place_is_behind_from_the_oldest_change_that_is_not_there_on() {
    let unpublished = Unpublished::default();
    let place = unpublished.begin("folder", at(100));
    assert_eq!(behind(&unpublished, 105), [5], "nothing of it was written yet");
    assert_eq!(place.by_now(), Changed::all());
    assert_eq!(behind(&unpublished, 106), [6], "who took it is not done");
    unpublished.note(&Subject::Lists, at(107));
    place.done();
    assert_eq!(behind(&unpublished, 110), [3], "what changed meanwhile");
    place.by_now();
    place.failed("no room");
    assert_eq!(unpublished.kept(at(111))[0].why.as_deref(), Some("no room"));
    unpublished.note(&Subject::Lists, at(112));
    assert_eq!(behind(&unpublished, 120), [13]);
    place.by_now();
    assert_eq!(behind(&unpublished, 120), [13], "still the oldest");
    place.done();
    let kept = Kept { place: "folder", behind: Duration::ZERO, why: None };
    assert_eq!(unpublished.kept(at(500)), [kept]);
}

#[test]
fn each_place_is_told_and_one_that_fails_keeps_no_other_from_being_up_to_date() {
    let unpublished = Unpublished::default();
    let (folder, bucket) = (unpublished.begin("folder", at(1)), unpublished.begin("bucket", at(1)));
    for place in [&folder, &bucket] {
        place.by_now();
        place.done();
    }
    unpublished.note(&Subject::Lists, at(10));
    assert!(folder.by_now().subjects.contains(&Subject::Lists));
    folder.done();
    assert_eq!(behind(&unpublished, 30), [0, 20]);
    assert!(bucket.by_now().subjects.contains(&Subject::Lists));
}

#[test]
fn of_more_changes_than_are_remembered_all_is_looked_at_and_the_lists_come_first() {
    let log = |n: usize| Subject::Log(format!("did:web:a{n}.test").parse().unwrap());
    let mut changed = Changed::default();
    changed.add(Changed { all: false, subjects: (0..MAX_CHANGED).map(log).collect() });
    assert!(!changed.all);
    changed.subjects.pop_last();
    changed.add(Changed { all: false, subjects: BTreeSet::from([Subject::Lists]) });
    assert_eq!(changed.subjects.first(), Some(&Subject::Lists));
    changed.add(Changed { all: false, subjects: BTreeSet::from([log(MAX_CHANGED)]) });
    assert_eq!(changed, Changed::all());
}

#[test]
fn a_reason_is_kept_up_to_its_bound_and_never_cut_within_a_letter() {
    let unpublished = Unpublished::default();
    let place = unpublished.begin("bucket", at(1));
    place.failed(&"ä".repeat(MAX_REASON_BYTES));
    assert_eq!(unpublished.kept(at(1))[0].why.as_ref().unwrap().len(), MAX_REASON_BYTES);
}
