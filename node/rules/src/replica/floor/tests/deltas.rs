//! Changes of lists: applied where they start from what is held, and never in place of a whole list.

use super::*;
use std::time::Duration;
use vc_schemas::status::StatusList;
use vc_schemas::status::delta::{Delta, Next};

const ISSUER: &str = "did:web:acme.example";

fn list(purpose: Purpose, sequence: u64, bits: &Bits) -> StatusList {
    let issuer: Did = ISSUER.parse().unwrap();
    StatusList {
        url: "https://acme.example/status/list".to_owned(),
        key_id: issuer.with_fragment("key").unwrap(),
        issuer,
        purpose,
        sequence,
        issued: NOW,
        valid_until: UnixSeconds::new(NOW.get() + 86_400),
        ttl: Duration::from_secs(240),
        bits: bits.clone(),
        digest: [0; 32],
    }
}

fn delta_of(purpose: Purpose, (from, old): (u64, &Bits), (to, new): (u64, &Bits)) -> Delta {
    let list = list(purpose, from, old);
    let next = Next { sequence: to, issued: NOW, valid_until: list.valid_until, ttl: list.ttl };
    Delta::between(&list, new, next).unwrap()
}

fn delta(from: (u64, &Bits), to: (u64, &Bits)) -> Delta {
    delta_of(Purpose::Revocation, from, to)
}

fn ahead(sequence: u64, bits: &Bits) -> Ahead {
    Ahead { at: at(1, sequence), bits: bits.clone() }
}

//
#[test]
fn a_change_counts_at_once_and_the_next_one_starts_from_it() {
    let (one, two, three) = (bits(&[1]), bits(&[1, 2]), bits(&[1, 2, 3]));
    let held = known(at(1, 5), &one, Some(&one));
    let first = decide_delta(held, 1, &delta((5, &one), (6, &two)));
    let expected = DeltaDecision::Apply { ahead: ahead(6, &two), overlay: Some(two.clone()) };
    assert_eq!(first, expected);
    let further = ahead(6, &two);
    let held = KnownList { ahead: Some(&further), revoked_ever: Some(&two), ..held };
    let second = decide_delta(held, 1, &delta((6, &two), (9, &three)));
    assert_eq!(second, DeltaDecision::Apply { ahead: ahead(9, &three), overlay: Some(three.clone()) });
    // From the whole list all the same.
    let both = decide_delta(held, 1, &delta((5, &one), (9, &three)));
    assert_eq!(both, second);
    assert_eq!(decide_delta(held, 1, &delta((5, &one), (6, &two))), DeltaDecision::Same);
    let past = KnownList { floor: Some(at(1, 9)), stored: Some(&three), ..held };
    assert_eq!(decide_delta(past, 1, &delta((5, &one), (6, &two))), DeltaDecision::Older);
    assert_eq!(decide_delta(past, 1, &delta((6, &two), (9, &three))), DeltaDecision::Same);
}

#[test]
fn a_change_without_the_array_that_it_starts_from_is_not_applied() {
    let (one, two, three) = (bits(&[1]), bits(&[1, 2]), bits(&[1, 2, 3]));
    let change = delta((6, &two), (9, &three));
    assert_eq!(decide_delta(KnownList::default(), 1, &change), DeltaDecision::NoBase);
    let restored = KnownList { floor: Some(at(1, 5)), ..KnownList::default() };
    assert_eq!(decide_delta(restored, 1, &change), DeltaDecision::NoBase);
    assert_eq!(decide_delta(known(at(1, 5), &one, None), 1, &change), DeltaDecision::NoBase);
    // One that was left behind is no base, though it is there.
    let left = ahead(6, &two);
    let held = KnownList { ahead: Some(&left), ..known(at(1, 8), &two, None) };
    assert_eq!(decide_delta(held, 1, &change), DeltaDecision::NoBase);
}

#[test]
fn a_change_runs_no_further_ahead_than_a_list_may() {
    let (one, two) = (bits(&[1]), bits(&[1, 2]));
    let held = known(at(1, 7), &one, None);
    let change = |to| delta((7, &one), (to, &two));
    assert_eq!(decide_delta(held, 1, &change(8 + MAX_SEQUENCE_JUMP)), DeltaDecision::TooFarAhead);
    let furthest = decide_delta(held, 1, &change(7 + MAX_SEQUENCE_JUMP));
    assert!(matches!(furthest, DeltaDecision::Apply { .. }));
}

//
#[test]
fn two_arrays_of_one_number_are_equivocation_also_where_a_change_says_so() {
    let (one, two, other) = (bits(&[1]), bits(&[1, 2]), bits(&[1, 3]));
    let reached = ahead(6, &two);
    let held = KnownList { ahead: Some(&reached), ..known(at(1, 5), &one, Some(&two)) };
    let every = Some(bits(&[1, 2, 3]));
    let change = decide_delta(held, 1, &delta((5, &one), (6, &other)));
    assert_eq!(change, DeltaDecision::Equivocation { overlay: every.clone() });
    let whole = decide_list(held, revocations(at(1, 6), &other));
    assert_eq!(whole, ListDecision::Equivocation { overlay: every });
    // The array that it starts from, and the one that is held whole.
    let from = decide_delta(held, 1, &delta((6, &other), (7, &bits(&[1, 3, 4]))));
    assert_eq!(from, DeltaDecision::Equivocation { overlay: None });
    let of_whole = decide_delta(known(at(1, 6), &two, Some(&two)), 1, &delta((5, &one), (6, &other)));
    assert_eq!(of_whole, DeltaDecision::Equivocation { overlay: None });
    let same = decide_list(held, revocations(at(1, 6), &two));
    assert_eq!(same, ListDecision::Accept { overlay: Some(two) });
}

