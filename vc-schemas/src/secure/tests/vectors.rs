//! The vectors of others: VC-JOSE-COSE, COSE_Sign1 and CWT, Wycheproof's JWS.

use super::*;
use crate::cbor::{Key, Reader};
use crate::disclosure::{Disclosure, reveal};
use crate::secure::cose::{Foreign, Sign1};
use crate::secure::jose::{Jws, Parts};
use data_encoding::HEXLOWER;
use std::path::PathBuf;

macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../../../tests/vectors/", $name))
    };
}

/// The folder of one suite in the place that holds them all, where there is one.
#[expect(clippy::disallowed_methods, reason = "the place of the whole suite is for who runs the test to say")]
fn suite(name: &str) -> Option<PathBuf> {
    std::env::var("MARQUE_VECTORS").ok().map(|root| PathBuf::from(root).join(name))
}

fn suite_key(text: &str) -> Option<PublicKey> {
    let method: Value = serde_json::from_str(text).unwrap();
    PublicKey::from_jwk(&method["publicKeyJwk"]).ok()
}

fn from_base64(text: &str) -> Vec<u8> {
    data_encoding::BASE64_NOPAD.decode(text.trim().as_bytes()).unwrap()
}

fn cases(text: &str) -> Vec<Value> {
    serde_json::from_str::<Value>(text).unwrap()["cases"].as_array().unwrap().clone()
}

//
#[test]
fn the_samples_of_the_test_suite_verify_and_are_no_credentials_of_a_did() {
    let key = suite_key(vector!("vc-jose-cose/vm-p256.json")).unwrap();
    let credential: Value = serde_json::from_str(vector!("vc-jose-cose/credential-minimal.json")).unwrap();

    let bytes = from_base64(vector!("vc-jose-cose/credential-cose-minimal.txt"));
    let sign1 = Sign1::parse(&bytes, bytes.len()).unwrap();
    assert_eq!(sign1.verify(&key), Ok(()));
    assert_eq!((sign1.content_type(), sign1.typ()), ("application/vc", Some("application/vc+cose")));
    assert_eq!(serde_json::from_slice::<Value>(sign1.payload()).unwrap(), credential);
    let read = Secured::parse(Content::Credential, Envelope::Cose, &bytes, bytes.len());
    assert_eq!(read, Err(SecureError::KeyId));

    let text = vector!("vc-jose-cose/credential-jose-minimal.txt").trim();
    let jws = Jws::parse(text.as_bytes(), text.len()).unwrap();
    assert_eq!(jws.verify(&key), Ok(()));
    assert_eq!((jws.typ(), jws.cty()), ("vc+jwt", Some("vc")));
    let read = Secured::parse(Content::Credential, Envelope::Jwt, text.as_bytes(), text.len());
    assert_eq!(read, Err(SecureError::Claims));

    let bytes = from_base64(vector!("vc-jose-cose/presentation-cose-single.txt"));
    let sign1 = Sign1::parse(&bytes, bytes.len()).unwrap();
    assert_eq!(sign1.verify(&suite_key(vector!("vc-jose-cose/vm-p384.json")).unwrap()), Ok(()));
    assert_eq!(sign1.verify(&key), Err(SecureError::Algorithm));
    let read = Secured::parse(Content::Presentation, Envelope::Cose, &bytes, bytes.len());
    assert_eq!(read, Err(SecureError::KeyId));
}

/// What an SD-JWT of the suite shows, verified: its key ids are no DID URLs.
fn shown(text: &str, key: impl Fn(KeyKind) -> PublicKey) -> Result<Value, SecureError> {
    let mut parts = text.trim_end_matches('~').split('~');
    let jws = Jws::parse(parts.next().unwrap().as_bytes(), MAX_CREDENTIAL_BYTES)?;
    jws.verify(&key(jws.algorithm()))?;
    let disclosures = parts.map(|part| Disclosure::parse(part).unwrap()).collect::<Vec<_>>();
    Ok(reveal(&serde_json::from_slice(jws.payload()).unwrap(), &disclosures).unwrap().document)
}

