//! A statement is read in one spelling, within its bounds, and every replica ends with the same one.

use super::*;
use did_resolver::codec::{self, sha256};
use proptest::prelude::*;

fn scid(seed: &str) -> Scid {
    Scid::parse(&codec::multihash_base58btc(seed.as_bytes())).unwrap()
}

fn domain(seed: &str, suspended: bool, capabilities: &[&str], resources: Option<&[&str]>) -> TrustedDomain {
    TrustedDomain {
        did: format!("did:webvh:{}:{seed}.example", scid(seed)).parse().unwrap(),
        suspended,
        capabilities: Scope::new(capabilities.iter().map(|c| c.parse().unwrap())).unwrap(),
        resources: resources.map(|all| all.iter().map(|r| (*r).to_owned()).collect()),
    }
}

fn body(seq: u64, payload: Vec<u8>) -> Body {
    Body {
        kind: Kind::Recognitions,
        domain: scid("acme"),
        subject: "did:example:acme".to_owned(),
        seq,
        prev: None,
        issued_at: UnixSeconds::new(1),
        expires_at: UnixSeconds::new(2),
        payload,
        witness: None,
    }
}

fn some() -> Vec<TrustedDomain> {
    vec![
        domain("beta", false, &["calendar:read", "com.example.pay.send"], Some(&["urn:b", "urn:a"])),
        domain("gamma", true, &[], None),
        domain("delta", false, &["mail:send"], None),
    ]
}

#[test]
fn a_statement_reads_back_under_its_own_number_and_kind_only() {
    let said = Recognitions::new(9, &scid("acme"), some());
    assert!(said.is_whole && said.domains().len() == 3);
    let good = body(9, said.encode());
    assert_eq!(Recognitions::of(&good).as_ref(), Ok(&said));
    assert_eq!(said.of_domain(&scid("gamma")).map(|of| of.suspended), Some(true));
    assert_eq!(said.of_domain(&scid("other")), None);
    assert_eq!(Recognitions::of(&Body { seq: 8, ..good.clone() }), Err(Refusal::Inconsistent));
    let other = Body { kind: Kind::Membership, ..good.clone() };
    assert_eq!(Recognitions::of(&other), Err(Refusal::Inconsistent));
    let of_itself = Body { domain: scid("beta"), ..good.clone() };
    assert_eq!(Recognitions::of(&of_itself), Err(Refusal::Inconsistent), "a domain states nothing of itself");
    let trailing = [&good.payload[..], &[0]].concat();
    assert_eq!(Recognitions::of(&Body { payload: trailing, ..good.clone() }), Err(Refusal::Malformed));
    let long = vec![0; MAX_PAYLOAD_BYTES + 1];
    assert_eq!(Recognitions::of(&Body { payload: long, ..good }), Err(Refusal::TooLarge));
}

/// The payload with these domains as they are.
fn written_as(domains: Vec<TrustedDomain>) -> Vec<u8> {
    Recognitions { number: 9, is_whole: true, domains }.encode()
}

#[test]
fn domains_that_are_out_of_order_twice_there_or_out_of_their_bounds_are_refused() {
    let of = |domains: Vec<TrustedDomain>| Recognitions::of(&body(9, written_as(domains)));
    let mut ordered = Recognitions::new(9, &scid("acme"), some()).domains;
    assert!(of(ordered.clone()).is_ok());
    ordered.swap(0, 1);
    assert_eq!(of(ordered.clone()), Err(Refusal::Malformed));
    let twice = vec![ordered[0].clone(), ordered[0].clone()];
    assert_eq!(of(twice), Err(Refusal::Malformed));
    let moved = format!("did:webvh:{}:zzz.example", scid("beta")).parse().unwrap();
    let beta = domain("beta", false, &[], None);
    let one_scid = vec![beta.clone(), TrustedDomain { did: moved, ..beta.clone() }];
    assert_eq!(of(one_scid), Err(Refusal::Malformed), "a domain is its SCID");
    let agent = format!("did:webvh:{}:beta.example:bot", scid("beta")).parse().unwrap();
    assert_eq!(of(vec![TrustedDomain { did: agent, ..beta.clone() }]), Err(Refusal::Malformed));
    let nowhere = TrustedDomain { resources: Some(BTreeSet::new()), ..beta.clone() };
    assert_eq!(of(vec![nowhere]), Err(Refusal::Malformed));
    let control = TrustedDomain { resources: Some(BTreeSet::from(["a\u{7}".to_owned()])), ..beta.clone() };
    assert_eq!(of(vec![control]), Err(Refusal::Malformed));
    let resources = |n: usize| Some((0..n).map(|n| format!("urn:{n}")).collect());
    let many = |n| vec![TrustedDomain { resources: resources(n), ..beta.clone() }];
    assert!(of(many(MAX_RESOURCES)).is_ok());
    assert_eq!(of(many(MAX_RESOURCES + 1)), Err(Refusal::TooLarge));
    let all = |n: usize| -> Vec<TrustedDomain> {
        let all: BTreeMap<_, _> = (0..n)
            .map(|n| domain(&format!("d{n}"), false, &[], None))
            .map(|d| (d.did.to_string(), d))
            .collect();
        all.into_values().collect()
    };
    assert!(of(all(MAX_RECOGNISED)).is_ok());
    assert_eq!(of(all(MAX_RECOGNISED + 1)), Err(Refusal::TooLarge));
}

