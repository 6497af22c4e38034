//! did:jwk: the examples of the specification, and what is no public key.

use super::*;
use crate::json::JsonError;
use crate::keys::KeyError;
use proptest::prelude::*;
use std::path::Path;

fn did(jwk: &str) -> Did {
    format!("did:jwk:{}", codec::to_base64url(jwk.as_bytes())).parse().unwrap()
}

#[test]
fn the_examples_of_the_specification_resolve_to_their_documents() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/did-jwk/documents.json");
    let vectors = json::parse(std::fs::read_to_string(path).unwrap().as_bytes(), 100_000).unwrap();
    assert_eq!(vectors.as_array().unwrap().len(), 2);
    for vector in vectors.as_array().unwrap() {
        let did: Did = vector["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(resolve(&did).unwrap().json(), vector);
    }
}

const X: &str = r#""x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;

#[test]
fn use_decides_what_the_key_is_for() {
    let listed = |usage: &str| {
        let document = resolve(&did(&format!(r#"{{"kty":"OKP","crv":"Ed25519",{X}{usage}}}"#)))?;
        let id = format!("{}#0", document.id()).parse().unwrap();
        Ok(Relationship::ALL.map(|relationship| document.lists(relationship, &id)))
    };
    assert_eq!(listed(""), Ok([true; 5]));
    assert_eq!(listed(r#","use":"sig""#), Ok([true, true, false, true, true]));
    for usage in [r#","use":"enc""#, r#","use":"SIG""#, r#","use":5"#, r#","use":null"#] {
        assert_eq!(listed(usage), Err(MethodError::Purpose), "{usage}");
    }
}

#[test]
fn what_is_no_public_key_in_strict_json_is_refused() {
    let refused = |jwk: &str| resolve(&did(jwk)).unwrap_err();
    assert_eq!(
        refused(&format!(r#"{{"kty":"OKP","crv":"Ed25519",{X},"d":"AA"}}"#)),
        MethodError::Key(KeyError::NotAKey)
    );
    assert_eq!(
        refused(&format!(r#"{{"kty":"OKP","kty":"OKP","crv":"Ed25519",{X}}}"#)),
        MethodError::Json(JsonError::Duplicate)
    );
    assert_eq!(refused(r#"{"kty":"RSA","n":"AA","e":"AQAB"}"#), MethodError::Key(KeyError::Unsupported));
    assert_eq!(refused(r#"{"kty":"oct","k":"AA"}"#), MethodError::Key(KeyError::Unsupported));
    let long = format!(r#"{{"kty":"OKP","crv":"Ed25519",{X},"a":"{}"}}"#, "a".repeat(MAX_JWK_BYTES));
    assert_eq!(refused(&long), MethodError::Json(JsonError::TooLong));
    for text in ["did:jwk:e30%3D", "did:jwk:e31", "did:jwk:e30:e30"] {
        assert_eq!(resolve(&text.parse().unwrap()), Err(MethodError::Encoding), "{text}");
    }
    assert_eq!(resolve(&"did:key:e30".parse().unwrap()), Err(MethodError::OtherMethod));
}

proptest! {
    #[test]
    fn every_key_goes_to_its_did_and_back(seed in any::<[u8; 32]>()) {
        let point = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
        for key in [PublicKey::ed25519(point.as_bytes()), PublicKey::x25519(&point.to_montgomery().to_bytes())] {
            let key = key.unwrap();
            let did = did_of(&key).unwrap();
            prop_assert_eq!(key_of(&did), Ok(key));
            prop_assert!(resolve(&did).is_ok());
        }
    }

    #[test]
    fn resolving_never_panics(text in "[A-Za-z0-9_-]{1,200}", jwk in r#"\{("(kty|crv|x|y|use|alg)":("OKP"|"EC"|"P-256"|"X25519"|"AA"|5),?){0,6}\}"#) {
        let _ = resolve(&format!("did:jwk:{text}").parse().unwrap());
        let _ = resolve(&did(&jwk));
    }
}
