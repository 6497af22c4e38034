use super::*;
use proptest::prelude::*;

/// The `encodedList` of any bytes, however many.
fn encoded(bytes: &[u8]) -> String {
    format!("u{}", codec::to_base64url(&gzip(bytes)))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn list(set: &[u32]) -> Bits {
    let mut bits = Bits::new(MIN_ENTRIES).unwrap();
    for index in set {
        bits.set(*index).unwrap();
    }
    bits
}

const MIN_BYTES: usize = MIN_ENTRIES as usize / 8;
const MAX_BYTES: usize = MAX_ENTRIES as usize / 8;

#[test]
fn index_zero_is_the_most_significant_bit_of_the_first_byte() {
    let bits = list(&[0, 9, MIN_ENTRIES - 1]);
    assert_eq!(bits.as_bytes()[..2], [0x80, 0x40]);
    assert_eq!(bits.as_bytes()[MIN_BYTES - 1], 1);
    assert_eq!(bits.indices_set().collect::<Vec<_>>(), [0, 9, MIN_ENTRIES - 1]);
    assert_eq!((bits.count_set(), bits.entries()), (3, MIN_ENTRIES));
}

#[test]
fn an_index_past_the_end_is_not_the_same_as_a_clear_bit() {
    let mut bits = list(&[]);
    assert_eq!(bits.get(MIN_ENTRIES - 1), Some(false));
    assert_eq!(bits.get(MIN_ENTRIES), None);
    assert_eq!(bits.get(u32::MAX), None);
    assert_eq!(bits.set(MIN_ENTRIES), Err(BitsError::Index));
    assert_eq!(bits.clear(u32::MAX), Err(BitsError::Index));
}

#[test]
fn the_empty_list_of_the_recommendation_is_read() {
    // The example of a list credential in W3C Bitstring Status List: 131,072 entries, all clear.
    let text = "uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA";
    assert_eq!(Bits::decode(text, MAX_ENTRIES), Ok(list(&[])));
}

#[test]
fn a_list_has_no_fewer_entries_than_hide_one_and_no_more_than_the_bound() {
    assert_eq!(Bits::new(MIN_ENTRIES - 8), Err(BitsError::Length));
    assert_eq!(Bits::new(MIN_ENTRIES + 1), Err(BitsError::Length));
    assert_eq!(Bits::new(MAX_ENTRIES + 8), Err(BitsError::Length));
    assert_eq!(Bits::new(MAX_ENTRIES).map(|bits| bits.entries()), Ok(MAX_ENTRIES));
    assert_eq!(Bits::decode(&encoded(&vec![0; MIN_BYTES - 1]), MAX_ENTRIES), Err(BitsError::Length));
    assert_eq!(Bits::decode(&encoded(&[]), MAX_ENTRIES), Err(BitsError::Length));
}

#[test]
fn inflation_stops_one_byte_past_the_bound_and_says_so() {
    let at_bound = encoded(&vec![0xff; MAX_BYTES]);
    assert_eq!(Bits::decode(&at_bound, MAX_ENTRIES).map(|bits| bits.count_set()), Ok(MAX_ENTRIES));
    let past = encoded(&vec![0xff; MAX_BYTES + 1]);
    assert_eq!(Bits::decode(&past, MAX_ENTRIES), Err(BitsError::TooLong));
    assert_eq!(Bits::decode(&past, u32::MAX), Err(BitsError::TooLong));
    let bomb = encoded(&vec![0; 64 * MAX_BYTES]);
    assert!(bomb.len() < MAX_ENCODED_BYTES);
    assert_eq!(Bits::decode(&bomb, MAX_ENTRIES), Err(BitsError::TooLong));
    let small = encoded(&vec![0; MIN_BYTES + 1]);
    assert_eq!(Bits::decode(&small, MIN_ENTRIES), Err(BitsError::TooLong));
    let long = "u".repeat(MAX_ENCODED_BYTES + 1);
    assert_eq!(Bits::decode(&long, MAX_ENTRIES), Err(BitsError::TooLong));
}

#[test]
fn the_longest_list_that_does_not_compress_fits_the_bound_on_its_text() {
    let mut state = 1_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    let bits = Bits::from_bytes((0..MAX_BYTES).map(|_| noise()).collect(), Width::One).unwrap();
    let text = bits.encode().unwrap();
    assert!(text.len() > MAX_BYTES && text.len() <= MAX_ENCODED_BYTES, "{}", text.len());
    assert_eq!(Bits::decode(&text, MAX_ENTRIES), Ok(bits));
}

#[test]
fn only_one_whole_gzip_member_is_read() {
    let good = gzip(&[0; MIN_BYTES]);
    let read = |bytes: &[u8]| Bits::decode(&format!("u{}", codec::to_base64url(bytes)), MAX_ENTRIES);
    assert!(read(&good).is_ok());
    for end in 0..good.len() {
        assert_eq!(read(&good[..end]), Err(BitsError::Malformed), "cut at {end}");
    }
    assert_eq!(read(&[&good[..], &[0]].concat()), Err(BitsError::Malformed));
    assert_eq!(read(&[&good[..], &good].concat()), Err(BitsError::Malformed));
    let at_bound = gzip(&vec![0; MAX_BYTES]);
    assert_eq!(read(&[&at_bound[..], &[0]].concat()), Err(BitsError::Malformed));
    let mut checksum = good.clone();
    let at = checksum.len() - 5;
    checksum[at] ^= 1;
    assert_eq!(read(&checksum), Err(BitsError::Malformed));
    let text = codec::to_base64url(&good);
    for text in [
        text.clone(),
        format!("z{text}"),
        format!("u{text}="),
        format!("u {text}"),
        "u".into(),
        String::new(),
    ] {
        assert_eq!(Bits::decode(&text, MAX_ENTRIES), Err(BitsError::Malformed), "{text}");
    }
}

#[test]
fn a_cleared_bit_and_a_shorter_list_do_not_cover_the_older_one() {
    let older = list(&[1, 500]);
    assert!(list(&[1, 2, 500]).covers(&older));
    assert!(!list(&[1, 2]).covers(&older));
    let longer = Bits::new(MIN_ENTRIES + 8).unwrap().union(&older);
    assert!(longer.covers(&older));
    assert!(!older.covers(&longer));
}

fn indices() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(0..MIN_ENTRIES, 0..50)
}

