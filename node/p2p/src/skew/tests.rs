use super::*;
use proptest::prelude::*;

const NOW: u64 = 1_800_000_000;

/// The last second of the year 9999, beyond which no time goes.
const LATEST: u64 = 253_402_300_799;

fn domain() -> Scid {
    Scid::parse("QmX9s4wRbdnjHcQsakeWN9AXyRq8qUCH5uBtuybpUsdzZ4").unwrap()
}

fn heard(skew: &mut Skew, ahead: i64, mono: u64) {
    let issued = UnixSeconds::new(NOW.saturating_add_signed(ahead));
    skew.heard(&domain(), issued, UnixSeconds::new(NOW), mono);
}

fn ahead(skew: &Skew) -> Vec<i64> {
    skew.ahead().map(|(_, ahead)| ahead).collect()
}

#[test]
fn the_least_late_of_a_while_counts_and_a_clock_that_was_set_shows_after_it() {
    let mut skew = Skew::default();
    assert!(skew.is_due(&domain(), 0));
    heard(&mut skew, -40, 0);
    assert!(!skew.is_due(&domain(), PAUSE_MS - 1) && skew.is_due(&domain(), PAUSE_MS));
    heard(&mut skew, 90, 2_000);
    heard(&mut skew, -3, 4_000);
    assert_eq!(ahead(&skew), [90]);
    heard(&mut skew, -3, 2_000 + COUNTS_MS);
    assert_eq!(ahead(&skew), [-3]);
    skew.keep(|_| false);
    assert!(ahead(&skew).is_empty());
}

proptest! {
    #[test]
    fn whatever_is_said_is_measured_without_a_panic_and_the_most_ahead_counts(
        said in prop::collection::vec((..LATEST, 0..COUNTS_MS), 1..20), now in ..LATEST
    ) {
        let mut skew = Skew::default();
        for (issued, mono) in &said {
            skew.heard(&domain(), UnixSeconds::new(*issued), UnixSeconds::new(now), *mono);
        }
        let most = said.iter().map(|(issued, _)| i128::from(*issued) - i128::from(now)).max().unwrap();
        let most = most.clamp(i128::from(-i64::MAX), i128::from(i64::MAX));
        prop_assert_eq!(ahead(&skew).into_iter().map(i128::from).collect::<Vec<_>>(), [most]);
    }
}
