mod corpora;
mod vectors;

use super::*;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING};
use aws_lc_rs::signature::{EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair};
use did_resolver::proof::Suite;
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use serde_json::json;

const NOW: UnixSeconds = UnixSeconds::new(1_767_225_600);
const SKEW: Duration = Duration::from_secs(60);
const KEY_ID: &str = "did:web:acme.example#k";

fn signer() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn ed25519() -> PublicKey {
    PublicKey::ed25519(signer().verifying_key().as_bytes()).unwrap()
}

fn document() -> Value {
    json!({
        "id": "urn:uuid:1",
        "issuer": "did:web:acme.example",
        "holder": "did:web:acme.example",
        "validFrom": "2026-01-01T00:00:00Z",
        "validUntil": "2026-01-02T00:00:00Z",
        "credentialSubject": {"id": "did:web:bot.example"},
    })
}

fn draft(content: Content, envelope: Envelope, payload: Value) -> Result<Draft, SecureError> {
    Draft::new(content, envelope, payload, KEY_ID.parse().unwrap(), KeyKind::Ed25519)
}

fn secured(content: Content, envelope: Envelope) -> Secured {
    let draft = draft(content, envelope, document()).unwrap();
    let signature = signer().sign(draft.signing_input()).to_bytes();
    draft.attach(&ed25519(), &signature).unwrap()
}

/// A JWT with any header and payload, and a signature that verifies.
fn jwt(header: &[u8], payload: &[u8]) -> Vec<u8> {
    let input = format!("{}.{}", codec::to_base64url(header), codec::to_base64url(payload));
    let signature = signer().sign(input.as_bytes()).to_bytes();
    jose::compact(input.as_bytes(), &signature)
}

fn read_jwt(bytes: &[u8]) -> Result<Secured, SecureError> {
    let read = Secured::parse(Content::Credential, Envelope::Jwt, bytes, MAX_CREDENTIAL_BYTES)?;
    read.verify(&ed25519(), NOW, SKEW).map(|()| read)
}

/// What the reader says of a header with some members set, or removed where `null`.
fn with_header(changes: Value) -> Result<Secured, SecureError> {
    let mut header = json!({"alg": "EdDSA", "typ": "vc+jwt", "cty": "vc", "kid": KEY_ID});
    for (name, value) in changes.as_object().unwrap() {
        header[name] = value.clone();
    }
    header.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    read_jwt(&jwt(header.to_string().as_bytes(), document().to_string().as_bytes()))
}

/// What the drafts of all kinds say of a document with some members set, or removed where `null`.
fn with_claims(content: Content, changes: &Value) -> Result<(), SecureError> {
    let mut payload = document();
    for (name, value) in changes.as_object().unwrap() {
        payload[name] = value.clone();
    }
    payload.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    let cose = draft(content, Envelope::Cose, payload.clone()).map(|_| ());
    assert_eq!(draft(content, Envelope::Jwt, payload.clone()).map(|_| ()), cose);
    if content == Content::Credential {
        let header = json!({"alg": "EdDSA", "typ": "vc+jwt", "kid": KEY_ID}).to_string();
        assert_eq!(read_jwt(&jwt(header.as_bytes(), payload.to_string().as_bytes())).map(|_| ()), cose);
    }
    cose
}

const ALL: [(Content, Envelope); 10] = [
    (Content::Credential, Envelope::Jwt),
    (Content::Credential, Envelope::Cose),
    (Content::Credential, Envelope::DataIntegrity),
    (Content::Credential, Envelope::Compact),
    (Content::Presentation, Envelope::Jwt),
    (Content::Presentation, Envelope::Cose),
    (Content::Presentation, Envelope::DataIntegrity),
    (Content::Presentation, Envelope::Compact),
    (Content::Credential, Envelope::VcSdJwt),
    (Content::Presentation, Envelope::VcSdJwt),
];

