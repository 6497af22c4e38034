use super::*;
use crate::disclosure::DisclosureError;
use did_resolver::codec;
use did_resolver::methods;
use did_resolver::time::UnixSeconds;
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use serde_json::json;
use std::time::Duration;

const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);
const SKEW: Duration = Duration::from_secs(60);
const SEED: [u8; 32] = [3; 32];

fn secret(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn public(secret: &SigningKey) -> PublicKey {
    PublicKey::ed25519(secret.verifying_key().as_bytes()).unwrap()
}

fn pointers(texts: &[&str]) -> Vec<Pointer> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn claims() -> Value {
    json!({
        "iss": "https://issuer.example",
        "vct": "https://types.example/employee",
        "exp": 1_900_000_000,
        "cnf": {"jwk": public(&secret(2)).to_jwk().unwrap()},
        "name": "Ada",
        "address": {"street": "Main", "city": "Anytown"},
        "roles": ["engineer", "auditor"],
    })
}

fn document() -> Value {
    json!({
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential"],
        "issuer": methods::key_did(&public(&secret(1))).unwrap().as_str(),
        "validFrom": "2026-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:ada", "name": "Ada", "roles": ["engineer", "auditor"]},
    })
}

fn issue(profile: Profile, document: &Value, hidden: &[&str]) -> Result<SdJwt, SecureError> {
    let secret = secret(1);
    let key = public(&secret);
    let key_id = methods::key_id(&key).unwrap();
    let draft = SdJwtDraft::new(profile, document, (&pointers(hidden), 2, &SEED), &key_id, key.kind())?;
    let signature = secret.sign(draft.signing_input()).to_bytes();
    draft.attach(&key, &signature)
}

fn bind(presented: &SdJwt, secret: &SigningKey, at: UnixSeconds) -> SdJwt {
    let key = public(secret);
    let draft = BindingDraft::new(presented, key.kind(), ("https://verifier.example", "n-1"), at).unwrap();
    let signature = secret.sign(draft.signing_input()).to_bytes();
    draft.attach(&key, &signature).unwrap()
}

fn holders() -> SdJwt {
    issue(Profile::Dc, &claims(), &["/name", "/address/street", "/address", "/roles/1"]).unwrap()
}

// R-040: whoever holds it shows possession of the key that it is bound to.
#[test]
fn what_is_issued_is_presented_in_part_bound_and_verified() {
    let issued = holders();
    assert_eq!(issued.document(), &claims());
    assert!(!issued.is_open());
    let presented = issued.present(&pointers(&["/address", "/roles/1"])).unwrap();
    let bound = bind(&presented, &secret(2), NOW);
    let received = SdJwt::parse(bound.to_text().as_bytes(), 1 << 16).unwrap();
    received.verify(&public(&secret(1))).unwrap();
    let holder = received.holder_key().unwrap().unwrap();
    received.verify_binding(&holder, ("https://verifier.example", "n-1"), NOW, SKEW).unwrap();
    let mut seen = claims();
    seen.as_object_mut().unwrap().remove("name");
    seen["address"].as_object_mut().unwrap().remove("street");
    assert_eq!(received.document(), &seen);
    assert_eq!(received.disclosed().map(ToString::to_string).collect::<Vec<_>>().len(), 2);
}

#[test]
fn a_document_of_vc_2_0_is_secured_with_what_its_verifier_needs_in_the_open() {
    let issued =
        issue(Profile::Vc, &document(), &["/credentialSubject/name", "/credentialSubject/roles/0"]).unwrap();
    assert_eq!((issued.profile(), issued.document()), (Profile::Vc, &document()));
    for open in ["/issuer", "/type/0", "/@context", "/validFrom"] {
        assert_eq!(issue(Profile::Vc, &document(), &[open]), Err(SecureError::Concealed), "{open}");
    }
    for open in ["/iss", "/vct", "/exp", "/cnf", "/cnf/jwk"] {
        assert_eq!(issue(Profile::Dc, &claims(), &[open]), Err(SecureError::Concealed), "{open}");
    }
}

