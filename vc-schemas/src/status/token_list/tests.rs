use super::*;
use crate::cbor::{ARRAY, MAP, Reader, TAG, Writer};
use crate::secure::SecureError;
use crate::status::MAX_LIST_BYTES;
use crate::status::array::{BitsError, MAX_ARRAY_BYTES, MAX_ENTRIES, Width};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use did_resolver::document::KeyRefusal;
use ed25519_dalek::{Signer, SigningKey};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;

const ISSUER: &str = "did:web:acme.example";
const KEY_ID: &str = "did:web:acme.example#k";
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

fn list() -> TokenList {
    let mut bits = Bits::wide(1_000, Width::Two).unwrap();
    bits.put(7, 1).unwrap();
    bits.put(8, 2).unwrap();
    bits.put(9, 3).unwrap();
    TokenList {
        url: URL.to_owned(),
        issuer: Some(ISSUER.parse().unwrap()),
        sequence: Some(3),
        issued: UnixSeconds::new(1_767_225_600),
        not_before: None,
        expires: Some(UnixSeconds::new(1_767_312_000)),
        ttl: Some(Duration::from_secs(300)),
        aggregation: Some("https://acme.example/status".to_owned()),
        bits,
    }
}

fn sign(list: &TokenList, form: Form) -> Token {
    let draft = TokenDraft::new(list, form, &KEY_ID.parse().unwrap(), KeyKind::Ed25519).unwrap();
    let signature = signer().sign(draft.signing_input()).to_bytes();
    draft.attach(&key(), &signature).unwrap()
}

fn refused(error: SecureError) -> StatusError {
    StatusError::Secured(error)
}

fn reference(index: u32) -> Reference {
    Reference { index, uri: URL.to_owned() }
}

//
#[test]
fn a_list_is_signed_and_read_in_both_forms_with_its_sequence_number() {
    for form in Form::ALL {
        let token = sign(&list(), form);
        assert_eq!(token.list(), &list(), "{form:?}");
        assert_eq!((token.form(), token.key_id()), (form, KEY_ID));
        let verified = token.clone().verified(&issuer_document("assertionMethod"), NOW).unwrap();
        assert_eq!((verified.token(), verified.issuer().as_str()), (&token, ISSUER));
        assert_eq!(verified.token().digest(), token.digest());
        let bare = TokenList {
            issuer: None,
            sequence: None,
            not_before: Some(NOW),
            expires: None,
            ttl: None,
            aggregation: None,
            ..list()
        };
        assert_eq!(sign(&bare, form).list(), &bare, "{form:?}");
    }
}

#[test]
fn a_status_is_what_the_draft_says_of_its_value() {
    let list = list();
    let at = |index| list.status(&reference(index), NOW);
    assert_eq!(at(0), Ok(TokenStatus::Valid));
    assert_eq!(at(7), Ok(TokenStatus::Invalid));
    assert_eq!(at(8), Ok(TokenStatus::Suspended));
    assert_eq!(at(9), Ok(TokenStatus::Application(3)));
    assert_eq!(at(1_000), Err(StatusError::Bits(BitsError::Index)));
    let elsewhere = Reference { uri: format!("{URL}2"), ..reference(0) };
    assert_eq!(list.status(&elsewhere, NOW), Err(StatusError::Subject));
    let end = list.expires.unwrap();
    assert_eq!(list.status(&reference(0), UnixSeconds::new(end.get() - 1)), Ok(TokenStatus::Valid));
    assert_eq!(list.status(&reference(0), end), Err(StatusError::Expired));
    let later = TokenList { not_before: Some(end), ..list.clone() };
    assert_eq!(later.status(&reference(0), NOW), Err(StatusError::Expired));
    let kinds: Vec<u8> =
        (0..=255).filter(|v| matches!(TokenStatus::of(*v), TokenStatus::Application(_))).collect();
    assert_eq!(kinds, [3, 12, 13, 14, 15]);
    let unassigned = (0..=255).filter(|v| matches!(TokenStatus::of(*v), TokenStatus::Unassigned(_))).count();
    assert_eq!(unassigned, 256 - 8);
}