#[test]
fn the_whole_suite_of_vc_jose_cose_verifies_where_it_is_at_hand() {
    let files = suite("vc-jose-cose").and_then(|folder| std::fs::read_dir(folder).ok());
    let (mut verified, mut not_spoken, mut secured_again) = (0, Vec::new(), 0);
    for path in files.into_iter().flatten().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let key = |kind| {
            let name = if kind == KeyKind::P384 { "vm-p384.json" } else { "vm-p256.json" };
            suite_key(&std::fs::read_to_string(path.with_file_name(name)).unwrap()).unwrap()
        };
        if name.starts_with("vm-") {
            let known = suite_key(&text);
            assert_eq!(known.is_none(), name == "vm-p521.json", "{name}");
        } else if name.ends_with(".json") {
            let content =
                if name.starts_with("credential") { Content::Credential } else { Content::Presentation };
            // Claims say what Marque's own types say only.
            for envelope in Envelope::ALL.into_iter().filter(|envelope| *envelope != Envelope::DcSdJwt) {
                let document: Value = serde_json::from_str(&text).unwrap();
                let draft = draft(content, envelope, document.clone()).unwrap();
                let signature = signer().sign(draft.signing_input()).to_bytes();
                let made = draft.attach(&ed25519(), &signature).unwrap();
                assert_eq!(made.payload(), &document, "{name} {envelope:?}");
                secured_again += 1;
            }
        } else if name.contains("sdjwt") {
            match shown(text.trim(), key) {
                Ok(document) => {
                    assert!(document.get("_sd").is_none() && document.get("@context").is_some(), "{name}");
                    verified += 1;
                }
                Err(error) => not_spoken.push((name, error)),
            }
        } else if text.contains('.') {
            let jws = Jws::parse(text.trim().as_bytes(), MAX_CREDENTIAL_BYTES).unwrap();
            assert_eq!(jws.verify(&key(jws.algorithm())), Ok(()), "{name}");
            verified += 1;
        } else {
            let sign1 = Sign1::parse(&from_base64(&text), MAX_CREDENTIAL_BYTES).unwrap();
            assert_eq!(sign1.verify(&key(sign1.algorithm())), Ok(()), "{name}");
            verified += 1;
        }
    }
    // ES512 is not spoken.
    assert!(
        not_spoken.iter().all(|(name, error)| {
            name == "credential-sdjwt-nested.txt" && *error == SecureError::Algorithm
        })
    );
    println!(
        "vc-jose-cose: {verified} samples verified, {} of ES512 refused, {secured_again} documents secured",
        not_spoken.len()
    );
}

fn cose_reason(error: SecureError) -> &'static str {
    match error {
        SecureError::Malformed => "malformed",
        SecureError::TooLong => "too-long",
        SecureError::Algorithm => "algorithm",
        SecureError::SelfChosen => "self-chosen",
        SecureError::Signature => "signature",
        other => panic!("{other:?}"),
    }
}

fn cose_cases() -> Vec<Value> {
    cases(vector!("cose-sign1/cases.json"))
}

/// What the reader of anybody's COSE_Sign1 says of a case, and whether its key verifies it.
fn cose_verdict(case: &Value) -> Result<(), SecureError> {
    let cbor = HEXLOWER.decode(case["cbor"].as_str().unwrap().as_bytes()).unwrap();
    let message = Foreign::parse(&cbor, MAX_CREDENTIAL_BYTES)?;
    let signed = case["signed"].as_str().unwrap();
    // What the case says is signed is before what was done to the message.
    if case["fails"] == false && case.get("external").is_none() {
        assert_eq!(HEXLOWER.encode(&message.signed), signed, "{}", case["file"]);
    }
    let key = PublicKey::from_jwk(&case["jwk"]).unwrap();
    verify(message.algorithm, &key, &message.signed, message.signature)
}

//
#[test]
fn the_examples_of_cose_sign1_and_cwt_verify_or_are_refused_for_the_reason_that_is_known() {
    let (mut verified, mut refused) = (0, 0);
    for case in cose_cases() {
        let verdict = cose_verdict(&case);
        assert_eq!(json!(verdict.err().map(cose_reason)), case["refused"], "{}", case["file"]);
        assert!(verdict.is_err() || case["fails"] == false);
        *(if verdict.is_ok() { &mut verified } else { &mut refused }) += 1;
    }
    assert_eq!((verified, refused), (4, 22));
}

