//! Nothing accepted is taken back: lists, their revocations, and logs.

use super::*;
use crate::replica::limits::MAX_SEQUENCE_JUMP;
use did_resolver::did::Did;
use did_resolver::keys::PublicKey;
use did_resolver::time::UnixSeconds;
use did_resolver::webvh::{
    Change, EntryDraft, EntryError, Extension, Genesis, Log, LogError, Oversight, WitnessDraft,
    WitnessProofs, WitnessProofsError, Witnesses, create, create_with,
};
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use serde_json::json;
use vc_schemas::status::Purpose;
use vc_schemas::status::bitstring::{Bits, MIN_ENTRIES};

mod announced;
mod beside;
mod deltas;
mod forks;

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

fn known<'a>(floor: ListFloor, stored: &'a Bits, revoked_ever: Option<&'a Bits>) -> KnownList<'a> {
    KnownList { floor: Some(floor), stored: Some(stored), ahead: None, revoked_ever }
}

/// What follows `log`, with these keys for what the domain states.
fn stating(log: &Log, seeds: &[u8]) -> Log {
    let did = log.did().as_str();
    let method = |seed: &u8| {
        json!({
            "id": format!("{did}#key-{seed}"), "controller": did, "type": "Multikey",
            "publicKeyMultibase": witness(*seed).1.to_multikey(),
        })
    };
    let mut document = log.head().document().json().clone();
    document["verificationMethod"] = seeds.iter().map(method).collect();
    document["assertionMethod"] = seeds.iter().map(|seed| json!(format!("{did}#key-{seed}"))).collect();
    let change = Change { document: Some(document), ..Change::default() };
    let time = UnixSeconds::new(log.head().time.get() + 1);
    log.then(&signed(log.append(change, time, NOW).unwrap()), None, NOW).unwrap()
}

//
#[test]
fn an_older_list_is_older_and_the_same_is_the_same() {
    let held = bits(&[1]);
    let decide = |at| decide_list(known(self::at(2, 5), &held, Some(&held)), revocations(at, &held));
    let older = ListDecision::Older { overlay: Some(held.clone()) };
    assert_eq!(decide(at(2, 4)), older);
    assert_eq!(decide(at(1, 9)), older);
    assert_eq!(decide(at(2, 5)), ListDecision::Same);
    assert_eq!(decide(at(2, 6)), ListDecision::Accept { overlay: Some(held.clone()) });
    // An issuer with other keys begins anew.
    assert_eq!(decide(at(3, 1)), ListDecision::Accept { overlay: Some(held.clone()) });
}

#[test]
fn a_list_that_clears_a_revocation_does_not_count_but_what_it_revokes_does() {
    let (held, next) = (bits(&[1]), bits(&[2]));
    let decision = decide_list(known(at(1, 1), &held, Some(&held)), revocations(at(1, 2), &next));
    assert_eq!(decision, ListDecision::Unrevokes { overlay: Some(bits(&[1, 2])) });
    let lifted = ReceivedList { at: at(1, 2), purpose: Purpose::Suspension, bits: &next };
    let decision = decide_list(known(at(1, 1), &held, None), lifted);
    assert_eq!(decision, ListDecision::Accept { overlay: None });
}

// found by the simulator. Who holds a later list than the one that revoked learns of it all the same.
#[test]
fn an_older_list_does_not_count_but_what_it_revokes_does() {
    let (held, older) = (bits(&[1]), bits(&[2]));
    let decision = decide_list(known(at(1, 5), &held, Some(&held)), revocations(at(1, 4), &older));
    assert_eq!(decision, ListDecision::Older { overlay: Some(bits(&[1, 2])) });
}

// found by the simulator. Read under a newer version of its issuer, an old list is as old as before.
#[test]
fn a_list_stands_where_the_key_stands_that_signed_it_whatever_versions_came_since() {
    let one = first();
    let update = PublicKey::ed25519(secret().verifying_key().as_bytes()).unwrap();
    assert_eq!(era(&one, &update), None, "it updates the log, and states nothing");
    let two = stating(&one, &[7]);
    let three = stating(&two, &[7]);
    let four = stating(&three, &[7, 8]);
    let eras = |seed: u8| [&two, &three, &four].map(|log| era(log, &witness(seed).1));
    assert_eq!(eras(7), [Some(2), Some(2), Some(2)]);
    assert_eq!(eras(8), [None, None, Some(4)]);
    // Left out once, a key begins anew.
    let again = stating(&stating(&four, &[8]), &[7]);
    assert_eq!((era(&again, &witness(7).1), era(&again, &witness(8).1)), (Some(6), None));
}

#[test]
fn two_arrays_of_one_number_are_equivocation_and_both_revoke() {
    let (held, other) = (bits(&[1]), bits(&[2]));
    let decision = decide_list(known(at(1, 1), &held, Some(&held)), revocations(at(1, 1), &other));
    assert_eq!(decision, ListDecision::Equivocation { overlay: Some(bits(&[1, 2])) });
}

