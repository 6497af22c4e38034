//! Views: equal digests mean equal items, in whatever order they came.

use super::range::{MAX_PREFIX_NIBBLES, MAX_TOLD_IDS, Part, Prefix, are_apart, around};
use super::*;
use crate::replica::limits::{MAX_ITEMS_PER_PAGE, MAX_PAGE_BYTES};
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

/// All that there can be.
fn everything() -> Vec<Prefix> {
    (0..=u8::MAX).map(Prefix::byte).collect()
}

/// What `b` has and `a` has not, found as two nodes find it, and in how many questions.
fn missing(a: &mut View, b: &mut View) -> (BTreeSet<Sha256Digest>, usize) {
    let mut found = BTreeSet::new();
    let Some(mut ranges) = a.differing(&b.digest()).unwrap() else { return (found, 1) };
    let mut questions = 1;
    while !ranges.compare.is_empty() {
        questions += 1;
        for prefix in std::mem::take(&mut ranges.compare) {
            let narrowed = a.narrow(&prefix, &b.part(&prefix));
            ranges.compare.extend(narrowed.compare);
            ranges.list.extend(narrowed.list);
        }
    }
    ranges.list.sort();
    assert!(are_apart(&ranges.list));
    let (items, more) = b.page(&ranges.list, None);
    assert!(!more);
    found.extend(items.iter().map(Item::id).filter(|id| !a.holds(id)));
    (found, questions + 1)
}

//
#[test]
fn of_a_range_that_is_told_no_further_also_what_is_not_told_is_found() {
    // Whoever makes the items can make their ids begin alike.
    let of = |numbers: &[u8]| {
        let mut view = View::default();
        for n in numbers {
            let mut id = [0x77_u8; 32];
            id[4] = *n;
            view.by_id.insert(id, item(*n, 1, 1));
        }
        view
    };
    let prefix = (0..6).fold(Prefix::byte(0x77), |prefix, _| prefix.child(7));
    let told: Vec<u8> = (0..u8::try_from(MAX_TOLD_IDS).unwrap()).collect();
    let (ours, theirs) = ([told.as_slice(), &[200]].concat(), [told.as_slice(), &[201]].concat());
    let narrowed = of(&ours).narrow(&prefix, &of(&theirs).part(&prefix));
    assert_eq!(narrowed, Narrowed { compare: Vec::new(), list: vec![prefix] });
    // Also where something that is told is missing as well.
    let narrowed = of(&ours[1..]).narrow(&prefix, &of(&theirs).part(&prefix));
    assert_eq!(narrowed, Narrowed { compare: Vec::new(), list: vec![prefix] });
}

#[test]
fn the_bucket_that_differs_is_named_and_one_of_which_the_other_has_nothing_is_not() {
    let (mut a, mut b) = (view(&[item(1, 1, 1)]), view(&[item(1, 1, 1), item(2, 1, 1)]));
    let [bucket, ..] = item(2, 1, 1).id();
    let narrowed = a.differing(&b.digest()).unwrap().unwrap();
    assert_eq!(narrowed, Narrowed { compare: Vec::new(), list: vec![Prefix::byte(bucket)] });
    assert_eq!(b.differing(&a.digest()), Ok(Some(Narrowed::default())));
    let theirs = a.digest();
    assert_eq!(a.differing(&theirs), Ok(None));
}

#[test]
fn where_only_the_root_differs_everything_is_listed_and_without_buckets_it_is_no_answer() {
    let mut a = view(&[item(1, 1, 1)]);
    let forged = DomainDigest { root: [0; 32], ..a.digest() };
    assert_eq!(a.differing(&forged), Ok(Some(Narrowed { compare: Vec::new(), list: everything() })));
    let short = DomainDigest { buckets: Vec::new(), ..forged };
    assert_eq!(a.differing(&short), Err(Refusal::UnexpectedAnswer));
}

#[test]
fn a_range_with_one_digest_and_other_ids_is_listed_whole() {
    let a = view(&(0..=255).map(|s| item(s, 1, 1)).collect::<Vec<_>>());
    let whole =
        |narrowed: Narrowed, prefix| assert_eq!(narrowed, Narrowed { compare: vec![], list: vec![prefix] });
    let [bucket, ..] = item(7, 1, 1).id();
    let prefix = Prefix::byte(bucket);
    whole(a.narrow(&prefix, &a.part(&prefix)), prefix);
    // The same of digests.
    let mut many = View::default();
    for n in 0..20_000_u64 {
        many.replace(vec![Item { seq: n, subject: format!("did:example:{n}"), ..item(0, 0, 0) }]).unwrap();
    }
    let said = many.part(&prefix);
    assert!(matches!(said, Part::Digests(_)));
    whole(many.narrow(&prefix, &said), prefix);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn two_views_find_what_each_is_missing_in_few_questions(
        common in 0_u64..9_000, only_a in 0_u64..40, only_b in 0_u64..400, salt in any::<u8>(),
    ) {
        let (mut a, mut b) = (View::default(), View::default());
        let one = |name: &str, n: u64| Item { seq: n, subject: format!("did:{name}:{n}"), ..item(0, 0, salt) };
        for n in 0..common {
            a.replace(vec![one("common", n)]).unwrap();
            b.replace(vec![one("common", n)]).unwrap();
        }
        let mine: BTreeSet<_> = (0..only_a).map(|n| one("a", n)).collect();
        let theirs: BTreeSet<_> = (0..only_b).map(|n| one("b", n)).collect();
        mine.iter().for_each(|item| drop(a.replace(vec![item.clone()]).unwrap()));
        theirs.iter().for_each(|item| drop(b.replace(vec![item.clone()]).unwrap()));
        let (found, questions) = missing(&mut a, &mut b);
        prop_assert_eq!(found, theirs.iter().map(Item::id).collect());
        prop_assert!(questions <= 5, "{questions}");
        let (found, _) = missing(&mut b, &mut a);
        prop_assert_eq!(found, mine.iter().map(Item::id).collect());
    }

    #[test]
    fn a_prefix_is_where_its_ids_are(id in any::<[u8; 32]>(), other in any::<[u8; 32]>(), length in 2_u8..=8) {
        let [byte, second, third, fourth, ..] = id;
        let nibbles = [second >> 4, second & 15, third >> 4, third & 15, fourth >> 4, fourth & 15];
        let prefix = nibbles.iter().take(usize::from(length) - 2).fold(Prefix::byte(byte), |p, n| p.child(*n));
        prop_assert_eq!(prefix.nibbles(), length);
        prop_assert!(prefix.contains(&id) && prefix.ids().contains(&id));
        prop_assert_eq!(prefix.contains(&other), prefix.ids().contains(&other));
        let named = prefix.followed_by(prefix.tail(&id));
        prop_assert!(named.contains(&id) && named.nibbles() == length + 8);
        for p in [prefix, named] {
            prop_assert_eq!(Prefix::decode(&p.encode(), MAX_PREFIX_NIBBLES), Ok(p));
        }
        let only = [prefix];
        prop_assert_eq!(around(&only, &id), Some(&prefix));
        prop_assert_eq!(around(&only, &other), prefix.contains(&other).then_some(&prefix));
    }
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
            let (page, more) = view.page(&everything(), after);
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