// R-048
#[test]
fn a_document_is_secured_read_and_verified_in_each_envelope() {
    for (content, envelope) in ALL {
        let made = secured(content, envelope);
        let read = Secured::parse(content, envelope, made.bytes(), MAX_CREDENTIAL_BYTES).unwrap();
        assert_eq!(read, made);
        assert_eq!(read.verify(&ed25519(), NOW, SKEW), Ok(()));
        assert_eq!(read.payload(), &document());
        assert_eq!(read.key_id().as_str(), KEY_ID);
        assert_eq!(read.algorithm(), KeyKind::Ed25519);
        assert_eq!((read.content(), read.envelope()), (content, envelope));
    }
}

#[test]
fn a_jws_of_any_type_and_key_id_is_made_as_it_is_read() {
    let id = "https://issuer.example/\"keys\"#1";
    let draft = |kind, id: &str| jose::JwsDraft::new(kind, "vc+jwt", Some("vc"), id, b"{}");
    let made = draft(KeyKind::Ed25519, id).unwrap();
    let signature = signer().sign(made.signing_input()).to_bytes();
    let text = made.clone().attach(&ed25519(), &signature).unwrap();
    let read = jose::Jws::parse(text.as_bytes(), MAX_CREDENTIAL_BYTES).unwrap();
    assert_eq!((read.typ(), read.cty(), read.key_id()), ("vc+jwt", Some("vc"), id));
    assert_eq!(read.payload(), b"{}");
    assert_eq!(read.verify(&ed25519()), Ok(()));
    assert_eq!(made.attach(&ed25519(), &[0; 64]), Err(SecureError::Signature));
    assert_eq!(draft(KeyKind::X25519, id), Err(SecureError::Algorithm));
    assert_eq!(draft(KeyKind::Ed25519, &"x".repeat(jose::MAX_HEADER_BYTES)), Err(SecureError::TooLong));
}

#[test]
fn a_kind_of_key_that_has_no_algorithm_here_signs_nothing() {
    for kind in [KeyKind::Secp256k1, KeyKind::X25519] {
        for (content, envelope) in ALL {
            let draft = Draft::new(content, envelope, document(), KEY_ID.parse().unwrap(), kind);
            assert_eq!(draft.map(|_| ()), Err(SecureError::Algorithm));
        }
    }
}

fn ecdsa_signs(kind: KeyKind, curve: &'static EcdsaSigningAlgorithm) {
    let public = |pair: &EcdsaKeyPair| match kind {
        KeyKind::P384 => PublicKey::p384(pair.public_key().as_ref()).unwrap(),
        _ => PublicKey::p256(pair.public_key().as_ref()).unwrap(),
    };
    let pair = EcdsaKeyPair::generate(curve).unwrap();
    let (key, other) = (public(&pair), public(&EcdsaKeyPair::generate(curve).unwrap()));
    for (content, envelope) in ALL {
        if envelope == Envelope::DataIntegrity && Suite::of(kind).is_none() {
            continue;
        }
        let draft = Draft::new(content, envelope, document(), KEY_ID.parse().unwrap(), kind).unwrap();
        let signature = pair.sign(&SystemRandom::new(), draft.signing_input()).unwrap();
        assert_eq!(draft.clone().attach(&other, signature.as_ref()), Err(SecureError::Signature));
        assert_eq!(draft.clone().attach(&ed25519(), signature.as_ref()), Err(SecureError::Algorithm));
        let made = draft.attach(&key, signature.as_ref()).unwrap();
        assert_eq!(made.algorithm(), kind);
        assert_eq!(made.verify(&key, NOW, SKEW), Ok(()));
        assert_eq!(made.verify(&other, NOW, SKEW), Err(SecureError::Signature));
        assert_eq!(made.verify(&ed25519(), NOW, SKEW), Err(SecureError::Algorithm));
    }
}

// R-048
#[test]
fn a_key_of_either_curve_signs_in_each_envelope_and_no_other_key_verifies() {
    ecdsa_signs(KeyKind::P256, &ECDSA_P256_SHA256_FIXED_SIGNING);
    ecdsa_signs(KeyKind::P384, &ECDSA_P384_SHA384_FIXED_SIGNING);
}

