//! A budget never gives more than its burst and its rate.

use super::*;
use proptest::prelude::*;

#[test]
fn it_is_overdrawn_once_and_paid_back_before_anything_else() {
    let mut budget = Budget::new(100, 10);
    assert_eq!(budget.wait_ms(0), 0);
    budget.spend(150, 0);
    let wait = budget.wait_ms(0);
    assert_eq!(wait, 5_001);
    assert!(budget.wait_ms(4_999) > 0);
    assert_eq!(budget.wait_ms(wait), 0);
    assert!(!budget.is_full(14_999));
    assert!(budget.is_full(15_000));
}

#[test]
fn what_was_spent_stays_spent_when_it_grows() {
    let mut budget = Budget::new(100, 1);
    budget.spend(100, 0);
    budget.change(300, 1, 0);
    budget.spend(200, 0);
    assert!(budget.wait_ms(0) > 0);
}

proptest! {
    #[test]
    fn whoever_waits_as_told_gets_no_more_than_burst_and_rate(
        most in 1_u64..10_000,
        per_second in 1_u64..10_000,
        steps in prop::collection::vec((0_u64..2_000, 1_u64..5_000), 1..200),
    ) {
        let mut budget = Budget::new(most, per_second);
        let (mut now, mut spent, mut largest) = (0, 0_u64, 0);
        for (pause, amount) in steps {
            now += pause;
            now += budget.wait_ms(now);
            prop_assert_eq!(budget.wait_ms(now), 0);
            prop_assert!(spent <= most + now * per_second / 1_000 + largest);
            budget.spend(amount, now);
            spent += amount;
            largest = largest.max(amount);
        }
    }
}
