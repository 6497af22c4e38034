use super::*;
use crate::cbor::{MAP, Writer};
use crate::secure::{Content, Draft, Envelope, SecureError, Secured};
use crate::status::array::{MIN_ENTRIES, Width};
use crate::status::list::ListDraft;
use did_resolver::document::KeyRefusal;
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use serde_json::json;

const SCID: &str = "QmfGEUAcMpzo25kF2Rhn8L5FAXysfGnkzjwdKoNPi615XQ";
const URL: &str = "https://acme.example/status/revocation";
const NOW: UnixSeconds = UnixSeconds::new(1_767_225_700);

fn issuer() -> Did {
    format!("did:webvh:{SCID}:acme.example").parse().unwrap()
}

fn key_id() -> DidUrl {
    format!("{}#assertion-1", issuer()).parse().unwrap()
}

fn signer() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

fn key() -> PublicKey {
    PublicKey::ed25519(signer().verifying_key().as_bytes()).unwrap()
}

fn document(relationship: &str) -> Document {
    Document::parse(json!({
        "id": issuer().as_str(),
        "verificationMethod": [{
            "id": "#assertion-1", "type": "Multikey", "controller": issuer().as_str(),
            "publicKeyMultibase": key().to_multikey(),
        }],
        relationship: ["#assertion-1"],
    }))
    .unwrap()
}

fn secured(purpose: Purpose, sequence: u64, bits: &Bits) -> Secured {
    let draft = ListDraft {
        url: URL.to_owned(),
        issuer: issuer(),
        purpose,
        sequence,
        issued: UnixSeconds::new(1_767_225_600),
        valid_until: UnixSeconds::new(1_767_312_000),
        ttl: Duration::from_secs(240),
        bits: bits.clone(),
    };
    let payload = draft.payload().unwrap();
    let draft = Draft::new(Content::Credential, Envelope::Jwt, payload, key_id(), KeyKind::Ed25519).unwrap();
    let signature = signer().sign(draft.signing_input()).to_bytes();
    draft.attach(&key(), &signature).unwrap()
}

fn list(purpose: Purpose, set: &[u32]) -> StatusList {
    StatusList::read(&secured(purpose, 3, &bits(set))).unwrap()
}

fn bits(set: &[u32]) -> Bits {
    let mut bits = Bits::new(MIN_ENTRIES).unwrap();
    set.iter().for_each(|index| bits.set(*index).unwrap());
    bits
}

fn next(sequence: u64) -> Next {
    Next {
        sequence,
        issued: UnixSeconds::new(1_767_225_650),
        valid_until: UnixSeconds::new(1_767_312_050),
        ttl: Duration::from_secs(240),
    }
}

fn sign(delta: &Delta) -> Vec<u8> {
    let draft = delta.draft(&key_id(), KeyKind::Ed25519).unwrap();
    let signature = signer().sign(draft.signing_input()).to_bytes();
    draft.attach(&key(), &signature).unwrap().into_bytes()
}

/// Any bytes, signed as a delta is.
fn sign_payload(payload: Vec<u8>) -> Vec<u8> {
    let draft =
        Sign1Draft::new(KeyKind::Ed25519, key_id().as_str().as_bytes(), CONTENT_TYPE, payload).unwrap();
    let signature = signer().sign(draft.signing_input()).to_bytes();
    draft.attach(&key(), &signature).unwrap().into_bytes()
}

//
#[test]
fn whoever_has_the_list_has_the_next_one_by_its_delta() {
    let (old, new) = (list(Purpose::Revocation, &[1, 500]), bits(&[1, 2, 500, 131_071]));
    let delta = Delta::between(&old, &new, next(5)).unwrap();
    assert_eq!(delta.changes(), 2);
    let verified = VerifiedDelta::read(&sign(&delta), &document("assertionMethod"), NOW).unwrap();
    assert_eq!((verified.delta(), verified.key()), (&delta, &key()));
    assert_eq!(Delta::from_cbor(&delta.to_cbor()), Ok(delta.clone()));
    assert_eq!(Delta::from_cbor(&[&delta.to_cbor()[..], &[0]].concat()), Err(StatusError::Malformed));
    assert_eq!(Delta::from_cbor(&vec![0; MAX_DELTA_BYTES + 1]), Err(StatusError::Malformed));
    let applied = verified.apply(&old).unwrap();
    assert_eq!((&applied.bits, applied.sequence, applied.issued), (&new, 5, next(5).issued));
    assert_eq!((applied.valid_until, applied.ttl), (next(5).valid_until, next(5).ttl));
    assert_eq!((&applied.url, applied.purpose, &applied.issuer), (&old.url, old.purpose, &old.issuer));
    // And the one after that by the next delta.
    let third = Delta::between(&applied, &bits(&[1, 2, 3, 500, 131_071]), next(6)).unwrap();
    assert_eq!(third.apply(&applied).map(|list| list.bits.count_set()), Ok(5));
    assert_eq!(third.apply(&old), Err(StatusError::Delta));
    // Nothing changed: the list is younger, that is all.
    let renewed = Delta::between(&old, &old.bits, next(4)).unwrap();
    assert_eq!(renewed.apply(&old).map(|list| (list.sequence, list.bits)), Ok((4, old.bits.clone())));
}

