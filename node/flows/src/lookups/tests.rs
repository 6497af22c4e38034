//! Tests of the memory of lookups and of their bounds.

use super::*;
use futures::FutureExt;
use proptest::prelude::*;

const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

fn did(n: u32) -> Did {
    format!("did:web:n{n}.test").parse().unwrap()
}

fn after(seconds: u64) -> UnixSeconds {
    NOW.plus(Duration::from_secs(seconds))
}

#[test]
fn what_was_not_to_be_had_is_asked_for_again_after_a_moment() {
    let lookups = Lookups::default();
    assert_eq!(lookups.vain(&did(1), NOW, false), None);
    lookups.was_vain(&did(1), NOW, Vain::Missing);
    assert_eq!(lookups.vain(&did(1), after(4), false), Some(Vain::Missing));
    assert_eq!(lookups.vain(&did(1), after(5), false), None);
    assert_eq!(lookups.vain(&did(1), after(59), true), Some(Vain::Missing));
    assert_eq!(lookups.vain(&did(1), after(60), true), None);
    assert_eq!(lookups.vain(&did(1), UnixSeconds::new(NOW.get() - 1), false), None, "the clock went back");
    lookups.confirm(&did(1), after(1), Source::Web, 1);
    assert_eq!(lookups.vain(&did(1), after(1), false), None, "it is there now");
}

#[test]
fn so_many_lookups_leave_in_a_window_and_so_many_at_once() {
    let lookups = Lookups::default();
    let places: Vec<_> = (0..MAX_AT_ONCE).map(|_| lookups.leave(NOW).unwrap()).collect();
    assert!(lookups.leave(NOW).is_none(), "as many as may be are under way");
    drop(places);
    let left = u32::try_from(MAX_AT_ONCE).unwrap();
    for n in left..MAX_PER_WINDOW {
        assert!(lookups.leave(after(59)).is_some(), "{n}");
    }
    assert!(lookups.leave(after(59)).is_none(), "as many as may be have left");
    assert!(lookups.leave(after(60)).is_some());
}

#[test]
fn one_asks_for_a_did_and_the_others_wait_for_it() {
    let lookups = Lookups::default();
    let first = lookups.alone(&did(1)).now_or_never().unwrap();
    assert!(lookups.alone(&did(1)).now_or_never().is_none());
    assert!(lookups.alone(&did(2)).now_or_never().is_some());
    drop(first);
    assert!(lookups.alone(&did(1)).now_or_never().is_some());
    assert!(lookups.alone(&did(3)).now_or_never().is_some());
    assert_eq!(lookups.lanes.lock().unwrap().len(), 1, "only the last one is remembered");
}

proptest! {
    #[test]
    fn a_memory_keeps_to_its_bound_and_to_the_newest(asked in proptest::collection::vec(0_u32..40, 1..200)) {
        let mut recent = Recent::new(8);
        for (at, n) in asked.iter().enumerate() {
            recent.insert(&did(*n), at);
            prop_assert!(recent.entries.len() <= 8 && recent.order.len() <= 8);
            prop_assert_eq!(recent.find(&did(*n)), Some(&at));
        }
    }
}
