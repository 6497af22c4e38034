//! Lists that are held beside the one that counts, so that what they revoke gets to everybody.

use super::*;
use crate::replica::limits::MAX_LISTS;
use vc_schemas::status::array::Width;

/// A short array: what is held does not depend on its length.
fn bits(set: &[u32]) -> Bits {
    let mut bits = Bits::wide(256, Width::One).unwrap();
    set.iter().for_each(|index| bits.set(*index).unwrap());
    bits
}

/// A list as it was signed: its place and what it revokes.
type List = (ListFloor, Bits);

/// What one replica holds: the list that counts, what is held beside it, and all that it saw revoked.
#[derive(Debug, Default)]
struct Replica {
    list: Option<List>,
    beside: Vec<List>,
    ever: Option<Bits>,
}

fn digest((place, array): &List) -> [u8; 32] {
    did_resolver::codec::sha256_of(&[format!("{place:?}").as_bytes(), &array.digest()])
}

fn signed(list: &List) -> SignedList<'_> {
    SignedList { at: list.0, digest: digest(list), bits: &list.1 }
}

fn kept_beside(list: Option<&List>, others: &[List]) -> Option<Vec<List>> {
    let kept = beside(list.map(signed), others.iter().map(signed).collect())?;
    Some(kept.iter().map(|kept| (kept.at, kept.bits.clone())).collect())
}

/// Has each take what the other holds, as long as there is anything new.
fn exchange(one: &mut Replica, other: &mut Replica) {
    loop {
        let before = (one.held(), other.held());
        before.1.iter().for_each(|list| one.take(list));
        before.0.iter().for_each(|list| other.take(list));
        if before == (one.held(), other.held()) {
            return;
        }
    }
}

impl Replica {
    fn take(&mut self, list: &List) {
        let stored = self.list.as_ref();
        let known = KnownList {
            floor: stored.map(|list| list.0),
            stored: stored.map(|list| &list.1),
            ahead: None,
            revoked_ever: self.ever.as_ref(),
        };
        match decide_list(known, revocations(list.0, &list.1)) {
            ListDecision::Accept { overlay } => {
                let others: Vec<List> = self.beside.iter().chain(&self.list).cloned().collect();
                if let Some(kept) = kept_beside(Some(list), &others) {
                    (self.list, self.beside, self.ever) = (Some(list.clone()), kept, overlay);
                }
            }
            ListDecision::Same => {}
            ListDecision::Older { overlay }
            | ListDecision::Unrevokes { overlay }
            | ListDecision::Equivocation { overlay }
            | ListDecision::TooFarAhead { overlay } => {
                let others: Vec<List> = self.beside.iter().chain([list]).cloned().collect();
                if let Some(kept) = kept_beside(self.list.as_ref(), &others) {
                    (self.beside, self.ever) = (kept, overlay);
                }
            }
        }
    }

    fn is_past_knowing(&self) -> bool {
        is_past_knowing(self.held().len())
    }

    /// What it passes on.
    fn held(&self) -> Vec<List> {
        self.list.iter().chain(&self.beside).cloned().collect()
    }
}

// R-341, MESH.md D7: found by the simulator. Who heard one of two lists first never learnt of the other.
#[test]
fn of_two_lists_of_one_number_both_are_passed_on_and_a_list_that_covers_them_is_alone() {
    let (one, other) = ((at(1, 5), bits(&[1, 2])), (at(1, 5), bits(&[1, 3])));
    let mut replica = Replica::default();
    [&one, &other].into_iter().for_each(|list| replica.take(list));
    assert_eq!(replica.held(), [one.clone(), other.clone()]);
    // The issuer, having heard of one of them alone: its list does not count, and adds nothing.
    replica.take(&(at(1, 6), bits(&[1, 2])));
    assert_eq!(replica.held(), [one.clone(), other.clone()]);
    // It revokes something more: that counts, and everybody is to know.
    let unaware = (at(1, 7), bits(&[1, 2, 4]));
    replica.take(&unaware);
    assert_eq!(replica.held(), [one, unaware, other]);
    let aware = (at(1, 8), bits(&[1, 2, 3, 4]));
    replica.take(&aware);
    assert_eq!(replica.held(), [aware]);
}

