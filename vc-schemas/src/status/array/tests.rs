use super::*;
use proptest::prelude::*;

fn width() -> impl Strategy<Value = Width> {
    prop::sample::select(Width::ALL.to_vec())
}

#[test]
fn entry_zero_is_the_most_significant_of_the_first_byte() {
    for (width, first, second) in [
        (Width::One, 0b1000_0000, 0b0100_0000),
        (Width::Two, 0b0100_0000, 0b0001_0000),
        (Width::Four, 0b0001_0000, 0b0000_0001),
    ] {
        let mut bits = Bits::wide(16, width).unwrap();
        bits.put(0, 1).unwrap();
        assert_eq!(bits.as_bytes()[0], first, "{width:?}");
        bits.put(0, 0).unwrap();
        bits.put(1, 1).unwrap();
        assert_eq!(bits.as_bytes()[0], second, "{width:?}");
    }
}

// The examples of draft-ietf-oauth-status-list, section 4.1, and their bytes.
#[test]
fn with_the_least_significant_first_the_bytes_are_those_of_the_draft() {
    let mut one = Bits::wide(16, Width::One).unwrap();
    for index in [0, 3, 4, 5, 7, 8, 9, 13, 15] {
        one.set(index).unwrap();
    }
    assert_eq!(one.least_first(), [0xb9, 0xa3]);
    let mut two = Bits::wide(12, Width::Two).unwrap();
    for (index, value) in [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3].into_iter().enumerate() {
        two.put(u32::try_from(index).unwrap(), value).unwrap();
    }
    assert_eq!(two.least_first(), [0xc9, 0x44, 0xf9]);
}

#[test]
fn an_array_is_a_whole_number_of_bytes_within_the_bound() {
    assert_eq!(Bits::wide(0, Width::One), Err(BitsError::Length));
    assert_eq!(Bits::wide(7, Width::One), Err(BitsError::Length));
    assert_eq!(Bits::wide(3, Width::Two), Err(BitsError::Length));
    assert_eq!(Bits::wide(1, Width::Eight).map(|bits| bits.entries()), Ok(1));
    for width in Width::ALL {
        let most = MAX_ENTRIES / u32::from(width.bits());
        assert_eq!(Bits::wide(most, width).map(|bits| bits.entries()), Ok(most));
        assert_eq!(Bits::wide(most + 8, width), Err(BitsError::Length));
    }
}

#[test]
fn a_value_that_the_width_has_not_is_refused() {
    for width in [Width::One, Width::Two, Width::Four] {
        let mut bits = Bits::wide(16, width).unwrap();
        assert_eq!(bits.put(3, width.greatest()), Ok(()));
        assert_eq!(bits.put(3, width.greatest() + 1), Err(BitsError::Value));
        assert_eq!(bits.value(3), Some(width.greatest()));
        assert_eq!(bits.put(16, 1), Err(BitsError::Index));
        assert_eq!(bits.value(16), None);
        assert_eq!(bits.value(u32::MAX), None);
    }
}

#[test]
fn no_width_but_the_four_is_known() {
    let known: Vec<u64> = (0..300).filter(|bits| Width::of(*bits).is_some()).collect();
    assert_eq!(known, [1, 2, 4, 8]);
    assert_eq!(Width::ALL.map(Width::greatest), [1, 3, 15, 255]);
}

#[test]
fn a_clone_is_not_changed_with_what_it_was_made_from() {
    let mut bits = Bits::wide(16, Width::Two).unwrap();
    let clone = bits.clone();
    bits.put(5, 3).unwrap();
    assert_eq!((clone.value(5), bits.value(5)), (Some(0), Some(3)));
    assert_ne!(clone.digest(), bits.digest());
}

#[test]
fn the_digest_says_the_width_as_well() {
    let one = Bits::wide(16, Width::One).unwrap();
    let two = one.read_as(Width::Two);
    assert_eq!(one.as_bytes(), two.as_bytes());
    assert_ne!(one.digest(), two.digest());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_put_is_read_and_nothing_else_changes(
        width in width(),
        puts in prop::collection::btree_map(0_u32..512, any::<u8>(), 0..60),
    ) {
        let mut bits = Bits::wide(512, width).unwrap();
        let puts: std::collections::BTreeMap<u32, u8> =
            puts.into_iter().map(|(index, value)| (index, value & width.greatest())).collect();
        for (index, value) in &puts {
            bits.put(*index, *value).unwrap();
        }
        for index in 0..512 {
            prop_assert_eq!(bits.value(index), Some(puts.get(&index).copied().unwrap_or(0)));
        }
        let set: Vec<(u32, u8)> = puts.into_iter().filter(|(_, value)| *value != 0).collect();
        prop_assert_eq!(bits.count_set() as usize, set.len());
        prop_assert_eq!(bits.values_set().collect::<Vec<_>>(), set);
    }

    #[test]
    fn turning_the_order_twice_is_the_identity(width in width(), bytes in prop::collection::vec(any::<u8>(), 1..40)) {
        let bits = Bits::from_bytes(bytes, width).unwrap();
        prop_assert_eq!(Bits::from_least_first(bits.least_first(), width).unwrap(), bits);
    }
}
