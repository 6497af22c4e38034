//! Lists that are held beside the one that counts, so that what they revoke gets to everybody.

use super::*;
use crate::replica::limits::MAX_BRANCHES;

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
    did_resolver::codec::sha256(format!("{place:?} {}", array.encode().unwrap()).as_bytes())
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
                self.ever = overlay;
                let before = self.list.replace(list.clone());
                self.hold(before);
            }
            ListDecision::Same => {}
            ListDecision::Older { overlay }
            | ListDecision::Unrevokes { overlay }
            | ListDecision::Equivocation { overlay }
            | ListDecision::TooFarAhead { overlay } => {
                self.ever = overlay;
                self.hold(Some(list.clone()));
            }
        }
    }

    fn hold(&mut self, more: Option<List>) {
        let others: Vec<List> = self.beside.drain(..).chain(more).collect();
        let signed = others.iter().map(|list| SignedList { at: list.0, digest: digest(list), bits: &list.1 });
        let kept = beside(self.list.as_ref().map(|list| &list.1), signed.collect());
        self.beside = kept.iter().map(|kept| (kept.at, kept.bits.clone())).collect();
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

#[test]
fn no_more_are_held_than_branches_of_a_log_and_those_that_stand_latest() {
    let mut replica = Replica::default();
    (1..20).for_each(|n| replica.take(&(at(1, 5), bits(&[n]))));
    (1..20).for_each(|n| replica.take(&(at(1, 4), bits(&[n]))));
    assert_eq!(replica.held().len(), MAX_BRANCHES);
    assert!(replica.held().iter().all(|list| list.0 == at(1, 5)));
}

proptest! {
    /// As long as no more are held than there is room for.
    #[test]
    fn replicas_that_hear_lists_in_any_order_revoke_the_same_and_so_does_who_hears_of_them_alone(
        lists in proptest::collection::vec(
            (0_u64..3, 0_u64..4, proptest::collection::vec(0_u32..9, 0..4)), 1..=MAX_BRANCHES),
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