#[test]
fn a_jump_to_the_end_of_the_numbers_is_refused() {
    let held = bits(&[]);
    let decide = |at| decide_list(known(self::at(1, 7), &held, None), revocations(at, &held));
    let far = decide(at(1, 7 + MAX_SEQUENCE_JUMP + 1));
    assert_eq!(far, ListDecision::TooFarAhead { overlay: Some(held.clone()) });
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
            let decision = {
                let known = KnownList {
                    floor, stored: stored.as_ref(), ahead: None, revoked_ever: ever.as_ref(),
                };
                decide_list(known, revocations(place, &array))
            };
            let before = (floor, ever.clone());
            match decision {
                ListDecision::Accept { overlay } => {
                    (floor, stored, ever) = (Some(place), Some(array), overlay);
                }
                ListDecision::Unrevokes { overlay } | ListDecision::Equivocation { overlay } => ever = overlay,
                ListDecision::Same => {}
                ListDecision::Older { overlay } | ListDecision::TooFarAhead { overlay } => ever = overlay,
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

fn genesis() -> Genesis {
    Genesis {
        host: "acme.example".to_owned(),
        port: None,
        path: vec!["bot".to_owned()],
        document: json!({"controller": "did:webvh:{SCID}:acme.example:bot"}),
        update_keys: vec![PublicKey::ed25519(secret().verifying_key().as_bytes()).unwrap()],
        next_key_hashes: vec![],
        time: UnixSeconds::new(1_800_000_000),
        portable: false,
        ttl_seconds: None,
    }
}

fn first() -> Log {
    Log::verify(&signed(create(genesis()).unwrap()), NOW).unwrap()
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
    let file = received.witness_file();
    let received = ReceivedLog { log: received.bytes(), witness: file.as_deref() };
    decide_log(did, Known { held, floor, ..Known::default() }, received, NOW)
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
                LogDecision::Contested { branches, .. } | LogDecision::Approved(branches) => held = branches,
                LogDecision::Same | LogDecision::Older => {}
                other => panic!("{other:?}"),
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
    let decision = decide_log(&did, Known::default(), forged.as_bytes().into(), NOW);
    assert!(matches!(decision, LogDecision::Refused(_)));
    let other: Did = "did:web:acme.example".parse().unwrap();
    assert!(matches!(decide(&other, &[], None, &one), LogDecision::Refused(_)));
}

fn witness(seed: u8) -> (SigningKey, PublicKey) {
    let secret = SigningKey::from_bytes(&[seed; 32]);
    let key = PublicKey::ed25519(secret.verifying_key().as_bytes()).unwrap();
    (secret, key)
}

/// The proofs by which these witnesses approve `line` as what follows `held`.
fn approvals(held: Option<&Log>, line: &[u8], seeds: &[u8]) -> Vec<u8> {
    let mut file = WitnessProofs::default();
    for seed in seeds {
        let (secret, key) = witness(*seed);
        let draft = WitnessDraft::new(held, line, &key, NOW).unwrap();
        let signature = secret.sign(draft.signing_input()).to_bytes();
        file.merge(draft.attach(&signature).unwrap());
    }
    file.to_bytes()
}

/// A log of one entry that two of these witnesses must approve, and its line.
fn watched(seeds: &[u8]) -> Vec<u8> {
    let witnesses = Witnesses::new(2, seeds.iter().map(|seed| witness(*seed).1).collect()).unwrap();
    let oversight = Oversight { witnesses: Some(witnesses), watchers: None };
    signed(create_with(genesis(), &oversight).unwrap())
}

/// The entry that would follow `log`.
fn line_after(log: &Log, name: &str) -> Vec<u8> {
    let mut document = log.head().document().json().clone();
    document["alsoKnownAs"] = json!([format!("did:web:{name}.example")]);
    let change = Change { document: Some(document), ..Change::default() };
    signed(log.append(change, UnixSeconds::new(log.head().time.get() + 1), NOW).unwrap())
}

const MISSING: fn(u32) -> LogDecision =
    |number| LogDecision::Refused(LogError::Entry { number, why: EntryError::WitnessMissing });

// MESH.md D7
#[test]
fn what_too_few_witnesses_approve_is_refused_whether_it_extends_or_forks() {
    let line = watched(&[10, 11, 12]);
    let file = approvals(None, &line, &[10, 11]);
    let one = Log::verify_with(&line, Some(&file), NOW).unwrap();
    let did = one.did().clone();
    let received = |log: &'static [u8], witness| ReceivedLog { log, witness };
    let leak = |bytes: Vec<u8>| -> &'static [u8] { bytes.leak() };
    let alone = leak(line.clone());
    for (witness, outcome) in [
        (None, MISSING(1)),
        (Some(leak(approvals(None, &line, &[11]))), MISSING(1)),
        (Some(leak(file.clone())), LogDecision::Accept(one.clone())),
    ] {
        assert_eq!(decide_log(&did, Known::default(), received(alone, witness), NOW), outcome);
    }
    let (a, b) = (line_after(&one, "a"), line_after(&one, "b"));
    let longer = leak([&line[..], &a].concat());
    let fork = leak([&line[..], &b].concat());
    let of = |line: &[u8], seeds: &[u8]| Some(leak(approvals(Some(&one), line, seeds)));
    let held = std::slice::from_ref(&one);
    assert_eq!(
        decide_log(&did, Known { held, ..Known::default() }, received(longer, of(&a, &[12])), NOW),
        MISSING(2)
    );
    // Approvals of another branch are none.
    assert_eq!(
        decide_log(&did, Known { held, ..Known::default() }, received(longer, of(&b, &[10, 11])), NOW),
        MISSING(2)
    );
    let LogDecision::Accept(two) =
        decide_log(&did, Known { held, ..Known::default() }, received(longer, of(&a, &[12, 10])), NOW)
    else {
        panic!("not accepted");
    };
    let (held, floor) = (std::slice::from_ref(&two), LogFloor::of(&two));
    let decide = |seeds: &[u8]| {
        decide_log(
            &did,
            Known { held, floor: Some(&floor), ..Known::default() },
            received(fork, of(&b, seeds)),
            NOW,
        )
    };
    assert_eq!(decide(&[10]), MISSING(2));
    assert!(matches!(decide(&[10, 11]), LogDecision::Contested { at: 2, .. }));
}

#[test]
fn later_proofs_of_what_is_held_are_added_once() {
    let line = watched(&[10, 11, 12]);
    let of = |seeds: &[u8]| approvals(None, &line, seeds);
    let log = Log::verify_with(&line, Some(&of(&[10, 11])), NOW).unwrap();
    let whole = Log::verify_with(&line, Some(&of(&[10, 11, 12])), NOW).unwrap();
    let did = log.did().clone();
    let decide = |held: &Log, file: &[u8]| {
        let received = ReceivedLog { log: &line, witness: Some(file) };
        let (held, floor) = (std::slice::from_ref(held), LogFloor::of(held));
        decide_log(&did, Known { held, floor: Some(&floor), ..Known::default() }, received, NOW)
    };
    assert_eq!(decide(&log, &of(&[12])), LogDecision::Approved(vec![whole.clone()]));
    assert_eq!(decide(&whole, &of(&[12, 11])), LogDecision::Same);
    assert_eq!(decide(&log, &of(&[])), LogDecision::Same);
    let unreadable = LogError::WitnessProofs(WitnessProofsError::Shape);
    assert_eq!(decide(&log, b"{}"), LogDecision::Refused(unreadable));
    assert_eq!(log_item(&did, &log), log_item(&did, &whole), "proofs are no part of the item");
}

#[test]
fn a_log_whose_proofs_do_not_fit_into_an_envelope_is_refused_at_every_door() {
    // Two sets of as many witnesses as may be, of which each must approve: some 47 KiB.
    let keys = |seeds: std::ops::Range<u8>| seeds.map(|seed| witness(seed).1).collect::<Vec<_>>();
    let watch =
        |seeds| Oversight { witnesses: Some(Witnesses::new(64, keys(seeds)).unwrap()), watchers: None };
    let line = signed(create_with(genesis(), &watch(1..65)).unwrap());
    let seeds: Vec<u8> = (1..65).collect();
    let log = Log::verify_with(&line, Some(&approvals(None, &line, &seeds)), NOW).unwrap();
    assert_eq!(check_proofs(&log), Ok(()));
    let at = |seconds: u64| UnixSeconds::new(log.head().time.get() + seconds);
    let second = signed(log.append_with(Change::default(), &watch(65..129), at(1), NOW).unwrap());
    let two = approvals(Some(&log), &second, &seeds);
    let Ok(Extension::Longer(log)) = log.extend_with(&[&line[..], &second].concat(), Some(&two), NOW) else {
        panic!("not longer");
    };
    let third = line_after(&log, "c");
    let seeds: Vec<u8> = (65..129).collect();
    let file = approvals(Some(&log), &third, &seeds);
    let bytes = [log.bytes(), &third].concat();
    let received = ReceivedLog { log: &bytes, witness: Some(&file) };
    let decision =
        decide_log(log.did(), Known { held: std::slice::from_ref(&log), ..Known::default() }, received, NOW);
    let too_long = LogError::WitnessProofs(WitnessProofsError::TooLong);
    assert!(matches!(decision, LogDecision::Refused(error) if error == too_long));
}