#[test]
fn a_set_bit_says_invalid_of_a_revoked_token_and_suspended_of_a_suspended_one() {
    let mut bits = Bits::wide(16, Width::One).unwrap();
    bits.set(3).unwrap();
    bits.set(9).unwrap();
    let said = |purpose| {
        let list = TokenList { bits: array_for(purpose, &bits).unwrap(), ..list() };
        (0..16).map(|index| list.status(&reference(index), NOW).unwrap()).collect::<Vec<_>>()
    };
    for (purpose, status) in
        [(Purpose::Revocation, TokenStatus::Invalid), (Purpose::Suspension, TokenStatus::Suspended)]
    {
        let expected = (0..16).map(|index| if [3, 9].contains(&index) { status } else { TokenStatus::Valid });
        assert_eq!(said(purpose), expected.collect::<Vec<_>>());
    }
    let most = Bits::new(MAX_ENTRIES).unwrap();
    assert_eq!(array_for(Purpose::Suspension, &most), Err(BitsError::Length));
}

#[test]
fn a_token_that_another_did_or_key_signed_is_refused() {
    for form in Form::ALL {
        let token = sign(&list(), form);
        let refusal = |document: &Document| token.clone().verified(document, NOW).unwrap_err();
        let stranger = Document::parse(json!({"id": "did:web:evil.example"})).unwrap();
        assert_eq!(refusal(&stranger), StatusError::Issuer);
        let unlisted = issuer_document("authentication");
        assert_eq!(refusal(&unlisted), StatusError::Key(KeyRefusal::NotForThis));
        let other = SigningKey::from_bytes(&[6; 32]).verifying_key();
        let other = PublicKey::ed25519(other.as_bytes()).unwrap();
        assert_eq!(token.verify(&other), Err(StatusError::Signature));
        assert_eq!(token.verify(&key()), Ok(()));
        // An issuer in the claims that is not the key's.
        let foreign = TokenList { issuer: Some("did:web:evil.example".parse().unwrap()), ..list() };
        let draft = TokenDraft::new(&foreign, form, &KEY_ID.parse().unwrap(), KeyKind::Ed25519);
        assert_eq!(draft, Err(StatusError::Malformed));
        let draft = TokenDraft::new(&list(), form, &KEY_ID.parse().unwrap(), KeyKind::Ed25519).unwrap();
        assert_eq!(draft.attach(&key(), &[0; 64]), Err(StatusError::Signature));
    }
}

#[test]
fn a_list_that_breaks_a_rule_is_not_made() {
    let (key_id, kind): (DidUrl, _) = (KEY_ID.parse().unwrap(), KeyKind::Ed25519);
    for form in Form::ALL {
        for wrong in [
            TokenList { url: format!("{URL}#list"), ..list() },
            TokenList { sequence: Some(MAX_INTEGER + 1), ..list() },
            TokenList { expires: Some(list().issued), ..list() },
            TokenList { ttl: Some(Duration::ZERO), ..list() },
            TokenList { ttl: Some(Duration::from_millis(1_500)), ..list() },
            TokenList { aggregation: Some("status".to_owned()), ..list() },
        ] {
            assert_eq!(
                TokenDraft::new(&wrong, form, &key_id, kind),
                Err(StatusError::Malformed),
                "{wrong:?}"
            );
        }
        let unfit = TokenDraft::new(&list(), form, &key_id, KeyKind::X25519);
        assert_eq!(unfit, Err(StatusError::Malformed));
    }
}

/// A JWT of any header and claims; the signature is nobody's.
fn jwt(header: &Value, claims: &Value) -> Vec<u8> {
    let part = |json: &Value| BASE64URL_NOPAD.encode(json.to_string().as_bytes());
    format!("{}.{}.{}", part(header), part(claims), BASE64URL_NOPAD.encode(&[0; 64])).into_bytes()
}

fn header() -> Value {
    json!({"alg": "EdDSA", "kid": KEY_ID, "typ": "statuslist+jwt"})
}

fn claims() -> Value {
    let token = sign(&list(), Form::Jwt);
    let text = String::from_utf8(token.bytes().to_vec()).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(text.split('.').nth(1).unwrap().as_bytes()).unwrap())
        .unwrap()
}

#[test]
fn the_claims_of_a_jwt_are_those_of_the_draft() {
    let mut claims = claims();
    let lst = claims["status_list"]["lst"].take();
    assert!(lst.is_string());
    assert_eq!(
        claims,
        json!({
            "sub": URL, "iss": ISSUER, "iat": 1_767_225_600, "exp": 1_767_312_000, "ttl": 300, "sequence": 3,
            "status_list": {"bits": 2, "lst": null, "aggregation_uri": "https://acme.example/status"},
        })
    );
}

