use super::*;
use crate::secure::{Draft, Envelope};
use crate::status::MAX_LIST_BYTES;
use crate::status::array::{BitsError, MIN_ENTRIES};
use did_resolver::document::KeyRefusal;
use did_resolver::keys::KeyKind;
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;

const ISSUER: &str = "did:web:acme.example";
const URL: &str = "https://acme.example/status/1";
const NOW: UnixSeconds = UnixSeconds::new(1_767_225_700);

fn signer() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

fn key() -> PublicKey {
    PublicKey::ed25519(signer().verifying_key().as_bytes()).unwrap()
}

fn issuer_document(relationship: &str) -> Document {
    Document::parse(json!({
        "id": ISSUER,
        "verificationMethod": [{
            "id": "#k", "type": "Multikey", "controller": ISSUER, "publicKeyMultibase": key().to_multikey(),
        }],
        relationship: ["#k"],
    }))
    .unwrap()
}

fn list() -> ListDraft {
    let mut bits = Bits::new(MIN_ENTRIES).unwrap();
    bits.set(7).unwrap();
    ListDraft {
        url: URL.to_owned(),
        issuer: ISSUER.parse().unwrap(),
        purpose: Purpose::Revocation,
        sequence: 3,
        issued: UnixSeconds::new(1_767_225_600),
        valid_until: UnixSeconds::new(1_767_312_000),
        ttl: Duration::from_secs(300),
        bits,
    }
}

fn sign(content: Content, payload: Value, key_id: &str) -> Secured {
    let key_id = key_id.parse().unwrap();
    let draft = Draft::new(content, Envelope::Jwt, payload, key_id, KeyKind::Ed25519).unwrap();
    let signature = signer().sign(draft.signing_input()).to_bytes();
    draft.attach(&key(), &signature).unwrap()
}

fn signed(payload: Value) -> Secured {
    sign(Content::Credential, payload, "did:web:acme.example#k")
}

fn entry() -> Value {
    json!({
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "94567",
        "statusListCredential": URL,
    })
}

//
#[test]
fn a_list_that_its_issuer_signed_is_verified_and_keeps_its_bytes() {
    for envelope in [Envelope::Jwt, Envelope::Cose] {
        let (payload, key_id) = (list().payload().unwrap(), "did:web:acme.example#k".parse().unwrap());
        let draft = Draft::new(Content::Credential, envelope, payload, key_id, KeyKind::Ed25519).unwrap();
        let signature = signer().sign(draft.signing_input()).to_bytes();
        let secured = draft.attach(&key(), &signature).unwrap();
        let document = issuer_document("assertionMethod");
        let verified = StatusList::verified(secured.clone(), &document, NOW).unwrap();
        assert_eq!(verified.secured(), &secured);
        assert_eq!((verified.bits.get(7), verified.bits.get(8)), (Some(true), Some(false)));
        assert_eq!((verified.url.as_str(), verified.issuer.as_str(), verified.sequence), (URL, ISSUER, 3));
        assert_eq!((verified.issued, verified.valid_until), (list().issued, list().valid_until));
        assert_eq!((verified.purpose, verified.ttl), (Purpose::Revocation, Duration::from_secs(300)));
        assert_eq!((verified.digest, &verified.key_id), (secured.digest(), secured.key_id()));
        assert_eq!(verified.list(), &StatusList::read(&secured).unwrap());
    }
}

#[test]
fn a_list_that_another_did_or_key_signed_is_refused() {
    let verified = |secured, document: &Document| StatusList::verified(secured, document, NOW).unwrap_err();
    let document = issuer_document("assertionMethod");
    let payload = list().payload().unwrap();
    let foreign = sign(Content::Credential, payload.clone(), "did:web:evil.example#k");
    assert_eq!(verified(foreign, &document), StatusError::Issuer);
    let mut other = list();
    other.issuer = "did:web:evil.example".parse().unwrap();
    assert_eq!(verified(signed(other.payload().unwrap()), &document), StatusError::Issuer);
    let missing = sign(Content::Credential, payload.clone(), "did:web:acme.example#gone");
    assert_eq!(verified(missing, &document), StatusError::Key(KeyRefusal::NotThere));
    let secured = signed(payload);
    let unlisted = issuer_document("authentication");
    assert_eq!(verified(secured.clone(), &unlisted), StatusError::Key(KeyRefusal::NotForThis));
    let stranger = Document::parse(json!({"id": "did:web:evil.example"})).unwrap();
    assert_eq!(verified(secured.clone(), &stranger), StatusError::Issuer);
    let text = String::from_utf8(secured.bytes().to_vec()).unwrap();
    let (input, _) = text.rsplit_once('.').unwrap();
    let forged = format!("{input}.{}", did_resolver::codec::to_base64url(&[0; 64]));
    let forged =
        Secured::parse(Content::Credential, Envelope::Jwt, forged.as_bytes(), MAX_LIST_BYTES).unwrap();
    assert_eq!(verified(forged, &document), StatusError::Signature);
}