#[test]
fn a_draft_refuses_a_signature_that_does_not_verify() {
    for (content, envelope) in ALL {
        let draft = draft(content, envelope, document()).unwrap();
        let wrong = signer().sign(b"something else").to_bytes();
        assert_eq!(draft.clone().attach(&ed25519(), &wrong), Err(SecureError::Signature));
        assert_eq!(draft.attach(&ed25519(), &[]), Err(SecureError::Signature));
    }
}

#[test]
fn the_digest_is_of_what_the_signature_covers() {
    for (content, envelope) in ALL {
        let draft = draft(content, envelope, document()).unwrap();
        let covered = match envelope {
            // The signature covers it by its hash, beside that of the proof.
            Envelope::DataIntegrity => did_resolver::jcs::canonical(&document()).unwrap(),
            _ => draft.signing_input().to_vec(),
        };
        assert_eq!(codec::sha256(&covered), secured(content, envelope).digest());
    }
}

#[test]
fn a_document_is_read_only_as_what_it_is() {
    for (content, envelope) in ALL {
        let bytes = secured(content, envelope).bytes().to_vec();
        for (as_content, as_envelope) in ALL {
            let read = Secured::parse(as_content, as_envelope, &bytes, MAX_CREDENTIAL_BYTES);
            assert_eq!(read.is_ok(), (as_content, as_envelope) == (content, envelope));
        }
    }
}

#[test]
fn a_data_url_holds_the_document_and_other_urls_are_refused() {
    for (content, envelope) in ALL {
        let made = secured(content, envelope);
        if envelope == Envelope::DataIntegrity {
            let url = format!("data:{},{}", made.media_type(), made.to_text());
            let read = Secured::from_data_url(content, &url, MAX_CREDENTIAL_BYTES);
            assert_eq!(read, Err(SecureError::DataUrl));
            continue;
        }
        let url = made.to_data_url();
        assert!(url.starts_with(&format!("data:{}", made.media_type())), "{url}");
        assert_eq!(Secured::from_data_url(content, &url, made.bytes().len()), Ok(made.clone()));
        let short = made.bytes().len() - 1;
        assert_eq!(Secured::from_data_url(content, &url, short), Err(SecureError::TooLong));
    }
    let jwt = secured(Content::Credential, Envelope::Jwt).to_data_url();
    let cose = secured(Content::Credential, Envelope::Cose).to_data_url();
    assert!(cose.starts_with("data:application/vc+cose;base64,0oRY"));
    for (url, from, to) in [
        (&jwt, "data:", "https:"),
        (&jwt, "vc+jwt", "VC+JWT"),
        (&jwt, "vc+jwt,", "vc+jwt;base64,"),
        (&jwt, "vc+jwt", "vp+sd-jwt"),
        (&jwt, "vc+jwt,", "vc+jwt;charset=utf-8,"),
        (&cose, ";base64,", ","),
        (&cose, ",0oRY", ",0oR-"),
        (&cose, ",0oRY", ", 0oRY"),
    ] {
        let read =
            Secured::from_data_url(Content::Credential, &url.replacen(from, to, 1), MAX_CREDENTIAL_BYTES);
        assert_eq!(read, Err(SecureError::DataUrl), "{to}");
    }
    let as_vp = jwt.replacen("vc+jwt", "vp+jwt", 1);
    let read = |content| Secured::from_data_url(content, &as_vp, MAX_CREDENTIAL_BYTES);
    assert_eq!(read(Content::Credential), Err(SecureError::DataUrl));
    assert_eq!(read(Content::Presentation), Err(SecureError::Type));
}

#[test]
fn a_document_is_written_as_text_and_read_again() {
    for (content, envelope) in ALL {
        let made = secured(content, envelope);
        let text = made.to_text();
        assert_eq!(Envelope::of_text(&text), envelope);
        let read = |max| Secured::from_text(content, envelope, &text, max);
        assert_eq!(read(made.bytes().len()), Ok(made.clone()));
        assert_eq!(read(made.bytes().len() - 1), Err(SecureError::TooLong));
        assert!(Secured::from_text(content, envelope, &format!("{text}="), MAX_CREDENTIAL_BYTES).is_err());
        assert_eq!(made.to_embedded().is_some(), envelope == Envelope::DataIntegrity);
        let (media_type, format) = (envelope.media_type(content), envelope.format(content));
        assert_eq!(media_type, format!("application/{format}"));
        assert_eq!(Envelope::of_media_type(content, media_type), Some(envelope));
        assert_eq!(Envelope::of_format(content, format), Some(envelope));
    }
    let crossed = Envelope::of_media_type(Content::Credential, "application/vp+jwt");
    assert_eq!((crossed, Envelope::of_format(Content::Credential, "vp+jwt")), (None, None));
}