//
#[test]
fn a_list_of_wider_entries_holds_as_many_as_hide_one() {
    for width in Width::ALL {
        let mut bits = Bits::wide(MIN_ENTRIES, width).unwrap();
        bits.put(0, width.greatest()).unwrap();
        let text = bits.encode().unwrap();
        assert_eq!(Bits::decode_wide(&text, width), Ok(bits));
        let short = Bits::wide(MIN_ENTRIES - 8, width).unwrap();
        assert_eq!(short.encode(), Err(BitsError::Length));
        assert_eq!(Bits::decode_wide(&encoded(short.as_bytes()), width), Err(BitsError::Length));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn encoding_and_decoding_is_the_identity_with_one_text(set in indices()) {
        let bits = list(&set);
        let text = bits.encode().unwrap();
        prop_assert_eq!(&Bits::decode(&text, MAX_ENTRIES).unwrap(), &bits);
        prop_assert_eq!(text, list(&set).encode().unwrap());
    }

    #[test]
    fn what_is_set_reads_as_set_and_what_is_cleared_as_clear(set in indices(), cleared in 0..MIN_ENTRIES) {
        let mut bits = list(&set);
        bits.clear(cleared).unwrap();
        for index in set {
            prop_assert_eq!(bits.get(index), Some(index != cleared));
        }
    }

    //
    #[test]
    fn a_union_covers_both_and_adds_nothing(one in indices(), other in indices()) {
        let union = list(&one).union(&list(&other));
        prop_assert!(union.covers(&list(&one)) && union.covers(&list(&other)));
        prop_assert_eq!(union, list(&[one, other].concat()));
    }

    #[test]
    fn decoding_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100), text in "u?[A-Za-z0-9_-]{0,80}") {
        let _ = Bits::decode(&text, MAX_ENTRIES);
        let gzip = [&[0x1f, 0x8b, 8][..], &bytes].concat();
        let _ = Bits::decode(&format!("u{}", codec::to_base64url(&gzip)), MAX_ENTRIES);
    }
}
