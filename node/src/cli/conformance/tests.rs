//! Tests of the answers to the W3C suite, on samples of it.

use super::*;
use aws_lc_rs::encoding::{AsBigEndian as _, EcPrivateKeyBin};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    KeyPair as _,
};
use did_resolver::codec;
use marque_store::secret::SecretKey;
use std::path::PathBuf;

const ALL: [Feature; 6] = [
    Feature::CredentialJose,
    Feature::CredentialCose,
    Feature::CredentialSdjwt,
    Feature::PresentationJose,
    Feature::PresentationCose,
    Feature::PresentationSdjwt,
];

fn vector(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/vc-jose-cose"));
    std::fs::read(folder.join(name)).unwrap()
}

fn method(public: &PublicKey, secret: &[u8]) -> Value {
    let public = public.to_jwk().unwrap();
    let mut whole = public.clone();
    whole["d"] = codec::to_base64url(secret).into();
    json!({"id": "https://example.issuer/vc-jose-cose#key-1", "publicKeyJwk": public, "secretKeyJwk": whole})
}

fn ecdsa(curve: &'static EcdsaSigningAlgorithm, read: fn(&[u8]) -> PublicKey) -> Value {
    let pair = EcdsaKeyPair::generate(curve).unwrap();
    let secret: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes().unwrap();
    method(&read(pair.public_key().as_ref()), secret.as_ref())
}

fn methods() -> Vec<Value> {
    let ed25519 = SecretKey::from_bytes(did_resolver::keys::KeyKind::Ed25519, &[7; 32]).unwrap();
    vec![
        method(ed25519.public(), ed25519.expose()),
        ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, |point| PublicKey::p256(point).unwrap()),
        ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, |point| PublicKey::p384(point).unwrap()),
    ]
}

fn document(feature: Feature) -> Value {
    if feature.content() == Content::Credential {
        return serde_json::from_slice(&vector("credential-minimal.json")).unwrap();
    }
    json!({
        "@context": [CREDENTIALS_V2], "type": ["VerifiablePresentation"],
        "holder": "https://example.issuer/vc-jose-cose",
        "verifiableCredential": [{
            "@context": CREDENTIALS_V2, "type": "EnvelopedVerifiableCredential",
            "id": "data:application/vc+jwt,a.b.c",
        }],
    })
}

fn asked(issues: bool, feature: Feature, input: &[u8], method: &Value) -> Outcome {
    tried(issues, feature, (input, "[]"), method.to_string().as_bytes())
}

fn issued(feature: Feature, document: &Value, method: &Value) -> String {
    match asked(true, feature, document.to_string().as_bytes(), method) {
        Outcome::Success(Value::String(text)) => text,
        other => panic!("{feature:?}: {other:?}"),
    }
}

#[test]
fn samples_of_the_suite_verify_and_changed_ones_do_not() {
    for (feature, input, key) in [
        (Feature::CredentialJose, "credential-jose-minimal.txt", "vm-p256.json"),
        (Feature::CredentialCose, "credential-cose-minimal.txt", "vm-p256.json"),
        (Feature::PresentationCose, "presentation-cose-single.txt", "vm-p384.json"),
        (Feature::CredentialSdjwt, "credential-sdjwt-selective.txt", "vm-p384.json"),
        (Feature::PresentationSdjwt, "presentation-sdjwt-selective.txt", "vm-p384.json"),
    ] {
        let (mut text, key) = (vector(input), vector(key));
        assert!(matches!(tried(false, feature, (&text, "[]"), &key), Outcome::Success(_)), "{input}");
        let at = text.trim_ascii_end().len() - 9;
        text[at] = if text[at] == b'A' { b'B' } else { b'A' };
        let changed = tried(false, feature, (&text, "[]"), &key);
        assert!(matches!(changed, Outcome::Failure(_)), "{input}: {changed:?}");
    }
    let unsecured = vector("credential-minimal.json");
    for feature in ALL {
        let outcome = tried(false, feature, (&unsecured, "[]"), &vector("vm-p256.json"));
        assert!(matches!(outcome, Outcome::Failure(_)), "{feature:?}");
    }
}

#[test]
fn what_is_issued_verifies_with_its_key_and_as_what_it_is_only() {
    let methods = methods();
    for method in &methods {
        for feature in ALL {
            let document = document(feature);
            let text = issued(feature, &document, method);
            let verified = |feature, key| asked(false, feature, text.as_bytes(), key);
            assert_eq!(verified(feature, method), Outcome::Success(document));
            for other in ALL.into_iter().filter(|other| *other != feature) {
                assert!(matches!(verified(other, method), Outcome::Failure(_)), "{feature:?} as {other:?}");
            }
            for other in methods.iter().filter(|other| *other != method) {
                assert!(matches!(verified(feature, other), Outcome::Failure(_)), "{feature:?}");
            }
        }
    }
}

