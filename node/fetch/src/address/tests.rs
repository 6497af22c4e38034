//! Tests of which addresses are public.

use super::*;
use proptest::prelude::*;

fn public(text: &str) -> bool {
    is_public(text.parse().unwrap())
}

//
#[test]
fn no_address_of_a_class_that_is_not_public_is_taken_for_public() {
    let classes: &[(&str, &[&str])] = &[
        ("this network", &["0.0.0.0", "0.255.255.255", "::"]),
        ("loopback", &["127.0.0.1", "127.255.255.255", "::1"]),
        ("private", &["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1"]),
        ("shared by a carrier", &["100.64.0.1", "100.100.100.200", "100.127.255.255"]),
        ("link-local", &["169.254.0.1", "169.254.169.254", "fe80::1", "febf::1"]),
        ("of a cloud's host agent", &["168.63.129.16", "192.0.0.192", "fd00:ec2::254"]),
        ("protocol assignments", &["192.0.0.1", "2001::1", "2001:1ff:ffff::1"]),
        ("documentation", &["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff:fff::1"]),
        ("benchmarks", &["198.18.0.1", "198.19.255.255", "2001:2::1"]),
        ("relays", &["192.88.99.1"]),
        ("multicast", &["224.0.0.1", "239.255.255.255", "ff02::1"]),
        ("reserved", &["240.0.0.1", "4000::1", "5f00::1"]),
        ("broadcast", &["255.255.255.255"]),
        ("unique local", &["fc00::1", "fdff:ffff::1"]),
        ("site-local", &["fec0::1"]),
        ("discard-only", &["100::1"]),
        ("IPv4 within IPv6", &["::ffff:8.8.8.8", "::ffff:127.0.0.1", "::8.8.8.8", "::7f00:1"]),
        ("NAT64", &["64:ff9b::808:808", "64:ff9b::7f00:1", "64:ff9b:1::a00:1"]),
        ("6to4", &["2002:7f00:1::1", "2002:808:808::1"]),
        ("Teredo", &["2001:0:4136:e378:8000:63bf:3fff:fdd2"]),
    ];
    for (class, addresses) in classes {
        for address in *addresses {
            assert!(!public(address), "{class}: {address}");
        }
    }
}

#[test]
fn addresses_right_beside_those_classes_are_public() {
    for address in [
        "1.0.0.0",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.15",
        "168.63.129.17",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2001:200::1",
        "2001:db7:ffff::1",
        "2001:db9::1",
        "2003::1",
        "2606:4700::1",
        "2a00:1450::1",
        "3ffe:ffff::1",
    ] {
        assert!(public(address), "{address}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    // The standard library's words for the same classes.
    #[test]
    fn what_the_standard_library_calls_something_else_is_not_public_over_all_of_ipv4(bits: u32) {
        let address = Ipv4Addr::from_bits(bits);
        let [a, b, ..] = address.octets();
        let other = address.is_private() || address.is_loopback() || address.is_link_local()
            || address.is_broadcast() || address.is_documentation() || address.is_unspecified()
            || address.is_multicast() || a == 0 || a >= 240
            || (a == 100 && (64..128).contains(&b)) || (a == 198 && (b == 18 || b == 19));
        prop_assert!(!(other && is_public(address.into())), "{address}");
        prop_assert!(!is_public(address.to_ipv6_mapped().into()), "{address}");
        prop_assert!(!is_public(address.to_ipv6_compatible().into()), "{address}");
    }

    #[test]
    fn only_what_was_given_out_is_public_over_all_of_ipv6(bits: u128, top in 0_u16..) {
        for address in [Ipv6Addr::from_bits(bits), Ipv6Addr::from_bits((bits >> 16) | (u128::from(top) << 112))] {
            let first = address.segments()[0];
            let other = address.is_loopback() || address.is_unspecified() || address.is_multicast()
                || address.is_unique_local() || address.is_unicast_link_local()
                || address.to_ipv4().is_some() || !(0x2000..0x4000).contains(&first) || first == 0x2002;
            prop_assert!(!(other && is_public(address.into())), "{address}");
        }
    }
}
