//! Topics have one name, which tells domains and lanes apart.

use super::*;

fn scid(n: u8) -> Scid {
    Scid::parse(&codec::multihash_base58btc(&[n])).unwrap()
}

#[test]
fn a_topic_names_a_domain_by_its_hash_and_a_lane() {
    let hash = codec::sha256(scid(1).as_str().as_bytes());
    let expected = data_encoding::BASE32_NOPAD.encode(&hash)[..16].to_lowercase();
    assert_eq!(Topic::new(&scid(1), Lane::Status).as_str(), format!("/marque/1/{expected}/status"));
}

#[test]
fn topics_of_other_domains_and_lanes_differ() {
    let topics = [1, 2].into_iter().flat_map(|n| Lane::ALL.map(|lane| Topic::new(&scid(n), lane)));
    assert_eq!(topics.collect::<std::collections::BTreeSet<_>>().len(), 6);
}

#[test]
fn only_a_multihash_is_a_scid() {
    for text in ["", "Qm", "zQm", &format!("{}a", scid(1)), &"1".repeat(46)] {
        assert_eq!(Scid::parse(text), None, "{text}");
    }
    assert_eq!(Scid::of(&"did:web:acme.example".parse().unwrap()), None);
    let did = format!("did:webvh:{}:acme.example", scid(1)).parse().unwrap();
    assert_eq!(Scid::of(&did), Some(scid(1)));
}