#[test]
fn a_binding_counts_for_its_presentation_verifier_nonce_key_and_time_only() {
    let issued = holders();
    let presented = issued.present(&pointers(&["/name"])).unwrap();
    let bound = bind(&presented, &secret(2), NOW);
    let holder = public(&secret(2));
    let meant = ("https://verifier.example", "n-1");
    let refused = |sd_jwt: &SdJwt, meant, at| sd_jwt.verify_binding(&holder, meant, at, SKEW).unwrap_err();
    assert_eq!(refused(&presented, meant, NOW), SecureError::KeyBinding, "there is none");
    assert_eq!(refused(&bound, ("https://other.example", "n-1"), NOW), SecureError::KeyBinding);
    assert_eq!(refused(&bound, ("https://verifier.example", "n-2"), NOW), SecureError::KeyBinding);
    let late = NOW.plus(MAX_BINDING_AGE).plus(SKEW);
    assert!(bound.verify_binding(&holder, meant, late, SKEW).is_ok());
    assert_eq!(refused(&bound, meant, late.plus(Duration::from_secs(1))), SecureError::KeyBinding);
    let early = NOW.minus(SKEW);
    assert!(bound.verify_binding(&holder, meant, early, SKEW).is_ok());
    assert_eq!(refused(&bound, meant, early.minus(Duration::from_secs(1))), SecureError::KeyBinding);
    let thief = bind(&presented, &secret(9), NOW);
    assert_eq!(refused(&thief, meant, NOW), SecureError::Signature);
    // The binding of one choice beside another choice.
    let binding = bound.binding().unwrap().as_str();
    for other in [issued.to_text(), issued.present(&[]).unwrap().to_text()] {
        let spliced = SdJwt::parse(format!("{other}{binding}").as_bytes(), 1 << 16).unwrap();
        assert_eq!(refused(&spliced, meant, NOW), SecureError::KeyBinding);
    }
}

/// A binding of any header and payload, under the holder's own signature.
fn binding(header: &Value, payload: &Value) -> String {
    let part = |json: &Value| codec::to_base64url(json.to_string().as_bytes());
    let signed = format!("{}.{}", part(header), part(payload));
    let signature = secret(2).sign(signed.as_bytes()).to_bytes();
    format!("{signed}.{}", codec::to_base64url(&signature))
}

#[test]
fn a_binding_of_another_form_is_refused() {
    let text = holders().to_text();
    let (header, payload) = (
        json!({"alg": "EdDSA", "typ": "kb+jwt"}),
        json!({"aud": "a", "iat": 1, "nonce": "n", "sd_hash": "h"}),
    );
    let parse = |header: &Value, payload: &Value| {
        SdJwt::parse(format!("{text}{}", binding(header, payload)).as_bytes(), 1 << 16)
    };
    assert!(parse(&header, &payload).is_ok());
    let with = |json: &Value, name: &str, value: Value| {
        let mut changed = json.clone();
        changed[name] = value;
        changed
    };
    let wrong = SecureError::KeyBinding;
    for (name, value, error) in [
        ("typ", json!("JWT"), wrong),
        ("typ", json!(1), wrong),
        ("alg", json!("none"), SecureError::Algorithm),
        ("alg", json!("HS256"), SecureError::Algorithm),
        ("alg", json!("ES384"), wrong),
        ("jwk", json!({}), SecureError::SelfChosen),
        ("crit", json!(["exp"]), SecureError::SelfChosen),
    ] {
        assert_eq!(parse(&with(&header, name, value.clone()), &payload), Err(error), "{name} {value}");
    }
    for (name, value) in [
        ("aud", json!(["a"])),
        ("iat", json!("1")),
        ("iat", json!(1.5)),
        ("nonce", json!(1)),
        ("sd_hash", json!(null)),
        ("more", json!(1)),
    ] {
        assert_eq!(parse(&header, &with(&payload, name, value.clone())), Err(wrong), "{name} {value}");
    }
    for junk in ["a", "a.b", "a.b.c", "a.b.c.d", "...."] {
        assert!(SdJwt::parse(format!("{text}{junk}").as_bytes(), 1 << 16).is_err(), "{junk}");
    }
}