#[test]
fn a_header_names_one_of_three_algorithms_and_the_keys_own() {
    assert!(with_header(json!({})).is_ok());
    assert!(with_header(json!({"alg": "Ed25519"})).is_ok());
    for alg in ["none", "None", "", "HS256", "RS256", "ES256K", "eddsa", "Ed448", "ES256"] {
        assert_eq!(with_header(json!({"alg": alg})), Err(SecureError::Algorithm), "{alg}");
    }
    for alg in [json!(null), json!(["EdDSA"]), json!(-8)] {
        assert_eq!(with_header(json!({"alg": alg})), Err(SecureError::Header), "{alg}");
    }
    // Its signature has another length.
    assert_eq!(with_header(json!({"alg": "ES384"})), Err(SecureError::Malformed));
    for alg in [json!({}), json!(true)] {
        assert_eq!(with_header(json!({"alg": alg})), Err(SecureError::Header), "{alg}");
    }
}

#[test]
fn a_header_brings_no_key_no_place_of_a_key_and_nothing_unknown() {
    for (name, value) in [
        ("jwk", ed25519().to_jwk().unwrap()),
        ("jku", json!("https://evil.example/keys")),
        ("x5c", json!(["MIIB"])),
        ("x5u", json!("https://evil.example/cert")),
        ("x5t#S256", json!("AAAA")),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
        ("url", json!("https://a.example")),
        ("verificationMethod", json!(KEY_ID)),
    ] {
        assert_eq!(with_header(json!({name: value})), Err(SecureError::SelfChosen), "{name}");
    }
}

#[test]
fn type_and_content_type_are_those_of_the_document_in_any_spelling_of_rfc_7515() {
    for typ in ["vc+jwt", "VC+JWT", "application/vc+jwt", "Application/VC+jwt"] {
        assert!(with_header(json!({"typ": typ})).is_ok(), "{typ}");
    }
    for cty in [json!("vc"), json!("application/vc"), json!(null)] {
        assert!(with_header(json!({"cty": cty})).is_ok(), "{cty}");
    }
    for typ in ["JWT", "", "vp+jwt", "vc+sd-jwt", "text/vc+jwt", "vc+jwt ", "application/application/vc+jwt"]
    {
        assert_eq!(with_header(json!({"typ": typ})), Err(SecureError::Type), "{typ}");
    }
    for cty in ["vp", "vc+jwt", "JWT", ""] {
        assert_eq!(with_header(json!({"cty": cty})), Err(SecureError::Type), "{cty}");
    }
    assert_eq!(with_header(json!({"typ": null})), Err(SecureError::Header));
}

#[test]
fn the_key_id_is_an_absolute_did_url_of_a_key() {
    for kid in ["#k", "k", "", "did:web:acme.example", "did:web:acme.example#", "https://acme.example#k"] {
        assert_eq!(with_header(json!({"kid": kid})), Err(SecureError::KeyId), "{kid}");
    }
    for kid in ["did:web:acme.example/path#k", "did:web:acme.example?versionId=1#k"] {
        assert_eq!(with_header(json!({"kid": kid})), Err(SecureError::KeyId), "{kid}");
        let made = Draft::new(
            Content::Credential,
            Envelope::Cose,
            document(),
            kid.parse().unwrap(),
            KeyKind::Ed25519,
        );
        assert_eq!(made, Err(SecureError::KeyId));
    }
    assert_eq!(with_header(json!({"kid": null})), Err(SecureError::Header));
    assert_eq!(with_header(json!({"kid": 1})), Err(SecureError::Header));
}

