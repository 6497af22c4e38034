use super::*;
use proptest::prelude::*;

fn peer(n: u8) -> PeerId {
    libp2p::identity::Keypair::ed25519_from_bytes([n; 32]).unwrap().public().to_peer_id()
}

fn at(port: u16) -> Multiaddr {
    format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()
}

fn book() -> Book {
    Book::new(peer(1), 7)
}

#[test]
fn an_address_is_dialled_at_once_and_not_twice() {
    let mut book = book();
    assert!(book.add(&at(1), Origin::Configured, 5));
    assert!(!book.add(&at(1), Origin::Given, 5));
    let attempts = book.due(5, |_| false);
    assert_eq!(attempts.len(), 1);
    assert_eq!(book.due(5, |_| false), vec![]);
    assert_eq!(book.next_due(), None);
}

#[test]
fn what_failed_is_dialled_from_another_port_until_somebody_was_admitted() {
    let mut book = book();
    book.add(&at(1), Origin::Configured, 0);
    let mut now = 0;
    let mut dialled = |book: &mut Book| {
        now = book.next_due().unwrap();
        book.due(now, |_| false)[0].clone()
    };
    let first = dialled(&mut book);
    book.failed(first.place, 0);
    let second = dialled(&mut book);
    book.reached(second.place, peer(2));
    book.admitted(&peer(2));
    book.lost(&peer(2), 1_000);
    let third = dialled(&mut book);
    assert_eq!([first, second, third].map(|attempt| attempt.is_retry), [false, true, false]);
}

#[test]
fn the_own_address_is_never_dialled() {
    let mut book = book();
    assert!(!book.add(&at(1).with_p2p(peer(1)).unwrap(), Origin::Configured, 0));
    assert!(book.add(&at(2), Origin::Configured, 0));
    let place = book.due(0, |_| false)[0].place;
    book.is_self(place);
    book.hurry(0);
    assert_eq!(book.due(u64::MAX, |_| false), vec![]);
}

#[test]
fn a_connected_peer_is_not_dialled_until_it_is_lost() {
    let mut book = book();
    book.add(&at(1).with_p2p(peer(2)).unwrap(), Origin::Configured, 0);
    assert_eq!(book.due(0, |p| *p == peer(2)), vec![]);
    assert_eq!(book.next_due(), None);
    book.lost(&peer(2), 1_000);
    let due = book.next_due().unwrap();
    assert!((1_000..=1_000 + 2 * FIRST_PAUSE_MS).contains(&due), "{due}");
    assert_eq!(book.due(due, |_| false).len(), 1);
}

#[test]
fn two_addresses_of_one_peer_are_not_dialled_at_once() {
    let mut book = book();
    for port in [1, 2] {
        book.add(&at(port).with_p2p(peer(2)).unwrap(), Origin::Configured, 0);
    }
    assert_eq!(book.due(0, |_| false).len(), 1);
    assert_eq!(book.due(FIRST_PAUSE_MS, |_| false).len(), 1);
}

#[test]
fn what_the_node_gives_no_more_is_forgotten_and_the_configured_stays() {
    let mut book = book();
    book.add(&at(1), Origin::Configured, 0);
    book.give(&[at(2), at(3)], 0);
    book.give(&[at(3)], 0);
    let addresses: Vec<_> = book.due(0, |_| false).into_iter().map(|a| a.address).collect();
    assert_eq!(addresses, vec![at(1), at(3)]);
}

#[test]
fn what_is_configured_no_more_is_forgotten_and_what_is_now_is_dialled_at_once() {
    let mut book = book();
    book.configure(&[at(1), at(2)], 0);
    book.give(&[at(3)], 0);
    assert_eq!(book.due(0, |_| false).len(), 3);
    book.configure(&[at(2), at(4)], 7);
    let due: Vec<_> = book.due(7, |_| false).into_iter().map(|attempt| attempt.address).collect();
    assert_eq!(due, [at(4)], "the others are being dialled");
    book.configure(&[], 8);
    book.give(&[], 8);
    assert_eq!(book.due(u64::MAX, |_| false), vec![]);
}

#[test]
fn learned_addresses_are_bounded_and_one_that_failed_makes_room() {
    //
    let mut book = book();
    for port in 1..=u16::try_from(MAX_LEARNED_ADDRESSES).unwrap() {
        assert!(book.add(&at(port), Origin::Learned, 0));
    }
    assert!(!book.add(&at(9_000), Origin::Learned, 0));
    let place = book.due(0, |_| false)[0].place;
    book.failed(place, 0);
    assert!(book.add(&at(9_000), Origin::Learned, 0));
    assert_eq!(book.entries.len(), MAX_LEARNED_ADDRESSES);
}

proptest! {
    #[test]
    fn a_pause_doubles_with_jitter_and_has_an_end(failures in 1_u32..40, seed in any::<u64>()) {
        let mut book = Book::new(peer(1), seed);
        book.add(&at(1), Origin::Configured, 0);
        let mut now = 0;
        for _ in 0..failures {
            let attempts = book.due(now, |_| false);
            prop_assert_eq!(attempts.len(), 1);
            book.failed(attempts[0].place, now);
            let pause = book.next_due().unwrap() - now;
            prop_assert!(pause >= FIRST_PAUSE_MS / 2);
            prop_assert!(pause <= LONGEST_PAUSE_MS + LONGEST_PAUSE_MS / 2);
            now += pause;
        }
        let nominal = FIRST_PAUSE_MS.saturating_mul(1 << failures.min(16)).min(LONGEST_PAUSE_MS);
        let pause = { let a = book.due(now, |_| false); book.failed(a[0].place, now); book.next_due().unwrap() - now };
        prop_assert!(pause >= nominal / 2);
    }
}

//
#[test]
fn what_mdns_finds_has_a_room_of_its_own_and_displaces_nothing_else() {
    let mut book = book();
    assert!(book.add(&at(1), Origin::Learned, 0));
    for port in 100..200 {
        book.add(&at(port), Origin::Nearby, 0);
    }
    let mut places = Vec::new();
    for _ in 0..8 {
        let attempts = book.due(0, |_| false);
        for attempt in attempts {
            book.failed(attempt.place, 0);
            places.push(attempt.address);
        }
    }
    assert_eq!(places.len(), 1 + MAX_NEARBY_ADDRESSES);
    assert!(places.contains(&at(1)));
    assert!(book.add(&at(300), Origin::Nearby, 0), "one that failed makes room");
    assert!(!book.entries.values().any(|e| e.origin == Origin::Learned && e.address != at(1)));
    assert!(book.entries.values().any(|e| e.address == at(1)));
}

#[test]
fn what_strangers_on_a_network_name_is_local() {
    for local in ["/ip4/192.168.1.2/tcp/1", "/ip4/10.0.0.1/tcp/1", "/ip6/fd00::1/tcp/1", "/ip6/fe80::1/tcp/1"]
    {
        assert!(is_local(&local.parse().unwrap()), "{local}");
    }
    for other in ["/ip4/203.0.113.1/tcp/1", "/ip6/2001:db8::1/tcp/1", "/dns4/a.example/tcp/1", "/tcp/1"] {
        assert!(!is_local(&other.parse().unwrap()), "{other}");
    }
}
