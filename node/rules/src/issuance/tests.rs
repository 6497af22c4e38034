//! Places and lists.

use super::*;
use proptest::prelude::*;
use vc_schemas::status::StatusEntry;

fn home() -> Home {
    let scid = did_resolver::codec::multihash_base58btc(b"acme");
    Home::new(format!("did:webvh:{scid}:acme.example").parse().unwrap()).unwrap()
}

#[test]
fn the_first_list_has_no_number_and_urls_begin_where_the_operator_says() {
    let status = home().status(7);
    assert_eq!(status.revocation.list, "https://acme.example/status/revocation");
    let home = home().at("https://marque.acme.example/base/");
    let status = home.status(LIST_ENTRIES * 2 + 7);
    assert_eq!(status.suspension.list, "https://marque.acme.example/base/status/suspension/2");
    assert_eq!((status.suspension.index, status.revocation.index), (7, 7));
    assert_eq!(home.aggregation_url(), "https://marque.acme.example/base/status/aggregation");
}

proptest! {
    #[test]
    fn each_place_stands_once_on_the_lists_of_a_domain(place in 0..LIST_ENTRIES * MAX_LISTS) {
        let home = home();
        let status = home.status(place);
        prop_assert_eq!(home.place(&status.revocation), Some(place));
        prop_assert_eq!(home.place(&status.suspension), Some(place));
        let foreign = home.clone().at("https://other.example");
        prop_assert_eq!(foreign.place(&status.revocation), None);
    }

    #[test]
    fn an_entry_beyond_a_list_or_of_another_purpose_has_no_place(index in LIST_ENTRIES..u32::MAX) {
        let list = home().list_url(Purpose::Revocation);
        let entry = StatusEntry { purpose: Purpose::Revocation, index, list: list.clone() };
        prop_assert_eq!(home().place(&entry), None);
        let entry = StatusEntry { purpose: Purpose::Suspension, index: 1, list };
        prop_assert_eq!(home().place(&entry), None);
    }
}
