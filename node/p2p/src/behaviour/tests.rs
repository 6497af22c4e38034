use super::*;

fn peer(n: u8) -> PeerId {
    Keypair::ed25519_from_bytes([n; 32]).unwrap().public().to_peer_id()
}

#[test]
fn sixteen_members_have_a_place_and_the_next_gets_one_when_one_is_not_renewed() {
    let (mut places, address, began) = (places(), Multiaddr::empty(), Instant::now());
    let after = |part: u32| began + RESERVATION * part / 4;
    for n in 0..16 {
        assert!(places(peer(n), &address, after(0)));
    }
    assert!(!places(peer(16), &address, after(0)));
    for n in 1..16 {
        assert!(places(peer(n), &address, after(3)), "it is renewed though all are taken");
    }
    assert!(!places(peer(16), &address, after(3)));
    assert!(places(peer(16), &address, after(4)), "the place that was not renewed");
    assert!(!places(peer(17), &address, after(4)));
}