#[test]
fn what_the_suite_hides_is_behind_digests_and_comes_back_when_it_is_disclosed() {
    let method = &methods()[2];
    let whole: Value = serde_json::from_slice(&vector("credential-selective.json")).unwrap();
    let presented = document(Feature::PresentationSdjwt);
    for (feature, document, paths) in [
        (Feature::CredentialSdjwt, &whole, r#"["credentialSubject.firstName","credentialSubject.lastName"]"#),
        (Feature::PresentationSdjwt, &presented, r#"["holder","verifiableCredential[0]"]"#),
    ] {
        let key = method.to_string();
        let issued = tried(true, feature, (document.to_string().as_bytes(), paths), key.as_bytes());
        let Outcome::Success(Value::String(text)) = issued else { panic!("{issued:?}") };
        assert_eq!(text.matches('~').count(), 3, "two disclosures");
        let payload = codec::from_base64url(text.split('.').nth(1).unwrap()).unwrap();
        let payload = String::from_utf8(payload).unwrap();
        assert!(!payload.contains("Jane") && !payload.contains("\"holder\""), "{payload}");
        assert_eq!(asked(false, feature, text.as_bytes(), method), Outcome::Success(document.clone()));
        let jwt = text.split_once('~').unwrap().0;
        let foreign = format!("{jwt}~WyJzYWx0IiwieCIsMV0~");
        for bad in [foreign.as_str(), jwt, text.trim_end_matches('~')] {
            assert!(matches!(asked(false, feature, bad.as_bytes(), method), Outcome::Failure(_)), "{bad}");
        }
        for paths in ["", "{}", r#"["nowhere"]"#, r#"["a[b]"]"#, "[1]"] {
            let outcome = tried(true, feature, (document.to_string().as_bytes(), paths), key.as_bytes());
            assert!(matches!(outcome, Outcome::Failure(_)), "{paths}: {outcome:?}");
        }
    }
}

#[test]
fn a_document_that_the_recommendation_forbids_is_neither_issued_nor_verified() {
    let method = &methods()[0];
    let change = |name: &str, value: Value| {
        let mut document = document(Feature::CredentialJose);
        document[name] = value;
        document
    };
    let bad = [
        change("vc", json!({})),
        change("vp", json!("nooo")),
        change("iss", json!("https://other.example")),
        change("type", json!(["Other"])),
        change("@context", json!(["https://other.example"])),
        change("issuer", json!(1)),
        change("credentialSubject", Value::Null)
            .as_object()
            .map(|o| {
                let mut o = o.clone();
                o.remove("credentialSubject");
                Value::Object(o)
            })
            .unwrap(),
    ];
    let signer = Method::read(method.to_string().as_bytes()).unwrap();
    for document in bad {
        let outcome = asked(true, Feature::CredentialJose, document.to_string().as_bytes(), method);
        assert!(matches!(outcome, Outcome::Failure(_)), "{document}");
        // Somebody else has signed it.
        let draft =
            JwsDraft::new(signer.public.kind(), "vc+jwt", None, &signer.id, document.to_string().as_bytes());
        let draft = draft.unwrap();
        let signature = signer.sign(draft.signing_input()).unwrap();
        let text = draft.attach(&signer.public, &signature).unwrap();
        let outcome = asked(false, Feature::CredentialJose, text.as_bytes(), method);
        assert!(matches!(outcome, Outcome::Failure(_)), "{document}");
    }
    let mut presentation = document(Feature::PresentationJose);
    for held in [
        json!([{"id": "not-a-credential", "type": "EnvelopedVerifiableCredential"}]),
        json!("x"),
        json!([document(Feature::CredentialJose)]),
    ] {
        presentation["verifiableCredential"] = held;
        let outcome = asked(true, Feature::PresentationJose, presentation.to_string().as_bytes(), method);
        assert!(matches!(outcome, Outcome::Failure(_)), "{presentation}");
    }
}

#[test]
fn what_cannot_be_tried_is_told_from_what_fails() {
    let method = methods().remove(0);
    let p521 = json!({"id": "x", "publicKeyJwk": {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA"}});
    assert!(matches!(asked(false, Feature::CredentialJose, b"a.b.c", &p521), Outcome::Indeterminate(_)));
    for bad in [json!({}), json!({"id": "x"}), json!([])] {
        assert!(matches!(asked(false, Feature::CredentialJose, b"a.b.c", &bad), Outcome::Error(_)), "{bad}");
    }
    let mut public = method.clone();
    public.as_object_mut().unwrap().remove("secretKeyJwk");
    let document = document(Feature::CredentialJose).to_string();
    let outcome = asked(true, Feature::CredentialJose, document.as_bytes(), &public);
    assert!(matches!(outcome, Outcome::Failure(_)), "{outcome:?}");
}

#[test]
fn the_result_is_in_the_file_that_was_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("vm"), methods()[0].to_string()).unwrap();
    std::fs::write(path("in"), vector("credential-minimal.json")).unwrap();
    let case = |input: &str, output: &str| Case {
        input: path(input),
        method: path("vm"),
        feature: Feature::CredentialJose,
        sd: None,
        output: path(output),
    };
    let result =
        |name: &str| -> Value { serde_json::from_slice(&std::fs::read(path(name)).unwrap()).unwrap() };
    ConformanceCommand::Issue(case("in", "out")).run().unwrap();
    assert_eq!(result("out")["result"], "success");
    std::fs::write(path("jwt"), result("out")["data"].as_str().unwrap()).unwrap();
    ConformanceCommand::Verify(case("jwt", "verified")).run().unwrap();
    assert_eq!(result("verified")["data"], document(Feature::CredentialJose));
    let failed = ConformanceCommand::Verify(case("in", "failed")).run().unwrap_err();
    assert_eq!(
        (failed.exit, result("failed")["result"].as_str()),
        (crate::exit::Exit::Denied, Some("failure"))
    );
}