#[test]
fn a_jwt_of_another_shape_is_refused() {
    assert!(Token::parse(Form::Jwt, &jwt(&header(), &claims())).is_ok());
    for (name, value, error) in [
        ("typ", json!("JWT"), SecureError::Type),
        ("typ", json!("vc+jwt"), SecureError::Type),
        ("typ", json!("statuslist+cwt"), SecureError::Type),
        ("cty", json!("json"), SecureError::Type),
        ("alg", json!("none"), SecureError::Algorithm),
        ("alg", json!("HS256"), SecureError::Algorithm),
        ("jwk", json!({}), SecureError::SelfChosen),
        ("jku", json!("https://evil.example"), SecureError::SelfChosen),
        ("x5c", json!([]), SecureError::SelfChosen),
        ("crit", json!(["b64"]), SecureError::SelfChosen),
    ] {
        let mut changed = header();
        changed[name] = value.clone();
        let read = Token::parse(Form::Jwt, &jwt(&changed, &claims())).unwrap_err();
        assert_eq!(read, refused(error), "{name}: {value}");
    }
    let malformed = StatusError::Malformed;
    let bits = StatusError::Bits;
    for (pointer, value, error) in [
        ("sub", json!(1), malformed),
        ("sub", json!("status/1"), malformed),
        ("sub", json!(null), malformed),
        ("iss", json!(1), malformed),
        ("iat", json!("1767225600"), malformed),
        ("iat", json!(1.5), malformed),
        ("iat", json!(-1), malformed),
        ("exp", json!(1), malformed),
        ("nbf", json!("now"), malformed),
        ("ttl", json!(0), malformed),
        ("ttl", json!(-300), malformed),
        ("sequence", json!("3"), malformed),
        ("status_list", json!([]), malformed),
        ("status_list/bits", json!(3), malformed),
        ("status_list/bits", json!(0), malformed),
        ("status_list/bits", json!("2"), malformed),
        ("status_list/more", json!(1), malformed),
        ("status_list/aggregation_uri", json!(1), malformed),
        ("status_list/lst", json!(1), malformed),
        ("status_list/lst", json!(""), bits(BitsError::Malformed)),
        ("status_list/lst", json!("eNo76fITAAPfAgc="), bits(BitsError::Malformed)),
        ("status_list/lst", json!("eNo76fITAAPfAgd"), bits(BitsError::Malformed)),
        ("status_list/lst", json!("H4sIAAAAAAAAAA"), bits(BitsError::Malformed)),
    ] {
        let mut changed = claims();
        match pointer.split_once('/') {
            Some((outer, inner)) => changed[outer][inner] = value.clone(),
            None => changed[pointer] = value.clone(),
        }
        let read = Token::parse(Form::Jwt, &jwt(&header(), &changed)).unwrap_err();
        assert_eq!(read, error, "{pointer}: {value}");
    }
    for name in ["sub", "iat", "status_list"] {
        let mut changed = claims();
        changed.as_object_mut().unwrap().remove(name);
        assert_eq!(Token::parse(Form::Jwt, &jwt(&header(), &changed)), Err(malformed), "{name}");
    }
    let mut more = claims();
    more["more"] = json!({"passed": "over"});
    assert!(Token::parse(Form::Jwt, &jwt(&header(), &more)).is_ok());
    let long = vec![b'a'; MAX_LIST_BYTES + 1];
    for form in Form::ALL {
        assert_eq!(Token::parse(form, &long), Err(refused(SecureError::TooLong)));
    }
}

/// A CWT of any headers and claims; the signature is nobody's.
fn cwt(protected: &[u8], unprotected: &[u8], claims: &[u8]) -> Vec<u8> {
    let start = Writer::default().head(TAG, 18).head(ARRAY, 4).bytes(protected).into_bytes();
    let end = Writer::default().bytes(claims).bytes(&[0; 64]).into_bytes();
    [&start[..], unprotected, &end].concat()
}

fn protected() -> Vec<u8> {
    let header = Writer::default().head(MAP, 3).unsigned(1).integer(-8).unsigned(4).bytes(KEY_ID.as_bytes());
    header.unsigned(16).text("application/statuslist+cwt").into_bytes()
}

