use super::*;
use proptest::prelude::*;
use std::time::Duration;

const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

fn keypair(n: u8) -> Keypair {
    Keypair::ed25519_from_bytes([n; 32]).unwrap()
}

fn hint(n: u8, version: u64) -> Hint {
    Hint {
        did: "did:webvh:QmX9s4wRbdnjHcQsakeWN9AXyRq8qUCH5uBtuybpUsdzZ4:acme.example:agents:bot".to_owned(),
        peer: keypair(n).public().to_peer_id(),
        version,
        expires: NOW.plus(HINT_LIFE),
        addresses: vec!["/ip4/203.0.113.7/tcp/4100".parse().unwrap()],
    }
}

#[test]
fn what_a_peer_signs_of_itself_is_read_back_under_its_key_alone() {
    let hint = hint(1, 7);
    let value = hint.sign(&keypair(1)).unwrap();
    assert!(value.len() < 300, "{}", value.len());
    assert_eq!(Hint::open(&value, &hint.key(), NOW), Ok(hint.clone()));
    assert_eq!(hint.sign(&keypair(2)), None, "nobody speaks for another");
    for other in (0..SLOTS).map(|n| key(&hint.did, n)).chain([key("did:webvh:other", 0)]) {
        assert_eq!(Hint::open(&value, &other, NOW).is_ok(), other == hint.key());
    }
}

#[test]
fn a_hint_lasts_a_day_and_no_longer() {
    let of = |expires| {
        let hint = Hint { expires, ..hint(1, 7) };
        Hint::open(&hint.sign(&keypair(1)).unwrap(), &hint.key(), NOW)
    };
    assert_eq!(of(NOW), Err(BadHint));
    assert!(of(NOW.plus(Duration::from_secs(1))).is_ok());
    assert_eq!(of(NOW.plus(HINT_LIFE + Duration::from_secs(1))), Err(BadHint));
}

//
#[test]
fn nobody_displaces_who_holds_as_much_nor_fills_the_shelf() {
    let mut shelf = Shelf::default();
    let peer = |n: u8| keypair(n).public().to_peer_id();
    let of_slot = |slot_of: u8| (1_u8..).filter(move |n| slot(&keypair(*n).public().to_peer_id()) == slot_of);
    let [first, second]: [u8; 2] = of_slot(0).take(2).collect::<Vec<_>>().try_into().unwrap();
    assert!(shelf.keep(&hint(first, 2), &peer(first)));
    assert!(!shelf.keep(&hint(second, 2), &peer(second)), "it holds no more");
    assert!(!shelf.keep(&hint(second, 3), &peer(first)), "it did not bring it itself");
    assert!(shelf.keep(&hint(second, 3), &peer(second)));
    assert!(shelf.keep(&hint(second, 1), &peer(second)), "its own it may change");
    let many = |n: usize| Hint { did: format!("did:webvh:{n}"), ..hint(first, 1) };
    let kept = (0..2 * MAX_HINTS_OF_A_PEER).filter(|n| shelf.keep(&many(*n), &peer(first))).count();
    assert_eq!(kept, MAX_HINTS_OF_A_PEER);
    assert_eq!(shelf.expire(NOW).len(), 0);
    assert_eq!(shelf.expire(NOW.plus(HINT_LIFE)).len(), MAX_HINTS_OF_A_PEER + 1);
    assert!(shelf.keep(&many(0), &peer(first)));
}

//
#[test]
fn who_makes_hints_up_does_not_keep_those_of_another_from_being_followed() {
    let liar = Some(keypair(100).public().to_peer_id());
    let honest = Some(keypair(101).public().to_peer_id());
    let made_up = (1..=4).map(|n| (liar, hint(n, u64::MAX - u64::from(n))));
    let mut found: Vec<_> = made_up.chain([(honest, hint(50, 2)), (honest, hint(51, 3))]).collect();
    in_turn(&mut found);
    let versions: Vec<_> = found.iter().map(|(_, hint)| hint.version).collect();
    let turns = [u64::MAX - 1, 3, u64::MAX - 2, 2, u64::MAX - 3, u64::MAX - 4];
    assert_eq!(versions, turns);
}

proptest! {
    //
    #[test]
    fn no_bytes_make_it_panic_and_a_changed_hint_is_none(at in 0_usize..200, by in 1_u8.., any: Vec<u8>) {
        let hint = hint(1, 7);
        let mut value = hint.sign(&keypair(1)).unwrap();
        let at = at % value.len();
        value[at] ^= by;
        prop_assert_eq!(Hint::open(&value, &hint.key(), NOW), Err(BadHint));
        prop_assert_eq!(Hint::open(&any, &hint.key(), NOW), Err(BadHint));
    }
}
