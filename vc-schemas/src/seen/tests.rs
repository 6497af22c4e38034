use super::*;
use crate::claims::{Owner, OwnerKind, StatusPair};
use crate::credential::uuid_urn;
use crate::secure::{Content, Draft};
use crate::status::{Purpose, StatusEntry};
use ed25519_dalek::{Signer, SigningKey};
use std::time::Duration;

fn key(seed: u8) -> PublicKey {
    PublicKey::ed25519(SigningKey::from_bytes(&[seed; 32]).verifying_key().as_bytes()).unwrap()
}

const fn at(seconds: u64) -> UnixSeconds {
    UnixSeconds::new(seconds)
}

/// A credential that counts from 0 to `until`, with a domain label of `length` bytes.
fn sighting(number: u8, seed: u8, until: u64, length: usize) -> Sighting {
    let entry = |purpose| StatusEntry {
        purpose,
        index: u32::from(number),
        list: format!("https://acme.test/status/{}", purpose.as_str()),
    };
    let status =
        StatusPair { revocation: entry(Purpose::Revocation), suspension: entry(Purpose::Suspension) };
    let claims = Claims::Owner(Owner {
        id: "did:web:alice.test".parse().unwrap(),
        kind: OwnerKind::Person,
        domain: "a".repeat(length),
        status: status.clone(),
    });
    let (issuer, life) = ("did:web:acme.test".parse().unwrap(), Duration::from_secs(until));
    let credential = Credential::new(uuid_urn([number; 16]), issuer, (at(0), life), status, claims).unwrap();
    let key_id = credential.issuer.with_fragment("key-1").unwrap();
    let (json, kind) = (credential.to_json(), key(seed).kind());
    let draft = Draft::new(Content::Credential, Envelope::Jwt, json, key_id, kind).unwrap();
    let signature = SigningKey::from_bytes(&[seed; 32]).sign(draft.signing_input()).to_bytes();
    let secured = draft.attach(&key(seed), &signature).unwrap();
    Sighting { read: Read::of(&secured).unwrap(), secured, key: key(seed) }
}

fn seen_of(sightings: &[&Sighting], capacity: usize) -> Seen {
    let mut seen = Seen::new(capacity);
    seen.take(sightings.iter().map(|sighting| (*sighting).clone()).collect(), at(0));
    seen
}

#[test]
fn an_entry_answers_for_its_bytes_and_its_key_until_its_end() {
    let (one, other) = (sighting(1, 1, 100, 4), sighting(2, 1, 5, 4));
    let mut seen = Seen::new(8);
    seen.take(vec![one.clone(), other.clone()], at(10));
    assert_eq!(seen.len(), 1, "what is over is not taken in");
    assert!(seen.knows(&one.secured, &key(1), at(99)));
    assert!(!seen.knows(&one.secured, &key(1), at(100)));
    assert!(!seen.knows(&one.secured, &key(2), at(10)));
    assert!(!seen.knows(&other.secured, &key(1), at(10)));
    seen.take(vec![Sighting { key: key(2), ..one.clone() }], at(10));
    assert!(seen.knows(&one.secured, &key(2), at(10)) && !seen.knows(&one.secured, &key(1), at(10)));
    assert_eq!(seen.weight, weight(&one.secured));
    seen.take(Vec::new(), at(100));
    assert!(seen.is_empty() && seen.order.is_empty() && seen.weight == 0, "what is over goes");
}

#[test]
fn what_was_read_is_found_by_its_bytes_and_its_envelope() {
    let one = sighting(1, 1, 100, 4);
    let seen = seen_of(&[&one], 8);
    let bytes = one.secured.bytes();
    let known = Known { read: one.read.clone(), key: key(1) };
    assert_eq!(seen.known(Envelope::Jwt, bytes), Some((one.secured.clone(), known)));
    assert_eq!(seen.known(Envelope::DataIntegrity, bytes), None);
    for at in 0..bytes.len() {
        let mut other = bytes.to_vec();
        other[at] ^= 1;
        assert_eq!(seen.known(Envelope::Jwt, &other), None);
    }
    assert_eq!(seen.known(Envelope::Jwt, &bytes[1..]), None);
}

#[test]
fn the_oldest_and_what_is_over_go_first_and_the_bounds_hold() {
    let all: Vec<_> =
        (0..5).map(|number| sighting(number, 1, if number < 3 { 100 } else { 200 }, 4)).collect();
    let mut seen = seen_of(&[&all[0], &all[1], &all[2]], 3);
    seen.take(vec![all[3].clone()], at(0));
    let known = |seen: &Seen, now| {
        (0..5).filter(|n| seen.knows(&all[*n].secured, &key(1), at(now))).collect::<Vec<_>>()
    };
    assert_eq!(known(&seen, 0), [1, 2, 3]);
    seen.take(vec![all[4].clone()], at(150));
    assert_eq!((known(&seen, 150), seen.len()), (vec![3, 4], 2));
    assert_eq!(seen.weight, weight(&all[3].secured) + weight(&all[4].secured));
    for round in 0..200 {
        seen.take(vec![sighting(round, 1, 300, 4)], at(150));
        assert!(seen.len() <= 3 && seen.order.len() == seen.len());
    }
}

#[test]
fn memory_is_bounded_by_what_is_kept_and_not_by_its_number_alone() {
    let (small, large) = (sighting(1, 1, 100, 4), sighting(2, 1, 100, 200));
    assert!(weight(&large.secured) > weight(&small.secured) + 196);
    let mut seen = seen_of(&[&small], 8);
    // As though others took all but the room of one.
    seen.weight = MAX_SEEN_BYTES;
    seen.take(vec![large.clone()], at(0));
    assert!(!seen.knows(&small.secured, &key(1), at(0)));
}

#[test]
fn an_object_is_reckoned_with_the_room_of_its_tree() {
    // A leaf of a tree has room for eleven members of 56 bytes each.
    assert!(heap((&serde_json::json!({"a": 1})).into()) >= 11 * 56);
    assert!(heap((&serde_json::json!(["aaaa", "bbbb"])).into()) >= 2 * (32 + 4));
}