#[test]
fn what_runs_ahead_or_clears_is_passed_on_for_what_it_revokes() {
    let honest = (at(1, 5), bits(&[1]));
    for strange in [(at(1, 6), bits(&[2])), (at(1, u64::MAX), bits(&[1, 2]))] {
        let mut replica = Replica::default();
        [&honest, &strange].into_iter().for_each(|list| replica.take(list));
        assert_eq!(replica.held(), [honest.clone(), strange.clone()]);
        // Heard the other way round, the same is held, whichever counts.
        let mut other = Replica::default();
        [&strange, &honest].into_iter().for_each(|list| other.take(list));
        assert_eq!(other.ever, replica.ever);
    }
}

// found by the simulator. An issuer that says ever more has its list believed no more.
#[test]
fn of_an_issuer_that_revokes_another_index_with_each_list_the_list_is_past_knowing_until_it_covers_them() {
    let list = |n: u32| (at(1, u64::from(n)), bits(&[n]));
    let last = u32::try_from(MAX_LISTS).unwrap();
    let mut replica = Replica::default();
    (1..last).for_each(|n| replica.take(&list(n)));
    assert!(!replica.is_past_knowing());
    replica.take(&list(last));
    assert!(replica.is_past_knowing());
    let before = (replica.held(), replica.ever.clone());
    replica.take(&list(last + 1));
    assert_eq!((replica.held(), replica.ever.clone()), before, "nothing of it counts that is not passed on");
    let covering = (at(1, 40), bits(&(1..=last).collect::<Vec<_>>()));
    replica.take(&covering);
    assert_eq!(replica.held(), [covering]);
    assert!(!replica.is_past_knowing());
    // Whoever holds the one that was refused offers it again.
    replica.take(&list(last + 1));
    assert_eq!(replica.ever.unwrap().get(last + 1), Some(true));
}

proptest! {
    /// Whatever is said, and however much of it.
    #[test]
    fn what_is_revoked_for_one_replica_is_good_for_no_other(
        lists in proptest::collection::vec(
            (0_u64..3, 0_u64..4, proptest::collection::vec(0_u32..60, 0..4)), 1..60),
        halves in any::<u64>(),
    ) {
        let lists: Vec<List> =
            lists.into_iter().map(|(version, sequence, set)| (at(version, sequence), bits(&set))).collect();
        let (mut one, mut other) = (Replica::default(), Replica::default());
        for (list, n) in lists.iter().zip(0..64) {
            if halves >> n & 1 == 0 { &mut one } else { &mut other }.take(list);
        }
        let seen = [&one, &other].map(|replica| replica.ever.clone());
        exchange(&mut one, &mut other);
        let nothing = bits(&[]);
        for (a, b) in [(&one, &other), (&other, &one)] {
            let (revoked, elsewhere) = (a.ever.as_ref().unwrap_or(&nothing), b.ever.as_ref().unwrap_or(&nothing));
            prop_assert!(b.is_past_knowing() || elsewhere.covers(revoked));
        }
        // And nothing that one of them ever saw is taken back.
        for (replica, seen) in [&one, &other].into_iter().zip(&seen) {
            let ever = replica.ever.as_ref().unwrap_or(&nothing);
            prop_assert!(ever.covers(seen.as_ref().unwrap_or(&nothing)));
            let shown = replica.held().iter().fold(nothing.clone(), |all, list| all.union(&list.1));
            prop_assert_eq!(&shown, ever, "what is revoked can be shown");
        }
    }

    /// As long as no more are held than there is room for.
    #[test]
    fn replicas_that_hear_lists_in_any_order_revoke_the_same_and_so_does_who_hears_of_them_alone(
        lists in proptest::collection::vec(
            (0_u64..3, 0_u64..4, proptest::collection::vec(0_u32..9, 0..4)), 1..=MAX_LISTS),
        order in any::<u64>(),
    ) {
        let lists: Vec<List> =
            lists.into_iter().map(|(version, sequence, set)| (at(version, sequence), bits(&set))).collect();
        let mut shuffled = lists.clone();
        shuffled.sort_by_key(|list| did_resolver::codec::sha256_of(&[&order.to_be_bytes(), &digest(list)]));
        let (mut one, mut other) = (Replica::default(), Replica::default());
        lists.iter().for_each(|list| one.take(list));
        shuffled.iter().for_each(|list| other.take(list));
        prop_assert_eq!(&one.ever, &other.ever);
        for source in [&one, &other] {
            let mut late = Replica::default();
            source.held().iter().for_each(|list| late.take(list));
            prop_assert_eq!(&late.ever, &one.ever);
        }
    }
}