#[test]
fn a_capability_that_is_none_or_out_of_order_is_malformed() {
    let good = written_as(vec![domain("beta", false, &["aa:read", "bb:read"], None)]);
    let at = |text: &str| good.windows(text.len()).position(|w| w == text.as_bytes()).unwrap();
    let put = |places: &[(&str, &str)]| {
        let mut bytes = good.clone();
        for (old, new) in places {
            bytes[at(old)..][..new.len()].copy_from_slice(new.as_bytes());
        }
        Recognitions::of(&body(9, bytes))
    };
    assert!(put(&[]).is_ok());
    assert_eq!(put(&[("aa:read", "aa read")]), Err(Refusal::Malformed));
    assert_eq!(put(&[("aa:read", "cc:read")]), Err(Refusal::Malformed));
    assert_eq!(put(&[("aa:read", "bb:read")]), Err(Refusal::Malformed));
}

#[test]
fn what_has_no_room_is_left_out_and_a_statement_says_so() {
    let wide = |n: usize| {
        let long = |c: usize| format!("{}{c:03}", "x".repeat(2_000));
        let resources = (0..8).map(long).collect();
        TrustedDomain { resources: Some(resources), ..domain(&format!("d{n}"), false, &[], None) }
    };
    let said = Recognitions::new(1, &scid("acme"), (0..5).map(wide));
    assert!(!said.is_whole && said.domains().len() == 3);
    assert_eq!(Recognitions::of(&body(1, said.encode())), Ok(said));
    let small = (0..=MAX_RECOGNISED).map(|n| domain(&format!("d{n}"), false, &[], None));
    let said = Recognitions::new(1, &scid("acme"), small);
    assert!(!said.is_whole && said.domains().len() == MAX_RECOGNISED);
    let itself = Recognitions::new(1, &scid("acme"), [domain("acme", false, &[], None)]);
    assert!(itself.is_whole && itself.domains().is_empty());
    let nothing = Recognitions::nothing(1);
    assert!(!nothing.says_what(&itself) && nothing.says_what(&Recognitions::nothing(2)));
    assert_eq!(Recognitions::of(&body(1, nothing.encode())), Ok(nothing));
}

#[test]
fn a_number_is_the_time_or_one_more_than_the_last_and_ends() {
    let now = UnixSeconds::new(1_000);
    assert_eq!(Recognitions::next_number(None, now), Some(1_000_000));
    assert_eq!(Recognitions::next_number(Some(5), now), Some(1_000_000));
    assert_eq!(Recognitions::next_number(Some(1_000_000), now), Some(1_000_001));
    assert_eq!(Recognitions::next_number(Some(MAX_NUMBER - 1), now), Some(MAX_NUMBER));
    assert_eq!(Recognitions::next_number(Some(MAX_NUMBER), now), None);
    let beyond = body(MAX_NUMBER + 1, Recognitions::nothing(MAX_NUMBER + 1).encode());
    assert_eq!(Recognitions::of(&beyond), Err(Refusal::TooFarAhead));
    assert_eq!(Recognitions::next_number(None, UnixSeconds::new(0)), Some(1));
}

fn floor(issuer_version: u64, number: u64, digest: u8) -> StatementFloor {
    StatementFloor { issuer_version, number, digest: [digest; 32] }
}

//
#[test]
fn the_higher_number_counts_and_of_one_number_the_lower_digest() {
    let held = floor(3, 100, 7);
    assert_eq!(held.decide(&held), StatementDecision::Same);
    assert_eq!(held.decide(&floor(3, 101, 9)), StatementDecision::Accept);
    assert_eq!(held.decide(&floor(3, 99, 1)), StatementDecision::Older);
    assert_eq!(held.decide(&floor(3, 100, 6)), StatementDecision::Contradicts);
    assert_eq!(held.decide(&floor(3, 100, 8)), StatementDecision::Equivocation);
    // Who ran the number to its end keeps the domain from nothing, once its key is changed.
    assert_eq!(floor(3, u64::MAX, 0).decide(&floor(5, 1, 9)), StatementDecision::Accept);
    assert_eq!(floor(5, 1, 9).decide(&floor(3, u64::MAX, 0)), StatementDecision::Older);
}

fn taken(said: &[StatementFloor]) -> StatementFloor {
    said.iter().skip(1).fold(said[0], |held, received| match held.decide(received) {
        StatementDecision::Accept | StatementDecision::Contradicts => *received,
        StatementDecision::Same | StatementDecision::Older | StatementDecision::Equivocation => held,
    })
}

proptest! {
    //
    #[test]
    fn whoever_heard_statements_in_whatever_order_holds_the_same_one(
        said in proptest::collection::vec((0_u64..3, 0_u64..4, 0_u8..4), 1..12), order in any::<u64>(),
    ) {
        let said: Vec<_> = said.into_iter().map(|(version, number, digest)| floor(version, number, digest)).collect();
        let mut shuffled = said.clone();
        shuffled.sort_by_key(|f| sha256(format!("{order}{f:?}").as_bytes()));
        prop_assert_eq!(taken(&shuffled), taken(&said));
        let highest = |f: &StatementFloor| (f.issuer_version, f.number);
        prop_assert_eq!(Some(highest(&taken(&said))), said.iter().map(highest).max());
    }

    #[test]
    fn any_bytes_are_read_as_they_are_written_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), bit in 0_u8..8,
    ) {
        let good = Recognitions::new(9, &scid("acme"), some()).encode();
        let mut flipped = good.clone();
        flipped[at.index(good.len())] ^= 1 << bit;
        let cut = good[..at.index(good.len())].to_vec();
        for payload in [bytes, flipped, cut] {
            if let Ok(said) = Recognitions::of(&body(9, payload.clone())) {
                prop_assert_eq!(said.encode(), payload);
            }
        }
    }
}