fn cwt_claims() -> Vec<u8> {
    let structure =
        Writer::default().head(MAP, 3).unsigned(2).text(URL).unsigned(6).unsigned(5).unsigned(65_533);
    let structure = structure.head(MAP, 2).text("bits").unsigned(2).text("lst");
    structure.bytes(&HEXLOWER.decode(b"78da3be9f2130003df0207").unwrap()).into_bytes()
}

const NONE: &[u8] = &[0xa0];

#[test]
fn a_cwt_has_the_tag_of_cose_sign1_and_not_that_of_a_cwt() {
    let good = cwt(&protected(), NONE, &cwt_claims());
    let read = Token::parse(Form::Cwt, &good).unwrap();
    assert_eq!((read.list().bits.entries(), read.list().bits.value(3)), (12, Some(3)));
    let untagged = &good[1..];
    let tagged = [&[0xd8, 61][..], &good].concat();
    let mac = [&[0xd1][..], untagged].concat();
    let followed = [&good[..], &[0]].concat();
    for (name, wrong) in
        [("untagged", untagged), ("a CWT tag", &tagged), ("a MAC", &mac), ("trailing bytes", &followed)]
    {
        assert_eq!(Token::parse(Form::Cwt, wrong), Err(StatusError::Malformed), "{name}");
    }
    for end in 0..good.len() {
        assert!(Token::parse(Form::Cwt, &good[..end]).is_err(), "cut at {end}");
    }
    let bare = sign(&list(), Form::Cwt);
    assert_eq!(bare.bytes().first(), Some(&0xd2));
}

#[test]
fn a_cwt_header_of_another_shape_is_refused() {
    let read = |protected: &[u8], unprotected: &[u8]| {
        Token::parse(Form::Cwt, &cwt(protected, unprotected, &cwt_claims())).unwrap_err()
    };
    let writer = |count| Writer::default().head(MAP, count);
    let typ = "application/statuslist+cwt";
    let kid = KEY_ID.as_bytes();
    let algorithm = writer(3).unsigned(1).integer(-999).unsigned(4).bytes(kid).unsigned(16).text(typ);
    assert_eq!(read(&algorithm.into_bytes(), NONE), refused(SecureError::Algorithm));
    let missing = writer(2).unsigned(4).bytes(kid).unsigned(16).text(typ).into_bytes();
    assert_eq!(read(&missing, NONE), refused(SecureError::Algorithm));
    let unprotected = writer(1).unsigned(1).integer(-8).into_bytes();
    assert_eq!(read(&missing, &unprotected), refused(SecureError::SelfChosen), "alg unprotected");
    let other =
        writer(3).unsigned(1).integer(-8).unsigned(4).bytes(kid).unsigned(16).text("application/vc+cose");
    assert_eq!(read(&other.into_bytes(), NONE), refused(SecureError::Type));
    let nameless = writer(2).unsigned(1).integer(-8).unsigned(4).bytes(kid).into_bytes();
    assert_eq!(read(&nameless, NONE), refused(SecureError::Type));
    let keyless = writer(2).unsigned(1).integer(-8).unsigned(16).text(typ).into_bytes();
    assert_eq!(read(&keyless, NONE), refused(SecureError::KeyId));
    let empty = writer(1).unsigned(4).bytes(b"").into_bytes();
    assert_eq!(read(&keyless, &empty), refused(SecureError::KeyId));
    let twice = writer(1).unsigned(4).bytes(b"did:web:evil.example#k").into_bytes();
    assert_eq!(read(&protected(), &twice), refused(SecureError::SelfChosen));
    let critical =
        writer(4).unsigned(1).integer(-8).unsigned(2).head(ARRAY, 1).unsigned(99).unsigned(4).bytes(kid);
    let critical = critical.unsigned(16).text(typ).into_bytes();
    assert_eq!(read(&critical, NONE), refused(SecureError::SelfChosen));
    let doubled = writer(4).unsigned(1).integer(-8).unsigned(1).integer(-7).unsigned(4).bytes(kid);
    let doubled = doubled.unsigned(16).text(typ).into_bytes();
    assert_eq!(read(&doubled, NONE), StatusError::Malformed);
    // The key id alone may stand there; it is what the draft's example does.
    let key_id = writer(1).unsigned(4).bytes(kid).into_bytes();
    assert!(Token::parse(Form::Cwt, &cwt(&keyless, &key_id, &cwt_claims())).is_ok());
}

