//! Views: equal digests mean equal items, in whatever order they came.

use super::*;
use proptest::prelude::*;

fn item(subject: u8, seq: u64, branch: u8) -> Item {
    Item { kind: ItemKind::Log, subject: format!("did:example:{subject}"), seq, digest: [branch; 32] }
}

fn view(items: &[Item]) -> View {
    let mut view = View::default();
    for item in items {
        view.replace(vec![item.clone()]).unwrap();
    }
    view
}

#[test]
fn two_objects_of_one_number_are_two_items() {
    assert_ne!(item(1, 1, 1).id(), item(1, 1, 2).id());
    let mut both = View::default();
    both.replace(vec![item(1, 1, 1), item(1, 1, 2)]).unwrap();
    assert_eq!(both.len(), 2);
    assert_ne!(both.digest(), view(&[item(1, 1, 1)]).digest());
}

#[test]
fn the_bucket_that_differs_is_named() {
    let (mut a, mut b) = (view(&[item(1, 1, 1)]), view(&[item(1, 1, 1), item(2, 1, 1)]));
    let buckets = a.differing(&b.digest()).unwrap();
    let [bucket, ..] = item(2, 1, 1).id();
    assert!(buckets.contains(bucket));
    assert_eq!(b.page(&buckets, None).0.iter().filter(|i| **i == item(2, 1, 1)).count(), 1);
    let theirs = a.digest();
    assert_eq!(a.differing(&theirs), None);
}

#[test]
fn where_only_the_root_differs_every_bucket_is_asked_for() {
    let mut a = view(&[item(1, 1, 1)]);
    let forged = DomainDigest { root: [0; 32], ..a.digest() };
    assert_eq!(a.differing(&forged), Some(Buckets::ALL));
}

#[test]
fn replacing_tells_what_it_replaced_and_refuses_what_is_not_one_subject() {
    let mut a = view(&[item(1, 1, 1)]);
    assert_eq!(a.replace(vec![item(1, 2, 2)]), Ok(vec![item(1, 1, 1).id()]));
    assert_eq!(a.highest(ItemKind::Log, "did:example:1"), Some(2));
    assert_eq!(a.replace(vec![item(1, 3, 3), item(2, 1, 1)]), Err(Refusal::Inconsistent));
    let later = Item { kind: ItemKind::Later(9), ..item(1, 4, 4) };
    assert_eq!(a.replace(vec![later]), Err(Refusal::Inconsistent));
    assert_eq!(a.replace(vec![]), Err(Refusal::Inconsistent));
    assert_eq!(a.highest(ItemKind::Log, "did:example:1"), Some(2));
}

#[test]
fn of_too_many_branches_every_replica_keeps_the_same() {
    let mut branches: Vec<_> = (0..6).map(|branch| item(1, 1, branch)).collect();
    let (mut a, mut b) = (View::default(), View::default());
    a.replace(branches.clone()).unwrap();
    branches.reverse();
    b.replace(branches).unwrap();
    assert_eq!((a.len(), a.digest()), (MAX_BRANCHES, b.digest()));
}

#[test]
fn pages_end_and_hold_everything_once() {
    let items: Vec<_> = (0..=255).flat_map(|s| [item(s, 1, 1)]).collect();
    let a = view(&items);
    let long = "x".repeat(MAX_SUBJECT_BYTES);
    let mut many = View::default();
    for n in 0..1_000_u64 {
        let subject = format!("{}{n:04}", &long[4..]);
        many.replace(vec![Item { kind: ItemKind::StatusList, subject, seq: n, digest: [0; 32] }]).unwrap();
    }
    for view in [a, many] {
        let (mut after, mut got) = (None, Vec::new());
        loop {
            let (page, more) = view.page(&Buckets::ALL, after);
            let bytes: usize = page.iter().map(|i| i.subject.len()).sum();
            assert!(bytes <= MAX_PAGE_BYTES && page.len() <= MAX_ITEMS_PER_PAGE);
            after = page.last().map(Item::id);
            got.extend(page);
            if !more {
                break;
            }
        }
        assert_eq!(got.len(), view.len());
    }
}

proptest! {
    #[test]
    fn the_digest_does_not_depend_on_the_order(seqs in proptest::collection::vec((0_u8..8, 0_u64..4), 1..20)) {
        let mut last = BTreeMap::new();
        for (subject, seq) in &seqs {
            last.insert(*subject, *seq);
        }
        let direct: Vec<_> = last.iter().rev().map(|(subject, seq)| item(*subject, *seq, 0)).collect();
        let along: Vec<_> = seqs.iter().map(|(subject, seq)| item(*subject, *seq, 0)).collect();
        let (mut along, mut direct) = (view(&along), view(&direct));
        // Digests that were computed on the way are not kept too long.
        let _ = along.digest();
        prop_assert_eq!(along.digest(), direct.digest());
    }
}