#[test]
fn what_was_ever_revoked_is_cleared_by_no_change() {
    let (one, two, ever) = (bits(&[1]), bits(&[1, 2]), bits(&[1, 9]));
    let change = decide_delta(known(at(1, 5), &one, Some(&ever)), 1, &delta((5, &one), (6, &two)));
    assert_eq!(change, DeltaDecision::Unrevokes { overlay: Some(bits(&[1, 2, 9])) });
    // A suspension may be lifted; that there is an overlay of it says nothing.
    let lifted = delta_of(Purpose::Suspension, (5, &two), (6, &one));
    let decision = decide_delta(known(at(1, 5), &two, None), 1, &lifted);
    assert_eq!(decision, DeltaDecision::Apply { ahead: ahead(6, &one), overlay: None });
    let mut bytes = lifted.to_cbor();
    // The purpose, which is the second member: a revocation is not lifted.
    let at_purpose = bytes.windows(2).position(|pair| pair == [2, 1]).unwrap();
    bytes[at_purpose + 1] = 0;
    let forged = Delta::from_cbor(&bytes).unwrap();
    let decision = decide_delta(known(at(1, 5), &two, Some(&two)), 1, &forged);
    assert_eq!(decision, DeltaDecision::Unrevokes { overlay: None });
}

//
#[test]
fn a_whole_list_that_changes_have_overtaken_is_taken_and_clears_nothing() {
    let (one, two, three) = (bits(&[1]), bits(&[1, 2]), bits(&[1, 2, 3]));
    let reached = ahead(9, &three);
    let held = KnownList { ahead: Some(&reached), ..known(at(1, 3), &one, Some(&three)) };
    let between = decide_list(held, revocations(at(1, 6), &two));
    assert_eq!(between, ListDecision::Accept { overlay: Some(three.clone()) });
    let clears = decide_list(held, revocations(at(1, 6), &bits(&[2])));
    assert_eq!(clears, ListDecision::Unrevokes { overlay: Some(three.clone()) });
    // From where the changes led on, it has to have all of it.
    let past = decide_list(held, revocations(at(1, 10), &two));
    assert_eq!(past, ListDecision::Unrevokes { overlay: Some(three) });
}

/// What is held of a list, as a node would keep it.
#[derive(Debug, Default, Clone)]
struct Kept {
    floor: Option<ListFloor>,
    stored: Option<Bits>,
    ahead: Option<Ahead>,
    ever: Option<Bits>,
}

impl Kept {
    fn known(&self) -> KnownList<'_> {
        let Self { floor, stored, ahead, ever } = self;
        KnownList {
            floor: *floor,
            stored: stored.as_ref(),
            ahead: ahead.as_ref(),
            revoked_ever: ever.as_ref(),
        }
    }

    fn take_list(&mut self, place: ListFloor, array: &Bits) {
        match decide_list(self.known(), revocations(place, array)) {
            ListDecision::Accept { overlay } => {
                (self.floor, self.stored, self.ever) = (Some(place), Some(array.clone()), overlay);
                self.ahead = self.ahead.take().filter(|ahead| ahead.at > place);
            }
            ListDecision::Unrevokes { overlay } | ListDecision::Equivocation { overlay } => {
                self.ever = overlay;
            }
            ListDecision::Same | ListDecision::TooFarAhead { .. } => {}
            ListDecision::Older { overlay } => self.ever = overlay,
        }
    }

    fn take_delta(&mut self, delta: &Delta) {
        match decide_delta(self.known(), 1, delta) {
            DeltaDecision::Apply { ahead, overlay } => (self.ahead, self.ever) = (Some(ahead), overlay),
            DeltaDecision::Unrevokes { overlay } | DeltaDecision::Equivocation { overlay } => {
                self.ever = overlay.or(self.ever.take());
            }
            _ => {}
        }
    }
}

proptest! {
    //
    #[test]
    fn in_whatever_order_lists_and_changes_come_all_end_alike_and_nothing_is_cleared(
        steps in proptest::collection::vec(0_u32..40, 1..8),
        order in proptest::collection::vec(any::<proptest::sample::Index>(), 0..40),
    ) {
        // An honest issuer: every step revokes one more, as a change and as a whole list.
        let mut states = vec![bits(&[])];
        for index in &steps {
            let mut next = states.last().unwrap().clone();
            next.set(*index).unwrap();
            states.push(next);
        }
        let deltas: Vec<Delta> = (1..states.len())
            .map(|n| delta((n as u64, &states[n - 1]), (n as u64 + 1, &states[n])))
            .collect();
        let mut kept = Kept::default();
        for which in order {
            let before = kept.clone();
            match which.index(states.len() + deltas.len()) {
                n if n < states.len() => kept.take_list(at(1, n as u64 + 1), &states[n]),
                n => kept.take_delta(&deltas[n - states.len()]),
            }
            prop_assert!(kept.floor >= before.floor);
            if let Some(before) = &before.ever {
                prop_assert!(kept.ever.as_ref().is_some_and(|now| now.covers(before)));
            }
            if let Some(ahead) = &kept.ahead {
                prop_assert!(kept.ever.as_ref().is_some_and(|ever| ever == &ahead.bits));
                prop_assert_eq!(&ahead.bits, &states[ahead.at.sequence as usize - 1]);
            }
        }
        // What is never lost is the newest whole list.
        let last = states.len();
        kept.take_list(at(1, last as u64), &states[last - 1]);
        prop_assert_eq!(kept.stored.as_ref(), states.last());
        prop_assert_eq!((kept.ever.as_ref(), kept.ahead), (states.last(), None));
    }
}
