use super::*;
use proptest::prelude::*;

fn at(text: &str) -> Multiaddr {
    text.parse().unwrap()
}

#[test]
fn who_listens_nowhere_is_unreachable_and_who_is_declared_reachable_stays_so() {
    assert_eq!(Reach::new(false, false).standing(0), Standing::Unreachable);
    let mut declared = Reach::new(true, true);
    declared.tested(false);
    assert_eq!(declared.standing(u64::MAX), Standing::Reachable);
}

#[test]
fn a_node_is_unreachable_once_a_test_failed_or_none_succeeded_in_time() {
    let mut reach = Reach::new(true, false);
    assert_eq!(reach.standing(u64::MAX), Standing::Unknown, "nobody was there to test it");
    reach.met(5);
    reach.met(1_000);
    assert_eq!(reach.standing(5 + UNPROVEN_MS - 1), Standing::Unknown);
    assert_eq!(reach.standing(5 + UNPROVEN_MS), Standing::Unreachable);
    let mut refuted = Reach::new(true, false);
    refuted.tested(false);
    assert_eq!(refuted.standing(0), Standing::Unreachable);
    refuted.tested(true);
    refuted.tested(false);
    assert_eq!(refuted.standing(u64::MAX), Standing::Reachable);
}

#[test]
fn what_is_tested_is_the_observed_host_at_the_ports_of_listeners_of_its_kind() {
    let listening = [
        at("/ip4/10.0.0.2/tcp/4100"),
        at("/ip4/10.0.0.2/udp/4101/quic-v1"),
        at("/ip6/fd00::2/tcp/4102"),
        at("/ip4/10.0.0.9/tcp/1/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN/p2p-circuit"),
    ];
    let of = |observed: &str| candidates(&at(observed), &listening);
    assert_eq!(of("/ip4/203.0.113.7/tcp/51000"), [at("/ip4/203.0.113.7/tcp/4100")]);
    assert_eq!(of("/ip4/203.0.113.7/udp/51000/quic-v1"), [at("/ip4/203.0.113.7/udp/4101/quic-v1")]);
    assert_eq!(of("/ip6/2001:db8::7/tcp/51000"), [at("/ip6/2001:db8::7/tcp/4102")]);
    let relayed = "/ip4/10.0.0.9/tcp/1/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN/p2p-circuit";
    for none in [relayed, "/dns4/a.example/tcp/1", "/ip4/203.0.113.7", "/p2p-circuit"] {
        assert_eq!(of(none), Vec::<Multiaddr>::new(), "{none}");
    }
}

proptest! {
    // Only the host of a candidate is what others say; ports are those that this node listens on.
    #[test]
    fn nobody_makes_a_node_test_a_port_that_is_not_its_own(host: [u8; 4], port: u16, own: u16) {
        let observed = at(&format!("/ip4/{}/tcp/{port}", std::net::Ipv4Addr::from(host)));
        let listening = [at(&format!("/ip4/0.0.0.0/tcp/{own}"))];
        for candidate in candidates(&observed, &listening) {
            prop_assert_eq!(candidate.iter().nth(1), Some(Protocol::Tcp(own)));
        }
    }
}
