//! Tests of wallets.

use super::*;
use crate::mandate::tests::{NOW, World};
use proptest::prelude::*;
use vc_schemas::secure::Envelope;

fn wallet() -> (World, Wallet) {
    let world = World::new(Envelope::Jwt);
    let mut wallet = Wallet::new(world.travel.log.clone());
    wallet.add(world.first(), NOW);
    (world, wallet)
}

#[test]
fn a_wallet_reads_back_as_it_was_saved() {
    let (_, wallet) = wallet();
    let dir = tempfile::tempdir().unwrap();
    let data = Data::at(dir.path().to_owned());
    let lock = Lock::take(&data).unwrap();
    wallet.save(&data, Kind::Agent, "travel-bot", &lock).unwrap();
    let again = Wallet::load(&data, Kind::Agent, "travel-bot", NOW).unwrap().unwrap();
    assert_eq!(again.to_json(), wallet.to_json());
    assert!(Wallet::load(&data, Kind::Owner, "travel-bot", NOW).unwrap().is_none());
}

#[test]
fn mandates_past_their_end_are_dropped_and_the_newest_are_kept() {
    let (world, mut wallet) = wallet();
    let end = wallet.mandates[0].valid_until();
    let bytes = wallet.to_json().to_string().into_bytes();
    assert_eq!(Wallet::parse(&bytes, end).unwrap().mandates.len(), 0);
    let newest = world.first();
    for _ in 0..MAX_MANDATES {
        wallet.add(newest.clone(), NOW);
    }
    assert_eq!(wallet.mandates.len(), MAX_MANDATES);
    assert_eq!(wallet.mandates[0].to_json(), newest.to_json(), "the oldest went");
}

#[test]
fn a_wallet_of_another_form_or_with_another_log_is_refused() {
    let (world, wallet) = wallet();
    let json = wallet.to_json();
    let with = |member: &str, value: Value| {
        let mut changed = json.clone();
        changed[member] = value;
        Wallet::parse(changed.to_string().as_bytes(), NOW)
    };
    assert!(with("did", json!(world.alice.did().as_str())).unwrap_err().contains("another DID"));
    assert!(with("log", json!("")).is_err());
    assert!(with("extra", json!(1)).is_err());
    assert!(with("mandates", json!([{}])).is_err());
    assert!(with("mandates", json!(vec![json["mandates"][0].clone(); MAX_MANDATES + 1])).is_err());
    let forged = json["log"].as_str().unwrap().replace("alpha.test", "other.test");
    assert!(with("log", json!(forged)).is_err());
}

proptest! {
    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Wallet::parse(&bytes, NOW).is_err());
    }
}