#[test]
fn cwt_claims_of_another_shape_are_refused() {
    let read = |claims: &[u8]| Token::parse(Form::Cwt, &cwt(&protected(), NONE, claims));
    let lst = HEXLOWER.decode(b"78da3be9f2130003df0207").unwrap();
    let structure = |writer: Writer| writer.head(MAP, 2).text("bits").unsigned(2).text("lst").bytes(&lst);
    let base = |count| Writer::default().head(MAP, count).unsigned(2).text(URL).unsigned(6).unsigned(5);
    assert!(read(&structure(base(3).unsigned(65_533)).into_bytes()).is_ok());
    let malformed = [
        ("no list", base(2)),
        ("no subject", structure(Writer::default().head(MAP, 2).unsigned(6).unsigned(5).unsigned(65_533))),
        ("no iat", structure(Writer::default().head(MAP, 2).unsigned(2).text(URL).unsigned(65_533))),
        ("sub twice", structure(base(4).unsigned(2).text(URL).unsigned(65_533))),
        ("ttl of 0", structure(base(4).unsigned(65_533)).unsigned(65_534).unsigned(0)),
        ("negative ttl", structure(base(4).unsigned(65_533)).unsigned(65_534).integer(-1)),
        ("exp as text", structure(base(4).unsigned(65_533)).unsigned(4).text("6")),
        ("exp before iat", structure(base(4).unsigned(65_533)).unsigned(4).unsigned(5)),
        ("3 bits", base(3).unsigned(65_533).head(MAP, 2).text("bits").unsigned(3).text("lst").bytes(&lst)),
        (
            "lst as text",
            base(3).unsigned(65_533).head(MAP, 2).text("bits").unsigned(2).text("lst").text("eNo"),
        ),
        ("no lst", base(3).unsigned(65_533).head(MAP, 1).text("bits").unsigned(2)),
        ("one member too many", structure(base(4).unsigned(65_533))),
    ];
    for (name, claims) in malformed {
        assert_eq!(read(&claims.into_bytes()), Err(StatusError::Malformed), "{name}");
    }
    // What is not known is passed over, whatever it is; but not without end.
    let nested = |depth: usize| {
        let claims = structure(base(4).unsigned(65_533)).text("more").into_bytes();
        [claims, vec![0x81; depth], vec![0xf9, 0x3c, 0x00]].concat()
    };
    assert!(read(&nested(8)).is_ok());
    assert_eq!(read(&nested(64)), Err(StatusError::Malformed));
    let endless = [structure(base(4).unsigned(65_533)).text("more").into_bytes(), vec![0x9f, 0xff]].concat();
    assert_eq!(read(&endless), Err(StatusError::Malformed));
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(bytes).unwrap();
    zlib.finish().unwrap()
}

fn inflated(zipped: &[u8]) -> Result<Bits, StatusError> {
    let json = json!({"bits": 1, "lst": BASE64URL_NOPAD.encode(zipped)});
    let (json, cbor) = (lst::from_json(&json), {
        let list =
            Writer::default().head(MAP, 2).text("bits").unsigned(1).text("lst").bytes(zipped).into_bytes();
        lst::from_cbor(&mut Reader::new(&list))
    });
    assert_eq!(json, cbor);
    json.map(|(bits, _)| bits)
}

//
#[test]
fn inflation_ends_at_the_bound_with_a_refusal_in_both_forms() {
    let bits = StatusError::Bits;
    assert_eq!(inflated(&zlib(&vec![0xff; MAX_ARRAY_BYTES])).map(|b| b.count_set()), Ok(MAX_ENTRIES));
    assert_eq!(inflated(&zlib(&vec![0xff; MAX_ARRAY_BYTES + 1])), Err(bits(BitsError::TooLong)));
    assert_eq!(inflated(&zlib(&vec![0; 64 * MAX_ARRAY_BYTES])), Err(bits(BitsError::TooLong)));
    assert_eq!(inflated(&zlib(&[])), Err(bits(BitsError::Length)));
    let good = zlib(&[0b1001; 40]);
    assert!(inflated(&good).is_ok());
    for end in 0..good.len() {
        assert_eq!(inflated(&good[..end]), Err(bits(BitsError::Malformed)), "cut at {end}");
    }
    assert_eq!(inflated(&[&good[..], &[0]].concat()), Err(bits(BitsError::Malformed)), "a trailing byte");
    assert_eq!(inflated(&[&good[..], &good].concat()), Err(bits(BitsError::Malformed)), "two streams");
    let mut checksum = good.clone();
    *checksum.last_mut().unwrap() ^= 1;
    assert_eq!(inflated(&checksum), Err(bits(BitsError::Malformed)), "the checksum");
    let raw = &good[2..good.len() - 4];
    assert_eq!(inflated(raw), Err(bits(BitsError::Malformed)), "raw DEFLATE");
}

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../../tests/vectors/token-status-list/vectors.json")).unwrap()
}