#[test]
fn the_issuer_of_a_header_is_that_of_the_document() {
    assert!(with_header(json!({"iss": "did:web:acme.example"})).is_ok());
    assert_eq!(with_header(json!({"iss": "did:web:evil.example"})), Err(SecureError::Claims));
}

#[test]
fn jwt_claims_beside_the_document_say_what_it_says() {
    let (vc, vp) = (Content::Credential, Content::Presentation);
    for (content, claims) in [
        (vc, json!({"iss": "did:web:acme.example", "sub": "did:web:bot.example", "jti": "urn:uuid:1"})),
        (vc, json!({"nbf": 1_767_225_600, "exp": 1_767_312_000, "iat": 1_767_225_601})),
        (vc, json!({"issuer": {"id": "did:web:acme.example"}, "iss": "did:web:acme.example"})),
        (vp, json!({"iss": "did:web:acme.example", "jti": "urn:uuid:1", "nonce": "n", "aud": "a"})),
        (vp, json!({"exp": 1, "nbf": 1, "validFrom": null, "validUntil": null})),
    ] {
        assert_eq!(with_claims(content, &claims), Ok(()), "{claims}");
    }
    for (content, claims) in [
        (vc, json!({"vc": {}})),
        (vc, json!({"vp": {}})),
        (vp, json!({"vp": null, "vc": 1})),
        (vc, json!({"iss": "did:web:evil.example"})),
        (vc, json!({"iss": ["did:web:acme.example"]})),
        (vc, json!({"iss": "did:web:acme.example", "issuer": null})),
        (vp, json!({"iss": "did:web:acme.example", "holder": null})),
        (vc, json!({"sub": "did:web:evil.example"})),
        (vc, json!({"sub": "did:web:bot.example", "credentialSubject": [{"id": "did:web:bot.example"}]})),
        (vc, json!({"jti": "urn:uuid:2"})),
        (vc, json!({"jti": "urn:uuid:1", "id": null})),
        (vc, json!({"exp": 1_767_312_001})),
        (vc, json!({"exp": 1_767_312_000, "validUntil": null})),
        (vc, json!({"exp": "1767312000"})),
        (vc, json!({"exp": 1_767_312_000, "validUntil": 1_767_312_000})),
        (vp, json!({"exp": 1_767_312_001})),
        (vp, json!({"exp": "1", "validUntil": null})),
        (vc, json!({"nbf": 1_767_225_601})),
        (vc, json!({"iat": "2026-01-01T00:00:00Z"})),
        (vc, json!({"iat": -1})),
    ] {
        assert_eq!(with_claims(content, &claims), Err(SecureError::Claims), "{claims}");
    }
}