#[test]
fn a_key_that_has_expired_signs_no_list() {
    let mut json = issuer_document("assertionMethod").json().clone();
    json["verificationMethod"][0]["expires"] = json!("2026-01-01T00:00:00Z");
    let document = Document::parse(json).unwrap();
    let refusal = StatusList::verified(signed(list().payload().unwrap()), &document, NOW).unwrap_err();
    assert_eq!(refusal, StatusError::Key(KeyRefusal::Expired));
}

#[test]
fn a_list_of_another_shape_is_refused() {
    for (pointer, value) in [
        ("@context", json!(["https://www.w3.org/ns/credentials/v2"])),
        ("@context", json!(["https://www.w3.org/ns/credentials/v2", "https://evil.example"])),
        ("id", json!("https://acme.example/status/2")),
        ("type", json!(["BitstringStatusListCredential", "VerifiableCredential"])),
        ("type", json!("VerifiableCredential")),
        ("issuer", json!({"id": ISSUER})),
        ("issuer", json!("https://acme.example")),
        ("validFrom", json!("yesterday")),
        ("validUntil", json!("2026-01-01T00:00:00Z")),
        ("validUntil", json!(1)),
        ("credentialSubject", json!([])),
        ("credentialStatus", entry()),
        ("proof", json!({})),
        ("credentialSubject/id", json!(URL)),
        ("credentialSubject/type", json!("StatusList2021")),
        ("credentialSubject/statusPurpose", json!("other")),
        ("credentialSubject/statusPurpose", json!(["revocation", "suspension"])),
        ("credentialSubject/ttl", json!(0)),
        ("credentialSubject/ttl", json!("300000")),
        ("credentialSubject/ttl", json!(1.5)),
        ("credentialSubject/sequence", json!(-1)),
        ("credentialSubject/sequence", json!("3")),
        ("credentialSubject/encodedList", json!(1)),
        ("credentialSubject/statusSize", json!(2)),
    ] {
        let mut payload = list().payload().unwrap();
        match pointer.split_once('/') {
            Some((outer, inner)) => payload[outer][inner] = value.clone(),
            None => payload[pointer] = value.clone(),
        }
        let read = StatusList::read(&signed(payload));
        assert_eq!(read, Err(StatusError::Malformed), "{pointer}: {value}");
    }
    let mut payload = list().payload().unwrap();
    payload["credentialSubject"]["encodedList"] = json!("uAAAA");
    assert_eq!(StatusList::read(&signed(payload)), Err(StatusError::Bits(BitsError::Malformed)));
    let presented = sign(Content::Presentation, list().payload().unwrap(), "did:web:acme.example#k");
    assert_eq!(StatusList::read(&presented), Err(StatusError::Malformed));
}

#[test]
fn a_list_lacks_nothing() {
    let whole = list().payload().unwrap();
    for name in whole.as_object().unwrap().keys() {
        let mut payload = whole.clone();
        payload.as_object_mut().unwrap().remove(name);
        assert_eq!(StatusList::read(&signed(payload)), Err(StatusError::Malformed), "{name}");
    }
    for name in whole["credentialSubject"].as_object().unwrap().keys() {
        let mut payload = whole.clone();
        payload["credentialSubject"].as_object_mut().unwrap().remove(name);
        assert_eq!(StatusList::read(&signed(payload)), Err(StatusError::Malformed), "{name}");
    }
}

#[test]
fn a_draft_that_breaks_a_rule_is_not_made() {
    let refusal = |change: &dyn Fn(&mut ListDraft)| {
        let mut draft = list();
        change(&mut draft);
        draft.payload().unwrap_err()
    };
    assert_eq!(refusal(&|draft| draft.sequence = MAX_INTEGER + 1), StatusError::Malformed);
    assert_eq!(refusal(&|draft| draft.ttl = Duration::from_micros(999)), StatusError::Malformed);
    assert_eq!(refusal(&|draft| draft.ttl = Duration::MAX), StatusError::Malformed);
    assert_eq!(refusal(&|draft| draft.valid_until = draft.issued), StatusError::Malformed);
    assert_eq!(refusal(&|draft| draft.url = format!("{URL}#list")), StatusError::Malformed);
    let mut last = list();
    last.sequence = MAX_INTEGER;
    assert_eq!(StatusList::read(&signed(last.payload().unwrap())).unwrap().sequence, MAX_INTEGER);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn writing_and_reading_a_list_is_the_identity(
        sequence in 0..=MAX_INTEGER,
        issued in 0_u64..4_000_000_000,
        life in 1_u64..1_000_000,
        ttl in 1_u64..10_000_000,
        set in prop::collection::vec(0..MIN_ENTRIES, 0..20),
    ) {
        let mut draft = list();
        draft.sequence = sequence;
        draft.issued = UnixSeconds::new(issued);
        draft.valid_until = UnixSeconds::new(issued + life);
        draft.ttl = Duration::from_millis(ttl);
        for index in set {
            draft.bits.set(index).unwrap();
        }
        let read = StatusList::read(&signed(draft.payload().unwrap())).unwrap();
        let again = ListDraft {
            url: read.url,
            issuer: read.issuer,
            purpose: read.purpose,
            sequence: read.sequence,
            issued: read.issued,
            valid_until: read.valid_until,
            ttl: read.ttl,
            bits: read.bits,
        };
        prop_assert_eq!(again, draft);
    }
}
