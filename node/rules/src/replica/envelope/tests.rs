//! Envelopes: what was signed comes back, and nothing else does.

use super::*;
use crate::replica::limits::{MAX_LOG_BYTES, MAX_VERSION_ID_BYTES};
use crate::replica::{Lane, LogHead};
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use serde_json::json;

const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

fn did() -> Did {
    format!("did:webvh:{}:acme.example", did_resolver::codec::multihash_base58btc(b"acme")).parse().unwrap()
}

fn secret(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn public(seed: u8) -> PublicKey {
    PublicKey::ed25519(secret(seed).verifying_key().as_bytes()).unwrap()
}

/// The domain's document, listing the key of `seed` as `#key`.
fn document(seed: u8, relationship: &str) -> Document {
    let key_id = did().with_fragment("key").unwrap();
    let json = json!({
        "id": did().as_str(),
        "verificationMethod": [{
            "id": key_id.as_str(), "controller": did().as_str(),
            "type": "Multikey", "publicKeyMultibase": public(seed).to_multikey(),
        }],
        relationship: [key_id.as_str()],
    });
    Document::parse(json).unwrap()
}

fn body() -> Body {
    Body {
        kind: Kind::StatusList,
        domain: Scid::of(&did()).unwrap(),
        subject: "https://acme.example/status/1".to_owned(),
        seq: 7,
        prev: Some([3; 32]),
        issued_at: NOW,
        expires_at: UnixSeconds::new(NOW.get() + 3_600),
        payload: b"a signed list".to_vec(),
        witness: None,
    }
}

fn signed(body: Body) -> Envelope {
    let draft = EnvelopeDraft::new(body, did().with_fragment("key").unwrap(), KeyKind::Ed25519).unwrap();
    let signature = secret(1).sign(draft.signing_input()).to_bytes();
    draft.attach(&public(1), &signature).unwrap()
}

/// Signs any bytes as the origin would sign an envelope.
fn signed_raw(payload: Vec<u8>, content_type: &str) -> Vec<u8> {
    let key_id = did().with_fragment("key").unwrap();
    let draft = Sign1Draft::new(KeyKind::Ed25519, key_id.as_str().as_bytes(), content_type, payload).unwrap();
    let signature = secret(1).sign(draft.signing_input()).to_bytes();
    draft.attach(&public(1), &signature).unwrap().into_bytes()
}

#[test]
fn an_envelope_reads_back_and_verifies() {
    for prev in [None, Some([3; 32])] {
        let envelope = signed(Body { prev, ..body() });
        let read = Envelope::decode(envelope.bytes()).unwrap();
        assert_eq!(read, envelope);
        assert_eq!((read.id(), read.body().prev), (sha256(envelope.bytes()), prev));
        assert_eq!(read.verify(&document(1, "assertionMethod"), NOW), Ok(()));
    }
}

//
#[test]
fn a_key_that_is_unknown_or_not_for_this_is_told_from_a_bad_signature() {
    let envelope = signed(body());
    assert_eq!(envelope.verify(&document(2, "assertionMethod"), NOW), Err(Refusal::BadSignature));
    assert_eq!(envelope.verify(&document(1, "authentication"), NOW), Err(Refusal::KeyNotAuthorised));
    let empty = Document::parse(json!({"id": did().as_str()})).unwrap();
    assert_eq!(envelope.verify(&empty, NOW), Err(Refusal::UnknownKey));
    let other = Document::parse(json!({"id": "did:web:acme.example"})).unwrap();
    assert_eq!(envelope.verify(&other, NOW), Err(Refusal::UnknownKey));
}

#[test]
fn a_draft_takes_only_the_signature_of_its_key_and_only_keys_of_the_origin() {
    let key_id = did().with_fragment("key").unwrap();
    let draft = EnvelopeDraft::new(body(), key_id, KeyKind::Ed25519).unwrap();
    let signature = secret(2).sign(draft.signing_input()).to_bytes();
    assert_eq!(draft.attach(&public(1), &signature), Err(Refusal::BadSignature));
    let foreign = "did:web:acme.example#key".parse().unwrap();
    assert!(EnvelopeDraft::new(body(), foreign, KeyKind::Ed25519).is_err());
    let large = Body { payload: vec![0; MAX_PAYLOAD_BYTES + 1], ..body() };
    let key_id = did().with_fragment("key").unwrap();
    assert_eq!(EnvelopeDraft::new(large, key_id, KeyKind::Ed25519).err(), Some(Refusal::TooLarge));
}

#[test]
fn what_a_later_release_may_mean_is_not_malformed() {
    let plain = body().encode();
    let mut version = plain.clone();
    version[2] = 2;
    let mut kind = plain.clone();
    kind[4] = 0x17;
    let refused = |payload: Vec<u8>| Envelope::decode(&signed_raw(payload, CONTENT_TYPE)).err();
    assert_eq!(refused(version), Some(Refusal::UnknownVersion));
    assert_eq!(refused(kind), Some(Refusal::UnknownKind));
    let without_list = &plain[..plain.len() - 1];
    let critical = [without_list, &[0x81, 0x0d]].concat();
    let mut with_field = [&critical[..], &[0x0d, 0x00]].concat();
    with_field[0] += 1;
    let named = [without_list, &[0x82, 0x0c, 0x61, b'x']].concat();
    for unknown in [critical, with_field, named] {
        assert_eq!(refused(unknown), Some(Refusal::UnknownCritical));
    }
}

/// The plain body with these bytes behind it, which are `fields` fields.
fn with_later(fields: u8, bytes: &[u8]) -> Vec<u8> {
    let mut payload = [&body().encode()[..], bytes].concat();
    payload[0] += fields;
    payload
}

//
#[test]
fn a_later_field_that_is_not_critical_is_carried_as_it_came() {
    // 13: 0, and 200: {"x": [1, 2]}.
    for (fields, bytes) in [(1, &b"\x0d\x00"[..]), (2, b"\x0d\x00\x18\xc8\xa1\x61x\x82\x01\x02")] {
        let sent = signed_raw(with_later(fields, bytes), CONTENT_TYPE);
        let envelope = Envelope::decode(&sent).unwrap();
        assert_eq!((envelope.body(), envelope.bytes()), (&body(), &sent[..]));
        assert_eq!(envelope.verify(&document(1, "assertionMethod"), NOW), Ok(()));
        assert_ne!(envelope.id(), signed(body()).id());
    }
    let refused = |payload: Vec<u8>| Envelope::decode(&signed_raw(payload, CONTENT_TYPE)).err();
    // Twice, in another order, in a longer spelling of its number, without a value.
    let twice = with_later(2, b"\x0d\x00\x0d\x00");
    let order = with_later(2, b"\x0e\x00\x0d\x00");
    for malformed in [twice, order, with_later(1, b"\x18\x0d\x00"), with_later(1, b"\x0d")] {
        assert_eq!(refused(malformed), Some(Refusal::Malformed));
    }
    let many: Vec<u8> = (13..45).flat_map(|field| [0x18, field, 0x00]).collect();
    assert_eq!(refused([&[0xb8, 42][..], &body().encode()[1..], &many].concat()), Some(Refusal::TooLarge));
}

/// A log with witness proofs.
fn witnessed() -> Body {
    let subject = did().as_str().to_owned();
    Body { kind: Kind::Log, subject, payload: b"{}".to_vec(), witness: Some(b"[]".to_vec()), ..body() }
}

#[test]
fn witness_proofs_are_critical_and_belong_to_logs_only() {
    for kind in [Kind::Log, Kind::LogHead] {
        let envelope = signed(Body { kind, ..witnessed() });
        assert_eq!(Envelope::decode(envelope.bytes()), Ok(envelope));
    }
    let plain = witnessed().encode();
    // Who does not know the field finds it in the list of those that must be known.
    assert!(plain.windows(3).any(|bytes| bytes == [0x0b, 0x81, WITNESS_FIELD as u8]));
    let refused = |payload: Vec<u8>| Envelope::decode(&signed_raw(payload, CONTENT_TYPE)).err();
    let of_list = Body { witness: Some(b"[]".to_vec()), ..body() };
    let empty = Body { witness: Some(Vec::new()), ..witnessed() };
    let critical = plain.windows(2).position(|bytes| bytes == [0x0b, 0x81]).unwrap();
    let unmarked = [&plain[..critical], &[0x0b, 0x80], &plain[critical + 3..]].concat();
    let mut missing = plain[..critical + 3].to_vec();
    missing[0] -= 1;
    for malformed in [of_list.encode(), empty.encode(), unmarked, missing] {
        assert_eq!(refused(malformed), Some(Refusal::Malformed));
    }
}

#[test]
fn witness_proofs_and_payload_share_one_bound() {
    let of = |proofs: usize, payload: usize| {
        let body = Body { witness: Some(vec![b' '; proofs]), payload: vec![0; payload], ..witnessed() };
        EnvelopeDraft::new(body, did().with_fragment("key").unwrap(), KeyKind::Ed25519).err()
    };
    assert_eq!(of(MAX_PROOFS_BYTES, MAX_PAYLOAD_BYTES - MAX_PROOFS_BYTES), None);
    assert_eq!(of(MAX_PROOFS_BYTES, MAX_PAYLOAD_BYTES - MAX_PROOFS_BYTES + 1), Some(Refusal::TooLarge));
    assert_eq!(of(MAX_PROOFS_BYTES + 1, 1), Some(Refusal::TooLarge));
    // A head at its longest fits beside proofs at theirs.
    let head = LogHead {
        did: "x".repeat(MAX_SUBJECT_BYTES),
        version_number: u64::MAX,
        version_id: "x".repeat(MAX_VERSION_ID_BYTES),
        length: u64::MAX,
        digest: [9; 32],
    };
    assert!(head.encode().len() <= MAX_PAYLOAD_BYTES - MAX_PROOFS_BYTES);
}

#[test]
fn another_spelling_digest_order_or_media_type_is_malformed() {
    let plain = body().encode();
    let mut digest = plain.clone();
    let at = digest.len() - 5;
    digest[at] ^= 1;
    let trailing = [&plain[..], &[0]].concat();
    // Fields one and two in the other order.
    let swapped = [&plain[..1], &plain[3..5], &plain[1..3], &plain[5..]].concat();
    let reversed = Body { expires_at: UnixSeconds::new(1), ..body() }.encode();
    for payload in [digest, trailing, swapped, reversed, Vec::new()] {
        assert_eq!(Envelope::decode(&signed_raw(payload, CONTENT_TYPE)).err(), Some(Refusal::Malformed));
    }
    assert_eq!(Envelope::decode(&signed_raw(plain, "application/cbor")).err(), Some(Refusal::Malformed));
    assert_eq!(Envelope::decode(&vec![0; MAX_ENVELOPE_BYTES + 1]).err(), Some(Refusal::TooLarge));
}

#[test]
fn time_counts_with_the_skew_that_clocks_may_have() {
    let envelope = signed(body());
    let at = |seconds: i64| UnixSeconds::new(NOW.get().checked_add_signed(seconds).unwrap());
    assert_eq!(envelope.current(at(-60)), Ok(()));
    assert_eq!(envelope.current(at(-61)), Err(Refusal::FromFuture));
    assert_eq!(envelope.current(at(3_660)), Ok(()));
    assert_eq!(envelope.current(at(3_661)), Err(Refusal::Expired));
}

#[test]
fn an_envelope_belongs_on_the_topics_of_its_kind_and_domain() {
    let envelope = signed(body());
    let other = Scid::parse(&did_resolver::codec::multihash_base58btc(b"other")).unwrap();
    let fits = |scid: &Scid, lane| envelope.belongs_on(&Topic::new(scid, lane));
    let own = &envelope.body().domain;
    assert!(fits(own, Lane::Status) && fits(own, Lane::Ctl));
    assert!(!fits(own, Lane::Did) && !fits(&other, Lane::Status));
}

#[test]
fn a_log_head_is_about_the_subject_of_its_envelope() {
    let head = LogHead {
        did: did().as_str().to_owned(),
        version_number: 7,
        version_id: "7-x".to_owned(),
        length: 100_000,
        digest: [1; 32],
    };
    let subject = did().as_str().to_owned();
    let good = Body { kind: Kind::LogHead, subject, payload: head.encode(), ..body() };
    assert_eq!(LogHead::of(&good), Ok(head.clone()));
    assert_eq!(LogHead::of(&Body { seq: 8, ..good.clone() }), Err(Refusal::Inconsistent));
    let long = LogHead { length: MAX_LOG_BYTES as u64 + 1, ..head }.encode();
    assert_eq!(LogHead::of(&Body { payload: long, ..good }), Err(Refusal::TooLarge));
}

proptest! {
    //
    #[test]
    fn an_envelope_with_a_flipped_bit_is_refused(at in any::<proptest::sample::Index>(), bit in 0_u8..8) {
        let mut bytes = signed(body()).bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let document = document(1, "assertionMethod");
        prop_assert!(Envelope::decode(&bytes).and_then(|e| e.verify(&document, NOW)).is_err());
    }

    #[test]
    fn whatever_the_body_says_reads_back(
        seq in any::<u64>(), subject in ".{0,60}", payload in proptest::collection::vec(any::<u8>(), 0..300),
        log in any::<bool>(), witness in proptest::option::of(proptest::collection::vec(any::<u8>(), 1..300)),
    ) {
        let kind = if log { Kind::Log } else { Kind::StatusList };
        let witness = witness.filter(|_| log);
        let envelope = signed(Body { kind, seq, subject, payload, witness, ..body() });
        prop_assert_eq!(Envelope::decode(envelope.bytes()), Ok(envelope));
    }

    #[test]
    fn whatever_a_later_release_adds_changes_nothing_here(
        field in 13_u64..=u64::MAX, value in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut w = Writer::default();
        let payload = with_later(1, &w.uint(field).bytes(&value).finish());
        let envelope = Envelope::decode(&signed_raw(payload, CONTENT_TYPE)).unwrap();
        prop_assert_eq!(envelope.body(), &body());
    }

    //
    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Envelope::decode(&bytes);
        let _ = Body::decode(&bytes);
        let _ = Envelope::decode(&signed_raw(bytes.clone(), CONTENT_TYPE));
        let _ = LogHead::of(&Body { kind: Kind::LogHead, payload: bytes, ..body() });
    }
}