fn examples() -> Value {
    serde_json::from_str(include_str!("../../../../tests/vectors/token-status-list/examples.json")).unwrap()
}

/// Checks each list of the vectors in JSON and in CBOR, there and back; how many entries that were.
fn run(lists: &Value) -> (usize, usize) {
    let mut entries = 0;
    for list in lists.as_array().unwrap() {
        let (size, statuses) = (list["size"].as_u64().unwrap(), list["statuses"].as_object().unwrap());
        let (bits, _) = lst::from_json(&list["json"]).unwrap();
        let cbor = HEXLOWER.decode(list["cbor_hex"].as_str().unwrap().as_bytes()).unwrap();
        assert_eq!(lst::from_cbor(&mut Reader::new(&cbor)).unwrap().0, bits);
        assert_eq!((u64::from(bits.entries()), json!(bits.width().bits())), (size, list["bits"].clone()));
        let set: Vec<(u32, u8)> = bits.values_set().collect();
        let mut expected: Vec<(u32, u8)> =
            statuses.iter().map(|(at, value)| (at.parse().unwrap(), value.as_u64().unwrap() as u8)).collect();
        expected.retain(|(_, value)| *value != 0);
        expected.sort_unstable();
        assert_eq!(set, expected);
        for (at, value) in statuses {
            assert_eq!(bits.value(at.parse().unwrap()).map(u64::from), value.as_u64());
        }
        let again = lst::to_json(&bits, None).unwrap();
        assert_eq!(lst::from_json(&again).unwrap().0, bits);
        entries += statuses.len();
    }
    (lists.as_array().unwrap().len(), entries)
}

//
#[test]
fn the_lists_of_the_draft_are_read_entry_by_entry() {
    assert_eq!(run(&vectors()), (4, 293));
    let small = examples()["small"].clone();
    let (bits, _) = lst::from_json(&small["json"]).unwrap();
    let values: Vec<u8> = (0..12).map(|index| bits.value(index).unwrap()).collect();
    assert_eq!(json!(values), small["statuses"]);
    let cbor = HEXLOWER.decode(small["cbor"].as_str().unwrap().as_bytes()).unwrap();
    assert_eq!(lst::from_cbor(&mut Reader::new(&cbor)), Ok((bits, None)));
}

