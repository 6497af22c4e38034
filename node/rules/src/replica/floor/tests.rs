//! Nothing accepted is taken back: lists, their revocations, and logs.

use super::*;
use crate::replica::limits::MAX_SEQUENCE_JUMP;
use did_resolver::did::Did;
use did_resolver::keys::PublicKey;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{Change, EntryDraft, Extension, Genesis, Log, create};
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use serde_json::json;
use vc_schemas::status::Purpose;
use vc_schemas::status::bitstring::{Bits, MIN_ENTRIES};

const NOW: UnixSeconds = UnixSeconds::new(1_800_086_400);

fn bits(set: &[u32]) -> Bits {
    let mut bits = Bits::new(MIN_ENTRIES).unwrap();
    set.iter().for_each(|index| bits.set(*index).unwrap());
    bits
}

const fn at(issuer_version: u64, sequence: u64) -> ListFloor {
    ListFloor { issuer_version, sequence }
}

fn revocations(at: ListFloor, bits: &Bits) -> ReceivedList<'_> {
    ReceivedList { at, purpose: Purpose::Revocation, bits }
}

//
#[test]
fn an_older_list_is_older_and_the_same_is_the_same() {
    let held = bits(&[1]);
    let decide = |at| decide_list(Some(self::at(2, 5)), Some(&held), Some(&held), revocations(at, &held));
    assert_eq!(decide(at(2, 4)), ListDecision::Older);
    assert_eq!(decide(at(1, 9)), ListDecision::Older);
    assert_eq!(decide(at(2, 5)), ListDecision::Same);
    assert_eq!(decide(at(2, 6)), ListDecision::Accept { overlay: Some(held.clone()) });
    // An issuer with other keys begins anew.
    assert_eq!(decide(at(3, 1)), ListDecision::Accept { overlay: Some(held.clone()) });
}

#[test]
fn a_list_that_clears_a_revocation_does_not_count_but_what_it_revokes_does() {
    let (held, next) = (bits(&[1]), bits(&[2]));
    let decision = decide_list(Some(at(1, 1)), Some(&held), Some(&held), revocations(at(1, 2), &next));
    assert_eq!(decision, ListDecision::Unrevokes { overlay: Some(bits(&[1, 2])) });
    let lifted = ReceivedList { at: at(1, 2), purpose: Purpose::Suspension, bits: &next };
    let decision = decide_list(Some(at(1, 1)), Some(&held), None, lifted);
    assert_eq!(decision, ListDecision::Accept { overlay: None });
}

#[test]
fn two_arrays_of_one_number_are_equivocation_and_both_revoke() {
    let (held, other) = (bits(&[1]), bits(&[2]));
    let decision = decide_list(Some(at(1, 1)), Some(&held), Some(&held), revocations(at(1, 1), &other));
    assert_eq!(decision, ListDecision::Equivocation { overlay: Some(bits(&[1, 2])) });
}

#[test]
fn a_jump_to_the_end_of_the_numbers_is_refused() {
    let held = bits(&[]);
    let decide = |at| decide_list(Some(self::at(1, 7)), Some(&held), None, revocations(at, &held));
    assert_eq!(decide(at(1, 7 + MAX_SEQUENCE_JUMP + 1)), ListDecision::TooFarAhead);
    assert!(matches!(decide(at(1, 7 + MAX_SEQUENCE_JUMP)), ListDecision::Accept { .. }));
}

#[test]
fn either_the_list_or_the_overlay_revokes() {
    let (list, ever) = (bits(&[1]), bits(&[2]));
    let revoked = |index| is_revoked(&list, Some(&ever), index);
    assert_eq!((revoked(1), revoked(2), revoked(3)), (Some(true), Some(true), Some(false)));
    assert_eq!(revoked(MIN_ENTRIES), None);
}

proptest! {
    #[test]
    fn what_was_ever_revoked_stays_so_in_any_order(
        lists in proptest::collection::vec((0_u64..3, 0_u64..4, proptest::collection::vec(0_u32..9, 0..4)), 1..9),
    ) {
        let (mut floor, mut stored, mut ever): (_, Option<Bits>, Option<Bits>) = (None, None, None);
        for (version, sequence, set) in lists {
            let (place, array) = (at(version, sequence), bits(&set));
            let decision = decide_list(floor, stored.as_ref(), ever.as_ref(), revocations(place, &array));
            let before = (floor, ever.clone());
            match decision {
                ListDecision::Accept { overlay } => {
                    (floor, stored, ever) = (Some(place), Some(array), overlay);
                }
                ListDecision::Unrevokes { overlay } | ListDecision::Equivocation { overlay } => ever = overlay,
                ListDecision::Same | ListDecision::Older | ListDecision::TooFarAhead => {}
            }
            prop_assert!(floor >= before.0);
            if let Some(before) = before.1 {
                prop_assert!(ever.as_ref().is_some_and(|now| now.covers(&before)));
            }
        }
    }
}

