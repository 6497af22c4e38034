//! did:key: one document, one spelling.

use super::*;
use crate::document::Relationship;
use crate::json;
use crate::keys::{KeyKind, PublicKey};
use crate::time::UnixSeconds;
use proptest::prelude::*;

const ED25519: &str = "z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG";
/// The key of the official ecdsa-jcs-2019 vector.
const P256: &str = "zDnaepBuvsQ8cpsWrVKw8fbpGpvPeNSjVPTWoq6cRqaYzBKVP";

fn resolve(text: &str) -> Result<Document, MethodError> {
    resolve_key(&text.parse().unwrap())
}

#[test]
fn a_did_key_lists_its_key_for_authentication_and_assertion_and_nothing_else() {
    for multikey in [ED25519, P256] {
        let document = resolve(&format!("did:key:{multikey}")).unwrap();
        let id = format!("did:key:{multikey}#{multikey}").parse().unwrap();
        let may = |relationship| document.authorised(relationship, &id, UnixSeconds::new(0)).is_ok();
        assert!(may(Relationship::Authentication) && may(Relationship::AssertionMethod));
        assert!(!may(Relationship::KeyAgreement) && !may(Relationship::CapabilityInvocation));
        let key = PublicKey::from_multikey(multikey).unwrap();
        assert_eq!(key_did(&key).unwrap(), *document.id());
        assert_eq!(key_id(&key).unwrap(), id);
    }
}

#[test]
fn a_did_key_of_every_kind_is_listed_for_what_its_kind_can_do() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/did-key/keys.json");
    let vectors = json::parse(std::fs::read_to_string(path).unwrap().as_bytes(), 100_000).unwrap();
    let mut kinds = std::collections::BTreeSet::new();
    for vector in vectors.as_array().unwrap() {
        let did: Did = vector["did"].as_str().unwrap().parse().unwrap();
        let Ok(document) = super::resolve(&did) else {
            assert_eq!(vector["publicKeyJwk"]["crv"], "P-521");
            continue;
        };
        let key = key_of(&did).unwrap();
        assert_eq!(document, resolve_key(&did).unwrap());
        let agrees = key.kind() == KeyKind::X25519;
        for relationship in Relationship::ALL {
            let wanted = match relationship {
                Relationship::Authentication | Relationship::AssertionMethod => !agrees,
                Relationship::KeyAgreement => agrees,
                _ => false,
            };
            assert_eq!(document.lists(relationship, &key_id(&key).unwrap()), wanted);
        }
        kinds.insert(key.kind());
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), KeyKind::ALL);
}

#[test]
fn another_method_or_anything_but_one_key_is_refused() {
    assert_eq!(resolve(&format!("did:web:{ED25519}")), Err(MethodError::OtherMethod));
    for text in ["did:key:z6Mk", "did:key:1:z6Mk", "did:key:x", &format!("did:key:{ED25519}1")] {
        assert!(matches!(resolve(text), Err(MethodError::Key(_))), "{text}");
    }
}

#[test]
fn a_key_id_whose_fragment_is_not_its_body_is_refused() {
    for url in [
        format!("did:key:{ED25519}#{P256}"),
        format!("did:key:{ED25519}"),
        format!("did:key:{ED25519}#"),
        format!("did:key:{ED25519}?a=b#{ED25519}"),
        format!("did:key:{ED25519}/p#{ED25519}"),
    ] {
        assert_eq!(key_of_id(&url.parse().unwrap()), Err(MethodError::KeyId), "{url}");
    }
}

proptest! {
    #[test]
    fn every_key_goes_to_its_did_and_back(seed in any::<[u8; 32]>()) {
        let point = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key();
        let key = PublicKey::ed25519(point.as_bytes()).unwrap();
        prop_assert_eq!(key_of(&key_did(&key).unwrap()), Ok(key.clone()));
        prop_assert_eq!(key_of_id(&key_id(&key).unwrap()), Ok(key));
    }
}