fn why(error: StatusError) -> &'static str {
    match error {
        StatusError::Malformed => "shape",
        StatusError::Bits(BitsError::Malformed) => "malformed",
        StatusError::Bits(BitsError::TooLong) => "too-long",
        StatusError::Bits(BitsError::Length) => "length",
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_way_of_a_list_to_be_wrong_is_refused_in_each_encoding() {
    let file = include_str!("../../../../tests/vectors/status-lists/wrong.json");
    let corpus: Value = serde_json::from_str(file).unwrap();
    let mut refused = 0;
    for case in corpus["cases"].as_array().unwrap() {
        let text = || case["value"].as_str().unwrap();
        let read = match case["encoding"].as_str().unwrap() {
            "bitstring" => Bits::decode(text(), MAX_ENTRIES).map_err(StatusError::Bits),
            "lst-json" => lst::from_json(&case["value"]).map(|(bits, _)| bits),
            "lst-cbor" => {
                let cbor = HEXLOWER.decode(text().as_bytes()).unwrap();
                lst::from_cbor(&mut Reader::new(&cbor)).map(|(bits, _)| bits)
            }
            other => panic!("{other}"),
        };
        refused += usize::from(read.is_err());
        assert_eq!(json!(read.err().map(why)), case["refused"], "{case:.200}");
    }
    assert_eq!(refused, 52);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the place of the whole suite is for who runs the test to say")]
fn the_whole_suite_of_token_status_lists_is_read_where_it_is_at_hand() {
    let file =
        std::env::var("MARQUE_VECTORS").map(|root| Path::new(&root).join("token-status-list/vectors.json"));
    let bytes = file.ok().and_then(|file| std::fs::read(file).ok());
    let (lists, entries) = bytes.map_or((0, 0), |bytes| run(&serde_json::from_slice(&bytes).unwrap()));
    println!("token-status-list: {lists} lists in two forms, {entries} entries named");
}

//
#[test]
fn the_tokens_of_the_draft_are_read_and_verified() {
    let examples = examples();
    let key = PublicKey::from_jwk(&examples["publicKeyJwk"]).unwrap();
    let jwt = examples["jwt"].as_str().unwrap().as_bytes().to_vec();
    let cwt = HEXLOWER.decode(examples["cwt"].as_str().unwrap().as_bytes()).unwrap();
    for (form, bytes) in [(Form::Jwt, jwt), (Form::Cwt, cwt)] {
        let token = Token::parse(form, &bytes).unwrap();
        assert_eq!(token.verify(&key), Ok(()), "{form:?}");
        let list = token.list();
        assert_eq!(json!(list.url), examples["url"]);
        assert_eq!(json!(list.issued.get()), examples["issued"]);
        assert_eq!(json!(list.expires.unwrap().get()), examples["expires"]);
        assert_eq!(json!(list.ttl.unwrap().as_secs()), examples["ttlSeconds"]);
        assert_eq!((&list.issuer, list.sequence, token.key_id()), (&None, None, "12"));
        let values: Vec<u8> = (0..16).map(|index| list.bits.value(index).unwrap()).collect();
        assert_eq!(json!(values), examples["statuses"]);
    }
}

fn any_list() -> impl Strategy<Value = TokenList> {
    let puts = prop::collection::vec((0_u32..4_096, any::<u8>()), 0..40);
    let width = prop::sample::select(Width::ALL.to_vec());
    let times = (0_u64..4_000_000_000, prop::option::of(1_u64..1_000_000));
    let rest = (prop::option::of(0..=MAX_INTEGER), prop::option::of(1_u64..10_000_000), any::<bool>());
    (width, puts, times, rest).prop_map(|(width, puts, (issued, life), (sequence, ttl, listed))| {
        let mut bits = Bits::wide(4_096, width).unwrap();
        for (index, value) in puts {
            bits.put(index, value & width.greatest()).unwrap();
        }
        TokenList {
            url: URL.to_owned(),
            issuer: listed.then(|| ISSUER.parse().unwrap()),
            sequence,
            issued: UnixSeconds::new(issued),
            not_before: None,
            expires: life.map(|life| UnixSeconds::new(issued + life)),
            ttl: ttl.map(Duration::from_secs),
            aggregation: listed.then(|| URL.to_owned()),
            bits,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn signing_and_reading_is_the_identity_for_each_width_and_form(list in any_list()) {
        for form in Form::ALL {
            let token = sign(&list, form);
            prop_assert_eq!(token.list(), &list);
            prop_assert_eq!(Token::parse(form, token.bytes()), Ok(token));
        }
    }

    #[test]
    fn both_encodings_hold_one_array(list in any_list()) {
        let (jwt, cwt) = (sign(&list, Form::Jwt), sign(&list, Form::Cwt));
        prop_assert_eq!(&jwt.list().bits, &cwt.list().bits);
    }

    //
    #[test]
    fn a_flipped_bit_is_refused(cwt in any::<bool>(), at in any::<prop::sample::Index>()) {
        let form = if cwt { Form::Cwt } else { Form::Jwt };
        let mut bytes = sign(&list(), form).bytes().to_vec();
        let bit = at.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let read = Token::parse(form, &bytes).and_then(|token| token.verified(&issuer_document("assertionMethod"), NOW));
        prop_assert!(read.is_err());
    }

    #[test]
    fn reading_any_bytes_never_panics(cwt in any::<bool>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let form = if cwt { Form::Cwt } else { Form::Jwt };
        let _ = Token::parse(form, &bytes);
        let _ = inflated(&[&[0x78, 0xda][..], &bytes].concat());
    }

    #[test]
    fn reading_what_is_nearly_right_never_panics(
        cwt in any::<bool>(),
        at in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let form = if cwt { Form::Cwt } else { Form::Jwt };
        let mut bytes = sign(&list(), form).bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(cut.index(bytes.len() + 1));
        let _ = Token::parse(form, &bytes);
    }
}