//
#[test]
fn a_delta_clears_no_revocation_and_a_suspension_may_be_lifted() {
    let (old, new) = (bits(&[1, 500]), bits(&[1, 2]));
    let revoked = list(Purpose::Revocation, &[1, 500]);
    assert_eq!(Delta::between(&revoked, &new, next(4)), Err(StatusError::Unrevokes));
    let suspended = list(Purpose::Suspension, &[1, 500]);
    let lifts = Delta::between(&suspended, &new, next(4)).unwrap();
    assert_eq!(lifts.apply(&suspended).map(|list| list.bits), Ok(new));
    // One that says otherwise, signed by the issuer itself.
    let forged = Delta { purpose: Purpose::Revocation, ..lifts };
    assert_eq!(forged.from.digest, old.digest());
    let verified = VerifiedDelta::read(&sign(&forged), &document("assertionMethod"), NOW).unwrap();
    assert_eq!(verified.apply(&revoked), Err(StatusError::Unrevokes));
}

#[test]
fn a_delta_that_does_not_fit_the_list_is_refused() {
    let old = list(Purpose::Revocation, &[1, 500]);
    let delta = Delta::between(&old, &bits(&[1, 2, 500]), next(4)).unwrap();
    let mut other_issuer = old.clone();
    other_issuer.issuer = "did:web:evil.example".parse().unwrap();
    let verified = VerifiedDelta::read(&sign(&delta), &document("assertionMethod"), NOW).unwrap();
    assert_eq!(verified.apply(&other_issuer), Err(StatusError::Issuer));
    let refusal = |list: &StatusList| delta.apply(list).unwrap_err();
    assert_eq!(refusal(&StatusList { url: format!("{URL}2"), ..old.clone() }), StatusError::Delta);
    assert_eq!(refusal(&StatusList { purpose: Purpose::Suspension, ..old.clone() }), StatusError::Delta);
    assert_eq!(refusal(&StatusList { sequence: 2, ..old.clone() }), StatusError::Delta);
    assert_eq!(refusal(&StatusList { bits: bits(&[1]), ..old.clone() }), StatusError::Delta);
    let younger = StatusList { issued: UnixSeconds::new(next(4).issued.get() + 1), ..old.clone() };
    assert_eq!(refusal(&younger), StatusError::Delta);
    let digest = [0; 32];
    let elsewhere = Delta { to: State { digest, ..delta.to }, ..delta.clone() };
    assert_eq!(elsewhere.apply(&old), Err(StatusError::Delta));
    let shorter = Bits::new(MIN_ENTRIES + 8).unwrap();
    assert_eq!(Delta::between(&old, &shorter, next(4)), Err(StatusError::Delta));
    assert_eq!(Delta::between(&old, &old.bits.read_as(Width::Two), next(4)), Err(StatusError::Delta));
    assert_eq!(Delta::between(&old, &old.bits, next(3)), Err(StatusError::Delta));
    let many: Vec<u32> = (0..=MAX_CHANGES as u32).map(|n| 600 + n * 2).chain([1, 500]).collect();
    assert_eq!(Delta::between(&old, &bits(&many), next(4)), Err(StatusError::Delta));
    assert!(Delta::between(&old, &bits(&many[1..]), next(4)).is_ok());
    for wrong in [
        Next { valid_until: next(4).issued, ..next(4) },
        Next { ttl: Duration::ZERO, ..next(4) },
        Next { ttl: Duration::from_micros(1_500), ..next(4) },
        Next { sequence: MAX_INTEGER + 1, ..next(4) },
    ] {
        assert_eq!(Delta::between(&old, &old.bits, wrong), Err(StatusError::Delta), "{wrong:?}");
    }
}

#[test]
fn a_delta_that_the_issuer_did_not_sign_is_refused() {
    let old = list(Purpose::Revocation, &[1]);
    let bytes = sign(&Delta::between(&old, &bits(&[1, 2]), next(4)).unwrap());
    let read = |bytes: &[u8], document: &Document| VerifiedDelta::read(bytes, document, NOW).unwrap_err();
    let stranger = Document::parse(json!({"id": "did:web:evil.example"})).unwrap();
    assert_eq!(read(&bytes, &stranger), StatusError::Issuer);
    assert_eq!(read(&bytes, &document("authentication")), StatusError::Key(KeyRefusal::NotForThis));
    let mut forged = bytes.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(read(&forged, &document("assertionMethod")), StatusError::Signature);
    let followed = [&bytes[..], &[0]].concat();
    let error = StatusError::Secured(SecureError::Malformed);
    assert_eq!(read(&followed, &document("assertionMethod")), error);
    let long = vec![0; MAX_DELTA_BYTES + 1];
    assert_eq!(read(&long, &document("assertionMethod")), StatusError::Secured(SecureError::TooLong));
}

