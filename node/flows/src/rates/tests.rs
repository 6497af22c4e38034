//! Tests of rates, in virtual time.

use super::*;
use governor::clock::FakeRelativeClock;
use proptest::prelude::*;

const MINUTE: Duration = Duration::from_secs(60);

fn rates(most: usize, per_minute: u32) -> (Rates<FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    (Rates::on(clock.clone(), most, per_minute), clock)
}

//
#[test]
fn a_burst_is_let_in_up_to_the_limit_and_told_when_to_come_again() {
    let (rates, clock) = rates(8, 6);
    for _ in 0..6 {
        assert_eq!(rates.take("bot"), Ok(()));
    }
    let wait = rates.take("bot").unwrap_err();
    assert_eq!(wait, MINUTE / 6);
    // Being refused costs nothing.
    assert_eq!(rates.take("bot").unwrap_err(), wait);
    clock.advance(wait);
    assert_eq!(rates.take("bot"), Ok(()));
    assert!(rates.take("bot").is_err());
}

#[test]
fn another_is_not_affected_and_no_limit_is_none() {
    let (rates, _) = rates(8, 1);
    assert_eq!(rates.take("bot"), Ok(()));
    assert!(rates.take("bot").is_err());
    assert_eq!(rates.take("other"), Ok(()));
    rates.set(0);
    for _ in 0..1_000 {
        assert_eq!(rates.take("bot"), Ok(()));
    }
}

#[test]
fn who_was_there_keeps_what_is_theirs_whoever_comes() {
    let (rates, clock) = rates(8, 6);
    for _ in 0..5 {
        assert_eq!(rates.take("bot"), Ok(()));
    }
    for stranger in 0..100_000_u32 {
        let _shared = rates.take(stranger);
    }
    assert_eq!(rates.told_apart(), 8);
    // One was left, neither more nor less.
    assert_eq!(rates.take("bot"), Ok(()));
    assert!(rates.take("bot").is_err());
    // Newcomers get no more together than the cells that they share allow.
    let let_in = (0..100_000_u32).filter(|n| rates.take(n + 100_000).is_ok()).count();
    assert!(let_in <= SHARED * 6, "{let_in}");
    // Who has not asked for a minute makes room.
    clock.advance(2 * MINUTE);
    assert_eq!(rates.take("new"), Ok(()));
    assert_eq!(rates.told_apart(), 1);
}

#[test]
fn a_limit_that_changes_holds_from_then_on_and_one_that_does_not_goes_on() {
    let (rates, _) = rates(8, 1);
    assert_eq!(rates.take("bot"), Ok(()));
    rates.set(1);
    assert!(rates.take("bot").is_err());
    rates.set(2);
    assert_eq!(rates.take("bot"), Ok(()));
}

proptest! {
    //
    #[test]
    fn whatever_comes_no_more_are_told_apart_than_can_be_and_nobody_gets_more_than_is_theirs(
        asked in prop::collection::vec((0_u16..200, 0_u64..3_000), 0..600),
        most in 1_usize..32,
        per_minute in 1_u32..20,
    ) {
        let (rates, clock) = rates(most, per_minute);
        let (mut now, mut let_in) = (0_u64, HashMap::<u16, Vec<u64>>::new());
        for (name, later) in asked {
            clock.advance(Duration::from_millis(later));
            now += later;
            if rates.take(name).is_ok() {
                let_in.entry(name).or_default().push(now);
            }
            prop_assert!(rates.told_apart() <= most);
        }
        // A burst and what is regained meanwhile, of an own cell and of a shared one.
        for times in let_in.values() {
            for (at, from) in times.iter().enumerate() {
                let within = times[at..].iter().filter(|time| **time < from + 60_000).count();
                prop_assert!(within <= 4 * per_minute as usize, "{within} of {per_minute}");
            }
        }
    }
}