fn secret() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn signed(draft: EntryDraft) -> Vec<u8> {
    let key = PublicKey::ed25519(secret().verifying_key().as_bytes()).unwrap();
    let signature = secret().sign(&draft.signing_input(&key).unwrap()).to_bytes();
    draft.attach(&key, &signature).unwrap()
}

fn first() -> Log {
    let genesis = Genesis {
        host: "acme.example".to_owned(),
        port: None,
        path: vec!["bot".to_owned()],
        document: json!({"controller": "did:webvh:{SCID}:acme.example:bot"}),
        update_keys: vec![PublicKey::ed25519(secret().verifying_key().as_bytes()).unwrap()],
        next_key_hashes: vec![],
        time: UnixSeconds::new(1_800_000_000),
        portable: false,
        ttl_seconds: None,
    };
    Log::verify(&signed(create(genesis).unwrap()), NOW).unwrap()
}

/// `log` with an entry that tells it from others by `name`.
fn then(log: &Log, name: &str) -> Log {
    let mut document = log.head().document().json().clone();
    document["alsoKnownAs"] = json!([format!("did:web:{name}.example")]);
    let change =
        Change { document: Some(document), update_keys: None, next_key_hashes: None, deactivate: false };
    let time = UnixSeconds::new(log.head().time.get() + 1);
    let line = signed(log.append(change, time, NOW).unwrap());
    match log.extend(&[log.bytes(), &line].concat(), NOW) {
        Ok(Extension::Longer(longer)) => longer,
        other => panic!("{other:?}"),
    }
}

fn decide(did: &Did, held: &[Log], floor: Option<&LogFloor>, received: &Log) -> LogDecision {
    decide_log(did, held, floor, received.bytes(), NOW)
}

//
#[test]
fn a_longer_log_extends_and_a_shorter_one_is_older() {
    let one = first();
    let (did, two) = (one.did().clone(), then(&one, "a"));
    let floor = LogFloor::of(&two);
    assert_eq!(decide(&did, &[], None, &two), LogDecision::Accept(two.clone()));
    assert_eq!(
        decide(&did, std::slice::from_ref(&one), Some(&LogFloor::of(&one)), &two),
        LogDecision::Accept(two.clone())
    );
    assert_eq!(decide(&did, std::slice::from_ref(&two), Some(&floor), &one), LogDecision::Older);
    assert_eq!(decide(&did, std::slice::from_ref(&two), Some(&floor), &two), LogDecision::Same);
    // A store that lost the log and kept the floor takes nothing below it.
    assert_eq!(decide(&did, &[], Some(&floor), &one), LogDecision::Older);
    assert_eq!(decide(&did, &[], Some(&floor), &two), LogDecision::Accept(two.clone()));
}

//
#[test]
fn a_valid_fork_makes_the_log_contested_whichever_branch_is_longer() {
    let one = first();
    let did = one.did().clone();
    let (a, b) = (then(&one, "a"), then(&one, "b"));
    let longer = then(&b, "c");
    for other in [&b, &longer] {
        let floor = LogFloor::of(&a);
        let LogDecision::Contested { at, branches } =
            decide(&did, std::slice::from_ref(&a), Some(&floor), other)
        else {
            panic!("not contested");
        };
        assert!(at == 2 && branches.len() == 2 && branches.contains(&a) && branches.contains(other));
        // Numbered past the floor, and without what is held to compare with.
        assert!(matches!(decide(&did, &[], Some(&floor), other), LogDecision::Contested { at: 2, .. }));
    }
}

#[test]
fn a_contested_log_stays_contested_in_any_order() {
    let one = first();
    let did = one.did().clone();
    let (a, b) = (then(&one, "a"), then(&one, "b"));
    let (longer, third) = (then(&b, "c"), then(&one, "d"));
    let mut outcomes = Vec::new();
    for order in
        [[&a, &b, &longer, &third, &one], [&third, &one, &longer, &b, &a], [&longer, &third, &a, &one, &b]]
    {
        let mut held = Vec::new();
        for log in order {
            match decide(&did, &held, None, log) {
                LogDecision::Accept(log) => held = vec![log],
                LogDecision::Contested { branches, .. } => held = branches,
                LogDecision::Same | LogDecision::Older => {}
                LogDecision::Refused(error) => panic!("{error}"),
            }
        }
        outcomes.push(held.iter().map(|log| log_item(&did, log)).collect::<Vec<_>>());
    }
    assert!(outcomes[0].len() == 3 && outcomes.iter().all(|o| *o == outcomes[0]));
}

//
#[test]
fn a_forged_log_and_one_of_another_did_are_refused() {
    let one = first();
    let did = one.did().clone();
    let text = String::from_utf8(one.bytes().to_vec()).unwrap();
    let forged = text.replace("acme.example:bot", "evil.example:bot");
    let decision = decide_log(&did, &[], None, forged.as_bytes(), NOW);
    assert!(matches!(decision, LogDecision::Refused(_)));
    let other: Did = "did:web:acme.example".parse().unwrap();
    assert!(matches!(decide(&other, &[], None, &one), LogDecision::Refused(_)));
}