/// An SD-JWT over any header and payload, under the issuer's own signature.
fn raw(header: &Value, payload: &Value, disclosures: &[&str]) -> String {
    let part = |json: &Value| codec::to_base64url(json.to_string().as_bytes());
    let signed = format!("{}.{}", part(header), part(payload));
    let jwt = format!("{signed}.{}", codec::to_base64url(&secret(1).sign(signed.as_bytes()).to_bytes()));
    std::iter::once(jwt.as_str()).chain(disclosures.iter().copied()).map(|p| format!("{p}~")).collect()
}

#[test]
fn what_is_not_an_sd_jwt_of_a_profile_is_refused() {
    let key_id = methods::key_id(&public(&secret(1))).unwrap();
    let header = |typ: &str| json!({"alg": "EdDSA", "kid": key_id.as_str(), "typ": typ});
    let parse = |text: &str| SdJwt::parse(text.as_bytes(), 1 << 16).unwrap_err();
    let good = raw(&header("dc+sd-jwt"), &claims(), &[]);
    assert!(SdJwt::parse(good.as_bytes(), 1 << 16).is_ok());
    assert_eq!(SdJwt::parse(good.as_bytes(), good.len() - 1), Err(SecureError::TooLong));
    assert_eq!(parse(good.trim_end_matches('~')), SecureError::Malformed, "no tilde");
    for typ in ["vc+jwt", "JWT", "vp+sd-jwt", "sd-jwt"] {
        assert_eq!(parse(&raw(&header(typ), &claims(), &[])), SecureError::Type, "{typ}");
    }
    assert_eq!(parse(&format!("{good}x~")), SecureError::Disclosure(DisclosureError::Malformed));
    let stray = codec::to_base64url(br#"["salt","admin",true]"#);
    assert_eq!(
        parse(&raw(&header("dc+sd-jwt"), &claims(), &[&stray])),
        SecureError::Disclosure(DisclosureError::Unreferenced)
    );
    let many = vec!["x"; MAX_DISCLOSURES + 1];
    assert_eq!(parse(&raw(&header("dc+sd-jwt"), &claims(), &many)), SecureError::TooLong);
    for (name, value) in [
        ("vct", json!(null)),
        ("vct", json!("")),
        ("exp", json!("soon")),
        ("iss", json!(1)),
        ("iat", json!(-1)),
    ] {
        let mut changed = claims();
        changed[name] = value;
        assert_eq!(parse(&raw(&header("dc+sd-jwt"), &changed, &[])), SecureError::Claims, "{name}");
    }
    // An issuer that hides what a verifier needs, and a disclosure that shows it.
    let hidden = codec::to_base64url(br#"["salt","exp",1900000000]"#);
    let digest = crate::disclosure::digest(&hidden);
    let payload = json!({"vct": "t", "_sd": [digest]});
    assert_eq!(parse(&raw(&header("dc+sd-jwt"), &payload, &[&hidden])), SecureError::Concealed);
    // A document of the other profile.
    assert_eq!(parse(&raw(&header("dc+sd-jwt"), &document(), &[])), SecureError::Claims);
    let mut other = document();
    other["iss"] = json!("did:example:other");
    assert_eq!(parse(&raw(&header("vc+sd-jwt"), &other, &[])), SecureError::Claims);
    let bearer = json!({"vct": "t", "cnf": {"kid": "k"}});
    let bearer = SdJwt::parse(raw(&header("dc+sd-jwt"), &bearer, &[]).as_bytes(), 1 << 16).unwrap();
    assert_eq!(bearer.holder_key(), Err(SecureError::KeyBinding));
}

proptest! {
    #[test]
    fn any_changed_byte_is_refused_or_shows_the_same(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let issued = holders().to_text().into_bytes();
        let mut changed = issued.clone();
        let at = at.index(changed.len());
        prop_assume!(changed[at] != byte);
        changed[at] = byte;
        if let Ok(read) = SdJwt::parse(&changed, 1 << 16) {
            prop_assert!(read.verify(&public(&secret(1))).is_err() || read.document() == &claims());
        }
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = SdJwt::parse(&bytes, 1 << 16);
    }
}