#[test]
fn a_delta_has_one_spelling() {
    let old = list(Purpose::Suspension, &[1, 500, 501]);
    let delta = Delta::between(&old, &bits(&[1, 2, 131_000]), next(4)).unwrap();
    let good = wire::write(&delta);
    let read =
        |payload: Vec<u8>| VerifiedDelta::read(&sign_payload(payload), &document("assertionMethod"), NOW);
    assert!(read(good.clone()).is_ok());
    assert_eq!(read([&good[..], &[0]].concat()), Err(StatusError::Malformed));
    assert_eq!(read(good[..good.len() - 1].to_vec()), Err(StatusError::Malformed));
    assert_eq!(read(Writer::default().head(MAP, 0).into_bytes()), Err(StatusError::Malformed));
    // The last group is [1, h'02 ...']: a distance in a longer spelling, an index twice, one past the end.
    let at = good.len() - 4;
    assert_eq!(good[at - 3..at], [0x82, 0x01, 0x44]);
    let tail = |bytes: &[u8]| {
        let start = Writer::default().bytes(bytes).into_bytes();
        [&good[..at - 1], &start].concat()
    };
    assert_eq!(read(tail(&good[at..])).map(|verified| verified.delta), Ok(delta));
    for (name, bytes) in [
        ("a longer spelling", &[0x82, 0x00, 0xf5, 0xfe, 0x07][..]),
        ("cut off", &[0x02, 0xf5]),
        ("five bytes", &[0xff, 0xff, 0xff, 0xff, 0x01]),
        ("an index that is cleared as well", &[0xf4, 0x03]),
    ] {
        assert_eq!(read(tail(bytes)), Err(StatusError::Malformed), "{name}");
    }
    let past = read(tail(&[0xff, 0xff, 0x7f])).unwrap();
    assert_eq!(past.apply(&old), Err(StatusError::Delta));
}

// G11: a delta of fifty against a full list with one in a hundred of a million revoked.
#[test]
fn fifty_revocations_are_a_fortieth_of_the_list() {
    let mut state = 7_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(state >> 44).unwrap()
    };
    let mut old = Bits::new(1 << 20).unwrap();
    let add = |bits: &mut Bits, count: u32, random: &mut dyn FnMut() -> u32| {
        let mut added = 0;
        while added < count {
            let index = random();
            added += u32::from(bits.get(index) == Some(false));
            bits.set(index).unwrap();
        }
    };
    add(&mut old, 10_486, &mut random);
    let full = secured(Purpose::Revocation, 3, &old);
    let mut new = old.clone();
    add(&mut new, 50, &mut random);
    assert_eq!((old.count_set(), new.count_set()), (10_486, 10_536));
    let list = StatusList::read(&full).unwrap();
    let delta = sign(&Delta::between(&list, &new, next(4)).unwrap());
    println!("full list {} bytes, delta of 50 {} bytes", full.bytes().len(), delta.len());
    assert!(delta.len() * 40 <= full.bytes().len(), "{} against {}", delta.len(), full.bytes().len());
    let verified = VerifiedDelta::read(&delta, &document("assertionMethod"), NOW).unwrap();
    assert_eq!(verified.apply(&list).map(|list| list.bits), Ok(new));
}

fn indices() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(0..MIN_ENTRIES, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    //
    #[test]
    fn a_delta_leads_exactly_from_one_list_to_the_other(old in indices(), new in indices(), revokes in any::<bool>()) {
        let purpose = if revokes { Purpose::Revocation } else { Purpose::Suspension };
        let new = if revokes { [&old[..], &new].concat() } else { new };
        let (old, new) = (list(purpose, &old), bits(&new));
        let delta = Delta::between(&old, &new, next(4)).unwrap();
        let verified = VerifiedDelta::read(&sign(&delta), &document("assertionMethod"), NOW).unwrap();
        let applied = verified.apply(&old).unwrap();
        prop_assert_eq!(&applied.bits, &new);
        prop_assert!(!revokes || applied.bits.covers(&old.bits));
        // A second time it fits no more.
        prop_assert_eq!(verified.apply(&applied), Err(StatusError::Delta));
    }

    //
    #[test]
    fn no_signed_delta_clears_a_revocation(old in indices(), new in indices()) {
        let suspended = list(Purpose::Suspension, &old);
        let delta = Delta::between(&suspended, &bits(&new), next(4)).unwrap();
        let revoked = list(Purpose::Revocation, &old);
        let delta = Delta { purpose: Purpose::Revocation, ..delta };
        match delta.apply(&revoked) {
            Ok(applied) => prop_assert!(applied.bits.covers(&revoked.bits)),
            Err(error) => {
                prop_assert_eq!(error, StatusError::Unrevokes);
                prop_assert!(!bits(&new).covers(&revoked.bits));
            }
        }
    }

    #[test]
    fn reading_what_is_nearly_right_never_panics(
        at in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let old = list(Purpose::Suspension, &[1, 500]);
        let mut payload = wire::write(&Delta::between(&old, &bits(&[7, 9_000]), next(4)).unwrap());
        let at = at.index(payload.len());
        payload[at] = byte;
        payload.truncate(cut.index(payload.len() + 1));
        if let Ok(read) = wire::parse(&payload) {
            prop_assert_eq!(wire::write(&read), payload);
            let _ = read.apply(&old);
        }
    }
}
