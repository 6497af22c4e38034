//! Full meshes, and company behind one address.

use super::*;
use crate::score::GRAYLIST_THRESHOLD;
use proptest::prelude::*;

fn scid(name: &str) -> Scid {
    let scid = did_resolver::codec::multihash_base58btc(name.as_bytes());
    Scid::of(&format!("did:webvh:{scid}:{name}.example").parse().unwrap()).unwrap()
}

fn peers(domains: &[(&str, usize)], address: impl Fn(usize) -> Option<IpAddr>) -> BTreeMap<PeerId, Known> {
    let all = domains.iter().flat_map(|(domain, count)| std::iter::repeat_n(*domain, *count));
    let known =
        |(at, domain): (usize, &str)| Known { domain: scid(domain), address: address(at), anchor: false };
    all.enumerate().map(|peer| (PeerId::random(), known(peer))).collect()
}

fn explicit_of(credits: &BTreeMap<PeerId, Credit>) -> usize {
    credits.values().filter(|credit| credit.explicit).count()
}

#[test]
fn few_peers_are_a_full_mesh_whatever_their_domains() {
    let few = peers(&[("acme", 4), ("beta", 8)], |_| None);
    let credits = credits(&few, &scid("acme"), &[]);
    assert_eq!(explicit_of(&credits), 12);
    assert!(credits.values().all(|credit| (credit.score - KNOWN).abs() < f64::EPSILON));
}

#[test]
fn of_many_peers_those_of_a_small_own_domain_are_a_full_mesh() {
    let many = peers(&[("acme", 12), ("beta", 30)], |_| None);
    assert_eq!(explicit_of(&credits(&many, &scid("acme"), &[])), 12);
    let larger = peers(&[("acme", 13), ("beta", 30)], |_| None);
    assert_eq!(explicit_of(&credits(&larger, &scid("acme"), &[])), 0);
}

#[test]
fn what_the_configuration_names_has_credit_outside_the_full_mesh_too() {
    let mut many = peers(&[("beta", 40)], |_| None);
    let anchor = *many.keys().next().unwrap();
    many.get_mut(&anchor).unwrap().anchor = true;
    let credits = credits(&many, &scid("acme"), &[]);
    assert!(!credits[&anchor].explicit);
    let of = |peer: &PeerId| credits[peer].score;
    assert!((of(&anchor) - KNOWN).abs() < f64::EPSILON);
    assert!(many.keys().filter(|peer| **peer != anchor).all(|peer| of(peer) == 0.0));
}

//
#[test]
fn too_many_behind_one_address_are_graylisted_unless_the_network_is_exempt() {
    let shared: IpAddr = "203.0.113.9".parse().unwrap();
    let own = scid("acme");
    let score = |count: usize, exempt: &[Network]| {
        let crowd = peers(&[("evil", count)], |_| Some(shared));
        credits(&crowd, &own, exempt).values().map(|credit| credit.score).fold(f64::MAX, f64::min)
    };
    assert!(score(5, &[]) >= 0.0);
    assert!(score(6, &[]) < KNOWN);
    assert!(score(20, &[]) < GRAYLIST_THRESHOLD);
    assert!(score(20, &["203.0.113.0/24".parse().unwrap()]) >= 0.0);
    assert!(score(20, &["203.0.114.0/24".parse().unwrap()]) < GRAYLIST_THRESHOLD);
}

#[test]
fn addresses_of_one_ipv6_network_count_as_one_and_those_of_another_do_not() {
    let own = scid("acme");
    let one = peers(&[("evil", 20)], |at| Some(format!("2001:db8::{at:x}").parse().unwrap()));
    assert!(credits(&one, &own, &[]).values().all(|credit| credit.score < GRAYLIST_THRESHOLD));
    let many = peers(&[("acme", 20)], |at| Some(format!("2001:db8:0:{at:x}::1").parse().unwrap()));
    assert!(credits(&many, &own, &[]).values().all(|credit| credit.score >= 0.0));
}

#[test]
fn what_is_no_network_is_refused() {
    for text in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "acme.example", "10.0.0.0/", "10.0.0.0/-1"] {
        assert_eq!(text.parse::<Network>(), Err(BadNetwork), "{text}");
    }
}

proptest! {
    #[test]
    fn a_network_contains_what_shares_its_first_bits(a in any::<u32>(), b in any::<u32>(), bits in 0_u8..=32) {
        let address = |bits: u32| IpAddr::V4(bits.into());
        let network: Network = format!("{}/{bits}", address(a)).parse().unwrap();
        let alike = bits == 0 || a >> (32 - bits) == b >> (32 - bits);
        prop_assert_eq!(network.contains(&address(b)), alike);
        prop_assert!(network.contains(&address(a)));
        let IpAddr::V4(v4) = address(b) else { unreachable!() };
        prop_assert_eq!(network.contains(&IpAddr::V6(v4.to_ipv6_mapped())), alike);
    }

    #[test]
    fn a_full_mesh_never_grows_beyond_its_bound(own in 0_usize..30, others in 0_usize..60) {
        let all = peers(&[("acme", own), ("beta", others)], |_| None);
        prop_assert!(explicit_of(&credits(&all, &scid("acme"), &[])) <= MAX_FULL_MESH);
    }
}