#[test]
fn the_claims_of_the_signed_cwt_are_read() {
    let case = cose_cases().into_iter().find(|case| case["file"] == "CWT/A_3.json").unwrap();
    let cbor = HEXLOWER.decode(case["cbor"].as_str().unwrap().as_bytes()).unwrap();
    let message = Foreign::parse(&cbor, cbor.len()).unwrap();
    let (mut texts, mut numbers) = (Vec::new(), Vec::new());
    let mut reader = Reader::new(message.payload);
    let read = reader.map::<SecureError>(true, |name, value| {
        match name {
            Key::Number(1..=3) => texts.push(value.text(64)?.to_owned()),
            Key::Number(4..=6) => numbers.push(value.unsigned()?),
            _ => return Ok(false),
        }
        Ok(true)
    });
    assert_eq!((read, reader.end()), (Ok(()), Ok(())));
    assert_eq!(texts, ["coap://as.example.com", "erikw", "coap://light.example.com"]);
    assert_eq!(numbers, [1_444_064_944, 1_443_944_944, 1_443_944_944]);
}

#[test]
fn the_whole_suite_of_cose_sign1_is_that_of_the_cases_where_it_is_at_hand() {
    let folder = suite("cose-sign1").filter(|folder| folder.is_dir());
    let (mut found, mut read) = (0, 0);
    for entry in folder.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()) {
        found += std::fs::read_dir(entry.unwrap().path()).unwrap().count();
    }
    for case in cose_cases() {
        let Some(path) = folder.as_ref().map(|folder| folder.join(case["file"].as_str().unwrap())) else {
            break;
        };
        let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let cbor = file["output"]["cbor"].as_str().unwrap().to_lowercase();
        assert_eq!(json!(cbor), case["cbor"]);
        read += 1;
    }
    assert_eq!(found, read);
    println!("cose-sign1: {read} messages are those of the cases, 4 of them verified and 22 refused");
}

/// Whether the JWS is of an algorithm and a key that are spoken here, and verifies.
fn jws_verdict(jws: &str, jwk: &Value) -> bool {
    let key = PublicKey::from_jwk(jwk);
    let parts = Parts::parse(jws.as_bytes(), MAX_CREDENTIAL_BYTES);
    parts.is_ok_and(|parts| key.is_ok_and(|key| parts.verify(&key).is_ok()))
}

#[test]
fn every_wycheproof_case_of_es256_has_its_verdict() {
    let mut verified = 0;
    for case in cases(vector!("wycheproof/jws-es256.json")) {
        let verdict = jws_verdict(case["jws"].as_str().unwrap(), &case["jwk"]);
        assert_eq!(json!(verdict), case["valid"], "{} {}", case["number"], case["name"]);
        verified += usize::from(verdict);
    }
    assert_eq!(verified, 2);
}

#[test]
fn the_whole_suite_of_wycheproof_jws_is_judged_where_it_is_at_hand() {
    let file = suite("wycheproof").map(|folder| folder.join("json_web_signature_test.json"));
    let suite: Value = file
        .and_then(|file| std::fs::read_to_string(file).ok())
        .map_or(Value::Null, |text| serde_json::from_str(&text).unwrap());
    let (mut verified, mut refused, mut not_spoken) = (0, 0, 0);
    for group in suite["testGroups"].as_array().into_iter().flatten() {
        let jwk = group.get("public").or_else(|| group.get("private")).unwrap();
        for case in group["tests"].as_array().unwrap() {
            let (verdict, valid) =
                (jws_verdict(case["jws"].as_str().unwrap(), jwk), case["result"] == "valid");
            let spoken = jwk["crv"] == "P-256";
            assert_eq!(verdict, valid && spoken, "{} {}", case["tcId"], case["comment"]);
            *(match (verdict, valid) {
                (true, _) => &mut verified,
                (false, false) => &mut refused,
                (false, true) => &mut not_spoken,
            }) += 1;
        }
    }
    println!(
        "wycheproof jws: {verified} verified, {refused} that are invalid refused, {not_spoken} of algorithms \
         that are not spoken refused"
    );
}