#[test]
fn header_and_payload_are_strict_json() {
    let header = br#"{"alg":"EdDSA","kid":"did:web:acme.example#k","typ":"vc+jwt"}"#;
    let json = |error| Err(SecureError::Json(error));
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let payload = |payload: &[u8]| read_jwt(&jwt(header, payload));
    assert!(payload(b"{}").is_ok());
    assert_eq!(payload(br#"{"a":1,"a":2}"#), json(JsonError::Duplicate));
    assert_eq!(payload(br#"{"b":{"a":1,"\u0061":2}}"#), json(JsonError::Duplicate));
    assert_eq!(payload(b"{\"a\":\"\xff\"}"), json(JsonError::NotUtf8));
    assert_eq!(payload(b"{} {}"), json(JsonError::Malformed));
    assert_eq!(payload(b"[]"), json(JsonError::Malformed));
    assert_eq!(payload(b""), json(JsonError::Malformed));
    assert_eq!(payload(br#"{"a":9007199254740992}"#), json(JsonError::Integer));
    let nested = [&br#"{"a":"#[..], &deep[..50_000], &deep[150_000..], b"}"].concat();
    assert_eq!(payload(&nested), json(JsonError::TooDeep));
    let header = |header: &[u8]| read_jwt(&jwt(header, b"{}"));
    assert_eq!(header(br#"{"alg":"EdDSA","alg":"none"}"#), json(JsonError::Duplicate));
    assert_eq!(header(b"\xff"), json(JsonError::NotUtf8));
    assert_eq!(header(b"[]"), Err(SecureError::Header));
    assert_eq!(header(&deep[..1_000]), json(JsonError::TooDeep));
    assert_eq!(header(&vec![b' '; jose::MAX_HEADER_BYTES + 1]), json(JsonError::TooLong));
}

#[test]
fn a_jwt_has_three_parts_of_strict_base64url_and_a_bound() {
    let good = String::from_utf8(secured(Content::Credential, Envelope::Jwt).bytes().to_vec()).unwrap();
    let (input, _) = good.rsplit_once('.').unwrap();
    for bad in [
        String::new(),
        ".".to_owned(),
        input.to_owned(),
        format!("{input}."),
        format!("{good}."),
        format!("{good}.AAAA"),
        format!("{good}="),
        format!("{good}\n"),
        format!(" {good}"),
        format!("{good}A"),
        format!("{good}AAAA"),
        good.replacen('.', "=.", 1),
        good.replacen('e', "+", 1),
        r#"{"payload":"","signatures":[]}"#.to_owned(),
    ] {
        assert_eq!(read_jwt(bad.as_bytes()), Err(SecureError::Malformed), "{bad}");
    }
    assert_eq!(read_jwt(&[0xff, b'.', b'.']), Err(SecureError::Malformed));
    let parse = |max| Secured::parse(Content::Credential, Envelope::Jwt, good.as_bytes(), max);
    assert!(parse(good.len()).is_ok());
    assert_eq!(parse(good.len() - 1), Err(SecureError::TooLong));
}

#[test]
fn a_draft_refuses_what_no_reader_would_take() {
    let refusal = |payload: Value| draft(Content::Credential, Envelope::Jwt, payload).unwrap_err();
    assert_eq!(refusal(json!([])), SecureError::Json(JsonError::Malformed));
    assert_eq!(refusal(json!({"a": 9_007_199_254_740_993_u64})), SecureError::Json(JsonError::Integer));
    let long = "a".repeat(MAX_BYTES * 3 / 4);
    assert_eq!(refusal(json!({"a": long})), SecureError::TooLong);
}

proptest! {
    // R-041
    #[test]
    fn a_flipped_bit_is_refused(which in 0..ALL.len(), at in any::<prop::sample::Index>()) {
        let (content, envelope) = ALL[which];
        let mut bytes = secured(content, envelope).bytes().to_vec();
        let bit = at.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let read = Secured::parse(content, envelope, &bytes, MAX_CREDENTIAL_BYTES);
        prop_assert!(read.and_then(|read| read.verify(&ed25519(), NOW, SKEW)).is_err());
    }

    #[test]
    fn reading_never_panics(which in 0..ALL.len(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (content, envelope) = ALL[which];
        let _ = Secured::parse(content, envelope, &bytes, MAX_CREDENTIAL_BYTES);
        let _ = Secured::from_data_url(content, &String::from_utf8_lossy(&bytes), MAX_CREDENTIAL_BYTES);
    }

    #[test]
    fn reading_what_is_nearly_right_never_panics(
        which in 0..ALL.len(),
        at in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let (content, envelope) = ALL[which];
        let mut bytes = secured(content, envelope).bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(cut.index(bytes.len() + 1));
        let _ = Secured::parse(content, envelope, &bytes, MAX_CREDENTIAL_BYTES);
    }

    #[test]
    fn securing_and_reading_is_the_identity(which in 0..ALL.len(), texts in prop::collection::btree_map("[a-z]{4,8}", ".{0,20}", 0..6)) {
        let (content, envelope) = ALL[which];
        let payload = json!(texts);
        let draft = draft(content, envelope, payload.clone()).unwrap();
        let signature = signer().sign(draft.signing_input()).to_bytes();
        let made = draft.attach(&ed25519(), &signature).unwrap();
        prop_assert_eq!(made.payload(), &payload);
        let read = match made.to_embedded() {
            Some(document) => Secured::embedded(content, &document, MAX_CREDENTIAL_BYTES),
            None => Secured::from_data_url(content, &made.to_data_url(), MAX_CREDENTIAL_BYTES),
        };
        prop_assert_eq!(read, Ok(made));
    }
}
