//! An epoch keeps out whom it kept out once.

use super::*;
use crate::replica::Scid;
use did_resolver::codec;
use proptest::prelude::*;

fn epoch(epoch: u64, not_before: u64) -> MembershipEpoch {
    MembershipEpoch { epoch, not_before: UnixSeconds::new(not_before) }
}

fn body(seq: u64, payload: Vec<u8>) -> Body {
    Body {
        kind: Kind::Membership,
        domain: Scid::parse(&codec::multihash_base58btc(b"acme")).unwrap(),
        subject: "did:example:acme".to_owned(),
        seq,
        prev: None,
        issued_at: UnixSeconds::new(1),
        expires_at: UnixSeconds::new(2),
        payload,
        witness: None,
    }
}

#[test]
fn an_epoch_reads_back_under_its_own_number_and_kind_only() {
    let said = epoch(MAX_NUMBER, u64::MAX);
    let good = body(MAX_NUMBER, said.encode());
    let beyond = body(MAX_NUMBER + 1, epoch(MAX_NUMBER + 1, 5).encode());
    assert_eq!(MembershipEpoch::of(&beyond), Err(Refusal::TooFarAhead));
    assert_eq!(MembershipEpoch::of(&good), Ok(said));
    assert!(said.encode().len() <= MAX_EPOCH_BYTES);
    assert_eq!(MembershipEpoch::of(&Body { seq: 7, ..good.clone() }), Err(Refusal::Inconsistent));
    assert_eq!(MembershipEpoch::of(&Body { kind: Kind::Log, ..good.clone() }), Err(Refusal::Inconsistent));
    let trailing = [&epoch(1, 2).encode()[..], &[0]].concat();
    assert_eq!(MembershipEpoch::of(&Body { payload: trailing, ..good.clone() }), Err(Refusal::Malformed));
    let long = vec![0; MAX_EPOCH_BYTES + 1];
    assert_eq!(MembershipEpoch::of(&Body { payload: long, ..good }), Err(Refusal::TooLarge));
}

#[test]
fn a_membership_admits_from_the_time_of_its_epoch_on() {
    let held = epoch(3, 100);
    assert!(held.admits(UnixSeconds::new(100)) && !held.admits(UnixSeconds::new(99)));
}

//
#[test]
fn an_epoch_is_older_the_same_or_further_and_lets_nobody_in_again() {
    let held = epoch(3, 100);
    assert_eq!(held.decide(epoch(2, 99)), EpochDecision::Older);
    assert_eq!(held.decide(epoch(2, 100)), EpochDecision::Older);
    assert_eq!(held.decide(held), EpochDecision::Same);
    assert_eq!(held.decide(epoch(4, 100)), EpochDecision::Accept);
    assert_eq!(held.decide(epoch(4, 101)), EpochDecision::Accept);
    assert_eq!(held.decide(epoch(4, 99)), EpochDecision::LetsIn);
    assert_eq!(held.decide(epoch(3, 99)), EpochDecision::Equivocation);
    assert_eq!(held.decide(epoch(3, 200)), EpochDecision::Contradicts);
    assert_eq!(held.decide(epoch(2, 500)), EpochDecision::Contradicts);
    // Who ran the number to its end keeps the domain from nothing.
    assert_eq!(epoch(u64::MAX, 100).decide(epoch(u64::MAX, 101)), EpochDecision::Contradicts);
}

fn taken(said: &[MembershipEpoch]) -> Option<MembershipEpoch> {
    said.iter().fold(None, |floor: Option<MembershipEpoch>, received| {
        match floor.map_or(EpochDecision::Accept, |floor| floor.decide(*received)) {
            EpochDecision::Accept | EpochDecision::Contradicts => Some(*received),
            EpochDecision::Same
            | EpochDecision::Older
            | EpochDecision::LetsIn
            | EpochDecision::Equivocation => floor,
        }
    })
}

proptest! {
    //
    #[test]
    fn whom_an_epoch_keeps_out_stays_out_and_whoever_heard_them_in_whatever_order_holds_the_same(
        said in proptest::collection::vec((0_u64..6, 0_u64..6), 1..12), order in any::<u64>(),
    ) {
        let said: Vec<_> = said.into_iter().map(|(number, not_before)| epoch(number, not_before)).collect();
        let mut before = said[0];
        for n in 1..=said.len() {
            let floor = taken(&said[..n]).unwrap();
            prop_assert!(floor.not_before >= before.not_before);
            before = floor;
        }
        let mut shuffled = said.clone();
        shuffled.sort_by_key(|e| codec::sha256_of(&[&order.to_be_bytes(), &e.encode()]));
        prop_assert_eq!(taken(&shuffled), taken(&said));
    }
}
